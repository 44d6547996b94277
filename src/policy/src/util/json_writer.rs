//! JSON writer, value by value, without generics: the serializers that serde_json generates for each type cost the
//! module kilobytes.

use std::fmt::Write;

/// A writer of one line of JSON.
#[derive(Default)]
pub(crate) struct JsonWriter {
    text: String,
}

impl JsonWriter {
    pub fn into_text(self) -> String {
        self.text
    }

    /// Begins an object or array, by its opening bracket.
    pub fn begin(&mut self, bracket: char) {
        self.separate();
        self.text.push(bracket);
    }

    pub fn end(&mut self, bracket: char) {
        self.text.push(bracket);
    }

    /// Writes the name of a member; its value follows.
    pub fn name(&mut self, name: &str) {
        self.string(name);
        self.text.push(':');
    }

    /// Writes a member with a string value.
    pub fn string_member(&mut self, name: &str, value: &str) {
        self.name(name);
        self.string(value);
    }

    /// Writes a member; `None` is omitted.
    pub fn optional_member(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.string_member(name, value);
        }
    }

    pub fn number(&mut self, number: u32) {
        self.separate();
        // Writing to a string cannot fail.
        let _ = write!(self.text, "{number}");
    }

    pub fn boolean(&mut self, boolean: bool) {
        self.raw(if boolean { "true" } else { "false" });
    }

    /// Writes a value that is JSON already.
    pub fn raw(&mut self, json: &str) {
        self.separate();
        self.text.push_str(json);
    }

    /// Writes a string with the fewest escapes that RFC 8259 allows (section 7).
    pub fn string(&mut self, string: &str) {
        self.separate();
        self.text.push('"');
        let mut rest = string;
        while let Some(at) = rest.bytes().position(|byte| byte < b' ' || matches!(byte, b'"' | b'\\')) {
            let (plain, escaped) = rest.split_at_checked(at).unwrap_or_default();
            self.text.push_str(plain);
            let byte = escaped.bytes().next().unwrap_or_default();
            let _ = match byte {
                b'"' | b'\\' => write!(self.text, "\\{}", char::from(byte)),
                0x08 => self.text.write_str("\\b"),
                0x0c => self.text.write_str("\\f"),
                b'\n' => self.text.write_str("\\n"),
                b'\r' => self.text.write_str("\\r"),
                b'\t' => self.text.write_str("\\t"),
                _ => write!(self.text, "\\u{byte:04x}"),
            };
            rest = escaped.get(1..).unwrap_or_default();
        }
        self.text.push_str(rest);
        self.text.push('"');
    }

    /// Writes a comma, unless this is the first value or the value of a member.
    fn separate(&mut self) {
        if !matches!(self.text.as_bytes().last(), None | Some(b'{' | b'[' | b':')) {
            self.text.push(',');
        }
    }
}

/// Escapes a text as the content of a JSON string, without quotes.
pub(crate) fn escape_string(text: &str) -> String {
    let mut writer = JsonWriter::default();
    writer.string(text);
    let quoted = writer.into_text();
    quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_written_as_serde_json_writes_them() {
        let all: String = ('\0'..'\u{180}').chain(['\u{2028}', '\u{fffd}', '\u{1f600}']).collect();
        for string in ["", "plain", "\"", "a\\b", "{", "ends with:", &all] {
            let mut writer = JsonWriter::default();
            writer.string(string);
            let written = writer.into_text();
            assert_eq!(written, serde_json::to_string(string).unwrap());
            assert_eq!(format!("\"{}\"", escape_string(string)), written);
        }
    }

    #[test]
    fn commas_stand_between_values() {
        let mut writer = JsonWriter::default();
        writer.begin('{');
        writer.string_member("a", "{");
        writer.optional_member("b", None);
        writer.name("c");
        writer.begin('[');
        writer.number(1);
        writer.boolean(true);
        writer.begin('[');
        writer.end(']');
        writer.end(']');
        writer.end('}');
        assert_eq!(writer.into_text(), r#"{"a":"{","c":[1,true,[]]}"#);
    }
}
