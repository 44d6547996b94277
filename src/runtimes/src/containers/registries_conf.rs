//! `registries.conf` as containers/image reads it: versions 1 and 2, with the files that are merged into it.

use std::collections::BTreeMap;

use crate::config_value::{ConfigSyntaxError, ConfigValue, read_toml};

/// A registry of the settings.
#[derive(Clone, Debug)]
pub(crate) struct RegistryTable {
    /// The file.
    pub file: String,
    /// The line of the table.
    pub line: usize,
    /// The prefix of references that it is for: `HOST[:PORT][/PATH]` or `*.DOMAIN`.
    pub prefix: String,
    /// The place that images come from, if it is not the prefix.
    pub location: Option<String>,
    /// The line of `insecure = true`.
    pub insecure: Option<usize>,
    /// The line of `blocked = true`.
    pub blocked: Option<usize>,
    /// The mirrors.
    pub mirrors: Vec<RegistryMirror>,
    /// The table as it stands.
    pub value: ConfigValue,
}

/// A mirror of a registry.
#[derive(Clone, Debug)]
pub(crate) struct RegistryMirror {
    pub location: String,
    pub line: usize,
    pub is_insecure: bool,
}

/// The merged settings.
#[derive(Debug, Default)]
pub(crate) struct RegistriesConf {
    /// The registries by their prefixes.
    pub registries: BTreeMap<String, RegistryTable>,
    /// The registries of short names, with file and line.
    pub search: Vec<(String, String, usize)>,
    /// True if a file has the notation of version 1.
    pub is_version_1: bool,
}

impl RegistriesConf {
    /// Merges a file into the settings: its registries replace those of the same prefix, its list of search registries
    /// the whole list.
    pub fn merge(&mut self, file: &str, text: &str) -> Result<(), ConfigSyntaxError> {
        let document = read_toml(text)?;
        if let Some(version_1) = document.get("registries") {
            self.merge_version_1(file, version_1);
        }
        if let Some(search) = document.get("unqualified-search-registries") {
            let names = search.strings().into_iter();
            self.search = names.map(|(name, line)| (name.to_owned(), file.to_owned(), line)).collect();
        }
        for table in document.get("registry").map(ConfigValue::elements).unwrap_or_default() {
            let table = parse_table(file, table)?;
            self.registries.insert(table.prefix.clone(), table);
        }
        Ok(())
    }

    fn merge_version_1(&mut self, file: &str, sections: &ConfigValue) {
        self.is_version_1 = true;
        let names = |section: &str| {
            let list = sections.at(&[section, "registries"]).map(ConfigValue::strings).unwrap_or_default();
            list.into_iter().map(|(name, line)| (name.trim_end_matches('/').to_owned(), line)).collect::<Vec<_>>()
        };
        self.search = names("search").into_iter().map(|(name, line)| (name, file.to_owned(), line)).collect();
        for (section, is_insecure) in [("insecure", true), ("block", false)] {
            for (name, line) in names(section) {
                let table =
                    self.registries.entry(name.clone()).or_insert_with(|| RegistryTable::new(file, line, &name));
                match is_insecure {
                    true => table.insecure = Some(line),
                    false => table.blocked = Some(line),
                }
            }
        }
    }

    /// Returns the registry that decides about a reference without tag and digest: the one with the longest prefix, and
    /// among equals the first in the order of prefixes.
    pub fn find(&self, reference: &str) -> Option<&RegistryTable> {
        let matching = self.registries.values().filter(|table| matches_prefix(reference, &table.prefix));
        matching.fold(None, |best: Option<&RegistryTable>, table| match best {
            Some(best) if best.prefix.len() >= table.prefix.len() => Some(best),
            _ => Some(table),
        })
    }
}

impl RegistryTable {
    fn new(file: &str, line: usize, prefix: &str) -> Self {
        Self {
            file: file.to_owned(),
            line,
            prefix: prefix.to_owned(),
            location: None,
            insecure: None,
            blocked: None,
            mirrors: Vec::new(),
            value: ConfigValue::map(Vec::<(String, ConfigValue)>::new()),
        }
    }
}

