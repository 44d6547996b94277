//! Entries (rules E1 to E14): one line of a list, parsed once; past here there are no strings that mean hosts.

use std::fmt;
use std::net::IpAddr;
use std::ops::Range;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::decision::Scheme;
use crate::finding::code::Code;
use crate::finding::{Finding, List, Note, findings};
use crate::host;
use crate::host::docker_hub;

mod network;
mod parse;
mod redact;
#[cfg(test)]
mod tests;

pub(crate) use parse::{parse, read_port};
pub use redact::user_information;
pub(crate) use redact::{mask_secrets, mask_user_information};

/// The most bytes that an entry may have (rule E13).
pub const MAX_ENTRY: usize = 1_024;

/// What an entry names.
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
}

/// The hosts that an entry covers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Hosts {
    /// One address; never an IPv4-mapped one.
    Address(IpAddr),
    /// A network without host bits.
    Network(IpNet),
    /// One name.
    Name(Box<str>),
    /// Every name below this domain.
    Wildcard(Box<str>),
}

/// A parsed entry. Prints as its canonical text, which parses to the same entry (rule E14).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub hosts: Hosts,
    /// The one port that it covers; without one it covers every port (rule M2).
    pub port: Option<u16>,
    /// The repositories that it covers are at or below this path (rule E12).
    pub namespace: Option<Box<str>>,
}

/// An entry and how it was written.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub entry: Entry,
    /// The scheme in front of it, which the canonical text shows as a port (rule E10).
    pub scheme: Option<Scheme>,
}

/// What was found in one entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryReport {
    /// The entry as it was typed, with any user information masked.
    pub text: String,
    /// The entry in canonical form; absent when there is an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// What it names; absent when there is an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<EntryKind>,
    /// Findings, in the order of the text.
    pub findings: Vec<Finding>,
}

/// Checks one entry as an element of a list (rules E1 to E14). What depends on other entries is for
/// [`check_policy`](crate::check_policy); a plain-HTTP entry for the whitelist is refused here.
pub fn check_entry(text: &str, list: List) -> EntryReport {
    let mut notes = Vec::new();
    let written = parse(text, &mut notes).filter(|written| {
        notes.extend(check_for_list(text, written, list));
        true
    });
    let entry = written.filter(|_| !notes.iter().any(Note::is_error)).map(|written| written.entry);
    EntryReport {
        text: mask_user_information(text).into_owned(),
        kind: entry.as_ref().map(Entry::kind),
        entry: entry.map(|entry| entry.to_string()),
        findings: findings(text.as_bytes(), notes),
    }
}

/// What a list asks of its entries beyond the grammar (rules E10, E12, T5).
pub(crate) fn check_for_list(text: &str, written: &Written, list: List) -> Option<Note> {
    if let (List::Insecure | List::BuiltIn, Some(namespace)) = (list, &written.entry.namespace) {
        let message =
            format!("transport belongs to the registry, so there is no namespace here: leave `/{namespace}` out");
        let bare = Entry { namespace: None, ..written.entry.clone() };
        return Some(Note::new(Code::NamespaceInsecure, 0..text.len(), message).fix_of(&bare));
    }
    match (list, written.scheme) {
        (List::Whitelist, Some(Scheme::Http)) => Some(plain_http(&written.entry, 0..text.len())),
        (List::BuiltIn, Some(Scheme::Http)) => {
            let message = "one of the product's own registries is always asked over HTTPS: leave `http://` out";
            Some(Note::new(Code::BuiltInHttp, 0..text.len(), message))
        }
        _ => None,
    }
}

/// Says that a whitelist entry with `http://` needs its registry in the insecure list (rule E10).
pub(crate) fn plain_http(entry: &Entry, place: Range<usize>) -> Note {
    let registry = Entry { namespace: None, ..entry.clone() };
    // Port 80 came with the scheme, or goes with it; any other was meant.
    let secure = Entry { port: entry.port.filter(|port| *port != 80), ..entry.clone() };
    let message = format!(
        "`{entry}` is reached over plain HTTP, so it must stand in the insecure list too, as `{registry}`; or write it with \
         `https://` here"
    );
    Note::new(Code::SchemeHttp, place, message).fix(format!("https://{secure}"))
}

impl Entry {
    pub fn kind(&self) -> EntryKind {
        match self.hosts {
            Hosts::Address(_) => EntryKind::Address,
            Hosts::Network(_) => EntryKind::Network,
            Hosts::Name(_) => EntryKind::Name,
            Hosts::Wildcard(_) => EntryKind::Wildcard,
        }
    }

    /// Whether it names Docker Hub (rule H2).
    pub fn is_hub(&self) -> bool {
        matches!(&self.hosts, Hosts::Name(name) if docker_hub::is_hub(name, self.port))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.hosts, self.port) {
            (Hosts::Address(IpAddr::V6(address)), Some(_)) => write!(out, "[{address}]")?,
            (Hosts::Address(address), _) => write!(out, "{address}")?,
            (Hosts::Network(network), _) => write!(out, "{network}")?,
            (Hosts::Name(name), _) => out.write_str(name)?,
            (Hosts::Wildcard(domain), _) => write!(out, "*.{domain}")?,
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

/// A network without host bits, an IPv4-mapped one as IPv4 (rules E4, E8). `None` where the prefix is too long.
pub(crate) fn network(address: IpAddr, prefix: u8) -> Option<IpNet> {
    const MAPPED_PREFIX: u8 = 96;
    let mapped = match address {
        IpAddr::V6(_) => Some(host::canonical(address)).filter(IpAddr::is_ipv4),
        IpAddr::V4(_) => None,
    };
    let network = match (mapped, prefix.checked_sub(MAPPED_PREFIX)) {
        (Some(address), Some(prefix)) => IpNet::new(address, prefix),
        _ => IpNet::new(address, prefix),
    };
    network.ok().map(|network| network.trunc())
}
