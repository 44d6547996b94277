//! Component bindings: implements the world `pullgate` of `wit/pullgate.wit` with crate `pullgate`.
//!
//! Values that cross the boundary are owned by the caller, so borrowed parts of a decision are copied once, on return.

use bindings::exports::pullgate::policy::{about, admission, types, validation};

struct Component;

impl validation::Guest for Component {
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

impl about::Guest for Component {
    fn version() -> String {
        pullgate::VERSION.to_owned()
    }

    fn rules() -> String {
        pullgate::RULES_SHA256.to_owned()
    }
}

impl admission::Guest for Component {
    type Policy = pullgate::Policy;

    fn compare(old: String, new: String, at: u64) -> Result<admission::Comparison, admission::CompareError> {
        pullgate::compare(&old, &new, at).map(comparison).map_err(unreadable)
    }

    fn narrow(policy: String, remote: String, at: u64) -> Result<String, admission::NarrowError> {
        pullgate::narrow(&policy, &remote, at).map_err(|error| match error {
            pullgate::NarrowError::Unreadable(why) => admission::NarrowError::Unreadable(unreadable(why)),
            pullgate::NarrowError::Uncovered(refused) => admission::NarrowError::Uncovered(admission::UncoveredEntry {
                list: list_out(refused.list),
                index: refused.index,
                entry: refused.entry,
                witness: refused.witness.map(witness),
            }),
        })
    }
}

impl admission::GuestPolicy for pullgate::Policy {
    fn load(document: String, at: u64) -> Result<admission::LoadedPolicy, Vec<types::Finding>> {
        match pullgate::Policy::load(&document, at) {
            Ok(loaded) => Ok(admission::LoadedPolicy {
                policy: admission::Policy::new(loaded.policy),
                findings: findings(loaded.findings),
            }),
            Err(refused) => Err(findings(refused)),
        }
    }

    fn decide(&self, request: admission::Request) -> admission::Decision {
        with_request(request, |request| decision(self.decide(request)))
    }

    fn decide_many(&self, requests: Vec<admission::Request>) -> Vec<admission::Decision> {
        requests.into_iter().map(|request| with_request(request, |request| decision(self.decide(request)))).collect()
    }

    fn decide_text(&self, request: admission::Request) -> String {
        with_request(request, |request| self.answer(request).to_json())
    }

    fn authorities(&self) -> Vec<admission::TrustAnchor> {
        let authority = |authority: &pullgate::TrustAnchor| admission::TrustAnchor {
            fingerprint: authority.fingerprint.clone(),
            title: authority.title.clone(),
            der: authority.der.clone(),
            not_before: authority.not_before,
            not_after: authority.not_after,
        };
        self.authorities().iter().map(authority).collect()
    }

    fn explain(&self, request: admission::Request) -> admission::Explanation {
        with_request(request, |request| explanation(self.explain(request)))
    }
}

/// Bindings generated from the WIT.
#[expect(unsafe_code, reason = "generated: values cross to the host as pointers into this module's memory")]
mod bindings {
    use super::Component;

