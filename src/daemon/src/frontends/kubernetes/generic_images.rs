//! The images of unknown kinds: every member `image` at any depth.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, RandomState};

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::image::{ExtractError, Image, MAX_IMAGES};

use super::sanitize;

/// Paths of the pod specifications of known kinds.
const POD_SPEC_PATHS: [&[&str]; 4] = [
    &["spec"],
    &["spec", "template", "spec"],
    &["spec", "jobTemplate", "spec", "template", "spec"],
    &["template", "spec"],
];

/// Top-level members that describe the object and have no images to pull.
const IGNORED_MEMBERS: [&str; 2] = ["metadata", "status"];

/// Maximum length of a location in characters.
const MAX_PATH_CHARS: usize = 200;

/// Extracts all images of an object, in order, except those in `metadata` and `status`.
///
/// # Errors
///
/// If there is no pod specification or no image, or an image is not written as one.
pub fn extract_images(kind: &str, object: &str) -> Result<Vec<Image>, ExtractError> {
    let mut found = CollectedImages::default();
    let mut reader = serde_json::Deserializer::from_str(object);
    let read = ImageVisitor { collected: &mut found, path: &JsonPath::Root }
        .deserialize(&mut reader)
        .and_then(|()| reader.end());
    read.map_err(|error| ExtractError::Malformed(sanitize::sanitize_json_error(&error)))?;
    if found.is_truncated {
        return Err(ExtractError::TooMany);
    }
    // What an unknown kind calls its images cannot be known: without any in sight, there can be some out of sight.
    if found.has_pod_spec && !found.images.iter().all(Image::is_unset) {
        Ok(found.images)
    } else {
        Err(ExtractError::UnknownKind(sanitize::sanitize_line(kind, MAX_PATH_CHARS)))
    }
}

#[derive(Default)]
struct CollectedImages {
    images: Vec<Image>,
    /// True if there are more images than one review may have. The others are not kept.
    is_truncated: bool,
    has_pod_spec: bool,
    hasher: RandomState,
}

/// The path of a value, written out for images only: an object can have millions of values.
enum JsonPath<'p> {
    Root,
    Member(&'p JsonPath<'p>, &'p str),
    Element(&'p JsonPath<'p>, usize),
}

/// Visitor of one value and its descendants.
struct ImageVisitor<'f, 'p> {
    collected: &'f mut CollectedImages,
    path: &'p JsonPath<'p>,
}

/// An image as a string, or as the source of an image volume. Empty for `null`.
struct ImageField(String);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ImageVolumeSource {
    reference: Option<String>,
    #[serde(rename = "pullPolicy")]
    _pull_policy: Option<String>,
}

/// Visitor of an image. An untagged enum would keep any other value in memory, at a multiple of its text.
struct ImageFieldVisitor;

impl<'de> Deserialize<'de> for ImageField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ImageFieldVisitor)
    }
}

