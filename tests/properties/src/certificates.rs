//! Certificates (rules C).

use base64ct::{Base64, Encoding};
use pullgate::{Finding, Policy, check_certificates, describe_certificate};
use pullgate_tests::vectors::AT;
use serde_json::json;

use crate::text::check_findings;
use crate::text_of;

/// A bundle's certificates print as plain PEM that has the same certificates, its findings are within the text, and no
/// private key is repeated (rule C3).
pub fn pem(data: &[u8]) {
    let report = check_certificates(data, AT);
    check_findings(data, &report.findings);
    for info in &report.certificates {
        check_findings(data, &info.findings);
        let again = check_certificates(info.pem.as_bytes(), AT);
        let read: Vec<&str> = again.certificates.iter().map(|info| info.sha256.as_str()).collect();
        assert_eq!(read, [info.sha256.as_str()], "the PEM is read as something else: {}", info.pem);
        assert_eq!(again.certificates[0].pem, info.pem, "the PEM is printed otherwise");
    }
    let output = serde_json::to_string(&report).expect("a report has a JSON form");
    for line in private_lines(text_of(data)) {
        assert!(!output.contains(line), "a line of a private key is repeated: {line}");
    }
    let text = text_of(data);
    let document = json!({ "certificate_authorities": [{ "pem": text }] }).to_string();
    if let Ok(loaded) = Policy::load(&document, AT) {
        let most = check_certificates(text.as_bytes(), AT).certificates.len();
        assert!(loaded.policy.authorities().len() <= most, "more trust anchors than certificates");
    }
}

/// Returns the lines of private keys that are long enough to be told from other text, and stand nowhere else.
fn private_lines(text: &str) -> impl Iterator<Item = &str> {
    let mut is_private = false;
    let lines = text.lines().filter(move |line| {
        if line.starts_with("-----") {
            is_private = line.starts_with("-----BEGIN ") && line.ends_with("PRIVATE KEY-----");
        }
        is_private && line.len() >= 40 && line.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    lines.filter(|line| text.matches(line).count() == 1)
}

/// A certificate in DER is described as its PEM is, and one that is no authority is no trust anchor.
pub fn certificate(data: &[u8]) {
    let described = describe_certificate(data);
    let bundle = plain_pem(data);
    let report = check_certificates(bundle.as_bytes(), AT);
    check_findings(bundle.as_bytes(), &report.findings);
    let Some(info) = described else {
        assert!(report.certificates.is_empty(), "a bundle has a certificate that cannot be described: {report:?}");
        return;
    };
    let [listed] = report.certificates.as_slice() else { panic!("one certificate is read as {report:?}") };
    check_findings(bundle.as_bytes(), &listed.findings);
    let mut same = listed.clone();
    (same.line, same.findings) = (info.line, info.findings.clone());
    assert_eq!(same, info, "described otherwise");
    let document = json!({ "certificate_authorities": [{ "pem": bundle }] }).to_string();
    let Ok(loaded) = Policy::load(&document, AT) else {
        assert!(listed.findings.iter().any(Finding::is_error), "it does not load, and has no error: {listed:?}");
        return;
    };
    let anchors: Vec<&str> = loaded.policy.authorities().iter().map(|anchor| anchor.fingerprint.as_str()).collect();
    assert!(anchors.is_empty() || anchors == [info.sha256.as_str()], "another trust anchor: {anchors:?}");
}

/// Writes DER in PEM (RFC 7468).
pub fn plain_pem(der: &[u8]) -> String {
    const LINE_CHARS: usize = 64;
    let base64 = Base64::encode_string(der);
    let lines: Vec<&str> = (0..base64.len())
        .step_by(LINE_CHARS)
        .map(|start| &base64[start..base64.len().min(start + LINE_CHARS)])
        .collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

/// Returns the DER of a certificate in plain PEM.
pub fn der_of(pem: &str) -> Vec<u8> {
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    Base64::decode_vec(&base64).expect("plain PEM is base64")
}
