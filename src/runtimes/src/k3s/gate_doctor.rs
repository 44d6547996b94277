//! Ways of K3s past the gate.

use std::collections::BTreeSet;

use crate::config_value::ConfigValue;
use crate::doctor::{Diagnosis, DoctorRequest};
use crate::gate::{GateAddress, ProxyCheck, drop_in_path};
use crate::host_files::HostFileError;
use crate::k3s::{
    CONFIG_FOLDER, CONFIG_YAML, EVERY_REGISTRY, FALLBACK_SETTING, GATE_YAML, REGISTRIES_YAML, SERVICES, VARIABLE_PREFIX,
};
use crate::systemd_unit::{ServiceEnvironment, has_unit};
use crate::text::shown;
use crate::yaml::read_yaml;

/// Reports the ways past the gate.
pub(super) fn diagnose_gate(
    request: &DoctorRequest<'_>,
    gate: &GateAddress,
    settings: &ConfigValue,
    diagnosis: &mut Diagnosis,
) -> Result<(), HostFileError> {
    let members = |section: &str| settings.get(section).map(ConfigValue::members).unwrap_or_default();
    let sections = members("mirrors").iter().chain(members("configs"));
    let named: BTreeSet<(&str, usize)> = sections.map(|member| (member.name.as_str(), member.line)).collect();
    let mut seen = BTreeSet::new();
    for (name, line) in named.into_iter().chain([(EVERY_REGISTRY, 0)]).filter(|(name, _)| seen.insert(*name)) {
        let mirror = settings.at(&["mirrors", name]);
        let endpoints = mirror.and_then(|mirror| mirror.get("endpoint")).map(ConfigValue::strings).unwrap_or_default();
        let mend = format!("make `{}` its only endpoint: `pullgate export --to k3s --gate` does", gate.url());
        if endpoints.is_empty() {
            let (code, text) = match name {
                EVERY_REGISTRY => {
                    ("gate-missing", "there is no endpoint for all registries that is the gate".to_owned())
                }
                _ => ("gate-bypassed", format!("`{}` has settings of its own, and no endpoint", shown(name))),
            };
            diagnosis.silent(code, REGISTRIES_YAML, line, text, &*mend);
        }
        for (url, line) in endpoints.into_iter().filter(|(url, _)| !gate.is_at(url)) {
            let text = format!("`{}` is asked past the gate", shown(url));
            diagnosis.silent("gate-bypassed", REGISTRIES_YAML, line, text, &*mend);
        }
    }
    diagnose_fallback(request, diagnosis)?;
    let services: Vec<_> = SERVICES.into_iter().filter(|service| has_unit(request.files, service)).collect();
    // A host without units has K3s in another place, and drop-ins of the first service.
    let services = if services.is_empty() { &SERVICES[..1] } else { &services };
    for service in services {
        let environment = ServiceEnvironment::read(request.files, service)?;
        let check = ProxyCheck { gate, program: "containerd of K3s", target: "k3s", file: &drop_in_path(service) };
        check.diagnose_with_prefix(&environment, VARIABLE_PREFIX, diagnosis);
    }
    Ok(())
}

/// Reports that the registries themselves are asked after the gate.
fn diagnose_fallback(request: &DoctorRequest<'_>, diagnosis: &mut Diagnosis) -> Result<(), HostFileError> {
    let additions = request.files.names_in(CONFIG_FOLDER).unwrap_or_default().into_iter();
    let additions = additions.filter(|name| name.ends_with(".yaml")).map(|name| format!("{CONFIG_FOLDER}/{name}"));
    let mut last = None;
    for file in std::iter::once(CONFIG_YAML.to_owned()).chain(additions) {
        let documents = request.files.read(&file)?.and_then(|text| read_yaml(&text).ok()).unwrap_or_default();
        let setting = documents.first().and_then(|document| document.get(FALLBACK_SETTING));
        if let Some(setting) = setting {
            last = Some((setting.as_bool() == Some(true), file, setting.line));
        }
    }
    let (is_off, file, line) = last.unwrap_or((false, GATE_YAML.to_owned(), 0));
    if !is_off {
        let text =
            "the registry itself is asked where the gate refuses, through a tunnel, in which namespaces do not count";
        let mend = format!("write `{FALLBACK_SETTING}: true`: `pullgate export --to k3s --gate` does");
        diagnosis.silent("gate-bypassed", &file, line, text, mend);
    }
    Ok(())
}
