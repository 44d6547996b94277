//! Random pairs of small policies over a small universe: every request of it, with everything that DNS can say, is decided
//! both ways. The regions of the comparison must be exactly where the answers differ.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use pullgate::{Allow, ChangeKind, Code, Decision, DnsAnswer, LookupKind, Policy, ReferenceKind, Request, compare};
use pullgate_tests::changes::{change, fits, reference, shows};
use pullgate_tests::entry_line::Line;
use pullgate_tests::reference_model::{HUB, Host};
use pullgate_tests::regions::{Place, contains};
use serde_json::{Map, Value, json};

const ENTRIES: &[&str] = &[
    "corp.test",
    "a.corp.test",
    "*.corp.test",
    "*.a.corp.test",
    "*.test",
    "a*.corp.test",
    "*b.corp.test",
    "*b*.corp.test",
    "x.*.corp.test",
    "*.a*.corp.test",
    "x.a*.corp.test",
    "*.ab.corp.test",
    "docker.io",
    "index.docker.io",
    "*.docker.io",
    "*.io",
    "registry-1.docker.io",
    "10.1.1.1",
    "10.1.1.1/32",
    "10.1.1.0/31",
    "10.1.0.0/16",
    "10.0.0.0/8",
    "0.0.0.0/0",
    "::/0",
    "2001:db8::1",
    "2001:db8::/32",
    "10.1.1.0/32",
    "::/1",
    "host",
];
const PORTS: &[&str] = &["", "", "", ":5000", ":80", ":443"];
const NAMESPACES: &[&str] = &["", "", "", "/team", "/team/app"];
const NAMES: &[&str] = &[
    "corp.test",
    "a.corp.test",
    "b.corp.test",
    "x.a.corp.test",
    "ab.corp.test",
    "acb.corp.test",
    "ac.corp.test",
    "cb.corp.test",
    "aba.corp.test",
    "cbc.corp.test",
    "c.corp.test",
    "x.c.corp.test",
    "x.ab.corp.test",
    "x.ac.corp.test",
    "y.a.corp.test",
    "y.ab.corp.test",
    "y.ac.corp.test",
    "y.c.corp.test",
    "z.y.a.corp.test",
    "other.test",
    "other.example",
    "docker.io",
    "index.docker.io",
    "x.docker.io",
    "x.io",
    "host",
];
const ADDRESSES: &[&str] =
    &["10.1.1.0", "10.1.1.1", "10.1.9.9", "10.9.9.9", "192.0.2.1", "2001:db8::1", "2001:db8::9", "2002::1", "9000::1"];
/// Of each kind of name that wildcards tell apart, one.
const PEERS: &[&str] = &["c.corp.test", "x.ab.corp.test", "x.a.corp.test", "other.test", "x.docker.io", "x.io"];
const ASKED_PORTS: &[Option<u16>] = &[None, Some(443), Some(80), Some(5000), Some(7000)];
const REPOSITORIES: &[Option<&str>] =
    &[None, Some("x/y"), Some("team"), Some("team/x"), Some("team/app"), Some("team/app/x"), Some("teams/x")];
const PROJECTS: &[Option<&str>] = &[None, Some("p"), Some("q"), Some("z")];

/// The lists of a document, or of a project.
#[derive(Clone, Debug)]
struct Lists {
    whitelist: Option<Vec<String>>,
    insecure: Vec<String>,
    blocked: Vec<String>,
    authorities: Vec<(usize, Option<Vec<String>>)>,
}

#[derive(Clone, Debug)]
struct Document {
    global: Lists,
    built_in: Vec<String>,
    resolves: bool,
    projects: Vec<(String, Lists)>,
    unlisted: Option<&'static str>,
}

