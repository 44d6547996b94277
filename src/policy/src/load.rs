//! Loads policy documents: parsing, linting, and building the policy (rule P3).

use serde::Serialize;

use crate::document::canonical;
use crate::document::{self, ParsedDocument};
use crate::finding::code::Code;
use crate::finding::{Finding, RawFinding, locate_findings};
use crate::lint::{authorities, blocked, entries, overlaps};
use crate::policy::Policy;
use crate::policy::trust_anchors;

/// A loaded policy, with the findings about its document.
#[derive(Debug)]
pub struct LoadedPolicy {
    /// The policy.
    pub policy: Policy,
    /// Findings, in document order. The only error among them is `certificate-expired`: that certificate is left out,
    /// and the rest applies (rule P3).
    pub findings: Vec<Finding>,
}

/// The result of checking a policy document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyReport {
    /// The document in canonical form, as JSON; absent if the document does not load (rule P3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canonical: Option<String>,
    /// Findings, in document order.
    pub findings: Vec<Finding>,
}

/// Checks a policy document (JSON text) as of `at`, in seconds since 1970-01-01 UTC. The limits are 64 MiB and
/// 1,000,000 entries (rule P5).
pub fn check_policy(text: &str, at: u64) -> PolicyReport {
    let read = parse(text, at);
    let canonical = read.is_loadable().then(|| canonical::to_json(&read.document));
    PolicyReport { canonical, findings: read.findings }
}

/// A parsed document and the policy built from it.
pub(crate) struct ParsedPolicy<'t> {
    pub document: ParsedDocument<'t>,
    pub policy: Policy,
    pub findings: Vec<Finding>,
}

impl ParsedPolicy<'_> {
    /// Returns whether the document loads (rule P3), the one decision about it for every surface: that a certificate has
    /// expired is an error of a check, and keeps nothing from loading.
    fn is_loadable(&self) -> bool {
        !self.findings.iter().any(|finding| finding.is_error() && finding.code != Code::CertificateExpired)
    }
}

/// Parses a document that loads; the error is its findings.
pub(crate) fn load_document(text: &str, at: u64) -> Result<ParsedPolicy<'_>, Vec<Finding>> {
    let read = parse(text, at);
    if read.is_loadable() { Ok(read) } else { Err(read.findings) }
}

fn parse(text: &str, at: u64) -> ParsedPolicy<'_> {
    let mut findings = Vec::new();
    let document = document::parse(text, &mut findings);
    let mut certificate_findings = Vec::new();
    let parsed = trust_anchors::parse_authorities(text, &document, at, &mut certificate_findings);
    let policy = Policy::from_document(&document, &parsed, at);
    entries::lint(&document, &policy, &mut findings);
    overlaps::lint(&document, &policy, &mut findings);
    blocked::lint(&document, &policy, &mut findings);
    // A list with errors is incomplete, so nothing is reported about it as a whole.
    if !findings.iter().any(RawFinding::is_error) {
        authorities::lint(&document, &policy, &parsed, &mut certificate_findings);
    }
    drop(parsed);
    findings.extend(certificate_findings);
    ParsedPolicy { findings: locate_findings(text.as_bytes(), findings), document, policy }
}

#[cfg(test)]
pub(crate) fn load_policy(text: &str) -> Policy {
    match Policy::load(text, 0) {
        Ok(loaded) => loaded.policy,
        Err(findings) => panic!("{text}: {findings:#?}"),
    }
}

impl Policy {
    /// Loads a policy document (JSON text) as of `at`, in seconds since 1970-01-01 UTC. Certificates that have expired,
    /// or are not valid yet, are left out of the trust anchors; time alone never keeps a policy from loading.
    ///
    /// # Errors
    ///
    /// A document with any other error does not load (rule P3): the error is its findings.
    pub fn load(text: &str, at: u64) -> Result<LoadedPolicy, Vec<Finding>> {
        load_document(text, at).map(|read| LoadedPolicy { policy: read.policy, findings: read.findings })
    }
}
