//! JSON with places: every value knows where it stands in the text, so that every finding can say where (rule P2).

use std::borrow::Cow;
use std::ops::Range;

use hifijson::str::LexAlloc;
use hifijson::token::Lex;
use hifijson::{Expect, SliceLexer};

use crate::finding::Note;
use crate::finding::code::Code;

/// How deep values may be nested.
const MAX_DEPTH: usize = 128;

/// A value and where it stands.
#[derive(Debug)]
pub(crate) struct Value<'t> {
    start: usize,
    end: usize,
    pub content: Content<'t>,
}

/// What a value is.
#[derive(Debug)]
pub(crate) enum Content<'t> {
    Null,
    Boolean(bool),
    /// A number, which no member of any document is.
    Number,
    /// A string, decoded.
    String(Cow<'t, str>),
    Array(Vec<Value<'t>>),
    Object(Vec<Member<'t>>),
}

/// A member of an object.
#[derive(Debug)]
pub(crate) struct Member<'t> {
    /// The name, decoded.
    pub name: Cow<'t, str>,
    /// Where the name stands, without its quotes.
    pub name_place: Range<usize>,
    pub value: Value<'t>,
}

/// Reads a whole text as one value. A byte-order mark in front is passed over (RFC 8259, section 8.1).
pub(crate) fn parse(text: &str) -> Result<Value<'_>, Note> {
    let bytes = text.strip_prefix('\u{feff}').unwrap_or(text).as_bytes();
    let mut reader = Reader { text, lexer: SliceLexer::new(bytes), depth: 0 };
    let value = reader.value().and_then(|value| match reader.lexer.ws_peek() {
        None => Ok(value),
        Some(_) => Err(Problem::Lexical(Expect::Eof.into())),
    });
    value.map_err(|problem| reader.note(&problem))
}

/// Whether nothing stands in a text.
pub(crate) fn is_blank(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').trim().is_empty()
}

impl<'t> Value<'t> {
    /// Where the value stands.
    pub fn place(&self) -> Range<usize> {
        self.start..self.end
    }

    /// Where the value stands; a string's without its quotes.
    pub fn inner_place(&self) -> Range<usize> {
        match self.content {
            Content::String(_) => self.start.saturating_add(1)..self.end.saturating_sub(1),
            _ => self.place(),
        }
    }

    /// Where a stretch of a decoded string stands in the text that the value was read from.
    pub fn place_within(&self, text: &str, decoded: Range<usize>) -> Range<usize> {
        self.places(text).of(decoded)
    }

    /// Where stretches of a decoded string stand in the text that the value was read from.
    pub fn places<'s>(&self, text: &'s str) -> Places<'s> {
        let inner = self.inner_place();
        let written = text.get(inner.clone()).unwrap_or_default();
        Places { written, start: inner.start, escaped: written.contains('\\'), decoded: 0, passed: 0 }
    }

    /// The text of a string.
    pub fn text(&self) -> &str {
        match &self.content {
            Content::String(text) => text,
            _ => "",
        }
    }
}

/// Finds the places of stretches of a decoded string, quickly where each begins no earlier than the one before.
pub(crate) struct Places<'s> {
    written: &'s str,
    start: usize,
    escaped: bool,
    /// How far it has come: in the decoded string, and in the written one.
    decoded: usize,
    passed: usize,
}

impl Places<'_> {
    pub fn of(&mut self, stretch: Range<usize>) -> Range<usize> {
        if !self.escaped {
            return self.start.saturating_add(stretch.start)..self.start.saturating_add(stretch.end);
        }
        if stretch.start < self.decoded {
            (self.decoded, self.passed) = (0, 0);
        }
        let rest = |passed: usize| self.written.get(passed..).unwrap_or_default();
        let further = written_offset(rest(self.passed), stretch.start.saturating_sub(self.decoded));
        self.passed = self.passed.saturating_add(further);
        self.decoded = stretch.start;
        let length = written_offset(rest(self.passed), stretch.end.saturating_sub(stretch.start));
        let start = self.start.saturating_add(self.passed);
        start..start.saturating_add(length)
    }
}

