//! Entries, matching and decisions, from the tests of vSphere Integrated Containers and of Admiral.

use pullgate::{Decision, EntryList, Policy, ReferenceKind, Request, check_entry};
use serde_json::{Value, json};

use super::super::{Decided, Verdict, allowed, compare, decide, placed, policy, string, strings};
use super::distribution::read;

/// What became of a case.
pub fn verdict(case: &Value) -> Verdict {
    match string(case, "kind") {
        "parse" => parse(case),
        "contains" => compare(case["expect"].as_bool(), Some(contains(string(case, "first"), string(case, "second")))),
        "equal" => compare(
            case["expect"].as_bool(),
            Some(canonical(string(case, "first")) == canonical(string(case, "second"))),
        ),
        "match" => compare(case["expect"].as_bool(), Some(matches(&strings(case, "set"), string(case, "query")))),
        "pull" => pull(case),
        "login" => compare(
            case["allowed"].as_bool(),
            Some(allowed(&of(case), &placed(string(case, "server")), ReferenceKind::Registry)),
        ),
        "tls" => tls(case),
        "learn_registry_url" => {
            let insecure = if case["insecure"] == json!(true) { json!(["harbor.corp"]) } else { json!([]) };
            let policy = policy(&json!({ "insecure": insecure })).expect("a good entry loads");
            compare(case["expect_ok"].as_bool(), Some(login(&policy, "harbor.corp").is_plain()))
        }
        "deploy" if case.get("whitelist").is_some() => deploy(case),
        "reference_to_registry" => reference_to_registry(case),
        "whitelist_merge_entry" => merge(case, &[string(case, "orig").to_owned()], &[string(case, "other").to_owned()]),
        "whitelist_merge" => merge(case, &strings(case, "orig"), &strings(case, "other")),
        "admiral_image_parse" => admiral_image_parse(case),
        "admiral_filter_by_path" => admiral_filter_by_path(case),
        "admiral_find_by_host" => admiral_find_by_host(case),
        _ => Verdict::AboutSomethingElse,
    }
}

fn parse(case: &Value) -> Verdict {
    let ours = canonical(string(case, "input"));
    let theirs = case["ok"].as_bool().unwrap_or_default().then(|| string(case, "normalized").to_owned());
    compare(theirs, ours)
}

/// The canonical form of an entry, in the list where `http://` may stand.
fn canonical(text: &str) -> Option<String> {
    check_entry(text, EntryList::Insecure).entry
}

/// Whether the check of a list says that its first entry covers its second.
fn contains(first: &str, second: &str) -> bool {
    let document = json!({ "insecure": [first, second] }).to_string();
    let findings = pullgate::check_policy(&document, 0).findings;
    findings.iter().any(|finding| {
        matches!(finding.code.as_str(), "entry-covered" | "entry-duplicate")
            && finding.path.as_deref() == Some("/insecure/1")
    })
}

/// Whether a whitelist covers what is asked: an image where there is a path, a registry where there is none or a scheme.
/// An entry over plain HTTP must stand among the insecure ones too (rule E10).
fn matches(set: &[String], query: &str) -> bool {
    let plain: Vec<&String> = set.iter().filter(|entry| entry.starts_with("http://")).collect();
    let Some(policy) = policy(&json!({ "whitelist": set, "insecure": plain })) else { return false };
    let image = query.contains('/') && !query.contains("://");
    allowed(&policy, query, if image { ReferenceKind::Image } else { ReferenceKind::Registry })
}

fn of(case: &Value) -> Policy {
    let document = json!({ "whitelist": strings(case, "whitelist"), "insecure": strings(case, "insecure") });
    policy(&document).expect("the lists of the table load")
}

fn pull(case: &Value) -> Verdict {
    let policy = of(case);
    let image = placed(string(case, "image"));
    let decision = decide(&policy, &image, ReferenceKind::Image, None, &[]);
    match case["message_contains"].as_str() {
        Some(message) if !decision.text.contains(message) => {
            Verdict::Differs(format!("the text is `{}`", decision.text))
        }
        _ => compare(case["allowed"].as_bool(), Some(decision.allowed)),
    }
}

/// Whether a client that does what the attempts say gets through to a server of this kind.
fn tls(case: &Value) -> Verdict {
    let policy = policy(&json!({ "insecure": strings(case, "insecure") })).expect("the lists of the table load");
    let decided = login(&policy, &placed(string(case, "target")));
    let through = match string(case, "server") {
        "http only" => decided.is_plain(),
        "https self-signed" => case["registry_ca"] == json!(true) || decided.is_insecure(),
        _ => decided.is_insecure(),
    };
    let theirs: Vec<bool> = ["login_ok", "pull_ok"].iter().filter_map(|member| case[*member].as_bool()).collect();
    compare(theirs.clone(), vec![through; theirs.len()])
}

