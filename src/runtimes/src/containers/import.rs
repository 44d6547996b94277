//! Settings of containers/image as a policy.

use std::path::Path;

use crate::config_value::ConfigValue;
use crate::containers::registries_conf::{RegistriesConf, RegistryTable, matches_prefix};
use crate::containers::signature_policy::{Requirement, SignaturePolicy, effect};
use crate::docker_hub;
use crate::import::{Import, ImportList, ImportSeverity, Origin, SourceFile};
use crate::policy_view::{covers_docker_hub, is_below};
use crate::registry_name::{exact_entry, is_of_port_80, split_port};
use crate::scopes::parents_of;
use crate::text::shown;

/// Imports `policy.json`, the files of `registries.conf` in the order in which they are merged, and those of `certs.d`.
pub fn import(sources: &[SourceFile]) -> Import {
    let mut import = Import::default();
    let mut conf = RegistriesConf::default();
    for source in sources {
        let path = Path::new(&source.path);
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        match extension {
            "crt" => import_authority(source, &mut import),
            "cert" | "key" => import.report_client_certificate(&source.path),
            _ if source.text.trim_start().starts_with('{') => import_policy_json(source, &mut import),
            _ => {
                if let Err(error) = conf.merge(&source.path, &source.text) {
                    import.report_syntax(&source.path, &error, "no program of containers/image pulls with it");
                }
            }
        }
    }
    import_registries(&conf, &mut import);
    import
}

fn import_policy_json(source: &SourceFile, import: &mut Import) {
    let path = &source.path;
    let policy = match SignaturePolicy::parse(&source.text) {
        Ok(policy) => policy,
        Err(error) => return import.report_syntax(path, &error, "no program of containers/image pulls with it"),
    };
    let default = policy.default_of("docker");
    let is_closed = effect(default) == Requirement::Reject;
    if is_closed {
        import.set_whitelist_mode();
    }
    report_signatures(default, path, "every image without a scope", import);
    let names = policy.docker_scopes().iter().map(|member| member.name.as_str());
    let is_decided_elsewhere = |scope: &str| scope.is_empty() || is_of_port_80(scope, names.clone());
    for member in policy.docker_scopes().iter().filter(|member| !is_decided_elsewhere(&member.name)) {
        let (scope, origin) = (&member.name, Origin::new(path, member.line));
        report_signatures(&member.value, path, scope, import);
        let is_accepted = effect(&member.value) != Requirement::Reject;
        // The scope around this one, which decides without it.
        let around = parents_of(scope).into_iter().skip(1);
        let mut around =
            around.filter_map(|parent| policy.docker_scopes().iter().rev().find(|other| other.name == parent));
        let around = around.next();
        // A wildcard is never Docker Hub by a name that it covers as text only (rule H2).
        let is_hub = docker_hub::NAMES.contains(&scope.trim_end_matches(":443"));
        if is_hub
            && around
                .is_some_and(|around| around.name.strip_prefix("*.").is_some_and(|domain| !covers_docker_hub(domain)))
        {
            continue;
        }
        let is_open = around.map_or(!is_closed, |around| effect(&around.value) != Requirement::Reject);
        let list = match (is_accepted, is_open) {
            // One inside of another, too: it may be verified where the other is not (rule T4).
            (true, _) if is_closed => ImportList::Whitelist,
            (false, true) => ImportList::Blocked,
            _ => continue,
        };
        match scope_entry(scope) {
            Some(entry) => import.add(list, &entry, origin, "transports.docker"),
            None => {
                let message = format!(
                    "`{}` is for single images, and an entry is for repositories: it is not imported",
                    shown(scope)
                );
                import.report("scope-of-image", ImportSeverity::Error, origin, message);
            }
        }
    }
}

/// Returns the entry for a scope. A scope without a port is for references without one, and a wildcard for every port.
fn scope_entry(scope: &str) -> Option<String> {
    let path = scope.split_once('/').map(|(_, path)| path);
    if path.is_some_and(|path| path.contains([':', '@'])) {
        return None;
    }
    if scope.starts_with("*.") {
        return Some(scope.to_owned());
    }
    Some(exact_entry(scope))
}

fn report_signatures(requirements: &ConfigValue, path: &str, of: &str, import: &mut Import) {
    if effect(requirements) == Requirement::Signed {
        let message = format!(
            "signatures are required for `{}`: that stays in policy.json, for a policy has no word for it",
            shown(of)
        );
        import.report("signatures", ImportSeverity::Info, Origin::new(path, requirements.line), message);
    }
}

