//! A slow and obvious reading of rules M, W, T, J and H2: it walks the lists. The indexed one is held against it.
//!
//! It takes entries in canonical form and knows nothing of parsing, of findings and of what comes near.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use pullgate::EntryList;

/// The host that Docker Hub is reached at.
pub const HUB: &str = "registry-1.docker.io";

/// The names that mean Docker Hub in an entry (rule H2).
const HUB_NAMES: [&str; 4] = ["docker.io", "index.docker.io", HUB, "registry.hub.docker.com"];

/// The names that a wildcard is compared with for Docker Hub (rule H2).
const HUB_WILDCARD_NAMES: [&str; 2] = [HUB, "index.docker.io"];

/// An entry of a policy.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The list that it stands in.
    pub list: EntryList,
    /// The project whose list it is; none for the global lists.
    pub project: Option<String>,
    /// In canonical form.
    pub text: String,
    /// True if it counts (rule W5).
    pub enabled: bool,
}

/// A policy, as a heap of entries.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    /// Every entry of every list, in any order.
    pub entries: Vec<Entry>,
    /// The scopes that have a whitelist, even an empty one: `None` is the global one (rule W1).
    pub whitelists: Vec<Option<String>>,
    /// The projects that there are.
    pub projects: Vec<String>,
    /// True if the global lists decide for projects without lists (rule J2).
    pub unlisted_are_global: bool,
    /// True if names are covered by the addresses that they resolve to (rule M4).
    pub match_resolved_addresses: bool,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The host of the registry.
    pub host: Host,
    /// The port that the reference has.
    pub port: Option<u16>,
    /// The repository; none for a login.
    pub repository: Option<String>,
    /// On whose behalf.
    pub project: Option<String>,
}

/// The host of a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// Docker Hub under any of its names.
    Hub,
    /// A name.
    Name(String),
    /// An address.
    Address(IpAddr),
}

/// DNS: all names and addresses that exist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct World {
    /// The addresses of names.
    pub addresses: BTreeMap<String, Vec<IpAddr>>,
    /// The names of addresses.
    pub names: BTreeMap<IpAddr, Vec<String>>,
}

/// A decision by the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Denied: the policy has projects, and not this one.
    UnknownProject,
    /// Denied: nothing covers it.
    NotWhitelisted,
    /// Denied: one of these blocked entries is said to cover it (rule W6).
    Blocked(Vec<String>),
    /// Allowed.
    Allowed {
        /// The permitted attempts: true for TLS, the port, true if verified.
        attempts: Vec<(bool, u16, bool)>,
        /// The addresses to connect to, sorted, where they decided.
        pinned: Vec<IpAddr>,
        /// The entries of which one is said to have decided; empty where there is none to name, and `None` where the
        /// rules leave it open.
        by: Option<Vec<(EntryList, String)>>,
    },
}

/// How specific the host of an entry is, the larger the more (rule T4): whether it matched without DNS, whether it is
/// exact, a pattern or else, and the length of its prefix or domain or the literal characters of the pattern.
type Specific = (bool, u8, usize);

const EXACT: u8 = 2;
const PATTERN: u8 = 1;
const RANGE: u8 = 0;

/// An entry that covers the registry, and how specifically.
#[derive(Clone, Copy, Debug)]
struct Covering<'a> {
    entry: &'a Entry,
    specific: Specific,
}

