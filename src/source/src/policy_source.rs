//! A policy document from a file (JSON or TOML) and flags. It is one JSON text for the one decoder; findings are mapped
//! back to the file or flag as written.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use pullgate::{Code, EntryList, Finding, Severity};
use serde::de::IgnoredAny;

use crate::error::InputError;
use crate::input::{InputText, display_name};
use crate::json_splice::{self, ListAddition, SplicedDocument, splice};
use crate::lines::LineIndex;
use crate::source_map::{SourceLocation, SourceMap, decoded_offset};
use crate::toml_to_json::{self, json_string};

/// A policy document with the mapping from its JSON text to the sources.
pub struct PolicySource {
    /// The file, then one source for each flag.
    sources: Vec<InputText>,
    /// The JSON text and the source map of a TOML file.
    toml: Option<(Arc<str>, SourceMap)>,
    /// The document with the entries of the flags added.
    spliced: Option<SplicedDocument>,
    /// For each addition, the index of its first element in the list, and the sources of its elements.
    added: Vec<(usize, Range<usize>)>,
}

/// The list elements that flags add.
#[derive(Default)]
pub struct FlagEntries<'a> {
    /// Entries for the whitelist.
    pub whitelist: &'a [String],
    /// Entries for the insecure list.
    pub insecure: &'a [String],
    /// PEM files of certificate authorities.
    pub authorities: Vec<InputText>,
}

/// A finding with its span in the source.
pub struct LocatedFinding {
    /// The finding.
    pub finding: Finding,
    /// The span; `None` if the finding has no place in a source.
    pub span: Option<SourceSpan>,
}

/// A span in one of the sources.
pub struct SourceSpan {
    /// Index of the source.
    pub source: usize,
    /// Byte range in the text of the source.
    pub bytes: Range<usize>,
    /// True if the span is exactly the subject of the finding; otherwise it contains the subject.
    pub is_exact: bool,
}

impl LocatedFinding {
    /// Returns a finding about a single source, located in its own bytes.
    pub fn in_own_text(finding: Finding) -> Self {
        let bytes = finding.range.map(usize_range);
        let span = bytes.map(|bytes| SourceSpan { source: 0, bytes, is_exact: true });
        Self { finding, span }
    }
}

/// The document if there are flags only.
const EMPTY_DOCUMENT: &str = "{}";

const WHITELIST_FLAG: &str = "--whitelist-registry";
const INSECURE_FLAG: &str = "--insecure-registry";

impl PolicySource {
    /// Reads a policy file. Returns the findings of a text that cannot be given to the decoder; without findings, it
    /// can.
    pub fn read(path: &Path) -> Result<(Self, Vec<LocatedFinding>), InputError> {
        let Some(source) = InputText::read(path, "policy file", pullgate::MAX_DOCUMENT_BYTES)? else {
            return Ok((
                Self::from_json(&display_name(path), EMPTY_DOCUMENT),
                vec![LocatedFinding::in_own_text(too_large_finding())],
            ));
        };
        // Another program's file stays as it is: the decoder says what it is (rule P7).
        let is_toml = is_toml(path, &source.text) && !pullgate::is_foreign_text(&source.text);
        let toml = is_toml.then(|| toml_to_json::to_json(&source.text)).transpose();
        let mut document = Self { sources: vec![source], toml: None, spliced: None, added: Vec::new() };
        match toml {
            Ok(toml) => {
                document.toml = toml.map(|(json, map)| (json.into(), map));
                Ok((document, Vec::new()))
            }
            Err(findings) => Ok((document, findings.into_iter().map(LocatedFinding::in_own_text).collect())),
        }
    }

    /// Returns the document for a policy of flags only.
    pub fn from_flags() -> Self {
        Self::from_json("the policy", EMPTY_DOCUMENT)
    }

    /// Returns the document of a JSON text in no file.
    pub fn from_json(name: &str, json: &str) -> Self {
        let source = InputText { name: name.to_owned(), text: json.into(), is_file: false };
        Self { sources: vec![source], toml: None, spliced: None, added: Vec::new() }
    }