fn import_registries(conf: &RegistriesConf, import: &mut Import) {
    for (name, file, line) in conf.search.iter().filter(|(name, ..)| !docker_hub::NAMES.contains(&name.as_str())) {
        let message = format!(
            "a short name such as `alpine` can be of `{}` here, and is Docker Hub's to pullgate and to Docker: write \
            whole names",
            shown(name)
        );
        import.report("short-names", ImportSeverity::Warning, Origin::new(file, *line), message);
    }
    for table in conf.registries.values() {
        import_table(table, conf, import);
    }
    for table in conf.registries.values().filter(|table| table.insecure.is_none() && table.blocked.is_none()) {
        import_exception(table, conf, import);
    }
}

/// Imports a registry that is verified inside of an insecure prefix: in a policy it is if the whitelist has it (rule
/// T4).
fn import_exception(table: &RegistryTable, conf: &RegistriesConf, import: &mut Import) {
    let RegistryTable { file, line, prefix, .. } = table;
    let is_around = |other: &RegistryTable| {
        other.insecure.is_some()
            && other.prefix != *prefix
            && matches_prefix(prefix.trim_start_matches("*."), &other.prefix)
    };
    // The rules tell Docker Hub from names around it by themselves (rule H2).
    if docker_hub::NAMES.contains(&prefix.as_str()) {
        return;
    }
    let Some(other) = conf.registries.values().find(|other| is_around(other)) else { return };
    // Every image of it is accepted already.
    let mut listed = import.whitelist.iter().flatten().filter_map(|entry| entry.entry.strip_prefix("*."));
    if listed.any(|domain| is_below(prefix.trim_start_matches("*."), domain)) {
        import.add(ImportList::Whitelist, prefix, Origin::new(file, *line), "insecure = false");
        return;
    }
    let message = format!(
        "`{}` is not imported as insecure, because `{}` inside of it is verified: a policy verifies that if its \
        whitelist has it",
        shown(&other.prefix),
        shown(prefix)
    );
    import.insecure.retain(|entry| entry.entry != other.prefix);
    import.report("verified-exception", ImportSeverity::Error, Origin::new(file, *line), message);
}

fn import_table(table: &RegistryTable, conf: &RegistriesConf, import: &mut Import) {
    let is_insecure = |name: &str| conf.find(name).is_some_and(|table| table.insecure.is_some());
    let RegistryTable { file, prefix, .. } = table;
    let from = table.location.iter().map(|location| (location, table.line));
    for (location, line) in from.chain(table.mirrors.iter().map(|mirror| (&mirror.location, mirror.line))) {
        let message = format!(
            "images of `{}` come from `{}`: the policy decides about the names of images, and has no word about the \
            mirror",
            shown(prefix),
            shown(location)
        );
        import.report("mirror", ImportSeverity::Warning, Origin::new(file, line), message);
    }
    if let Some(line) = table.blocked {
        import.add(ImportList::Blocked, prefix, Origin::new(file, line), "blocked");
    }
    let Some(line) = table.insecure.filter(|_| table.location.is_none()) else { return };
    if prefix.contains('/') {
        let message = format!(
            "`{}` is insecure for some repositories only: a policy has one transport a registry, and verifies this one",
            shown(prefix)
        );
        import.report("insecure-namespace", ImportSeverity::Error, Origin::new(file, line), message);
        return;
    }
    if prefix.starts_with("*.") {
        let message =
            format!("the entry `{}` is for addresses that have such names by DNS, too (rule M5)", shown(prefix));
        import.report("names-of-addresses", ImportSeverity::Warning, Origin::new(file, line), message);
    }
    // Unlike the other programs' entries, one without a port is for every port.
    match split_port(prefix) {
        (_, Some(80)) => {
            import.add_insecure_registry(prefix, |name| is_insecure(name), Origin::new(file, line), "insecure")
        }
        _ => import.add_insecure_prefix(prefix, Origin::new(file, line), "insecure"),
    }
}

fn import_authority(source: &SourceFile, import: &mut Import) {
    let folder = Path::new(&source.path).parent().and_then(Path::file_name).and_then(|name| name.to_str());
    let origin = Origin::new(&source.path, 0);
    match folder.filter(|folder| *folder != "certs.d") {
        Some(folder) => import.add_authority(&source.text, Some(vec![exact_entry(folder)]), origin),
        None => {
            let message =
                "the registry of this file is the name of its folder, which is not in the path: give the path with it";
            import.report("authority-folder", ImportSeverity::Error, origin, message);
        }
    }
}
