//! Sets of ports: those that a reference may have, and none at all.

use serde::Serialize;

/// Ports of references.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ports {
    /// Whether a reference without a port is meant.
    pub unwritten: bool,
    /// Whether every port is meant but those of `ports`.
    pub all_but: bool,
    /// Ports, sorted.
    pub ports: Vec<u16>,
}

/// What a reference without a port stands for (rule M2).
const HTTPS: u16 = 443;

impl Ports {
    /// In words, with a blank in front; nothing where Docker Hub has no other ports.
    pub(super) fn in_words(&self) -> String {
        let list = |ports: &[u16]| {
            let texts: Vec<String> = ports.iter().map(u16::to_string).collect();
            match texts.as_slice() {
                [front @ .., last] if !front.is_empty() => format!("{} and {last}", front.join(", ")),
                texts => texts.join(", "),
            }
        };
        let has_https = self.all_but != self.ports.contains(&HTTPS);
        let mut text = match (self.all_but, self.ports.as_slice()) {
            (true, []) => " on any port".to_owned(),
            (true, ports) => format!(" except on {}", list(ports)),
            (false, []) => return " without a port".to_owned(),
            (false, ports) => format!(" on {}", list(ports)),
        };
        if self.unwritten && !has_https {
            text.push_str(", but without a port too");
        } else if has_https && !self.unwritten {
            text.push_str(", where it is written");
        }
        text
    }
}