    /// Adds the entries of the flags to the lists.
    pub fn add_flags(&mut self, flags: FlagEntries<'_>) {
        let first = self.sources.len();
        let whitelist = flags.whitelist.iter().map(|entry| InputText::from_flag(WHITELIST_FLAG, entry));
        let insecure = flags.insecure.iter().map(|entry| InputText::from_flag(INSECURE_FLAG, entry));
        self.sources.extend(whitelist.chain(insecure));
        self.sources.extend(flags.authorities);

        let strings = |sources: &[InputText], around: [&str; 2]| {
            let texts = sources.iter().map(|source| format!("{}{}{}", around[0], json_string(&source.text), around[1]));
            texts.collect::<Vec<_>>()
        };
        let (whitelist, rest) = self.sources[first..].split_at(flags.whitelist.len());
        let (insecure, authorities) = rest.split_at(flags.insecure.len());
        let additions = [
            ListAddition { member: "whitelist", elements: strings(whitelist, ["", ""]) },
            ListAddition { member: "insecure", elements: strings(insecure, ["", ""]) },
            ListAddition { member: "certificate_authorities", elements: strings(authorities, [PEM_OPENING, "}"]) },
        ];
        let mut next = first;
        for ListAddition { member, elements } in &additions {
            let length = if elements.is_empty() { 0 } else { json_splice::list_len(self.file_json(), member) };
            self.added.push((length, next..next + elements.len()));
            next += elements.len();
        }
        self.spliced = splice(self.file_json(), &additions);
    }

    /// Returns the JSON text for the decoder.
    pub fn json(&self) -> &str {
        self.spliced.as_ref().map_or_else(|| &**self.file_json(), |spliced| &spliced.text)
    }

    /// Returns the JSON text for an evaluator, which keeps it. The text of a large file is not copied.
    pub fn shared_json(&self) -> Arc<str> {
        self.spliced.as_ref().map_or_else(|| Arc::clone(self.file_json()), |spliced| spliced.text.as_str().into())
    }

    /// Returns whether the JSON text has the entries of the flags. It lacks them only if the decoder refuses the
    /// document anyway.
    pub fn has_flag_entries(&self) -> bool {
        self.spliced.is_some() || self.added.is_empty()
    }

    /// Returns the sources: the file, then the flags.
    pub fn sources(&self) -> &[InputText] {
        &self.sources
    }

    /// Returns the flag that added an element of a list; `None` if the element is in the file.
    pub fn flag_of(&self, list: EntryList, index: usize) -> Option<&str> {
        let number = match list {
            EntryList::Whitelist => 0,
            EntryList::Insecure => 1,
            EntryList::BuiltIn | EntryList::Blocked => return None,
        };
        let (length, sources) = self.added.get(number)?;
        let source = sources.clone().nth(index.checked_sub(*length)?)?;
        Some(&self.sources[source].name)
    }

    /// Maps findings about the JSON text to the sources, in the order of the sources.
    pub fn locate(&self, findings: Vec<Finding>) -> Vec<LocatedFinding> {
        let lines = LineIndex::new(&self.sources[0].text);
        let mut located: Vec<_> = findings
            .into_iter()
            .map(|mut finding| {
                let place = finding.range.and_then(|range| self.span_of(&usize_range(range)));
                match (&place, &self.toml) {
                    (Some(SourceSpan { source: 0, bytes, is_exact }), Some(_)) => {
                        finding.range = Some(lines.range(bytes.clone()));
                        // A fix for a part of a string must not replace the whole string.
                        let fix = finding.fix.take().filter(|_| *is_exact);
                        finding.fix = fix.and_then(|fix| self.toml_fix(bytes.start, &from_json_string(&fix)));
                        use_toml_terms(&mut finding);
                    }
                    // A flag, or a file of certificates, is not written in JSON.
                    (Some(SourceSpan { source: 1.., .. }), _) => {
                        finding.fix = finding.fix.map(|fix| from_json_string(&fix));
                    }
                    _ => {}
                }
                LocatedFinding { finding, span: place }
            })
            .collect();
        if self.toml.is_some() {
            // The decoder reports in the order of the JSON text, and TOML tables may have another one.
            located.sort_by_key(|located| located.span.as_ref().map(|place| (place.source, place.bytes.start)));
        }
        located
    }

    /// Returns a fix in the notation of the TOML string around byte `at`; `None` if it cannot stand there.
    fn toml_fix(&self, at: usize, fix: &str) -> Option<String> {
        let opening = self.toml.as_ref()?.1.string_opening(at).and_then(|opening| self.sources[0].text.get(opening));
        toml_to_json::toml_string_content(opening.unwrap_or_default(), fix)
    }

    /// Returns the JSON text of the file without the flags.
    fn file_json(&self) -> &Arc<str> {
        self.toml.as_ref().map_or(&self.sources[0].text, |(json, _)| json)
    }

    fn span_of(&self, stretch: &Range<usize>) -> Option<SourceSpan> {
        let Some(spliced) = &self.spliced else { return self.file_span(stretch.clone()) };
        match spliced.to_original(stretch) {
            Some(stretch) => self.file_span(stretch),
            None => self.flag_span(spliced, stretch),
        }
    }

