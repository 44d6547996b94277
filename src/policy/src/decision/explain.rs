//! Explanations (rule D3): a decision with the steps that led to it.
//!
//! The decision is made as usual; then every entry is evaluated by itself, with the reason that it matches or does not.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::decision::dns_answer_map::{parse_address, parse_name};
use crate::decision::dns_answers::{resolves_to, sorted_unique};
use crate::decision::query::{EntryMatch, Query};
use crate::decision::{
    Decision, DenialReason, Explanation, LookupKind, MatchedEntry, Request, Response, Scheme, Step, StepKind,
};
use crate::entry::{self, Entry, HostPattern};
use crate::finding::EntryList;
use crate::host::docker_hub;
use crate::policy::Policy;
use crate::policy::entry_group::{ANY_PORT, IndexedEntry};
use crate::policy::index::HostKey;
use crate::reference::Reference;
use crate::reference::repository;

/// The maximum number of steps about entries that do not match. All that match are listed.
const MAX_LISTED_ENTRIES: usize = 100;

impl Policy {
    /// Decides one request and explains the decision (rule D3). Evaluates every entry, so it is not for the admission
    /// path.
    pub fn explain<'a>(&'a self, request: &Request<'a>) -> Explanation<'a> {
        let response = self.answer(request);
        let mut steps = Vec::new();
        let mut authorities = String::new();
        if let Ok(reference) = Reference::parse(request.reference, request.kind) {
            steps.push(step(StepKind::Reference, describe_reference(&reference)));
            if let Ok(query) = self.query(&reference, request) {
                steps.push(step(StepKind::Mode, describe_mode(&query, request.project)));
                explain_entries(&query, &mut steps);
                authorities = describe_anchors(&query);
                steps.extend(
                    query
                        .dns_answers
                        .answers
                        .iter()
                        .map(|dns_answer| step(StepKind::Dns, describe_dns_answer(dns_answer))),
                );
            }
        }
        explain_decision(&response, authorities, &mut steps);
        Explanation { response, steps }
    }
}

fn step<'a>(topic: StepKind, text: String) -> Step<'a> {
    Step { kind: topic, entry: None, matches: None, text }
}

