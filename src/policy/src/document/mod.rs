//! The policy document (rules P1, P2, P5): parsing of JSON text into lists, with spans and findings.

pub(crate) mod canonical;
pub(crate) mod decoder;
mod foreign;
pub(crate) mod request_json;
pub(crate) mod spanned_json;

use std::borrow::Cow;
use std::fmt::Write;
use std::ops::Range;

use crate::document::decoder::{Decoder, escape_pointer};
use crate::document::spanned_json::{JsonKind, JsonMember, SpannedValue};
use crate::entry::{self, Entry, ParsedEntry};
use crate::finding::code::Code;
use crate::finding::{EntryList, RawFinding};

/// The maximum size of a document in bytes (rule P5): 64 MiB.
pub const MAX_DOCUMENT_BYTES: usize = 64 << 20;
/// The maximum number of entries in all lists of a document together (rule P5).
pub const MAX_ENTRIES: usize = 1_000_000;

/// The valid parts of a document. Findings describe the rest.
#[derive(Debug, Default)]
pub(crate) struct ParsedDocument<'t> {
    pub global: PolicyLists<'t>,
    pub match_resolved_addresses: Option<bool>,
    /// The value as written: it has no effect on decisions.
    pub image_fetch_proxy: Option<&'t str>,
    pub projects: Option<Vec<ProjectLists<'t>>>,
    pub unlisted_projects: Option<UnlistedProjects>,
}

/// The treatment of requests for projects that the document does not have (rule J2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum UnlistedProjects {
    /// They are denied.
    #[default]
    Deny,
    /// The global lists alone decide.
    Global,
}

impl UnlistedProjects {
    const ALL: [(&'static str, Self); 2] = [("deny", Self::Deny), ("global", Self::Global)];

    /// Returns the value of the member.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Global => "global",
        }
    }
}

/// The lists of the document or of a project. An absent list is `None`.
#[derive(Debug, Default)]
pub(crate) struct PolicyLists<'t> {
    pub whitelist: Option<EntryItems<'t>>,
    pub insecure: Option<EntryItems<'t>>,
    pub built_in: Option<EntryItems<'t>>,
    pub blocked: Option<EntryItems<'t>>,
    pub authorities: Option<Vec<CaListItem<'t>>>,
}

/// A project and its lists (rule J1).
#[derive(Debug)]
pub(crate) struct ProjectLists<'t> {
    pub name: Cow<'t, str>,
    pub lists: PolicyLists<'t>,
}

/// A list of entries.
#[derive(Debug)]
pub(crate) struct EntryItems<'t> {
    /// The span of the list.
    pub span: Range<usize>,
    pub items: Vec<ListItem<'t>>,
}

/// A valid element of a list.
#[derive(Debug)]
pub(crate) struct ListItem<'t> {
    /// The index in the list as written.
    pub index: usize,
    pub parsed: ParsedEntry,
    pub enabled: bool,
    /// Boxed, since most entries have none.
    pub comment: Option<Box<Cow<'t, str>>>,
    /// True if the element is an object.
    pub object: bool,
    /// The span of the entry, without quotes.
    pub span: Range<usize>,
}

/// An element of `certificate_authorities`.
#[derive(Debug)]
pub(crate) struct CaListItem<'t> {
    /// The index in the list as written.
    pub index: usize,
    /// The span of the element.
    pub span: Range<usize>,
    /// A JSON string.
    pub pem: SpannedValue<'t>,
    /// The registries that the authority is limited to; without a limit it applies to all.
    pub registries: Option<EntryItems<'t>>,
}

/// The message for an empty document, which is not a policy: allowing everything must be explicit.
const EMPTY_DOCUMENT_MESSAGE: &str = "the policy is empty: to allow every registry, write `{\"insecure\": []}`; to allow only what is listed, \
                     write a `whitelist`";

