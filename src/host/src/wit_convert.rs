//! Conversion between the component's WIT types and the types of crate `pullgate`.

use std::borrow::Cow;

use pullgate::{
    Allow, Attempt, CertificateInfo, CertificateReport, ChangeKind, Code, CompareError, Comparison, ComparisonVerdict,
    Decision, DenialReason, Deny, DnsAnswer, DnsQuery, EntryKind, EntryList, EntryReport, Explanation, Finding,
    KeyInfo, LookupKind, MatchedEntry, MissReason, ModeChange, NamespaceSubtree, NarrowError, NearestEntry,
    PolicyReport, PortSet, ProjectSet, ReferenceKind, Region, RepositorySet, Request, Response, Scheme, Severity, Step,
    StepKind, TextRange, TruncatedCount, TrustAnchor, UncoveredEntry, Witness, redact_userinfo,
};
use serde::Deserialize;

use crate::bindings::{admission, types, validation};
use crate::error::ExecutionError;

/// Calls `ask` with the request in WIT form.
pub(crate) fn with_request<T>(request: &Request<'_>, ask: impl FnOnce(admission::Request<'_>) -> T) -> T {
    let answers = borrowed_answers(request);
    let dns_answers = to_wit_dns_answers(request, &answers);
    ask(to_wit_request(request, &dns_answers))
}

/// Calls `ask` with the requests in WIT form.
pub(crate) fn with_requests<T>(requests: &[Request<'_>], ask: impl FnOnce(&[admission::Request<'_>]) -> T) -> T {
    let answers: Vec<_> = requests.iter().map(borrowed_answers).collect();
    let dns_answers: Vec<_> =
        requests.iter().zip(&answers).map(|(request, answers)| to_wit_dns_answers(request, answers)).collect();
    let requests: Vec<_> =
        requests.iter().zip(&dns_answers).map(|(request, dns_answers)| to_wit_request(request, dns_answers)).collect();
    ask(&requests)
}

pub(crate) fn to_wit_list(list: EntryList) -> types::EntryList {
    match list {
        EntryList::Whitelist => types::EntryList::Whitelist,
        EntryList::Insecure => types::EntryList::Insecure,
        EntryList::BuiltIn => types::EntryList::BuiltIn,
        EntryList::Blocked => types::EntryList::Blocked,
    }
}

pub(crate) fn entry_report(text: &str, report: validation::EntryReport) -> Result<EntryReport, ExecutionError> {
    Ok(EntryReport {
        text: redact_userinfo(text).into_owned(),
        entry: report.entry,
        kind: report.kind.map(|kind| match kind {
            types::EntryKind::Address => EntryKind::Address,
            types::EntryKind::Network => EntryKind::Network,
            types::EntryKind::Name => EntryKind::Name,
            types::EntryKind::Wildcard => EntryKind::Wildcard,
            types::EntryKind::Pattern => EntryKind::Pattern,
        }),
        findings: findings(report.findings)?,
    })
}

pub(crate) fn policy_report(report: validation::PolicyReport) -> Result<PolicyReport, ExecutionError> {
    Ok(PolicyReport { canonical: report.canonical, findings: findings(report.findings)? })
}

pub(crate) fn certificate_report(report: validation::CertificateReport) -> Result<CertificateReport, ExecutionError> {
    Ok(CertificateReport {
        certificates: report.certificates.into_iter().map(certificate).collect::<Result<_, _>>()?,
        findings: findings(report.findings)?,
    })
}

fn certificate(certificate: validation::CertificateInfo) -> Result<CertificateInfo, ExecutionError> {
    let validation::KeyInfo { algorithm, bits, curve } = certificate.key;
    Ok(CertificateInfo {
        subject: certificate.subject,
        issuer: certificate.issuer,
        serial: certificate.serial,
        not_before: certificate.not_before,
        not_after: certificate.not_after,
        key: KeyInfo { algorithm, bits, curve },
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
        findings: findings(certificate.findings)?,
    })
}

pub(crate) fn authority(authority: admission::TrustAnchor) -> TrustAnchor {
    TrustAnchor {
        fingerprint: authority.fingerprint,
        title: authority.title,
        der: authority.der,
        not_before: authority.not_before,
        not_after: authority.not_after,
    }
}

