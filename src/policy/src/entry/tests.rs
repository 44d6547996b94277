use super::*;
use crate::entry::name_pattern::NamePattern;
use crate::finding::code::Code;

fn entry(text: &str) -> String {
    let report = check_entry(text, EntryList::Whitelist);
    report.entry.unwrap_or_else(|| panic!("{text}: {:?}", report.findings))
}

fn codes(text: &str) -> Vec<Code> {
    check_entry(text, EntryList::Whitelist).findings.into_iter().map(|finding| finding.code).collect()
}

#[test]
fn e11_user_information_is_never_shown() {
    for rest in [
        "host",
        "",
        "10.2/16",
        "10.0.0.0:80/8",
        "10.0.0.0/255.0.0.0",
        "*",
        "h*r.x",
        "10.2.*",
        "a b",
        "-x.y",
        "256.1.1.1",
        "[::1",
        "h:port",
        "h/UP",
        "h?q",
        "h#f",
        "fe80::1%eth0",
        "10.0.0.1-10.0.0.9",
        "\u{1}",
        "ftp://h",
        "10.0.0.0/8/x",
        "h/x:1",
    ] {
        for secret in ["bob:hunter2", "bob:hunter2:x/y", "bob:hun ter2", "hunter2#?x", "bob:hunter2@z"] {
            for scheme in ["", "https://", "ftp://", " "] {
                let text = format!("{scheme}{secret}@{rest}");
                let report = check_entry(&text, EntryList::Insecure);
                let shown = serde_json::to_string(&report).unwrap();
                assert!(!shown.contains("hunter2") && !shown.contains("ter2"), "{text}: {shown}");
                assert!(report.findings.iter().any(|finding| finding.code == Code::UserInformation), "{text}: {shown}");
                assert_eq!(report.entry, None);
            }
        }
    }
}

