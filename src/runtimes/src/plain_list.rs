//! Plain lists of registries: one a line, or an array of JSON.

use crate::config_value::{ConfigSyntaxError, ConfigValue, read_json};
use crate::import::{Import, ImportList, Origin, SourceFile};

/// Imports lists as whitelists. What follows `#` is a comment.
pub fn import(sources: &[SourceFile]) -> Import {
    let mut import = Import::default();
    for source in sources {
        match list_entries(&source.text) {
            Ok(entries) => entries.into_iter().for_each(|(entry, line)| {
                import.add(ImportList::Whitelist, &entry, Origin::new(&source.path, line), "");
            }),
            Err(error) => {
                import.report_syntax(&source.path, &error, "give an array of texts, or one registry a line");
            }
        }
    }
    import
}

/// Returns the elements of a list, each with its line.
pub(crate) fn list_entries(text: &str) -> Result<Vec<(String, usize)>, ConfigSyntaxError> {
    match text.trim_start().starts_with(['[', '{']) {
        true => read_json(text).map(|list| list.elements().iter().map(element_entry).collect()),
        false => {
            Ok(text.lines().enumerate().filter_map(|(index, line)| Some((line_entry(line)?, index + 1))).collect())
        }
    }
}

fn line_entry(line: &str) -> Option<String> {
    let entry = line.split('#').next().unwrap_or_default().trim().trim_end_matches(',').trim_matches(['"', '\'']);
    let entry = entry.strip_prefix("- ").unwrap_or(entry).trim().trim_matches(['"', '\'']);
    (!entry.is_empty()).then(|| entry.to_owned())
}

/// Returns the text of an element of JSON: itself, or of an object its `address`, `host`, `domain`, `registry` or
/// `name`.
fn element_entry(element: &ConfigValue) -> (String, usize) {
    let member = ["address", "host", "domain", "registry", "name"].iter().find_map(|name| element.get(name));
    let text = element.as_str().or_else(|| member.and_then(ConfigValue::as_str));
    (text.unwrap_or_default().to_owned(), element.line)
}