fn cases() -> u32 {
    std::env::var("PULLGATE_PAIRS").ok().and_then(|count| count.parse().ok()).unwrap_or(300)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, max_global_rejects: 1_000_000, ..ProptestConfig::default() })]

    #[test]
    fn regions_are_exactly_where_answers_differ((old, new) in pair()) {
        let (old_text, new_text) = (text_of(&old), text_of(&new));
        let (Ok(before), Ok(after)) = (Policy::load(&old_text, 1_800_000_000), Policy::load(&new_text, 1_800_000_000)) else { return Ok(()) };
        let comparison = compare(&old_text, &new_text, 1_800_000_000).expect("both load");
        let (before, after) = (before.policy, after.policy);
        let mut projects: Vec<String> = old.projects.iter().chain(&new.projects).map(|(name, _)| name.clone()).collect();
        projects.sort();
        projects.dedup();
        let asked_projects = if projects.is_empty() { &PROJECTS[..1] } else { PROJECTS };
        for host in hosts() {
            for port in ASKED_PORTS.iter().filter(|port| fits(&host, **port)) {
                for repository in REPOSITORIES {
                    for project in asked_projects {
                        let place = Place { host: &host, port: *port, repository: *repository, project: *project };
                        let said: BTreeSet<ChangeKind> = comparison.regions.iter().filter(|region| contains(region, &place, &projects)).map(|region| region.change).collect();
                        let found = changes(&before, &after, &place, 2);
                        // Sets of two answers show nearly everything.
                        let found = if said == found { found } else { changes(&before, &after, &place, 5) };
                        prop_assert_eq!(&said, &found, "said, found for {:?}\n{}\n{}\n{:#?}", place, &old_text, &new_text, &comparison.regions);
                    }
                }
            }
        }
        for region in &comparison.regions {
            let shown = shows(&before, &after, region);
            prop_assert!(shown, "the witness shows nothing: {:#?}\n{}\n{}", region, &old_text, &new_text);
        }
        // The other way round, every region is one of the opposite change.
        let back = compare(&new_text, &old_text, 1_800_000_000).expect("both load");
        prop_assert_eq!(back.regions.is_empty(), comparison.regions.is_empty());
    }

    /// The cross-checks (rule P4) and the comparison (rule A1) mean the same by "covers".
    #[test]
    fn an_entry_that_another_one_covers_can_go(document in document()) {
        let text = text_of(&document);
        let Ok(loaded) = Policy::load(&text, 1_800_000_000) else { return Ok(()) };
        for finding in &loaded.findings {
            if !matches!(finding.code, Code::EntryCovered | Code::EntryDuplicate) {
                continue;
            }
            let mut without: Value = serde_json::from_str(&text).expect("it is JSON");
            let (list, index) = finding.path.as_deref().and_then(|path| path.rsplit_once('/')).expect("an entry has a path");
            let list = without.pointer_mut(list).and_then(Value::as_array_mut).expect("the list is there");
            list.remove(index.parse().expect("an entry has an index"));
            let comparison = compare(&text, &without.to_string(), 1_800_000_000).expect("both load");
            // Through DNS an address may also have names under other entries, and then the longest wildcard decides how
            // it is reached; whether it may be reached stays as it is.
            let changed = comparison.regions.iter().find(|region| {
                region.witness.dns_answers.is_empty() || matches!(region.change, ChangeKind::NewlyAllowed | ChangeKind::NewlyDenied)
            });
            prop_assert!(changed.is_none(), "{:#?}\n{:#?}\n{}", finding, changed, &text);
        }
    }

    /// What the check says of a blocked entry holds (rule W6): no image is decided otherwise without the entry, directly.
    #[test]
    fn an_entry_that_is_blocked_allows_no_image(document in document()) {
        let text = text_of(&document);
        let Ok(loaded) = Policy::load(&text, 1_800_000_000) else { return Ok(()) };
        for finding in loaded.findings.iter().filter(|finding| finding.code == Code::EntryBlocked) {
            let mut without: Value = serde_json::from_str(&text).expect("it is JSON");
            let (list, index) = finding.path.as_deref().and_then(|path| path.rsplit_once('/')).expect("an entry has a path");
            let list = without.pointer_mut(list).and_then(Value::as_array_mut).expect("the list is there");
            list.remove(index.parse().expect("an entry has an index"));
            let comparison = compare(&text, &without.to_string(), 1_800_000_000).expect("both load");
            let changed = comparison.regions.iter().find(|region| {
                region.witness.dns_answers.is_empty()
                    && region.witness.kind == ReferenceKind::Image
                    // Its namespace takes no part in how the registry is reached (rule T4).
                    && matches!(region.change, ChangeKind::NewlyAllowed | ChangeKind::NewlyDenied)
            });
            prop_assert!(changed.is_none(), "{:#?}\n{:#?}\n{}", finding, changed, &text);
        }
    }

    /// Rule P4: what a whitelist entry does not show, that its hosts are reached without verification, the check says.
    #[test]
    fn nothing_is_less_safe_without_a_warning(document in document()) {
        let text = text_of(&document);
        let Ok(loaded) = Policy::load(&text, 1_800_000_000) else { return Ok(()) };
        let projects = if document.projects.is_empty() { &PROJECTS[..1] } else { &PROJECTS[..3] };
        for host in hosts() {
            for port in ASKED_PORTS.iter().filter(|port| fits(&host, **port)) {
                for project in projects {
                    let place = Place { host: &host, port: *port, repository: Some("team/app"), project: *project };
                    let (reference, kind) = reference(&place);
                    let request = Request { reference: &reference, kind, project: *project, dns_answers: &[] };
                    let Decision::Allow(Allow { by: Some(by), attempts, .. }) = loaded.policy.decide(&request) else { continue };
                    if attempts.iter().any(|attempt| attempt.verified) {
                        continue;
                    }
                    let insecure = Line::of(&by.entry);
                    for (scope, index, entry) in document.whitelisted(*project) {
                        let listed = Line::of(entry);
                        let less_safe = listed.covers(*port) || listed.port.is_some() && insecure.port.is_none();
                        if !(listed.has(&host) && listed.is_in(&insecure) && less_safe) {
                            continue;
                        }
                        let said = loaded.findings.iter().any(|finding| {
                            let path = finding.path.as_deref().unwrap_or_default();
                            let of_insecure = path == format!("{}/insecure/{}", scope_path(by.project.as_deref()), by.index);
                            // What a global entry does to a project's is said of that one, or of the one that covers it.
                            let whitelist = format!("{}/whitelist/", scope_path(scope));
                            let of_listed = scope.is_some() && by.project.is_none() && path.starts_with(&whitelist);
                            matches!(finding.code, Code::InsecureWeakens | Code::HttpsInsecure) && (of_insecure || of_listed)
                        });
                        prop_assert!(said, "{} is unverified by {:?}, inside whitelist[{}] {} of {:?}\n{:#?}\n{}", reference, by, index, entry, scope, loaded.findings, &text);
                    }
                }
            }
        }
    }

    #[test]
    fn the_same_meaning_compares_equal(document in document(), seed in any::<u64>()) {
        let text = text_of(&document);
        let mut shuffled = document.clone();
        let mut order = seed;
        for (_, lists) in &mut shuffled.projects {
            shuffle(&mut lists.insecure, &mut order);
        }
        shuffle(&mut shuffled.global.insecure, &mut order);
        shuffle(&mut shuffled.global.authorities, &mut order);
        if let Some(whitelist) = &mut shuffled.global.whitelist {
            shuffle(whitelist, &mut order);
            if let Some(first) = whitelist.first().cloned() {
                whitelist.push(first.to_uppercase().replace("/TEAM", "/team").replace("/APP", "/app"));
            }
        }
        let Ok(comparison) = compare(&text, &text_of(&shuffled), 1_800_000_000) else { return Ok(()) };
        prop_assert!(comparison.regions.is_empty() && comparison.modes.is_empty(), "{:#?}", comparison);
    }
}

