//! The images of an object whose kind is not known: every member `image` that it has anywhere.

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::image::{Image, MOST, Unread};

use super::sanitize;
use crate::util::strict_json::Object;

/// Where the known kinds have their pod specifications.
const POD_SPECS: [&[&str]; 4] = [
    &["spec"],
    &["spec", "template", "spec"],
    &["spec", "jobTemplate", "spec", "template", "spec"],
    &["template", "spec"],
];

/// What is said about an object, and not what it is to be.
const PASSED_OVER: [&str; 2] = ["metadata", "status"];

/// The longest path that is shown, in characters.
const LONGEST: usize = 200;

/// All images of an object, in its order, but those in what is only said about it (`metadata`, `status`).
///
/// # Errors
///
/// If it has no pod specification, or an image that is not written as one.
pub fn images(kind: &str, object: &str) -> Result<Vec<Image>, Unread> {
    let mut found = Found::default();
    let mut reader = serde_json::Deserializer::from_str(object);
    let read = Walk { found: &mut found, path: &Path::Root }.deserialize(&mut reader).and_then(|()| reader.end());
    read.map_err(|error| Unread::Malformed(sanitize::problem(&error)))?;
    if found.has_pod_spec { Ok(found.images) } else { Err(Unread::UnknownKind(sanitize::line(kind, LONGEST))) }
}

#[derive(Default)]
struct Found {
    images: Vec<Image>,
    has_pod_spec: bool,
}

/// Where a value stands. Written out for images only: an object may have millions of values.
enum Path<'p> {
    Root,
    Member(&'p Path<'p>, &'p str),
    Element(&'p Path<'p>, usize),
}

/// One value and what is in it.
struct Walk<'f, 'p> {
    found: &'f mut Found,
    path: &'p Path<'p>,
}

/// How images are written: as a string, or as a volume has them.
#[derive(Deserialize)]
#[serde(untagged, expecting = "an image")]
enum Written {
    Name(String),
    Volume(Object<Volume>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Volume {
    reference: Option<String>,
    #[serde(rename = "pullPolicy")]
    _pull_policy: Option<String>,
}

impl Path<'_> {
    /// Whether it is this one.
    fn is(&self, names: &[&str]) -> bool {
        match (self, names.split_last()) {
            (Self::Root, None) => true,
            (Self::Member(parent, name), Some((last, before))) => name == last && parent.is(before),
            _ => false,
        }
    }

    fn write(&self, text: &mut String) {
        match self {
            Self::Root => {}
            Self::Member(parent, name) => {
                parent.write(text);
                let dot = if text.is_empty() { "" } else { "." };
                text.push_str(&format!("{dot}{}", sanitize::line(name, LONGEST)));
            }
            Self::Element(parent, index) => {
                parent.write(text);
                text.push_str(&format!("[{index}]"));
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            let path = Path::Member(self.path, &name);
            if PASSED_OVER.iter().any(|passed| path.is(&[passed])) {
                map.next_value::<IgnoredAny>()?;
            } else if name == "image" {
                let name = match map.next_value::<Option<Written>>()? {
                    None => String::new(),
                    Some(Written::Name(name)) => name,
                    Some(Written::Volume(Object(volume))) => volume.reference.unwrap_or_default(),
                };
                if self.found.images.len() >= MOST {
                    return Err(A::Error::custom("it has too many images"));
                }
                let mut place = String::new();
                path.write(&mut place);
                let place = format!("`{}`", sanitize::line(&place, LONGEST));
                self.found.images.push(Image { place, name, may_be_empty: true });
            } else {
                self.found.has_pod_spec |= name == "containers" && POD_SPECS.iter().any(|spec| self.path.is(spec));
                map.next_value_seed(Walk { found: self.found, path: &path })?;
            }
            if !seen.insert(name) {
                return Err(A::Error::custom("a member stands twice"));
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        let mut index = 0_usize;
        while let Some(()) =
            sequence.next_element_seed(Walk { found: self.found, path: &Path::Element(self.path, index) })?
        {
            index = index.saturating_add(1);
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_image_is_found_wherever_it_stands() {
        let object = r#"{
            "metadata": {"image": "not-this"}, "status": {"containers": [{"image": "nor-this"}]},
            "spec": {"replicas": 3, "paused": false, "sidecar": {"image": "b"}, "template": {"spec": {
                "containers": [{"image": "a"}, {"image": null}], "volumes": [{"image": {"reference": "c", "pullPolicy": "Always"}}]
            }}}
        }"#;
        let found = images("Rollout", object).unwrap();
        let found: Vec<_> = found.iter().map(|image| (&*image.place, &*image.name)).collect();
        let expected = [
            ("`spec.sidecar.image`", "b"),
            ("`spec.template.spec.containers[0].image`", "a"),
            ("`spec.template.spec.containers[1].image`", ""),
            ("`spec.template.spec.volumes[0].image`", "c"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for (object, code) in [
            ("{}", "unknown-kind"),
            (r#"{"spec": {"image": "a"}}"#, "unknown-kind"),
            (r#"{"spec": {"workers": {"containers": [{"image": "a"}]}}}"#, "unknown-kind"),
            (r#"{"spec": {"containers": [{"image": {"repository": "a"}}]}}"#, "malformed-review"),
            (r#"{"spec": {"containers": [{"image": ["a"]}]}}"#, "malformed-review"),
            (r#"{"spec": {"containers": [{"image": ["a", null]}]}}"#, "malformed-review"),
            (r#"{"spec": {"containers": [{"image": "a", "image": "b"}]}}"#, "malformed-review"),
            (r#"{"spec": {"containers": []}, "spec": {}}"#, "malformed-review"),
        ] {
            assert_eq!(images("Thing", object).unwrap_err().code(), code, "{object}");
        }
    }
}
