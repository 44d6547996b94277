//! Hosts, references and decisions of a comparison in words.

use std::borrow::Cow;

use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};

use crate::compare::host_classes::{What, bounds};
use crate::decision::{Decision, Denial, ReferenceKind, Scheme};
use crate::host::dns_name;
use crate::host::docker_hub;
use crate::reference::Registry;

/// The hosts of a region and its exceptions, as entries are written. A network without some of it is other networks.
pub(super) fn written(what: &What, except: &[&What]) -> (Vec<String>, Vec<String>) {
    // Beyond this a list of what remains is longer than one of what is left out.
    const SHORT: usize = 16;
    if let (What::Network(network), 1..=SHORT) = (what, except.len()) {
        let rest = without(*network, except);
        if rest.len() <= except.len() {
            return (rest, Vec::new());
        }
    }
    (vec![entry_of(what)], except.iter().map(|what| entry_of(what)).collect())
}

pub(super) fn entry_of(what: &What) -> String {
    match what {
        What::Hub => docker_hub::SHOWN.to_owned(),
        What::EveryName => "*".to_owned(),
        What::Names(key) => key.to_string(),
        What::Network(network) => network_text(*network),
    }
}

pub(super) fn network_text(network: IpNet) -> String {
    match network.prefix_len() == network.max_prefix_len() {
        true => network.addr().to_string(),
        false => network.to_string(),
    }
}

/// The networks that remain of one without others inside it, sorted and apart.
pub(super) fn without(network: IpNet, except: &[&What]) -> Vec<String> {
    let (first, last, v4) = bounds(network);
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
        let What::Network(inner) = what else { continue };
        let (start, end, _) = bounds(*inner);
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

pub(super) fn hosts_in_words(what: &What, hosts: &[String], except: &[String]) -> String {
    let whole = |network: &IpNet| network.prefix_len() == 0 && hosts.iter().all(|host| *host == network_text(*network));
    let mut text = match what {
        What::Hub => "Docker Hub".to_owned(),
        What::EveryName => "every name".to_owned(),
        What::Network(IpNet::V4(network)) if whole(&IpNet::V4(*network)) => "every IPv4 address".to_owned(),
        What::Network(IpNet::V6(network)) if whole(&IpNet::V6(*network)) => "every IPv6 address".to_owned(),
        What::Names(_) | What::Network(_) => listed(hosts),
    };
    if !except.is_empty() {
        text.push_str(" but ");
        text.push_str(&listed(except));
    }
    text
}

/// What is read at a glance, and how much more there is.
pub(super) fn listed(texts: &[String]) -> String {
    const FEW: usize = 5;
    let shown: Vec<String> = texts.iter().take(FEW).map(|text| format!("`{text}`")).collect();
    let more = texts.len().saturating_sub(FEW);
    let shown = shown.join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

/// The text of a reference.
pub(super) fn reference(host: &Registry<'_>, port: Option<u16>, repository: Option<&str>) -> (String, ReferenceKind) {
    let host = match host {
        // `docker.io/x` is `docker.io/library/x`.
        Registry::Hub if port.is_none() && repository.is_some_and(|path| !path.contains('/')) => {
            Cow::Borrowed(docker_hub::HOST)
        }
        Registry::Hub => Cow::Borrowed(docker_hub::SHOWN),
        Registry::Address(address) if address.is_ipv6() => Cow::Owned(format!("[{address}]")),
        Registry::Address(address) => Cow::Owned(address.to_string()),
        // In an image reference a single label is a registry in upper case only.
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

/// A decision in a few words.
pub(super) fn decision_in_words(decision: &Decision<'_>) -> String {
    let allowed = match decision {
        Decision::Lookup(_) => return "DNS decides".to_owned(),
        Decision::Deny(denied) if denied.reason == Denial::UnknownProject => {
            return "denied: there is no such project".to_owned();
        }
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
