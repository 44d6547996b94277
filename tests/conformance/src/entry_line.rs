//! The hosts and the port of an entry, read from its text: what an entry covers, as the tests see it.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::reference_model::{HUB, Host};
use crate::regions::{is_pattern, matches_pattern};

/// The hosts and the port of an entry.
pub struct Line {
    text: String,
    /// The port; none covers every port.
    pub port: Option<u16>,
    hub: bool,
}

impl Line {
    /// The line of an entry in canonical form.
    pub fn of(entry: &str) -> Self {
        let network = entry.parse::<IpNet>().is_ok();
        let place = if network { entry } else { entry.split('/').next().unwrap_or_default() };
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !network && place.parse::<IpAddr>().is_err() => (host, port.parse().ok()),
            _ => (place, None),
        };
        let host = host.trim_matches(['[', ']']);
        let hub = ["docker.io", "index.docker.io", HUB].contains(&host) && matches!(port, None | Some(443));
        // With its port Docker Hub is what it is without.
        Line { text: host.to_owned(), port: port.filter(|_| !hub), hub }
    }

    /// Rule M2, for a whitelist.
    pub fn covers(&self, port: Option<u16>) -> bool {
        self.port.is_none_or(|own| own == port.unwrap_or(443))
    }

    /// Returns whether the host is among those of the entry, without DNS.
    pub fn has(&self, host: &Host) -> bool {
        match host {
            Host::Hub => self.hub || ["*.docker.io", "*.io"].contains(&self.text.as_str()),
            _ if self.hub => false,
            Host::Name(name) => {
                self.text == *name
                    || is_pattern(&self.text) && matches_pattern(&self.text, name)
                    || !is_pattern(&self.text) && self.text.strip_prefix('*').is_some_and(|end| name.ends_with(end))
            }
            Host::Address(address) => self.network().is_some_and(|network| network.contains(address)),
        }
    }

    /// Returns whether all of its hosts are among those of another entry.
    pub fn is_in(&self, wider: &Line) -> bool {
        match (self.network(), wider.network()) {
            (Some(own), Some(wider)) => wider.contains(&own),
            (None, None) if self.hub => wider.has(&Host::Hub),
            // A wildcard is in no pattern: it has names with any number of labels.
            (None, None) if self.text.starts_with("*.") && !is_pattern(&self.text) && is_pattern(&wider.text) => false,
            // A star matches nothing but a star.
            (None, None) => wider.has(&Host::Name(self.text.clone())) && !wider.hub,
            _ => false,
        }
    }

    fn network(&self) -> Option<IpNet> {
        self.text.parse().ok().or_else(|| self.text.parse::<IpAddr>().ok().map(IpNet::from))
    }
}
