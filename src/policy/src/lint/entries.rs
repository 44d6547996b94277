//! Cross-entry linter: the findings that follow from several entries of a document (rules E10, W1, T4, T5, P4).

use std::cell::{Cell, OnceCell};
use std::fmt;
use std::ops::ControlFlow;

use crate::decision::{Decision, DenialReason, ReferenceKind, Request, Scheme};
use crate::document::{EntryItems, ListItem, ParsedDocument, PolicyLists, item_pointer, list_pointer, member_name};
use crate::entry::{self, Entry, HostPattern};
use crate::finding::code::Code;
use crate::finding::{EntryList, RawFinding};
use crate::host::docker_hub;
use crate::lint::coverage::{covering_ports, entry_location, entry_location_at, own_specificity};
use crate::policy::entry_group::{ANY_PORT, EntryGroup, IndexedEntry, to_usize};
use crate::policy::index::{EntryIndex, Specificity};
use crate::policy::{Policy, PolicyScope};

/// Adds the findings that follow from more than one entry.
pub(crate) fn lint(document: &ParsedDocument<'_>, policy: &Policy, findings: &mut Vec<RawFinding>) {
    // A list with errors is incomplete, so nothing is reported about it as a whole.
    let whole = !findings.iter().any(RawFinding::is_error);
    let global = (None, &policy.global, &document.global);
    let projects = document.projects.iter().flatten().filter_map(|project| {
        let (name, scope) = policy.project(&project.name)?;
        Some((Some(name), scope, &project.lists))
    });
    let (mut weakened, of_projects, mut before) = (AlreadyReported::default(), OnceCell::new(), 0);
    let comparisons = Cell::new(0);
    for (project, scope, lists) in std::iter::once(global).chain(projects) {
        let (weakened, of_projects) = (&mut weakened, &of_projects);
        CrossEntryLinter {
            scope,
            lists,
            project,
            policy,
            document,
            findings,
            reported: weakened,
            before,
            project_entries: of_projects,
            comparisons: &comparisons,
        }
        .run(whole);
        before = before.saturating_add(lists.items(EntryList::Insecure).len());
    }
}

/// The linter of one scope's lists.
struct CrossEntryLinter<'d, 'n> {
    scope: &'d PolicyScope,
    lists: &'d PolicyLists<'d>,
    project: Option<&'d str>,
    policy: &'d Policy,
    document: &'d ParsedDocument<'d>,
    findings: &'n mut Vec<RawFinding>,
    reported: &'n mut AlreadyReported,
    /// The number of insecure entries in the scopes before this one.
    before: usize,
    /// The entries of all projects, built on first use.
    project_entries: &'n OnceCell<ProjectEntries<'d>>,
    /// The number of comparisons of patterns with each other so far.
    comparisons: &'n Cell<usize>,
}

/// The maximum number of comparisons of patterns with each other in one document. They are quadratic.
const MAX_COMPARISONS: usize = 100_000;

impl<'d, 'n> CrossEntryLinter<'d, 'n> {
    fn run(&mut self, whole: bool) {
        for list in EntryList::ALL {
            for item in self.lists.items(list).iter().filter(|item| item.enabled) {
                let counts = !self.report_redundant(list, item);
                match list {
                    EntryList::Whitelist => {
                        self.lint_plain_http(item);
                        self.lint_transport(item, counts);
                    }
                    EntryList::Insecure => self.lint_built_in(item),
                    EntryList::BuiltIn | EntryList::Blocked => {}
                }
            }
        }
        if let Some(whitelist) = self.lists.whitelist.as_ref().filter(|_| whole) {
            self.lint_whitelist(whitelist);
        }
    }

