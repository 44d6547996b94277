//! `containers.conf` as Podman reads it, as far as it decides about proxies: the environment of the engine, and whether
//! containers get it.

use crate::config_value::{ConfigKind, ConfigSyntaxError, ConfigValue, read_toml};
use crate::host_files::{HostFileError, HostFiles};
use crate::systemd_unit::ServiceVariable;

/// The files, each counting before those in front of it.
const CONF_FILES: [&str; 2] = ["/usr/share/containers/containers.conf", "/etc/containers/containers.conf"];

/// The folder of additions, which count before the files.
const CONF_FOLDER: &str = "/etc/containers/containers.conf.d";

/// The merged settings.
#[derive(Debug, Default)]
pub(super) struct EngineConf {
    /// `env`, each element with its place. Podman sets those that its own environment does not have.
    pub env: Vec<ServiceVariable>,
    /// `http_proxy`, with its file and line. Without it containers get the variables.
    pub passes_proxy: Option<(bool, String, usize)>,
}

/// A file that cannot be read.
pub(super) enum EngineConfError {
    File(HostFileError),
    Syntax(String, ConfigSyntaxError),
}

impl EngineConf {
    /// Reads the settings of a host, without the file of this path.
    pub fn read(files: &HostFiles, without: Option<&str>) -> Result<Self, EngineConfError> {
        let mut conf = Self::default();
        let additions = files.names_in(CONF_FOLDER).unwrap_or_default().into_iter();
        let additions = additions.filter(|name| name.ends_with(".conf")).map(|name| format!("{CONF_FOLDER}/{name}"));
        let paths = CONF_FILES.into_iter().map(str::to_owned).chain(additions);
        for path in paths.filter(|path| Some(path.as_str()) != without) {
            if let Some(text) = files.read(&path).map_err(EngineConfError::File)? {
                let document = read_toml(&text).map_err(|error| EngineConfError::Syntax(path.clone(), error))?;
                conf.merge(&path, &document);
            }
        }
        Ok(conf)
    }

    fn merge(&mut self, file: &str, document: &ConfigValue) {
        if let Some(env) = document.at(&["engine", "env"]) {
            // From version 5 on a list can have this element, with which it does not replace the one before.
            let appends = |element: &ConfigValue| {
                matches!(element.kind, ConfigKind::Map(_))
                    && element.get("append").and_then(ConfigValue::as_bool) == Some(true)
            };
            if !env.elements().iter().any(appends) {
                self.env.clear();
            }
            let elements = env.strings().into_iter();
            self.env.extend(elements.map(|(value, line)| ServiceVariable {
                value: value.to_owned(),
                file: file.to_owned(),
                line,
            }));
        }
        if let Some(value) = document.at(&["containers", "http_proxy"])
            && let Some(passes) = value.as_bool()
        {
            self.passes_proxy = Some((passes, file.to_owned(), value.line));
        }
    }

    /// Returns a variable that is not empty, by the first of these names that has one.
    pub fn get(&self, names: &[&str]) -> Option<ServiceVariable> {
        names.iter().find_map(|name| {
            let mut elements = self.env.iter().rev();
            elements.find_map(|element| {
                let value = element.value.strip_prefix(name)?.strip_prefix('=').filter(|value| !value.is_empty())?;
                Some(ServiceVariable { value: value.to_owned(), ..element.clone() })
            })
        })
    }
}