impl Lists {
    /// Decides a request, with all of DNS at hand.
    pub fn decide(&self, asked: &Asked, world: &World) -> Outcome {
        if let Some(project) = &asked.project
            && !self.projects.is_empty()
            && !self.unlisted_are_global
            && !self.projects.contains(project)
        {
            return Outcome::UnknownProject;
        }
        let blocked: Vec<&Entry> =
            self.visible(asked).filter(|entry| entry.list == EntryList::Blocked && blocks(entry, asked)).collect();
        let blocking = texts(blocked.iter().filter(|entry| directly(entry, asked).is_some()));
        if !blocking.is_empty() {
            return Outcome::Blocked(blocking);
        }
        let by_address: Vec<&Entry> = blocked.into_iter().filter(|entry| entry.is_by_address()).collect();
        let outcome = self.decide_unblocked(asked, world);
        if by_address.is_empty() || !self.match_resolved_addresses || matches!(asked.host, Host::Address(_)) {
            return outcome;
        }
        // Nothing is asked about a name that no entry can allow.
        let may_allow = |entry: &Entry| {
            matches!(entry.list, EntryList::Whitelist | EntryList::Insecure)
                && port_covers(entry, asked.port)
                && in_namespace(entry, asked)
                && (entry.is_by_address() || directly(entry, asked).is_some())
        };
        if self.has_mode(asked) && !self.visible(asked).any(may_allow) {
            return outcome;
        }
        let addresses = self.addresses(asked, world);
        let covers = |entry: &&&Entry| addresses.iter().any(|address| address_covers(entry, *address).is_some());
        let blocking = match addresses.as_slice() {
            // The client may find addresses where the daemon found none.
            [] => texts(by_address.iter()),
            _ => texts(by_address.iter().filter(covers)),
        };
        match outcome {
            _ if !blocking.is_empty() => Outcome::Blocked(blocking),
            // That no address is blocked holds for these addresses only.
            Outcome::Allowed { attempts, by, .. } => Outcome::Allowed { attempts, pinned: addresses, by },
            denied => denied,
        }
    }

    /// Returns whether whitelist mode is on (rules W1 and J1).
    fn has_mode(&self, asked: &Asked) -> bool {
        self.whitelists.iter().any(|scope| scope.is_none() || *scope == asked.project)
    }

    /// Decides a request without the blocked entries.
    fn decide_unblocked(&self, asked: &Asked, world: &World) -> Outcome {
        let mode = self.has_mode(asked);
        let is_effective = |entry: &&Entry| matches!(entry.list, EntryList::Whitelist | EntryList::Insecure);
        let effective: Vec<&Entry> = self.visible(asked).filter(is_effective).collect();
        let own: Vec<&Entry> = self.visible(asked).filter(|entry| entry.list == EntryList::BuiltIn).collect();
        let named = self.named(&effective, asked, world);
        let built_in =
            own.iter().any(|entry| directly(entry, asked).is_some()) || self.named(&own, asked, world).touched;

        let direct: Vec<Covering<'_>> = effective.iter().filter_map(|entry| directly(entry, asked)).collect();
        if direct.iter().any(|covering| in_namespace(covering.entry, asked)) {
            // DNS has a say where the name may yet be that of a built-in address.
            let asked_about = own.iter().any(|entry| port_covers(entry, asked.port) && entry.is_by_address());
            let pinned = if asked_about { self.addresses(asked, world) } else { Vec::new() };
            let decided = allowed(asked, &[best(&direct)], &pinned, built_in);
            return if decided.is_insecure() { decided } else { decided.without_addresses() };
        }
        if mode && !named.covered {
            return Outcome::NotWhitelisted;
        }
        if built_in || !direct.is_empty() {
            // Transport needs no DNS: a built-in registry is verified, and what matched without DNS comes first. With
            // the mode on DNS allowed it all the same, so the addresses count; with the mode off nothing came of them.
            let decided = allowed(asked, &[best(&direct)], &named.addresses, built_in);
            return if mode || decided.is_insecure() { decided } else { decided.without_addresses() };
        }
        let pinned = if named.covered { named.addresses.as_slice() } else { &[] };
        match named.insecure {
            Some(covering) => allowed(asked, &covering, pinned, false),
            None => {
                let by = if named.addresses.len() > 1 { None } else { said(asked, &named.secure) };
                Outcome::Allowed { attempts: secure(asked), pinned: pinned.to_vec(), by }
            }
        }
    }

