//! JSON reader with spans: every value has its span in the text, so that findings can point at it (rule P2).

use std::borrow::Cow;
use std::ops::Range;

use hifijson::str::LexAlloc;
use hifijson::token::Lex;
use hifijson::{Expect, SliceLexer};

use crate::finding::RawFinding;
use crate::finding::code::Code;

/// The maximum depth of nested values.
const MAX_DEPTH: usize = 128;

/// A value with its span.
#[derive(Debug)]
pub(crate) struct SpannedValue<'t> {
    start: usize,
    end: usize,
    pub kind: JsonKind<'t>,
}

/// The kind and content of a value.
#[derive(Debug)]
pub(crate) enum JsonKind<'t> {
    Null,
    Boolean(bool),
    /// A number, without its value: no member of any document is one.
    Number,
    /// A string, decoded.
    String(Cow<'t, str>),
    Array(Vec<SpannedValue<'t>>),
    Object(Vec<JsonMember<'t>>),
}

/// A member of an object.
#[derive(Debug)]
pub(crate) struct JsonMember<'t> {
    /// The name, decoded.
    pub name: Cow<'t, str>,
    /// The span of the name, without quotes.
    pub name_span: Range<usize>,
    pub value: SpannedValue<'t>,
}

/// Parses a whole text as one value. A byte-order mark in front is skipped (RFC 8259, section 8.1).
pub(crate) fn parse(text: &str) -> Result<SpannedValue<'_>, RawFinding> {
    let bytes = text.strip_prefix('\u{feff}').unwrap_or(text).as_bytes();
    let mut reader = JsonReader { text, lexer: SliceLexer::new(bytes), depth: 0 };
    let value = reader.value().and_then(|value| match reader.lexer.ws_peek() {
        None => Ok(value),
        Some(_) => Err(SyntaxError::Lexical(Expect::Eof.into())),
    });
    value.map_err(|problem| reader.syntax_finding(&problem))
}

/// Returns whether a text is blank.
pub(crate) fn is_blank(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').trim().is_empty()
}

impl<'t> SpannedValue<'t> {
    /// Returns the span of the value.
    pub fn span(&self) -> Range<usize> {
        self.start..self.end
    }

    /// Returns the span of the value; a string's without quotes.
    pub fn inner_span(&self) -> Range<usize> {
        match self.kind {
            JsonKind::String(_) => self.start.saturating_add(1)..self.end.saturating_sub(1),
            _ => self.span(),
        }
    }

    /// Returns the span of a range of the decoded string in the source text.
    pub fn span_within(&self, text: &str, decoded: Range<usize>) -> Range<usize> {
        self.span_mapper(text).map_span(decoded)
    }

    /// Returns a mapper from ranges of the decoded string to spans of the source text.
    pub fn span_mapper<'s>(&self, text: &'s str) -> SpanMapper<'s> {
        let inner = self.inner_span();
        let source = text.get(inner.clone()).unwrap_or_default();
        SpanMapper { source, start: inner.start, escaped: source.contains('\\'), decoded: 0, passed: 0 }
    }

    /// Returns the text of a string.
    pub fn as_str(&self) -> &str {
        match &self.kind {
            JsonKind::String(text) => text,
            _ => "",
        }
    }
}

/// A mapper from ranges of a decoded string to spans of its source, fast for ranges in ascending order.
pub(crate) struct SpanMapper<'s> {
    source: &'s str,
    start: usize,
    escaped: bool,
    /// The last offset in the decoded string, and the same offset in the source.
    decoded: usize,
    passed: usize,
}

impl SpanMapper<'_> {
    pub fn map_span(&mut self, range: Range<usize>) -> Range<usize> {
        if !self.escaped {
            return self.start.saturating_add(range.start)..self.start.saturating_add(range.end);
        }
        if range.start < self.decoded {
            (self.decoded, self.passed) = (0, 0);
        }
        let rest = |passed: usize| self.source.get(passed..).unwrap_or_default();
        let further = source_offset(rest(self.passed), range.start.saturating_sub(self.decoded));
        self.passed = self.passed.saturating_add(further);
        self.decoded = range.start;
        let length = source_offset(rest(self.passed), range.end.saturating_sub(range.start));
        let start = self.start.saturating_add(self.passed);
        start..start.saturating_add(length)
    }
}

impl JsonKind<'_> {
    /// Returns the name of the type in messages.
    pub fn type_name(&self) -> &'static str {
        match self {
            JsonKind::Null => "null",
            JsonKind::Boolean(_) => "a boolean",
            JsonKind::Number => "a number",
            JsonKind::String(_) => "a string",
            JsonKind::Array(_) => "an array",
            JsonKind::Object(_) => "an object",
        }
    }
}

