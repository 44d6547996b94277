//! The review of open transfers after a change of the policy: what is no longer allowed is cut off.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt};
use pullgate::{Decision, ReferenceKind, Request};
use tokio::time::{Instant, timeout_at};

use super::Gate;
use super::transfer::{Grant, TransferState};
use crate::policy::store::Generation;

/// Timeout of a review. A transfer that is not decided by then is cut off: the change takes effect within a second.
const REVIEW_TIMEOUT: Duration = Duration::from_millis(800);

/// Number of decisions of a review that are made concurrently.
const REVIEW_CONCURRENCY: usize = 16;

/// Reviews the open transfers at each change of the policy.
pub async fn run(gate: &Gate) {
    let mut changes = gate.admission.policy_store().subscribe();
    while changes.changed().await.is_ok() {
        gate.review_transfers(&gate.admission.current_policy()).await;
    }
}

impl Gate {
    /// Decides the grants of all open transfers again, each reference once.
    async fn review_transfers(&self, generation: &Arc<Generation>) {
        let open = self.transfers.snapshot();
        let grants = open.iter().flat_map(|transfer| &transfer.grants);
        let decisions = self.decide_again(generation, grants).await;
        for transfer in &open {
            let is_allowed = |grant: &Grant| {
                let decision = decisions.get(&(grant.reference.as_str(), grant.kind == ReferenceKind::Registry));
                decision.is_some_and(|decision| grant.is_allowed_by(decision))
            };
            if !transfer.grants.iter().all(is_allowed) {
                transfer.cut.cancel();
            }
        }
    }

    /// Returns whether all grants of a transfer are still allowed.
    pub(super) async fn is_still_allowed(&self, generation: &Arc<Generation>, transfer: &TransferState) -> bool {
        let decisions = self.decide_again(generation, transfer.grants.iter()).await;
        transfer.grants.iter().all(|grant| {
            let decision = decisions.get(&(grant.reference.as_str(), grant.kind == ReferenceKind::Registry));
            decision.is_some_and(|decision| grant.is_allowed_by(decision))
        })
    }

    /// Decides references, each once, by reference and whether it is a registry. What is not decided in time is missing.
    async fn decide_again<'g>(
        &self,
        generation: &Arc<Generation>,
        grants: impl Iterator<Item = &'g Grant>,
    ) -> HashMap<(&'g str, bool), Decision<'static>> {
        let end = Instant::now() + REVIEW_TIMEOUT;
        let distinct: HashMap<(&str, bool), ReferenceKind> = grants
            .map(|grant| ((grant.reference.as_str(), grant.kind == ReferenceKind::Registry), grant.kind))
            .collect();
        let project = self.options.project.as_deref();
        let mut deciding: Vec<BoxFuture<'_, _>> = Vec::with_capacity(distinct.len());
        for (key, kind) in distinct {
            deciding.push(Box::pin(async move {
                let request = Request { reference: key.0, kind, project, dns_answers: &[] };
                (key, timeout_at(end, generation.evaluator.decide(&request)).await.ok())
            }));
        }
        let decided: Vec<_> = stream::iter(deciding).buffer_unordered(REVIEW_CONCURRENCY).collect().await;
        decided.into_iter().filter_map(|(key, decision)| Some((key, decision?))).collect()
    }
}
