//! Every case of `vectors/`, answered by native code.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;

use pullgate::{CODES, CertificateReport, Code, EntryList, Finding, NarrowError, Policy, Request, Severity};
use pullgate_tests::surface::{Native, lines};
use pullgate_tests::vectors::{self, Asked, Case, Change, Expected, Narrow};
use serde_json::Value;

#[test]
fn every_case_is_answered_as_expected() {
    let mut failures = Vec::new();
    let mut answers = 0_usize;
    for case in vectors::all() {
        let mut fail = |what: String| failures.push(format!("{}\n    {what}", case.name));
        if let Some(entry) = &case.entry {
            answers += 1;
            check_entry(&entry.text, entry.list, &case.expect, &mut fail);
        }
        if let Some(pem) = &case.pem {
            answers += 1;
            check_certificates(&pem.bytes(), case.at(), &case.expect, &mut fail);
        }
        if let Some(document) = case.document() {
            answers += 1;
            check_document(&case, document, &mut fail);
        }
        if let Some(change) = &case.compare {
            answers += 1;
            check_change(change, case.at(), &case.expect, &mut fail);
        }
        if let Some(narrow) = &case.narrow {
            answers += 1;
            check_narrow(narrow, case.at(), &case.expect, &mut fail);
        }
        if let Some(policy) = &case.policy {
            answers += case.requests.len();
            check_policy(&case, &policy.0, &mut fail);
        }
    }
    assert!(failures.is_empty(), "{} of {answers} answers are wrong:\n{}", failures.len(), failures.join("\n"));
    println!("{answers} answers are as expected");
}

#[test]
fn every_rule_has_cases() {
    let mut count: BTreeMap<String, usize> = vectors::RULES.iter().map(|rule| ((*rule).to_owned(), 0)).collect();
    for rule in vectors::all().iter().flat_map(|case| &case.rule) {
        *count.get_mut(rule).unwrap_or_else(|| panic!("`{rule}` is no rule")) += 1;
    }
    let few: Vec<_> = count.iter().filter(|(_, count)| **count < 2).collect();
    assert!(few.is_empty(), "rules with fewer than two cases: {few:?}");
}

#[test]
fn every_name_is_unlike_any_other() {
    let mut seen = HashSet::new();
    for case in vectors::all() {
        assert!(seen.insert(case.name.clone()), "`{}` stands twice", case.name);
    }
}

#[test]
fn the_files_follow_their_schema() {
    let schema = fs::read_to_string(vectors::folder().join("schema.json")).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).expect("the schema is one");
    for path in vectors::paths() {
        let file: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&file).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{}:\n{}", path.display(), errors.join("\n"));
    }
}

#[test]
fn codes_in_the_files_are_codes() {
    let known: BTreeSet<&str> = CODES.iter().map(|row| row.name).collect();
    let mut met = BTreeSet::new();
    for case in vectors::all() {
        let Expected { codes, codes_include, findings, findings_include, findings_exclude, certificates, .. } =
            &case.expect;
        let places = findings.iter().flatten().chain(findings_include).map(|place| &place.code);
        let of_certificates = certificates.iter().flatten().flat_map(|described| described.codes.iter().flatten());
        for code in codes.iter().flatten().chain(codes_include).chain(places).chain(of_certificates) {
            assert!(known.contains(code.as_str()), "{}: `{code}` is no code", case.name);
            met.insert(code.clone());
        }
        for code in findings_exclude {
            assert!(known.contains(code.as_str()), "{}: `{code}` is no code", case.name);
        }
    }
    // Those that no text in these files can show: TOML is read by the command line, the limits take a large document.
    let elsewhere = ["toml-syntax", "document-too-large", "entries-too-many"];
    let never: Vec<_> = known.iter().filter(|code| !met.contains(**code) && !elsewhere.contains(code)).collect();
    assert!(never.is_empty(), "codes that no case expects: {never:?}");
}

