//! Docker Hub as runtimes name it (rule H2).

pub(crate) use pullgate::docker_hub::{DISPLAY_NAME, NAMES, REGISTRY_HOST, WILDCARD_DOMAINS, is_docker_hub};

/// Returns the spellings of Docker Hub in references, as `HOST[:PORT]`.
pub(crate) fn spellings() -> impl Iterator<Item = String> {
    NAMES.into_iter().flat_map(|name| [name.to_owned(), format!("{name}:443")])
}
