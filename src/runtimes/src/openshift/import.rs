//! OpenShift's configuration of images as a policy.

use crate::config_value::ConfigValue;
use crate::import::{Import, ImportList, ImportSeverity, Origin, SourceFile};
use crate::manifests::import_manifests;
use crate::registry_name::{exact_entry, is_of_port_80, split_port};
use crate::text::shown;

/// Imports the object `Image`, and ConfigMaps of authorities.
pub fn import(sources: &[SourceFile]) -> Import {
    import_manifests(sources, import_object)
}

fn import_object(object: &ConfigValue, path: &str, import: &mut Import) {
    match object.get("kind").and_then(ConfigValue::as_str) {
        Some("ConfigMap") => import_authorities(object, path, import),
        Some("Image") => import_image(object, path, import),
        _ => {
            let message = "this is neither an `Image` of config.openshift.io nor a ConfigMap";
            import.report("object-unknown", ImportSeverity::Warning, Origin::new(path, object.line), message);
        }
    }
}

fn import_image(image: &ConfigValue, path: &str, import: &mut Import) {
    let sources = image.at(&["spec", "registrySources"]);
    let strings =
        |name: &str| sources.and_then(|sources| sources.get(name)).map(ConfigValue::strings).unwrap_or_default();
    let allowed = strings("allowedRegistries");
    let is_decided_elsewhere = |scope: &str| is_of_port_80(scope, allowed.iter().map(|(scope, _)| *scope));
    for (registry, line) in allowed.iter().filter(|(scope, _)| !is_decided_elsewhere(scope)).copied() {
        add_scope(ImportList::Whitelist, registry, Origin::new(path, line), "allowedRegistries", import);
    }
    for (registry, line) in strings("blockedRegistries") {
        // A prefix without a port is for every port.
        import.add(ImportList::Blocked, registry, Origin::new(path, line), "blockedRegistries");
    }
    for (registry, line) in strings("insecureRegistries") {
        let origin = Origin::new(path, line);
        match registry.contains('/') {
            true => {
                let message = format!(
                    "`{}` is insecure for some repositories only: a policy has one transport a registry, and verifies \
                    this one",
                    shown(registry)
                );
                import.report("insecure-namespace", ImportSeverity::Error, origin, message);
            }
            false if split_port(registry).1 == Some(80) => {
                // A prefix without a port is for this one, too.
                let host = split_port(registry).0;
                let is_named = |_: &str| strings("insecureRegistries").iter().any(|(prefix, _)| *prefix == host);
                import.add_insecure_registry(registry, is_named, origin, "insecureRegistries");
            }
            false => import.add_insecure_prefix(registry, origin, "insecureRegistries"),
        }
    }
    for (registry, line) in strings("containerRuntimeSearchRegistries") {
        let message = format!(
            "a short name such as `alpine` can be of `{}` here, and is Docker Hub's to pullgate: write whole names",
            shown(registry)
        );
        import.report("short-names", ImportSeverity::Warning, Origin::new(path, line), message);
    }
    let imports = image.at(&["spec", "allowedRegistriesForImport"]).map(ConfigValue::elements).unwrap_or_default();
    for each in imports {
        let name = each.get("domainName").and_then(ConfigValue::as_str).unwrap_or_default();
        let message = format!("`{}` is for imports of image streams, which no policy decides about", shown(name));
        import.report("image-streams", ImportSeverity::Info, Origin::new(path, each.line), message);
    }
}

/// Adds a scope: a host without a port is for references without one, and a wildcard for every port.
fn add_scope(list: ImportList, scope: &str, origin: Origin, setting: &str, import: &mut Import) {
    match scope.starts_with("*.") {
        true => import.add(list, scope, origin, setting),
        false => import.add(list, &exact_entry(scope), origin, setting),
    }
}

fn import_authorities(map: &ConfigValue, path: &str, import: &mut Import) {
    for member in map.get("data").map(ConfigValue::members).unwrap_or_default() {
        let Some(pem) = member.value.as_str() else { continue };
        let registry = exact_entry(&member.name.replace("..", ":"));
        import.add_authority(pem, Some(vec![registry]), Origin::new(path, member.line));
    }
}
