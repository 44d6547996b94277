//! Unicode's test of UTS #46 and WHATWG's test of URLs, held against the hosts of entries (rules E3 to E5).
//!
//! Both tables come with crates that this project depends on (`idna` has `IdnaTestV2.txt`, `url` has `urltestdata.json`), so
//! they are read where cargo has these. A case that is answered otherwise is of a class that a rule gives the reason for,
//! and the number of cases of each class is fixed.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use pullgate::{Code, EntryList, EntryReport, check_entry};
use serde_json::Value;

/// Classes of cases of `IdnaTestV2.txt` that are answered otherwise, with their numbers.
const IDNA_DIFFERENCES: [(IdnaDifference, usize); 5] = [
    (IdnaDifference::Composed, 42),
    (IdnaDifference::Deleted, 23),
    (IdnaDifference::TrailingDot, 61),
    (IdnaDifference::Hyphens, 10),
    (IdnaDifference::NewerUnicode, 7),
];

/// The number of its cases that are answered alike.
const IDNA_AGREEING: usize = 6_246;

/// A class of cases of `IdnaTestV2.txt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum IdnaDifference {
    /// `=`, `<` or `>` with a combining character, which the mapping would compose: they are no characters of hosts (E5).
    Composed,
    /// A character that the mapping deletes unseen is refused (E5).
    Deleted,
    /// One trailing dot is dropped (E5).
    TrailingDot,
    /// Hyphens in the third and fourth place are fine, of a decoded label too (E5).
    Hyphens,
    /// Characters that later versions have than the table's, which is Unicode 16.
    NewerUnicode,
}

#[test]
fn hosts_are_mapped_as_unicode_does() {
    let table = fs::read_to_string(source_of("idna").join("tests/IdnaTestV2.txt")).expect("the table is in the crate");
    let mut differences = BTreeMap::<IdnaDifference, usize>::new();
    let mut agreeing = 0_usize;
    for line in table.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let case = IdnaCase::parse(line);
        // With a port, a name of one label has no note.
        let report = check_entry(&format!("{}:5000", case.source), EntryList::Whitelist);
        let own = report.entry.as_deref().and_then(|entry| entry.strip_suffix(":5000"));
        if own == case.expected() {
            agreeing += 1;
            continue;
        }
        let class = case.difference(&report);
        let class = class.unwrap_or_else(|| panic!("{line}: {own:?}, for no reason that is known: {report:?}"));
        *differences.entry(class).or_default() += 1;
    }
    assert_eq!(differences.into_iter().collect::<Vec<_>>(), IDNA_DIFFERENCES, "with {agreeing} that agree");
    assert_eq!(agreeing, IDNA_AGREEING);
}

fn error_codes(report: &EntryReport) -> Vec<Code> {
    report.findings.iter().filter(|finding| finding.is_error()).map(|finding| finding.code).collect()
}

/// A line of `IdnaTestV2.txt`.
struct IdnaCase {
    source: String,
    /// The name in U-labels.
    unicode: String,
    /// The name in A-labels, non-transitional.
    ascii: String,
    /// The codes of errors.
    status: Vec<String>,
}

impl IdnaCase {
    fn parse(line: &str) -> Self {
        let line = line.split('#').next().unwrap_or_default();
        let fields: Vec<&str> = line.split(';').map(str::trim).collect();
        let [source, unicode, unicode_status, ascii, ascii_status, ..] = fields.as_slice() else {
            panic!("a line has seven fields: {line}");
        };
        // An empty field is the one before it.
        let source = unescape(source);
        let unicode = if unicode.is_empty() { source.clone() } else { unescape(unicode) };
        let ascii = if ascii.is_empty() { unicode.clone() } else { unescape(ascii) };
        let status = if ascii_status.is_empty() { unicode_status } else { ascii_status };
        let status = status.trim_matches(['[', ']']).split(',').map(str::trim).filter(|code| !code.is_empty());
        Self { source, unicode, ascii, status: status.map(str::to_owned).collect() }
    }

    /// Returns the name that the table expects; `None` if it expects an error.
    fn expected(&self) -> Option<&str> {
        self.status.is_empty().then_some(self.ascii.as_str())
    }