struct JsonReader<'t> {
    text: &'t str,
    lexer: SliceLexer<'t>,
    depth: usize,
}

enum SyntaxError {
    Lexical(hifijson::Error),
    TooDeep,
}

impl From<Expect> for SyntaxError {
    fn from(expected: Expect) -> Self {
        SyntaxError::Lexical(expected.into())
    }
}

impl<'t> JsonReader<'t> {
    /// Parses one value after optional whitespace.
    fn value(&mut self) -> Result<SpannedValue<'t>, SyntaxError> {
        let next = self.lexer.ws_peek().ok_or(Expect::Value)?;
        let start = self.offset();
        let content = match next {
            b'"' => JsonKind::String(self.string()?),
            b'{' => JsonKind::Object(self.nested(Self::object)?),
            b'[' => JsonKind::Array(self.nested(Self::array)?),
            b'0'..=b'9' | b'-' => {
                use hifijson::num::Lex;
                self.lexer.num_ignore().validate().map_err(|error| SyntaxError::Lexical(error.into()))?;
                JsonKind::Number
            }
            _ => self.keyword()?,
        };
        Ok(SpannedValue { start, end: self.offset(), kind: content })
    }

    fn keyword(&mut self) -> Result<JsonKind<'t>, SyntaxError> {
        let rest = self.lexer.as_slice();
        match self.lexer.null_or_bool() {
            Some(Some(value)) => Ok(JsonKind::Boolean(value)),
            Some(None) => Ok(JsonKind::Null),
            None => {
                // The finding is about the whole word.
                self.lexer = SliceLexer::new(rest);
                Err(Expect::Value.into())
            }
        }
    }

    fn nested<T>(&mut self, read: fn(&mut Self) -> Result<T, SyntaxError>) -> Result<T, SyntaxError> {
        if self.depth == MAX_DEPTH {
            return Err(SyntaxError::TooDeep);
        }
        self.lexer.discarded();
        self.depth = self.depth.saturating_add(1);
        let read = read(self);
        self.depth = self.depth.saturating_sub(1);
        read
    }

    fn array(&mut self) -> Result<Vec<SpannedValue<'t>>, SyntaxError> {
        let mut elements = Vec::new();
        let mut more = self.begin_sequence(b']')?;
        while more {
            elements.push(self.value()?);
            more = self.next_element(b']')?;
        }
        Ok(elements)
    }

    fn object(&mut self) -> Result<Vec<JsonMember<'t>>, SyntaxError> {
        let mut members = Vec::new();
        let mut more = self.begin_sequence(b'}')?;
        while more {
            if self.lexer.ws_peek() != Some(b'"') {
                return Err(Expect::String.into());
            }
            let start = self.offset();
            let name = self.string()?;
            let name_place = start.saturating_add(1)..self.offset().saturating_sub(1);
            self.lexer.expect(Lex::ws_peek, b':').ok_or(Expect::Colon)?;
            members.push(JsonMember { name, name_span: name_place, value: self.value()? });
            more = self.next_element(b'}')?;
        }
        Ok(members)
    }

    /// Returns whether a sequence has a first element.
    fn begin_sequence(&mut self, end: u8) -> Result<bool, SyntaxError> {
        let next = self.lexer.ws_peek().ok_or(Expect::ValueOrEnd)?;
        if next == end {
            self.lexer.discarded();
        }
        Ok(next != end)
    }

    /// Returns whether a sequence has another element.
    fn next_element(&mut self, end: u8) -> Result<bool, SyntaxError> {
        match self.lexer.ws_peek() {
            Some(b',') => {
                self.lexer.discarded();
                Ok(true)
            }
            Some(next) if next == end => {
                self.lexer.discarded();
                Ok(false)
            }
            _ => Err(Expect::CommaOrEnd.into()),
        }
    }

    fn string(&mut self) -> Result<Cow<'t, str>, SyntaxError> {
        self.lexer.discarded();
        self.lexer.str_string().map_err(|error| SyntaxError::Lexical(error.into()))
    }

    fn offset(&self) -> usize {
        self.text.len().saturating_sub(self.lexer.as_slice().len())
    }

    /// Returns the finding about a syntax error at the current offset.
    fn syntax_finding(&self, problem: &SyntaxError) -> RawFinding {
        let mut start = self.offset();
        // The lexer has consumed the invalid character of a string.
        if matches!(problem, SyntaxError::Lexical(hifijson::Error::Str(error)) if *error != hifijson::str::Error::Eof) {
            start = start.saturating_sub(1);
        }
        while !self.text.is_char_boundary(start) {
            start = start.saturating_sub(1);
        }
        let width = self.text.get(start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        let message = match problem {
            SyntaxError::TooDeep => format!("values are nested more than {MAX_DEPTH} levels deep"),
            SyntaxError::Lexical(_) if is_blank(self.text) => "there is no document here".to_owned(),
            SyntaxError::Lexical(hifijson::Error::Token(expected)) => match expected {
                Expect::Value => "here a value is expected".to_owned(),
                Expect::ValueOrEnd => "here a value is expected, or the end of the array or object".to_owned(),
                Expect::CommaOrEnd => "here `,` is expected, or the end of the array or object".to_owned(),
                Expect::String => "here the name of a member is expected, in double quotes".to_owned(),
                Expect::Colon => "here `:` is expected".to_owned(),
                Expect::Eof => "the document ends before this".to_owned(),
            },
            SyntaxError::Lexical(hifijson::Error::Num(_)) => "here the digits of a number are expected".to_owned(),
            SyntaxError::Lexical(hifijson::Error::Str(error)) => match error {
                hifijson::str::Error::Eof => "the string does not end".to_owned(),
                hifijson::str::Error::Control => {
                    "in a string a control character is written as an escape, as in `\\n`".to_owned()
                }
                _ => "this escape stands for no character".to_owned(),
            },
            SyntaxError::Lexical(error) => error.to_string(),
        };
        RawFinding::new(Code::JsonSyntax, start..start.saturating_add(width), message)
    }
}

