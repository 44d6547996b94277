//! Search for the entry that came nearest to covering a denied reference (rule W3), by a bounded number of lookups and
//! comparisons.

use std::net::IpAddr;
use std::ops::ControlFlow;

use crate::decision::dns_answer_map::{parse_address, parse_name};
use crate::decision::dns_answers::{resolves_to, sorted_unique};
use crate::decision::query::{EntryMatch, Query};
use crate::decision::{LookupKind, MissReason, NearestEntry};
use crate::entry::name_pattern::glob_matches;
use crate::finding::EntryList;
use crate::host::dns_name;
use crate::host::docker_hub;
use crate::host::name_difference::{NameDifference, name_difference};
use crate::policy::entry_group::{ANY_PORT, EntryGroup, IndexedEntry};
use crate::policy::index::{EntryIndex, GroupVisitor, HostKey};

/// Finds the nearest entry. `outside` is an uncovered address of the queried name, if DNS was used.
pub(crate) fn find_nearest<'p>(query: &Query<'p, '_>, outside: Option<IpAddr>) -> Option<NearestEntry<'p>> {
    let key = query.host_key();
    same_host(query, &|index, found| index.covering(key, found)).or_else(|| match key {
        HostKey::Name(name) => docker_hub(query, name)
            .or_else(|| wildcard_apex(query, name))
            .or_else(|| similar_name(query, name))
            .or_else(|| below_name(query, name))
            .or_else(|| by_addresses(query, name, outside)),
        HostKey::DockerHub => image_as_host(query)
            .or_else(|| similar_name(query, docker_hub::DISPLAY_NAME))
            .or_else(|| by_addresses(query, docker_hub::REGISTRY_HOST, outside)),
        HostKey::Address(address) => under_wildcard(query, address).or_else(|| neighbouring_network(query, address)),
    })
}

/// The lists of the effective whitelist (rule W2).
const WHITELIST_LISTS: [EntryList; 2] = [EntryList::Whitelist, EntryList::Insecure];

fn nearest_entry<'p>(
    row: &'p IndexedEntry,
    project: Option<&'p str>,
    miss: MissReason,
    text: String,
) -> NearestEntry<'p> {
    NearestEntry { entry: EntryMatch { row, project }.matched_entry(), miss, text }
}

/// Finds an entry for the same host with another namespace or another port. `look` visits the groups that match the
/// host.
fn same_host<'p>(
    query: &Query<'p, '_>,
    look: &dyn Fn(&'p EntryIndex, &mut GroupVisitor<'_, 'p>) -> ControlFlow<()>,
) -> Option<NearestEntry<'p>> {
    let mut best = None;
    for (project, index) in query.indexes() {
        let _ = look(index, &mut |specificity, group| {
            if best.as_ref().is_none_or(|(of, _, _)| specificity > *of) {
                best = near_match(query, group).map(|limited| (specificity, project, limited)).or_else(|| best.take());
            }
            ControlFlow::Continue(())
        });
    }
    let (_, project, (row, miss, text)) = best?;
    Some(nearest_entry(row, project, miss, text))
}

/// An entry, the reason that it does not match, and that reason as text.
type NearMatch<'p> = (&'p IndexedEntry, MissReason, String);

/// Returns the near match in a group that matches the host but does not cover the reference.
fn near_match<'p>(query: &Query<'_, '_>, group: EntryGroup<'p>) -> Option<NearMatch<'p>> {
    another_namespace(query, group).or_else(|| another_port(query, group))
}

fn another_namespace<'p>(query: &Query<'_, '_>, group: EntryGroup<'p>) -> Option<NearMatch<'p>> {
    let repository = query.reference.repository.as_deref()?;
    for list in WHITELIST_LISTS {
        for port in query.ports.for_list(list) {
            let rows = group.on_port(list, *port);
            // Sorted by namespace: the one with the longest common path is next to the repository's position.
            let after = rows.partition_point(|row| group.row(*row).map_or("", IndexedEntry::namespace) < repository);
            let around = [after.checked_sub(1), Some(after)].into_iter().flatten();
            let around = around.filter_map(|position| rows.get(position)).filter_map(|row| group.row(*row));
            if let Some(row) = around.max_by_key(|row| components_in_common(row.namespace(), repository)) {
                let text = format!("it covers repositories in `{}` only, and `{repository}` is not", row.namespace());
                return Some((row, MissReason::AnotherNamespace, text));
            }
        }
    }
    None
}

