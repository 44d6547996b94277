//! Plain lists of registries: one a line, or an array of JSON. Docker Desktop's registry access list is one.

use crate::config_value::{ConfigValue, read_json};
use crate::import::{Import, ImportList, Origin, SourceFile};

/// Imports lists as whitelists. What follows `#` is a comment.
pub fn import(sources: &[SourceFile]) -> Import {
    let mut import = Import::default();
    for source in sources {
        if source.text.trim_start().starts_with(['[', '{']) {
            match read_json(&source.text) {
                Ok(list) => import_json(&list, &source.path, &mut import),
                Err(error) => {
                    import.report_syntax(&source.path, &error, "give an array of texts, or one registry a line")
                }
            }
            continue;
        }
        for (index, line) in source.text.lines().enumerate() {
            let entry =
                line.split('#').next().unwrap_or_default().trim().trim_end_matches(',').trim_matches(['"', '\'']);
            let entry = entry.strip_prefix("- ").unwrap_or(entry).trim().trim_matches(['"', '\'']);
            if !entry.is_empty() {
                import.add(ImportList::Whitelist, entry, Origin::new(&source.path, index + 1), "");
            }
        }
    }
    import
}

/// Imports the texts of an array; of an object those that it has as `address`, `host`, `domain`, `registry` or `name`.
fn import_json(list: &ConfigValue, path: &str, import: &mut Import) {
    for element in list.elements() {
        let member = ["address", "host", "domain", "registry", "name"].iter().find_map(|name| element.get(name));
        let text = element.as_str().or_else(|| member.and_then(ConfigValue::as_str));
        import.add(ImportList::Whitelist, text.unwrap_or_default(), Origin::new(path, element.line), "");
    }
}
