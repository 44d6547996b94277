//! Signature of a host: its matching entries under both policies. Hosts with equal signatures are decided alike.

use std::fmt::Write;
use std::ops::ControlFlow;

use crate::policy::entry_group::{ANY_PORT, EntryGroup};
use crate::policy::index::Specificity;
use crate::reference::Registry;
use crate::util::string_map::StringMap;

use super::policy_view::{PolicyView, host_key};

/// Returns the signature of a host as text. Without `direct` it has only the entries that match by DNS.
pub(super) fn signature(views: &[PolicyView<'_>; 2], host: &Registry<'_>, direct: bool) -> String {
    // A larger group is identified by its first entry.
    const MAX_LISTED_ROWS: usize = 8;
    let mut text = String::new();
    for view in views {
        text.push('|');
        for_each_group(view, host, direct, &mut |scope, limits, specificity, group| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{scope}{limits}{specificity}");
            if let Some(first) = group.all_rows().first().filter(|_| group.all_rows().len() > MAX_LISTED_ROWS) {
                let _ = write!(text, "#{first}");
                return;
            }
            for row in group.all_rows().iter().filter_map(|row| group.row(*row)) {
                // The position tells limited authorities apart.
                let authority = if limits { row.position } else { 0 };
                let _ = write!(text, " {}{authority}:{}/{}", row.list.as_str(), row.port, row.namespace());
            }
            text.push(',');
        });
    }
    text
}

/// The ports and namespaces of the entries about some hosts.
#[derive(Default)]
pub(super) struct Dimensions {
    /// Sorted.
    pub ports: Vec<u16>,
    pub namespaces: StringMap,
}

impl Dimensions {
    pub fn add(&mut self, views: &[PolicyView<'_>; 2], host: &Registry<'_>, direct: bool) {
        for view in views {
            for_each_group(view, host, direct, &mut |_, limits, _, group| {
                for row in group.all_rows().iter().filter_map(|row| group.row(*row)) {
                    self.add_port(row.port);
                    // Limits of authorities have no effect on repositories.
                    if !row.namespace().is_empty() && !limits && self.namespaces.get(row.namespace()).is_none() {
                        self.namespaces.get_or_insert(row.namespace(), 0);
                    }
                }
            });
        }
    }

    pub fn add_port(&mut self, port: u16) {
        if let Err(scope_index) = self.ports.binary_search(&port)
            && port != ANY_PORT
        {
            self.ports.insert(scope_index, port);
        }
    }
}

/// Calls `found` with each group that matches a host: the index of its scope, whether it limits authorities, its
/// specificity, and the group.
fn for_each_group(
    view: &PolicyView<'_>,
    host: &Registry<'_>,
    direct: bool,
    found: &mut dyn FnMut(usize, bool, Specificity, EntryGroup<'_>),
) {
    for (scope_index, (_, scope)) in view.scopes.iter().enumerate() {
        let index = &scope.index;
        let _ = match host {
            Registry::Name(name) if !direct => index.wildcards_over(name, &mut |specificity, group| {
                found(scope_index, false, specificity, group);
                ControlFlow::Continue(())
            }),
            _ => index.covering(host_key(host), &mut |specificity, group| {
                found(scope_index, false, specificity, group);
                ControlFlow::Continue(())
            }),
        };
        if direct {
            let _ = scope.authorities.limits().covering(host_key(host), &mut |specificity, group| {
                found(scope_index, true, specificity, group);
                ControlFlow::Continue(())
            });
        }
    }
}
