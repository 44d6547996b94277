//! Blocked entries (rule W6), for programs that can refuse hosts and prefixes only: what else has to be left out, so
//! that nothing blocked is accepted.

use crate::docker_hub;
use crate::policy_view::{EntryHosts, PolicyEntry, PolicyView, covers_docker_hub, is_below, kind_noun};
use crate::registry_name::{address_of, split_port};

/// Returns whether a blocked entry covers a part of a scope: `HOST[:PORT][/PATH]` or `*.DOMAIN`.
pub(crate) fn touches_scope(entry: &PolicyEntry, scope: &str) -> bool {
    let (registry, path) = match scope.split_once('/') {
        Some((registry, path)) => (registry, Some(path)),
        None => (scope, None),
    };
    if let Some(domain) = registry.strip_prefix("*.") {
        return touches_wildcard(entry, domain);
    }
    let (host, port) = split_port(registry);
    let is_hub = docker_hub::is_docker_hub(host, port);
    let covers_host = match &entry.hosts {
        EntryHosts::DockerHub => is_hub,
        EntryHosts::Address(address) => address_of(registry) == Some(*address),
        EntryHosts::Network(network) => address_of(registry).is_some_and(|address| network.contains(&address)),
        EntryHosts::Name(name) => !is_hub && name == host,
        EntryHosts::Wildcard(domain) => {
            if is_hub {
                covers_docker_hub(domain)
            } else {
                is_below(host, domain)
            }
        }
        EntryHosts::Pattern(pattern) => !is_hub && matches_pattern(pattern, host),
    };
    let covers_port = match (entry.port, port) {
        (None, _) | (Some(443), None) => true,
        // An insecure registry without a port is reached on this one, too.
        (Some(80), None) => true,
        (Some(own), Some(port)) => own == port,
        (Some(_), None) => is_hub,
    };
    covers_host && covers_port && overlaps_path(entry.namespace.as_deref(), path)
}

/// Returns whether a blocked entry of several hosts covers a name or address below a wildcard. Exact ones are refused
/// one by one.
fn touches_wildcard(entry: &PolicyEntry, domain: &str) -> bool {
    match &entry.hosts {
        EntryHosts::Wildcard(own) => own == domain || is_below(domain, own),
        EntryHosts::Pattern(pattern) => may_overlap(pattern, domain),
        _ => false,
    }
}

fn overlaps_path(namespace: Option<&str>, path: Option<&str>) -> bool {
    let (Some(namespace), Some(path)) = (namespace, path) else { return true };
    let is_in = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    is_in(namespace, path) || is_in(path, namespace)
}

/// Returns whether a pattern covers a name (rule M7).
pub(crate) fn matches_pattern(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<_>, Vec<_>) = (pattern.split('.').collect(), name.split('.').collect());
    pattern.len() == name.len() && pattern.iter().zip(&name).all(|(pattern, label)| matches_label(pattern, label))
}

