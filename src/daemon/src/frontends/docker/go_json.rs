//! JSON as Go reads it, or not at all.
//!
//! Go finds a member by its name in any case, by Unicode's folding: `ſ` is an `s` and the Kelvin sign a `k`. Of several it
//! takes the last, and merges objects. So a member counts only if it is spelled as Docker spells it and is there once.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A value, with the members of objects as they were written. Numbers are all alike: nobody here needs one.
#[derive(Debug, PartialEq)]
pub enum GoValue {
    Null,
    Text(String),
    Array(Vec<GoValue>),
    Object(Vec<(String, GoValue)>),
    Other,
}

/// An object of which no member is there twice.
#[derive(Clone, Copy, Debug)]
pub struct GoObject<'j>(&'j [(String, GoValue)]);

impl GoValue {
    /// Reads one value with nothing after it. The error is for a person.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| format!("the body is not JSON: {error}"))
    }

    /// This as an object; `what` names it in the error.
    pub fn object(&self, what: &str) -> Result<GoObject<'_>, String> {
        let Self::Object(members) = self else { return Err(format!("{what} is not an object")) };
        let mut seen = HashSet::with_capacity(members.len());
        match members.iter().find(|(name, _)| !seen.insert(name.as_str())) {
            Some((name, _)) => Err(format!("{what} has `{name}` twice")),
            None => Ok(GoObject(members)),
        }
    }
}

impl<'j> GoObject<'j> {
    /// A member. `null` is as good as absent, in Go.
    pub fn member(self, name: &str) -> Result<Option<&'j GoValue>, String> {
        self.any_of(&[name])
    }

    /// A member that Docker spells in several ways.
    pub fn any_of(self, names: &[&str]) -> Result<Option<&'j GoValue>, String> {
        let Some(name) = names.first() else { return Ok(None) };
        let wanted = fold_name(name);
        let mut found = None;
        for (written, value) in self.0.iter().filter(|(written, _)| fold_name(written) == wanted) {
            if !names.contains(&written.as_str()) {
                return Err(format!("`{written}` can be taken for `{name}`"));
            }
            if found.replace(value).is_some() {
                return Err(format!("the body has `{name}` twice, spelled in two ways"));
            }
        }
        Ok(found.filter(|value| **value != GoValue::Null))
    }

    /// A member that is an object.
    pub fn object(self, name: &str) -> Result<Option<GoObject<'j>>, String> {
        self.member(name)?.map(|value| value.object(&format!("`{name}`"))).transpose()
    }

    /// A member that is text; empty if it is absent.
    pub fn text(self, names: &[&str]) -> Result<&'j str, String> {
        match self.any_of(names)? {
            None => Ok(""),
            Some(GoValue::Text(text)) => Ok(text),
            Some(_) => Err(format!("`{}` is not text", names.first().unwrap_or(&""))),
        }
    }

    /// The elements of a member that is an array; none if it is absent.
    pub fn array(self, name: &str) -> Result<&'j [GoValue], String> {
        match self.member(name)? {
            None => Ok(&[]),
            Some(GoValue::Array(elements)) => Ok(elements),
            Some(_) => Err(format!("`{name}` is not an array")),
        }
    }
}

/// A name in the one spelling that stands for all those that Go takes for the same. Names that are wanted are ASCII, and
/// no other characters fold to ASCII letters.
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

    fn text(body: &str) -> Result<String, String> {
        let json = GoValue::read(body.as_bytes())?;
        json.object("the body")?.text(&["Task"]).map(str::to_owned)
    }

    #[test]
    fn a_member_is_spelled_as_it_should_be_and_there_once() {
        assert_eq!(text(r#"{"Task": "a", "b": 1, "c": [true, {"x": -1.5e3}]}"#).unwrap(), "a");
        assert_eq!(text(r#"{"b": 1}"#).unwrap(), "");
        assert_eq!(text(r#"{"Task": null}"#).unwrap(), "");
        assert_eq!(text(r#"{"\u0054ask": "a"}"#).unwrap(), "a");
        // Not members of the objects that are read.
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
