//! A query of the index: host, ports, repository, project and DNS answers of a request.

use std::borrow::Cow;
use std::ops::ControlFlow;

use crate::decision::dns_answer_map::DnsAnswerMap;
use crate::decision::{Decision, DenialReason, Deny, DnsAnswer, MatchedEntry, Request, Response};
use crate::entry::redact_userinfo;
use crate::policy::entry_group::{EntryGroup, IndexedEntry};
use crate::policy::index::{EntryIndex, GroupVisitor, HostKey, Specificity};
use crate::policy::{Policy, PolicyScope};
use crate::reference::ports::ReferencePorts;
use crate::reference::{MAX_REFERENCE_BYTES, Reference, Registry};

impl Policy {
    /// Decides one request.
    pub fn decide(&self, request: &Request<'_>) -> Decision<'_> {
        match Reference::parse(request.reference, request.kind) {
            Ok(reference) => self.decide_reference(&reference, request),
            Err(why) => invalid_reference(request.reference, &why),
        }
    }

    /// Decides one request and returns the response with the request's reference, for canonical JSON (rule D4).
    pub fn answer<'a>(&'a self, request: &Request<'a>) -> Response<'a> {
        match Reference::parse(request.reference, request.kind) {
            Ok(reference) => Response {
                reference: Cow::Borrowed(request.reference),
                registry: Some(reference.registry_text()),
                decision: self.decide_reference(&reference, request),
                repository: reference.repository,
            },
            Err(why) => Response {
                reference: shown_reference(request.reference),
                registry: None,
                repository: None,
                decision: invalid_reference(request.reference, &why),
            },
        }
    }

    fn decide_reference(&self, reference: &Reference<'_>, request: &Request<'_>) -> Decision<'_> {
        match self.query(reference, request) {
            Ok(query) => query.decide(),
            Err(denial) => Decision::Deny(*denial),
        }
    }

    /// Returns the query for a parsed reference and the rest of the request. The error is the denial of a request that
    /// exceeds a limit (rule M6), or whose project is unknown (rules J1, J2).
    pub(crate) fn query<'p, 'r>(
        &'p self,
        reference: &'r Reference<'r>,
        request: &Request<'r>,
    ) -> Result<Query<'p, 'r>, Box<Deny<'static>>> {
        if let Some(text) = request.exceeded_limit() {
            return Err(Box::new(Deny { reason: DenialReason::InvalidRequest, text, by: None, nearest: None }));
        }
        let project = request.project.and_then(|name| self.project(name));
        match request.project {
            Some(name) if project.is_none() && self.denies_unlisted_projects() => {
                return Err(Box::new(unknown_project(name)));
            }
            _ => {}
        }
        Ok(Query::new(self, project, reference, request.dns_answers))
    }
}

/// Returns a reference that does not parse without its user information; of one that is too long, the beginning.
fn shown_reference(reference: &str) -> Cow<'_, str> {
    const MAX_SHOWN_CHARS: usize = 64;
    if reference.len() <= MAX_REFERENCE_BYTES {
        return redact_userinfo(reference);
    }
    // All before an `@` may be user information.
    let shown = reference.split('@').next().filter(|first| first.len() == reference.len()).unwrap_or_default();
    let shown: String = shown.chars().take(MAX_SHOWN_CHARS).collect();
    Cow::Owned(shown + "...")
}

fn unknown_project(name: &str) -> Deny<'static> {
    let text = format!(
        "the policy has no project `{name}`: list it in `projects`, or set `unlisted_projects` to `global`, and the global \
         lists decide for projects that are not listed"
    );
    Deny { reason: DenialReason::UnknownProject, text, by: None, nearest: None }
}

fn invalid_reference(reference: &str, why: &str) -> Decision<'static> {
    let text = format!("`{}` cannot be read as a reference: {why}", shown_reference(reference));
    Decision::Deny(Deny { reason: DenialReason::InvalidReference, text, by: None, nearest: None })
}

/// A parsed request and the policy that it is decided by.
pub(crate) struct Query<'p, 'r> {
    pub policy: &'p Policy,
    pub project: Option<(&'p str, &'p PolicyScope)>,
    pub reference: &'r Reference<'r>,
    pub ports: ReferencePorts,
    pub dns_answers: DnsAnswerMap<'r>,
}

/// An entry that matches the query.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EntryMatch<'p> {
    pub row: &'p IndexedEntry,
    pub project: Option<&'p str>,
}

impl PartialEq for EntryMatch<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.row, other.row)
    }
}

impl<'p> EntryMatch<'p> {
    pub fn matched_entry(&self) -> MatchedEntry<'p> {
        MatchedEntry {
            list: self.row.list,
            index: self.row.position,
            entry: Cow::Borrowed(&self.row.text),
            project: self.project.map(Cow::Borrowed),
        }
    }
}

/// A group of entries that match the queried host.
#[derive(Clone, Copy)]
pub(crate) struct GroupMatch<'p> {
    pub specificity: Specificity,
    pub group: EntryGroup<'p>,
    pub project: Option<&'p str>,
}

/// Inserts a match after those of the same or higher specificity.
pub(crate) fn insert_by_specificity<'p>(matches: &mut Vec<GroupMatch<'p>>, found: GroupMatch<'p>) {
    matches.insert(matches.partition_point(|other| other.specificity >= found.specificity), found);
}

impl<'p, 'r> Query<'p, 'r> {
    pub fn new(
        policy: &'p Policy,
        project: Option<(&'p str, &'p PolicyScope)>,
        reference: &'r Reference<'r>,
        dns_answers: &'r [DnsAnswer],
    ) -> Self {
        let ports = ReferencePorts::from_reference(reference);
        Query { policy, project, reference, ports, dns_answers: DnsAnswerMap::new(dns_answers) }
    }

    /// Returns whether whitelist mode is on for this request (rules W1, J1).
    pub fn whitelist_mode(&self) -> bool {
        self.policy.global.whitelist_mode || self.project.is_some_and(|(_, scope)| scope.whitelist_mode)
    }

    #[inline(always)]
    pub fn host_key(&self) -> HostKey<'_> {
        match &self.reference.registry {
            Registry::DockerHub => HostKey::DockerHub,
            Registry::Address(address) => HostKey::Address(*address),
            Registry::Name(name) => HostKey::Name(name),
        }
    }

    /// Returns the indexes that apply to the request, each with its project.
    pub fn indexes(&self) -> impl Iterator<Item = (Option<&'p str>, &'p EntryIndex)> + use<'p> {
        let project = self.project.map(|(name, scope)| (Some(name), &scope.index));
        std::iter::once((None, &self.policy.global.index)).chain(project)
    }

    /// Returns matching groups of every index, the most specific first, the global ones first among equals.
    pub fn matching_groups(
        &self,
        mut look: impl FnMut(&'p EntryIndex, &mut GroupVisitor<'_, 'p>) -> ControlFlow<()>,
    ) -> Vec<GroupMatch<'p>> {
        let mut matches = Vec::new();
        for (project, index) in self.indexes() {
            let _ = look(index, &mut |specificity, group| {
                insert_by_specificity(&mut matches, GroupMatch { specificity, group, project });
                ControlFlow::Continue(())
            });
        }
        matches
    }
}
