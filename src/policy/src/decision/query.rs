//! A request as it is asked of the index: host, ports, repository, requester and DNS answers.

use std::borrow::Cow;
use std::ops::ControlFlow;

use crate::decision::{Answer, Decision, Denial, Denied, Fact, Matched, Request};
use crate::entry::mask_user_information;
use crate::policy::index::{Found, Group, Index, Rank, Row, Subject};
use crate::policy::{Policy, Scope};
use crate::reference::ports::Ports;
use crate::reference::{Reference, Registry};

impl Policy {
    /// Decides one request.
    pub fn decide(&self, request: &Request<'_>) -> Decision<'_> {
        match Reference::read(request.reference, request.kind) {
            Ok(reference) => self.decide_read(&reference, request),
            Err(why) => unreadable(request.reference, &why),
        }
    }

    /// Decides one request; the answer repeats what was asked, as the canonical text shows it (rule D4).
    pub fn answer<'a>(&'a self, request: &Request<'a>) -> Answer<'a> {
        match Reference::read(request.reference, request.kind) {
            Ok(reference) => Answer {
                reference: Cow::Borrowed(request.reference),
                registry: Some(reference.registry_text()),
                decision: self.decide_read(&reference, request),
                repository: reference.repository,
            },
            Err(why) => Answer {
                reference: mask_user_information(request.reference),
                registry: None,
                repository: None,
                decision: unreadable(request.reference, &why),
            },
        }
    }

    fn decide_read(&self, reference: &Reference<'_>, request: &Request<'_>) -> Decision<'_> {
        match self.ask(reference, request) {
            Ok(ask) => ask.decide(),
            Err(text) => Decision::Deny(Denied { reason: Denial::UnknownProject, text, nearest: None }),
        }
    }

    /// A request that was read, with its project; the error says that the project is not there.
    pub(crate) fn ask<'p, 'r>(
        &'p self,
        reference: &'r Reference<'r>,
        request: &Request<'r>,
    ) -> Result<Ask<'p, 'r>, String> {
        let project = match request.project {
            Some(name) if self.has_projects() => {
                Some(self.project(name).ok_or_else(|| format!("the policy has no project `{name}`"))?)
            }
            _ => None,
        };
        Ok(Ask::of(self, project, reference, request.facts))
    }
}

fn unreadable(reference: &str, why: &str) -> Decision<'static> {
    let text = format!("`{}` cannot be read as a reference: {why}", mask_user_information(reference));
    Decision::Deny(Denied { reason: Denial::InvalidReference, text, nearest: None })
}

/// A request that was read.
pub(crate) struct Ask<'p, 'r> {
    pub policy: &'p Policy,
    pub project: Option<(&'p str, &'p Scope)>,
    pub reference: &'r Reference<'r>,
    pub ports: Ports,
    pub facts: &'r [Fact],
}

/// An entry that matched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hit<'p> {
    pub row: &'p Row,
    pub project: Option<&'p str>,
}

impl PartialEq for Hit<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.row, other.row)
    }
}

impl<'p> Hit<'p> {
    pub fn matched(&self) -> Matched<'p> {
        Matched {
            list: self.row.list,
            index: self.row.position,
            entry: Cow::Borrowed(&self.row.text),
            project: self.project.map(Cow::Borrowed),
        }
    }
}

/// A group that is about the asked host.
#[derive(Clone, Copy)]
pub(crate) struct Match<'p> {
    pub rank: Rank,
    pub group: Group<'p>,
    pub project: Option<&'p str>,
}

/// Adds a match behind those that are as specific or more.
pub(crate) fn add<'p>(matches: &mut Vec<Match<'p>>, found: Match<'p>) {
    matches.insert(matches.partition_point(|other| other.rank >= found.rank), found);
}

impl<'p, 'r> Ask<'p, 'r> {
    pub fn of(
        policy: &'p Policy,
        project: Option<(&'p str, &'p Scope)>,
        reference: &'r Reference<'r>,
        facts: &'r [Fact],
    ) -> Self {
        Ask { policy, project, reference, ports: Ports::of(reference), facts }
    }

    /// Whether whitelist mode is on for this request (rules W1, J1).
    pub fn whitelist_mode(&self) -> bool {
        self.policy.global.whitelist || self.project.is_some_and(|(_, scope)| scope.whitelist)
    }

    #[inline(always)]
    pub fn subject(&self) -> Subject<'_> {
        match &self.reference.registry {
            Registry::Hub => Subject::Hub,
            Registry::Address(address) => Subject::Address(*address),
            Registry::Name(name) => Subject::Name(name),
        }
    }

    /// The indexes that count for the request, with the project of each.
    pub fn indexes(&self) -> impl Iterator<Item = (Option<&'p str>, &'p Index)> + use<'p> {
        let project = self.project.map(|(name, scope)| (Some(name), &scope.index));
        std::iter::once((None, &self.policy.global.index)).chain(project)
    }

    /// Groups of every index, the most specific first, the global ones first among equals.
    pub fn gather(&self, mut look: impl FnMut(&'p Index, &mut Found<'_, 'p>) -> ControlFlow<()>) -> Vec<Match<'p>> {
        let mut matches = Vec::new();
        for (project, index) in self.indexes() {
            let _ = look(index, &mut |rank, group| {
                add(&mut matches, Match { rank, group, project });
                ControlFlow::Continue(())
            });
        }
        matches
    }
}
