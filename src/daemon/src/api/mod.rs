//! The HTTP API, and the page.
//!
//! What a browser on another site, or a name that was made to point here, can reach is refused before anything else looks
//! at the request.

mod access_control;
mod decide;
mod error;
mod health;
mod policy;
mod policy_update_log;
mod probe;
mod request_body;
mod response;
mod static_files;
#[cfg(test)]
mod tests;
mod ttl_cell;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use pullgate_host::Dns;
use tokio::sync::{Semaphore, watch};
use tokio::task::spawn_blocking;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;
use utoipa::OpenApi;

use crate::admission::Admission;
use crate::api::ttl_cell::TtlCell;
use crate::server::load_shed::{ConcurrencyLimit, MemoryBudget};
use pullgate_connect::probe::{ProbeLimits, Prober};

pub use access_control::AccessPolicy;

/// How long one request may take; a probe waits for other machines, and a large policy takes its time to load.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(90);

/// How much of what callers send is in memory at once, in bytes, and as much of what they have not read yet. What is short
/// does not count ([`SHORT`](crate::server::load_shed::SHORT)).
const MEMORY_BUDGET: usize = 64 << 20;

/// For how long the certificate authorities of the machine are taken for what they were when they were read last.
const ROOT_STORE_TTL: Duration = Duration::from_secs(300);

/// What every request of the API has at hand.
pub struct ApiState {
    /// Decides.
    pub admission: Arc<Admission>,
    /// What callers can make the daemon do.
    pub resources: ApiResources,
    /// Whether `PUT /v1/policy` is there.
    pub allow_policy_updates: bool,
    /// Who may ask what.
    pub access_policy: AccessPolicy,
}

/// What callers can make the daemon do, in all listeners together.
#[derive(Clone)]
pub struct ApiResources {
    /// Tests connections, with the certificate authorities that the machine has now, or had some minutes ago.
    prober: Arc<TtlCell<Prober>>,
    /// Whom it asks for the addresses of names, if not the machine's resolver.
    dns: Option<Dns>,
    /// The answer about the current policy.
    policy_cache: Arc<policy::PolicyResponseCache>,
    /// Room for what callers send.
    request_memory: MemoryBudget,
    /// Room for what they have not read yet.
    response_memory: MemoryBudget,
    /// How many documents that callers send are loaded at once: the largest takes a gigabyte.
    policy_load_permits: Arc<Semaphore>,
    /// How many that are long are in memory at once, with what is made of them. It is another number, so that one that comes
    /// slowly keeps no short one waiting.
    large_upload_limit: ConcurrencyLimit,
    /// How many decisions are explained at once by policies that callers send, of which each stays in memory meanwhile.
    explain_limit: ConcurrencyLimit,
    /// How many connections are tested at once, likewise.
    probe_limit: ConcurrencyLimit,
}

impl ApiResources {
    /// `names` is asked for the addresses of names that are connected to, if not the machine's resolver.
    pub fn new(dns: Option<Dns>) -> Self {
        let seconds = Duration::from_secs;
        Self {
            prober: Arc::new(TtlCell::new(ROOT_STORE_TTL)),
            dns,
            policy_cache: Arc::default(),
            request_memory: MemoryBudget::new(MEMORY_BUDGET, "too much is sent here at the moment"),
            response_memory: MemoryBudget::new(MEMORY_BUDGET, "too many long answers wait to be read at the moment"),
            policy_load_permits: Arc::new(Semaphore::new(2)),
            large_upload_limit: ConcurrencyLimit::new(
                2,
                8,
                seconds(30),
                "too many long policies are sent here at the moment",
            ),
            explain_limit: ConcurrencyLimit::new(4, 8, seconds(10), "too many decisions are explained at the moment"),
            probe_limit: ConcurrencyLimit::new(8, 32, seconds(40), "too many connections are tested at the moment"),
        }
    }

    async fn prober(&self) -> Result<Prober, String> {
        let make = async || {
            let prober = spawn_blocking(|| Prober::with_platform_roots(ProbeLimits::default())).await;
            let prober = prober.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
            Ok(match &self.dns {
                Some(dns) => prober.with_dns(dns.clone()),
                None => prober,
            })
        };
        self.prober.get(make).await
    }
}

/// All routes, with those of [`health`].
pub fn router(context: Arc<ApiState>, health: Router) -> Router {
    let api = Router::new()
        .route("/decide", post(decide::decide))
        .route("/explain", post(decide::explain))
        .route("/check", post(decide::check))
        .route("/policy", get(policy::get_policy).put(policy::put_policy))
        .route("/module", get(health::module))
        .route("/probe", post(probe::probe))
        .route("/openapi.json", get(serve_openapi))
        .fallback(|| async { error::ApiError::not_found() })
        .method_not_allowed_fallback(|| async { error::ApiError::method_not_allowed() })
        .layer(from_fn_with_state(Arc::clone(&context), access_control::require_authentication));
    Router::new()
        .nest("/v1", api)
        .fallback_service(static_files::static_files_router())
        .with_state(Arc::clone(&context))
        .merge(health)
        .layer(from_fn_with_state(context, access_control::require_same_origin))
        .layer(from_fn(policy_update_log::log_policy_updates))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST_TIMEOUT))
        .layer(CatchPanicLayer::new())
}

/// What those ask who watch over the daemon; any listener may serve it.
pub fn health_router(admission: Arc<Admission>, stopping: watch::Receiver<bool>) -> Router {
    Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .with_state(Arc::new(HealthState { admission, stopping }))
}

/// What those need who watch over the daemon.
struct HealthState {
    admission: Arc<Admission>,
    /// Becomes true when the daemon is to stop.
    stopping: watch::Receiver<bool>,
}

/// Serves the description, which is made once: anybody may ask for it over and over.
async fn serve_openapi() -> Result<impl IntoResponse, error::ApiError> {
    static DESCRIPTION: LazyLock<Result<String, String>> =
        LazyLock::new(|| openapi().to_json().map_err(|error| error.to_string()));
    match &*DESCRIPTION {
        Ok(text) => Ok(([(CONTENT_TYPE, "application/json")], text.as_str())),
        Err(error) => Err(decide::internal_error(error.clone())),
    }
}

/// The description of the API (OpenAPI 3.1), made from the code.
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
        probe::probe,
        health::healthz,
        health::readyz,
        health::metrics
    )
)]
struct ApiDescription;
