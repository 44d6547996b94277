//! `pullgate ca`, and certificates in policies.

mod common;

use common::{file, run, run_with};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use serde_json::{Value, json};

struct Authority {
    pem: String,
    key: String,
    issuer: Issuer<'static, KeyPair>,
}

fn authority(name: &str) -> Authority {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    (params.not_before, params.not_after) = (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(2040, 1, 1));
    let pem = params.self_signed(&key).unwrap().pem();
    Authority { pem, key: key.serialize_pem(), issuer: Issuer::new(params, key) }
}

fn server(name: &str, authority: &Authority) -> String {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(2040, 1, 1));
    params.signed_by(&KeyPair::generate().unwrap(), &authority.issuer).unwrap().pem()
}

fn codes(findings: &Value) -> Vec<&str> {
    findings.as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect()
}

#[test]
fn a_good_authority_is_shown_and_can_be_used() {
    let authority = authority("Corp CA");
    let path = file("pem", &authority.pem);
    let ran = run(&["ca", &path, "--at", "2026-11-21"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.says(&["LINE", "SUBJECT", "ISSUER", "VALID UNTIL", "KEY", "SHA-256"]);
    ran.says(&["CN=Corp CA", "itself", "2040-01-01", "EC P-256", &path, " can be used: 1 certificate"]);

    let ran = run(&["ca", &path, "--at", "2026-11-21", "--json"]);
    let report = &ran.json()[0];
    let certificate = &report["certificates"][0];
    assert_eq!(report["findings"], json!([]));
    assert_eq!(
        [&certificate["subject"], &certificate["isCa"], &certificate["notAfter"], &certificate["findings"]],
        [&json!("CN=Corp CA"), &json!(true), &json!("2040-01-01T00:00:00Z"), &json!([])]
    );
    assert_eq!(certificate["key"], json!({"algorithm": "EC", "curve": "P-256"}));
}

#[test]
fn a_terminal_that_does_not_say_how_wide_it_is_gets_whole_lines() {
    let path = file("pem", &authority("Corp CA").pem);
    // util-linux's `script` runs it on a pseudo-terminal.
    let command = format!("stty cols 0; {} ca {path} --at 2026-11-21", env!("CARGO_BIN_EXE_pullgate"));
    let ran = std::process::Command::new("script").args(["-qec", &command, "/dev/null"]).output().unwrap();
    let stdout = String::from_utf8(ran.stdout).unwrap();
    assert!(ran.status.success() && stdout.contains("EC P-256") && stdout.contains("2040-01-01"), "{stdout}");
}

#[test]
fn time_is_an_argument() {
    let path = file("pem", &authority("Corp CA").pem);
    for (at, code, finding) in [
        ("2019-12-31T23:59:59Z", 0, "warning[certificate-not-yet-valid]"),
        ("2020-01-01", 0, "nothing to say"),
        ("2039-12-20", 0, "warning[certificate-expires-soon]"),
        ("2040-01-01T00:00:00Z", 0, "warning[certificate-expires-soon]"),
        ("2040-01-01T00:00:01Z", 1, "error[certificate-expired]"),
    ] {
        let ran = run(&["ca", &path, "--at", at]);
        assert_eq!(ran.code, Some(code), "{at}: {ran:?}");
        ran.says(&[finding]);
    }
    for at in ["yesterday", "2026-13-01", "2026-11-21T10:00:00+01:00", "1969-12-31"] {
        let ran = run(&["ca", &path, "--at", at]);
        assert_eq!(ran.code, Some(2), "{at}: {ran:?}");
    }
}

#[test]
fn findings_have_the_line_of_their_block() {
    let authority = authority("Corp CA");
    let text = format!("{0}{0}{1}{2}", authority.pem, server("harbor.corp.local", &authority), authority.key);
    let lines = authority.pem.lines().count();
    let path = file("pem", &text);
    let ran = run(&["ca", &path]);
    assert_eq!(ran.code, Some(1));
    ran.says(&[
        &format!("{path}:{}: warning[certificate-duplicate]", lines + 1),
        &format!("{path}:{}: error[certificate-not-ca]", 2 * lines + 1),
        "`CN=Corp CA`",
        "error[private-key]",
        "cannot be used as it is: 3 certificates, 2 errors, 1 warning",
    ]);
    let ran = run(&["ca", &path, "--json"]);
    assert_eq!(codes(&ran.json()[0]["findings"]), ["private-key"]);
    assert_eq!(codes(&ran.json()[0]["certificates"][1]["findings"]), ["certificate-duplicate"]);
}

#[test]
fn binary_files_come_back_as_pem() {
    let authority = authority("Corp CA");
    let der = pem_to_der(&authority.pem);
    let ran = run_with(&["ca", "-", "--json"], &der);
    let report = &ran.json()[0];
    assert_eq!((ran.code, codes(&report["findings"])), (Some(1), vec!["certificate-der"]));
    let ran = run_with(&["ca", "-"], report["findings"][0]["fix"].as_str().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn plain_pem_is_written_whatever_form_it_was_given_in() {
    let (one, other) = (authority("Corp CA"), authority("Lab CA"));
    let plain = &one.pem;
    let der = pem_to_der(plain);
    let with_crlf = plain.replace('\n', "\r\n");
    let indented: String = plain.lines().map(|line| format!("    {line}\n")).collect();
    let forms: Vec<Vec<u8>> = vec![
        plain.clone().into(),
        with_crlf.into(),
        format!("subject=CN = Corp CA\n\n{plain}\nthat was it\n").into(),
        format!("\u{feff}{plain}").into(),
        indented.into(),
        plain.replace("CERTIFICATE-----", "X509 CERTIFICATE-----").into(),
        plain.replace("CERTIFICATE-----", "TRUSTED CERTIFICATE-----").into(),
        plain.replace('\n', "\\n").into(),
        plain.replace('\n', " ").into(),
        plain.replace('\n', "\n\u{a0}").trim_end_matches('\u{a0}').into(),
        openssl(&["base64", "-A"], plain.as_bytes()),
        openssl(&["base64"], &der),
        der,
    ];
    for form in forms {
        let ran = run_with(&["ca", "--pem", "-"], &form);
        assert_eq!(
            (ran.code, ran.stdout.as_str()),
            (Some(0), plain.as_str()),
            "{:?}: {ran:?}",
            String::from_utf8_lossy(&form)
        );
    }
    // Joined without a line end, the second with a byte-order mark and the old label.
    let joined = format!("{}\u{feff}{}", plain.trim_end(), other.pem.replace("CERTIFICATE--", "X509 CERTIFICATE--"));
    let ran = run_with(&["ca", "--pem", "-"], joined);
    assert_eq!((ran.code, ran.stdout), (Some(0), format!("{plain}{}", other.pem)));
    ran_complains_of_the_join(&ran.stderr);
    // Several files are one bundle.
    let files = [file("pem", plain), file("pem", &other.pem)];
    let ran = run(&["ca", "--pem", &files[0], &files[1]]);
    assert_eq!((ran.code, ran.stdout), (Some(0), format!("{plain}{}", other.pem)));
}

fn ran_complains_of_the_join(stderr: &str) {
    let lines: Vec<&str> = stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("error[pem-armour]: an END and a BEGIN stand on line"), "{lines:?}");
    assert!(lines[1].contains("info[pem-not-plain]"), "{lines:?}");
}

#[test]
fn plain_pem_has_what_was_read_and_no_key() {
    let authority = authority("Corp CA");
    let plain = &authority.pem;
    // The server's certificate is taken out where its issuer's is there.
    let ran = run_with(&["ca", "--pem", "-"], server("harbor.corp.local", &authority) + plain);
    assert_eq!((ran.code, &ran.stdout), (Some(0), plain), "{ran:?}");
    ran.complains(&["error[certificate-not-ca]", "take it out"]);
    // What has errors is written, and the exit code says so; a key is not.
    let lone = server("harbor.corp.local", &authority);
    let ran = run_with(&["ca", "--pem", "-"], &lone);
    assert_eq!((ran.code, &ran.stdout), (Some(1), &lone), "{ran:?}");
    let ran = run_with(&["ca", "--pem", "-"], format!("{plain}{}", authority.key));
    assert_eq!((ran.code, &ran.stdout), (Some(1), plain), "{ran:?}");
    ran.complains(&["error[private-key]"]);
    assert!(!ran.stderr.contains(authority.key.lines().nth(1).unwrap()));
    let ran = run(&["ca", "--pem", &file("pem", "nothing")]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    ran.complains(&["error[certificate-none]"]);
    // Trust settings that reject servers would be lost in plain PEM.
    let rejecting = openssl(&["x509", "-trustout", "-addreject", "serverAuth"], plain.as_bytes());
    let ran = run_with(&["ca", "--pem", "-"], rejecting);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{}", ran.stderr);
    ran.complains(&["error[certificate-trust-settings]"]);
    assert_eq!(run(&["ca", "--pem", "--json", "x.pem"]).code, Some(2));
}

fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let input = std::fs::File::open(file("in", input)).unwrap();
    let ran = std::process::Command::new("openssl").args(arguments).stdin(input).output();
    let ran = ran.expect("openssl runs: install the package `openssl`");
    assert!(ran.status.success(), "{ran:?}");
    ran.stdout
}

fn pem_to_der(pem: &str) -> Vec<u8> {
    openssl(&["x509", "-outform", "DER"], pem.as_bytes())
}

#[test]
fn several_files_are_several_reports() {
    let (first, second) = (file("pem", &authority("A").pem), file("pem", "nothing"));
    let ran = run(&["ca", &first, &second, "--json"]);
    assert_eq!((ran.code, ran.json().len()), (Some(1), 2));
    assert_eq!(codes(&ran.json()[1]["findings"]), ["certificate-none"]);
    assert_eq!(run(&["ca", &first, "/no/such/file"]).code, Some(2));
    assert_eq!(run(&["ca", "-", "-"]).code, Some(2));
    assert_eq!(run(&["ca"]).code, Some(2));
}

#[test]
fn a_bundle_that_is_too_large_is_refused() {
    let ran = run_with(&["ca", "-", "--json"], vec![b'\n'; (1 << 20) + 1]);
    assert_eq!((ran.code, codes(&ran.json()[0]["findings"])), (Some(1), vec!["bundle-too-large"]));
    // Reading stops at the limit, so the actual size is unknown.
    assert_eq!(ran.json()[0]["findings"][0]["message"], "a bundle has at most 1048576 bytes, and this one has more");
}

#[test]
fn a_private_key_is_never_shown() {
    let key = authority("Corp CA").key;
    let body: Vec<&str> = key.lines().filter(|line| !line.starts_with('-')).collect();
    let escaped = key.replace('\n', "\\n");
    let damaged = escaped.replace("-----BEGIN PRIVATE KEY-----", "").replace("-----END PRIVATE KEY-----", "");
    for text in [
        format!("{{\"certificate_authorities\": [{{\"pem\": \"{escaped}\"}}]}}"),
        format!("{{\"certificate_authorities\": [{{\"pem\": \"{damaged}\"}}]}}"),
        format!("{{\"certificate_authorities\": [{{\"pem\": \"{damaged}\"}}]}} oops"),
        format!("[[certificate_authorities]]\npem = '''\n{key}'''\n"),
        format!("[[certificate_authorities]]\npem = '''\n{key}''' oops\n"),
    ] {
        for flags in [&["check"][..], &["check", "--json"]] {
            let ran = run_with(&[flags, &["-"]].concat(), &text);
            assert_eq!(ran.code, Some(1), "{ran:?}");
            for line in &body {
                assert!(!ran.stdout.contains(&line[..12]) && !ran.stderr.contains(&line[..12]), "{}", ran.stdout);
            }
        }
    }
}

#[test]
fn decisions_name_the_authorities_that_apply() {
    let (everywhere, limited) = (authority("Everywhere"), authority("Limited"));
    let policy = json!({
        "whitelist": ["a.corp", "b.corp"],
        "insecure": ["c.corp"],
        "certificate_authorities": [{"pem": everywhere.pem}, {"pem": limited.pem, "registries": ["b.corp:443"]}],
    });
    let path = file("json", policy.to_string());
    let ran = run(&["decide", "--policy", &path, "--json", "a.corp/x", "b.corp/x", "b.corp:5000/x", "c.corp/x"]);
    let number = |answer: &Value| answer["authorities"].as_array().map_or(0, Vec::len);
    assert_eq!(ran.json().iter().map(number).collect::<Vec<_>>(), [1, 2, 1, 0], "{ran:?}");
    let ran = run(&["decide", "--policy", &path, "b.corp/x"]);
    ran.says(&["trusting", "the policy's `"]);
    ran.says(&["`Limited`"]);
    let ran = run(&["explain", "--policy", &path, "b.corp/x"]);
    ran.says(&["authorities", "well-known", "`Everywhere`"]);
}
