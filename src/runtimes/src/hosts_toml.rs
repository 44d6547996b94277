//! `hosts.toml` as containerd reads it, and Docker Engine from 28 on: the hosts that serve a registry, in order.

use std::collections::BTreeMap;
use std::path::Path;

use crate::config_value::{ConfigSyntaxError, ConfigValue, read_toml};
use crate::decisions::{PolicyContext, RegistryAccess};
use crate::docker_hub;
use crate::doctor::Diagnosis;
use crate::host_files::HostFiles;
use crate::import::{Import, ImportSeverity, Origin, SourceFile};
use crate::registry_name::{exact_entry, split_port};
use crate::text::shown;

/// The name of the file.
pub(crate) const FILE_NAME: &str = "hosts.toml";

/// The folder of registries that have no folder of their own.
pub(crate) const DEFAULT_FOLDER: &str = "_default";

/// The words of `capabilities` that containerd 2.1 knows. Another one makes the file unreadable.
const CAPABILITIES: [&str; 3] = ["pull", "push", "resolve"];

/// A parsed file.
#[derive(Clone, Debug)]
pub(crate) struct HostsFile {
    /// The hosts, in the order in which they are asked: those of tables, then `server`.
    pub hosts: Vec<HostEntry>,
    /// True if there is a `server`; without one the registry itself is asked last.
    pub has_server: bool,
    /// True if there are tables of hosts.
    pub has_tables: bool,
}

/// A host of a file.
#[derive(Clone, Debug)]
pub(crate) struct HostEntry {
    pub url: String,
    pub line: usize,
    pub skips_verification: bool,
    /// The paths of certificate authorities, with their lines.
    pub authorities: Vec<(String, usize)>,
}

impl HostsFile {
    /// Parses a file, with the errors that containerd finds in it.
    pub fn parse(text: &str) -> Result<Self, ConfigSyntaxError> {
        let document = read_toml(text)?;
        let mut hosts = Vec::new();
        let tables = document.get("host").map(ConfigValue::members).unwrap_or_default();
        for member in tables {
            hosts.push(HostEntry::parse(&member.name, member.line, &member.value)?);
        }
        let server = document.get("server").filter(|server| !server.is_empty());
        if let Some(server) = server {
            let url = server.as_str().ok_or_else(|| error(server, "`server` is no text"))?;
            hosts.push(HostEntry::parse(url, server.line, &document)?);
        }
        Ok(Self { hosts, has_server: server.is_some(), has_tables: !tables.is_empty() })
    }
}

impl HostEntry {
    fn parse(url: &str, line: usize, table: &ConfigValue) -> Result<Self, ConfigSyntaxError> {
        for (word, line) in table.get("capabilities").map(ConfigValue::strings).unwrap_or_default() {
            if !CAPABILITIES.contains(&word) {
                let message = format!("`{}` is no capability that containerd 2.1 knows", shown(word));
                return Err(ConfigSyntaxError { line, message });
            }
        }
        let skips = match table.get("skip_verify") {
            Some(value) => value.as_bool().ok_or_else(|| error(value, "`skip_verify` is no boolean"))?,
            None => false,
        };
        let authorities = table.get("ca").map(ConfigValue::strings).unwrap_or_default();
        let url = if url.starts_with("http") { url.to_owned() } else { format!("https://{url}") };
        Ok(Self {
            url,
            line,
            skips_verification: skips,
            authorities: authorities.into_iter().map(|(path, line)| (path.to_owned(), line)).collect(),
        })
    }

    /// Returns whether the host is reached without verification.
    pub fn is_unverified(&self) -> bool {
        self.skips_verification || self.url.starts_with("http://")
    }

    /// Returns the host and port, without the default port of the scheme.
    pub fn registry(&self) -> String {
        let (scheme, rest) = self.url.split_once("://").unwrap_or(("https", &self.url));
        let authority = rest.split('/').next().unwrap_or_default();
        match split_port(authority) {
            (host, Some(443)) if scheme == "https" => host.to_owned(),
            (host, Some(80)) if scheme == "http" => host.to_owned(),
            _ => authority.to_owned(),
        }
    }

    /// Returns whether the host is the registry itself.
    pub fn is_registry(&self, registry: &str) -> bool {
        let own = self.registry();
        let name = match split_port(registry) {
            (host, Some(443)) => host,
            _ => registry,
        };
        own == name
            || own == registry
            || name == docker_hub::DISPLAY_NAME && docker_hub::NAMES.contains(&own.as_str())
            || self.url.starts_with("http://") && split_port(registry) == (&own, Some(80))
    }
}

fn error(value: &ConfigValue, message: &str) -> ConfigSyntaxError {
    ConfigSyntaxError { line: value.line, message: message.to_owned() }
}

