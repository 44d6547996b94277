//! Name constraints (RFC 5280, section 4.2.1.10), and the whitelist entries that they exclude (rule C4).

use crate::certificate::der;
use crate::certificate::general_name::{GeneralName, network_from_octets};
use crate::entry::name_pattern::NamePattern;
use crate::entry::{Entry, HostPattern};
use crate::host::docker_hub;
use ipnet::IpNet;

/// The permitted and excluded subtrees of a CA certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NameConstraints {
    permitted: Vec<GeneralName>,
    excluded: Vec<GeneralName>,
}

impl NameConstraints {
    /// Parses the extension's value; `None` if it is malformed.
    pub fn parse(der: &[u8]) -> Option<Self> {
        let mut constraints = NameConstraints::default();
        for part in der::sequence_elements(der)? {
            let subtrees = match der::context_tag(&part)? {
                0 => &mut constraints.permitted,
                _ => &mut constraints.excluded,
            };
            for subtree in der::children(&part)? {
                // `minimum` and `maximum` follow; RFC 5280 does not use them.
                subtrees.push(GeneralName::parse(der::children(&subtree)?.first()?)?);
            }
        }
        Some(constraints)
    }

    /// Returns the constraints in words.
    pub fn to_text(&self) -> String {
        let list = |names: &[GeneralName]| names.iter().map(GeneralName::to_text).collect::<Vec<_>>().join(", ");
        let parts = [("permitted", &self.permitted), ("excluded", &self.excluded)];
        let parts = parts.iter().filter(|(_, names)| !names.is_empty());
        parts.map(|(what, names)| format!("{what} {}", list(names))).collect::<Vec<_>>().join("; ")
    }

    /// Returns whether the constraints exclude every host of the entry. A form of name without a permitted subtree is
    /// unconstrained.
    pub fn excludes(&self, entry: &Entry) -> bool {
        let mut any = false;
        let mut within = false;
        for name in &self.permitted {
            let Some(meets) = overlap(name, entry) else { continue };
            any = true;
            within |= meets != Overlap::None;
        }
        (any && !within) || self.excluded.iter().any(|name| overlap(name, entry) == Some(Overlap::Full))
    }
}

/// The overlap of a constraint with an entry's hosts.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Overlap {
    None,
    Partial,
    Full,
}

/// Returns the overlap; `None` if the constraint is about another form of name.
fn overlap(constraint: &GeneralName, entry: &Entry) -> Option<Overlap> {
    match (constraint, &entry.hosts) {
        (GeneralName::Dns(name), _) if entry.is_docker_hub() => Some(name_overlap(name, docker_hub::REGISTRY_HOST)),
        (GeneralName::Dns(name), HostPattern::Name(host)) => Some(name_overlap(name, host)),
        (GeneralName::Dns(name), HostPattern::Wildcard(domain)) => Some(subtree_overlap(name, domain)),
        (GeneralName::Dns(name), HostPattern::Pattern(pattern)) => Some(pattern_overlap(name, pattern)),
        (GeneralName::Ip(bytes), HostPattern::Address(address)) => {
            Some(network_overlap(network_from_octets(bytes), IpNet::from(*address)))
        }
        (GeneralName::Ip(bytes), HostPattern::Network(other)) => {
            Some(network_overlap(network_from_octets(bytes), *other))
        }
        _ => None,
    }
}

fn name_overlap(constraint: &str, host: &str) -> Overlap {
    if is_within(host, &constraint.to_ascii_lowercase()) { Overlap::Full } else { Overlap::None }
}

/// Returns the overlap with all names below a domain.
fn subtree_overlap(constraint: &str, domain: &str) -> Overlap {
    let constraint = constraint.to_ascii_lowercase();
    let base = constraint.strip_prefix('.').unwrap_or(&constraint);
    if is_within(domain, base) {
        Overlap::Full
    } else if is_within(base, domain) {
        Overlap::Partial
    } else {
        Overlap::None
    }
}

/// Returns the overlap with all names of a pattern.
fn pattern_overlap(constraint: &str, pattern: &NamePattern) -> Overlap {
    let constraint = constraint.to_ascii_lowercase();
    let base = constraint.strip_prefix('.').unwrap_or(&constraint);
    if is_within(pattern.as_str(), &constraint) {
        Overlap::Full
    } else if pattern.matches(base) || pattern.below(base).is_some() {
        Overlap::Partial
    } else {
        Overlap::None
    }
}

/// Returns whether a host is at or below the constraint; below only, if the constraint begins with a dot.
fn is_within(host: &str, constraint: &str) -> bool {
    match host.strip_suffix(constraint) {
        Some("") => !constraint.starts_with('.'),
        Some(front) => constraint.is_empty() || constraint.starts_with('.') || front.ends_with('.'),
        None => false,
    }
}

fn network_overlap(constraint: Option<IpNet>, other: IpNet) -> Overlap {
    match constraint {
        Some(network) if network.contains(&other) => Overlap::Full,
        Some(network) if other.contains(&network) => Overlap::Partial,
        Some(_) => Overlap::None,
        // A mask that is not contiguous: unknown.
        None => Overlap::Partial,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::general_name::network_text;

    #[test]
    fn c4_names_below_a_constraint() {
        for (host, constraint, within) in [
            ("a.corp", "corp", true),
            ("corp", "corp", true),
            ("xcorp", "corp", false),
            ("a.corp", ".corp", true),
            ("corp", ".corp", false),
            ("a.b", "", true),
        ] {
            assert_eq!(is_within(host, constraint), within, "{host} {constraint}");
        }
        assert_eq!(subtree_overlap(".corp", "corp"), Overlap::Full);
        assert_eq!(subtree_overlap("a.CORP", "corp"), Overlap::Partial);
        assert_eq!(subtree_overlap("b", "corp"), Overlap::None);
    }

    #[test]
    fn c4_networks_of_a_constraint() {
        assert_eq!(network_text(&[10, 0, 0, 0, 255, 0, 0, 0]).as_deref(), Some("10.0.0.0/8"));
        assert_eq!(network_text(&[10, 0, 0, 0, 255, 0, 255, 0]), None);
        assert_eq!(network_text(&[10, 0, 0]), None);
    }
}
