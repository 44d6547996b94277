//! Policies and requests of the model as those of the rules, and decisions of the rules held against the model's.

use std::net::IpAddr;

use pullgate::{
    Decision, DenialReason, DnsAnswer, DnsQuery, EntryList, LookupKind, Policy, ReferenceKind, Request, Scheme,
};
use serde_json::{Map, Value, json};

use crate::reference_model::{Asked, HUB, Host, Lists, Outcome, World};

/// Returns how a decision differs from what the slow rules say; `None` if it does not.
pub fn difference(decision: &Decision<'_>, outcome: &Outcome, asked: &Asked) -> Option<String> {
    match (decision, outcome) {
        (Decision::Deny(denied), Outcome::UnknownProject) if denied.reason == DenialReason::UnknownProject => None,
        (Decision::Deny(denied), Outcome::NotWhitelisted) if denied.reason == DenialReason::NotWhitelisted => None,
        (Decision::Deny(denied), Outcome::Blocked(entries)) if denied.reason == DenialReason::Blocked => {
            let by = denied.by.as_ref().map(|by| (by.list, &*by.entry));
            let is_said = entries.iter().any(|text| by == Some((EntryList::Blocked, canonical(text).as_str())));
            (!is_said).then(|| "another entry blocked".to_owned())
        }
        (Decision::Allow(allowed), Outcome::Allowed { attempts, pinned, by }) => {
            let got: Vec<_> =
                allowed.attempts.iter().map(|try_| (try_.scheme == Scheme::Https, try_.port, try_.verified)).collect();
            if got != *attempts {
                return Some("other attempts".to_owned());
            }
            let host = (asked.host == Host::Hub).then_some(HUB);
            if allowed.attempts.iter().any(|attempt| attempt.host.as_deref() != host) {
                return Some("another host".to_owned());
            }
            let mut got: Vec<IpAddr> = allowed.pinned.iter().map(|text| text.parse().unwrap()).collect();
            got.sort();
            if got != *pinned {
                return Some("other addresses".to_owned());
            }
            match (by, &allowed.by) {
                (None, _) => None,
                (Some(by), None) => (!by.is_empty()).then(|| "no entry that decided".to_owned()),
                (Some(by), Some(matched)) => {
                    let same =
                        |(list, text): &(EntryList, String)| *list == matched.list && canonical(text) == matched.entry;
                    (!by.iter().any(same)).then(|| "another entry decided".to_owned())
                }
            }
        }
        _ => Some("another decision".to_owned()),
    }
}

/// Returns an entry as the policy shows it: Docker Hub's names are written in more than one way.
fn canonical(text: &str) -> String {
    pullgate::check_entry(text, EntryList::Whitelist).entry.expect("the model has good entries only")
}

/// Loads the policy with these lists; `None` if a built-in registry is insecure, which is the only error that good
/// entries can make together.
pub fn load(lists: &Lists) -> Option<Policy> {
    let text = document(lists);
    match Policy::load(&text, 0) {
        Ok(loaded) => Some(loaded.policy),
        Err(findings) => {
            let first = findings.iter().find(|finding| finding.severity == pullgate::Severity::Error).unwrap();
            assert_eq!(first.code.as_str(), "built-in-insecure", "{text}: {first:?}");
            None
        }
    }
}

/// Returns the document with these lists.
pub fn document(lists: &Lists) -> String {
    let mut document = Map::new();
    fill(&mut document, lists, None);
    let built_in: Vec<Value> = elements(lists, EntryList::BuiltIn, None);
    document.insert("built_in".to_owned(), built_in.into());
    document.insert("match_resolved_addresses".to_owned(), lists.match_resolved_addresses.into());
    if !lists.projects.is_empty() {
        let mut projects = Map::new();
        for project in &lists.projects {
            let mut members = Map::new();
            fill(&mut members, lists, Some(project));
            projects.insert(project.clone(), members.into());
        }
        document.insert("projects".to_owned(), projects.into());
        let unlisted = if lists.unlisted_are_global { "global" } else { "deny" };
        document.insert("unlisted_projects".to_owned(), unlisted.into());
    }
    Value::from(document).to_string()
}

fn fill(members: &mut Map<String, Value>, lists: &Lists, project: Option<&String>) {
    if lists.whitelists.iter().any(|scope| scope.as_ref() == project) {
        members.insert("whitelist".to_owned(), elements(lists, EntryList::Whitelist, project).into());
    }
    members.insert("insecure".to_owned(), elements(lists, EntryList::Insecure, project).into());
    members.insert("blocked".to_owned(), elements(lists, EntryList::Blocked, project).into());
}

fn elements(lists: &Lists, list: EntryList, project: Option<&String>) -> Vec<Value> {
    let of_list = lists.entries.iter().filter(|entry| entry.list == list && entry.project.as_ref() == project);
    of_list.map(|entry| json!({ "entry": entry.text, "enabled": entry.enabled })).collect()
}

/// Returns the request as text: an image reference, or the registry for a login.
pub fn reference(asked: &Asked) -> String {
    let host = match &asked.host {
        Host::Hub => "docker.io".to_owned(),
        Host::Name(name) => name.clone(),
        Host::Address(IpAddr::V6(address)) => format!("[{address}]"),
        Host::Address(address) => address.to_string(),
    };
    let port = asked.port.map(|port| format!(":{port}")).unwrap_or_default();
    let repository = asked.repository.as_ref().map(|repository| format!("/{repository}")).unwrap_or_default();
    format!("{host}{port}{repository}")
}

/// Returns the request with its text and DNS answers.
pub fn request<'a>(text: &'a str, asked: &'a Asked, dns_answers: &'a [DnsAnswer]) -> Request<'a> {
    let kind = if asked.repository.is_some() { ReferenceKind::Image } else { ReferenceKind::Registry };
    Request { reference: text, kind, project: asked.project.as_deref(), dns_answers }
}

/// Returns whether a query has its answer.
pub fn known(dns_answers: &[DnsAnswer], question: &DnsQuery) -> bool {
    dns_answers.iter().any(|dns_answer| dns_answer.kind == question.kind && dns_answer.subject == question.subject)
}

/// Returns the answer of DNS to a query.
pub fn world_answer(world: &World, question: DnsQuery) -> DnsAnswer {
    let answers = match question.kind {
        LookupKind::Forward => {
            world.addresses.get(&question.subject).into_iter().flatten().map(IpAddr::to_string).collect()
        }
        LookupKind::Reverse => {
            let address: IpAddr = question.subject.parse().expect("a question is in canonical form");
            world.names.get(&address).cloned().unwrap_or_default()
        }
    };
    DnsAnswer { kind: question.kind, subject: question.subject, answers }
}
