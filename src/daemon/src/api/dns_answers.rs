//! DNS answers of a caller, within the bounds of rule M6.
//!
//! They are checked while they are read, so that a body of many short answers never becomes as many texts in memory.

use pullgate::{DnsAnswer, LookupKind};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::util::bounded_list::BoundedList;

/// Maximum number of DNS answers of one request.
const MAX_DNS_ANSWERS: usize = 32;

/// Maximum number of addresses or names in one DNS answer.
const MAX_VALUES: usize = 256;

/// Maximum length of a subject, an address or a name in bytes: that of a DNS name.
const MAX_VALUE_BYTES: usize = 253;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BoundedDnsAnswer {
    kind: LookupKind,
    subject: String,
    answers: BoundedList<String, MAX_VALUES>,
}

/// Deserializes DNS answers within the bounds.
///
/// # Errors
///
/// If there are too many, or one is too long.
pub fn deserialize_bounded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<DnsAnswer>, D::Error> {
    let BoundedList(answers) = BoundedList::<BoundedDnsAnswer, MAX_DNS_ANSWERS>::deserialize(deserializer)?;
    let check = |BoundedDnsAnswer { kind, subject, answers: BoundedList(answers) }| {
        if answers.iter().chain([&subject]).any(|value| value.len() > MAX_VALUE_BYTES) {
            let message = format!("a DNS answer has a text of more than {MAX_VALUE_BYTES} bytes: no name is as long");
            return Err(D::Error::custom(message));
        }
        Ok(DnsAnswer { kind, subject, answers })
    };
    answers.into_iter().map(check).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn dns_answers_are_read_up_to_their_bounds() {
        let answer = |values: usize, length: usize| {
            json!({"kind": "reverse", "subject": "10.0.0.1", "answers": vec!["x".repeat(length); values]})
        };
        let read = |answers: serde_json::Value| {
            deserialize_bounded(&mut serde_json::Deserializer::from_str(&answers.to_string()))
        };
        let most = read(json!(vec![answer(256, 253); 32])).unwrap();
        assert_eq!((most.len(), most[31].answers.len()), (32, 256));
        for (answers, says) in [
            (json!(vec![answer(0, 0); 33]), "more than 32 elements"),
            (json!([answer(257, 0)]), "more than 256 elements"),
            (json!([answer(1, 254)]), "more than 253 bytes"),
            (json!([{"kind": "forward", "subject": "x".repeat(254), "answers": []}]), "more than 253 bytes"),
            (json!([{"kind": "forward", "subject": "x", "answers": [], "more": 1}]), "unknown field"),
            (json!({}), "a list of at most 32 elements"),
        ] {
            let error = read(answers).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