    /// Returns what DNS adds, entries of these lists alone being looked at.
    fn named<'a>(&self, entries: &[&'a Entry], asked: &Asked, world: &World) -> Named<'a> {
        match &asked.host {
            Host::Address(address) => by_names(entries, asked, *address, world),
            Host::Hub | Host::Name(_) => by_addresses(entries, asked, &self.addresses(asked, world)),
        }
    }

    /// The addresses of the name that is asked about, sorted; none where they have no say (rule M4).
    fn addresses(&self, asked: &Asked, world: &World) -> Vec<IpAddr> {
        let name = match &asked.host {
            Host::Hub => HUB,
            Host::Name(name) => name,
            Host::Address(_) => return Vec::new(),
        };
        let known = world.addresses.get(name).filter(|_| self.match_resolved_addresses);
        let sorted: BTreeSet<IpAddr> = known.into_iter().flatten().copied().collect();
        sorted.into_iter().collect()
    }

    /// The entries that a request sees: enabled, and global or its project's.
    fn visible<'a>(&'a self, asked: &'a Asked) -> impl Iterator<Item = &'a Entry> {
        let seen = |entry: &&Entry| entry.enabled && (entry.project.is_none() || entry.project == asked.project);
        self.entries.iter().filter(seen)
    }
}

/// The part of DNS in a decision.
#[derive(Default)]
struct Named<'a> {
    /// True if the reference is covered.
    covered: bool,
    /// The addresses that covered it, sorted.
    addresses: Vec<IpAddr>,
    /// True if an entry covers one address or one name at least.
    touched: bool,
    /// The insecure entries that decide for each address, if the registry is insecure.
    insecure: Option<Vec<Vec<Covering<'a>>>>,
    /// The whitelist entries that may be said to have decided otherwise.
    secure: Vec<Covering<'a>>,
}

/// Rule M4: a name by all of its addresses.
fn by_addresses<'a>(entries: &[&'a Entry], asked: &Asked, addresses: &[IpAddr]) -> Named<'a> {
    if addresses.is_empty() {
        return Named::default();
    }
    let mut covered = true;
    let mut touched = false;
    let mut insecure = Some(Vec::new());
    let mut secure = Vec::new();
    for address in addresses {
        let of_registry: Vec<Covering<'a>> = entries
            .iter()
            .filter(|entry| port_covers(entry, asked.port))
            .filter_map(|entry| address_covers(entry, *address))
            .collect();
        touched |= !of_registry.is_empty();
        covered &= of_registry.iter().any(|covering| in_namespace(covering.entry, asked));
        let best = best(&of_registry);
        match (&mut insecure, best.first().map(|covering| covering.entry.list)) {
            (Some(insecure), Some(EntryList::Insecure)) => insecure.push(best),
            _ => {
                insecure = None;
                secure.extend(best.iter().filter(|covering| covering.entry.list == EntryList::Whitelist));
            }
        }
    }
    Named { covered, addresses: addresses.to_vec(), touched, insecure, secure }
}

/// Rule M5: an address by a name that resolves back to it. The addresses of that name are not what is connected to.
fn by_names<'a>(entries: &[&'a Entry], asked: &Asked, address: IpAddr, world: &World) -> Named<'a> {
    let names = world.names.get(&address).into_iter().flatten();
    let confirmed: Vec<&String> =
        names.filter(|name| world.addresses.get(*name).is_some_and(|back| back.contains(&address))).collect();
    let of_registry: Vec<Covering<'a>> = entries
        .iter()
        .filter(|entry| port_covers(entry, asked.port))
        .filter(|entry| entry.is_wildcard())
        .filter_map(|entry| {
            let (_, exact, length) = confirmed.iter().filter_map(|name| name_covers(entry, name)).max()?.specific;
            Some(Covering { entry, specific: (false, exact, length) })
        })
        .collect();
    let best = best(&of_registry);
    let insecure = best.first().is_some_and(|covering| covering.entry.list == EntryList::Insecure);
    Named {
        covered: of_registry.iter().any(|covering| in_namespace(covering.entry, asked)),
        addresses: Vec::new(),
        touched: !of_registry.is_empty(),
        insecure: insecure.then(|| vec![best.clone()]),
        secure: if insecure { Vec::new() } else { best },
    }
}

