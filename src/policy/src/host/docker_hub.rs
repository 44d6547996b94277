//! Docker Hub and its names (rules H1 and H2).

/// How Docker Hub is shown.
pub(crate) const SHOWN: &str = "docker.io";

/// The host that Docker Hub's images are pulled from.
pub(crate) const HOST: &str = "registry-1.docker.io";

/// The port that makes no difference to the names below.
pub(crate) const PORT: u16 = 443;

/// Domains whose wildcard covers Docker Hub, the longest first: those above `registry-1.docker.io` and
/// `index.docker.io`.
pub(crate) const WILDCARD_DOMAINS: [&str; 2] = ["docker.io", "io"];

/// Whether a canonical name with this port means Docker Hub.
pub(crate) fn is_hub(name: &str, port: Option<u16>) -> bool {
    matches!(name, "docker.io" | "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com")
        && port.is_none_or(|port| port == PORT)
}

/// Whether a reference with this first component gets `library/` in front of a one-component repository, as Docker's
/// own normalisation does it: the spellings that it turns into `docker.io`.
pub(crate) fn adds_library(domain: &str) -> bool {
    matches!(domain, "docker.io" | "index.docker.io")
}