fn components_in_common(a: &str, b: &str) -> usize {
    a.split('/').zip(b.split('/')).take_while(|(a, b)| a == b).count()
}

fn another_port<'p>(query: &Query<'_, '_>, group: EntryGroup<'p>) -> Option<NearMatch<'p>> {
    let row = first_whitelisted(group)?;
    if row.port == ANY_PORT {
        return None;
    }
    let covered = row.port;
    let text = match query.reference.port {
        Some(port) => format!("it covers port {covered} only, and the reference has port {port}"),
        None => format!("it covers port {covered} only, and a reference without a port stands for 443"),
    };
    Some((row, MissReason::AnotherPort, text))
}

/// Finds an entry for Docker Hub, if the name is one of its names and the port is not its port (rule H2).
fn docker_hub<'p>(query: &Query<'p, '_>, name: &str) -> Option<NearestEntry<'p>> {
    let port = query.reference.port.filter(|_| docker_hub::is_docker_hub(name, None))?;
    let (row, project) = query
        .indexes()
        .find_map(|(project, index)| Some((first_whitelisted(index.exact(HostKey::DockerHub)?)?, project)))?;
    let text = format!(
        "it means Docker Hub, which is on port {} only, and the reference has port {port}",
        docker_hub::DEFAULT_PORT
    );
    Some(nearest_entry(row, project, MissReason::AnotherPort, text))
}

/// Returns the first entry of a group that is part of the effective whitelist.
fn first_whitelisted<'p>(group: EntryGroup<'p>) -> Option<&'p IndexedEntry> {
    WHITELIST_LISTS.iter().find_map(|list| group.in_list(*list).first()).and_then(|row| group.row(*row))
}

/// Finds the wildcard over exactly this name.
fn wildcard_apex<'p>(query: &Query<'p, '_>, name: &str) -> Option<NearestEntry<'p>> {
    query.indexes().find_map(|(project, index)| {
        let row = index.wildcard(name).and_then(first_whitelisted)?;
        let text = format!("it covers every name below `{name}`, not `{name}` itself");
        Some(nearest_entry(row, project, MissReason::WildcardApex, text))
    })
}

/// Finds an entry for a parent domain.
fn below_name<'p>(query: &Query<'p, '_>, name: &str) -> Option<NearestEntry<'p>> {
    // A top-level domain is not a useful hint.
    for parent in dns_name::parent_domains(name).filter(|parent| parent.contains('.')) {
        for (project, index) in query.indexes() {
            if let Some(row) = index.exact(HostKey::Name(parent)).and_then(first_whitelisted) {
                let text = format!("it covers `{parent}` only, and no name below it");
                return Some(nearest_entry(row, project, MissReason::BelowName, text));
            }
        }
    }
    None
}

/// A name of an entry that is near the queried one, with the difference and the part of the queried name that it is
/// from. Ordered, so that the order of entries does not decide between several.
type SimilarName<'n> = (NameDifference<'n>, &'n str, &'n str);

