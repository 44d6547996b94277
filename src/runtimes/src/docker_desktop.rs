//! Docker Desktop's Registry Access Management: the settings of an organization in Docker Hub, as its API has them
//! (`/v2/orgs/NAME/settings/registry-access-management`). Docker Desktop looks at the names that are resolved, whatever
//! the port, so that hosts of blobs and tokens are listed as registries are.

use crate::config_value::{ConfigValue, read_json};
use crate::docker_hub;
use crate::import::{Import, ImportList, ImportSeverity, Origin, SourceFile};
use crate::text::shown;

/// The members with the lists.
pub(crate) const LIST_MEMBERS: [&str; 2] = ["standard_registries", "custom_registries"];

/// The identifiers of Docker Hub among the standard registries, the older one last.
const DOCKER_HUB_IDS: [&str; 2] = ["DockerHub", "Docker"];

/// Imports the settings as whitelists.
pub fn import(sources: &[SourceFile]) -> Import {
    let mut import = Import::default();
    for source in sources {
        match read_json(&source.text) {
            Ok(settings) => import_settings(&settings, &source.path, &mut import),
            Err(error) => import.report_syntax(&source.path, &error, "give the settings as Docker Hub's API has them"),
        }
    }
    import
}

fn import_settings(settings: &ConfigValue, path: &str, import: &mut Import) {
    let origin = |value: &ConfigValue| Origin::new(path, value.line);
    let enabled = settings.get("enabled");
    let line = enabled.map_or(settings.line, |value| value.line);
    match enabled.and_then(ConfigValue::as_bool) {
        Some(true) => import.set_whitelist_mode(),
        Some(false) => {
            let message =
                "the list is not enabled, and Docker Desktop pulls from every registry: the policy has no whitelist";
            return import.report("list-disabled", ImportSeverity::Warning, Origin::new(path, line), message);
        }
        None => {
            let message = "nothing says whether the list is enabled, and the policy has no whitelist: give the \
                settings as Docker Hub's API has them, with `enabled`";
            return import.report("source-empty", ImportSeverity::Error, Origin::new(path, line), message);
        }
    }
    let elements = |name: &str| settings.get(name).map(ConfigValue::elements).unwrap_or_default();
    let is_allowed = |element: &&ConfigValue| element.get("allowed").and_then(ConfigValue::as_bool) == Some(true);
    for element in elements(LIST_MEMBERS[0]).iter().filter(is_allowed) {
        let id = element.get("id").and_then(ConfigValue::as_str).unwrap_or_default();
        if DOCKER_HUB_IDS.contains(&id) {
            import.add(ImportList::Whitelist, docker_hub::DISPLAY_NAME, origin(element), LIST_MEMBERS[0]);
        } else {
            let message = format!("`{}` is no standard registry that is known: list its hosts", shown(id));
            import.report("registry-unknown", ImportSeverity::Error, origin(element), message);
        }
    }
    for element in elements(LIST_MEMBERS[1]).iter().filter(is_allowed) {
        let address = element.get("address").and_then(ConfigValue::as_str).unwrap_or_default();
        let host = address.split_once("://").map_or(address, |(_, rest)| rest).trim_end_matches('/');
        import.add(ImportList::Whitelist, host, origin(element), LIST_MEMBERS[1]);
    }
    if import.whitelist.iter().flatten().count() > 0 {
        let message = "Docker Desktop looks at every name that is resolved: hosts of blobs and tokens that are listed \
            for that are registries here, and can be taken out where nothing but dockerd asks";
        import.report("second-hosts", ImportSeverity::Info, Origin::new(path, 0), message);
    }
}
