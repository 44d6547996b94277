//! The daemon's settings: from a file, or from flags of the same names, which take precedence.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum, ValueHint};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use thiserror::Error;

use crate::admission::audit_log::AuditSink;
use crate::admission::enforcement::{Enforcement, FrontendEnforcement};
use crate::server::tls_files::TlsFiles;
use crate::util::sanitize::io_error_reason;

/// The default port of the API.
const DEFAULT_PORT: u16 = 8730;

/// An error of the settings. The texts are human-readable.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read the settings `{path}`: {}", io_error_reason(.error))]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// The file is no TOML, or has an unknown member or value.
    #[error("`{path}` cannot be used: {error}")]
    Invalid {
        /// The path.
        path: PathBuf,
        /// The error with its place.
        error: Box<toml::de::Error>,
    },
    /// Authorities for updates without any for clients.
    #[error("--update-ca needs --client-ca: it says which of the clients with a certificate may replace the policy")]
    UpdateCaWithoutClientCa,
    /// A certificate without a key, or the reverse.
    #[error("TLS needs both --tls-certificate and --tls-key")]
    IncompleteTls,
    /// Client certificates without TLS.
    #[error("--client-ca needs TLS: give --tls-certificate and --tls-key too")]
    ClientCaWithoutTls,
    /// Webhooks without TLS.
    #[error("Kubernetes calls webhooks over TLS only: give --tls-certificate and --tls-key")]
    KubernetesWithoutTls,
    /// Policy updates without authentication.
    #[error("--allow-policy-updates needs --token-file or --client-ca, to know whose policy it takes")]
    UpdatesWithoutAuthentication,
    /// Policy updates on a local address with client certificates only.
    #[error("on loopback and on unix sockets there is no TLS, so --allow-policy-updates needs --token-file")]
    LocalUpdatesWithoutToken,
    /// Policy updates without a policy file.
    #[error("--allow-policy-updates needs --policy: the example policy is in no file")]
    UpdatesWithoutPolicy,
    /// DNS servers, and no DNS.
    #[error("--no-dns and --dns-server contradict each other: leave one of them out")]
    ContradictoryDns,
    /// A gate on a reachable address without authentication.
    #[error(
        "refusing to serve the gate on `{0}`, where others than this machine can reach it: give --require-whitelist, and \
         --gate-token-file or --client-ca; or listen on 127.0.0.1"
    )]
    ExposedGate(String),
    /// An API on a reachable address without authentication.
    #[error(
        "refusing to serve the API on `{0}`, where others than this machine can reach it: give --tls-certificate and \
         --tls-key, and --token-file or --client-ca; or listen on 127.0.0.1 or on a unix socket"
    )]
    ExposedApi(String),
}

/// An address that cannot be parsed. The texts are human-readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// Neither an address and port nor a unix socket.
    #[error("write an address and a port, such as 127.0.0.1:8730, or unix:PATH")]
    Listen,
    /// `unix:` without a path.
    #[error("write the path of the socket after `unix:`")]
    EmptyUnixPath,
    /// No address of a DNS server.
    #[error(
        "write an address, such as 10.0.0.1 or 2001:db8::1, or an address and a port, such as 10.0.0.1:5353 or \
         [2001:db8::1]:5353"
    )]
    DnsServer,
    /// No address and port.
    #[error("write an address and a port, such as 0.0.0.0:8443 or [::]:8443")]
    Tcp,
    /// No path of a unix socket.
    #[error("write the path of the socket, such as /run/docker/plugins/pullgate.sock")]
    EmptySocketPath,
}

/// A name that cannot be used. The texts are human-readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// An empty project.
    #[error("a project has a name: leave the setting out for none")]
    EmptyProject,
    /// An image name that no container can have.
    #[error("write the image as the template has it, such as `auto`")]
    OpenImage,
}

