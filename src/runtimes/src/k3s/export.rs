//! A policy as settings of K3s.

use std::collections::BTreeSet;

use crate::config_value::ConfigValue;
use crate::export::{Export, ExportError, ExportRequest};
use crate::gate::{GateAddress, HEADING};
use crate::host_files::ConfigFile;
use crate::k3s::{
    CERTS_FOLDER, EVERY_REGISTRY, FALLBACK_SETTING, GATE_YAML, REGISTRIES_YAML, SERVICES, VARIABLE_PREFIX,
};
use crate::registries::{NamedRegistry, RegistryTerms, named_registries, report_entries, report_entries_of_gate};
use crate::systemd_unit::has_unit;
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
    let mut export = Export::default();
    let mut files = Vec::new();
    match request.gate {
        Some(gate) => {
            export.entries = report_entries_of_gate(policy);
            set_gate(&mut settings, gate, &mut export);
            files.extend(gate_files(request, gate));
        }
        None => {
            export.entries = report_entries(policy, &TERMS);
            for registry in named_registries(policy) {
                set_registry(&mut settings, &registry);
                if !registry.authorities().is_empty() {
                    files.push(ConfigFile::text(authority_file(&registry), policy.plain_pem(registry.authorities())));
                }
            }
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

/// Makes the gate the only endpoint of all registries. One that is named, or has settings, gets a folder of its own in
/// K3s, which counts in place of the one for all.
fn set_gate(settings: &mut ConfigValue, gate: &GateAddress, export: &mut Export) {
    let names = |section: &str| {
        let members = settings.get(section).map(ConfigValue::members).unwrap_or_default();
        members.iter().map(|member| member.name.clone()).collect::<Vec<_>>()
    };
    let names: BTreeSet<String> =
        names("mirrors").into_iter().chain(names("configs")).chain([EVERY_REGISTRY.to_owned()]).collect();
    let mut replaced = Vec::new();
    for name in names {
        let endpoint = ConfigValue::list([ConfigValue::string(gate.url())]);
        let mirror = settings.entry("mirrors").entry(&name);
        let urls = mirror.get("endpoint").map(ConfigValue::strings).unwrap_or_default();
        if urls.iter().any(|(url, _)| !gate.is_at(url)) || mirror.get("rewrite").is_some() {
            replaced.push(format!("`{name}`"));
        }
        mirror.set("endpoint", endpoint);
        // The gate is asked for repositories by their names.
        mirror.remove("rewrite");
    }
    if !replaced.is_empty() {
        let replaced = replaced.join(", ");
        export
            .notes
            .push(format!("endpoints and rewrites would lead past the gate, and are no longer there: {replaced}"));
    }
    export.notes.push("logins of private registries are the gate's: `gate_credentials`".to_owned());
    export.notes.extend(gate.notes());
}

/// Returns the file that takes the registries themselves from behind the endpoints, and drop-ins of the services.
fn gate_files(request: &ExportRequest<'_>, gate: &GateAddress) -> Vec<ConfigFile> {
    let there = SERVICES.into_iter().filter(|service| has_unit(request.files, service));
    let mut services: Vec<_> = there.collect();
    if services.is_empty() {
        services = SERVICES[..1].to_vec();
    }
    let settings = ConfigFile::text(GATE_YAML, format!("{HEADING}{FALLBACK_SETTING}: true\n"));
    let drop_ins = services.into_iter().map(|service| gate.drop_in(service, VARIABLE_PREFIX));
    std::iter::once(settings).chain(drop_ins).collect()
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
