//! Docker Engine's authorization plugin: dockerd calls it before it acts, and does not act on a denied request.
//!
//! ```text
//! protocol         calls of dockerd, and the responses
//! request_uri      the request target: path and query, decoded as dockerd decodes them
//! operation        the operation of Docker's API: a positive list
//! local_operation  operations that concern no registry, by method and path
//! go_json          a JSON body, as Go decodes it
//! image_refs       the images that a container or a service names
//! classify         the subject of a request: references, a setting, or nothing that concerns a registry
//! authorize        the decision
//! ```
//!
//! A request that dockerd could read in another way than the daemon is denied.

mod authorize;
mod classify;
mod go_json;
mod image_refs;
mod local_operation;
mod operation;
mod protocol;
mod request_uri;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use axum::routing::post;

use crate::admission::Admission;
use crate::settings::{CreateDecision, OperationPermission, Settings};
use authorize::authorize;
use protocol::{AuthzResponse, CallError, MAX_CALL_BYTES, parse_call};

/// Timeout for reading a call. dockerd sends calls whole, over a socket on the same machine.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// The project of a Docker Engine, and the permissions for operations that the rules cannot evaluate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DockerOptions {
    /// The project of all requests (rule J1).
    pub project: Option<String>,
    /// The images of new containers that the rules decide about.
    pub creates: CreateDecision,
    /// Builds: `POST /build`, BuildKit's `/session` and `/grpc`, and the image of a BuildKit of its own.
    pub builds: OperationPermission,
    /// Images from a tar file or a URL: `docker load`, `docker import`.
    pub imports: OperationPermission,
    /// Logins: `POST /auth`.
    pub logins: OperationPermission,
    /// Naming images: `docker tag`, `docker commit`.
    pub tags: OperationPermission,
}

impl Default for DockerOptions {
    fn default() -> Self {
        Self {
            project: None,
            creates: CreateDecision::Local,
            builds: OperationPermission::WithoutWhitelist,
            imports: OperationPermission::WithoutWhitelist,
            logins: OperationPermission::Allow,
            tags: OperationPermission::Allow,
        }
    }
}

impl From<&Settings> for DockerOptions {
    fn from(settings: &Settings) -> Self {
        let default = Self::default();
        Self {
            project: settings.docker_project.clone(),
            creates: settings.docker_creates.unwrap_or(default.creates),
            builds: settings.docker_builds.unwrap_or(default.builds),
            imports: settings.docker_imports.unwrap_or(default.imports),
            logins: settings.docker_logins.unwrap_or(default.logins),
            tags: settings.docker_tags.unwrap_or(default.tags),
        }
    }
}

/// Returns the routes of the plugin's socket.
pub fn router(admission: Arc<Admission>, options: DockerOptions) -> Router {
    Router::new()
        .route("/Plugin.Activate", post(activate))
        .route("/AuthZPlugin.AuthZReq", post(handle_request))
        .route("/AuthZPlugin.AuthZRes", post(handle_response))
        .fallback(reject_unknown)
        .method_not_allowed_fallback(reject_unknown)
        .with_state(PluginState { admission, options: Arc::new(options) })
}

#[derive(Clone)]
struct PluginState {
    admission: Arc<Admission>,
    options: Arc<DockerOptions>,
}

async fn activate() -> Response {
    protocol::activation_response()
}

async fn handle_request(State(state): State<PluginState>, body: Body) -> AuthzResponse {
    let read = match read_body(body, READ_TIMEOUT).await {
        Ok(bytes) => parse_call(&bytes),
        Err(unreadable) => Err(unreadable),
    };
    authorize(&state.admission, &state.options, read).await
}

/// Accepts every response: the request was allowed before and has been executed. The call is read so that the
/// connection can be reused.
async fn handle_response(body: Body) -> AuthzResponse {
    let _ = read_body(body, READ_TIMEOUT).await;
    AuthzResponse::allow()
}

async fn reject_unknown(uri: Uri) -> AuthzResponse {
    AuthzResponse::deny(format!("`{}` is not a call of Docker's authorization plugins", uri.path()))
}

async fn read_body(body: Body, patience: Duration) -> Result<Bytes, CallError> {
    match tokio::time::timeout(patience, axum::body::to_bytes(body, MAX_CALL_BYTES)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(CallError(format!("dockerd's call broke off, or has more than {MAX_CALL_BYTES} bytes"))),
        Err(_) => Err(CallError(format!("dockerd's call was not complete after {} seconds", patience.as_secs()))),
    }
}
