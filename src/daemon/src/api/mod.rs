//! The HTTP API and the page.
//!
//! Requests that another site makes a browser send, directly or by DNS rebinding, are rejected before anything else
//! reads them.

mod access_control;
mod decide;
mod dns_answers;
mod error;
mod gate;
mod health;
mod policy;
mod policy_update_log;
mod probe;
mod request_body;
mod response;
mod runtime_settings;
mod static_files;
#[cfg(test)]
mod tests;
mod ttl_cell;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use pullgate_host::Dns;
use thiserror::Error;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinError, spawn_blocking};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;
use utoipa::OpenApi;

use crate::admission::Admission;
use crate::admission::enforcement::Enforcement;
use crate::admission::request::Frontend;
use crate::api::request_body::DocumentLimits;
use crate::api::ttl_cell::TtlCell;
use crate::server::background::BackgroundHandle;
use crate::server::load_shed::{ConcurrencyLimit, MemoryBudget};
use pullgate_connect::ProxySettings;
use pullgate_connect::probe::{ProbeLimits, Prober};

pub use access_control::AccessPolicy;

/// Timeout of one request; a probe waits for other machines, and a large policy takes long to load.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(90);

/// Memory budget for requests in bytes, and another of the same size for unread responses. Bodies of up to
/// `SMALL_BODY_BYTES` do not count.
const MEMORY_BUDGET: usize = 64 << 20;

/// The memory that one byte of a request becomes at most, its text included: an array of DNS answers of two bytes each.
const REQUEST_EXPANSION: usize = 12;

/// Time to live of the system's root certificates in memory.
const ROOT_STORE_TTL: Duration = Duration::from_secs(300);

/// The header of every response while the enforcement of containerd is `audit`, with that value. The decision in the
/// body stays what the policy says (rule D4), and containerd's image verifier refuses nothing.
pub const CONTAINERD_ENFORCEMENT_HEADER: &str = "pullgate-containerd-enforcement";

/// State shared by all requests of one API listener.
pub struct ApiState {
    /// The admission.
    pub admission: Arc<Admission>,
    /// The limited resources of callers.
    pub resources: ApiResources,
    /// The frontends that are served, for the page.
    pub frontends: Vec<Frontend>,
    /// Enables `PUT /v1/policy`.
    pub allow_policy_updates: bool,
    /// The project of all requests of containerd (rule J1).
    pub containerd_project: Option<String>,
    /// The access policy of this listener.
    pub access_policy: AccessPolicy,
}

/// Resources that callers can consume, shared by all listeners.
#[derive(Clone)]
pub struct ApiResources {
    /// The prober with the system's root certificates, reloaded after their time to live.
    prober: Arc<TtlCell<Prober>>,
    /// The resolver for the probe's connections; `None` for the system's.
    dns: Option<Dns>,
    /// The response for the current policy.
    policy_cache: Arc<policy::PolicyResponseCache>,
    /// Memory for request bodies.
    request_memory: MemoryBudget,
    /// Memory for responses that are not read yet.
    response_memory: MemoryBudget,
    /// Concurrent loads of policies from requests: the largest takes a gigabyte.
    policy_load_permits: Arc<Semaphore>,
    /// Concurrent bodies with policies that are not small, and what is made of them. Separate from the loads, so that a
    /// slow upload does not delay small requests.
    document_limits: DocumentLimits,
    /// Concurrent explanations by policies from requests; each keeps its policy in memory.
    explain_limit: ConcurrencyLimit,
    /// Concurrent explanations by the daemon's own policy, in the API's instances.
    own_explain_limit: ConcurrencyLimit,
    /// Concurrent probes; each may keep a policy of its request in memory.
    probe_limit: ConcurrencyLimit,
    /// Concurrent exports and imports of settings, on blocking threads.
    settings_limit: ConcurrencyLimit,
    /// The runtime for everything that no container runtime waits for.
    background: BackgroundHandle,
}

impl ApiResources {
    /// Creates the resources. `dns` resolves the probe's hosts; `None` selects the system's resolver. `instances` is the
    /// number of the API's instances of the module.
    pub fn new(dns: Option<Dns>, background: BackgroundHandle, instances: usize) -> Self {
        let seconds = Duration::from_secs;
        let long_policies = "too many long policies are sent here at the moment";
        let explanations = "too many decisions are explained at the moment";
        Self {
            prober: Arc::new(TtlCell::new(ROOT_STORE_TTL)),
            dns,
            policy_cache: Arc::default(),
            request_memory: MemoryBudget::new(MEMORY_BUDGET, "too much is sent here at the moment")
                .with_expansion(REQUEST_EXPANSION),
            response_memory: MemoryBudget::new(MEMORY_BUDGET, "too many long answers wait to be read at the moment"),
            policy_load_permits: Arc::new(Semaphore::new(2)),
            document_limits: DocumentLimits {
                large: ConcurrencyLimit::new(2, 8, seconds(30), long_policies),
                medium: ConcurrencyLimit::new(2, 8, seconds(30), long_policies),
            },
            explain_limit: ConcurrencyLimit::new(4, 8, seconds(10), explanations),
            own_explain_limit: ConcurrencyLimit::new(instances, 8, seconds(10), explanations),
            probe_limit: ConcurrencyLimit::new(8, 32, seconds(40), "too many connections are tested at the moment"),
            settings_limit: ConcurrencyLimit::new(2, 8, seconds(10), "too many settings are exchanged at the moment"),
            background,
        }
    }