#[test]
fn secrets_are_in_no_output() {
    let mut cases = 0;
    for case in vectors::all() {
        let Some(secret) = &case.secret else { continue };
        cases += 1;
        for line in lines(&Native, &case) {
            let (_, answer) = line.split_once('\t').unwrap();
            assert!(!answer.contains(secret.as_str()), "{}: `{secret}` is in {answer}", case.name);
        }
    }
    assert!(cases >= 20, "only {cases} cases have a secret");
}

fn check_entry(text: &str, list: EntryList, expect: &Expected, fail: &mut impl FnMut(String)) {
    let report = pullgate::check_entry(text, list);
    let shown = serde_json::to_string(&report).unwrap();
    let codes: Vec<&str> = report.findings.iter().map(|finding| finding.code.as_str()).collect();
    let kind = report.kind.map(|kind| serde_json::to_value(kind).unwrap());
    let mut want = |right: bool, what: String| {
        if !right {
            fail(format!("expected {what}, got {shown}"));
        }
    };
    if let Some(ok) = expect.ok {
        want(report.entry.is_some() == ok, format!("ok: {ok}"));
    }
    if let Some(entry) = &expect.entry {
        want(report.entry.as_ref() == Some(entry), format!("`{entry}`"));
    }
    if let Some(expected) = &expect.kind {
        want(kind.as_ref().and_then(Value::as_str) == Some(expected), format!("kind `{expected}`"));
    }
    if let Some(expected) = &expect.codes {
        want(codes == *expected, format!("codes {expected:?}"));
    }
    for code in &expect.codes_include {
        want(codes.contains(&code.as_str()), format!("`{code}`"));
    }
    if let Some(fix) = &expect.fix {
        let proposed = report.findings.iter().find_map(|finding| finding.fix.as_ref());
        want(proposed == fix.as_ref(), format!("the fix {fix:?}"));
    }
    for part in &expect.says {
        want(report.findings.iter().any(|finding| finding.message.contains(part)), format!("a message with {part:?}"));
    }
    if let Some(range) = expect.range {
        want(report.findings.first().and_then(|finding| finding.range) == Some(range), format!("{range:?}"));
    }

    // What holds of every report.
    let errors = report.findings.iter().any(|finding| finding.severity == Severity::Error);
    want(report.entry.is_none() == errors && report.kind.is_none() == errors, "an entry or an error".to_owned());
    want(
        report.findings.is_sorted_by_key(|f| f.range.map(|r| r.start)),
        "findings in the order of the text".to_owned(),
    );
    for finding in &report.findings {
        want(finding.path.is_none(), "no path in a lone entry".to_owned());
        check_finding(text, finding, &mut want);
        check_fix(text, list, finding, &mut want);
    }
    if let Some(entry) = &report.entry {
        let again = pullgate::check_entry(entry, list);
        want(
            again.entry.as_ref() == Some(entry) && again.kind == report.kind,
            format!("`{entry}` to stay itself (E14)"),
        );
    }
}

/// What holds of every finding: its severity is its code's, its range is within the text, its message is well written.
fn check_finding(text: &str, finding: &Finding, want: &mut impl FnMut(bool, String)) {
    want(finding.severity == finding.code.severity(), "the severity of the code".to_owned());
    let message = &finding.message;
    want(!message.is_empty() && !message.ends_with('.'), format!("a message without a final period, not {message:?}"));
    want(
        !message.starts_with(|c: char| c.is_ascii_uppercase() && !message.starts_with("IP")),
        format!("{message:?} in lower case"),
    );
    if let Some(range) = finding.range {
        let (start, end) = (usize::try_from(range.start).unwrap(), usize::try_from(range.end).unwrap());
        let Some(part) = text.get(start..end) else {
            return want(false, format!("a range within the text, not {range:?}"));
        };
        let utf16 = |text: &str| u32::try_from(text.encode_utf16().count()).unwrap();
        let before = utf16(&text[..start]);
        want(
            range.start_utf16 == before && range.end_utf16 == before + utf16(part),
            format!("UTF-16 offsets that fit {range:?}"),
        );
    }
}

