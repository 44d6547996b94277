//! The hosts of `NO_PROXY`, matched as Go's `golang.org/x/net/http/httpproxy` matches them.

use std::net::IpAddr;

use ipnet::IpNet;

/// The hosts that are reached without a proxy.
#[derive(Clone, Debug, Default)]
pub(super) struct NoProxy {
    rules: Vec<NoProxyRule>,
}

/// An element of the list.
#[derive(Clone, Debug)]
struct NoProxyRule {
    /// The element as written.
    text: String,
    pattern: HostPattern,
    /// The port as written; empty for every port.
    port: String,
}

#[derive(Clone, Debug)]
enum HostPattern {
    Any,
    Network(IpNet),
    Address(IpAddr),
    /// The domain with a leading dot: its subdomains, and itself unless it was written with the dot.
    Domain {
        suffix: String,
        includes_apex: bool,
    },
}

impl NoProxy {
    /// Parses a list, separated by commas. Elements that cannot be read match nothing.
    pub(super) fn parse(list: &str) -> Self {
        let rules = list.split(',').map(str::trim).filter(|text| !text.is_empty()).filter_map(NoProxyRule::parse);
        Self { rules: rules.collect() }
    }

    /// Returns the first element, as written, that matches the host: a name in lower case, or an address without
    /// brackets.
    pub(super) fn find(&self, host: &str, port: u16) -> Option<&str> {
        let address = host.parse::<IpAddr>().ok().map(|address| address.to_canonical());
        let port = port.to_string();
        let rule = self.rules.iter().find(|rule| rule.matches(host, address, &port))?;
        Some(&rule.text)
    }
}

impl NoProxyRule {
    fn parse(text: &str) -> Option<Self> {
        let element = text.to_lowercase();
        let rule = |pattern, port: &str| Some(Self { text: text.to_owned(), pattern, port: port.to_owned() });
        if element == "*" {
            return rule(HostPattern::Any, "");
        }
        if let Ok(network) = element.parse::<IpNet>() {
            return rule(HostPattern::Network(network), "");
        }
        let (host, port) = split_port(&element).unwrap_or((&element, ""));
        if host.is_empty() {
            return None;
        }
        if let Ok(address) = host.parse::<IpAddr>() {
            return rule(HostPattern::Address(address.to_canonical()), port);
        }
        let host = if host.starts_with("*.") { host.get(1..).unwrap_or_default() } else { host };
        let (includes_apex, domain) = match host.strip_prefix('.') {
            Some(domain) => (false, domain),
            None => (true, host),
        };
        let domain = if domain.is_ascii() { domain.to_owned() } else { idna::domain_to_ascii(domain).ok()? };
        rule(HostPattern::Domain { suffix: format!(".{domain}"), includes_apex }, port)
    }

    fn matches(&self, host: &str, address: Option<IpAddr>, port: &str) -> bool {
        let is_host = match (&self.pattern, address) {
            (HostPattern::Any, _) => true,
            (HostPattern::Network(network), Some(address)) => network.contains(&address),
            (HostPattern::Address(own), Some(address)) => *own == address,
            (HostPattern::Domain { suffix, includes_apex }, None) => {
                host.ends_with(suffix) || *includes_apex && suffix.strip_prefix('.') == Some(host)
            }
            _ => false,
        };
        is_host && (self.port.is_empty() || self.port == port)
    }
}

