//! The cases in `vectors/*.json`. README.md beside them says what they look like; `schema.json` says it to a program.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use pullgate::{DnsAnswer, EntryList, Finding, LookupKind, ReferenceKind, TextRange};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The time at which documents are checked and loaded where a case names none: 15 January 2027.
pub const AT: u64 = 1_800_000_000;

/// Every rule that must have cases. The one list of them.
pub const RULES: &[&str] = &[
    "E1", "E2", "E3", "E4", "E5", "E6", "E7", "E8", "E9", "E10", "E11", "E12", "E13", "E14", "E15", "E16", "E17",
    "E18", "H1", "H2", "H3", "H4", "M1", "M2", "M3", "M4", "M5", "M6", "M7", "W1", "W2", "W3", "W4", "W5", "W6", "T1",
    "T2", "T3", "T4", "T5", "T6", "P1", "P2", "P3", "P4", "P5", "P6", "P7", "J1", "J2", "D1", "D2", "D3", "D4", "A1",
    "A2", "A3", "C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C9",
];

/// What rule C2 says of nearly every whitelist. Exact lists of findings leave these codes out, unless the case is about C2.
const NEARLY_EVERYWHERE: [&str; 2] = ["authority-missing", "authority-well-known"];

/// One file of cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Where the schema is.
    #[serde(rename = "$schema")]
    pub schema: String,
    /// What the cases are about.
    pub about: String,
    /// The cases.
    pub cases: Vec<Case>,
}

/// One case: an entry, a bundle of certificates, a document, or a policy with requests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The rules that it is about.
    #[serde(deserialize_with = "one_or_more")]
    pub rule: Vec<String>,
    /// Its name, unlike any other.
    pub name: String,
    /// An entry to check.
    pub entry: Option<EntryInput>,
    /// A bundle of certificates to check.
    pub pem: Option<Pem>,
    /// A document to check and load, as an object.
    pub document: Option<Document>,
    /// The same, as literal text.
    #[serde(rename = "documentText")]
    pub document_text: Option<String>,
    /// A policy that loads, to be asked.
    pub policy: Option<Document>,
    /// The time of the check, in seconds since 1970-01-01 UTC.
    pub at: Option<u64>,
    /// A change of one policy to another, to be told.
    pub compare: Option<Change>,
    /// A policy to be narrowed.
    pub narrow: Option<Narrow>,
    /// What is asked of the policy.
    #[serde(default)]
    pub requests: Vec<Asked>,
    /// What is expected of an entry or a document.
    #[serde(default)]
    pub expect: Expected,
    /// A text that no output may have.
    pub secret: Option<String>,
}

/// Two documents, the second of which takes the place of the first.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// What is.
    pub old: Compact,
    /// What will be.
    pub new: Compact,
}

/// A document, and one with remote lists.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Narrow {
    /// The policy.
    pub policy: Compact,
    /// The remote lists.
    pub remote: Compact,
}

/// An entry to check.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryInput {
    /// As typed.
    pub text: String,
    /// The list that it is for.
    pub list: EntryList,
}

/// What is expected of an entry or a document. What is absent is not looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Expected {
    /// Whether the entry has no error.
    pub ok: Option<bool>,
    /// The canonical entry.
    pub entry: Option<String>,
    /// What it names.
    pub kind: Option<String>,
    /// The codes of all findings, in order; of a bundle, of those that are about no certificate.
    pub codes: Option<Vec<String>>,
    /// Codes that must be among the findings.
    #[serde(default)]
    pub codes_include: Vec<String>,
    /// The replacement that the first finding with one proposes; `Some(None)` where none may be proposed.
    #[serde(default, deserialize_with = "present")]
    pub fix: Option<Option<String>>,
    /// The range of the first finding.
    pub range: Option<TextRange>,
    /// The certificates of a bundle, in order.
    pub certificates: Option<Vec<Described>>,
    /// Texts that messages have in them.
    #[serde(default)]
    pub says: Vec<String>,
    /// Whether the document loads.
    pub loads: Option<bool>,
    /// All findings, in order.
    pub findings: Option<Vec<Place>>,
    /// Findings that must be there.
    #[serde(default)]
    pub findings_include: Vec<Place>,
    /// Codes that must not be there.
    #[serde(default)]
    pub findings_exclude: Vec<String>,
    /// What a change comes to.
    pub verdict: Option<String>,
    /// Where whitelist mode is turned on or off: the whole list.
    pub modes: Option<Value>,
    /// All regions of a change, in order: the change, a colon, and the words.
    pub regions: Option<Vec<String>>,
    /// The narrowed document.
    pub document: Option<Compact>,
    /// The refused entry: its list, its index and itself.
    pub refused: Option<(EntryList, u32, String)>,
}

/// A certificate to expect.
#[derive(Debug, Deserialize)]
pub struct Described {
    /// The codes of all its findings, in any order.
    pub codes: Option<Vec<String>>,
    /// Members of its description, as in the report's JSON.
    #[serde(flatten)]
    pub members: BTreeMap<String, Value>,
}

/// A bundle of certificates: text, or something that makes one.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Pem {
    /// Literal text.
    Text(String),
    /// Anything else.
    Made(Made),
}

/// What a bundle is made of. One of `text`, `files` and `hex` is there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Made {
    /// Literal text.
    pub text: Option<String>,
    /// The names of files in `certificates/`, one after the other.
    pub files: Option<Vec<String>>,
    /// Bytes, two digits each.
    pub hex: Option<String>,
    /// How many times all that stands there.
    pub times: Option<usize>,
}

