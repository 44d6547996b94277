//! Adding to the lists of a JSON document without touching the rest of its text, so that what the decoder says about
//! the rest keeps its place.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Elements for the end of one list.
pub struct ListAddition {
    /// The member that holds the list.
    pub member: &'static str,
    /// The elements, each as JSON text.
    pub elements: Vec<String>,
}

/// A document with additions.
pub struct SplicedDocument {
    pub text: String,
    /// What was put in, in the order of the text.
    pub inserts: Vec<InsertedRange>,
}

/// A stretch of the new text that the old one does not have.
pub struct InsertedRange {
    /// Where it stands in the new text.
    pub range: Range<usize>,
    /// Its elements: which addition, which element of it, and where it stands in the new text.
    pub elements: Vec<(usize, usize, Range<usize>)>,
}

/// Adds to the lists. `None` if the document is not an object whose lists are arrays: then the decoder has an error for
/// it, and additions do not matter.
pub fn splice(document: &str, additions: &[ListAddition]) -> Option<SplicedDocument> {
    let text = document.strip_prefix('\u{feff}').unwrap_or(document);
    let ObjectMembers(members) = serde_json::from_str(text).ok()?;
    let offset = |part: &str| part.as_ptr().addr() - document.as_ptr().addr();

    // Where to put which addition; those without a list of their own make one at the end of the object.
    let mut puts: Vec<(usize, Vec<PendingInsert>)> = Vec::new();
    let mut made = Vec::new();
    for (number, addition) in additions.iter().enumerate().filter(|(_, addition)| !addition.elements.is_empty()) {
        let mut lists = members.iter().filter(|(name, _)| name == addition.member);
        match (lists.next(), lists.next()) {
            (None, _) => {
                let comma = if members.is_empty() && made.is_empty() { "" } else { "," };
                made.push(PendingInsert { number, opening: format!("{comma}\"{}\":[", addition.member), closing: "]" });
            }
            (Some((_, list)), None) => {
                let inner = list.get().strip_prefix('[')?.strip_suffix(']')?;
                let comma = if inner.trim().is_empty() { "" } else { "," };
                puts.push((
                    offset(inner) + inner.len(),
                    vec![PendingInsert { number, opening: comma.to_owned(), closing: "" }],
                ));
            }
            (Some(_), Some(_)) => return None,
        }
    }
    let end = offset(text) + text.trim_end().len() - "}".len();
    puts.push((end, made));
    puts.sort_by_key(|(at, _)| *at);

    let mut spliced = SplicedDocument { text: String::with_capacity(document.len()), inserts: Vec::new() };
    let mut done = 0;
    for (at, puts) in puts {
        spliced.text.push_str(&document[done..at]);
        done = at;
        spliced.insert(&puts, additions);
    }
    spliced.text.push_str(&document[done..]);
    Some(spliced)
}

/// How many elements a list of the document has; none where there is no such list.
pub fn list_len(document: &str, member: &str) -> usize {
    let text = document.strip_prefix('\u{feff}').unwrap_or(document);
    let Ok(ObjectMembers(members)) = serde_json::from_str(text) else { return 0 };
    let list = members.iter().find(|(name, _)| name == member);
    list.and_then(|(_, list)| serde_json::from_str::<Vec<IgnoredAny>>(list.get()).ok()).map_or(0, |list| list.len())
}

struct PendingInsert {
    number: usize,
    opening: String,
    closing: &'static str,
}

impl SplicedDocument {
    fn insert(&mut self, puts: &[PendingInsert], additions: &[ListAddition]) {
        let start = self.text.len();
        let mut elements = Vec::new();
        for put in puts {
            self.text.push_str(&put.opening);
            for (index, element) in additions[put.number].elements.iter().enumerate() {
                if index > 0 {
                    self.text.push(',');
                }
                let at = self.text.len();
                self.text.push_str(element);
                elements.push((put.number, index, at..self.text.len()));
            }
            self.text.push_str(put.closing);
        }
        self.inserts.push(InsertedRange { range: start..self.text.len(), elements });
    }

    /// What a stretch of the new text was in the old one. `None` if it begins in what was put in.
    pub fn to_original(&self, stretch: &Range<usize>) -> Option<Range<usize>> {
        if self.inserts.iter().any(|insert| insert.range.contains(&stretch.start)) {
            return None;
        }
        let old = |at: usize| {
            let earlier = self.inserts.iter().filter(|insert| insert.range.start < at);
            at - earlier.map(|insert| insert.range.end.min(at) - insert.range.start).sum::<usize>()
        };
        Some(old(stretch.start)..old(stretch.end))
    }
}

/// The members of an object: names decoded, values as they stand there.
struct ObjectMembers<'t>(Vec<(String, &'t RawValue)>);

impl<'de> Deserialize<'de> for ObjectMembers<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = ObjectMembers<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(ObjectMembers(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn additions() -> Vec<ListAddition> {
        vec![
            ListAddition { member: "whitelist", elements: vec!["\"a\"".to_owned(), "\"b\"".to_owned()] },
            ListAddition { member: "insecure", elements: vec!["\"c\"".to_owned()] },
            ListAddition { member: "certificate_authorities", elements: Vec::new() },
        ]
    }

    #[test]
    fn lists_grow_or_are_made() {
        for (document, expected) in [
            ("{}", r#"{"whitelist":["a","b"],"insecure":["c"]}"#),
            (r#"{"x":1}"#, r#"{"x":1,"whitelist":["a","b"],"insecure":["c"]}"#),
            (r#"{"insecure": [ ], "whitelist": ["z" ]}  "#, r#"{"insecure": [ "c"], "whitelist": ["z" ,"a","b"]}  "#),
            (
                "\u{feff}{\"\\u0077hitelist\":[\"z\"]}",
                "\u{feff}{\"\\u0077hitelist\":[\"z\",\"a\",\"b\"],\"insecure\":[\"c\"]}",
            ),
        ] {
            assert_eq!(splice(document, &additions()).unwrap().text, expected);
        }
    }

    #[test]
    fn documents_that_the_decoder_refuses_are_left_alone() {
        for document in ["", "[]", "{", r#"{"whitelist": "a"}"#, r#"{"whitelist": [], "whitelist": []}"#] {
            assert!(splice(document, &additions()).is_none(), "{document}");
        }
    }

    #[test]
    fn places_go_back() {
        let document = r#"{"insecure": ["y"], "whitelist": ["z"], "x": 1}"#;
        let spliced = splice(document, &additions()).unwrap();
        for needle in [r#""y""#, r#""z""#, r#""x""#, "1"] {
            let new = spliced.text.find(needle).unwrap();
            let old = document.find(needle).unwrap();
            assert_eq!(spliced.to_original(&(new..new + needle.len())), Some(old..old + needle.len()), "{needle}");
        }
        let list = spliced.text.find(r#"["z""#).unwrap();
        let old = document.find(r#"["z""#).unwrap();
        assert_eq!(spliced.to_original(&(list..list + r#"["z","a","b"]"#.len())), Some(old..old + r#"["z"]"#.len()));
        assert_eq!(spliced.to_original(&(spliced.text.find(r#""c""#).unwrap()..spliced.text.len())), None);
        assert_eq!(list_len(document, "whitelist"), 1);
        assert_eq!(list_len(document, "built_in"), 0);
    }
}
