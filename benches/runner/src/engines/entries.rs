//! The entries of a policy and the registry of a reference, in the parts that general policy engines compare.

use std::net::IpAddr;

use anyhow::{Context, Result};
use serde_json::Value;

/// The entries of a policy, by kind.
pub struct EntryLists {
    /// Names and addresses on any port.
    pub hosts: Vec<String>,
    /// Names and addresses on one port.
    pub hosts_on_port: Vec<(String, u16)>,
    /// Domains of wildcards.
    pub domains: Vec<String>,
    /// Networks in CIDR notation.
    pub networks: Vec<String>,
}

impl EntryLists {
    /// Parses the lists of a document of the benchmarks.
    pub fn parse(document: &str) -> Result<Self> {
        let document: Value = serde_json::from_str(document)?;
        let mut lists =
            Self { hosts: Vec::new(), hosts_on_port: Vec::new(), domains: Vec::new(), networks: Vec::new() };
        for list in ["insecure", "whitelist"] {
            for entry in document[list].as_array().context("a list is missing")? {
                let entry = entry.as_str().context("an entry is no string")?;
                if let Some(domain) = entry.strip_prefix("*.") {
                    lists.domains.push(domain.to_owned());
                } else if let Some((address, bits)) = entry.split_once('/') {
                    lists.networks.push(network(address, bits)?);
                } else if let Some((host, port)) = entry.split_once(':') {
                    lists.hosts_on_port.push((host.to_owned(), port.parse()?));
                } else {
                    lists.hosts.push(entry.to_owned());
                }
            }
        }
        Ok(lists)
    }
}

/// Returns a network without the host bits of its address, which some engines refuse.
fn network(address: &str, bits: &str) -> Result<String> {
    let network: ipnet::IpNet = format!("{address}/{bits}").parse()?;
    Ok(network.trunc().to_string())
}

/// The registry of an image reference.
pub struct RegistryAccess {
    pub host: String,
    pub port: u16,
    /// The host, if it is an address.
    pub address: Option<String>,
}

impl RegistryAccess {
    /// Parses a reference of the benchmarks.
    pub fn parse(reference: &str) -> Self {
        let first = reference.split('/').next().unwrap_or_default();
        let registry = if first.contains(['.', ':']) { first } else { "docker.io" };
        let (host, port) = registry.split_once(':').unwrap_or((registry, "443"));
        let address = host.parse::<IpAddr>().is_ok().then(|| host.to_owned());
        Self { host: host.to_owned(), port: port.parse().unwrap_or(443), address }
    }
}
