//! Canonical form of a policy document: entries in canonical form, members in a fixed order, the meaning unchanged.

use crate::document::{CaListItem, EntryItems, ListItem, ParsedDocument, PolicyLists};
use crate::util::json_writer::JsonWriter;

/// Returns the canonical form as one line of JSON.
pub(crate) fn to_json(document: &ParsedDocument<'_>) -> String {
    let mut out = JsonWriter::default();
    out.begin('{');
    write_lists(&mut out, &document.global);
    if let Some(resolves) = document.match_resolved_addresses {
        out.name("match_resolved_addresses");
        out.boolean(resolves);
    }
    if let Some(projects) = &document.projects {
        out.name("projects");
        out.begin('{');
        for project in projects {
            out.name(&project.name);
            out.begin('{');
            write_lists(&mut out, &project.lists);
            out.end('}');
        }
        out.end('}');
    }
    if let Some(unlisted) = document.unlisted_projects {
        out.string_member("unlisted_projects", unlisted.as_str());
    }
    if let Some(proxy) = document.image_fetch_proxy {
        // Copied verbatim: it has no effect on decisions.
        out.name("image_fetch_proxy");
        out.raw(proxy);
    }
    out.end('}');
    out.into_text()
}

fn write_lists(out: &mut JsonWriter, lists: &PolicyLists<'_>) {
    write_items(out, "whitelist", lists.whitelist.as_ref());
    write_items(out, "insecure", lists.insecure.as_ref());
    if let Some(authorities) = &lists.authorities {
        out.name("certificate_authorities");
        out.begin('[');
        authorities.iter().for_each(|each| write_authority(out, each));
        out.end(']');
    }
    write_items(out, "built_in", lists.built_in.as_ref());
    write_items(out, "blocked", lists.blocked.as_ref());
}

fn write_items(out: &mut JsonWriter, name: &str, items: Option<&EntryItems<'_>>) {
    let Some(items) = items else { return };
    out.name(name);
    out.begin('[');
    items.items.iter().for_each(|each| write_item(out, each));
    out.end(']');
}

fn write_item(out: &mut JsonWriter, item: &ListItem<'_>) {
    let entry = item.entry().to_string();
    if item.enabled && item.comment.is_none() {
        out.string(&entry);
        return;
    }
    out.begin('{');
    out.string_member("entry", &entry);
    if !item.enabled {
        out.name("enabled");
        out.boolean(false);
    }
    out.optional_member("comment", item.comment.as_ref().map(|comment| &***comment));
    out.end('}');
}

fn write_authority(out: &mut JsonWriter, authority: &CaListItem<'_>) {
    out.begin('{');
    out.string_member("pem", authority.pem.as_str());
    write_items(out, "registries", authority.registries.as_ref());
    out.end('}');
}

#[cfg(test)]
mod tests {
    use crate::check_policy;

    #[test]
    fn p1_elements_keep_their_comments_and_stay_disabled() {
        let document = r#"{"whitelist": ["A.corp", {"entry": "b.corp"},
            {"entry": "c.corp", "enabled": true, "comment": "why"}, {"enabled": false, "entry": "d.corp"}]}"#;
        let canonical = check_policy(document, 0).canonical;
        let expected = r#"{"whitelist":["a.corp","b.corp",{"entry":"c.corp","comment":"why"},{"entry":"d.corp","enabled":false}]}"#;
        assert_eq!(canonical.as_deref(), Some(expected));
    }
}
