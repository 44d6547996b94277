//! Evaluation of requests against a loaded policy, from any thread.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use pullgate::{
    Decision, DnsAnswer, DnsQuery, Explanation, Finding, OwnedRequest, Request, Response, Step, StepKind, TrustAnchor,
};

use crate::call_threads::CallThreads;
use crate::dns::Dns;
use crate::error::{ExecutionError, LoadError};
use crate::instance::PolicyInstance;
use crate::limits::EvaluatorOptions;
use crate::module::Module;
use crate::pool::Pool;
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
/// new one. The async methods wait by tokio's clock, and call the module on the threads of the options if there are any;
/// the methods without DNS block their thread.
#[derive(Clone)]
pub struct PolicyEvaluator {
    pool: Arc<Pool>,
    dns: Option<Dns>,
    threads: Option<CallThreads>,
    authorities: Arc<[TrustAnchor]>,
}

impl PolicyEvaluator {
    pub(crate) fn load(
        module: &Module,
        document: Arc<str>,
        at: u64,
        options: EvaluatorOptions,
    ) -> Result<(Self, Vec<Finding>), LoadError> {
        let EvaluatorOptions { limits, dns, threads } = options;
        let (first, authorities, findings) = PolicyInstance::new(module.component(), &limits, &document, at)?;
        let pool = Arc::new(Pool::new(module.clone(), limits, document, at, Some(first)));
        Ok((Self { pool, dns, threads, authorities: authorities.into() }, findings))
    }

    /// Returns an evaluator of the same policy with instances, DNS and threads of its own, so that no caller of the one
    /// waits for a caller of the other. Its first instance is loaded by its first caller.
    #[must_use]
    pub fn separate(&self, options: EvaluatorOptions) -> Self {
        let EvaluatorOptions { limits, dns, threads } = options;
        let pool = Arc::new(self.pool.separate(limits));
        Self { pool, dns, threads, authorities: Arc::clone(&self.authorities) }
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
        self.decide_with_dns_answers(request).await.0
    }

    /// Like [`decide`](Self::decide), with the DNS answers that the decision had, those of the request first. With them
    /// in a request, the same policy decides alike without DNS.
    pub async fn decide_with_dns_answers(&self, request: &Request<'_>) -> (Decision<'static>, Vec<DnsAnswer>) {
        let decided = match (self.call(request, decide_in).await, &self.dns) {
            (Ok(Decision::Lookup(questions)), Some(dns)) => self.resolve_lookups(dns, request, questions).await,
            (decided, _) => decided.map(|decision| (decision, request.dns_answers.to_vec())),
        };
        decided.unwrap_or_else(|failure| (failure.into_decision(), request.dns_answers.to_vec()))
    }

