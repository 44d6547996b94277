//! Testing a connection for the page.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::api::Context;
use crate::api::decide::{gate, internal, read};
use crate::api::error::Error;
use crate::api::request_body::{self, Read};
use crate::util::strict_json::Object;
use pullgate_connect::probe::{NOTHING, is_nothing};

/// What is to be tried.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ToProbe {
    /// The registry, as `docker login` takes it.
    registry: String,
    /// The project on whose behalf.
    project: Option<String>,
    /// A policy document to go by, in place of the daemon's own.
    #[schema(value_type = Option<Object>)]
    policy: Option<Box<RawValue>>,
}

/// Tries to reach a registry, as the policy says and no other way.
#[utoipa::path(post, path = "/v1/probe", request_body = ToProbe, responses(
    (status = 200, body = Object, description = "the report"),
    (status = 400, body = Error),
    (status = 413, body = Error, description = "longer than the longest policy"),
    (status = 503, body = Error, description = "too many connections are tested at the moment")
))]
pub async fn probe(State(context): State<Arc<Context>>, body: Body) -> Result<Response, Error> {
    let work = &context.work;
    // Who waits has sent nothing yet that would be in memory.
    let _probing = match work.probing.turn().await {
        Ok(turn) => turn,
        Err(busy) => return Err(request_body::turned_away(body, busy).await),
    };
    let Read { text, room, turn: _turn } = request_body::document(body, &work.questions, &work.receiving).await?;
    let Object(ToProbe { registry, project, policy }) = read(&text)?;
    if is_nothing(&registry) {
        return Err(Error::bad_request(NOTHING));
    }
    let gate = gate(&context, policy.as_deref()).await?;
    // The probe takes long, and needs the document no more. What was made of a long one stays in memory, and so does its turn.
    drop((policy, text, room));
    let prober = work.prober().await.map_err(internal)?;
    Ok(Json(prober.probe(&gate, &registry, project.as_deref()).await).into_response())
}