/// Converts findings. A component with other rules may have codes unknown to this program; they are an error, since no
/// known code has their meaning.
pub(crate) fn findings(findings: Vec<types::Finding>) -> Result<Vec<Finding>, ExecutionError> {
    findings.into_iter().map(finding).collect()
}

pub(crate) fn decision(decision: admission::Decision) -> Decision<'static> {
    match decision {
        admission::Decision::Allow(allowed) => Decision::Allow(allow(allowed)),
        admission::Decision::Deny(denied) => Decision::Deny(Deny {
            reason: match denied.reason {
                admission::DenialReason::NotWhitelisted => DenialReason::NotWhitelisted,
                admission::DenialReason::InvalidReference => DenialReason::InvalidReference,
                admission::DenialReason::InvalidRequest => DenialReason::InvalidRequest,
                admission::DenialReason::UnknownProject => DenialReason::UnknownProject,
                admission::DenialReason::Blocked => DenialReason::Blocked,
            },
            text: denied.text,
            by: denied.by.map(matched),
            nearest: denied.nearest.map(nearest),
        }),
        admission::Decision::Lookup(questions) => Decision::Lookup(questions.into_iter().map(question).collect()),
    }
}

/// Combines a decision with the registry and repository in the canonical text of the same request.
pub(crate) fn response(canonical: &str, decision: Decision<'static>) -> Result<Response<'static>, ExecutionError> {
    #[derive(Deserialize)]
    struct CanonicalFields {
        reference: String,
        registry: Option<String>,
        repository: Option<String>,
    }
    let CanonicalFields { reference, registry, repository } = serde_json::from_str(canonical)
        .map_err(|error| ExecutionError::trap(format!("the module's canonical text is none: {error}")))?;
    if matches!(decision, Decision::Allow(_)) && registry.is_none() {
        return Err(ExecutionError::trap("the module allowed a reference and did not say which registry it names"));
    }
    let (registry, repository) = (registry.map(Into::into), repository.map(Into::into));
    Ok(Response { reference: reference.into(), registry, repository, decision })
}

pub(crate) fn explanation(explanation: admission::Explanation) -> Result<Explanation<'static>, ExecutionError> {
    /// The member that only the canonical text has.
    #[derive(Deserialize)]
    struct CanonicalReference {
        reference: String,
    }
    let canonical: CanonicalReference = serde_json::from_str(&explanation.canonical)
        .map_err(|error| ExecutionError::trap(format!("the module's canonical text is none: {error}")))?;
    Ok(Explanation {
        response: Response {
            reference: canonical.reference.into(),
            registry: explanation.registry.map(Into::into),
            repository: explanation.repository.map(Into::into),
            decision: decision(explanation.decision),
        },
        steps: explanation.steps.into_iter().map(step).collect(),
    })
}

fn borrowed_answers<'a>(request: &Request<'a>) -> Vec<Vec<&'a str>> {
    request.dns_answers.iter().map(|dns_answer| dns_answer.answers.iter().map(String::as_str).collect()).collect()
}

fn to_wit_dns_answers<'a>(request: &Request<'a>, answers: &'a [Vec<&'a str>]) -> Vec<admission::DnsAnswer<'a>> {
    let dns_answers = request.dns_answers.iter().zip(answers);
    dns_answers
        .map(|(dns_answer, answers)| admission::DnsAnswer {
            kind: match dns_answer.kind {
                LookupKind::Reverse => admission::LookupKind::Reverse,
                LookupKind::Forward => admission::LookupKind::Forward,
            },
            subject: &dns_answer.subject,
            answers,
        })
        .collect()
}

fn to_wit_request<'a>(request: &Request<'a>, dns_answers: &'a [admission::DnsAnswer<'a>]) -> admission::Request<'a> {
    admission::Request {
        reference: request.reference,
        kind: match request.kind {
            ReferenceKind::Image => admission::ReferenceKind::Image,
            ReferenceKind::Registry => admission::ReferenceKind::Registry,
        },
        project: request.project,
        dns_answers: (!dns_answers.is_empty()).then_some(dns_answers),
    }
}

