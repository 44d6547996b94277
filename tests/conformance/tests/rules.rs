//! Random policies, references and DNS: the indexed rules against the slow reading of them, and what must hold of any
//! rules worth having.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use pullgate::{Decision, Deny, DnsAnswer, DnsQuery, EntryList, LookupKind, MatchedEntry};
use pullgate_tests::reference_model::{Asked, Entry, HUB, Host, Lists, Outcome, World};
use pullgate_tests::universe::{difference, known, load, reference, request, world_answer};

/// Names of hosts. Those below one domain share its suffix, and all domains of as many labels are as long.
const NAMES: &[&str] =
    &["corp.test", "a.corp.test", "lab.corp.test", "b.lab.corp.test", "ab.lab.corp.test", "evil.test", "x.evil.test"];
/// Patterns, some of them equally specific.
const PATTERNS: &[&str] =
    &["b*.lab.corp.test", "*b.lab.corp.test", "*b.l*.corp.test", "*b*.lab.corp.test", "a*.corp.test", "l*b.corp.test"];
const WILDCARDS: &[&str] = &["*.corp.test", "*.lab.corp.test", "*.evil.test", "*.test", "*.docker.io"];
const HUBS: &[&str] = &["docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"];
const ADDRESSES: &[&str] = &["10.1.1.1", "10.1.1.2", "10.1.2.1", "10.2.1.1", "2001:db8::1"];
const NETWORKS: &[&str] = &["10.0.0.0/8", "10.1.0.0/16", "10.1.1.0/24", "10.1.1.1/32", "2001:db8::/32", "0.0.0.0/0"];
const PORTS: &[Option<u16>] = &[None, None, Some(80), Some(443), Some(5000)];
const REPOSITORIES: &[&str] = &["team/app/x", "team/app", "team/x", "other/x"];

/// A case: a policy, a request, and what DNS says.
#[derive(Clone, Debug)]
struct Universe {
    lists: Lists,
    asked: Asked,
    world: World,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Asked with dns_answers as they are asked for, the indexed rules come to what the slow ones say.
    #[test]
    fn the_index_agrees_with_walking_the_list(universe in universe()) {
        let Some(policy) = load(&universe.lists) else { return Ok(()) };
        let Universe { lists, asked, world } = &universe;
        let text = reference(asked);
        let mut dns_answers: Vec<DnsAnswer> = Vec::new();
        for round in 0.. {
            let request = request(&text, asked, &dns_answers);
            let Decision::Lookup(questions) = policy.decide(&request) else { break };
            prop_assert!(round < 3, "asks for ever: {questions:?}");
            prop_assert!(!questions.is_empty());
            prop_assert!(can_differ(lists, asked, &dns_answers) || shadowed(lists), "dns_answers cannot change the answer: {questions:?}");
            for question in questions {
                prop_assert!(!known(&dns_answers, &question), "asks again: {question:?}");
                dns_answers.push(world_answer(world, question));
            }
        }
        let request = request(&text, asked, &dns_answers);
        let decision = policy.decide(&request);
        let outcome = lists.decide(asked, world);
        if let Some(wrong) = difference(&decision, &outcome, asked) {
            prop_assert!(false, "{wrong}\n{text} with {dns_answers:?}\nfast: {decision:?}\nslow: {outcome:?}");
        }
    }

    /// Without dns_answers a question is asked exactly where dns_answers can change the answer.
    #[test]
    fn a_question_is_asked_where_it_matters(universe in universe(), given in any::<bool>()) {
        let Some(policy) = load(&universe.lists) else { return Ok(()) };
        let Universe { lists, asked, world } = &universe;
        let text = reference(asked);
        let mut dns_answers = Vec::new();
        if let (true, Host::Address(address)) = (given, &asked.host) {
            let question = DnsQuery { kind: LookupKind::Reverse, subject: address.to_string() };
            dns_answers.push(world_answer(world, question));
        }
        let decision = policy.decide(&request(&text, asked, &dns_answers));
        let asks = matches!(decision, Decision::Lookup(_));
        if shadowed(lists) {
            return Ok(());
        }
        prop_assert_eq!(asks, can_differ(lists, asked, &dns_answers), "{} with {:?}: {:?}", text, dns_answers, decision);
    }

