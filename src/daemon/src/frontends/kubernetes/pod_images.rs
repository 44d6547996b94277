//! The images of known kinds, with their locations.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::admission_review::GroupVersionKind;
use super::image::{ExtractError, Image, MAX_CONTAINERS};
use super::{generic_images, sanitize};
use crate::util::bounded_list::TruncatedList;
use crate::util::strict_json::JsonObject;

/// Maximum length of a kind in a message, in characters.
const MAX_KIND_CHARS: usize = 200;

/// A list of containers or volumes, of which the first [`MAX_CONTAINERS`] are kept: an element of three bytes takes some
/// fifty in memory.
type ContainerList<T> = TruncatedList<JsonObject<T>, MAX_CONTAINERS>;

/// Extracts the images of an object, in order.
///
/// # Errors
///
/// If there could be images that are not seen.
pub fn extract_images(kind: &GroupVersionKind, object: &str) -> Result<Vec<Image>, ExtractError> {
    let described: TypeMeta = parse_object(object)?;
    let differs = |there: &Option<String>, expected: &str| there.as_deref().is_some_and(|there| there != expected);
    if differs(&described.kind, &kind.kind) || differs(&described.api_version, &kind.api_version()) {
        return Err(ExtractError::Malformed("its kind is not the one that the request names".to_owned()));
    }
    let spec = match (&*kind.group, &*kind.version, &*kind.kind) {
        ("", "v1", "Pod") => parse_spec::<PodSpec>(object)?,
        ("apps", "v1", "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet")
        | ("batch", "v1", "Job")
        | ("", "v1", "ReplicationController") => parse_spec::<Template<Spec<PodSpec>>>(object)?.and_then(template_spec),
        ("batch", "v1", "CronJob") => parse_spec::<JobTemplate<Spec<Template<Spec<PodSpec>>>>>(object)?
            .and_then(|spec| template_spec(spec.job_template?.0.spec?.0)),
        ("", "v1", "PodTemplate") => template_spec(parse_object::<Template<Spec<PodSpec>>>(object)?),
        _ => return generic_images::extract_images(&kind.kind, object),
    };
    let is_template = kind.kind != "Pod";
    let no_pod_spec = || ExtractError::NoPodSpec(sanitize::sanitize_line(&kind.kind, MAX_KIND_CHARS));
    let images = spec.ok_or_else(no_pod_spec)?.images(is_template)?;
    images.ok_or_else(no_pod_spec)
}

/// The kind that an object declares.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TypeMeta {
    api_version: Option<String>,
    kind: Option<String>,
}

#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct Spec<T> {
    spec: Option<JsonObject<T>>,
}

#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct Template<T> {
    template: Option<JsonObject<T>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound = "T: DeserializeOwned")]
struct JobTemplate<T> {
    job_template: Option<JsonObject<T>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodSpec {
    containers: Option<ContainerList<Container>>,
    init_containers: Option<ContainerList<Container>>,
    ephemeral_containers: Option<ContainerList<Container>>,
    volumes: Option<ContainerList<Volume>>,
}

#[derive(Deserialize)]
struct Container {
    name: Option<String>,
    image: Option<String>,
}

#[derive(Deserialize)]
struct Volume {
    name: Option<String>,
    image: Option<JsonObject<ImageVolume>>,
}

#[derive(Deserialize)]
struct ImageVolume {
    reference: Option<String>,
}

fn parse_object<T: DeserializeOwned>(object: &str) -> Result<T, ExtractError> {
    let JsonObject(read) =
        serde_json::from_str(object).map_err(|error| ExtractError::Malformed(sanitize::sanitize_json_error(&error)))?;
    Ok(read)
}

fn parse_spec<T: DeserializeOwned>(object: &str) -> Result<Option<T>, ExtractError> {
    Ok(parse_object::<Spec<T>>(object)?.spec.map(|JsonObject(spec)| spec))
}

fn template_spec(of: Template<Spec<PodSpec>>) -> Option<PodSpec> {
    Some(of.template?.0.spec?.0)
}

impl PodSpec {
    /// Returns all images; `None` without containers, which every pod has.
    fn images(self, may_be_empty: bool) -> Result<Option<Vec<Image>>, ExtractError> {
        let Some(containers) = self.containers.filter(|containers| !containers.elements.is_empty()) else {
            return Ok(None);
        };
        let lists = [
            ("container", containers),
            ("init container", self.init_containers.unwrap_or_default()),
            ("ephemeral container", self.ephemeral_containers.unwrap_or_default()),
        ];
        let volumes = self.volumes.unwrap_or_default();
        let number: usize = lists.iter().map(|(_, list)| list.elements.len()).sum();
        if number > MAX_CONTAINERS || volumes.is_truncated || lists.iter().any(|(_, list)| list.is_truncated) {
            return Err(ExtractError::TooMany);
        }
        let mut images = Vec::new();
        let image = |what: &str, name: Option<String>, image: Option<String>| Image {
            location: format!("{what} `{}`", name.unwrap_or_default()),
            name: image.unwrap_or_default(),
            is_template: may_be_empty,
        };
        for (what, containers) in lists {
            let containers = containers.elements.into_iter();
            images.extend(containers.map(|JsonObject(container)| image(what, container.name, container.image)));
        }
        for JsonObject(volume) in volumes.elements {
            images.extend(volume.image.map(|JsonObject(source)| image("volume", volume.name, source.reference)));
        }
        Ok(Some(images))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(group: &str, kind: &str) -> GroupVersionKind {
        GroupVersionKind { group: group.to_owned(), version: "v1".to_owned(), kind: kind.to_owned() }
    }

    fn names(of: &GroupVersionKind, object: &str) -> Vec<String> {
        extract_images(of, object).unwrap().into_iter().map(|image| image.name).collect()
    }

    const POD_SPEC: &str = r#"{
        "containers": [{"name": "a", "image": "a"}], "initContainers": [{"name": "b", "image": "b"}],
        "ephemeralContainers": [{"name": "c", "image": "c"}],
        "volumes": [{"name": "d", "image": {"reference": "d"}}, {"name": "e", "emptyDir": {}}, {"name": "f", "image": null}]
    }"#;

