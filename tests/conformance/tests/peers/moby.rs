//! Insecure registries and names of registries, from the tests of dockerd.

use pullgate::{EntryList, ReferenceKind, Request, check_entry};
use serde_json::{Value, json};

use super::super::{Verdict, compare, decide, dns_answers, policy, string, strings};

/// What became of a case.
pub fn verdict(case: &Value) -> Verdict {
    match string(case, "kind") {
        "insecure" => compare(Some(string(case, "expect") == "insecure"), insecure(case)),
        "index-info" => compare(case["expect"]["secure"].as_bool().map(|secure| !secure), insecure(case)),
        "insecure-config" => insecure_config(case),
        "index-name" => index_name(case),
        _ => Verdict::AboutSomethingElse,
    }
}

/// Whether a registry is reached unverified, its addresses being looked up; what dockerd takes for insecure by itself
/// is given as entries.
fn insecure(case: &Value) -> Option<bool> {
    let config = &case["config"];
    let entries: Vec<String> =
        strings(config, "implicit").into_iter().chain(strings(config, "insecure-registries")).collect();
    let policy = policy(&json!({ "insecure": entries, "match_resolved_addresses": true }))?;
    let decided = decide(&policy, string(case, "query"), ReferenceKind::Registry, None, &dns_answers(case));
    decided.allowed.then(|| decided.is_insecure())
}

fn insecure_config(case: &Value) -> Verdict {
    let entries = strings(&case["config"], "insecure-registries");
    let ours = entries.first().and_then(|entry| check_entry(entry, EntryList::Insecure).entry);
    compare(case["expect"]["index"].as_str().map(str::to_owned), ours)
}

fn index_name(case: &Value) -> Verdict {
    let policy = policy(&json!({})).expect("an empty policy loads");
    let request = Request { reference: string(case, "query"), kind: ReferenceKind::Registry, ..Request::default() };
    let ours = policy.answer(&request).registry.map(|registry| registry.into_owned());
    compare(case["expect"]["normalized"].as_str().map(str::to_owned), ours)
}
