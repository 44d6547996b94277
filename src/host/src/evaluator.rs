//! Evaluation of requests against a loaded policy, from any thread.

use std::sync::Arc;

use futures_util::stream::{self, StreamExt};
use pullgate::{Decision, DnsAnswer, DnsQuery, Explanation, Finding, Request, Response, Step, StepKind, TrustAnchor};

use crate::dns::Dns;
use crate::error::{ExecutionError, LoadError};
use crate::instance::PolicyInstance;
use crate::limits::EvaluatorOptions;
use crate::module::Module;
use crate::pool::{Lease, Pool};
use crate::wit_convert;

/// The maximum number of DNS rounds per decision. The rules need two: the names of an address, then their addresses.
const MAX_DNS_ROUNDS: usize = 4;

/// The maximum number of requests per call into the module: enough to make the call overhead negligible, few enough for
/// the memory and timeout of one decision.
const MAX_BATCH_REQUESTS: usize = 256;

/// The number of requests of `decide_many` that wait for DNS concurrently.
const DNS_CONCURRENCY: usize = 16;

/// A loaded policy, evaluated in pooled module instances. Cheap to clone; clones share their instances.
///
/// A caller waits while all instances are busy, and after a failure of the last one until the policy is loaded into a
/// new one. The async methods wait by tokio's clock; the methods without DNS block their thread.
#[derive(Clone)]
pub struct PolicyEvaluator {
    pool: Arc<Pool>,
    dns: Option<Dns>,
    authorities: Arc<[TrustAnchor]>,
}

impl PolicyEvaluator {
    pub(crate) fn load(
        module: &Module,
        document: &str,
        at: u64,
        options: EvaluatorOptions,
    ) -> Result<(Self, Vec<Finding>), LoadError> {
        let EvaluatorOptions { limits, dns } = options;
        let (first, authorities, findings) = PolicyInstance::new(module.component(), &limits, document, at)?;
        let pool = Arc::new(Pool::new(module.clone(), limits, document.into(), at, first));
        Ok((Self { pool, dns, authorities: authorities.into() }, findings))
    }

    /// Returns the module that decides.
    pub fn module(&self) -> &Module {
        self.pool.module()
    }

    /// Returns the trust anchors of the policy and its projects, deduplicated and sorted by fingerprint, without those
    /// that were not valid at load time. Each decision lists the ones that apply to its registry (rule C1).
    pub fn authorities(&self) -> &[TrustAnchor] {
        &self.authorities
    }

