//! Transfers: what moves through the gate, with what must stay allowed for it to go on.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use pullgate::{Decision, DenialReason, ReferenceKind, Scheme};
use pullgate_connect::VerifiedBy;
use tokio_util::sync::CancellationToken;

use super::Gate;
use super::dial::Reached;
use super::refusal::Refusal;
use super::route::{GateRequest, Route};
use crate::admission::audit_record::{TransferRecord, TransferSummary};
use crate::admission::{AdmissionRequest, Frontend};

/// A permission that a transfer depends on: a reference, and the connection that its decision allowed.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The reference.
    pub reference: String,
    /// The kind of the reference.
    pub kind: ReferenceKind,
    scheme: Scheme,
    address: SocketAddr,
    verified_by: Option<VerifiedBy>,
    /// True if only content comes from the host, so that no entry need cover it.
    is_unlisted: bool,
}

impl Grant {
    /// Creates the grant of a connection.
    pub fn new<T>(request: GateRequest<'_>, reached: &Reached<T>) -> Self {
        Self {
            reference: request.reference.to_owned(),
            kind: request.kind,
            scheme: reached.endpoint.scheme(),
            address: reached.address,
            verified_by: reached.verified_by.clone(),
            is_unlisted: false,
        }
    }

    /// Sets whether only content comes from the host, so that no entry need cover it.
    #[must_use]
    pub fn for_unlisted(self, is_unlisted: bool) -> Self {
        Self { is_unlisted, ..self }
    }

    /// Returns whether a later decision allows the connection as it is: the attempt, the address, and the trust anchor
    /// that verified the server.
    pub fn is_allowed_by(&self, decision: &Decision<'_>) -> bool {
        let allowed = match decision {
            Decision::Allow(allowed) => allowed,
            Decision::Deny(denied) => return self.is_unlisted && denied.reason == DenialReason::NotWhitelisted,
            Decision::Lookup(_) => return false,
        };
        let has_attempt = allowed.attempts.iter().any(|attempt| {
            attempt.scheme == self.scheme
                && attempt.port == self.address.port()
                && (!attempt.verified || self.verified_by.is_some())
        });
        let is_pinned = |pinned: &String| pinned.parse().is_ok_and(|ip: std::net::IpAddr| ip == self.address.ip());
        let has_address = allowed.pinned.is_empty() || allowed.pinned.iter().any(is_pinned);
        let has_anchor = match &self.verified_by {
            Some(VerifiedBy::Policy(fingerprint)) => {
                allowed.authorities.iter().any(|authority| *authority == *fingerprint)
                    || allowed.attempts.iter().all(|attempt| !attempt.verified)
            }
            Some(VerifiedBy::WellKnown) | None => true,
        };
        has_attempt && has_address && has_anchor
    }
}

/// The state of a transfer that others see.
pub struct TransferState {
    /// Everything that must stay allowed.
    pub grants: Vec<Grant>,
    /// Cancelled once it no longer is.
    pub cut: CancellationToken,
    sent: AtomicU64,
    received: AtomicU64,
}

impl TransferState {
    /// Counts bytes from the client to the server.
    pub fn add_sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts bytes from the server to the client.
    pub fn add_received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// The open transfers of a gate. The connection limit of the listener bounds their number.
#[derive(Default)]
pub struct Transfers {
    open: Mutex<HashMap<u64, Arc<TransferState>>>,
    next: AtomicU64,
}

impl Transfers {
    /// Returns the open transfers.
    pub fn snapshot(&self) -> Vec<Arc<TransferState>> {
        self.lock().values().map(Arc::clone).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<TransferState>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of a transfer, with its name in the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferEnd {
    /// Both sides ended it.
    Completed,
    /// The client, the server or the network ended it before.
    Interrupted,
    /// The policy changed, and no longer allows it.
    PolicyChanged,
    /// Nothing moved for too long.
    Idle,
    /// The client did not begin as it must.
    Refused,
    /// The server sent something else than was asked for.
    WrongContent,
}

impl TransferEnd {
    /// Returns the name in the record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Interrupted => "interrupted",
            Self::PolicyChanged => "policy-changed",
            Self::Idle => "idle",
            Self::Refused => "refused",
            Self::WrongContent => "wrong-content",
        }
    }
}

/// An open transfer. Its record is written when it is dropped, however it ends.
pub struct Transfer {
    gate: Arc<Gate>,
    state: Arc<TransferState>,
    id: u64,
    user: String,
    action: &'static str,
    reference: String,
    address: SocketAddr,
    generation: u64,
    start: Instant,
    end: TransferEnd,
}

impl Transfer {
    /// Begins a transfer with the last connection that it reached, and all of its grants. A policy that came after the
    /// decision is asked first: the review of that policy did not see the transfer yet.
    ///
    /// # Errors
    ///
    /// If the transfer is no longer allowed.
    pub async fn begin(
        gate: &Arc<Gate>,
        request: GateRequest<'_>,
        route: &Route,
        address: SocketAddr,
        grants: Vec<Grant>,
    ) -> Result<Self, Refusal> {
        let state = Arc::new(TransferState {
            grants,
            cut: CancellationToken::new(),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
        });
        let id = gate.transfers.next.fetch_add(1, Ordering::Relaxed);
        gate.transfers.lock().insert(id, Arc::clone(&state));
        gate.admission.metrics().record_transfer_begin();
        let transfer = Self {
            gate: Arc::clone(gate),
            state,
            id,
            user: request.client.name.clone(),
            action: request.action,
            reference: request.reference.to_owned(),
            address,
            generation: route.generation.number,
            start: Instant::now(),
            end: TransferEnd::Interrupted,
        };
        let current = gate.admission.current_policy();
        if !Arc::ptr_eq(&current, &route.generation) && !gate.is_still_allowed(&current, &transfer.state).await {
            return Err(gate.refuse(request, "policy-changed", "the policy changed, and no longer allows it"));
        }
        Ok(transfer)
    }

    /// Returns the gate.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Returns the shared state.
    pub fn state(&self) -> &Arc<TransferState> {
        &self.state
    }

    /// Sets the end for the record.
    pub fn set_end(&mut self, end: TransferEnd) {
        self.end = end;
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.gate.transfers.lock().remove(&self.id);
        let [sent, received] = [&self.state.sent, &self.state.received].map(|count| count.load(Ordering::Relaxed));
        self.gate.admission.metrics().record_transfer_end(sent, received);
        let ask = AdmissionRequest {
            frontend: Frontend::Gate,
            user: &self.user,
            action: self.action,
            reference: &self.reference,
            kind: ReferenceKind::Registry,
            project: None,
        };
        let summary = TransferSummary {
            address: self.address,
            sent_bytes: sent,
            received_bytes: received,
            milliseconds: u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX),
            end: self.end.as_str(),
        };
        self.gate.admission.audit().write_transfer(&TransferRecord::new(&ask, self.generation, summary));
    }
}
