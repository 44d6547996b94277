//! A loaded policy, asked from any thread.

use std::sync::Arc;

use futures_util::stream::{self, StreamExt};
use pullgate::{Answer, Authority, Decision, Explanation, Fact, Finding, Question, Request, Step, Topic};

use crate::dns::Dns;
use crate::error::{Failure, LoadError};
use crate::instance::Loaded;
use crate::limits::Options;
use crate::module::Module;
use crate::pool::{Lease, Pool};
use crate::wit_convert;

/// How many rounds of DNS questions one decision may need. The rules need two: names of an address, and their addresses.
const ROUNDS: usize = 4;

/// How many requests go to the module in one call: enough that the call itself costs nothing, and few enough that they
/// need little memory and no more time than one decision may take.
const BATCH: usize = 256;

/// How many requests of `decide_many` wait for DNS at once.
const WAITING: usize = 16;

/// A loaded policy. Cheap to clone; the clones share their instances.
///
/// Where all instances are at work, and after a failure none may be left until the policy is loaded again, a caller waits
/// for one. The methods that are futures wait as futures do, by tokio's clock, and those without DNS block their thread.
#[derive(Clone)]
pub struct Gate {
    pool: Arc<Pool>,
    dns: Option<Dns>,
    authorities: Arc<[Authority]>,
}

impl Gate {
    pub(crate) fn load(
        module: &Module,
        document: &str,
        at: u64,
        options: Options,
    ) -> Result<(Self, Vec<Finding>), LoadError> {
        let Options { limits, dns } = options;
        let (first, authorities, findings) = Loaded::new(module.component(), &limits, document, at)?;
        let pool = Arc::new(Pool::new(module.clone(), limits, document.into(), at, first));
        Ok((Self { pool, dns, authorities: authorities.into() }, findings))
    }

    /// The module that decides.
    pub fn module(&self) -> &Module {
        self.pool.module()
    }

    /// The certificates of the policy and its projects that may vouch for registries, each once, sorted by fingerprint.
    /// Those that were not valid when the policy was loaded are left out. Which of them count for a registry, a decision
    /// says (rule C1).
    pub fn authorities(&self) -> &[Authority] {
        &self.authorities
    }

