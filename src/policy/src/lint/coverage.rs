//! Ports, specificity and description of entries, as lints compare them.

use crate::document::member_name;
use crate::entry::{Entry, HostPattern};
use crate::finding::EntryList;
use crate::host::docker_hub;
use crate::policy::entry_group::{ANY_PORT, EntryGroup, IndexedEntry};
use crate::policy::index::{EXACT_HOST, Specificity, wildcard_specificity};
use crate::policy::pattern_index;

/// Returns the ports of entries that cover all ports of this one.
pub(crate) fn covering_ports(entry: &Entry) -> Vec<u16> {
    match entry.port {
        _ if entry.is_docker_hub() => vec![docker_hub::DEFAULT_PORT, ANY_PORT],
        Some(port) => vec![port, ANY_PORT],
        None => vec![ANY_PORT],
    }
}

/// Returns the specificity that `covering_entry` reports for the group of exactly the entry's hosts.
pub(crate) fn own_specificity(entry: &Entry) -> Specificity {
    match &entry.hosts {
        HostPattern::Network(network) => Specificity::from(network.prefix_len()),
        HostPattern::Wildcard(domain) => wildcard_specificity(domain),
        HostPattern::Pattern(pattern) => pattern_index::specificity(pattern),
        HostPattern::Address(_) | HostPattern::Name(_) => EXACT_HOST,
    }
}

/// Returns an entry of a list in the group that shares a port with this one.
pub(crate) fn port_overlap<'i>(group: EntryGroup<'i>, list: EntryList, entry: &Entry) -> Option<&'i IndexedEntry> {
    let row = match entry.port {
        Some(_) => covering_ports(entry).iter().find_map(|port| group.on_port(list, *port).first()),
        None => group.in_list(list).first(),
    };
    row.and_then(|row| group.row(*row))
}

/// Returns the description of an entry in messages: text, list, index and project.
pub(crate) fn entry_location(project: Option<&str>, row: &IndexedEntry) -> String {
    entry_location_at(project, row, row.position)
}

pub(crate) fn entry_location_at(project: Option<&str>, row: &IndexedEntry, position: u32) -> String {
    let list = member_name(row.list);
    match project {
        Some(project) => format!("`{}` ({list}[{position}] of project `{project}`)", row.text),
        None => format!("`{}` ({list}[{position}])", row.text),
    }
}
