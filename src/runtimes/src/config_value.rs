//! Values of configuration files with the lines that they are on: one tree for JSON, TOML and YAML.

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions};
use thiserror::Error;

/// A value of a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigValue {
    /// The line, from 1; 0 for a value of no file.
    pub line: usize,
    /// The value.
    pub kind: ConfigKind,
}

/// The content of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigKind {
    /// Nothing.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number, or a date of TOML, as written.
    Number(String),
    /// A text.
    String(String),
    /// A list.
    List(Vec<ConfigValue>),
    /// A mapping, in the order of the file.
    Map(Vec<ConfigMember>),
}

/// A member of a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigMember {
    /// The name.
    pub name: String,
    /// The line of the name.
    pub line: usize,
    /// The value.
    pub value: ConfigValue,
}

/// A text that does not parse.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {message}")]
pub struct ConfigSyntaxError {
    /// The line, from 1.
    pub line: usize,
    /// The message of the parser.
    pub message: String,
}

impl ConfigValue {
    /// Creates a mapping of no file.
    pub fn map(members: impl IntoIterator<Item = (impl Into<String>, ConfigValue)>) -> Self {
        let members = members.into_iter().map(|(name, value)| ConfigMember { name: name.into(), line: 0, value });
        Self { line: 0, kind: ConfigKind::Map(members.collect()) }
    }

    /// Creates a list of no file.
    pub fn list(elements: impl IntoIterator<Item = ConfigValue>) -> Self {
        Self { line: 0, kind: ConfigKind::List(elements.into_iter().collect()) }
    }

    /// Creates a text of no file.
    pub fn string(text: impl Into<String>) -> Self {
        Self { line: 0, kind: ConfigKind::String(text.into()) }
    }

    /// Creates a boolean of no file.
    pub fn bool(value: bool) -> Self {
        Self { line: 0, kind: ConfigKind::Bool(value) }
    }

    /// Returns a member for a change, made if it is not there.
    pub fn entry(&mut self, name: &str) -> &mut ConfigValue {
        if self.get(name).is_none() {
            self.set(name, Self::map(Vec::<(String, Self)>::new()));
        }
        match &mut self.kind {
            ConfigKind::Map(members) => {
                let index = members.iter().rposition(|member| member.name == name).unwrap_or_default();
                &mut members[index].value
            }
            _ => unreachable!("a member was set"),
        }
    }

    /// Removes a member.
    pub fn remove(&mut self, name: &str) {
        if let ConfigKind::Map(members) = &mut self.kind {
            members.retain(|member| member.name != name);
        }
    }

    /// Returns the members of a mapping; none of any other value.
    pub fn members(&self) -> &[ConfigMember] {
        match &self.kind {
            ConfigKind::Map(members) => members,
            _ => &[],
        }
    }

    /// Returns the elements of a list; none of any other value.
    pub fn elements(&self) -> &[ConfigValue] {
        match &self.kind {
            ConfigKind::List(elements) => elements,
            _ => &[],
        }
    }

    /// Returns the last member of this name, as programs read JSON.
    pub fn get(&self, name: &str) -> Option<&ConfigValue> {
        self.members().iter().rev().find(|member| member.name == name).map(|member| &member.value)
    }

    /// Returns the value at the end of a path of members.
    pub fn at(&self, path: &[&str]) -> Option<&ConfigValue> {
        path.iter().try_fold(self, |value, name| value.get(name))
    }

    /// Sets a member.
    pub fn set(&mut self, name: &str, value: ConfigValue) {
        if !matches!(self.kind, ConfigKind::Map(_)) {
            self.kind = ConfigKind::Map(Vec::new());
        }
        let ConfigKind::Map(members) = &mut self.kind else { return };
        match members.iter_mut().rev().find(|member| member.name == name) {
            Some(member) => member.value = value,
            None => members.push(ConfigMember { name: name.to_owned(), line: 0, value }),
        }
    }

    /// Returns a text.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            ConfigKind::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns a boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self.kind {
            ConfigKind::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// Returns the texts of a list, or the one of a text, each with its line.
    pub fn strings(&self) -> Vec<(&str, usize)> {
        match &self.kind {
            ConfigKind::String(text) => vec![(text, self.line)],
            _ => self.elements().iter().filter_map(|value| Some((value.as_str()?, value.line))).collect(),
        }
    }

    /// Returns whether there is nothing in the value.
    pub fn is_empty(&self) -> bool {
        match &self.kind {
            ConfigKind::Null => true,
            ConfigKind::String(text) => text.is_empty(),
            ConfigKind::List(elements) => elements.is_empty(),
            ConfigKind::Map(members) => members.is_empty(),
            ConfigKind::Bool(_) | ConfigKind::Number(_) => false,
        }
    }
}

/// The start of each line of a text.
pub(crate) struct LineStarts(Vec<usize>);

impl LineStarts {
    pub fn new(text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self(std::iter::once(0).chain(breaks).collect())
    }

    /// Returns the line of a byte, from 1.
    pub fn line(&self, at: usize) -> usize {
        self.0.partition_point(|start| *start <= at)
    }
}

