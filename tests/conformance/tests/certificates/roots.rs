//! The roots that the world uses: every one loads, and is described as OpenSSL describes it.

use std::collections::BTreeMap;
use std::fs;

use pullgate::{CertificateReport, Code, Policy, check_certificates};
use pullgate_host::{EvaluatorOptions, Module};
use pullgate_tests::vectors;
use serde_json::json;

use super::crosscheck::differences;
use super::external_tools::package;
use super::generated::THEN;

/// Debian's list, as its package `ca-certificates` installs it.
fn of_the_machine() -> Vec<u8> {
    let path = "/etc/ssl/certs/ca-certificates.crt";
    fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}: `apt-get install ca-certificates`"))
}

/// Mozilla's list, as the Python package certifi has it.
fn of_mozilla() -> Vec<u8> {
    fs::read(package("certifi").join("certifi/cacert.pem")).expect("certifi has its bundle")
}

#[test]
fn the_roots_of_the_machine_load() {
    load(&of_the_machine());
}

#[test]
fn the_roots_of_mozilla_load() {
    load(&of_mozilla());
}

/// No error but that one has expired; in the component the same; and as a policy.
fn load(bundle: &[u8]) {
    let report = check_certificates(bundle, THEN);
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    assert!(report.certificates.len() > 100, "only {} roots are there", report.certificates.len());
    for root in &report.certificates {
        let errors: Vec<_> =
            root.findings.iter().filter(|found| found.is_error() && found.code != Code::CertificateExpired).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", root.subject);
        assert!(root.self_issued, "{}", root.subject);
    }
    let module = Module::built_in().expect("the component is built: run `cargo xtask module` first");
    assert_eq!(module.check_certificates(bundle, THEN).expect("the module checks them"), report);

    let text = std::str::from_utf8(bundle).expect("the bundle is UTF-8");
    let document = json!({"certificate_authorities": [{"pem": text}]}).to_string();
    let loaded = Policy::load(&document, THEN).expect("the roots are a policy");
    let (evaluator, findings) =
        module.load(&document, THEN, EvaluatorOptions::default()).expect("the roots are a policy");
    assert_eq!(evaluator.authorities(), loaded.policy.authorities());
    assert_eq!(findings, loaded.findings);
    let is_expired = |one: &&pullgate::CertificateInfo| {
        one.findings.iter().any(|found| [Code::CertificateExpired, Code::CertificateNotYetValid].contains(&found.code))
    };
    let expired = report.certificates.iter().filter(is_expired).count();
    assert_eq!(loaded.policy.authorities().len(), report.certificates.len() - expired);
}

#[test]
fn the_roots_are_described_as_openssl_describes_them() {
    let bundles = [of_the_machine(), of_mozilla()];
    let mut roots: BTreeMap<String, _> = BTreeMap::new();
    for bundle in &bundles {
        for (root, text) in blocks(bundle, check_certificates(bundle, THEN)) {
            roots.insert(root.sha256.clone(), (root, text));
        }
    }
    assert!(roots.len() > 100, "only {} roots are there", roots.len());
    let wrong: Vec<String> = roots.values().flat_map(|(root, text)| differences(root, text)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The certificates with their text: from the line of their block on.
fn blocks(bundle: &[u8], report: CertificateReport) -> Vec<(pullgate::CertificateInfo, String)> {
    let text = String::from_utf8_lossy(bundle);
    let from = |line: u32| text.lines().skip(usize::try_from(line - 1).unwrap()).collect::<Vec<_>>().join("\n");
    report.certificates.into_iter().map(|root| (root.clone(), from(root.line))).collect()
}

#[test]
fn what_is_said_of_the_roots_of_mozilla_is_as_reviewed() {
    let path = vectors::certificates().join("roots.txt");
    let reviewed = fs::read_to_string(&path).unwrap_or_default();
    assert!(reviewed == snapshot(), "what is said is otherwise now: look at it, and run the test `write_the_snapshot`");
}

#[test]
#[ignore = "it writes into the source"]
fn write_the_snapshot() {
    fs::write(vectors::certificates().join("roots.txt"), snapshot()).expect("the snapshot is written");
}

/// One line for each root, sorted: the beginning of its fingerprint, key, signature, codes, and subject.
fn snapshot() -> String {
    let said = |root: pullgate::CertificateInfo| {
        let size = root.key.bits.map(|bits| bits.to_string()).or(root.key.curve).unwrap_or_default();
        let codes: Vec<&str> = root.findings.iter().map(|found| found.code.as_str()).collect();
        let codes = if codes.is_empty() { "-".to_owned() } else { codes.join(" ") };
        format!(
            "{} | {} {size} | {} | {} | {codes} | {}\n",
            &root.sha256[..16],
            root.key.algorithm,
            root.signature_algorithm,
            &root.not_after[..10],
            root.subject
        )
    };
    let mut lines: Vec<String> = check_certificates(&of_mozilla(), THEN).certificates.into_iter().map(said).collect();
    lines.sort();
    lines.concat()
}