impl Document {
    /// The whitelist entries that a request sees, each with its project and its index.
    fn whitelisted<'a>(&'a self, project: Option<&str>) -> Vec<(Option<&'a str>, usize, &'a str)> {
        let own = self.projects.iter().filter(|(name, _)| Some(name.as_str()) == project);
        let scopes = std::iter::once((None, &self.global)).chain(own.map(|(name, lists)| (Some(name.as_str()), lists)));
        let entries = scopes.flat_map(|(scope, lists)| {
            lists.whitelist.iter().flatten().enumerate().map(move |(index, entry)| (scope, index, entry.as_str()))
        });
        entries.collect()
    }
}

fn scope_path(project: Option<&str>) -> String {
    project.map(|name| format!("/projects/{name}")).unwrap_or_default()
}

/// How the answers to a request differ, DNS saying everything that it can in sets of at most `most` answers.
fn changes(before: &Policy, after: &Policy, place: &Place<'_>, most: usize) -> BTreeSet<ChangeKind> {
    let (reference, kind) = reference(place);
    let decide = |dns_answers: &[DnsAnswer]| {
        let request = Request { reference: &reference, kind, project: place.project, dns_answers };
        (before.decide(&request), after.decide(&request))
    };
    let mut changes = BTreeSet::new();
    let (old, new) = decide(&[]);
    let asks = [&old, &new].map(|decision| matches!(decision, Decision::Lookup(_)));
    match asks {
        [false, false] => {
            changes.extend(change(&old, &new));
            return changes;
        }
        [false, true] => {
            changes.insert(ChangeKind::NowByDns);
        }
        [true, false] => {
            changes.insert(ChangeKind::NoLongerByDns);
        }
        [true, true] => {}
    }
    let mut pinned = None;
    for dns_answers in worlds(place.host, most) {
        let (old, new) = decide(&dns_answers);
        changes.extend(change(&old, &new));
        if let (Decision::Allow(old), Decision::Allow(new)) = (&old, &new)
            && old.pinned != new.pinned
        {
            pinned.get_or_insert(if new.pinned.is_empty() { ChangeKind::NoLongerByDns } else { ChangeKind::NowByDns });
        }
    }
    if changes.is_empty() {
        changes.extend(pinned);
    }
    changes
}