    wit_bindgen::generate!({ path: "../../wit", world: "pullgate" });
    export!(Component);
}

/// Calls `ask` with the request in the form of crate `pullgate`.
fn with_request<T>(request: admission::Request, ask: impl FnOnce(&pullgate::Request<'_>) -> T) -> T {
    let dns_answers: Vec<pullgate::DnsAnswer> = request.dns_answers.into_iter().flatten().map(dns_answer_in).collect();
    ask(&pullgate::Request {
        reference: &request.reference,
        kind: match request.kind {
            admission::ReferenceKind::Image => pullgate::ReferenceKind::Image,
            admission::ReferenceKind::Registry => pullgate::ReferenceKind::Registry,
        },
        project: request.project.as_deref(),
        dns_answers: &dns_answers,
    })
}

fn dns_answer_in(dns_answer: admission::DnsAnswer) -> pullgate::DnsAnswer {
    pullgate::DnsAnswer {
        kind: match dns_answer.kind {
            admission::LookupKind::Reverse => pullgate::LookupKind::Reverse,
            admission::LookupKind::Forward => pullgate::LookupKind::Forward,
        },
        subject: dns_answer.subject,
        answers: dns_answer.answers,
    }
}

fn list_in(list: types::EntryList) -> pullgate::EntryList {
    match list {
        types::EntryList::Whitelist => pullgate::EntryList::Whitelist,
        types::EntryList::Insecure => pullgate::EntryList::Insecure,
        types::EntryList::BuiltIn => pullgate::EntryList::BuiltIn,
        types::EntryList::Blocked => pullgate::EntryList::Blocked,
    }
}

fn list_out(list: pullgate::EntryList) -> types::EntryList {
    match list {
        pullgate::EntryList::Whitelist => types::EntryList::Whitelist,
        pullgate::EntryList::Insecure => types::EntryList::Insecure,
        pullgate::EntryList::BuiltIn => types::EntryList::BuiltIn,
        pullgate::EntryList::Blocked => types::EntryList::Blocked,
    }
}

fn entry_kind(kind: pullgate::EntryKind) -> types::EntryKind {
    match kind {
        pullgate::EntryKind::Address => types::EntryKind::Address,
        pullgate::EntryKind::Network => types::EntryKind::Network,
        pullgate::EntryKind::Name => types::EntryKind::Name,
        pullgate::EntryKind::Wildcard => types::EntryKind::Wildcard,
        pullgate::EntryKind::Pattern => types::EntryKind::Pattern,
    }
}

fn certificate(certificate: pullgate::CertificateInfo) -> validation::CertificateInfo {
    let pullgate::KeyInfo { algorithm, bits, curve } = certificate.key;
    validation::CertificateInfo {
        subject: certificate.subject,
        issuer: certificate.issuer,
        serial: certificate.serial,
        not_before: certificate.not_before,
        not_after: certificate.not_after,
        key: validation::KeyInfo { algorithm, bits, curve },
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
        self_issued: certificate.self_issued,
        line: certificate.line,
        pem: certificate.pem,
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
        range: finding.range.map(|range| types::TextRange {
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
        pullgate::Decision::Allow(allowed) => admission::Decision::Allow(allow(allowed)),
        pullgate::Decision::Deny(denied) => admission::Decision::Deny(admission::Deny {
            reason: denial(denied.reason),
            text: denied.text,
            by: denied.by.map(matched),
            nearest: denied.nearest.map(|nearest| admission::NearestEntry {
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

fn denial(reason: pullgate::DenialReason) -> admission::DenialReason {
    match reason {
        pullgate::DenialReason::InvalidReference => admission::DenialReason::InvalidReference,
        pullgate::DenialReason::InvalidRequest => admission::DenialReason::InvalidRequest,
        pullgate::DenialReason::UnknownProject => admission::DenialReason::UnknownProject,
        pullgate::DenialReason::Blocked => admission::DenialReason::Blocked,
        // The last three belong to hosts; the rules never return them.
        pullgate::DenialReason::NotWhitelisted
        | pullgate::DenialReason::Trap
        | pullgate::DenialReason::TimeOut
        | pullgate::DenialReason::Memory => admission::DenialReason::NotWhitelisted,
    }
}

fn matched(matched: pullgate::MatchedEntry<'_>) -> admission::MatchedEntry {
    admission::MatchedEntry {
        list: list_out(matched.list),
        index: matched.index,
        entry: matched.entry.into_owned(),
        project: matched.project.map(|project| project.into_owned()),
    }
}

/// Converts what is allowed. Lists without elements are absent: each would cost an allocation here and another at the host.
fn allow(allowed: pullgate::Allow<'_>) -> admission::Allow {
    let mut converted = admission::Allow {
        by: allowed.by.map(matched),
        https: None,
        http_port: None,
        host: None,
        authorities: (!allowed.authorities.is_empty())
            .then(|| allowed.authorities.into_iter().map(|authority| authority.into_owned()).collect()),
        pinned: (!allowed.pinned.is_empty()).then_some(allowed.pinned),
    };
    for pullgate::Attempt { scheme, port, verified, host } in allowed.attempts {
        match scheme {
            pullgate::Scheme::Https => converted.https = Some(admission::HttpsAttempt { port, verified }),
            pullgate::Scheme::Http => converted.http_port = Some(port),
        }
        converted.host = host.map(|host| host.into_owned());
    }
    converted
}

fn miss(miss: pullgate::MissReason) -> admission::MissReason {
    match miss {
        pullgate::MissReason::AnotherPort => admission::MissReason::AnotherPort,
        pullgate::MissReason::AnotherNamespace => admission::MissReason::AnotherNamespace,
        pullgate::MissReason::WildcardApex => admission::MissReason::WildcardApex,
        pullgate::MissReason::BelowName => admission::MissReason::BelowName,
        pullgate::MissReason::SimilarName => admission::MissReason::SimilarName,
        pullgate::MissReason::AnotherRegion => admission::MissReason::AnotherRegion,
        pullgate::MissReason::ImageAsHost => admission::MissReason::ImageAsHost,
        pullgate::MissReason::NameUnderNetwork => admission::MissReason::NameUnderNetwork,
        pullgate::MissReason::AddressOutside => admission::MissReason::AddressOutside,
        pullgate::MissReason::NameUnconfirmed => admission::MissReason::NameUnconfirmed,
        pullgate::MissReason::NeighbouringNetwork => admission::MissReason::NeighbouringNetwork,
    }
}

fn question(question: pullgate::DnsQuery) -> admission::DnsQuery {
    admission::DnsQuery {
        kind: match question.kind {
            pullgate::LookupKind::Reverse => admission::LookupKind::Reverse,
            pullgate::LookupKind::Forward => admission::LookupKind::Forward,
        },
        subject: question.subject,
    }
}

fn explanation(explanation: pullgate::Explanation<'_>) -> admission::Explanation {
    let canonical = explanation.response.to_json();
    let pullgate::Response { registry, repository, decision: decided, .. } = explanation.response;
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
        kind: match step.kind {
            pullgate::StepKind::Reference => admission::StepKind::Reference,
            pullgate::StepKind::Mode => admission::StepKind::Mode,
            pullgate::StepKind::Entry => admission::StepKind::Entry,
            pullgate::StepKind::Dns => admission::StepKind::Dns,
            pullgate::StepKind::Transport => admission::StepKind::Transport,
            pullgate::StepKind::Authorities => admission::StepKind::Authorities,
            pullgate::StepKind::Outcome => admission::StepKind::Outcome,
        },
        entry: step.entry.map(matched),
        matches: step.matches,
        text: step.text,
    }
}

fn unreadable(unreadable: pullgate::CompareError) -> admission::CompareError {
    admission::CompareError { first: findings(unreadable.first), second: findings(unreadable.second) }
}

fn comparison(comparison: pullgate::Comparison) -> admission::Comparison {
    admission::Comparison {
        verdict: match comparison.verdict {
            pullgate::ComparisonVerdict::Same => admission::ComparisonVerdict::Same,
            pullgate::ComparisonVerdict::NotWider => admission::ComparisonVerdict::NotWider,
            pullgate::ComparisonVerdict::Wider => admission::ComparisonVerdict::Wider,
        },
        exhaustive: comparison.exhaustive,
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
            .map(|omitted| admission::TruncatedCount { change: change(omitted.change), count: omitted.count })
            .collect(),
    }
}

fn change(change: pullgate::ChangeKind) -> admission::ChangeKind {
    match change {
        pullgate::ChangeKind::NewlyAllowed => admission::ChangeKind::NewlyAllowed,
        pullgate::ChangeKind::NewlyDenied => admission::ChangeKind::NewlyDenied,
        pullgate::ChangeKind::NowUnverified => admission::ChangeKind::NowUnverified,
        pullgate::ChangeKind::NowVerified => admission::ChangeKind::NowVerified,
        pullgate::ChangeKind::NowPlainHttp => admission::ChangeKind::NowPlainHttp,
        pullgate::ChangeKind::NoLongerPlainHttp => admission::ChangeKind::NoLongerPlainHttp,
        pullgate::ChangeKind::OtherAuthorities => admission::ChangeKind::OtherAuthorities,
        pullgate::ChangeKind::NowByDns => admission::ChangeKind::NowByDns,
        pullgate::ChangeKind::NoLongerByDns => admission::ChangeKind::NoLongerByDns,
    }
}

fn region(region: pullgate::Region) -> admission::Region {
    let within = |within: pullgate::NamespaceSubtree| admission::NamespaceSubtree {
        namespace: within.namespace,
        except: within.except,
    };
    admission::Region {
        change: change(region.change),
        text: region.text,
        unverified: region.unverified,
        hosts: region.hosts,
        matching: region.matching,
        hub: region.hub,
        except: region.except,
        more_except: region.more_except,
        ports: admission::PortSet {
            without_port: region.ports.without_port,
            complement: region.ports.complement,
            ports: region.ports.ports,
        },
        repositories: admission::RepositorySet {
            login: region.repositories.login,
            within: region.repositories.within.into_iter().map(within).collect(),
        },
        projects: admission::ProjectSet {
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
    let dns_answer = |dns_answer: pullgate::DnsAnswer| admission::AssumedDnsAnswer {
        kind: match dns_answer.kind {
            pullgate::LookupKind::Reverse => admission::LookupKind::Reverse,
            pullgate::LookupKind::Forward => admission::LookupKind::Forward,
        },
        subject: dns_answer.subject,
        answers: dns_answer.answers,
    };
    admission::Witness {
        reference: witness.reference,
        kind: match witness.kind {
            pullgate::ReferenceKind::Image => admission::ReferenceKind::Image,
            pullgate::ReferenceKind::Registry => admission::ReferenceKind::Registry,
        },
        project: witness.project,
        dns_answers: witness.dns_answers.into_iter().map(dns_answer).collect(),
        before: witness.before,
        after: witness.after,
    }
}
