//! A case for every code that the rules of certificates have, and the cases beside it that must not have it.

use std::collections::BTreeSet;

use pullgate::{CODES, Finding, MAX_BLOCKS, MAX_BUNDLE_BYTES};
use rcgen::{
    BasicConstraints, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyUsagePurpose, PublicKeyData,
    SerialNumber, date_time_ymd,
};
use serde_json::{Value, json};

use super::external_tools::{Scratch, now, openssl};
use super::generated::{self, ByHand, THEN, armoured, ca, ca_between, ca_with, key, leaf, pem, self_signed, signed_by};

/// What is checked, and the codes that it has, all of them.
struct Case {
    name: &'static str,
    text: Input,
    at: u64,
    codes: Vec<&'static str>,
}

enum Input {
    Bundle(Vec<u8>),
    Policy(Value),
}

impl Case {
    fn codes_found(&self) -> BTreeSet<String> {
        let findings: Vec<Finding> = match &self.text {
            Input::Bundle(text) => {
                let report = pullgate::check_certificates(text, self.at);
                let own = report.certificates.into_iter().flat_map(|certificate| certificate.findings);
                report.findings.into_iter().chain(own).collect()
            }
            Input::Policy(document) => pullgate::check_policy(&document.to_string(), self.at).findings,
        };
        findings.iter().map(|finding| finding.code.as_str().to_owned()).collect()
    }
}

fn bundle(name: &'static str, text: impl Into<Vec<u8>>, codes: &[&'static str]) -> Case {
    Case { name, text: Input::Bundle(text.into()), at: THEN, codes: codes.to_vec() }
}

/// One certificate in PEM.
fn one(name: &'static str, der: &[u8], codes: &[&'static str]) -> Case {
    bundle(name, pem(der), codes)
}

/// What OpenSSL made, which knows of no other time.
fn today(name: &'static str, text: Vec<u8>, codes: &[&'static str]) -> Case {
    Case { at: now(), ..bundle(name, text, codes) }
}

fn policy(name: &'static str, document: Value, codes: &[&'static str]) -> Case {
    Case { name, text: Input::Policy(document), at: THEN, codes: codes.to_vec() }
}

#[test]
fn every_code_has_a_case() {
    let met: BTreeSet<&str> = cases().iter().flat_map(|case| case.codes.clone()).collect();
    let of_certificates = CODES.iter().filter(|row| row.rule.starts_with('C'));
    let never: Vec<&str> = of_certificates.map(|row| row.name).filter(|name| !met.contains(name)).collect();
    assert!(never.is_empty(), "codes without a case: {never:?}");
}

