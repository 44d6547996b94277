//! Coverage of entries by each other, for settings that are compared entry by entry.

use crate::decisions::{PolicyContext, RegistryAccess};
use crate::policy_view::{EntryHosts, PolicyEntry, covers_docker_hub, is_below};

/// The name of a repository that no entry has.
const ANY_REPOSITORY: &str = "pullgate-any/x";

/// A port that no entry is for, if it is not for all.
const ANY_PORT: u16 = 1;

/// Returns whether an entry covers everything that another one covers.
pub(crate) fn covers(outer: &PolicyEntry, inner: &PolicyEntry) -> bool {
    let has_port = outer.port.is_none() || outer.port == inner.port;
    let has_namespace = match (&outer.namespace, &inner.namespace) {
        (None, _) => true,
        (Some(outer), Some(inner)) => {
            inner.strip_prefix(outer.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
        (Some(_), None) => false,
    };
    has_port && has_namespace && covers_hosts(&outer.hosts, &inner.hosts)
}

fn covers_hosts(outer: &EntryHosts, inner: &EntryHosts) -> bool {
    match (outer, inner) {
        (outer, inner) if outer == inner => true,
        (EntryHosts::Network(outer), EntryHosts::Network(inner)) => outer.contains(inner),
        (EntryHosts::Network(outer), EntryHosts::Address(address)) => outer.contains(address),
        (EntryHosts::Wildcard(domain), EntryHosts::DockerHub) => covers_docker_hub(domain),
        (EntryHosts::Wildcard(domain), EntryHosts::Name(name) | EntryHosts::Wildcard(name)) => is_below(name, domain),
        _ => false,
    }
}

/// Returns whether the policy allows everything that an entry covers.
pub(crate) fn is_allowed(policy: &PolicyContext<'_>, entry: &PolicyEntry) -> bool {
    let is_open = !policy.view.is_whitelist_mode();
    match registries(entry) {
        Some(registries) => {
            let repository = match &entry.namespace {
                Some(namespace) => format!("{namespace}/{ANY_REPOSITORY}"),
                None => ANY_REPOSITORY.to_owned(),
            };
            registries.iter().all(|registry| policy.image_access(&format!("{registry}/{repository}")).is_allowed())
        }
        None => {
            let is_covered = is_open || policy.view.allowed().any(|own| covers(own, entry));
            is_covered && !policy.view.blocked.iter().any(|blocked| covers(blocked, entry) || covers(entry, blocked))
        }
    }
}

/// Returns whether the policy verifies nothing that an entry covers.
pub(crate) fn is_insecure(policy: &PolicyContext<'_>, entry: &PolicyEntry) -> bool {
    match registries(entry) {
        Some(registries) => registries
            .iter()
            .all(|registry| matches!(policy.registry_access(registry), RegistryAccess::Insecure { .. })),
        None => {
            policy.view.insecure.iter().any(|own| covers(own, entry))
                && !policy.view.whitelist.iter().flatten().any(|verified| verified != entry && covers(entry, verified))
        }
    }
}

/// Returns registries that stand for those of an entry of one host; `None` of one for several.
fn registries(entry: &PolicyEntry) -> Option<Vec<String>> {
    let host = entry.exact_host()?;
    Some(match entry.port {
        Some(port) => vec![format!("{host}:{port}")],
        None if entry.hosts == EntryHosts::DockerHub => vec![host],
        None => vec![format!("{host}:{ANY_PORT}"), host],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::with_policy;

    #[test]
    fn entries_cover_what_is_inside_of_them() {
        for (outer, inner, expected) in [
            ("h", "h:5000", true),
            ("h:5000", "h", false),
            ("h", "h/team", true),
            ("h/team", "h/team/app", true),
            ("h/team", "h/team2", false),
            ("h/team", "h", false),
            ("10.0.0.0/8", "10.1.0.0/16", true),
            ("10.1.0.0/16", "10.0.0.0/8", false),
            ("10.0.0.0/8", "10.0.0.1:5000", true),
            ("*.example", "a.example", true),
            ("*.example", "*.b.example", true),
            ("*.example", "example", false),
            ("*.docker.io", "docker.io", true),
            ("*.docker.com", "registry.hub.docker.com", false),
        ] {
            let [outer, inner] = [outer, inner].map(|text| PolicyEntry::parse(text).unwrap());
            assert_eq!(covers(&outer, &inner), expected, "{outer:?} {inner:?}");
        }
    }

    #[test]
    fn policies_allow_whole_entries() {
        let policy = r#"{"whitelist":["h:5000","n/team","*.example","docker.io"],"insecure":["10.0.0.0/8","i","*.w"],
            "blocked":["b.example","10.0.0.9"]}"#;
        with_policy(policy, |policy| {
            for (text, allowed, insecure) in [
                ("h:5000", true, false),
                ("h", false, false),
                ("n", false, false),
                ("n/team", true, false),
                ("docker.io", true, false),
                ("*.c.example", true, false),
                ("*.example", false, false),
                ("b.example", false, false),
                ("10.1.0.0/16", true, true),
                ("10.0.0.0/24", false, true),
                ("10.0.0.1", true, true),
                ("i:80", true, true),
                ("*.x.w", true, true),
                ("other", false, false),
            ] {
                let entry = PolicyEntry::parse(text).unwrap();
                assert_eq!((is_allowed(&policy, &entry), is_insecure(&policy, &entry)), (allowed, insecure), "{text}");
            }
        });
    }
}
