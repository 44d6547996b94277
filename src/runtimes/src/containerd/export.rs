//! A policy as settings of containerd.

use std::collections::BTreeSet;

use toml_edit::{Item, TableLike, value};

use crate::config_value::{ConfigSyntaxError, read_toml};
use crate::containerd::settings::{images_plugin, verifier_folder};
use crate::containerd::{
    CERTS_FOLDER, CONFIG_TOML, POLICY_FILE, PROGRAM, SERVICE, VERIFIER_FOLDER, VERIFIER_NAME, VERIFIER_SETTINGS,
};
use crate::export::{Export, ExportError, ExportRequest};
use crate::gate::GateAddress;
use crate::host_files::{ConfigFile, FileContent};
use crate::hosts_toml::{DEFAULT_FOLDER, FILE_NAME, HostEntry, folder_names};
use crate::registries::{NamedRegistry, RegistryTerms, named_registries, report_entries, report_entries_of_gate};
use crate::registry_name::is_loopback;
use crate::toml_edits;

const TERMS: RegistryTerms = RegistryTerms {
    program: "containerd",
    place: "`certs.d`",
    has_insecure_docker_hub: true,
    enforcement: "containerd has no whitelist: pullgate decides, as its image verifier",
};

/// Exports a policy.
pub fn export(request: &ExportRequest<'_>) -> Result<Export, ExportError> {
    let policy = &request.policy;
    let entries = match request.gate {
        Some(_) => report_entries_of_gate(policy),
        None => report_entries(policy, &TERMS),
    };
    let mut export = Export { entries, ..Export::default() };
    let certs_folder = add_config(request, &mut export)?;
    match request.gate {
        Some(gate) => add_gate(request, gate, &certs_folder, &mut export)?,
        None => add_registries(request, &certs_folder, &mut export)?,
    }
    if policy.view.restricts_access() {
        add_verifier_settings(request, &mut export)?;
        export.notes.push(
            "containerd itself pulls the image of a pod's sandbox by the same verifier: the policy has to allow it, \
            or no pod \
             starts"
                .to_owned(),
        );
    }
    Ok(export)
}

/// Adds the setting that names the folder of registries, and the link in the folder of verifiers. Returns the folder of
/// registries.
fn add_config(request: &ExportRequest<'_>, export: &mut Export) -> Result<String, ExportError> {
    let there = request.files.read(CONFIG_TOML)?;
    let syntax = |error| ExportError::Syntax { path: CONFIG_TOML.to_owned(), error };
    let conflict = |line, reason: String| ExportError::Conflict { path: CONFIG_TOML.to_owned(), line, reason };
    let text = there.clone().unwrap_or_else(|| "version = 3\n".to_owned());
    let config = read_toml(&text).map_err(syntax)?;
    let plugin = images_plugin(&config);
    for name in ["mirrors", "configs"] {
        let old = config.at(&["plugins", plugin, "registry", name]).filter(|value| !value.is_empty());
        if let Some(old) = old {
            let reason = format!(
                "containerd starts with `registry.{name}` or with `config_path`, not with both: take it out, after \
                 `pullgate import --from containerd` has read it"
            );
            return Err(conflict(old.line, reason));
        }
    }
    let folder = config.at(&["plugins", plugin, "registry", "config_path"]);
    let folder = folder.and_then(|path| path.as_str()).filter(|path| !path.is_empty() && !path.contains(':'));
    let folder = folder.unwrap_or(CERTS_FOLDER).to_owned();
    let mut document = toml_edits::parse(Some(&text)).map_err(syntax)?;
    match toml_edits::table(document.as_table_mut(), &["plugins", plugin, "registry"]) {
        Some(registry) => drop(registry.insert("config_path", value(&folder))),
        None => return Err(conflict(1, "`plugins` has a value that is no table: correct it".to_owned())),
    }
    export.files.push(ConfigFile::text(CONFIG_TOML, document.to_string()).merged(there.is_some()));
    if request.policy.view.restricts_access() {
        let (verifiers, _) = verifier_folder(&config).unwrap_or((VERIFIER_FOLDER, 0));
        export.files.push(ConfigFile {
            path: format!("{verifiers}/{VERIFIER_NAME}"),
            mode: 0o777,
            content: FileContent::Link(PROGRAM.to_owned()),
            is_merged: false,
        });
    }
    Ok(folder)
}

fn add_registries(request: &ExportRequest<'_>, certs_folder: &str, export: &mut Export) -> Result<(), ExportError> {
    for registry in named_registries(&request.policy) {
        // Plain HTTP is what containerd uses for loopback without a folder.
        if registry.is_insecure() || !registry.authorities().is_empty() || is_loopback(&registry.registry) {
            add_registry(request, certs_folder, &registry, export)?;
        }
    }
    Ok(())
}