/// A fix, written in place of the range, takes the finding away.
fn check_fix(text: &str, list: EntryList, finding: &Finding, want: &mut impl FnMut(bool, String)) {
    let Some(fix) = &finding.fix else { return };
    let Some(range) = finding.range else { return want(false, "a range to put the fix in".to_owned()) };
    let (start, end) = (usize::try_from(range.start).unwrap(), usize::try_from(range.end).unwrap());
    let (Some(before), Some(after)) = (text.get(..start), text.get(end..)) else { return };
    for part in fix.split(", ") {
        let fixed = format!("{before}{part}{after}");
        let again = pullgate::check_entry(&fixed, list);
        want(
            !again.findings.iter().any(|f| f.code == finding.code),
            format!("`{fixed}` without `{}`", finding.code.as_str()),
        );
    }
}

fn check_certificates(pem: &[u8], at: u64, expect: &Expected, fail: &mut impl FnMut(String)) {
    let report = pullgate::check_certificates(pem, at);
    let shown = serde_json::to_value(&report).unwrap();
    let mut want = |right: bool, what: String| {
        if !right {
            fail(format!("expected {what}, got {shown}"));
        }
    };
    let codes_of = |findings: &[Finding]| findings.iter().map(|finding| finding.code.as_str()).collect::<Vec<_>>();
    if let Some(codes) = &expect.codes {
        want(codes_of(&report.findings) == *codes, format!("codes {codes:?} of the bundle"));
    }
    if let Some(certificates) = &expect.certificates {
        want(certificates.len() == report.certificates.len(), format!("{} certificates", certificates.len()));
        for ((index, expected), found) in certificates.iter().enumerate().zip(&report.certificates) {
            if let Some(codes) = &expected.codes {
                let codes: BTreeSet<&str> = codes.iter().map(String::as_str).collect();
                let found: BTreeSet<&str> = codes_of(&found.findings).into_iter().collect();
                want(found == codes, format!("codes {codes:?} of certificate {index}"));
            }
            for (member, value) in &expected.members {
                let found = &shown["certificates"][index][member.as_str()];
                want(found == value, format!("`{member}`: {value} of certificate {index}"));
            }
        }
    }
    let findings = || report.findings.iter().chain(report.certificates.iter().flat_map(|found| &found.findings));
    for part in &expect.says {
        want(findings().any(|finding| finding.message.contains(part)), format!("a message with {part:?}"));
    }

    if let Some(fix) = &expect.fix {
        let proposed = findings().find_map(|finding| finding.fix.as_ref());
        want(proposed == fix.as_ref(), format!("the fix {fix:?}"));
    }

    // What holds of every report.
    if let Ok(text) = std::str::from_utf8(pem) {
        for finding in findings() {
            want(finding.path.is_none(), "no path in a lone bundle".to_owned());
            check_finding(text, finding, &mut want);
        }
    }
    let count = |report: &CertificateReport, code: Code| {
        let own = report.certificates.iter().flat_map(|found| &found.findings);
        report.findings.iter().chain(own).filter(|finding| finding.code == code).count()
    };
    for finding in findings() {
        let (Some(fix), Some(range)) = (&finding.fix, finding.range) else { continue };
        let (start, end) = (usize::try_from(range.start).unwrap(), usize::try_from(range.end).unwrap());
        let fixed = [&pem[..start], fix.as_bytes(), &pem[end..]].concat();
        let again = pullgate::check_certificates(&fixed, at);
        let fewer = count(&again, finding.code) < count(&report, finding.code);
        want(fewer, format!("{fix:?} without the finding"));
        want(fix.is_empty() || !again.certificates.is_empty(), format!("{fix:?} to have a certificate"));
    }
    for found in &report.certificates {
        let again = pullgate::check_certificates(found.pem.as_bytes(), at);
        want(again.findings.is_empty(), format!("plain PEM, not {:?}", found.pem));
        want(again.certificates.iter().map(|one| &one.sha256).eq([&found.sha256]), "PEM of the same".to_owned());
    }
    let errors = report.findings.iter().any(|finding| finding.severity == Severity::Error);
    want(errors || !report.certificates.is_empty(), "a certificate or an error".to_owned());
}

