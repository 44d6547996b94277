//! Insecure registries and names of registries, from the tests of dockerd.

use pullgate::{EntryList, ReferenceKind, Request, check_entry};
use pullgate_runtimes::{SourceFile, Target};
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

/// A registry that is decided otherwise by the imported `daemon.json` than by dockerd.
pub fn imported_difference(case: &Value) -> Option<String> {
    let config = &case["config"];
    let expected = match string(case, "kind") {
        "insecure" => string(case, "expect") == "insecure",
        "index-info" => !case["expect"]["secure"].as_bool()?,
        "insecure-config" => return imported_config_difference(case),
        _ => return None,
    };
    let entries: Vec<String> =
        strings(config, "implicit").into_iter().chain(strings(config, "insecure-registries")).collect();
    let text = json!({ "insecure-registries": entries }).to_string();
    let import = Target::Docker.import(&[SourceFile { path: "daemon.json".to_owned(), text }]);
    let mut document = import.to_policy();
    document["match_resolved_addresses"] = json!(true);
    let policy = policy(&document).unwrap_or_else(|| panic!("{document} does not load"));
    let query = string(case, "query");
    let decided = decide(&policy, query, ReferenceKind::Registry, None, &dns_answers(case));
    (decided.is_insecure() != expected).then(|| {
        format!("`{query}` by {document}: dockerd has it as insecure: {expected}; here: {}", decided.is_insecure())
    })
}

/// An entry that dockerd starts with and the import does not have, or the reverse.
fn imported_config_difference(case: &Value) -> Option<String> {
    let text = json!({ "insecure-registries": case["config"]["insecure-registries"] }).to_string();
    let import = Target::Docker.import(&[SourceFile { path: "daemon.json".to_owned(), text: text.clone() }]);
    let starts = case["expect"]["ok"].as_bool()?;
    // Port 80 would be for references without a port, too, which dockerd verifies: that is told.
    let is_known = !import.insecure.is_empty() || import.findings.iter().any(|finding| finding.code == "port-80");
    let is_entry = is_known && import.findings.iter().all(|finding| finding.code != "entry-invalid");
    (is_entry != starts).then(|| format!("dockerd starts with {text}: {starts}; here it is an entry: {is_entry}"))
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
