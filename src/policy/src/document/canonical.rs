//! The canonical form of a policy document: the same meaning, every entry in canonical form, members in one order.

use crate::document::{Authority, Document, Item, Items, Lists};
use crate::util::json_writer::Writer;

/// Writes the canonical form as one line of JSON.
pub(crate) fn write(document: &Document<'_>) -> String {
    let mut out = Writer::default();
    out.begin('{');
    lists(&mut out, &document.global);
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
            lists(&mut out, &project.lists);
            out.end('}');
        }
        out.end('}');
    }
    if let Some(proxy) = document.image_fetch_proxy {
        // It is kept as it was written.
        out.name("image_fetch_proxy");
        out.json(proxy);
    }
    out.end('}');
    out.into_text()
}

fn lists(out: &mut Writer, lists: &Lists<'_>) {
    items(out, "whitelist", lists.whitelist.as_ref());
    items(out, "insecure", lists.insecure.as_ref());
    if let Some(authorities) = &lists.authorities {
        out.name("certificate_authorities");
        out.begin('[');
        authorities.iter().for_each(|each| authority(out, each));
        out.end(']');
    }
    items(out, "built_in", lists.built_in.as_ref());
}

fn items(out: &mut Writer, name: &str, items: Option<&Items<'_>>) {
    let Some(items) = items else { return };
    out.name(name);
    out.begin('[');
    items.items.iter().for_each(|each| item(out, each));
    out.end(']');
}

fn item(out: &mut Writer, item: &Item<'_>) {
    let entry = item.entry().to_string();
    if item.enabled && item.comment.is_none() {
        out.string(&entry);
        return;
    }
    out.begin('{');
    out.member("entry", &entry);
    if !item.enabled {
        out.name("enabled");
        out.boolean(false);
    }
    out.optional("comment", item.comment.as_deref());
    out.end('}');
}

fn authority(out: &mut Writer, authority: &Authority<'_>) {
    out.begin('{');
    out.member("pem", authority.pem.text());
    items(out, "registries", authority.registries.as_ref());
    out.end('}');
}
