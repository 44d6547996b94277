//! Settings that are given as files: those of an export agree with its policy, and each disagreement is provoked.

use proptest::prelude::*;
use serde_json::json;

use crate::doctor::{Disagreement, DisagreementEffect, DoctorRequest};
use crate::export::{ExportError, ExportRequest};
use crate::host_files::{FileContent, HostFiles};
use crate::import::SourceFile;
use crate::target::Target;
use crate::tests::with_policy;

use DisagreementEffect::{Fails, Silent};

const TARGETS: [Target; 4] = [Target::Openshift, Target::Kubernetes, Target::VicMachine, Target::Vch];

/// The authority of the policy, and another one.
const AUTHORITY: &str = include_str!("../../../../tests/certificates/ca.pem");
const OTHER_AUTHORITY: &str = include_str!("../../../../tests/certificates/other-ca.pem");

/// A policy that each target can say.
fn policy() -> String {
    json!({
        "whitelist": ["reg.test:5443", "*.example.com"],
        "insecure": ["10.77.0.1:5000"],
        "certificate_authorities": [{ "pem": AUTHORITY }],
    })
    .to_string()
}

/// Exports a policy; `None` if the target would be wider.
fn export(target: Target, policy: &str) -> Option<Vec<SourceFile>> {
    with_policy(policy, |policy| {
        let files = HostFiles::none();
        let request = ExportRequest { policy, files: &files, allows_wider: false, gate: None };
        let export = match target.export(&request) {
            Ok(export) => export,
            Err(ExportError::Wider(_)) => return None,
            Err(error) => panic!("{error}"),
        };
        let texts = export.files.into_iter().map(|file| match file.content {
            FileContent::Text(text) => SourceFile { path: file.path, text },
            FileContent::Link(_) => panic!("a link"),
        });
        Some(texts.collect())
    })
}

fn diagnose(target: Target, policy: &str, sources: &[SourceFile]) -> Vec<Disagreement> {
    let files = HostFiles::none();
    with_policy(policy, |policy| {
        target.diagnose(&DoctorRequest { policy, files: &files, gate: None, sources }).unwrap()
    })
}

/// Requires these disagreements with the exported files once these texts in them are replaced: code, effect and line.
#[track_caller]
fn expect(target: Target, changes: &[(&str, &str)], expected: &[(&str, DisagreementEffect, Option<usize>)]) {
    let mut sources = export(target, &policy()).unwrap();
    for (from, to) in changes {
        assert!(sources.iter().any(|source| source.text.contains(from)), "no `{from}` in {sources:#?}");
        sources.iter_mut().for_each(|source| source.text = source.text.replace(from, to));
    }
    let found = diagnose(target, &policy(), &sources);
    let short: Vec<_> = found.iter().map(|each| (each.code, each.effect, each.line)).collect();
    assert_eq!(short, expected, "{found:#?}\n{sources:#?}");
    assert!(found.iter().all(|each| !each.mend.is_empty() && each.file == sources[0].path), "{found:#?}");
}

#[test]
fn exports_agree_with_their_policy() {
    for target in TARGETS {
        expect(target, &[], &[]);
    }
}

#[test]
fn nothing_at_all_is_open() {
    for (target, codes) in [
        (Target::Openshift, &["access-open", "insecure-missing", "authority-missing"][..]),
        (Target::Kubernetes, &["policy-missing", "binding-missing"]),
        (Target::VicMachine, &["access-open", "insecure-missing", "authority-missing"]),
        (Target::Vch, &["access-open", "insecure-missing", "authority-missing"]),
    ] {
        let text = if target == Target::Vch { "{}" } else { "" };
        let source = SourceFile { path: "x".to_owned(), text: text.to_owned() };
        let found = diagnose(target, &policy(), &[source]);
        let found: Vec<_> = found.iter().map(|each| each.code).collect();
        assert_eq!(found, codes, "{target:?}");
    }
}

