//! Requests of the daemon's clients: Docker Engine, the API server of Kubernetes, and clients of the gate.

use std::collections::BTreeSet;

use pullgate::{Decision, Policy, ReferenceKind, Request, display};
use serde_json::Value;

use crate::frontends::docker::classify::{Subject, classify};
use crate::frontends::docker::protocol::parse_call;
use crate::frontends::gate::authority::TargetAuthority;
use crate::frontends::gate::client_hello::{HelloError, parse_client_hello};
use crate::frontends::gate::pull::target::PullTarget;
use crate::frontends::kubernetes::admission_review::{AdmissionReview, ReviewRequest};
use crate::frontends::kubernetes::pod_images;
use crate::text_of;
use crate::util::strict_json::JsonObject;

/// A call of dockerd has one subject, and no image of a new container is hidden from it, whatever the spelling of its
/// member.
pub fn docker_request(data: &[u8]) {
    let Ok(call) = parse_call(data) else { return };
    let subject = match classify(&call) {
        Ok(classified) => classified.subject,
        Err(refused) => {
            assert!(!refused.text.is_empty(), "refused without a reason");
            return;
        }
    };
    let again = classify(&call).map(|classified| classified.subject);
    assert_eq!(again.as_ref().ok(), Some(&subject), "classified otherwise");
    let Subject::References(references) = subject else { return };
    let Ok(Some(body)) = call.body() else { return };
    let Ok(Value::Object(body)) = serde_json::from_slice(&body) else { return };
    if !call.request_uri.split('?').next().is_some_and(|path| path.ends_with("/containers/create")) {
        return;
    }
    for (name, value) in &body {
        if let (true, Some(image)) = (name.eq_ignore_ascii_case("image"), value.as_str()) {
            let is_known = references.iter().any(|reference| reference.text == image);
            assert!(is_known || image.is_empty(), "{image:?} is hidden: {references:?}");
        }
    }
}

/// Whatever images of a review are extracted, none that another reader of the JSON finds is missing.
pub fn admission_review(data: &[u8]) {
    let text = text_of(data);
    let Ok(JsonObject(review)) = serde_json::from_str::<JsonObject<AdmissionReview<'_>>>(text) else { return };
    let Ok(JsonObject(request)) = serde_json::from_str::<JsonObject<ReviewRequest<'_>>>(review.request.get()) else {
        return;
    };
    let JsonObject(kind) = &request.kind;
    for object in [request.object, request.old_object].into_iter().flatten() {
        let Ok(images) = pod_images::extract_images(kind, object.get()) else { continue };
        let found: BTreeSet<&str> = images.iter().map(|image| image.name.as_str()).collect();
        let Ok(object) = serde_json::from_str::<Value>(object.get()) else { continue };
        let mut expected = BTreeSet::new();
        for path in ["/spec", "/spec/template/spec", "/spec/jobTemplate/spec/template/spec", "/template/spec"] {
            if let Some(spec) = object.pointer(path).filter(|spec| is_spec_of(&kind.kind, path, spec)) {
                collect_images(spec, &mut expected);
            }
        }
        let missing: Vec<_> = expected.difference(&found).collect();
        assert!(missing.is_empty(), "{missing:?} of a `{}` is hidden: {images:?}", kind.kind);
    }
}

/// Returns whether the pods of a kind are described at a path.
fn is_spec_of(kind: &str, path: &str, spec: &Value) -> bool {
    let expected = match kind {
        "Pod" => "/spec",
        "CronJob" => "/spec/jobTemplate/spec/template/spec",
        "PodTemplate" => "/template/spec",
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job" | "ReplicationController" => {
            "/spec/template/spec"
        }
        // Of another kind every member `image` counts.
        _ => path,
    };
    path == expected && spec.is_object()
}

/// Collects the images that a pod specification names.
fn collect_images<'a>(spec: &'a Value, images: &mut BTreeSet<&'a str>) {
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        let containers = spec[list].as_array().into_iter().flatten();
        images.extend(containers.filter_map(|container| container["image"].as_str()));
    }
    let volumes = spec["volumes"].as_array().into_iter().flatten();
    images.extend(volumes.filter_map(|volume| volume["image"]["reference"].as_str()));
}

