//! The entry that came nearest to covering a denied reference (rule W3). Found by look-ups, never by walking a list.

use std::net::IpAddr;
use std::ops::ControlFlow;

use crate::decision::dns_answers::{leads_to, read_name, sorted};
use crate::decision::query::{Ask, Hit};
use crate::decision::{Miss, Nearest, QuestionKind};
use crate::finding::List;
use crate::host::dns_name;
use crate::host::docker_hub;
use crate::policy::index::{ANY_PORT, Found, Group, Index, Row, Subject};
use crate::util::strings::joined;

/// Looks for the nearest entry. `outside` is an address of the asked name that no entry covers, where DNS was asked.
pub(crate) fn find<'p>(ask: &Ask<'p, '_>, outside: Option<IpAddr>) -> Option<Nearest<'p>> {
    let subject = ask.subject();
    same_host(ask, &|index, found| index.covering(subject, found)).or_else(|| match subject {
        Subject::Name(name) => {
            docker_hub(ask, name).or_else(|| related_name(ask, name)).or_else(|| under_network(ask, subject, outside))
        }
        Subject::Hub => under_network(ask, subject, outside),
        Subject::Address(address) => by_name(ask, address).or_else(|| neighbour(ask, address)),
    })
}

/// The lists of the effective whitelist (rule W2).
const LISTS: [List; 2] = [List::Whitelist, List::Insecure];

fn nearest<'p>(row: &'p Row, project: Option<&'p str>, miss: Miss, text: String) -> Nearest<'p> {
    Nearest { entry: Hit { row, project }.matched(), miss, text }
}

/// An entry for the same host with another namespace or another port. `look` finds the groups that are about the host.
fn same_host<'p>(
    ask: &Ask<'p, '_>,
    look: &dyn Fn(&'p Index, &mut Found<'_, 'p>) -> ControlFlow<()>,
) -> Option<Nearest<'p>> {
    let mut best = None;
    for (project, index) in ask.indexes() {
        let _ = look(index, &mut |rank, group| {
            if best.as_ref().is_none_or(|(of, _, _)| rank > *of) {
                best = limited(ask, group).map(|limited| (rank, project, limited)).or_else(|| best.take());
            }
            ControlFlow::Continue(())
        });
    }
    let (_, project, (row, miss, text)) = best?;
    Some(nearest(row, project, miss, text))
}

/// An entry, how it misses the reference, and why.
type Limited<'p> = (&'p Row, Miss, String);

/// What keeps the entries of a group from covering the reference, none of which does.
fn limited<'p>(ask: &Ask<'_, '_>, group: Group<'p>) -> Option<Limited<'p>> {
    another_namespace(ask, group).or_else(|| another_port(ask, group))
}

fn another_namespace<'p>(ask: &Ask<'_, '_>, group: Group<'p>) -> Option<Limited<'p>> {
    let repository = ask.reference.repository.as_deref()?;
    for list in LISTS {
        for port in ask.ports.of_list(list) {
            let rows = group.on_port(list, *port);
            // Sorted by namespace: the one with most in common stands next to where the repository would.
            let after = rows.partition_point(|row| group.row(*row).map_or("", Row::namespace) < repository);
            let around = [after.checked_sub(1), Some(after)].into_iter().flatten();
            let around = around.filter_map(|place| rows.get(place)).filter_map(|row| group.row(*row));
            if let Some(row) = around.max_by_key(|row| components_in_common(row.namespace(), repository)) {
                let text = format!("it covers repositories in `{}` only, and `{repository}` is not", row.namespace());
                return Some((row, Miss::AnotherNamespace, text));
            }
        }
    }
    None
}

fn components_in_common(a: &str, b: &str) -> usize {
    a.split('/').zip(b.split('/')).take_while(|(a, b)| a == b).count()
}

fn another_port<'p>(ask: &Ask<'_, '_>, group: Group<'p>) -> Option<Limited<'p>> {
    let row = any(group)?;
    if row.port == ANY_PORT {
        return None;
    }
    let covered = row.port;
    let text = match ask.reference.port {
        Some(port) => format!("it covers port {covered} only, and the reference has port {port}"),
        None => format!("it covers port {covered} only, and a reference without a port stands for 443"),
    };
    Some((row, Miss::AnotherPort, text))
}

/// An entry for Docker Hub, where the name is one of its names and the port is not its port (rule H2).
fn docker_hub<'p>(ask: &Ask<'p, '_>, name: &str) -> Option<Nearest<'p>> {
    let port = ask.reference.port.filter(|_| docker_hub::is_hub(name, None))?;
    let (row, project) =
        ask.indexes().find_map(|(project, index)| Some((any(index.exact(Subject::Hub)?)?, project)))?;
    let text =
        format!("it means Docker Hub, which is on port {} only, and the reference has port {port}", docker_hub::PORT);
    Some(nearest(row, project, Miss::AnotherPort, text))
}

/// The first entry of a group that could allow something.
fn any<'p>(group: Group<'p>) -> Option<&'p Row> {
    LISTS.iter().find_map(|list| group.in_list(*list).first()).and_then(|row| group.row(*row))
}

