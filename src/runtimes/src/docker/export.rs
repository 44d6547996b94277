//! A policy as settings of Docker Engine.

use crate::command_line::quote;
use crate::config_value::{ConfigValue, read_json};
use crate::decisions::RegistryAccess;
use crate::docker::{CERTS_FOLDER, DAEMON_JSON, EXCEPTION_MEMBER, PLUGIN, PROXY_MEMBERS, SERVICE};
use crate::docker_hub;
use crate::export::{Export, ExportError, ExportRequest};
use crate::host_files::ConfigFile;
use crate::json_edit::{set_members, strings, to_input};
use crate::policy_view::EntryHosts;
use crate::registries::{NamedRegistry, RegistryTerms, named_registries, report_entries};
use crate::registry_name::is_loopback;

const TERMS: RegistryTerms = RegistryTerms {
    program: "dockerd",
    place: "`insecure-registries`",
    has_insecure_docker_hub: false,
    enforcement: "dockerd has no whitelist: pullgate decides, as its authorization plugin",
};

/// Exports a policy.
pub fn export(request: &ExportRequest<'_>) -> Result<Export, ExportError> {
    let policy = &request.policy;
    let registries = named_registries(policy);
    let insecure: Vec<&str> = registries
        .iter()
        .filter(|registry| registry.is_insecure() && registry.registry != docker_hub::DISPLAY_NAME)
        .map(|registry| registry.registry.as_str())
        .collect();
    let there = request.files.read(DAEMON_JSON)?;
    let syntax = |error| ExportError::Syntax { path: DAEMON_JSON.to_owned(), error };
    let settings =
        there.as_deref().filter(|text| !text.trim().is_empty()).map(read_json).transpose().map_err(syntax)?;
    let plugins = settings.as_ref().and_then(|settings| settings.get("authorization-plugins"));
    let plugins = plugins.map(|plugins| plugins.strings()).unwrap_or_default();
    let plugins: Vec<_> = plugins.into_iter().map(|(name, _)| name.to_owned()).collect();
    let needs_plugin = policy.view.restricts_access() && !plugins.iter().any(|name| name == PLUGIN);
    let plugins = needs_plugin.then(|| strings(plugins.into_iter().chain([PLUGIN.to_owned()])));
    let mut members = vec![("insecure-registries", (!insecure.is_empty()).then(|| strings(insecure.iter().copied())))];
    if plugins.is_some() {
        members.push(("authorization-plugins", plugins));
    }
    // They count before the environment.
    if let (Some(gate), Some(proxies)) = (request.gate, settings.as_ref().and_then(|settings| settings.get("proxies")))
    {
        let mut proxies = proxies.clone();
        PROXY_MEMBERS.iter().for_each(|name| proxies.set(name, ConfigValue::string(gate.url())));
        proxies.remove(EXCEPTION_MEMBER);
        members.push(("proxies", Some(to_input(&proxies))));
    }
    let text = set_members(there.as_deref(), members).map_err(syntax)?;
    let mut export = Export {
        files: vec![ConfigFile::text(DAEMON_JSON, text).merged(there.is_some())],
        entries: report_entries(policy, &TERMS),
        ..Export::default()
    };
    for registry in registries.iter().filter(|registry| !registry.authorities().is_empty()) {
        let path = format!("{CERTS_FOLDER}/{}/ca.crt", folder_name(registry));
        export.files.push(ConfigFile::text(path, policy.plain_pem(registry.authorities())));
    }
    if let Some(gate) = request.gate {
        export.files.push(gate.drop_in(SERVICE, ""));
        export.notes.extend(gate.notes());
        let note =
            "the TLS in a tunnel of the gate is dockerd's own: `insecure-registries` and `certs.d` count as without it";
        export.notes.push(note.to_owned());
    }
    if !insecure.is_empty() {
        let options = insecure.iter().map(|registry| format!("--insecure-registry {}", quote(registry)));
        let options = options.collect::<Vec<_>>().join(" ");
        export.command_line = Some(format!("DOCKER_OPTS=\"{options}\""));
        export.notes.push(
            "where dockerd is started with `DOCKER_OPTS` in place of `insecure-registries` in daemon.json, the line \
            is below: \
             it starts with one of the two only"
                .to_owned(),
        );
    }
    if needs_plugin {
        export.notes.push(
            "dockerd starts only while the plugin is there: start `pullgate serve --docker-socket` before it"
                .to_owned(),
        );
    }
    let loopback = |registry: &&NamedRegistry| is_loopback(&registry.registry) && !registry.is_insecure();
    for registry in registries.iter().filter(loopback) {
        export.notes.push(format!(
            "dockerd goes unverified to `{}`, which the policy verifies: 127.0.0.0/8 is insecure to it whatever its \
            settings",
            registry.registry
        ));
    }
    if policy.view.insecure.iter().any(|entry| matches!(entry.hosts, EntryHosts::Network(_))) {
        export
            .notes
            .push("networks are left out, because dockerd takes them for names that resolve into them, too".to_owned());
    }
    Ok(export)
}

/// Returns the name of a registry's folder in `certs.d`.
pub(super) fn folder_name(registry: &NamedRegistry) -> &str {
    match registry.registry.as_str() {
        docker_hub::DISPLAY_NAME => docker_hub::REGISTRY_HOST,
        name => name,
    }
}

/// Returns whether the policy would not verify a registry.
pub(super) fn is_insecure(access: &RegistryAccess) -> bool {
    matches!(access, RegistryAccess::Insecure { .. })
}
