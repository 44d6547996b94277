//! Descriptions of the hosts, references and decisions of a comparison.

use std::borrow::Cow;

use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};

use crate::compare::host_classes::{HostClass, HostSet, address_range};
use crate::decision::{Decision, DenialReason, ReferenceKind, Scheme};
use crate::host::dns_name;
use crate::host::docker_hub;
use crate::reference::Registry;

/// Returns the hosts of a region and its exceptions in the syntax of entries. A network with few exceptions is written
/// as the networks that remain.
pub(super) fn host_patterns(class: &HostClass, except: &[&HostSet]) -> (Vec<String>, Vec<String>) {
    let what = &class.set;
    // The number of exceptions from which the remaining networks are the longer list.
    const MAX_SPLIT_EXCEPTIONS: usize = 16;
    if let (HostSet::Network(network), 1..=MAX_SPLIT_EXCEPTIONS) = (what, except.len()) {
        let rest = subtract_networks(*network, except);
        if rest.len() <= except.len() {
            return (rest, Vec::new());
        }
    }
    let without = class.without.iter().map(|pattern| pattern.to_string());
    (vec![host_set_text(what)], except.iter().map(|what| host_set_text(what)).chain(without).collect())
}

pub(super) fn host_set_text(what: &HostSet) -> String {
    match what {
        HostSet::DockerHub => docker_hub::DISPLAY_NAME.to_owned(),
        HostSet::EveryName => "*".to_owned(),
        HostSet::Names(key) => key.to_string(),
        HostSet::Cell { pattern, .. } => pattern.to_string(),
        HostSet::Network(network) => network_text(*network),
    }
}

pub(super) fn network_text(network: IpNet) -> String {
    match network.prefix_len() == network.max_prefix_len() {
        true => network.addr().to_string(),
        false => network.to_string(),
    }
}

/// Returns the networks that remain of one without those inside it, sorted and disjoint.
pub(super) fn subtract_networks(network: IpNet, except: &[&HostSet]) -> Vec<String> {
    let (first, last, v4) = address_range(network);
    let mut rest = Vec::new();
    let mut next = Some(first);
    let mut gap = |first: u128, last: u128| {
        if v4 {
            let [first, last] = [first, last].map(|bits| u32::try_from(bits).unwrap_or(u32::MAX).into());
            rest.extend(Ipv4Subnets::new(first, last, 0).map(|network| network_text(IpNet::V4(network))));
        } else {
            rest.extend(Ipv6Subnets::new(first.into(), last.into(), 0).map(|network| network_text(IpNet::V6(network))));
        }
    };
    for what in except {
        let HostSet::Network(inner) = what else { continue };
        let (start, end, _) = address_range(*inner);
        if let Some(before) = start.checked_sub(1)
            && let Some(next) = next.filter(|next| *next <= before)
        {
            gap(next, before);
        }
        next = end.checked_add(1);
    }
    if let Some(next) = next.filter(|next| *next <= last) {
        gap(next, last);
    }
    rest
}

pub(super) fn describe_hosts(what: &HostSet, hosts: &[String], except: &[String]) -> String {
    let whole = |network: &IpNet| network.prefix_len() == 0 && hosts.iter().all(|host| *host == network_text(*network));
    let mut text = match what {
        HostSet::DockerHub => "Docker Hub".to_owned(),
        HostSet::EveryName => "every name".to_owned(),
        HostSet::Network(IpNet::V4(network)) if whole(&IpNet::V4(*network)) => "every IPv4 address".to_owned(),
        HostSet::Network(IpNet::V6(network)) if whole(&IpNet::V6(*network)) => "every IPv6 address".to_owned(),
        HostSet::Names(_) | HostSet::Cell { .. } | HostSet::Network(_) => list_some(hosts),
    };
    if let HostSet::Cell { matching, .. } = what
        && !matching.is_empty()
    {
        text.push_str(" where it overlaps ");
        text.push_str(&list_some(matching));
    }
    if !except.is_empty() {
        text.push_str(" but ");
        text.push_str(&list_some(except));
    }
    text
}

/// Returns the first few texts, and the number of the others.
pub(super) fn list_some(texts: &[String]) -> String {
    const MAX_LISTED_HOSTS: usize = 5;
    let shown: Vec<String> = texts.iter().take(MAX_LISTED_HOSTS).map(|text| format!("`{text}`")).collect();
    let more = texts.len().saturating_sub(MAX_LISTED_HOSTS);
    let shown = shown.join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

/// Returns the text of a reference.
pub(super) fn witness_reference(
    host: &Registry<'_>,
    port: Option<u16>,
    repository: Option<&str>,
) -> (String, ReferenceKind) {
    let host = match host {
        // `docker.io/x` is `docker.io/library/x`.
        Registry::DockerHub if port.is_none() && repository.is_some_and(|path| !path.contains('/')) => {
            Cow::Borrowed(docker_hub::REGISTRY_HOST)
        }
        Registry::DockerHub => Cow::Borrowed(docker_hub::DISPLAY_NAME),
        Registry::Address(address) if address.is_ipv6() => Cow::Owned(format!("[{address}]")),
        Registry::Address(address) => Cow::Owned(address.to_string()),
        // In an image reference a single label without a port is a registry only in upper case.
        Registry::Name(name) if dns_name::is_single_label(name) && port.is_none() && repository.is_some() => {
            Cow::Owned(name.to_ascii_uppercase())
        }
        Registry::Name(name) => Cow::Borrowed(&**name),
    };
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    match repository {
        Some(path) => (format!("{host}{port}/{path}"), ReferenceKind::Image),
        None => (format!("{host}{port}"), ReferenceKind::Registry),
    }
}

/// Returns a short description of a decision.
pub(super) fn describe_decision(decision: &Decision<'_>) -> String {
    let allowed = match decision {
        Decision::Lookup(_) => return "DNS decides".to_owned(),
        Decision::Deny(denied) if denied.reason == DenialReason::UnknownProject => {
            return "denied: there is no such project".to_owned();
        }
        Decision::Deny(denied) if denied.reason == DenialReason::Blocked => return "blocked".to_owned(),
        Decision::Deny(_) => return "denied".to_owned(),
        Decision::Allow(allowed) => allowed,
    };
    let attempts = allowed.attempts.iter().map(|attempt| match (attempt.scheme, attempt.verified) {
        (Scheme::Https, true) => format!("verified HTTPS on {}", attempt.port),
        (Scheme::Https, false) => format!("unverified HTTPS on {}", attempt.port),
        (Scheme::Http, _) => format!("plain HTTP on {}", attempt.port),
    });
    let mut text = attempts.collect::<Vec<_>>().join(", then ");
    match allowed.authorities.len() {
        0 => {}
        1 => text.push_str(", vouched for by 1 authority of the policy"),
        count => text.push_str(&format!(", vouched for by {count} authorities of the policy")),
    }
    if !allowed.pinned.is_empty() {
        text.push_str(&format!(", at {} only", allowed.pinned.join(", ")));
    }
    text
}
