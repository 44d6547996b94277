//! The entry that came nearest to covering a denied reference (rule W3). Found by look-ups, never by walking a list.

use std::net::IpAddr;

use crate::decide::{Ask, Hit, read_name, sorted};
use crate::decision::{Miss, Nearest, QuestionKind};
use crate::finding::List;
use crate::hub;
use crate::index::{ANY_PORT, Flow, Group, Row, Subject};
use crate::name;
use crate::text::joined;

/// Looks for the nearest entry. `outside` is an address of the asked name that no entry covers, where DNS was asked.
pub(crate) fn find<'p>(ask: &Ask<'p, '_>, outside: Option<IpAddr>) -> Option<Nearest<'p>> {
    let subject = ask.subject();
    same_host(ask, subject).or_else(|| match subject {
        Subject::Name(name) => related_name(ask, name).or_else(|| under_network(ask, name, outside)),
        Subject::Hub => under_network(ask, hub::SHOWN, outside),
        Subject::Address(address) => unconfirmed(ask, address).or_else(|| neighbour(ask, address)),
    })
}

/// The lists of the effective whitelist (rule W2).
const LISTS: [List; 2] = [List::Whitelist, List::Insecure];

fn nearest<'p>(row: &'p Row, project: Option<&'p str>, miss: Miss, text: String) -> Nearest<'p> {
    Nearest { entry: Hit { row, project }.matched(), miss, text }
}

/// An entry for the same host with another namespace or another port.
fn same_host<'p>(ask: &Ask<'p, '_>, subject: Subject<'_>) -> Option<Nearest<'p>> {
    let mut best = None;
    for (project, index) in ask.indexes() {
        let _ = index.covering(subject, &mut |rank, group| {
            let found = || another_namespace(ask, group).or_else(|| another_port(ask, group));
            if best.as_ref().is_none_or(|(of, _, _)| rank > *of) {
                best = found().map(|found| (rank, project, found)).or_else(|| best.take());
            }
            Flow::Continue(())
        });
    }
    let (_, project, (row, miss, text)) = best?;
    Some(nearest(row, project, miss, text))
}

type Found<'p> = (&'p Row, Miss, String);

fn another_namespace<'p>(ask: &Ask<'_, '_>, group: Group<'p>) -> Option<Found<'p>> {
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

fn another_port<'p>(ask: &Ask<'_, '_>, group: Group<'p>) -> Option<Found<'p>> {
    let row = LISTS.iter().find_map(|list| group.in_list(*list).first()).and_then(|row| group.row(*row))?;
    if row.port == ANY_PORT {
        return None;
    }
    let asked = match ask.reference.port {
        Some(port) => format!("the reference has port {port}"),
        None => "a reference without a port stands for 443".to_owned(),
    };
    Some((row, Miss::AnotherPort, format!("it covers port {} only, and {asked}", row.port)))
}

/// The wildcard right below the name, or an entry for a name above it.
fn related_name<'p>(ask: &Ask<'p, '_>, name: &str) -> Option<Nearest<'p>> {
    let any =
        |group: Group<'p>| LISTS.iter().find_map(|list| group.in_list(*list).first()).and_then(|row| group.row(*row));
    for (project, index) in ask.indexes() {
        if let Some(row) = index.wildcard(name).and_then(any) {
            let text = format!("it covers every name below `{name}`, not `{name}` itself");
            return Some(nearest(row, project, Miss::WildcardApex, text));
        }
    }
    // A top-level domain says nothing about what is below it.
    for parent in name::parents(name).filter(|parent| parent.contains('.')) {
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
fn under_network<'p>(ask: &Ask<'p, '_>, name: &str, outside: Option<IpAddr>) -> Option<Nearest<'p>> {
    if let Some(outside) = outside {
        let (row, project) = neighbouring_row(ask, outside)?;
        let text = format!("`{name}` has the address {outside}, which no entry covers");
        return Some(nearest(row, project, Miss::AddressOutside, text));
    }
    let (row, project) = ask.indexes().find_map(|(project, index)| {
        let group = index.by_dns(Subject::Name(name));
        let row = LISTS.iter().find_map(|list| group.in_list(*list).first())?;
        Some((group.row(*row)?, project))
    })?;
    if ask.policy.resolves {
        let text = format!("`{name}` has no address that could be looked up");
        return Some(nearest(row, project, Miss::AddressOutside, text));
    }
    let text =
        joined(&["a name is not covered by addresses: list `", name, "` itself, or set `match_resolved_addresses`"]);
    Some(nearest(row, project, Miss::NameUnderNetwork, text))
}

/// A wildcard over a name that the address has but that does not lead back to it.
fn unconfirmed<'p>(ask: &Ask<'p, '_>, address: IpAddr) -> Option<Nearest<'p>> {
    let answers = ask.fact(QuestionKind::NamesOf, &address.to_string())?;
    for name in sorted(answers.iter().filter_map(|answer| read_name(answer))) {
        for (project, index) in ask.indexes() {
            let mut found = None;
            let _ = index.wildcards_over(&name, &mut |_, group| {
                let row = LISTS.iter().find_map(|list| group.cover(*list, ask.ports.of_list(*list), None));
                found = found.or(row.and_then(|row| group.row(row)));
                Flow::Continue(())
            });
            if let Some(row) = found {
                let text = format!("{address} calls itself `{name}`, but that name does not resolve to it");
                return Some(nearest(row, project, Miss::NameUnconfirmed, text));
            }
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
            let row = LISTS.iter().find_map(|list| group.in_list(*list).first()).and_then(|row| group.row(*row));
            if let Some(row) = row.filter(|_| best.is_none_or(|(most, _, _)| bits > most)) {
                best = Some((bits, row, project));
            }
        }
    }
    best.map(|(_, row, project)| (row, project))
}
