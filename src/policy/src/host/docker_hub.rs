//! Docker Hub and its names (rules H1 and H2).

/// The name of Docker Hub in texts.
pub(crate) const DISPLAY_NAME: &str = "docker.io";

/// The registry host of Docker Hub.
pub(crate) const REGISTRY_HOST: &str = "registry-1.docker.io";

/// The port that may follow a name of Docker Hub without changing its meaning.
pub(crate) const DEFAULT_PORT: u16 = 443;

/// The domains whose wildcard covers Docker Hub, the longest first: those above `registry-1.docker.io` and
/// `index.docker.io`.
pub(crate) const WILDCARD_DOMAINS: [&str; 2] = ["docker.io", "io"];

/// Returns whether a canonical name with this port means Docker Hub.
pub(crate) fn is_docker_hub(name: &str, port: Option<u16>) -> bool {
    matches!(name, "docker.io" | "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com")
        && port.is_none_or(|port| port == DEFAULT_PORT)
}

/// Returns whether a one-component repository under this domain gets the prefix `library/`: under the spellings that
/// Docker's own normalization turns into `docker.io`.
pub(crate) fn implies_library_namespace(domain: &str) -> bool {
    matches!(domain, "docker.io" | "index.docker.io")
}
