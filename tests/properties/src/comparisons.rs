//! Comparison and narrowing (rules A1 and A2), held against the decisions of both policies.

use std::collections::BTreeSet;
use std::fs;
use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use pullgate::{
    ChangeKind, Comparison, ComparisonVerdict, Decision, DnsQuery, EntryList, NarrowError, Policy, Request, narrow,
};
use pullgate_tests::changes::{change, fits, reference, shows};
use pullgate_tests::reference_model::{Asked, Entry, Lists, World};
use pullgate_tests::regions::{Place, contains};
use pullgate_tests::universe::{self, world_answer};
use pullgate_tests::vectors::{self, AT};
use serde_json::{Value, json};

use crate::generate;

/// The number of requests that each pair of policies is asked.
const REQUESTS: usize = 8;

/// More queries than a request can need.
const MAX_QUERIES: usize = 16;

/// Every request that two policies decide differently is in a region of the comparison, every witness shows its region, and a
/// narrowed policy allows nothing more than either of its parts.
pub fn compare(data: &[u8]) {
    let _ = check(&mut Unstructured::new(data));
}

fn check(bytes: &mut Unstructured<'_>) -> Result<()> {
    let old = generate::lists(bytes)?;
    let new = changed(bytes, &old)?;
    let (old_text, new_text) = (document(bytes, &old)?, document(bytes, &new)?);
    let (Ok(before), Ok(after)) = (Policy::load(&old_text, AT), Policy::load(&new_text, AT)) else { return Ok(()) };
    let (before, after) = (before.policy, after.policy);
    let comparison = pullgate::compare(&old_text, &new_text, AT).expect("both load");
    let is_wider = comparison.verdict == ComparisonVerdict::Wider;
    for region in &comparison.regions {
        assert!(shows(&before, &after, region), "the witness shows nothing: {region:#?}\n{old_text}\n{new_text}");
    }
    let same = pullgate::compare(&new_text, &new_text, AT).expect("it loads");
    assert_eq!(same.verdict, ComparisonVerdict::Same, "a policy differs from itself: {new_text}");
    let narrowed = match narrow(&old_text, &new_text, AT) {
        Ok(narrowed) => Some(Policy::load(&narrowed, AT).expect("a narrowed policy loads").policy),
        Err(NarrowError::Uncovered(_)) => None,
        Err(error) => panic!("both load: {error:?}"),
    };
    let mut projects: Vec<String> = old.projects.iter().chain(&new.projects).cloned().collect();
    projects.sort();
    projects.dedup();
    for _ in 0..REQUESTS {
        let asked = generate::asked(bytes)?;
        let world = generate::world(bytes, &asked.host)?;
        if !fits(&asked.host, asked.port) {
            continue;
        }
        let changes = Changes::new(&before, &after, &asked, &world);
        let context = || format!("{asked:?} {world:?}\n{old_text}\n{new_text}\n{:#?}", comparison.regions);
        changes.check(&comparison, &asked, &projects, &context);
        let less_safe = |change: &ChangeKind| {
            matches!(change, ChangeKind::NewlyAllowed | ChangeKind::NowUnverified | ChangeKind::NowPlainHttp)
        };
        assert!(is_wider || !changes.found.iter().any(less_safe), "not wider, and {changes:?}: {}", context());
        if let Some(narrowed) = &narrowed {
            let allows = |policy: &Policy| matches!(decided(policy, &asked, &world), Decision::Allow(_));
            assert!(!allows(narrowed) || allows(&before), "the narrowed policy allows more: {}", context());
        }
    }
    Ok(())
}

/// The differences between two decisions on a request.
#[derive(Debug)]
struct Changes {
    /// The differences without the answers of DNS, and with them.
    found: Vec<ChangeKind>,
    /// True if other answers of DNS may show more.
    by_dns: bool,
}

impl Changes {
    fn new(before: &Policy, after: &Policy, asked: &Asked, world: &World) -> Self {
        let (text, kind) = reference(&place(asked));
        let request = Request { reference: &text, kind, project: asked.project.as_deref(), dns_answers: &[] };
        let (old, new) = (before.decide(&request), after.decide(&request));
        let asks = |decision: &Decision<'_>| matches!(decision, Decision::Lookup(_));
        let mut found = Vec::new();
        match (asks(&old), asks(&new)) {
            (false, false) => {
                found.extend(change(&old, &new));
                return Self { found, by_dns: false };
            }
            (false, true) => found.push(ChangeKind::NowByDns),
            (true, false) => found.push(ChangeKind::NoLongerByDns),
            (true, true) => {}
        }
        // Each policy with the answers that it asks for; the other one is given them, too.
        let mut dns_answers = Vec::new();
        let (old, new) = loop {
            let request = Request { dns_answers: &dns_answers, ..request };
            let decisions = (before.decide(&request), after.decide(&request));
            let queries: Vec<DnsQuery> = match &decisions {
                (Decision::Lookup(queries), _) | (_, Decision::Lookup(queries)) => queries.clone(),
                _ => break decisions,
            };
            assert!(dns_answers.len() < MAX_QUERIES, "{text} asks without end: {dns_answers:?}");
            dns_answers.extend(queries.into_iter().map(|query| world_answer(world, query)));
        };
        found.extend(change(&old, &new));
        Self { found, by_dns: true }
    }

