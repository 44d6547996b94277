//! Name constraints (RFC 5280, section 4.2.1.10): which entries of a whitelist a certificate cannot vouch for (rule C4).

use crate::certificate::der;
use crate::certificate::general_name::{GeneralName, network};
use crate::entry::{Entry, Hosts};
use crate::host::docker_hub;
use ipnet::IpNet;

/// Name constraints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Constraints {
    permitted: Vec<GeneralName>,
    excluded: Vec<GeneralName>,
}

impl Constraints {
    /// Reads the extension's value; `None` where it is damaged.
    pub fn read(der: &[u8]) -> Option<Self> {
        let mut constraints = Constraints::default();
        for part in der::sequence(der)? {
            let subtrees = match der::number(&part)? {
                0 => &mut constraints.permitted,
                _ => &mut constraints.excluded,
            };
            for subtree in der::within(&part)? {
                // `minimum` and `maximum` follow, and are never used.
                subtrees.push(GeneralName::read(der::within(&subtree)?.first()?)?);
            }
        }
        Some(constraints)
    }

    /// The constraints in words.
    pub fn text(&self) -> String {
        let list = |names: &[GeneralName]| names.iter().map(GeneralName::text).collect::<Vec<_>>().join(", ");
        let parts = [("permitted", &self.permitted), ("excluded", &self.excluded)];
        let parts = parts.iter().filter(|(_, names)| !names.is_empty());
        parts.map(|(what, names)| format!("{what} {}", list(names))).collect::<Vec<_>>().join("; ")
    }

    /// Whether no host of the entry may have a certificate under these constraints. They say something of a form of name
    /// only where they have one of that form.
    pub fn exclude(&self, entry: &Entry) -> bool {
        let mut any = false;
        let mut within = false;
        for name in &self.permitted {
            let Some(meets) = meets(name, entry) else { continue };
            any = true;
            within |= meets != Meets::Not;
        }
        (any && !within) || self.excluded.iter().any(|name| meets(name, entry) == Some(Meets::Wholly))
    }
}

/// How much of an entry's hosts a constraint is about.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Meets {
    Not,
    Partly,
    Wholly,
}

/// `None` where the constraint is about another form of name.
fn meets(constraint: &GeneralName, entry: &Entry) -> Option<Meets> {
    match (constraint, &entry.hosts) {
        (GeneralName::Dns(name), _) if entry.is_hub() => Some(name_meets(name, docker_hub::HOST)),
        (GeneralName::Dns(name), Hosts::Name(host)) => Some(name_meets(name, host)),
        (GeneralName::Dns(name), Hosts::Wildcard(domain)) => Some(domain_meets(name, domain)),
        (GeneralName::Ip(bytes), Hosts::Address(address)) => Some(network_meets(network(bytes), IpNet::from(*address))),
        (GeneralName::Ip(bytes), Hosts::Network(other)) => Some(network_meets(network(bytes), *other)),
        _ => None,
    }
}

fn name_meets(constraint: &str, host: &str) -> Meets {
    if is_within(host, &constraint.to_ascii_lowercase()) { Meets::Wholly } else { Meets::Not }
}

/// For all the names below a domain.
fn domain_meets(constraint: &str, domain: &str) -> Meets {
    let constraint = constraint.to_ascii_lowercase();
    let base = constraint.strip_prefix('.').unwrap_or(&constraint);
    if is_within(domain, base) {
        Meets::Wholly
    } else if is_within(base, domain) {
        Meets::Partly
    } else {
        Meets::Not
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

fn network_meets(constraint: Option<IpNet>, other: IpNet) -> Meets {
    match constraint {
        Some(network) if network.contains(&other) => Meets::Wholly,
        Some(network) if other.contains(&network) => Meets::Partly,
        Some(_) => Meets::Not,
        // A mask with holes: nothing is sure.
        None => Meets::Partly,
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
        assert_eq!(domain_meets(".corp", "corp"), Meets::Wholly);
        assert_eq!(domain_meets("a.CORP", "corp"), Meets::Partly);
        assert_eq!(domain_meets("b", "corp"), Meets::Not);
    }

    #[test]
    fn c4_networks_of_a_constraint() {
        assert_eq!(network_text(&[10, 0, 0, 0, 255, 0, 0, 0]).as_deref(), Some("10.0.0.0/8"));
        assert_eq!(network_text(&[10, 0, 0, 0, 255, 0, 255, 0]), None);
        assert_eq!(network_text(&[10, 0, 0]), None);
    }
}
