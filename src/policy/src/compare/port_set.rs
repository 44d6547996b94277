//! Sets of ports of references; a reference may have no port.

use serde::Serialize;

/// A set of ports of references.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PortSet {
    /// True if the set includes references without a port.
    pub without_port: bool,
    /// True if the set is every port except `ports`.
    pub complement: bool,
    /// Ports, sorted.
    pub ports: Vec<u16>,
}

/// The port of a reference without one (rule M2).
const HTTPS_PORT: u16 = 443;

impl PortSet {
    /// Returns the set in words with a leading blank; empty if Docker Hub has no other ports.
    pub(super) fn describe(&self) -> String {
        let list = |ports: &[u16]| {
            let texts: Vec<String> = ports.iter().map(u16::to_string).collect();
            match texts.as_slice() {
                [front @ .., last] if !front.is_empty() => format!("{} and {last}", front.join(", ")),
                texts => texts.join(", "),
            }
        };
        let has_https = self.complement != self.ports.contains(&HTTPS_PORT);
        let mut text = match (self.complement, self.ports.as_slice()) {
            (true, []) => " on any port".to_owned(),
            (true, ports) => format!(" except on {}", list(ports)),
            (false, []) => return " without a port".to_owned(),
            (false, ports) => format!(" on {}", list(ports)),
        };
        if self.without_port && !has_https {
            text.push_str(", but without a port too");
        } else if has_https && !self.without_port {
            text.push_str(", where it is written");
        }
        text
    }
}
