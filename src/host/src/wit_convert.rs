//! The component's types as those of the crate `pullgate`, and back.

use pullgate::{
    Allowed, Answer, Attempt, Authority, CertificateDescription, CertificateReport, Change, Code, Comparison, Decision,
    Denial, Denied, EntryKind, EntryReport, Explanation, Fact, Finding, KeyDescription, List, Matched, Miss,
    ModeChange, NarrowError, Nearest, Omitted, PolicyReport, Ports, Projects, Question, QuestionKind, Range,
    ReferenceKind, Refused, Region, Repositories, Request, Scheme, Severity, Step, Topic, Unreadable, Verdict, Within,
    Witness,
};
use serde::Deserialize;

use crate::bindings::{admission, types, validation};
use crate::error::Failure;
use crate::redact::masked;

/// Gives `ask` the request as the component takes it.
pub(crate) fn asked<T>(request: &Request<'_>, ask: impl FnOnce(admission::Request<'_>) -> T) -> T {
    let answers = answers(request);
    let facts = facts(request, &answers);
    ask(request_in(request, &facts))
}

/// Gives `ask` the requests as the component takes them.
pub(crate) fn asked_many<T>(requests: &[Request<'_>], ask: impl FnOnce(&[admission::Request<'_>]) -> T) -> T {
    let answers: Vec<_> = requests.iter().map(answers).collect();
    let facts: Vec<_> = requests.iter().zip(&answers).map(|(request, answers)| facts(request, answers)).collect();
    let requests: Vec<_> = requests.iter().zip(&facts).map(|(request, facts)| request_in(request, facts)).collect();
    ask(&requests)
}

pub(crate) fn list_in(list: List) -> types::EntryList {
    match list {
        List::Whitelist => types::EntryList::Whitelist,
        List::Insecure => types::EntryList::Insecure,
        List::BuiltIn => types::EntryList::BuiltIn,
    }
}

pub(crate) fn entry_report(text: &str, report: validation::EntryReport) -> Result<EntryReport, Failure> {
    Ok(EntryReport {
        text: masked(text),
        entry: report.entry,
        kind: report.kind.map(|kind| match kind {
            types::EntryKind::Address => EntryKind::Address,
            types::EntryKind::Network => EntryKind::Network,
            types::EntryKind::Name => EntryKind::Name,
            types::EntryKind::Wildcard => EntryKind::Wildcard,
        }),
        findings: findings(report.findings)?,
    })
}

pub(crate) fn policy_report(report: validation::PolicyReport) -> Result<PolicyReport, Failure> {
    Ok(PolicyReport { canonical: report.canonical, findings: findings(report.findings)? })
}

pub(crate) fn certificate_report(report: validation::CertificateReport) -> Result<CertificateReport, Failure> {
    Ok(CertificateReport {
        certificates: report.certificates.into_iter().map(certificate).collect::<Result<_, _>>()?,
        findings: findings(report.findings)?,
    })
}

fn certificate(certificate: validation::Certificate) -> Result<CertificateDescription, Failure> {
    let validation::Key { algorithm, bits, curve } = certificate.key;
    Ok(CertificateDescription {
        subject: certificate.subject,
        issuer: certificate.issuer,
        serial: certificate.serial,
        not_before: certificate.not_before,
        not_after: certificate.not_after,
        key: KeyDescription { algorithm, bits, curve },
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
        findings: findings(certificate.findings)?,
    })
}

pub(crate) fn authority(authority: admission::Authority) -> Authority {
    Authority {
        fingerprint: authority.fingerprint,
        title: authority.title,
        der: authority.der,
        not_before: authority.not_before,
        not_after: authority.not_after,
    }
}

/// The findings. A component of other rules may have codes that this program does not know: that is a failure, since
/// no code would say what was meant.
pub(crate) fn findings(findings: Vec<types::Finding>) -> Result<Vec<Finding>, Failure> {
    findings.into_iter().map(finding).collect()
}

pub(crate) fn decision(decision: admission::Decision) -> Decision<'static> {
    match decision {
        admission::Decision::Allow(allowed) => Decision::Allow(Allowed {
            by: allowed.by.map(matched),
            attempts: allowed.attempts.into_iter().map(attempt).collect(),
            authorities: allowed.authorities.into_iter().map(Into::into).collect(),
            pinned: allowed.pinned,
        }),
        admission::Decision::Deny(denied) => Decision::Deny(Denied {
            reason: match denied.reason {
                admission::Denial::NotWhitelisted => Denial::NotWhitelisted,
                admission::Denial::InvalidReference => Denial::InvalidReference,
                admission::Denial::UnknownProject => Denial::UnknownProject,
            },
            text: denied.text,
            nearest: denied.nearest.map(nearest),
        }),
        admission::Decision::Lookup(questions) => Decision::Lookup(questions.into_iter().map(question).collect()),
    }
}

