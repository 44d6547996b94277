//! Settings of containers/image that do otherwise than a policy.

use crate::containers::gate::diagnose_gate;
use crate::containers::registries_conf::RegistriesConf;
use crate::containers::signature_policy::{Requirement, SignaturePolicy, effect};
use crate::containers::{CERTS_FOLDERS, POLICY_JSON, REGISTRIES_CONF, REGISTRIES_FOLDER};
use crate::decisions::{PolicyContext, RegistryAccess};
use crate::docker_hub;
use crate::doctor::{Diagnosis, Disagreement, DoctorRequest};
use crate::host_files::HostFileError;
use crate::hosts_toml::CertsFolder;
use crate::policy_view::{EntryHosts, is_below};
use crate::registries::named_registries;
use crate::registry_name::split_port;
use crate::text::shown;

/// A policy.json that counts in place of the machine's, for root.
const ROOT_POLICY_JSON: &str = "/root/.config/containers/policy.json";

/// Compares a policy with the settings of containers/image.
pub fn diagnose(request: &DoctorRequest<'_>) -> Result<Vec<Disagreement>, HostFileError> {
    let mut diagnosis = Diagnosis::default();
    if request.policy.view.restricts_access() {
        for (file, is_required) in [(POLICY_JSON, true), (ROOT_POLICY_JSON, false)] {
            match request.files.read(file)? {
                Some(text) => diagnose_policy_json(request, file, &text, &mut diagnosis),
                None if is_required => {
                    let text = "there is no policy.json, so that the programs pull nothing";
                    diagnosis.fails(
                        "policy-json-missing",
                        file,
                        0,
                        text,
                        "write it: `pullgate export --to containers` does",
                    );
                }
                None => {}
            }
        }
    }
    let conf = read_registries(request, &mut diagnosis)?;
    diagnose_registries(request, &conf, &mut diagnosis);
    diagnose_missing(request, &conf, &mut diagnosis)?;
    if let Some(gate) = request.gate {
        diagnose_gate(request, gate, &mut diagnosis)?;
    }
    Ok(diagnosis.into_disagreements())
}

fn diagnose_policy_json(request: &DoctorRequest<'_>, file: &str, text: &str, diagnosis: &mut Diagnosis) {
    let policy = match SignaturePolicy::parse(text) {
        Ok(policy) => policy,
        Err(error) => {
            let text = format!("the file does not parse ({}), so that the programs pull nothing", error.message);
            return diagnosis.fails("settings-unreadable", file, error.line, text, "correct the line");
        }
    };
    let default = policy.default_of("docker");
    if effect(default) == Requirement::Accept {
        let text = "images of registries that are not listed are accepted, and the policy denies them";
        let mend =
            "write `\"default\": [{\"type\": \"reject\"}]`: `pullgate export --to containers` does, with the whitelist";
        diagnosis.silent("access-open", file, default.line, text, mend);
    }
    for member in policy.docker_scopes().iter().filter(|member| !member.name.is_empty()) {
        if effect(&member.value) != Requirement::Reject && !allows_scope(&request.policy, &member.name) {
            let text = format!("images of `{}` are accepted, and the policy denies them", shown(&member.name));
            let mend = "take the scope out, or list it in `whitelist`";
            diagnosis.silent("access-wider", file, member.line, text, mend);
        }
    }
}

/// Returns whether the policy allows the images of a scope.
fn allows_scope(policy: &PolicyContext<'_>, scope: &str) -> bool {
    if let Some(domain) = scope.strip_prefix("*.") {
        return covers_wildcard(policy, domain);
    }
    let (name, _) = scope.split_once('@').unwrap_or((scope, ""));
    let reference = match name.contains('/') {
        true if name.rsplit('/').next().is_some_and(|last| last.contains(':')) => name.to_owned(),
        // A repository of the scope that no entry has by name.
        true => format!("{name}/x"),
        false => format!("{name}/x"),
    };
    let reaches = |reference: &str| policy.image_access(reference).is_allowed();
    // The scope of one repository, and that of those below it.
    reaches(&reference) || name.contains('/') && reaches(name)
}

/// Returns whether the effective whitelist covers the names below a domain.
fn covers_wildcard(policy: &PolicyContext<'_>, domain: &str) -> bool {
    !policy.view.is_whitelist_mode()
        || policy.view.allowed().any(|entry| match &entry.hosts {
            EntryHosts::Wildcard(own) => {
                entry.port.is_none() && entry.namespace.is_none() && (own == domain || is_below(domain, own))
            }
            _ => false,
        })
}

fn read_registries(request: &DoctorRequest<'_>, diagnosis: &mut Diagnosis) -> Result<RegistriesConf, HostFileError> {
    let mut conf = RegistriesConf::default();
    let additions = request.files.names_in(REGISTRIES_FOLDER).unwrap_or_default().into_iter();
    let additions = additions.filter(|name| name.ends_with(".conf")).map(|name| format!("{REGISTRIES_FOLDER}/{name}"));
    for file in std::iter::once(REGISTRIES_CONF.to_owned()).chain(additions) {
        let Some(text) = request.files.read(&file)? else { continue };
        if let Err(error) = conf.merge(&file, &text) {
            let text = format!("the file does not parse ({}), so that the programs pull nothing", error.message);
            diagnosis.fails("settings-unreadable", &file, error.line, text, "correct the line");
        }
    }
    Ok(conf)
}

