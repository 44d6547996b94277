//! The canonical form of a policy document: the same meaning, every entry in canonical form, members in one order.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::document::{Authority, Document, Item, Items, Lists, Project};

/// Writes the canonical form as one line of JSON.
pub(crate) fn write(document: &Document<'_>) -> String {
    // Serialising to memory has no way to fail.
    let mut text = serde_json::to_string(document).unwrap_or_default();
    if let Some(proxy) = document.image_fetch_proxy {
        text.pop();
        // It is kept as it was written.
        let comma = if text.ends_with('{') { "" } else { "," };
        text.push_str(comma);
        text.push_str("\"image_fetch_proxy\":");
        text.push_str(proxy);
        text.push('}');
    }
    text
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        lists(&mut map, &self.global)?;
        if let Some(resolves) = self.match_resolved_addresses {
            map.serialize_entry("match_resolved_addresses", &resolves)?;
        }
        if let Some(projects) = &self.projects {
            map.serialize_entry("projects", &Projects(projects))?;
        }
        map.end()
    }
}

struct Projects<'d>(&'d [Project<'d>]);

impl Serialize for Projects<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|project| (&project.name, &project.lists)))
    }
}

impl Serialize for Lists<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        lists(&mut map, self)?;
        map.end()
    }
}

fn lists<M: SerializeMap>(map: &mut M, lists: &Lists<'_>) -> Result<(), M::Error> {
    if let Some(items) = &lists.whitelist {
        map.serialize_entry("whitelist", items)?;
    }
    if let Some(items) = &lists.insecure {
        map.serialize_entry("insecure", items)?;
    }
    if let Some(authorities) = &lists.authorities {
        map.serialize_entry("certificate_authorities", authorities)?;
    }
    if let Some(items) = &lists.built_in {
        map.serialize_entry("built_in", items)?;
    }
    Ok(())
}

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.items)
    }
}

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entry = self.entry().to_string();
        if self.enabled && self.comment.is_none() {
            return serializer.serialize_str(&entry);
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("entry", &entry)?;
        if !self.enabled {
            map.serialize_entry("enabled", &false)?;
        }
        if let Some(comment) = &self.comment {
            map.serialize_entry("comment", comment)?;
        }
        map.end()
    }
}

impl Serialize for Authority<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("pem", self.pem.text())?;
        if let Some(registries) = &self.registries {
            map.serialize_entry("registries", registries)?;
        }
        map.end()
    }
}