/// Finds an entry whose name differs by one slip of the keyboard, or in one label in the middle.
fn similar_name<'p>(query: &Query<'p, '_>, name: &str) -> Option<NearestEntry<'p>> {
    let mut best: Option<(SimilarName<'_>, &'p IndexedEntry, Option<&'p str>)> = None;
    for (project, index) in query.indexes() {
        let names = index.comparable_names().filter_map(|(entry, group)| Some((difference(entry, name)?, group)));
        let domains = index.comparable_wildcards().filter_map(|(domain, group)| {
            let mut parents = dns_name::parent_domains(name).filter_map(|parent| difference(domain, parent));
            Some((parents.find(|(difference, ..)| *difference == NameDifference::Slip)?, group))
        });
        let hub = index.exact(HostKey::DockerHub).into_iter().flat_map(|group| {
            docker_hub::NAMES.into_iter().filter_map(move |hub| Some((difference(hub, name)?, group)))
        });
        let mut consider = |similar, group: EntryGroup<'p>| {
            if best.as_ref().is_none_or(|(of, ..)| similar < *of)
                && let Some(row) = first_whitelisted(group)
            {
                best = Some((similar, row, project));
            }
        };
        names.chain(domains).chain(hub).for_each(|(similar, group)| consider(similar, group));
        index.comparable_patterns(name, &mut |pattern, group| {
            pattern_difference(pattern.as_str(), name).into_iter().for_each(|similar| consider(similar, group));
        });
    }
    let ((difference, entry, name), row, project) = best?;
    Some(match difference {
        NameDifference::Slip => {
            let text = format!("`{entry}` and `{name}` are one slip of the keyboard apart");
            nearest_entry(row, project, MissReason::SimilarName, text)
        }
        NameDifference::Label(covered, queried) => {
            let text = format!("it has `{covered}` where the reference has `{queried}`");
            nearest_entry(row, project, MissReason::AnotherRegion, text)
        }
    })
}

fn difference<'n>(entry: &'n str, name: &'n str) -> Option<SimilarName<'n>> {
    Some((name_difference(entry, name)?, entry, name))
}

/// Returns the difference of a name from a pattern with the same last two labels that it matches in all labels but one
/// in the middle.
fn pattern_difference<'n>(pattern: &'n str, name: &'n str) -> Option<SimilarName<'n>> {
    let count = |text: &str| text.split('.').count();
    let mut differing = pattern.split('.').zip(name.split('.')).enumerate();
    let mut differing = differing.by_ref().filter(|(_, (glob, label))| !glob_matches(glob, label));
    let (position, (glob, label)) = differing.next()?;
    let is_near = position > 0 && differing.next().is_none() && count(pattern) == count(name);
    is_near.then_some((NameDifference::Label(glob, label), pattern, name))
}

/// Finds an entry that names the queried repository on Docker Hub, or its first component, as a host.
fn image_as_host<'p>(query: &Query<'p, '_>) -> Option<NearestEntry<'p>> {
    let repository = query.reference.repository.as_deref()?;
    let written = [repository.strip_prefix("library/"), Some(repository)].into_iter().flatten();
    for (host, namespace) in written.map(|name| name.split_once('/').unwrap_or((name, ""))) {
        for (project, index) in query.indexes() {
            let Some(group) = index.exact(HostKey::Name(host)) else { continue };
            let inside = Some(namespace).filter(|namespace| !namespace.is_empty());
            let row = WHITELIST_LISTS.iter().find_map(|list| group.cover(*list, &[ANY_PORT], inside));
            let row = row.and_then(|row| group.row(row)).filter(|row| inside.is_some() || row.namespace().is_empty());
            if let Some(row) = row {
                let text = format!("it is a host, `{host}`, and the image is `docker.io/{repository}`");
                return Some(nearest_entry(row, project, MissReason::ImageAsHost, text));
            }
        }
    }
    None
}

/// Finds an entry that covers an address of the name, or is near one, by the DNS answers of the request.
fn by_addresses<'p>(query: &Query<'p, '_>, host: &str, outside: Option<IpAddr>) -> Option<NearestEntry<'p>> {
    let answers = query.dns_answer(LookupKind::Forward, host)?;
    let addresses = sorted_unique(answers.iter().filter_map(|answer| parse_address(answer)));
    if !query.policy.match_resolved_addresses {
        return addresses.iter().find_map(|address| name_under_network(query, host, *address));
    }
    let uncovered = addresses.into_iter().filter(|address| !query.evaluate_address(*address).is_covered());
    let uncovered: Vec<IpAddr> = outside.into_iter().chain(uncovered).collect();
    let limited = |address: &IpAddr| {
        let mut limited = same_host(query, &|index, found| index.covering(HostKey::Address(*address), found))?;
        limited.text = format!("{}; `{host}` has the address {address}", limited.text);
        Some(limited)
    };
    let neighbour = |address: &IpAddr| {
        let (row, project) = neighbouring_entry(query, *address)?;
        let text = format!("`{host}` has the address {address}, which no entry covers");
        Some(nearest_entry(row, project, MissReason::AddressOutside, text))
    };
    uncovered.iter().find_map(limited).or_else(|| uncovered.iter().find_map(neighbour))
}