    fn file_span(&self, stretch: Range<usize>) -> Option<SourceSpan> {
        match &self.toml {
            Some((json, map)) => {
                let SourceLocation { span: place, is_exact } = map.locate(json, &stretch)?;
                Some(SourceSpan { source: 0, bytes: place, is_exact })
            }
            None => self.sources[0].is_file.then_some(SourceSpan { source: 0, bytes: stretch, is_exact: true }),
        }
    }

    fn flag_span(&self, spliced: &SplicedDocument, stretch: &Range<usize>) -> Option<SourceSpan> {
        let elements = spliced.inserts.iter().flat_map(|insert| &insert.elements);
        let mut holding = elements.filter(|(_, _, range)| range.start <= stretch.start && stretch.end <= range.end);
        let (number, index, range) = holding.next()?;
        let source = self.added.get(*number)?.1.clone().nth(*index)?;
        let element = &spliced.text[range.clone()];
        // An entry is a string; an authority is an object that contains one.
        let (opening, closing) = if element.starts_with('"') { (0, 0) } else { (PEM_OPENING.len(), "}".len()) };
        let string = &element[opening..element.len() - closing];
        let offset = |at: usize| decoded_offset(string, (at - range.start).saturating_sub(opening));
        Some(SourceSpan { source, bytes: offset(stretch.start)..offset(stretch.end), is_exact: true })
    }
}

const PEM_OPENING: &str = "{\"pem\":";

/// Returns whether the text is TOML: by the extension, otherwise by its first character, as no TOML begins with a brace
/// and every JSON policy does. Of texts that begin with a bracket an array is JSON, a table TOML.
pub fn is_toml(path: &Path, text: &str) -> bool {
    let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
    match extension.as_ref().and_then(|extension| extension.to_str()) {
        Some("toml") => true,
        Some("json") => false,
        _ => {
            let text = text.trim_start_matches('\u{feff}').trim_start();
            let is_array = || text.starts_with('[') && serde_json::from_str::<IgnoredAny>(text).is_ok();
            !text.is_empty() && !text.starts_with('{') && !is_array()
        }
    }
}

/// Replaces JSON terms in a finding. Dates are passed to the decoder as `null`, and TOML has no `null` of its own.
fn use_toml_terms(finding: &mut Finding) {
    match finding.code {
        Code::JsonSyntax => finding.code = Code::TomlSyntax,
        Code::TypeWrong => {
            if let Some(message) = finding.message.strip_suffix("null") {
                finding.message = format!("{message}a date or time");
            }
        }
        _ => {}
    }
}

/// Decodes the content of a JSON string; a text that is none, as it is.
fn from_json_string(content: &str) -> String {
    serde_json::from_str(&format!("\"{content}\"")).unwrap_or_else(|_| content.to_owned())
}

fn too_large_finding() -> Finding {
    Finding {
        code: Code::DocumentTooLarge,
        severity: Severity::Error,
        path: Some(String::new()),
        range: None,
        message: format!("a policy document has at most {} bytes, this one has more", pullgate::MAX_DOCUMENT_BYTES),
        fix: None,
    }
}

fn usize_range(range: pullgate::TextRange) -> Range<usize> {
    let offset = |value: u32| usize::try_from(value).unwrap_or(usize::MAX);
    offset(range.start)..offset(range.end)
}

#[cfg(test)]
mod tests {
    use pullgate::check_policy;

    use super::*;

    fn toml(text: &str) -> Result<PolicySource, Vec<Finding>> {
        let (json, map) = toml_to_json::to_json(text)?;
        let source = InputText { name: "x.toml".to_owned(), text: text.into(), is_file: true };
        Ok(PolicySource { sources: vec![source], toml: Some((json.into(), map)), spliced: None, added: Vec::new() })
    }

    fn json(text: &str) -> PolicySource {
        let source = InputText { name: "x.json".to_owned(), text: text.into(), is_file: true };
        PolicySource { sources: vec![source], toml: None, spliced: None, added: Vec::new() }
    }

    /// Returns the code of each finding with the text that it marks.
    fn marked(document: &PolicySource) -> Vec<(&'static str, String)> {
        let located = document.locate(check_policy(document.json(), 0).findings);
        let marked = |located: &LocatedFinding| match &located.span {
            Some(place) => document.sources()[place.source].text[place.bytes.clone()].to_owned(),
            None => "nowhere".to_owned(),
        };
        located.iter().map(|located| (located.finding.code.as_str(), marked(located))).collect()
    }

