//! Certificates in policies: where findings stand in the document, what is said of many entries, and the example.

use std::fs;
use std::path::Path;

use pullgate::{Decision, Finding, Policy, ReferenceKind, Request, check_certificates, check_policy};
use serde_json::json;

use super::external_tools::openssl;
use super::generated::{THEN, armoured, ca, key, leaf, pem, self_signed, signed_by};

/// A finding's place in a document is the place in the text, however the text is written as JSON.
#[test]
fn findings_stand_at_their_place_in_the_document() {
    let sound = pem(&self_signed(&ca("Example CA")));
    let server = pem(&signed_by(&leaf("harbor.corp"), "Example CA"));
    let wrong = pem(b"hello, world");
    let key = armoured("PRIVATE KEY", key().serialized_der());
    let text = format!("first \"ö\" \u{1f600}\n{sound}\n{server}{wrong}\\n\n{key}----BEGIN CERTIFICATE-----\n");
    for line_end in ["\n", "\r\n", "\r"] {
        let text = text.replace('\n', line_end);
        let report = check_certificates(text.as_bytes(), THEN);
        let alone: Vec<&Finding> =
            report.findings.iter().chain(report.certificates.iter().flat_map(|one| &one.findings)).collect();
        assert!(alone.len() >= 4, "{alone:?}");
        for written in [serde_json::to_string(&text).unwrap(), escaped(&text)] {
            let document = format!(r#"{{"certificate_authorities": [{{"pem": {written}}}]}}"#);
            let found = check_policy(&document, THEN).findings;
            assert_eq!(found.len(), alone.len());
            for one in &alone {
                let same = found.iter().find(|found| found.code == one.code && found.message == one.message);
                let same = same.unwrap_or_else(|| panic!("{one:?} is not among {found:?}"));
                assert_eq!(same.path.as_deref(), Some("/certificate_authorities/0/pem"));
                let there: String = serde_json::from_str(&format!("\"{}\"", part(&document, same)))
                    .expect("whole characters are there");
                assert_eq!(there, part(&text, one), "{one:?}");
            }
        }
    }
}

/// What stands at a finding's place.
fn part<'t>(text: &'t str, finding: &Finding) -> &'t str {
    let range = finding.range.expect("there is a place");
    let part = text.get(range.start.try_into().unwrap()..range.end.try_into().unwrap()).expect("it is in the text");
    let units = |text: &str| u32::try_from(text.encode_utf16().count()).unwrap();
    assert_eq!(range.start_utf16, units(&text[..range.start.try_into().unwrap()]));
    assert_eq!(range.end_utf16, range.start_utf16 + units(part));
    part
}

/// A JSON string in which every character is escaped.
fn escaped(text: &str) -> String {
    let units: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    format!("\"{units}\"")
}

/// Places in a bundle that is not UTF-8 are counted as a browser would read it.
#[test]
fn places_are_counted_in_bytes_and_in_utf16() {
    let before = b"\xff\xfe\xc3 B\xfccher \xf0\x9f\x98 \xf0\x9f\x98\x80 \xe2\x82\n";
    let text = [&before[2..], pem(b"hello, world").as_bytes()].concat();
    let report = check_certificates(&text, THEN);
    let [one] = report.findings.as_slice() else { panic!("{:?}", report.findings) };
    let range = one.range.expect("there is a place");
    let start = usize::try_from(range.start).unwrap();
    assert_eq!(start, before.len() - 2);
    let read = String::from_utf8_lossy(&text[..start]).encode_utf16().count();
    assert_eq!(usize::try_from(range.start_utf16).unwrap(), read);
}

/// Rule C2 names each private entry, up to a hundred, and counts the rest.
#[test]
fn many_private_entries_are_counted() {
    for entries in [1, 100, 101, 250] {
        let whitelist: Vec<String> = (0..entries).map(|index| format!("h{index}.corp")).collect();
        let document = json!({"whitelist": whitelist}).to_string();
        let found = check_policy(&document, THEN).findings;
        let missing: Vec<&Finding> = found.iter().filter(|found| found.code.as_str() == "authority-missing").collect();
        let (lists, of_entries): (Vec<&Finding>, Vec<&Finding>) =
            missing.iter().partition(|found| found.path.as_deref() == Some("/whitelist"));
        assert_eq!(of_entries.len(), entries.min(100));
        assert_eq!(of_entries.last().unwrap().path, Some(format!("/whitelist/{}", entries.min(100) - 1)));
        let counted: Vec<&str> = lists.iter().map(|found| found.message.as_str()).collect();
        match entries.checked_sub(100) {
            Some(more) if more > 0 => {
                assert!(counted.len() == 1 && counted[0].starts_with(&more.to_string()), "{counted:?}")
            }
            _ => assert!(counted.is_empty(), "{counted:?}"),
        }
    }
}