/// Returns the registry of a folder: `HOST_PORT_` stands for `HOST:PORT`. `None` for the folder of all others.
pub(crate) fn registry_of_folder(folder: &str) -> Option<String> {
    if folder == DEFAULT_FOLDER {
        return None;
    }
    let with_port = folder.strip_suffix('_').and_then(|rest| rest.rsplit_once('_'));
    Some(match with_port {
        Some((host, port)) if !host.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{host}:{port}")
        }
        _ => folder.to_owned(),
    })
}

/// Returns the names that the folder of a registry can have, the one that counts first.
pub(crate) fn folder_names(registry: &str) -> Vec<String> {
    match registry.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => vec![format!("{host}_{port}_"), registry.to_owned()],
        _ => vec![registry.to_owned()],
    }
}

/// Imports the folders of `certs.d`.
pub(crate) fn import_folders(sources: &[SourceFile], import: &mut Import) {
    let mut folders: BTreeMap<String, Vec<&SourceFile>> = BTreeMap::new();
    for source in sources {
        let folder = Path::new(&source.path).parent().and_then(Path::file_name).and_then(|name| name.to_str());
        folders.entry(folder.unwrap_or_default().to_owned()).or_default().push(source);
    }
    let names: Vec<String> = folders.keys().cloned().collect();
    for (folder, files) in &folders {
        let registry = registry_of_folder(folder);
        let shadow = registry.iter().flat_map(|registry| folder_names(registry));
        if let Some(first) = shadow.take_while(|name| name != folder).find(|name| names.contains(name)) {
            let message = format!("containerd reads the folder `{first}` in place of this one");
            import.report("folder-shadowed", ImportSeverity::Warning, Origin::new(&files[0].path, 0), message);
            continue;
        }
        let is_hosts = |file: &&&SourceFile| Path::new(&file.path).file_name().is_some_and(|name| name == FILE_NAME);
        match files.iter().find(is_hosts) {
            Some(file) => self::import(file, sources, import),
            // Without a hosts.toml the folder is one of Docker's.
            None => {
                for file in files.iter().filter(|file| file.path.ends_with(".crt")) {
                    let registries = registry.iter().map(|registry| exact_entry(registry)).collect();
                    import.add_authority(&file.text, Some(registries), Origin::new(&file.path, 0));
                }
            }
        }
    }
}

/// Imports a file of a folder. Files of authorities are taken from the other sources.
pub(crate) fn import(source: &SourceFile, sources: &[SourceFile], import: &mut Import) {
    let path = &source.path;
    let hosts = match HostsFile::parse(&source.text) {
        Ok(hosts) => hosts,
        Err(error) => {
            return import.report_syntax(path, &error, "containerd passes over it, and asks the registry directly");
        }
    };
    let folder = Path::new(path).parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or_default();
    let registry = registry_of_folder(folder).filter(|registry| !registry.is_empty());
    if hosts.has_server && !hosts.has_tables {
        let message = "up to 1.7.31 containerd cannot read a file without `[host]` tables, and passes over it";
        import.report("hosts-without-tables", ImportSeverity::Warning, Origin::new(path, 1), message);
    }
    for host in &hosts.hosts {
        let origin = Origin::new(path, host.line);
        let Some(registry) = registry.as_deref().filter(|registry| host.is_registry(registry)) else {
            let of = registry.as_deref().map_or("every registry without a folder", |registry| registry);
            let message = format!(
                "images of {} come from `{}`: the policy decides about the names of images, and has no word about the \
                mirror",
                shown(of),
                shown(&host.url)
            );
            import.report("mirror", ImportSeverity::Warning, origin, message);
            continue;
        };
        if host.is_unverified() {
            let setting = if host.skips_verification { "skip_verify" } else { "http" };
            import.add_insecure_registry(registry, |name| is_unverified(name, sources), origin, setting);
            continue;
        }
        for (authority, line) in &host.authorities {
            let origin = Origin::new(path, *line);
            let text = sources.iter().find(|other| is_same_file(&other.path, authority, path));
            match text {
                Some(text) => import.add_authority(&text.text, Some(vec![exact_entry(registry)]), origin),
                None => {
                    let message =
                        format!("the authority in `{}` is not imported: give that file, too", shown(authority));
                    import.report("authority-elsewhere", ImportSeverity::Error, origin, message);
                }
            }
        }
    }
}

