//! The embedded module, without DNS.

use base16ct::lower::encode_string;
use pullgate::{Decision, EntryList, Finding, Policy, Request, Severity};
use pullgate_host::{EvaluatorOptions, LoadError, Module, ResourceLimits};
use sha2::{Digest, Sha256};

/// The first worked example of the documentation.
const WORKED: &str = r#"{
  "whitelist": ["10.2.40.40:443"],
  "insecure": ["10.2.2.1/24", "*.example.com", "192.168.100.207"]
}"#;

const REFERENCES: [&str; 7] = [
    "10.2.40.40/team/app:1",
    "10.2.2.7:5000/app",
    "registry.example.com/app",
    "192.168.100.207:8080/x/y@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "nginx",
    "harbor.corp.local/app",
    "no reference at all",
];

fn asked(reference: &str) -> Request<'_> {
    Request { reference, ..Request::default() }
}

#[test]
fn built_in_module_decides_as_the_native_rules() {
    let (evaluator, findings) = Module::built_in().unwrap().load(WORKED, 0, EvaluatorOptions::default()).unwrap();
    let native = Policy::load(WORKED, 0).unwrap();
    assert_eq!(findings, native.findings);
    let requests = REFERENCES.map(asked);
    let many = evaluator.decide_many_offline(&requests);
    for (request, decided) in requests.iter().zip(many) {
        assert_eq!(decided, native.policy.decide(request));
        assert_eq!(evaluator.decide_offline(request), decided);
        assert_eq!(evaluator.decide_text_offline(request), native.policy.answer(request).to_json());
        assert_eq!(evaluator.explain_offline(request), native.policy.explain(request));
    }
}

#[test]
fn batches_are_decided_in_order() {
    let (evaluator, _) = Module::built_in().unwrap().load(WORKED, 0, EvaluatorOptions::default()).unwrap();
    let references: Vec<String> = (0..1_000).map(|number| format!("10.2.{}.1/app", number % 256)).collect();
    let requests: Vec<Request<'_>> = references.iter().map(|reference| asked(reference)).collect();
    let decisions = evaluator.decide_many_offline(&requests);
    assert_eq!(decisions.len(), 1_000);
    for (request, decision) in requests.iter().zip(decisions) {
        assert_eq!(evaluator.decide_offline(request), decision);
    }
    assert!(evaluator.decide_many_offline(&[]).is_empty());
}

#[test]
fn built_in_module_checks_as_the_native_rules() {
    let module = Module::built_in().unwrap();
    for text in ["Harbor.Corp.Local.", "10.2.2.1/24", "256.1.1.1", "http://h", "user:secret@h", "", "*.com"] {
        for list in [EntryList::Whitelist, EntryList::Insecure, EntryList::BuiltIn, EntryList::Blocked] {
            assert_eq!(module.check_entry(text, list).unwrap(), pullgate::check_entry(text, list), "{text}");
        }
    }
    for document in [WORKED, "", "{", r#"{"whitelist": ["256.1.1.1"], "unknown": 1}"#] {
        assert_eq!(module.check_policy(document, 0).unwrap(), pullgate::check_policy(document, 0), "{document}");
    }
}

#[test]
fn a_policy_with_errors_does_not_load() {
    let document = r#"{"whitelist": ["h", "h", "256.1.1.1"]}"#;
    let error = Module::built_in().unwrap().load(document, 0, EvaluatorOptions::default()).unwrap_err();
    let LoadError::Policy(findings) = &error else { panic!("{error}") };
    assert_eq!(Some(findings), Policy::load(document, 0).err().as_ref());
    let first: &Finding = findings.iter().find(|finding| finding.severity == Severity::Error).unwrap();
    assert_eq!(error.to_string(), format!("the policy has errors, the first: {}", first.message));
}

#[test]
fn digests_are_those_of_the_files() {
    let dist = concat!(env!("CARGO_MANIFEST_DIR"), "/../../pkg/dist");
    let component = std::fs::read(format!("{dist}/pullgate.component.wasm")).unwrap();
    let core = std::fs::read(format!("{dist}/pullgate_bg.wasm")).unwrap();
    let built_in = Module::built_in().unwrap();
    assert_eq!(built_in.digest(), encode_string(&Sha256::digest(&core)));
    assert_eq!(built_in.component_digest(), encode_string(&Sha256::digest(&component)));
    assert_eq!(built_in.version().unwrap(), pullgate::VERSION);
    assert_eq!(built_in.rules_digest().unwrap(), pullgate::RULES_SHA256);
}

#[test]
fn a_policy_that_needs_more_memory_than_it_may_have_does_not_load() {
    let entries: Vec<String> = (0..100_000).map(|number| format!("\"h{number}.example.com\"")).collect();
    let document = format!(r#"{{"whitelist": [{}]}}"#, entries.join(","));
    let module = Module::built_in().unwrap();
    let options = EvaluatorOptions {
        limits: ResourceLimits { max_memory_bytes: 8 << 20, ..ResourceLimits::default() },
        ..EvaluatorOptions::default()
    };
    let error = module.load(&document, 0, options).unwrap_err();
    assert!(
        matches!(&error, LoadError::Failed(failure) if failure.reason == pullgate::DenialReason::Memory),
        "{error}"
    );
    let (evaluator, _) = module.load(&document, 0, EvaluatorOptions::default()).unwrap();
    assert!(matches!(evaluator.decide_offline(&asked("h99999.example.com/x")), Decision::Allow(_)));
}

#[test]
fn the_largest_policy_loads_with_all_its_findings() {
    // One finding per entry: a single label is unusual.
    let entries: Vec<String> = (0..pullgate::MAX_ENTRIES).map(|number| format!("\"harbor-{number}\"")).collect();
    let document = format!(r#"{{"whitelist": [{}]}}"#, entries.join(","));
    let (evaluator, findings) = Module::built_in().unwrap().load(&document, 0, EvaluatorOptions::default()).unwrap();
    assert!(findings.len() >= entries.len());
    assert!(matches!(evaluator.decide_offline(&asked("harbor-999999:443/x")), Decision::Allow(_)));
}

#[test]
fn many_threads_share_a_policy() {
    let (evaluator, _) = Module::built_in().unwrap().load(WORKED, 0, EvaluatorOptions::default()).unwrap();
    let native = Policy::load(WORKED, 0).unwrap().policy;
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (evaluator, native) = (evaluator.clone(), &native);
            scope.spawn(move || {
                for call in 0..2_000 {
                    let request = asked(REFERENCES[(thread + call) % REFERENCES.len()]);
                    assert_eq!(evaluator.decide_offline(&request), native.decide(&request));
                }
            });
        }
    });
}