/// The outcome where these entries decide on transport: for each address, or for the one host, those that are equally
/// specific.
fn allowed(asked: &Asked, hosts: &[Vec<Covering<'_>>], pinned: &[IpAddr], built_in: bool) -> Outcome {
    let deciding = hosts.concat();
    let insecure = deciding.iter().any(|covering| covering.entry.list == EntryList::Insecure) && !built_in;
    let by = if built_in { None } else { said(asked, &deciding) };
    let mut attempts = secure(asked);
    if insecure {
        attempts = vec![(true, asked.port.unwrap_or(443), false)];
        let has_80 = |covering: &Covering<'_>| covering.entry.port().is_none_or(|port| port == 80);
        let covers_80 = hosts.iter().all(|deciding| deciding.iter().any(has_80));
        match asked.port {
            Some(443) => {}
            Some(port) => attempts.push((false, port, false)),
            None if covers_80 => attempts.push((false, 80, false)),
            None => {}
        }
    }
    Outcome::Allowed { attempts, pinned: pinned.to_vec(), by }
}

/// The entries of which one is said to have decided. An entry for another namespace may decide on transport (rule T4)
/// while another one allows: which of them is said is left open.
fn said(asked: &Asked, deciding: &[Covering<'_>]) -> Option<Vec<(EntryList, String)>> {
    let allows = deciding.iter().all(|covering| in_namespace(covering.entry, asked));
    allows.then(|| deciding.iter().map(|covering| (covering.entry.list, covering.entry.text.clone())).collect())
}

/// Rule T2.
fn secure(asked: &Asked) -> Vec<(bool, u16, bool)> {
    vec![(true, asked.port.unwrap_or(443), true)]
}

/// The entries that decide (rule T4): the most specific, and of these the insecure ones if there are any.
fn best<'a>(covering: &[Covering<'a>]) -> Vec<Covering<'a>> {
    let Some(most) = covering.iter().map(|covering| covering.specific).max() else { return Vec::new() };
    let top: Vec<Covering<'a>> = covering.iter().filter(|covering| covering.specific == most).copied().collect();
    let insecure: Vec<Covering<'a>> =
        top.iter().filter(|covering| covering.entry.list == EntryList::Insecure).copied().collect();
    if insecure.is_empty() { top } else { insecure }
}

/// Returns whether an entry covers the registry without DNS, whatever its namespace (rules M1, M2 and H2).
fn directly<'a>(entry: &'a Entry, asked: &Asked) -> Option<Covering<'a>> {
    if !port_covers(entry, asked.port) {
        return None;
    }
    match &asked.host {
        Host::Address(address) => address_covers(entry, *address),
        // Docker Hub is a registry of its own, which shares its names with others on other ports.
        Host::Name(_) if entry.is_hub() => None,
        Host::Name(name) => name_covers(entry, name),
        Host::Hub if entry.is_hub() => Some(Covering { entry, specific: (true, EXACT, 0) }),
        Host::Hub if entry.is_wildcard() => HUB_WILDCARD_NAMES.iter().find_map(|name| name_covers(entry, name)),
        Host::Hub => None,
    }
}

fn address_covers(entry: &Entry, address: IpAddr) -> Option<Covering<'_>> {
    let text = entry.host();
    if let Ok(host) = text.parse::<IpAddr>() {
        return (host == address).then_some(Covering { entry, specific: (true, EXACT, 0) });
    }
    let network = entry.text.parse::<IpNet>().ok()?;
    let length = usize::from(network.prefix_len());
    network.contains(&address).then_some(Covering { entry, specific: (true, RANGE, length) })
}

fn name_covers<'a>(entry: &'a Entry, name: &str) -> Option<Covering<'a>> {
    let text = entry.host();
    if text.contains('*') && !entry.is_wildcard() {
        // Rule M7.
        let labels: Vec<(&str, &str)> = text.split('.').zip(name.split('.')).collect();
        let as_many = text.matches('.').count() == name.matches('.').count();
        let matches = as_many && labels.iter().all(|(glob, label)| label_matches(glob, label));
        let literals = text.chars().filter(|character| !matches!(character, '*' | '.')).count();
        return matches.then_some(Covering { entry, specific: (true, PATTERN, literals) });
    }
    match text.strip_prefix('*') {
        Some(domain) if name.len() > domain.len() && name.ends_with(domain) => {
            Some(Covering { entry, specific: (true, RANGE, domain.len()) })
        }
        None if text == name => Some(Covering { entry, specific: (true, EXACT, 0) }),
        _ => None,
    }
}

