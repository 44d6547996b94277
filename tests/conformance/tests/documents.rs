//! Bad documents of every kind of rules P2 and P5: the right code at the right place, on every surface, and no crash.

use std::fs;
use std::path::{Path, PathBuf};

use pullgate::{MAX_DOCUMENT_BYTES, MAX_ENTRIES, Policy, Severity, check_policy};
use pullgate_tests::component::Component;
use pullgate_tests::node;
use pullgate_tests::surface::{Native, Surface};
use pullgate_tests::vectors::AT;

/// A document, and the first error that is found in it.
struct Bad {
    name: &'static str,
    text: String,
    /// The code; none for a document that loads.
    code: Option<&'static str>,
    /// The place as a JSON Pointer; any place where absent.
    path: Option<&'static str>,
    /// A part of the document, standing there once, that the range of the finding must touch.
    touches: Option<&'static str>,
}

fn bad(name: &'static str, text: impl Into<String>, code: &'static str) -> Bad {
    Bad { name, text: text.into(), code: Some(code), path: None, touches: None }
}

fn good(name: &'static str, text: impl Into<String>) -> Bad {
    Bad { name, text: text.into(), code: None, path: None, touches: None }
}

impl Bad {
    fn at(self, path: &'static str) -> Self {
        Self { path: Some(path), ..self }
    }

    fn touching(self, part: &'static str) -> Self {
        Self { touches: Some(part), ..self }
    }
}

