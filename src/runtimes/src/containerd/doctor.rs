//! Settings of containerd that do otherwise than a policy.

use crate::config_value::{ConfigValue, read_toml};
use crate::containerd::gate_doctor::diagnose_gate;
use crate::containerd::settings::{
    IMAGES_PLUGINS, images, images_plugin, local_pull_settings, verifier_folder, version,
};
use crate::containerd::{CONFIG_TOML, VERIFIER_FOLDER, VERIFIER_NAME, VERIFIER_SETTINGS};
use crate::doctor::{Diagnosis, Disagreement, DoctorRequest};
use crate::host_files::HostFileError;
use crate::hosts_toml::CertsFolder;
use crate::registries::named_registries;
use crate::registry_name::{is_loopback, split_port};

/// Compares a policy with the settings of containerd.
pub fn diagnose(request: &DoctorRequest<'_>) -> Result<Vec<Disagreement>, HostFileError> {
    let mut diagnosis = Diagnosis::default();
    let text = request.files.read(CONFIG_TOML)?;
    let config = match read_toml(text.as_deref().unwrap_or("version = 3\n")) {
        Ok(config) => config,
        Err(error) => {
            let text = format!("the file does not parse ({}): containerd does not start with it", error.message);
            diagnosis.fails("settings-unreadable", CONFIG_TOML, error.line, text, "correct the line");
            return Ok(diagnosis.into_disagreements());
        }
    };
    if request.policy.view.restricts_access() {
        diagnose_verifier(request, &config, &mut diagnosis);
        diagnose_verifier_settings(request, &mut diagnosis)?;
    }
    diagnose_ignored(&config, &mut diagnosis);
    match request.gate {
        Some(gate) => diagnose_gate(request, gate, &config, &mut diagnosis)?,
        None => diagnose_registries(request, &config, &mut diagnosis),
    }
    diagnose_several_folders(&config, &mut diagnosis);
    Ok(diagnosis.into_disagreements())
}

/// Reports each way in which no verifier is asked.
fn diagnose_verifier(request: &DoctorRequest<'_>, config: &ConfigValue, diagnosis: &mut Diagnosis) {
    for (setting, line) in local_pull_settings(config) {
        let text = format!("with `{setting}` the CRI pulls by itself: no verifier is asked, and everything is allowed");
        let mend = match setting.starts_with("registry.") {
            true => {
                "write the registries into hosts.toml: `pullgate import` reads these, and `pullgate export` writes \
                those"
            }
            false => "take the setting out: its default asks the verifier",
        };
        diagnosis.silent("verifier-off", CONFIG_TOML, line, text, mend);
    }
    let disabled = config.get("disabled_plugins").map(ConfigValue::strings).unwrap_or_default();
    if let Some((name, line)) = disabled.into_iter().find(|(name, _)| name.contains("image-verifier")) {
        let text = format!("`{name}` is disabled, so that everything is allowed");
        diagnosis.silent("verifier-off", CONFIG_TOML, line, text, "take it out of `disabled_plugins`");
    }
    let (folder, line) = verifier_folder(config).unwrap_or((VERIFIER_FOLDER, 0));
    let folder = folder.trim_end_matches('/');
    let names = request.files.names_in(folder).unwrap_or_default();
    let link = format!("ln -s /usr/bin/pullgate {folder}/{VERIFIER_NAME}");
    let is_ours = |name: &&String| {
        let target = request.files.target_of(&format!("{folder}/{name}")).unwrap_or_default();
        name.starts_with(VERIFIER_NAME) || target.rsplit('/').next() == Some("pullgate")
    };
    let file = if line == 0 { folder } else { CONFIG_TOML };
    match names.iter().find(is_ours) {
        None if names.is_empty() => {
            let text = "the folder of image verifiers is empty or not there, and containerd then allows everything";
            diagnosis.silent("verifier-missing", file, line, text, link);
        }
        None => {
            let text = "pullgate is not among the image verifiers, so that the policy decides nothing";
            diagnosis.silent("verifier-missing", file, line, text, link);
        }
        Some(name) if !request.files.is_executable(&format!("{folder}/{name}")) => {
            let text = "the verifier leads to no program that can be executed, so that every pull fails";
            diagnosis.fails("verifier-broken", &format!("{folder}/{name}"), 0, text, link);
        }
        Some(_) => {}
    }
}

/// Reports settings of the verifier that let through what the policy denies.
fn diagnose_verifier_settings(request: &DoctorRequest<'_>, diagnosis: &mut Diagnosis) -> Result<(), HostFileError> {
    let Some(text) = request.files.read(VERIFIER_SETTINGS)? else { return Ok(()) };
    match read_toml(&text) {
        Ok(settings) => {
            let enforcement = settings.get("enforcement");
            if let Some(audit) = enforcement.filter(|value| value.as_str() == Some("audit")) {
                let text = "while the daemon gives no answer, every image is allowed";
                let mend = "write `enforcement = \"deny\"`, or take the line out";
                diagnosis.silent("enforcement-audit", VERIFIER_SETTINGS, audit.line, text, mend);
            }
        }
        Err(error) => {
            let text = format!("the file does not parse ({}), so that every image is denied", error.message);
            diagnosis.fails("settings-unreadable", VERIFIER_SETTINGS, error.line, text, "correct the line");
        }
    }
    Ok(())
}

