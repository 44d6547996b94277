//! Cross-checks of a document: what its entries mean to each other (rules E10, W1, T4, T5, P4).

use std::cell::OnceCell;
use std::fmt;
use std::ops::ControlFlow;

use crate::decision::{Decision, ReferenceKind, Request, Scheme};
use crate::document::{Document, Item, Items, Lists, item_path, list_path, member_of};
use crate::entry::{self, Entry, Hosts};
use crate::finding::code::Code;
use crate::finding::{List, Note};
use crate::host::docker_hub;
use crate::policy::index::{ANY_PORT, Group, Index, Rank, Row, usize_of};
use crate::policy::{Policy, Scope};

/// Adds the notes that follow from more than one entry.
pub(crate) fn check(document: &Document<'_>, policy: &Policy, notes: &mut Vec<Note>) {
    // Of a list that could not be read nothing is said as a whole.
    let whole = !notes.iter().any(Note::is_error);
    let global = (None, &policy.global, &document.global);
    let projects = document.projects.iter().flatten().filter_map(|project| {
        let (name, scope) = policy.project(&project.name)?;
        Some((Some(name), scope, &project.lists))
    });
    let (mut weakened, of_projects, mut before) = (Weakened::default(), OnceCell::new(), 0);
    for (project, scope, lists) in std::iter::once(global).chain(projects) {
        let (weakened, of_projects) = (&mut weakened, &of_projects);
        Checker { scope, lists, project, policy, document, notes, weakened, before, of_projects }.all(whole);
        before = before.saturating_add(lists.items(List::Insecure).len());
    }
}

/// Checks the lists of one scope.
struct Checker<'d, 'n> {
    scope: &'d Scope,
    lists: &'d Lists<'d>,
    project: Option<&'d str>,
    policy: &'d Policy,
    document: &'d Document<'d>,
    notes: &'n mut Vec<Note>,
    weakened: &'n mut Weakened,
    /// How many insecure entries the document has before those of this scope.
    before: usize,
    /// See `of_projects`; made when it is asked for.
    of_projects: &'n OnceCell<OfProjects<'d>>,
}

impl<'d, 'n> Checker<'d, 'n> {
    fn all(&mut self, whole: bool) {
        for list in [List::Whitelist, List::Insecure, List::BuiltIn] {
            for item in self.lists.items(list).iter().filter(|item| item.enabled) {
                let counts = !self.redundant(list, item);
                match list {
                    List::Whitelist => {
                        self.plain_http(item);
                        self.transport(item, counts);
                    }
                    List::Insecure => self.built_in(item),
                    List::BuiltIn => {}
                }
            }
        }
        if let Some(whitelist) = self.lists.whitelist.as_ref().filter(|_| whole) {
            self.whitelist(whitelist);
        }
    }