/// Returns whether a label matches; each star stands for any characters, and a label that is a star for at least one.
fn matches_label(pattern: &str, label: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = label.strip_prefix(first) else { return false };
    let parts: Vec<_> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Returns whether a pattern may cover a name below a domain: the labels of the domain, compared from the end.
pub(crate) fn may_overlap(pattern: &str, domain: &str) -> bool {
    let labels = pattern.split('.').count();
    let inner: Vec<_> = domain.split('.').collect();
    let tail: Vec<_> = pattern.split('.').skip(labels.saturating_sub(inner.len())).collect();
    labels > inner.len() && tail.iter().zip(&inner).all(|(pattern, label)| matches_label(pattern, label))
}

/// A prefix of registries that refuses all that a blocked entry covers.
pub(crate) struct RefusedPrefixes {
    pub prefixes: Vec<String>,
    /// True if they refuse nothing else.
    pub is_exact: bool,
}

/// Returns the prefixes of a blocked entry: `HOST[:PORT][/PATH]`, in which a host without a port stands for all ports,
/// and `*.DOMAIN`. `None` if no prefixes cover it.
pub(crate) fn refused_prefixes(entry: &PolicyEntry) -> Option<RefusedPrefixes> {
    let path = entry.namespace.as_ref().map(|namespace| format!("/{namespace}")).unwrap_or_default();
    let exact = |prefixes: Vec<String>, is_exact| Some(RefusedPrefixes { prefixes, is_exact });
    match (&entry.hosts, entry.port) {
        (EntryHosts::DockerHub, _) => exact(docker_hub::spellings().map(|scope| scope + &path).collect(), false),
        (EntryHosts::Wildcard(domain), port) => {
            let mut prefixes = vec![format!("*.{domain}")];
            if covers_docker_hub(domain) {
                prefixes.extend(docker_hub::spellings());
            }
            let has_hub_names = docker_hub::NAMES.iter().any(|name| is_below(name, domain));
            exact(prefixes, port.is_none() && path.is_empty() && !has_hub_names)
        }
        (EntryHosts::Network(_) | EntryHosts::Pattern(_), _) => None,
        (_, port) => {
            let host = entry.exact_host()?;
            match port {
                // A reference without a port is on this one, and a prefix without a port is for all.
                Some(443 | 80) if !docker_hub::NAMES.contains(&&*host) => exact(vec![host], false),
                Some(port) => exact(vec![format!("{host}:{port}{path}")], true),
                // With a path it would be for references without a port only.
                None => exact(vec![host], path.is_empty()),
            }
        }
    }
}

/// Returns the reason that a program with prefixes lets something through that the policy blocks, if there is one.
/// `accepts_all` says that it accepts registries that are not listed.
pub(crate) fn unrefusable(view: &PolicyView, accepts_all: bool) -> Option<String> {
    view.blocked.iter().find_map(|entry| match &entry.hosts {
        EntryHosts::Network(_) | EntryHosts::Address(_) if view.resolves_names => {
            Some(format!("`{}` is blocked, and names that resolve to it would not be", entry.text))
        }
        EntryHosts::Network(_) | EntryHosts::Pattern(_) if accepts_all => {
            Some(format!("`{}` is blocked, and there is no place for {}", entry.text, kind_noun(entry)))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_compared_by_labels() {
        for (pattern, name, matches) in [
            ("123.dkr.ecr.*.amazonaws.com", "123.dkr.ecr.eu-west-1.amazonaws.com", true),
            ("123.dkr.ecr.*.amazonaws.com", "124.dkr.ecr.eu-west-1.amazonaws.com", false),
            ("123.dkr.ecr.*.amazonaws.com", "123.dkr.ecr.a.b.amazonaws.com", false),
            ("*-docker.pkg.dev", "europe-docker.pkg.dev", true),
            ("*-docker.pkg.dev", "docker.pkg.dev", false),
            ("*.dkr.ecr.eu-*.amazonaws.com", "1.dkr.ecr.eu-a.amazonaws.com", true),
            ("a*b*c.x.y", "abbc.x.y", true),
            ("a*b.x.y", "ab.x.y", true),
        ] {
            assert_eq!(matches_pattern(pattern, name), matches, "{pattern} {name}");
            let loads = pullgate::check_policy(&format!(r#"{{"whitelist":["{pattern}"]}}"#), 0).canonical.is_some();
            assert!(loads, "{pattern}");
            let policy = pullgate::Policy::load(&format!(r#"{{"whitelist":["{pattern}"]}}"#), 0).unwrap().policy;
            let reference = format!("{name}/x");
            let decision = policy.decide(&pullgate::Request { reference: &reference, ..pullgate::Request::default() });
            assert_eq!(matches!(decision, pullgate::Decision::Allow(_)), matches, "{pattern} {name}");
        }
        assert!(may_overlap("1.dkr.ecr.*.amazonaws.com", "amazonaws.com"));
        assert!(may_overlap("1.dkr.ecr.*.amazonaws.com", "eu.amazonaws.com"));
        assert!(!may_overlap("1.dkr.ecr.*.amazonaws.com", "example.com"));
        assert!(!may_overlap("a*.example.com", "x.example.com"));
    }
}
