//! Changes of tables in TOML texts. All else stays as it is written, comments included.

use toml_edit::{DocumentMut, Item, Table, TableLike};

use crate::config_value::{ConfigSyntaxError, LineStarts, toml_error};

/// Parses a text for changes; without a text the document is empty.
pub(crate) fn parse(text: Option<&str>) -> Result<DocumentMut, ConfigSyntaxError> {
    let text = text.unwrap_or_default();
    text.parse().map_err(|error| toml_error(&LineStarts::new(text), &error))
}

/// Returns a table below another one, made if it is not there. `None` if a value that is no table is in its place.
pub(crate) fn table<'t>(parent: &'t mut dyn TableLike, path: &[&str]) -> Option<&'t mut dyn TableLike> {
    let Some((name, rest)) = path.split_first() else { return Some(parent) };
    if !parent.contains_key(name) {
        let mut table = Table::new();
        // Tables on the way have no heading of their own.
        table.set_implicit(!rest.is_empty());
        parent.insert(name, Item::Table(table));
    }
    table(parent.get_mut(name)?.as_table_like_mut()?, rest)
}
