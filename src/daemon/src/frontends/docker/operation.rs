//! Docker's API operations, by a positive list: an unlisted request is [`Operation::Unknown`].
//!
//! The name of an image or plugin is the rest of a path, slashes included, as in dockerd's own routes.

use super::local_operation::is_local_operation;
use super::request_uri::without_version;

/// An operation of Docker's API. Names are as in the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation<'p> {
    /// `docker pull`, or `docker import`.
    CreateImage,
    Load,
    Push(&'p str),
    Tag(&'p str),
    Commit,
    Search,
    /// Registry data of an image: `docker manifest inspect`, `docker service create`.
    Inspect(&'p str),
    Login,
    CreateContainer,
    CreateService,
    UpdateService,
    PullPlugin,
    UpgradePlugin,
    InspectPlugin,
    PushPlugin(&'p str),
    /// Build by the old builder or by BuildKit.
    Build,
    /// Concerns no registry.
    NoRegistry,
    /// No operation of any known dockerd.
    Unknown,
}

/// Returns the operation of a method and a decoded path.
pub fn classify_operation<'p>(method: &str, path: &'p str) -> Operation<'p> {
    let path = without_version(path);
    // dockerd answers these itself for any path.
    if method == "OPTIONS" {
        return Operation::NoRegistry;
    }
    let Some(path) = path.strip_prefix('/') else { return Operation::Unknown };
    let (root, rest) = path.split_once('/').map_or((path, None), |(root, rest)| (root, Some(rest)));
    match (root, rest) {
        ("images", Some(rest)) => image_operation(method, rest),
        ("containers", Some("create")) => post_only(method, Operation::CreateContainer),
        ("services", rest) => service_operation(method, rest),
        ("plugins", rest) => plugin_operation(method, rest),
        ("distribution", Some(rest)) => match (method, rest.strip_suffix("/json")) {
            ("GET", Some(name)) => Operation::Inspect(name),
            _ => Operation::Unknown,
        },
        ("build" | "session" | "grpc", None) => post_only(method, Operation::Build),
        ("auth", None) => post_only(method, Operation::Login),
        ("commit", None) => post_only(method, Operation::Commit),
        _ if is_local_operation(method, root, rest) => Operation::NoRegistry,
        _ => Operation::Unknown,
    }
}

fn post_only<'p>(method: &str, route: Operation<'p>) -> Operation<'p> {
    if method == "POST" { route } else { Operation::Unknown }
}

fn image_operation<'p>(method: &str, rest: &'p str) -> Operation<'p> {
    match method {
        "POST" => match rest {
            "create" => Operation::CreateImage,
            "load" => Operation::Load,
            "prune" => Operation::NoRegistry,
            _ => match rest.rsplit_once('/') {
                Some((name, "push")) => Operation::Push(name),
                Some((name, "tag")) => Operation::Tag(name),
                _ => Operation::Unknown,
            },
        },
        "GET" => match rest {
            "json" | "get" => Operation::NoRegistry,
            "search" => Operation::Search,
            _ => match rest.rsplit_once('/') {
                Some((_, "attestations" | "get" | "history" | "json")) => Operation::NoRegistry,
                _ => Operation::Unknown,
            },
        },
        "DELETE" => Operation::NoRegistry,
        _ => Operation::Unknown,
    }
}

fn service_operation<'p>(method: &str, rest: Option<&'p str>) -> Operation<'p> {
    match (method, rest) {
        ("GET" | "DELETE", _) => Operation::NoRegistry,
        ("POST", Some("create")) => Operation::CreateService,
        ("POST", Some(rest)) => match rest.split_once('/') {
            Some((_, "update")) => Operation::UpdateService,
            _ => Operation::Unknown,
        },
        _ => Operation::Unknown,
    }
}