/// Splits `HOST:PORT` or `[IPV6]:PORT`. Returns none if there is no port: an IPv6 address in brackets needs one.
fn split_port(text: &str) -> Option<(&str, &str)> {
    let (host, port) = text.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?,
        None if host.contains(':') => return None,
        None => host,
    };
    Some((host, port)).filter(|(host, port)| !host.contains(['[', ']']) && !port.contains(['[', ']']))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host, its port, and whether it is reached without the proxy.
    type GoAnswer = (&'static str, u16, bool);

    /// Lists, and hosts with the answers of `http.ProxyFromEnvironment` in Go 1.26: true if it gives no proxy.
    const GO_ANSWERS: &[(&str, &[GoAnswer])] = &[
        ("", &[("registry.corp", 443, false), ("10.0.0.1", 443, false)]),
        ("*", &[("registry.corp", 443, true), ("10.0.0.1", 443, true), ("fd00::1", 80, true)]),
        ("a.example, *", &[("registry.corp", 443, true)]),
        ("*:443", &[("registry.corp", 443, false)]),
        (
            "corp.example",
            &[
                ("corp.example", 443, true),
                ("registry.corp.example", 443, true),
                ("a.registry.corp.example", 5000, true),
                ("notcorp.example", 443, false),
                ("corp.example.org", 443, false),
                ("example", 443, false),
            ],
        ),
        (".corp.example", &[("corp.example", 443, false), ("registry.corp.example", 443, true)]),
        ("*.corp.example", &[("corp.example", 443, false), ("registry.corp.example", 443, true)]),
        ("*corp.example", &[("registry.corp.example", 443, false), ("corp.example", 443, false)]),
        ("Corp.EXAMPLE", &[("registry.corp.example", 443, true)]),
        ("corp.example.", &[("registry.corp.example", 443, false)]),
        (
            "corp.example:5000",
            &[
                ("corp.example", 5000, true),
                ("registry.corp.example", 5000, true),
                ("corp.example", 443, false),
                ("corp.example", 50, false),
            ],
        ),
        (".corp.example:5000", &[("corp.example", 5000, false), ("registry.corp.example", 5000, true)]),
        ("corp.example:", &[("corp.example", 443, true)]),
        ("corp.example:https", &[("corp.example", 443, false)]),
        ("corp.example:0443", &[("corp.example", 443, false)]),
        (":443", &[("corp.example", 443, false)]),
        ("https://corp.example", &[("corp.example", 443, false)]),
        (" a.example ,, b.example,", &[("a.example", 443, true), ("b.example", 443, true), ("c.example", 443, false)]),
        ("a.example b.example", &[("a.example", 443, false), ("b.example", 443, false)]),
        ("a.example;b.example", &[("a.example", 443, false)]),
        (
            "10.0.0.0/8",
            &[
                ("10.255.0.1", 443, true),
                ("10.0.0.1", 5000, true),
                ("11.0.0.1", 443, false),
                ("10.example", 443, false),
            ],
        ),
        ("10.1.2.3/8", &[("10.255.0.1", 443, true)]),
        ("10.0.0.0/33", &[("10.0.0.1", 443, false)]),
        ("10.0.0.0/8:443", &[("10.0.0.1", 443, false)]),
        ("10.", &[("10.0.0.1", 443, false)]),
        ("192.168.1.", &[("192.168.1.1", 443, false)]),
        ("192.168.1.1", &[("192.168.1.1", 443, true), ("192.168.1.10", 443, false)]),
        ("192.168.1.1:5000", &[("192.168.1.1", 5000, true), ("192.168.1.1", 443, false)]),
        ("192.168.1.1, 192.168.1.2:81", &[("192.168.1.2", 81, true), ("192.168.1.2", 443, false)]),
        ("0.0.0.0/0", &[("192.168.1.1", 443, true), ("fd00::1", 443, false), ("registry.corp", 443, false)]),
        ("fd00::1", &[("fd00::1", 443, true), ("fd00::2", 443, false)]),
        ("FD00:0::1", &[("fd00::1", 443, true)]),
        ("[fd00::1]", &[("fd00::1", 443, false)]),
        ("[fd00::1]:5000", &[("fd00::1", 5000, true), ("fd00::1", 443, false)]),
        ("fd00::/8", &[("fd12::1", 443, true), ("fe80::1", 443, false), ("10.0.0.1", 443, false)]),
        ("::ffff:192.168.1.1", &[("192.168.1.1", 443, true)]),
        (".1.1", &[("192.168.1.1", 443, false)]),
        ("bücher.example", &[("xn--bcher-kva.example", 443, true), ("a.xn--bcher-kva.example", 443, true)]),
        (".", &[("registry.corp", 443, false)]),
        ("registry", &[("registry", 443, true), ("my.registry", 443, true)]),
    ];

    #[test]
    fn hosts_are_matched_as_in_go() {
        for (list, hosts) in GO_ANSWERS {
            let no_proxy = NoProxy::parse(list);
            for (host, port, is_direct) in *hosts {
                assert_eq!(no_proxy.find(host, *port).is_some(), *is_direct, "`{list}`: {host}, {port}");
            }
        }
    }

    #[test]
    fn element_is_named_as_written() {
        let no_proxy = NoProxy::parse("a.example, .Corp.example:443");
        assert_eq!(no_proxy.find("registry.corp.example", 443), Some(".Corp.example:443"));
    }
}
