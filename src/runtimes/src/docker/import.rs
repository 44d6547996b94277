//! Settings of Docker Engine as a policy.

use std::path::Path;

use ipnet::IpNet;

use crate::command_line::{option_values, split_service_words};
use crate::config_value::{ConfigValue, read_json};
use crate::docker::LOOPBACK_NETWORKS;
use crate::docker_hub;
use crate::hosts_toml;
use crate::import::{Import, ImportList, ImportSeverity, Origin, SourceFile};
use crate::registry_name::exact_entry;
use crate::text::shown;

/// Imports `daemon.json`, command lines of dockerd, and files of `certs.d`, each by its name and content.
pub fn import(sources: &[SourceFile]) -> Import {
    let mut import = Import::default();
    for source in sources {
        let path = Path::new(&source.path);
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        match extension {
            "crt" => import_authority(source, &mut import),
            "cert" | "key" => import.report_client_certificate(&source.path),
            "pem" => {
                let message = "dockerd reads `*.crt` only: it never had this authority, and it is not imported";
                import.report("authority-unread", ImportSeverity::Warning, Origin::new(&source.path, 0), message);
            }
            "toml" => hosts_toml::import(source, &[], &mut import),
            _ if source.text.trim_start().starts_with('{') => import_daemon_json(source, &mut import),
            _ => import_command_line(source, &mut import),
        }
    }
    import
}

fn import_daemon_json(source: &SourceFile, import: &mut Import) {
    let settings = match read_json(&source.text) {
        Ok(settings) => settings,
        Err(error) => return import.report_syntax(&source.path, &error, "dockerd does not start with it"),
    };
    let strings = |name: &str| settings.get(name).map(ConfigValue::strings).unwrap_or_default();
    let entries = strings("insecure-registries");
    let names: Vec<_> = entries.iter().map(|(entry, _)| plain(entry)).collect();
    for (entry, line) in &entries {
        add_insecure(entry, &names, Origin::new(&source.path, *line), "insecure-registries", import);
    }
    for (mirror, line) in strings("registry-mirrors") {
        report_mirror(mirror, Origin::new(&source.path, line), import);
    }
    for (name, line) in strings("authorization-plugins") {
        let message = format!("the plugin `{}` decides about requests by rules of its own", shown(name));
        import.report("authorization-plugin", ImportSeverity::Info, Origin::new(&source.path, line), message);
    }
    for (registry, line) in strings("allow-nondistributable-artifacts") {
        let message = format!(
            "`{}` may be sent layers that are not for distribution: a policy has no word for it",
            shown(registry)
        );
        import.report("nondistributable-artifacts", ImportSeverity::Info, Origin::new(&source.path, line), message);
    }
}

fn import_command_line(source: &SourceFile, import: &mut Import) {
    let words = split_service_words(&source.text);
    let mut is_empty = true;
    let options = option_values(&words, &["--insecure-registry", "--registry-mirror"]);
    let names: Vec<_> =
        options.iter().filter(|option| option.0 == "--insecure-registry").map(|option| plain(option.1)).collect();
    for (name, value, line) in options {
        is_empty = false;
        let origin = Origin::new(&source.path, line);
        match name {
            "--insecure-registry" => add_insecure(value, &names, origin, name, import),
            _ => report_mirror(value, origin, import),
        }
    }
    if is_empty {
        let message =
            "there are no settings of dockerd about registries: give daemon.json, its command line, or certs.d";
        import.report("source-empty", ImportSeverity::Warning, Origin::new(&source.path, 0), message);
    }
}

/// Adds an entry of `insecure-registries` as dockerd reads it: a scheme is dropped, and a network counts for names.
fn add_insecure(entry: &str, names: &[&str], origin: Origin, setting: &str, import: &mut Import) {
    let plain = plain(entry);
    if LOOPBACK_NETWORKS.contains(&plain) {
        let message = format!("`{plain}` is insecure to dockerd whatever its settings; the policy has it now");
        import.report("loopback", ImportSeverity::Info, origin.clone(), message);
    }
    if plain.parse::<IpNet>().is_ok() {
        let message = format!(
            "dockerd takes the network `{plain}` for names that resolve into it, too: the policy verifies those \
            names, unless \
             it has `match_resolved_addresses`"
        );
        import.report("network-names", ImportSeverity::Warning, origin.clone(), message);
        import.add(ImportList::Insecure, plain, origin, setting);
        return;
    }
    if docker_hub::NAMES.contains(&plain) {
        let message = "dockerd verifies Docker Hub in spite of this entry: it is not imported";
        import.report("insecure-docker-hub", ImportSeverity::Warning, origin, message);
        return;
    }
    import.add_insecure_registry(plain, |name| names.contains(&name), origin, setting);
}

/// Returns an entry of `insecure-registries` as dockerd compares it.
pub(super) fn plain(entry: &str) -> &str {
    let plain = ["http://", "https://"].into_iter().find_map(|scheme| strip_prefix_ignoring_case(entry, scheme));
    plain.unwrap_or(entry).trim_end_matches('/')
}

fn strip_prefix_ignoring_case<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let beginning = text.get(..prefix.len())?;
    beginning.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

fn report_mirror(mirror: &str, origin: Origin, import: &mut Import) {
    let message = format!(
        "images of Docker Hub come from `{}`: the policy allows or denies `docker.io`, and has no word about the \
        mirror",
        shown(mirror)
    );
    import.report("mirror", ImportSeverity::Warning, origin, message);
}

fn import_authority(source: &SourceFile, import: &mut Import) {
    let folder = Path::new(&source.path).parent().and_then(Path::file_name).and_then(|name| name.to_str());
    let origin = Origin::new(&source.path, 0);
    match folder {
        Some(folder) if folder != "certs.d" => {
            let registry = if folder == docker_hub::REGISTRY_HOST {
                docker_hub::DISPLAY_NAME.to_owned()
            } else {
                exact_entry(folder)
            };
            import.add_authority(&source.text, Some(vec![registry]), origin);
        }
        _ => {
            let message =
                "the registry of this file is the name of its folder, which is not in the path: give the path with it";
            import.report("authority-folder", ImportSeverity::Error, origin, message);
        }
    }
}
