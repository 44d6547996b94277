//! Entries in their parts, for programs that say them in other notations.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::entry::{Entry, HostPattern, parse};
use crate::finding::EntryList;
use crate::host::docker_hub;

/// An entry in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanonicalEntry {
    /// The canonical text (rule E14).
    pub text: String,
    /// The hosts that it covers.
    pub hosts: EntryHosts,
    /// The port; `None` covers every port (rule M2).
    pub port: Option<u16>,
    /// The namespace (rule E12).
    pub namespace: Option<String>,
}

/// The hosts of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryHosts {
    /// Docker Hub, by any of its names (rule H2).
    DockerHub,
    /// An address.
    Address(IpAddr),
    /// A network.
    Network(IpNet),
    /// A name.
    Name(String),
    /// The names below a domain.
    Wildcard(String),
    /// A pattern of names (rule E15).
    Pattern(String),
}

impl CanonicalEntry {
    /// Parses an entry; `None` if it has an error, which [`check_entry`](crate::check_entry) tells.
    pub fn parse(text: &str) -> Option<Self> {
        // Entries of the whitelist may be of every kind; findings are for those who write them.
        parse(text, Some(EntryList::Whitelist), &mut Vec::new()).map(|parsed| Self::from(parsed.entry))
    }

    /// Returns the host as references have it; `None` for an entry that covers more than one.
    pub fn exact_host(&self) -> Option<String> {
        match &self.hosts {
            EntryHosts::DockerHub => Some(docker_hub::DISPLAY_NAME.to_owned()),
            EntryHosts::Address(IpAddr::V6(address)) => Some(format!("[{address}]")),
            EntryHosts::Address(address) => Some(address.to_string()),
            EntryHosts::Name(name) => Some(name.clone()),
            EntryHosts::Network(_) | EntryHosts::Wildcard(_) | EntryHosts::Pattern(_) => None,
        }
    }
}

impl From<Entry> for CanonicalEntry {
    fn from(entry: Entry) -> Self {
        let text = entry.to_string();
        let hosts = match entry.hosts {
            HostPattern::Name(_) if entry.is_docker_hub() => EntryHosts::DockerHub,
            HostPattern::Address(address) => EntryHosts::Address(address),
            HostPattern::Network(network) => EntryHosts::Network(network),
            HostPattern::Name(name) => EntryHosts::Name(name.into()),
            HostPattern::Wildcard(domain) => EntryHosts::Wildcard(domain.into()),
            HostPattern::Pattern(pattern) => EntryHosts::Pattern(pattern.as_str().to_owned()),
        };
        Self { text, hosts, port: entry.port, namespace: entry.namespace.map(Into::into) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_split_into_their_parts() {
        for (text, host, port, namespace) in [
            ("h.example", Some("h.example"), None, None),
            ("h.example:80", Some("h.example"), Some(80), None),
            ("h.example:5000/team/app", Some("h.example"), Some(5000), Some("team/app")),
            ("10.0.0.1", Some("10.0.0.1"), None, None),
            ("10.0.0.1:443/team", Some("10.0.0.1"), Some(443), Some("team")),
            ("2001:db8::1", Some("[2001:db8::1]"), None, None),
            ("2001:db8::1/team", Some("[2001:db8::1]"), None, Some("team")),
            ("[2001:db8::1]:5000", Some("[2001:db8::1]"), Some(5000), None),
            ("10.0.0.0/8", None, None, None),
            ("2001:db8::/32", None, None, None),
            ("*.example.com:5000", None, Some(5000), None),
            ("index.docker.io", Some("docker.io"), None, None),
            ("docker.io:443/library", Some("docker.io"), Some(443), Some("library")),
            ("docker.io:5000", Some("docker.io"), Some(5000), None),
            ("123.dkr.ecr.*.amazonaws.com", None, None, None),
        ] {
            let entry = CanonicalEntry::parse(text).unwrap();
            assert_eq!((entry.exact_host().as_deref(), entry.port), (host, port), "{text}");
            assert_eq!(entry.namespace.as_deref(), namespace, "{text}");
            assert_eq!(CanonicalEntry::parse(&entry.text), Some(entry), "{text}");
        }
        let hosts = |text: &str| CanonicalEntry::parse(text).unwrap().hosts;
        assert!(matches!(hosts("*.dkr.ecr.eu-*.amazonaws.com"), EntryHosts::Pattern(_)));
        assert!(matches!(hosts("*.example.com"), EntryHosts::Wildcard(_)));
        assert!(matches!(hosts("docker.io:5000"), EntryHosts::Name(_)));
        assert!(matches!(hosts("registry.hub.docker.com"), EntryHosts::DockerHub));
        assert_eq!(CanonicalEntry::parse("h:0"), None);
    }
}
