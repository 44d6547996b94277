//! The endpoints for decisions and policy checks.

use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use pullgate::{DnsAnswer, ReferenceKind, Request};
use pullgate_host::{EvaluatorOptions, LoadError, PolicyEvaluator, now};
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::admission::{AdmissionRequest, Frontend};
use crate::api::ApiState;
use crate::api::error::ApiError;
use crate::api::request_body::{self, BufferedBody};
use crate::api::response::{self, buffered_json};
use crate::policy::store::Generation;
use crate::server::Peer;
use crate::util::strict_json::JsonObject;

/// Maximum number of requests in one call.
const MAX_BATCH: usize = 10_000;

/// Expected size of one decision in bytes.
const EXPECTED_RESPONSE_BYTES: usize = 512;

/// Concurrent decisions of one call that wait for DNS.
const DNS_CONCURRENCY: usize = 16;

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
    /// DNS answers that are known already.
    #[serde(default, rename = "dnsAnswers")]
    #[schema(value_type = Vec<Object>)]
    dns_answers: Vec<DnsAnswer>,
    /// The frontend for the audit record: `api`, or `containerd` for its image verifier.
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
    /// Returns the request, if it is within the limits of rule M6.
    fn to_request(&self) -> Result<Request<'_>, ApiError> {
        let request = Request {
            reference: &self.reference,
            kind: self.kind,
            project: self.project.as_deref(),
            dns_answers: &self.dns_answers,
        };
        match request.exceeded_limit() {
            Some(text) => Err(ApiError::bad_request(text)),
            None => Ok(request),
        }
    }
}

/// Decides one request, or several by one policy.
///
/// An object is answered with the canonical text of the decision, an array with an array.
#[utoipa::path(post, path = "/v1/decide", request_body = DecideRequest, responses(
    (status = 200, body = Object, description = "the decision; a denial too"),
    (status = 400, body = ApiError),
    (status = 413, body = ApiError, description = "more than 2 MiB"),
    (status = 503, body = ApiError, description = "no room for it at the moment")
))]
pub async fn decide(
    State(context): State<Arc<ApiState>>,
    peer: Option<Extension<Peer>>,
    body: Body,
) -> Result<Response, ApiError> {
    let work = &context.resources;
    let BufferedBody { text, permit: _room, .. } = request_body::read_request(body, &work.request_memory).await?;
    let user = peer.map_or_else(String::new, |Extension(peer)| peer.name);
    let generation = context.admission.current_policy();
    // The error of an untagged enum would not name the mistake.
    if !text.trim_start().starts_with('[') {
        let JsonObject(question) = parse_json(&text)?;
        return buffered_json(decide_one(&context, &generation, &user, &question).await?, &work.response_memory).await;
    }
    // Each request is an object, and its decision is much longer.
    let most = text.bytes().filter(|byte| *byte == b'{').count().min(MAX_BATCH);
    let room = work.response_memory.acquire(text.len() + most * EXPECTED_RESPONSE_BYTES).await?;
    let questions: Vec<JsonObject<DecideRequest>> = parse_json(&text)?;
    if questions.len() > MAX_BATCH {
        return Err(ApiError::bad_request(format!(
            "one call has at most {MAX_BATCH} requests, this one has {}",
            questions.len()
        )));
    }
    let (context, generation, user) = (&*context, &*generation, &*user);
    let answers = questions
        .into_iter()
        .map(|JsonObject(question)| async move { decide_one(context, generation, user, &question).await });
    let mut answers = stream::iter(answers).buffered(DNS_CONCURRENCY);
    let mut text = String::from("[");
    while let Some(answer) = answers.try_next().await? {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&answer);
    }
    text.push(']');
    Ok(response::json_with_permit(text, room))
}

async fn decide_one(
    context: &ApiState,
    generation: &Generation,
    user: &str,
    question: &DecideRequest,
) -> Result<String, ApiError> {
    if question.policy.is_some() {
        return Err(ApiError::bad_request(
            "decisions are by the daemon's own policy: ask /v1/explain about another one",
        ));
    }
    let start = Instant::now();
    let answer = generation.evaluator.answer(&question.to_request()?).await;
    let ask = AdmissionRequest {
        frontend: match question.frontend {
            CallerKind::Api => Frontend::Api,
            CallerKind::Containerd => Frontend::Containerd,
        },
        user,
        action: "decide",
        reference: &question.reference,
        kind: question.kind,
        project: question.project.as_deref(),
    };
    context.admission.record_decision(generation, &ask, &answer.decision, start.elapsed());
    Ok(answer.to_json())
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
    let BufferedBody { text, permit: _room, upload_permit: _turn } =
        request_body::read_document(body, &work.request_memory, &work.large_upload_limit).await?;
    let JsonObject(question): JsonObject<DecideRequest> = parse_json(&text)?;
    let explaining = match &question.policy {
        Some(_) => work.explain_limit.acquire().await?,
        None => None,
    };
    let evaluator = evaluator_for(&context, question.policy.as_deref()).await?;
    let explained = evaluator.explain(&question.to_request()?).await.to_json();
    drop((evaluator, explaining));
    buffered_json(explained, &work.response_memory).await
}

/// Returns the evaluator of the policy in the request, or else the daemon's.
pub async fn evaluator_for(context: &ApiState, policy: Option<&RawValue>) -> Result<PolicyEvaluator, ApiError> {
    let policies = context.admission.policy_store();
    let Some(policy) = policy else { return Ok(policies.current().evaluator.clone()) };
    let (module, text) = (policies.module().clone(), policy.get().to_owned());
    let options = EvaluatorOptions { dns: policies.dns().cloned(), ..EvaluatorOptions::default() };
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
    let BufferedBody { text, permit, upload_permit } =
        request_body::read_document(body, &work.request_memory, &work.large_upload_limit).await?;
    let module = context.admission.policy_store().module().clone();
    let loading = Arc::clone(&work.policy_load_permits).acquire_owned().await;
    let check = move || {
        let _received = (permit, upload_permit);
        let report = module.check_policy(&text, now()).map_err(|failure| failure.text)?;
        let report = serde_json::to_string(&report).map_err(|error| error.to_string())?;
        Ok((report, loading))
    };
    let checked = tokio::task::spawn_blocking(check).await.map_err(|error| internal_error(error.to_string()))?;
    // A report can be a hundred times as long as its document, so the load permit is held until the response has its
    // memory.
    let (report, _loading) = checked.map_err(internal_error)?;
    buffered_json(report, &work.response_memory).await
}

/// Returns an internal error.
pub fn internal_error(message: String) -> ApiError {
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
}

/// Parses a body as JSON, whatever its content type: the access policy rejects requests of other sites.
pub fn parse_json<'b, T: Deserialize<'b>>(body: &'b str) -> Result<T, ApiError> {
    serde_json::from_str(body).map_err(|error| ApiError::bad_request(format!("the body cannot be read: {error}")))
}
