//! What the entries about a host are. Hosts with the same are decided alike.

use std::fmt::Write;
use std::ops::ControlFlow;

use crate::policy::index::{ANY_PORT, Group, Rank};
use crate::reference::Registry;
use crate::util::string_map::Table;

use super::policy_view::{Side, subject};

/// The entries about a host under both policies, as a text. Without `direct` only those that count with the help of DNS.
pub(super) fn profile(sides: &[Side<'_>; 2], host: &Registry<'_>, direct: bool) -> String {
    // Where more entries than this have the same hosts, they are known by the first of them.
    const FEW: usize = 8;
    let mut text = String::new();
    for side in sides {
        text.push('|');
        each_group(side, host, direct, &mut |scope, limits, rank, group| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{scope}{limits}{rank}");
            if let Some(first) = group.all().first().filter(|_| group.all().len() > FEW) {
                let _ = write!(text, "#{first}");
                return;
            }
            for row in group.all().iter().filter_map(|row| group.row(*row)) {
                // Which authority it is that is limited makes a difference.
                let authority = if limits { row.position } else { 0 };
                let _ = write!(text, " {}{authority}:{}/{}", row.list.as_str(), row.port, row.namespace());
            }
            text.push(',');
        });
    }
    text
}

/// The ports and namespaces that entries about hosts have.
#[derive(Default)]
pub(super) struct Limits {
    /// Sorted.
    pub ports: Vec<u16>,
    pub namespaces: Table,
}

impl Limits {
    pub fn add(&mut self, sides: &[Side<'_>; 2], host: &Registry<'_>, direct: bool) {
        for side in sides {
            each_group(side, host, direct, &mut |_, limits, _, group| {
                for row in group.all().iter().filter_map(|row| group.row(*row)) {
                    self.add_port(row.port);
                    // To an authority repositories are nothing.
                    if !row.namespace().is_empty() && !limits && self.namespaces.get(row.namespace()).is_none() {
                        self.namespaces.get_or_insert(row.namespace(), 0);
                    }
                }
            });
        }
    }

    pub fn add_port(&mut self, port: u16) {
        if let Err(place) = self.ports.binary_search(&port)
            && port != ANY_PORT
        {
            self.ports.insert(place, port);
        }
    }
}

/// Calls `found` with each group that is about a host, with the place of its scope and whether it limits authorities.
fn each_group(side: &Side<'_>, host: &Registry<'_>, direct: bool, found: &mut dyn FnMut(usize, bool, Rank, Group<'_>)) {
    for (place, (_, scope)) in side.scopes.iter().enumerate() {
        let index = &scope.index;
        let _ = match host {
            Registry::Name(name) if !direct => index.wildcards_over(name, &mut |rank, group| {
                found(place, false, rank, group);
                ControlFlow::Continue(())
            }),
            _ => index.covering(subject(host), &mut |rank, group| {
                found(place, false, rank, group);
                ControlFlow::Continue(())
            }),
        };
        if direct {
            let _ = scope.authorities.limits().covering(subject(host), &mut |rank, group| {
                found(place, true, rank, group);
                ControlFlow::Continue(())
            });
        }
    }
}