    async fn prober(&self) -> Result<Prober, ProberError> {
        let make = async || {
            let prober = spawn_blocking(|| Prober::with_platform_roots(ProbeLimits::default())).await;
            let prober = prober??.with_unused_proxies(ProxySettings::from_env());
            Ok(match &self.dns {
                Some(dns) => prober.with_dns(dns.clone()),
                None => prober,
            })
        };
        self.prober.get(make).await
    }
}

/// An error of creating the prober. The texts are human-readable.
#[derive(Debug, Error)]
enum ProberError {
    #[error(transparent)]
    Task(#[from] JoinError),
    #[error(transparent)]
    Tls(#[from] rustls::Error),
}

/// Returns all routes of the API, merged with those of [`health_router`].
pub fn router(context: Arc<ApiState>, health: Router) -> Router {
    let background = Router::new()
        .route("/explain", post(decide::explain))
        .route("/check", post(decide::check))
        .route("/probe", post(probe::probe))
        .route("/export", post(runtime_settings::export))
        .route("/import", post(runtime_settings::import))
        .method_not_allowed_fallback(|| async { error::ApiError::method_not_allowed() })
        .layer(from_fn_with_state(Arc::clone(&context), run_in_background));
    let api = Router::new()
        .merge(background)
        .route("/decide", post(decide::decide))
        .route("/policy", get(policy::get_policy).put(policy::put_policy))
        .route("/module", get(health::module))
        .route("/daemon", get(health::daemon))
        .route("/gate", get(gate::gate))
        .route("/openapi.json", get(serve_openapi))
        .fallback(|| async { error::ApiError::not_found() })
        .method_not_allowed_fallback(|| async { error::ApiError::method_not_allowed() })
        .layer(from_fn_with_state(Arc::clone(&context), access_control::require_authentication));
    Router::new()
        .nest("/v1", api)
        .fallback_service(static_files::static_files_router())
        .with_state(Arc::clone(&context))
        .merge(health)
        .layer(from_fn_with_state(Arc::clone(&context), access_control::require_same_origin))
        .layer(from_fn(policy_update_log::log_policy_updates))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST_TIMEOUT))
        .layer(CatchPanicLayer::new())
        .layer(from_fn_with_state(context, mark_enforcement))
}

/// Adds [`CONTAINERD_ENFORCEMENT_HEADER`], also to errors: in `audit` no failure to decide refuses an image.
async fn mark_enforcement(State(context): State<Arc<ApiState>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if context.admission.enforcement().containerd == Enforcement::Audit {
        response.headers_mut().insert(CONTAINERD_ENFORCEMENT_HEADER, HeaderValue::from_static("audit"));
    }
    response
}

/// Runs a request on the background runtime, whatever runtime serves its connection.
async fn run_in_background(State(context): State<Arc<ApiState>>, request: Request, next: Next) -> Response {
    let done = context.resources.background.run(next.run(request)).await;
    done.unwrap_or_else(|| error::ApiError::stopping().into_response())
}

/// Returns the routes for monitoring, which any listener may serve.
pub fn health_router(admission: Arc<Admission>, stopping: watch::Receiver<bool>) -> Router {
    Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .with_state(Arc::new(HealthState { admission, stopping }))
}

/// State of the monitoring routes.
struct HealthState {
    admission: Arc<Admission>,
    /// Becomes true at shutdown.
    stopping: watch::Receiver<bool>,
}

/// Serves the OpenAPI description, rendered once since it needs no authentication.
async fn serve_openapi() -> Result<impl IntoResponse, error::ApiError> {
    static DESCRIPTION: LazyLock<Result<String, serde_json::Error>> = LazyLock::new(|| openapi().to_json());
    match &*DESCRIPTION {
        Ok(text) => Ok(([(CONTENT_TYPE, "application/json")], text.as_str())),
        Err(error) => Err(decide::internal_error(error.to_string())),
    }
}

/// Returns the OpenAPI 3.1 description of the API, generated from the code.
pub fn openapi() -> utoipa::openapi::OpenApi {
    ApiDescription::openapi()
}

#[derive(OpenApi)]
#[openapi(
    info(title = "pullgate", description = "Which container registries may be used, and how"),
    paths(
        decide::decide,
        decide::explain,
        decide::check,
        policy::get_policy,
        policy::put_policy,
        health::module,
        health::daemon,
        gate::gate,
        probe::probe,
        runtime_settings::export,
        runtime_settings::import,
        health::healthz,
        health::readyz,
        health::metrics
    )
)]
struct ApiDescription;