/// Returns the offset in the source, without quotes, of an offset in the decoded string.
fn source_offset(source: &str, target: usize) -> usize {
    let mut decoded: usize = 0;
    let mut characters = source.char_indices();
    while let Some((at, character)) = characters.next() {
        if decoded >= target {
            return at;
        }
        let width = match character {
            '\\' => match characters.next() {
                Some((_, 'u')) => escape_width(&mut characters),
                _ => 1,
            },
            _ => character.len_utf8(),
        };
        decoded = decoded.saturating_add(width);
    }
    source.len()
}

/// Returns the decoded width of a `\u` escape after its `\u`, and consumes both halves of a surrogate pair.
fn escape_width(characters: &mut std::str::CharIndices<'_>) -> usize {
    let digits: String = characters.by_ref().take(4).map(|(_, digit)| digit).collect();
    let unit = u32::from_str_radix(&digits, 16).unwrap_or_default();
    match char::from_u32(unit) {
        Some(character) => character.len_utf8(),
        // The first half of a pair: skips `\u` and the digits of the second.
        None => {
            characters.by_ref().take(6).for_each(drop);
            4
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(text: &str) -> Vec<SpannedValue<'_>> {
        match parse(text).unwrap().kind {
            JsonKind::Array(elements) => elements,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn places_are_those_of_the_text() {
        let text = "\u{feff}{ \"a\" : [1, \"b\\n\\u00e9c\"] }";
        let JsonKind::Object(members) = parse(text).unwrap().kind else { panic!() };
        assert_eq!(&text[members[0].name_span.clone()], "a");
        let JsonKind::Array(elements) = &members[0].value.kind else { panic!() };
        assert_eq!(&text[elements[0].span()], "1");
        assert!(matches!(&elements[1].kind, JsonKind::String(string) if string == "b\néc"));
        assert_eq!(&text[elements[1].span_within(text, 0..1)], "b");
        assert_eq!(&text[elements[1].span_within(text, 2..4)], "\\u00e9");
        assert_eq!(&text[elements[1].span_within(text, 4..5)], "c");
    }

    #[test]
    fn surrogates() {
        let text = r#"["\ud83d\ude00x"]"#;
        assert_eq!(&text[elements(text)[0].span_within(text, 4..5)], "x");
        assert_eq!(parse(r#"["\ud83d"]"#).unwrap_err().code, Code::JsonSyntax);
    }

    #[test]
    fn p2_syntax_errors_have_their_place() {
        for (text, at) in [
            ("{", 1..1),
            ("{\"a\": 1,\n \"b\": tru }", 15..16),
            ("[1 2]", 3..4),
            ("", 0..0),
            ("[\"é\", x]", 7..8),
            ("{a: 1}", 1..2),
            ("{\"a\" 1}", 5..6),
            ("[1,]", 3..4),
            ("[1] 2", 4..5),
            ("[01]", 2..3),
            ("[\"\u{1}\"]", 2..3),
            (r#"["\u00"]"#, 6..7),
            ("[\"abc", 5..5),
            ("{\"a\": 1 // no\n}", 8..9),
        ] {
            let finding = parse(text).unwrap_err();
            assert_eq!(
                (finding.code, finding.start..finding.end),
                (Code::JsonSyntax, at),
                "{text}: {}",
                finding.message
            );
        }
        assert!(parse(&"[".repeat(1_000_000)).unwrap_err().message.contains("nested"));
    }
}
