//! What a change to a policy does (rule A1), from the entries alone: nothing is looked up and nothing is sampled.
//!
//! Hosts that the entries do not tell apart are one *place*, ports and repositories likewise. A request for each of them
//! is answered under both policies; where DNS has a say, with everything that DNS could say. Only places that a
//! differing entry or switch can have to do with are looked at.

use std::borrow::Cow;

use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};
use serde::{Deserialize, Serialize};

use crate::decision::{Decision, Denial, Fact, QuestionKind, ReferenceKind, Request, Scheme};
use crate::finding::Finding;
use crate::host::dns_name;
use crate::host::docker_hub;
use crate::policy::{Policy, Read, read_loadable};
use crate::reference::Registry;
use crate::util::sort;
use crate::util::string_map::Table;

mod affected_hosts;
mod differences;
mod dns_outcomes;
mod host_classes;
pub(crate) mod narrow;
mod policy_view;
mod port_set;
mod repository_set;
mod signature;
mod subtree_cover;

pub use port_set::Ports;
pub use repository_set::{Repositories, Within};

use affected_hosts::Touched;
use differences::{Answering, Difference, How, Shown};
use host_classes::{What, bounds, places};
use policy_view::Side;
use subtree_cover::{Part, Truths, parts};

/// The most regions of a kind that a comparison has. The rest is counted.
pub const MAX_REGIONS: usize = 1_000;
/// The most exceptions that a region names. The rest is counted.
pub const MAX_EXCEPTIONS: usize = 1_000;

/// How a decision differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It was denied, and is allowed.
    NewlyAllowed,
    /// It was allowed, and is denied.
    NewlyDenied,
    /// It is allowed as before, and the certificate is not verified any more.
    NowUnverified,
    /// It is allowed as before, and the certificate is verified now.
    NowVerified,
    /// It was reached without verification and still is, and plain HTTP may be tried now.
    NowPlainHttp,
    /// It was reached without verification and still is, and plain HTTP may not be tried any more.
    NoLongerPlainHttp,
    /// It is verified as before, and other certificate authorities of the policy may vouch for it.
    OtherAuthorities,
    /// DNS was not asked, and is.
    NowByDns,
    /// DNS was asked, and is not any more.
    NoLongerByDns,
}

impl Change {
    const ALL: [Change; 9] = [
        Change::NewlyAllowed,
        Change::NewlyDenied,
        Change::NowUnverified,
        Change::NowVerified,
        Change::NowPlainHttp,
        Change::NoLongerPlainHttp,
        Change::OtherAuthorities,
        Change::NowByDns,
        Change::NoLongerByDns,
    ];

    /// Its place among all.
    fn number(self) -> usize {
        Self::ALL.iter().position(|change| *change == self).unwrap_or_default()
    }
}

/// What a change comes to as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Both policies mean the same.
    Same,
    /// Nothing is newly allowed, and nothing is reached less safely.
    NotWider,
    /// Something is newly allowed, or reached without verification, over plain HTTP or under more authorities than before.
    Wider,
}

/// What a change to a policy does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// What it comes to.
    pub verdict: Verdict,
    /// For whom whitelist mode was turned on or off.
    pub modes: Vec<ModeChange>,
    /// What `match_resolved_addresses` was turned to, where that changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub match_resolved_addresses: Option<bool>,
    /// What is decided differently, sorted by change. Nothing else is.
    pub regions: Vec<Region>,
    /// How many regions are left out, by change: more than `MAX_REGIONS` are counted and not shown.
    pub omitted: Vec<Omitted>,
}

/// Whitelist mode was turned on or off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModeChange {
    /// The project, where it is its own affair; absent for all requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Whether it is on now.
    pub on: bool,
}

/// Regions that are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Omitted {
    /// Their change.
    pub change: Change,
    /// How many.
    pub count: u32,
}

/// Requests that are decided differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Region {
    /// How.
    pub change: Change,
    /// Which, in words.
    pub text: String,
    /// Whether what is newly allowed is reached without verification.
    pub unverified: bool,
    /// The hosts, written like entries: addresses and networks, a name, `*.domain` for all names below, `*` for every
    /// name, `docker.io` for Docker Hub with `hub`.
    pub hosts: Vec<String>,
    /// Whether Docker Hub is meant: with no port and with 443 its names are no names but Docker Hub.
    pub hub: bool,
    /// But not these, nor what is below them or in them.
    pub except: Vec<String>,
    /// How many more exceptions there are than are named.
    pub more_except: u32,
    /// The ports.
    pub ports: Ports,
    /// The repositories.
    pub repositories: Repositories,
    /// On whose behalf.
    pub projects: Projects,
    /// Authorities that may vouch for it now, by fingerprint.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<String>,
    /// Authorities that may not any more, by fingerprint.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
    /// A request that shows the difference.
    pub witness: Witness,
}