/// The options of strict JSON.
pub(crate) fn strict_json() -> ParseOptions {
    ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

/// Parses JSON.
pub fn read_json(text: &str) -> Result<ConfigValue, ConfigSyntaxError> {
    let lines = LineStarts::new(text);
    let parsed = jsonc_parser::parse_to_ast(text, &CollectOptions::default(), &strict_json());
    let parsed = parsed.map_err(|error| json_error(&lines, &error))?;
    let Some(value) = parsed.value else {
        return Err(ConfigSyntaxError { line: 1, message: "there is no value".to_owned() });
    };
    Ok(from_json(&value, &lines))
}

pub(crate) fn json_error(lines: &LineStarts, error: &jsonc_parser::errors::ParseError) -> ConfigSyntaxError {
    ConfigSyntaxError { line: lines.line(error.range().start), message: error.kind().to_string() }
}

fn from_json(value: &ast::Value<'_>, lines: &LineStarts) -> ConfigValue {
    let kind = match value {
        ast::Value::StringLit(text) => ConfigKind::String(text.value.clone().into_owned()),
        ast::Value::NumberLit(number) => ConfigKind::Number(number.value.to_owned()),
        ast::Value::BooleanLit(value) => ConfigKind::Bool(value.value),
        ast::Value::NullKeyword(_) => ConfigKind::Null,
        ast::Value::Array(list) => {
            ConfigKind::List(list.elements.iter().map(|value| from_json(value, lines)).collect())
        }
        ast::Value::Object(object) => {
            let members = object.properties.iter().map(|property| ConfigMember {
                name: property.name.as_str().to_owned(),
                line: lines.line(property.range.start),
                value: from_json(&property.value, lines),
            });
            ConfigKind::Map(members.collect())
        }
    };
    ConfigValue { line: lines.line(value.range().start), kind }
}

/// Parses TOML.
pub fn read_toml(text: &str) -> Result<ConfigValue, ConfigSyntaxError> {
    let lines = LineStarts::new(text);
    match toml_edit::Document::parse(text) {
        Ok(document) => Ok(from_toml_table(document.as_table(), 1, &lines)),
        Err(error) => Err(toml_error(&lines, &error)),
    }
}

pub(crate) fn toml_error(lines: &LineStarts, error: &toml_edit::TomlError) -> ConfigSyntaxError {
    let line = error.span().map_or(1, |span| lines.line(span.start));
    ConfigSyntaxError { line, message: error.message().to_owned() }
}

fn from_toml_table(table: &dyn toml_edit::TableLike, line: usize, lines: &LineStarts) -> ConfigValue {
    let members = table.iter().map(|(name, item)| {
        let name_span = table.get_key_value(name).and_then(|(key, _)| key.span());
        let own_span = item.span();
        let line = name_span.or(own_span).map_or(line, |span| lines.line(span.start));
        ConfigMember { name: name.to_owned(), line, value: from_toml(item, line, lines) }
    });
    ConfigValue { line, kind: ConfigKind::Map(members.collect()) }
}

fn from_toml(item: &toml_edit::Item, line: usize, lines: &LineStarts) -> ConfigValue {
    let line = item.span().map_or(line, |span| lines.line(span.start));
    match item {
        toml_edit::Item::None => ConfigValue { line, kind: ConfigKind::Null },
        toml_edit::Item::Value(value) => from_toml_value(value, line, lines),
        toml_edit::Item::Table(table) => from_toml_table(table, line, lines),
        toml_edit::Item::ArrayOfTables(tables) => {
            let elements = tables.iter().map(|table| {
                let line = table.span().map_or(line, |span| lines.line(span.start));
                from_toml_table(table, line, lines)
            });
            ConfigValue { line, kind: ConfigKind::List(elements.collect()) }
        }
    }
}

fn from_toml_value(value: &toml_edit::Value, line: usize, lines: &LineStarts) -> ConfigValue {
    let line = value.span().map_or(line, |span| lines.line(span.start));
    let kind = match value {
        toml_edit::Value::String(text) => ConfigKind::String(text.value().clone()),
        toml_edit::Value::Boolean(value) => ConfigKind::Bool(*value.value()),
        toml_edit::Value::Integer(number) => ConfigKind::Number(number.value().to_string()),
        toml_edit::Value::Float(number) => ConfigKind::Number(number.value().to_string()),
        toml_edit::Value::Datetime(date) => ConfigKind::Number(date.value().to_string()),
        toml_edit::Value::Array(list) => {
            ConfigKind::List(list.iter().map(|value| from_toml_value(value, line, lines)).collect())
        }
        toml_edit::Value::InlineTable(table) => return from_toml_table(table, line, lines),
    };
    ConfigValue { line, kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_their_lines_in_every_notation() {
        let json = read_json("{\n \"a\": [\n  \"x\",\n  true\n ],\n \"a\": null\n}").unwrap();
        assert_eq!((json.members()[0].line, json.members()[0].value.elements()[0].line), (2, 3));
        assert_eq!(json.get("a").unwrap().kind, ConfigKind::Null, "the last one counts");
        let toml = read_toml("# x\nb = [\n  \"y\", # z\n]\n[[c]]\nd = 1\n[[c]]\nd = 2\n[e.\"f\"]\ng = true\n").unwrap();
        assert_eq!(toml.get("b").unwrap().strings(), [("y", 3)]);
        assert_eq!(toml.get("c").unwrap().elements()[1].line, 7);
        assert_eq!(toml.at(&["e", "f", "g"]).unwrap().as_bool(), Some(true));
        assert_eq!(toml.at(&["e", "f", "g"]).unwrap().line, 10);
    }

    #[test]
    fn errors_have_their_lines() {
        assert_eq!(read_json("{\n\"a\": 1,\n}").unwrap_err().line, 2);
        assert_eq!(read_json("{\n// no\n}").unwrap_err().line, 2);
        assert_eq!(read_toml("a = 1\nb =\n").unwrap_err().line, 2);
        assert!(read_json("").is_err() && read_json("{} {}").is_err());
        let deep = "[".repeat(1_000);
        assert!(read_json(&deep).is_err());
    }
}