/// The wildcard right below the name, or an entry for a name above it.
fn related_name<'p>(ask: &Ask<'p, '_>, name: &str) -> Option<Nearest<'p>> {
    for (project, index) in ask.indexes() {
        if let Some(row) = index.wildcard(name).and_then(any) {
            let text = format!("it covers every name below `{name}`, not `{name}` itself");
            return Some(nearest(row, project, Miss::WildcardApex, text));
        }
    }
    // A top-level domain says nothing about what is below it.
    for parent in dns_name::parents(name).filter(|parent| parent.contains('.')) {
        for (project, index) in ask.indexes() {
            if let Some(row) = index.exact(Subject::Name(parent)).and_then(any) {
                let text = format!("it covers `{parent}` only; for what is below it there is `*.{parent}`");
                return Some(nearest(row, project, Miss::BelowName, text));
            }
        }
    }
    None
}

/// An address or network that the name might be in.
fn under_network<'p>(ask: &Ask<'p, '_>, subject: Subject<'_>, outside: Option<IpAddr>) -> Option<Nearest<'p>> {
    let (shown, host) = match subject {
        Subject::Name(name) => (name, name),
        Subject::Hub => (docker_hub::SHOWN, docker_hub::HOST),
        Subject::Address(_) => return None,
    };
    if let Some(outside) = outside {
        let other = same_host(ask, &|index, found| index.covering(Subject::Address(outside), found));
        if let Some(mut other) = other {
            other.text = format!("{}; `{host}` has the address {outside}", other.text);
            return Some(other);
        }
        let (row, project) = neighbouring_row(ask, outside)?;
        let text = format!("`{host}` has the address {outside}, which no entry covers");
        return Some(nearest(row, project, Miss::AddressOutside, text));
    }
    let mut groups = ask.indexes().map(|(project, index)| (project, index.by_dns(subject)));
    if ask.policy.resolves && !ask.reaches(List::Whitelist) && !ask.reaches(List::Insecure) {
        // Whatever the addresses are: DNS was not asked.
        let (project, (row, miss, text)) = groups.find_map(|(project, group)| Some((project, limited(ask, group)?)))?;
        return Some(nearest(row, project, miss, text));
    }
    let (row, project) = groups.find_map(|(project, group)| Some((any(group)?, project)))?;
    if ask.policy.resolves {
        let text = match ask.fact(QuestionKind::AddressesOf, host) {
            Some([_, ..]) => format!("what DNS gave for `{host}` has something in it that is not an address"),
            _ => format!("`{host}` has no address that could be looked up"),
        };
        return Some(nearest(row, project, Miss::AddressOutside, text));
    }
    let text =
        joined(&["a name is not covered by addresses: list `", shown, "` itself, or set `match_resolved_addresses`"]);
    Some(nearest(row, project, Miss::NameUnderNetwork, text))
}

/// A wildcard over a name of the address: one that is limited to another namespace or port, or else one whose name does
/// not lead back to the address.
fn by_name<'p>(ask: &Ask<'p, '_>, address: IpAddr) -> Option<Nearest<'p>> {
    let answers = ask.fact(QuestionKind::NamesOf, &address.to_string())?;
    let names: Vec<String> = sorted(answers.iter().filter_map(|answer| read_name(answer)));
    // A name that DNS was not asked about is over no entry that would cover the reference.
    let leads_elsewhere =
        |name: &String| ask.fact(QuestionKind::AddressesOf, name).is_some_and(|answers| !leads_to(answers, address));
    let (elsewhere, back): (Vec<String>, Vec<String>) = names.into_iter().partition(leads_elsewhere);
    let limited = back.iter().find_map(|name| same_host(ask, &|index, found| index.wildcards_over(name, found)));
    limited.or_else(|| elsewhere.iter().find_map(|name| unconfirmed(ask, address, name)))
}

/// A wildcard over a name that the address has but that does not lead back to it.
fn unconfirmed<'p>(ask: &Ask<'p, '_>, address: IpAddr, name: &str) -> Option<Nearest<'p>> {
    for (project, index) in ask.indexes() {
        let mut found = None;
        let _ = index.wildcards_over(name, &mut |_, group| {
            let row = LISTS.iter().find_map(|list| group.cover(*list, ask.ports.of_list(*list), None));
            found = found.or(row.and_then(|row| group.row(row)));
            ControlFlow::Continue(())
        });
        if let Some(row) = found {
            let text = format!("{address} calls itself `{name}`, but that name does not resolve to it");
            return Some(nearest(row, project, Miss::NameUnconfirmed, text));
        }
    }
    None
}

fn neighbour<'p>(ask: &Ask<'p, '_>, address: IpAddr) -> Option<Nearest<'p>> {
    let (row, project) = neighbouring_row(ask, address)?;
    Some(nearest(row, project, Miss::NeighbouringNetwork, format!("{address} is outside of it")))
}

/// The address or network that shares the most leading bits with an address.
fn neighbouring_row<'p>(ask: &Ask<'p, '_>, address: IpAddr) -> Option<(&'p Row, Option<&'p str>)> {
    let mut best: Option<(u32, &'p Row, Option<&'p str>)> = None;
    for (project, index) in ask.indexes() {
        for (bits, group) in index.neighbours(address) {
            if let Some(row) = any(group).filter(|_| best.is_none_or(|(most, _, _)| bits > most)) {
                best = Some((bits, row, project));
            }
        }
    }
    best.map(|(_, row, project)| (row, project))
}