/// On whose behalf requests are made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Projects {
    /// Nobody's in particular: the request names no project.
    pub none: bool,
    /// These.
    pub named: Vec<String>,
    /// Any that neither document names.
    pub others: bool,
}

/// A request that the policies decide differently, in the way that its region says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Witness {
    /// The reference.
    pub reference: String,
    /// What it is.
    pub kind: ReferenceKind,
    /// The project on whose behalf.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// What DNS says, where that decides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<Fact>,
    /// The old decision in words.
    pub before: String,
    /// The new decision in words.
    pub after: String,
}

/// Findings of documents that do not load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unreadable {
    /// Of the first document, if it does not load.
    pub first: Vec<Finding>,
    /// Of the second document, if it does not load.
    pub second: Vec<Finding>,
}

/// Says what replacing one policy document by another does, both as of `at`, in seconds since 1970-01-01 UTC (rule A1).
pub fn compare(old: &str, new: &str, at: u64) -> Result<Comparison, Unreadable> {
    let (old, new) = read_both(old, new, at)?;
    Ok(compare_read(&old, &new))
}

/// Reads two documents that load.
pub(crate) fn read_both<'t>(first: &'t str, second: &'t str, at: u64) -> Result<(Read<'t>, Read<'t>), Unreadable> {
    match (read_loadable(first, at), read_loadable(second, at)) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (first, second) => {
            Err(Unreadable { first: first.err().unwrap_or_default(), second: second.err().unwrap_or_default() })
        }
    }
}

/// On whose behalf a request is made.
enum Who {
    /// Nobody's, and where neither policy has projects anybody's.
    Nobody,
    Project(String),
    /// Of a project that neither policy has.
    Others(String),
}

impl Who {
    fn project(&self) -> Option<&str> {
        match self {
            Who::Nobody => None,
            Who::Project(name) | Who::Others(name) => Some(name),
        }
    }
}

pub(crate) fn compare_read(old: &Read<'_>, new: &Read<'_>) -> Comparison {
    let mut report = Report {
        old: &old.policy,
        new: &new.policy,
        regions: Vec::new(),
        places: Table::default(),
        counts: Vec::new(),
    };
    let mut modes: Vec<ModeChange> = Vec::new();
    let whos = requesters(old, new);
    for who in &whos {
        let sides = [Side::new(old, who.project()), Side::new(new, who.project())];
        let [before, after] = sides.each_ref().map(|side| side.whitelist_mode());
        let known = !sides.iter().any(|side| side.unknown);
        if known && before != after && !modes.iter().any(|mode| mode.project.is_none() && mode.on == after) {
            modes.push(ModeChange { project: who.project().map(str::to_owned), on: after });
        }
        report.look_at(&sides, who);
    }
    let (mut regions, omitted) = (report.regions, report.counts);
    let all = whos.len();
    for (region, seen) in &mut regions {
        if *seen < all {
            region.text.push_str(&region.projects.in_words());
        }
    }
    let regions: Vec<Region> =
        sort::sorted(regions, |(a, _), (b, _)| a.change.cmp(&b.change)).into_iter().map(|(region, _)| region).collect();
    let resolves = new.policy.resolves;
    let omitted: Vec<Omitted> = sort::sorted(omitted, |a, b| a.change.cmp(&b.change))
        .into_iter()
        .filter_map(|counted| {
            let most = u32::try_from(MAX_REGIONS).unwrap_or(u32::MAX);
            Some(Omitted { count: counted.count.checked_sub(most).filter(|count| *count > 0)?, ..counted })
        })
        .collect();
    Comparison {
        verdict: if regions.is_empty() {
            Verdict::Same
        } else if regions.iter().any(Region::is_wider) {
            Verdict::Wider
        } else {
            Verdict::NotWider
        },
        modes,
        match_resolved_addresses: (old.policy.resolves != resolves).then_some(resolves),
        regions,
        omitted,
    }
}

