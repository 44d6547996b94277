//! One line of an audit record.

use std::borrow::Cow;

use jiff::Timestamp;
use pullgate::{DenialReason, ReferenceKind};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StrDeserializer};

use crate::members::{RecordMembers, Scalar, Text, json_text};

/// The record of a line, borrowed from it.
pub enum RecordLine<'a> {
    /// The record of a decision.
    Decision(Box<DecisionLine<'a>>),
    /// The record of a transfer, whose decision has a record of its own.
    Transfer,
}

/// The record of a decision.
pub struct DecisionLine<'a> {
    pub time: Timestamp,
    /// The user, or the frontend if the user is not known.
    pub asker: Cow<'a, str>,
    pub reference: Cow<'a, str>,
    pub kind: ReferenceKind,
    pub project: Option<Cow<'a, str>>,
    /// The DNS answers as JSON; empty if there are none, and if there were more than a record has room for.
    pub dns_answers: Cow<'a, str>,
    pub is_allowed: bool,
    pub reason: Cow<'a, str>,
    pub entry: Option<Cow<'a, str>>,
    /// The attempts as JSON; empty in a denial, and in records of older versions.
    pub attempts: Cow<'a, str>,
    /// The certificate authorities as JSON; empty if there are none.
    pub authorities: Cow<'a, str>,
    pub authority_count: Option<u64>,
    /// True unless a setting decided in place of the policy.
    pub is_by_policy: bool,
    pub is_enforced: bool,
    /// False for a question that admits nothing.
    pub admits: bool,
    /// The number of records that were omitted before this one.
    pub omitted: u64,
}

impl<'a> RecordLine<'a> {
    /// Parses a line; `None` if it is no record.
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let members: RecordMembers<'a> = serde_json::from_str(std::str::from_utf8(line).ok()?).ok()?;
        let text = |member: Option<Text<'a>>| member.map(|Text(text)| text);
        let json = |member: Option<&'a serde_json::value::RawValue>| {
            member.map_or(Some(Cow::Borrowed("")), |value| json_text(value).ok())
        };
        let is_allowed = match members.decision.as_ref().map(|Text(decision)| &**decision) {
            Some("allow") => true,
            Some("deny") => false,
            None if members.transfer.is_some() => return Some(Self::Transfer),
            _ => return None,
        };
        let reason = text(members.reason).unwrap_or_default();
        let recorded_kind = match members.kind.as_ref().map(|Text(kind)| &**kind) {
            None => None,
            Some(kind) => Some(parse_name::<ReferenceKind>(kind)?),
        };
        // Records of older versions have no kind.
        let is_login = members.action.as_ref().is_some_and(|Text(action)| action == "login");
        let old_kind = if is_login { ReferenceKind::Registry } else { ReferenceKind::Image };
        let dns_answers = match members.dns_answers {
            // What older versions wrote in place of the caller's answers.
            Some(value) if value.get() == r#""caller""# => Cow::Borrowed(""),
            value => json(value)?,
        };
        let user = text(members.user).filter(|user| !user.is_empty());
        let decision = DecisionLine {
            time: parse_time(members.time.as_ref(), members.journal_time.as_ref())?,
            asker: user.or_else(|| text(members.frontend)).unwrap_or_default(),
            reference: members.reference.0,
            kind: recorded_kind.unwrap_or(old_kind),
            project: text(members.project),
            dns_answers,
            is_allowed,
            is_by_policy: recorded_kind.is_some() || is_reason_of_policy(&reason),
            reason,
            entry: text(members.entry),
            attempts: json(members.attempts)?,
            authorities: json(members.authorities)?,
            authority_count: members.authority_count.map(|Scalar(count)| count),
            is_enforced: members.enforced.is_none_or(|Scalar(is_enforced)| is_enforced),
            admits: members.admits.is_none_or(|Scalar(admits)| admits),
            omitted: members.omitted.map_or(0, |Scalar(count)| count),
        };
        Some(Self::Decision(Box::new(decision)))
    }
}

/// Parses the time of a record, or that of the journal, which is in microseconds since 1970-01-01 UTC.
fn parse_time(time: Option<&Text<'_>>, journal_time: Option<&Text<'_>>) -> Option<Timestamp> {
    match time {
        Some(Text(time)) => time.parse().ok(),
        None => Timestamp::from_microsecond(journal_time?.0.parse().ok()?).ok(),
    }
}

/// Returns whether a reason is of the policy, and not the code of a setting.
fn is_reason_of_policy(reason: &str) -> bool {
    matches!(reason, "matched" | "undecided") || parse_name::<DenialReason>(reason).is_some()
}