    /// Returns the indexes that apply to this scope's requests, its own first, each with its project.
    fn visible_indexes(&self) -> impl Iterator<Item = (Option<&'d str>, &'d EntryIndex)> + use<'d> {
        let global = self.project.map(|_| (None, &self.policy.global.index));
        std::iter::once((self.project, &self.scope.index)).chain(global)
    }

    /// Rule P4: reports a duplicate entry, or one that another entry covers and whose removal changes nothing (rule
    /// A1). Returns whether it did.
    fn report_redundant(&mut self, list: EntryList, item: &ListItem<'_>) -> bool {
        let entry = item.entry();
        let ports = covering_ports(entry);
        let namespace = entry.namespace.as_deref().unwrap_or_default();
        let own_rank = own_specificity(entry);
        let is_alike = |row: &IndexedEntry, specificity: Specificity| {
            let same_port = row.port == entry.port.unwrap_or(ANY_PORT) || entry.is_docker_hub();
            // Two patterns with names in common can be equally specific.
            let same_hosts = !matches!(entry.hosts, HostPattern::Pattern(_)) || *row.text == *entry.to_string();
            specificity == own_rank && same_port && row.namespace() == namespace && same_hosts
        };
        for (project, index) in self.visible_indexes() {
            // Of identical entries the first one is kept.
            let stands = |row: &IndexedEntry, specificity: Specificity| {
                project != self.project || !is_alike(row, specificity) || row.position < item_position(item)
            };
            let mut other: Option<(&IndexedEntry, Specificity)> = None;
            let _ = index.covering_entry(entry, &mut |specificity, group| {
                if project == self.project && group.is_only(list, item_position(item)) {
                    return ControlFlow::Continue(());
                }
                other = group
                    .covering_rows(list, &ports, namespace)
                    .find(|row| stands(row, specificity))
                    .map(|row| (row, specificity));
                if other.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            let Some((other, specificity)) = other else { continue };
            if self.has_effect_beside(list, entry, other, specificity) {
                continue;
            }
            let location = entry_location(project, other);
            if is_alike(other, specificity) {
                let message = format_args!("`{entry}` is the same as {location}: leave one of them out");
                self.report(list, item, Code::EntryDuplicate, message);
            } else {
                let message = format_args!("`{entry}` is covered by {location} already");
                self.report(list, item, Code::EntryCovered, message);
            }
            return true;
        }
        false
    }

    /// Returns whether an entry has an effect although `other`, of the same list and with hosts of specificity `wider`,
    /// covers it.
    fn has_effect_beside(&self, list: EntryList, entry: &Entry, other: &IndexedEntry, wider: Specificity) -> bool {
        let own = own_specificity(entry);
        // An insecure entry for port 443 alone prevents plain HTTP; one for every port allows it on port 80 (rule T3).
        let http = entry.port != Some(443);
        if list == EntryList::Insecure && (http && other.port == 443 || !http && other.port != 443 && wider != own) {
            return true;
        }
        if wider == own {
            return false;
        }
        // The most specific entry decides the transport; among equals an insecure one does, and every port before 443
        // (rules T3 and T4). An entry between the two in specificity therefore gives this one an effect.
        let decides = |specificity, group: EntryGroup<'_>| {
            let insecure = |port| !group.on_port(EntryList::Insecure, port).is_empty();
            match list {
                EntryList::Whitelist => specificity < own && !group.in_list(EntryList::Insecure).is_empty(),
                EntryList::Insecure if !http && (insecure(80) || insecure(ANY_PORT)) => true,
                EntryList::Insecure => {
                    specificity > wider && (!group.in_list(EntryList::Whitelist).is_empty() || http && insecure(443))
                }
                EntryList::BuiltIn | EntryList::Blocked => false,
            }
        };
        let separates = |index: &EntryIndex| {
            let mut found = !index.is_searchable(entry);
            let _ = index.covering_entry(entry, &mut |specificity, group| {
                found |= specificity >= wider && decides(specificity, group);
                ControlFlow::Continue(())
            });
            if let HostPattern::Pattern(pattern) = &entry.hosts {
                let comparisons = self.comparisons.get().saturating_add(index.count_overlap_candidates(pattern));
                if found || comparisons > MAX_COMPARISONS {
                    return true;
                }
                self.comparisons.set(comparisons);
                let is_complete = index.overlapping(pattern, &mut |specificity, group| {
                    found |= (wider..=own).contains(&specificity) && decides(specificity, group);
                });
                found |= !is_complete;
            }
            found
        };
        // A global entry also applies to the requests of every project, among that project's entries.
        self.visible_indexes().any(|(_, index)| separates(index))
            || self.project.is_none() && separates(&self.project_entries().index)
    }

    fn project_entries(&self) -> &'n ProjectEntries<'d> {
        self.project_entries.get_or_init(|| ProjectEntries::new(self.document))
    }

    /// Rule E10: a plain-HTTP entry in the whitelist requires the same entry in the insecure list.
    fn lint_plain_http(&mut self, item: &ListItem<'_>) {
        if item.parsed.scheme != Some(Scheme::Http) {
            return;
        }
        let port = item.entry().port.unwrap_or(ANY_PORT);
        let designated = self.visible_indexes().any(|(_, index)| {
            index.same_hosts(item.entry()).is_some_and(|group| !group.on_port(EntryList::Insecure, port).is_empty())
        });
        if !designated {
            let finding = entry::plain_http_finding(item.entry(), item.span.clone());
            self.findings.push(finding.with_path(item_pointer(
                self.project,
                EntryList::Whitelist,
                item.index,
                item.object,
            )));
        }
    }

    /// Rules T4 and P4: reports the effects of insecure entries on a whitelist entry. `counts` is false if another
    /// entry covers it.
    fn lint_transport(&mut self, item: &ListItem<'_>, counts: bool) {
        let entry = item.entry();
        let https = item.parsed.scheme == Some(Scheme::Https);
        let context = WhitelistContext { item, has_effect: counts, built_in: self.built_in_coverage(entry) };
        let other = match self.project {
            Some(_) => (ListOwner::Global, &self.policy.global.index),
            None => (ListOwner::Projects, &self.project_entries().index),
        };
        let (mut same, mut wider, mut was_reported) = (None, None, false);
        for (owner, index) in [(ListOwner::Own, &self.scope.index), other] {
            for overlap in insecure_overlaps(index, entry, owner != ListOwner::Projects) {
                let Some(first) = overlap.first_entries().next() else { continue };
                if !overlap.same_hosts {
                    wider = wider.or(Some((owner, first)));
                } else if owner != ListOwner::Projects {
                    same = same.or(Some((owner, first)));
                }
                if owner != ListOwner::Global {
                    self.report_weakened(owner, &context, &overlap);
                    continue;
                }
                // The global entry may be right for other projects, so the finding is on this entry, once.
                if was_reported || overlap.same_hosts && https {
                    continue;
                }
                let harmful = overlap.first_entries().find_map(|row| Some((row, context.weakening(&overlap, row)?)));
                if let Some((row, how)) = harmful {
                    was_reported = true;
                    let message = format_args!("because of {}, `{entry}` {how}", entry_location(None, row));
                    self.report(EntryList::Whitelist, item, Code::InsecureWeakens, message);
                }
            }
        }
        if let Some((owner, row)) = same {
            if https && !context.built_in.own_ports {
                let (location, ports) = (self.describe_insecure(owner, row), affected_ports(entry, row));
                let message =
                    format_args!("`{entry}` was written with `https://`, and {location} makes it insecure{ports}");
                self.report(EntryList::Whitelist, item, Code::HttpsInsecure, message);
            }
        } else if let Some((owner, row)) = wider {
            let message = format_args!("`{entry}` stays verified inside {}", self.describe_insecure(owner, row));
            self.report(EntryList::Whitelist, item, Code::VerifiedInsideInsecure, message);
        }
    }

    /// Reports the effects of insecure entries on a whitelist entry, once for each insecure entry.
    fn report_weakened(&mut self, owner: ListOwner, context: &WhitelistContext<'_>, overlap: &InsecureOverlap<'_>) {
        let entry = context.item.entry();
        for rows in &overlap.port_ranges {
            // Insecure entries with the same port have the same effect on an entry with a port.
            let first = rows.first().and_then(|row| overlap.group.row(*row));
            let Some(first) = first.filter(|row| context.weakening(overlap, row).is_some()) else { continue };
            let Some((number, ..)) = self.insecure_item(owner, first) else { continue };
            let seen = match entry.port {
                None if !entry.is_docker_hub() => !self.reported.by_group.insert(number),
                _ => self.reported.by_entry.contains(number),
            };
            if seen {
                continue;
            }
            for row in rows.iter().filter_map(|row| overlap.group.row(*row)) {
                let Some((number, project, item)) = self.insecure_item(owner, row) else { continue };
                let Some(how) = context.weakening(overlap, row).filter(|_| self.reported.by_entry.insert(number))
                else {
                    continue;
                };
                let message = match owner {
                    ListOwner::Projects => format!(
                        "because of `{}`, in this project `{entry}` ({}[{}]) {how}",
                        row.text,
                        member_name(EntryList::Whitelist),
                        context.item.index
                    ),
                    _ => format!("because of `{}`, the whitelist's `{entry}` {how}", row.text),
                };
                let path = item_pointer(project, EntryList::Insecure, item.index, item.object);
                self.findings.push(RawFinding::new(Code::InsecureWeakens, item.span.clone(), message).with_path(path));
            }
        }
    }

    /// Returns the item of an insecure entry, with its number among all insecure entries of the document and its
    /// project.
    fn insecure_item(
        &self,
        owner: ListOwner,
        row: &IndexedEntry,
    ) -> Option<(usize, Option<&'d str>, &'d ListItem<'d>)> {
        let items = self.lists.items(EntryList::Insecure);
        if owner == ListOwner::Projects {
            let number = to_usize(row.position);
            let (project, item) = self.project_entries().insecure.get(number)?;
            return Some((items.len().saturating_add(number), Some(project), item));
        }
        let number = items.binary_search_by_key(&row.position, item_position).ok()?;
        Some((self.before.saturating_add(number), self.project, items.get(number)?))
    }

    /// Returns the description of an insecure entry in messages.
    fn describe_insecure(&self, owner: ListOwner, row: &IndexedEntry) -> String {
        match owner {
            ListOwner::Own => entry_location(self.project, row),
            ListOwner::Global => entry_location(None, row),
            ListOwner::Projects => {
                let found = self.insecure_item(owner, row);
                let (project, position) =
                    found.map(|(_, project, item)| (project, item_position(item))).unwrap_or_default();
                entry_location_at(project, row, position)
            }
        }
    }

    /// Returns the part of a whitelist entry that is built in and therefore always verified (rule T5).
    fn built_in_coverage(&self, entry: &Entry) -> BuiltInCoverage {
        let mut product = BuiltInCoverage::default();
        if self.policy.has_built_in() {
            let _ = self.policy.global.index.covering_entry(entry, &mut |_, group| {
                product.own_ports |= group.has(EntryList::BuiltIn, &covering_ports(entry));
                product.every_port |= group.has(EntryList::BuiltIn, &[ANY_PORT]);
                ControlFlow::Continue(())
            });
        }
        product
    }

    /// Rule T5: reports an insecure entry that names a built-in registry.
    fn lint_built_in(&mut self, item: &ListItem<'_>) {
        let entry = item.entry();
        let global = &self.policy.global.index;
        let groups = [global.same_hosts(entry), global.same_address(entry)];
        let built_in = groups.iter().flatten().find_map(|group| {
            let row = covering_ports(entry).iter().find_map(|port| group.on_port(EntryList::BuiltIn, *port).first());
            group.row(*row?)
        });
        if let Some(row) = built_in {
            let message =
                format_args!("`{entry}` is {}, the product's own, and always verified", entry_location(None, row));
            self.report(EntryList::Insecure, item, Code::BuiltInInsecure, message);
        }
    }

    /// Rules W1 and P4: reports an empty whitelist, and a whitelist that denies Docker Hub.
    fn lint_whitelist(&mut self, whitelist: &EntryItems<'_>) {
        let path = list_pointer(self.project, EntryList::Whitelist);
        let mut report = |code, message: String| {
            self.findings.push(RawFinding::new(code, whitelist.span.clone(), message).with_path(&*path));
        };
        let has = |list: EntryList| {
            let global = self.project.map(|_| &self.policy.global.index);
            std::iter::once(&self.scope.index)
                .chain(global)
                .any(|index| index.rows().iter().any(|row| row.list == list))
        };
        if !has(EntryList::Whitelist) {
            report(Code::WhitelistEmpty, match has(EntryList::Insecure) {
                true => "the whitelist is on and empty: the insecure registries are allowed, and nothing else".to_owned(),
                false => {
                    "the whitelist is on and empty: nothing is allowed; to allow every registry, turn whitelist mode off (no \
                     `whitelist`)"
                        .to_owned()
                }
            });
        }
        let request = Request {
            reference: docker_hub::DISPLAY_NAME,
            kind: ReferenceKind::Registry,
            project: self.project,
            ..Request::default()
        };
        let decision = self.policy.decide(&request);
        if matches!(decision, Decision::Deny(denied) if denied.reason == DenialReason::NotWhitelisted) {
            report(Code::DockerHubDenied, "the whitelist denies Docker Hub; to allow it, add `docker.io`".to_owned());
        }
    }

    #[inline(never)]
    fn report(&mut self, list: EntryList, item: &ListItem<'_>, code: Code, message: fmt::Arguments<'_>) {
        let path = item_pointer(self.project, list, item.index, item.object);
        self.findings.push(RawFinding::new(code, item.span.clone(), message.to_string()).with_path(path));
    }
}