/// Returns whether a folder of a registry has hosts that are not verified.
fn is_unverified(registry: &str, sources: &[SourceFile]) -> bool {
    let names = folder_names(registry);
    let files = sources.iter().filter(|source| {
        let path = Path::new(&source.path);
        let folder = path.parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or_default();
        path.file_name().is_some_and(|name| name == FILE_NAME) && names.iter().any(|name| name == folder)
    });
    let mut files = files.filter_map(|file| HostsFile::parse(&file.text).ok());
    files.any(|file| file.hosts.iter().any(|host| host.is_registry(registry) && host.is_unverified()))
}

/// Returns whether a source is the file that a file of the host names: by its whole path, or by one in the same folder.
pub(crate) fn is_same_file(source: &str, named: &str, by: &str) -> bool {
    let beside = Path::new(by).parent().unwrap_or(Path::new(""));
    let same_folder = Path::new(named).file_name().is_some_and(|name| beside.join(name) == Path::new(source));
    let folders = |path: &Path| path.parent().and_then(Path::file_name).map(ToOwned::to_owned);
    Path::new(source) == Path::new(named)
        || Path::new(source).ends_with(named.trim_start_matches('/'))
        || same_folder && (!named.contains('/') || folders(Path::new(named)) == folders(Path::new(by)))
}

/// Reports a file that does not parse.
pub(crate) fn diagnose_hosts_syntax(path: &str, error: &ConfigSyntaxError, program: &str, diagnosis: &mut Diagnosis) {
    let text = format!(
        "the file does not parse ({}), so that {program} passes over it and asks the registry directly",
        error.message
    );
    diagnosis.silent("hosts-unreadable", path, error.line, text, "correct the line");
}

/// A `certs.d` of a host.
pub(crate) struct CertsFolder<'a> {
    pub policy: &'a PolicyContext<'a>,
    pub files: &'a HostFiles,
    pub folder: &'a str,
    /// The name of the program in sentences.
    pub program: &'a str,
}