/// The settings. In the file the members have the names of the flags, with `_` in place of `-`.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The policy file, JSON or TOML; an example policy where there is none.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub policy: Option<PathBuf>,

    /// Refuses a policy without `whitelist`, at the start and later: without it every registry is allowed, and a file
    /// that was cut off may have lost it.
    #[arg(long)]
    pub require_whitelist: bool,

    /// Serves the page and the HTTP API here: `ADDRESS:PORT`, or `unix:PATH`; `127.0.0.1:8730` by default. Other than
    /// on loopback and unix sockets this needs TLS and authentication.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<ListenAddr>,

    /// Serves Docker Engine's authorization plugin on this unix socket, such as /run/docker/plugins/pullgate.sock.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, value_parser = parse_socket_path)]
    #[serde(deserialize_with = "socket_setting")]
    pub docker_socket: Option<PathBuf>,

    /// Serves Kubernetes' webhooks here, over TLS: `ADDRESS:PORT`.
    #[arg(long, value_name = "ADDRESS", value_parser = parse_tcp_addr)]
    #[serde(deserialize_with = "tcp_setting")]
    pub kubernetes_listen: Option<SocketAddr>,

    /// Serves the gate here, a proxy through which container engines reach the registries that the policy allows:
    /// `ADDRESS:PORT`, such as 127.0.0.1:8733. Other than on loopback this needs `require_whitelist`, and
    /// --gate-token-file or --client-ca.
    #[arg(long, value_name = "ADDRESS", value_parser = parse_tcp_addr)]
    #[serde(deserialize_with = "tcp_setting")]
    pub gate: Option<SocketAddr>,

    /// The certificate of the TLS listeners, PEM, with its intermediates. It is read again when it changes.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "TLS and authentication")]
    pub tls_certificate: Option<PathBuf>,

    /// The private key of the certificate, PEM, not encrypted.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "TLS and authentication")]
    pub tls_key: Option<PathBuf>,

    /// Lets in only clients with a certificate of these certificate authorities, PEM.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "TLS and authentication")]
    pub client_ca: Option<PathBuf>,

    /// The file of the bearer token, which gives access to the HTTP API from elsewhere, and to policy updates from
    /// anywhere. It is read again when it changes.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "TLS and authentication")]
    pub token_file: Option<PathBuf>,

    /// Takes a new policy only from clients with a certificate of these certificate authorities, PEM, and from none with
    /// one of --client-ca: whoever may call the webhooks need not decide about the policy.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "TLS and authentication")]
    pub update_ca: Option<PathBuf>,

    /// Takes a new policy over the HTTP API, from callers with the token or a client certificate.
    #[arg(long, help_heading = "TLS and authentication")]
    pub allow_policy_updates: bool,

    /// The effect of a denial in Docker Engine; `deny` by default.
    #[arg(long, value_enum, value_name = "EFFECT", help_heading = "Docker Engine")]
    pub docker_enforcement: Option<Enforcement>,

    /// The project of the policy that this Docker Engine belongs to. By default it belongs to none, and the global
    /// lists decide.
    #[arg(long, value_name = "PROJECT", value_parser = parse_project, help_heading = "Docker Engine")]
    #[serde(deserialize_with = "project_setting")]
    pub docker_project: Option<String>,

    /// Containers of images without a registry in their names, which dockerd has or does not find: `docker create`,
    /// `docker run`; `local` by default.
    #[arg(long, value_enum, value_name = "WHICH", help_heading = "Docker Engine")]
    pub docker_creates: Option<CreateDecision>,

    /// Builds, the registries of which cannot be seen: `POST /build`, BuildKit's sessions, and the image of a BuildKit
    /// of its own, `moby/buildkit`.
    #[arg(long, value_enum, value_name = "WHEN", help_heading = "Docker Engine")]
    pub docker_builds: Option<OperationPermission>,

    /// Images from a URL or a tar file: `docker import`, `docker load`.
    #[arg(long, value_enum, value_name = "WHEN", help_heading = "Docker Engine")]
    pub docker_imports: Option<OperationPermission>,

    /// Logins, the registry of which cannot be seen: `POST /auth`.
    #[arg(long, value_enum, value_name = "WHEN", help_heading = "Docker Engine")]
    pub docker_logins: Option<OperationPermission>,

    /// Giving an image another name: `docker tag`, `docker commit`.
    #[arg(long, value_enum, value_name = "WHEN", help_heading = "Docker Engine")]
    pub docker_tags: Option<OperationPermission>,

    /// The effect of a denial in containerd; `deny` by default. The image verifier's own settings say what happens
    /// where it has no answer of the daemon.
    #[arg(long, value_enum, value_name = "EFFECT", help_heading = "containerd")]
    pub containerd_enforcement: Option<Enforcement>,

    /// The project of the policy that this containerd belongs to. By default it belongs to none, and the global lists
    /// decide.
    #[arg(long, value_name = "PROJECT", value_parser = parse_project, help_heading = "containerd")]
    #[serde(deserialize_with = "project_setting")]
    pub containerd_project: Option<String>,

    /// The effect of a denial in Kubernetes; `deny` by default. `audit` shows warnings in place of denials.
    #[arg(long, value_enum, value_name = "EFFECT", help_heading = "Kubernetes")]
    pub kubernetes_enforcement: Option<Enforcement>,

    /// An image name that another webhook replaces when a pod is created, such as `auto` of Istio: allowed in
    /// templates, and denied in pods; may be repeated.
    #[arg(long, value_name = "IMAGE", value_parser = parse_open_image, help_heading = "Kubernetes")]
    #[serde(deserialize_with = "open_images_setting")]
    pub kubernetes_open_images: Vec<String>,

    /// The project of the policy that the clients of the gate belong to. By default they belong to none, and the global
    /// lists decide.
    #[arg(long, value_name = "PROJECT", value_parser = parse_project, help_heading = "Gate")]
    #[serde(deserialize_with = "project_setting")]
    pub gate_project: Option<String>,

    /// The file of the token that clients of the gate give as the password of the proxy. It is read again when it
    /// changes. On loopback it is needed for pulls with --gate-credentials only.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Gate")]
    pub gate_token_file: Option<PathBuf>,

    /// The file of the credentials with which images are pulled through the gate, of the shape of Docker's config.json;
    /// its credential helpers are used. On loopback it then serves pulls to root, to the daemon's own user, and to
    /// those with the token.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Gate")]
    pub gate_credentials: Option<PathBuf>,

    /// The hosts that registries may redirect pulls through the gate to: `listed` ones, the default; with `content`, a
    /// blob that is checked by its digest may come from others too.
    #[arg(long, value_enum, value_name = "HOSTS", help_heading = "Gate")]
    pub gate_redirects: Option<RedirectPolicy>,

    /// Asks no DNS server for a decision: what depends on DNS is denied. Testing a connection looks up names all the
    /// same.
    #[arg(long, help_heading = "DNS")]
    pub no_dns: bool,

    /// Asks this DNS server in place of those of /etc/resolv.conf, `ADDRESS` or `ADDRESS:PORT`, also for the addresses
    /// that are connected to when a connection is tested; may be repeated.
    #[arg(long, value_name = "ADDRESS", value_parser = parse_dns_server, help_heading = "DNS")]
    #[serde(deserialize_with = "dns_setting")]
    pub dns_server: Vec<SocketAddr>,

    /// Maximum number of concurrent decisions. Each has the policy in memory of its own: some 400 bytes for each entry.
    /// By default as many as there are processors.
    #[arg(long, value_name = "NUMBER")]
    pub instances: Option<NonZeroUsize>,

    /// Destination of the audit record: `stdout`, `journald`, `off`, or the path of a file; `stdout` by default. SIGHUP
    /// reopens the file after it was renamed.
    #[arg(long, value_name = "TARGET", help_heading = "Record")]
    pub audit: Option<AuditSink>,
}