fn check_document(case: &Case, document: &str, fail: &mut impl FnMut(String)) {
    let (at, expect) = (case.at(), &case.expect);
    let report = pullgate::check_policy(document, at);
    let findings = &report.findings;
    let shown = serde_json::to_string(findings).unwrap();
    let mut want = |right: bool, what: String| {
        if !right {
            fail(format!("expected {what}, got {shown}"));
        }
    };
    let loaded = Policy::load(document, at);
    if let Some(loads) = expect.loads {
        want(loaded.is_ok() == loads, format!("loads: {loads}"));
    }
    if let Some(places) = &expect.findings {
        let findings: Vec<&Finding> = findings.iter().filter(|finding| case.counts(finding.code.as_str())).collect();
        let same =
            places.len() == findings.len() && places.iter().zip(findings).all(|(place, finding)| place.is(finding));
        want(same, format!("exactly {places:?}"));
    }
    for place in &expect.findings_include {
        want(findings.iter().any(|finding| place.is(finding)), format!("{place:?}"));
    }
    for code in &expect.findings_exclude {
        want(!findings.iter().any(|finding| finding.code.as_str() == code), format!("no `{code}`"));
    }

    // What holds of every document.
    let found_on_load = match &loaded {
        Ok(loaded) => &loaded.findings,
        Err(findings) => findings,
    };
    want(found_on_load == findings, format!("the same findings on load, not {found_on_load:?}"));
    let mut errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    want(loaded.is_ok() == report.canonical.is_some(), "a canonical form where it loads".to_owned());
    // Time alone keeps no policy from loading (rule P3).
    let lasting = errors.any(|finding| finding.code != Code::CertificateExpired);
    want(lasting == loaded.is_err(), "an error where it does not load, and only there".to_owned());
    for part in &expect.says {
        want(findings.iter().any(|finding| finding.message.contains(part)), format!("a message with {part:?}"));
    }
    want(findings.is_sorted_by_key(|f| f.range.map(|r| r.start)), "findings in document order (P6)".to_owned());
    for finding in findings {
        check_finding(document, finding, &mut want);
        if finding.path.as_ref().is_some_and(|path| path.ends_with("/pem")) {
            check_pem_fix(document, at, finding, findings, &mut want);
        }
    }
    if let Some(canonical) = &report.canonical {
        let again = pullgate::check_policy(canonical, at);
        want(again.canonical.as_ref() == Some(canonical), format!("the canonical form to stay itself: {canonical}"));
    }
}

/// A fix of a certificate, written into the JSON text, leaves JSON, and takes the finding away.
fn check_pem_fix(
    document: &str,
    at: u64,
    finding: &Finding,
    findings: &[Finding],
    want: &mut impl FnMut(bool, String),
) {
    let (Some(fix), Some(range)) = (&finding.fix, finding.range) else { return };
    let (start, end) = (usize::try_from(range.start).unwrap(), usize::try_from(range.end).unwrap());
    let fixed = format!("{}{fix}{}", &document[..start], &document[end..]);
    let again = pullgate::check_policy(&fixed, at).findings;
    let count = |findings: &[Finding]| findings.iter().filter(|found| found.code == finding.code).count();
    want(!again.iter().any(|found| found.code == Code::JsonSyntax), format!("JSON with {fix:?}"));
    want(count(&again) < count(findings), format!("{fix:?} without the finding"));
}