fn finding(finding: types::Finding) -> Result<Finding, ExecutionError> {
    Ok(Finding {
        code: Code::from_name(&finding.code).ok_or_else(|| {
            ExecutionError::trap(format!("the module has a finding `{}` that is not known here", finding.code))
        })?,
        severity: match finding.severity {
            types::Severity::Error => Severity::Error,
            types::Severity::Warning => Severity::Warning,
            types::Severity::Info => Severity::Info,
        },
        path: finding.path,
        range: finding.range.map(|range| TextRange {
            start: range.start,
            end: range.end,
            start_utf16: range.start_utf16,
            end_utf16: range.end_utf16,
        }),
        message: finding.message,
        fix: finding.fix,
    })
}

fn list(list: types::EntryList) -> EntryList {
    match list {
        types::EntryList::Whitelist => EntryList::Whitelist,
        types::EntryList::Insecure => EntryList::Insecure,
        types::EntryList::BuiltIn => EntryList::BuiltIn,
        types::EntryList::Blocked => EntryList::Blocked,
    }
}

fn matched(matched: admission::MatchedEntry) -> MatchedEntry<'static> {
    MatchedEntry {
        list: list(matched.list),
        index: matched.index,
        entry: matched.entry.into(),
        project: matched.project.map(Into::into),
    }
}

fn allow(allowed: admission::Allow) -> Allow<'static> {
    let host: Option<Cow<'static, str>> = allowed.host.map(Into::into);
    let https = allowed.https.map(|https| (Scheme::Https, https.port, https.verified));
    let http = allowed.http_port.map(|port| (Scheme::Http, port, false));
    let attempts = https.into_iter().chain(http);
    Allow {
        by: allowed.by.map(matched),
        attempts: attempts
            .map(|(scheme, port, verified)| Attempt { scheme, port, verified, host: host.clone() })
            .collect(),
        authorities: allowed.authorities.into_iter().flatten().map(Into::into).collect(),
        pinned: allowed.pinned.unwrap_or_default(),
    }
}

fn nearest(nearest: admission::NearestEntry) -> NearestEntry<'static> {
    NearestEntry {
        entry: matched(nearest.entry),
        miss: match nearest.miss {
            admission::MissReason::AnotherPort => MissReason::AnotherPort,
            admission::MissReason::AnotherNamespace => MissReason::AnotherNamespace,
            admission::MissReason::WildcardApex => MissReason::WildcardApex,
            admission::MissReason::BelowName => MissReason::BelowName,
            admission::MissReason::SimilarName => MissReason::SimilarName,
            admission::MissReason::AnotherRegion => MissReason::AnotherRegion,
            admission::MissReason::ImageAsHost => MissReason::ImageAsHost,
            admission::MissReason::NameUnderNetwork => MissReason::NameUnderNetwork,
            admission::MissReason::AddressOutside => MissReason::AddressOutside,
            admission::MissReason::NameUnconfirmed => MissReason::NameUnconfirmed,
            admission::MissReason::NeighbouringNetwork => MissReason::NeighbouringNetwork,
        },
        text: nearest.text,
    }
}

fn question(question: admission::DnsQuery) -> DnsQuery {
    DnsQuery {
        kind: match question.kind {
            admission::LookupKind::Reverse => LookupKind::Reverse,
            admission::LookupKind::Forward => LookupKind::Forward,
        },
        subject: question.subject,
    }
}

fn step(step: admission::Step) -> Step<'static> {
    Step {
        kind: match step.kind {
            admission::StepKind::Reference => StepKind::Reference,
            admission::StepKind::Mode => StepKind::Mode,
            admission::StepKind::Entry => StepKind::Entry,
            admission::StepKind::Dns => StepKind::Dns,
            admission::StepKind::Transport => StepKind::Transport,
            admission::StepKind::Authorities => StepKind::Authorities,
            admission::StepKind::Outcome => StepKind::Outcome,
        },
        entry: step.entry.map(matched),
        matches: step.matches,
        text: step.text,
    }
}

