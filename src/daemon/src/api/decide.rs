//! The endpoints for decisions and policy checks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use pullgate::{DnsAnswer, ReferenceKind, Request};
use pullgate_host::{LoadError, PolicyEvaluator, now};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::task::yield_now;
use utoipa::ToSchema;

use crate::admission::{AdmissionRequest, DecidedRequest, Frontend};
use crate::api::ApiState;
use crate::api::dns_answers;
use crate::api::error::ApiError;
use crate::api::request_body::{self, BufferedBody};
use crate::api::response::{self, buffered_json};
use crate::policy::store::Generation;
use crate::server::Peer;
use crate::util::bounded_list::BoundedList;
use crate::util::strict_json::{JsonObject, describe_json_error};

/// Maximum number of requests in one call.
const MAX_BATCH: usize = 10_000;

/// Expected size of one decision in bytes.
const EXPECTED_RESPONSE_BYTES: usize = 512;

/// Concurrent decisions of one call that wait for DNS.
const DNS_CONCURRENCY: usize = 16;

/// The error of a caller that claims to be a container runtime.
const NOT_A_RUNTIME_MESSAGE: &str = "only root and the daemon's own user may ask for containerd, on the unix socket: \
    leave `frontend` out";

/// A request for a decision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideRequest {
    /// The reference, as it was typed.
    reference: String,
    /// `image`, or `registry` for what `docker login` takes.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    kind: ReferenceKind,
    /// The project of the request.
    project: Option<String>,
    /// DNS answers that are known already: at most 32, each of at most 256 texts of at most 253 bytes.
    #[serde(default, rename = "dnsAnswers", deserialize_with = "dns_answers::deserialize_bounded")]
    #[schema(value_type = Vec<Object>)]
    dns_answers: Vec<DnsAnswer>,
    /// The frontend for the audit record: `api`, or `containerd` for its image verifier, which root and the daemon's own
    /// user may claim on the unix socket.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    frontend: CallerKind,
    /// For `/v1/explain`: a policy document to use in place of the daemon's own.
    #[schema(value_type = Option<Object>)]
    policy: Option<Box<RawValue>>,
}

/// The programs that call the API.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum CallerKind {
    #[default]
    Api,
    Containerd,
}

impl DecideRequest {
    /// Returns the request of a project. Its DNS answers are within the limits of rule M6.
    fn to_request<'a>(&'a self, project: Option<&'a str>) -> Request<'a> {
        Request { reference: &self.reference, kind: self.kind, project, dns_answers: &self.dns_answers }
    }

    /// Returns the project that the decision is for.
    ///
    /// containerd does not say on whose behalf it pulls: all of its requests are of the host's project (rule J1).
    fn effective_project<'a>(&'a self, context: &'a ApiState) -> Option<&'a str> {
        let host_project = match self.frontend {
            CallerKind::Api => None,
            CallerKind::Containerd => context.containerd_project.as_deref(),
        };
        host_project.or(self.project.as_deref())
    }

    /// Returns whether a container runtime waits for the decision.
    fn is_of_a_runtime(&self) -> bool {
        matches!(self.frontend, CallerKind::Containerd)
    }
}

/// Decides one request, or several by one policy.
///
/// An object is answered with the canonical text of the decision, an array with an array.
#[utoipa::path(post, path = "/v1/decide", request_body = DecideRequest, responses(
    (status = 200, body = Object, description = "the decision; a denial too"),
    (status = 400, body = ApiError),
    (status = 403, body = ApiError, description = "`frontend` is another's"),
    (status = 413, body = ApiError, description = "more than 2 MiB"),
    (status = 503, body = ApiError, description = "no room for it at the moment")
))]
pub async fn decide(
    State(context): State<Arc<ApiState>>,
    peer: Option<Extension<Peer>>,
    body: Body,
) -> Result<Response, ApiError> {
    let body = request_body::read_request(body, &context.resources.request_memory).await?;
    let caller = Caller::new(peer.map(|Extension(peer)| peer));
    if caller.is_trusted
        && body.permit.is_none()
        && let Ok(JsonObject(question)) = serde_json::from_str::<JsonObject<DecideRequest>>(&body.text)
        && question.is_of_a_runtime()
    {
        let generation = context.admission.current_policy();
        let answer = decide_one(&context, &generation, &generation.evaluator, &caller, &question).await?;
        return buffered_json(answer, &context.resources.response_memory).await;
    }
    let background = context.resources.background.clone();
    background.run(decide_in_background(context, caller, body)).await.unwrap_or_else(|| Err(ApiError::stopping()))
}

