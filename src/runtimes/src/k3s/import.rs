//! Settings of K3s as a policy.

use crate::config_value::ConfigValue;
use crate::containerd::{import_registry_config, is_unverified};
use crate::hosts_toml::HostEntry;
use crate::import::{Import, ImportSeverity, Origin, SourceFile};
use crate::text::shown;
use crate::yaml::read_yaml;

/// Imports `registries.yaml`, with the files of authorities that it names.
pub fn import(sources: &[SourceFile]) -> Import {
    let mut import = Import::default();
    for source in sources.iter().filter(|source| !is_certificate(source)) {
        match read_yaml(&source.text) {
            Ok(documents) => {
                documents.iter().for_each(|document| import_document(document, source, sources, &mut import))
            }
            Err(error) => import.report_syntax(&source.path, &error, "K3s does not start with it"),
        }
    }
    import
}

fn is_certificate(source: &SourceFile) -> bool {
    source.text.contains("-----BEGIN ") && !source.text.contains("mirrors:") && !source.text.contains("configs:")
}

fn import_document(document: &ConfigValue, source: &SourceFile, sources: &[SourceFile], import: &mut Import) {
    let path = &source.path;
    for member in document.get("mirrors").map(ConfigValue::members).unwrap_or_default() {
        for (url, line) in member.value.get("endpoint").map(ConfigValue::strings).unwrap_or_default() {
            let origin = Origin::new(path, line);
            let host = HostEntry { url: url.to_owned(), line, skips_verification: false, authorities: Vec::new() };
            match host.is_registry(&member.name) {
                true if !host.is_unverified() => {}
                true => {
                    import.add_insecure_registry(&member.name, |name| is_unverified(document, name), origin, "endpoint")
                }
                false => {
                    let of = if member.name == "*" { "every registry" } else { &member.name };
                    let message = format!(
                        "images of {} come from `{}`: the policy decides about the names of images, and has no word \
                         about the mirror",
                        shown(of),
                        shown(url)
                    );
                    import.report("mirror", ImportSeverity::Warning, origin, message);
                }
            }
        }
        if let Some(rewrite) = member.value.get("rewrite").filter(|rewrite| !rewrite.is_empty()) {
            let message = format!(
                "repositories of `{}` are rewritten: the policy decides by their names before that",
                shown(&member.name)
            );
            import.report("rewrite", ImportSeverity::Warning, Origin::new(path, rewrite.line), message);
        }
    }
    for member in document.get("configs").map(ConfigValue::members).unwrap_or_default() {
        if member.name == "*" {
            let message = "settings for every registry have no counterpart in a policy: list the registries one by one";
            import.report("every-registry", ImportSeverity::Error, Origin::new(path, member.line), message);
            continue;
        }
        import_registry_config(document, &member.name, &member.value, path, sources, import);
    }
}