/// On whose behalf there can be requests that the policies may tell apart.
fn requesters(old: &Read<'_>, new: &Read<'_>) -> Vec<Who> {
    let mut names: Vec<String> = Vec::new();
    for read in [old, new] {
        names.extend(read.document.projects.iter().flatten().map(|project| project.name.clone().into_owned()));
    }
    names = sort::sorted(names, Ord::cmp);
    names.dedup();
    let mut whos = vec![Who::Nobody];
    // Where one policy only has projects, it denies what the other takes no notice of.
    if old.policy.has_projects() != new.policy.has_projects() {
        let numbered = (2_u32..).map(|number| format!("another-{number}"));
        let other =
            std::iter::once("another".to_owned()).chain(numbered).find(|name| names.binary_search(name).is_err());
        whos.extend(other.map(Who::Others));
    }
    whos.extend(names.into_iter().map(Who::Project));
    whos
}

impl Comparison {
    /// Whether something is newly allowed, or reached less safely.
    pub(crate) fn is_wider(&self) -> bool {
        self.verdict == Verdict::Wider
    }

    /// The first region that says so.
    pub(crate) fn first_wider(&self) -> Option<&Region> {
        self.regions.iter().find(|region| region.is_wider())
    }
}

impl Region {
    /// Whether it is a reason to look twice.
    fn is_wider(&self) -> bool {
        match self.change {
            Change::NewlyAllowed | Change::NowUnverified | Change::NowPlainHttp => true,
            Change::OtherAuthorities => !self.added.is_empty(),
            Change::NewlyDenied
            | Change::NowVerified
            | Change::NoLongerPlainHttp
            | Change::NowByDns
            | Change::NoLongerByDns => false,
        }
    }
}

/// The regions found so far.
struct Report<'p> {
    old: &'p Policy,
    new: &'p Policy,
    /// Each with how many requesters it is about.
    regions: Vec<(Region, usize)>,
    /// By everything that regions of several requesters have alike.
    places: Table,
    counts: Vec<Omitted>,
}

impl Report<'_> {
    fn look_at(&mut self, sides: &[Side<'_>; 2], who: &Who) {
        let [old, new] = sides;
        let touched = Touched::of(old, new);
        if touched.is_nothing() {
            return;
        }
        let places = places(sides, &touched);
        let mut answering = Answering::new(sides);
        let truths: Vec<(Option<u32>, Truths)> = places
            .iter()
            .map(|place| {
                let truths = match &place.host {
                    Some(host) => Truths::Are(answering.of(host).iter().map(|shown| shown.difference).collect()),
                    None => Truths::Empty,
                };
                (place.parent, truths)
            })
            .collect();
        for part in parts(truths.into_iter()) {
            let place = |place: u32| usize::try_from(place).ok().and_then(|place| places.get(place));
            let Some((root, host)) = place(part.root).and_then(|root| Some((root, root.host.as_ref()?))) else {
                continue;
            };
            let except: Vec<&What> = part.except.iter().filter_map(|node| Some(&place(*node)?.what)).collect();
            self.add(&part, &root.what, &except, host, &mut answering, who);
        }
    }

    fn add(
        &mut self,
        part: &Part,
        what: &What,
        except: &[&What],
        host: &Registry<'_>,
        answering: &mut Answering<'_, '_>,
        who: &Who,
    ) {
        let number = usize::try_from(part.truth).unwrap_or(usize::MAX);
        let Some(Difference { how, ports, repositories, words }) = answering.differences.get(number) else { return };
        let (how, ports, repositories, words) = (*how, ports.clone(), repositories.clone(), words.clone());
        let How { change, unverified, by_dns, authorities } = how;
        let came_and_went = authorities.checked_sub(1).and_then(|place| answering.authorities.get(place));
        let (added, removed) = came_and_went.cloned().unwrap_or_default();
        let (hosts, except) = written(what, except);
        let mut key = format!("{}{words}", How { authorities: 0, ..how }.number());
        for (texts, mark) in [(&hosts, '+'), (&except, '-'), (&added, '>'), (&removed, '<')] {
            texts.iter().for_each(|text| key.extend([mark].into_iter().chain(text.chars())));
        }
        if matches!(what, What::Hub) {
            key.push('!');
        }
        let next = u32::try_from(self.regions.len()).unwrap_or(u32::MAX);
        if let Some(place) = self.places.get(&key) {
            let known = usize::try_from(place).ok().and_then(|place| self.regions.get_mut(place));
            if let Some((region, seen)) = known {
                region.projects.add(who);
                *seen = seen.saturating_add(1);
            }
            return;
        }
        let shown = answering.of(host).iter().find(|shown| shown.difference == part.truth);
        let Some((port, repository, answers)) =
            shown.map(|Shown { port, repository, answers, .. }| (*port, repository.clone(), answers.clone()))
        else {
            return;
        };
        let counted = match self.counts.iter_mut().find(|counted| counted.change == change) {
            Some(counted) => {
                counted.count = counted.count.saturating_add(1);
                counted.count
            }
            None => {
                self.counts.push(Omitted { change, count: 1 });
                1
            }
        };
        if usize::try_from(counted).is_ok_and(|count| count > MAX_REGIONS) {
            self.places.get_or_insert(&key, u32::MAX);
            return;
        }
        self.places.get_or_insert(&key, next);
        let mut text = hosts_in_words(what, &hosts, &except);
        text.push_str(&words);
        if unverified {
            text.push_str(", without verification");
        }
        if by_dns {
            text.push_str(", depending on DNS");
        }
        let facts = answers.map(|answers| facts(host, &answers, answering)).unwrap_or_default();
        let (reference, kind) = reference(host, port, repository.as_deref());
        let mut witness = Witness {
            reference,
            kind,
            project: who.project().map(str::to_owned),
            facts,
            before: String::new(),
            after: String::new(),
        };
        let request = Request { reference: &witness.reference, kind, project: who.project(), facts: &witness.facts };
        let (before, after) =
            (decision_in_words(&self.old.decide(&request)), decision_in_words(&self.new.decide(&request)));
        (witness.before, witness.after) = (before, after);
        let mut projects = Projects::default();
        projects.add(who);
        let more_except = u32::try_from(except.len().saturating_sub(MAX_EXCEPTIONS)).unwrap_or(u32::MAX);
        let except = except.into_iter().take(MAX_EXCEPTIONS).collect();
        let hub = matches!(what, What::Hub);
        self.regions.push((
            Region {
                change,
                text,
                unverified,
                hosts,
                hub,
                except,
                more_except,
                ports,
                repositories,
                projects,
                added,
                removed,
                witness,
            },
            1,
        ));
    }
}