#[test]
fn virtual_container_hosts_differ_from_the_policy() {
    let vch = |from: &str, to: &str, expected: &[_]| expect(Target::Vch, &[(from, to)], expected);
    vch("\"reg.test:5443\"", "\"reg.test:5443\",\n\"evil.test\"", &[("access-wider", Silent, Some(4))]);
    vch("\"reg.test:5443\"", "\"reg.test\"", &[("access-wider", Silent, Some(3))]);
    vch("\"*.example.com\"", "\"a.example.com\"", &[("access-missing", Fails, None)]);
    vch("\"10.77.0.1:5000\"", "\"10.77.0.0/24\"", &[("insecure-wider", Silent, Some(4))]);
    vch(
        "\"10.77.0.1:5000\"",
        "\"10.77.0.1:5001\"",
        &[("insecure-wider", Silent, Some(4)), ("insecure-missing", Fails, None)],
    );
    let other = serde_json::Value::from(OTHER_AUTHORITY).to_string();
    let mut sources = export(Target::Vch, &policy()).unwrap();
    let mut document: serde_json::Value = serde_json::from_str(&sources[0].text).unwrap();
    document["registry"]["certificate_authorities"][0]["pem"] = serde_json::from_str(&other).unwrap();
    sources[0].text = document.to_string();
    let found = diagnose(Target::Vch, &policy(), &sources);
    let codes: Vec<_> = found.iter().map(|each| each.code).collect();
    assert_eq!(codes, ["authority-unnamed", "authority-missing"], "{found:#?}");
    vch("{", "{,", &[("settings-unreadable", Fails, Some(1))]);
}

#[test]
fn options_of_vic_machine_differ_from_the_policy() {
    let more = [(
        "--insecure-registry",
        "--whitelist-registry=evil.test \\\n--insecure-registry=reg.test:5443 --insecure-registry",
    )];
    expect(Target::VicMachine, &more, &[("access-wider", Silent, Some(3)), ("insecure-wider", Silent, Some(4))]);
    let sources = export(Target::VicMachine, &policy()).unwrap();
    // Without the file of the authority.
    let found = diagnose(Target::VicMachine, &policy(), &sources[..1]);
    let codes: Vec<_> = found.iter().map(|each| (each.code, each.line)).collect();
    assert_eq!(codes, [("authority-file-missing", Some(4)), ("authority-missing", None)], "{found:#?}");
}

#[test]
fn openshift_differs_from_the_policy() {
    let openshift = |from: &str, to: &str, expected: &[_]| expect(Target::Openshift, &[(from, to)], expected);
    let sources = export(Target::Openshift, &policy()).unwrap();
    let line_of = |text: &str| {
        let line =
            sources[0].text.lines().position(|line| line.contains(text)).unwrap_or_else(|| panic!("no `{text}`"));
        Some(line + 1)
    };
    openshift(
        "- \"reg.test:5443\"",
        "- \"evil.test:5443\"",
        &[("access-wider", Silent, line_of("- \"reg.test:5443\"")), ("access-missing", Fails, None)],
    );
    let insecure = line_of("insecureRegistries:").map(|line| line + 1);
    openshift(
        "insecureRegistries:",
        "insecureRegistries:\n      - \"reg.test:5443\"",
        &[("insecure-wider", Silent, insecure)],
    );
    openshift(
        "reg.test..5443:",
        "other.test..5443:",
        &[("authority-unnamed", Silent, line_of("reg.test..5443:")), ("authority-missing", Fails, None)],
    );
    openshift(
        "allowedRegistries:",
        "containerRuntimeSearchRegistries: [quay.io]\n    allowedRegistries:",
        &[("short-names", Silent, line_of("allowedRegistries:"))],
    );
    let blocked = r#"{"blocked":["evil.test","*.bad.test"]}"#;
    let mut sources = export(Target::Openshift, blocked).unwrap();
    sources[0].text = sources[0].text.replace("evil.test", "good.test");
    let found = diagnose(Target::Openshift, blocked, &sources);
    let codes: Vec<_> = found.iter().map(|each| each.code).collect();
    assert_eq!(codes, ["blocked-missing", "blocked-wider"], "{found:#?}");
}