/// A ClientHello is read alike however it arrives and however it is cut into records.
pub fn client_hello(data: &[u8]) {
    let whole = parse_client_hello(data);
    for length in 0..data.len().min(600) {
        match parse_client_hello(&data[..length]) {
            Ok(None) => {}
            // What is decided does not change with what follows; too many bytes are another matter.
            decided => {
                assert!(decided == whole || whole == Err(HelloError::TooLong), "{decided:?}, and then {whole:?}")
            }
        }
    }
    let Ok(Some(hello)) = whole else { return };
    if let Some(name) = &hello.server_name {
        assert!(name.bytes().all(|byte| byte.is_ascii_graphic()), "{name:?} is a name");
    }
    let mut message = Vec::new();
    let mut rest = data;
    while let [_, _, _, high, low, after @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some((fragment, after)) = after.split_at_checked(length) else { break };
        message.extend_from_slice(fragment);
        rest = after;
    }
    // Records of other messages may follow.
    if let [_, high, middle, low, ..] = message.as_slice() {
        let length = usize::from(*high) << 16 | usize::from(*middle) << 8 | usize::from(*low);
        message.truncate(4 + length);
    }
    let record = |part: &[u8]| {
        let length = u16::try_from(part.len()).expect("a part is short").to_be_bytes();
        [&[22, 3, 1][..], &length, part].concat()
    };
    for size in [1, 9, 100] {
        let records: Vec<u8> = message.chunks(size).flat_map(record).collect();
        let read = parse_client_hello(&records);
        let is_same = read.as_ref() == Ok(&Some(hello.clone())) || read == Err(HelloError::TooLong);
        assert!(is_same, "in records of {size} bytes: {read:?}, {hello:?}");
    }
}

/// The registry that the gate connects to is the one that the policy is asked about. The first line is an authority, the
/// second a path below `/v2/`, the third its query.
pub fn gate_request(data: &[u8]) {
    let text = text_of(data);
    let mut lines = text.splitn(3, '\n');
    let (authority, path) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let query = lines.next().unwrap_or_default();
    let open = Policy::load("{}", 0).expect("the document loads").policy;
    for default_port in [None, Some(443)] {
        let Ok(authority) = TargetAuthority::parse(authority, default_port) else { continue };
        let registry = authority.to_string();
        assert_eq!(TargetAuthority::parse(&registry, None), Ok(authority.clone()), "`{registry}` is read otherwise");
        let request = Request { reference: &registry, kind: ReferenceKind::Registry, ..Request::default() };
        let Some(read) = open.answer(&request).registry else { continue };
        let port = read.rsplit_once(':').map(|(_, port)| port.to_owned());
        assert_eq!(port, Some(authority.port().to_string()), "`{registry}` is {read} to the policy");
    }
    let Ok(target) = PullTarget::parse(path, query) else { return };
    let reference = target.reference();
    let answer = open.answer(&Request { reference: &reference, ..Request::default() });
    if !matches!(answer.decision, Decision::Allow(_)) {
        return;
    }
    let repository = answer.repository.as_deref().expect("an allowed image has a repository");
    let upstream = target.upstream_path(repository);
    let path = upstream.split('?').next().unwrap_or_default();
    let is_plain = |character: char| character.is_ascii_graphic() && !['\\', '#', '%'].contains(&character);
    assert!(path.chars().all(is_plain), "`{upstream}` goes to the registry");
    assert!(!path.split('/').any(|part| matches!(part, "." | "..")), "`{upstream}` goes somewhere else");
    assert!(!upstream.contains(display::is_unsafe_for_display), "{upstream:?} goes to the registry");
    let next = target.next_page("n=2&last=x");
    let (path, query) =
        next.strip_prefix("/v2/").and_then(|rest| rest.split_once('?')).expect("it is of this endpoint");
    let again = PullTarget::parse(path, query).map(|target| target.reference());
    let place = |reference: &str| {
        let answer = open.answer(&Request { reference, ..Request::default() });
        (answer.registry.map(String::from), answer.repository.map(String::from))
    };
    assert_eq!(again.as_deref().map(place), Ok(place(&reference)), "the next page is {next}");
}
