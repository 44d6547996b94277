//! A bundle that is cut off anywhere, and one with any single bit turned: never a crash, and never the same certificate
//! without a word.

use std::collections::BTreeSet;

use pullgate_host::Module;

use super::generated::{THEN, ca, pem, self_signed, talkative};

#[test]
fn a_bundle_may_be_cut_off_anywhere() {
    let module = Module::built_in().expect("the component is built: run `cargo xtask module` first");
    let text = pem(&talkative()) + "between them\r\n" + &pem(&self_signed(&ca("Another CA"))).replace('\n', "\r\n");
    for length in 0..text.len() {
        let part = &text.as_bytes()[..length];
        let report = pullgate::check_certificates(part, THEN);
        let said = !report.findings.is_empty() || report.certificates.iter().any(|one| !one.findings.is_empty());
        // Nothing is said where the cut is between the blocks, or takes the last line ending away.
        let whole = report.certificates.len();
        assert!(said || whole > 0, "nothing is said of the first {length} bytes");
        if length.is_multiple_of(5) {
            assert_eq!(module.check_certificates(part, THEN).expect("the module does not trap"), report, "{length}");
        }
    }
}

#[test]
fn any_bit_of_a_certificate_may_be_turned() {
    let module = Module::built_in().expect("the component is built: run `cargo xtask module` first");
    let der = talkative();
    let flips = flipped(&der).map(|der| pem(&der).into_bytes());
    let told = told(&der);
    for (index, text) in flips.enumerate() {
        tell(&module, &text, &told, index);
    }
}

#[test]
fn any_bit_of_a_text_may_be_turned() {
    let module = Module::built_in().expect("the component is built: run `cargo xtask module` first");
    let der = talkative();
    let told = told(&der);
    for (index, text) in flipped(pem(&der).as_bytes()).enumerate() {
        tell(&module, &text, &told, index);
    }
}

/// Every text with one bit turned.
fn flipped(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len() * 8).map(|bit| {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        flipped
    })
}

/// The fingerprints of a certificate that is as it should be.
fn told(der: &[u8]) -> BTreeSet<String> {
    let report = pullgate::check_certificates(pem(der).as_bytes(), THEN);
    assert!(report.findings.is_empty() && report.certificates.iter().all(|one| one.findings.is_empty()), "{report:?}");
    report.certificates.into_iter().map(|one| one.sha256).collect()
}

/// A finding or another fingerprint; and in the component the same, for one in ten.
fn tell(module: &Module, text: &[u8], told: &BTreeSet<String>, index: usize) {
    let report = pullgate::check_certificates(text, THEN);
    let same: BTreeSet<String> = report.certificates.iter().map(|one| one.sha256.clone()).collect();
    let said = !report.findings.is_empty() || report.certificates.iter().any(|one| !one.findings.is_empty());
    assert!(said || same != *told, "bit {index}: neither a finding nor another fingerprint");
    if index.is_multiple_of(10) {
        assert_eq!(module.check_certificates(text, THEN).expect("the module does not trap"), report, "bit {index}");
    }
}