/// Parses a document. Parsing continues after an error, so that one mistake does not hide the next.
pub(crate) fn parse<'t>(text: &'t str, findings: &mut Vec<RawFinding>) -> ParsedDocument<'t> {
    if text.len() > MAX_DOCUMENT_BYTES {
        let message = format!("a policy document has at most {MAX_DOCUMENT_BYTES} bytes, this one has {}", text.len());
        findings.push(RawFinding::new(Code::DocumentTooLarge, 0..0, message).with_path(""));
        return ParsedDocument::default();
    }
    let mut reader = DocumentReader { decoder: Decoder { text, findings }, entries: 0 };
    match spanned_json::parse(text) {
        Ok(value) => match foreign::find_in_json(&value) {
            Some(finding) => {
                reader.decoder.report("", finding);
                ParsedDocument::default()
            }
            None => reader.document(value),
        },
        Err(mut finding) => {
            if spanned_json::is_blank(text) {
                EMPTY_DOCUMENT_MESSAGE.clone_into(&mut finding.message);
            }
            reader.decoder.report("", foreign::find_in_text(text).unwrap_or(finding));
            ParsedDocument::default()
        }
    }
}

/// Returns whether a text that is not JSON is another program's, and not a policy in TOML (rule P7).
pub fn is_foreign_text(text: &str) -> bool {
    foreign::find_in_text(text).is_some()
}

/// Returns the JSON Pointer of a list element; `object` is true for an object with an `entry` member.
pub(crate) fn item_pointer(project: Option<&str>, list: EntryList, index: usize, object: bool) -> String {
    let mut path = list_pointer(project, list);
    let _ = write!(path, "/{index}");
    if object {
        path.push_str("/entry");
    }
    path
}

/// Returns the JSON Pointer of a list.
pub(crate) fn list_pointer(project: Option<&str>, list: EntryList) -> String {
    format!("{}/{}", project.map(project_pointer).unwrap_or_default(), member_name(list))
}

/// Returns the JSON Pointer of a member of a certificate authority.
pub(crate) fn authority_pointer(project: Option<&str>, index: usize, member: &str) -> String {
    format!("{}/certificate_authorities/{index}/{member}", project.map(project_pointer).unwrap_or_default())
}

/// Returns the name of the member that holds a list.
pub(crate) fn member_name(list: EntryList) -> &'static str {
    match list {
        EntryList::Whitelist => "whitelist",
        EntryList::Insecure => "insecure",
        EntryList::BuiltIn => "built_in",
        EntryList::Blocked => "blocked",
    }
}

fn project_pointer(name: &str) -> String {
    format!("/projects/{}", escape_pointer(name))
}

const POLICY_MEMBERS: &[&str] = &[
    "whitelist",
    "insecure",
    "certificate_authorities",
    "built_in",
    "blocked",
    "match_resolved_addresses",
    "projects",
    "unlisted_projects",
    "image_fetch_proxy",
];
const PROJECT_MEMBERS: &[&str] = &["whitelist", "insecure", "certificate_authorities", "blocked"];
const ITEM_MEMBERS: &[&str] = &["entry", "enabled", "comment"];
const AUTHORITY_MEMBERS: &[&str] = &["pem", "registries"];

struct DocumentReader<'t, 'n> {
    decoder: Decoder<'t, 'n>,
    entries: usize,
}