    /// The indexes that this scope's requests see, its own first, each with its project.
    fn visible(&self) -> impl Iterator<Item = (Option<&'d str>, &'d Index)> + use<'d> {
        let global = self.project.map(|_| (None, &self.policy.global.index));
        std::iter::once((self.project, &self.scope.index)).chain(global)
    }

    /// Rule P4: the same entry twice, or an entry that another one covers, so that nothing changes without it (rule A1).
    /// Whether there is one is the answer.
    fn redundant(&mut self, list: List, item: &Item<'_>) -> bool {
        let entry = item.entry();
        let ports = ports_over(entry);
        let namespace = entry.namespace.as_deref().unwrap_or_default();
        let own_rank = own_rank(entry);
        let is_alike = |row: &Row, rank: Rank| {
            let same_port = row.port == entry.port.unwrap_or(ANY_PORT) || entry.is_hub();
            rank == own_rank && same_port && row.namespace() == namespace
        };
        for (project, index) in self.visible() {
            // Of entries that are alike the first stands.
            let stands = |row: &Row, rank: Rank| {
                project != self.project || !is_alike(row, rank) || row.position < position(item)
            };
            let mut other: Option<(&Row, Rank)> = None;
            let _ = index.over(entry, &mut |rank, group| {
                other = group.all_over(list, &ports, namespace).find(|row| stands(row, rank)).map(|row| (row, rank));
                if other.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            let Some((other, rank)) = other else { continue };
            if self.counts_beside(list, entry, other, rank) {
                continue;
            }
            let place = place_of(project, other);
            if is_alike(other, rank) {
                let message = format_args!("`{entry}` is the same as {place}: leave one of them out");
                self.note(list, item, Code::EntryDuplicate, message);
            } else {
                let message = format_args!("`{entry}` is covered by {place} already");
                self.note(list, item, Code::EntryCovered, message);
            }
            return true;
        }
        false
    }

    /// Whether an entry changes something although `other`, of the same list and with hosts of the rank `wider`, covers it.
    fn counts_beside(&self, list: List, entry: &Entry, other: &Row, wider: Rank) -> bool {
        let own = own_rank(entry);
        // On 443 alone an insecure entry keeps plain HTTP away; on every port it lets it in on 80 (rule T3).
        let http = entry.port != Some(443);
        if list == List::Insecure && (http && other.port == 443 || !http && other.port != 443 && wider != own) {
            return true;
        }
        if wider == own {
            return false;
        }
        // The most specific entry decides the transport, and of equals an insecure one, on every port before 443 (rules
        // T3 and T4). So what stands between the two makes this one count.
        let decides = |rank, group: Group<'_>| {
            let insecure = |port| !group.on_port(List::Insecure, port).is_empty();
            match list {
                List::Whitelist => rank < own && !group.in_list(List::Insecure).is_empty(),
                List::Insecure if !http && (insecure(80) || insecure(ANY_PORT)) => true,
                List::Insecure => rank > wider && (!group.in_list(List::Whitelist).is_empty() || http && insecure(443)),
                List::BuiltIn => false,
            }
        };
        let separates = |index: &Index| {
            let mut found = false;
            let _ = index.over(entry, &mut |rank, group| {
                found |= rank >= wider && decides(rank, group);
                ControlFlow::Continue(())
            });
            found
        };
        // A global entry counts for the requests of every project too, among that project's entries.
        self.visible().any(|(_, index)| separates(index))
            || self.project.is_none() && separates(&self.of_projects().index)
    }

    fn of_projects(&self) -> &'n OfProjects<'d> {
        self.of_projects.get_or_init(|| OfProjects::new(self.document))
    }

    /// Rule E10: plain HTTP in the whitelist needs the same entry in the insecure list.
    fn plain_http(&mut self, item: &Item<'_>) {
        if item.written.scheme != Some(Scheme::Http) {
            return;
        }
        let port = item.entry().port.unwrap_or(ANY_PORT);
        let designated = self.visible().any(|(_, index)| {
            index.same_hosts(item.entry()).is_some_and(|group| !group.on_port(List::Insecure, port).is_empty())
        });
        if !designated {
            let note = entry::plain_http(item.entry(), item.place.clone());
            self.notes.push(note.at(item_path(self.project, List::Whitelist, item.index, item.object)));
        }
    }

    /// Rules T4 and P4: what the insecure entries do to a whitelist entry. `counts` says that no other entry covers it.
    fn transport(&mut self, item: &Item<'_>, counts: bool) {
        let entry = item.entry();
        let https = item.written.scheme == Some(Scheme::Https);
        let listed = Listed { item, counts, product: self.product(entry) };
        let other = match self.project {
            Some(_) => (Whose::Global, &self.policy.global.index),
            None => (Whose::Projects, &self.of_projects().index),
        };
        let (mut same, mut wider, mut said) = (None, None, false);
        for (whose, index) in [(Whose::Own, &self.scope.index), other] {
            for met in meetings(index, entry, whose != Whose::Projects) {
                let Some(first) = met.firsts().next() else { continue };
                if !met.same {
                    wider = wider.or(Some((whose, first)));
                } else if whose != Whose::Projects {
                    same = same.or(Some((whose, first)));
                }
                if whose != Whose::Global {
                    self.weaken(whose, &listed, &met);
                    continue;
                }
                // The global entry may be right for everybody else, so this is said here, and once.
                if said || met.same && https {
                    continue;
                }
                let harmful = met.firsts().find_map(|row| Some((row, listed.harm(&met, row)?)));
                if let Some((row, how)) = harmful {
                    said = true;
                    let message = format_args!("because of {}, `{entry}` {how}", place_of(None, row));
                    self.note(List::Whitelist, item, Code::InsecureWeakens, message);
                }
            }
        }
        if let Some((whose, row)) = same {
            if https && !listed.product.on_its_ports {
                let (place, part) = (self.place(whose, row), part(entry, row));
                let message =
                    format_args!("`{entry}` was written with `https://`, and {place} makes it insecure{part}");
                self.note(List::Whitelist, item, Code::HttpsInsecure, message);
            }
        } else if let Some((whose, row)) = wider {
            let message = format_args!("`{entry}` stays verified inside {}", self.place(whose, row));
            self.note(List::Whitelist, item, Code::VerifiedInsideInsecure, message);
        }
    }

    /// Says what insecure entries do to a whitelist entry, of each of them once.
    fn weaken(&mut self, whose: Whose, listed: &Listed<'_>, met: &Meeting<'_>) {
        let entry = listed.item.entry();
        for rows in &met.stretches {
            // To entries with one port, what one of them does the others do too.
            let first = rows.first().and_then(|row| met.group.row(*row));
            let Some(first) = first.filter(|row| listed.harm(met, row).is_some()) else { continue };
            let Some((place, ..)) = self.insecure(whose, first) else { continue };
            let seen = match entry.port {
                None if !entry.is_hub() => !self.weakened.all.insert(place),
                _ => self.weakened.one.has(place),
            };
            if seen {
                continue;
            }
            for row in rows.iter().filter_map(|row| met.group.row(*row)) {
                let Some((place, project, item)) = self.insecure(whose, row) else { continue };
                let Some(how) = listed.harm(met, row).filter(|_| self.weakened.one.insert(place)) else { continue };
                let message = match whose {
                    Whose::Projects => format!(
                        "because of `{}`, in this project `{entry}` ({}[{}]) {how}",
                        row.text,
                        member_of(List::Whitelist),
                        listed.item.index
                    ),
                    _ => format!("because of `{}`, the whitelist's `{entry}` {how}", row.text),
                };
                let path = item_path(project, List::Insecure, item.index, item.object);
                self.notes.push(Note::new(Code::InsecureWeakens, item.place.clone(), message).at(path));
            }
        }
    }

    /// The insecure entry of a row: its place among all of the document, its project, and the entry itself.
    fn insecure(&self, whose: Whose, row: &Row) -> Option<(usize, Option<&'d str>, &'d Item<'d>)> {
        let items = self.lists.items(List::Insecure);
        if whose == Whose::Projects {
            let place = usize_of(row.position);
            let (project, item) = self.of_projects().insecure.get(place)?;
            return Some((items.len().saturating_add(place), Some(project), item));
        }
        let place = items.binary_search_by_key(&row.position, position).ok()?;
        Some((self.before.saturating_add(place), self.project, items.get(place)?))
    }

    /// An insecure entry as messages name it.
    fn place(&self, whose: Whose, row: &Row) -> String {
        match whose {
            Whose::Own => place_of(self.project, row),
            Whose::Global => place_of(None, row),
            Whose::Projects => {
                let found = self.insecure(whose, row);
                let (project, position) = found.map(|(_, project, item)| (project, position(item))).unwrap_or_default();
                place_at(project, row, position)
            }
        }
    }

    /// What of a whitelist entry is the product's own, and so always verified (rule T5).
    fn product(&self, entry: &Entry) -> Product {
        let mut product = Product::default();
        if self.policy.has_built_in() {
            let _ = self.policy.global.index.over(entry, &mut |_, group| {
                product.on_its_ports |= group.has(List::BuiltIn, &ports_over(entry));
                product.on_every_port |= group.has(List::BuiltIn, &[ANY_PORT]);
                ControlFlow::Continue(())
            });
        }
        product
    }

    /// Rule T5, seen from an insecure entry.
    fn built_in(&mut self, item: &Item<'_>) {
        let entry = item.entry();
        let global = &self.policy.global.index;
        let groups = [global.same_hosts(entry), global.same_address(entry)];
        let built_in = groups.iter().flatten().find_map(|group| {
            let row = ports_over(entry).iter().find_map(|port| group.on_port(List::BuiltIn, *port).first());
            group.row(*row?)
        });
        if let Some(row) = built_in {
            let message = format_args!("`{entry}` is {}, the product's own, and always verified", place_of(None, row));
            self.note(List::Insecure, item, Code::BuiltInInsecure, message);
        }
    }

    /// Rules W1 and P4, seen from the whitelist as a whole.
    fn whitelist(&mut self, whitelist: &Items<'_>) {
        let path = list_path(self.project, List::Whitelist);
        let mut note = |code, message: String| {
            self.notes.push(Note::new(code, whitelist.place.clone(), message).at(&*path));
        };
        let has = |list: List| {
            let global = self.project.map(|_| &self.policy.global.index);
            std::iter::once(&self.scope.index)
                .chain(global)
                .any(|index| index.rows().iter().any(|row| row.list == list))
        };
        if !has(List::Whitelist) {
            note(Code::WhitelistEmpty, match has(List::Insecure) {
                true => "the whitelist is on and empty: the insecure registries are allowed, and nothing else".to_owned(),
                false => {
                    "the whitelist is on and empty: nothing is allowed; to allow every registry, leave `whitelist` out".to_owned()
                }
            });
        }
        let request = Request {
            reference: docker_hub::SHOWN,
            kind: ReferenceKind::Registry,
            project: self.project,
            ..Request::default()
        };
        if matches!(self.policy.decide(&request), Decision::Deny(_)) {
            note(Code::DockerHubDenied, "the whitelist denies Docker Hub; to allow it, add `docker.io`".to_owned());
        }
    }

    #[inline(never)]
    fn note(&mut self, list: List, item: &Item<'_>, code: Code, message: fmt::Arguments<'_>) {
        let path = item_path(self.project, list, item.index, item.object);
        self.notes.push(Note::new(code, item.place.clone(), message.to_string()).at(path));
    }
}

