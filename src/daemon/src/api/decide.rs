//! Decisions, and checks of policies.

use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use pullgate::{Fact, ReferenceKind, Request};
use pullgate_host::{Gate, LoadError, Options, now};
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::admission::{Ask, Door};
use crate::api::Context;
use crate::api::error::Error;
use crate::api::request_body::{self, Read};
use crate::api::response::{self, answer};
use crate::policy::store::Generation;
use crate::server::Peer;
use crate::util::strict_json::Object;

/// How many requests one call may have.
const MOST: usize = 10_000;

/// How long the answer to one of them may be expected to be, in bytes.
const ANSWER: usize = 512;

/// How many of them wait for DNS at once.
const WAITING: usize = 16;

/// What is asked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The reference, as it was typed.
    reference: String,
    /// `image`, or `registry` for what `docker login` takes.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    kind: ReferenceKind,
    /// The project on whose behalf.
    project: Option<String>,
    /// DNS answers that are known already.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    facts: Vec<Fact>,
    /// For the record: the program on whose behalf.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    door: Caller,
    /// For `/v1/explain`: a policy document to go by, in place of the daemon's own.
    #[schema(value_type = Option<Object>)]
    policy: Option<Box<RawValue>>,
}

/// Who asks through the API.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Caller {
    #[default]
    Api,
    Containerd,
}

impl Question {
    fn request(&self) -> Request<'_> {
        Request { reference: &self.reference, kind: self.kind, project: self.project.as_deref(), facts: &self.facts }
    }
}

/// Decides one request, or several by one policy.
///
/// An object is answered with the canonical text of the decision, an array with an array.
#[utoipa::path(post, path = "/v1/decide", request_body = Question, responses(
    (status = 200, body = Object, description = "the decision; a denial too"),
    (status = 400, body = Error),
    (status = 413, body = Error, description = "more than 2 MiB"),
    (status = 503, body = Error, description = "no room for it at the moment")
))]
pub async fn decide(
    State(context): State<Arc<Context>>,
    peer: Option<Extension<Peer>>,
    body: Body,
) -> Result<Response, Error> {
    let work = &context.work;
    let Read { text, room: _room, .. } = request_body::question(body, &work.questions).await?;
    let user = peer.map_or_else(String::new, |Extension(peer)| peer.name);
    let generation = context.admission.begin();
    // An untagged enum would say no more than that nothing fits.
    if !text.trim_start().starts_with('[') {
        let Object(question) = read(&text)?;
        return answer(decided(&context, &generation, &user, &question).await?, &work.answers).await;
    }
    // Each is an object, and its answer is much longer.
    let most = text.bytes().filter(|byte| *byte == b'{').count().min(MOST);
    let room = work.answers.room(text.len() + most * ANSWER).await?;
    let questions: Vec<Object<Question>> = read(&text)?;
    if questions.len() > MOST {
        return Err(Error::bad_request(format!(
            "one call has at most {MOST} requests, this one has {}",
            questions.len()
        )));
    }
    let (context, generation, user) = (&*context, &*generation, &*user);
    let answers = questions
        .into_iter()
        .map(|Object(question)| async move { decided(context, generation, user, &question).await });
    let mut answers = stream::iter(answers).buffered(WAITING);
    let mut text = String::from("[");
    while let Some(answer) = answers.try_next().await? {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&answer);
    }
    text.push(']');
    Ok(response::within(text, room))
}

async fn decided(context: &Context, generation: &Generation, user: &str, question: &Question) -> Result<String, Error> {
    if question.policy.is_some() {
        return Err(Error::bad_request("decisions are by the daemon's own policy: ask /v1/explain about another one"));
    }
    let start = Instant::now();
    let answer = generation.gate.answer(&question.request()).await;
    let ask = Ask {
        door: match question.door {
            Caller::Api => Door::Api,
            Caller::Containerd => Door::Containerd,
        },
        user,
        action: "decide",
        reference: &question.reference,
        kind: question.kind,
        project: question.project.as_deref(),
    };
    context.admission.finish(generation, &ask, &answer.decision, start.elapsed());
    Ok(answer.to_json())
}