#[test]
fn e1_canonical_text_is_the_meaning() {
    for (text, canonical) in [
        ("10.2.2.1/24", "10.2.2.0/24"),
        ("::FFFF:10.0.0.0/104", "10.0.0.0/8"),
        ("[2001:DB8::1]:5000", "[2001:db8::1]:5000"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:db8::1/team", "2001:db8::1/team"),
        ("https://Harbor.Corp.:0443/team/", "harbor.corp:443/team"),
        ("https://h.io", "h.io:443"),
        ("*.example.com:5000/team", "*.example.com:5000/team"),
        ("10.0.0.0/8/", "10.0.0.0/8"),
    ] {
        assert_eq!(entry(text), canonical);
        // Rule E14.
        assert_eq!(entry(canonical), canonical);
    }
}

#[test]
fn e8_fixes_of_ranges_cover_them_exactly() {
    let report = check_entry("10.0.0.1-10.0.0.9", EntryList::Whitelist);
    let fix = report.findings[0].fix.clone().unwrap();
    assert_eq!(fix, "10.0.0.1, 10.0.0.2/31, 10.0.0.4/30, 10.0.0.8/31");
    for entry in fix.split(", ") {
        assert_eq!(codes(entry), []);
    }
}

/// Returns the message and the fix of the first finding.
fn first_finding(text: &str) -> (String, Option<String>) {
    let finding = check_entry(text, EntryList::Whitelist).findings.remove(0);
    (finding.message, finding.fix)
}

#[test]
fn e8_a_fix_never_covers_more_than_was_meant() {
    for text in [
        "2001:db8::/255.255.0.0",
        "10.0.0.0/ffff::",
        "10.0.0.0/255.0.255.0",
        "10.0.0.0/255.0.0.0/team",
        "10.2.2.0/255.255.255.0:5000",
        "https://10.2.2.0/255.255.255.0",
    ] {
        assert_eq!((codes(text), first_finding(text).1), (vec![Code::NetworkNetmask], None), "{text}");
    }
    for (text, fix) in [("2001:db8::/ffff:ffff::", "2001:db8::/32"), ("10.2.2.0/255.255.255.0/", "10.2.2.0/24")] {
        assert_eq!((codes(text), first_finding(text).1), (vec![Code::NetworkNetmask], Some(fix.to_owned())), "{text}");
    }
}

#[test]
fn e8_range_messages_are_accurate() {
    assert_eq!(
        first_finding("10.0.0.1-10.0.0.300").0,
        "`10.0.0.1-10.0.0.300` is a range, and one of its ends is not an address"
    );
    assert_eq!(
        first_finding("10.0.0.1-2001:db8::4").0,
        "`10.0.0.1-2001:db8::4` is a range that ends before it begins, or of two kinds of addresses"
    );
    assert_eq!(
        first_finding("10.0.0.0-10.0.0.255:5000").0,
        "`10.0.0.0-10.0.0.255:5000` is a range: write it in CIDR notation, which has no scheme and no port, and covers every \
         port"
    );
    let mapped = first_finding("::ffff:0:0/96");
    assert!(mapped.0.contains("IPv4-mapped"), "{mapped:?}");
    let everything = check_entry("::ffff:0:0/96", EntryList::Whitelist).findings.pop().unwrap();
    assert_eq!(everything.message, "`0.0.0.0/0` covers every IPv4 address");
}

#[test]
fn e3_hexadecimal_messages_are_accurate() {
    for text in ["0x", "a.0x", "0x7f.0x1"] {
        let (message, _) = first_finding(text);
        assert!(
            message.ends_with("is neither digits alone nor a hexadecimal number, as `0x7f` is"),
            "{text}: {message}"
        );
    }
}

#[test]
fn c3_a_key_in_place_of_an_entry_is_not_repeated() {
    let report =
        check_entry("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw\n-----END PRIVATE KEY-----\n", EntryList::Whitelist);
    assert!(!serde_json::to_string(&report.findings).unwrap().contains("MC4C"), "{report:?}");
}

#[test]
fn e11_a_range_behind_a_password_is_shown_without_it() {
    let report = check_entry(":hunter2@https://10.0.0.1-10.0.0.9", EntryList::Whitelist);
    let [_, range] = &report.findings[..] else { panic!("{report:?}") };
    assert_eq!(range.code, Code::NetworkRange);
    assert!(range.message.starts_with("`https://10.0.0.1-10.0.0.9` is a range"), "{range:?}");
}

#[test]
fn e13_size_comes_first() {
    assert_eq!(codes(&"a".repeat(1_025)), [Code::EntryTooLong]);
    assert_ne!(codes(&"a".repeat(1_024)), [Code::EntryTooLong]);
}

#[test]
fn e10_the_fix_for_plain_http_keeps_a_port_that_was_meant() {
    for (text, fix) in [
        ("http://h.io", "https://h.io"),
        ("http://h.io:8080/team", "https://h.io:8080/team"),
        ("http://[2001:db8::1]:5000", "https://[2001:db8::1]:5000"),
    ] {
        let report = check_entry(text, EntryList::Whitelist);
        assert_eq!((report.findings[0].code, report.findings[0].fix.as_deref()), (Code::SchemeHttp, Some(fix)));
        assert_eq!(codes(fix), []);
    }
}

/// Returns whether a text with stars, each of any characters, matches a name.
fn is_glob_match(glob: &[u8], name: &[u8]) -> bool {
    match (glob, name) {
        ([], _) => name.is_empty(),
        ([b'*', glob @ ..], _) => (0..=name.len()).any(|skipped| is_glob_match(glob, &name[skipped..])),
        ([wanted, glob @ ..], [byte, name @ ..]) => wanted == byte && is_glob_match(glob, name),
        _ => false,
    }
}

#[test]
fn e16_no_fix_of_a_star_covers_a_name_that_the_text_does_not() {
    const LABELS: [&str; 8] = ["*.", "**.", "a.", "a*.", "*a.", "b*a.", "*", ""];
    const DOMAINS: [&str; 4] = ["amazonaws.com", "azurecr.io", "corp.example", "*.io"];
    const FRONTS: [&str; 9] = ["", "a.", "ab.", "ba.", "a.a.", "ba.a.", "a.ba.", "x.y.", "x."];
    let mut fix_count = 0;
    for (first, second) in LABELS.iter().flat_map(|first| LABELS.iter().map(move |second| (first, second))) {
        for domain in DOMAINS {
            let text = format!("{first}{second}{domain}");
            let report = check_entry(&text, EntryList::Whitelist);
            let Some(finding) = report.findings.iter().find(|finding| finding.fix.is_some()) else { continue };
            fix_count += 1;
            let (fix, range) = (finding.fix.as_ref().unwrap(), finding.range.unwrap());
            let fixed = entry(&format!("{}{fix}{}", &text[..range.start as usize], &text[range.end as usize..]));
            for name in FRONTS.iter().map(|front| format!("{front}{}", domain.trim_start_matches("*."))) {
                let is_covered = match fixed.strip_prefix("*.") {
                    Some(domain) if !domain.contains('*') => name.ends_with(&fixed[1..]),
                    _ => NamePattern::from_canonical(fixed.clone()).matches(&name),
                };
                assert!(!is_covered || is_glob_match(text.as_bytes(), name.as_bytes()), "{text} to {fix}: {name}");
            }
        }
    }
    assert!(fix_count > 5, "{fix_count} fixes");
}

#[test]
fn e17_every_proposed_entry_is_one() {
    for text in
        ["a.example:5000,b.example:5001", "10.0.0.0/8; 192.168.0.0/16", "h.example:1-16", "h.example:1,3-5/team"]
    {
        let (_, fix) = first_finding(text);
        for one in fix.unwrap_or_else(|| panic!("{text}")).split(", ") {
            assert_eq!(codes(one), [], "{text}: {one}");
        }
    }
}

#[test]
fn e2_only_ipv6_addresses_stand_in_brackets() {
    for text in ["[h.corp]", "[h.corp]:5000", "[10.0.0.1]", "[10.0.0.1]:5000"] {
        assert_eq!(check_entry(text, EntryList::Whitelist).entry, None, "{text}");
    }
}

#[test]
fn e10_insecure_entry_that_plain_http_needs_has_no_namespace() {
    let report = crate::check_policy(r#"{"whitelist": ["http://h.corp:5000/team"]}"#, 0);
    let finding = report.findings.iter().find(|finding| finding.code == Code::SchemeHttp).unwrap();
    assert!(finding.message.contains("too, as `h.corp:5000`;"), "{}", finding.message);
}
