//! Which operation of Docker's API a request is. A positive list: what is not on it is [`Route::Unknown`].
//!
//! The names of images and plugins are the rest of a path, slashes included, as in dockerd's own routes.

/// An operation. Names are as the path has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route<'p> {
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
    Local,
    /// Not an operation of a dockerd that this was written for.
    Unknown,
}

/// The operation of a method and a decoded path.
pub fn route<'p>(method: &str, path: &'p str) -> Route<'p> {
    let path = without_version(path);
    // dockerd answers these itself, whatever the path.
    if method == "OPTIONS" {
        return Route::Local;
    }
    let Some(path) = path.strip_prefix('/') else { return Route::Unknown };
    let (root, rest) = path.split_once('/').map_or((path, None), |(root, rest)| (root, Some(rest)));
    match (root, rest) {
        ("images", Some(rest)) => images(method, rest),
        ("containers", Some(rest)) => containers(method, rest),
        ("services", rest) => services(method, rest),
        ("plugins", rest) => plugins(method, rest),
        ("distribution", Some(rest)) => match (method, rest.strip_suffix("/json")) {
            ("GET", Some(name)) => Route::Inspect(name),
            _ => Route::Unknown,
        },
        ("build", Some("prune" | "cancel")) => Route::Local,
        ("build" | "session" | "grpc", None) => post(method, Route::Build),
        ("auth", None) => post(method, Route::Login),
        ("commit", None) => post(method, Route::Commit),
        ("_ping" | "version" | "info" | "events", None) => Route::Local,
        (
            "networks" | "volumes" | "exec" | "swarm" | "nodes" | "tasks" | "secrets" | "configs" | "system" | "debug",
            _,
        ) => Route::Local,
        _ => Route::Unknown,
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

fn post<'p>(method: &str, route: Route<'p>) -> Route<'p> {
    if method == "POST" { route } else { Route::Unknown }
}

fn images<'p>(method: &str, rest: &'p str) -> Route<'p> {
    match method {
        "POST" => match rest {
            "create" => Route::CreateImage,
            "load" => Route::Load,
            "prune" => Route::Local,
            _ => match rest.rsplit_once('/') {
                Some((name, "push")) => Route::Push(name),
                Some((name, "tag")) => Route::Tag(name),
                _ => Route::Unknown,
            },
        },
        "GET" => match rest {
            "json" | "get" => Route::Local,
            "search" => Route::Search,
            _ => match rest.rsplit_once('/') {
                Some((_, "get" | "history" | "json")) => Route::Local,
                _ => Route::Unknown,
            },
        },
        "DELETE" => Route::Local,
        _ => Route::Unknown,
    }
}

fn containers<'p>(method: &str, rest: &'p str) -> Route<'p> {
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
            "create" => Route::CreateContainer,
            "prune" => Route::Local,
            _ => match rest.rsplit_once('/') {
                Some((_, action)) if ACTIONS.contains(&action) => Route::Local,
                _ => Route::Unknown,
            },
        },
        "GET" | "HEAD" | "PUT" | "DELETE" => Route::Local,
        _ => Route::Unknown,
    }
}

fn services<'p>(method: &str, rest: Option<&'p str>) -> Route<'p> {
    match (method, rest) {
        ("GET" | "DELETE", _) => Route::Local,
        ("POST", Some("create")) => Route::CreateService,
        ("POST", Some(rest)) => match rest.split_once('/') {
            Some((_, "update")) => Route::UpdateService,
            _ => Route::Unknown,
        },
        _ => Route::Unknown,
    }
}

fn plugins<'p>(method: &str, rest: Option<&'p str>) -> Route<'p> {
    match (method, rest) {
        ("GET", None) | ("DELETE", Some(_)) => Route::Local,
        ("GET", Some("privileges")) => Route::InspectPlugin,
        ("GET", Some(rest)) if rest.ends_with("/json") => Route::Local,
        ("POST", Some("pull")) => Route::PullPlugin,
        // A plugin from a tar file of the client's own. No registry is contacted.
        ("POST", Some("create")) => Route::Local,
        ("POST", Some(rest)) => match rest.rsplit_once('/') {
            Some((name, "push")) => Route::PushPlugin(name),
            Some((_, "upgrade")) => Route::UpgradePlugin,
            Some((_, "enable" | "disable" | "set")) => Route::Local,
            _ => Route::Unknown,
        },
        _ => Route::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_that_concerns_a_registry() {
        for (method, path, expected) in [
            ("POST", "/images/create", Route::CreateImage),
            ("POST", "/images/load", Route::Load),
            ("POST", "/images/h:5000/a/b/push", Route::Push("h:5000/a/b")),
            ("POST", "/images/create/push", Route::Push("create")),
            ("POST", "/images/a/push/push", Route::Push("a/push")),
            ("POST", "/images/a/push/tag", Route::Tag("a/push")),
            ("POST", "/commit", Route::Commit),
            ("GET", "/images/search", Route::Search),
            ("GET", "/distribution/h:5000/a/b/json", Route::Inspect("h:5000/a/b")),
            ("POST", "/auth", Route::Login),
            ("POST", "/containers/create", Route::CreateContainer),
            ("POST", "/services/create", Route::CreateService),
            ("POST", "/services/x1/update", Route::UpdateService),
            ("POST", "/plugins/pull", Route::PullPlugin),
            ("POST", "/plugins/h/x:1/upgrade", Route::UpgradePlugin),
            ("GET", "/plugins/privileges", Route::InspectPlugin),
            ("POST", "/plugins/h.x/y:1/push", Route::PushPlugin("h.x/y:1")),
            ("POST", "/build", Route::Build),
            ("POST", "/session", Route::Build),
            ("POST", "/grpc", Route::Build),
        ] {
            assert_eq!(route(method, path), expected, "{method} {path}");
            for version in ["/v1.47", "/v1", "/v1.2.3"] {
                assert_eq!(route(method, &format!("{version}{path}")), expected, "{method} {version}{path}");
            }
        }
    }

    #[test]
    fn what_has_nothing_to_do_with_a_registry() {
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
            assert_eq!(route(method, path), Route::Local, "{method} {path}");
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
            assert_eq!(route(method, path), Route::Unknown, "{method} {path}");
        }
    }
}