#[test]
fn every_case_has_its_codes() {
    let mut wrong = Vec::new();
    for case in cases() {
        let expected: BTreeSet<String> = case.codes.iter().map(|code| (*code).to_owned()).collect();
        let found = case.codes_found();
        if found != expected {
            wrong.push(format!("{}: expected {expected:?}, found {found:?}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn cases() -> Vec<Case> {
    let mut cases = vec![one("a sound CA", &self_signed(&ca("Example CA")), &[])];
    cases.extend(not_certificates());
    cases.extend(forms());
    cases.extend(not_authorities());
    cases.extend(times());
    cases.extend(weak());
    cases.extend(shapes());
    cases.extend(together());
    cases.extend(limits());
    cases.extend(policies());
    cases
}

/// Rule C3: what is no certificate, and armour.
fn not_certificates() -> Vec<Case> {
    let sound = self_signed(&ca("Example CA"));
    let text = pem(&sound);
    let with_more = [sound.as_slice(), b"\x05\x00"].concat();
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let public_key = key().subject_public_key_info();
    let file = Scratch::new(text.as_bytes());
    let certificate = file.path();
    let pkcs7 = openssl(&["crl2pkcs7", "-nocrl", "-certfile", certificate], b"");
    let pkcs7_der = openssl(&["crl2pkcs7", "-nocrl", "-certfile", certificate, "-outform", "DER"], b"");
    let pkcs12 = openssl(&["pkcs12", "-export", "-nokeys", "-in", certificate, "-passout", "pass:example"], b"");
    vec![
        bundle("empty", "", &["certificate-none"]),
        bundle("something else", "hello\n", &["certificate-none"]),
        bundle("no END", text.replace("-----END CERTIFICATE-----\n", ""), &["pem-armour"]),
        bundle("no BEGIN", text.replace("-----BEGIN CERTIFICATE-----\n", ""), &["pem-armour"]),
        bundle(
            "four hyphens",
            text.replace("-----BEGIN CERTIFICATE-----", "----BEGIN CERTIFICATE-----"),
            &["pem-armour"],
        ),
        bundle("BEGIN and END differ", text.replace("END CERTIFICATE", "END X509 CERTIFICATE"), &["pem-armour"]),
        bundle("a character", text.replace("\nMI", "\nM*"), &["pem-base64"]),
        bundle("cut off", format!("{}\n-----END CERTIFICATE-----\n", &text[..98]), &["pem-base64"]),
        one("more bytes", &with_more, &["pem-trailing-data"]),
        bundle("another label", armoured("CERT", &sound), &["pem-label-unknown", "certificate-none"]),
        bundle("UTF-16", [b"\xff\xfe".as_slice(), &utf16].concat(), &["pem-utf16"]),
        one("not DER", b"hello, world", &["certificate-unreadable"]),
        one("half of a certificate", &sound[..sound.len() / 2], &["certificate-unreadable"]),
        bundle("a request", armoured("CERTIFICATE REQUEST", &generated::request()), &["certificate-request"]),
        bundle("an old request", armoured("NEW CERTIFICATE REQUEST", &generated::request()), &["certificate-request"]),
        one("a request labelled as a certificate", &generated::request(), &["certificate-request"]),
        bundle("a public key", armoured("PUBLIC KEY", &public_key), &["public-key"]),
        one("a public key labelled as a certificate", &public_key, &["public-key"]),
        bundle("PKCS #7", pkcs7, &["pkcs7"]),
        bundle("PKCS #7 in DER", pkcs7_der.clone(), &["pkcs7"]),
        one("PKCS #7 labelled as a certificate", &pkcs7_der, &["pkcs7"]),
        bundle("a CRL", armoured("X509 CRL", &generated::revocation_list()), &["revocation-list"]),
        bundle("a CRL in DER", generated::revocation_list(), &["revocation-list"]),
        bundle("a private key", armoured("PRIVATE KEY", key().serialized_der()), &["private-key", "certificate-none"]),
        bundle(
            "a private key beside a certificate",
            text.clone() + &armoured("PRIVATE KEY", key().serialized_der()),
            &["private-key"],
        ),
        bundle("DER", sound.clone(), &["certificate-der"]),
        bundle("PKCS #12", pkcs12, &["pkcs12"]),
        bundle("a path", "/etc/docker/certs.d/harbor.corp/ca.crt\n", &["certificate-none"]),
    ]
}

/// Rule C9: forms that Go does not read, and what was damaged on its way.
fn forms() -> Vec<Case> {
    let der = self_signed(&ca("Example CA"));
    let (text, other) = (pem(&der), pem(&self_signed(&ca("Another CA"))));
    let file = Scratch::new(text.as_bytes());
    let trusting = |settings: &[&str]| openssl(&[&["x509", "-in", file.path(), "-trustout"], settings].concat(), b"");
    let prefixed = |prefix: &str| text.lines().map(|line| format!("{prefix}{line}\n")).collect::<String>();
    let joined = format!("{}{other}", text.trim_end());
    let rejected = &["certificate-trust-settings"];
    vec![
        bundle("a byte-order mark", format!("\u{feff}{text}"), &["pem-not-plain"]),
        bundle("a byte-order mark before text", format!("\u{feff}first\n{text}"), &[]),
        bundle("indented", prefixed("    "), &["pem-not-plain"]),
        bundle("indented by tabs", prefixed("\t"), &["pem-not-plain"]),
        bundle("only the base64 is indented", text.replace("\nMI", "\n  MI"), &[]),
        bundle("blanks at the ends of lines", text.replace('\n', " \t\n"), &[]),
        bundle("CR LF", text.replace('\n', "\r\n"), &[]),
        bundle("CR alone", text.replace('\n', "\r"), &["pem-not-plain"]),
        bundle("the old label", armoured("X509 CERTIFICATE", &der), &["pem-not-plain"]),
        bundle("trusted", armoured("TRUSTED CERTIFICATE", &der), &["pem-not-plain"]),
        bundle("trusted for servers", trusting(&["-addtrust", "serverAuth"]), &["pem-not-plain"]),
        bundle("trusted for anything", trusting(&["-addtrust", "anyExtendedKeyUsage"]), &["pem-not-plain"]),
        bundle("rejected for clients", trusting(&["-addreject", "clientAuth"]), &["pem-not-plain"]),
        bundle("rejected for servers", trusting(&["-addreject", "serverAuth"]), rejected),
        bundle("rejected for anything", trusting(&["-addreject", "anyExtendedKeyUsage"]), rejected),
        bundle("trusted for clients", trusting(&["-addtrust", "clientAuth"]), rejected),
        bundle("trusted and rejected", trusting(&["-addtrust", "serverAuth", "-addreject", "serverAuth"]), rejected),
        bundle("no line end between two", joined, &["pem-armour"]),
        bundle("base64 of a PEM", generated::base64(text.as_bytes()), &["pem-in-base64"]),
        bundle("base64 of two", generated::base64(format!("{text}{other}").as_bytes()), &["pem-in-base64"]),
        bundle("base64 of DER", generated::base64(&der), &["pem-armour"]),
        bundle(
            "base64 of a private key",
            generated::base64(armoured("PRIVATE KEY", key().serialized_der()).as_bytes()),
            &["private-key"],
        ),
        bundle("base64 of something else", generated::base64(b"hello, world"), &["certificate-none"]),
        bundle("no-break spaces", prefixed("\u{a0}"), &["pem-armour"]),
        bundle("no-break spaces among base64", text.replace("\nMI", "\nM\u{a0}I"), &["pem-armour"]),
        bundle("escaped line ends in quotes", format!("{text:?}"), &["pem-armour"]),
        bundle("a header", text.replace("\nMI", "\nComment: x\n\nMI"), &["pem-base64"]),
    ]
}

/// Rules C4 and C5: whether it may vouch for anything.
fn not_authorities() -> Vec<Case> {
    let usage = |usages: &[KeyUsagePurpose]| ca_with(|params| params.key_usages = usages.to_vec());
    let extended = |usages: &[ExtendedKeyUsagePurpose]| ca_with(|params| params.extended_key_usages = usages.to_vec());
    let mut absent = leaf("harbor.corp");
    absent.is_ca = IsCa::NoCa;
    let mut limited = ca("Example CA");
    limited.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    vec![
        one("basic constraints say no", &signed_by(&leaf("harbor.corp"), "Example CA"), &["certificate-not-ca"]),
        one("no basic constraints", &signed_by(&absent, "Example CA"), &["certificate-not-ca"]),
        one("self-signed", &self_signed(&leaf("harbor.corp")), &["certificate-self-signed-leaf"]),
        one("self-signed without basic constraints", &self_signed(&absent), &["certificate-self-signed-leaf"]),
        one("an issuer that is written otherwise than the subject", &generated::retyped(), &[]),
        one("a limit to the path", &self_signed(&limited), &[]),
        one("a limit that no path reaches", &with_basic_constraints(b"\x30\x07\x01\x01\xff\x02\x02\x01\x2c"), &[]),
        one(
            "basic constraints that spell out what DER leaves out",
            &with_basic_constraints(b"\x30\x03\x01\x01\x00"),
            &["certificate-self-signed-leaf"],
        ),
        one(
            "a limit below zero",
            &with_basic_constraints(b"\x30\x06\x01\x01\xff\x02\x01\xff"),
            &["certificate-extension-invalid", "certificate-self-signed-leaf"],
        ),
        one("a key for signatures only", &usage(&[KeyUsagePurpose::DigitalSignature]), &["certificate-key-usage"]),
        one("no key usage", &usage(&[]), &[]),
        one("for clients only", &extended(&[ExtendedKeyUsagePurpose::ClientAuth]), &["certificate-extended-key-usage"]),
        one("for servers", &extended(&[ExtendedKeyUsagePurpose::ServerAuth]), &[]),
        one("for anything", &extended(&[ExtendedKeyUsagePurpose::Any]), &[]),
        one(
            "a critical extension",
            &generated::ca_with_extension(&[1, 3, 6, 1, 4, 1, 99999, 1], true, b"\x05\x00"),
            &["certificate-critical-extension"],
        ),
        one(
            "the same, not critical",
            &generated::ca_with_extension(&[1, 3, 6, 1, 4, 1, 99999, 1], false, b"\x05\x00"),
            &[],
        ),
        one(
            "a damaged extension",
            &generated::ca_with_extension(&[2, 5, 29, 37], false, b"\x04\x01"),
            &["certificate-extension-invalid"],
        ),
        one(
            "an extension twice",
            &generated::ca_with_extension(&[2, 5, 29, 15], true, b"\x03\x02\x01\x06"),
            &["certificate-extension-invalid"],
        ),
        one("name constraints", &generated::constrained(), &["certificate-name-constraints"]),
    ]
}

/// Rules C4 and C7: times, each at its edge.
fn times() -> Vec<Case> {
    let at = |name, at: u64, codes: &[&'static str]| Case { at, ..one(name, &ca_between(2026, 2036), codes) };
    // The first seconds of 2026 and of 2036: the certificate is valid in both.
    let (from, until, days) = (1_767_225_600, 2_082_758_400, 86_400);
    let mut backwards = ca("Example CA");
    backwards.not_before = date_time_ymd(2036, 1, 1);
    backwards.not_after = date_time_ymd(2026, 1, 1);
    vec![
        at("the second before", from - 1, &["certificate-not-yet-valid"]),
        at("the first second", from, &[]),
        at("thirty days and a second before the end", until - 30 * days - 1, &[]),
        at("thirty days before the end", until - 30 * days, &["certificate-expires-soon"]),
        at("the last second", until, &["certificate-expires-soon"]),
        at("the second after", until + 1, &["certificate-expired"]),
        at("the first second of all", 0, &["certificate-not-yet-valid"]),
        at("the last second of all", u64::MAX, &["certificate-expired"]),
        one("backwards", &self_signed(&backwards), &["certificate-validity"]),
        one("twenty-five years", &ca_between(2025, 2050), &[]),
        one("twenty-six years", &ca_between(2025, 2051), &["certificate-long-lived"]),
    ]
}

/// Rule C4: keys and signatures. OpenSSL makes them, being less strict than the libraries.
fn weak() -> Vec<Case> {
    let rsa = |bits: &str, digest: &str| authority(&["-newkey", &format!("rsa:{bits}")], digest);
    let curve = |name: &str| authority(&["-newkey", "ec", "-pkeyopt", &format!("ec_paramgen_curve:{name}")], "-sha256");
    let parameters = openssl(&["dsaparam", "1024"], b"");
    let parameters = Scratch::new(&parameters);
    let dsa = authority(&["-newkey", &format!("dsa:{}", parameters.path())], "-sha256");
    vec![
        today("RSA with 2048 bits", rsa("2048", "-sha256"), &[]),
        today("RSA with 1024 bits", rsa("1024", "-sha256"), &["certificate-key-weak"]),
        today("P-224", curve("secp224r1"), &["certificate-key-weak"]),
        today("secp256k1", curve("secp256k1"), &["certificate-key-weak"]),
        today("P-384", curve("secp384r1"), &[]),
        today("P-521", curve("secp521r1"), &[]),
        today(
            "P-521 with SHA-512",
            authority(&["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521"], "-sha512"),
            &[],
        ),
        today(
            "P-256 with SHA-512",
            authority(&["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "-sha512"),
            &[],
        ),
        today("Ed25519", authority(&["-newkey", "ed25519"], "-sha256"), &[]),
        today("Ed448", authority(&["-newkey", "ed448"], "-sha256"), &["certificate-algorithm"]),
        today(
            "RSASSA-PSS",
            authority(&["-newkey", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"], "-sha256"),
            &["certificate-algorithm"],
        ),
        today("SM2", sm2(), &["certificate-algorithm"]),
        one(
            "GOST",
            &ByHand { key: Some(generated::gost_key()), ..ByHand::default() }.made(),
            &["certificate-algorithm"],
        ),
        today("SHA-224 on a root", rsa("2048", "-sha224"), &[]),
        today(
            "SHA-224 on an intermediate",
            intermediate(&["-sha224"]),
            &["certificate-algorithm", "certificate-intermediate"],
        ),
        today("RSASSA-PSS on an intermediate", intermediate(&pss("digest")), &["certificate-intermediate"]),
        today(
            "RSASSA-PSS with another salt on an intermediate",
            intermediate(&pss("20")),
            &["certificate-algorithm", "certificate-intermediate"],
        ),
        today("DSA", dsa, &["certificate-key-weak"]),
        today("MD5", rsa("2048", "-md5"), &["certificate-signature-weak"]),
        today("SHA-1 on a root", rsa("2048", "-sha1"), &["certificate-signature-sha1"]),
        today(
            "SHA-1 on an intermediate",
            intermediate(&["-sha1"]),
            &["certificate-signature-weak", "certificate-intermediate"],
        ),
        today("SHA-256 on an intermediate", intermediate(&["-sha256"]), &["certificate-intermediate"]),
    ]
}

const EXTENSIONS: &str =
    "basicConstraints = critical, CA:true\nkeyUsage = critical, keyCertSign, cRLSign\nsubjectKeyIdentifier = hash\n";

/// A self-signed CA with a key like this, as OpenSSL makes it.
pub fn authority(key: &[&str], digest: &str) -> Vec<u8> {
    let settings = format!(
        "[req]\ndistinguished_name = dn\nx509_extensions = ca\nprompt = no\n[dn]\nCN = Example CA\n[ca]\n{EXTENSIONS}"
    );
    let settings = Scratch::new(settings.as_bytes());
    let arguments = [
        "req",
        "-x509",
        "-batch",
        "-nodes",
        "-days",
        "3650",
        "-keyout",
        "/dev/null",
        "-config",
        settings.path(),
        digest,
    ];
    openssl(&[&arguments, key].concat(), b"")
}

/// A self-signed CA with a key by SM2, which signs with SM3.
pub fn sm2() -> Vec<u8> {
    let key = openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:SM2"], b"");
    authority(&["-key", Scratch::new(&key).path()], "-sm3")
}

/// A CA that another one signed.
pub fn intermediate(signature: &[&str]) -> Vec<u8> {
    let key = openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], b"");
    let key = Scratch::new(&key);
    let request = openssl(&["req", "-new", "-key", key.path(), "-subj", "/CN=Example intermediate CA"], b"");
    let root = ["req", "-x509", "-key", key.path(), "-subj", "/CN=Example root CA", "-days", "3650"];
    let (root, extensions) = (Scratch::new(&openssl(&root, b"")), Scratch::new(EXTENSIONS.as_bytes()));
    let sign = ["x509", "-req", "-CA", root.path(), "-CAkey", key.path(), "-set_serial", "7", "-days", "3650"];
    openssl(&[sign.as_slice(), &["-extfile", extensions.path()], signature].concat(), &request)
}

/// A signature by RSASSA-PSS with SHA-256 and a salt of this length.
fn pss(salt_length: &str) -> [&str; 5] {
    let salt = match salt_length {
        "digest" => "rsa_pss_saltlen:digest",
        _ => "rsa_pss_saltlen:20",
    };
    ["-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", salt]
}

/// Rule C4: versions, serial numbers and names.
fn shapes() -> Vec<Case> {
    let by_hand = |name, by_hand: ByHand, codes: &[&'static str]| one(name, &by_hand.made(), codes);
    let serial = |name, serial: &[u8], codes: &[&'static str]| {
        by_hand(name, ByHand { serial: serial.to_vec(), ..ByHand::default() }, codes)
    };
    vec![
        by_hand("by hand", ByHand::default(), &[]),
        by_hand(
            "version 1",
            ByHand { version: 0, extensions: false, ..ByHand::default() },
            &["certificate-version-1", "certificate-self-signed-leaf"],
        ),
        by_hand("version 1 with extensions", ByHand { version: 0, ..ByHand::default() }, &["certificate-version"]),
        by_hand("version 2 with extensions", ByHand { version: 1, ..ByHand::default() }, &["certificate-version"]),
        by_hand("no name", ByHand { named: false, ..ByHand::default() }, &["certificate-nameless"]),
        serial("serial number zero", &[0], &["certificate-serial"]),
        serial("serial number below zero", &[0xff], &["certificate-serial"]),
        serial("a serial number of 20 octets", &[0x7f; 20], &[]),
        serial("a serial number of 21 octets", &[0x7f; 21], &["certificate-serial"]),
        by_hand(
            "MD5 inside only",
            ByHand { algorithms: [generated::MD5_RSA, generated::ECDSA], ..ByHand::default() },
            &["certificate-signature-weak"],
        ),
        by_hand(
            "MD5 outside only, and not as a signature",
            ByHand { algorithms: [generated::ECDSA, generated::MD5], ..ByHand::default() },
            &["certificate-signature-weak"],
        ),
        one("key usage of 32 bits", &with_long_key_usage(), &[]),
        one(
            "a serial number by rcgen",
            &ca_with(|params| params.serial_number = Some(SerialNumber::from_slice(&[0x55; 24]))),
            &["certificate-serial"],
        ),
        one("a subject and no issuer", &signed_by_nobody(), &["certificate-intermediate"]),
    ]
}

/// A CA, or not, by this extension.
fn with_basic_constraints(content: &[u8]) -> Vec<u8> {
    ca_with(|params| {
        params.is_ca = IsCa::NoCa;
        params.custom_extensions.push(CustomExtension::from_oid_content(&[2, 5, 29, 19], content.to_vec()));
    })
}

/// A CA whose key usage has zeros at its end, as Windows writes it.
fn with_long_key_usage() -> Vec<u8> {
    ca_with(|params| {
        params.key_usages = Vec::new();
        let content = b"\x03\x05\x00\x06\x00\x00\x00".to_vec();
        params.custom_extensions.push(CustomExtension::from_oid_content(&[2, 5, 29, 15], content));
    })
}

/// A CA with a subject, whose issuer has no name.
fn signed_by_nobody() -> Vec<u8> {
    let mut nobody = ca("nobody");
    nobody.distinguished_name.remove(DnType::CommonName);
    nobody.distinguished_name.remove(DnType::OrganizationName);
    let issuer = Issuer::new(nobody, key());
    ca("Example CA").signed_by(&key(), &issuer).expect("a certificate is made").der().to_vec()
}

/// Rule C4: what certificates of one bundle mean to each other.
fn together() -> Vec<Case> {
    let text = |certificate: rcgen::Certificate| pem(certificate.der());
    let (root, root_key) = (ca("Example CA"), key());
    let mut intermediate = ca("Example intermediate CA");
    intermediate.use_authority_key_identifier_extension = true;
    let issuer = Issuer::from_params(&root, &root_key);
    let below = text(intermediate.signed_by(&key(), &issuer).expect("a certificate is made"));
    let sound = text(root.self_signed(&root_key).expect("a certificate is made"));
    let other = pem(&self_signed(&ca("Another CA")));
    // By another key of the same name.
    let renewed = pem(&signed_by(&ca("Example CA"), "Example CA"));
    let server = text(leaf("harbor.corp").signed_by(&key(), &issuer).expect("a certificate is made"));
    vec![
        bundle("two", format!("{sound}{other}"), &[]),
        bundle("the same twice", format!("{sound}{other}{sound}"), &["certificate-duplicate"]),
        bundle("an intermediate alone", below.clone(), &["certificate-intermediate"]),
        bundle("an intermediate and another", format!("{below}{other}"), &["certificate-intermediate"]),
        bundle("self-issued by another key", renewed.clone(), &["certificate-intermediate"]),
        bundle(
            "self-issued by another key, beside a namesake",
            format!("{renewed}{sound}"),
            &["certificate-intermediate"],
        ),
        bundle("an intermediate and its issuer", format!("{below}{sound}"), &[]),
        bundle("a server's certificate and its issuer", format!("{server}{sound}"), &["certificate-not-ca"]),
    ]
}

/// Rule C8, each limit at its edge.
fn limits() -> Vec<Case> {
    let sound = pem(&self_signed(&ca("Example CA")));
    let filled = |size: usize| format!("{sound}{}", " ".repeat(size - sound.len()));
    let blocks = |count: usize| sound.repeat(count);
    vec![
        bundle("as large as may be", filled(MAX_BUNDLE_BYTES), &[]),
        bundle("too large", filled(MAX_BUNDLE_BYTES + 1), &["bundle-too-large"]),
        bundle("as many as may be", blocks(MAX_BLOCKS), &["certificate-duplicate"]),
        bundle("too many", blocks(MAX_BLOCKS + 1), &["bundle-too-many-blocks"]),
    ]
}

/// Rules C2 and C4: authorities and whitelist.
fn policies() -> Vec<Case> {
    let sound = pem(&self_signed(&ca("Example CA")));
    let constrained = pem(&generated::constrained());
    let with = |whitelist: &[&str], authorities: Value| json!({"whitelist": whitelist, "certificate_authorities": authorities});
    vec![
        policy(
            "limited to what is not allowed",
            with(&["docker.io"], json!([{"pem": sound, "registries": ["harbor.corp"]}])),
            &["authority-without-effect", "authority-well-known"],
        ),
        policy(
            "limited to what is allowed",
            with(&["docker.io", "harbor.corp"], json!([{"pem": sound, "registries": ["harbor.corp"]}])),
            &["authority-well-known"],
        ),
        policy(
            "limited to nothing of a mode that is off",
            json!({"certificate_authorities": [{"pem": sound, "registries": ["harbor.corp"]}]}),
            &[],
        ),
        policy("for all", with(&["docker.io", "harbor.corp"], json!([{"pem": sound}])), &[]),
        policy(
            "for a private name",
            with(&["harbor.corp", "docker.io"], json!([])),
            &["authority-missing", "authority-well-known"],
        ),
        policy(
            "for a private address",
            with(&["10.1.2.3", "docker.io"], json!([])),
            &["authority-missing", "authority-well-known"],
        ),
        policy("for a public name", with(&["quay.io", "docker.io"], json!([])), &["authority-well-known"]),
        policy(
            "insecure",
            json!({"whitelist": ["docker.io", "lab.corp"], "insecure": ["lab.corp"]}),
            &["authority-well-known", "insecure-weakens"],
        ),
        policy(
            "excluded names",
            with(&["harbor.corp", "docker.io", "x.lab.corp", "10.1.2.3", "192.168.1.1"], json!([{"pem": constrained}])),
            &["certificate-name-constraints", "certificate-names-excluded"],
        ),
        policy(
            "names that are not excluded",
            with(&["harbor.corp", "10.1.2.3"], json!([{"pem": constrained}])),
            &["certificate-name-constraints", "docker-hub-denied"],
        ),
    ]
}
