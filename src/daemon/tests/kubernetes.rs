//! Kubernetes' webhooks, called as the API server calls them: `tests/kubernetes/reviews` has the reviews and the
//! responses.

mod kubernetes {
    pub mod fuzz;
    pub mod manifests;
    pub mod webhook;
}

use std::convert::Infallible;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use axum::body::Body;
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};

use kubernetes::webhook::{TestWebhook, repository_dir};
use pullgate_daemon::admission::enforcement::Enforcement;

/// A file of `tests/kubernetes/reviews`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The purpose.
    #[serde(rename = "about")]
    _about: String,
    /// The webhook: `validate` or `imagepolicy`.
    path: String,
    policy: Value,
    /// The open images of the settings.
    #[serde(default)]
    open_images: Vec<String>,
    review: Option<Value>,
    /// The review as text, if it is invalid or unusual JSON.
    raw: Option<String>,
    expected: Expected,
}

/// The expected response.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    /// The HTTP status, unless 200.
    status: Option<u16>,
    allowed: Option<bool>,
    /// The code in the audit annotations.
    reason: Option<String>,
    /// Texts in the message.
    #[serde(default)]
    says: Vec<String>,
    /// Prefixes of the warnings.
    #[serde(default)]
    warnings: Vec<String>,
}

impl Case {
    fn text(&self) -> String {
        self.raw.clone().unwrap_or_else(|| self.review.clone().unwrap_or_default().to_string())
    }
}

/// Returns every case with its name.
fn cases() -> Vec<(String, Case)> {
    let folder = repository_dir().join("tests/kubernetes/reviews");
    let mut files: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let case = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path.file_stem().unwrap().to_string_lossy().into_owned(), case)
    };
    files.into_iter().map(read).collect()
}