/// Reports settings in a place that containerd does not read.
fn diagnose_ignored(config: &ConfigValue, diagnosis: &mut Diagnosis) {
    for plugin in IMAGES_PLUGINS.into_iter().filter(|plugin| *plugin != images_plugin(config)) {
        let Some(registry) = config.at(&["plugins", plugin, "registry"]) else { continue };
        let text = format!("containerd does not read `{plugin}` in a configuration of version {}", version(config));
        let mend = format!("write the settings below `{}`", images_plugin(config));
        diagnosis.silent("settings-ignored", CONFIG_TOML, registry.line, text, mend);
    }
}

fn diagnose_several_folders(config: &ConfigValue, diagnosis: &mut Diagnosis) {
    let path = images(config).and_then(|images| images.at(&["registry", "config_path"]));
    if let Some(path) = path.filter(|path| path.as_str().is_some_and(|folders| folders.contains(':'))) {
        let text = "containerd 2.2 and later read no hosts.toml with more than one folder in `config_path`";
        let mend = "name one folder: `config_path = \"/etc/containerd/certs.d\"`";
        diagnosis.silent("config-path-several", CONFIG_TOML, path.line, text, mend);
    }
}

fn diagnose_registries(request: &DoctorRequest<'_>, config: &ConfigValue, diagnosis: &mut Diagnosis) {
    let path = images(config).and_then(|images| images.at(&["registry", "config_path"]));
    let folder = path.and_then(ConfigValue::as_str).unwrap_or_default();
    let registries = named_registries(&request.policy);
    let is_told = |registry: &&crate::registries::NamedRegistry| {
        registry.is_insecure() || !registry.authorities().is_empty() || is_loopback(&registry.registry)
    };
    if folder.is_empty() {
        if let Some(registry) = registries.iter().find(is_told) {
            let text = format!(
                "there is no `config_path`, so that no hosts.toml counts, for `{}` and others",
                registry.registry
            );
            let mend = "set `config_path = \"/etc/containerd/certs.d\"`: `pullgate export` does";
            diagnosis.fails("config-path-missing", CONFIG_TOML, 0, text, mend);
        }
        return;
    }
    for folder in folder.split(':') {
        let certs = CertsFolder {
            policy: &request.policy,
            files: request.files,
            folder: folder.trim_end_matches('/'),
            program: "containerd",
        };
        certs.diagnose_hosts(diagnosis);
        for registry in registries.iter().filter(is_told) {
            diagnose_folder(&certs, registry, diagnosis);
        }
    }
}

/// Reports a registry without a folder, and a folder without the port.
fn diagnose_folder(certs: &CertsFolder<'_>, registry: &crate::registries::NamedRegistry, diagnosis: &mut Diagnosis) {
    let name = &registry.registry;
    if let Some(path) = certs.folder_of(name) {
        let has_hosts = certs.files.is_file(&format!("{path}/{}", crate::hosts_toml::FILE_NAME));
        if !has_hosts && registry.is_insecure() {
            let text =
                format!("containerd verifies `{name}`, which the policy has as insecure: the folder has no hosts.toml");
            diagnosis.fails("insecure-missing", &path, 0, text, "write hosts.toml: `pullgate export` does");
        }
        if !has_hosts && !registry.authorities().is_empty() {
            let files = certs.files.names_in(&path).unwrap_or_default().into_iter();
            let texts = files
                .filter(|file| file.ends_with(".crt"))
                .filter_map(|file| certs.files.read(&format!("{path}/{file}")).ok().flatten());
            let bundle: String = texts.collect();
            certs.diagnose_authorities(name, &path, 0, registry.authorities(), &bundle, diagnosis);
        }
        return;
    }
    let (host, port) = split_port(name);
    if port.is_some() && certs.files.is_folder(&format!("{}/{host}", certs.folder)) {
        let path = format!("{}/{host}", certs.folder);
        let text = format!("the folder `{host}` does not count for `{name}`: a folder is named by host and port");
        let mend = format!("rename it to `{}`", crate::hosts_toml::folder_names(name)[0]);
        diagnosis.fails("folder-without-port", &path, 0, text, mend);
        return;
    }
    let (code, text) = match (registry.is_insecure(), is_loopback(name)) {
        (false, true) => {
            let text = format!(
                "containerd goes over plain HTTP to `{name}` without a folder of its own, and the policy verifies it"
            );
            diagnosis.silent("loopback", certs.folder, 0, text, "write hosts.toml for it: `pullgate export` does");
            return;
        }
        // It uses plain HTTP there by itself.
        (true, true) => return,
        (true, false) => {
            ("insecure-missing", format!("containerd verifies `{name}`, which the policy has as insecure"))
        }
        (false, false) => (
            "authority-missing",
            format!("containerd does not have the authorities by which the policy verifies `{name}`"),
        ),
    };
    // The folder without a port beside it is told of by itself.
    if !name.ends_with(":443") {
        diagnosis.fails(code, certs.folder, 0, text, "write its folder: `pullgate export --to containerd` does");
    }
}