/// The decision with what was asked, which the canonical text of the same request says.
pub(crate) fn answer(canonical: &str, decision: Decision<'static>) -> Result<Answer<'static>, Failure> {
    #[derive(Deserialize)]
    struct Asked {
        reference: String,
        registry: Option<String>,
        repository: Option<String>,
    }
    let Asked { reference, registry, repository } = serde_json::from_str(canonical)
        .map_err(|error| Failure::trap(format!("the module's canonical text is none: {error}")))?;
    if matches!(decision, Decision::Allow(_)) && registry.is_none() {
        return Err(Failure::trap("the module allowed a reference and did not say which registry it names"));
    }
    let (registry, repository) = (registry.map(Into::into), repository.map(Into::into));
    Ok(Answer { reference: reference.into(), registry, repository, decision })
}

pub(crate) fn explanation(explanation: admission::Explanation) -> Result<Explanation<'static>, Failure> {
    /// The one thing that only the canonical text has.
    #[derive(Deserialize)]
    struct Canonical {
        reference: String,
    }
    let canonical: Canonical = serde_json::from_str(&explanation.canonical)
        .map_err(|error| Failure::trap(format!("the module's canonical text is none: {error}")))?;
    Ok(Explanation {
        answer: Answer {
            reference: canonical.reference.into(),
            registry: explanation.registry.map(Into::into),
            repository: explanation.repository.map(Into::into),
            decision: decision(explanation.decision),
        },
        steps: explanation.steps.into_iter().map(step).collect(),
    })
}

fn answers<'a>(request: &Request<'a>) -> Vec<Vec<&'a str>> {
    request.facts.iter().map(|fact| fact.answers.iter().map(String::as_str).collect()).collect()
}

fn facts<'a>(request: &Request<'a>, answers: &'a [Vec<&'a str>]) -> Vec<admission::Fact<'a>> {
    let facts = request.facts.iter().zip(answers);
    facts
        .map(|(fact, answers)| admission::Fact {
            kind: match fact.kind {
                QuestionKind::NamesOf => admission::QuestionKind::NamesOf,
                QuestionKind::AddressesOf => admission::QuestionKind::AddressesOf,
            },
            subject: &fact.subject,
            answers,
        })
        .collect()
}

fn request_in<'a>(request: &Request<'a>, facts: &'a [admission::Fact<'a>]) -> admission::Request<'a> {
    admission::Request {
        reference: request.reference,
        kind: match request.kind {
            ReferenceKind::Image => admission::ReferenceKind::Image,
            ReferenceKind::Registry => admission::ReferenceKind::Registry,
        },
        project: request.project,
        facts,
    }
}

fn finding(finding: types::Finding) -> Result<Finding, Failure> {
    Ok(Finding {
        code: Code::from_name(&finding.code).ok_or_else(|| {
            Failure::trap(format!("the module has a finding `{}` that is not known here", finding.code))
        })?,
        severity: match finding.severity {
            types::Severity::Error => Severity::Error,
            types::Severity::Warning => Severity::Warning,
            types::Severity::Info => Severity::Info,
        },
        path: finding.path,
        range: finding.range.map(|range| Range {
            start: range.start,
            end: range.end,
            start_utf16: range.start_utf16,
            end_utf16: range.end_utf16,
        }),
        message: finding.message,
        fix: finding.fix,
    })
}

fn list(list: types::EntryList) -> List {
    match list {
        types::EntryList::Whitelist => List::Whitelist,
        types::EntryList::Insecure => List::Insecure,
        types::EntryList::BuiltIn => List::BuiltIn,
    }
}

fn matched(matched: admission::Matched) -> Matched<'static> {
    Matched {
        list: list(matched.list),
        index: matched.index,
        entry: matched.entry.into(),
        project: matched.project.map(Into::into),
    }
}

fn attempt(attempt: admission::Attempt) -> Attempt<'static> {
    Attempt {
        scheme: match attempt.scheme {
            admission::Scheme::Https => Scheme::Https,
            admission::Scheme::Http => Scheme::Http,
        },
        port: attempt.port,
        verified: attempt.verified,
        host: attempt.host.map(Into::into),
    }
}