/// The caller of a decision.
struct Caller {
    /// The name for the record.
    name: String,
    /// True if the caller may speak for a container runtime.
    is_trusted: bool,
}

impl Caller {
    fn new(peer: Option<Peer>) -> Self {
        let is_trusted = peer.as_ref().is_some_and(Peer::is_trusted_user);
        Self { name: peer.map_or_else(String::new, |peer| peer.name), is_trusted }
    }
}

/// Decides for callers for which no container runtime waits.
async fn decide_in_background(
    context: Arc<ApiState>,
    caller: Caller,
    body: BufferedBody,
) -> Result<Response, ApiError> {
    let work = &context.resources;
    let BufferedBody { text, permit: _room, .. } = body;
    let generation = context.admission.current_policy();
    let evaluator = &generation.api_evaluator;
    // The error of an untagged enum would not name the mistake.
    if !text.trim_start().starts_with('[') {
        let JsonObject(question) = parse_json(&text)?;
        let answer = decide_one(&context, &generation, evaluator, &caller, &question).await?;
        return buffered_json(answer, &work.response_memory).await;
    }
    // Each request is an object, and its decision is much longer.
    let most = text.bytes().filter(|byte| *byte == b'{').count().min(MAX_BATCH);
    let room = work.response_memory.acquire(text.len() + most * EXPECTED_RESPONSE_BYTES).await?;
    let BoundedList(questions): BoundedList<JsonObject<DecideRequest>, MAX_BATCH> = parse_json(&text)?;
    let (context, generation, caller) = (&*context, &*generation, &caller);
    let answers = questions.into_iter().map(|JsonObject(question)| async move {
        let answered = answer_one(context, &generation.api_evaluator, caller, &question).await?;
        Ok::<_, ApiError>((question, answered))
    });
    let mut answers = stream::iter(answers).buffered(DNS_CONCURRENCY);
    let mut text = String::from("[");
    // Recorded here, and not where it is decided, so that the records are in the order of the requests.
    while let Some((question, answered)) = answers.try_next().await? {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&record_answer(context, generation, caller, &question, &answered));
        // Other calls have their turn between the elements, even if none of them waits.
        yield_now().await;
    }
    text.push(']');
    Ok(response::json_with_permit(text, room))
}

/// Decides one request and records it. Returns the canonical text of the decision.
async fn decide_one(
    context: &ApiState,
    generation: &Generation,
    evaluator: &PolicyEvaluator,
    caller: &Caller,
    question: &DecideRequest,
) -> Result<String, ApiError> {
    let answered = answer_one(context, evaluator, caller, question).await?;
    Ok(record_answer(context, generation, caller, question, &answered))
}

/// A decision that is not recorded yet.
struct Answered {
    answer: pullgate::Response<'static>,
    dns_answers: Vec<DnsAnswer>,
    took: Duration,
}

/// Decides one request, without recording.
async fn answer_one(
    context: &ApiState,
    evaluator: &PolicyEvaluator,
    caller: &Caller,
    question: &DecideRequest,
) -> Result<Answered, ApiError> {
    if question.policy.is_some() {
        return Err(ApiError::bad_request(
            "decisions are by the daemon's own policy: ask /v1/explain about another one",
        ));
    }
    if question.is_of_a_runtime() {
        if !caller.is_trusted {
            return Err(ApiError::new(StatusCode::FORBIDDEN, "not-a-runtime", NOT_A_RUNTIME_MESSAGE));
        }
        if !question.dns_answers.is_empty() {
            return Err(ApiError::bad_request("decisions for a container runtime are by the daemon's own DNS"));
        }
    }
    let start = Instant::now();
    let request = question.to_request(question.effective_project(context));
    let (answer, dns_answers) = evaluator.answer_with_dns_answers(&request).await;
    Ok(Answered { answer, dns_answers, took: start.elapsed() })
}

/// Records a decision. Returns its canonical text.
fn record_answer(
    context: &ApiState,
    generation: &Generation,
    caller: &Caller,
    question: &DecideRequest,
    answered: &Answered,
) -> String {
    let Answered { answer, dns_answers, took } = answered;
    let ask = AdmissionRequest {
        frontend: match question.frontend {
            CallerKind::Api => Frontend::Api,
            CallerKind::Containerd => Frontend::Containerd,
        },
        user: &caller.name,
        action: "decide",
        reference: &question.reference,
        kind: question.kind,
        project: question.effective_project(context),
    };
    let admission = &context.admission;
    let decided = DecidedRequest { decision: &answer.decision, dns_answers, took: *took };
    if question.dns_answers.is_empty() {
        admission.record_decision(generation, &ask, decided);
    } else {
        admission.record_decision_by_caller_answers(generation, &ask, decided);
    }
    answer.to_json()
}