impl Projects {
    fn add(&mut self, who: &Who) {
        match who {
            Who::Nobody => self.none = true,
            Who::Project(name) => self.named.push(name.clone()),
            Who::Others(_) => self.others = true,
        }
    }

    fn in_words(&self) -> String {
        let named = self.named.iter().map(|name| format!("of project `{name}`"));
        let none = self.none.then(|| "of no project".to_owned());
        let others = self.others.then(|| "of any other project".to_owned());
        let parts: Vec<String> = none.into_iter().chain(named).chain(others).collect();
        format!(", {}", parts.join(", "))
    }
}

/// The hosts of a region and its exceptions, as entries are written. A network without some of it is other networks.
fn written(what: &What, except: &[&What]) -> (Vec<String>, Vec<String>) {
    // Beyond this a list of what remains is longer than one of what is left out.
    const SHORT: usize = 16;
    if let (What::Network(network), 1..=SHORT) = (what, except.len()) {
        let rest = without(*network, except);
        if rest.len() <= except.len() {
            return (rest, Vec::new());
        }
    }
    (vec![entry_of(what)], except.iter().map(|what| entry_of(what)).collect())
}

fn entry_of(what: &What) -> String {
    match what {
        What::Hub => docker_hub::SHOWN.to_owned(),
        What::EveryName => "*".to_owned(),
        What::Names(key) => key.to_string(),
        What::Network(network) => network_text(*network),
    }
}

fn network_text(network: IpNet) -> String {
    match network.prefix_len() == network.max_prefix_len() {
        true => network.addr().to_string(),
        false => network.to_string(),
    }
}

/// The networks that remain of one without others inside it, sorted and apart.
fn without(network: IpNet, except: &[&What]) -> Vec<String> {
    let (first, last, v4) = bounds(network);
    let mut rest = Vec::new();
    let mut next = Some(first);
    let mut gap = |first: u128, last: u128| {
        if v4 {
            let [first, last] = [first, last].map(|bits| u32::try_from(bits).unwrap_or(u32::MAX).into());
            rest.extend(Ipv4Subnets::new(first, last, 0).map(|network| network_text(IpNet::V4(network))));
        } else {
            rest.extend(Ipv6Subnets::new(first.into(), last.into(), 0).map(|network| network_text(IpNet::V6(network))));
        }
    };
    for what in except {
        let What::Network(inner) = what else { continue };
        let (start, end, _) = bounds(*inner);
        if let Some(before) = start.checked_sub(1)
            && let Some(next) = next.filter(|next| *next <= before)
        {
            gap(next, before);
        }
        next = end.checked_add(1);
    }
    if let Some(next) = next.filter(|next| *next <= last) {
        gap(next, last);
    }
    rest
}

