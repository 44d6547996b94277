//! Settings of Docker Engine that do otherwise than a policy.

use ipnet::IpNet;

use crate::command_line::{option_values, split_service_words};
use crate::config_value::{ConfigValue, read_json};
use crate::decisions::RegistryAccess;
use crate::docker::export::{folder_name, is_insecure};
use crate::docker::import::plain;
use crate::docker::{CERTS_FOLDER, DAEMON_JSON, EXCEPTION_MEMBER, PLUGIN, PROXY_MEMBERS, SERVICE};
use crate::docker_hub;
use crate::doctor::{Diagnosis, Disagreement, DoctorRequest};
use crate::gate::{EXCEPTION_VARIABLES, PROXY_VARIABLES, ProxyCheck, ProxySource, drop_in_path};
use crate::host_files::HostFileError;
use crate::hosts_toml::CertsFolder;
use crate::policy_view::EntryHosts;
use crate::registries::{NamedRegistry, named_registries};
use crate::registry_name::{address_of, is_loopback, split_port};
use crate::systemd_unit::{ServiceEnvironment, ServiceVariable};
use crate::text::shown;

/// Files in which dockerd's command line is written.
const COMMAND_LINE_FILES: [&str; 5] = [
    "/etc/default/docker",
    "/etc/sysconfig/docker",
    "/etc/systemd/system/docker.service",
    "/usr/lib/systemd/system/docker.service",
    "/lib/systemd/system/docker.service",
];

/// The folder of additions to dockerd's unit.
const UNIT_FOLDER: &str = "/etc/systemd/system/docker.service.d";

/// A setting with its place.
struct PlacedSetting {
    value: String,
    file: String,
    line: usize,
}

/// Settings of dockerd, from its file and its command lines.
#[derive(Default)]
struct DaemonSettings {
    insecure: Vec<PlacedSetting>,
    mirrors: Vec<PlacedSetting>,
    plugins: Vec<PlacedSetting>,
    /// The line of `insecure-registries` in the file.
    insecure_line: usize,
    /// The members of `proxies`, by their names.
    proxies: Vec<(String, PlacedSetting)>,
}

/// The proxy of dockerd: its file counts before its environment.
struct DaemonProxy<'a> {
    settings: &'a DaemonSettings,
    environment: ServiceEnvironment,
}

impl ProxySource for DaemonProxy<'_> {
    fn variable(&self, names: &[&str]) -> Option<ServiceVariable> {
        let members = self.settings.proxies.iter().filter(|(_, setting)| !setting.value.is_empty());
        let variables =
            PROXY_VARIABLES.into_iter().zip(PROXY_MEMBERS).chain([(EXCEPTION_VARIABLES[0], EXCEPTION_MEMBER)]);
        let member = variables.into_iter().find(|(variable, _)| names.contains(variable)).map(|(_, member)| member);
        let setting = members.rev().find(|(name, _)| member == Some(name.as_str())).map(|(_, setting)| setting);
        let setting = setting.map(|PlacedSetting { value, file, line }| ServiceVariable {
            value: value.clone(),
            file: file.clone(),
            line: *line,
        });
        setting.or_else(|| self.environment.get(names).cloned())
    }
}

/// Compares a policy with the settings of dockerd.
pub fn diagnose(request: &DoctorRequest<'_>) -> Result<Vec<Disagreement>, HostFileError> {
    let mut diagnosis = Diagnosis::default();
    let settings = DaemonSettings::read(request, &mut diagnosis)?;
    let registries = named_registries(&request.policy);
    diagnose_plugin(request, &settings, &mut diagnosis);
    for entry in &settings.insecure {
        diagnose_insecure(request, entry, &registries, &mut diagnosis);
    }
    diagnose_missing(&settings, &registries, &mut diagnosis);
    for mirror in &settings.mirrors {
        diagnose_mirror(request, mirror, &mut diagnosis);
    }
    diagnose_loopback(&registries, &mut diagnosis);
    diagnose_folders(request, &registries, &mut diagnosis)?;
    if let Some(gate) = request.gate {
        let environment = ServiceEnvironment::read(request.files, SERVICE)?;
        let check = ProxyCheck { gate, program: "dockerd", target: "docker", file: &drop_in_path(SERVICE) };
        check.diagnose(&DaemonProxy { settings: &settings, environment }, &mut diagnosis);
    }
    Ok(diagnosis.into_disagreements())
}

