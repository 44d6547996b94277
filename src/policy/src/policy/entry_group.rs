//! Entries that name the same hosts: the ones among them that a port, a list and a repository meet.

use std::cmp::Ordering;

use crate::entry::Entry;
use crate::finding::EntryList;
use crate::reference::repository;
use crate::util::sort;

/// An enabled entry in the index.
#[derive(Clone, Debug)]
pub(crate) struct IndexedEntry {
    /// The canonical text.
    pub text: Box<str>,
    pub list: EntryList,
    /// The index in the list as written.
    pub position: u32,
    /// The port that the entry covers, or `ANY_PORT`.
    pub port: u16,
    /// The length of the namespace at the end of the text; 0 without one.
    namespace: u16,
}

/// The port of an entry that covers every port. Port 0 is not a valid port.
pub(crate) const ANY_PORT: u16 = 0;

/// Entries that name the same hosts, or those that can match by DNS.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EntryGroup<'i> {
    /// All entries of the index.
    pub(super) entries: &'i [IndexedEntry],
    /// Those of the group.
    pub(super) rows: &'i [u32],
}

impl IndexedEntry {
    pub(super) fn new(list: EntryList, position: u32, entry: &Entry) -> Self {
        let namespace = entry.namespace.as_ref().map_or(0, |namespace| namespace.len());
        IndexedEntry {
            text: entry.to_text(),
            list,
            position,
            port: entry.port.unwrap_or(ANY_PORT),
            // An entry has at most 1,024 bytes, and its canonical text little more.
            namespace: u16::try_from(namespace).unwrap_or(u16::MAX),
        }
    }

    /// Returns the namespace that the entry is limited to; empty without one.
    pub fn namespace(&self) -> &str {
        self.text
            .len()
            .checked_sub(usize::from(self.namespace))
            .and_then(|start| self.text.get(start..))
            .unwrap_or_default()
    }
}