    /// Requires that every change is in a region; and where nothing depends on DNS, that there is a region for nothing else.
    fn check(&self, comparison: &Comparison, asked: &Asked, projects: &[String], context: &dyn Fn() -> String) {
        if !comparison.exhaustive || !comparison.omitted.is_empty() {
            return;
        }
        let regions = comparison.regions.iter().filter(|region| contains(region, &place(asked), projects));
        let said: BTreeSet<ChangeKind> = regions.map(|region| region.change).collect();
        for change in &self.found {
            assert!(said.contains(change), "{change:?} is in no region: {}", context());
        }
        if !self.by_dns {
            assert!(said.iter().all(|change| self.found.contains(change)), "{said:?} without {self:?}: {}", context());
        }
    }
}

fn place(asked: &Asked) -> Place<'_> {
    Place {
        host: &asked.host,
        port: asked.port,
        repository: asked.repository.as_deref(),
        project: asked.project.as_deref(),
    }
}

/// Decides a request with every answer of DNS that is asked for.
fn decided<'p>(policy: &'p Policy, asked: &Asked, world: &World) -> Decision<'p> {
    let (text, kind) = reference(&place(asked));
    let mut dns_answers = Vec::new();
    loop {
        let request = Request { reference: &text, kind, project: asked.project.as_deref(), dns_answers: &dns_answers };
        match policy.decide(&request) {
            Decision::Lookup(queries) => {
                assert!(dns_answers.len() < MAX_QUERIES, "{text} asks without end: {dns_answers:?}");
                dns_answers.extend(queries.into_iter().map(|query| world_answer(world, query)));
            }
            decision => return decision,
        }
    }
}

/// Draws a policy that differs from another one in a few things.
fn changed(bytes: &mut Unstructured<'_>, old: &Lists) -> Result<Lists> {
    let mut new = old.clone();
    let other = generate::lists(bytes)?;
    for _ in 0..bytes.int_in_range(0..=3)? {
        match bytes.int_in_range(0..=6)? {
            0 => {
                new.entries.pop();
            }
            1 => {
                let of_other = |entry: &&Entry| {
                    let is_project = entry.project.as_ref().is_none_or(|name| new.projects.contains(name));
                    is_project && (entry.list != EntryList::Whitelist || new.whitelists.contains(&entry.project))
                };
                let more: Vec<Entry> = other.entries.iter().filter(of_other).take(2).cloned().collect();
                new.entries.extend(more);
            }
            2 => new.match_resolved_addresses = other.match_resolved_addresses,
            3 => new.unlisted_are_global = other.unlisted_are_global,
            4 => {
                new.whitelists = vec![None];
                let kept = |entry: &Entry| entry.list != EntryList::Whitelist || entry.project.is_none();
                new.entries.retain(kept);
            }
            5 => {
                if let Some(entry) = new.entries.first_mut() {
                    entry.enabled = !entry.enabled;
                }
            }
            _ => return Ok(other),
        }
    }
    Ok(new)
}

/// Returns the document of the lists, with certificate authorities that are drawn.
fn document(bytes: &mut Unstructured<'_>, lists: &Lists) -> Result<String> {
    let text = universe::document(lists);
    let mut authorities = Vec::new();
    for _ in 0..bytes.int_in_range(0..=3)?.min(2) {
        let pem = bytes.choose(&CERTIFICATES)?;
        authorities.push(match bytes.arbitrary()? {
            true => json!({ "pem": pem }),
            false => json!({ "pem": pem, "registries": [generate::entry(bytes, EntryList::Whitelist)?] }),
        });
    }
    if authorities.is_empty() {
        return Ok(text);
    }
    let mut document: Value = serde_json::from_str(&text).expect("the document is JSON");
    document["certificate_authorities"] = authorities.into();
    Ok(document.to_string())
}

static CERTIFICATES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let read = |name| fs::read_to_string(vectors::certificates().join(name)).expect("the certificate is there");
    ["ca.pem", "other-ca.pem"].map(read).to_vec()
});