#[test]
fn admission_policies_differ_from_the_policy() {
    let changed = |from: &str, to: &str, code: &'static str, effect| {
        let sources = export(Target::Kubernetes, &policy()).unwrap();
        let text = sources[0].text.replacen(from, to, 1);
        assert_ne!(text, sources[0].text, "no `{from}`");
        let found = diagnose(Target::Kubernetes, &policy(), &[SourceFile { path: "x.yaml".to_owned(), text }]);
        let [disagreement] = &found[..] else { panic!("{code}: {found:#?}") };
        assert_eq!((disagreement.code, disagreement.effect), (code, effect), "{found:#?}");
        assert!(disagreement.line.is_some() || code.ends_with("-missing"), "{found:#?}");
    };
    changed("failurePolicy: Fail", "failurePolicy: Ignore", "failure-open", Silent);
    changed("matchPolicy: Equivalent", "objectSelector: {matchLabels: {a: b}}", "objects-exempt", Silent);
    changed("matchPolicy: Equivalent", "excludeResourceRules: [{}]", "objects-exempt", Silent);
    changed(
        "  validations:",
        "  matchConditions: [{name: a, expression: \"false\"}]\n  validations:",
        "objects-exempt",
        Silent,
    );
    changed("- pods/ephemeralcontainers\n", "- pods/status\n", "objects-exempt", Silent);
    changed("variables.denied.size() == 0", "true", "expressions-changed", Silent);
    changed("variables.images.filter(i, !(i in variables.allowed))", "[]", "expressions-changed", Silent);
    changed("string(c.image)", "'alpine'", "expressions-changed", Silent);
    changed("pullgate.github.io/policy", "other", "expressions-unknown", Silent);
    changed("- Deny", "- Audit", "binding-audit", Silent);
    changed("operator: NotIn", "operator: In", "objects-exempt", Silent);
    changed("- kube-system", "- default", "objects-exempt", Silent);
    changed("policyName: pullgate-images", "policyName: other", "binding-missing", Silent);
    changed("kind: ValidatingAdmissionPolicyBinding", "kind: Other", "binding-missing", Silent);
    // As another policy was exported.
    let mut older = json!({ "whitelist": ["reg.test:5443", "evil.test"], "insecure": ["10.77.0.1:5000"] });
    let exported = export(Target::Kubernetes, &older.to_string()).unwrap();
    let found = diagnose(Target::Kubernetes, &policy(), &exported);
    let codes: Vec<_> = found.iter().map(|each| each.code).collect();
    assert_eq!(codes, ["access-wider", "access-missing"], "{found:#?}");
    older["blocked"] = json!(["evil.test"]);
    let exported = export(Target::Kubernetes, r#"{"blocked":["other.test"]}"#).unwrap();
    let found = diagnose(Target::Kubernetes, &older.to_string(), &exported);
    let codes: Vec<_> = found.iter().map(|each| each.code).collect();
    assert_eq!(codes, ["access-open", "blocked-missing", "blocked-wider"], "{found:#?}");
}

#[test]
fn a_list_of_objects_is_compared_as_kubectl_prints_it() {
    let exported = export(Target::Kubernetes, &policy()).unwrap();
    let objects: Vec<String> = exported[0].text.split("---\n").map(|object| object.replace('\n', "\n  ")).collect();
    let items = objects.iter().map(|object| format!("- {}", object.trim_end()));
    let text = format!("apiVersion: v1\nkind: List\nitems:\n{}\n", items.collect::<Vec<_>>().join("\n"));
    let found = diagnose(Target::Kubernetes, &policy(), &[SourceFile { path: "x.yaml".to_owned(), text }]);
    assert_eq!(found, []);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn exports_of_any_policy_agree_with_it(json in crate::tests::round_trips::policies()) {
        for target in TARGETS {
            let Some(sources) = export(target, &json) else { continue };
            let found = diagnose(target, &json, &sources);
            prop_assert!(found.is_empty(), "{target:?}: {json}: {found:#?}\n{sources:#?}");
        }
    }
}