/// The first worked example gives its certificate authority for one registry, and decisions on it say so.
#[test]
fn the_example_trusts_its_authority() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples/worked-example-1.json");
    let document = fs::read_to_string(path).expect("the example can be read");
    let policy = Policy::load(&document, THEN).expect("the example loads").policy;
    let value: serde_json::Value = serde_json::from_str(&document).unwrap();
    let pem = value["certificate_authorities"][0]["pem"].as_str().expect("it has an authority");
    let said = openssl(&["x509", "-noout", "-fingerprint", "-sha256"], pem.as_bytes());
    let said = String::from_utf8(said).unwrap();
    let fingerprint = said.trim().rsplit('=').next().unwrap().replace(':', "").to_ascii_lowercase();
    let trusting = |reference: &str| -> Vec<String> {
        let request = Request { reference, kind: ReferenceKind::Image, ..Request::default() };
        match policy.decide(&request) {
            Decision::Allow(allowed) => allowed.authorities.iter().map(ToString::to_string).collect(),
            other => panic!("{reference}: {other:?}"),
        }
    };
    let (trusted, nobody): (Vec<String>, Vec<String>) = (vec![fingerprint], Vec::new());
    assert_eq!(trusting("10.2.40.40/library/nginx:1.27"), trusted);
    assert_eq!(trusting("10.2.40.40:443/library/nginx:1.27"), trusted);
    // Insecure.
    assert_eq!(trusting("10.2.2.5/team/app:2.0"), nobody);
}

/// Rule C1: a limit covers what a whitelist with the same entry allows without DNS and whatever the namespace, no more.
#[test]
fn a_limit_covers_what_a_whitelist_would() {
    const ENTRIES: &[&str] = &[
        "harbor.corp",
        "harbor.corp:443",
        "harbor.corp:5000",
        "https://harbor.corp",
        "*.corp",
        "*.harbor.corp:5000",
        "*.docker.io",
        "docker.io",
        "docker.io:5000",
        "index.docker.io",
        "10.0.0.1",
        "10.0.0.1:5000",
        "10.0.0.0/8",
        "::ffff:10.0.0.1",
        "fd00::1",
        "[fd00::1]:5000",
        "fd00::/8",
        "0.0.0.0/0",
        "bücher.example",
    ];
    const REFERENCES: &[&str] = &[
        "busybox",
        "docker.io/library/busybox",
        "index.docker.io/library/busybox",
        "docker.io:5000/a",
        "harbor.corp/team/app",
        "harbor.corp:443/team/app",
        "harbor.corp:80/team/app",
        "harbor.corp:5000/team/app",
        "x.harbor.corp:5000/team/app",
        "corp:5000/team/app",
        "x.corp/team/app",
        "xharbor.corp/a",
        "10.0.0.1/a",
        "10.0.0.1:443/a",
        "10.0.0.1:5000/a",
        "10.255.255.255/a",
        "11.0.0.1/a",
        "[fd00::1]/a",
        "[fd00::1]:5000/a",
        "[fe80::1]:5000/a",
        "xn--bcher-kva.example/a",
    ];
    let authority = pem(&self_signed(&ca("Example CA")));
    let load = |document: serde_json::Value| Policy::load(&document.to_string(), THEN).expect("it loads").policy;
    let mut covered = 0;
    for entry in ENTRIES {
        let whitelist = load(json!({"whitelist": [entry]}));
        let limited =
            |limit: &str| load(json!({"certificate_authorities": [{"pem": authority, "registries": [limit]}]}));
        let namespace = (!entry.contains("/8") && !entry.contains("/0")).then(|| limited(&format!("{entry}/team")));
        let limited = limited(entry);
        for reference in REFERENCES {
            let request = Request { reference, kind: ReferenceKind::Image, ..Request::default() };
            let trusts = |policy: &Policy| match policy.decide(&request) {
                Decision::Allow(allowed) => !allowed.authorities.is_empty(),
                other => panic!("{reference}: {other:?}"),
            };
            let allows = matches!(whitelist.decide(&request), Decision::Allow(_));
            assert_eq!(trusts(&limited), allows, "`{entry}` and `{reference}`");
            if let Some(limited) = &namespace {
                assert_eq!(trusts(limited), allows, "`{entry}/team` and `{reference}`");
            }
            covered += usize::from(allows);
        }
    }
    assert!(covered > 40, "only {covered} are covered");
}