    #[test]
    fn findings_about_toml_mark_what_was_written() {
        for (text, expected) in [
            ("whitelist = [\"docker.io\", 'h:99999']", ("port-invalid", "99999")),
            ("whitelist = [\"docker.io\", \"\\u0068:99999\"]", ("port-invalid", "\"\\u0068:99999\"")),
            ("# é\r\nwhitelist = [\"docker.io\", \"\"\"\r\nh:99999\"\"\"]", ("port-invalid", "99999")),
            ("whitelist = [\"docker.io\", 5]", ("type-wrong", "5")),
            ("whitelist = [\"docker.io\", 1979-05-27]", ("type-wrong", "1979-05-27")),
            ("match_resolved_addresses = nan", ("type-wrong", "nan")),
            ("colour = 'red'", ("member-unknown", "colour")),
            ("'co\"lour' = 'red'", ("member-unknown", "co\"lour")),
            ("[projects.dev]\ninsecure = ['*']", ("wildcard-all", "*")),
            ("projects.dev.insecure = ['*']", ("wildcard-all", "*")),
            ("[[certificate_authorities]]\npen = 'x'", ("member-unknown", "pen")),
            ("[[whitelist]]\nentry = 'docker.io'\n[[whitelist]]\nentry = 'h:99999'", ("port-invalid", "99999")),
        ] {
            let document = toml(text).unwrap();
            let found = marked(&document);
            assert!(found.contains(&(expected.0, expected.1.to_owned())), "{text}: {found:?}");
        }
    }

    #[test]
    fn findings_about_toml_are_in_its_order_and_speak_of_its_types() {
        let document =
            toml("insecure = ['a:0']\n[projects.p]\nwhitelist = ['b:0']\n[[built_in]]\nentry = 'c:0'\n").unwrap();
        let found = marked(&document);
        let ports = found.iter().filter(|(code, _)| *code == "port-invalid").count();
        assert_eq!(ports, 3, "{found:?}");
        let starts: Vec<_> = document
            .locate(check_policy(document.json(), 0).findings)
            .into_iter()
            .map(|located| located.span.unwrap().bytes.start)
            .collect();
        assert!(starts.is_sorted(), "{starts:?}");

        let document = toml("insecure = ['10.2.2.1/24', \"10.2.2.1\\u002F24\"]").unwrap();
        let located = document.locate(check_policy(document.json(), 0).findings);
        let fixes: Vec<_> = located.iter().map(|located| located.finding.fix.as_deref()).collect();
        assert_eq!(fixes[..2], [Some("10.2.2.0/24"), None], "no fix for what stands in an escape");

        let document = toml("whitelist = 07:32:00").unwrap();
        let located = document.locate(check_policy(document.json(), 0).findings);
        assert!(located[0].finding.message.ends_with("a date or time"), "{}", located[0].finding.message);
    }

    /// Returns the text of the source with its first fix applied.
    fn fixed(document: &PolicySource) -> Option<String> {
        let located = document.locate(check_policy(document.json(), 1_800_000_000).findings);
        let (fix, span) = located.iter().find_map(|one| Some((one.finding.fix.as_ref()?, one.span.as_ref()?)))?;
        let mut text = document.sources()[span.source].text.to_string();
        text.replace_range(span.bytes.clone(), fix);
        Some(text)
    }

    #[test]
    fn fix_of_a_certificate_is_in_the_notation_of_its_string() {
        let plain = include_str!("../../../tests/certificates/ca.pem");
        let old = plain.replace("CERTIFICATE-----", "X509 CERTIFICATE-----");
        let escaped = |text: &str| text.replace('\n', "\\n");
        let in_json =
            |text: &str| format!("{{\"insecure\": [], \"certificate_authorities\": [{{\"pem\": \"{text}\"}}]}}");
        let in_toml = |quotes: &str, text: &str| format!("[[certificate_authorities]]\npem = {quotes}{text}{quotes}\n");
        assert_eq!(fixed(&json(&in_json(&escaped(&old)))), Some(in_json(&escaped(plain))));
        for quotes in ["'''", "\"\"\""] {
            let on_lines = |text: &str| in_toml(quotes, &format!("\n{text}"));
            assert_eq!(fixed(&toml(&on_lines(&old)).unwrap()), Some(on_lines(plain)), "{quotes}");
        }
        // In the file of a flag, it is PEM as it is.
        let mut document = PolicySource::from_flags();
        let authority = InputText { name: "ca.pem".to_owned(), text: old.as_str().into(), is_file: true };
        document.add_flags(FlagEntries { whitelist: &[], insecure: &[], authorities: vec![authority] });
        let located = document.locate(check_policy(document.json(), 1_800_000_000).findings);
        assert_eq!(located[0].finding.fix.as_deref(), Some(plain.trim_end()));
        // Line ends can stand in neither of these strings; in one of them, escapes can.
        let one_line = old.trim_end().replace('\n', " ");
        assert_eq!(fixed(&toml(&in_toml("'", &one_line)).unwrap()), None);
        let expected = in_toml("\"", &escaped(plain.trim_end()));
        assert_eq!(fixed(&toml(&in_toml("\"", &one_line)).unwrap()), Some(expected));
    }