impl CertsFolder<'_> {
    /// Returns the names of folders of registries.
    pub fn folders(&self) -> Vec<String> {
        let names = self.files.names_in(self.folder).unwrap_or_default().into_iter();
        names.filter(|name| self.files.is_folder(&format!("{}/{name}", self.folder))).collect()
    }

    /// Returns the folder of a registry that counts.
    pub fn folder_of(&self, registry: &str) -> Option<String> {
        let names = folder_names(registry).into_iter();
        names.map(|name| format!("{}/{name}", self.folder)).find(|path| self.files.is_folder(path))
    }

    /// Compares every `hosts.toml`. Returns the registries that have one that can be read.
    pub fn diagnose_hosts(&self, diagnosis: &mut Diagnosis) -> Vec<String> {
        let mut read = Vec::new();
        for folder in self.folders() {
            let path = format!("{}/{folder}/{FILE_NAME}", self.folder);
            let Ok(Some(text)) = self.files.read(&path) else { continue };
            let hosts = match HostsFile::parse(&text) {
                Ok(hosts) => hosts,
                Err(error) => {
                    diagnose_hosts_syntax(&path, &error, self.program, diagnosis);
                    continue;
                }
            };
            let registry = registry_of_folder(&folder);
            read.extend(registry.clone());
            if hosts.has_server && !hosts.has_tables {
                let text = "up to 1.7.31 containerd cannot read a file without `[host]` tables, and asks the registry \
                directly";
                diagnosis.silent("hosts-without-tables", &path, 1, text, "add a `[host.\"URL\"]` table for the server");
            }
            for host in &hosts.hosts {
                self.diagnose_host(registry.as_deref(), &path, host, diagnosis);
            }
            if let Some(registry) = &registry {
                self.diagnose_registry(registry, &path, &hosts, diagnosis);
            }
        }
        read
    }

    fn diagnose_host(&self, registry: Option<&str>, path: &str, host: &HostEntry, diagnosis: &mut Diagnosis) {
        let is_own = registry.is_some_and(|registry| host.is_registry(registry));
        let name = if is_own { registry.unwrap_or_default().to_owned() } else { host.registry() };
        let of = registry.unwrap_or("every registry without a folder of its own");
        match self.policy.registry_access(&name) {
            access if !is_own && !access.is_allowed() => {
                let text = format!("images of {of} come from `{}`, which the policy does not allow", shown(&host.url));
                let mend = format!("take the host out, or list `{}` in the policy", shown(&name));
                diagnosis.silent("mirror-unnamed", path, host.line, text, mend);
            }
            RegistryAccess::Verified { .. } if host.is_unverified() => {
                let how = if host.skips_verification { "without verifying its certificate" } else { "over plain HTTP" };
                let text = format!("{} reaches `{name}` {how}, and the policy verifies it", self.program);
                let mend = "take `skip_verify` out and write `https://`, or list the registry in `insecure`";
                diagnosis.silent("hosts-unverified", path, host.line, text, mend);
            }
            _ => {}
        }
        for (authority, line) in &host.authorities {
            let folder = Path::new(path).parent().unwrap_or(Path::new("/"));
            let file = folder.join(authority).display().to_string();
            if !self.files.is_file(&file) {
                let text = format!("there is no file `{}`, so that every pull of {of} fails", shown(&file));
                diagnosis.fails(
                    "authority-file-missing",
                    path,
                    *line,
                    text,
                    "write the certificates there, or take the line out",
                );
            }
        }
    }

    /// Compares what the registry itself is reached by.
    fn diagnose_registry(&self, registry: &str, path: &str, hosts: &HostsFile, diagnosis: &mut Diagnosis) {
        let own: Vec<_> = hosts.hosts.iter().filter(|host| host.is_registry(registry)).collect();
        let line = own.first().map_or(1, |host| host.line);
        match self.policy.registry_access(registry) {
            RegistryAccess::Insecure { .. } if !own.iter().any(|host| host.is_unverified()) => {
                let text = format!("{} verifies `{registry}`, which the policy has as insecure", self.program);
                let mend = "write `skip_verify = true`, or an `http://` host: `pullgate export` does";
                diagnosis.fails("insecure-missing", path, line, text, mend);
            }
            RegistryAccess::Verified { authorities, .. } if !authorities.is_empty() => {
                let known = own.iter().flat_map(|host| &host.authorities).map(|(file, _)| file);
                let folder = Path::new(path).parent().unwrap_or(Path::new("/"));
                let texts =
                    known.filter_map(|file| self.files.read(&folder.join(file).display().to_string()).ok().flatten());
                let bundle: String = texts.collect();
                self.diagnose_authorities(registry, path, line, &authorities, &bundle, diagnosis);
            }
            _ => {}
        }
    }

    /// Reports the authorities of the policy that a bundle lacks, and those of the bundle that the policy does not
    /// have.
    pub fn diagnose_authorities(
        &self,
        registry: &str,
        path: &str,
        line: usize,
        wanted: &[String],
        bundle: &str,
        diagnosis: &mut Diagnosis,
    ) {
        let there: Vec<_> = pullgate::check_certificates(bundle.as_bytes(), 0).certificates;
        for fingerprint in wanted.iter().filter(|wanted| !there.iter().any(|each| each.sha256 == **wanted)) {
            let text = format!(
                "{} does not have the authority `{}` for `{registry}`, by which the policy verifies it",
                self.program,
                shown(self.policy.authority_title(fingerprint))
            );
            let mend = "write its certificate there in plain PEM: `pullgate export` does";
            diagnosis.fails("authority-missing", path, line, text, mend);
        }
        for certificate in there.iter().filter(|each| !wanted.contains(&each.sha256)) {
            let text = format!(
                "{} takes certificates of `{}` for `{registry}`, an authority that the policy does not have for it",
                self.program,
                shown(&certificate.subject)
            );
            let mend = "take the certificate out, or add it to `certificate_authorities`";
            diagnosis.silent("authority-unnamed", path, line, text, mend);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_stand_for_registries() {
        for (folder, registry) in [
            ("h.example", Some("h.example")),
            ("h.example_5000_", Some("h.example:5000")),
            ("h.example:5000", Some("h.example:5000")),
            ("[2001:db8::1]_5000_", Some("[2001:db8::1]:5000")),
            ("_default", None),
            ("a_b_", Some("a_b_")),
        ] {
            assert_eq!(registry_of_folder(folder).as_deref(), registry, "{folder}");
        }
        assert_eq!(folder_names("h:5000"), ["h_5000_", "h:5000"]);
        assert_eq!(folder_names("[2001:db8::1]"), ["[2001:db8::1]"]);
    }

    #[test]
    fn hosts_are_asked_in_the_order_of_the_file_and_the_server_last() {
        let text = "server = \"https://h:5000\"\nca = \"/x\"\n[host.\"http://m\"]\nskip_verify = true\n[host.n]\nca = \
        [\"a\", \"b\"]\n";
        let hosts = HostsFile::parse(text).unwrap();
        let urls: Vec<_> = hosts.hosts.iter().map(|host| host.url.as_str()).collect();
        assert_eq!(urls, ["http://m", "https://n", "https://h:5000"]);
        assert_eq!(hosts.hosts[1].authorities.len(), 2);
        assert!(hosts.hosts[0].is_unverified() && hosts.hosts[2].is_registry("h:5000"));
        assert_eq!(
            HostsFile::parse("[host.\"https://h\"]\ncapabilities = [\"pull\", \"referrers\"]\n").unwrap_err().line,
            2
        );
        assert!(HostsFile::parse("[host.\"https://h\"]\nskip_verify = \"yes\"\n").is_err());
    }
}
