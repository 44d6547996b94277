//! Policy documents (rules P), in JSON and as files.

use std::fs;
use std::path::Path;

use anstream::adapter::strip_str;
use pullgate::display::is_unsafe_for_display;
use pullgate::{ComparisonVerdict, Finding, Policy, check_policy, compare};
use pullgate_source::{PolicySource, findings};
use pullgate_tests::vectors::AT;

use crate::text::check_findings;
use crate::text_of;

/// Larger documents are not compared with themselves, as that may take longer than an input may.
const MAX_COMPARED_BYTES: usize = 4_096;

/// A document loads where its check has no error, and prints as a document that means the same and prints as itself.
pub fn document(data: &[u8]) {
    let text = text_of(data);
    let report = check_policy(text, AT);
    check_findings(text.as_bytes(), &report.findings);
    let loaded = Policy::load(text, AT);
    assert_eq!(report.canonical.is_some(), loaded.is_ok(), "{:?}", report.findings);
    let found = match loaded {
        Ok(loaded) => loaded.findings,
        Err(found) => {
            assert!(found.iter().any(Finding::is_error), "it does not load, and has no error: {found:?}");
            found
        }
    };
    assert_eq!(found, report.findings, "a check has other findings than loading");
    let Some(canonical) = report.canonical else { return };
    let again = check_policy(&canonical, AT);
    assert_eq!(again.canonical.as_ref(), Some(&canonical), "{:?}", again.findings);
    if canonical.len() <= MAX_COMPARED_BYTES {
        let comparison = compare(text, &canonical, AT).expect("both load");
        assert!(
            comparison.verdict == ComparisonVerdict::Same || !comparison.exhaustive,
            "{canonical} means something else: {comparison:#?}"
        );
    }
}

/// A file in JSON or TOML is read, its findings are located in it, and what is shown of them has nothing that controls a
/// terminal. The first byte chooses the notation.
pub fn source(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let name = if first % 2 == 0 { "policy.toml" } else { "policy.json" };
    let folder = tempfile::tempdir().expect("there is room for a file");
    let path = folder.path().join(name);
    fs::write(&path, rest).expect("there is room for a file");
    check_source(&path, text_of(rest));
}

fn check_source(path: &Path, text: &str) {
    let Ok((source, located)) = PolicySource::read(path) else { return };
    let located = if located.is_empty() { source.locate(check_policy(source.json(), AT).findings) } else { located };
    for found in &located {
        let Some(span) = &found.span else { continue };
        let is_within = span.bytes.start <= span.bytes.end && text.get(span.bytes.clone()).is_some();
        assert!(is_within, "{:?} is not within {text:?}: {:?}", span.bytes, found.finding);
    }
    for block in findings::render(source.sources(), &located) {
        let shown = strip_str(&block).to_string();
        let is_safe = !shown.chars().any(|character| character != '\n' && is_unsafe_for_display(character));
        assert!(is_safe, "{shown:?} controls a terminal");
    }
}
