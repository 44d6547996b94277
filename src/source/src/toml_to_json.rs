//! Conversion of TOML policies to JSON for the one decoder, with a source map back to the TOML text.

use std::ops::Range;

use pullgate::{Code, Finding, Severity};
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::lines::LineIndex;
use crate::source_map::SourceMap;

/// The error for an empty policy, which would allow everything.
const EMPTY_POLICY_MESSAGE: &str = "the policy is empty: to allow every registry, write `insecure = []`; to allow only what is listed, \
                     write a `whitelist`";

/// Converts TOML to JSON. Errors are findings about the TOML text.
pub fn to_json(text: &str) -> Result<(String, SourceMap), Vec<Finding>> {
    let (root, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let errors = errors.into_iter();
        return Err(syntax_findings(
            text,
            errors.map(|error| (error.span().unwrap_or(text.len()..text.len()), syntax_message(error.message()))),
        ));
    }
    // An empty file is one that is being written or was truncated; JSON cannot be empty either.
    if root.get_ref().is_empty() {
        return Err(syntax_findings(text, [(0..0, EMPTY_POLICY_MESSAGE.to_owned())]));
    }
    let mut writer = TomlToJsonWriter {
        toml: text,
        json: String::with_capacity(text.len()),
        map: SourceMap::default(),
        errors: Vec::new(),
    };
    let whole = writer.map.open(0, 0..text.len());
    writer.table(root.get_ref());
    writer.map.close(whole, writer.json.len());
    if writer.errors.is_empty() { Ok((writer.json, writer.map)) } else { Err(syntax_findings(text, writer.errors)) }
}

struct TomlToJsonWriter<'t> {
    toml: &'t str,
    json: String,
    map: SourceMap,
    errors: Vec<(Range<usize>, String)>,
}

impl TomlToJsonWriter<'_> {
    fn table(&mut self, table: &DeTable<'_>) {
        self.json.push('{');
        for (index, (key, value)) in table.iter().enumerate() {
            if index > 0 {
                self.json.push(',');
            }
            self.string(key);
            self.json.push(':');
            self.value(value);
        }
        self.json.push('}');
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>) {
        let place = value.span();
        let scalar = match value.get_ref() {
            DeValue::String(text) => return self.string(&Spanned::new(place, text.clone())),
            DeValue::Array(elements) => {
                let piece = self.map.open(self.json.len(), place);
                self.json.push('[');
                for (index, element) in elements.iter().enumerate() {
                    if index > 0 {
                        self.json.push(',');
                    }
                    self.value(element);
                }
                self.json.push(']');
                return self.map.close(piece, self.json.len());
            }
            DeValue::Table(table) => {
                let piece = self.map.open(self.json.len(), place);
                self.table(table);
                return self.map.close(piece, self.json.len());
            }
            DeValue::Boolean(value) => value.to_string(),
            DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
                Ok(value) => value.to_string(),
                Err(_) => {
                    self.errors.push((place.clone(), format!("`{integer}` does not fit in 64 bits")));
                    "0".to_owned()
                }
            },
            // JSON has no infinity. Any number will do, since the decoder reports the type.
            DeValue::Float(float) => {
                let finite = float.as_str().parse().ok().and_then(serde_json::Number::from_f64);
                finite.map_or_else(|| "0.0".to_owned(), |number| number.to_string())
            }
            // JSON has no dates, and TOML no null: the policy source reports a date for each `null`.
            DeValue::Datetime(_) => "null".to_owned(),
        };
        let piece = self.map.open(self.json.len(), place);
        self.json.push_str(&scalar);
        self.map.close(piece, self.json.len());
    }

    fn string(&mut self, text: &Spanned<DeString<'_>>) {
        let verbatim = verbatim_start(self.toml, text.span(), text.get_ref());
        let piece = self.map.open_string(self.json.len(), text.span(), verbatim);
        self.json.push_str(&json_string(text.get_ref()));
        self.map.close(piece, self.json.len());
    }
}

/// Serializes a text as a JSON string.
pub fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Writes a text as the content of a TOML string with this opening; `None` if it cannot stand there.
pub fn toml_string_content(opening: &str, text: &str) -> Option<String> {
    let is_multi_line = opening.starts_with("\"\"\"") || opening.starts_with("'''");
    match opening.as_bytes().first() {
        Some(b'"') if is_multi_line => Some(text.replace('\\', "\\\\").replace('"', "\\\"")),
        // TOML has the escapes of JSON.
        Some(b'"') => json_string(text).strip_prefix('"')?.strip_suffix('"').map(str::to_owned),
        Some(b'\'') => {
            let is_allowed = |character: char| character != '\'' && (is_multi_line || character != '\n');
            text.chars().all(is_allowed).then(|| text.to_owned())
        }
        _ => Some(text.to_owned()),
    }
}

/// Returns the start of the text of a TOML string within `place`, if it is there without escapes.
fn verbatim_start(toml: &str, place: Range<usize>, text: &str) -> Option<usize> {
    const OPENINGS: &[&str] = &["\"\"\"\r\n", "\"\"\"\n", "\"\"\"", "'''\r\n", "'''\n", "'''", "\"", "'", ""];
    let written = toml.get(place.clone())?;
    let opening = OPENINGS.iter().find(|opening| written.starts_with(**opening))?;
    let start = place.start + opening.len();
    written[opening.len()..].starts_with(text).then_some(start)
}

/// Rewrites the parser's message. Its nesting limit has two messages, neither of which names the limit.
fn syntax_message(message: &str) -> String {
    if message.contains("recursion") {
        "values are nested more than 80 levels deep".to_owned()
    } else {
        message.to_owned()
    }
}

fn syntax_findings(text: &str, errors: impl IntoIterator<Item = (Range<usize>, String)>) -> Vec<Finding> {
    let lines = LineIndex::new(text);
    let finding = |(place, message)| Finding {
        code: Code::TomlSyntax,
        severity: Severity::Error,
        path: Some(String::new()),
        range: Some(lines.range(clamp_to_chars(text, place))),
        message,
        fix: None,
    };
    errors.into_iter().map(finding).collect()
}

/// Clamps a range to the text and to character boundaries.
fn clamp_to_chars(text: &str, place: Range<usize>) -> Range<usize> {
    let end = text.ceil_char_boundary(place.end.min(text.len()));
    text.floor_char_boundary(place.start.min(end))..end
}