impl<'i> EntryGroup<'i> {
    /// Returns the entries of a list with exactly this port or `ANY_PORT`, sorted by namespace.
    pub fn on_port(self, list: EntryList, port: u16) -> &'i [u32] {
        match self.single() {
            Some(row) => self.rows.get(..usize::from(row.list == list && row.port == port)).unwrap_or_default(),
            None => self.equal_range(&|row| row.list.cmp(&list).then(row.port.cmp(&port))),
        }
    }

    /// Returns the entries of a list, sorted by port and namespace.
    pub fn in_list(self, list: EntryList) -> &'i [u32] {
        self.equal_range(&|row| row.list.cmp(&list))
    }

    /// Returns the entry of a group with only one. Most groups have one, and need no search.
    #[inline(always)]
    fn single(self) -> Option<&'i IndexedEntry> {
        match self.rows {
            [row] => self.row(*row),
            _ => None,
        }
    }

    /// Returns the entries that compare as equal.
    fn equal_range(self, compare: &dyn Fn(&IndexedEntry) -> Ordering) -> &'i [u32] {
        let order = |row: &u32| self.row(*row).map_or(Ordering::Greater, compare);
        let start = self.rows.partition_point(|row| order(row).is_lt());
        let rest = self.rows.get(start..).unwrap_or_default();
        rest.get(..rest.partition_point(|row| order(row).is_eq())).unwrap_or_default()
    }

    /// Returns whether the only entry of the group is the one at this position of a list.
    pub fn is_only(self, list: EntryList, position: u32) -> bool {
        self.single().is_some_and(|row| row.list == list && row.position == position)
    }

    /// Returns whether the group has an entry of a list on one of these ports, of whatever namespace.
    #[inline(always)]
    pub fn has(self, list: EntryList, ports: &[u16]) -> bool {
        match self.single() {
            Some(row) => row.list == list && ports.contains(&row.port),
            None => ports.iter().any(|port| !self.on_port(list, *port).is_empty()),
        }
    }

    /// Returns the entry of a list that covers a repository on one of these ports: the one with the longest namespace,
    /// of these the one whose port comes first in `ports`, of these the first in the list. Without a repository any
    /// namespace matches (rule M3).
    pub fn cover(self, list: EntryList, ports: &[u16], repository: Option<&str>) -> Option<u32> {
        if let Some(row) = self.single() {
            let limit = row.namespace();
            let reaches = |repository| limit.is_empty() || repository::is_within(repository, limit);
            let covers = row.list == list && ports.contains(&row.port) && repository.is_none_or(reaches);
            return self.rows.first().copied().filter(|_| covers);
        }
        let mut best: Option<(usize, u32)> = None;
        for port in ports {
            let Some(row) = self.cover_in(self.on_port(list, *port), repository) else { continue };
            let length = self.entries.get(to_usize(row)).map_or(0, |row| row.namespace().len());
            if best.is_none_or(|(longest, _)| length > longest) {
                best = Some((length, row));
            }
        }
        best.map(|(_, row)| row)
    }

    /// Returns the entry that covers a repository, among entries sorted by namespace.
    #[inline(always)]
    fn cover_in(self, rows: &[u32], repository: Option<&str>) -> Option<u32> {
        let namespace = |row: &u32| self.row(*row).map_or("", IndexedEntry::namespace);
        let first = rows.first()?;
        let Some(repository) = repository else { return Some(*first) };
        repository::namespaces(repository).chain([""]).find_map(|wanted| {
            let row = rows.get(rows.partition_point(|row| namespace(row) < wanted))?;
            (namespace(row) == wanted).then_some(*row)
        })
    }

    /// Returns every entry of a list that covers all of `ports` and the namespace (empty: all repositories), of those
    /// with the same text the first. Docker Hub has several names.
    pub fn covering_rows(
        self,
        list: EntryList,
        ports: &[u16],
        namespace: &str,
    ) -> impl Iterator<Item = &'i IndexedEntry> {
        if !self.has(list, ports) {
            return Vec::new().into_iter();
        }
        let limits: Vec<&str> =
            if namespace.is_empty() { vec![""] } else { repository::namespaces(namespace).chain([""]).collect() };
        let limit = move |row: &u32| self.row(*row).map_or("", IndexedEntry::namespace);
        let mut rows = Vec::new();
        for port in ports {
            let on_port = self.on_port(list, *port);
            for wanted in &limits {
                let start = on_port.partition_point(|row| limit(row) < *wanted);
                let mut rest = on_port.get(start..).unwrap_or_default();
                while let Some(first) = rest.first().filter(|row| limit(row) == *wanted).and_then(|row| self.row(*row))
                {
                    rows.push(first);
                    let same = |row: &IndexedEntry| row.namespace() == *wanted && row.text == first.text;
                    let same = rest.partition_point(|row| self.row(*row).is_some_and(same));
                    rest = rest.get(same..).unwrap_or_default();
                }
            }
        }
        rows.into_iter()
    }

    pub fn row(self, row: u32) -> Option<&'i IndexedEntry> {
        self.entries.get(to_usize(row))
    }

    /// Returns all entries of the group, sorted by list, port and namespace.
    pub fn all_rows(self) -> &'i [u32] {
        self.rows
    }
}

/// Sorts rows by list, port and namespace. The text precedes the position, so that document order only decides between
/// identical entries.
pub(super) fn sort_rows(rows: &[IndexedEntry], order: &mut [u32]) {
    sort::sort_indices(order, &|a, b| match (rows.get(a), rows.get(b)) {
        (Some(one), Some(other)) => {
            let texts = || one.text.cmp(&other.text).then(one.position.cmp(&other.position));
            compare_limits(one, other).then_with(texts)
        }
        _ => Ordering::Equal,
    });
}

/// Returns one row for each list, port and namespace, sorted by these. Of alike blocked entries, which answers name, it
/// is the first by text.
pub(super) fn distinct_limits(rows: &[IndexedEntry], mut order: Vec<u32>) -> Vec<u32> {
    sort_rows(rows, &mut order);
    order.dedup_by_key(|row| rows.get(to_usize(*row)).map(|row| (row.list, row.port, row.namespace())));
    order
}

/// Compares the lists, ports and namespaces of entries.
pub(super) fn compare_limits(one: &IndexedEntry, other: &IndexedEntry) -> Ordering {
    let limits = one.list.cmp(&other.list).then(one.port.cmp(&other.port));
    limits.then_with(|| one.namespace().cmp(other.namespace()))
}

/// Converts a `u32` index; no target has a narrower `usize`.
pub(crate) fn to_usize(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

/// Converts a count of entries, of which there are at most a million.
pub(crate) fn to_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