fn plugin_operation<'p>(method: &str, rest: Option<&'p str>) -> Operation<'p> {
    match (method, rest) {
        ("GET", None) | ("DELETE", Some(_)) => Operation::NoRegistry,
        ("GET", Some("privileges")) => Operation::InspectPlugin,
        ("GET", Some(rest)) if rest.ends_with("/json") => Operation::NoRegistry,
        ("POST", Some("pull")) => Operation::PullPlugin,
        // A plugin from a tar file of the client. No registry is contacted.
        ("POST", Some("create")) => Operation::NoRegistry,
        ("POST", Some(rest)) => match rest.rsplit_once('/') {
            Some((name, "push")) => Operation::PushPlugin(name),
            Some((_, "upgrade")) => Operation::UpgradePlugin,
            Some((_, "enable" | "disable" | "set")) => Operation::NoRegistry,
            _ => Operation::Unknown,
        },
        _ => Operation::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_that_concerns_a_registry() {
        for (method, path, expected) in [
            ("POST", "/images/create", Operation::CreateImage),
            ("POST", "/images/load", Operation::Load),
            ("POST", "/images/h:5000/a/b/push", Operation::Push("h:5000/a/b")),
            ("POST", "/images/create/push", Operation::Push("create")),
            ("POST", "/images/a/push/push", Operation::Push("a/push")),
            ("POST", "/images/a/push/tag", Operation::Tag("a/push")),
            ("POST", "/commit", Operation::Commit),
            ("GET", "/images/search", Operation::Search),
            ("GET", "/distribution/h:5000/a/b/json", Operation::Inspect("h:5000/a/b")),
            ("POST", "/auth", Operation::Login),
            ("POST", "/containers/create", Operation::CreateContainer),
            ("POST", "/services/create", Operation::CreateService),
            ("POST", "/services/x1/update", Operation::UpdateService),
            ("POST", "/plugins/pull", Operation::PullPlugin),
            ("POST", "/plugins/h/x:1/upgrade", Operation::UpgradePlugin),
            ("GET", "/plugins/privileges", Operation::InspectPlugin),
            ("POST", "/plugins/h.x/y:1/push", Operation::PushPlugin("h.x/y:1")),
            ("POST", "/build", Operation::Build),
            ("POST", "/session", Operation::Build),
            ("POST", "/grpc", Operation::Build),
        ] {
            assert_eq!(classify_operation(method, path), expected, "{method} {path}");
            for version in ["/v1.47", "/v1", "/v1.2.3"] {
                assert_eq!(
                    classify_operation(method, &format!("{version}{path}")),
                    expected,
                    "{method} {version}{path}"
                );
            }
        }
    }

    #[test]
    fn operations_without_a_registry() {
        for (method, path) in [
            ("GET", "/_ping"),
            ("HEAD", "/_ping"),
            ("GET", "/v1.47/info"),
            ("GET", "/images/json"),
            ("GET", "/images/get"),
            ("GET", "/images/h:5000/a/b/get"),
            ("GET", "/images/h:5000/a/b/json"),
            ("GET", "/v1.52/images/h:5000/a/b/attestations"),
            ("GET", "/v1.51/networks/"),
            ("DELETE", "/images/h:5000/a/push"),
            ("POST", "/images/prune"),
            ("POST", "/containers/x/start"),
            ("PUT", "/containers/x/archive"),
            ("POST", "/build/prune"),
            ("POST", "/swarm/init"),
            ("POST", "/nodes/x/update"),
            ("POST", "/configs/create"),
            ("POST", "/networks/create"),
            ("GET", "/plugins"),
            ("GET", "/plugins/h.x/y:1/json"),
            ("DELETE", "/plugins/h.x/y:1"),
            ("POST", "/plugins/create"),
            ("POST", "/plugins/x/enable"),
            ("GET", "/services"),
            ("GET", "/services/x/logs"),
            ("OPTIONS", "/images/create"),
        ] {
            assert_eq!(classify_operation(method, path), Operation::NoRegistry, "{method} {path}");
        }
    }

    #[test]
    fn everything_else_is_unknown() {
        for (method, path) in [
            ("PUT", "/images/create"),
            ("post", "/images/create"),
            ("GET", "/images/create"),
            ("POST", "/Images/create"),
            ("POST", "/images/CREATE"),
            ("POST", "/images/x/PUSH"),
            ("POST", "/images/x/verify"),
            ("POST", "/images/x/attestations"),
            ("POST", "/V1.47/images/create"),
            ("POST", "/v/images/create"),
            ("POST", "/v1.47/v1.47/images/create"),
            ("POST", "/v1.47x/images/create"),
            ("POST", "/v1.47"),
            ("POST", "/libpod/images/pull"),
            ("POST", "/models/create"),
            ("POST", "/containers/CREATE"),
            ("POST", "/services/a/b/update"),
            ("GET", "/plugins/x"),
            ("GET", "/plugins/x/pull"),
            ("GET", "/plugins/create"),
            ("DELETE", "/plugins"),
            ("GET", "/auth"),
            ("", ""),
            ("GET", "/"),
            ("GET", "images/json"),
        ] {
            assert_eq!(classify_operation(method, path), Operation::Unknown, "{method} {path}");
        }
    }
}
