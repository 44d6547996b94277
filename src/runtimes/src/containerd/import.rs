//! Settings of containerd as a policy.

use std::path::Path;

use crate::config_value::{ConfigValue, read_toml};
use crate::containerd::settings::{IMAGES_PLUGINS, images, images_plugin, local_pull_settings};
use crate::hosts_toml::{self, FILE_NAME, HostEntry, is_same_file};
use crate::import::{Import, ImportSeverity, Origin, SourceFile};
use crate::registry_name::exact_entry;
use crate::text::shown;

/// Imports folders of `certs.d`, and the older settings of registries in `config.toml`.
pub fn import(sources: &[SourceFile]) -> Import {
    let mut import = Import::default();
    let is_config = |source: &&SourceFile| {
        let path = Path::new(&source.path);
        let is_toml = path.extension().is_some_and(|extension| extension == "toml") || source.path == "standard input";
        is_toml && path.file_name().is_some_and(|name| name != FILE_NAME)
    };
    for source in sources.iter().filter(is_config) {
        import_config(source, sources, &mut import);
    }
    let folders: Vec<SourceFile> = sources.iter().filter(|source| !is_config(source)).cloned().collect();
    hosts_toml::import_folders(&folders, &mut import);
    import
}

fn import_config(source: &SourceFile, sources: &[SourceFile], import: &mut Import) {
    let path = &source.path;
    let config = match read_toml(&source.text) {
        Ok(config) => config,
        Err(error) => return import.report_syntax(path, &error, "containerd does not start with it"),
    };
    for (setting, line) in local_pull_settings(&config) {
        let message = format!("with `{setting}` containerd pulls without its image verifiers");
        import.report("verifier-off", ImportSeverity::Warning, Origin::new(path, line), message);
    }
    for plugin in IMAGES_PLUGINS.into_iter().filter(|plugin| *plugin != images_plugin(&config)) {
        if let Some(ignored) = config.at(&["plugins", plugin, "registry"]) {
            let message = format!("containerd does not read `{plugin}` in a configuration of this version");
            import.report("settings-ignored", ImportSeverity::Warning, Origin::new(path, ignored.line), message);
        }
    }
    let Some(registry) = images(&config).and_then(|images| images.get("registry")) else { return };
    for member in registry.get("mirrors").map(ConfigValue::members).unwrap_or_default() {
        for (url, line) in member.value.get("endpoint").map(ConfigValue::strings).unwrap_or_default() {
            import_endpoint(registry, &member.name, url, Origin::new(path, line), import);
        }
    }
    for member in registry.get("configs").map(ConfigValue::members).unwrap_or_default() {
        import_registry_config(registry, &member.name, &member.value, path, sources, import);
    }
    if let Some(auths) = registry.get("auths").filter(|auths| !auths.is_empty()) {
        let message = "credentials are no part of a policy, and are not imported";
        import.report("credentials", ImportSeverity::Info, Origin::new(path, auths.line), message);
    }
}

fn import_endpoint(settings: &ConfigValue, registry: &str, url: &str, origin: Origin, import: &mut Import) {
    let host = HostEntry { url: url.to_owned(), line: 0, skips_verification: false, authorities: Vec::new() };
    match host.is_registry(registry) {
        true if host.is_unverified() => {
            import.add_insecure_registry(registry, |name| is_unverified(settings, name), origin, "endpoint");
        }
        true => {}
        false => {
            let message = format!(
                "images of {} come from `{}`: the policy decides about the names of images, and has no word about the \
                mirror",
                shown(registry),
                shown(url)
            );
            import.report("mirror", ImportSeverity::Warning, origin, message);
        }
    }
}

/// Returns whether `mirrors` or `configs` make a registry unverified.
pub(crate) fn is_unverified(settings: &ConfigValue, registry: &str) -> bool {
    let endpoints = settings.at(&["mirrors", registry, "endpoint"]).map(ConfigValue::strings).unwrap_or_default();
    let skips = settings.at(&["configs", registry, "tls", "insecure_skip_verify"]).and_then(ConfigValue::as_bool);
    let is_plain = |url: &str| {
        let host = HostEntry { url: url.to_owned(), line: 0, skips_verification: false, authorities: Vec::new() };
        host.is_registry(registry) && host.is_unverified()
    };
    skips == Some(true) || endpoints.iter().any(|(url, _)| is_plain(url))
}

/// Imports `tls` of a registry, and says that `auth` stays where it is.
pub(crate) fn import_registry_config(
    all: &ConfigValue,
    registry: &str,
    settings: &ConfigValue,
    path: &str,
    sources: &[SourceFile],
    import: &mut Import,
) {
    if let Some(auth) = settings.get("auth").filter(|auth| !auth.is_empty()) {
        let message = "credentials are no part of a policy, and are not imported";
        import.report("credentials", ImportSeverity::Info, Origin::new(path, auth.line), message);
    }
    let Some(tls) = settings.get("tls") else { return };
    if let Some(skips) = tls.get("insecure_skip_verify").filter(|value| value.as_bool() == Some(true)) {
        let origin = Origin::new(path, skips.line);
        import.add_insecure_registry(registry, |name| is_unverified(all, name), origin, "insecure_skip_verify");
        return;
    }
    for (file, line) in tls.get("ca_file").map(ConfigValue::strings).unwrap_or_default() {
        let origin = Origin::new(path, line);
        match sources.iter().find(|other| is_same_file(&other.path, file, path)) {
            Some(text) => import.add_authority(&text.text, Some(vec![exact_entry(registry)]), origin),
            None => {
                let message = format!("the authority in `{}` is not imported: give that file, too", shown(file));
                import.report("authority-elsewhere", ImportSeverity::Error, origin, message);
            }
        }
    }
}
