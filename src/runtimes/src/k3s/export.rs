//! A policy as settings of K3s.

use crate::config_value::ConfigValue;
use crate::export::{Export, ExportError, ExportRequest};
use crate::host_files::ConfigFile;
use crate::k3s::{CERTS_FOLDER, REGISTRIES_YAML};
use crate::registries::{NamedRegistry, RegistryTerms, named_registries, report_entries};
use crate::yaml::{read_yaml, write_yaml};

const TERMS: RegistryTerms = RegistryTerms {
    program: "K3s",
    place: "registries.yaml",
    has_insecure_docker_hub: true,
    enforcement: "K3s has no whitelist: pullgate decides, as image verifier of its containerd or as webhook",
};

/// Exports a policy.
pub fn export(request: &ExportRequest<'_>) -> Result<Export, ExportError> {
    let policy = &request.policy;
    let there = request.files.read(REGISTRIES_YAML)?;
    let documents = read_yaml(there.as_deref().unwrap_or_default())
        .map_err(|error| ExportError::Syntax { path: REGISTRIES_YAML.to_owned(), error })?;
    let empty = || ConfigValue::map(Vec::<(String, ConfigValue)>::new());
    let mut settings = documents.into_iter().next().filter(|value| !value.is_empty()).unwrap_or_else(empty);
    let mut export = Export { entries: report_entries(policy, &TERMS), ..Export::default() };
    let mut files = Vec::new();
    for registry in named_registries(policy) {
        set_registry(&mut settings, &registry);
        if !registry.authorities().is_empty() {
            files.push(ConfigFile::text(authority_file(&registry), policy.plain_pem(registry.authorities())));
        }
    }
    let text = if settings.is_empty() { String::new() } else { write_yaml(&settings) };
    export.files.push(ConfigFile::text(REGISTRIES_YAML, text).merged(there.is_some()));
    export.files.extend(files);
    if there.is_some_and(|text| text.contains('#')) {
        export.notes.push("comments in registries.yaml are not kept".to_owned());
    }
    export.notes.push("K3s reads registries.yaml at its start; for RKE2 the folder is `/etc/rancher/rke2`".to_owned());
    Ok(export)
}

fn authority_file(registry: &NamedRegistry) -> String {
    format!("{CERTS_FOLDER}/{}/ca.crt", registry.registry)
}

/// Sets the endpoints and the verification of a registry. Credentials and client certificates stay.
fn set_registry(settings: &mut ConfigValue, registry: &NamedRegistry) {
    let name = &registry.registry;
    let is_there = |section: &str| settings.at(&[section, name]).is_some();
    if !registry.is_insecure() && registry.authorities().is_empty() && !is_there("mirrors") && !is_there("configs") {
        return;
    }
    if registry.is_insecure() {
        let urls = registry.urls().iter().map(ConfigValue::string);
        settings.entry("mirrors").entry(name).set("endpoint", ConfigValue::list(urls));
    } else if let Some(mirror) = settings.at(&["mirrors", name]).cloned() {
        // The registry itself over plain HTTP is what the policy does not permit.
        let plain = [format!("http://{name}"), format!("http://{name}/")];
        let endpoints = mirror.get("endpoint").map(ConfigValue::strings).unwrap_or_default();
        let kept = endpoints.iter().filter(|(url, _)| !plain.iter().any(|plain| plain == url)).map(|(url, _)| *url);
        let kept: Vec<_> = kept.map(ConfigValue::string).collect();
        settings.entry("mirrors").entry(name).set("endpoint", ConfigValue::list(kept));
    }
    let tls = settings.entry("configs").entry(name).entry("tls");
    match registry.is_insecure() {
        true => tls.set("insecure_skip_verify", ConfigValue::bool(true)),
        false => tls.remove("insecure_skip_verify"),
    }
    match registry.authorities().is_empty() {
        true => tls.remove("ca_file"),
        false => tls.set("ca_file", ConfigValue::string(authority_file(registry))),
    }
    if tls.is_empty() {
        settings.entry("configs").entry(name).remove("tls");
        if settings.entry("configs").entry(name).is_empty() {
            settings.entry("configs").remove(name);
        }
    }
}
