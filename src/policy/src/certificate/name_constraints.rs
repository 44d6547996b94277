//! Name constraints (RFC 5280, section 4.2.1.10): which entries of a whitelist a certificate cannot vouch for (rule C4).

use crate::certificate::der;
use crate::certificate::general_name::{GeneralName, network_from_octets};
use crate::entry::{Entry, HostPattern};
use crate::host::docker_hub;
use ipnet::IpNet;

/// Name constraints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NameConstraints {
    permitted: Vec<GeneralName>,
    excluded: Vec<GeneralName>,
}

impl NameConstraints {
    /// Reads the extension's value; `None` where it is damaged.
    pub fn parse(der: &[u8]) -> Option<Self> {
        let mut constraints = NameConstraints::default();
        for part in der::sequence_elements(der)? {
            let subtrees = match der::context_tag(&part)? {
                0 => &mut constraints.permitted,
                _ => &mut constraints.excluded,
            };
            for subtree in der::children(&part)? {
                // `minimum` and `maximum` follow, and are never used.
                subtrees.push(GeneralName::parse(der::children(&subtree)?.first()?)?);
            }
        }
        Some(constraints)
    }

    /// The constraints in words.
    pub fn to_text(&self) -> String {
        let list = |names: &[GeneralName]| names.iter().map(GeneralName::to_text).collect::<Vec<_>>().join(", ");
        let parts = [("permitted", &self.permitted), ("excluded", &self.excluded)];
        let parts = parts.iter().filter(|(_, names)| !names.is_empty());
        parts.map(|(what, names)| format!("{what} {}", list(names))).collect::<Vec<_>>().join("; ")
    }

    /// Whether no host of the entry may have a certificate under these constraints. They say something of a form of name
    /// only where they have one of that form.
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

/// How much of an entry's hosts a constraint is about.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Overlap {
    None,
    Partial,
    Full,
}

/// `None` where the constraint is about another form of name.
fn overlap(constraint: &GeneralName, entry: &Entry) -> Option<Overlap> {
    match (constraint, &entry.hosts) {
        (GeneralName::Dns(name), _) if entry.is_docker_hub() => Some(name_overlap(name, docker_hub::REGISTRY_HOST)),
        (GeneralName::Dns(name), HostPattern::Name(host)) => Some(name_overlap(name, host)),
        (GeneralName::Dns(name), HostPattern::Wildcard(domain)) => Some(subtree_overlap(name, domain)),
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

/// For all the names below a domain.
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

/// Whether a host is the constraint's or below it; below only, where the constraint begins with a dot.
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
        // A mask with holes: nothing is sure.
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
