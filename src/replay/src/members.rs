//! The members of a record's line in either form: the JSON of the daemon, and the JSON of `journalctl`, in which every
//! value is a text, or an array of bytes if the text is not printable.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The members of a line that matter here. All others are ignored, so that records of newer versions are read.
#[derive(Deserialize)]
pub struct RecordMembers<'a> {
    #[serde(borrow, alias = "PULLGATE_TIME")]
    pub time: Option<Text<'a>>,
    #[serde(borrow, rename = "__REALTIME_TIMESTAMP")]
    pub journal_time: Option<Text<'a>>,
    #[serde(borrow, alias = "PULLGATE_FRONTEND")]
    pub frontend: Option<Text<'a>>,
    #[serde(borrow, alias = "PULLGATE_USER")]
    pub user: Option<Text<'a>>,
    #[serde(borrow, alias = "PULLGATE_ACTION")]
    pub action: Option<Text<'a>>,
    #[serde(borrow, alias = "PULLGATE_REFERENCE")]
    pub reference: Text<'a>,
    #[serde(borrow, alias = "PULLGATE_KIND")]
    pub kind: Option<Text<'a>>,
    #[serde(borrow, alias = "PULLGATE_PROJECT")]
    pub project: Option<Text<'a>>,
    /// Absent in the record of a transfer.
    #[serde(borrow, alias = "PULLGATE_DECISION")]
    pub decision: Option<Text<'a>>,
    #[serde(alias = "PULLGATE_TRANSFER")]
    pub transfer: Option<IgnoredAny>,
    #[serde(alias = "PULLGATE_ENFORCED")]
    pub enforced: Option<Scalar<bool>>,
    #[serde(borrow, alias = "PULLGATE_REASON")]
    pub reason: Option<Text<'a>>,
    #[serde(borrow, alias = "PULLGATE_ENTRY")]
    pub entry: Option<Text<'a>>,
    #[serde(borrow, alias = "PULLGATE_ATTEMPTS")]
    pub attempts: Option<&'a RawValue>,
    #[serde(borrow, alias = "PULLGATE_AUTHORITIES")]
    pub authorities: Option<&'a RawValue>,
    #[serde(rename = "authorityCount", alias = "PULLGATE_AUTHORITYCOUNT")]
    pub authority_count: Option<Scalar<u64>>,
    #[serde(borrow, rename = "dnsAnswers", alias = "PULLGATE_DNSANSWERS")]
    pub dns_answers: Option<&'a RawValue>,
    #[serde(alias = "PULLGATE_ADMITS")]
    pub admits: Option<Scalar<bool>>,
    #[serde(alias = "PULLGATE_OMITTED")]
    pub omitted: Option<Scalar<u64>>,
}

/// A text, or the bytes of one.
pub struct Text<'a>(pub Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor(PhantomData))
    }
}

struct TextVisitor<'a>(PhantomData<&'a str>);

impl<'de: 'a, 'a> Visitor<'de> for TextVisitor<'a> {
    type Value = Text<'a>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'a>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Text<'a>, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut bytes: A) -> Result<Text<'a>, A::Error> {
        let mut text = Vec::new();
        while let Some(byte) = bytes.next_element::<u8>()? {
            text.push(byte);
        }
        String::from_utf8(text).map(|text| Text(Cow::Owned(text))).map_err(A::Error::custom)
    }
}

/// A number or a boolean, or its text.
pub struct Scalar<T>(pub T);

impl<'de, T: Deserialize<'de> + std::str::FromStr> Deserialize<'de> for Scalar<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form<'a, T> {
            Value(T),
            Text(#[serde(borrow)] Cow<'a, str>),
        }
        match Form::<T>::deserialize(deserializer)? {
            Form::Value(value) => Ok(Self(value)),
            Form::Text(text) => text.parse().map(Self).map_err(|_| D::Error::custom("another value was expected")),
        }
    }
}

/// Returns the JSON of a member, which is a text in the journal.
pub fn json_text(value: &RawValue) -> Result<Cow<'_, str>, serde_json::Error> {
    match value.get() {
        text if text.starts_with('"') => serde_json::from_str::<Text<'_>>(text).map(|Text(text)| text),
        text => Ok(Cow::Borrowed(text)),
    }
}