/// Documents that are wrong in a small place.
fn small() -> Vec<Bad> {
    vec![
        bad("unknown member", r#"{"insecure": [], "whitlist": ["a.corp"]}"#, "member-unknown")
            .at("/whitlist")
            .touching("whitlist"),
        bad("unknown member of an element", r#"{"insecure": [{"entry": "a.corp", "on": true}]}"#, "member-unknown")
            .at("/insecure/0/on")
            .touching("on\": true"),
        bad("unknown member of a project", r#"{"projects": {"alpha": {"built_in": []}}}"#, "member-unknown")
            .at("/projects/alpha/built_in")
            .touching("built_in"),
        bad("duplicate member", r#"{"insecure": ["a.corp"], "insecure" : []}"#, "member-duplicate")
            .at("/insecure")
            .touching("insecure\" :"),
        bad("duplicate member with an escape", r#"{"insecure": ["a.corp"], "\u0069nsecure": []}"#, "member-duplicate")
            .at("/insecure")
            .touching(r"\u0069nsecure"),
        bad("duplicate project with an escape", r#"{"projects": {"alpha": {}, "alph\u0061": {}}}"#, "member-duplicate")
            .at("/projects/alpha")
            .touching(r"alph\u0061"),
        bad("missing entry", r#"{"insecure": [{"enabled": true}]}"#, "member-missing")
            .at("/insecure/0")
            .touching("{\"enabled\": true}"),
        bad("missing pem", r#"{"certificate_authorities": [{}]}"#, "member-missing")
            .at("/certificate_authorities/0")
            .touching("{}"),
        bad("wrong type of a list", r#"{"insecure": "a.corp"}"#, "type-wrong").at("/insecure").touching("a.corp"),
        bad("wrong type of an entry", r#"{"insecure": ["a.corp", 17]}"#, "type-wrong").at("/insecure/1").touching("17"),
        bad("wrong type of enabled", r#"{"insecure": [{"entry": "a.corp", "enabled": 17}]}"#, "type-wrong")
            .at("/insecure/0/enabled")
            .touching("17"),
        bad("wrong type of the document", "[17]", "type-wrong").at(""),
        bad("a wrong entry", r#"{"insecure": ["a.corp", "256.1.1.1"]}"#, "ipv4-invalid")
            .at("/insecure/1")
            .touching("256.1.1.1"),
        bad(
            "a wrong entry behind wide characters",
            r#"{"insecure": [{"comment": "😀é", "entry": "a.corp:0"}]}"#,
            "port-invalid",
        )
        .at("/insecure/0/entry")
        .touching("0\"}"),
        bad("a wrong entry with an escape", r#"{"insecure": ["h\u0061rbor.corp:70000"]}"#, "port-invalid")
            .at("/insecure/0")
            .touching("70000"),
        bad("a wrong escape", r#"{"insecure": ["a.corp", "b\q.corp"]}"#, "json-syntax").touching(r"\q"),
        bad("lone high surrogate", r#"{"insecure": ["a.corp", "\ud800.corp"]}"#, "json-syntax").touching(r"\ud800"),
        bad("lone low surrogate", r#"{"insecure": ["a.corp", "\udc00.corp"]}"#, "json-syntax").touching(r"\udc00"),
        bad("two high surrogates", r#"{"insecure": ["a.corp", "\ud83d\ud83d"]}"#, "json-syntax")
            .touching(r"\ud83d\ud83d"),
        bad("half an escape", r#"{"insecure": ["\u00"]}"#, "json-syntax").touching(r"\u00"),
        bad("a null character", "{\"insecure\": [\"a\0.corp\"]}", "json-syntax").touching("\0"),
        bad("a null character behind", "{}\0", "json-syntax").touching("\0"),
        bad("a line end in a string", "{\"insecure\": [\"a\n.corp\"]}", "json-syntax").touching("\n"),
        bad("nothing", "", "json-syntax"),
        bad("only a byte-order mark", "\u{feff}", "json-syntax"),
        bad("not closed", r#"{"insecure": ["a.corp""#, "json-syntax"),
        bad("closed twice", r#"{"insecure": []}}"#, "json-syntax").touching("}}"),
        bad("two documents", "{} []", "json-syntax").touching("[]"),
        bad("a comma too many", r#"{"insecure": ["a.corp", ]}"#, "json-syntax").touching("]"),
        bad("a comment", "{ /* none */ }", "json-syntax").touching("/*"),
        bad("not a number", r#"{"match_resolved_addresses": NaN}"#, "json-syntax").touching("NaN"),
        bad("half a word", r#"{"match_resolved_addresses": tru}"#, "json-syntax").touching("tru"),
        bad("toml", "whitelist = [\"a.corp\"]\n", "json-syntax").touching("w"),
        good("a byte-order mark in front", "\u{feff}{\"insecure\": [\"a.corp\"]}"),
    ]
}

/// Documents that are too deep.
fn deep() -> Vec<Bad> {
    let levels = 100_000;
    let lists = "[".repeat(levels);
    let objects = r#"{"projects":"#.repeat(levels);
    let wrapped = |inner: String| format!("{{\"image_fetch_proxy\": {inner}}}");
    let any = |name, text: String| Bad { name, text, code: Some(""), path: None, touches: None };
    vec![
        any("lists in lists", format!("{lists}{}", "]".repeat(levels))),
        any("lists without end", lists.clone()),
        any("objects in objects", format!("{objects}1{}", "}".repeat(levels))),
        any("objects without end", objects),
        any("deep where anything may be", wrapped(format!("{lists}{}", "]".repeat(levels)))),
        any("deep and open where anything may be", wrapped(lists.clone())),
        any("deep in an entry", format!("{{\"insecure\": [{lists}{}]}}", "]".repeat(levels))),
        any("deep in an unknown member", format!("{{\"unknown\": {lists}{}}}", "]".repeat(levels))),
        any(
            "deep in a comment",
            format!("{{\"insecure\": [{{\"entry\": \"a.corp\", \"comment\": {lists}{}}}]}}", "]".repeat(levels)),
        ),
    ]
}

/// Documents at their limits and over them.
fn large() -> Vec<Bad> {
    let padded = |length: usize| {
        let document = r#"{"insecure": ["a.corp"]}"#;
        format!("{document}{}", " ".repeat(length - document.len()))
    };
    let entries = |from: usize, count: usize| {
        let entries: Vec<String> = (from..from + count).map(|index| format!("\"h{index}.corp\"")).collect();
        entries.join(",")
    };
    vec![
        good("64 MiB", padded(MAX_DOCUMENT_BYTES)),
        bad("64 MiB and a byte", padded(MAX_DOCUMENT_BYTES + 1), "document-too-large"),
        bad("64 MiB and more of nothing that is JSON", "x".repeat(MAX_DOCUMENT_BYTES + 100), "document-too-large"),
        good("1,000,000 entries", format!("{{\"insecure\": [{}]}}", entries(0, MAX_ENTRIES))),
        bad("1,000,001 entries", format!("{{\"insecure\": [{}]}}", entries(0, MAX_ENTRIES + 1)), "entries-too-many"),
        bad(
            "1,000,001 entries in several lists",
            format!(
                "{{\"whitelist\": [{}], \"projects\": {{\"alpha\": {{\"insecure\": [{}]}}}}}}",
                entries(0, 600_000),
                entries(600_000, MAX_ENTRIES + 1 - 600_000)
            ),
            "entries-too-many",
        ),
    ]
}

#[test]
fn small_documents_have_their_finding_at_its_place() {
    check(&small());
}

#[test]
fn deep_documents_do_not_crash() {
    check(&deep());
}

#[test]
fn the_limits_are_what_the_rules_say() {
    assert_eq!(MAX_DOCUMENT_BYTES, 64 << 20);
    assert_eq!(MAX_ENTRIES, 1_000_000);
    check(&large());
}

#[test]
fn other_surfaces_find_the_same() {
    let documents: Vec<Bad> = small().into_iter().chain(deep()).chain(large()).collect();
    let ours = lines(&Native, &documents);
    same("the component under wasmtime", &ours, &lines(&Component::new(), &documents));

    let folder = write(&documents);
    let arguments = [folder.to_str().expect("the target folder has a name in UTF-8"), &AT.to_string()];
    same("the module in Node", &ours, &node::run("documents.mjs", &arguments));
    fs::remove_dir_all(folder).expect("what was written can be removed");
}

#[test]
fn what_javascript_gives_for_text_does_not_crash() {
    let lines = node::run("malformed_input.mjs", &[]);
    assert_eq!(lines.last().map(String::as_str), Some("ok"), "{lines:#?}");
}

fn check(documents: &[Bad]) {
    let failures: Vec<String> =
        documents.iter().filter_map(|bad| Some(format!("{}: {}", bad.name, wrong(bad)?))).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What is wrong with the findings of a document, if anything.
fn wrong(bad: &Bad) -> Option<String> {
    let report = check_policy(&bad.text, AT);
    let loaded = Policy::load(&bad.text, AT);
    let shown = || format!("{:?}", report.findings.iter().take(3).collect::<Vec<_>>());
    let Some(code) = bad.code else {
        return (loaded.is_err() || report.canonical.is_none()).then(|| format!("does not load: {}", shown()));
    };
    let Err(findings) = loaded else { return Some("loads".to_owned()) };
    if findings != report.findings || report.canonical.is_some() {
        return Some("checked and loaded with different findings".to_owned());
    }
    let Some(error) = findings.iter().find(|finding| finding.severity == Severity::Error) else {
        return Some("does not load, without an error".to_owned());
    };
    if !code.is_empty() && error.code.as_str() != code {
        return Some(format!("`{code}` is not the first error: {}", shown()));
    }
    if bad.path.is_some() && error.path.as_deref() != bad.path {
        return Some(format!("not at `{}`: {}", bad.path.unwrap_or_default(), shown()));
    }
    if error.message.len() > 2_000 {
        return Some(format!("a message of {} bytes", error.message.len()));
    }
    let part = bad.touches?;
    let from = bad.text.rfind(part).expect("the part stands in the document");
    let Some(range) = error.range else { return Some(format!("no range: {}", shown())) };
    let (start, end) = (usize::try_from(range.start).unwrap(), usize::try_from(range.end).unwrap());
    let utf16 = |text: &str| u32::try_from(text.encode_utf16().count()).unwrap();
    if bad.text.get(..start).map(utf16) != Some(range.start_utf16)
        || bad.text.get(..end).map(utf16) != Some(range.end_utf16)
    {
        return Some(format!("UTF-16 offsets that do not fit: {}", shown()));
    }
    (end < from || start > from + part.len()).then(|| format!("not near {part:?} at {from}: {}", shown()))
}

/// What a surface says of documents, one line for each.
fn lines<S: Surface>(surface: &S, documents: &[Bad]) -> Vec<String> {
    documents.iter().map(|bad| format!("{}\t{}", bad.name, surface.load(&bad.text, AT).0)).collect()
}

fn same(name: &str, ours: &[String], theirs: &[String]) {
    for (ours, theirs) in ours.iter().zip(theirs) {
        let short = |line: &str| line.chars().take(500).collect::<String>();
        assert!(ours == theirs, "{name} differs:\nnative: {}\nthere:  {}", short(ours), short(theirs));
    }
    assert_eq!(ours.len(), theirs.len(), "{name} gives another number of answers");
}

/// Writes documents to files whose names are in their order.
fn write(documents: &[Bad]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("documents-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder under target can be made");
    for (index, bad) in documents.iter().enumerate() {
        let file = folder.join(format!("{index:03} {}", bad.name.replace('/', "-")));
        fs::write(file, &bad.text).expect("a document can be written");
    }
    folder
}
