//! Entries and references (rules E and H).

use std::ops::Range;

use pullgate::{
    Code, Decision, DenialReason, EntryList, Finding, Policy, ReferenceKind, Request, Response, check_entry,
    find_userinfo,
};
use pullgate_tests::reference_model::{Asked, Entry, Host, Lists, World};
use pullgate_tests::universe;
use serde_json::json;

use crate::decisions::settle;
use crate::text_of;

const LISTS: [(EntryList, &str); 4] = [
    (EntryList::Whitelist, "whitelist"),
    (EntryList::Insecure, "insecure"),
    (EntryList::BuiltIn, "built_in"),
    (EntryList::Blocked, "blocked"),
];

/// An entry prints as text that parses to itself (rule E14), loads in a document where it has no error, and repeats no
/// password (rule E11). The first byte chooses the list.
pub fn entry(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let (list, member) = LISTS[usize::from(*first) % LISTS.len()];
    let text = text_of(rest);
    let report = check_entry(text, list);
    check_findings(text.as_bytes(), &report.findings);
    let has_error = report.findings.iter().any(Finding::is_error);
    assert_eq!(report.entry.is_none(), has_error, "an entry without an error, or one with: {report:?}");
    assert_eq!(report.kind.is_none(), has_error, "a kind without an entry: {report:?}");
    if let Some(entry) = &report.entry {
        let again = check_entry(entry, list);
        assert_eq!(again.entry.as_ref(), Some(entry), "{text:?} is printed as {entry:?}, which is read as {again:?}");
        assert_eq!(again.kind, report.kind, "{text:?} changes its kind");
    }
    let document = json!({ member: [text] }).to_string();
    assert_eq!(Policy::load(&document, 0).is_err(), has_error, "{document} and {report:?}");
    for finding in &report.findings {
        check_fix(text, list, finding);
    }
    check_password(text, &serde_json::to_string(&report).expect("a report has a JSON form"));
}

/// A fix, in place of its range, takes its finding away; another one of its code may come to light, of an equal label
/// further on too. Of characters to be deleted only the first is found.
fn check_fix(text: &str, list: EntryList, finding: &Finding) {
    let (Some(fix), Some(range)) = (&finding.fix, &finding.range) else { return };
    let (before, after) = (&text[..range.start as usize], &text[range.end as usize..]);
    for part in fix.split(", ") {
        let fixed = format!("{before}{part}{after}");
        let again = check_entry(&fixed, list).findings;
        let is_same = |other: &Finding| {
            let is_there = other.range.as_ref().is_some_and(|other| other.start == range.start);
            is_there && (other.code, &other.message) == (finding.code, &finding.message)
        };
        let is_gone = fix.is_empty() || !again.iter().any(is_same);
        assert!(is_gone, "`{fixed}`, the fix of {text:?}, has the finding still: {finding:?} {again:?}");
    }
}

/// Several entries, one a line, and a reference in the last line: the index decides as the model does, in which the
/// patterns are matched by trying (rules M2, M7, T4 and W). The first byte of a line chooses its list.
pub fn pattern(data: &[u8]) {
    let text = text_of(data);
    let Some((lines, reference)) = text.rsplit_once('\n') else { return };
    let entries = lines.lines().take(16).filter_map(|line| {
        let mut characters = line.chars();
        let (list, _) = LISTS[characters.next()? as usize % LISTS.len()];
        let text = check_entry(characters.as_str(), list).entry?;
        Some(Entry { list, project: None, text, enabled: true })
    });
    let lists = Lists { entries: entries.collect(), whitelists: vec![None], ..Lists::default() };
    let Some(policy) = universe::load(&lists) else { return };
    let answer = policy.answer(&Request { reference, ..Request::default() });
    let Some(registry) = &answer.registry else {
        assert!(is_invalid(&answer.decision), "{reference:?} has no registry: {answer:?}");
        return;
    };
    let (host, port) = host_and_port(registry);
    let asked = Asked { host, port, repository: answer.repository.as_deref().map(str::to_owned), project: None };
    let (decision, dns_answers) = settle(&policy, &asked, reference, &World::default());
    let outcome = lists.decide(&asked, &World::default());
    if let Some(wrong) = universe::difference(&decision, &outcome, &asked) {
        panic!("{wrong}: {reference:?} with {dns_answers:?} by {lists:#?}\nrules: {decision:?}\nmodel: {outcome:?}");
    }
}

