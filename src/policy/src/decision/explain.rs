//! Explanations (rule D3): the same decision, with what was considered on the way.
//!
//! The decision itself is made by `decide`; here every entry is looked at, one by one, and each says why it covers the
//! reference or not.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::decision::dns_answers::{leads_to, read_address, read_name, sorted};
use crate::decision::query::{Ask, Hit};
use crate::decision::{Answer, Decision, Denial, Explanation, Matched, QuestionKind, Request, Scheme, Step, Topic};
use crate::entry::{self, Entry, Hosts};
use crate::finding::List;
use crate::host::docker_hub;
use crate::policy::Policy;
use crate::policy::index::{ANY_PORT, Row, Subject};
use crate::reference::Reference;
use crate::reference::repository;

/// How many entries that do not cover the reference are shown one by one. Those that cover it all are.
const SHOWN: usize = 100;

impl Policy {
    /// Decides one request and says how (rule D3). Looks at every entry: for people, not for the admission path.
    pub fn explain<'a>(&'a self, request: &Request<'a>) -> Explanation<'a> {
        let answer = self.answer(request);
        let mut steps = Vec::new();
        let mut authorities = String::new();
        if let Ok(reference) = Reference::read(request.reference, request.kind) {
            steps.push(step(Topic::Reference, read_as(&reference)));
            if let Ok(ask) = self.ask(&reference, request) {
                steps.push(step(Topic::Mode, mode(&ask)));
                entries(&ask, &mut steps);
                authorities = vouching(&ask);
                steps.extend(ask.facts.iter().map(|fact| step(Topic::Dns, said(fact))));
            }
        }
        conclusion(&answer, authorities, &mut steps);
        Explanation { answer, steps }
    }
}

fn step<'a>(topic: Topic, text: String) -> Step<'a> {
    Step { topic, entry: None, covers: None, text }
}

fn read_as(reference: &Reference<'_>) -> String {
    let registry = reference.registry_text();
    let mut text = match &reference.repository {
        Some(repository) => format!("repository `{repository}` on registry `{registry}`"),
        None => format!("registry `{registry}`"),
    };
    if matches!(reference.registry, crate::reference::Registry::Hub) {
        text.push_str(", which is Docker Hub");
    }
    if let Some(tag) = reference.tag {
        text.push_str(&format!(", tag `{tag}`"));
    }
    if let Some(digest) = reference.digest {
        text.push_str(&format!(", digest `{digest}`"));
    }
    text
}

fn mode(ask: &Ask<'_, '_>) -> String {
    let whose = match ask.project {
        Some((project, _)) => format!(" for project `{project}`"),
        None => String::new(),
    };
    if ask.whitelist_mode() {
        format!("whitelist mode is on{whose}: only what an entry covers is allowed")
    } else {
        format!("whitelist mode is off{whose}: every registry is allowed, and entries decide the transport only")
    }
}

fn said(fact: &crate::decision::Fact) -> String {
    let what = match fact.kind {
        QuestionKind::NamesOf => "names",
        QuestionKind::AddressesOf => "addresses",
    };
    if fact.answers.is_empty() {
        format!("`{}` has no {what}, or none that could be had", fact.subject)
    } else {
        format!("the {what} of `{}` are {}", fact.subject, fact.answers.join(", "))
    }
}

fn entries<'a>(ask: &Ask<'a, '_>, steps: &mut Vec<Step<'a>>) {
    let mut hidden: usize = 0;
    let mut shown: usize = 0;
    for (project, index) in ask.indexes() {
        for row in index.rows() {
            let (covers, why) = weigh(ask, row);
            if !covers {
                shown = shown.saturating_add(1);
                if shown > SHOWN {
                    hidden = hidden.saturating_add(1);
                    continue;
                }
            }
            let entry = Some(Hit { row, project }.matched());
            steps.push(Step { topic: Topic::Entry, entry, covers: Some(covers), text: why });
        }
    }
    if hidden > 0 {
        steps.push(step(Topic::Entry, format!("{hidden} more entries do not cover it")));
    }
}

