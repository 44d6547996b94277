//! The policy document (rules P1, P2, P5): text in, parsed lists and notes with their places out.

pub(crate) mod canonical;
pub(crate) mod decoder;
pub(crate) mod request_json;
pub(crate) mod spanned_json;

use std::borrow::Cow;
use std::fmt::Write;
use std::ops::Range;

use crate::document::decoder::{Decoder, escaped};
use crate::document::spanned_json::{Content, Member, Value};
use crate::entry::{self, Entry, Written};
use crate::finding::code::Code;
use crate::finding::{List, Note};

/// The most bytes that a document may have (rule P5): 64 MiB.
pub const MAX_DOCUMENT: usize = 64 << 20;
/// The most entries that a document may have in all its lists together (rule P5).
pub const MAX_ENTRIES: usize = 1_000_000;

/// A document whose valid parts are parsed. What is not valid is in the notes.
#[derive(Debug, Default)]
pub(crate) struct Document<'t> {
    pub global: Lists<'t>,
    pub match_resolved_addresses: Option<bool>,
    /// As it was written: it has no say in decisions.
    pub image_fetch_proxy: Option<&'t str>,
    pub projects: Option<Vec<Project<'t>>>,
}

/// The lists of the document or of a project. A list that is not given is `None`.
#[derive(Debug, Default)]
pub(crate) struct Lists<'t> {
    pub whitelist: Option<Items<'t>>,
    pub insecure: Option<Items<'t>>,
    pub built_in: Option<Items<'t>>,
    pub authorities: Option<Vec<Authority<'t>>>,
}

/// A project (rule J1).
#[derive(Debug)]
pub(crate) struct Project<'t> {
    pub name: Cow<'t, str>,
    pub lists: Lists<'t>,
}

/// One list.
#[derive(Debug)]
pub(crate) struct Items<'t> {
    /// Where the list stands.
    pub place: Range<usize>,
    pub items: Vec<Item<'t>>,
}

/// One valid element of a list.
#[derive(Debug)]
pub(crate) struct Item<'t> {
    /// Its index in the list as written.
    pub index: usize,
    pub written: Written,
    pub enabled: bool,
    pub comment: Option<Cow<'t, str>>,
    /// Whether it was an object.
    pub object: bool,
    /// Where the entry stands, without quotes.
    pub place: Range<usize>,
}

/// One element of `certificate_authorities`.
#[derive(Debug)]
pub(crate) struct Authority<'t> {
    /// Its index in the list as written.
    pub index: usize,
    /// Where it stands.
    pub place: Range<usize>,
    /// A string.
    pub pem: Value<'t>,
    /// The registries that it is limited to; without a limit it counts for all.
    pub registries: Option<Items<'t>>,
}

/// Why nothing is no policy: what allows everything is to be written out.
const EMPTY: &str = "the policy is empty: to allow every registry, write `{\"insecure\": []}`; to allow only what is listed, \
                     write a `whitelist`";

/// Reads a document. Whatever can be understood is, so that one mistake does not hide the next.
pub(crate) fn read<'t>(text: &'t str, notes: &mut Vec<Note>) -> Document<'t> {
    if text.len() > MAX_DOCUMENT {
        let message = format!("a policy document has at most {MAX_DOCUMENT} bytes, this one has {}", text.len());
        notes.push(Note::new(Code::DocumentTooLarge, 0..0, message).at(""));
        return Document::default();
    }
    let mut reader = Reader { decoder: Decoder { text, notes }, entries: 0 };
    match spanned_json::parse(text) {
        Ok(value) => reader.document(value),
        Err(mut note) => {
            if spanned_json::is_blank(text) {
                EMPTY.clone_into(&mut note.message);
            }
            reader.decoder.note("", note);
            Document::default()
        }
    }
}

/// The JSON Pointer of an element of a list; `object` says that the element is an object with an `entry` member.
pub(crate) fn item_path(project: Option<&str>, list: List, index: usize, object: bool) -> String {
    let mut path = list_path(project, list);
    let _ = write!(path, "/{index}");
    if object {
        path.push_str("/entry");
    }
    path
}