/// The images of new containers that the rules decide about. dockerd never pulls in `POST /containers/create`: an
/// image that it does not have is an error, and the client pulls in a request of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum CreateDecision {
    /// Those with a registry in their names; others are local images, and allowed.
    Local,
    /// All but those by their whole ids. A name without a registry counts as Docker Hub's.
    Decide,
}

/// The permission of an operation that the rules cannot evaluate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum OperationPermission {
    /// Always.
    Allow,
    /// Never.
    Deny,
    /// While whitelist mode is off.
    WithoutWhitelist,
}

impl OperationPermission {
    /// Returns whether the operation is allowed, with whitelist mode on or off.
    pub fn allows(self, whitelist: bool) -> bool {
        match self {
            Self::Allow => true,
            Self::Deny => false,
            Self::WithoutWhitelist => !whitelist,
        }
    }
}

/// The hosts that a registry may redirect pulls through the gate to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum RedirectPolicy {
    /// Those that the policy allows.
    #[default]
    Listed,
    /// For whole blobs by digest also those that no entry covers, over verified HTTPS on port 443 at public addresses.
    Content,
}

/// The address of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddr {
    /// An IP address and port.
    Tcp(SocketAddr),
    /// The path of a unix socket.
    Unix(PathBuf),
}

impl ListenAddr {
    /// Returns whether only this machine reaches the address.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl std::str::FromStr for ListenAddr {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("unix:") {
            Some("") => Err(AddressError::EmptyUnixPath),
            Some(path) => Ok(Self::Unix(path.into())),
            None => text.parse().map(Self::Tcp).map_err(|_| AddressError::Listen),
        }
    }
}