    /// Rule P6.
    #[test]
    fn order_never_matters(universe in universe(), seed in any::<u64>()) {
        let Some(policy) = load(&universe.lists) else { return Ok(()) };
        let mut shuffled = universe.lists.clone();
        shuffle(&mut shuffled.entries, seed);
        let other = load(&shuffled);
        prop_assert!(other.is_some(), "loads in one order only");
        let Universe { asked, world, .. } = &universe;
        let text = reference(asked);
        for dns_answers in [Vec::new(), all_dns_answers(world)] {
            let request = request(&text, asked, &dns_answers);
            let two = other.as_ref().map(|other| without_order(other.decide(&request)));
            prop_assert_eq!(two, Some(without_order(policy.decide(&request))));
        }
    }

    /// An entry more in a whitelist denies nothing that was allowed.
    #[test]
    fn more_entries_never_deny(universe in universe(), text in entry_text(EntryList::Whitelist)) {
        let Universe { lists, asked, world } = &universe;
        let mut more = lists.clone();
        let Some(scope) = more.whitelists.first().cloned() else { return Ok(()) };
        more.entries.push(Entry { list: EntryList::Whitelist, project: scope, text, enabled: true });
        let (Some(policy), Some(wider)) = (load(lists), load(&more)) else { return Ok(()) };
        let reference = reference(asked);
        let dns_answers = all_dns_answers(world);
        let request = request(&reference, asked, &dns_answers);
        if matches!(policy.decide(&request), Decision::Allow(_)) {
            prop_assert!(matches!(wider.decide(&request), Decision::Allow(_)), "{:?}", wider.decide(&request));
        }
    }

    /// What comes after the parser holds for what `explain` and `decide_text` say too.
    #[test]
    fn an_explanation_decides_the_same(universe in universe()) {
        let Some(policy) = load(&universe.lists) else { return Ok(()) };
        let text = reference(&universe.asked);
        for dns_answers in [Vec::new(), all_dns_answers(&universe.world)] {
            let request = request(&text, &universe.asked, &dns_answers);
            let explained = policy.explain(&request);
            prop_assert_eq!(&explained.response, &policy.answer(&request));
            prop_assert_eq!(&explained.response.decision, &policy.decide(&request));
            prop_assert!(!explained.steps.is_empty());
        }
    }
}

/// Whether what is not yet known of DNS can change what is decided or how the registry is reached: every world of this
/// small universe that agrees with the dns_answers is tried.
fn can_differ(lists: &Lists, asked: &Asked, dns_answers: &[DnsAnswer]) -> bool {
    let seen: BTreeSet<String> = worlds(asked, dns_answers)
        .iter()
        .map(|world| match lists.decide(asked, world) {
            Outcome::Allowed { attempts, .. } => format!("{attempts:?}"),
            denied => format!("{denied:?}"),
        })
        .collect();
    seen.len() > 1
}

/// Whether built-in entries may hide all that an insecure entry covers. The rules then ask although no answer matters;
/// telling would take more than it is worth.
fn shadowed(lists: &Lists) -> bool {
    lists.entries.iter().any(|entry| entry.list == EntryList::BuiltIn && !NAMES.contains(&entry.text.as_str()))
}

/// Every world that agrees with the dns_answers, as far as the request can tell.
fn worlds(asked: &Asked, dns_answers: &[DnsAnswer]) -> Vec<World> {
    // Addresses that no entry names, within the networks and without.
    let unnamed = ["192.0.2.1", "10.1.1.9", "10.1.9.9", "10.9.9.9", "2001:db8::9", "fd00::9"];
    match &asked.host {
        Host::Hub | Host::Name(_) => {
            let name = match &asked.host {
                Host::Name(name) => name.clone(),
                _ => HUB.to_owned(),
            };
            if let Some(dns_answer) = dns_answers.iter().find(|dns_answer| dns_answer.subject == name) {
                return vec![World { addresses: BTreeMap::from([(name, addresses(dns_answer))]), ..World::default() }];
            }
            let choices: Vec<IpAddr> = ADDRESSES.iter().chain(&unnamed).map(|text| text.parse().unwrap()).collect();
            let singles = choices.iter().map(|one| vec![*one]);
            let pairs = choices.iter().flat_map(|one| choices.iter().map(|two| vec![*one, *two]));
            std::iter::once(Vec::new())
                .chain(singles)
                .chain(pairs)
                .map(|addresses| World { addresses: BTreeMap::from([(name.clone(), addresses)]), ..World::default() })
                .collect()
        }
        Host::Address(address) => {
            let candidates: Vec<Vec<String>> = match dns_answers
                .iter()
                .find(|dns_answer| dns_answer.subject == address.to_string())
            {
                Some(dns_answer) => vec![dns_answer.answers.clone()],
                None => {
                    let names: Vec<String> =
                        NAMES.iter().chain([&HUB, &"unnamed.lab.corp.test"]).map(|name| (*name).to_owned()).collect();
                    let pairs = names.iter().flat_map(|one| names.iter().map(|two| vec![one.clone(), two.clone()]));
                    std::iter::once(Vec::new()).chain(pairs).collect()
                }
            };
            candidates.into_iter().flat_map(|names| confirmations(*address, &names, dns_answers)).collect()
        }
    }
}

