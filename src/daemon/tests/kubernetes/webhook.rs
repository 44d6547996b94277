//! The two webhooks with a policy, asked without a network.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use pullgate_daemon::admission::audit_log::{Audit, Target};
use pullgate_daemon::frontends::kubernetes;
use pullgate_daemon::{Admission, Policies, PolicyError, PolicySource, PolicyText};
use pullgate_host::{Module, Options};
use tower::ServiceExt;

/// The two webhooks.
pub struct Webhook {
    router: Router,
    admission: Arc<Admission>,
}

/// A policy that never changes.
pub struct Text(pub String);

impl PolicySource for Text {
    fn read(&self) -> Result<PolicyText, PolicyError> {
        Ok(PolicyText { json: self.0.clone(), show: Box::new(|findings| format!("{findings:?}")) })
    }

    fn stamp(&self) -> Option<String> {
        None
    }

    fn write(&self, _: &str) -> Result<(), String> {
        Err("it never changes".to_owned())
    }
}

impl Webhook {
    /// By a policy, and without DNS.
    pub fn new(policy: &str) -> Self {
        let module = Module::built_in().unwrap();
        let (policies, _) = Policies::load(module, Box::new(Text(policy.to_owned())), Options::default()).unwrap();
        let audit = Audit::open(&Target::Off).unwrap();
        let admission = Arc::new(Admission::new(Arc::new(policies), audit));
        Self { router: kubernetes::router(Arc::clone(&admission)), admission }
    }

    /// Posts a body. What comes back is the status and the body of the answer.
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

    pub fn metrics(&self) -> String {
        self.admission.metrics().text()
    }
}

/// The folder of the repository.
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
