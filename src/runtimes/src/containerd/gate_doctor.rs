//! Ways of containerd past the gate.

use crate::config_value::ConfigValue;
use crate::containerd::settings::images;
use crate::containerd::{CONFIG_TOML, SERVICE};
use crate::doctor::{Diagnosis, DoctorRequest};
use crate::gate::{GateAddress, ProxyCheck, drop_in_path};
use crate::host_files::HostFileError;
use crate::hosts_toml::{DEFAULT_FOLDER, FILE_NAME, HostsFile, diagnose_hosts_syntax};
use crate::systemd_unit::ServiceEnvironment;

/// The remedy of a setting that is not there.
const EXPORT_MEND: &str = "`pullgate export --to containerd --gate ADDRESS` writes it";

/// Reports the ways past the gate: for the CRI, whose registry it is, and for all else, whose proxy.
pub(super) fn diagnose_gate(
    request: &DoctorRequest<'_>,
    gate: &GateAddress,
    config: &ConfigValue,
    diagnosis: &mut Diagnosis,
) -> Result<(), HostFileError> {
    let path = images(config).and_then(|images| images.at(&["registry", "config_path"]));
    match path.and_then(ConfigValue::as_str).filter(|path| !path.is_empty()) {
        Some(folders) => {
            for folder in folders.split(':') {
                diagnose_folder(request, gate, folder.trim_end_matches('/'), diagnosis)?;
            }
        }
        None => {
            let text = "there is no `config_path`, so that no hosts.toml leads pulls of the CRI to the gate";
            diagnosis.silent("gate-missing", CONFIG_TOML, 0, text, EXPORT_MEND);
        }
    }
    let environment = ServiceEnvironment::read(request.files, SERVICE)?;
    let check = ProxyCheck { gate, program: "containerd", target: "containerd", file: &drop_in_path(SERVICE) };
    check.diagnose(&environment, diagnosis);
    Ok(())
}

fn diagnose_folder(
    request: &DoctorRequest<'_>,
    gate: &GateAddress,
    folder: &str,
    diagnosis: &mut Diagnosis,
) -> Result<(), HostFileError> {
    let names = request.files.names_in(folder).unwrap_or_default().into_iter();
    let names: Vec<_> = names.filter(|name| request.files.is_folder(&format!("{folder}/{name}"))).collect();
    if !names.iter().any(|name| name == DEFAULT_FOLDER) {
        let text = "there is no folder for all registries that leads pulls of the CRI to the gate";
        diagnosis.silent("gate-missing", &format!("{folder}/{DEFAULT_FOLDER}"), 0, text, EXPORT_MEND);
    }
    for name in names {
        let path = format!("{folder}/{name}/{FILE_NAME}");
        match request.files.read(&path)? {
            Some(text) => match HostsFile::parse(&text) {
                Ok(hosts) => gate.diagnose_hosts(&path, &hosts, diagnosis),
                Err(error) => diagnose_hosts_syntax(&path, &error, "containerd", diagnosis),
            },
            None => {
                let text = format!("the folder `{name}` counts in place of `{DEFAULT_FOLDER}`, and has no hosts.toml");
                let mend = "write a hosts.toml with the gate there: `pullgate export --gate` does";
                diagnosis.silent("gate-bypassed", &format!("{folder}/{name}"), 0, text, mend);
            }
        }
    }
    Ok(())
}