fn nearest(nearest: admission::Nearest) -> Nearest<'static> {
    Nearest {
        entry: matched(nearest.entry),
        miss: match nearest.miss {
            admission::Miss::AnotherPort => Miss::AnotherPort,
            admission::Miss::AnotherNamespace => Miss::AnotherNamespace,
            admission::Miss::WildcardApex => Miss::WildcardApex,
            admission::Miss::BelowName => Miss::BelowName,
            admission::Miss::NameUnderNetwork => Miss::NameUnderNetwork,
            admission::Miss::AddressOutside => Miss::AddressOutside,
            admission::Miss::NameUnconfirmed => Miss::NameUnconfirmed,
            admission::Miss::NeighbouringNetwork => Miss::NeighbouringNetwork,
        },
        text: nearest.text,
    }
}

fn question(question: admission::Question) -> Question {
    Question {
        kind: match question.kind {
            admission::QuestionKind::NamesOf => QuestionKind::NamesOf,
            admission::QuestionKind::AddressesOf => QuestionKind::AddressesOf,
        },
        subject: question.subject,
    }
}

fn step(step: admission::Step) -> Step<'static> {
    Step {
        topic: match step.topic {
            admission::Topic::Reference => Topic::Reference,
            admission::Topic::Mode => Topic::Mode,
            admission::Topic::Entry => Topic::Entry,
            admission::Topic::Dns => Topic::Dns,
            admission::Topic::Transport => Topic::Transport,
            admission::Topic::Authorities => Topic::Authorities,
            admission::Topic::Outcome => Topic::Outcome,
        },
        entry: step.entry.map(matched),
        covers: step.covers,
        text: step.text,
    }
}

pub(crate) fn unreadable(unreadable: admission::Unreadable) -> Result<Unreadable, Failure> {
    Ok(Unreadable { first: findings(unreadable.first)?, second: findings(unreadable.second)? })
}

pub(crate) fn narrow_error(error: admission::NarrowError) -> Result<NarrowError, Failure> {
    Ok(match error {
        admission::NarrowError::Unreadable(why) => NarrowError::Unreadable(unreadable(why)?),
        admission::NarrowError::Refused(refused) => NarrowError::Refused(Box::new(Refused {
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
            admission::Verdict::Same => Verdict::Same,
            admission::Verdict::NotWider => Verdict::NotWider,
            admission::Verdict::Wider => Verdict::Wider,
        },
        modes: comparison.modes.into_iter().map(|mode| ModeChange { project: mode.project, on: mode.on }).collect(),
        match_resolved_addresses: comparison.match_resolved_addresses,
        regions: comparison.regions.into_iter().map(region).collect(),
        omitted: comparison
            .omitted
            .into_iter()
            .map(|omitted| Omitted { change: change(omitted.change), count: omitted.count })
            .collect(),
    }
}

fn change(change: admission::Change) -> Change {
    match change {
        admission::Change::NewlyAllowed => Change::NewlyAllowed,
        admission::Change::NewlyDenied => Change::NewlyDenied,
        admission::Change::NowUnverified => Change::NowUnverified,
        admission::Change::NowVerified => Change::NowVerified,
        admission::Change::NowPlainHttp => Change::NowPlainHttp,
        admission::Change::NoLongerPlainHttp => Change::NoLongerPlainHttp,
        admission::Change::OtherAuthorities => Change::OtherAuthorities,
        admission::Change::NowByDns => Change::NowByDns,
        admission::Change::NoLongerByDns => Change::NoLongerByDns,
    }
}

fn region(region: admission::Region) -> Region {
    let within = |within: admission::Within| Within { namespace: within.namespace, except: within.except };
    Region {
        change: change(region.change),
        text: region.text,
        unverified: region.unverified,
        hosts: region.hosts,
        hub: region.hub,
        except: region.except,
        more_except: region.more_except,
        ports: Ports { unwritten: region.ports.unwritten, all_but: region.ports.all_but, ports: region.ports.ports },
        repositories: Repositories {
            login: region.repositories.login,
            within: region.repositories.within.into_iter().map(within).collect(),
        },
        projects: Projects { none: region.projects.none, named: region.projects.named, others: region.projects.others },
        added: region.added,
        removed: region.removed,
        witness: witness(region.witness),
    }
}

fn witness(witness: admission::Witness) -> Witness {
    let fact = |fact: admission::Assumed| Fact {
        kind: match fact.kind {
            admission::QuestionKind::NamesOf => QuestionKind::NamesOf,
            admission::QuestionKind::AddressesOf => QuestionKind::AddressesOf,
        },
        subject: fact.subject,
        answers: fact.answers,
    };
    Witness {
        reference: witness.reference,
        kind: match witness.kind {
            admission::ReferenceKind::Image => ReferenceKind::Image,
            admission::ReferenceKind::Registry => ReferenceKind::Registry,
        },
        project: witness.project,
        facts: witness.facts.into_iter().map(fact).collect(),
        before: witness.before,
        after: witness.after,
    }
}
