//! The way of Podman, Skopeo and CRI-O through the gate.

use toml_edit::{Array, DocumentMut, Item, Table, value};

use crate::containers::engine_conf::{EngineConf, EngineConfError};
use crate::containers::{CRIO_SERVICE, GATE_CONF};
use crate::doctor::{Diagnosis, DoctorRequest};
use crate::export::{Export, ExportError, ExportRequest};
use crate::gate::{EXCEPTION_VARIABLES, GateAddress, HEADING, PROXY_VARIABLES, ProxyCheck, ProxySource, drop_in_path};
use crate::host_files::{ConfigFile, HostFileError};
use crate::systemd_unit::{ServiceEnvironment, ServiceVariable, has_unit};

/// Adds the settings by which the programs reach registries through the gate.
pub(super) fn add_gate(
    request: &ExportRequest<'_>,
    gate: &GateAddress,
    export: &mut Export,
) -> Result<(), ExportError> {
    let conf = EngineConf::read(request.files, Some(GATE_CONF)).map_err(|error| match error {
        EngineConfError::File(error) => ExportError::File(error),
        EngineConfError::Syntax(path, error) => ExportError::Syntax { path, error },
    })?;
    export.files.push(ConfigFile::text(GATE_CONF, engine_conf(&conf, gate)));
    if has_unit(request.files, CRIO_SERVICE) {
        export.files.push(gate.drop_in(CRIO_SERVICE, ""));
    }
    let notes = [
        "Podman takes its proxy from containers.conf where the environment of whoever runs it has none; Skopeo and \
         Buildah take it from that environment alone: set HTTPS_PROXY and HTTP_PROXY there",
        "the TLS in a tunnel of the gate is the program's own: registries.conf and certs.d count as without it",
    ];
    export.notes.extend(notes.map(str::to_owned));
    export.notes.extend(gate.notes());
    Ok(())
}

/// Writes the addition to containers.conf. It repeats the other variables, since its list replaces those before it.
fn engine_conf(conf: &EngineConf, gate: &GateAddress) -> String {
    let is_proxy = |element: &&ServiceVariable| {
        let name = element.value.split('=').next().unwrap_or_default().to_ascii_uppercase();
        PROXY_VARIABLES.contains(&&*name) || EXCEPTION_VARIABLES.contains(&&*name)
    };
    let kept = conf.env.iter().filter(|element| !is_proxy(element)).map(|element| element.value.clone());
    let proxies = PROXY_VARIABLES.map(|name| format!("{name}={}", gate.url()));
    let (mut containers, mut engine) = (Table::new(), Table::new());
    // In a container the address of the gate is another machine's, or nobody's.
    containers.insert("http_proxy", value(false));
    engine.insert("env", value(kept.chain(proxies).collect::<Array>()));
    let mut document = DocumentMut::new();
    document.insert("containers", Item::Table(containers));
    document.insert("engine", Item::Table(engine));
    format!("{HEADING}{document}")
}

/// Reports the ways past the gate.
pub(super) fn diagnose_gate(
    request: &DoctorRequest<'_>,
    gate: &GateAddress,
    diagnosis: &mut Diagnosis,
) -> Result<(), HostFileError> {
    match EngineConf::read(request.files, None) {
        Ok(conf) => {
            ProxyCheck { gate, program: "Podman", target: "containers", file: GATE_CONF }.diagnose(&conf, diagnosis);
            let passes = conf.passes_proxy.clone().unwrap_or((true, GATE_CONF.to_owned(), 0));
            if let (true, file, line) = passes {
                let text = "containers get the variables of the proxy, and reach no gate there: 127.0.0.1 is their own";
                let mend = "write `http_proxy = false` below `[containers]`: `pullgate export --gate` does";
                diagnosis.fails("gate-in-containers", &file, line, text, mend);
            }
        }
        Err(EngineConfError::File(error)) => return Err(error),
        Err(EngineConfError::Syntax(file, error)) => {
            let text = format!("the file does not parse ({}), so that Podman does not start", error.message);
            diagnosis.fails("settings-unreadable", &file, error.line, text, "correct the line");
        }
    }
    if has_unit(request.files, CRIO_SERVICE) {
        let environment = ServiceEnvironment::read(request.files, CRIO_SERVICE)?;
        let file = drop_in_path(CRIO_SERVICE);
        ProxyCheck { gate, program: "CRI-O", target: "containers", file: &file }.diagnose(&environment, diagnosis);
    }
    Ok(())
}

impl ProxySource for EngineConf {
    fn variable(&self, names: &[&str]) -> Option<ServiceVariable> {
        self.get(names)
    }
}