#[tokio::test]
async fn every_review_has_its_answer() {
    let cases = cases();
    assert!(cases.len() > 60, "there are {} reviews only", cases.len());
    for (name, case) in cases {
        let webhook = TestWebhook::with_settings(&case.policy.to_string(), Enforcement::Deny, &case.open_images);
        let (status, reply) = webhook.post(&format!("/kubernetes/{}", case.path), case.text()).await;
        assert_eq!(status, case.expected.status.unwrap_or(200), "{name}: {reply}");
        if status != 200 {
            continue;
        }
        let reply: Value = serde_json::from_str(&reply).unwrap();
        if let Some(review) = &case.review {
            let of = if case.path == "validate" { review } else { &json!({}) };
            for member in ["kind", "apiVersion"] {
                let expected = of.get(member).unwrap_or(&reply[member]);
                assert_eq!(reply[member], *expected, "{name}");
            }
        }
        let (answer, message) = if case.path == "validate" {
            let uid = case.review.as_ref().map(|review| &review["request"]["uid"]);
            let response = &reply["response"];
            assert_eq!(&response["uid"], uid.unwrap_or(&response["uid"]), "{name}");
            assert!(response["uid"].is_string(), "{name}");
            assert!(response.get("patch").is_none());
            if response["allowed"] == false {
                assert_eq!(response["status"]["code"], 403, "{name}");
                assert_eq!(response["status"]["reason"], "Forbidden", "{name}");
            } else {
                assert!(response.get("status").is_none(), "{name}");
            }
            (response, &response["status"]["message"])
        } else {
            assert_eq!(reply["kind"], "ImageReview", "{name}");
            assert_eq!(reply["apiVersion"], "imagepolicy.k8s.io/v1alpha1", "{name}");
            (&reply["status"], &reply["status"]["reason"])
        };
        assert_eq!(answer["allowed"].as_bool(), case.expected.allowed, "{name}: {reply}");
        let annotations = &answer["auditAnnotations"];
        assert_eq!(annotations["reason"].as_str(), case.expected.reason.as_deref(), "{name}: {reply}");
        assert!(annotations.as_object().unwrap().values().all(Value::is_string), "{name}");
        let message = message.as_str().unwrap_or_default();
        for text in &case.expected.says {
            assert!(message.contains(text), "{name}: no `{text}` in `{message}`");
        }
        assert!(!message.contains(['\n', '\r']), "{name}");
        assert!(!reply.to_string().contains("hunter2"), "{name}: {reply}");
        let warnings: Vec<&str> =
            answer["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        assert_eq!(warnings.len(), case.expected.warnings.len(), "{name}: {warnings:?}");
        for (warning, expected) in warnings.iter().zip(&case.expected.warnings) {
            assert!(warning.starts_with(expected.as_str()), "{name}: {warning}");
            assert!(warning.chars().count() <= 120, "{name}: {warning}");
        }
    }
}

#[tokio::test]
async fn in_audit_every_review_is_allowed_with_what_would_be_refused() {
    let mut denials = 0;
    for (name, case) in cases() {
        let webhook = TestWebhook::with_settings(&case.policy.to_string(), Enforcement::Audit, &case.open_images);
        let (status, reply) = webhook.post(&format!("/kubernetes/{}", case.path), case.text()).await;
        assert_eq!(status, case.expected.status.unwrap_or(200), "{name}: {reply}");
        if status != 200 {
            continue;
        }
        let reply: Value = serde_json::from_str(&reply).unwrap();
        let answer = &reply[if case.path == "validate" { "response" } else { "status" }];
        assert_eq!(answer["allowed"], true, "{name}: {reply}");
        assert!(answer.get("status").is_none() && answer.get("reason").is_none(), "{name}: {reply}");
        let annotations = &answer["auditAnnotations"];
        assert_eq!(annotations["reason"].as_str(), case.expected.reason.as_deref(), "{name}: {reply}");
        let warnings: Vec<&str> =
            answer["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        assert!(warnings.iter().all(|warning| warning.chars().count() <= 120), "{name}: {warnings:?}");
        if case.expected.allowed == Some(true) {
            assert!(annotations.get("enforced").is_none(), "{name}: {reply}");
            assert_eq!(warnings.len(), case.expected.warnings.len(), "{name}: {warnings:?}");
            continue;
        }
        denials += 1;
        assert_eq!((&annotations["decision"], &annotations["enforced"]), (&json!("deny"), &json!("false")), "{name}");
        if case.path == "validate" {
            assert!(!warnings.is_empty(), "{name}");
            assert!(warnings.iter().all(|warning| warning.starts_with("would be refused: ")), "{name}: {warnings:?}");
        }
        let counted = webhook.metrics();
        assert!(counted.contains("pullgate_denials_not_enforced_total{frontend="), "{name}: {counted}");
    }
    assert!(denials > 30, "{denials}");
}

#[tokio::test]
async fn a_review_that_is_too_large_is_not_read_and_recorded() {
    let webhook = TestWebhook::new("{}");
    let image = format!(r#"[{{"image":"{}"}}]"#, "a".repeat(pullgate_daemon::frontends::kubernetes::MAX_REVIEW_BYTES));
    for (review, expected) in
        [(image.clone(), 413), ("{".to_owned(), 400), (r#"{"request": {"uid": ""}}"#.to_owned(), 400)]
    {
        assert_eq!(webhook.post("/kubernetes/validate", review).await.0, expected);
    }
    let line = r#"{frontend="kubernetes",decision="deny",reason="malformed-review"} 3"#;
    assert!(webhook.metrics().contains(line), "reviews that are answered with an error are recorded");
    // An error here could count as a permission.
    let (status, reply) = webhook.post("/kubernetes/imagepolicy", image).await;
    let reply: Value = serde_json::from_str(&reply).unwrap();
    assert_eq!((status, &reply["status"]["allowed"]), (200, &Value::Bool(false)), "{reply}");
}

#[tokio::test(start_paused = true)]
async fn stalled_uploads_refuse_no_review() {
    let webhook = TestWebhook::new(r#"{"whitelist": ["registry.example.com"]}"#);
    let stalled = (0..64).map(|_| {
        let begun = stream::iter([Ok::<_, Infallible>("x".repeat(16 << 10))]);
        webhook.request("POST", "/kubernetes/validate", Body::from_stream(begun.chain(stream::pending())))
    });
    let other = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let started = tokio::time::Instant::now();
        let review = json!({
            "kind": "ImageReview", "apiVersion": "imagepolicy.k8s.io/v1alpha1", "filling": "x".repeat(20 << 10),
            "spec": {"containers": [{"image": "registry.example.com/a"}]}
        });
        let (_, reply) = webhook.post("/kubernetes/imagepolicy", review.to_string()).await;
        assert!(reply.contains(r#""allowed":true"#), "{reply}");
        assert_eq!(started.elapsed(), Duration::ZERO);
    };
    let started = tokio::time::Instant::now();
    let (stalled, ()) = tokio::join!(join_all(stalled), other);
    assert!(stalled.iter().all(|(status, _)| *status == 408), "{stalled:?}");
    assert!(started.elapsed() <= Duration::from_secs(2), "{:?}", started.elapsed());
    let line = r#"{frontend="kubernetes",decision="deny",reason="malformed-review"} 64"#;
    assert!(webhook.metrics().contains(line), "each is recorded");
}

#[tokio::test(start_paused = true)]
async fn large_review_is_denied_and_small_one_read_when_memory_is_exhausted() {
    let webhook = TestWebhook::new(r#"{"whitelist": ["registry.example.com"]}"#);
    // Uploads that go on, slowly: 35 of 312 KiB each fill the memory but for 16 KiB, and the others wait.
    let slow = (0..64).map(|_| {
        let more = stream::iter(0..).then(|_| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok("x".repeat(16 << 10))
        });
        let begun = stream::iter([Ok::<_, Infallible>("x".repeat(312 << 10))]);
        webhook.request("POST", "/kubernetes/validate", Body::from_stream(begun.chain(more)))
    });
    let review = |path: &'static str, filling: usize| {
        let filling = "x".repeat(filling);
        let review = match path {
            "/kubernetes/validate" => json!({
                "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "filling": filling,
                "request": {
                    "uid": "1", "kind": {"group": "", "version": "v1", "kind": "Pod"}, "operation": "CREATE",
                    "object": {"spec": {"containers": [{"image": "registry.example.com/a"}]}}
                }
            }),
            _ => json!({
                "kind": "ImageReview", "apiVersion": "imagepolicy.k8s.io/v1alpha1", "filling": filling,
                "spec": {"containers": [{"image": "registry.example.com/a"}]}
            }),
        };
        webhook.post(path, review.to_string())
    };
    let others = async {
        // Before an upload that waits for more gives up, which makes room.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let large = async {
            tokio::join!(review("/kubernetes/validate", 16 << 10), review("/kubernetes/imagepolicy", 16 << 10))
        };
        let small = async {
            let started = tokio::time::Instant::now();
            for (path, answer) in [("/kubernetes/validate", "response"), ("/kubernetes/imagepolicy", "status")] {
                let (status, reply) = review(path, 0).await;
                let reply: Value = serde_json::from_str(&reply).unwrap();
                assert_eq!((status, &reply[answer]["allowed"]), (200, &Value::Bool(true)), "{reply}");
            }
            assert_eq!(started.elapsed(), Duration::ZERO);
        };
        let (((status, reply), image_review), ()) = tokio::join!(large, small);
        assert_eq!(status, 503, "{reply}");
        let (status, reply) = image_review;
        let reply: Value = serde_json::from_str(&reply).unwrap();
        assert_eq!((status, &reply["status"]["allowed"]), (200, &Value::Bool(false)), "{reply}");
        assert_eq!(reply["status"]["auditAnnotations"]["reason"], "busy");
    };
    let (slow, ()) = tokio::join!(join_all(slow), others);
    assert!(slow.iter().all(|(status, _)| matches!(status, 408 | 503)), "{slow:?}");
    assert!(webhook.metrics().contains(r#"{frontend="kubernetes",decision="deny",reason="busy"}"#), "it is recorded");
    let (status, _) = review("/kubernetes/validate", 16 << 10).await;
    assert_eq!(status, 200, "there is room again");
}

#[tokio::test]
async fn an_object_as_large_as_there_are_is_read() {
    let webhook = TestWebhook::new(r#"{"whitelist": ["registry.example.com"]}"#);
    let filling = "x".repeat(3 << 20);
    let object = |image: &str| {
        json!({
            "kind": "Pod", "apiVersion": "v1", "metadata": {"annotations": {"filling": filling}},
            "spec": {"containers": [{"name": "web", "image": image}]}
        })
    };
    for (image, allowed) in [("registry.example.com/a", true), ("evil.example.net/a", false)] {
        let review = json!({
            "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
            "request": {
                "uid": "1", "kind": {"group": "", "version": "v1", "kind": "Pod"}, "operation": "UPDATE",
                "object": object(image), "oldObject": object("registry.example.com/b")
            }
        });
        let (status, reply) = webhook.post("/kubernetes/validate", review.to_string()).await;
        let reply: Value = serde_json::from_str(&reply).unwrap();
        assert_eq!((status, &reply["response"]["allowed"]), (200, &Value::Bool(allowed)), "{image}");
    }
}

#[tokio::test]
async fn too_many_images_are_denied_and_a_thousand_decided() {
    let webhook = TestWebhook::new(r#"{"whitelist": ["registry.example.com"]}"#);
    for (number, code) in [(1_000, "matched"), (1_001, "too-many-images")] {
        let containers: Vec<Value> =
            (0..number).map(|index| json!({"image": format!("registry.example.com/a:{index}")})).collect();
        let review = json!({
            "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
            "request": {
                "uid": "1", "kind": {"group": "", "version": "v1", "kind": "Pod"}, "operation": "CREATE",
                "object": {"spec": {"containers": containers}}
            }
        });
        let (_, reply) = webhook.post("/kubernetes/validate", review.to_string()).await;
        let reply: Value = serde_json::from_str(&reply).unwrap();
        assert_eq!(reply["response"]["auditAnnotations"]["reason"], code);
    }
}

#[tokio::test]
async fn too_many_images_of_an_image_review_are_denied() {
    let webhook = TestWebhook::new(r#"{"whitelist": ["registry.example.com"]}"#);
    let distinct =
        |number: usize| -> Vec<String> { (0..number).map(|index| format!("registry.example.com/a:{index}")).collect() };
    let same = |number: usize| vec!["registry.example.com/a".to_owned(); number];
    for (images, code) in [
        (distinct(1_000), "matched"),
        (distinct(1_001), "too-many-images"),
        (same(4_096), "matched"),
        (same(4_097), "too-many-images"),
    ] {
        let containers: Vec<Value> = images.iter().map(|image| json!({"image": image})).collect();
        let review = json!({
            "kind": "ImageReview", "apiVersion": "imagepolicy.k8s.io/v1alpha1", "spec": {"containers": containers}
        });
        let (_, reply) = webhook.post("/kubernetes/imagepolicy", review.to_string()).await;
        let reply: Value = serde_json::from_str(&reply).unwrap();
        assert_eq!(reply["status"]["auditAnnotations"]["reason"], code, "{} images", containers.len());
    }
}

#[tokio::test]
async fn refused_images_are_annotated_and_warned_about_up_to_a_number() {
    let webhook = TestWebhook::new(r#"{"whitelist": ["registry.example.com"]}"#);
    for number in [0, 1, 16, 17] {
        let names: Vec<String> = (0..number).map(|index| format!("evil.example.net/a:{index}")).collect();
        let refused = names.iter().map(String::as_str);
        let containers: Vec<Value> =
            refused.chain(["registry.example.com/a"]).map(|image| json!({"image": image})).collect();
        let object = json!({"spec": {"containers": containers}});
        let review = json!({
            "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
            "request": {
                "uid": "1", "kind": {"group": "", "version": "v1", "kind": "Pod"}, "operation": "UPDATE",
                "object": object, "oldObject": object
            }
        });
        let (_, reply) = webhook.post("/kubernetes/validate", review.to_string()).await;
        let reply: Value = serde_json::from_str(&reply).unwrap();
        let annotations = &reply["response"]["auditAnnotations"];
        let expected = (number > 0).then(|| names.join(", "));
        assert_eq!(annotations.get("refused").and_then(Value::as_str), expected.as_deref(), "{reply}");
        assert!(annotations.get("enforced").is_none(), "{reply}");
        let warnings: Vec<&str> =
            reply["response"]["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        assert_eq!(warnings.len(), number, "{warnings:?}");
        assert_eq!(warnings.last().is_some_and(|last| last.ends_with(": 1 more images")), number == 17, "{warnings:?}");
    }
}

#[tokio::test]
async fn only_the_two_paths_answer_and_only_to_posts() {
    let webhook = TestWebhook::new("{}");
    assert_eq!(webhook.post("/kubernetes/mutate", String::new()).await.0, 404);
    assert_eq!(webhook.request("GET", "/kubernetes/validate", String::new()).await.0, 405);
}

#[tokio::test]
async fn every_image_is_recorded_and_counted() {
    let webhook = TestWebhook::new(r#"{"whitelist": ["registry.example.com"]}"#);
    for (name, case) in cases().into_iter().filter(|(name, _)| name == "pod-every-field" || name == "delete") {
        let (status, _) = webhook.post("/kubernetes/validate", case.text()).await;
        assert_eq!(status, 200, "{name}");
    }
    let metrics = webhook.metrics();
    for line in [
        r#"pullgate_decisions_total{frontend="kubernetes",decision="deny",reason="not-whitelisted"} 4"#,
        r#"pullgate_decisions_total{frontend="kubernetes",decision="allow",reason="matched"} 1"#,
        r#"pullgate_decisions_total{frontend="kubernetes",decision="allow",reason="no-image"} 1"#,
    ] {
        assert!(metrics.contains(line), "no `{line}` in\n{metrics}");
    }
}

#[tokio::test]
async fn record_has_user_action_and_namespace() {
    let folder = tempfile::tempdir().unwrap();
    let audit = folder.path().join("audit.log");
    let webhook = TestWebhook::recording(r#"{"whitelist": ["registry.example.com"]}"#, audit.clone());
    for (name, case) in cases() {
        if ["pod-denied", "delete", "imagepolicy-namespace"].contains(&name.as_str()) {
            let (status, _) = webhook.post(&format!("/kubernetes/{}", case.path), case.text()).await;
            assert_eq!(status, 200, "{name}");
        }
    }
    webhook.flush_records();
    let members = |line: &str| -> Vec<String> {
        let record: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        ["frontend", "user", "action", "project"].map(text).into()
    };
    let mut records: Vec<Vec<String>> = fs::read_to_string(&audit).unwrap().lines().map(members).collect();
    records.dedup();
    assert_eq!(
        records,
        [
            ["kubernetes", "alice@example.com", "delete pods", "team-a"],
            ["image-policy", "", "create pods", "team-b"],
            ["kubernetes", "alice@example.com", "create pods", "team-a"],
        ]
    );
}
