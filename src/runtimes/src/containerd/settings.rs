//! The members of containerd's configuration that decide about registries and verifiers.

use crate::config_value::{ConfigKind, ConfigValue};

/// The plugin of the CRI's images in a configuration of version 3, and of versions 1 and 2.
pub(super) const IMAGES_PLUGINS: [&str; 2] = ["io.containerd.cri.v1.images", "io.containerd.grpc.v1.cri"];

/// The plugin of image verifiers.
pub(super) const VERIFIER_PLUGIN: &str = "io.containerd.image-verifier.v1.bindir";

/// Returns the version of a configuration.
pub(super) fn version(config: &ConfigValue) -> u8 {
    match config.get("version").map(|version| &version.kind) {
        Some(ConfigKind::Number(number)) => number.parse().unwrap_or(1),
        _ => 1,
    }
}

/// Returns the plugin of the CRI's images that containerd reads in a configuration.
pub(super) fn images_plugin(config: &ConfigValue) -> &'static str {
    match version(config) {
        3.. => IMAGES_PLUGINS[0],
        _ => IMAGES_PLUGINS[1],
    }
}

/// Returns the settings of the CRI's images.
pub(super) fn images(config: &ConfigValue) -> Option<&ConfigValue> {
    config.at(&["plugins", images_plugin(config)])
}

/// Returns a text of the settings of verifiers.
pub(super) fn verifier_folder(config: &ConfigValue) -> Option<(&str, usize)> {
    let folder = config.at(&["plugins", VERIFIER_PLUGIN, "bin_dir"])?;
    Some((folder.as_str()?, folder.line))
}

/// Returns the settings with which the CRI pulls by itself, and asks no verifier, each with its line.
pub(super) fn local_pull_settings(config: &ConfigValue) -> Vec<(String, usize)> {
    let Some(images) = images(config) else { return Vec::new() };
    let mut found = Vec::new();
    for (name, default) in [
        ("use_local_image_pull", "false"),
        ("max_concurrent_downloads", "3"),
        ("discard_unpacked_layers", "false"),
        ("disable_snapshot_annotations", "true"),
        ("image_pull_with_sync_fs", "false"),
    ] {
        if let Some(value) = images.get(name) {
            let text = match &value.kind {
                ConfigKind::Bool(value) => value.to_string(),
                ConfigKind::Number(number) => number.clone(),
                _ => continue,
            };
            if text != default {
                found.push((format!("{name} = {text}"), value.line));
            }
        }
    }
    for name in ["mirrors", "configs", "auths"] {
        if let Some(value) = images.at(&["registry", name]).filter(|value| !value.is_empty()) {
            found.push((format!("registry.{name}"), value.line));
        }
    }
    found
}