/// Decides and gives the reasoning, by the daemon's policy or by one that is sent along. DNS is asked either way.
#[utoipa::path(post, path = "/v1/explain", request_body = Question, responses(
    (status = 200, body = Object, description = "the decision with its `steps`"),
    (status = 400, body = Error),
    (status = 413, body = Error, description = "longer than the longest policy"),
    (status = 422, body = Error, description = "the policy that was sent has errors"),
    (status = 503, body = Error, description = "no room for it at the moment")
))]
pub async fn explain(State(context): State<Arc<Context>>, body: Body) -> Result<Response, Error> {
    let work = &context.work;
    let Read { text, room: _room, turn: _turn } =
        request_body::document(body, &work.questions, &work.receiving).await?;
    let Object(question): Object<Question> = read(&text)?;
    let explaining = match &question.policy {
        Some(_) => work.explaining.turn().await?,
        None => None,
    };
    let gate = gate(&context, question.policy.as_deref()).await?;
    let explained = gate.explain(&question.request()).await.to_json();
    drop((gate, explaining));
    answer(explained, &work.answers).await
}

/// The policy that was sent along, or the daemon's own.
pub async fn gate(context: &Context, policy: Option<&RawValue>) -> Result<Gate, Error> {
    let policies = context.admission.policies();
    let Some(policy) = policy else { return Ok(policies.current().gate.clone()) };
    let (module, text) = (policies.module().clone(), policy.get().to_owned());
    let options = Options { dns: policies.dns().cloned(), ..Options::default() };
    let room = Arc::clone(&context.work.loading).acquire_owned().await;
    let load = move || {
        // Loading goes on where the caller is gone.
        let _room = room;
        module.load(&text, now(), options)
    };
    let loaded = tokio::task::spawn_blocking(load).await;
    match loaded {
        Ok(Ok((gate, _))) => Ok(gate),
        Ok(Err(error @ LoadError::Policy(_))) => {
            Err(Error::new(StatusCode::UNPROCESSABLE_ENTITY, "policy-refused", error.to_string()))
        }
        Ok(Err(LoadError::Failed(failure))) => Err(internal(failure.text)),
        Err(error) => Err(internal(error.to_string())),
    }
}

/// Checks a policy document: its canonical form, and what is wrong with it.
#[utoipa::path(post, path = "/v1/check", request_body(content = Object, description = "the document, JSON"), responses(
    (status = 200, body = Object, description = "the report; ranges are those of the text that was sent"),
    (status = 400, body = Error),
    (status = 413, body = Error, description = "longer than the longest policy"),
    (status = 500, body = Error),
    (status = 503, body = Error, description = "no room for it at the moment")
))]
pub async fn check(State(context): State<Arc<Context>>, body: Body) -> Result<Response, Error> {
    let work = &context.work;
    let Read { text, room, turn } = request_body::document(body, &work.questions, &work.receiving).await?;
    let module = context.admission.policies().module().clone();
    let loading = Arc::clone(&work.loading).acquire_owned().await;
    let check = move || {
        let _received = (room, turn);
        let report = module.check_policy(&text, now()).map_err(|failure| failure.text)?;
        let report = serde_json::to_string(&report).map_err(|error| error.to_string())?;
        Ok((report, loading))
    };
    let checked = tokio::task::spawn_blocking(check).await.map_err(|error| internal(error.to_string()))?;
    // A report may be a hundred times as long as what it is about, so that others have to wait until there is room for it.
    let (report, _loading) = checked.map_err(internal)?;
    answer(report, &work.answers).await
}

/// What is no fault of the caller's.
pub fn internal(message: String) -> Error {
    Error::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
}

/// Reads a body as JSON, whatever its content type says: no browser sends another site's JSON here (see `guard`).
pub fn read<'b, T: Deserialize<'b>>(body: &'b str) -> Result<T, Error> {
    serde_json::from_str(body).map_err(|error| Error::bad_request(format!("the body cannot be read: {error}")))
}