/// Where an insecure entry stands, seen from a whitelist entry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// In the same lists.
    Own,
    /// In the global lists; the whitelist entry is a project's.
    Global,
    /// In a project's lists; the whitelist entry is global.
    Projects,
}

/// The entries of all projects together.
struct OfProjects<'d> {
    /// The position of an insecure one is its place in `insecure`.
    index: Index,
    insecure: Vec<(&'d str, &'d Item<'d>)>,
}

impl<'d> OfProjects<'d> {
    fn new(document: &'d Document<'d>) -> Self {
        let projects = || document.projects.iter().flatten();
        let insecure: Vec<(&str, &Item<'_>)> = projects()
            .flat_map(|project| project.lists.items(List::Insecure).iter().map(|item| (&*project.name, item)))
            .collect();
        let enabled = insecure.iter().zip(0..).filter(|((_, item), _)| item.enabled);
        let others =
            projects().flat_map(|project| project.lists.entries().filter(|(list, ..)| *list != List::Insecure));
        let index = Index::new(others.chain(enabled.map(|((_, item), place)| (List::Insecure, place, item.entry()))));
        OfProjects { index, insecure }
    }
}

/// Insecure entries, by their place among all of the document, that were said to weaken an entry: once is enough.
#[derive(Default)]
struct Weakened {
    one: Marks,
    /// The first of those with the same hosts, where this was looked at for all of them.
    all: Marks,
}

#[derive(Default)]
struct Marks(Vec<bool>);

impl Marks {
    fn has(&self, place: usize) -> bool {
        self.0.get(place) == Some(&true)
    }

