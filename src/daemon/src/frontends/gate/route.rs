//! Routes: the decision of the policy on a registry or an image, with the endpoints that it allows.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pullgate::{Allow, Decision, DnsAnswer, ReferenceKind, Response};
use pullgate_connect::{Endpoint, EndpointUrl};

use super::Gate;
use super::refusal::Refusal;
use crate::admission::{AdmissionRequest, AdmissionResponse, DecidedRequest, Frontend, policy_request};
use crate::policy::store::Generation;
use crate::server::Peer;

/// A request that a client makes through the gate.
#[derive(Clone, Copy, Debug)]
pub struct GateRequest<'a> {
    /// The client.
    pub client: &'a Peer,
    /// The action for the record: `tunnel`, `forward`, `pull`.
    pub action: &'static str,
    /// The reference that the policy is asked about.
    pub reference: &'a str,
    /// The kind of the reference.
    pub kind: ReferenceKind,
}

/// An allowed destination.
pub struct Route {
    /// The policy that allowed it.
    pub generation: Arc<Generation>,
    /// The decision.
    pub allowed: Allow<'static>,
    /// The registry in canonical form, `HOST[:PORT]`.
    pub registry: String,
    /// The repository; none for a registry.
    pub repository: Option<String>,
    /// The endpoints of the decision, in order.
    pub endpoints: Vec<Endpoint>,
}

impl Route {
    /// Returns the endpoints at the scheme and port of a URL; none if the policy does not allow that scheme there.
    pub fn endpoints_at(&self, url: &EndpointUrl) -> Vec<Endpoint> {
        let is_there = |it: &&Endpoint| it.scheme() == url.scheme() && it.port() == url.port();
        self.endpoints.iter().filter(is_there).cloned().collect()
    }
}

impl Gate {
    /// Asks the policy, and writes the record.
    ///
    /// # Errors
    ///
    /// If the request is not allowed.
    pub(super) async fn route(&self, request: GateRequest<'_>) -> Result<Route, Refusal> {
        let generation = self.admission.current_policy();
        let ask = self.admission_request(request);
        if self.options.is_exposed && !generation.in_whitelist_mode(self.options.project.as_deref()) {
            let message = "other machines reach this gate, and whitelist mode is off: it would be an open proxy";
            return Err(self.refuse(request, "whitelist-off", message));
        }
        let start = Instant::now();
        let (response, dns_answers) = generation.evaluator.answer_with_dns_answers(&policy_request(&ask)).await;
        self.route_of(request, generation, response, &dns_answers, start.elapsed())
    }

    /// Returns the route of a decision, and writes the record.
    ///
    /// # Errors
    ///
    /// If it does not allow the request.
    pub(super) fn route_of(
        &self,
        request: GateRequest<'_>,
        generation: Arc<Generation>,
        response: Response<'static>,
        dns_answers: &[DnsAnswer],
        took: Duration,
    ) -> Result<Route, Refusal> {
        let ask = self.admission_request(request);
        let decided = DecidedRequest { decision: &response.decision, dns_answers, took };
        let verdict = self.admission.record_decision(&generation, &ask, decided);
        let refusal = (!verdict.allowed).then_some(verdict.message.as_str());
        self.admission.recent_registries().record(response.registry.as_deref().unwrap_or(request.reference), refusal);
        let (Decision::Allow(allowed), Some(registry), true) = (response.decision, response.registry, verdict.allowed)
        else {
            return Err(Refusal::denied(verdict.message));
        };
        let endpoints = self.connector.load().endpoints(&registry, &allowed, generation.evaluator.authorities());
        let endpoints = endpoints.map_err(|error| self.refuse(request, "no-endpoint", &error.to_string()))?;
        let (registry, repository) = (registry.into_owned(), response.repository.map(Cow::into_owned));
        Ok(Route { generation, allowed, registry, repository, endpoints })
    }

    /// Records a refusal that the policy did not decide. `reason` is a stable code.
    pub(super) fn refuse(&self, request: GateRequest<'_>, reason: &'static str, message: &str) -> Refusal {
        let ask = self.admission_request(request);
        let verdict = AdmissionResponse::new(false, message.to_owned());
        let verdict = self.admission.record_override(&self.admission.current_policy(), &ask, reason, verdict);
        Refusal::denied(verdict.message)
    }

    pub(super) fn admission_request<'a>(&'a self, request: GateRequest<'a>) -> AdmissionRequest<'a> {
        AdmissionRequest {
            frontend: Frontend::Gate,
            user: &request.client.name,
            action: request.action,
            reference: request.reference,
            kind: request.kind,
            project: self.options.project.as_deref(),
        }
    }
}
