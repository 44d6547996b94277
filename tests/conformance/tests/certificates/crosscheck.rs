//! Descriptions of certificates (rule C6) held against what OpenSSL says.

use std::fs;

use pullgate::{CertificateInfo, check_certificates};
use pullgate_tests::vectors;

use super::external_tools::openssl;
use super::generated::THEN;

const EXTENSIONS: &str =
    "basicConstraints,keyUsage,extendedKeyUsage,subjectAltName,subjectKeyIdentifier,authorityKeyIdentifier";

#[test]
fn the_fixtures_are_described_as_openssl_describes_them() {
    let mut wrong = Vec::new();
    for file in fs::read_dir(vectors::certificates()).expect("the folder can be read") {
        let path = file.expect("the folder can be read").path();
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let report = check_certificates(text.as_bytes(), THEN);
        // OpenSSL does not show the extensions of what must not have any.
        let shown = report.certificates.iter().filter(|one| {
            let damaged = ["certificate-version", "certificate-extension-invalid"];
            !one.findings.iter().any(|found| damaged.contains(&found.code.as_str()))
        });
        wrong.extend(shown.flat_map(|one| differences(one, &text)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every member of a description that OpenSSL says otherwise.
pub fn differences(one: &CertificateInfo, pem: &str) -> Vec<String> {
    let arguments = ["x509", "-noout", "-subject", "-issuer", "-serial", "-dates", "-dateopt", "iso_8601"];
    let shown = ["-fingerprint", "-sha256", "-nameopt", "RFC2253,utf8,-esc_msb", "-ext", EXTENSIONS, "-text"];
    let said = openssl(&[arguments.as_slice(), &shown].concat(), pem.as_bytes());
    let said = Said(String::from_utf8(said).expect("OpenSSL prints UTF-8"));
    let sha1 = openssl(&["x509", "-noout", "-fingerprint", "-sha1"], pem.as_bytes());
    let sha1 = Said(String::from_utf8(sha1).expect("OpenSSL prints UTF-8"));

    let mut wrong = Vec::new();
    let mut same = |member: &str, ours: String, theirs: String| {
        if ours != theirs {
            wrong.push(format!("{}: `{member}` is `{ours}` here, and there `{theirs}`", one.subject));
        }
    };
    same("subject", one.subject.clone(), said.after("subject="));
    same("issuer", one.issuer.clone(), said.after("issuer="));
    same("serial", one.serial.clone(), said.after("serial=").to_ascii_lowercase());
    same("notBefore", one.not_before.clone(), said.after("notBefore=").replace(' ', "T"));
    same("notAfter", one.not_after.clone(), said.after("notAfter=").replace(' ', "T"));
    same("sha256", one.sha256.clone(), digits(&said.after("sha256 Fingerprint=")));
    same("sha1", one.sha1.clone(), digits(&sha1.after("sha1 Fingerprint=")));
    same("signatureAlgorithm", one.signature_algorithm.clone(), said.after("Signature Algorithm: "));
    let key = match (one.key.bits, &one.key.curve) {
        (Some(bits), _) => format!("({bits} bit)"),
        (None, Some(curve)) => curve.clone(),
        (None, None) => String::new(),
    };
    let theirs = match &one.key.curve {
        Some(_) => {
            Some(said.after("NIST CURVE: ")).filter(|nist| !nist.is_empty()).unwrap_or_else(|| said.after("ASN1 OID: "))
        }
        None => said.after("Public-Key: "),
    };
    same("key", key, theirs);
    let ca = said.extension("Basic Constraints");
    same("isCa", one.is_ca.to_string(), ca.starts_with("CA:TRUE").to_string());
    let path_length = one.path_length.map_or_else(String::new, |length| length.to_string());
    same(
        "pathLength",
        path_length,
        ca.split_once("pathlen:").map_or_else(String::new, |(_, length)| length.to_owned()),
    );
    let usages = |names: &[String]| names.iter().map(|name| name_there(name)).collect::<Vec<_>>().join(", ");
    same("keyUsage", usages(&one.key_usage), said.extension("Key Usage"));
    same("extendedKeyUsage", usages(&one.extended_key_usage), said.extension("Extended Key Usage"));
    same(
        "subjectAltNames",
        names(&one.subject_alt_names),
        without_directory_names(&said.extension("Subject Alternative Name")),
    );
    same(
        "subjectKeyId",
        one.subject_key_id.clone().unwrap_or_default(),
        digits(&said.extension("Subject Key Identifier")),
    );
    let authority_key = said.extension("Authority Key Identifier");
    let authority_key = authority_key.strip_prefix("keyid:").unwrap_or(&authority_key);
    let authority_key = if authority_key.starts_with("DirName") { String::new() } else { digits(authority_key) };
    same("authorityKeyId", one.authority_key_id.clone().unwrap_or_default(), authority_key);
    wrong
}

/// What OpenSSL prints.
struct Said(String);

impl Said {
    /// What the first line with this says after it.
    fn after(&self, label: &str) -> String {
        let found = self.0.lines().find_map(|line| line.trim_start().strip_prefix(label));
        found.unwrap_or_default().trim().to_owned()
    }

    /// The first line of an extension.
    fn extension(&self, name: &str) -> String {
        let title = format!("X509v3 {name}:");
        let mut lines = self.0.lines().map(str::trim).skip_while(|line| !line.starts_with(&title));
        lines.nth(1).unwrap_or_default().to_owned()
    }
}

/// Hexadecimal without its colons.
fn digits(text: &str) -> String {
    text.replace(':', "").to_ascii_lowercase()
}

fn name_there(name: &str) -> String {
    let there = match name {
        "digitalSignature" => "Digital Signature",
        "nonRepudiation" => "Non Repudiation",
        "keyEncipherment" => "Key Encipherment",
        "dataEncipherment" => "Data Encipherment",
        "keyAgreement" => "Key Agreement",
        "keyCertSign" => "Certificate Sign",
        "cRLSign" => "CRL Sign",
        "encipherOnly" => "Encipher Only",
        "decipherOnly" => "Decipher Only",
        "serverAuth" => "TLS Web Server Authentication",
        "clientAuth" => "TLS Web Client Authentication",
        "codeSigning" => "Code Signing",
        "emailProtection" => "E-mail Protection",
        "timeStamping" => "Time Stamping",
        "OCSPSigning" => "OCSP Signing",
        "anyExtendedKeyUsage" => "Any Extended Key Usage",
        other => other,
    };
    there.to_owned()
}

/// Our names as OpenSSL prints them. Directory names it prints in a form of its own: they are left out.
fn names(names: &[String]) -> String {
    let names = names.iter().filter(|name| !name.starts_with("DirName:"));
    names.map(|name| name.replacen("IP:", "IP Address:", 1)).collect::<Vec<_>>().join(", ")
}

fn without_directory_names(names: &str) -> String {
    names.split(", ").filter(|name| !name.starts_with("DirName:")).collect::<Vec<_>>().join(", ")
}