fn describe_reference(reference: &Reference<'_>) -> String {
    let registry = reference.registry_text();
    let mut text = match &reference.repository {
        Some(repository) => format!("repository `{repository}` on registry `{registry}`"),
        None => format!("registry `{registry}`"),
    };
    if matches!(reference.registry, crate::reference::Registry::DockerHub) {
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

fn describe_mode(query: &Query<'_, '_>, requested: Option<&str>) -> String {
    let whose = match (query.project, requested) {
        (Some((project, _)), _) => format!(" for project `{project}`"),
        // Rule J2.
        (None, Some(project)) if query.policy.has_projects() => {
            format!(" for project `{project}`, which the policy does not list, so that the global lists decide")
        }
        _ => String::new(),
    };
    if query.whitelist_mode() {
        format!("whitelist mode is on{whose}: only what an entry covers is allowed")
    } else {
        format!("whitelist mode is off{whose}: every registry is allowed, and entries decide the transport only")
    }
}

fn describe_dns_answer(dns_answer: &crate::decision::DnsAnswer) -> String {
    let what = match dns_answer.kind {
        LookupKind::Reverse => "names",
        LookupKind::Forward => "addresses",
    };
    if dns_answer.answers.is_empty() {
        format!("`{}` has no {what}, or none that could be had", dns_answer.subject)
    } else {
        format!("the {what} of `{}` are {}", dns_answer.subject, dns_answer.answers.join(", "))
    }
}

fn explain_entries<'a>(query: &Query<'a, '_>, steps: &mut Vec<Step<'a>>) {
    let mut hidden: usize = 0;
    let mut shown: usize = 0;
    let dns = ParsedAnswers::new(query);
    // Blocked entries come first, as in the decision (rule W6).
    for blocked in [true, false] {
        let rows = query.indexes().flat_map(|(project, index)| index.rows().iter().map(move |row| (project, row)));
        for (project, row) in rows.filter(|(_, row)| (row.list == EntryList::Blocked) == blocked) {
            let (covers, why) = explain_entry(query, &dns, row);
            if !covers {
                shown = shown.saturating_add(1);
                if shown > MAX_LISTED_ENTRIES {
                    hidden = hidden.saturating_add(1);
                    continue;
                }
            }
            let entry = Some(EntryMatch { row, project }.matched_entry());
            steps.push(Step { kind: StepKind::Entry, entry, matches: Some(covers), text: why });
        }
    }
    if hidden > 0 {
        steps.push(step(StepKind::Entry, format!("{hidden} more entries do not cover it")));
    }
}

/// The DNS answers about the registry, parsed once for all entries.
struct ParsedAnswers {
    /// The addresses of the queried name; `None` for what is not an address.
    addresses: Option<Vec<Option<IpAddr>>>,
    /// True if each address is covered by some entry.
    all_covered: bool,
    /// The names of the queried address, each with whether it resolves back.
    names: Option<Vec<(String, bool)>>,
}

impl ParsedAnswers {
    fn new(query: &Query<'_, '_>) -> Self {
        let name = match query.host_key() {
            HostKey::DockerHub => docker_hub::REGISTRY_HOST,
            HostKey::Name(name) => name,
            HostKey::Address(address) => {
                let resolves_back = |name: &str| {
                    query.dns_answer(LookupKind::Forward, name).is_some_and(|answers| resolves_to(answers, address))
                };
                let names = query.dns_answer(LookupKind::Reverse, &address.to_string()).map(|answers| {
                    let names = answers.iter().filter_map(|answer| parse_name(answer));
                    let confirmed = |name: String| {
                        let resolves = resolves_back(&name);
                        (name, resolves)
                    };
                    names.map(confirmed).collect()
                });
                return ParsedAnswers { addresses: None, all_covered: false, names };
            }
        };
        let answers = query.dns_answer(LookupKind::Forward, name).filter(|_| query.policy.match_resolved_addresses);
        let addresses = answers.map(|answers| sorted_unique(answers.iter().map(|answer| parse_address(answer))));
        let covered =
            |address: &Option<IpAddr>| address.is_some_and(|found| query.evaluate_address(found).is_covered());
        let all_covered = addresses.iter().flatten().all(covered);
        ParsedAnswers { addresses, all_covered, names: None }
    }
}

/// Returns whether one entry covers the reference, by itself or by one address among others that are covered (rule M4),
/// and the reason.
fn explain_entry(query: &Query<'_, '_>, dns: &ParsedAnswers, row: &IndexedEntry) -> (bool, String) {
    // The text of an indexed entry is canonical, so it parses.
    let Some(entry) = entry::parse(&row.text, None, &mut Vec::new()).map(|written| written.entry) else {
        return (false, "cannot be read".to_owned());
    };
    let host = match explain_host(query, dns, &entry, row.list) {
        Ok(host) => host,
        Err(why) => return (false, why),
    };
    if row.port != ANY_PORT && !query.ports.for_list(row.list).contains(&row.port) {
        return (false, format!("{host}, but it covers port {} only", row.port));
    }
    let namespace = row.namespace();
    match query.reference.repository.as_deref() {
        Some(repository) if !namespace.is_empty() && !repository::is_within(repository, namespace) => {
            (false, format!("{host}, but it covers repositories in `{namespace}` only"))
        }
        None if !namespace.is_empty() && row.list == EntryList::Blocked => {
            (false, format!("{host}, but it blocks repositories in `{namespace}` only, and a login names none"))
        }
        _ => (true, host),
    }
}

/// Rule M1, and M4 and M5 with the request's DNS answers: returns the reason that the entry covers the host, or that it
/// does not.
fn explain_host(query: &Query<'_, '_>, dns: &ParsedAnswers, entry: &Entry, list: EntryList) -> Result<String, String> {
    match (query.host_key(), &entry.hosts) {
        (HostKey::DockerHub, _) if entry.is_docker_hub() => Ok("it is Docker Hub".to_owned()),
        (HostKey::DockerHub, HostPattern::Wildcard(domain)) if docker_hub::WILDCARD_DOMAINS.contains(&&**domain) => {
            Ok(format!("Docker Hub's `{}` is below `{domain}`", docker_hub::REGISTRY_HOST))
        }
        (HostKey::DockerHub, HostPattern::Address(_) | HostPattern::Network(_)) => {
            explain_forward_dns(query, dns, docker_hub::REGISTRY_HOST, entry, list)
        }
        (HostKey::DockerHub, HostPattern::Pattern(_)) => Err("a pattern never covers Docker Hub".to_owned()),
        (HostKey::DockerHub, _) => Err("it is not Docker Hub".to_owned()),
        (HostKey::Name(name), HostPattern::Name(other)) if **other == *name && !entry.is_docker_hub() => {
            Ok("it is the same name".to_owned())
        }
        (HostKey::Name(_), HostPattern::Name(_)) if entry.is_docker_hub() => {
            Err(format!("it is Docker Hub, which is on port {} only", docker_hub::DEFAULT_PORT))
        }
        (HostKey::Name(_), HostPattern::Name(_)) => Err("it is another name".to_owned()),
        (HostKey::Name(name), HostPattern::Wildcard(domain)) => match is_below_domain(name, domain) {
            true => Ok(format!("the name is below `{domain}`")),
            false if **domain == *name => Err(format!("`{domain}` itself is not below `{domain}`")),
            false => Err(format!("the name is not below `{domain}`")),
        },
        (HostKey::Name(name), HostPattern::Pattern(pattern)) => match pattern.matches(name) {
            true => Ok("the name matches, label by label".to_owned()),
            false => Err("the name does not match".to_owned()),
        },
        (HostKey::Name(name), HostPattern::Address(_) | HostPattern::Network(_)) => {
            explain_forward_dns(query, dns, name, entry, list)
        }
        (HostKey::Address(address), HostPattern::Address(other)) if address == *other => {
            Ok("it is the same address".to_owned())
        }
        (HostKey::Address(_), HostPattern::Address(_)) => Err("it is another address".to_owned()),
        (HostKey::Address(address), HostPattern::Network(network)) => match network_contains(address, network) {
            true => Ok("the address is inside".to_owned()),
            false => Err("the address is outside".to_owned()),
        },
        (HostKey::Address(_), HostPattern::Name(_)) => Err("an exact name never covers an address".to_owned()),
        (HostKey::Address(_), HostPattern::Pattern(_)) => Err("a pattern never covers an address".to_owned()),
        (HostKey::Address(_), HostPattern::Wildcard(_)) if list == EntryList::Blocked => {
            Err("a blocked wildcard does not cover addresses".to_owned())
        }
        (HostKey::Address(address), HostPattern::Wildcard(domain)) => explain_reverse_dns(dns, address, domain),
    }
}

fn network_contains(address: IpAddr, network: &IpNet) -> bool {
    entry::canonical_network(address, network.prefix_len()) == Some(*network)
}

fn is_below_domain(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|front| front.ends_with('.'))
}