/// The list of an insecure entry, relative to a whitelist entry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ListOwner {
    /// The lists of the same scope.
    Own,
    /// The global lists; the whitelist entry is a project's.
    Global,
    /// A project's lists; the whitelist entry is global.
    Projects,
}

/// The entries of all projects together.
struct ProjectEntries<'d> {
    /// The index of the entries. The position of an insecure entry is its index in `insecure`.
    index: EntryIndex,
    insecure: Vec<(&'d str, &'d ListItem<'d>)>,
}

impl<'d> ProjectEntries<'d> {
    fn new(document: &'d ParsedDocument<'d>) -> Self {
        let projects = || document.projects.iter().flatten();
        let insecure: Vec<(&str, &ListItem<'_>)> = projects()
            .flat_map(|project| project.lists.items(EntryList::Insecure).iter().map(|item| (&*project.name, item)))
            .collect();
        let enabled = insecure.iter().zip(0..).filter(|((_, item), _)| item.enabled);
        let others =
            projects().flat_map(|project| project.lists.entries().filter(|(list, ..)| *list != EntryList::Insecure));
        let index = EntryIndex::new(
            others.chain(enabled.map(|((_, item), number)| (EntryList::Insecure, number, item.entry()))),
        );
        ProjectEntries { index, insecure }
    }
}

/// Insecure entries that were reported as weakening, by number in the document, so that each is reported once.
#[derive(Default)]
struct AlreadyReported {
    by_entry: BitSet,
    /// The first entry of each group that was reported for all its hosts.
    by_group: BitSet,
}

#[derive(Default)]
struct BitSet(Vec<bool>);

impl BitSet {
    fn contains(&self, number: usize) -> bool {
        self.0.get(number) == Some(&true)
    }

