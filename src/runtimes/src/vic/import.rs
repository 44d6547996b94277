//! Options and descriptions of virtual container hosts as a policy.

use crate::command_line::{option_values, split_words};
use crate::config_value::{ConfigValue, read_json};
use crate::hosts_toml::is_same_file;
use crate::import::{Import, ImportList, ImportSeverity, Origin, SourceFile};
use crate::text::shown;
use crate::vic::{AUTHORITY_OPTIONS, INSECURE_OPTIONS, WHITELIST_OPTIONS};

/// Imports command lines of vic-machine, with the files of authorities that they name.
pub fn import_options(sources: &[SourceFile]) -> Import {
    let mut import = Import::default();
    let is_certificate = |source: &&SourceFile| source.text.contains("-----BEGIN ");
    for source in sources.iter().filter(|source| !is_certificate(source)) {
        import_command_line(source, sources, &mut import);
    }
    import
}

fn import_command_line(source: &SourceFile, sources: &[SourceFile], import: &mut Import) {
    let words = split_words(&source.text);
    let names = [WHITELIST_OPTIONS, INSECURE_OPTIONS, AUTHORITY_OPTIONS].concat();
    let values = option_values(&words, &names);
    if values.is_empty() {
        let message = "there is no option about registries: give a command line of `vic-machine create`";
        import.report("source-empty", ImportSeverity::Warning, Origin::new(&source.path, 0), message);
    }
    for (name, value, line) in values {
        let origin = Origin::new(&source.path, line);
        match name {
            _ if WHITELIST_OPTIONS.contains(&name) => import.add(ImportList::Whitelist, value, origin, name),
            _ if INSECURE_OPTIONS.contains(&name) => import.add(ImportList::Insecure, value, origin, name),
            _ => match sources.iter().find(|other| is_same_file(&other.path, value, &source.path)) {
                Some(file) => import.add_authority(&file.text, None, origin),
                None => {
                    let message = format!("the authority in `{}` is not imported: give that file, too", shown(value));
                    import.report("authority-elsewhere", ImportSeverity::Error, origin, message);
                }
            },
        }
    }
}

/// Imports descriptions of virtual container hosts, or their member `registry`.
pub fn import_rest(sources: &[SourceFile]) -> Import {
    let mut import = Import::default();
    for source in sources {
        match read_json(&source.text) {
            Ok(host) => import_registry(host.get("registry").unwrap_or(&host), &source.path, &mut import),
            Err(error) => import.report_syntax(&source.path, &error, "no host is created of it"),
        }
    }
    import
}

fn import_registry(registry: &ConfigValue, path: &str, import: &mut Import) {
    let elements = |name: &str| registry.get(name).map(ConfigValue::elements).unwrap_or_default();
    // VIC's wizard takes an empty list for none.
    if registry.get("whitelist").is_some_and(ConfigValue::is_empty) {
        let line = registry.get("whitelist").map_or(0, |list| list.line);
        let message = "VIC takes an empty whitelist for none, and allows every registry: here nothing is allowed";
        import.report("whitelist-empty", ImportSeverity::Warning, Origin::new(path, line), message);
        import.set_whitelist_mode();
    }
    for (list, name) in [(ImportList::Whitelist, "whitelist"), (ImportList::Insecure, "insecure")] {
        for element in elements(name) {
            let text = element.as_str().or_else(|| element.get("entry").and_then(ConfigValue::as_str));
            import.add(list, text.unwrap_or_default(), Origin::new(path, element.line), name);
        }
    }
    for authority in elements("certificate_authorities") {
        let pem = authority.get("pem").and_then(ConfigValue::as_str).unwrap_or_default();
        import.add_authority(pem, None, Origin::new(path, authority.line));
    }
    if let Some(proxy) = registry.get("image_fetch_proxy").filter(|proxy| !proxy.is_empty()) {
        let message = "`image_fetch_proxy` has no say in decisions, and is not imported";
        import.report("proxy", ImportSeverity::Info, Origin::new(path, proxy.line), message);
    }
}
