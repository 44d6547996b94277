//! Docker Hub as runtimes name it (rule H2).

/// The name in references, and of the folder of containerd and of containers/image.
pub(crate) const NAME: &str = "docker.io";

/// The host that serves it, and the folder of Docker Engine.
pub(crate) const REGISTRY_HOST: &str = "registry-1.docker.io";

/// The names that are Docker Hub in a reference, with or without `:443`.
pub(crate) const NAMES: [&str; 4] = [NAME, "index.docker.io", REGISTRY_HOST, "registry.hub.docker.com"];

/// The names that programs compare with a wildcard (rule H2).
pub(crate) const WILDCARD_NAMES: [&str; 2] = [REGISTRY_HOST, "index.docker.io"];

/// Returns the spellings of Docker Hub in references, as `HOST[:PORT]`.
pub(crate) fn spellings() -> impl Iterator<Item = String> {
    NAMES.into_iter().flat_map(|name| [name.to_owned(), format!("{name}:443")])
}

/// Returns whether a host and port of a reference are Docker Hub.
pub(crate) fn is_docker_hub(host: &str, port: Option<u16>) -> bool {
    NAMES.contains(&host) && port.is_none_or(|port| port == 443)
}