    /// Like [`decide`](Self::decide), with the registry to connect to and the repository.
    pub async fn answer(&self, request: &Request<'_>) -> Response<'static> {
        self.answer_with_dns_answers(request).await.0
    }

    /// Like [`answer`](Self::answer), with the DNS answers that the decision had, those of the request first.
    pub async fn answer_with_dns_answers(&self, request: &Request<'_>) -> (Response<'static>, Vec<DnsAnswer>) {
        let answered = self.call_with_dns(request, |instance, time, request, decision| {
            let response = wit_convert::response(&decide_text_in(instance, time, request)?, decision)?;
            Ok((response, request.dns_answers.to_vec()))
        });
        answered
            .await
            .unwrap_or_else(|failure| (failure.into_response(request.reference), request.dns_answers.to_vec()))
    }

    /// Decides many requests, in order: the fast path.
    pub async fn decide_many(&self, requests: &[Request<'_>]) -> Vec<Decision<'static>> {
        let mut decisions = Vec::with_capacity(requests.len());
        for batch in requests.chunks(MAX_BATCH_REQUESTS) {
            let decided = self.call_batch(batch).await;
            decisions.extend(decided.unwrap_or_else(|failure| deny_batch(&failure, batch)));
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
        let decided = self.call_with_dns(request, |instance, time, request, _| decide_text_in(instance, time, request));
        decided.await.unwrap_or_else(|failure| failure.into_response(request.reference).to_json())
    }

    /// Decides one request and returns the reasoning (rule D3).
    pub async fn explain(&self, request: &Request<'_>) -> Explanation<'static> {
        let explained = self.call_with_dns(request, |instance, time, request, _| explain_in(instance, time, request));
        explained.await.unwrap_or_else(|failure| failure_explanation(failure, request))
    }

    /// Like [`decide`](Self::decide), without DNS: a decision that needs it is [`Decision::Lookup`].
    pub fn decide_offline(&self, request: &Request<'_>) -> Decision<'static> {
        self.call_blocking(|instance, time| decide_in(instance, time, request))
            .unwrap_or_else(ExecutionError::into_decision)
    }

    /// Like [`decide_many`](Self::decide_many), without DNS. If the module fails, all requests of that call are denied.
    pub fn decide_many_offline(&self, requests: &[Request<'_>]) -> Vec<Decision<'static>> {
        let mut batches = requests.chunks(MAX_BATCH_REQUESTS).map(|batch| {
            self.call_blocking(|instance, time| decide_many_in(instance, time, batch))
                .unwrap_or_else(|failure| deny_batch(&failure, batch))
        });
        let mut decisions = batches.next().unwrap_or_default();
        batches.for_each(|batch| decisions.extend(batch));
        decisions
    }

    /// Like [`decide_text`](Self::decide_text), without DNS.
    pub fn decide_text_offline(&self, request: &Request<'_>) -> String {
        self.call_blocking(|instance, time| decide_text_in(instance, time, request))
            .unwrap_or_else(|failure| failure.into_response(request.reference).to_json())
    }

    /// Like [`explain`](Self::explain), without DNS.
    pub fn explain_offline(&self, request: &Request<'_>) -> Explanation<'static> {
        self.call_blocking(|instance, time| explain_in(instance, time, request))
            .unwrap_or_else(|failure| failure_explanation(failure, request))
    }

    /// Runs `work` on an instance, with the decision of the request and every DNS answer that it needs.
    async fn call_with_dns<T: Send + 'static>(
        &self,
        request: &Request<'_>,
        work: fn(&mut PolicyInstance, Duration, &Request<'_>, Decision<'static>) -> Result<T, ExecutionError>,
    ) -> Result<T, ExecutionError> {
        let decide_and_work = move |instance: &mut PolicyInstance, time, request: &Request<'_>| {
            let decision = decide_in(instance, time, request)?;
            work(instance, time, request, decision)
        };
        let Some(dns) = &self.dns else { return self.call(request, decide_and_work).await };
        let first = self.call(request, move |instance, time, request| match decide_in(instance, time, request)? {
            Decision::Lookup(questions) => Ok(Err(questions)),
            decision => work(instance, time, request, decision).map(Ok),
        });
        let questions = match first.await? {
            Ok(done) => return Ok(done),
            Err(questions) => questions,
        };
        let (_, dns_answers) = self.resolve_lookups(dns, request, questions).await?;
        self.call(&Request { dns_answers: &dns_answers, ..*request }, decide_and_work).await
    }

    /// Runs `work` on an instance, on a thread for calls if there are any.
    async fn call<T: Send + 'static>(
        &self,
        request: &Request<'_>,
        work: impl FnOnce(&mut PolicyInstance, Duration, &Request<'_>) -> Result<T, ExecutionError> + Send + 'static,
    ) -> Result<T, ExecutionError> {
        let (lease, time) = (self.pool.acquire().await?, self.pool.limits().decision_timeout);
        let Some(threads) = &self.threads else { return lease.run(|instance| work(instance, time, request)) };
        let request = OwnedRequest::from(request);
        threads.run(move || lease.run(|instance| work(instance, time, &request.as_request()))).await
    }

    async fn call_batch(&self, batch: &[Request<'_>]) -> Result<Vec<Decision<'static>>, ExecutionError> {
        let (lease, time) = (self.pool.acquire().await?, self.pool.limits().decision_timeout);
        let Some(threads) = &self.threads else { return lease.run(|instance| decide_many_in(instance, time, batch)) };
        let batch: Vec<_> = batch.iter().map(OwnedRequest::from).collect();
        threads
            .run(move || {
                let batch: Vec<_> = batch.iter().map(OwnedRequest::as_request).collect();
                lease.run(|instance| decide_many_in(instance, time, &batch))
            })
            .await
    }

    fn call_blocking<T>(
        &self,
        work: impl FnOnce(&mut PolicyInstance, Duration) -> Result<T, ExecutionError>,
    ) -> Result<T, ExecutionError> {
        let time = self.pool.limits().decision_timeout;
        self.pool.acquire_blocking()?.run(|instance| work(instance, time))
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
                match self.call(&request, decide_in).await? {
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
        self.load_shared(document.into(), at, options)
    }

    /// Loads a policy document like [`load`](Self::load), without a copy of the text for further instances.
    ///
    /// # Errors
    ///
    /// As for `load`.
    pub fn load_shared(
        &self,
        document: Arc<str>,
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

fn decide_in(
    instance: &mut PolicyInstance,
    time: Duration,
    request: &Request<'_>,
) -> Result<Decision<'static>, ExecutionError> {
    let decided = wit_convert::with_request(request, |request| {
        instance.call(time, |exports, store, policy| {
            exports.pullgate_policy_admission().policy().call_decide(store, policy, request)
        })
    });
    decided.map(wit_convert::decision)
}

fn decide_text_in(
    instance: &mut PolicyInstance,
    time: Duration,
    request: &Request<'_>,
) -> Result<String, ExecutionError> {
    wit_convert::with_request(request, |request| {
        instance.call(time, |exports, store, policy| {
            exports.pullgate_policy_admission().policy().call_decide_text(store, policy, request)
        })
    })
}

fn explain_in(
    instance: &mut PolicyInstance,
    time: Duration,
    request: &Request<'_>,
) -> Result<Explanation<'static>, ExecutionError> {
    let explained = wit_convert::with_request(request, |request| {
        instance.call(time, |exports, store, policy| {
            exports.pullgate_policy_admission().policy().call_explain(store, policy, request)
        })
    });
    explained.and_then(wit_convert::explanation)
}

fn decide_many_in(
    instance: &mut PolicyInstance,
    time: Duration,
    requests: &[Request<'_>],
) -> Result<Vec<Decision<'static>>, ExecutionError> {
    let decided = wit_convert::with_requests(requests, |requests| {
        instance.call(time, |exports, store, policy| {
            exports.pullgate_policy_admission().policy().call_decide_many(store, policy, requests)
        })
    })?;
    if decided.len() != requests.len() {
        let (answers, requests) = (decided.len(), requests.len());
        return Err(ExecutionError::trap(format!("the module gave {answers} answers to {requests} requests")));
    }
    Ok(decided.into_iter().map(wit_convert::decision).collect())
}

fn deny_batch(failure: &ExecutionError, requests: &[Request<'_>]) -> Vec<Decision<'static>> {
    requests.iter().map(|_| failure.clone().into_decision()).collect()
}

/// Returns a denial with its only step of reasoning.
fn failure_explanation(failure: ExecutionError, request: &Request<'_>) -> Explanation<'static> {
    let steps = vec![Step { kind: StepKind::Outcome, entry: None, matches: None, text: failure.text.clone() }];
    Explanation { response: failure.into_response(request.reference), steps }
}
