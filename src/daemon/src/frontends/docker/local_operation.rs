//! Docker's API operations on containers, networks, volumes and the swarm that concern no registry, by method and path.
//!
//! A path that is not listed may be a new operation that pulls, so it is not taken for a local one.

/// Returns whether a method and a path, given as its first component and the rest, are an operation of dockerd that
/// concerns no registry.
pub fn is_local_operation(method: &str, root: &str, rest: Option<&str>) -> bool {
    let rest = rest.unwrap_or_default();
    // The last component, with a name of any form before it: dockerd's routes are `/{name:.*}/action`.
    let action = rest.rsplit_once('/').map(|(_, action)| action);
    match (root, method) {
        ("_ping", "GET" | "HEAD") | ("version" | "info" | "events", "GET") => rest.is_empty(),
        ("containers", "HEAD" | "PUT") => action == Some("archive"),
        ("containers", "GET") => {
            rest == "json" || rest == "ps" || action.is_some_and(|action| CONTAINER_VIEWS.contains(&action))
        }
        ("containers", "POST") => rest == "prune" || action.is_some_and(|action| CONTAINER_ACTIONS.contains(&action)),
        ("containers" | "volumes" | "networks" | "nodes" | "secrets" | "configs", "DELETE") => !rest.is_empty(),
        ("networks" | "volumes" | "nodes" | "secrets" | "configs", "GET") | ("debug", "GET") => true,
        ("networks", "POST") => matches!(rest, "create" | "prune") || matches!(action, Some("connect" | "disconnect")),
        ("volumes", "POST") => matches!(rest, "create" | "prune"),
        ("volumes", "PUT") => !rest.is_empty(),
        ("exec", "GET") => action == Some("json"),
        ("exec", "POST") => matches!(action, Some("start" | "resize")),
        ("swarm", "GET") => matches!(rest, "" | "unlockkey"),
        ("swarm", "POST") => matches!(rest, "init" | "join" | "leave" | "update" | "unlock"),
        ("nodes", "POST") => action == Some("update"),
        ("tasks", "GET") => true,
        ("secrets" | "configs", "POST") => rest == "create" || action == Some("update"),
        ("system", "GET") => rest == "df",
        ("build", "POST") => matches!(rest, "prune" | "cancel"),
        _ => false,
    }
}

/// The views of a container. `ws` is the end of `attach/ws`.
const CONTAINER_VIEWS: [&str; 9] =
    ["archive", "changes", "checkpoints", "export", "json", "logs", "stats", "top", "ws"];

/// The operations on a container.
const CONTAINER_ACTIONS: [&str; 15] = [
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

#[cfg(test)]
mod tests {
    use super::*;

    fn is_local(request: &str) -> bool {
        let (method, path) = request.split_once(" /").unwrap();
        let (root, rest) = path.split_once('/').map_or((path, None), |(root, rest)| (root, Some(rest)));
        is_local_operation(method, root, rest)
    }

    #[test]
    fn every_local_route_of_dockerd_is_listed() {
        for request in [
            "GET /_ping",
            "HEAD /_ping",
            "GET /version",
            "GET /info",
            "GET /events",
            "GET /containers/json",
            "GET /containers/a/json",
            "GET /containers/a/b/top",
            "GET /containers/a/attach/ws",
            "GET /containers/a/archive",
            "HEAD /containers/a/archive",
            "PUT /containers/a/archive",
            "POST /containers/a/start",
            "POST /containers/prune",
            "DELETE /containers/a",
            "DELETE /containers/a/checkpoints/b",
            "GET /networks",
            "GET /networks/",
            "GET /networks/a",
            "POST /networks/create",
            "POST /networks/a/connect",
            "POST /networks/a/disconnect",
            "POST /networks/prune",
            "DELETE /networks/a",
            "GET /volumes",
            "GET /volumes/a",
            "POST /volumes/create",
            "PUT /volumes/a",
            "POST /volumes/prune",
            "DELETE /volumes/a",
            "GET /exec/a/json",
            "POST /exec/a/start",
            "POST /exec/a/resize",
            "GET /swarm",
            "GET /swarm/unlockkey",
            "POST /swarm/init",
            "POST /swarm/leave",
            "GET /nodes",
            "GET /nodes/a",
            "POST /nodes/a/update",
            "DELETE /nodes/a",
            "GET /tasks",
            "GET /tasks/a/logs",
            "GET /secrets",
            "POST /secrets/create",
            "POST /configs/a/update",
            "DELETE /configs/a",
            "GET /system/df",
            "GET /debug/pprof/profile",
            "POST /build/prune",
            "POST /build/cancel",
        ] {
            assert!(is_local(request), "{request}");
        }
    }

    #[test]
    fn other_methods_and_paths_are_not_local() {
        for request in [
            "POST /volumes/pull",
            "POST /volumes/a/pull",
            "POST /system/pull",
            "POST /system/df",
            "GET /system/pull",
            "PULL /exec/evil.example/x",
            "POST /exec/evil.example/pull",
            "PUT /containers/x/image",
            "PUT /containers/x",
            "GET /containers/x/pull",
            "GET /containers/create",
            "HEAD /containers/x/json",
            "DELETE /containers",
            "POST /networks/pull",
            "POST /nodes/x/pull",
            "POST /swarm/pull",
            "POST /tasks/create",
            "POST /secrets/a/pull",
            "POST /configs",
            "POST /debug/pprof/profile",
            "DELETE /swarm",
            "POST /info",
            "GET /info/x",
            "GET /build/prune",
            "POST /images/create",
        ] {
            assert!(!is_local(request), "{request}");
        }
    }
}
