//! Deserialization of a response from canonical JSON (rule D4), for a program that gets it from another process. Unknown
//! members, such as the steps of an explanation, are ignored.

use std::borrow::Cow;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::decision::{Allow, Attempt, Decision, DenialReason, Deny, DnsQuery, MatchedEntry, NearestEntry, Response};

/// The members of canonical JSON, those of all decisions together.
#[derive(Deserialize)]
struct ResponseMembers {
    reference: String,
    registry: Option<String>,
    repository: Option<String>,
    decision: DecisionName,
    by: Option<MatchedEntry<'static>>,
    #[serde(default)]
    attempts: Vec<Attempt<'static>>,
    #[serde(default)]
    authorities: Vec<Cow<'static, str>>,
    #[serde(default)]
    pinned: Vec<String>,
    reason: Option<DenialReason>,
    text: Option<String>,
    nearest: Option<NearestEntry<'static>>,
    #[serde(default)]
    queries: Vec<DnsQuery>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum DecisionName {
    Allow,
    Deny,
    Lookup,
}

impl<'de> Deserialize<'de> for Response<'static> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = ResponseMembers::deserialize(deserializer)?;
        let decision = match members.decision {
            DecisionName::Allow => Decision::Allow(Allow {
                by: members.by,
                attempts: members.attempts,
                authorities: members.authorities,
                pinned: members.pinned,
            }),
            DecisionName::Deny => Decision::Deny(Deny {
                reason: members.reason.ok_or_else(|| D::Error::missing_field("reason"))?,
                text: members.text.ok_or_else(|| D::Error::missing_field("text"))?,
                by: members.by,
                nearest: members.nearest,
            }),
            DecisionName::Lookup => Decision::Lookup(members.queries),
        };
        Ok(Self {
            reference: members.reference.into(),
            registry: members.registry.map(Cow::Owned),
            repository: members.repository.map(Cow::Owned),
            decision,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Policy;
    use crate::decision::Request;

    #[test]
    fn d4_canonical_json_is_deserialized_to_the_same_response() {
        let document = r#"{"match_resolved_addresses":true,"whitelist":["h.example:443/a","10.0.0.0/8"],"insecure":["h.example"],"blocked":["h.example/a/z"],
            "projects":{"p":{"insecure":["*.b.example"]}}}"#;
        let policy = Policy::load(document, 0).unwrap().policy;
        for reference in [
            "h.example/a/b",
            "h.example/a/z",
            "h.example/c",
            "alpine",
            "10.1.2.3/x",
            "x.b.example/y",
            "A B",
            "10.1.2.3:99/x",
        ] {
            for project in [None, Some("p")] {
                let response = policy.answer(&Request { reference, project, ..Request::default() });
                let read: Response<'static> = serde_json::from_str(&response.to_json()).unwrap();
                assert_eq!(read, response);
            }
        }
        assert!(serde_json::from_str::<Response<'static>>(r#"{"reference":"a","decision":"deny"}"#).is_err());
        assert!(serde_json::from_str::<Response<'static>>(r#"{"reference":"a","decision":"Allow"}"#).is_err());
    }
}
