//! Docker Engine: `daemon.json` and `certs.d`. It has no whitelist: pullgate is its authorization plugin.

mod doctor;
mod export;
mod import;

pub use doctor::diagnose;
pub use export::export;
pub use import::import;

/// The settings of dockerd.
const DAEMON_JSON: &str = "/etc/docker/daemon.json";

/// The folders of registries.
const CERTS_FOLDER: &str = "/etc/docker/certs.d";

/// The name of the authorization plugin.
const PLUGIN: &str = "pullgate";

/// The networks that dockerd takes for insecure by itself.
const LOOPBACK_NETWORKS: [&str; 2] = ["127.0.0.0/8", "::1/128"];

/// The service of dockerd.
const SERVICE: &str = "docker.service";

/// The members of `proxies`, from 23.0 on, in the order of the variables that they replace.
const PROXY_MEMBERS: [&str; 2] = ["http-proxy", "https-proxy"];

/// The member of `proxies` for hosts that are reached without a proxy.
const EXCEPTION_MEMBER: &str = "no-proxy";
