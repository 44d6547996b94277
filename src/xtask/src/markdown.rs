//! Tables in Markdown, and the sections of documents that programs write.
//!
//! A section stands between `<!-- measured: NAME -->` and `<!-- end -->`. All else in the document is written by hand.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::build_stamp;
use crate::shell::root;

/// The documentation of the benchmarks.
pub const BENCHMARKS: &str = "docs/benchmarks.md";

/// A document with sections that programs write.
pub struct Document {
    path: PathBuf,
    text: String,
}

impl Document {
    /// Opens a document, by its path from the folder of the workspace.
    pub fn open(path: &str) -> Result<Self> {
        let path = root().join(path);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self { path, text })
    }

    /// Replaces the content of a section.
    ///
    /// # Errors
    ///
    /// If the document has no such section.
    pub fn replace(&mut self, name: &str, content: &str) -> Result<()> {
        self.text = replace_section(&self.text, name, content)
            .with_context(|| format!("{} has no section `{name}`", self.path.display()))?;
        Ok(())
    }

    pub fn write(&self) -> Result<()> {
        build_stamp::write(&self.path, self.text.as_bytes())
    }
}

fn replace_section(text: &str, name: &str, content: &str) -> Option<String> {
    let start = format!("<!-- measured: {name} -->\n");
    let (before, rest) = text.split_once(&start)?;
    let (_, after) = rest.split_once("<!-- end -->\n")?;
    Some(format!("{before}{start}\n{content}\n<!-- end -->\n{after}"))
}

/// Returns a table of texts and numbers. Columns of numbers are aligned to the right.
pub fn table(columns: &[String], rows: &[Vec<Value>]) -> String {
    let is_text = |column: usize| rows.iter().any(|row| row.get(column).is_some_and(Value::is_string));
    let rules = (0..columns.len()).map(|column| if is_text(column) { "---" } else { "---:" }.to_owned());
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(columns.to_vec()) + &line(rules.collect()).replace(' ', "");
    for row in rows {
        text.push_str(&line(row.iter().map(cell).collect()).replace("|  |", "| |").replace("|  |", "| |"));
    }
    text
}

/// Returns a paragraph, broken between words into lines of the maximum width of this documentation.
pub fn paragraph(text: &str) -> String {
    const MAX_WIDTH: usize = 120;
    let (mut lines, mut width) = (String::new(), 0);
    for word in text.split_whitespace() {
        let characters = word.chars().count();
        if width > 0 {
            let fits = width + 1 + characters <= MAX_WIDTH;
            lines.push(if fits { ' ' } else { '\n' });
            width = if fits { width + 1 } else { 0 };
        }
        lines.push_str(word);
        width += characters;
    }
    lines + "\n"
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_u64() {
            Some(count) => with_separators(count),
            None => number.as_f64().map_or_else(String::new, three_digits),
        },
        _ => String::new(),
    }
}

/// Returns a number with three significant digits, and never fewer digits before its point than it has.
fn three_digits(number: f64) -> String {
    let decimals = match number.abs() {
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        size if size >= 0.9995 => 2,
        _ => 3,
    };
    let text = format!("{number:.decimals$}");
    if decimals > 0 { text } else { text.parse().map_or(text, with_separators) }
}

/// Returns a count with commas between its thousands.
pub fn with_separators(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        let shown = [0.0123, 0.23456, 1.2345, 12.345, 99.96, 999.6, 123_456.7].map(three_digits);
        assert_eq!(shown, ["0.012", "0.235", "1.23", "12.3", "100", "1,000", "123,457"]);
        assert_eq!([7, 999, 1_000, 1_000_000].map(with_separators), ["7", "999", "1,000", "1,000,000"]);
    }

    #[test]
    fn table_has_texts_left_and_numbers_right() {
        let columns = ["engine", "entries", "µs", "of it"].map(str::to_owned);
        let rows = [vec![json!("pullgate"), json!(1_000), json!(1.5), json!(null)]];
        let expected = "| engine | entries | µs | of it |\n|---|---:|---:|---:|\n| pullgate | 1,000 | 1.50 | |\n";
        assert_eq!(table(&columns, &rows), expected);
    }

    #[test]
    fn paragraph_is_broken_between_words() {
        let (a, b) = ("a".repeat(60), "b".repeat(59));
        assert_eq!(paragraph(&format!("{a} {b} c")), format!("{a} {b}\nc\n"));
        assert_eq!(paragraph(&format!("{a} {b}b c")), format!("{a}\n{b}b c\n"));
    }

    #[test]
    fn section_is_replaced_alone() {
        let text = "a\n<!-- measured: x -->\nold\n<!-- end -->\nb\n<!-- measured: y -->\nkept\n<!-- end -->\n";
        let expected = "a\n<!-- measured: x -->\n\nnew\n\n<!-- end -->\nb\n<!-- measured: y -->\nkept\n<!-- end -->\n";
        assert_eq!(replace_section(text, "x", "new\n").unwrap(), expected);
        assert_eq!(replace_section(&expected.replace("new", "old"), "x", "new\n").unwrap(), expected);
        assert!(replace_section(text, "z", "new\n").is_none());
    }
}