fn hosts() -> Vec<Host> {
    let names = NAMES.iter().map(|name| Host::Name((*name).to_owned()));
    let addresses = ADDRESSES.iter().map(|text| Host::Address(text.parse().unwrap()));
    std::iter::once(Host::Hub).chain(names).chain(addresses).collect()
}

fn worlds(host: &Host, most: usize) -> Vec<Vec<DnsAnswer>> {
    let choices = if matches!(host, Host::Address(_)) { PEERS } else { ADDRESSES };
    let subject = match host {
        Host::Hub => HUB.to_owned(),
        Host::Name(name) => name.clone(),
        Host::Address(address) => address.to_string(),
    };
    let sets = (0_u32..1 << choices.len()).filter(|bits| bits.count_ones() as usize <= most);
    let sets = sets.map(|bits| {
        choices
            .iter()
            .enumerate()
            .filter(move |(place, _)| bits >> place & 1 == 1)
            .map(|(_, text)| (*text).to_owned())
            .collect::<Vec<_>>()
    });
    sets.map(|answers| match host {
        Host::Address(_) => {
            let confirmed = answers.iter().map(|name| DnsAnswer {
                kind: LookupKind::Forward,
                subject: name.clone(),
                answers: vec![subject.clone()],
            });
            let confirmed: Vec<DnsAnswer> = confirmed.collect();
            std::iter::once(DnsAnswer { kind: LookupKind::Reverse, subject: subject.clone(), answers })
                .chain(confirmed)
                .collect()
        }
        _ => vec![DnsAnswer { kind: LookupKind::Forward, subject: subject.clone(), answers }],
    })
    .collect()
}

fn entry(namespaces: bool) -> impl Strategy<Value = String> {
    (select(ENTRIES), select(PORTS), select(NAMESPACES)).prop_map(move |(host, port, namespace)| {
        if host.contains('/') {
            return host.to_owned();
        }
        let host = if host.contains(':') && !port.is_empty() { format!("[{host}]") } else { host.to_owned() };
        format!("{host}{port}{}", if namespaces { namespace } else { "" })
    })
}

fn lists(most: usize) -> impl Strategy<Value = Lists> {
    let authorities =
        prop::collection::vec((0_usize..2, prop::option::of(prop::collection::vec(entry(true), 0..3))), 0..2);
    let authorities = prop_oneof![2 => Just(Vec::new()), 1 => authorities];
    let whitelist = prop_oneof![1 => Just(None), 3 => prop::collection::vec(entry(true), 0..most).prop_map(Some)];
    let blocked = prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(entry(true), 0..3)];
    (whitelist, prop::collection::vec(entry(false), 0..most), blocked, authorities)
        .prop_map(|(whitelist, insecure, blocked, authorities)| Lists { whitelist, insecure, blocked, authorities })
}

fn document() -> impl Strategy<Value = Document> {
    let projects = prop_oneof![
        3 => Just(Vec::new()),
        1 => subsequence(vec!["p", "q"], 0..=2).prop_flat_map(|names| {
            names.into_iter().map(|name| (Just(name.to_owned()), lists(2))).collect::<Vec<_>>()
        }),
    ];
    let built_in = prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(entry(false), 0..3)];
    let unlisted = select(&[None, Some("deny"), Some("global")][..]);
    (lists(5), built_in, prop::bool::weighted(0.4), projects, unlisted).prop_map(
        |(global, built_in, resolves, projects, unlisted)| Document { global, built_in, resolves, projects, unlisted },
    )
}