impl std::fmt::Display for ListenAddr {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => write!(formatter, "{address}"),
            Self::Unix(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}

impl<'de> Deserialize<'de> for ListenAddr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for AuditSink {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The default port of DNS.
const DEFAULT_DNS_PORT: u16 = 53;

fn parse_dns_server(text: &str) -> Result<SocketAddr, AddressError> {
    let bare = |_| text.parse::<IpAddr>().map(|address| SocketAddr::new(address, DEFAULT_DNS_PORT));
    text.parse().or_else(bare).map_err(|_| AddressError::DnsServer)
}

fn parse_tcp_addr(text: &str) -> Result<SocketAddr, AddressError> {
    text.parse().map_err(|_| AddressError::Tcp)
}

/// Parses the path of a unix socket, also with the prefix `unix:`.
fn parse_socket_path(text: &str) -> Result<PathBuf, AddressError> {
    match text.strip_prefix("unix:").unwrap_or(text) {
        "" => Err(AddressError::EmptySocketPath),
        path => Ok(path.into()),
    }
}

fn parse_project(text: &str) -> Result<String, NameError> {
    if text.is_empty() { Err(NameError::EmptyProject) } else { Ok(text.to_owned()) }
}

/// Parses an open image. One with blanks could never stand in an object, and an empty one is open anyway.
fn parse_open_image(text: &str) -> Result<String, NameError> {
    let is_name = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_name { Ok(text.to_owned()) } else { Err(NameError::OpenImage) }
}

fn project_setting<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    parse_project(&String::deserialize(deserializer)?).map(Some).map_err(D::Error::custom)
}

fn open_images_setting<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| parse_open_image(text)).collect::<Result<_, _>>().map_err(D::Error::custom)
}

fn tcp_setting<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    parse_tcp_addr(&String::deserialize(deserializer)?).map(Some).map_err(D::Error::custom)
}

fn socket_setting<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    parse_socket_path(&String::deserialize(deserializer)?).map(Some).map_err(D::Error::custom)
}

fn dns_setting<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SocketAddr>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected an address, or a list of addresses")]
    enum OneOrMore {
        One(String),
        More(Vec<String>),
    }
    let texts = match OneOrMore::deserialize(deserializer)? {
        OneOrMore::One(text) => vec![text],
        OneOrMore::More(texts) => texts,
    };
    texts.iter().map(|text| parse_dns_server(text)).collect::<Result<_, _>>().map_err(D::Error::custom)
}