/// Adds the folder of all registries, with the gate as their only host. A folder of one registry counts in its place,
/// whatever is in it, and so each of those that are there leads to the gate, too.
fn add_gate(
    request: &ExportRequest<'_>,
    gate: &GateAddress,
    certs_folder: &str,
    export: &mut Export,
) -> Result<(), ExportError> {
    let folders = request.files.names_in(certs_folder).unwrap_or_default().into_iter();
    let folders = folders.filter(|name| request.files.is_folder(&format!("{certs_folder}/{name}")));
    let folders: BTreeSet<String> = folders.chain([DEFAULT_FOLDER.to_owned()]).collect();
    let text = gate.hosts_toml();
    let mut replaced = Vec::new();
    for path in folders.into_iter().map(|folder| format!("{certs_folder}/{folder}/{FILE_NAME}")) {
        if request.files.read(&path)?.is_some_and(|there| there != text) {
            replaced.push(format!("`{path}`"));
        }
        export.files.push(ConfigFile::text(path, text.clone()));
    }
    export.files.push(gate.drop_in(SERVICE, ""));
    if !replaced.is_empty() {
        export
            .notes
            .push(format!("other hosts would be asked past the gate, and are no longer in {}", replaced.join(", ")));
    }
    let note = "pulls of the CRI go to the gate as their registry; the proxy is for what reads no hosts.toml: `ctr`, \
        pushes, and layers from other places";
    export.notes.push(note.to_owned());
    export.notes.extend(gate.notes());
    if !gate.is_local() {
        let note = "where the gate has `gate_token_file`, each hosts.toml needs its token, too: a table \
            `[host.\"URL\".header]` with `Authorization = \"Bearer TOKEN\"`";
        export.notes.push(note.to_owned());
    }
    Ok(())
}

/// Adds the folder of a registry: `hosts.toml`, and the authorities in a file beside it.
fn add_registry(
    request: &ExportRequest<'_>,
    certs_folder: &str,
    registry: &NamedRegistry,
    export: &mut Export,
) -> Result<(), ExportError> {
    let names = folder_names(&registry.registry);
    let there = names.iter().find(|name| request.files.is_folder(&format!("{certs_folder}/{name}")));
    let folder = format!("{certs_folder}/{}", there.unwrap_or(&names[0]));
    let path = format!("{folder}/{FILE_NAME}");
    let authorities = registry.authorities();
    let bundle = (!authorities.is_empty()).then(|| format!("{folder}/ca.crt"));
    let there = request.files.read(&path)?;
    let text = hosts_toml(there.as_deref(), registry, bundle.as_deref());
    let text = text.map_err(|error| ExportError::Syntax { path: path.clone(), error })?;
    export.files.push(ConfigFile::text(path, text).merged(there.is_some()));
    if let Some(bundle) = bundle {
        export.files.push(ConfigFile::text(bundle, request.policy.plain_pem(authorities)));
    }
    Ok(())
}

/// Writes the permitted attempts as hosts, the last one as `server`: without one containerd asks the registry itself
/// after all others.
fn hosts_toml(
    there: Option<&str>,
    registry: &NamedRegistry,
    bundle: Option<&str>,
) -> Result<String, ConfigSyntaxError> {
    let mut document = toml_edits::parse(there)?;
    let urls = registry.urls();
    let Some(last) = urls.last() else { return Ok(document.to_string()) };
    let skips = |url: &str| registry.is_insecure() && url.starts_with("https://");
    let set = |table: &mut dyn TableLike, url: &str| {
        for name in ["skip_verify", "ca"] {
            table.remove(name);
        }
        if skips(url) {
            table.insert("skip_verify", value(true));
        }
        if let Some(bundle) = bundle {
            table.insert("ca", value(bundle));
        }
    };
    let root = document.as_table_mut();
    root.insert("server", value(last));
    set(root, last);
    // Ways to the registry itself that the policy does not permit.
    let hosts = root.get_mut("host").and_then(Item::as_table_like_mut);
    if let Some(hosts) = hosts {
        let own: Vec<String> =
            hosts.iter().map(|(url, _)| url.to_owned()).filter(|url| is_own(url, registry)).collect();
        own.iter().filter(|url| !urls.contains(url)).for_each(|url| drop(hosts.remove(url)));
    }
    // Up to 1.7.31 containerd reads no file without a table of a host.
    let tables = if urls.len() > 1 { &urls[..urls.len() - 1] } else { urls };
    for url in tables {
        match toml_edits::table(root, &["host", url]) {
            Some(table) => set(table, url),
            None => return Err(ConfigSyntaxError { line: 1, message: "`host` is no table".to_owned() }),
        }
    }
    Ok(document.to_string())
}

fn is_own(url: &str, registry: &NamedRegistry) -> bool {
    let host = HostEntry { url: url.to_owned(), line: 0, skips_verification: false, authorities: Vec::new() };
    host.is_registry(&registry.registry)
}

/// Adds the settings of the verifier: the policy by which it decides while there is no daemon.
fn add_verifier_settings(request: &ExportRequest<'_>, export: &mut Export) -> Result<(), ExportError> {
    let there = request.files.read(VERIFIER_SETTINGS)?;
    let syntax = |error| ExportError::Syntax { path: VERIFIER_SETTINGS.to_owned(), error };
    let mut document = toml_edits::parse(there.as_deref()).map_err(syntax)?;
    let root = document.as_table_mut();
    if !root.contains_key("policy") {
        root.insert("policy", value(POLICY_FILE));
    }
    if request.policy.view.is_whitelist_mode() {
        root.insert("require_whitelist", value(true));
    }
    if let Some(project) = request.policy.project {
        root.insert("project", value(project));
    }
    export.files.push(ConfigFile::text(VERIFIER_SETTINGS, document.to_string()).merged(there.is_some()));
    Ok(())
}
