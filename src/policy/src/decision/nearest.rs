//! Search for the entry that came nearest to covering a denied reference (rule W3), by index lookups only.

use std::net::IpAddr;
use std::ops::ControlFlow;

use crate::decision::dns_answers::{parse_name, resolves_to, sorted_unique};
use crate::decision::query::{EntryMatch, Query};
use crate::decision::{LookupKind, MissReason, NearestEntry};
use crate::finding::EntryList;
use crate::host::dns_name;
use crate::host::docker_hub;
use crate::policy::index::{ANY_PORT, EntryGroup, EntryIndex, GroupVisitor, HostKey, IndexedEntry};
use crate::util::strings::concat;

/// Finds the nearest entry. `outside` is an uncovered address of the queried name, if DNS was used.
pub(crate) fn find_nearest<'p>(query: &Query<'p, '_>, outside: Option<IpAddr>) -> Option<NearestEntry<'p>> {
    let key = query.host_key();
    same_host(query, &|index, found| index.covering(key, found)).or_else(|| match key {
        HostKey::Name(name) => {
            docker_hub(query, name).or_else(|| related_name(query, name)).or_else(|| under_network(query, key, outside))
        }
        HostKey::DockerHub => under_network(query, key, outside),
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

/// Finds the wildcard over exactly this name, or an entry for a parent domain.
fn related_name<'p>(query: &Query<'p, '_>, name: &str) -> Option<NearestEntry<'p>> {
    for (project, index) in query.indexes() {
        if let Some(row) = index.wildcard(name).and_then(first_whitelisted) {
            let text = format!("it covers every name below `{name}`, not `{name}` itself");
            return Some(nearest_entry(row, project, MissReason::WildcardApex, text));
        }
    }
    // A top-level domain is not a useful hint.
    for parent in dns_name::parent_domains(name).filter(|parent| parent.contains('.')) {
        for (project, index) in query.indexes() {
            if let Some(row) = index.exact(HostKey::Name(parent)).and_then(first_whitelisted) {
                let text = format!("it covers `{parent}` only; for what is below it there is `*.{parent}`");
                return Some(nearest_entry(row, project, MissReason::BelowName, text));
            }
        }
    }
    None
}

/// Finds an address or network that may contain the name's addresses.
fn under_network<'p>(query: &Query<'p, '_>, key: HostKey<'_>, outside: Option<IpAddr>) -> Option<NearestEntry<'p>> {
    let (shown, host) = match key {
        HostKey::Name(name) => (name, name),
        HostKey::DockerHub => (docker_hub::DISPLAY_NAME, docker_hub::REGISTRY_HOST),
        HostKey::Address(_) => return None,
    };
    if let Some(outside) = outside {
        let other = same_host(query, &|index, found| index.covering(HostKey::Address(outside), found));
        if let Some(mut other) = other {
            other.text = format!("{}; `{host}` has the address {outside}", other.text);
            return Some(other);
        }
        let (row, project) = neighbouring_entry(query, outside)?;
        let text = format!("`{host}` has the address {outside}, which no entry covers");
        return Some(nearest_entry(row, project, MissReason::AddressOutside, text));
    }
    let mut groups = query.indexes().map(|(project, index)| (project, index.by_dns(key)));
    if query.policy.match_resolved_addresses
        && !query.dns_could_match(EntryList::Whitelist)
        && !query.dns_could_match(EntryList::Insecure)
    {
        // The addresses make no difference: no DNS was needed.
        let (project, (row, miss, text)) =
            groups.find_map(|(project, group)| Some((project, near_match(query, group)?)))?;
        return Some(nearest_entry(row, project, miss, text));
    }
    let (row, project) = groups.find_map(|(project, group)| Some((first_whitelisted(group)?, project)))?;
    if query.policy.match_resolved_addresses {
        let text = match query.dns_answer(LookupKind::Forward, host) {
            Some([_, ..]) => format!("what DNS gave for `{host}` has something in it that is not an address"),
            _ => format!("`{host}` has no address that could be looked up"),
        };
        return Some(nearest_entry(row, project, MissReason::AddressOutside, text));
    }
    let text =
        concat(&["a name is not covered by addresses: list `", shown, "` itself, or set `match_resolved_addresses`"]);
    Some(nearest_entry(row, project, MissReason::NameUnderNetwork, text))
}

/// Finds a wildcard over a name of the address: one that is limited to another namespace or port, or else one whose
/// name does not resolve back to the address.
fn under_wildcard<'p>(query: &Query<'p, '_>, address: IpAddr) -> Option<NearestEntry<'p>> {
    let answers = query.dns_answer(LookupKind::Reverse, &address.to_string())?;
    let names: Vec<String> = sorted_unique(answers.iter().filter_map(|answer| parse_name(answer)));
    // A name without a lookup matches no entry that would cover the reference.
    let leads_elsewhere = |name: &String| {
        query.dns_answer(LookupKind::Forward, name).is_some_and(|answers| !resolves_to(answers, address))
    };
    let (elsewhere, back): (Vec<String>, Vec<String>) = names.into_iter().partition(leads_elsewhere);
    let limited = back.iter().find_map(|name| same_host(query, &|index, found| index.wildcards_over(name, found)));
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