/// What a change does, and what holds of every comparison.
fn check_change(change: &Change, at: u64, expect: &Expected, fail: &mut impl FnMut(String)) {
    let comparison = match pullgate::compare(&change.old.0, &change.new.0, at) {
        Ok(comparison) => serde_json::to_value(comparison).unwrap(),
        Err(why) => return fail(format!("the documents do not load: {}", serde_json::to_string(&why).unwrap())),
    };
    let mut want = |right: bool, what: String| {
        if !right {
            fail(format!("expected {what}, got {comparison}"));
        }
    };
    if let Some(verdict) = &expect.verdict {
        want(comparison["verdict"] == **verdict, format!("`{verdict}`"));
    }
    if let Some(modes) = &expect.modes {
        want(comparison["modes"] == *modes, format!("the modes {modes}"));
    }
    if let Some(expected) = &expect.regions {
        let text =
            |region: &Value| format!("{}: {}", region["change"].as_str().unwrap(), region["text"].as_str().unwrap());
        let regions: Vec<String> = comparison["regions"].as_array().unwrap().iter().map(text).collect();
        want(regions == *expected, format!("the regions {expected:#?}, not {regions:#?}"));
    }
    let itself = pullgate::compare(&change.new.0, &change.new.0, at).map(|comparison| comparison.verdict);
    want(itself == Ok(pullgate::ComparisonVerdict::Same), "a document to be the same as itself".to_owned());
}

fn check_narrow(narrow: &Narrow, at: u64, expect: &Expected, fail: &mut impl FnMut(String)) {
    match (pullgate::narrow(&narrow.policy.0, &narrow.remote.0, at), &expect.document, &expect.refused) {
        (Ok(document), Some(expected), None) if document == expected.0 => {
            let change = pullgate::compare(&narrow.policy.0, &document, at);
            if !change.is_ok_and(|change| change.verdict != pullgate::ComparisonVerdict::Wider) {
                fail(format!("narrowed, it is wider: {document}"));
            }
        }
        (Err(NarrowError::Uncovered(refused)), None, Some(expected))
            if (refused.list, refused.index, &refused.entry) == (expected.0, expected.1, &expected.2) => {}
        (result, ..) => fail(format!("got {result:?}")),
    }
}

fn check_policy(case: &Case, document: &str, fail: &mut impl FnMut(String)) {
    let policy = match Policy::load(document, case.at()) {
        Ok(loaded) => loaded.policy,
        Err(findings) => {
            return fail(format!("the policy does not load: {}", serde_json::to_string(&findings).unwrap()));
        }
    };
    for (index, asked) in case.requests.iter().enumerate() {
        let (reference, kind) = asked.subject();
        let dns_answers = asked.dns_answers();
        let request = Request { reference, kind, project: asked.project.as_deref(), dns_answers: &dns_answers };
        let text = policy.answer(&request).to_json();
        let answer: Value = serde_json::from_str(&text).unwrap();
        if let Some(wrong) = differs(asked, &answer) {
            fail(format!("request {index}, `{reference}`: {wrong}, got {text}"));
        }
        let mut explained: Value = serde_json::from_str(&policy.explain(&request).to_json()).unwrap();
        let steps = explained.as_object_mut().and_then(|members| members.remove("steps"));
        if explained != answer {
            fail(format!("request {index}, `{reference}`: the explanation decides otherwise: {explained}, got {text}"));
        }
        if steps.as_ref().and_then(Value::as_array).is_none_or(Vec::is_empty) {
            fail(format!("request {index}, `{reference}`: the explanation has no steps"));
        }
        if policy.answer(&request).decision != policy.decide(&request) {
            fail(format!("request {index}, `{reference}`: `decide` and `answer` differ"));
        }
    }
}

/// How an answer differs from what is expected of it.
fn differs(asked: &Asked, answer: &Value) -> Option<String> {
    for (member, expected) in &asked.expect {
        let found = &answer[member.as_str()];
        let same = match (member.as_str(), expected) {
            ("by" | "nearest", Value::Object(members)) => {
                found.is_object() && members.iter().all(|(name, value)| found[name.as_str()] == *value)
            }
            _ => found == expected,
        };
        if !same {
            return Some(format!("expected `{member}`: {expected}"));
        }
    }
    let unwanted = asked.absent.iter().find(|member| answer.get(member.as_str()).is_some())?;
    Some(format!("expected no `{unwanted}`"))
}