    /// Marks a place, unless it is marked.
    fn insert(&mut self, place: usize) -> bool {
        if self.0.len() <= place {
            self.0.resize(place.saturating_add(1), false);
        }
        self.0.get_mut(place).is_some_and(|seen| !std::mem::replace(seen, true))
    }
}

/// What of an entry is the product's own.
#[derive(Clone, Copy, Default)]
struct Product {
    on_its_ports: bool,
    on_every_port: bool,
}

/// A whitelist entry among insecure ones.
struct Listed<'i> {
    item: &'i Item<'i>,
    /// Whether no other entry covers it. What wider insecure entries do is said of that one.
    counts: bool,
    product: Product,
}

impl Listed<'_> {
    /// What an insecure entry does to it.
    fn harm(&self, met: &Meeting<'_>, row: &Row) -> Option<String> {
        let entry = self.item.entry();
        // Rule E10 asks for it, and it is for every namespace (rule E12).
        let http = self.item.written.scheme == Some(Scheme::Http);
        if met.same && !http && !self.product.on_its_ports {
            return Some(format!("is reached without verification{}", part(entry, row)));
        }
        if !self.counts {
            return None;
        }
        if entry.port.is_some() && !entry.is_hub() && row.port == ANY_PORT {
            let how = if self.product.on_every_port { "" } else { ", without verification" };
            return Some(format!("is allowed on every other port too{how}"));
        }
        let spreads = entry.namespace.is_some() && !http && !met.behind;
        spreads.then(|| "is allowed with every other namespace too".to_owned())
    }
}