/// Whether one entry covers the reference, by itself or one of its addresses among others that do (rule M4), and why.
fn weigh(ask: &Ask<'_, '_>, row: &Row) -> (bool, String) {
    // The text of a row is canonical, so it parses.
    let Some(entry) = entry::parse(&row.text, &mut Vec::new()).map(|written| written.entry) else {
        return (false, "cannot be read".to_owned());
    };
    let host = match host(ask, &entry, row.list) {
        Ok(host) => host,
        Err(why) => return (false, why),
    };
    if row.port != ANY_PORT && !ask.ports.of_list(row.list).contains(&row.port) {
        return (false, format!("{host}, but it covers port {} only", row.port));
    }
    let namespace = row.namespace();
    match ask.reference.repository.as_deref() {
        Some(repository) if !namespace.is_empty() && !repository::is_within(repository, namespace) => {
            (false, format!("{host}, but it covers repositories in `{namespace}` only"))
        }
        _ => (true, host),
    }
}

/// Rule M1, and M4 and M5 with the facts of the request: how the entry covers the host, or why it does not.
fn host(ask: &Ask<'_, '_>, entry: &Entry, list: List) -> Result<String, String> {
    match (ask.subject(), &entry.hosts) {
        (Subject::Hub, _) if entry.is_hub() => Ok("it is Docker Hub".to_owned()),
        (Subject::Hub, Hosts::Wildcard(domain)) if docker_hub::WILDCARD_DOMAINS.contains(&&**domain) => {
            Ok(format!("Docker Hub's `{}` is below `{domain}`", docker_hub::HOST))
        }
        (Subject::Hub, Hosts::Address(_) | Hosts::Network(_)) => by_addresses(ask, docker_hub::HOST, entry, list),
        (Subject::Hub, _) => Err("it is not Docker Hub".to_owned()),
        (Subject::Name(name), Hosts::Name(other)) if **other == *name && !entry.is_hub() => {
            Ok("it is the same name".to_owned())
        }
        (Subject::Name(_), Hosts::Name(_)) if entry.is_hub() => {
            Err(format!("it is Docker Hub, which is on port {} only", docker_hub::PORT))
        }
        (Subject::Name(_), Hosts::Name(_)) => Err("it is another name".to_owned()),
        (Subject::Name(name), Hosts::Wildcard(domain)) => match below(name, domain) {
            true => Ok(format!("the name is below `{domain}`")),
            false if **domain == *name => Err(format!("`{domain}` itself is not below `{domain}`")),
            false => Err(format!("the name is not below `{domain}`")),
        },
        (Subject::Name(name), Hosts::Address(_) | Hosts::Network(_)) => by_addresses(ask, name, entry, list),
        (Subject::Address(address), Hosts::Address(other)) if address == *other => {
            Ok("it is the same address".to_owned())
        }
        (Subject::Address(_), Hosts::Address(_)) => Err("it is another address".to_owned()),
        (Subject::Address(address), Hosts::Network(network)) => match within(address, network) {
            true => Ok("the address is inside".to_owned()),
            false => Err("the address is outside".to_owned()),
        },
        (Subject::Address(_), Hosts::Name(_)) => Err("an exact name never covers an address".to_owned()),
        (Subject::Address(address), Hosts::Wildcard(domain)) => by_names(ask, address, domain),
    }
}

fn within(address: IpAddr, network: &IpNet) -> bool {
    entry::network(address, network.prefix_len()) == Some(*network)
}

fn below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|front| front.len() > 1 && front.ends_with('.'))
}

fn by_addresses(ask: &Ask<'_, '_>, name: &str, entry: &Entry, list: List) -> Result<String, String> {
    if !ask.policy.resolves {
        return Err("addresses do not cover names, since `match_resolved_addresses` is not set".to_owned());
    }
    let Some(answers) = ask.fact(QuestionKind::AddressesOf, name) else {
        return Err(format!("that depends on the addresses of `{name}`"));
    };
    let contains = |address: IpAddr| match &entry.hosts {
        Hosts::Address(other) => *other == address,
        Hosts::Network(network) => within(address, network),
        Hosts::Name(_) | Hosts::Wildcard(_) => false,
    };
    let addresses = sorted(answers.iter().map(|answer| read_address(answer)));
    let count = addresses.iter().filter(|address| address.is_some_and(contains)).count();
    let covered = |address: &Option<IpAddr>| address.is_some_and(|address| ask.of_address(address).is_covered());
    match (count, addresses.len()) {
        (_, 0) => Err(format!("`{name}` has no address")),
        (0, _) => Err(format!("no address of `{name}` is covered")),
        (count, all) if count == all => Ok(format!("every address of `{name}` is covered")),
        // Rule T5: one of the product's own is enough.
        (count, all) if list == List::BuiltIn => Ok(format!("{count} of the {all} addresses of `{name}` are covered")),
        (count, all) if addresses.iter().all(covered) => {
            Ok(format!("{count} of the {all} addresses of `{name}` are covered, and other entries cover the rest"))
        }
        (count, all) => {
            Err(format!("{count} of the {all} addresses of `{name}` are covered, and all must be by some entry"))
        }
    }
}