    /// Decides one request, asking DNS where that is needed. Never fails: what goes wrong is a denial.
    pub async fn decide(&self, request: &Request<'_>) -> Decision<'static> {
        let decision = self.decide_in(self.pool.instance().await, request);
        match (decision, &self.dns) {
            (Decision::Lookup(questions), Some(dns)) => match self.settle(dns, request, questions).await {
                Ok((decision, _)) => decision,
                Err(failure) => failure.into_decision(),
            },
            (decision, _) => decision,
        }
    }

    /// As [`decide`](Self::decide), with what was asked: the registry that a connection is to be made to, and the
    /// repository.
    pub async fn answer(&self, request: &Request<'_>) -> Answer<'static> {
        let facts = match self.facts(request).await {
            Ok(facts) => facts,
            Err(failure) => return failure.into_answer(request.reference),
        };
        let request = Request { facts: facts.as_deref().unwrap_or(request.facts), ..*request };
        let decision = self.decide_in(self.pool.instance().await, &request);
        wit_convert::answer(&self.decide_text_in(self.pool.instance().await, &request), decision)
            .unwrap_or_else(|failure| failure.into_answer(request.reference))
    }

    /// Decides many requests, in their order: the fast path.
    pub async fn decide_many(&self, requests: &[Request<'_>]) -> Vec<Decision<'static>> {
        let mut decisions = Vec::with_capacity(requests.len());
        for batch in requests.chunks(BATCH) {
            decisions.extend(self.decide_batch(self.pool.instance().await, batch));
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
        stream::iter(settled).buffered(WAITING).collect().await
    }

    /// Decides one request. The answer is the canonical text: one line of JSON, without a line end (rule D4).
    pub async fn decide_text(&self, request: &Request<'_>) -> String {
        match self.facts(request).await {
            Ok(facts) => {
                let request = Request { facts: facts.as_deref().unwrap_or(request.facts), ..*request };
                self.decide_text_in(self.pool.instance().await, &request)
            }
            Err(failure) => failure.into_answer(request.reference).to_json(),
        }
    }

    /// Decides one request and gives the reasoning (rule D3).
    pub async fn explain(&self, request: &Request<'_>) -> Explanation<'static> {
        match self.facts(request).await {
            Ok(facts) => {
                let request = Request { facts: facts.as_deref().unwrap_or(request.facts), ..*request };
                self.explain_in(self.pool.instance().await, &request)
            }
            Err(failure) => unexplained(failure, request),
        }
    }

    /// As [`decide`](Self::decide), without DNS: what needs it is [`Decision::Lookup`].
    pub fn decide_offline(&self, request: &Request<'_>) -> Decision<'static> {
        self.decide_in(self.pool.instance_now(), request)
    }

    fn decide_in(&self, lease: Result<Lease<'_>, Failure>, request: &Request<'_>) -> Decision<'static> {
        let decided = run(lease, |instance| {
            wit_convert::asked(request, |request| {
                instance.call(self.pool.limits().decision, |exports, store, policy| {
                    exports.pullgate_policy_admission().policy().call_decide(store, policy, request)
                })
            })
        });
        decided.map_or_else(Failure::into_decision, wit_convert::decision)
    }

    /// As [`decide_many`](Self::decide_many), without DNS. Where the module fails, the requests that went to it in one
    /// call are denied together.
    pub fn decide_many_offline(&self, requests: &[Request<'_>]) -> Vec<Decision<'static>> {
        let mut batches = requests.chunks(BATCH).map(|batch| self.decide_batch(self.pool.instance_now(), batch));
        let mut decisions = batches.next().unwrap_or_default();
        batches.for_each(|batch| decisions.extend(batch));
        decisions
    }

    /// As [`decide_text`](Self::decide_text), without DNS.
    pub fn decide_text_offline(&self, request: &Request<'_>) -> String {
        self.decide_text_in(self.pool.instance_now(), request)
    }

    fn decide_text_in(&self, lease: Result<Lease<'_>, Failure>, request: &Request<'_>) -> String {
        let decided = run(lease, |instance| {
            wit_convert::asked(request, |request| {
                instance.call(self.pool.limits().decision, |exports, store, policy| {
                    exports.pullgate_policy_admission().policy().call_decide_text(store, policy, request)
                })
            })
        });
        decided.unwrap_or_else(|failure| failure.into_answer(request.reference).to_json())
    }

    /// As [`explain`](Self::explain), without DNS.
    pub fn explain_offline(&self, request: &Request<'_>) -> Explanation<'static> {
        self.explain_in(self.pool.instance_now(), request)
    }

    fn explain_in(&self, lease: Result<Lease<'_>, Failure>, request: &Request<'_>) -> Explanation<'static> {
        let explained = run(lease, |instance| {
            wit_convert::asked(request, |request| {
                instance.call(self.pool.limits().decision, |exports, store, policy| {
                    exports.pullgate_policy_admission().policy().call_explain(store, policy, request)
                })
            })
        });
        explained.and_then(wit_convert::explanation).unwrap_or_else(|failure| unexplained(failure, request))
    }

    fn decide_batch(&self, lease: Result<Lease<'_>, Failure>, requests: &[Request<'_>]) -> Vec<Decision<'static>> {
        let decided = run(lease, |instance| {
            wit_convert::asked_many(requests, |requests| {
                instance.call(self.pool.limits().decision, |exports, store, policy| {
                    exports.pullgate_policy_admission().policy().call_decide_many(store, policy, requests)
                })
            })
        });
        let failure = match decided {
            Ok(decided) if decided.len() == requests.len() => {
                return decided.into_iter().map(wit_convert::decision).collect();
            }
            Ok(decided) => {
                Failure::trap(format!("the module gave {} answers to {} requests", decided.len(), requests.len()))
            }
            Err(failure) => failure,
        };
        requests.iter().map(|_| failure.clone().into_decision()).collect()
    }

    /// The facts that decide the request, those given with it included. None where the given ones do.
    async fn facts(&self, request: &Request<'_>) -> Result<Option<Vec<Fact>>, Failure> {
        let Some(dns) = &self.dns else { return Ok(None) };
        match self.decide_in(self.pool.instance().await, request) {
            Decision::Lookup(questions) => self.settle(dns, request, questions).await.map(|(_, facts)| Some(facts)),
            _ => Ok(None),
        }
    }

    /// Asks DNS until the request is decided.
    async fn settle(
        &self,
        dns: &Dns,
        request: &Request<'_>,
        mut questions: Vec<Question>,
    ) -> Result<(Decision<'static>, Vec<Fact>), Failure> {
        let mut facts = request.facts.to_vec();
        let rounds = async {
            let mut room = dns.limits().questions;
            for _ in 0..ROUNDS {
                let number = questions.len();
                facts.extend(dns.ask(questions, room).await);
                room = room.saturating_sub(number);
                let request = Request { facts: &facts, ..*request };
                match self.decide_in(self.pool.instance().await, &request) {
                    Decision::Lookup(more) => questions = more,
                    decision => return Ok(decision),
                }
            }
            Err(Failure::time_out(format!("not decided after {ROUNDS} rounds of DNS questions")))
        };
        let time = dns.limits().decision;
        let decision = tokio::time::timeout(time, rounds)
            .await
            .unwrap_or_else(|_| Err(Failure::time_out(format!("DNS took more than {} ms", time.as_millis()))))?;
        Ok((decision, facts))
    }
}

impl Module {
    /// Loads a policy document, JSON text of at most 64 MiB, as of `at`, in seconds since 1970-01-01 UTC. With the
    /// policy come the document's findings, none of them an error that keeps a policy from loading.
    ///
    /// # Errors
    ///
    /// If the document has errors, or if the module fails.
    pub fn load(&self, document: &str, at: u64, options: Options) -> Result<(Gate, Vec<Finding>), LoadError> {
        Gate::load(self, document, at, options)
    }
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Gate").field("module", self.module()).field("dns", &self.dns).finish_non_exhaustive()
    }
}

/// Works with an instance, if there is one.
fn run<T>(
    lease: Result<Lease<'_>, Failure>,
    work: impl FnOnce(&mut Loaded) -> Result<T, Failure>,
) -> Result<T, Failure> {
    lease.and_then(|lease| lease.run(work))
}

/// A denial with the only reasoning that there is.
fn unexplained(failure: Failure, request: &Request<'_>) -> Explanation<'static> {
    let steps = vec![Step { topic: Topic::Outcome, entry: None, covers: None, text: failure.text.clone() }];
    Explanation { answer: failure.into_answer(request.reference), steps }
}