/// Insecure entries that a whitelist entry meets: a reference may be covered by both.
struct Meeting<'i> {
    group: Group<'i>,
    /// Whether they name the same hosts, so that they decide how these are reached (rule T4).
    same: bool,
    /// Whether a more specific one has all ports of the entry already.
    behind: bool,
    /// Those with one port each; for an entry without a port, all of them.
    stretches: Vec<&'i [u32]>,
}

impl<'i> Meeting<'i> {
    fn firsts(&self) -> impl Iterator<Item = &'i Row> {
        self.stretches.iter().filter_map(|rows| self.group.row(*rows.first()?))
    }
}

/// The insecure entries that an entry meets, the most specific first. Where all of them count for the same requests (`one`),
/// what is behind one for every port does nothing more.
fn meetings<'i>(index: &'i Index, entry: &Entry, one: bool) -> Vec<Meeting<'i>> {
    let mut met = Vec::new();
    let mut behind = false;
    let mut meet = |same: bool, group: Group<'i>| {
        if group.in_list(List::Insecure).is_empty() {
            return ControlFlow::Continue(());
        }
        let mut stretches: Vec<&[u32]> = match entry.port {
            None if !entry.is_hub() => vec![group.in_list(List::Insecure)],
            // A reference without a port stands for 443, and for 80 too where an entry is insecure (rule M2).
            Some(443) | None => [443, ANY_PORT, 80].map(|port| group.on_port(List::Insecure, port)).to_vec(),
            Some(port) => [port, ANY_PORT].map(|port| group.on_port(List::Insecure, port)).to_vec(),
        };
        stretches.retain(|rows| !rows.is_empty());
        if stretches.is_empty() {
            return ControlFlow::Continue(());
        }
        met.push(Meeting { group, same, behind, stretches });
        behind |= one && group.has(List::Insecure, &ports_over(entry));
        if one && group.has(List::Insecure, &[ANY_PORT]) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let address = index.address_of(entry).map_or(ControlFlow::Continue(()), |group| meet(true, group));
    if address.is_continue() {
        let _ = index.over(entry, &mut |rank, group| meet(rank == own_rank(entry), group));
    }
    met
}