/// Finds an entry that covers an address of the name, which does not count for the name (rule M4).
fn name_under_network<'p>(query: &Query<'p, '_>, host: &str, address: IpAddr) -> Option<NearestEntry<'p>> {
    for (project, index) in query.indexes() {
        let mut found = None;
        let _ = index.covering(HostKey::Address(address), &mut |_, group| {
            found = first_whitelisted(group);
            if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        if let Some(row) = found {
            let text = format!("`{host}` has the address {address}, and a name is not covered by its addresses");
            return Some(nearest_entry(row, project, MissReason::NameUnderNetwork, text));
        }
    }
    None
}

/// Finds a wildcard over a name of the address: one that is limited to another namespace or port, or else one whose
/// name does not resolve back to the address.
fn under_wildcard<'p>(query: &Query<'p, '_>, address: IpAddr) -> Option<NearestEntry<'p>> {
    let answers = query.dns_answer(LookupKind::Reverse, &address.to_string())?;
    let names: Vec<String> = sorted_unique(answers.iter().filter_map(|answer| parse_name(answer)));
    let leads_elsewhere = |name: &String| {
        query.dns_answer(LookupKind::Forward, name).is_some_and(|answers| !resolves_to(answers, address))
    };
    let (elsewhere, back): (Vec<String>, Vec<String>) = names.into_iter().partition(leads_elsewhere);
    // One that would cover it is a name that there was no room to ask about (rule M6).
    let mut narrower = back.iter().filter(|name| !query.evaluate_name(name).is_covered());
    let limited = narrower.find_map(|name| same_host(query, &|index, found| index.wildcards_over(name, found)));
    limited.or_else(|| elsewhere.iter().find_map(|name| unconfirmed_name(query, address, name)))
}

/// Finds a wildcard over a name of the address that does not resolve back to it.
fn unconfirmed_name<'p>(query: &Query<'p, '_>, address: IpAddr, name: &str) -> Option<NearestEntry<'p>> {
    for (project, index) in query.indexes() {
        let mut found = None;
        let _ = index.wildcards_over(name, &mut |_, group| {
            let row = WHITELIST_LISTS.iter().find_map(|list| group.cover(*list, query.ports.for_list(*list), None));
            found = found.or(row.and_then(|row| group.row(row)));
            ControlFlow::Continue(())
        });
        if let Some(row) = found {
            let text = format!("{address} calls itself `{name}`, but that name does not resolve to it");
            return Some(nearest_entry(row, project, MissReason::NameUnconfirmed, text));
        }
    }
    None
}

fn neighbouring_network<'p>(query: &Query<'p, '_>, address: IpAddr) -> Option<NearestEntry<'p>> {
    let (row, project) = neighbouring_entry(query, address)?;
    Some(nearest_entry(row, project, MissReason::NeighbouringNetwork, format!("{address} is outside of it")))
}

/// Returns the address or network that shares the most leading bits with an address.
fn neighbouring_entry<'p>(query: &Query<'p, '_>, address: IpAddr) -> Option<(&'p IndexedEntry, Option<&'p str>)> {
    let mut best: Option<(u32, &'p IndexedEntry, Option<&'p str>)> = None;
    for (project, index) in query.indexes() {
        for (bits, group) in index.neighbours(address) {
            if let Some(row) = first_whitelisted(group).filter(|_| best.is_none_or(|(most, _, _)| bits > most)) {
                best = Some((bits, row, project));
            }
        }
    }
    best.map(|(_, row, project)| (row, project))
}