    /// Inserts a number; returns false if it was present.
    fn insert(&mut self, number: usize) -> bool {
        if self.0.len() <= number {
            self.0.resize(number.saturating_add(1), false);
        }
        self.0.get_mut(number).is_some_and(|seen| !std::mem::replace(seen, true))
    }
}

/// The parts of an entry that built-in registries cover.
#[derive(Clone, Copy, Default)]
struct BuiltInCoverage {
    own_ports: bool,
    every_port: bool,
}

/// A whitelist entry, as compared with insecure entries.
struct WhitelistContext<'i> {
    item: &'i ListItem<'i>,
    /// False if another entry covers it. The effects of wider insecure entries are then reported on that one.
    has_effect: bool,
    built_in: BuiltInCoverage,
}

impl WhitelistContext<'_> {
    /// Returns the description of an insecure entry's effect on the whitelist entry.
    fn weakening(&self, overlap: &InsecureOverlap<'_>, row: &IndexedEntry) -> Option<String> {
        let entry = self.item.entry();
        // Rule E10 requires that insecure entry, and it applies to every namespace (rule E12).
        let http = self.item.parsed.scheme == Some(Scheme::Http);
        if overlap.same_hosts && !http && !self.built_in.own_ports {
            return Some(format!("is reached without verification{}", affected_ports(entry, row)));
        }
        if !self.has_effect {
            return None;
        }
        if entry.port.is_some() && !entry.is_docker_hub() && row.port == ANY_PORT {
            let how = if self.built_in.every_port { "" } else { ", without verification" };
            return Some(format!("is allowed on every other port too{how}"));
        }
        let spreads = entry.namespace.is_some() && !http && !overlap.shadowed;
        spreads.then(|| "is allowed with every other namespace too".to_owned())
    }
}

