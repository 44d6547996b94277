//! Registries as references and settings name them: `HOST[:PORT]`.

use std::net::{IpAddr, Ipv6Addr};

use crate::docker_hub;

/// Splits `HOST[:PORT]`, in which an IPv6 address is bracketed. What is no port stays with the host.
pub(crate) fn split_port(registry: &str) -> (&str, Option<u16>) {
    let parts = registry.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    parts.map_or((registry, None), |(host, port)| (host, Some(port)))
}

/// Returns the address of a registry that is one.
pub(crate) fn address_of(registry: &str) -> Option<IpAddr> {
    split_port(registry).0.trim_matches(['[', ']']).parse().ok()
}

/// Returns whether a registry is on this machine by its name.
pub(crate) fn is_loopback(registry: &str) -> bool {
    split_port(registry).0 == "localhost" || address_of(registry).is_some_and(|address| address.is_loopback())
}

/// Returns the entry for a registry that a runtime compares as text, with a path or without: one without a port is the
/// one on the default port, and any name of Docker Hub is Docker Hub.
pub(crate) fn exact_entry(registry: &str) -> String {
    if let Ok(address) = registry.parse::<Ipv6Addr>() {
        return format!("[{address}]:443");
    }
    let (domain, path) = match registry.split_once('/') {
        Some((domain, path)) => (domain, Some(path)),
        None => (registry, None),
    };
    let domain = match split_port(domain) {
        (host, port) if docker_hub::is_docker_hub(host, port) => docker_hub::DISPLAY_NAME.to_owned(),
        // The check of the entry says that this is no port.
        (host, None) if host.contains(':') && !host.ends_with(']') => host.to_owned(),
        (host, None) => format!("{host}:443"),
        _ => domain.to_owned(),
    };
    match path {
        Some(path) => format!("{domain}/{path}"),
        None => domain,
    }
}

/// Returns whether a registry without a port is named with port 80 beside it, and not with 443: then it is the one of
/// plain HTTP, and an entry for port 443 would cover a registry that is not named.
pub(crate) fn is_of_port_80<'n>(registry: &str, others: impl Iterator<Item = &'n str> + Clone) -> bool {
    let (host, path) = match registry.split_once('/') {
        Some((host, path)) => (host, format!("/{path}")),
        None => (registry, String::new()),
    };
    let has = |port: u16| {
        let name = format!("{host}:{port}{path}");
        others.clone().any(|other| other == name)
    };
    split_port(host).1.is_none() && has(80) && !has(443)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_are_host_and_port() {
        assert_eq!(split_port("h:5000"), ("h", Some(5000)));
        assert_eq!(split_port("[2001:db8::1]"), ("[2001:db8::1]", None));
        for registry in ["h:", "h:65536", "h:x", "docker.io:500000"] {
            assert_eq!((split_port(registry), exact_entry(registry)), ((registry, None), registry.to_owned()));
        }
        assert_eq!(split_port("[2001:db8::1]:80"), ("[2001:db8::1]", Some(80)));
        assert!(is_loopback("localhost:5000") && is_loopback("127.1.2.3") && is_loopback("[::1]:80"));
        assert!(!is_loopback("localhost.example"));
        for (registry, entry) in [
            ("h", "h:443"),
            ("h/team", "h:443/team"),
            ("h:5000/team", "h:5000/team"),
            ("docker.io/library", "docker.io/library"),
            ("registry-1.docker.io:443", "docker.io"),
            ("docker.io:5000", "docker.io:5000"),
            ("2001:db8::1", "[2001:db8::1]:443"),
            ("[2001:db8::1]", "[2001:db8::1]:443"),
        ] {
            assert_eq!(exact_entry(registry), entry);
        }
    }
}