impl DaemonSettings {
    fn read(request: &DoctorRequest<'_>, diagnosis: &mut Diagnosis) -> Result<Self, HostFileError> {
        let mut settings = Self { insecure_line: 1, ..Self::default() };
        if let Some(text) = request.files.read(DAEMON_JSON)? {
            match read_json(&text) {
                Ok(document) => settings.add_file(&document),
                Err(error) => {
                    let text = format!("the file does not parse ({}): dockerd does not start with it", error.message);
                    diagnosis.fails("settings-unreadable", DAEMON_JSON, error.line, text, "correct the line");
                }
            }
        }
        let units = request.files.names_in(UNIT_FOLDER).unwrap_or_default();
        let units =
            units.into_iter().filter(|name| name.ends_with(".conf")).map(|name| format!("{UNIT_FOLDER}/{name}"));
        let mut seen = Vec::new();
        for file in COMMAND_LINE_FILES.into_iter().map(str::to_owned).chain(units) {
            // `/lib` is a link to `/usr/lib` on most hosts.
            let Some(place) = request.files.target_of(&file).filter(|place| !seen.contains(place)) else { continue };
            if let Some(text) = request.files.read(&file)? {
                settings.add_command_line(&file, &text);
            }
            seen.push(place);
        }
        Ok(settings)
    }

    fn add_file(&mut self, document: &ConfigValue) {
        let placed = |name: &str| {
            let values = document.get(name).map(ConfigValue::strings).unwrap_or_default().into_iter();
            let place = |(value, line): (&str, usize)| PlacedSetting {
                value: value.to_owned(),
                file: DAEMON_JSON.to_owned(),
                line,
            };
            values.map(place).collect::<Vec<_>>()
        };
        self.insecure_line = document.get("insecure-registries").map_or(1, |value| value.line);
        self.insecure.extend(placed("insecure-registries"));
        self.mirrors.extend(placed("registry-mirrors"));
        self.plugins.extend(placed("authorization-plugins"));
        for member in document.get("proxies").map(ConfigValue::members).unwrap_or_default() {
            let value = member.value.as_str().unwrap_or_default().to_owned();
            let setting = PlacedSetting { value, file: DAEMON_JSON.to_owned(), line: member.value.line };
            self.proxies.push((member.name.clone(), setting));
        }
    }

    fn add_command_line(&mut self, file: &str, text: &str) {
        let words = split_service_words(text);
        let options = ["--insecure-registry", "--registry-mirror", "--authorization-plugin"];
        for (name, value, line) in option_values(&words, &options) {
            let placed = PlacedSetting { value: value.to_owned(), file: file.to_owned(), line };
            match name {
                "--insecure-registry" => self.insecure.push(placed),
                "--registry-mirror" => self.mirrors.push(placed),
                _ => self.plugins.push(placed),
            }
        }
    }

    /// Returns whether dockerd goes unverified to a registry by an entry of its own.
    fn is_insecure(&self, registry: &str) -> bool {
        let address = address_of(registry);
        self.insecure.iter().any(|entry| match plain(&entry.value).parse::<IpNet>() {
            Ok(network) => address.is_some_and(|address| network.contains(&address)),
            Err(_) => plain(&entry.value) == registry,
        })
    }
}

fn diagnose_plugin(request: &DoctorRequest<'_>, settings: &DaemonSettings, diagnosis: &mut Diagnosis) {
    let is_ours = |plugin: &PlacedSetting| plugin.value == PLUGIN;
    if request.policy.view.restricts_access() && !settings.plugins.iter().any(is_ours) {
        let text = "pullgate is not among the authorization plugins, so that dockerd pulls from every registry";
        let mend = "add `\"authorization-plugins\": [\"pullgate\"]`, and reload dockerd";
        diagnosis.silent("plugin-missing", DAEMON_JSON, 0, text, mend);
    }
}

fn diagnose_insecure(
    request: &DoctorRequest<'_>,
    entry: &PlacedSetting,
    registries: &[NamedRegistry],
    diagnosis: &mut Diagnosis,
) {
    let PlacedSetting { value, file, line } = entry;
    let policy = &request.policy;
    if let Ok(network) = plain(value).parse::<IpNet>() {
        let own = policy.view.insecure.iter().any(|entry| match &entry.hosts {
            EntryHosts::Network(own) => entry.port.is_none() && own.contains(&network),
            _ => false,
        });
        let names = registries.iter().filter(|registry| !registry.is_insecure());
        let names: Vec<_> = names.map(|registry| format!("`{}`", registry.registry)).take(3).collect();
        match (own, policy.view.resolves_names) {
            (true, true) => {}
            (true, false) => {
                let names = if names.is_empty() { String::new() } else { format!(", such as {}", names.join(", ")) };
                let text = format!(
                    "dockerd takes the network `{network}` for names that resolve into it, too{names}, and the policy \
                     verifies names"
                );
                let mend = "list the registries there one by one, or set `match_resolved_addresses` in the policy";
                diagnosis.silent("network-names", file, *line, text, mend);
            }
            (false, _) => {
                let text = format!("dockerd goes unverified to all of `{network}`, and the policy does not");
                diagnosis.silent("insecure-wider", file, *line, text, "take the network out, or list it in `insecure`");
            }
        }
        return;
    }
    let registry = plain(value);
    if docker_hub::NAMES.contains(&registry) || is_insecure(&policy.registry_access(registry)) {
        return;
    }
    // What the policy denies, the plugin denies, and it is unverified as soon as the policy allows it.
    let text = format!("dockerd goes unverified to `{}`, and the policy does not", shown(registry));
    let mend = "take the entry out, or list the registry in `insecure`";
    diagnosis.silent("insecure-wider", file, *line, text, mend);
}

