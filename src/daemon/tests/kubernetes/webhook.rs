//! The two webhooks with a policy, called without a network.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use pullgate_daemon::admission::audit_log::{AuditLog, AuditSink};
use pullgate_daemon::admission::enforcement::{Enforcement, FrontendEnforcement};
use pullgate_daemon::frontends::kubernetes::{self, KubernetesOptions};
use pullgate_daemon::{Admission, PolicyStore};
use pullgate_host::{EvaluatorOptions, Module};
use pullgate_source::PolicyFile;
use tower::ServiceExt;

/// The two webhooks.
pub struct TestWebhook {
    router: Router,
    admission: Arc<Admission>,
}

impl TestWebhook {
    /// Creates the webhooks with a policy and without DNS.
    pub fn new(policy: &str) -> Self {
        Self::with_settings(policy, Enforcement::Deny, &[])
    }

    /// Creates the webhooks with a policy, an enforcement and open images.
    pub fn with_settings(policy: &str, enforcement: Enforcement, open_images: &[String]) -> Self {
        Self::with_audit(policy, enforcement, open_images, &AuditSink::Off)
    }

    /// Creates the webhooks with a policy, and records in a file.
    pub fn recording(policy: &str, audit: PathBuf) -> Self {
        Self::with_audit(policy, Enforcement::Deny, &[], &AuditSink::File(audit))
    }

    fn with_audit(policy: &str, enforcement: Enforcement, open_images: &[String], sink: &AuditSink) -> Self {
        let module = Module::built_in().unwrap();
        let file = PolicyFile::built_in(policy.to_owned());
        let (policies, _) = PolicyStore::load(module, file, EvaluatorOptions::default()).unwrap();
        let audit = AuditLog::open(sink).unwrap();
        let modes = FrontendEnforcement { kubernetes: enforcement, ..FrontendEnforcement::default() };
        let admission = Arc::new(Admission::new(Arc::new(policies), audit).with_enforcement(modes));
        let options = KubernetesOptions { open_images: open_images.to_vec() };
        Self { router: kubernetes::router(Arc::clone(&admission), options), admission }
    }

    /// Posts a body. Returns the status and the body of the response.
    pub async fn post(&self, path: &str, body: String) -> (u16, String) {
        self.request("POST", path, body).await
    }

    pub async fn request(&self, method: &str, path: &str, body: impl Into<Body>) -> (u16, String) {
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        let response = self.router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    /// Writes all records.
    pub fn flush_records(&self) {
        self.admission.audit().flush();
    }

    pub fn metrics(&self) -> String {
        self.admission.metrics().to_openmetrics()
    }
}

/// Returns the folder of the repository.
pub fn repository_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