impl Content<'_> {
    /// The kind of value, for people.
    pub fn kind(&self) -> &'static str {
        match self {
            Content::Null => "null",
            Content::Boolean(_) => "a boolean",
            Content::Number => "a number",
            Content::String(_) => "a string",
            Content::Array(_) => "an array",
            Content::Object(_) => "an object",
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    lexer: SliceLexer<'t>,
    depth: usize,
}

enum Problem {
    Lexical(hifijson::Error),
    TooDeep,
}

impl From<Expect> for Problem {
    fn from(expected: Expect) -> Self {
        Problem::Lexical(expected.into())
    }
}

impl<'t> Reader<'t> {
    /// Reads one value, whitespace in front of it passed over.
    fn value(&mut self) -> Result<Value<'t>, Problem> {
        let next = self.lexer.ws_peek().ok_or(Expect::Value)?;
        let start = self.offset();
        let content = match next {
            b'"' => Content::String(self.string()?),
            b'{' => Content::Object(self.nested(Self::object)?),
            b'[' => Content::Array(self.nested(Self::array)?),
            b'0'..=b'9' | b'-' => {
                use hifijson::num::Lex;
                self.lexer.num_ignore().validate().map_err(|error| Problem::Lexical(error.into()))?;
                Content::Number
            }
            _ => self.keyword()?,
        };
        Ok(Value { start, end: self.offset(), content })
    }

    fn keyword(&mut self) -> Result<Content<'t>, Problem> {
        let rest = self.lexer.as_slice();
        match self.lexer.null_or_bool() {
            Some(Some(value)) => Ok(Content::Boolean(value)),
            Some(None) => Ok(Content::Null),
            None => {
                // The finding is about the whole word.
                self.lexer = SliceLexer::new(rest);
                Err(Expect::Value.into())
            }
        }
    }

    fn nested<T>(&mut self, read: fn(&mut Self) -> Result<T, Problem>) -> Result<T, Problem> {
        if self.depth == MAX_DEPTH {
            return Err(Problem::TooDeep);
        }
        self.lexer.discarded();
        self.depth = self.depth.saturating_add(1);
        let read = read(self);
        self.depth = self.depth.saturating_sub(1);
        read
    }

    fn array(&mut self) -> Result<Vec<Value<'t>>, Problem> {
        let mut elements = Vec::new();
        let mut more = self.begin(b']')?;
        while more {
            elements.push(self.value()?);
            more = self.next(b']')?;
        }
        Ok(elements)
    }

    fn object(&mut self) -> Result<Vec<Member<'t>>, Problem> {
        let mut members = Vec::new();
        let mut more = self.begin(b'}')?;
        while more {
            if self.lexer.ws_peek() != Some(b'"') {
                return Err(Expect::String.into());
            }
            let start = self.offset();
            let name = self.string()?;
            let name_place = start.saturating_add(1)..self.offset().saturating_sub(1);
            self.lexer.expect(Lex::ws_peek, b':').ok_or(Expect::Colon)?;
            members.push(Member { name, name_place, value: self.value()? });
            more = self.next(b'}')?;
        }
        Ok(members)
    }

    /// Whether something stands before the end of a sequence.
    fn begin(&mut self, end: u8) -> Result<bool, Problem> {
        let next = self.lexer.ws_peek().ok_or(Expect::ValueOrEnd)?;
        if next == end {
            self.lexer.discarded();
        }
        Ok(next != end)
    }

    /// Whether a sequence goes on after an element.
    fn next(&mut self, end: u8) -> Result<bool, Problem> {
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

    fn string(&mut self) -> Result<Cow<'t, str>, Problem> {
        self.lexer.discarded();
        self.lexer.str_string().map_err(|error| Problem::Lexical(error.into()))
    }

    fn offset(&self) -> usize {
        self.text.len().saturating_sub(self.lexer.as_slice().len())
    }

    /// Says what is wrong where the reader stopped.
    fn note(&self, problem: &Problem) -> Note {
        let mut start = self.offset();
        // Of a string the lexer has taken what it refuses.
        if matches!(problem, Problem::Lexical(hifijson::Error::Str(error)) if *error != hifijson::str::Error::Eof) {
            start = start.saturating_sub(1);
        }
        while !self.text.is_char_boundary(start) {
            start = start.saturating_sub(1);
        }
        let width = self.text.get(start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        let message = match problem {
            Problem::TooDeep => format!("values are nested more than {MAX_DEPTH} levels deep"),
            Problem::Lexical(_) if is_blank(self.text) => "there is no document here".to_owned(),
            Problem::Lexical(hifijson::Error::Token(expected)) => match expected {
                Expect::Value => "here a value is expected".to_owned(),
                Expect::ValueOrEnd => "here a value is expected, or the end of the array or object".to_owned(),
                Expect::CommaOrEnd => "here `,` is expected, or the end of the array or object".to_owned(),
                Expect::String => "here the name of a member is expected, in double quotes".to_owned(),
                Expect::Colon => "here `:` is expected".to_owned(),
                Expect::Eof => "the document ends before this".to_owned(),
            },
            Problem::Lexical(hifijson::Error::Num(_)) => "here the digits of a number are expected".to_owned(),
            Problem::Lexical(hifijson::Error::Str(error)) => match error {
                hifijson::str::Error::Eof => "the string does not end".to_owned(),
                hifijson::str::Error::Control => {
                    "in a string a control character is written as an escape, as in `\\n`".to_owned()
                }
                _ => "this escape stands for no character".to_owned(),
            },
            Problem::Lexical(error) => error.to_string(),
        };
        Note::new(Code::JsonSyntax, start..start.saturating_add(width), message)
    }
}

