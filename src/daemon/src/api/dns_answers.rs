//! DNS answers of a caller, within the bounds of rule M6.
//!
//! They are checked while they are read, so that a body of many short answers never becomes as many texts in memory.

use pullgate::{DnsAnswer, LookupKind, MAX_ANSWER_BYTES, MAX_ANSWERS_PER_QUERY, MAX_DNS_ANSWERS};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::util::bounded_list::TruncatedList;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BoundedDnsAnswer {
    kind: LookupKind,
    subject: String,
    answers: TruncatedList<String, MAX_ANSWERS_PER_QUERY>,
}

impl BoundedDnsAnswer {
    /// Checks the bounds of one answer.
    fn check<E: Error>(self) -> Result<DnsAnswer, E> {
        let Self { kind, subject, answers: TruncatedList { elements: answers, is_truncated } } = self;
        if is_truncated {
            let message = format_args!("a DNS answer has at most {MAX_ANSWERS_PER_QUERY} addresses or names");
            return Err(E::custom(message));
        }
        if answers.iter().chain([&subject]).any(|value| value.len() > MAX_ANSWER_BYTES) {
            let message = format_args!("an address or name of DNS has at most {MAX_ANSWER_BYTES} bytes");
            return Err(E::custom(message));
        }
        Ok(DnsAnswer { kind, subject, answers })
    }
}

/// Deserializes DNS answers within the bounds.
///
/// # Errors
///
/// If there are too many, or one is too long.
pub fn deserialize_bounded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<DnsAnswer>, D::Error> {
    let list = TruncatedList::<BoundedDnsAnswer, MAX_DNS_ANSWERS>::deserialize(deserializer)?;
    if list.is_truncated {
        return Err(D::Error::custom(format_args!("a request has at most {MAX_DNS_ANSWERS} DNS answers")));
    }
    list.elements.into_iter().map(BoundedDnsAnswer::check).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn dns_answers_are_read_up_to_their_bounds() {
        let answer = |values: usize, length: usize| json!({"kind": "reverse", "subject": "10.0.0.1", "answers": vec!["x".repeat(length); values]});
        let read = |answers: serde_json::Value| {
            deserialize_bounded(&mut serde_json::Deserializer::from_str(&answers.to_string()))
        };
        let most = read(json!(vec![answer(256, 253); 32])).unwrap();
        assert_eq!((most.len(), most[31].answers.len()), (32, 256));
        for (answers, says) in [
            (json!(vec![answer(0, 0); 33]), "a request has at most 32 DNS answers"),
            (json!([answer(257, 0)]), "a DNS answer has at most 256 addresses or names"),
            (json!([answer(1, 254)]), "at most 253 bytes"),
            (json!([{"kind": "forward", "subject": "x".repeat(254), "answers": []}]), "at most 253 bytes"),
            (json!([{"kind": "forward", "subject": "x", "answers": [], "more": 1}]), "unknown field"),
            (json!({}), "expected a list"),
        ] {
            let error = read(answers).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
