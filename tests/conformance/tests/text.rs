//! Random text: nothing panics, and what is read is printed and read again (rule E14).

use proptest::prelude::*;
use pullgate::{DnsAnswer, EntryList, LookupKind, Policy, ReferenceKind, Request, Severity, check_entry, check_policy};
use serde_json::json;

/// Pieces that entries and references are made of, good and bad.
const PIECES: &[&str] = &[
    "https://",
    "http://",
    "HTTP://",
    "ftp://",
    "//",
    "/",
    "//",
    ":",
    "::",
    "@",
    "#",
    "?",
    "*",
    "*.",
    ".",
    "..",
    "-",
    "--",
    "_",
    "%",
    "[",
    "]",
    "xn--",
    "xn--bcher-kva",
    "bücher",
    "ß",
    "σς",
    "\u{200d}",
    "\u{200b}",
    "\u{ad}",
    "\u{202e}",
    "а",
    "例え",
    "👩‍💻",
    " ",
    "\t",
    "\0",
    "\u{7f}",
    "\u{feff}",
    "a",
    "A",
    "harbor",
    "corp",
    "example.com",
    "docker.io",
    "index.docker.io",
    "localhost",
    "10",
    "256",
    "010",
    "0x1f",
    "10.0.0.1",
    "10.0.0.0/8",
    "10.0.0.1-10.0.0.9",
    "255.255.0.0",
    "2001:db8::1",
    "::ffff:10.1.2.3",
    "fe80::1%eth0",
    "/24",
    "/33",
    "/129",
    ":0",
    ":443",
    ":05000",
    ":65535",
    ":65536",
    "/team",
    "/team/app",
    "sha256:",
    "latest",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "user:hunter2@",
    "\"",
    "\\",
    "\n",
    "<script>",
];

const LISTS: [EntryList; 4] = [EntryList::Whitelist, EntryList::Insecure, EntryList::BuiltIn, EntryList::Blocked];

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_entry_is_printed_and_read_again(text in text()) {
        for list in LISTS {
            let report = check_entry(&text, list);
            let errors = report.findings.iter().any(|finding| finding.severity == Severity::Error);
            prop_assert_eq!(report.entry.is_none(), errors, "{:?}", &report);
            prop_assert_eq!(report.kind.is_none(), errors);
            if let Some(entry) = &report.entry {
                let again = check_entry(entry, list);
                prop_assert_eq!(again.entry.as_ref(), Some(entry), "{:?} as {:?}", text, list);
                prop_assert_eq!(again.kind, report.kind);
            }
        }
    }

    #[test]
    fn findings_are_within_the_text(text in text()) {
        for finding in check_entry(&text, EntryList::Whitelist).findings {
            prop_assert_eq!(finding.severity, finding.code.severity());
            let Some(range) = finding.range else { continue };
            let (start, end) = (usize::try_from(range.start).unwrap(), usize::try_from(range.end).unwrap());
            let part = text.get(start..end);
            prop_assert!(part.is_some(), "{range:?} is not within {text:?}");
            let utf16 = |text: &str| u32::try_from(text.encode_utf16().count()).unwrap();
            prop_assert_eq!(range.start_utf16, utf16(&text[..start]));
            prop_assert_eq!(range.end_utf16, utf16(&text[..end]));
        }
    }

    /// User information ends at the last `@` in front of the host, so a password is all that stands before it.
    #[test]
    fn a_password_is_never_echoed(before in "(https?://)?[a-z]{0,3}", after in text()) {
        // What stands before the `@` of a digest is a tag.
        let after = after.replace("sha256:", "");
        let text = format!("{before}:hunter2@{after}");
        let policy = Policy::load("{}", 0).unwrap().policy;
        let report = serde_json::to_string(&check_entry(&text, EntryList::Whitelist)).unwrap();
        prop_assert!(!report.contains("hunter2") || after.contains("hunter2"), "{report}");
        for kind in [ReferenceKind::Image, ReferenceKind::Registry] {
            let explained = policy.explain(&Request { reference: &text, kind, ..Request::default() }).to_json();
            prop_assert!(!explained.contains("hunter2") || after.contains("hunter2"), "{explained}");
        }
    }

    #[test]
    fn any_text_is_a_document_or_has_findings(text in prop_oneof![any::<String>(), json_like()]) {
        let report = check_policy(&text, 0);
        let loaded = Policy::load(&text, 0);
        prop_assert_eq!(report.canonical.is_some(), loaded.is_ok());
        match loaded {
            Ok(loaded) => prop_assert_eq!(loaded.findings, report.findings),
            Err(findings) => {
                prop_assert!(findings.iter().any(|finding| finding.severity == Severity::Error));
                prop_assert_eq!(findings, report.findings);
            }
        }
        if let Some(canonical) = report.canonical {
            let again = check_policy(&canonical, 0);
            prop_assert_eq!(again.canonical, Some(canonical));
        }
    }

    #[test]
    fn any_request_is_answered(entries in prop::collection::vec(text(), 0..4), reference in text(), dns_answers in dns_answers(), login in any::<bool>()) {
        let good: Vec<&String> =
            entries.iter().filter(|entry| check_entry(entry, EntryList::Insecure).entry.is_some()).collect();
        let document = json!({ "insecure": good, "whitelist": [], "match_resolved_addresses": true }).to_string();
        let policy = Policy::load(&document, 0).expect("good entries load").policy;
        let kind = if login { ReferenceKind::Registry } else { ReferenceKind::Image };
        let request = Request { reference: &reference, kind, project: None, dns_answers: &dns_answers };
        let answer = policy.answer(&request);
        prop_assert_eq!(&policy.explain(&request).response, &answer);
        prop_assert!(serde_json::from_str::<serde_json::Value>(&answer.to_json()).is_ok());
    }
}

fn text() -> impl Strategy<Value = String> {
    let pieces = prop::collection::vec(prop::sample::select(PIECES), 0..8).prop_map(|pieces| pieces.concat());
    let plausible = "((https?|ftp)://)?(\\*\\.)?[a-zA-Z0-9-]{1,4}(\\.[a-z0-9-]{1,4}){0,3}\\.?(:[0-9]{0,6})?(/[a-z0-9._-]{0,4}){0,3}";
    prop_oneof![3 => pieces, 2 => plausible, 1 => any::<String>(), 1 => "\\PC{0,20}"]
}

fn dns_answers() -> impl Strategy<Value = Vec<DnsAnswer>> {
    let kind = prop_oneof![Just(LookupKind::Reverse), Just(LookupKind::Forward)];
    let dns_answer = (kind, text(), prop::collection::vec(text(), 0..3))
        .prop_map(|(kind, subject, answers)| DnsAnswer { kind, subject, answers });
    prop::collection::vec(dns_answer, 0..3)
}

/// Text that is nearly a document.
fn json_like() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "\\",
        "\\u",
        "d800",
        "0061",
        "null",
        "true",
        "false",
        "1",
        "-",
        "1e9",
        ".5",
        " ",
        "\n",
        "\"whitelist\"",
        "\"insecure\"",
        "\"built_in\"",
        "\"projects\"",
        "\"entry\"",
        "\"enabled\"",
        "\"certificate_authorities\"",
        "\"pem\"",
        "\"match_resolved_addresses\"",
        "\"harbor.corp\"",
        "\"10.0.0.0/8\"",
        "\"*\"",
        "{\"whitelist\":[",
        "{\"projects\":{",
    ]);
    prop::collection::vec(pieces, 0..24).prop_map(|pieces| pieces.concat())
}