fn explain_forward_dns(
    query: &Query<'_, '_>,
    dns: &ParsedAnswers,
    name: &str,
    entry: &Entry,
    list: EntryList,
) -> Result<String, String> {
    if !query.policy.match_resolved_addresses {
        return Err("addresses do not cover names, since `match_resolved_addresses` is not set".to_owned());
    }
    let Some(addresses) = &dns.addresses else {
        return Err(format!("that depends on the addresses of `{name}`"));
    };
    let contains = |address: IpAddr| match &entry.hosts {
        HostPattern::Address(other) => *other == address,
        HostPattern::Network(network) => network_contains(address, network),
        HostPattern::Name(_) | HostPattern::Wildcard(_) | HostPattern::Pattern(_) => false,
    };
    let count = addresses.iter().filter(|address| address.is_some_and(contains)).count();
    match (count, addresses.len()) {
        (_, 0) if list == EntryList::Blocked => {
            Ok(format!("`{name}` has no address that is known, so that it may have a blocked one"))
        }
        (_, 0) => Err(format!("`{name}` has no address")),
        (0, _) => Err(format!("no address of `{name}` is covered")),
        (count, all) if count == all => Ok(format!("every address of `{name}` is covered")),
        // Rules T5 and W6: one address is enough.
        (count, all) if matches!(list, EntryList::BuiltIn | EntryList::Blocked) => {
            Ok(format!("{count} of the {all} addresses of `{name}` are covered"))
        }
        (count, all) if dns.all_covered => {
            Ok(format!("{count} of the {all} addresses of `{name}` are covered, and other entries cover the rest"))
        }
        (count, all) => {
            Err(format!("{count} of the {all} addresses of `{name}` are covered, and all must be by some entry"))
        }
    }
}