    /// Decides one request, with DNS queries if needed. Never fails: a failure is a denial.
    pub async fn decide(&self, request: &Request<'_>) -> Decision<'static> {
        let decision = self.decide_in(self.pool.acquire().await, request);
        match (decision, &self.dns) {
            (Decision::Lookup(questions), Some(dns)) => match self.resolve_lookups(dns, request, questions).await {
                Ok((decision, _)) => decision,
                Err(failure) => failure.into_decision(),
            },
            (decision, _) => decision,
        }
    }

    /// Like [`decide`](Self::decide), with the registry to connect to and the repository.
    pub async fn answer(&self, request: &Request<'_>) -> Response<'static> {
        let dns_answers = match self.resolve_dns_answers(request).await {
            Ok(dns_answers) => dns_answers,
            Err(failure) => return failure.into_response(request.reference),
        };
        let request = Request { dns_answers: dns_answers.as_deref().unwrap_or(request.dns_answers), ..*request };
        let decision = self.decide_in(self.pool.acquire().await, &request);
        wit_convert::response(&self.decide_text_in(self.pool.acquire().await, &request), decision)
            .unwrap_or_else(|failure| failure.into_response(request.reference))
    }

    /// Decides many requests, in order: the fast path.
    pub async fn decide_many(&self, requests: &[Request<'_>]) -> Vec<Decision<'static>> {
        let mut decisions = Vec::with_capacity(requests.len());
        for batch in requests.chunks(MAX_BATCH_REQUESTS) {
            decisions.extend(self.decide_batch(self.pool.acquire().await, batch));
        }
        if self.dns.is_none() || !decisions.iter().any(|decision| matches!(decision, Decision::Lookup(_))) {
            return decisions;
        }
        let settled = decisions.into_iter().zip(requests).map(|(decision, request)| async move {
            match decision {
                Decision::Lookup(_) => self.decide(request).await,
                decision => decision,
            }
        });
        stream::iter(settled).buffered(DNS_CONCURRENCY).collect().await
    }

    /// Decides one request and returns the canonical text: one line of JSON without a line end (rule D4).
    pub async fn decide_text(&self, request: &Request<'_>) -> String {
        match self.resolve_dns_answers(request).await {
            Ok(dns_answers) => {
                let request =
                    Request { dns_answers: dns_answers.as_deref().unwrap_or(request.dns_answers), ..*request };
                self.decide_text_in(self.pool.acquire().await, &request)
            }
            Err(failure) => failure.into_response(request.reference).to_json(),
        }
    }

    /// Decides one request and returns the reasoning (rule D3).
    pub async fn explain(&self, request: &Request<'_>) -> Explanation<'static> {
        match self.resolve_dns_answers(request).await {
            Ok(dns_answers) => {
                let request =
                    Request { dns_answers: dns_answers.as_deref().unwrap_or(request.dns_answers), ..*request };
                self.explain_in(self.pool.acquire().await, &request)
            }
            Err(failure) => failure_explanation(failure, request),
        }
    }

    /// Like [`decide`](Self::decide), without DNS: a decision that needs it is [`Decision::Lookup`].
    pub fn decide_offline(&self, request: &Request<'_>) -> Decision<'static> {
        self.decide_in(self.pool.acquire_blocking(), request)
    }

    fn decide_in(&self, lease: Result<Lease<'_>, ExecutionError>, request: &Request<'_>) -> Decision<'static> {
        let decided = with_lease(lease, |instance| {
            wit_convert::with_request(request, |request| {
                instance.call(self.pool.limits().decision_timeout, |exports, store, policy| {
                    exports.pullgate_policy_admission().policy().call_decide(store, policy, request)
                })
            })
        });
        decided.map_or_else(ExecutionError::into_decision, wit_convert::decision)
    }

    /// Like [`decide_many`](Self::decide_many), without DNS. If the module fails, all requests of that call are denied.
    pub fn decide_many_offline(&self, requests: &[Request<'_>]) -> Vec<Decision<'static>> {
        let mut batches =
            requests.chunks(MAX_BATCH_REQUESTS).map(|batch| self.decide_batch(self.pool.acquire_blocking(), batch));
        let mut decisions = batches.next().unwrap_or_default();
        batches.for_each(|batch| decisions.extend(batch));
        decisions
    }

    /// Like [`decide_text`](Self::decide_text), without DNS.
    pub fn decide_text_offline(&self, request: &Request<'_>) -> String {
        self.decide_text_in(self.pool.acquire_blocking(), request)
    }

    fn decide_text_in(&self, lease: Result<Lease<'_>, ExecutionError>, request: &Request<'_>) -> String {
        let decided = with_lease(lease, |instance| {
            wit_convert::with_request(request, |request| {
                instance.call(self.pool.limits().decision_timeout, |exports, store, policy| {
                    exports.pullgate_policy_admission().policy().call_decide_text(store, policy, request)
                })
            })
        });
        decided.unwrap_or_else(|failure| failure.into_response(request.reference).to_json())
    }

    /// Like [`explain`](Self::explain), without DNS.
    pub fn explain_offline(&self, request: &Request<'_>) -> Explanation<'static> {
        self.explain_in(self.pool.acquire_blocking(), request)
    }

    fn explain_in(&self, lease: Result<Lease<'_>, ExecutionError>, request: &Request<'_>) -> Explanation<'static> {
        let explained = with_lease(lease, |instance| {
            wit_convert::with_request(request, |request| {
                instance.call(self.pool.limits().decision_timeout, |exports, store, policy| {
                    exports.pullgate_policy_admission().policy().call_explain(store, policy, request)
                })
            })
        });
        explained.and_then(wit_convert::explanation).unwrap_or_else(|failure| failure_explanation(failure, request))
    }

    fn decide_batch(
        &self,
        lease: Result<Lease<'_>, ExecutionError>,
        requests: &[Request<'_>],
    ) -> Vec<Decision<'static>> {
        let decided = with_lease(lease, |instance| {
            wit_convert::with_requests(requests, |requests| {
                instance.call(self.pool.limits().decision_timeout, |exports, store, policy| {
                    exports.pullgate_policy_admission().policy().call_decide_many(store, policy, requests)
                })
            })
        });
        let failure = match decided {
            Ok(decided) if decided.len() == requests.len() => {
                return decided.into_iter().map(wit_convert::decision).collect();
            }
            Ok(decided) => ExecutionError::trap(format!(
                "the module gave {} answers to {} requests",
                decided.len(),
                requests.len()
            )),
            Err(failure) => failure,
        };
        requests.iter().map(|_| failure.clone().into_decision()).collect()
    }

    /// Returns all DNS answers that the decision needs, the given ones included. None if the given ones suffice.
    async fn resolve_dns_answers(&self, request: &Request<'_>) -> Result<Option<Vec<DnsAnswer>>, ExecutionError> {
        let Some(dns) = &self.dns else { return Ok(None) };
        match self.decide_in(self.pool.acquire().await, request) {
            Decision::Lookup(questions) => {
                self.resolve_lookups(dns, request, questions).await.map(|(_, dns_answers)| Some(dns_answers))
            }
            _ => Ok(None),
        }
    }

    /// Queries DNS until the request is decided.
    async fn resolve_lookups(
        &self,
        dns: &Dns,
        request: &Request<'_>,
        mut questions: Vec<DnsQuery>,
    ) -> Result<(Decision<'static>, Vec<DnsAnswer>), ExecutionError> {
        let mut dns_answers = request.dns_answers.to_vec();
        let rounds = async {
            let mut room = dns.limits().max_queries;
            for _ in 0..MAX_DNS_ROUNDS {
                let number = questions.len();
                dns_answers.extend(dns.resolve_queries(questions, room).await);
                room = room.saturating_sub(number);
                let request = Request { dns_answers: &dns_answers, ..*request };
                match self.decide_in(self.pool.acquire().await, &request) {
                    Decision::Lookup(more) => questions = more,
                    decision => return Ok(decision),
                }
            }
            Err(ExecutionError::time_out(format!("not decided after {MAX_DNS_ROUNDS} rounds of DNS questions")))
        };
        let time = dns.limits().decision_timeout;
        let decision = tokio::time::timeout(time, rounds)
            .await
            .unwrap_or_else(|_| Err(ExecutionError::time_out(format!("DNS took more than {} ms", time.as_millis()))))?;
        Ok((decision, dns_answers))
    }
}

impl Module {
    /// Loads a policy document, JSON text of at most 64 MiB, as of `at`, in seconds since 1970-01-01 UTC. Returns the
    /// policy with its findings, none of them an error that prevents loading.
    ///
    /// # Errors
    ///
    /// If the document has errors, or if the module fails.
    pub fn load(
        &self,
        document: &str,
        at: u64,
        options: EvaluatorOptions,
    ) -> Result<(PolicyEvaluator, Vec<Finding>), LoadError> {
        PolicyEvaluator::load(self, document, at, options)
    }
}

impl std::fmt::Debug for PolicyEvaluator {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("PolicyEvaluator")
            .field("module", self.module())
            .field("dns", &self.dns)
            .finish_non_exhaustive()
    }
}

/// Runs `work` with the leased instance.
fn with_lease<T>(
    lease: Result<Lease<'_>, ExecutionError>,
    work: impl FnOnce(&mut PolicyInstance) -> Result<T, ExecutionError>,
) -> Result<T, ExecutionError> {
    lease.and_then(|lease| lease.run(work))
}

/// Returns a denial with its only step of reasoning.
fn failure_explanation(failure: ExecutionError, request: &Request<'_>) -> Explanation<'static> {
    let steps = vec![Step { kind: StepKind::Outcome, entry: None, matches: None, text: failure.text.clone() }];
    Explanation { response: failure.into_response(request.reference), steps }
}