pub(crate) fn unreadable(unreadable: admission::CompareError) -> Result<CompareError, ExecutionError> {
    Ok(CompareError { first: findings(unreadable.first)?, second: findings(unreadable.second)? })
}

pub(crate) fn narrow_error(error: admission::NarrowError) -> Result<NarrowError, ExecutionError> {
    Ok(match error {
        admission::NarrowError::Unreadable(why) => NarrowError::Unreadable(unreadable(why)?),
        admission::NarrowError::Uncovered(refused) => NarrowError::Uncovered(Box::new(UncoveredEntry {
            list: list(refused.list),
            index: refused.index,
            entry: refused.entry,
            witness: refused.witness.map(witness),
        })),
    })
}

pub(crate) fn comparison(comparison: admission::Comparison) -> Comparison {
    Comparison {
        verdict: match comparison.verdict {
            admission::ComparisonVerdict::Same => ComparisonVerdict::Same,
            admission::ComparisonVerdict::NotWider => ComparisonVerdict::NotWider,
            admission::ComparisonVerdict::Wider => ComparisonVerdict::Wider,
        },
        exhaustive: comparison.exhaustive,
        modes: comparison.modes.into_iter().map(|mode| ModeChange { project: mode.project, on: mode.on }).collect(),
        match_resolved_addresses: comparison.match_resolved_addresses,
        regions: comparison.regions.into_iter().map(region).collect(),
        omitted: comparison
            .omitted
            .into_iter()
            .map(|omitted| TruncatedCount { change: change(omitted.change), count: omitted.count })
            .collect(),
    }
}

fn change(change: admission::ChangeKind) -> ChangeKind {
    match change {
        admission::ChangeKind::NewlyAllowed => ChangeKind::NewlyAllowed,
        admission::ChangeKind::NewlyDenied => ChangeKind::NewlyDenied,
        admission::ChangeKind::NowUnverified => ChangeKind::NowUnverified,
        admission::ChangeKind::NowVerified => ChangeKind::NowVerified,
        admission::ChangeKind::NowPlainHttp => ChangeKind::NowPlainHttp,
        admission::ChangeKind::NoLongerPlainHttp => ChangeKind::NoLongerPlainHttp,
        admission::ChangeKind::OtherAuthorities => ChangeKind::OtherAuthorities,
        admission::ChangeKind::NowByDns => ChangeKind::NowByDns,
        admission::ChangeKind::NoLongerByDns => ChangeKind::NoLongerByDns,
    }
}

fn region(region: admission::Region) -> Region {
    let within =
        |within: admission::NamespaceSubtree| NamespaceSubtree { namespace: within.namespace, except: within.except };
    Region {
        change: change(region.change),
        text: region.text,
        unverified: region.unverified,
        hosts: region.hosts,
        matching: region.matching,
        hub: region.hub,
        except: region.except,
        more_except: region.more_except,
        ports: PortSet {
            without_port: region.ports.without_port,
            complement: region.ports.complement,
            ports: region.ports.ports,
        },
        repositories: RepositorySet {
            login: region.repositories.login,
            within: region.repositories.within.into_iter().map(within).collect(),
        },
        projects: ProjectSet {
            none: region.projects.none,
            named: region.projects.named,
            others: region.projects.others,
        },
        added: region.added,
        removed: region.removed,
        witness: witness(region.witness),
    }
}

fn witness(witness: admission::Witness) -> Witness {
    let dns_answer = |dns_answer: admission::AssumedDnsAnswer| DnsAnswer {
        kind: match dns_answer.kind {
            admission::LookupKind::Reverse => LookupKind::Reverse,
            admission::LookupKind::Forward => LookupKind::Forward,
        },
        subject: dns_answer.subject,
        answers: dns_answer.answers,
    };
    Witness {
        reference: witness.reference,
        kind: match witness.kind {
            admission::ReferenceKind::Image => ReferenceKind::Image,
            admission::ReferenceKind::Registry => ReferenceKind::Registry,
        },
        project: witness.project,
        dns_answers: witness.dns_answers.into_iter().map(dns_answer).collect(),
        before: witness.before,
        after: witness.after,
    }
}
