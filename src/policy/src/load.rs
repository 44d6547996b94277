//! Loading: from a policy document to a policy, with its findings (rule P3).

use serde::Serialize;

use crate::document::canonical;
use crate::document::{self, Document};
use crate::finding::code::Code;
use crate::finding::{Finding, Note, findings};
use crate::lint::{authorities, entries};
use crate::policy::Policy;
use crate::policy::trust_anchors;

/// A policy that was loaded, and what there is to say of its document.
#[derive(Debug)]
pub struct Loaded {
    /// The policy.
    pub policy: Policy,
    /// Findings, in document order. The only error among them is `certificate-expired`: the certificate is left out, and
    /// the rest stands (rule P3).
    pub findings: Vec<Finding>,
}

/// What was found in a policy document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyReport {
    /// The document in canonical form, as JSON; absent when there is an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canonical: Option<String>,
    /// Findings, in document order.
    pub findings: Vec<Finding>,
}

/// Checks a policy document (JSON text) as of `at`, in seconds since 1970-01-01 UTC. At most 64 MiB and 1,000,000
/// entries are read (rule P5).
pub fn check_policy(text: &str, at: u64) -> PolicyReport {
    let read = read(text, at);
    let canonical = (!read.findings.iter().any(Finding::is_error)).then(|| canonical::write(&read.document));
    PolicyReport { canonical, findings: read.findings }
}

/// A document that was read: what stands in it, and what it means.
pub(crate) struct Read<'t> {
    pub document: Document<'t>,
    pub policy: Policy,
    pub findings: Vec<Finding>,
}

impl Read<'_> {
    /// Whether the document loads (rule P3).
    fn loads(&self) -> bool {
        !self.findings.iter().any(|finding| finding.is_error() && finding.code != Code::CertificateExpired)
    }
}

/// Reads a document that loads; the error is its findings.
pub(crate) fn read_loadable(text: &str, at: u64) -> Result<Read<'_>, Vec<Finding>> {
    let read = read(text, at);
    if read.loads() { Ok(read) } else { Err(read.findings) }
}

fn read(text: &str, at: u64) -> Read<'_> {
    let mut notes = Vec::new();
    let document = document::read(text, &mut notes);
    let mut certificate_notes = Vec::new();
    let given = trust_anchors::read(text, &document, at, &mut certificate_notes);
    let policy = Policy::from_document(&document, &given, at);
    entries::check(&document, &policy, &mut notes);
    // Of lists that could not be read nothing is said as a whole.
    if !notes.iter().any(Note::is_error) {
        authorities::check(&document, &policy, &given, &mut certificate_notes);
    }
    drop(given);
    notes.extend(certificate_notes);
    Read { findings: findings(text.as_bytes(), notes), document, policy }
}

#[cfg(test)]
pub(crate) fn load(text: &str) -> Policy {
    match Policy::load(text, 0) {
        Ok(loaded) => loaded.policy,
        Err(findings) => panic!("{text}: {findings:#?}"),
    }
}

impl Policy {
    /// Loads a policy document (JSON text) as of `at`, in seconds since 1970-01-01 UTC. A document with any error does
    /// not load (rule P3): the error is its findings. Time alone never keeps a policy from loading: a certificate that
    /// has expired, or is not valid yet, is left out of the trust anchors.
    pub fn load(text: &str, at: u64) -> Result<Loaded, Vec<Finding>> {
        read_loadable(text, at).map(|read| Loaded { policy: read.policy, findings: read.findings })
    }
}