impl<'de> Visitor<'de> for ImageFieldVisitor {
    type Value = ImageField;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an image")
    }

    fn visit_unit<E>(self) -> Result<ImageField, E> {
        Ok(ImageField(String::new()))
    }

    fn visit_str<E>(self, name: &str) -> Result<ImageField, E> {
        Ok(ImageField(name.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ImageField, A::Error> {
        let volume = ImageVolumeSource::deserialize(MapAccessDeserializer::new(map))?;
        Ok(ImageField(volume.reference.unwrap_or_default()))
    }
}

impl JsonPath<'_> {
    /// Returns whether this is a path of members.
    fn matches(&self, names: &[&str]) -> bool {
        match (self, names.split_last()) {
            (Self::Root, None) => true,
            (Self::Member(parent, name), Some((last, before))) => name == last && parent.matches(before),
            _ => false,
        }
    }

    fn write(&self, text: &mut String) {
        match self {
            Self::Root => {}
            Self::Member(parent, name) => {
                parent.write(text);
                let dot = if text.is_empty() { "" } else { "." };
                text.push_str(&format!("{dot}{}", sanitize::sanitize_line(name, MAX_PATH_CHARS)));
            }
            Self::Element(parent, index) => {
                parent.write(text);
                text.push_str(&format!("[{index}]"));
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for ImageVisitor<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ImageVisitor<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        // By their hashes: an object can have a million members, and a collision is an error like a duplicate.
        let mut seen = HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            let path = JsonPath::Member(self.path, &name);
            if IGNORED_MEMBERS.iter().any(|passed| path.matches(&[passed])) {
                map.next_value::<IgnoredAny>()?;
            } else if name == "image" {
                let ImageField(name) = map.next_value()?;
                if self.collected.images.len() < MAX_IMAGES {
                    let mut place = String::new();
                    path.write(&mut place);
                    let place = format!("`{}`", sanitize::sanitize_line(&place, MAX_PATH_CHARS));
                    self.collected.images.push(Image { location: place, name, is_template: true });
                } else {
                    self.collected.is_truncated = true;
                }
            } else {
                self.collected.has_pod_spec |=
                    name == "containers" && POD_SPEC_PATHS.iter().any(|spec| self.path.matches(spec));
                map.next_value_seed(ImageVisitor { collected: self.collected, path: &path })?;
            }
            if !seen.insert(self.collected.hasher.hash_one(&name)) {
                return Err(A::Error::custom("a member stands twice"));
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        let mut index = 0_usize;
        while let Some(()) = sequence
            .next_element_seed(ImageVisitor { collected: self.collected, path: &JsonPath::Element(self.path, index) })?
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
        let found = extract_images("Rollout", object).unwrap();
        let found: Vec<_> = found.iter().map(|image| (&*image.location, &*image.name)).collect();
        let expected = [
            ("`spec.sidecar.image`", "b"),
            ("`spec.template.spec.containers[0].image`", "a"),
            ("`spec.template.spec.containers[1].image`", ""),
            ("`spec.template.spec.volumes[0].image`", "c"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn malformed_objects_are_errors() {
        for (object, code) in [
            ("{}", "unknown-kind"),
            (r#"{"spec": {"image": "a"}}"#, "unknown-kind"),
            (r#"{"spec": {"workers": {"containers": [{"image": "a"}]}}}"#, "unknown-kind"),
            (r#"{"job": {"spec": {"containers": [{"image": "a"}]}}}"#, "unknown-kind"),
            // A pod specification without any image in sight.
            (r#"{"spec": {"template": {"spec": {"containers": [{"name": "a", "Image": "b"}]}}}}"#, "unknown-kind"),
            (r#"{"spec": {"baseImage": "b", "template": {"spec": {"containers": [{"name": "a"}]}}}}"#, "unknown-kind"),
            (r#"{"spec": {"containers": []}, "images": ["b"]}"#, "unknown-kind"),
            (r#"{"spec": {"containers": [{"image": ""}, {"image": null}]}}"#, "unknown-kind"),
            (r#"{"spec": {"containers": [{"image": {"repository": "a"}}]}}"#, "malformed-review"),
            (r#"{"spec": {"containers": [{"image": ["a"]}]}}"#, "malformed-review"),
            (r#"{"spec": {"containers": [{"image": ["a", null]}]}}"#, "malformed-review"),
            (r#"{"spec": {"containers": [{"image": "a", "image": "b"}]}}"#, "malformed-review"),
            (r#"{"spec": {"containers": []}, "spec": {}}"#, "malformed-review"),
        ] {
            assert_eq!(extract_images("Thing", object).unwrap_err().code(), code, "{object}");
        }
        let error = extract_images("Thing", r#"{"spec": {"containers": [{"image": 5}]}}"#).unwrap_err().to_string();
        assert!(error.contains("expected an image"), "{error}");
        let many = |number: usize| {
            format!(r#"{{"spec": {{"containers": [{}]}}}}"#, vec![r#"{"image":"a"}"#; number].join(","))
        };
        assert_eq!(extract_images("Thing", &many(MAX_IMAGES)).unwrap().len(), MAX_IMAGES);
        assert_eq!(extract_images("Thing", &many(MAX_IMAGES + 1)).unwrap_err().code(), "too-many-images");
    }
}