    #[test]
    fn every_kind_has_its_pod_specification_somewhere() {
        let at = |path: &str| path.replace("SPEC", POD_SPEC);
        for (group, name, path) in [
            ("", "Pod", r#"{"spec": SPEC}"#),
            ("apps", "Deployment", r#"{"spec": {"template": {"spec": SPEC}}}"#),
            ("apps", "ReplicaSet", r#"{"spec": {"template": {"spec": SPEC}}}"#),
            ("apps", "StatefulSet", r#"{"spec": {"template": {"spec": SPEC}}}"#),
            ("apps", "DaemonSet", r#"{"spec": {"template": {"spec": SPEC}}}"#),
            ("batch", "Job", r#"{"spec": {"template": {"spec": SPEC}}}"#),
            ("", "ReplicationController", r#"{"spec": {"template": {"spec": SPEC}}}"#),
            ("batch", "CronJob", r#"{"spec": {"jobTemplate": {"spec": {"template": {"spec": SPEC}}}}}"#),
            ("", "PodTemplate", r#"{"template": {"spec": SPEC}}"#),
        ] {
            assert_eq!(names(&kind(group, name), &at(path)), ["a", "b", "c", "d"], "{name}");
        }
    }

    #[test]
    fn objects_without_containers_are_errors() {
        let pod = kind("", "Pod");
        for object in [
            "{}",
            r#"{"spec": null}"#,
            r#"{"spec": {}}"#,
            r#"{"spec": {"containers": null}}"#,
            r#"{"spec": {"containers": []}}"#,
        ] {
            assert_eq!(extract_images(&pod, object).unwrap_err().code(), "no-pod-spec", "{object}");
        }
        for object in [
            "[]",
            r#"{"spec": []}"#,
            r#"{"spec": {"containers": {}}}"#,
            r#"{"spec": {"containers": [5]}}"#,
            r#"{"spec": {"containers": [["web", "a"]]}}"#,
            r#"{"spec": [[{"name": "web", "image": "a"}], null, null, null]}"#,
            r#"{"spec": {"containers": [{"image": 5}]}}"#,
            r#"{"spec": {"containers": [{"image": "a", "image": "b"}]}}"#,
            r#"{"spec": {"containers": [{"image": "a"}], "containers": [{"image": "b"}]}}"#,
            r#"{"spec": {"containers": [{"image": "a"}]}, "spec": {"containers": [{"image": "b"}]}}"#,
            r#"{"kind": "Binding", "spec": {"containers": [{"image": "a"}]}}"#,
            r#"{"apiVersion": "apps/v1", "spec": {"containers": [{"image": "a"}]}}"#,
        ] {
            assert_eq!(extract_images(&pod, object).unwrap_err().code(), "malformed-review", "{object}");
        }
    }

    #[test]
    fn reading_stops_at_the_bound_of_each_list() {
        let pod = kind("", "Pod");
        let list = |number: usize| format!("[{}]", vec!["{}"; number].join(","));
        let most = extract_images(&pod, &format!(r#"{{"spec": {{"containers": {}}}}}"#, list(MAX_CONTAINERS)));
        assert_eq!(most.unwrap().len(), MAX_CONTAINERS);
        for spec in [
            format!(r#"{{"containers": {}}}"#, list(MAX_CONTAINERS + 1)),
            format!(r#"{{"containers": [{{}}], "initContainers": {}}}"#, list(MAX_CONTAINERS)),
            format!(r#"{{"containers": [{{}}], "volumes": {}}}"#, list(MAX_CONTAINERS + 1)),
        ] {
            let refused = extract_images(&pod, &format!(r#"{{"spec": {spec}}}"#)).unwrap_err();
            assert_eq!(refused.code(), "too-many-images");
        }
        // Still JSON to its end.
        let broken = format!(r#"{{"spec": {{"containers": {}"#, list(MAX_CONTAINERS + 1));
        assert_eq!(extract_images(&pod, &broken).unwrap_err().code(), "malformed-review");
    }

    #[test]
    fn only_a_template_may_leave_an_image_open() {
        let open = |of: &GroupVersionKind, object: &str| {
            extract_images(of, object).unwrap().iter().map(Image::is_unset).collect::<Vec<_>>()
        };
        let containers = r#"{"containers": [{"name": "a"}, {"image": ""}, {"image": " "}, {"image": "x"}]}"#;
        assert_eq!(open(&kind("", "Pod"), &format!(r#"{{"spec": {containers}}}"#)), [false; 4]);
        let deployment = format!(r#"{{"spec": {{"template": {{"spec": {containers}}}}}}}"#);
        assert_eq!(open(&kind("apps", "Deployment"), &deployment), [true, true, true, false]);
    }
}
