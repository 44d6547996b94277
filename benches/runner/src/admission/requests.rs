//! Requests of Docker Engine and of the API server for the same images.

use anyhow::{Context, Result};
use pullgate_benches::{ALLOWED, DENIED};
use serde_json::{Value, json};

/// A program in front of which a server stands.
#[derive(Clone, Copy, PartialEq)]
pub enum Place {
    Docker,
    Kubernetes,
}

impl Place {
    /// Reads an answer.
    pub fn is_allowed(self, answer: &[u8]) -> Result<bool> {
        let answer: Value = serde_json::from_slice(answer)?;
        let is_allowed = match self {
            Self::Docker => &answer["Allow"],
            Self::Kubernetes => &answer["response"]["allowed"],
        };
        is_allowed.as_bool().with_context(|| format!("this is no decision: {answer}"))
    }
}

/// A reference with its request, written out as it is sent.
pub struct AdmissionCase {
    pub reference: &'static str,
    pub is_allowed: bool,
    pub request: Vec<u8>,
}

/// Returns the references of the benchmarks, allowed and denied, as requests for a path.
pub fn cases(place: Place, path: &str) -> Vec<AdmissionCase> {
    let case = |reference, is_allowed| {
        let body = match place {
            Place::Docker => pull(reference),
            Place::Kubernetes => review(reference),
        };
        AdmissionCase { reference, is_allowed, request: post(path, &body.to_string()) }
    };
    let allowed = ALLOWED.iter().map(|(_, reference)| case(reference, true));
    allowed.chain(DENIED.iter().map(|(_, reference)| case(reference, false))).collect()
}

fn post(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n");
    format!("{head}content-length: {length}\r\n\r\n{body}").into_bytes()
}

/// Returns the request of dockerd for `docker pull`.
fn pull(reference: &str) -> Value {
    let (image, tag) = reference.rsplit_once(':').unwrap_or((reference, "latest"));
    let image = image.replace('/', "%2F").replace(':', "%3A");
    json!({
        "User": "",
        "UserAuthNMethod": "",
        "RequestMethod": "POST",
        "RequestUri": format!("/v1.47/images/create?fromImage={image}&tag={tag}"),
        "RequestHeaders": {
            "Content-Length": "0",
            "Content-Type": "text/plain",
            "User-Agent": "Docker-Client/27.5.1 (linux)",
        },
    })
}

/// Returns the review of the API server for a pod with one container.
fn review(reference: &str) -> Value {
    let kind = json!({"group": "", "version": "v1", "kind": "Pod"});
    let resource = json!({"group": "", "version": "v1", "resource": "pods"});
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": kind,
            "resource": resource,
            "requestKind": kind,
            "requestResource": resource,
            "name": "app",
            "namespace": "default",
            "operation": "CREATE",
            "userInfo": {"username": "kubernetes-admin", "groups": ["system:masters", "system:authenticated"]},
            "object": {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "app", "namespace": "default", "labels": {"app": "app"}},
                "spec": {
                    "containers": [{
                        "name": "app",
                        "image": reference,
                        "imagePullPolicy": "IfNotPresent",
                        "resources": {"limits": {"cpu": "1", "memory": "256Mi"}},
                    }],
                    "restartPolicy": "Always",
                    "dnsPolicy": "ClusterFirst",
                    "serviceAccountName": "default",
                },
            },
            "oldObject": null,
            "dryRun": false,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
        },
    })
}
