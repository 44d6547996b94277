//! Cross-checks of a document: what its entries mean to each other (rules E10, W1, T4, T5, P4).

use std::cell::OnceCell;
use std::fmt;

use crate::code::Code;
use crate::decision::{Decision, ReferenceKind, Request, Scheme};
use crate::document::{Document, Item, Items, Lists, item_path, list_path, member_of};
use crate::entry::{self, Entry, Hosts};
use crate::finding::{List, Note};
use crate::hub;
use crate::index::{ANY_PORT, Flow, Group, Index, Rank, Row, usize_of};
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
    for (project, scope, lists) in std::iter::once(global).chain(projects) {
        let (weakened, of_projects) = (Positions::default(), OnceCell::new());
        Checker { scope, lists, project, policy, document, notes, weakened, of_projects }.all(whole);
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
    /// Insecure entries that were said to weaken an entry: once is enough.
    weakened: Positions,
    /// See `projects`; made when it is asked for.
    of_projects: OnceCell<Index>,
}

impl<'d> Checker<'d, '_> {
    fn all(&mut self, whole: bool) {
        for list in [List::Whitelist, List::Insecure, List::BuiltIn] {
            for item in self.lists.items(list).iter().filter(|item| item.enabled) {
                self.redundant(list, item);
                match list {
                    List::Whitelist => {
                        self.plain_http(item);
                        self.transport(item);
                    }
                    List::Insecure => self.insecure(item),
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
    fn redundant(&mut self, list: List, item: &Item<'_>) {
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
                if other.is_some() { Flow::Break(()) } else { Flow::Continue(()) }
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
            return;
        }
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
                Flow::Continue(())
            });
            found
        };
        // A global entry counts for the requests of every project too, among that project's entries.
        self.visible().any(|(_, index)| separates(index)) || self.project.is_none() && separates(self.projects())
    }

    /// The entries of all projects together.
    fn projects(&self) -> &Index {
        let projects = self.document.projects.iter().flatten();
        self.of_projects.get_or_init(|| Index::new(projects.flat_map(|project| project.lists.entries())))
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

    /// Rules T4 and P4: what the insecure entries do to a whitelist entry.
    fn transport(&mut self, item: &Item<'_>) {
        let entry = item.entry();
        let mut same: Option<(Option<&'d str>, &Row)> = None;
        let mut wider: Option<(Option<&'d str>, &Row)> = None;
        for (project, index) in self.visible() {
            let _ = index.over(entry, &mut |rank, group| {
                let found = overlapping(group, List::Insecure, entry).map(|row| (project, row));
                if rank == own_rank(entry) {
                    same = same.or(found);
                } else {
                    wider = wider.or(found);
                }
                Flow::Continue(())
            });
        }
        if let Some((project, row)) = same {
            if item.written.scheme == Some(Scheme::Https) {
                let message = format_args!(
                    "`{entry}` was written with `https://`, and {} makes it insecure",
                    place_of(project, row)
                );
                self.note(List::Whitelist, item, Code::HttpsInsecure, message);
            }
            self.weakens(project, row, entry, "is reached without verification");
            return;
        }
        let Some((project, row)) = wider else { return };
        let message = format_args!("`{entry}` stays verified inside {}", place_of(project, row));
        self.note(List::Whitelist, item, Code::VerifiedInsideInsecure, message);
        if entry.port.is_some() && row.port == ANY_PORT {
            self.weakens(project, row, entry, "is allowed on every other port too, without verification");
        } else if entry.namespace.is_some() {
            self.weakens(project, row, entry, "is allowed with every other namespace too");
        }
    }

    fn weakens(&mut self, project: Option<&'d str>, row: &Row, entry: &Entry, how: &str) {
        if !self.weakened.insert(project.is_some(), usize_of(row.position)) {
            return;
        }
        let lists = if project.is_some() || self.project.is_none() { Some(self.lists) } else { None };
        let items = lists.map(|lists| lists.items(List::Insecure)).unwrap_or_default();
        // A project sees global entries, but what is said of them is said where the project's entry stands.
        let found = items.binary_search_by_key(&row.position, position).ok().and_then(|place| items.get(place));
        if let Some(item) = found {
            let message = format_args!("because of `{}`, the whitelist's `{entry}` {how}", row.text);
            self.note(List::Insecure, item, Code::InsecureWeakens, message);
        }
    }

    /// Rules T5 and P4, seen from an insecure entry.
    fn insecure(&mut self, item: &Item<'_>) {
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
        // Global entries against a project's; the other pairs are found from the whitelist's side.
        if let (Some(_), Some(group)) = (self.project, global.same_hosts(entry)) {
            let row = overlapping(group, List::Whitelist, entry);
            if let Some(row) = row.filter(|_| self.weakened.insert(true, item.index)) {
                let message = format_args!(
                    "because of `{entry}`, {} is reached without verification in this project",
                    place_of(None, row)
                );
                self.note(List::Insecure, item, Code::InsecureWeakens, message);
            }
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
            reference: hub::SHOWN,
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

/// Positions in a list, of a project and of the whole policy.
#[derive(Default)]
struct Positions {
    global: Vec<bool>,
    project: Vec<bool>,
}

impl Positions {
    /// Adds a position, unless it is there.
    fn insert(&mut self, project: bool, position: usize) -> bool {
        let positions = if project { &mut self.project } else { &mut self.global };
        if positions.len() <= position {
            positions.resize(position.saturating_add(1), false);
        }
        positions.get_mut(position).is_some_and(|seen| !std::mem::replace(seen, true))
    }
}

/// The ports that an entry over all of this one may have.
fn ports_over(entry: &Entry) -> Vec<u16> {
    match entry.port {
        _ if entry.is_hub() => vec![hub::PORT, ANY_PORT],
        Some(port) => vec![port, ANY_PORT],
        None => vec![ANY_PORT],
    }
}

/// The rank of the group of exactly the entry's hosts among those that `Index::over` gives.
fn own_rank(entry: &Entry) -> Rank {
    match &entry.hosts {
        Hosts::Network(network) => Rank::from(network.prefix_len()),
        Hosts::Wildcard(domain) => Rank::try_from(domain.len()).unwrap_or(Rank::MAX),
        Hosts::Address(_) | Hosts::Name(_) => crate::index::EXACT,
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
    let list = member_of(row.list);
    match project {
        Some(project) => format!("`{}` ({list}[{}] of project `{project}`)", row.text, row.position),
        None => format!("`{}` ({list}[{}])", row.text, row.position),
    }
}