/// Insecure entries that overlap with a whitelist entry: both may cover one reference.
struct InsecureOverlap<'i> {
    group: EntryGroup<'i>,
    /// True if both name the same hosts, so that the insecure entries decide the transport (rule T4).
    same_hosts: bool,
    /// True if a more specific insecure entry has all ports of the entry.
    shadowed: bool,
    /// The insecure entries by port; all of them together for a whitelist entry without a port.
    port_ranges: Vec<&'i [u32]>,
}

impl<'i> InsecureOverlap<'i> {
    fn first_entries(&self) -> impl Iterator<Item = &'i IndexedEntry> {
        self.port_ranges.iter().filter_map(|rows| self.group.row(*rows.first()?))
    }
}

/// Returns the insecure entries that overlap with an entry, the most specific first. If all of them apply to the same
/// requests (`one`), an entry for every port hides the less specific ones.
fn insecure_overlaps<'i>(index: &'i EntryIndex, entry: &Entry, one: bool) -> Vec<InsecureOverlap<'i>> {
    let mut overlap = Vec::new();
    let mut shadowed = false;
    let mut meet = |same: bool, group: EntryGroup<'i>| {
        if group.in_list(EntryList::Insecure).is_empty() {
            return ControlFlow::Continue(());
        }
        let mut port_ranges: Vec<&[u32]> = match entry.port {
            None if !entry.is_docker_hub() => vec![group.in_list(EntryList::Insecure)],
            // A reference without a port stands for 443, and also for 80 under an insecure entry (rule M2).
            Some(443) | None => [443, ANY_PORT, 80].map(|port| group.on_port(EntryList::Insecure, port)).to_vec(),
            Some(port) => [port, ANY_PORT].map(|port| group.on_port(EntryList::Insecure, port)).to_vec(),
        };
        port_ranges.retain(|rows| !rows.is_empty());
        if port_ranges.is_empty() {
            return ControlFlow::Continue(());
        }
        overlap.push(InsecureOverlap { group, same_hosts: same, shadowed, port_ranges });
        shadowed |= one && group.has(EntryList::Insecure, &covering_ports(entry));
        if one && group.has(EntryList::Insecure, &[ANY_PORT]) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let address = index.address_of(entry).map_or(ControlFlow::Continue(()), |group| meet(true, group));
    if address.is_continue() {
        let _ =
            index.covering_entry(entry, &mut |specificity, group| meet(specificity == own_specificity(entry), group));
    }
    overlap
}