    /// Returns the reason that a case is answered otherwise.
    fn difference(&self, report: &EntryReport) -> Option<IdnaDifference> {
        // CJK Unified Ideographs Extension J of Unicode 17, and Seal of Unicode 18.
        let is_newer = |each| matches!(each, '\u{323b0}'..='\u{33479}' | '\u{3d000}'..='\u{3fc3f}');
        let is_dot = |character| matches!(character, '.' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}');
        let status: Vec<&str> = self.status.iter().map(String::as_str).collect();
        let codes = error_codes(report);
        match (&report.entry, status.as_slice()) {
            (None, []) if codes.iter().all(|code| *code == Code::NameInvisible) => Some(IdnaDifference::Deleted),
            (None, []) if codes == [Code::NameInvalid] && self.source.contains(['=', '<', '>']) => {
                Some(IdnaDifference::Composed)
            }
            (Some(_), ["A4_2"]) if self.source.ends_with(is_dot) => Some(IdnaDifference::TrailingDot),
            (Some(_), ["V2"] | ["V2", "V4"]) => Some(IdnaDifference::Hyphens),
            (Some(_), ["V7"] | ["V7", "A4_2"]) if self.unicode.contains(is_newer) => Some(IdnaDifference::NewerUnicode),
            _ => None,
        }
    }
}

/// Reads `""` as nothing, and `\uXXXX` as the character.
fn unescape(field: &str) -> String {
    if field == "\"\"" {
        return String::new();
    }
    let mut parts = field.split("\\u");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_at(4);
        let number = u32::from_str_radix(digits, 16).expect("four hexadecimal digits");
        // A surrogate alone is no text; U+FFFD is refused as it is.
        text.push(char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER));
        text.push_str(rest);
    }
    text
}

/// The number of cases of `urltestdata.json` that both accept, that both refuse, that are refused here alone, and that are
/// accepted here alone.
const URLS: [usize; 4] = [99, 192, 48, 1];

/// The reasons to refuse the host of a URL that WHATWG accepts: it is no host of a registry (rules E3, E5, E9, E11 and E13).
const REFUSALS: [Code; 9] = [
    Code::BlankInside,
    Code::ControlCharacter,
    Code::Ipv4Invalid,
    Code::NameInvalid,
    Code::NameInvisible,
    Code::NameLabelEmpty,
    Code::PortInvalid,
    Code::UserInformation,
    Code::WildcardInvalid,
];

/// An entry that is accepted names the host that WHATWG's parser reads, and what that refuses is refused.
#[test]
fn hosts_of_urls_are_whatwgs() {
    let table = fs::read_to_string(source_of("url").join("tests/urltestdata.json")).expect("the table is in the crate");
    let table: Vec<Value> = serde_json::from_str(&table).expect("the table is JSON");
    let mut counts = [0; 4];
    for case in table.iter().filter(|case| case.is_object()) {
        let input = case["input"].as_str().expect("a case has an input");
        // What follows the host is no part of an entry for the insecure list.
        let rest = input.strip_prefix("http://").or_else(|| input.strip_prefix("https://"));
        let Some(authority) = rest.and_then(|rest| rest.split(['/', '?', '#', '\\']).next()) else { continue };
        let expected = case["hostname"].as_str().filter(|_| case["failure"] != true);
        let report = check_entry(&format!("https://{authority}"), EntryList::Insecure);
        match (report.entry.as_deref().map(host_of), expected) {
            (Some(own), Some(expected)) => {
                assert_eq!(own, expected, "{input:?}: {report:?}");
                counts[0] += 1;
            }
            (None, None) => counts[1] += 1,
            (None, Some(_)) => {
                let codes = error_codes(&report);
                let is_known = codes.iter().any(|code| REFUSALS.contains(code));
                assert!(is_known, "{input:?} is refused: {report:?}");
                counts[2] += 1;
            }
            // An IPv6 address without brackets (rule E2).
            (Some(own), None) if own == format!("[{authority}]") => counts[3] += 1,
            (Some(own), None) => panic!("{input:?} is refused there, and {own} here"),
        }
    }
    assert_eq!(counts, URLS);
}

/// Returns the host of an entry in canonical form, as a URL has it.
fn host_of(entry: &str) -> &str {
    let place = entry.split('/').next().unwrap_or_default();
    match place.find(']') {
        Some(end) => &place[..=end],
        None => place.split(':').next().unwrap_or_default(),
    }
}

/// Returns the folder of a crate that this project depends on.
fn source_of(name: &str) -> PathBuf {
    let arguments = ["metadata", "--format-version", "1", "--offline", "--locked"];
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let output = output.expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().expect("there are packages");
    let package = packages.iter().find(|package| package["name"] == name);
    let manifest = package.and_then(|package| package["manifest_path"].as_str()).expect("the crate is a dependency");
    PathBuf::from(manifest).parent().expect("a manifest is in a folder").to_owned()
}