fn by_names(ask: &Ask<'_, '_>, address: IpAddr, domain: &str) -> Result<String, String> {
    let Some(answers) = ask.fact(QuestionKind::NamesOf, &address.to_string()) else {
        return Err(format!("that would depend on the names of {address}"));
    };
    let names: Vec<String> =
        answers.iter().filter_map(|answer| read_name(answer)).filter(|name| below(name, domain)).collect();
    let confirmed =
        |name: &&String| ask.fact(QuestionKind::AddressesOf, name).is_some_and(|answers| leads_to(answers, address));
    match (names.iter().find(confirmed), names.first()) {
        (Some(name), _) => Ok(format!("{address} is `{name}`, and that name resolves back to it")),
        (None, Some(name)) => {
            Err(format!("{address} calls itself `{name}`, which was not confirmed by that name's addresses"))
        }
        (None, None) => Err(format!("no name of {address} is below `{domain}`")),
    }
}

fn conclusion(answer: &Answer<'_>, authorities: String, steps: &mut Vec<Step<'_>>) {
    match &answer.decision {
        Decision::Allow(allowed) => {
            steps.push(step(Topic::Transport, transport(allowed.by.as_ref(), allowed)));
            if allowed.attempts.iter().any(|attempt| attempt.verified) {
                steps.push(step(Topic::Authorities, authorities));
            }
            if !allowed.pinned.is_empty() {
                steps.push(step(
                    Topic::Dns,
                    format!("only these addresses may be connected to: {}", allowed.pinned.join(", ")),
                ));
            }
            let text = match &allowed.by {
                Some(by) => format!("allowed by {}", named(by)),
                None => "allowed, as every registry is while whitelist mode is off".to_owned(),
            };
            steps.push(step(Topic::Outcome, text));
        }
        Decision::Deny(denied) => {
            if let (Denial::NotWhitelisted, Some(nearest)) = (denied.reason, &denied.nearest) {
                let text = format!("the nearest entry is {}: {}", named(&nearest.entry), nearest.text);
                steps.push(step(Topic::Entry, text));
            }
            steps.push(step(Topic::Outcome, format!("denied: {}", denied.text)));
        }
        Decision::Lookup(questions) => {
            let questions: Vec<String> = questions
                .iter()
                .map(|question| match question.kind {
                    QuestionKind::NamesOf => format!("the names of {}", question.subject),
                    QuestionKind::AddressesOf => format!("the addresses of `{}`", question.subject),
                })
                .collect();
            steps.push(step(Topic::Outcome, format!("undecided until DNS was asked for {}", questions.join(" and "))));
        }
    }
}

/// Rule C1.
fn vouching(ask: &Ask<'_, '_>) -> String {
    let titles: Vec<String> = ask.authorities().map(|authority| format!("`{}`", authority.title)).collect();
    match titles.as_slice() {
        [] => "the certificate must be from a well-known authority".to_owned(),
        titles => {
            format!("the certificate must be from a well-known authority, or from the policy's {}", titles.join(", "))
        }
    }
}

fn transport(by: Option<&Matched<'_>>, allowed: &crate::decision::Allowed<'_>) -> String {
    let attempts: Vec<String> = allowed
        .attempts
        .iter()
        .map(|attempt| match (attempt.scheme, attempt.verified) {
            (Scheme::Https, true) => format!("HTTPS on port {} with the certificate verified", attempt.port),
            (Scheme::Https, false) => format!("HTTPS on port {} without verification", attempt.port),
            (Scheme::Http, _) => format!("plain HTTP on port {}", attempt.port),
        })
        .collect();
    let insecure = allowed.attempts.iter().any(|attempt| !attempt.verified);
    let why = match by {
        Some(by) if insecure => format!("{} is insecure", named(by)),
        Some(by) if by.list == List::Insecure => {
            "a more specific entry, or a registry of the product, keeps it verified".to_owned()
        }
        _ => "no insecure entry decides it".to_owned(),
    };
    format!("{why}: {}", attempts.join(", then "))
}

fn named(by: &Matched<'_>) -> String {
    let list = crate::document::member_of(by.list);
    match &by.project {
        Some(project) => format!("`{}` ({list}[{}] of project `{project}`)", by.entry, by.index),
        None => format!("`{}` ({list}[{}])", by.entry, by.index),
    }
}