/// Returns the part of a whitelist entry that an insecure entry for the same hosts affects, as text.
fn affected_ports(entry: &Entry, row: &IndexedEntry) -> String {
    match (entry.port, row.port) {
        (_, ANY_PORT) => String::new(),
        _ if entry.is_docker_hub() => String::new(),
        (Some(own), port) if own == port => String::new(),
        (Some(_), _) => " where the reference has no port".to_owned(),
        (None, port @ (80 | 443)) => format!(" on port {port} and where the reference has none"),
        (None, port) => format!(" on port {port}"),
    }
}

fn item_position(item: &ListItem<'_>) -> u32 {
    u32::try_from(item.index).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::check_policy;

    /// Guards against comparing every insecure entry with every whitelist entry, which takes quadratic time.
    #[test]
    fn p4_many_namespaces_and_many_projects() {
        const ENTRY_COUNT: usize = 50_000;
        let list = |texts: &mut dyn Iterator<Item = String>| texts.collect::<Vec<_>>().join(",");
        for (host, insecure) in
            [("h.lab.corp", "h.lab.corp"), ("h.lab.corp:443", "*.lab.corp"), ("10.0.0.1", "10.0.0.0/8")]
        {
            let whitelist = list(&mut (0..ENTRY_COUNT).map(|number| format!(r#""{host}/n{number}""#)));
            let own = list(&mut (0..ENTRY_COUNT).map(|_| format!(r#""{insecure}""#)));
            let projects =
                list(&mut (0..ENTRY_COUNT).map(|number| format!(r#""p{number}":{{"insecure":["{insecure}"]}}"#)));
            let text = format!(r#"{{"whitelist":[{whitelist}],"insecure":[{own}],"projects":{{{projects}}}}}"#);
            let findings = check_policy(&text, 0).findings;
            let was_reported = findings.iter().filter(|finding| finding.code == Code::InsecureWeakens).count();
            assert_eq!(was_reported, 2 * ENTRY_COUNT, "{host} and {insecure}");
        }
    }
}