/// A policy, and either another one or itself with a thing or two changed.
fn pair() -> impl Strategy<Value = (Document, Document)> {
    (document(), document(), prop::collection::vec(0_u8..11, 1..4)).prop_map(|(old, other, edits)| {
        let mut new = old.clone();
        for edit in edits {
            match edit {
                0 => new.global.whitelist.clone_from(&other.global.whitelist),
                1 => new.global.insecure.clone_from(&other.global.insecure),
                2 => new.built_in.clone_from(&other.built_in),
                3 => new.resolves = other.resolves,
                4 => new.projects.clone_from(&other.projects),
                5 => new.global.authorities.clone_from(&other.global.authorities),
                6 => {
                    new.global.insecure.pop();
                }
                7 => new.unlisted = other.unlisted,
                9 => new.global.blocked.clone_from(&other.global.blocked),
                8 => {
                    if let (Some(whitelist), Some(more)) = (&mut new.global.whitelist, &other.global.whitelist) {
                        whitelist.extend(more.first().cloned());
                    }
                }
                _ => {
                    if let Some(whitelist) = &mut new.global.whitelist {
                        whitelist.pop();
                    }
                }
            }
        }
        (old, new)
    })
}

static CERTIFICATES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let example = fs::read_to_string(folder.join("../../docs/examples/worked-example-1.json")).unwrap();
    let example: Value = serde_json::from_str(&example).unwrap();
    let first = example["certificate_authorities"][0]["pem"].as_str().unwrap().to_owned();
    vec![first, SECOND.to_owned()]
});

const SECOND: &str = "\
-----BEGIN CERTIFICATE-----\n\
MIIBjzCCATWgAwIBAgIUFbLC8XK43Wv+ty4h3jX76o8pYVkwCgYIKoZIzj0EAwIw\n\
FTETMBEGA1UEAwwKQW5vdGhlciBDQTAeFw0yNjExMjExNjA2MzNaFw00NjAxMjAx\n\
NjA2MzNaMBUxEzARBgNVBAMMCkFub3RoZXIgQ0EwWTATBgcqhkjOPQIBBggqhkjO\n\
PQMBBwNCAATqO4LFTBfAduZTeHzASDTm7QXvguT3t/UTfY3WRFaIkACBFfOFAprC\n\
JIV4garwjfQpiKaPCHu5aDiAir5sJqjQo2MwYTAdBgNVHQ4EFgQUnYLCTKSZAnkM\n\
Ut7Icpjb/aHox9YwHwYDVR0jBBgwFoAUnYLCTKSZAnkMUt7Icpjb/aHox9YwDgYD\n\
VR0PAQH/BAQDAgIEMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIh\n\
AKw0NDWtwpcfcOA645EAtf9Qmrw5BTPKfyyHyK2F0fNXAiAgumCNBB3c/3JE31BL\n\
ptETncz9bWOaTCV/pJj+9ZTt6w==\n\
-----END CERTIFICATE-----\n\n";

fn members(lists: &Lists) -> Map<String, Value> {
    let mut members = Map::new();
    if let Some(whitelist) = &lists.whitelist {
        members.insert("whitelist".to_owned(), json!(whitelist));
    }
    members.insert("insecure".to_owned(), json!(lists.insecure));
    members.insert("blocked".to_owned(), json!(lists.blocked));
    let authorities = lists.authorities.iter().map(|(which, registries)| match registries {
        Some(registries) => json!({ "pem": CERTIFICATES[*which], "registries": registries }),
        None => json!({ "pem": CERTIFICATES[*which] }),
    });
    members.insert("certificate_authorities".to_owned(), authorities.collect());
    members
}

fn text_of(document: &Document) -> String {
    let mut text = members(&document.global);
    text.insert("built_in".to_owned(), json!(document.built_in));
    text.insert("match_resolved_addresses".to_owned(), json!(document.resolves));
    if !document.projects.is_empty() {
        let projects = document.projects.iter().map(|(name, lists)| (name.clone(), Value::from(members(lists))));
        text.insert("projects".to_owned(), Value::from(projects.collect::<Map<_, _>>()));
    }
    if let Some(unlisted) = document.unlisted {
        text.insert("unlisted_projects".to_owned(), unlisted.into());
    }
    Value::from(text).to_string()
}

fn shuffle<T>(elements: &mut [T], seed: &mut u64) {
    for place in (1..elements.len()).rev() {
        *seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        elements.swap(place, (*seed >> 33) as usize % (place + 1));
    }
}
