//! Strict JSON objects.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// A value that must be a JSON object. Derived deserializers also accept a list of the members, which other readers
/// reject.
#[derive(Debug)]
pub struct JsonObject<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for JsonObject<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(JsonObjectVisitor(PhantomData))
    }
}

struct JsonObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for JsonObjectVisitor<T> {
    type Value = JsonObject<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(JsonObject)
    }
}

/// Describes an error without the text that it quotes, a string, one of a few values or a name, which may be long, or a
/// secret.
pub fn describe_json_error(error: &serde_json::Error) -> String {
    /// The words before a quoted text, its end with the words after it, and the words in its place.
    const QUOTES: [(&str, &str, &str); 3] = [
        ("string \"", "\", expected", "a text"),
        ("unknown variant `", "`, expected", "an unknown text"),
        ("unknown field `", "`, expected", "an unknown field"),
    ];
    let text = error.to_string();
    let without = QUOTES.iter().find_map(|(opening, closing, replacement)| {
        let (before, rest) = text.split_once(opening)?;
        let (_, after) = rest.rsplit_once(closing)?;
        Some(format!("{before}{replacement}, expected{after}"))
    });
    without.unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::value::RawValue;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Pair<'a> {
        #[serde(borrow)]
        a: &'a RawValue,
        b: Option<u8>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Color {
        Red,
        Green,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Paint {
        #[expect(dead_code, reason = "only errors are of interest")]
        color: Option<Color>,
    }

    #[test]
    fn no_text_of_a_document_is_in_an_error() {
        for (text, expected) in [
            (r#"{"color": "s`, expected"}"#, "an unknown text, expected `red` or `green` at line 1 column 24"),
            (r#"{"s`, expected": 1}"#, "an unknown field, expected `color` at line 1 column 15"),
            (r#""s\", expected""#, "invalid type: a text, expected struct Paint at line 1 column 15"),
        ] {
            let error = serde_json::from_str::<Paint>(text).unwrap_err();
            assert_eq!(describe_json_error(&error), expected);
        }
    }

    #[test]
    fn a_list_is_no_object() {
        let JsonObject(pair) = serde_json::from_str::<JsonObject<Pair<'_>>>(r#"{"a": [1, 2], "b": 3}"#).unwrap();
        assert_eq!((pair.a.get(), pair.b), ("[1, 2]", Some(3)));
        assert!(serde_json::from_str::<Pair<'_>>("[1, 2]").is_ok());
        let error = serde_json::from_str::<JsonObject<Pair<'_>>>("[1, 2]").unwrap_err().to_string();
        assert_eq!(error, "invalid type: sequence, expected an object at line 1 column 0");
        assert!(serde_json::from_str::<JsonObject<Pair<'_>>>(r#"{"a": 1, "a": 2}"#).is_err());
    }
}
