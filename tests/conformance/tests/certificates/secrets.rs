//! A private key that was given by mistake is in nothing that is said: not eight bytes of it, in whatever form.

use std::collections::HashSet;

use pullgate::Policy;
use pullgate_host::{EvaluatorOptions, LoadError, Module};
use rcgen::SigningKey;
use serde::Serialize;
use serde_json::json;

use super::external_tools::openssl;
use super::generated::{THEN, armoured, base64, ca, der, key, pem, self_signed};

/// How many bytes of a key may be seen by chance, and no more.
const WINDOW: usize = 8;

/// A key, given in some way.
struct Given {
    name: String,
    text: Vec<u8>,
    /// The key in DER.
    secret: Vec<u8>,
    /// Whether it must be called a private key.
    named: bool,
}

#[test]
fn nothing_says_a_byte_of_a_private_key() {
    let module = Module::built_in().expect("the component is built: run `cargo xtask module` first");
    // The object identifiers of a key's algorithm stand in every certificate, whose PEM a report has.
    let public: HashSet<String> = windows(&self_signed(&ca("Example CA"))).into_iter().collect();
    let mut wrong = Vec::new();
    for given in all() {
        let secrets: Vec<String> = windows(&given.secret).into_iter().filter(|part| !public.contains(part)).collect();
        let mut look = |what: &str, said: &str| {
            let shown = secrets.iter().filter(|secret| said.contains(secret.as_str())).count();
            if shown > 0 {
                wrong.push(format!("{}: {what} has {shown} parts of the key", given.name));
            }
        };
        let native = text(&pullgate::check_certificates(&given.text, THEN));
        let component = text(&module.check_certificates(&given.text, THEN).expect("the module checks it"));
        look("native code", &native);
        look("the component", &component);
        for document in documents(&given.text) {
            look("the check of a policy", &text(&pullgate::check_policy(&document, THEN)));
            look("the check in the component", &text(&module.check_policy(&document, THEN).expect("it is checked")));
            match Policy::load(&document, THEN) {
                Ok(loaded) => look("loading", &text(&loaded.findings)),
                Err(findings) => look("loading", &text(&findings)),
            }
            match module.load(&document, THEN, EvaluatorOptions::default()) {
                Ok((_, findings)) | Err(LoadError::Policy(findings)) => look("loading", &text(&findings)),
                Err(error) => look("loading", &error.to_string()),
            }
        }
        if given.named && !native.contains("\"private-key\"") {
            wrong.push(format!("{}: is not called a private key: {native}", given.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Policies with the text as a certificate authority: alone, beside a certificate, and in a project. None for what is
/// no text.
fn documents(given: &[u8]) -> Vec<String> {
    let Ok(text) = std::str::from_utf8(given) else { return Vec::new() };
    let sound = pem(&self_signed(&ca("Example CA")));
    let documents = [
        json!({"certificate_authorities": [{"pem": text}]}),
        json!({"whitelist": ["harbor.corp"], "certificate_authorities": [{"pem": sound}, {"pem": text, "registries": ["harbor.corp"]}]}),
        json!({"projects": {"alpha": {"certificate_authorities": [{"pem": text}]}}}),
    ];
    documents.iter().map(ToString::to_string).collect()
}

/// What nothing may say: stretches of the key as base64, as hexadecimal, and as they are.
fn windows(der: &[u8]) -> Vec<String> {
    let mut windows: Vec<String> = Vec::new();
    // The base64 of the key depends on what stands in front of it, modulo three.
    for offset in 0..3 {
        let shifted = base64(&[&vec![0; offset], der].concat());
        let shifted = shifted.trim_end_matches('=');
        windows.extend(shifted.as_bytes()[4..].windows(WINDOW).map(|part| String::from_utf8_lossy(part).into_owned()));
    }
    for part in der.windows(WINDOW) {
        windows.push(part.iter().map(|byte| format!("{byte:02x}")).collect());
        windows.extend(String::from_utf8(part.to_vec()));
        let listed: Vec<String> = part.iter().map(u8::to_string).collect();
        windows.push(listed.join(","));
    }
    windows
}

fn text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("a report can be written as JSON")
}

fn all() -> Vec<Given> {
    let mut all = Vec::new();
    for (kind, label, der) in keys() {
        all.extend(ways(kind, label, &der));
    }
    all
}

/// Keys of all kinds: what they are called, their label and their DER.
fn keys() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let pkcs8 = key().serialize_der();
    // OpenSSL converts what it reads from a pipe.
    let sec1 = openssl(&["ec", "-inform", "DER", "-outform", "DER"], &pkcs8);
    let rsa = openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-outform", "DER"], b"");
    let pkcs1 = openssl(&["rsa", "-inform", "DER", "-outform", "DER", "-traditional"], &rsa);
    let encrypt = ["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-passout", "pass:x", "-inform", "DER", "-outform", "DER"];
    let encrypted = openssl(&encrypt, &pkcs8);
    // RFC 8032's kind of key, and one of OpenSSH, which no program here makes: magic, and 64 bytes that are a key's.
    let ed25519 = openssl(&["genpkey", "-algorithm", "ed25519", "-outform", "DER"], b"");
    let noise = key().sign(b"noise").expect("a signature is made");
    let openssh = [b"openssh-key-v1\0\0\0\0\x04none\0\0\0\x04none".as_slice(), &noise].concat();
    vec![
        ("PKCS #8", "PRIVATE KEY", pkcs8),
        ("SEC 1", "EC PRIVATE KEY", sec1),
        ("PKCS #1", "RSA PRIVATE KEY", pkcs1),
        ("encrypted PKCS #8", "ENCRYPTED PRIVATE KEY", encrypted),
        ("Ed25519", "PRIVATE KEY", ed25519),
        ("OpenSSH", "OPENSSH PRIVATE KEY", openssh),
    ]
}

/// The ways in which people give a key by mistake.
fn ways(kind: &'static str, label: &str, key: &[u8]) -> Vec<Given> {
    let armoured_key = armoured(label, key);
    let sound = self_signed(&ca("Example CA"));
    let certificate = pem(&sound);
    let bare = base64(key);
    let half = &armoured_key[..armoured_key.len() / 2];
    let dashes = |text: &str| text.replace("-----", "\u{2014}\u{2014}\u{2014}");
    let named =
        |name: &str, text: Vec<u8>| Given { name: format!("{kind}, {name}"), text, secret: key.to_vec(), named: true };
    // OpenSSH's is not DER: without its label it is nothing known.
    let unlabelled = |name: &str, text: Vec<u8>| Given { named: kind != "OpenSSH", ..named(name, text) };
    // Here it counts only that nothing of it is said.
    let quiet = |name: &str, text: Vec<u8>| Given { named: false, ..named(name, text) };
    let end = format!("-----END {label}-----\n");
    vec![
        named("in PEM", armoured_key.clone().into()),
        named("with line ends of Windows", armoured_key.replace('\n', "\r\n").into()),
        named("with text before it", format!("Bag Attributes\n    friendlyName: key\n{armoured_key}").into()),
        named("before a certificate", format!("{armoured_key}{certificate}").into()),
        named("after a certificate", format!("{certificate}{armoured_key}").into()),
        named("cut off", half.into()),
        named("cut off before a certificate", format!("{half}\n{certificate}").into()),
        named("without its END line", armoured_key.replace(&end, "").into()),
        named("with em dashes", dashes(&armoured_key).into()),
        named("with em dashes at the end", armoured_key.replace(&end, &dashes(&end)).into()),
        named("with em dashes at the beginning", dashes(&armoured_key).replace(&dashes(&end), &end).into()),
        named("with four hyphens", armoured_key.replace("-----", "----").into()),
        named("with line ends as two characters", armoured_key.replace('\n', "\\n").into()),
        named("on one line", armoured_key.replace('\n', " ").into()),
        named("with another END label", armoured_key.replace(&end, "-----END CERTIFICATE-----\n").into()),
        named("with a strange character", armoured_key.replacen('\n', "\n*", 2).into()),
        unlabelled("labelled as a certificate", pem(key).into()),
        unlabelled("in DER", key.to_vec()),
        unlabelled("as bare base64", bare.clone().into()),
        unlabelled(
            "as bare base64 with line ends",
            armoured_key.lines().filter(|line| !line.contains("--")).collect::<Vec<_>>().join("\n").into(),
        ),
        quiet("labelled as a certificate, cut off", pem(&key[..key.len() / 2]).into()),
        quiet("labelled as a certificate, with a strange character", pem(key).replacen('\n', "\n*", 2).into()),
        quiet(
            "labelled as a certificate, without an END line",
            pem(key).replace("-----END CERTIFICATE-----\n", "").into(),
        ),
        quiet("labelled as a certificate, with line ends as two characters", pem(key).replace('\n', "\\n").into()),
        quiet("labelled as a request", armoured("CERTIFICATE REQUEST", key).into()),
        quiet(
            "with its lines labelled",
            armoured_key.lines().map(|line| format!("-----BEGIN {line}-----\n")).collect::<String>().into(),
        ),
        quiet("with a label of its own", armoured(&bare[..bare.len().min(40)], key).into()),
        quiet("without its BEGIN line", armoured_key.lines().skip(1).collect::<Vec<_>>().join("\n").into()),
        quiet("in DER, cut off", key[..key.len() / 2].to_vec()),
        quiet("in DER after a certificate", [sound.as_slice(), key].concat()),
        quiet("as bare base64 after a certificate", base64(&[sound.as_slice(), key].concat()).into()),
        quiet("after a certificate in its block", pem(&[sound.as_slice(), key].concat()).into()),
        quiet(
            "after a trusted certificate in its block",
            armoured("TRUSTED CERTIFICATE", &[sound.as_slice(), key].concat()).into(),
        ),
        quiet("in a sequence after a certificate", pem(&der(0x30, &[&sound, key])).into()),
        quiet("as text in UTF-16", armoured_key.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        quiet("in DER as a form has it", String::from_utf8_lossy(key).into_owned().into()),
    ]
}