impl Settings {
    /// Reads a settings file. Relative paths in it are relative to its folder.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or has an unknown member. The text is human-readable.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| SettingsError::Unreadable { path: path.to_owned(), error })?;
        let mut settings: Self = toml::from_str(&text)
            .map_err(|error| SettingsError::Invalid { path: path.to_owned(), error: Box::new(error) })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for file in [
            &mut settings.policy,
            &mut settings.docker_socket,
            &mut settings.tls_certificate,
            &mut settings.tls_key,
            &mut settings.client_ca,
            &mut settings.update_ca,
            &mut settings.token_file,
            &mut settings.gate_token_file,
            &mut settings.gate_credentials,
        ] {
            *file = file.take().map(|file| folder.join(file));
        }
        if let Some(AuditSink::File(path)) = &mut settings.audit {
            *path = folder.join(&*path);
        }
        if let Some(ListenAddr::Unix(path)) = &mut settings.listen {
            *path = folder.join(&*path);
        }
        Ok(settings)
    }

    /// Returns the address of the API.
    pub fn api_listen_addr(&self) -> ListenAddr {
        self.listen.clone().unwrap_or(ListenAddr::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT))))
    }

    /// Returns the enforcement of the frontends.
    pub fn frontend_enforcement(&self) -> FrontendEnforcement {
        FrontendEnforcement {
            docker: self.docker_enforcement.unwrap_or_default(),
            containerd: self.containerd_enforcement.unwrap_or_default(),
            kubernetes: self.kubernetes_enforcement.unwrap_or_default(),
        }
    }

    /// Returns the TLS files, if TLS is configured.
    pub fn tls_files(&self) -> Option<TlsFiles> {
        let (certificate, key) = self.tls_certificate.clone().zip(self.tls_key.clone())?;
        Some(TlsFiles { certificate, key, client_ca: self.client_ca.clone(), update_ca: self.update_ca.clone() })
    }

    /// Rejects contradictory settings, and those that would expose the API.
    ///
    /// # Errors
    ///
    /// With the mistake and the remedy, human-readable.
    pub fn check(&self) -> Result<(), SettingsError> {
        if self.tls_certificate.is_some() != self.tls_key.is_some() {
            return Err(SettingsError::IncompleteTls);
        }
        let (has_tls, has_authentication) =
            (self.tls_key.is_some(), self.token_file.is_some() || self.client_ca.is_some());
        if self.client_ca.is_some() && !has_tls {
            return Err(SettingsError::ClientCaWithoutTls);
        }
        if self.update_ca.is_some() && self.client_ca.is_none() {
            return Err(SettingsError::UpdateCaWithoutClientCa);
        }
        let listen = self.api_listen_addr();
        self.check_api(&listen.to_string(), listen.is_local())?;
        if self.kubernetes_listen.is_some() && !has_tls {
            return Err(SettingsError::KubernetesWithoutTls);
        }
        if let Some(address) = self.gate {
            self.check_gate(&address.to_string(), address.ip().is_loopback())?;
        }
        if self.allow_policy_updates && !has_authentication {
            return Err(SettingsError::UpdatesWithoutAuthentication);
        }
        if self.allow_policy_updates && self.token_file.is_none() && listen.is_local() {
            return Err(SettingsError::LocalUpdatesWithoutToken);
        }
        if self.allow_policy_updates && self.policy.is_none() {
            return Err(SettingsError::UpdatesWithoutPolicy);
        }
        if self.no_dns && !self.dns_server.is_empty() {
            return Err(SettingsError::ContradictoryDns);
        }
        Ok(())
    }

    /// Rejects an API on a reachable address without authentication.
    ///
    /// # Errors
    ///
    /// With the remedy, human-readable.
    pub fn check_api(&self, address: &str, is_local: bool) -> Result<(), SettingsError> {
        let is_guarded = self.tls_files().is_some() && (self.token_file.is_some() || self.client_ca.is_some());
        if is_local || is_guarded {
            return Ok(());
        }
        Err(SettingsError::ExposedApi(address.to_owned()))
    }

    /// Rejects a gate on a reachable address without authentication, or with a policy that may allow every host.
    ///
    /// # Errors
    ///
    /// With the remedy, human-readable.
    pub fn check_gate(&self, address: &str, is_local: bool) -> Result<(), SettingsError> {
        let is_guarded = self.gate_token_file.is_some() || (self.tls_files().is_some() && self.client_ca.is_some());
        if is_local || (is_guarded && self.require_whitelist) {
            return Ok(());
        }
        Err(SettingsError::ExposedGate(address.to_owned()))
    }

    /// Merges the settings with those of a file, which have lower precedence.
    #[must_use]
    pub fn merge(self, file: Self) -> Self {
        // All DNS settings come from one of the two.
        let dns = if self.no_dns || !self.dns_server.is_empty() { &self } else { &file };
        let (no_dns, dns_server) = (dns.no_dns, dns.dns_server.clone());
        let open_images = if self.kubernetes_open_images.is_empty() { &file } else { &self };
        let kubernetes_open_images = open_images.kubernetes_open_images.clone();
        Self {
            policy: self.policy.or(file.policy),
            require_whitelist: self.require_whitelist || file.require_whitelist,
            listen: self.listen.or(file.listen),
            docker_socket: self.docker_socket.or(file.docker_socket),
            kubernetes_listen: self.kubernetes_listen.or(file.kubernetes_listen),
            tls_certificate: self.tls_certificate.or(file.tls_certificate),
            tls_key: self.tls_key.or(file.tls_key),
            client_ca: self.client_ca.or(file.client_ca),
            update_ca: self.update_ca.or(file.update_ca),
            token_file: self.token_file.or(file.token_file),
            allow_policy_updates: self.allow_policy_updates || file.allow_policy_updates,
            docker_enforcement: self.docker_enforcement.or(file.docker_enforcement),
            docker_project: self.docker_project.or(file.docker_project),
            docker_creates: self.docker_creates.or(file.docker_creates),
            docker_builds: self.docker_builds.or(file.docker_builds),
            docker_imports: self.docker_imports.or(file.docker_imports),
            docker_logins: self.docker_logins.or(file.docker_logins),
            docker_tags: self.docker_tags.or(file.docker_tags),
            containerd_enforcement: self.containerd_enforcement.or(file.containerd_enforcement),
            containerd_project: self.containerd_project.or(file.containerd_project),
            kubernetes_enforcement: self.kubernetes_enforcement.or(file.kubernetes_enforcement),
            kubernetes_open_images,
            gate: self.gate.or(file.gate),
            gate_project: self.gate_project.or(file.gate_project),
            gate_token_file: self.gate_token_file.or(file.gate_token_file),
            gate_credentials: self.gate_credentials.or(file.gate_credentials),
            gate_redirects: self.gate_redirects.or(file.gate_redirects),
            no_dns,
            dns_server,
            instances: self.instances.or(file.instances),
            audit: self.audit.or(file.audit),
        }
    }
}