fn hosts_in_words(what: &What, hosts: &[String], except: &[String]) -> String {
    let whole = |network: &IpNet| network.prefix_len() == 0 && hosts.iter().all(|host| *host == network_text(*network));
    let mut text = match what {
        What::Hub => "Docker Hub".to_owned(),
        What::EveryName => "every name".to_owned(),
        What::Network(IpNet::V4(network)) if whole(&IpNet::V4(*network)) => "every IPv4 address".to_owned(),
        What::Network(IpNet::V6(network)) if whole(&IpNet::V6(*network)) => "every IPv6 address".to_owned(),
        What::Names(_) | What::Network(_) => listed(hosts),
    };
    if !except.is_empty() {
        text.push_str(" but ");
        text.push_str(&listed(except));
    }
    text
}

/// What is read at a glance, and how much more there is.
fn listed(texts: &[String]) -> String {
    const FEW: usize = 5;
    let shown: Vec<String> = texts.iter().take(FEW).map(|text| format!("`{text}`")).collect();
    let more = texts.len().saturating_sub(FEW);
    let shown = shown.join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

/// What DNS must say so that a host comes to these answers.
fn facts(host: &Registry<'_>, answers: &[u32], answering: &mut Answering<'_, '_>) -> Vec<Fact> {
    let Some(dns) = answering.dns(host) else { return Vec::new() };
    let text = |registry: &Registry<'_>| match registry {
        Registry::Hub => docker_hub::HOST.to_owned(),
        Registry::Address(address) => address.to_string(),
        Registry::Name(name) => name.to_string(),
    };
    let hosts = answers.iter().filter_map(|place| dns.hosts.get(usize::try_from(*place).ok()?));
    let answers: Vec<String> = hosts.map(text).collect();
    let subject = text(host);
    match host {
        Registry::Address(_) => {
            let confirmations = answers.iter().map(|name| Fact {
                kind: QuestionKind::AddressesOf,
                subject: name.clone(),
                answers: vec![subject.clone()],
            });
            let confirmations: Vec<Fact> = confirmations.collect();
            std::iter::once(Fact { kind: QuestionKind::NamesOf, subject, answers }).chain(confirmations).collect()
        }
        Registry::Hub | Registry::Name(_) => vec![Fact { kind: QuestionKind::AddressesOf, subject, answers }],
    }
}

/// The text of a reference.
fn reference(host: &Registry<'_>, port: Option<u16>, repository: Option<&str>) -> (String, ReferenceKind) {
    let host = match host {
        // `docker.io/x` is `docker.io/library/x`.
        Registry::Hub if port.is_none() && repository.is_some_and(|path| !path.contains('/')) => {
            Cow::Borrowed(docker_hub::HOST)
        }
        Registry::Hub => Cow::Borrowed(docker_hub::SHOWN),
        Registry::Address(address) if address.is_ipv6() => Cow::Owned(format!("[{address}]")),
        Registry::Address(address) => Cow::Owned(address.to_string()),
        // In an image reference a single label is a registry in upper case only.
        Registry::Name(name) if dns_name::is_single_label(name) && port.is_none() && repository.is_some() => {
            Cow::Owned(name.to_ascii_uppercase())
        }
        Registry::Name(name) => Cow::Borrowed(&**name),
    };
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    match repository {
        Some(path) => (format!("{host}{port}/{path}"), ReferenceKind::Image),
        None => (format!("{host}{port}"), ReferenceKind::Registry),
    }
}

/// A decision in a few words.
fn decision_in_words(decision: &Decision<'_>) -> String {
    let allowed = match decision {
        Decision::Lookup(_) => return "DNS decides".to_owned(),
        Decision::Deny(denied) if denied.reason == Denial::UnknownProject => {
            return "denied: there is no such project".to_owned();
        }
        Decision::Deny(_) => return "denied".to_owned(),
        Decision::Allow(allowed) => allowed,
    };
    let attempts = allowed.attempts.iter().map(|attempt| match (attempt.scheme, attempt.verified) {
        (Scheme::Https, true) => format!("verified HTTPS on {}", attempt.port),
        (Scheme::Https, false) => format!("unverified HTTPS on {}", attempt.port),
        (Scheme::Http, _) => format!("plain HTTP on {}", attempt.port),
    });
    let mut text = attempts.collect::<Vec<_>>().join(", then ");
    match allowed.authorities.len() {
        0 => {}
        1 => text.push_str(", vouched for by 1 authority of the policy"),
        count => text.push_str(&format!(", vouched for by {count} authorities of the policy")),
    }
    if !allowed.pinned.is_empty() {
        text.push_str(&format!(", at {} only", allowed.pinned.join(", ")));
    }
    text
}