/// Where decoded offset `target` stands in a string as it was written, quotes left out.
fn written_offset(written: &str, target: usize) -> usize {
    let mut decoded: usize = 0;
    let mut characters = written.char_indices();
    while let Some((at, character)) = characters.next() {
        if decoded >= target {
            return at;
        }
        let width = match character {
            '\\' => match characters.next() {
                Some((_, 'u')) => escaped_width(&mut characters),
                _ => 1,
            },
            _ => character.len_utf8(),
        };
        decoded = decoded.saturating_add(width);
    }
    written.len()
}

/// The decoded width of a `\u` escape, its `\u` passed already; both halves of a surrogate pair are passed.
fn escaped_width(characters: &mut std::str::CharIndices<'_>) -> usize {
    let digits: String = characters.by_ref().take(4).map(|(_, digit)| digit).collect();
    let unit = u32::from_str_radix(&digits, 16).unwrap_or_default();
    match char::from_u32(unit) {
        Some(character) => character.len_utf8(),
        // The first half of a pair: pass `\u` and the digits of the second.
        None => {
            characters.by_ref().take(6).for_each(drop);
            4
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(text: &str) -> Vec<Value<'_>> {
        match parse(text).unwrap().content {
            Content::Array(elements) => elements,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn places_are_those_of_the_text() {
        let text = "\u{feff}{ \"a\" : [1, \"b\\n\\u00e9c\"] }";
        let Content::Object(members) = parse(text).unwrap().content else { panic!() };
        assert_eq!(&text[members[0].name_place.clone()], "a");
        let Content::Array(elements) = &members[0].value.content else { panic!() };
        assert_eq!(&text[elements[0].place()], "1");
        assert!(matches!(&elements[1].content, Content::String(string) if string == "b\néc"));
        assert_eq!(&text[elements[1].place_within(text, 0..1)], "b");
        assert_eq!(&text[elements[1].place_within(text, 2..4)], "\\u00e9");
        assert_eq!(&text[elements[1].place_within(text, 4..5)], "c");
    }

    #[test]
    fn surrogates() {
        let text = r#"["\ud83d\ude00x"]"#;
        assert_eq!(&text[elements(text)[0].place_within(text, 4..5)], "x");
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
            let note = parse(text).unwrap_err();
            assert_eq!((note.code, note.start..note.end), (Code::JsonSyntax, at), "{text}: {}", note.message);
        }
        assert!(parse(&"[".repeat(1_000_000)).unwrap_err().message.contains("nested"));
    }
}
