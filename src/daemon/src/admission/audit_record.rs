//! The audit record of one decision: a line of JSON of bounded size, without secrets, and with what it takes to decide the
//! same request by another policy (rule A4).

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;
use pullgate::{Allow, DnsAnswer, ReferenceKind, Scheme, redact_userinfo};
use serde::Serialize;

use crate::admission::request::{AdmissionRequest, Frontend};
use crate::policy::store::Generation;

/// Maximum size of one field in bytes: references and users are input.
const MAX_FIELD_BYTES: usize = 1_024;

/// Maximum size of all DNS answers of a record in bytes, below the 4 KiB that `journalctl` shows of a field.
const MAX_DNS_ANSWER_BYTES: usize = 2_048;

/// Maximum number of certificate authorities in a record. The rest is counted.
const MAX_AUTHORITIES: usize = 16;

/// The record of one decision.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditRecord<'a> {
    time: String,
    /// The frontend.
    pub frontend: Frontend,
    user: Cow<'a, str>,
    action: Cow<'a, str>,
    reference: Cow<'a, str>,
    /// The kind of the reference; absent if a setting decided in place of the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<ReferenceKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<Cow<'a, str>>,
    decision: &'static str,
    /// `false` for a denial that was not enforced; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforced: Option<bool>,
    /// The reason: the code of a denial, `matched`, or the setting that decided.
    pub reason: &'static str,
    /// The deciding entry, or the nearest one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<Cow<'a, str>>,
    /// The attempts of a permission.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attempts: Vec<RecordedAttempt<'a>>,
    /// The first of the policy's certificate authorities that apply, in the order of the decision.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    authorities: &'a [Cow<'a, str>],
    /// The number of certificate authorities, if not all are listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    authority_count: Option<usize>,
    #[serde(skip_serializing_if = "String::is_empty")]
    text: String,
    generation: u64,
    policy: &'a str,
    module: &'a str,
    microseconds: u64,
    /// The DNS answers that the decision had.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    dns_answers: &'a [DnsAnswer],
    /// The number of DNS answers, if there were too many to list any.
    #[serde(skip_serializing_if = "Option::is_none")]
    dns_answer_count: Option<usize>,
    /// `caller` if DNS answers of the caller were given with the request, so that they may have decided it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns_answers_from: Option<&'static str>,
    /// `false` for a question that admits nothing; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    admits: Option<bool>,
}

/// A connection attempt in a record, with the members of canonical JSON.
#[derive(Debug, Serialize)]
struct RecordedAttempt<'a> {
    scheme: Scheme,
    port: u16,
    verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
}

impl<'a> AuditRecord<'a> {
    /// Creates a record with an allowing outcome.
    pub fn new(ask: &AdmissionRequest<'a>, generation: &'a Generation, module: &'a str, took: Duration) -> Self {
        Self {
            time: Timestamp::now().to_string(),
            frontend: ask.frontend,
            user: truncate(ask.user),
            action: truncate(ask.action),
            reference: redact_field(ask.reference),
            kind: None,
            project: ask.project.map(truncate),
            decision: "allow",
            enforced: None,
            reason: "matched",
            entry: None,
            attempts: Vec::new(),
            authorities: &[],
            authority_count: None,
            text: String::new(),
            generation: generation.number,
            policy: &generation.sha256,
            module,
            microseconds: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            dns_answers: &[],
            dns_answer_count: None,
            dns_answers_from: None,
            admits: (!ask.frontend.admits()).then_some(false),
        }
    }

    /// Sets what the policy was asked. DNS answers are recorded whole or not at all: with a part of them, another policy
    /// could decide otherwise.
    pub fn set_question(&mut self, kind: ReferenceKind, dns_answers: &'a [DnsAnswer]) {
        self.kind = Some(kind);
        let texts = dns_answers.iter().flat_map(|dns_answer| dns_answer.answers.iter().chain([&dns_answer.subject]));
        // Each text has quotes and a comma.
        if texts.map(|text| text.len() + 3).sum::<usize>() <= MAX_DNS_ANSWER_BYTES {
            self.dns_answers = dns_answers;
        } else {
            self.dns_answer_count = Some(dns_answers.len());
        }
    }

