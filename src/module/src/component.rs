//! The component face: the world `pullgate` of `wit/pullgate.wit`, around the crate `pullgate`.
//!
//! What crosses here is owned by the caller, so borrowed parts of a decision are copied once, on the way out.

use bindings::exports::pullgate::policy::{about, admission, types, validation};

struct Face;

impl validation::Guest for Face {
    fn check_entry(text: String, list: types::EntryList) -> validation::EntryReport {
        let report = pullgate::check_entry(&text, list_in(list));
        validation::EntryReport {
            entry: report.entry,
            kind: report.kind.map(entry_kind),
            findings: findings(report.findings),
        }
    }

    fn check_certificates(pem: Vec<u8>, at: u64) -> validation::CertificateReport {
        let report = pullgate::check_certificates(&pem, at);
        validation::CertificateReport {
            certificates: report.certificates.into_iter().map(certificate).collect(),
            findings: findings(report.findings),
        }
    }

    fn check_policy(document: String, at: u64) -> validation::PolicyReport {
        let report = pullgate::check_policy(&document, at);
        validation::PolicyReport { canonical: report.canonical, findings: findings(report.findings) }
    }
}

impl about::Guest for Face {
    fn version() -> String {
        pullgate::VERSION.to_owned()
    }

    fn rules() -> String {
        pullgate::RULES.to_owned()
    }
}

impl admission::Guest for Face {
    type Policy = pullgate::Policy;

    fn compare(old: String, new: String, at: u64) -> Result<admission::Comparison, admission::Unreadable> {
        pullgate::compare(&old, &new, at).map(comparison).map_err(unreadable)
    }

    fn narrow(policy: String, remote: String, at: u64) -> Result<String, admission::NarrowError> {
        pullgate::narrow(&policy, &remote, at).map_err(|error| match error {
            pullgate::NarrowError::Unreadable(why) => admission::NarrowError::Unreadable(unreadable(why)),
            pullgate::NarrowError::Refused(refused) => admission::NarrowError::Refused(admission::Refused {
                list: list_out(refused.list),
                index: refused.index,
                entry: refused.entry,
                witness: refused.witness.map(witness),
            }),
        })
    }
}

impl admission::GuestPolicy for pullgate::Policy {
    fn load(document: String, at: u64) -> Result<admission::Loaded, Vec<types::Finding>> {
        match pullgate::Policy::load(&document, at) {
            Ok(loaded) => Ok(admission::Loaded {
                policy: admission::Policy::new(loaded.policy),
                findings: findings(loaded.findings),
            }),
            Err(refused) => Err(findings(refused)),
        }
    }

    fn decide(&self, request: admission::Request) -> admission::Decision {
        asked(request, |request| decision(self.decide(request)))
    }

    fn decide_many(&self, requests: Vec<admission::Request>) -> Vec<admission::Decision> {
        requests.into_iter().map(|request| asked(request, |request| decision(self.decide(request)))).collect()
    }

    fn decide_text(&self, request: admission::Request) -> String {
        asked(request, |request| self.answer(request).to_json())
    }

    fn authorities(&self) -> Vec<admission::Authority> {
        let authority = |authority: &pullgate::Authority| admission::Authority {
            fingerprint: authority.fingerprint.clone(),
            title: authority.title.clone(),
            der: authority.der.clone(),
            not_before: authority.not_before,
            not_after: authority.not_after,
        };
        self.authorities().iter().map(authority).collect()
    }

    fn explain(&self, request: admission::Request) -> admission::Explanation {
        asked(request, |request| explanation(self.explain(request)))
    }
}

/// What the WIT says, as Rust.
#[expect(unsafe_code, reason = "generated: values cross to the host as pointers into this module's memory")]
mod bindings {
    use super::Face;

    wit_bindgen::generate!({ path: "../../wit", world: "pullgate" });
    export!(Face);
}