fn parse_table(file: &str, value: &ConfigValue) -> Result<RegistryTable, ConfigSyntaxError> {
    let text = |value: &ConfigValue, name: &str| {
        let text = value.get(name).and_then(ConfigValue::as_str).filter(|text| !text.is_empty());
        text.map(|text| text.trim_end_matches('/').to_owned())
    };
    let is_true = |value: &ConfigValue, name: &str| {
        value.get(name).filter(|value| value.as_bool() == Some(true)).map(|value| value.line)
    };
    let (location, prefix) = (text(value, "location"), text(value, "prefix"));
    let Some(prefix) = prefix.or_else(|| location.clone()) else {
        return Err(ConfigSyntaxError {
            line: value.line,
            message: "a registry has neither `prefix` nor `location`".into(),
        });
    };
    let mirrors = value.get("mirror").map(ConfigValue::elements).unwrap_or_default();
    let mirrors = mirrors.iter().filter_map(|mirror| {
        let location = text(mirror, "location")?;
        Some(RegistryMirror { location, line: mirror.line, is_insecure: is_true(mirror, "insecure").is_some() })
    });
    Ok(RegistryTable {
        file: file.to_owned(),
        line: value.line,
        location: location.filter(|location| *location != prefix),
        insecure: is_true(value, "insecure"),
        blocked: is_true(value, "blocked"),
        mirrors: mirrors.collect(),
        prefix,
        value: value.clone(),
    })
}

/// Returns whether a reference is in a prefix, as containers/image compares them: by whole components, except that a
/// host without a port stands for all of its ports.
pub(crate) fn matches_prefix(reference: &str, prefix: &str) -> bool {
    let ends = |rest: &str| rest.is_empty() || rest.starts_with([':', '/', '@']);
    match prefix.strip_prefix('*') {
        Some(suffix) => {
            let host = reference.split('/').next().unwrap_or_default();
            let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
            host.len() > suffix.len() && host.ends_with(suffix)
        }
        None => reference.strip_prefix(prefix).is_some_and(ends),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_merged_by_prefix() {
        let mut conf = RegistriesConf::default();
        conf.merge("a", "unqualified-search-registries = [\"x\"]\n[[registry]]\nlocation = \"h:1\"\ninsecure = true\n")
            .unwrap();
        conf.merge("b", "[[registry]]\nprefix = \"h:1\"\nlocation = \"m\"\n[[registry.mirror]]\nlocation = \"n\"\n")
            .unwrap();
        let table = &conf.registries["h:1"];
        assert_eq!((table.insecure, table.location.as_deref()), (None, Some("m")));
        assert_eq!((table.mirrors[0].location.as_str(), table.mirrors[0].line), ("n", 4));
        assert_eq!(conf.search, [("x".to_owned(), "a".to_owned(), 1)]);
        assert!(conf.merge("c", "[[registry]]\ninsecure = true\n").is_err());
    }

    #[test]
    fn version_1_is_read() {
        let mut conf = RegistriesConf::default();
        let text = "[registries.search]\nregistries = ['quay.io']\n[registries.insecure]\nregistries = \
        ['h']\n[registries.block]\nregistries = ['b', 'h']\n";
        conf.merge("a", text).unwrap();
        assert!(conf.is_version_1 && conf.registries["b"].blocked == Some(6));
        assert_eq!((conf.registries["h"].insecure, conf.registries["h"].blocked), (Some(4), Some(6)));
    }

    #[test]
    fn the_longest_prefix_decides() {
        let mut conf = RegistriesConf::default();
        let tables = ["h", "h:5000", "h/team", "*.example", "a.example"]
            .map(|prefix| format!("[[registry]]\nprefix = \"{prefix}\"\n"));
        conf.merge("a", &tables.concat()).unwrap();
        for (reference, prefix) in [
            ("h/x", Some("h")),
            ("h:5000/x", Some("h:5000")),
            ("h:80/x", Some("h")),
            ("h/team/x", Some("h/team")),
            ("h/team2", Some("h")),
            ("b.example:5000/x", Some("*.example")),
            // Of the same length, and the star comes first in the order of prefixes.
            ("a.example/x", Some("*.example")),
            ("example/x", None),
            ("hh/x", None),
        ] {
            assert_eq!(conf.find(reference).map(|table| table.prefix.as_str()), prefix, "{reference}");
        }
    }
}