fn explain_reverse_dns(dns: &ParsedAnswers, address: IpAddr, domain: &str) -> Result<String, String> {
    let Some(names) = &dns.names else {
        return Err(format!("that would depend on the names of {address}"));
    };
    let mut below = names.iter().filter(|(name, _)| is_below_domain(name, domain));
    match (below.clone().find(|(_, confirmed)| *confirmed), below.next()) {
        (Some((name, _)), _) => Ok(format!("{address} is `{name}`, and that name resolves back to it")),
        (None, Some((name, _))) => {
            Err(format!("{address} calls itself `{name}`, which was not confirmed by that name's addresses"))
        }
        (None, None) => Err(format!("no name of {address} is below `{domain}`")),
    }
}

fn explain_decision(answer: &Response<'_>, authorities: String, steps: &mut Vec<Step<'_>>) {
    match &answer.decision {
        Decision::Allow(allowed) => {
            steps.push(step(StepKind::Transport, describe_transport(allowed.by.as_ref(), allowed)));
            if allowed.attempts.iter().any(|attempt| attempt.verified) {
                steps.push(step(StepKind::Authorities, authorities));
            }
            if !allowed.pinned.is_empty() {
                steps.push(step(
                    StepKind::Dns,
                    format!("only these addresses may be connected to: {}", allowed.pinned.join(", ")),
                ));
            }
            let text = match &allowed.by {
                Some(by) => format!("allowed by {}", describe_entry(by)),
                None => "allowed, as every registry is while whitelist mode is off".to_owned(),
            };
            steps.push(step(StepKind::Outcome, text));
        }
        Decision::Deny(denied) => {
            if let (DenialReason::NotWhitelisted, Some(nearest)) = (denied.reason, &denied.nearest) {
                let text = format!("the nearest entry is {}: {}", describe_entry(&nearest.entry), nearest.text);
                steps.push(step(StepKind::Entry, text));
            }
            steps.push(step(StepKind::Outcome, format!("denied: {}", denied.text)));
        }
        Decision::Lookup(queries) => {
            let queries: Vec<String> = queries
                .iter()
                .map(|dns_query| match dns_query.kind {
                    LookupKind::Reverse => format!("the names of {}", dns_query.subject),
                    LookupKind::Forward => format!("the addresses of `{}`", dns_query.subject),
                })
                .collect();
            steps.push(step(StepKind::Outcome, format!("undecided until DNS was asked for {}", queries.join(" and "))));
        }
    }
}

/// Describes the trust anchors that apply (rule C1).
fn describe_anchors(query: &Query<'_, '_>) -> String {
    let titles: Vec<String> = query.trust_anchors().map(|authority| format!("`{}`", authority.title)).collect();
    match titles.as_slice() {
        [] => "the certificate must be from a well-known authority".to_owned(),
        titles => {
            format!("the certificate must be from a well-known authority, or from the policy's {}", titles.join(", "))
        }
    }
}

fn describe_transport(by: Option<&MatchedEntry<'_>>, allowed: &crate::decision::Allow<'_>) -> String {
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
        Some(by) if insecure => format!("{} is insecure", describe_entry(by)),
        Some(by) if by.list == EntryList::Insecure => {
            "a more specific entry, or a registry of the product, keeps it verified".to_owned()
        }
        _ => "no insecure entry decides it".to_owned(),
    };
    format!("{why}: {}", attempts.join(", then "))
}

fn describe_entry(by: &MatchedEntry<'_>) -> String {
    let list = crate::document::member_name(by.list);
    match &by.project {
        Some(project) => format!("`{}` ({list}[{}] of project `{project}`)", by.entry, by.index),
        None => format!("`{}` ({list}[{}])", by.entry, by.index),
    }
}

#[cfg(test)]
mod tests;