/// Gives `ask` the request as the rules take it.
fn asked<T>(request: admission::Request, ask: impl FnOnce(&pullgate::Request<'_>) -> T) -> T {
    let facts: Vec<pullgate::Fact> = request.facts.into_iter().map(fact_in).collect();
    ask(&pullgate::Request {
        reference: &request.reference,
        kind: match request.kind {
            admission::ReferenceKind::Image => pullgate::ReferenceKind::Image,
            admission::ReferenceKind::Registry => pullgate::ReferenceKind::Registry,
        },
        project: request.project.as_deref(),
        facts: &facts,
    })
}

fn fact_in(fact: admission::Fact) -> pullgate::Fact {
    pullgate::Fact {
        kind: match fact.kind {
            admission::QuestionKind::NamesOf => pullgate::QuestionKind::NamesOf,
            admission::QuestionKind::AddressesOf => pullgate::QuestionKind::AddressesOf,
        },
        subject: fact.subject,
        answers: fact.answers,
    }
}

fn list_in(list: types::EntryList) -> pullgate::List {
    match list {
        types::EntryList::Whitelist => pullgate::List::Whitelist,
        types::EntryList::Insecure => pullgate::List::Insecure,
        types::EntryList::BuiltIn => pullgate::List::BuiltIn,
    }
}

fn list_out(list: pullgate::List) -> types::EntryList {
    match list {
        pullgate::List::Whitelist => types::EntryList::Whitelist,
        pullgate::List::Insecure => types::EntryList::Insecure,
        pullgate::List::BuiltIn => types::EntryList::BuiltIn,
    }
}

fn entry_kind(kind: pullgate::EntryKind) -> types::EntryKind {
    match kind {
        pullgate::EntryKind::Address => types::EntryKind::Address,
        pullgate::EntryKind::Network => types::EntryKind::Network,
        pullgate::EntryKind::Name => types::EntryKind::Name,
        pullgate::EntryKind::Wildcard => types::EntryKind::Wildcard,
    }
}

fn certificate(certificate: pullgate::CertificateDescription) -> validation::Certificate {
    let pullgate::KeyDescription { algorithm, bits, curve } = certificate.key;
    validation::Certificate {
        subject: certificate.subject,
        issuer: certificate.issuer,
        serial: certificate.serial,
        not_before: certificate.not_before,
        not_after: certificate.not_after,
        key: validation::Key { algorithm, bits, curve },
        signature_algorithm: certificate.signature_algorithm,
        sha256: certificate.sha256,
        sha1: certificate.sha1,
        is_ca: certificate.is_ca,
        path_length: certificate.path_length,
        key_usage: certificate.key_usage,
        extended_key_usage: certificate.extended_key_usage,
        subject_alt_names: certificate.subject_alt_names,
        subject_key_id: certificate.subject_key_id,
        authority_key_id: certificate.authority_key_id,
        self_signed: certificate.self_signed,
        line: certificate.line,
        findings: findings(certificate.findings),
    }
}

fn findings(findings: Vec<pullgate::Finding>) -> Vec<types::Finding> {
    findings.into_iter().map(finding).collect()
}

fn finding(finding: pullgate::Finding) -> types::Finding {
    types::Finding {
        code: finding.code.as_str().to_owned(),
        severity: match finding.severity {
            pullgate::Severity::Error => types::Severity::Error,
            pullgate::Severity::Warning => types::Severity::Warning,
            pullgate::Severity::Info => types::Severity::Info,
        },
        path: finding.path,
        range: finding.range.map(|range| types::Range {
            start: range.start,
            end: range.end,
            start_utf16: range.start_utf16,
            end_utf16: range.end_utf16,
        }),
        message: finding.message,
        fix: finding.fix,
    }
}

fn decision(decision: pullgate::Decision<'_>) -> admission::Decision {
    match decision {
        pullgate::Decision::Allow(allowed) => admission::Decision::Allow(admission::Allowed {
            by: allowed.by.map(matched),
            attempts: allowed.attempts.into_iter().map(attempt).collect(),
            authorities: allowed.authorities.into_iter().map(|authority| authority.into_owned()).collect(),
            pinned: allowed.pinned,
        }),
        pullgate::Decision::Deny(denied) => admission::Decision::Deny(admission::Denied {
            reason: denial(denied.reason),
            text: denied.text,
            nearest: denied.nearest.map(|nearest| admission::Nearest {
                entry: matched(nearest.entry),
                miss: miss(nearest.miss),
                text: nearest.text,
            }),
        }),
        pullgate::Decision::Lookup(questions) => {
            admission::Decision::Lookup(questions.into_iter().map(question).collect())
        }
    }
}

fn denial(reason: pullgate::Denial) -> admission::Denial {
    match reason {
        pullgate::Denial::InvalidReference => admission::Denial::InvalidReference,
        pullgate::Denial::UnknownProject => admission::Denial::UnknownProject,
        // The last three are a host's own, and the rules never give them.
        pullgate::Denial::NotWhitelisted
        | pullgate::Denial::Trap
        | pullgate::Denial::TimeOut
        | pullgate::Denial::Memory => admission::Denial::NotWhitelisted,
    }
}

fn matched(matched: pullgate::Matched<'_>) -> admission::Matched {
    admission::Matched {
        list: list_out(matched.list),
        index: matched.index,
        entry: matched.entry.into_owned(),
        project: matched.project.map(|project| project.into_owned()),
    }
}

fn attempt(attempt: pullgate::Attempt<'_>) -> admission::Attempt {
    admission::Attempt {
        scheme: match attempt.scheme {
            pullgate::Scheme::Https => admission::Scheme::Https,
            pullgate::Scheme::Http => admission::Scheme::Http,
        },
        port: attempt.port,
        verified: attempt.verified,
        host: attempt.host.map(|host| host.into_owned()),
    }
}

fn miss(miss: pullgate::Miss) -> admission::Miss {
    match miss {
        pullgate::Miss::AnotherPort => admission::Miss::AnotherPort,
        pullgate::Miss::AnotherNamespace => admission::Miss::AnotherNamespace,
        pullgate::Miss::WildcardApex => admission::Miss::WildcardApex,
        pullgate::Miss::BelowName => admission::Miss::BelowName,
        pullgate::Miss::NameUnderNetwork => admission::Miss::NameUnderNetwork,
        pullgate::Miss::AddressOutside => admission::Miss::AddressOutside,
        pullgate::Miss::NameUnconfirmed => admission::Miss::NameUnconfirmed,
        pullgate::Miss::NeighbouringNetwork => admission::Miss::NeighbouringNetwork,
    }
}

fn question(question: pullgate::Question) -> admission::Question {
    admission::Question {
        kind: match question.kind {
            pullgate::QuestionKind::NamesOf => admission::QuestionKind::NamesOf,
            pullgate::QuestionKind::AddressesOf => admission::QuestionKind::AddressesOf,
        },
        subject: question.subject,
    }
}

fn explanation(explanation: pullgate::Explanation<'_>) -> admission::Explanation {
    let canonical = explanation.answer.to_json();
    let pullgate::Answer { registry, repository, decision: decided, .. } = explanation.answer;
    admission::Explanation {
        registry: registry.map(|registry| registry.into_owned()),
        repository: repository.map(|repository| repository.into_owned()),
        decision: decision(decided),
        steps: explanation.steps.into_iter().map(step).collect(),
        canonical,
    }
}

fn step(step: pullgate::Step<'_>) -> admission::Step {
    admission::Step {
        topic: match step.topic {
            pullgate::Topic::Reference => admission::Topic::Reference,
            pullgate::Topic::Mode => admission::Topic::Mode,
            pullgate::Topic::Entry => admission::Topic::Entry,
            pullgate::Topic::Dns => admission::Topic::Dns,
            pullgate::Topic::Transport => admission::Topic::Transport,
            pullgate::Topic::Authorities => admission::Topic::Authorities,
            pullgate::Topic::Outcome => admission::Topic::Outcome,
        },
        entry: step.entry.map(matched),
        covers: step.covers,
        text: step.text,
    }
}

fn unreadable(unreadable: pullgate::Unreadable) -> admission::Unreadable {
    admission::Unreadable { first: findings(unreadable.first), second: findings(unreadable.second) }
}

fn comparison(comparison: pullgate::Comparison) -> admission::Comparison {
    admission::Comparison {
        verdict: match comparison.verdict {
            pullgate::Verdict::Same => admission::Verdict::Same,
            pullgate::Verdict::NotWider => admission::Verdict::NotWider,
            pullgate::Verdict::Wider => admission::Verdict::Wider,
        },
        modes: comparison
            .modes
            .into_iter()
            .map(|mode| admission::ModeChange { project: mode.project, on: mode.on })
            .collect(),
        match_resolved_addresses: comparison.match_resolved_addresses,
        regions: comparison.regions.into_iter().map(region).collect(),
        omitted: comparison
            .omitted
            .into_iter()
            .map(|omitted| admission::Omitted { change: change(omitted.change), count: omitted.count })
            .collect(),
    }
}

fn change(change: pullgate::Change) -> admission::Change {
    match change {
        pullgate::Change::NewlyAllowed => admission::Change::NewlyAllowed,
        pullgate::Change::NewlyDenied => admission::Change::NewlyDenied,
        pullgate::Change::NowUnverified => admission::Change::NowUnverified,
        pullgate::Change::NowVerified => admission::Change::NowVerified,
        pullgate::Change::NowPlainHttp => admission::Change::NowPlainHttp,
        pullgate::Change::NoLongerPlainHttp => admission::Change::NoLongerPlainHttp,
        pullgate::Change::OtherAuthorities => admission::Change::OtherAuthorities,
        pullgate::Change::NowByDns => admission::Change::NowByDns,
        pullgate::Change::NoLongerByDns => admission::Change::NoLongerByDns,
    }
}

fn region(region: pullgate::Region) -> admission::Region {
    let within = |within: pullgate::Within| admission::Within { namespace: within.namespace, except: within.except };
    admission::Region {
        change: change(region.change),
        text: region.text,
        unverified: region.unverified,
        hosts: region.hosts,
        hub: region.hub,
        except: region.except,
        more_except: region.more_except,
        ports: admission::Ports {
            unwritten: region.ports.unwritten,
            all_but: region.ports.all_but,
            ports: region.ports.ports,
        },
        repositories: admission::Repositories {
            login: region.repositories.login,
            within: region.repositories.within.into_iter().map(within).collect(),
        },
        projects: admission::Projects {
            none: region.projects.none,
            named: region.projects.named,
            others: region.projects.others,
        },
        added: region.added,
        removed: region.removed,
        witness: witness(region.witness),
    }
}

fn witness(witness: pullgate::Witness) -> admission::Witness {
    let fact = |fact: pullgate::Fact| admission::Assumed {
        kind: match fact.kind {
            pullgate::QuestionKind::NamesOf => admission::QuestionKind::NamesOf,
            pullgate::QuestionKind::AddressesOf => admission::QuestionKind::AddressesOf,
        },
        subject: fact.subject,
        answers: fact.answers,
    };
    admission::Witness {
        reference: witness.reference,
        kind: match witness.kind {
            pullgate::ReferenceKind::Image => admission::ReferenceKind::Image,
            pullgate::ReferenceKind::Registry => admission::ReferenceKind::Registry,
        },
        project: witness.project,
        facts: witness.facts.into_iter().map(fact).collect(),
        before: witness.before,
        after: witness.after,
    }
}
