//! The surfaces that answer: native code here, and the component under wasmtime in `component`. (The module in Node is
//! asked by a process of its own: see [`node`](crate::node).)

use pullgate::{CompareError, Comparison, EntryList, Finding, NarrowError, Policy, Request, TrustAnchor};
use serde::Serialize;

use crate::vectors::Case;

/// Something that answers. Every answer is canonical text: one line of JSON.
pub trait Surface {
    /// A loaded policy.
    type Loaded: Loaded;

    /// Checks an entry.
    fn check_entry(&self, text: &str, list: EntryList) -> String;

    /// Checks a bundle of certificates.
    fn check_certificates(&self, pem: &[u8], at: u64) -> String;

    /// Checks a document.
    fn check_policy(&self, text: &str, at: u64) -> String;

    /// Says what a change does. Gives the comparison, or the findings of documents that do not load.
    fn compare(&self, old: &str, new: &str, at: u64) -> String;

    /// Narrows a policy. Gives the document, the refused entry, or the findings of documents that do not load.
    fn narrow(&self, policy: &str, remote: &str, at: u64) -> String;

    /// Loads a document. Gives `{"loads":…,"findings":…}`, and the policy if it loads.
    fn load(&self, text: &str, at: u64) -> (String, Option<Self::Loaded>);
}

/// A loaded policy that answers.
pub trait Loaded {
    /// Decides.
    fn decide(&self, request: &Request<'_>) -> String;

    /// Decides and explains.
    fn explain(&self, request: &Request<'_>) -> String;

    /// The trust anchors: for each the fingerprint, title and times, and how many bytes it has.
    fn authorities(&self) -> String;
}

/// Native code.
pub struct Native;

/// What a surface answers to a case, one line for each answer: the name of the case, what was asked, and the answer,
/// with tabs between them.
pub fn lines<S: Surface>(surface: &S, case: &Case) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = |what: &str, answer: String| lines.push(format!("{}\t{what}\t{answer}", case.name));
    if let Some(entry) = &case.entry {
        line("entry", surface.check_entry(&entry.text, entry.list));
    }
    if let Some(pem) = &case.pem {
        line("certificates", surface.check_certificates(&pem.bytes(), case.at()));
    }
    if let Some(document) = case.document() {
        line("check", surface.check_policy(document, case.at()));
        let (findings, policy) = surface.load(document, case.at());
        line("load", findings);
        if let Some(policy) = policy {
            line("authorities", policy.authorities());
        }
    }
    if let Some(change) = &case.compare {
        line("compare", surface.compare(&change.old.0, &change.new.0, case.at()));
    }
    if let Some(narrow) = &case.narrow {
        line("narrow", surface.narrow(&narrow.policy.0, &narrow.remote.0, case.at()));
    }
    if let Some(policy) = &case.policy {
        let (findings, policy) = surface.load(&policy.0, case.at());
        line("load", findings);
        if let Some(policy) = &policy {
            line("authorities", policy.authorities());
        }
        for (index, asked) in case.requests.iter().enumerate() {
            let Some(policy) = &policy else { break };
            let (reference, kind) = asked.subject();
            let dns_answers = asked.dns_answers();
            let request = Request { reference, kind, project: asked.project.as_deref(), dns_answers: &dns_answers };
            line(&format!("decide {index}"), policy.decide(&request));
            line(&format!("explain {index}"), policy.explain(&request));
        }
    }
    lines
}

/// A trust anchor, as text.
#[derive(Serialize)]
struct Anchor<'a> {
    fingerprint: &'a str,
    title: &'a str,
    bytes: usize,
    from: u64,
    until: u64,
}

pub(crate) fn anchors(authorities: &[TrustAnchor]) -> String {
    let anchor = |authority: &'_ TrustAnchor| {
        let TrustAnchor { fingerprint, title, der, not_before, not_after } = authority;
        json(&Anchor { fingerprint, title, bytes: der.len(), from: *not_before, until: *not_after })
    };
    format!("[{}]", authorities.iter().map(anchor).collect::<Vec<_>>().join(","))
}

/// What loading says, as text.
#[derive(Serialize)]
struct Loading<'a> {
    loads: bool,
    findings: &'a [Finding],
}

pub(crate) fn loading(loads: bool, findings: &[Finding]) -> String {
    json(&Loading { loads, findings })
}

pub(crate) fn compared(result: Result<Comparison, CompareError>) -> String {
    result.map_or_else(|why| json(&why), |comparison| json(&comparison))
}

pub(crate) fn narrowed(result: Result<String, NarrowError>) -> String {
    match result {
        Ok(document) => document,
        Err(NarrowError::Unreadable(why)) => json(&why),
        Err(NarrowError::Uncovered(refused)) => json(&refused),
    }
}

pub(crate) fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("a report can be written as JSON")
}

impl Surface for Native {
    type Loaded = Policy;

    fn check_entry(&self, text: &str, list: EntryList) -> String {
        json(&pullgate::check_entry(text, list))
    }

    fn check_certificates(&self, pem: &[u8], at: u64) -> String {
        json(&pullgate::check_certificates(pem, at))
    }

    fn check_policy(&self, text: &str, at: u64) -> String {
        json(&pullgate::check_policy(text, at))
    }

    fn compare(&self, old: &str, new: &str, at: u64) -> String {
        compared(pullgate::compare(old, new, at))
    }

    fn narrow(&self, policy: &str, remote: &str, at: u64) -> String {
        narrowed(pullgate::narrow(policy, remote, at))
    }

    fn load(&self, text: &str, at: u64) -> (String, Option<Policy>) {
        match Policy::load(text, at) {
            Ok(loaded) => (loading(true, &loaded.findings), Some(loaded.policy)),
            Err(findings) => (loading(false, &findings), None),
        }
    }
}

impl Loaded for Policy {
    fn decide(&self, request: &Request<'_>) -> String {
        self.answer(request).to_json()
    }

    fn explain(&self, request: &Request<'_>) -> String {
        Policy::explain(self, request).to_json()
    }

    fn authorities(&self) -> String {
        anchors(Policy::authorities(self))
    }
}