/// The JSON Pointer of a list.
pub(crate) fn list_path(project: Option<&str>, list: List) -> String {
    format!("{}/{}", project.map(project_path).unwrap_or_default(), member_of(list))
}

/// The JSON Pointer of a member of a certificate authority.
pub(crate) fn authority_path(project: Option<&str>, index: usize, member: &str) -> String {
    format!("{}/certificate_authorities/{index}/{member}", project.map(project_path).unwrap_or_default())
}

/// The member that holds a list.
pub(crate) fn member_of(list: List) -> &'static str {
    match list {
        List::Whitelist => "whitelist",
        List::Insecure => "insecure",
        List::BuiltIn => "built_in",
    }
}

fn project_path(name: &str) -> String {
    format!("/projects/{}", escaped(name))
}

const MEMBERS: &[&str] = &[
    "whitelist",
    "insecure",
    "certificate_authorities",
    "built_in",
    "match_resolved_addresses",
    "projects",
    "image_fetch_proxy",
];
const PROJECT_MEMBERS: &[&str] = &["whitelist", "insecure", "certificate_authorities"];
const ITEM_MEMBERS: &[&str] = &["entry", "enabled", "comment"];
const AUTHORITY_MEMBERS: &[&str] = &["pem", "registries"];

struct Reader<'t, 'n> {
    decoder: Decoder<'t, 'n>,
    entries: usize,
}