impl<'t> DocumentReader<'t, '_> {
    fn document(&mut self, value: SpannedValue<'t>) -> ParsedDocument<'t> {
        let mut document = ParsedDocument::default();
        let (mut has_projects, mut unlisted_span) = (false, None);
        for member in self.decoder.members("", value, POLICY_MEMBERS) {
            let path = format!("/{}", member.name);
            match &*member.name {
                "match_resolved_addresses" => {
                    document.match_resolved_addresses = self.decoder.boolean(&path, &member.value)
                }
                "image_fetch_proxy" => document.image_fetch_proxy = self.decoder.text.get(member.value.span()),
                "projects" => {
                    document.projects = self.projects(member.value);
                    has_projects = document.projects.as_ref().is_none_or(|projects| !projects.is_empty());
                }
                "unlisted_projects" => {
                    unlisted_span = Some(member.value.inner_span());
                    document.unlisted_projects = self.decoder.choice(&path, member.value, &UnlistedProjects::ALL);
                }
                _ => self.list_member(&path, member, &mut document.global),
            }
        }
        if let (Some(UnlistedProjects::Deny), Some(span), false) =
            (document.unlisted_projects, unlisted_span, has_projects)
        {
            let message = "this denies nothing while `projects` lists no project: the global lists decide for every \
                           project";
            self.decoder.report("/unlisted_projects", RawFinding::new(Code::UnlistedProjectsUnused, span, message));
        }
        document
    }

    fn projects(&mut self, value: SpannedValue<'t>) -> Option<Vec<ProjectLists<'t>>> {
        let mut projects = Vec::new();
        for member in self.decoder.known_members("/projects", value, &[])? {
            let path = project_pointer(&member.name);
            let mut lists = PolicyLists::default();
            for inner in self.decoder.members(&path, member.value, PROJECT_MEMBERS) {
                self.list_member(&format!("{path}/{}", inner.name), inner, &mut lists);
            }
            projects.push(ProjectLists { name: member.name, lists });
        }
        Some(projects)
    }

    fn list_member(&mut self, path: &str, member: JsonMember<'t>, lists: &mut PolicyLists<'t>) {
        match &*member.name {
            "whitelist" => lists.whitelist = self.items(path, member.value, Some(EntryList::Whitelist)),
            "insecure" => lists.insecure = self.items(path, member.value, Some(EntryList::Insecure)),
            "built_in" => lists.built_in = self.items(path, member.value, Some(EntryList::BuiltIn)),
            "blocked" => lists.blocked = self.items(path, member.value, Some(EntryList::Blocked)),
            "certificate_authorities" => lists.authorities = self.authorities(path, member.value),
            _ => {}
        }
    }

    fn authorities(&mut self, path: &str, value: SpannedValue<'t>) -> Option<Vec<CaListItem<'t>>> {
        let elements = self.decoder.elements(path, value)?;
        let mut authorities = Vec::new();
        for (index, element) in elements.into_iter().enumerate() {
            let path = format!("{path}/{index}");
            let span = element.span();
            let Some(members) = self.decoder.known_members(&path, element, AUTHORITY_MEMBERS) else { continue };
            let (mut pem, mut registries) = (None, None);
            for member in members {
                let path = format!("{path}/{}", member.name);
                match &*member.name {
                    "pem" => pem = Some(self.string(&path, member.value)),
                    _ => registries = self.items(&path, member.value, None),
                }
            }
            match pem {
                Some(Some(pem)) => authorities.push(CaListItem { index, span, pem, registries }),
                Some(None) => {}
                None => self.decoder.report_missing(&path, span, "pem"),
            }
        }
        Some(authorities)
    }

    /// Returns a JSON string with its span.
    fn string(&mut self, path: &str, value: SpannedValue<'t>) -> Option<SpannedValue<'t>> {
        if matches!(value.kind, JsonKind::String(_)) {
            return Some(value);
        }
        self.decoder.report_wrong_type(path, &value, "a string");
        None
    }

    /// Reads a list of entries. Without `list` it limits an authority, and transport and namespaces have no effect.
    fn items(&mut self, path: &str, value: SpannedValue<'t>, list: Option<EntryList>) -> Option<EntryItems<'t>> {
        let span = value.span();
        let elements = self.decoder.elements(path, value)?;
        let before = self.entries;
        self.entries = before.saturating_add(elements.len());
        if self.entries > MAX_ENTRIES {
            if before <= MAX_ENTRIES {
                let message = format!("a policy has at most {MAX_ENTRIES} entries in all its lists together");
                self.decoder.report(path, RawFinding::new(Code::EntriesTooMany, span.clone(), message));
            }
            return Some(EntryItems { span, items: Vec::new() });
        }
        let mut items = Vec::with_capacity(elements.len());
        for (index, element) in elements.into_iter().enumerate() {
            items.extend(self.item(path, index, element, list));
        }
        Some(EntryItems { span, items })
    }

    fn item(
        &mut self,
        list_path: &str,
        index: usize,
        value: SpannedValue<'t>,
        list: Option<EntryList>,
    ) -> Option<ListItem<'t>> {
        match value.kind {
            JsonKind::String(_) => self.entry(&|| format!("{list_path}/{index}"), index, &value, list),
            JsonKind::Object(_) => {
                let path = format!("{list_path}/{index}");
                let span = value.span();
                let (mut entry, mut enabled, mut comment) = (None, true, None);
                for member in self.decoder.members(&path, value, ITEM_MEMBERS) {
                    let path = format!("{path}/{}", member.name);
                    match &*member.name {
                        "entry" => entry = Some((path, member.value)),
                        "enabled" => enabled = self.decoder.boolean(&path, &member.value).unwrap_or(true),
                        _ => comment = self.decoder.string(&path, member.value).map(Box::new),
                    }
                }
                let Some((path, value)) = entry else {
                    self.decoder.report_missing(&path, span, "entry");
                    return None;
                };
                let item = self.entry(&|| path.clone(), index, &value, list)?;
                Some(ListItem { enabled, comment, object: true, ..item })
            }
            _ => {
                let wanted = "a string or an object with an `entry`";
                self.decoder.report_wrong_type(&format!("{list_path}/{index}"), &value, wanted);
                None
            }
        }
    }

    fn entry(
        &mut self,
        path: &dyn Fn() -> String,
        index: usize,
        value: &SpannedValue<'t>,
        list: Option<EntryList>,
    ) -> Option<ListItem<'t>> {
        let JsonKind::String(text) = &value.kind else {
            self.decoder.report_wrong_type(&path(), value, "a string");
            return None;
        };
        let mut findings = Vec::new();
        let parsed = entry::parse(text, list, &mut findings);
        // The validity of plain HTTP depends on the insecure list: the cross-entry linter decides it (rule E10).
        findings.retain(|finding| finding.code != Code::SchemeHttp);
        let failed = findings.iter().any(RawFinding::is_error);
        for mut finding in findings {
            let span = value.span_within(self.decoder.text, finding.start..finding.end);
            (finding.start, finding.end) = (span.start, span.end);
            self.decoder.report(&path(), finding);
        }
        let parsed = parsed.filter(|_| !failed)?;
        Some(ListItem { index, parsed, enabled: true, comment: None, object: false, span: value.inner_span() })
    }
}

impl ListItem<'_> {
    pub fn entry(&self) -> &Entry {
        &self.parsed.entry
    }
}

impl<'t> PolicyLists<'t> {
    /// Returns the items of a list; none if it is absent.
    pub fn items(&self, list: EntryList) -> &[ListItem<'t>] {
        let items = match list {
            EntryList::Whitelist => &self.whitelist,
            EntryList::Insecure => &self.insecure,
            EntryList::BuiltIn => &self.built_in,
            EntryList::Blocked => &self.blocked,
        };
        items.as_ref().map_or(&[], |items| &items.items)
    }

    /// Returns the enabled entries, each with its list and its position there.
    pub fn entries(&self) -> impl Iterator<Item = (EntryList, u32, &Entry)> {
        EntryList::ALL.into_iter().flat_map(|list| {
            let enabled = self.items(list).iter().filter(|item| item.enabled);
            enabled.map(move |item| (list, u32::try_from(item.index).unwrap_or(u32::MAX), item.entry()))
        })
    }
}
