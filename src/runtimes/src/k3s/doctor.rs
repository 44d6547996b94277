//! Settings of K3s that do otherwise than a policy.

use crate::config_value::ConfigValue;
use crate::decisions::RegistryAccess;
use crate::doctor::{Diagnosis, Disagreement, DoctorRequest};
use crate::host_files::HostFileError;
use crate::hosts_toml::{CertsFolder, HostEntry};
use crate::k3s::REGISTRIES_YAML;
use crate::k3s::gate_doctor::diagnose_gate;
use crate::registries::named_registries;
use crate::text::shown;
use crate::yaml::read_yaml;

/// Compares a policy with the settings of K3s.
pub fn diagnose(request: &DoctorRequest<'_>) -> Result<Vec<Disagreement>, HostFileError> {
    let mut diagnosis = Diagnosis::default();
    let text = request.files.read(REGISTRIES_YAML)?.unwrap_or_default();
    let documents = match read_yaml(&text) {
        Ok(documents) => documents,
        Err(error) => {
            let text = format!("the file does not parse ({}): K3s does not start with it", error.message);
            diagnosis.fails("settings-unreadable", REGISTRIES_YAML, error.line, text, "correct the line");
            return Ok(diagnosis.into_disagreements());
        }
    };
    let empty = ConfigValue::map(Vec::<(String, ConfigValue)>::new());
    let settings = documents.first().unwrap_or(&empty);
    if let Some(gate) = request.gate {
        diagnose_gate(request, gate, settings, &mut diagnosis)?;
        return Ok(diagnosis.into_disagreements());
    }
    for member in settings.get("mirrors").map(ConfigValue::members).unwrap_or_default() {
        for (url, line) in member.value.get("endpoint").map(ConfigValue::strings).unwrap_or_default() {
            diagnose_endpoint(request, settings, &member.name, url, line, &mut diagnosis);
        }
    }
    for member in settings.get("configs").map(ConfigValue::members).unwrap_or_default() {
        let skips = member.value.at(&["tls", "insecure_skip_verify"]).filter(|value| value.as_bool() == Some(true));
        let Some(skips) = skips else { continue };
        if member.name == "*"
            || !matches!(request.policy.registry_access(&member.name), RegistryAccess::Insecure { .. })
        {
            let of =
                if member.name == "*" { "every registry".to_owned() } else { format!("`{}`", shown(&member.name)) };
            let text = format!("K3s reaches {of} without verification, and the policy verifies it");
            let mend = "take `insecure_skip_verify` out, or list the registry in `insecure`";
            diagnosis.silent("insecure-wider", REGISTRIES_YAML, skips.line, text, mend);
        }
    }
    diagnose_missing(request, settings, &mut diagnosis)?;
    Ok(diagnosis.into_disagreements())
}

fn diagnose_endpoint(
    request: &DoctorRequest<'_>,
    settings: &ConfigValue,
    registry: &str,
    url: &str,
    line: usize,
    diagnosis: &mut Diagnosis,
) {
    let mut host = HostEntry { url: url.to_owned(), line, skips_verification: false, authorities: Vec::new() };
    let skips = settings.at(&["configs", &host.registry(), "tls", "insecure_skip_verify"]);
    host.skips_verification = skips.and_then(ConfigValue::as_bool).unwrap_or_default();
    let is_own = host.is_registry(registry);
    let name = if is_own { registry.to_owned() } else { host.registry() };
    match request.policy.registry_access(&name) {
        access if !is_own && !access.is_allowed() => {
            let of = if registry == "*" { "every registry" } else { registry };
            let text = format!("images of {} come from `{}`, which the policy does not allow", shown(of), shown(url));
            let mend = format!("take the endpoint out, or list `{}` in the policy", shown(&name));
            diagnosis.silent("mirror-unnamed", REGISTRIES_YAML, line, text, mend);
        }
        // `insecure_skip_verify` is told of by its own line.
        RegistryAccess::Verified { .. } if host.url.starts_with("http://") => {
            let text = format!("K3s reaches `{}` over plain HTTP, and the policy verifies it", shown(&name));
            diagnosis.silent(
                "insecure-wider",
                REGISTRIES_YAML,
                line,
                text,
                "write `https://`, or list the registry in `insecure`",
            );
        }
        _ => {}
    }
}

fn diagnose_missing(
    request: &DoctorRequest<'_>,
    settings: &ConfigValue,
    diagnosis: &mut Diagnosis,
) -> Result<(), HostFileError> {
    let certs = CertsFolder { policy: &request.policy, files: request.files, folder: "", program: "K3s" };
    for registry in named_registries(&request.policy).iter().filter(|registry| !registry.registry.ends_with(":443")) {
        let name = &registry.registry;
        let tls = settings.at(&["configs", name, "tls"]);
        let endpoints = settings.at(&["mirrors", name, "endpoint"]).map(ConfigValue::strings).unwrap_or_default();
        let skips =
            tls.and_then(|tls| tls.get("insecure_skip_verify")).and_then(ConfigValue::as_bool).unwrap_or_default();
        if registry.is_insecure() {
            if !skips && !endpoints.iter().any(|(url, _)| url.starts_with("http://")) {
                let text = format!("K3s verifies `{name}`, which the policy has as insecure");
                let mend =
                    "add an `http://` endpoint, or `insecure_skip_verify: true`: `pullgate export --to k3s` does";
                diagnosis.fails("insecure-missing", REGISTRIES_YAML, 0, text, mend);
            }
            continue;
        }
        let file = tls.and_then(|tls| tls.get("ca_file"));
        let Some(path) = file.and_then(ConfigValue::as_str) else {
            certs.diagnose_authorities(name, REGISTRIES_YAML, 0, registry.authorities(), "", diagnosis);
            continue;
        };
        let line = file.map_or(0, |file| file.line);
        match request.files.read(path)? {
            Some(bundle) => {
                certs.diagnose_authorities(name, REGISTRIES_YAML, line, registry.authorities(), &bundle, diagnosis);
            }
            None => {
                let text = format!("there is no file `{}`", shown(path));
                diagnosis.fails("authority-file-missing", REGISTRIES_YAML, line, text, "write the certificates there");
            }
        }
    }
    Ok(())
}
