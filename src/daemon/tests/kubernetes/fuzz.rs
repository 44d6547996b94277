//! Reviews that were changed at random: always an answer, never a permission for what is denied.

use std::sync::OnceLock;

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Value, json};
use tokio::runtime::{Builder, Runtime};

use super::webhook::TestWebhook;
use crate::cases;

const ALLOWED: &str = "registry.example.com/team/app:1";
const DENIED: &str = "evil.example.net/team/app:1";

fn webhook() -> &'static TestWebhook {
    static WEBHOOK: OnceLock<TestWebhook> = OnceLock::new();
    WEBHOOK.get_or_init(|| TestWebhook::new(r#"{"whitelist": ["registry.example.com"]}"#))
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Builder::new_current_thread().enable_all().build().unwrap())
}

fn ask(path: &str, body: String) -> (u16, String) {
    runtime().block_on(webhook().post(path, body))
}

/// The reviews of the cases that are JSON.
fn reviews() -> &'static [(String, Value)] {
    static REVIEWS: OnceLock<Vec<(String, Value)>> = OnceLock::new();
    REVIEWS.get_or_init(|| {
        let cases = cases().into_iter();
        cases.filter_map(|(_, case)| Some((format!("/kubernetes/{}", case.path), case.review?))).collect()
    })
}

/// One change somewhere in a value.
#[derive(Clone, Debug)]
enum Change {
    Remove,
    Replace(Value),
    /// The member gets another name.
    Rename(String),
    /// The value stands in a list, or in an object.
    Wrap(bool),
}

fn change() -> impl Strategy<Value = Change> {
    let value = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!(ALLOWED)),
        Just(json!(DENIED)),
        Just(json!([])),
        Just(json!({})),
        Just(json!([{"name": "x", "image": DENIED}])),
        Just(json!({"containers": [{"image": DENIED}]})),
        Just(json!("UPDATE")),
        Just(json!("DELETE")),
    ];
    let name = prop_oneof![
        Just("containers".to_owned()),
        Just("image".to_owned()),
        Just("spec".to_owned()),
        Just("template".to_owned()),
        Just("Containers".to_owned()),
        ".{0,8}",
    ];
    prop_oneof![
        Just(Change::Remove),
        value.prop_map(Change::Replace),
        name.prop_map(Change::Rename),
        any::<bool>().prop_map(Change::Wrap),
    ]
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(elements) => elements.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

/// Makes a change to the value with this number, counted in its order.
fn apply(value: &mut Value, number: &mut usize, change: &Change) {
    let target = |number: &mut usize| {
        let is = *number == 0;
        *number = number.wrapping_sub(1);
        is
    };
    match value {
        Value::Array(elements) => {
            let mut at = 0;
            while at < elements.len() {
                if target(number) {
                    match change {
                        Change::Remove => drop(elements.remove(at)),
                        other => alter(&mut elements[at], other),
                    }
                    return;
                }
                apply(&mut elements[at], number, change);
                at += 1;
            }
        }
        Value::Object(members) => {
            for name in members.keys().cloned().collect::<Vec<_>>() {
                if target(number) {
                    match change {
                        Change::Remove => drop(members.remove(&name)),
                        Change::Rename(other) => {
                            let value = members.remove(&name).unwrap();
                            members.insert(other.clone(), value);
                        }
                        other => alter(&mut members[&name], other),
                    }
                    return;
                }
                apply(&mut members[&name], number, change);
            }
        }
        _ => {}
    }
}

fn alter(value: &mut Value, change: &Change) {
    let old = value.take();
    *value = match change {
        Change::Remove | Change::Rename(_) => Value::Null,
        Change::Replace(new) => new.clone(),
        Change::Wrap(true) => Value::Array(vec![old]),
        Change::Wrap(false) => Value::Object(Map::from_iter([("spec".to_owned(), old)])),
    };
}

/// The images of an object, read in another way than the daemon's: those in the known fields, and all of a kind that is
/// not known. None if it is not so shaped.
fn images(request: &Value) -> Option<Vec<&str>> {
    let object = &request["object"];
    let kind = &request["kind"];
    let path = match (kind["group"].as_str().unwrap_or(""), kind["version"].as_str()?, kind["kind"].as_str()?) {
        ("", "v1", "Pod") => "/spec",
        ("apps", "v1", "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet")
        | ("batch", "v1", "Job")
        | ("", "v1", "ReplicationController") => "/spec/template/spec",
        ("batch", "v1", "CronJob") => "/spec/jobTemplate/spec/template/spec",
        ("", "v1", "PodTemplate") => "/template/spec",
        _ => return Some(anywhere(object, true)),
    };
    let spec = object.pointer(path)?;
    let lists = ["containers", "initContainers", "ephemeralContainers"].map(|name| spec[name].as_array());
    let containers = lists.into_iter().flatten().flatten().map(|container| &container["image"]);
    let volumes = spec["volumes"].as_array().into_iter().flatten().map(|volume| &volume["image"]["reference"]);
    Some(containers.chain(volumes).filter_map(Value::as_str).collect())
}