fn diagnose_registries(request: &DoctorRequest<'_>, conf: &RegistriesConf, diagnosis: &mut Diagnosis) {
    let policy = &request.policy;
    for (name, file, line) in conf.search.iter().filter(|(name, ..)| !docker_hub::NAMES.contains(&name.as_str())) {
        let text =
            format!("a short name such as `alpine` can be of `{}`, and is Docker Hub's to the policy", shown(name));
        let mend = "write whole names, and `unqualified-search-registries = []`";
        diagnosis.silent("short-names", file, *line, text, mend);
    }
    for table in conf.registries.values() {
        if let Some(line) = table.insecure.filter(|_| !is_insecure_prefix(policy, &table.prefix)) {
            let text =
                format!("`{}` is reached without verification, and the policy verifies it", shown(&table.prefix));
            diagnosis.silent(
                "insecure-wider",
                &table.file,
                line,
                text,
                "take the line out, or list the registry in `insecure`",
            );
        }
        let location = table.location.iter().map(|location| (location.as_str(), table.line, false));
        let mirrors = table.mirrors.iter().map(|mirror| (mirror.location.as_str(), mirror.line, mirror.is_insecure));
        for (location, line, is_insecure) in location.chain(mirrors) {
            let host = location.split('/').next().unwrap_or_default();
            let (text, mend) = match policy.registry_access(host) {
                access if !access.is_allowed() => (
                    format!(
                        "images of `{}` come from `{}`, which the policy does not allow",
                        shown(&table.prefix),
                        shown(location)
                    ),
                    format!("take it out, or list `{}` in the policy", shown(host)),
                ),
                RegistryAccess::Verified { .. } if is_insecure => (
                    format!("`{}` is reached without verification, and the policy verifies it", shown(location)),
                    "take `insecure = true` out, or list the mirror in `insecure`".to_owned(),
                ),
                _ => continue,
            };
            diagnosis.silent("mirror-unnamed", &table.file, line, text, mend);
        }
    }
}

/// Returns whether the policy verifies nothing in a prefix.
fn is_insecure_prefix(policy: &PolicyContext<'_>, prefix: &str) -> bool {
    match prefix.strip_prefix("*.") {
        Some(domain) => policy.view.insecure.iter().any(|entry| match &entry.hosts {
            EntryHosts::Wildcard(own) => entry.port.is_none() && (own == domain || is_below(domain, own)),
            _ => false,
        }),
        None => {
            let registry = prefix.split('/').next().unwrap_or_default();
            let (host, port) = split_port(registry);
            let is_insecure =
                |registry: &str| matches!(policy.registry_access(registry), RegistryAccess::Insecure { .. });
            // Without a port the prefix is for all of them.
            is_insecure(registry)
                && (port.is_some() || is_insecure(&format!("{host}:1")) || docker_hub::NAMES.contains(&host))
        }
    }
}

/// Reports the registries that the policy reaches otherwise than the programs are told.
fn diagnose_missing(
    request: &DoctorRequest<'_>,
    conf: &RegistriesConf,
    diagnosis: &mut Diagnosis,
) -> Result<(), HostFileError> {
    for registry in named_registries(&request.policy) {
        let name = &registry.registry;
        let is_default = name.ends_with(":443");
        if registry.is_insecure() && !is_default && conf.find(name).is_none_or(|table| table.insecure.is_none()) {
            let text = format!("`{name}` is verified, and the policy has it as insecure");
            let mend = format!("add a `[[registry]]` with `location = \"{name}\"` and `insecure = true`");
            diagnosis.fails("insecure-missing", REGISTRIES_CONF, 0, text, mend);
        }
        if registry.is_insecure() || is_default {
            continue;
        }
        let there = CERTS_FOLDERS.into_iter().find(|folder| request.files.is_folder(&format!("{folder}/{name}")));
        let folder = there.unwrap_or(CERTS_FOLDERS[0]);
        let path = format!("{folder}/{name}");
        let mut bundle = String::new();
        for file in request.files.names_in(&path).unwrap_or_default().iter().filter(|file| file.ends_with(".crt")) {
            bundle.push_str(&request.files.read(&format!("{path}/{file}"))?.unwrap_or_default());
        }
        let (host, port) = split_port(name);
        if bundle.is_empty()
            && !registry.authorities().is_empty()
            && port.is_some()
            && request.files.is_folder(&format!("{folder}/{host}"))
        {
            let text = format!("the folder `{host}` does not count for `{name}`: a folder is named by host and port");
            diagnosis.fails(
                "folder-without-port",
                &format!("{folder}/{host}"),
                0,
                text,
                format!("rename it to `{path}`"),
            );
        }
        let certs = CertsFolder { policy: &request.policy, files: request.files, folder, program: "containers/image" };
        certs.diagnose_authorities(name, &path, 0, registry.authorities(), &bundle, diagnosis);
    }
    Ok(())
}