/// A reference gets a decision, prints as text that is read as the same registry and repository, and is denied by an empty
/// whitelist and allowed by one with its registry. The first byte chooses the kind.
pub fn reference(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let kind = if first % 2 == 0 { ReferenceKind::Image } else { ReferenceKind::Registry };
    let text = text_of(rest);
    let load = |document: &str| Policy::load(document, 0).expect("the document loads").policy;
    let (open, closed) = (load("{}"), load(r#"{"whitelist":[]}"#));
    let request = Request { reference: text, kind, ..Request::default() };
    let answer = open.answer(&request);
    let json = answer.to_json();
    check_password(text, &json);
    check_password(text, &open.explain(&request).to_json());
    assert_eq!(open.explain(&request).response, answer, "explained otherwise");
    let read: Response<'_> = serde_json::from_str(&json).expect("canonical JSON is read");
    assert_eq!(read, answer, "canonical JSON is read as something else");
    assert!(matches!(closed.decide(&request), Decision::Deny(_)), "an empty whitelist allows {text:?}");
    let Some(registry) = answer.registry.as_deref() else {
        assert!(is_invalid(&answer.decision), "{text:?} has no registry: {answer:?}");
        return;
    };
    assert!(matches!(answer.decision, Decision::Allow(_)), "no whitelist denies {text:?}: {answer:?}");
    let printed = print_reference(registry, answer.repository.as_deref());
    let request = Request { reference: &printed, ..request };
    let again = open.answer(&request);
    assert_eq!(again.registry, answer.registry, "{text:?} is printed as {printed:?}");
    assert_eq!(again.repository, answer.repository, "{text:?} is printed as {printed:?}");
    let entry = match host_and_port(registry) {
        (Host::Address(address), Some(port)) if address.is_ipv6() => format!("[{address}]:{port}"),
        _ => registry.to_owned(),
    };
    // A host such as `10.0.0.1-9` is no entry, since it looks like a range (rule E8).
    if check_entry(&entry, EntryList::Whitelist).findings.iter().any(|finding| finding.code == Code::NetworkRange) {
        return;
    }
    let own = load(&json!({ "whitelist": [entry] }).to_string());
    assert!(matches!(own.decide(&request), Decision::Allow(_)), "an entry for {registry} denies {text:?}");
}

fn print_reference(registry: &str, repository: Option<&str>) -> String {
    let Some(repository) = repository else { return registry.to_owned() };
    match host_and_port(registry) {
        (Host::Address(address), None) if address.is_ipv6() => format!("[{address}]/{repository}"),
        // Docker Hub gives no `library/` to what names it in another spelling (rule H1).
        (Host::Hub, _) if !repository.contains('/') => format!("{}/{repository}", registry.to_ascii_uppercase()),
        // A single label is a registry for its upper-case letters only (rule H3).
        (Host::Name(name), None) if !name.contains('.') && name != "localhost" => {
            format!("{}/{repository}", name.to_ascii_uppercase())
        }
        _ => format!("{registry}/{repository}"),
    }
}

/// Returns the host and the port of a registry as a decision has it.
fn host_and_port(registry: &str) -> (Host, Option<u16>) {
    if let Ok(address) = registry.parse() {
        return (Host::Address(address), None);
    }
    let (host, port) = match registry.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse().expect("the port of a registry is a number"))),
        None => (registry, None),
    };
    match host.trim_matches(['[', ']']).parse() {
        Ok(address) => (Host::Address(address), port),
        Err(_) if host == "docker.io" && matches!(port, None | Some(443)) => (Host::Hub, port),
        Err(_) => (Host::Name(host.to_owned()), port),
    }
}

fn is_invalid(decision: &Decision<'_>) -> bool {
    matches!(decision, Decision::Deny(denied) if denied.reason == DenialReason::InvalidReference)
}

/// Requires that an output has not the password of a text's user information (rule E11).
fn check_password(text: &str, output: &str) {
    let Some(userinfo) = find_userinfo(text).and_then(|range| text.get(range)) else { return };
    let Some((_, password)) = userinfo.split_once(':') else { return };
    // A short one, or one that stands elsewhere too, may be in the output for another reason.
    let is_told_apart = password.len() >= 6 && text.matches(password).count() == 1 && is_plain(password);
    assert!(!is_told_apart || !output.contains(password), "{text:?} is repeated in {output}");
}

fn is_plain(password: &str) -> bool {
    password.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && !pullgate::CODES.iter().any(|code| code.name.contains(password))
}

/// Requires that findings are within their text, on the boundaries of characters, and have the severity of their code.
pub fn check_findings(text: &[u8], findings: &[Finding]) {
    for finding in findings {
        assert_eq!(finding.severity, finding.code.severity(), "{finding:?}");
        let Some(range) = finding.range else { continue };
        let bytes: Range<usize> = range.start as usize..range.end as usize;
        let part = text.get(bytes.clone()).unwrap_or_else(|| panic!("{finding:?} is not within the text"));
        let Ok(whole) = str::from_utf8(text) else { continue };
        assert!(
            whole.is_char_boundary(bytes.start) && whole.is_char_boundary(bytes.end),
            "{finding:?} splits a character"
        );
        let units = |text: &[u8]| u32::try_from(text_of(text).encode_utf16().count()).expect("a text is short");
        let start = units(&text[..bytes.start]);
        assert_eq!((range.start_utf16, range.end_utf16), (start, start + units(part)), "{finding:?}");
    }
}