/// A finding to expect.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Its code.
    pub code: String,
    /// Its place, as a JSON Pointer; any place where absent.
    pub path: Option<String>,
}

/// A request and what is expected of the answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// An image reference.
    pub reference: Option<String>,
    /// A registry, as `docker login` takes it.
    pub login: Option<String>,
    /// On whose behalf.
    pub project: Option<String>,
    /// What DNS says: the addresses of a name, the names of an address.
    #[serde(default, rename = "dnsAnswers")]
    pub dns_answers: BTreeMap<String, Vec<String>>,
    /// Members of the canonical answer. `by` and `nearest` may have more members than these; everything else is equal.
    pub expect: BTreeMap<String, Value>,
    /// Members that the canonical answer must not have.
    #[serde(default)]
    pub absent: Vec<String>,
}

/// A document, as [`Compact`] has it. A string such as `"file:ca.pem"` stands for the text of that file of `certificates/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document(pub String);

/// A JSON value as compact text, its members in the order in which they stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compact(pub String);

impl Place {
    /// Whether this is the finding expected.
    pub fn is(&self, finding: &Finding) -> bool {
        finding.code.as_str() == self.code && self.path.as_ref().is_none_or(|path| finding.path.as_ref() == Some(path))
    }
}

impl Asked {
    /// The text that is asked about, and what it is.
    pub fn subject(&self) -> (&str, ReferenceKind) {
        match (&self.reference, &self.login) {
            (Some(reference), None) => (reference, ReferenceKind::Image),
            (None, Some(login)) => (login, ReferenceKind::Registry),
            _ => panic!("a request has either a `reference` or a `login`"),
        }
    }

    /// What DNS says. An address stands for the question after its names, all else for one after addresses.
    pub fn dns_answers(&self) -> Vec<DnsAnswer> {
        let kind = |subject: &str| match subject.parse::<IpAddr>() {
            Ok(_) => LookupKind::Reverse,
            Err(_) => LookupKind::Forward,
        };
        self.dns_answers
            .iter()
            .map(|(subject, answers)| DnsAnswer {
                kind: kind(subject),
                subject: subject.clone(),
                answers: answers.clone(),
            })
            .collect()
    }
}

impl Pem {
    /// What is checked.
    pub fn bytes(&self) -> Vec<u8> {
        let made = match self {
            Pem::Text(text) => return text.clone().into_bytes(),
            Pem::Made(made) => made,
        };
        let once = match made {
            Made { text: Some(text), .. } => text.clone().into_bytes(),
            Made { files: Some(files), .. } => {
                files.iter().flat_map(|name| certificate_file(name).into_bytes()).collect()
            }
            Made { hex, .. } => from_hex(hex.as_deref().unwrap_or_default()),
        };
        once.repeat(made.times.unwrap_or(1))
    }
}

fn from_hex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("hexadecimal is ASCII"));
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal has digits and a to f")).collect()
}

impl Case {
    /// The document as text, if the case is about one.
    pub fn document(&self) -> Option<&str> {
        self.document.as_ref().map(|document| document.0.as_str()).or(self.document_text.as_deref())
    }

    /// Whether an exact list of findings has this code.
    pub fn counts(&self, code: &str) -> bool {
        !NEARLY_EVERYWHERE.contains(&code) || self.rule.iter().any(|rule| rule == "C2")
    }

    /// The time of the check.
    pub fn at(&self) -> u64 {
        self.at.unwrap_or(AT)
    }
}

/// The folder of the cases.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors")
}

/// The folder of the certificates.
pub fn certificates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../certificates")
}

/// The text of a file of certificates.
fn certificate_file(name: &str) -> String {
    let path = certificates().join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The paths of the files of cases, sorted.
pub fn paths() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).expect("tests/vectors can be read");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("tests/vectors can be read").path()).collect();
    paths.retain(|path| {
        path.extension().is_some_and(|e| e == "json") && path.file_name().is_some_and(|n| n != "schema.json")
    });
    paths.sort();
    paths
}

/// Every case of every file, in the order of the files' names.
pub fn all() -> Vec<Case> {
    paths().iter().flat_map(|path| read(path).cases).collect()
}

fn read(path: &Path) -> File {
    let text = fs::read_to_string(path).expect("a file of cases can be read");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Tells `null` from an absent member.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMore {
        One(String),
        More(Vec<String>),
    }
    Ok(match OneOrMore::deserialize(deserializer)? {
        OneOrMore::One(rule) => vec![rule],
        OneOrMore::More(rules) => rules,
    })
}

impl<'de> Deserialize<'de> for Compact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Not by way of a `Value`, which sorts members: findings come in the order of the document.
        let mut text = Vec::new();
        serde_transcode::transcode(deserializer, &mut serde_json::Serializer::new(&mut text))
            .map_err(serde::de::Error::custom)?;
        String::from_utf8(text).map(Self).map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Compact(compact) = Compact::deserialize(deserializer)?;
        let mut parts = compact.split("\"file:");
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('"').unwrap_or((part, ""));
            text.push_str(&Value::from(certificate_file(name)).to_string());
            text.push_str(rest);
        }
        Ok(Self(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compact_keeps_the_order_of_members() {
        let compact: Compact = serde_json::from_str(" {\"b\" : [1, true ,null], \"a\": \"\\u0041\\n\" }").unwrap();
        assert_eq!(compact.0, r#"{"b":[1,true,null],"a":"A\n"}"#);
    }
}