    #[test]
    fn p7_other_files_are_one_finding_in_their_own_text() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text, line) in [
            ("policy.yaml", "# ours\nwhitelist:\n  - docker.io\n", "whitelist:"),
            ("registries.conf", "[[registry]]\nlocation = \"h\"\n", "[[registry]]"),
            ("policy.toml", "--insecure-registry h", "--insecure-registry h"),
            ("daemon.json", r#"{"insecure-registries": []}"#, "insecure-registries"),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            let (document, located) = PolicySource::read(&path).unwrap();
            assert!(located.is_empty(), "{name}");
            assert_eq!(marked(&document), [("document-foreign", line.to_owned())], "{name}");
        }
    }

    #[test]
    fn bad_toml_is_a_finding() {
        for (text, marked) in
            [("whitelist = [\n", ""), ("a = 1\na = 2", "a"), ("a = 99999999999999999999", "99999999999999999999")]
        {
            let findings = toml(text).map(|_| ()).unwrap_err();
            assert_eq!(findings[0].code, Code::TomlSyntax, "{text}");
            let place = usize_range(findings[0].range.unwrap());
            assert!(text[place.clone()].starts_with(marked), "{text}: {place:?} {}", findings[0].message);
        }
        for deep in [format!("a = {}", "[".repeat(100_000)), format!("a{} = 1", ".a".repeat(100_000))] {
            let findings = toml(&deep).map(|_| ()).unwrap_err();
            assert!(findings[0].message.starts_with("values are nested more than"), "{}", findings[0].message);
        }
        // Tables and arrays together can nest deeper in TOML than the decoder allows.
        let keys = ["a"; 70].join(".");
        let document = toml(&format!("{keys} = {}{}", "[".repeat(70), "]".repeat(70))).unwrap();
        assert_eq!(marked(&document)[0].0, "toml-syntax");
    }

    #[test]
    fn flags_are_added_and_findings_about_them_mark_them() {
        let strings = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        for mut document in
            [json(r#"{"whitelist": ["docker.io", "x:0"] }"#), toml("whitelist = ['docker.io', 'x:0']").unwrap()]
        {
            document.add_flags(FlagEntries {
                whitelist: &strings(&["docker.io:443", "a\"b"]),
                insecure: &strings(&["q:99999"]),
                authorities: vec![],
            });
            assert!(document.has_flag_entries());
            let found = marked(&document);
            for expected in [("port-invalid", "0"), ("name-invalid", "\""), ("port-invalid", "99999")] {
                assert!(found.contains(&(expected.0, expected.1.to_owned())), "{expected:?} {found:?}");
            }
            assert_eq!(document.flag_of(EntryList::Whitelist, 1), None);
            assert_eq!(document.flag_of(EntryList::Whitelist, 2), Some(WHITELIST_FLAG));
            assert_eq!(document.flag_of(EntryList::Insecure, 0), Some(INSECURE_FLAG));
            assert_eq!(document.flag_of(EntryList::Insecure, 1), None);
        }
    }

    #[test]
    fn flags_alone_are_a_policy() {
        let mut document = PolicySource::from_flags();
        let authority = InputText { name: "ca.pem".to_owned(), text: "x\n\"y".into(), is_file: true };
        document.add_flags(FlagEntries {
            whitelist: &["docker.io".to_owned()],
            insecure: &[],
            authorities: vec![authority],
        });
        assert_eq!(document.json(), r#"{"whitelist":["docker.io"],"certificate_authorities":[{"pem":"x\n\"y"}]}"#);
    }

    #[test]
    fn the_extension_says_what_it_is_and_then_the_text() {
        for (path, text, expected) in [
            ("x.toml", "{}", true),
            ("x.JSON", "a = 1", false),
            ("-", " \n{}", false),
            ("x.conf", "\u{feff}{}", false),
            ("x", "", false),
            ("x", "# comment", true),
            ("-", "[\"quay.io\"]", false),
            ("-", "[\"quay.io\"]\nwhitelist = []", true),
            ("-", "[[certificate_authorities]]", true),
            ("-", "[projects.dev]\n", true),
        ] {
            assert_eq!(is_toml(Path::new(path), text), expected, "{path}");
        }
    }
}