/// Which part of a whitelist entry an insecure one of the same hosts reaches.
fn part(entry: &Entry, row: &Row) -> String {
    match (entry.port, row.port) {
        (_, ANY_PORT) => String::new(),
        _ if entry.is_hub() => String::new(),
        (Some(own), port) if own == port => String::new(),
        (Some(_), _) => " where the reference has no port".to_owned(),
        (None, port @ (80 | 443)) => format!(" on port {port} and where the reference has none"),
        (None, port) => format!(" on port {port}"),
    }
}

/// The ports that an entry over all of this one may have.
pub(crate) fn ports_over(entry: &Entry) -> Vec<u16> {
    match entry.port {
        _ if entry.is_hub() => vec![docker_hub::PORT, ANY_PORT],
        Some(port) => vec![port, ANY_PORT],
        None => vec![ANY_PORT],
    }
}

/// The rank of the group of exactly the entry's hosts among those that `Index::over` gives.
fn own_rank(entry: &Entry) -> Rank {
    match &entry.hosts {
        Hosts::Network(network) => Rank::from(network.prefix_len()),
        Hosts::Wildcard(domain) => Rank::try_from(domain.len()).unwrap_or(Rank::MAX),
        Hosts::Address(_) | Hosts::Name(_) => crate::policy::index::EXACT,
    }
}

/// An entry of a list in the group that shares a port with this one.
pub(crate) fn overlapping<'i>(group: Group<'i>, list: List, entry: &Entry) -> Option<&'i Row> {
    let row = match entry.port {
        Some(_) => ports_over(entry).iter().find_map(|port| group.on_port(list, *port).first()),
        None => group.in_list(list).first(),
    };
    row.and_then(|row| group.row(*row))
}

fn position(item: &Item<'_>) -> u32 {
    u32::try_from(item.index).unwrap_or(u32::MAX)
}

/// An entry as messages name it: `*.example.com` (insecure 1).
fn place_of(project: Option<&str>, row: &Row) -> String {
    place_at(project, row, row.position)
}

fn place_at(project: Option<&str>, row: &Row, position: u32) -> String {
    let list = member_of(row.list);
    match project {
        Some(project) => format!("`{}` ({list}[{position}] of project `{project}`)", row.text),
        None => format!("`{}` ({list}[{position}])", row.text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::check_policy;

    /// Each insecure entry is looked at with each whitelist entry no more than it must be.
    #[test]
    fn p4_many_namespaces_and_many_projects() {
        const MANY: usize = 50_000;
        let list = |texts: &mut dyn Iterator<Item = String>| texts.collect::<Vec<_>>().join(",");
        for (host, insecure) in
            [("h.lab.corp", "h.lab.corp"), ("h.lab.corp:443", "*.lab.corp"), ("10.0.0.1", "10.0.0.0/8")]
        {
            let whitelist = list(&mut (0..MANY).map(|number| format!(r#""{host}/n{number}""#)));
            let own = list(&mut (0..MANY).map(|_| format!(r#""{insecure}""#)));
            let projects = list(&mut (0..MANY).map(|number| format!(r#""p{number}":{{"insecure":["{insecure}"]}}"#)));
            let text = format!(r#"{{"whitelist":[{whitelist}],"insecure":[{own}],"projects":{{{projects}}}}}"#);
            let findings = check_policy(&text, 0).findings;
            let said = findings.iter().filter(|finding| finding.code == Code::InsecureWeakens).count();
            assert_eq!(said, 2 * MANY, "{host} and {insecure}");
        }
    }
}
