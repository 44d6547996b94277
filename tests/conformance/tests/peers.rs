//! What other projects test themselves with, as far as it is about the same things.
//!
//! The tables are not part of this project. The environment variable `PULLGATE_PEER_VECTORS` names the folder that has
//! them; without it there is nothing to read, so the test is one that is ignored unless it is asked for. Where a case is
//! answered otherwise here, `peers/exceptions.json` gives the rule that it follows from. A case that stands there and agrees
//! all the same fails.

mod peers {
    pub mod distribution;
    pub mod moby;
    pub mod vic;
}

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use pullgate::{Decision, DnsAnswer, DnsQuery, LookupKind, Policy, ReferenceKind, Request, Scheme};
use serde::Deserialize;
use serde_json::Value;

/// What of the tables is not followed, and why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exceptions {
    /// Kinds of case that are about something else, by file and kind.
    kinds: BTreeMap<String, String>,
    /// Cases that are answered otherwise here.
    cases: BTreeMap<String, Exception>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    /// The rule that the difference follows from.
    rule: String,
    /// How it follows.
    reason: String,
}

/// What became of a case.
pub enum Verdict {
    /// It is answered as the table says.
    Agrees,
    /// It is answered otherwise: what the table says, and what is said here.
    Differs(String),
    /// It is of a kind that is about something else.
    AboutSomethingElse,
}

#[test]
#[ignore = "it reads other projects' tables, in the folder that PULLGATE_PEER_VECTORS names: see CONTRIBUTING.md"]
fn peers_are_followed() {
    let folder = std::env::var_os("PULLGATE_PEER_VECTORS").map(PathBuf::from);
    let folder = folder.expect("PULLGATE_PEER_VECTORS names the folder with other projects' tables");
    let exceptions = exceptions();
    let mut failures = Vec::new();
    let mut met = BTreeSet::new();
    let mut agreeing = 0_usize;
    let mut run = |file: &str, verdict: fn(&Value) -> Verdict| {
        for (id, case) in cases(&folder, file) {
            let listed = exceptions.cases.get(&id);
            let kind = format!("{file}/{}", string(&case, "kind"));
            met.extend([id.clone(), kind.clone()]);
            match (verdict(&case), listed) {
                (Verdict::Agrees, None) => agreeing += 1,
                (Verdict::Differs(_), Some(_)) => {}
                (Verdict::AboutSomethingElse, None) if exceptions.kinds.contains_key(&kind) => {}
                (Verdict::Agrees, Some(_)) => failures.push(format!("{id}: is an exception, and agrees")),
                (Verdict::Differs(how), None) => failures.push(format!("{id}: {how}")),
                (Verdict::AboutSomethingElse, _) => failures.push(format!("{id}: of a kind that no exception names")),
            }
        }
    };
    run("distribution-reference", peers::distribution::verdict);
    run("vic", peers::vic::verdict);
    run("moby", peers::moby::verdict);
    let gone = exceptions.cases.keys().chain(exceptions.kinds.keys()).filter(|id| !met.contains(*id));
    failures.extend(gone.map(|id| format!("{id}: is an exception, and no table has it")));
    assert!(failures.is_empty(), "{} differences without an exception:\n{}", failures.len(), failures.join("\n"));
    // Not `println!`, which is shown for failing tests only.
    let said = writeln!(io::stderr(), "{agreeing} cases agree, {} differ for a reason", exceptions.cases.len());
    said.expect("standard error can be written");
}

#[test]
#[ignore = "it reads other projects' tables, in the folder that PULLGATE_PEER_VECTORS names: see CONTRIBUTING.md"]
fn imported_settings_decide_as_dockerd_does() {
    let folder = std::env::var_os("PULLGATE_PEER_VECTORS").map(PathBuf::from);
    let folder = folder.expect("PULLGATE_PEER_VECTORS names the folder with other projects' tables");
    let cases = cases(&folder, "moby");
    let differences: Vec<_> = cases.iter().filter_map(|(_, case)| peers::moby::imported_difference(case)).collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn every_exception_has_its_rule_and_reason() {
    let Exceptions { kinds, cases } = exceptions();
    for (id, Exception { rule, reason }) in cases {
        assert!(pullgate_tests::vectors::RULES.contains(&rule.as_str()), "{id}: `{rule}` is no rule");
        assert!(!reason.is_empty(), "{id} has no reason");
    }
    assert!(kinds.values().all(|reason| !reason.is_empty()));
}

fn exceptions() -> Exceptions {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../peers/exceptions.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).expect("the exceptions can be read")
}