    /// Sets how the registry is reached.
    pub fn set_transport(&mut self, allowed: &'a Allow<'_>) {
        let attempts = allowed.attempts.iter().map(|attempt| RecordedAttempt {
            scheme: attempt.scheme,
            port: attempt.port,
            verified: attempt.verified,
            host: attempt.host.as_deref(),
        });
        self.attempts = attempts.collect();
        let authorities = &allowed.authorities;
        self.authorities = &authorities[..authorities.len().min(MAX_AUTHORITIES)];
        self.authority_count = (authorities.len() > MAX_AUTHORITIES).then_some(authorities.len());
    }

    /// Sets the outcome.
    pub fn set_outcome(&mut self, allowed: bool, text: &str) {
        self.decision = if allowed { "allow" } else { "deny" };
        self.text = truncate(text).into_owned();
    }
}

/// The record of a transfer, written at its end. Its decision has a record of its own, at its beginning.
#[derive(Serialize)]
pub struct TransferRecord<'a> {
    time: String,
    frontend: Frontend,
    user: Cow<'a, str>,
    action: Cow<'a, str>,
    reference: Cow<'a, str>,
    generation: u64,
    transfer: TransferSummary,
}

/// The connection and the size of a transfer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TransferSummary {
    /// The address and port that were reached.
    pub address: SocketAddr,
    /// Bytes from the client to the server.
    pub sent_bytes: u64,
    /// Bytes from the server to the client.
    pub received_bytes: u64,
    /// The duration.
    pub milliseconds: u64,
    /// The reason of its end, as a stable code.
    pub end: &'static str,
}

impl<'a> TransferRecord<'a> {
    /// Creates a record.
    pub fn new(ask: &AdmissionRequest<'a>, generation: u64, transfer: TransferSummary) -> Self {
        Self {
            time: Timestamp::now().to_string(),
            frontend: ask.frontend,
            user: truncate(ask.user),
            action: truncate(ask.action),
            reference: redact_field(ask.reference),
            generation,
            transfer,
        }
    }
}

fn truncate(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_FIELD_BYTES {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("{}...", &text[..text.floor_char_boundary(MAX_FIELD_BYTES)]))
    }
}

/// Redacts user information (rule E11), then truncates: the other way round, a password could lose its `@`.
pub fn redact_field(text: &str) -> Cow<'_, str> {
    match redact_userinfo(text) {
        Cow::Borrowed(text) => truncate(text),
        Cow::Owned(redacted) => Cow::Owned(truncate(&redacted).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown_and_digests_are() {
        let hex = "0a".repeat(32);
        let digest = format!("h.example/x@sha256:{hex}");
        for (reference, shown) in [
            ("h.example/x:1", "h.example/x:1"),
            (&*digest, &*digest),
            ("user:secret@h.example/x", "***********@h.example/x"),
            ("user:secret@h.example:5000", "***********@h.example:5000"),
            ("user:sec@ret@h.example", "************@h.example"),
            ("https://user:secret@h.example/x@sha256:0", "https://***********************@sha256:0"),
            // A password before a whole digest, and a port that reads as one.
            (&*format!("user:secret/x@sha256:{hex}"), &*format!("*************@sha256:{hex}")),
            (&*format!("user:secret@h.example:{hex}"), &*format!("***********@h.example:{hex}")),
            // Digests of other algorithms and other lengths.
            ("bob:s3cret@md5:0a0a", "**********@md5:0a0a"),
            ("_token:s3cret@0a:0a", "*************@0a:0a"),
            // Percent-encoded, and in a query.
            ("bob%3As3cret%40h.example/x", "************%40h.example/x"),
            ("http://h.example/?token=s3cret", "http://h.example/?************"),
        ] {
            assert_eq!(redact_field(reference), shown);
        }
        let long = format!("user:{}@h.example", "secret".repeat(MAX_FIELD_BYTES));
        assert!(!redact_field(&long).contains("secret"));
    }
}
