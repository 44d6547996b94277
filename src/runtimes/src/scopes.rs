//! The entries of a policy as scopes of containers/image: `HOST[:PORT][/PATH]` and `*.DOMAIN`, the most specific of which
//! decides about an image. `policy.json` has them, and OpenShift's `allowedRegistries`.
//!
//! A scope without a port is for references without one, and a wildcard is for every port.

use std::collections::BTreeSet;

use crate::decisions::PolicyContext;
use crate::docker_hub;
use crate::export::{ExportedEntry, ExportedList, Fidelity};
use crate::policy_view::{EntryHosts, PolicyEntry, covers_docker_hub, is_below};
use crate::registries::registries_of;

/// The scopes of a policy.
#[derive(Debug, Default)]
pub(crate) struct ScopePlan {
    pub accepted: BTreeSet<String>,
    /// Exceptions below accepted wildcards.
    pub rejected: BTreeSet<String>,
    /// The entries of the whitelist and of the insecure list, with what became of them.
    pub entries: Vec<ExportedEntry>,
}

/// The abilities of a program with scopes.
pub(crate) struct ScopeTerms {
    /// The name of the program in sentences.
    pub program: &'static str,
    /// True if a scope can be rejected below an accepted one.
    pub can_reject: bool,
}

impl ScopePlan {
    /// Plans the scopes of the effective whitelist.
    pub fn new(policy: &PolicyContext<'_>, terms: &ScopeTerms, allows_wider: bool) -> Self {
        let mut plan = Self::default();
        let whitelist = policy.view.whitelist.iter().flatten().map(|entry| (ExportedList::Whitelist, entry));
        let insecure = policy.view.insecure.iter().map(|entry| (ExportedList::Insecure, entry));
        for (list, entry) in whitelist.chain(insecure) {
            let (fidelity, reason) = plan.add(policy, entry, terms, allows_wider);
            plan.entries.push(ExportedEntry::new(list, &entry.text, fidelity, reason));
        }
        plan.rejected.retain(|scope| !plan.accepted.contains(scope));
        plan
    }

    fn add(
        &mut self,
        policy: &PolicyContext<'_>,
        entry: &PolicyEntry,
        terms: &ScopeTerms,
        allows_wider: bool,
    ) -> (Fidelity, Option<String>) {
        let ScopeTerms { program, .. } = terms;
        let path = entry.namespace.as_ref().map(|namespace| format!("/{namespace}")).unwrap_or_default();
        match &entry.hosts {
            EntryHosts::DockerHub => {
                self.accepted.extend(hub_scopes().map(|scope| scope + &path));
                (Fidelity::Equal, None)
            }
            EntryHosts::Name(_) | EntryHosts::Address(_) => {
                let registries = registries_of(policy, entry);
                let shown: Vec<_> = registries.iter().map(|registry| format!("`{registry}`")).collect();
                self.accepted.extend(registries.iter().map(|registry| format!("{registry}{path}")));
                match entry.port {
                    Some(_) => (Fidelity::Equal, None),
                    None => {
                        let reason = format!(
                            "{program} has one port a scope, and this entry covers all: it has {}, and denies other ports \
                             until they are listed",
                            shown.join(", ")
                        );
                        (Fidelity::Narrower, Some(reason))
                    }
                }
            }
            EntryHosts::Wildcard(domain) => self.add_wildcard(domain, entry, terms, allows_wider),
            EntryHosts::Network(_) | EntryHosts::Pattern(_) => {
                let reason = format!("{program} has no {}s: list the registries of it one by one", noun(entry));
                (Fidelity::Narrower, Some(reason))
            }
        }
    }