/// Parses a name of canonical JSON.
fn parse_name<'de, T: Deserialize<'de>>(name: &'de str) -> Option<T> {
    let deserializer: StrDeserializer<'_, ValueError> = name.into_deserializer();
    T::deserialize(deserializer).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Option<DecisionLine<'_>> {
        match RecordLine::parse(line.as_bytes())? {
            RecordLine::Decision(decision) => Some(*decision),
            RecordLine::Transfer => panic!("the record of a transfer: {line}"),
        }
    }

    #[test]
    fn record_of_a_transfer_has_no_decision() {
        let line = r#"{"time":"2026-10-01T08:00:00Z","frontend":"gate","reference":"h/x","transfer":{"sentBytes":7}}"#;
        assert!(matches!(RecordLine::parse(line.as_bytes()), Some(RecordLine::Transfer)));
    }

    #[test]
    fn record_of_an_older_version_is_read() {
        let record = parse(
            r#"{"time":"2026-10-01T08:00:00.5Z","frontend":"docker","user":"","action":"login","reference":"h.test:443",
            "decision":"deny","enforced":false,"reason":"not-whitelisted","text":"...","generation":3,"microseconds":14}"#,
        )
        .unwrap();
        assert_eq!((&*record.asker, record.kind), ("docker", ReferenceKind::Registry));
        assert!(record.is_by_policy && !record.is_enforced && !record.is_allowed && record.admits);
        assert_eq!((&*record.attempts, &*record.dns_answers), ("", ""));
        let marked = r#"{"time":"2026-10-01T08:00:00Z","reference":"x","decision":"allow","reason":"matched","dnsAnswers":"caller"}"#;
        assert_eq!(parse(marked).unwrap().dns_answers, "");
    }

    #[test]
    fn setting_that_decided_is_told_from_the_policy() {
        let by_policy = |members: &str| {
            let line = format!(r#"{{"time":"2026-10-01T08:00:00Z","reference":"x","decision":"deny"{members}}}"#);
            parse(&line).unwrap().is_by_policy
        };
        assert!(by_policy(r#","reason":"time-out""#));
        assert!(by_policy(r#","reason":"a-reason-of-the-future","kind":"image""#));
        assert!(!by_policy(r#","reason":"docker-builds""#));
        assert!(!by_policy(""));
    }

    #[test]
    fn fields_of_the_journal_are_the_members_of_a_record() {
        let record = parse(
            r#"{"__REALTIME_TIMESTAMP":"1760000000000000","_PID":"7","MESSAGE":[104,105],"PULLGATE_REFERENCE":[104,47,120],
            "PULLGATE_DECISION":"deny","PULLGATE_ENFORCED":"false","PULLGATE_KIND":"image","PULLGATE_REASON":"undecided",
            "PULLGATE_OMITTED":"12","PULLGATE_DNSANSWERS":"[{\"kind\":\"reverse\",\"subject\":\"10.0.0.1\",\"answers\":[]}]"}"#,
        )
        .unwrap();
        assert_eq!((&*record.reference, record.omitted, record.is_enforced), ("h/x", 12, false));
        assert_eq!(record.time.to_string(), "2025-10-09T08:53:20Z");
        assert!(record.dns_answers.starts_with(r#"[{"kind""#));
    }

    #[test]
    fn what_is_no_record_is_none() {
        let deep = format!(r#"{{"time":"2026-10-01T08:00:00Z","reference":{}"#, "[".repeat(100_000));
        for line in [
            "",
            "{}",
            "null",
            "2026-10-01T08:00:00Z  INFO the policy is replaced",
            r#"{"time":"2026-10-01T08:00:00Z","reference":"x"}"#,
            r#"{"time":"2026-10-01T08:00:00Z","reference":"x","decision":"maybe"}"#,
            r#"{"time":"yesterday","reference":"x","decision":"allow"}"#,
            r#"{"reference":"x","decision":"allow"}"#,
            r#"{"time":"2026-10-01T08:00:00Z","reference":7,"decision":"allow"}"#,
            r#"{"time":"2026-10-01T08:00:00Z","reference":"x","decision":"allow","kind":"flower"}"#,
            r#"{"time":"2026-10-01T08:00:00Z","reference":"x","reference":"y","decision":"allow"}"#,
            r#"{"time":"2026-10-01T08:00:00Z","reference":"x","decision":"allow"} {}"#,
            r#"{"time":"2026-10-01T08:00:00Z","reference":"x","decision":"al"#,
            &deep,
        ] {
            assert!(parse(line).is_none(), "{}", &line[..line.len().min(100)]);
        }
        assert!(
            RecordLine::parse(b"{\"time\":\"2026-10-01T08:00:00Z\",\"reference\":\"\xff\",\"decision\":\"allow\"}")
                .is_none()
        );
    }
}