/// Decides with the reasoning, by the daemon's policy or by one in the request. DNS is queried in both cases.
#[utoipa::path(post, path = "/v1/explain", request_body = DecideRequest, responses(
    (status = 200, body = Object, description = "the decision with its `steps`"),
    (status = 400, body = ApiError),
    (status = 413, body = ApiError, description = "longer than the longest policy"),
    (status = 422, body = ApiError, description = "the policy that was sent has errors"),
    (status = 503, body = ApiError, description = "no room for it at the moment")
))]
pub async fn explain(State(context): State<Arc<ApiState>>, body: Body) -> Result<Response, ApiError> {
    let work = &context.resources;
    let BufferedBody { text, permit: _room, policy_permit: _policy } =
        request_body::read_document(body, &work.request_memory, &work.document_limits).await?;
    let JsonObject(question): JsonObject<DecideRequest> = parse_json(&text)?;
    // Either kind looks at every entry of its policy.
    let explaining = match &question.policy {
        Some(_) => work.explain_limit.acquire().await?,
        None => work.own_explain_limit.acquire().await?,
    };
    let evaluator = evaluator_for(&context, question.policy.as_deref()).await?;
    let explained = evaluator.explain(&question.to_request(question.project.as_deref())).await.to_json();
    drop((evaluator, explaining));
    buffered_json(explained, &work.response_memory).await
}

/// Returns the evaluator of the policy in the request, or else the daemon's.
pub async fn evaluator_for(context: &ApiState, policy: Option<&RawValue>) -> Result<PolicyEvaluator, ApiError> {
    let policies = context.admission.policy_store();
    let Some(policy) = policy else { return Ok(policies.current().api_evaluator.clone()) };
    let (module, text) = (policies.module().clone(), policy.get().to_owned());
    let mut options = policies.api_options().clone();
    options.limits.max_instances = 1;
    let room = Arc::clone(&context.resources.policy_load_permits).acquire_owned().await;
    let load = move || {
        // The permit is held even if the client disconnects, since loading continues.
        let _room = room;
        module.load(&text, now(), options)
    };
    let loaded = tokio::task::spawn_blocking(load).await;
    match loaded {
        Ok(Ok((evaluator, _))) => Ok(evaluator),
        Ok(Err(error @ LoadError::Policy(_))) => {
            Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "policy-refused", error.to_string()))
        }
        Ok(Err(LoadError::Failed(failure))) => Err(internal_error(failure.text)),
        Err(error) => Err(internal_error(error.to_string())),
    }
}

/// Checks a policy document: its canonical form, and its findings.
#[utoipa::path(post, path = "/v1/check", request_body(content = Object, description = "the document, JSON"), responses(
    (status = 200, body = Object, description = "the report; ranges are those of the text that was sent"),
    (status = 400, body = ApiError),
    (status = 413, body = ApiError, description = "longer than the longest policy"),
    (status = 500, body = ApiError),
    (status = 503, body = ApiError, description = "no room for it at the moment")
))]
pub async fn check(State(context): State<Arc<ApiState>>, body: Body) -> Result<Response, ApiError> {
    let work = &context.resources;
    let BufferedBody { text, permit, policy_permit } =
        request_body::read_document(body, &work.request_memory, &work.document_limits).await?;
    let module = context.admission.policy_store().module().clone();
    let loading = Arc::clone(&work.policy_load_permits).acquire_owned().await;
    let check = move || {
        let _received = permit;
        let report = module.check_policy(&text, now()).map_err(|failure| failure.text)?;
        let report = serde_json::to_string(&report).map_err(|error| error.to_string())?;
        Ok((report, loading))
    };
    let checked = tokio::task::spawn_blocking(check).await.map_err(|error| internal_error(error.to_string()))?;
    // A report can be a hundred times as long as its document, so both permits are held until the response has its
    // memory.
    let (report, _loading) = checked.map_err(internal_error)?;
    let _policy = policy_permit;
    buffered_json(report, &work.response_memory).await
}

/// Returns an internal error.
pub fn internal_error(message: String) -> ApiError {
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
}

/// Parses a body as JSON, whatever its content type: the access policy rejects requests of other sites.
pub fn parse_json<'b, T: Deserialize<'b>>(body: &'b str) -> Result<T, ApiError> {
    let refused = |error| ApiError::bad_request(format!("the body cannot be read: {}", describe_json_error(&error)));
    serde_json::from_str(body).map_err(refused)
}