    fn add_wildcard(
        &mut self,
        domain: &str,
        entry: &PolicyEntry,
        terms: &ScopeTerms,
        allows_wider: bool,
    ) -> (Fidelity, Option<String>) {
        let ScopeTerms { program, can_reject } = terms;
        // Another name of Docker Hub that the wildcard covers as text, and by the rules does not (H2).
        let exceptions: Vec<_> = match covers_docker_hub(domain) {
            true => Vec::new(),
            false => hub_scopes().filter(|scope| is_below(scope.trim_end_matches(":443"), domain)).collect(),
        };
        let limit = match (entry.port, &entry.namespace) {
            (None, None) if exceptions.is_empty() || *can_reject => None,
            (Some(port), _) => Some(format!("port {port}")),
            (None, Some(namespace)) => Some(format!("`{namespace}`")),
            (None, None) => Some("all but Docker Hub's names".to_owned()),
        };
        if let Some(limit) = &limit {
            if !allows_wider {
                let reason = format!(
                    "{program} has wildcards for every port and repository only, and this is for {limit}: list the registries \
                     one by one; `--allow-wider` writes `*.{domain}`"
                );
                return (Fidelity::Narrower, Some(reason));
            }
        }
        self.accepted.insert(format!("*.{domain}"));
        if covers_docker_hub(domain) {
            self.accepted.extend(hub_scopes());
        }
        match limit {
            Some(limit) => {
                let reason =
                    format!("{program} has wildcards for every port and repository only, and this is for {limit}");
                (Fidelity::Wider, Some(reason))
            }
            None => {
                self.rejected.extend(exceptions);
                let reason =
                    format!("{program} does not look up the names of addresses, which the policy covers by them");
                (Fidelity::Narrower, Some(reason))
            }
        }
    }

    /// Returns whether the scopes accept everything in a scope.
    pub fn accepts(&self, scope: &str) -> bool {
        let decisive = parents_of(scope)
            .into_iter()
            .find(|parent| self.accepted.contains(parent) || self.rejected.contains(parent));
        decisive.is_some_and(|parent| self.accepted.contains(&parent))
    }
}

fn noun(entry: &PolicyEntry) -> &'static str {
    if matches!(entry.hosts, EntryHosts::Network(_)) { "network" } else { "pattern" }
}

/// Returns the scopes of Docker Hub by each of its names.
pub(crate) fn hub_scopes() -> impl Iterator<Item = String> {
    docker_hub::NAMES.into_iter().flat_map(|name| [name.to_owned(), format!("{name}:443")])
}

/// Returns a scope and those around it, the most specific first, as containers/image looks them up.
pub(crate) fn parents_of(scope: &str) -> Vec<String> {
    let mut parents = Vec::new();
    let mut rest = scope;
    loop {
        parents.push(rest.to_owned());
        match rest.rsplit_once('/') {
            Some((before, _)) => rest = before,
            None => break,
        }
    }
    let wildcard = rest.strip_prefix("*.");
    let mut domain = wildcard.unwrap_or_else(|| rest.split(':').next().unwrap_or_default());
    while let Some((_, after)) = domain.split_once('.') {
        domain = after;
        parents.push(format!("*.{domain}"));
    }
    parents
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::with_policy;

    const TERMS: ScopeTerms = ScopeTerms { program: "podman", can_reject: true };

    #[test]
    fn scopes_have_the_order_of_containers_image() {
        assert_eq!(
            parents_of("a.b.example:5000/x/y"),
            ["a.b.example:5000/x/y", "a.b.example:5000/x", "a.b.example:5000", "*.b.example", "*.example"]
        );
        assert_eq!(parents_of("*.b.example"), ["*.b.example", "*.example"]);
    }

    #[test]
    fn a_wildcard_of_a_docker_domain_is_not_docker_hub() {
        with_policy(r#"{"whitelist":["*.docker.com"]}"#, |policy| {
            let plan = ScopePlan::new(&policy, &TERMS, false);
            assert!(plan.accepts("x.docker.com/a") && !plan.accepts("registry.hub.docker.com/library/a"));
            assert!(plan.accepts("registry.hub.docker.com:5000/a"));
            let narrow = ScopePlan::new(&policy, &ScopeTerms { can_reject: false, ..TERMS }, false);
            assert!(narrow.accepted.is_empty());
        });
    }

    #[test]
    fn nothing_wider_is_accepted_unless_it_is_allowed() {
        with_policy(
            r#"{"whitelist":["*.example.com:5000","*.example.net/team","10.0.0.0/8","h.example"]}"#,
            |policy| {
                let plan = ScopePlan::new(&policy, &TERMS, false);
                assert_eq!(plan.accepted.iter().collect::<Vec<_>>(), ["h.example", "h.example:443"]);
                assert!(
                    plan.entries.iter().all(|entry| entry.fidelity == Fidelity::Narrower && entry.reason.is_some())
                );
                let plan = ScopePlan::new(&policy, &TERMS, true);
                assert!(plan.accepts("a.example.com/x") && plan.accepts("a.example.net/other"));
                assert_eq!(plan.entries.iter().filter(|entry| entry.fidelity == Fidelity::Wider).count(), 2);
            },
        );
    }
}