fn login(policy: &Policy, registry: &str) -> Decided {
    decide(policy, registry, ReferenceKind::Registry, None, &[])
}

/// What is insecure is whitelisted as well, and reached as such.
fn deploy(case: &Value) -> Verdict {
    let policy = of(case);
    let host = |entry: &String| entry.trim_start_matches("https://").split('/').next().unwrap_or_default().to_owned();
    let whitelisted =
        strings(case, "expect_whitelist").iter().all(|entry| allowed(&policy, &host(entry), ReferenceKind::Registry));
    let insecure = strings(case, "expect_insecure").iter().all(|entry| login(&policy, &host(entry)).is_insecure());
    let others = allowed(&policy, "elsewhere.example.org", ReferenceKind::Registry);
    compare((true, true, false), (whitelisted, insecure, others))
}

/// What a remote list makes of a policy. VIC had no whitelist mode but a list with entries, and neither merging nor an error
/// is its third outcome: the remote entry belongs to another one. Here all but merging is a refusal.
fn merge(case: &Value, orig: &[String], other: &[String]) -> Verdict {
    let document = |entries: &[String]| {
        // Plain HTTP is for insecure registries only (rule E10).
        let plain: Vec<&String> = entries.iter().filter(|entry| entry.starts_with("http://")).collect();
        let mut document = json!({ "insecure": plain });
        if !entries.is_empty() {
            document["whitelist"] = json!(entries);
        }
        document.to_string()
    };
    let theirs = match (&case["result"], &case["outcome"]) {
        (Value::Array(_), _) => Some(strings(case, "result")),
        (Value::String(entry), _) => Some(vec![entry.clone()]),
        _ => None,
    };
    let canonical = |entries: Vec<String>| {
        let mut entries: Vec<String> = entries.iter().filter_map(|entry| canonical(entry)).collect();
        entries.sort();
        entries
    };
    let ours = pullgate::narrow(&document(orig), &document(other), 0).ok().map(|narrowed| {
        let narrowed: Value = serde_json::from_str(&narrowed).expect("a document is JSON");
        canonical(strings(&narrowed, "whitelist"))
    });
    compare(theirs.map(canonical), ours)
}

fn reference_to_registry(case: &Value) -> Verdict {
    let policy = policy(&json!({})).unwrap();
    let answer = policy.answer(&Request { reference: string(case, "reference"), ..Request::default() });
    let Decision::Allow(allowed) = &answer.decision else { return Verdict::Differs("refused".to_owned()) };
    let host = allowed.attempts.first().and_then(|attempt| attempt.host.as_deref());
    compare((Some(string(case, "registry")), Some(string(case, "image"))), (host, answer.repository.as_deref()))
}

fn admiral_image_parse(case: &Value) -> Verdict {
    let host = case["host"].as_str().unwrap_or("docker.io").to_owned();
    compare(Some((host, string(case, "namespace_and_repo").to_owned())), read(string(case, "image")))
}

/// Which registries serve an image: host and namespace count. The scheme has no say there.
fn admiral_filter_by_path(case: &Value) -> Verdict {
    let mut path = vec![string(case, "image_host"), string(case, "image_namespace"), "repository"];
    path.retain(|part| !part.is_empty());
    let image = path.join("/");
    let mut ours = strings(case, "registries");
    ours.retain(|registry| {
        let entry = registry.trim_start_matches("http://");
        policy(&json!({ "whitelist": [entry] })).is_some_and(|policy| allowed(&policy, &image, ReferenceKind::Image))
    });
    compare(strings(case, "matching"), ours)
}

/// Which registries a tenant finds by host: tenants are projects, and what has none is global.
fn admiral_find_by_host(case: &Value) -> Verdict {
    let tenant = strings(case, "tenants").first().cloned();
    let mut ours = Vec::new();
    for registry in case["registries"].as_array().into_iter().flatten() {
        let address = string(registry, "address");
        let list = if address.starts_with("http://") { "insecure" } else { "whitelist" };
        let tenants = strings(registry, "tenants");
        let mut document = json!({ "whitelist": [], "projects": { "T": {}, "D": {} } });
        if tenants.is_empty() {
            document[list] = json!([address]);
        }
        for tenant in tenants {
            document["projects"][tenant][list] = json!([address]);
        }
        let Some(policy) = policy(&document) else { continue };
        let decision = decide(&policy, string(case, "query"), ReferenceKind::Registry, tenant.as_deref(), &[]);
        if decision.allowed {
            ours.push(address.to_owned());
        }
    }
    compare(strings(case, "found"), ours)
}
