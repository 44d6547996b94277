//! JSON as Go decodes it, restricted to its unambiguous subset.
//!
//! Go matches member names under Unicode case folding (`ſ` is an `s`, the Kelvin sign a `k`), takes the last of
//! several, and merges objects. A member therefore counts only in Docker's own spelling and only once.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use thiserror::Error;

/// A JSON value with the members of objects as written. Numbers and booleans are not distinguished, as none is read.
#[derive(Debug, PartialEq)]
pub enum GoValue {
    Null,
    Text(String),
    Array(Vec<GoValue>),
    Object(Vec<(String, GoValue)>),
    Other,
}

/// An error of a body that is not unambiguous JSON. The texts are human-readable.
#[derive(Debug, Error)]
pub enum GoJsonError {
    #[error("the body is not JSON: {0}")]
    Syntax(serde_json::Error),
    #[error("{0} is not an object")]
    NotObject(String),
    #[error("{object} has `{name}` twice")]
    DuplicateMember { object: String, name: String },
    #[error("`{written}` can be taken for `{name}`")]
    AmbiguousMember { written: String, name: String },
    #[error("the body has `{0}` twice, spelled in two ways")]
    TwoSpellings(String),
    #[error("`{0}` is not text")]
    NotText(String),
    #[error("`{0}` is not an array")]
    NotArray(String),
}

/// An object without duplicate members.
#[derive(Clone, Copy, Debug)]
pub struct GoObject<'j>(&'j [(String, GoValue)]);

impl GoValue {
    /// Parses one value with nothing after it.
    pub fn read(bytes: &[u8]) -> Result<Self, GoJsonError> {
        serde_json::from_slice(bytes).map_err(GoJsonError::Syntax)
    }

    /// Returns the value as an object; `what` names it in the error.
    pub fn object(&self, what: &str) -> Result<GoObject<'_>, GoJsonError> {
        let Self::Object(members) = self else { return Err(GoJsonError::NotObject(what.to_owned())) };
        let mut seen = HashSet::with_capacity(members.len());
        match members.iter().find(|(name, _)| !seen.insert(name.as_str())) {
            Some((name, _)) => Err(GoJsonError::DuplicateMember { object: what.to_owned(), name: name.clone() }),
            None => Ok(GoObject(members)),
        }
    }
}

impl<'j> GoObject<'j> {
    /// Returns a member; Go treats `null` as absent.
    pub fn member(self, name: &str) -> Result<Option<&'j GoValue>, GoJsonError> {
        self.any_of(&[name])
    }

    /// Returns a member that Docker spells in several ways.
    pub fn any_of(self, names: &[&str]) -> Result<Option<&'j GoValue>, GoJsonError> {
        let Some(name) = names.first() else { return Ok(None) };
        let wanted = fold_name(name);
        let mut found = None;
        for (written, value) in self.0.iter().filter(|(written, _)| fold_name(written) == wanted) {
            if !names.contains(&written.as_str()) {
                return Err(GoJsonError::AmbiguousMember { written: written.clone(), name: (*name).to_owned() });
            }
            if found.replace(value).is_some() {
                return Err(GoJsonError::TwoSpellings((*name).to_owned()));
            }
        }
        Ok(found.filter(|value| **value != GoValue::Null))
    }

    /// Returns a member that is an object.
    pub fn object(self, name: &str) -> Result<Option<GoObject<'j>>, GoJsonError> {
        self.member(name)?.map(|value| value.object(&format!("`{name}`"))).transpose()
    }

    /// Returns a member that is text; empty if absent.
    pub fn text(self, names: &[&str]) -> Result<&'j str, GoJsonError> {
        match self.any_of(names)? {
            None => Ok(""),
            Some(GoValue::Text(text)) => Ok(text),
            Some(_) => Err(GoJsonError::NotText(names.first().copied().unwrap_or_default().to_owned())),
        }
    }

    /// Returns the elements of a member that is an array; none if absent.
    pub fn array(self, name: &str) -> Result<&'j [GoValue], GoJsonError> {
        match self.member(name)? {
            None => Ok(&[]),
            Some(GoValue::Array(elements)) => Ok(elements),
            Some(_) => Err(GoJsonError::NotArray(name.to_owned())),
        }
    }
}

/// Folds a name as Go does. The requested names are ASCII, and no other characters fold to ASCII letters.
fn fold_name(name: &str) -> String {
    let one = |character| match character {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    name.chars().map(one).collect()
}

impl<'de> Deserialize<'de> for GoValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(GoValueVisitor)
    }
}

struct GoValueVisitor;

impl<'de> Visitor<'de> for GoValueVisitor {
    type Value = GoValue;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<GoValue, E> {
        Ok(GoValue::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<GoValue, E> {
        Ok(GoValue::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<GoValue, E> {
        Ok(GoValue::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<GoValue, E> {
        Ok(GoValue::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<GoValue, E> {
        Ok(GoValue::Other)
    }

    fn visit_str<E>(self, text: &str) -> Result<GoValue, E> {
        Ok(GoValue::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<GoValue, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = sequence.next_element()? {
            elements.push(element);
        }
        Ok(GoValue::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<GoValue, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(GoValue::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(body: &str) -> Result<String, GoJsonError> {
        let json = GoValue::read(body.as_bytes())?;
        json.object("the body")?.text(&["Task"]).map(str::to_owned)
    }

    #[test]
    fn a_member_is_spelled_as_it_should_be_and_there_once() {
        assert_eq!(text(r#"{"Task": "a", "b": 1, "c": [true, {"x": -1.5e3}]}"#).unwrap(), "a");
        assert_eq!(text(r#"{"b": 1}"#).unwrap(), "");
        assert_eq!(text(r#"{"Task": null}"#).unwrap(), "");
        assert_eq!(text(r#"{"\u0054ask": "a"}"#).unwrap(), "a");
        // Members of objects that are not read.
        assert_eq!(text(r#"{"Task": "a", "Labels": {"x": 1, "x": 2, "task": 3}}"#).unwrap(), "a");
        for body in [
            r#"{"task": "a"}"#,
            r#"{"Task": "a", "TASK": "b"}"#,
            r#"{"Task": "a", "Task": "b"}"#,
            r#"{"Task": "a", "x": 1, "x": 1}"#,
            r#"{"Taſk": "a"}"#,
            "{\"Tas\u{212a}\": \"a\"}",
            r#"{"Ta\u017f\u212a": "a"}"#,
            r#"{"Task": 1}"#,
            r#"{"Task": ["a"]}"#,
            r#"{"Task": "a"} {"Task": "b"}"#,
            r#"{"Task": "a"}]"#,
            "\u{feff}{}",
            r#"{"Task": "\ud800"}"#,
            r#"{"x": 1e999}"#,
            "[]",
            "null",
            "",
        ] {
            assert!(text(body).is_err(), "{body}");
        }
        assert!(GoValue::read(b"{\"Task\": \"\xff\"}").is_err());
        assert!(GoValue::read("[".repeat(100_000).as_bytes()).is_err());
    }
}
