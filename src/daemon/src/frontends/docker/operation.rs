//! Which operation of Docker's API a request is. A positive list: what is not on it is [`Route::Unknown`].
//!
//! The names of images and plugins are the rest of a path, slashes included, as in dockerd's own routes.

/// An operation. Names are as the path has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation<'p> {
    /// `docker pull`, or `docker import`.
    CreateImage,
    Load,
    Push(&'p str),
    Tag(&'p str),
    Commit,
    Search,
    /// What a registry has of an image: `docker manifest inspect`, `docker service create`.
    Inspect(&'p str),
    Login,
    CreateContainer,
    CreateService,
    UpdateService,
    PullPlugin,
    UpgradePlugin,
    InspectPlugin,
    PushPlugin(&'p str),
    /// By dockerd's old builder or by BuildKit.
    Build,
    /// Has nothing to do with a registry.
    NoRegistry,
    /// Not an operation of a dockerd that this was written for.
    Unknown,
}

/// The operation of a method and a decoded path.
pub fn classify_operation<'p>(method: &str, path: &'p str) -> Operation<'p> {
    let path = without_version(path);
    // dockerd answers these itself, whatever the path.
    if method == "OPTIONS" {
        return Operation::NoRegistry;
    }
    let Some(path) = path.strip_prefix('/') else { return Operation::Unknown };
    let (root, rest) = path.split_once('/').map_or((path, None), |(root, rest)| (root, Some(rest)));
    match (root, rest) {
        ("images", Some(rest)) => image_operation(method, rest),
        ("containers", Some(rest)) => container_operation(method, rest),
        ("services", rest) => service_operation(method, rest),
        ("plugins", rest) => plugin_operation(method, rest),
        ("distribution", Some(rest)) => match (method, rest.strip_suffix("/json")) {
            ("GET", Some(name)) => Operation::Inspect(name),
            _ => Operation::Unknown,
        },
        ("build", Some("prune" | "cancel")) => Operation::NoRegistry,
        ("build" | "session" | "grpc", None) => post_only(method, Operation::Build),
        ("auth", None) => post_only(method, Operation::Login),
        ("commit", None) => post_only(method, Operation::Commit),
        ("_ping" | "version" | "info" | "events", None) => Operation::NoRegistry,
        (
            "networks" | "volumes" | "exec" | "swarm" | "nodes" | "tasks" | "secrets" | "configs" | "system" | "debug",
            _,
        ) => Operation::NoRegistry,
        _ => Operation::Unknown,
    }
}

/// dockerd takes every path with `/vN.N` in front and without.
fn without_version(path: &str) -> &str {
    let Some(rest) = path.strip_prefix("/v") else { return path };
    match rest.find('/').map(|slash| rest.split_at(slash)) {
        Some((version, rest))
            if !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') =>
        {
            rest
        }
        _ => path,
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
                Some((_, "get" | "history" | "json")) => Operation::NoRegistry,
                _ => Operation::Unknown,
            },
        },
        "DELETE" => Operation::NoRegistry,
        _ => Operation::Unknown,
    }
}

fn container_operation<'p>(method: &str, rest: &'p str) -> Operation<'p> {
    const ACTIONS: [&str; 15] = [
        "attach",
        "checkpoints",
        "copy",
        "exec",
        "kill",
        "pause",
        "rename",
        "resize",
        "restart",
        "start",
        "stop",
        "top",
        "unpause",
        "update",
        "wait",
    ];
    match method {
        "POST" => match rest {
            "create" => Operation::CreateContainer,
            "prune" => Operation::NoRegistry,
            _ => match rest.rsplit_once('/') {
                Some((_, action)) if ACTIONS.contains(&action) => Operation::NoRegistry,
                _ => Operation::Unknown,
            },
        },
        "GET" | "HEAD" | "PUT" | "DELETE" => Operation::NoRegistry,
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
        // A plugin from a tar file of the client's own. No registry is contacted.
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
            ("POST", "/V1.47/images/create"),
            ("POST", "/v/images/create"),
            ("POST", "/v1.47/v1.47/images/create"),
            ("POST", "/v1.47x/images/create"),
            ("POST", "/v1.47"),
            ("POST", "/libpod/images/pull"),
            ("POST", "/models/create"),
            ("POST", "/containers/CREATE"),
            ("POST", "/services/a/b/update"),
            ("GET", "/auth"),
            ("", ""),
            ("GET", "/"),
            ("GET", "images/json"),
        ] {
            assert_eq!(classify_operation(method, path), Operation::Unknown, "{method} {path}");
        }
    }
}
