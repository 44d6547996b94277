//! The images of a container or a service in the bodies of Docker's API.

use thiserror::Error;

use super::go_json::{GoJsonError, GoObject, GoValue};

/// Maximum number of images in one request.
const MAX_IMAGES: usize = 64;

/// An error of a body whose images cannot be told. The texts are human-readable.
#[derive(Debug, Error)]
pub enum ImageRefsError {
    #[error(transparent)]
    Json(#[from] GoJsonError),
    #[error("the service has no `TaskTemplate`")]
    NoTask,
    #[error("`PluginSpec.Remote` is an id: write the name of the plugin")]
    PluginId,
    #[error("the service names no image")]
    NoImage,
    #[error("the request names more than {MAX_IMAGES} images")]
    TooManyImages,
    #[error("{0} is missing or empty")]
    Missing(&'static str),
}

/// Returns the images of `POST /containers/create`.
pub fn images_of_container(body: &[u8]) -> Result<Vec<String>, ImageRefsError> {
    let json = GoValue::read(body)?;
    let config = json.object("the body")?;
    let mut images = vec![require_image(config.text(&["Image"])?, "`Image`")?];
    // Old clients send the members of `HostConfig` at the top level, and dockerd still accepts them.
    add_mounted_images(config, &mut images)?;
    if let Some(host) = config.object("HostConfig")? {
        add_mounted_images(host, &mut images)?;
    }
    Ok(images)
}

/// Returns the images of `POST /services/create` and `POST /services/ID/update`.
pub fn images_of_service(body: &[u8]) -> Result<Vec<String>, ImageRefsError> {
    let json = GoValue::read(body)?;
    let task = json.object("the body")?.object("TaskTemplate")?.ok_or(ImageRefsError::NoTask)?;
    let mut images = Vec::new();
    if let Some(container) = task.object("ContainerSpec")? {
        images.push(require_image(container.text(&["Image"])?, "`ContainerSpec.Image`")?);
        add_mounted_images(container, &mut images)?;
    }
    if let Some(plugin) = task.object("PluginSpec")? {
        // Docker's clients write it in lower case; its documentation does not.
        let remote = require_image(plugin.text(&["remote", "Remote"])?, "`PluginSpec.Remote`")?;
        // For plugins, dockerd takes even a full id for a name.
        if is_image_id(&remote) {
            return Err(ImageRefsError::PluginId);
        }
        images.push(remote);
    }
    if images.is_empty() {
        return Err(ImageRefsError::NoImage);
    }
    Ok(images)
}

/// Returns whether a text is a full image id, which dockerd resolves among its own images only. A shorter one is a name
/// first.
pub fn is_image_id(image: &str) -> bool {
    let digits = image.strip_prefix("sha256:").unwrap_or(image);
    digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Returns whether an image is BuildKit, in any registry and by any tag. buildx pulls it where dockerd denies it a
/// build, and builds in a privileged container of it.
pub fn is_buildkit_image(image: &str) -> bool {
    let name = image.split('@').next().unwrap_or_default();
    let Some((parent, last)) = name.rsplit_once('/') else { return false };
    let last = last.split(':').next().unwrap_or_default();
    last == "buildkit" && (parent == "moby" || parent.ends_with("/moby"))
}

/// Adds the images of image mounts.
fn add_mounted_images(object: GoObject<'_>, images: &mut Vec<String>) -> Result<(), ImageRefsError> {
    for mount in object.array("Mounts")?.iter().filter(|mount| **mount != GoValue::Null) {
        let mount = mount.object("a mount")?;
        let (kind, source) = (mount.text(&["Type"])?, mount.text(&["Source"])?);
        if kind.eq_ignore_ascii_case("image") {
            images.push(require_image(source, "the `Source` of a mount of type `image`")?);
        }
        if images.len() > MAX_IMAGES {
            return Err(ImageRefsError::TooManyImages);
        }
    }
    Ok(())
}

fn require_image(image: &str, what: &'static str) -> Result<String, ImageRefsError> {
    if image.is_empty() { Err(ImageRefsError::Missing(what)) } else { Ok(image.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_of_containers_are_found() {
        let of = |body: &str| images_of_container(body.as_bytes());
        assert_eq!(of(r#"{"Image": "h.x/a", "Env": ["A=1"], "Cmd": null}"#).unwrap(), ["h.x/a"]);
        let mounts = r#"{"Image": "h.x/a", "HostConfig": {"Mounts": [
            {"Type": "bind", "Source": "/x"}, null, {"Type": "image", "Source": "h.y/b"}, {"Source": "z"}]}}"#;
        assert_eq!(of(mounts).unwrap(), ["h.x/a", "h.y/b"]);
        let old = r#"{"Image": "h.x/a", "Mounts": [{"Type": "image", "Source": "h.y/b"}], "HostConfig": null}"#;
        assert_eq!(of(old).unwrap(), ["h.x/a", "h.y/b"]);
        for body in [
            "{}",
            "null",
            r#"{"Image": ""}"#,
            r#"{"Image": null}"#,
            r#"{"image": "h.x/a"}"#,
            r#"{"Image": "h.x/a", "IMAGE": "h.y/a"}"#,
            r#"{"Image": "h.x/a", "Hostconfig": {}}"#,
            r#"{"Image": "h.x/a", "HoſtConfig": {}}"#,
            r#"{"Image": "h.x/a", "HostConfig": {"Mountſ": []}}"#,
            r#"{"Image": "h.x/a", "HostConfig": []}"#,
            r#"{"Image": "h.x/a", "HostConfig": {"Mounts": {}}}"#,
            r#"{"Image": "h.x/a", "HostConfig": {"Mounts": [1]}}"#,
            r#"{"Image": "h.x/a", "HostConfig": {"Mounts": [{"Type": "image"}]}}"#,
            r#"{"Image": "h.x/a", "HostConfig": {"Mounts": [{"Type": "image", "source": "h.y/b"}]}}"#,
            r#"{"Image": "h.x/a", "HostConfig": {"Mounts": [{"Type": "bind", "type": "image", "Source": "h.y/b"}]}}"#,
            r#"{"Image": "h.x/a", "HostConfig": {}, "HostConfig": {}}"#,
        ] {
            assert!(of(body).is_err(), "{body}");
        }
        let mounted = |mounts: usize| {
            let mounts = vec![r#"{"Type": "image", "Source": "h.y/b"}"#; mounts].join(",");
            of(&format!(r#"{{"Image": "h.x/a", "HostConfig": {{"Mounts": [{mounts}]}}}}"#))
        };
        // With the image of the container itself.
        assert_eq!(mounted(MAX_IMAGES - 1).unwrap().len(), MAX_IMAGES);
        assert!(mounted(MAX_IMAGES).is_err());
    }

    #[test]
    fn images_of_services_are_found() {
        let of = |body: &str| images_of_service(body.as_bytes());
        let container = r#"{"Name": "s", "TaskTemplate": {"ContainerSpec": {"Image": "h.x/a",
            "Mounts": [{"Type": "image", "Source": "h.y/b"}]}, "Runtime": "container"}}"#;
        assert_eq!(of(container).unwrap(), ["h.x/a", "h.y/b"]);
        for remote in ["remote", "Remote"] {
            let plugin =
                format!(r#"{{"TaskTemplate": {{"PluginSpec": {{"{remote}": "h.x/p"}}, "Runtime": "plugin"}}}}"#);
            assert_eq!(of(&plugin).unwrap(), ["h.x/p"]);
        }
        for body in [
            "{}",
            r#"{"TaskTemplate": {}}"#,
            r#"{"TaskTemplate": {"ContainerSpec": {}}}"#,
            r#"{"TaskTemplate": {"PluginSpec": {"name": "x"}}}"#,
            r#"{"TaskTemplate": {"PluginSpec": {"remote": "h.x/p", "Remote": "h.y/p"}}}"#,
            r#"{"TaskTemplate": {"PluginSpec": {"REMOTE": "h.x/p"}}}"#,
            r#"{"TasKTemplate": {"ContainerSpec": {"Image": "h.x/a"}}}"#,
            r#"{"TaskTemplate": {"ContainerSpec": {"Image": "h.x/a", "iMage": "h.y/a"}}}"#,
            r#"{"TaskTemplate": {"ContainerSpec": {"Image": "h.x/a"}, "containerſpec": {"Image": "h.y/a"}}}"#,
        ] {
            assert!(of(body).is_err(), "{body}");
        }
    }

    #[test]
    fn buildkit_is_found_in_every_registry_and_by_every_tag() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for image in [
            "moby/buildkit",
            "moby/buildkit:buildx-stable-1",
            "docker.io/moby/buildkit:buildx-stable-1",
            "index.docker.io/moby/buildkit:master-rootless",
            "h.example:5000/moby/buildkit",
            "h.example/proxy/moby/buildkit:v0.25.0",
            &format!("moby/buildkit:v1@{digest}"),
            &format!("docker.io/moby/buildkit@{digest}"),
        ] {
            assert!(is_buildkit_image(image), "{image}");
        }
        for image in [
            "buildkit",
            "other/buildkit",
            "xmoby/buildkit",
            "h.example/moby/buildkit/x",
            "h.example/moby/buildkit-x",
            "moby/moby:buildkit",
            "",
        ] {
            assert!(!is_buildkit_image(image), "{image}");
        }
    }

    #[test]
    fn ids_are_whole() {
        let digits = "0123456789abcdef".repeat(4);
        assert!(is_image_id(&digits) && is_image_id(&format!("sha256:{digits}")));
        for image in ["deadbeef", &digits[1..], &digits.to_uppercase(), &format!("{digits}0"), "sha256:abc"] {
            assert!(!is_image_id(image), "{image}");
        }
    }
}