/// The worlds in which an address has these names, each of them resolving back to it or not, where that is not known.
fn confirmations(address: IpAddr, names: &[String], dns_answers: &[DnsAnswer]) -> Vec<World> {
    let mut worlds = vec![World { names: BTreeMap::from([(address, names.to_vec())]), ..World::default() }];
    for name in names {
        let choices = match dns_answers.iter().find(|dns_answer| dns_answer.subject == *name) {
            Some(dns_answer) => vec![addresses(dns_answer)],
            None => vec![Vec::new(), vec![address]],
        };
        worlds = worlds
            .into_iter()
            .flat_map(|world| {
                choices.iter().map(move |choice| {
                    let mut world = world.clone();
                    world.addresses.insert(name.clone(), choice.clone());
                    world
                })
            })
            .collect();
    }
    worlds
}

/// A decision without what says where in a list an entry stands, and without the nearest entry of a denial: of several
/// that are as near, one is named.
fn without_order(decision: Decision<'_>) -> Decision<'_> {
    match decision {
        Decision::Allow(mut allowed) => {
            allowed.by = allowed.by.map(|by| MatchedEntry { index: 0, entry: one_spelling(&by.entry).into(), ..by });
            Decision::Allow(allowed)
        }
        Decision::Deny(Deny { reason, text, by, .. }) => {
            let by = by.map(|by| MatchedEntry { index: 0, entry: one_spelling(&by.entry).into(), ..by });
            // The text of a blocked one quotes its entry.
            let text = if by.is_some() { String::new() } else { text };
            Decision::Deny(Deny { reason, text, by, nearest: None })
        }
        lookup => lookup,
    }
}

/// Docker Hub under one of its names, everything else as it is.
fn one_spelling(entry: &str) -> String {
    let (place, namespace) = entry.split_at(entry.find('/').unwrap_or(entry.len()));
    if HUBS.contains(&place) { format!("{HUB}{namespace}") } else { entry.to_owned() }
}

/// Everything that DNS says and everything that it does not.
fn all_dns_answers(world: &World) -> Vec<DnsAnswer> {
    let names = NAMES.iter().chain([&HUB]).map(|name| DnsQuery { kind: LookupKind::Forward, subject: (*name).into() });
    let addresses = ADDRESSES.iter().map(|text| DnsQuery { kind: LookupKind::Reverse, subject: (*text).into() });
    names.chain(addresses).map(|question| world_answer(world, question)).collect()
}

fn addresses(dns_answer: &DnsAnswer) -> Vec<IpAddr> {
    dns_answer.answers.iter().map(|text| text.parse().unwrap()).collect()
}

/// Fisher and Yates, with a small generator: the same seed gives the same order.
fn shuffle<T>(items: &mut [T], mut seed: u64) {
    for end in (1..items.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        items.swap(end, usize::try_from(seed >> 33).unwrap() % (end + 1));
    }
}

fn universe() -> impl Strategy<Value = Universe> {
    (lists(), asked(), world()).prop_map(|(lists, asked, world)| Universe { lists, asked, world })
}

fn lists() -> impl Strategy<Value = Lists> {
    let scopes = subsequence(vec![None, Some("alpha".to_owned())], 0..=2);
    let projects = prop_oneof![
        Just(Vec::new()),
        Just(vec!["alpha".to_owned()]),
        Just(vec!["alpha".to_owned(), "beta".to_owned()])
    ];
    let entries = prop::collection::vec(entry(), 0..9);
    let switches = (any::<bool>(), any::<bool>());
    (scopes, projects, entries, switches).prop_map(|(mut whitelists, projects, mut entries, (resolve, unlisted))| {
        let exists = |project: &Option<String>| project.as_ref().is_none_or(|project| projects.contains(project));
        whitelists.retain(|scope| exists(scope));
        entries.retain(|entry| match entry.list {
            EntryList::Whitelist => whitelists.contains(&entry.project),
            EntryList::Insecure | EntryList::Blocked => exists(&entry.project),
            EntryList::BuiltIn => entry.project.is_none(),
        });
        Lists { entries, whitelists, projects, unlisted_are_global: unlisted, match_resolved_addresses: resolve }
    })
}

fn entry() -> impl Strategy<Value = Entry> {
    let list = prop_oneof![8 => Just(EntryList::Whitelist), 8 => Just(EntryList::Insecure), 2 => Just(EntryList::BuiltIn), 3 => Just(EntryList::Blocked)];
    let project = prop_oneof![3 => Just(None), 1 => Just(Some("alpha".to_owned()))];
    list.prop_flat_map(|list| (Just(list), entry_text(list))).prop_flat_map(move |(list, text)| {
        (project.clone(), prop::bool::weighted(0.9)).prop_map(move |(project, enabled)| Entry {
            list,
            project,
            text: text.clone(),
            enabled,
        })
    })
}

/// An entry in canonical form. Docker Hub has one port only, a network none.
fn entry_text(list: EntryList) -> impl Strategy<Value = String> {
    let placed = prop_oneof![select(NAMES), select(WILDCARDS), select(PATTERNS), select(ADDRESSES)];
    let placed = (placed, select(PORTS)).prop_map(|(host, port)| match port {
        Some(port) if host.contains("::") => format!("[{host}]:{port}"),
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    });
    let hub = select(HUBS).prop_map(str::to_owned);
    let network = select(NETWORKS).prop_map(str::to_owned);
    let namespace = match list {
        EntryList::Whitelist | EntryList::Blocked => {
            prop_oneof![3 => Just(""), 1 => Just("/team"), 1 => Just("/team/app")].boxed()
        }
        _ => Just("").boxed(),
    };
    let limited = (prop_oneof![4 => placed, 1 => hub], namespace).prop_map(|(place, namespace)| place + namespace);
    prop_oneof![4 => limited, 1 => network]
}

fn asked() -> impl Strategy<Value = Asked> {
    let address = select(ADDRESSES).prop_map(|text| Host::Address(text.parse().unwrap()));
    let name = select(NAMES).prop_map(|name| Host::Name(name.to_owned()));
    let host = prop_oneof![3 => address, 3 => name, 1 => Just(Host::Hub)];
    let repository = prop_oneof![4 => select(REPOSITORIES).prop_map(|text| Some(text.to_owned())), 1 => Just(None)];
    let project = prop_oneof![Just(None), Just(Some("alpha".to_owned())), Just(Some("beta".to_owned()))];
    (host, select(PORTS), repository, project).prop_map(|(host, port, repository, project)| {
        let port = if host == Host::Hub { None } else { port };
        Asked { host, port, repository, project }
    })
}

fn world() -> impl Strategy<Value = World> {
    let some = |choices: &'static [&'static str]| subsequence(choices.to_vec(), 0..=3);
    let names: Vec<&str> = NAMES.iter().chain([&HUB]).copied().collect();
    let forward = prop::collection::vec(some(ADDRESSES), names.len());
    let backward = prop::collection::vec(some(NAMES), ADDRESSES.len());
    (forward, backward).prop_map(move |(forward, backward)| World {
        addresses: names
            .iter()
            .zip(forward)
            .map(|(name, to)| ((*name).to_owned(), to.iter().map(|text| text.parse().unwrap()).collect()))
            .collect(),
        names: ADDRESSES
            .iter()
            .zip(backward)
            .map(|(text, to)| (text.parse().unwrap(), to.into_iter().map(str::to_owned).collect()))
            .collect(),
    })
}