/// Every member `image`, but those in what is only said about an object.
fn anywhere(value: &Value, is_object: bool) -> Vec<&str> {
    match value {
        Value::Array(elements) => elements.iter().flat_map(|element| anywhere(element, false)).collect(),
        Value::Object(members) => {
            let members = members.iter().filter(|(name, _)| !is_object || (*name != "metadata" && *name != "status"));
            let images = members.flat_map(|(name, value)| match (&**name, value) {
                ("image", Value::String(image)) => vec![image.as_str()],
                ("image", Value::Object(volume)) => {
                    volume.get("reference").and_then(Value::as_str).into_iter().collect()
                }
                _ => anywhere(value, false),
            });
            images.collect()
        }
        _ => Vec::new(),
    }
}

/// What must hold of every answer.
fn check(path: &str, review: &Value, status: u16, reply: &str) {
    if path == "/kubernetes/imagepolicy" {
        assert_eq!(status, 200, "{reply}");
        let reply: Value = serde_json::from_str(reply).unwrap();
        let containers = review["spec"]["containers"].as_array().into_iter().flatten();
        let denied = containers.filter_map(|container| container["image"].as_str()).any(|image| image == DENIED);
        assert!(!denied || reply["status"]["allowed"] == false, "{review}");
        return;
    }
    let uid = review["request"]["uid"].as_str().filter(|uid| !uid.is_empty());
    if status != 200 {
        assert_eq!(status, 400, "{reply}");
        // Of another review something else can be wrong before its uid is looked for.
        assert!(uid.is_none() || !review["apiVersion"].is_string() || !review["kind"].is_string(), "{reply}: {review}");
        return;
    }
    let reply: Value = serde_json::from_str(reply).unwrap();
    let response = &reply["response"];
    assert_eq!(response["uid"].as_str(), uid, "{review}");
    let allowed = response["allowed"].as_bool().unwrap();
    assert_ne!(allowed, response["status"]["code"] == 403, "{reply}");
    let request = &review["request"];
    let pulls = !matches!(request["operation"].as_str(), Some("DELETE" | "CONNECT"));
    let changes = response["auditAnnotations"]["reason"] != "unchanged";
    if allowed && pulls && changes {
        let images = images(request).unwrap_or_default();
        assert!(!images.contains(&DENIED), "{images:?} allowed: {review}");
    }
    if !changes {
        assert_eq!(request["operation"], "UPDATE", "{review}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reviews_changed_at_random_are_answered(
        which in any::<Index>(),
        changes in prop::collection::vec((any::<Index>(), change()), 1..6),
    ) {
        let (path, review) = &reviews()[which.index(reviews().len())];
        let mut review = review.clone();
        for (place, change) in &changes {
            let mut number = place.index(count(&review));
            apply(&mut review, &mut number, change);
        }
        let (status, reply) = ask(path, review.to_string());
        check(path, &review, status, &reply);
    }

    #[test]
    fn a_denied_image_in_any_field_is_denied(
        which in any::<Index>(),
        place in any::<Index>(),
    ) {
        // Images only: what else there is stays as it was.
        let (path, review) = &reviews()[which.index(reviews().len())];
        let mut review = review.clone();
        let mut text = review.to_string();
        let places: Vec<usize> = text.match_indices(r#""image":""#).map(|(at, found)| at + found.len()).collect();
        prop_assume!(!places.is_empty());
        let at = places[place.index(places.len())];
        let end = at + text[at..].find('"').unwrap();
        text.replace_range(at..end, DENIED);
        if let Ok(changed) = serde_json::from_str(&text) {
            review = changed;
        }
        let (status, reply) = ask(path, text);
        check(path, &review, status, &reply);
    }

    #[test]
    fn any_text_is_answered(text in ".{0,200}", path in prop_oneof![Just("/kubernetes/validate"), Just("/kubernetes/imagepolicy")]) {
        let (status, reply) = ask(path, text);
        prop_assert!(status == 400 || !reply.contains(r#""allowed":true"#), "{}", reply);
    }

    #[test]
    fn a_review_cut_anywhere_is_not_allowed(which in any::<Index>(), end in any::<Index>()) {
        let (path, review) = &reviews()[which.index(reviews().len())];
        let text = review.to_string();
        let cut = text.floor_char_boundary(end.index(text.len()));
        let (status, reply) = ask(path, text[..cut].to_owned());
        prop_assert!(status == 400 || !reply.contains(r#""allowed":true"#), "{}", reply);
    }
}