fn diagnose_missing(settings: &DaemonSettings, registries: &[NamedRegistry], diagnosis: &mut Diagnosis) {
    for registry in
        registries.iter().filter(|registry| registry.is_insecure() && registry.registry != docker_hub::DISPLAY_NAME)
    {
        // The registry without the port stands for this one, too.
        let is_default = registry.registry.ends_with(":443");
        if !is_default && !settings.is_insecure(&registry.registry) && !is_loopback(&registry.registry) {
            let text = format!("dockerd verifies `{}`, which the policy has as insecure", registry.registry);
            let mend = format!("add `\"{}\"` to `insecure-registries`, and reload dockerd", registry.registry);
            diagnosis.fails("insecure-missing", DAEMON_JSON, settings.insecure_line, text, mend);
        }
    }
}

fn diagnose_mirror(request: &DoctorRequest<'_>, mirror: &PlacedSetting, diagnosis: &mut Diagnosis) {
    let PlacedSetting { value, file, line } = mirror;
    let host = plain(value).split('/').next().unwrap_or_default();
    let (text, mend) = match request.policy.registry_access(host) {
        access if !access.is_allowed() => (
            format!("images of Docker Hub come from `{}`, which the policy does not allow", shown(value)),
            format!("take the mirror out, or list `{}` in the policy", shown(host)),
        ),
        RegistryAccess::Verified { .. } if value.starts_with("http://") => (
            format!("images of Docker Hub come from `{}` over plain HTTP, and the policy verifies it", shown(value)),
            "write `https://`, or list the mirror in `insecure`".to_owned(),
        ),
        _ => return,
    };
    diagnosis.silent("mirror-unnamed", file, *line, text, mend);
}

fn diagnose_loopback(registries: &[NamedRegistry], diagnosis: &mut Diagnosis) {
    for registry in registries.iter().filter(|registry| !registry.is_insecure() && is_loopback(&registry.registry)) {
        let text = format!(
            "dockerd goes unverified to `{}`, as to all of 127.0.0.0/8, and the policy verifies it",
            registry.registry
        );
        let mend = "list it in `insecure`, or give the registry another address";
        diagnosis.silent("loopback", DAEMON_JSON, 0, text, mend);
    }
}

fn diagnose_folders(
    request: &DoctorRequest<'_>,
    registries: &[NamedRegistry],
    diagnosis: &mut Diagnosis,
) -> Result<(), HostFileError> {
    let certs = CertsFolder { policy: &request.policy, files: request.files, folder: CERTS_FOLDER, program: "dockerd" };
    certs.diagnose_hosts(diagnosis);
    let folders = certs.folders();
    for registry in registries {
        let name = folder_name(registry);
        let path = format!("{CERTS_FOLDER}/{name}");
        let files = request.files.names_in(&path).unwrap_or_default();
        let mut bundle = String::new();
        for file in files.iter().filter(|file| file.ends_with(".crt")) {
            bundle.push_str(&request.files.read(&format!("{path}/{file}"))?.unwrap_or_default());
        }
        let is_default = bundle.is_empty() && name.ends_with(":443");
        if is_default || registry.is_insecure() || registry.authorities().is_empty() && bundle.is_empty() {
            continue;
        }
        if bundle.is_empty() {
            diagnose_near_miss(name, &path, &files, &folders, diagnosis);
        }
        certs.diagnose_authorities(&registry.registry, &path, 0, registry.authorities(), &bundle, diagnosis);
    }
    Ok(())
}

/// Reports what was probably meant to be the folder of a registry, or a file in it.
fn diagnose_near_miss(name: &str, path: &str, files: &[String], folders: &[String], diagnosis: &mut Diagnosis) {
    let extensions = [".pem", ".cer", ".ca"];
    if let Some(file) = files.iter().find(|file| extensions.iter().any(|extension| file.ends_with(extension))) {
        let text = format!("dockerd reads `*.crt` only, and passes over `{file}`");
        diagnosis.fails("authority-file-name", &format!("{path}/{file}"), 0, text, "rename it to `ca.crt`");
    }
    let (host, port) = split_port(name);
    if port.is_some() && !folders.iter().any(|folder| folder == name) && folders.iter().any(|folder| folder == host) {
        let text = format!("the folder `{host}` does not count for `{name}`: a folder is named by host and port");
        let mend = format!("rename it to `{CERTS_FOLDER}/{name}`");
        diagnosis.fails("folder-without-port", &format!("{CERTS_FOLDER}/{host}"), 0, text, mend);
    }
}