impl<'t> Reader<'t, '_> {
    fn document(&mut self, value: Value<'t>) -> Document<'t> {
        let mut document = Document::default();
        for member in self.decoder.members("", value, MEMBERS) {
            let path = format!("/{}", member.name);
            match &*member.name {
                "match_resolved_addresses" => {
                    document.match_resolved_addresses = self.decoder.boolean(&path, &member.value)
                }
                "image_fetch_proxy" => document.image_fetch_proxy = self.decoder.text.get(member.value.place()),
                "projects" => document.projects = self.projects(member.value),
                _ => self.list_member(&path, member, &mut document.global),
            }
        }
        document
    }

    fn projects(&mut self, value: Value<'t>) -> Option<Vec<Project<'t>>> {
        let mut projects = Vec::new();
        for member in self.decoder.known_members("/projects", value, &[])? {
            let path = project_path(&member.name);
            let mut lists = Lists::default();
            for inner in self.decoder.members(&path, member.value, PROJECT_MEMBERS) {
                self.list_member(&format!("{path}/{}", inner.name), inner, &mut lists);
            }
            projects.push(Project { name: member.name, lists });
        }
        Some(projects)
    }

    fn list_member(&mut self, path: &str, member: Member<'t>, lists: &mut Lists<'t>) {
        match &*member.name {
            "whitelist" => lists.whitelist = self.items(path, member.value, Some(List::Whitelist)),
            "insecure" => lists.insecure = self.items(path, member.value, Some(List::Insecure)),
            "built_in" => lists.built_in = self.items(path, member.value, Some(List::BuiltIn)),
            "certificate_authorities" => lists.authorities = self.authorities(path, member.value),
            _ => {}
        }
    }

    fn authorities(&mut self, path: &str, value: Value<'t>) -> Option<Vec<Authority<'t>>> {
        let elements = self.decoder.elements(path, value)?;
        let mut authorities = Vec::new();
        for (index, element) in elements.into_iter().enumerate() {
            let path = format!("{path}/{index}");
            let place = element.place();
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
                Some(Some(pem)) => authorities.push(Authority { index, place, pem, registries }),
                Some(None) => {}
                None => self.decoder.missing(&path, place, "pem"),
            }
        }
        Some(authorities)
    }

    /// A string that keeps its place.
    fn string(&mut self, path: &str, value: Value<'t>) -> Option<Value<'t>> {
        if matches!(value.content, Content::String(_)) {
            return Some(value);
        }
        self.decoder.wrong_type(path, &value, "a string");
        None
    }

    /// Reads a list of entries. Without `list`, transport and namespaces say nothing: the limits of an authority.
    fn items(&mut self, path: &str, value: Value<'t>, list: Option<List>) -> Option<Items<'t>> {
        let place = value.place();
        let elements = self.decoder.elements(path, value)?;
        let before = self.entries;
        self.entries = before.saturating_add(elements.len());
        if self.entries > MAX_ENTRIES {
            if before <= MAX_ENTRIES {
                let message = format!("a policy has at most {MAX_ENTRIES} entries in all its lists together");
                self.decoder.note(path, Note::new(Code::EntriesTooMany, place.clone(), message));
            }
            return Some(Items { place, items: Vec::new() });
        }
        let mut items = Vec::with_capacity(elements.len());
        for (index, element) in elements.into_iter().enumerate() {
            items.extend(self.item(path, index, element, list));
        }
        Some(Items { place, items })
    }

    fn item(&mut self, list_path: &str, index: usize, value: Value<'t>, list: Option<List>) -> Option<Item<'t>> {
        match value.content {
            Content::String(_) => self.entry(&|| format!("{list_path}/{index}"), index, &value, list),
            Content::Object(_) => {
                let path = format!("{list_path}/{index}");
                let place = value.place();
                let (mut entry, mut enabled, mut comment) = (None, true, None);
                for member in self.decoder.members(&path, value, ITEM_MEMBERS) {
                    let path = format!("{path}/{}", member.name);
                    match &*member.name {
                        "entry" => entry = Some((path, member.value)),
                        "enabled" => enabled = self.decoder.boolean(&path, &member.value).unwrap_or(true),
                        _ => comment = self.decoder.string(&path, member.value),
                    }
                }
                let Some((path, value)) = entry else {
                    self.decoder.missing(&path, place, "entry");
                    return None;
                };
                let item = self.entry(&|| path.clone(), index, &value, list)?;
                Some(Item { enabled, comment, object: true, ..item })
            }
            _ => {
                let wanted = "a string or an object with an `entry`";
                self.decoder.wrong_type(&format!("{list_path}/{index}"), &value, wanted);
                None
            }
        }
    }

    fn entry(
        &mut self,
        path: &dyn Fn() -> String,
        index: usize,
        value: &Value<'t>,
        list: Option<List>,
    ) -> Option<Item<'t>> {
        let Content::String(text) = &value.content else {
            self.decoder.wrong_type(&path(), value, "a string");
            return None;
        };
        let mut notes = Vec::new();
        let written = entry::parse(text, &mut notes);
        if let (Some(written), Some(list)) = (&written, list) {
            // Whether plain HTTP is in order depends on the insecure list: the cross-checks look at it (rule E10).
            notes.extend(entry::check_for_list(text, written, list).filter(|note| note.code != Code::SchemeHttp));
        }
        let failed = notes.iter().any(Note::is_error);
        for mut note in notes {
            let place = value.place_within(self.decoder.text, note.start..note.end);
            (note.start, note.end) = (place.start, place.end);
            self.decoder.note(&path(), note);
        }
        let written = written.filter(|_| !failed)?;
        Some(Item { index, written, enabled: true, comment: None, object: false, place: value.inner_place() })
    }
}

impl Item<'_> {
    pub fn entry(&self) -> &Entry {
        &self.written.entry
    }
}

impl<'t> Lists<'t> {
    /// The list's items, none where it is not given.
    pub fn items(&self, list: List) -> &[Item<'t>] {
        let items = match list {
            List::Whitelist => &self.whitelist,
            List::Insecure => &self.insecure,
            List::BuiltIn => &self.built_in,
        };
        items.as_ref().map_or(&[], |items| &items.items)
    }

    /// The enabled entries, each with its list and its position there.
    pub fn entries(&self) -> impl Iterator<Item = (List, u32, &Entry)> {
        [List::Whitelist, List::Insecure, List::BuiltIn].into_iter().flat_map(|list| {
            let enabled = self.items(list).iter().filter(|item| item.enabled);
            enabled.map(move |item| (list, u32::try_from(item.index).unwrap_or(u32::MAX), item.entry()))
        })
    }
}
