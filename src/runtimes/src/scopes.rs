//! The entries of a policy as scopes of containers/image: `HOST[:PORT][/PATH]` and `*.DOMAIN`, the most specific of
//! which decides about an image. `policy.json` has them, and OpenShift's `allowedRegistries`.
//!
//! A scope without a port is for references without one, and a wildcard is for every port.

use std::collections::BTreeSet;

use crate::blocked::{refused_prefixes, touches_scope};
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
        plan.remove_blocked(policy, terms);
        plan
    }

    /// Takes out what a blocked entry covers a part of (rule W6). What is exact inside of an accepted wildcard, or of a
    /// namespace, is left to be refused by itself.
    fn remove_blocked(&mut self, policy: &PolicyContext<'_>, terms: &ScopeTerms) {
        for entry in &policy.view.blocked {
            let is_refused = |scope: &String| match terms.can_reject {
                // A scope around the blocked namespace stays, with the namespace refused.
                true => {
                    entry.namespace.is_some() && !is_in_namespace(scope, entry) && refused_prefixes(entry).is_some()
                }
                false => false,
            };
            let is_inside = |scope: &String| match (scope.strip_prefix("*."), &entry.hosts) {
                (Some(domain), EntryHosts::Name(name)) => is_below(name, domain),
                (Some(domain), EntryHosts::DockerHub) => docker_hub::NAMES.iter().any(|name| is_below(name, domain)),
                (Some(domain), EntryHosts::Wildcard(inner)) => is_below(inner, domain),
                _ => false,
            };
            if !terms.can_reject {
                self.accepted.retain(|scope| !is_inside(scope));
            }
            self.accepted.retain(|scope| !touches_scope(entry, scope) || is_refused(scope));
            if terms.can_reject && entry.exact_host().is_some() {
                let path = entry.namespace.as_ref().map(|namespace| format!("/{namespace}")).unwrap_or_default();
                match entry.hosts {
                    EntryHosts::DockerHub => self.rejected.extend(docker_hub::spellings().map(|scope| scope + &path)),
                    _ => {
                        self.rejected.extend(registries_of(policy, entry).into_iter().map(|registry| registry + &path))
                    }
                }
            }
        }
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
                self.accepted.extend(docker_hub::spellings().map(|scope| scope + &path));
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
                            "{program} has one port a scope, and this entry covers all: it has {}, and denies other \
                             ports until they are listed",
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
            false => docker_hub::spellings().filter(|scope| is_below(scope.trim_end_matches(":443"), domain)).collect(),
        };
        let limit = match (entry.port, &entry.namespace) {
            (None, None) if exceptions.is_empty() || *can_reject => None,
            (Some(port), _) => Some(format!("port {port}")),
            (None, Some(namespace)) => Some(format!("`{namespace}`")),
            (None, None) => Some("all but Docker Hub's names".to_owned()),
        };
        if let Some(limit) = &limit
            && !allows_wider
        {
            let reason = format!(
                "{program} has wildcards for every port and repository only, and this is for {limit}: list the \
                 registries one by one; `--allow-wider` writes `*.{domain}`"
            );
            return (Fidelity::Narrower, Some(reason));
        }
        self.accepted.insert(format!("*.{domain}"));
        if covers_docker_hub(domain) {
            self.accepted.extend(docker_hub::spellings());
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

/// Returns whether a scope is at or below the namespace of an entry.
fn is_in_namespace(scope: &str, entry: &PolicyEntry) -> bool {
    let (Some(namespace), Some((_, path))) = (&entry.namespace, scope.split_once('/')) else { return false };
    path.strip_prefix(namespace.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
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
