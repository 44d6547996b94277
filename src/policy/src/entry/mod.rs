//! Entries (rules E1 to E18): an element of a list, parsed once. After parsing, no host is a string.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::decision::Scheme;
use crate::entry::name_pattern::NamePattern;
use crate::finding::{EntryList, Finding, RawFinding, locate_findings};
use crate::host;
use crate::host::docker_hub;
use crate::util::strings::concat;

mod canonical;
mod lint;
pub(crate) mod name_pattern;
mod network;
mod notation;
mod parse;
mod parts;
mod redact;
#[cfg(test)]
mod tests;
mod wildcard;

pub use canonical::{CanonicalEntry, EntryHosts};
pub(crate) use lint::plain_http_finding;
pub(crate) use parse::{parse, parse_port};
pub use redact::{find_userinfo, redact_userinfo};
pub(crate) use redact::{is_scheme, redact_secrets};

/// The maximum size of an entry in bytes (rule E13).
pub const MAX_ENTRY_BYTES: usize = 1_024;

/// The kind of host that an entry names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    /// One IPv4 or IPv6 address.
    Address,
    /// A range of addresses in CIDR notation.
    Network,
    /// One host name.
    Name,
    /// Every name below a domain.
    Wildcard,
    /// Names with stars inside their labels.
    Pattern,
}

/// The pattern of hosts that an entry covers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum HostPattern {
    /// One address; never an IPv4-mapped one.
    Address(IpAddr),
    /// A network without host bits.
    Network(IpNet),
    /// One name.
    Name(Box<str>),
    /// Every name below this domain.
    Wildcard(Box<str>),
    /// Every name that matches (rule M7); never Docker Hub.
    Pattern(NamePattern),
}

impl HostPattern {
    /// Returns whether a name that matches the pattern is among these hosts without DNS.
    pub fn overlaps(&self, pattern: &NamePattern) -> bool {
        match self {
            HostPattern::Address(_) | HostPattern::Network(_) => false,
            HostPattern::Name(name) => pattern.matches(name),
            HostPattern::Wildcard(domain) => pattern.below(domain).is_some(),
            HostPattern::Pattern(other) => pattern.overlaps(other),
        }
    }
}

/// An entry. `Display` writes its canonical text, which parses to the same entry (rule E14).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub hosts: HostPattern,
    /// The port that the entry covers; `None` covers every port (rule M2).
    pub port: Option<u16>,
    /// The path that covered repositories are at or below (rule E12).
    pub namespace: Option<Box<str>>,
}

/// An entry with the scheme that it was written with.
#[derive(Clone, Debug)]
pub(crate) struct ParsedEntry {
    pub entry: Entry,
    /// The scheme as written; canonical text has it as a port (rule E10).
    pub scheme: Option<Scheme>,
}

/// The result of checking one entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryReport {
    /// The entry as typed, with any user information redacted.
    pub text: String,
    /// The entry in canonical form; absent if there is an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// The kind of host; absent if there is an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<EntryKind>,
    /// Findings, in the order of the text.
    pub findings: Vec<Finding>,
}

/// Checks one entry as an element of a list (rules E1 to E18). Rules about several entries are left to
/// [`check_policy`](crate::check_policy); a plain-HTTP entry for the whitelist is an error here.
pub fn check_entry(text: &str, list: EntryList) -> EntryReport {
    let mut findings = Vec::new();
    let parsed = parse(text, Some(list), &mut findings);
    let entry = parsed.filter(|_| !findings.iter().any(RawFinding::is_error)).map(|parsed| parsed.entry);
    EntryReport {
        text: redact_userinfo(text).into_owned(),
        kind: entry.as_ref().map(Entry::kind),
        entry: entry.map(|entry| entry.to_string()),
        findings: locate_findings(text.as_bytes(), findings),
    }
}

impl Entry {
    pub fn kind(&self) -> EntryKind {
        match self.hosts {
            HostPattern::Address(_) => EntryKind::Address,
            HostPattern::Network(_) => EntryKind::Network,
            HostPattern::Name(_) => EntryKind::Name,
            HostPattern::Wildcard(_) => EntryKind::Wildcard,
            HostPattern::Pattern(_) => EntryKind::Pattern,
        }
    }

    /// Returns the canonical text. Most entries are a host alone, for which `Display` takes several times as long.
    pub fn to_text(&self) -> Box<str> {
        match (&self.hosts, self.port, &self.namespace) {
            (HostPattern::Name(name), None, None) => name.clone(),
            (HostPattern::Wildcard(domain), None, None) => concat(&["*.", domain]).into(),
            (HostPattern::Address(IpAddr::V4(address)), None, None) => host::ipv4_text(*address).into(),
            (HostPattern::Network(IpNet::V4(network)), None, None) => {
                let mut text = host::ipv4_text(network.addr());
                text.push('/');
                host::push_decimal(&mut text, network.prefix_len());
                text.into()
            }
            _ => self.to_string().into(),
        }
    }

    /// Returns whether the entry names Docker Hub (rule H2).
    pub fn is_docker_hub(&self) -> bool {
        matches!(&self.hosts, HostPattern::Name(name) if docker_hub::is_docker_hub(name, self.port))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.hosts, self.port) {
            (HostPattern::Address(IpAddr::V6(address)), Some(_)) => write!(out, "[{address}]")?,
            (HostPattern::Address(address), _) => write!(out, "{address}")?,
            (HostPattern::Network(network), _) => write!(out, "{network}")?,
            (HostPattern::Name(name), _) => out.write_str(name)?,
            (HostPattern::Wildcard(domain), _) => write!(out, "*.{domain}")?,
            (HostPattern::Pattern(pattern), _) => out.write_str(pattern.as_str())?,
        }
        if let Some(port) = self.port {
            write!(out, ":{port}")?;
        }
        if let Some(namespace) = &self.namespace {
            write!(out, "/{namespace}")?;
        }
        Ok(())
    }
}

/// Returns a network without host bits, an IPv4-mapped one as IPv4 (rules E4, E8); `None` if the prefix is too long.
pub(crate) fn canonical_network(address: IpAddr, prefix: u8) -> Option<IpNet> {
    const MAPPED_PREFIX_LEN: u8 = 96;
    let mapped = match address {
        IpAddr::V6(_) => Some(host::canonical(address)).filter(IpAddr::is_ipv4),
        IpAddr::V4(_) => None,
    };
    let network = match (mapped, prefix.checked_sub(MAPPED_PREFIX_LEN)) {
        (Some(address), Some(prefix)) => IpNet::new(address, prefix),
        _ => IpNet::new(address, prefix),
    };
    network.ok().map(|network| network.trunc())
}
