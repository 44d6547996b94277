//! Every operation, allowed and denied.

use std::time::Duration;

use super::*;
use crate::admission::enforcement::{Enforcement, FrontendEnforcement};

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

#[tokio::test]
async fn every_operation_by_the_name_that_it_has() {
    let plugin = plugin_router(POLICY);
    for host in ["good.example", "evil.example"] {
        let post = |uri: &str| empty("POST", &uri.replace("HOST", host));
        let get = |uri: &str| empty("GET", &uri.replace("HOST", host));
        let json = |uri: &str, body: &str| with_json(&uri.replace("HOST", host), &body.replace("HOST", host));
        for request in [
            post("/v1.47/images/create?fromImage=HOST%2Fa%2Fb&tag=1"),
            post("/images/create?fromImage=HOST/a&tag="),
            post("/images/create?fromImage=HOST/a:&tag="),
            post("/images/create?fromImage=HOST/a:2&tag=1&platform=linux%2Famd64&repo=x/y&message=m&changes=FROM+z"),
            post(&format!("/images/create?fromImage=HOST/a&tag={}", DIGEST.replace(':', "%3A"))),
            post(&format!("/images/create?fromImage=HOST/a@{DIGEST}")),
            post("/v1.47/images/%63reate?%66romImage=HOST/a"),
            post("http://x/v1.47/images/create?fromImage=HOST/a"),
            post("/images/create?fromImage=HOST/a&fromImage=good.example/b&fromImage=evil.example/b"),
            post("/images/create?fromImage=HOST/a&fromSrc=-"),
            post("/v1.24/images/HOST/a/b/push?tag=1"),
            post("/images/HOST%2Fa%2Fb/push"),
            post("/images/HOST/create/push/push?tag=1"),
            get("/v1.41/images/search?term=HOST%2Fa&limit=25"),
            get("/distribution/HOST/a:1/json"),
            get("/v1.41/distribution/HOST%2Fa/json"),
            json("/v1.41/containers/create?name=x", r#"{"Image": "HOST/a:1", "HostConfig": {"Binds": null}}"#),
            json(
                "/containers/create",
                r#"{"Image": "good.example/a", "HostConfig": {"Mounts": [{"Type": "image", "Source": "HOST/a"}]}}"#,
            ),
            json("/services/create", r#"{"TaskTemplate": {"ContainerSpec": {"Image": "HOST/a:1"}}}"#),
            json("/services/x1/update?version=5", r#"{"TaskTemplate": {"ContainerSpec": {"Image": "HOST/a:1"}}}"#),
            json("/services/create", r#"{"TaskTemplate": {"PluginSpec": {"Name": "p", "remote": "HOST/p"}}}"#),
            json("/plugins/pull?remote=HOST%2Fp&name=q", "[]"),
            json("/plugins/good.example/q:1/upgrade?remote=HOST/p", "null"),
            get("/plugins/privileges?remote=HOST/p"),
            post("/plugins/HOST/p:1/push"),
        ] {
            let (allowed, message) = ask(&plugin, &request).await;
            assert_eq!(allowed, host == "good.example", "{request}: {message}");
            if !allowed {
                let text = "access to registry `evil.example` is denied: no entry of the whitelist covers it";
                assert!(message.contains(text) && !message.contains('\n'), "{request}: {message}");
            }
        }
    }
}

#[tokio::test]
async fn local_image_has_a_remedy() {
    let plugin = deciding_router(POLICY);
    for (request, has_remedy) in [
        (with_json("/v1.47/containers/create", r#"{"Image": "myapp"}"#), true),
        (with_json("/containers/create", r#"{"Image": "team/app:1"}"#), true),
        (with_json("/containers/create", r#"{"Image": "evil.example/a"}"#), false),
        (with_json("/containers/create", r#"{"Image": "docker.io/library/alpine"}"#), false),
        (empty("POST", "/images/create?fromImage=alpine"), false),
    ] {
        let (allowed, message) = ask(&plugin, &request).await;
        assert!(!allowed, "{request}");
        assert_eq!(message.contains("can be run by its whole id"), has_remedy, "{request}: {message}");
        assert!(!message.contains("whitelist mode") && !message.contains("match_resolved_addresses"), "{message}");
    }
}

#[tokio::test]
async fn docker_hub_is_where_no_registry_is_named() {
    let (closed, open) = (deciding_router(POLICY), plugin_router(r#"{"whitelist": ["docker.io"]}"#));
    for request in [
        empty("POST", "/images/create?fromImage=alpine&tag=3"),
        empty("POST", "/images/create?fromImage=evil.example:5000&tag=3"),
        empty("POST", "/images/create?fromImage=team/app"),
        empty("POST", "/images/team/app/push"),
        empty("GET", "/images/search?term=alpine"),
        empty("GET", "/distribution/alpine/json"),
        with_json("/containers/create", r#"{"Image": "alpine"}"#),
        // An id prefix or a name: it counts as a name.
        with_json("/containers/create", r#"{"Image": "deadbeef"}"#),
        with_json("/plugins/pull?remote=vieux/sshfs", "[]"),
    ] {
        let (allowed, message) = ask(&closed, &request).await;
        assert!(!allowed && message.contains("`docker.io` is denied"), "{request}: {message}");
        assert!(ask(&open, &request).await.0, "{request}");
    }
}

#[tokio::test]
async fn a_container_of_a_local_image_is_allowed_and_recorded_as_such() {
    let admission = admission(POLICY);
    let plugin = router(Arc::clone(&admission), DockerOptions::default());
    let create = |image: &str| with_json("/v1.51/containers/create", &json!({"Image": image}).to_string());
    let mount = |image: &str| {
        let mounts = json!([{"Type": "image", "Source": image}]);
        with_json("/containers/create", &json!({"Image": "b1", "HostConfig": {"Mounts": mounts}}).to_string())
    };
    let local = ["b1", "wk-c", "team/app:1", "07e4", "07e4c4c95897", &"a".repeat(63), "evil.example:5000", "deadbeef"];
    for image in local {
        assert!(ask(&plugin, &create(image)).await.0, "{image}");
        assert!(ask(&plugin, &mount(image)).await.0, "{image}");
        // Everything else goes to a registry.
        for request in [
            empty("POST", &format!("/images/create?fromImage={image}")),
            empty("POST", &format!("/images/{image}/push")),
            with_json("/services/create", &json!({"TaskTemplate": {"ContainerSpec": {"Image": image}}}).to_string()),
        ] {
            assert!(!ask(&plugin, &request).await.0, "{request}");
        }
    }
    // 2 for each name, but `b1` stands twice in one request.
    let text = admission.metrics().to_openmetrics();
    let counted = format!(r#"decision="allow",reason="local-image"}} {}"#, 3 * local.len() - 1);
    assert!(text.contains(&counted), "no `{counted}` in {text}");

    // A name with a registry is decided, and so is what dockerd could not read as a name.
    for image in [
        "evil.example/a",
        "docker.io/library/alpine",
        "localhost/x",
        "evil:5000/x",
        "Evil/x",
        "u:secret@x",
        "a//b",
        "B1",
    ] {
        assert!(!ask(&plugin, &create(image)).await.0, "{image}");
        assert!(!ask(&plugin, &mount(image)).await.0, "{image}");
    }
    assert!(ask(&plugin, &create("good.example/a")).await.0);
    let deciding = deciding_router(POLICY);
    for image in local {
        assert!(!ask(&deciding, &create(image)).await.0, "{image}");
    }
}

#[tokio::test]
async fn buildkit_in_a_container_is_a_build() {
    const SENTENCE: &str = "building images is denied while whitelist mode is on, because where a build pulls from cannot \
                            be seen (setting `docker_builds`)";
    let hub = r#"{"whitelist": ["docker.io", "good.example"]}"#;
    let requests = [
        empty("POST", "/v1.51/images/create?fromImage=docker.io%2Fmoby%2Fbuildkit&tag=buildx-stable-1"),
        empty("POST", "/images/create?fromImage=moby/buildkit"),
        empty("POST", &format!("/images/create?fromImage=good.example/proxy/moby/buildkit&tag={DIGEST}")),
        with_json("/v1.51/containers/create?name=b", r#"{"Image": "docker.io/moby/buildkit:buildx-stable-1"}"#),
        with_json("/containers/create", r#"{"Image": "moby/buildkit:buildx-stable-1"}"#),
        with_json("/services/create", r#"{"TaskTemplate": {"ContainerSpec": {"Image": "moby/buildkit"}}}"#),
    ];
    for request in &requests {
        for policy in [POLICY, hub] {
            let (allowed, message) = ask(&plugin_router(policy), request).await;
            assert!(!allowed && message == SENTENCE, "{request}: {message}");
        }
        // Where builds are allowed, the rules decide about it as about any other image.
        let options = DockerOptions { builds: OperationPermission::Allow, ..DockerOptions::default() };
        assert!(ask(&router(admission(hub), options.clone()), request).await.0, "{request}");
        let (_, message) = ask(&router(admission(r#"{"whitelist": []}"#), options), request).await;
        assert!(!message.contains("docker_builds"), "{request}: {message}");
        assert!(ask(&plugin_router("{}"), request).await.0, "{request}");
    }
    let options = DockerOptions { builds: OperationPermission::Deny, ..DockerOptions::default() };
    let (allowed, message) = ask(&router(admission("{}"), options), &requests[0]).await;
    assert!(!allowed && message == "building images is denied here (setting `docker_builds`)", "{message}");
    // A local copy can be pushed or named otherwise: neither builds.
    assert!(ask(&plugin_router(hub), &empty("POST", "/images/good.example/moby/buildkit/push")).await.0);
}

#[tokio::test]
async fn requests_are_of_the_project_of_the_host() {
    const POLICIES: &str = r#"{"whitelist": ["good.example"], "projects": {"team-a": {"whitelist": ["a.example"]}}}"#;
    let of = |policy, project: Option<&str>| {
        let project = project.map(str::to_owned);
        router(admission(policy), DockerOptions { project, ..DockerOptions::default() })
    };
    let pull = |host: &str| empty("POST", &format!("/images/create?fromImage={host}/a"));
    for (project, good, own) in [(None, true, false), (Some("team-a"), true, true), (Some("team-b"), false, false)] {
        let plugin = of(POLICIES, project);
        assert_eq!(ask(&plugin, &pull("good.example")).await.0, good, "{project:?}");
        assert_eq!(ask(&plugin, &pull("a.example")).await.0, own, "{project:?}");
    }
    // The whitelist of the project turns whitelist mode on for what a setting decides, too.
    let only_there = r#"{"projects": {"team-a": {"whitelist": []}, "team-b": {}}}"#;
    for (project, allowed) in [(None, true), (Some("team-a"), false), (Some("team-b"), true)] {
        let plugin = of(only_there, project);
        assert_eq!(ask(&plugin, &empty("POST", "/images/load")).await.0, allowed, "{project:?}");
        assert_eq!(ask(&plugin, &empty("POST", "/models/create")).await.0, allowed, "{project:?}");
    }
}

#[tokio::test]
async fn in_audit_everything_is_allowed_and_counted() {
    let modes = FrontendEnforcement { docker: Enforcement::Audit, ..FrontendEnforcement::default() };
    let admission = Arc::new(Arc::into_inner(admission(POLICY)).unwrap().with_enforcement(modes));
    let plugin = router(Arc::clone(&admission), DockerOptions::default());
    let mut broken = with_json("/containers/create", "{}");
    broken["RequestBody"] = "%".into();
    for request in [
        empty("POST", "/images/create?fromImage=evil.example/a"),
        empty("POST", "/images/create?fromImage=ex_ample.com/a"),
        empty("POST", "/build"),
        empty("POST", "/images/create?fromImage=docker.io/moby/buildkit"),
        empty("POST", "/models/create"),
        empty("POST", "/images//create"),
        json!({"RequestMethod": "POST", "RequestUri": "/images/create?fromImage=good.example/a"}),
        broken,
        json!({}),
    ] {
        assert_eq!(ask(&plugin, &request).await, (true, String::new()), "{request}");
    }
    assert!(ask(&plugin, &empty("POST", "/images/create?fromImage=good.example/a")).await.0);
    let text = admission.metrics().to_openmetrics();
    for line in [
        r#"pullgate_enforcement{frontend="docker"} 0"#,
        r#"pullgate_enforcement{frontend="containerd"} 1"#,
        r#"pullgate_denials_not_enforced_total{frontend="docker",reason="not-whitelisted"} 1"#,
        r#"pullgate_denials_not_enforced_total{frontend="docker",reason="invalid-reference"} 1"#,
        r#"pullgate_denials_not_enforced_total{frontend="docker",reason="docker-builds"} 2"#,
        r#"pullgate_denials_not_enforced_total{frontend="docker",reason="unknown-request"} 1"#,
        r#"pullgate_denials_not_enforced_total{frontend="docker",reason="not-understood"} 4"#,
        r#"pullgate_decisions_total{frontend="docker",decision="deny",reason="not-understood"} 4"#,
        r#"pullgate_decisions_total{frontend="docker",decision="allow",reason="matched"} 1"#,
    ] {
        assert!(text.contains(line), "no `{line}` in\n{text}");
    }
}

#[tokio::test]
async fn an_image_by_its_whole_id_is_there_already() {
    let plugin = plugin_router(POLICY);
    for image in [DIGEST, DIGEST.trim_start_matches("sha256:")] {
        assert!(ask(&plugin, &with_json("/containers/create", &json!({"Image": image}).to_string())).await.0);
        // In other operations it is no name.
        assert!(!ask(&plugin, &empty("POST", &format!("/images/create?fromImage={image}"))).await.0);
        assert!(!ask(&plugin, &empty("POST", &format!("/images/{image}/push"))).await.0);
        assert!(!ask(&plugin, &empty("GET", &format!("/distribution/{image}/json"))).await.0);
    }
}

#[tokio::test]
async fn operations_without_a_registry_are_allowed() {
    let plugin = plugin_router(POLICY);
    for request in [
        empty("GET", "/_ping"),
        empty("HEAD", "/_ping"),
        empty("GET", "/v1.47/info"),
        empty("GET", "/v1.47/images/json?all=1"),
        empty("GET", "/images/evil.example/a/json"),
        empty("GET", "/images/get?names=evil.example/a"),
        empty("DELETE", "/images/evil.example/a"),
        empty("POST", "/images/evil.example/a/tag?repo=evil.example/b"),
        empty("POST", "/commit?container=x&repo=evil.example/b"),
        empty("POST", "/auth"),
        empty("POST", "/containers/x/start"),
        empty("POST", "/swarm/init"),
        empty("GET", "/nodes"),
        empty("POST", "/configs/create"),
        empty("POST", "/build/prune"),
    ] {
        assert!(ask(&plugin, &request).await.0, "{request}");
    }
}

#[tokio::test]
async fn ambiguous_requests_are_denied() {
    let plugin = plugin_router(POLICY);
    let form = |length: Option<&str>, kind: Option<&str>| {
        let mut request = empty("POST", "/images/create?fromImage=good.example/a");
        let mut headers = serde_json::Map::new();
        headers.extend(length.map(|length| ("Content-Length".to_owned(), length.into())));
        headers.extend(kind.map(|kind| ("Content-Type".to_owned(), kind.into())));
        request["RequestHeaders"] = headers.into();
        request
    };
    let body = |body: &str| with_json("/containers/create", body);
    let mut unseen = body("{}");
    unseen["RequestBody"] = Value::Null;
    let mut broken = body("{}");
    broken["RequestBody"] = "%".into();
    for request in [
        form(None, None),
        form(Some("20"), None),
        form(Some("20"), Some("application/x-www-form-urlencoded")),
        // Plugins see the last of two headers, and dockerd takes the first.
        form(Some("20"), Some("application/json")),
        form(Some("00"), None),
        empty("POST", "/images/create?fromImage=good.example/a;b"),
        empty("POST", "/images/create?fromImage=good.example/a&x=%"),
        empty("POST", "/images//create?fromImage=good.example/a"),
        empty("POST", "/x/../images/create?fromImage=good.example/a"),
        empty("POST", "/images/good.example/../evil.example/a/push"),
        empty("POST", "/images/good.example%2F%2Fa/push"),
        empty("POST", "/images/create?fromImage=good.example%2F..%2Fevil.example/a"),
        empty("POST", "/images/create?fromImage=good.example@evil.example/a&tag=1"),
        empty("POST", "/plugins/deadbeef/push"),
        json!({"RequestMethod": "POST", "RequestUri": "/plugins/pull?remote=good.example/p",
            "RequestHeaders": {"Content-Length": "2"}}),
        with_json("/plugins/pull?name=p", "[]"),
        empty("GET", "/plugins/privileges"),
        empty("GET", "/images/search"),
        unseen,
        broken,
        body("{}"),
        body("x"),
        body(r#"{"Image": "good.example/a", "Image": "good.example/b"}"#),
        body(r#"{"Image": "good.example/a", "image": "good.example/b"}"#),
        body("{\"Image\": \"good.example/a\", \"Ho\u{17f}tConfig\": {}}"),
        body(r#"{"Image": "good.example/a"} {}"#),
    ] {
        let (allowed, message) = ask(&plugin, &request).await;
        assert!(!allowed && !message.is_empty(), "{request}");
    }
}

#[tokio::test]
async fn operations_that_are_not_known_are_denied_in_whitelist_mode() {
    let (closed, open) = (plugin_router(POLICY), plugin_router("{}"));
    for request in [
        empty("POST", "/models/create?from=evil.example/a"),
        empty("PUT", "/images/create?fromImage=good.example/a"),
        empty("POST", "/Images/create?fromImage=good.example/a"),
        empty("POST", "/images/x/verify"),
    ] {
        let (allowed, message) = ask(&closed, &request).await;
        assert!(!allowed && message.contains("is not known here"), "{request}: {message}");
        assert!(ask(&open, &request).await.0, "{request}");
    }
}

#[tokio::test]
async fn settings_decide_what_cannot_be_seen() {
    let tar = |uri: &str| {
        json!({"RequestMethod": "POST", "RequestUri": uri,
            "RequestHeaders": {"Content-Type": "application/x-tar"}})
    };
    let requests = [
        (tar("/build?t=x"), "docker_builds"),
        (tar("/session"), "docker_builds"),
        (tar("/grpc"), "docker_builds"),
        (tar("/images/load?quiet=1"), "docker_imports"),
        (tar("/images/create?fromSrc=-&repo=x"), "docker_imports"),
        (empty("POST", "/images/create?fromSrc=http://evil.example/x.tar"), "docker_imports"),
        (empty("POST", "/images/create"), "docker_imports"),
        (tar("/auth"), "docker_logins"),
        (empty("POST", "/images/a/tag?repo=b"), "docker_tags"),
        (empty("POST", "/commit?repo=b"), "docker_tags"),
    ];
    for permission in [OperationPermission::Allow, OperationPermission::Deny, OperationPermission::WithoutWhitelist] {
        let options = DockerOptions {
            builds: permission,
            imports: permission,
            logins: permission,
            tags: permission,
            ..DockerOptions::default()
        };
        for (policy, whitelist) in [(POLICY, true), ("{}", false)] {
            let plugin = router(admission(policy), options.clone());
            for (request, setting) in &requests {
                let (allowed, message) = ask(&plugin, request).await;
                assert_eq!(allowed, permission.allows(whitelist), "{request} {permission:?} {policy}");
                assert!(allowed || message.contains(setting), "{request}: {message}");
            }
        }
    }
    // An import with a form can be a pull.
    let plugin =
        router(admission(POLICY), DockerOptions { imports: OperationPermission::Allow, ..DockerOptions::default() });
    let mut form = tar("/images/create?fromSrc=-");
    form["RequestHeaders"]["Content-Type"] = "application/x-www-form-urlencoded".into();
    assert!(!ask(&plugin, &form).await.0);
}

#[test]
fn unset_options_have_their_defaults() {
    use crate::settings::Settings;
    let set = Settings { docker_imports: Some(OperationPermission::Deny), ..Settings::default() };
    assert_eq!(
        DockerOptions::from(&set),
        DockerOptions { imports: OperationPermission::Deny, ..DockerOptions::default() }
    );
}

#[tokio::test]
async fn without_whitelist_mode_every_registry_is_allowed_and_recorded() {
    let admission = admission("{}");
    let plugin = router(Arc::clone(&admission), DockerOptions::default());
    assert!(ask(&plugin, &empty("POST", "/images/create?fromImage=evil.example/a")).await.0);
    assert!(ask(&plugin, &with_json("/containers/create", r#"{"Image": "alpine"}"#)).await.0);
    // An invalid reference is denied in any mode.
    assert!(!ask(&plugin, &empty("POST", "/images/create?fromImage=ex_ample.com/a")).await.0);
    let text = admission.metrics().to_openmetrics();
    assert!(text.contains(r#"decision="allow",reason="matched"} 1"#), "{text}");
    assert!(text.contains(r#"decision="allow",reason="local-image"} 1"#), "{text}");
    assert!(text.contains(r#"decision="deny",reason="invalid-reference"} 1"#), "{text}");
}

#[tokio::test]
async fn the_message_names_all_that_are_refused() {
    let plugin = plugin_router(POLICY);
    let body = r#"{"Image": "evil.example/a", "HostConfig": {"Mounts": [{"Type": "image", "Source": "good.example/b"},
        {"Type": "image", "Source": "worse.example/c"}]}}"#;
    let (allowed, message) = ask(&plugin, &with_json("/containers/create", body)).await;
    assert!(!allowed);
    assert!(message.contains("`evil.example/a`: ") && message.contains("; `worse.example/c`: "), "{message}");
    assert!(!message.contains("good.example/b"), "{message}");
    // Of several images, one that is refused alone is named, too.
    let body =
        r#"{"Image": "good.example/b", "HostConfig": {"Mounts": [{"Type": "image", "Source": "evil.example/a"}]}}"#;
    let (_, message) = ask(&plugin, &with_json("/containers/create", body)).await;
    assert!(message.starts_with("`evil.example/a`: "), "{message}");
    let body = r#"{"Image": "u:secret@evil.example/a", "HostConfig": {"Mounts": [{"Type": "image", "Source": "b/"}]}}"#;
    let (allowed, message) = ask(&plugin, &with_json("/containers/create", body)).await;
    assert!(!allowed && !message.contains("secret"), "{message}");
}

#[tokio::test]
async fn calls_that_cannot_be_read_are_denied_with_the_reason() {
    let plugin = plugin_router(POLICY);
    for (body, why) in [
        (b"".to_vec(), "JSON"),
        (b"{".to_vec(), "JSON"),
        (b"\xff\xfe".to_vec(), "JSON"),
        (b"{}".to_vec(), "does not say what was requested"),
        (vec![b' '; super::super::protocol::MAX_CALL_BYTES + 1], "bytes"),
    ] {
        let reply = call(&plugin, "/AuthZPlugin.AuthZReq", body).await;
        assert_eq!(reply["Allow"], false);
        assert!(reply["Msg"].as_str().unwrap().contains(why), "{reply}");
    }
    assert_eq!(call(&plugin, "/Plugin.Activate", "").await, json!({"Implements": ["authz"]}));
    assert_eq!(call(&plugin, "/AuthZPlugin.AuthZRes", "{").await, json!({"Allow": true}));
    let reply = call(&plugin, "/NetworkDriver.Join", "").await;
    assert_eq!(reply["Allow"], false);
    let response = plugin.oneshot(Request::get("/AuthZPlugin.AuthZReq").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn a_call_that_never_ends_is_given_up() {
    let never = Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let given_up = super::super::read_body(never, Duration::from_millis(10)).await.unwrap_err();
    assert!(given_up.0.contains("not complete"), "{given_up:?}");
}
