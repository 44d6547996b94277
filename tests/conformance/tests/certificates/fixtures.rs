//! What makes the files that the cases in `tests/vectors/certificates.json` and others name. To make one that is missing:
//!
//! ```text
//! cargo test --release -p pullgate-tests --test certificates -- --ignored write_what_is_missing
//! ```
//!
//! Their keys are thrown away. A file that is made again has another key and another fingerprint, which the cases name.

use std::fs;

use pullgate_tests::vectors;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyUsagePurpose, PublicKeyData, date_time_ymd};

use super::codes::{authority, intermediate, sm2};
use super::external_tools::{Scratch, openssl};
use super::generated::{self, ByHand, armoured, ca, ca_between, ca_with, key, leaf, pem, self_signed};

#[test]
#[ignore = "it writes into the source"]
fn write_what_is_missing() {
    for (name, text) in texts() {
        let path = vectors::certificates().join(name);
        if !path.exists() {
            fs::write(&path, text).expect("the file is written");
        }
    }
}

#[test]
fn every_file_is_made_here() {
    let made: Vec<&str> = texts().iter().map(|(name, _)| *name).collect();
    let folder = fs::read_dir(vectors::certificates()).expect("the folder can be read");
    for file in folder {
        let name = file.expect("the folder can be read").file_name().into_string().expect("names are UTF-8");
        assert!(!name.ends_with(".pem") || made.contains(&name.as_str()), "nothing here makes `{name}`");
    }
}

fn texts() -> Vec<(&'static str, String)> {
    let mut texts = chain();
    let of_ca = |change: fn(&mut CertificateParams)| pem(&ca_with(change));
    let sound = Scratch::new(pem(&self_signed(&ca("Example CA"))).as_bytes());
    let pkcs7 = openssl(&["crl2pkcs7", "-nocrl", "-certfile", sound.path()], b"");
    let trusting = |settings: &[&str]| openssl(&[&["x509", "-in", sound.path(), "-trustout"], settings].concat(), b"");
    let by_hand = |by_hand: ByHand| pem(&by_hand.made());
    let text = |text: Vec<u8>| String::from_utf8(text).expect("PEM is ASCII");
    texts.extend([
        ("other-ca.pem", pem(&self_signed(&ca("Other CA")))),
        ("described.pem", pem(&generated::talkative())),
        ("constrained.pem", pem(&generated::constrained())),
        ("self-signed.pem", pem(&self_signed(&leaf("harbor.corp")))),
        ("expired.pem", pem(&ca_between(2020, 2026))),
        (
            "expired-weak.pem",
            of_ca(|params| {
                params.not_before = date_time_ymd(2020, 1, 1);
                params.not_after = date_time_ymd(2026, 1, 1);
                params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            }),
        ),
        ("future.pem", pem(&ca_between(2030, 2036))),
        ("backwards.pem", of_ca(|params| params.not_after = date_time_ymd(2025, 1, 1))),
        ("long-lived.pem", pem(&ca_between(2020, 2050))),
        ("signatures-only.pem", of_ca(|params| params.key_usages = vec![KeyUsagePurpose::DigitalSignature])),
        ("clients-only.pem", of_ca(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth])),
        ("anything.pem", of_ca(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any])),
        ("critical.pem", pem(&generated::ca_with_extension(&[1, 3, 6, 1, 4, 1, 99999, 1], true, b"\x05\x00"))),
        ("not-critical.pem", pem(&generated::ca_with_extension(&[1, 3, 6, 1, 4, 1, 99999, 1], false, b"\x05\x00"))),
        ("damaged-extension.pem", pem(&generated::ca_with_extension(&[2, 5, 29, 37], false, b"\x04\x01"))),
        ("version-1.pem", by_hand(ByHand { version: 0, extensions: false, ..ByHand::default() })),
        ("version-2.pem", by_hand(ByHand { version: 1, ..ByHand::default() })),
        ("serial-0.pem", by_hand(ByHand { serial: vec![0], ..ByHand::default() })),
        ("serial-20-octets.pem", by_hand(ByHand { serial: vec![0x7f; 20], ..ByHand::default() })),
        ("serial-21-octets.pem", by_hand(ByHand { serial: vec![0x7f; 21], ..ByHand::default() })),
        ("nameless.pem", by_hand(ByHand { named: false, ..ByHand::default() })),
        ("rsa-1024.pem", text(authority(&["-newkey", "rsa:1024"], "-sha256"))),
        ("md5.pem", text(authority(&["-newkey", "rsa:2048"], "-md5"))),
        ("sha1-root.pem", text(authority(&["-newkey", "rsa:2048"], "-sha1"))),
        ("sha1-intermediate.pem", text(intermediate(&["-sha1"]))),
        ("sha224-intermediate.pem", text(intermediate(&["-sha224"]))),
        ("p521-sha512.pem", text(authority(&["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521"], "-sha512"))),
        ("ed25519.pem", text(authority(&["-newkey", "ed25519"], "-sha256"))),
        ("ed448.pem", text(authority(&["-newkey", "ed448"], "-sha256"))),
        ("rsa-pss-key.pem", text(authority(&["-newkey", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"], "-sha256"))),
        ("sm2.pem", text(sm2())),
        ("gost.pem", by_hand(ByHand { key: Some(generated::gost_key()), ..ByHand::default() })),
        ("serial-negative.pem", by_hand(ByHand { serial: vec![0xa7, 0xbf], ..ByHand::default() })),
        ("trusted-servers.pem", text(trusting(&["-addtrust", "serverAuth"]))),
        ("trusted-clients.pem", text(trusting(&["-addtrust", "clientAuth"]))),
        ("rejected-servers.pem", text(trusting(&["-addreject", "serverAuth"]))),
        ("request.pem", armoured("CERTIFICATE REQUEST", &generated::request())),
        ("public-key.pem", armoured("PUBLIC KEY", &key().subject_public_key_info())),
        ("pkcs7.pem", text(pkcs7)),
        ("crl.pem", armoured("X509 CRL", &generated::revocation_list())),
    ]);
    texts
}

/// A root, an intermediate and a server's certificate.
fn chain() -> Vec<(&'static str, String)> {
    let (root_key, intermediate_key) = (key(), key());
    let mut intermediate = ca("Example Intermediate CA");
    intermediate.use_authority_key_identifier_extension = true;
    let mut server = leaf("harbor.corp");
    server.use_authority_key_identifier_extension = true;
    let root_params = ca("Example CA");
    let root = root_params.self_signed(&root_key).expect("a certificate is made");
    let root_issuer = Issuer::from_params(&root_params, &root_key);
    let below = intermediate.signed_by(&intermediate_key, &root_issuer).expect("a certificate is made");
    let issuer = Issuer::from_params(&intermediate, &intermediate_key);
    let server = server.signed_by(&key(), &issuer).expect("a certificate is made");
    vec![("ca.pem", pem(root.der())), ("intermediate.pem", pem(below.der())), ("server.pem", pem(server.der()))]
}