/// The cases of a table. A case is known by its file, its kind and what it is about; the second of the same by a number.
fn cases(folder: &Path, file: &str) -> Vec<(String, Value)> {
    let path = folder.join(file).with_extension("json");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    let named = cases.into_iter().map(|case| {
        let id = format!("{file}/{} {}", string(&case, "kind"), about(&case));
        let times = count.entry(id.clone()).or_default();
        *times += 1;
        (if *times == 1 { id } else { format!("{id} #{times}") }, case)
    });
    named.collect()
}

/// What a case is about, in a few words.
fn about(case: &Value) -> String {
    const MEMBERS: &[&str] = &[
        "fn",
        "input",
        "first",
        "second",
        "set",
        "query",
        "config",
        "image",
        "reference",
        "whitelist",
        "insecure",
        "server",
        "target",
        "registry_ca",
        "image_host",
        "image_namespace",
        "orig",
        "other",
        "case",
        "tenants",
        "registries",
        "insecure_rows",
    ];
    let shown = MEMBERS.iter().filter_map(|member| {
        let value = case.get(member).filter(|value| !value.is_null())?;
        let mut text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if let Some((end, _)) = text.char_indices().nth(120) {
            text.truncate(end);
        }
        Some(text)
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// A text of a case; empty where there is none.
pub fn string<'a>(case: &'a Value, member: &str) -> &'a str {
    case[member].as_str().unwrap_or_default()
}

/// A list of texts of a case; empty where there is none. `<https-harbor-ip>` and the like stand for an address.
pub fn strings(case: &Value, member: &str) -> Vec<String> {
    case[member].as_array().into_iter().flatten().filter_map(Value::as_str).map(placed).collect()
}

/// A text with an address in place of what stands for one.
pub fn placed(text: &str) -> String {
    text.replace("<https-harbor-ip>", "10.1.2.3").replace("<http-harbor-ip>", "10.1.2.4")
}

/// Agreement, or what differs.
pub fn compare<T: PartialEq + std::fmt::Debug>(theirs: T, ours: T) -> Verdict {
    if theirs == ours { Verdict::Agrees } else { Verdict::Differs(format!("there {theirs:?}, here {ours:?}")) }
}

/// Loads a document; none where it has errors.
pub fn policy(document: &Value) -> Option<Policy> {
    Policy::load(&document.to_string(), 0).ok().map(|loaded| loaded.policy)
}

/// What became of a request.
pub struct Decided {
    /// Whether it is allowed.
    pub allowed: bool,
    /// The text of a denial.
    pub text: String,
    /// What may be tried: whether over plain HTTP, and whether verified.
    pub attempts: Vec<(bool, bool)>,
}

impl Decided {
    /// Whether the certificate need not be verified.
    pub fn is_insecure(&self) -> bool {
        self.attempts.iter().any(|(_, verified)| !verified)
    }

    /// Whether plain HTTP may be tried.
    pub fn is_plain(&self) -> bool {
        self.attempts.iter().any(|(plain, _)| *plain)
    }
}

/// Decides, DNS being what `dns_answers` say and nothing else.
pub fn decide(
    policy: &Policy,
    reference: &str,
    kind: ReferenceKind,
    project: Option<&str>,
    dns_answers: &[DnsAnswer],
) -> Decided {
    let mut dns_answers = dns_answers.to_vec();
    loop {
        let questions = match policy.decide(&Request { reference, kind, project, dns_answers: &dns_answers }) {
            Decision::Lookup(questions) => questions,
            Decision::Deny(denied) => return Decided { allowed: false, text: denied.text, attempts: Vec::new() },
            Decision::Allow(allowed) => {
                let attempts =
                    allowed.attempts.iter().map(|attempt| (attempt.scheme == Scheme::Http, attempt.verified));
                return Decided { allowed: true, text: String::new(), attempts: attempts.collect() };
            }
        };
        dns_answers.extend(questions.into_iter().map(|DnsQuery { kind, subject }| DnsAnswer {
            kind,
            subject,
            answers: Vec::new(),
        }));
    }
}

/// Decides without DNS: whether it is allowed.
pub fn allowed(policy: &Policy, reference: &str, kind: ReferenceKind) -> bool {
    decide(policy, reference, kind, None, &[]).allowed
}

/// The dns_answers of a table of addresses.
pub fn dns_answers(case: &Value) -> Vec<DnsAnswer> {
    let names = case["dns"].as_object().into_iter().flatten();
    names
        .map(|(name, addresses)| DnsAnswer {
            kind: LookupKind::Forward,
            subject: name.clone(),
            answers: addresses.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
        })
        .collect()
}