/// Returns whether a label is the text of a glob with something, or nothing, in place of each star.
pub fn label_matches(glob: &str, label: &str) -> bool {
    match glob.split_once('*') {
        None => glob == label,
        Some((before, after)) => label.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).any(|taken| rest.get(taken..).is_some_and(|rest| label_matches(after, rest)))
        }),
    }
}

/// Returns whether a blocked entry is about the port and the repository (rule W6). A login is about no repository, and
/// only the registry as a whole can be blocked for it.
fn blocks(entry: &Entry, asked: &Asked) -> bool {
    let is_about = asked.repository.is_some() || entry.namespace().is_none();
    port_covers(entry, asked.port) && in_namespace(entry, asked) && is_about
}

fn texts<'a>(entries: impl Iterator<Item = &'a &'a Entry>) -> Vec<String> {
    entries.map(|entry| entry.text.clone()).collect()
}

/// Rule M2.
fn port_covers(entry: &Entry, asked: Option<u16>) -> bool {
    match (entry.port(), asked) {
        (None, _) => true,
        (Some(port), Some(asked)) => port == asked,
        (Some(port), None) => port == 443 || (port == 80 && entry.list == EntryList::Insecure),
    }
}

/// Rules M3 and E12.
fn in_namespace(entry: &Entry, asked: &Asked) -> bool {
    match (entry.namespace(), &asked.repository) {
        (None, _) | (_, None) => true,
        (Some(namespace), Some(repository)) => {
            repository == namespace || repository.strip_prefix(namespace).is_some_and(|rest| rest.starts_with('/'))
        }
    }
}

impl Outcome {
    fn is_insecure(&self) -> bool {
        matches!(self, Outcome::Allowed { attempts, .. } if attempts.iter().any(|(_, _, verified)| !verified))
    }

    fn without_addresses(self) -> Self {
        match self {
            Outcome::Allowed { attempts, by, .. } => Outcome::Allowed { attempts, pinned: Vec::new(), by },
            denied => denied,
        }
    }
}

impl Entry {
    /// Returns whether it is every name below a domain; any other star makes it a pattern (rule E15).
    fn is_wildcard(&self) -> bool {
        self.host().strip_prefix("*.").is_some_and(|domain| !domain.contains('*'))
    }

    /// Rule H2.
    fn is_hub(&self) -> bool {
        HUB_NAMES.contains(&self.host()) && matches!(self.port(), None | Some(443))
    }

    /// Returns whether it is about addresses.
    fn is_by_address(&self) -> bool {
        self.host().parse::<IpAddr>().is_ok() || self.text.parse::<IpNet>().is_ok()
    }

    /// The part in front of the namespace. Of a network, the network whole.
    fn place(&self) -> &str {
        match self.text.split_once('/') {
            Some((place, _)) if self.text.parse::<IpNet>().is_err() => place,
            _ => &self.text,
        }
    }

    fn namespace(&self) -> Option<&str> {
        self.text.get(self.place().len() + 1..)
    }

    /// Host and port of a place. An IPv6 address has brackets where a port follows.
    fn host_and_port(&self) -> (&str, Option<&str>) {
        let place = self.place();
        match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None if place.matches(':').count() == 1 => {
                place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port)))
            }
            None => (place, None),
        }
    }

    fn host(&self) -> &str {
        self.host_and_port().0
    }

    fn port(&self) -> Option<u16> {
        self.host_and_port().1.map(|port| port.parse().expect("a canonical port is a number"))
    }
}

impl PartialEq for Covering<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.specific == other.specific
    }
}

impl Eq for Covering<'_> {}

impl PartialOrd for Covering<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Covering<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.specific.cmp(&other.specific)
    }
}
