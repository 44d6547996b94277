//! Membership of a request in a region of a comparison, read from its parts and not from its words.

use std::net::IpAddr;

use ipnet::IpNet;
use pullgate::Region;

use crate::reference_model::{Host, label_matches};

/// A request without what DNS says.
#[derive(Clone, Debug)]
pub struct Place<'a> {
    /// The host.
    pub host: &'a Host,
    /// The port, where one is written.
    pub port: Option<u16>,
    /// The repository; a login has none.
    pub repository: Option<&'a str>,
    /// On whose behalf.
    pub project: Option<&'a str>,
}

/// Returns whether the region has the request in it. `projects` are those that the documents name.
pub fn contains(region: &Region, place: &Place<'_>, projects: &[String]) -> bool {
    let host = region.hosts.iter().any(|text| has_host(text, region.hub, place.host))
        && region.matching.iter().all(|text| has_host(text, region.hub, place.host))
        && !region.except.iter().any(|text| has_host(text, region.hub, place.host));
    let port = match place.port {
        None => region.ports.without_port,
        Some(port) => region.ports.complement != region.ports.ports.contains(&port),
    };
    let repository = match place.repository {
        None => region.repositories.login,
        Some(path) => region.repositories.within.iter().any(|within| {
            is_within(path, &within.namespace) && !within.except.iter().any(|except| is_within(path, except))
        }),
    };
    let project = match place.project {
        None => region.projects.none,
        // Without projects anywhere, all requests are alike.
        Some(_) if projects.is_empty() => region.projects.none,
        Some(name) if projects.iter().any(|known| known == name) => {
            region.projects.named.iter().any(|named| named == name)
        }
        Some(_) => region.projects.others,
    };
    host && port && repository && project
}

fn has_host(text: &str, hub: bool, host: &Host) -> bool {
    match host {
        Host::Hub => hub,
        _ if hub => false,
        Host::Name(name) if is_pattern(text) => matches_pattern(text, name),
        Host::Name(name) => match text.strip_prefix('*') {
            Some(domain) => name.len() > domain.len() && name.ends_with(domain),
            None => text == name,
        },
        Host::Address(address) => match (text.parse::<IpNet>(), text.parse::<IpAddr>()) {
            (Ok(network), _) => network.contains(address),
            (_, Ok(one)) => one == *address,
            _ => false,
        },
    }
}

/// Returns whether a text in the notation of entries is a pattern (rule E15), not every name, nor every name below a
/// domain.
pub fn is_pattern(text: &str) -> bool {
    text.strip_prefix('*').unwrap_or(text).trim_start_matches('.').contains('*')
        || text.starts_with('*') && text != "*" && !text.starts_with("*.")
}

/// Returns whether a name matches a pattern, label by label (rule M7).
pub fn matches_pattern(pattern: &str, name: &str) -> bool {
    pattern.matches('.').count() == name.matches('.').count()
        && pattern.split('.').zip(name.split('.')).all(|(glob, label)| label_matches(glob, label))
}

fn is_within(path: &str, namespace: &str) -> bool {
    namespace.is_empty() || path.strip_prefix(namespace).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
