//! Random requests, held against the model of dockerd.

use std::cell::LazyCell;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tokio::runtime::{Builder, Runtime};

use super::dockerd_model::DockerdRequest;
use super::*;

thread_local! {
    static PLUGIN: LazyCell<(Runtime, Router)> =
        LazyCell::new(|| (Builder::new_current_thread().enable_all().build().unwrap(), plugin_router(POLICY)));
}

fn is_allowed(request: &Value) -> bool {
    PLUGIN.with(|plugin| plugin.0.block_on(ask(&plugin.1, request)).0)
}

/// References of the registry that is whitelisted, and of others.
fn reference() -> impl Strategy<Value = &'static str> {
    select(vec![
        "good.example/a",
        "good.example/a:1",
        "good.example/x/y",
        "evil.example/a",
        "evil.example/x/push",
        "alpine",
        "evil.example:5000/a",
        "good.example@evil.example/a",
        "good.example/../evil.example/a",
        "good.example:5000/a",
        "xgood.example/a",
        "GOOD.example/a",
        "EVIL.example/good.example/a",
        "good.example",
        "[::1]:5000/a",
        "",
        "-",
    ])
}

fn path() -> impl Strategy<Value = String> {
    let version = select(vec!["", "", "/v1.41", "/v1.47", "/v1", "/V1.41", "/v1.41/v1.41"]);
    let path = prop_oneof![
        select(vec![
            "/images/create",
            "/images/load",
            "/images/search",
            "/containers/create",
            "/services/create",
            "/services/x/update",
            "/plugins/pull",
            "/plugins/privileges",
            "/build",
            "/auth",
            "/Images/Create",
            "/images/create/",
            "/images//create",
            "/x/../images/create",
            "/images/create/push",
        ])
        .prop_map(str::to_owned),
        (
            select(vec!["/images/", "/plugins/", "/distribution/"]),
            reference(),
            select(vec!["/push", "/upgrade", "/json", "/tag", "/pull", "/get"])
        )
            .prop_map(|(before, name, after)| format!("{before}{name}{after}")),
    ];
    let front = select(vec!["", "", "", "http://h", "http://h:1", "unix:"]);
    (front, version, path).prop_map(|(front, version, path)| format!("{front}{version}{path}"))
}

/// Key and value pairs as in a query or a form.
fn pairs() -> impl Strategy<Value = String> {
    let key =
        select(vec!["fromImage", "fromImage", "fromSrc", "tag", "remote", "term", "repo", "fromimage", "%66romImage"]);
    let value = (reference(), any::<bool>()).prop_map(|(value, encoded)| match encoded {
        true => value.replace('/', "%2F").replace(':', "%3a"),
        false => value.to_owned(),
    });
    let pair = (key, value, select(vec!["&", "&", "&", "&&", ";"]));
    vec(pair, 0..4).prop_map(|pairs| pairs.iter().map(|(key, value, end)| format!("{key}={value}{end}")).collect())
}

/// JSON with the members that matter, in some spelling, some of them twice.
fn body() -> impl Strategy<Value = String> {
    let image =
        (spelling(&["Image", "image", "IMAGE"]), reference()).prop_map(|(key, value)| format!(r#""{key}":"{value}""#));
    let mount =
        (spelling(&["Type", "type"]), select(vec!["image", "bind"]), spelling(&["Source", "ſource"]), reference())
            .prop_map(|(kind, of, source, reference)| format!(r#"{{"{kind}":"{of}","{source}":"{reference}"}}"#));
    let mounts = (spelling(&["Mounts", "mounts", "Mountſ"]), vec(mount, 0..3))
        .prop_map(|(key, mounts)| format!(r#""{key}":[{}]"#, mounts.join(",")));
    let leaf = prop_oneof![
        3 => image,
        2 => mounts,
        1 => (spelling(&["remote", "Remote", "REMOTE"]), reference()).prop_map(|(key, value)| format!(r#""{key}":"{value}""#)),
        1 => select(vec![r#""Env":null"#, r#""Labels":{"image":1,"image":2}"#, r#""X":[1.5]"#]).prop_map(str::to_owned),
    ];
    let members = leaf.prop_recursive(3, 12, 3, |inner| {
        let key = select(vec![
            "HostConfig",
            "hostconfig",
            "HoſtConfig",
            "TaskTemplate",
            "TaſkTemplate",
            "Tas\u{212a}Template",
            "ContainerSpec",
            "PluginSpec",
            "containerspec",
        ]);
        (key, vec(inner, 0..4)).prop_map(|(key, members)| format!(r#""{key}":{{{}}}"#, members.join(",")))
    });
    let end = select(vec!["", "", "", " ", r#"{"Image":"evil.example/a"}"#, "x"]);
    (vec(members, 0..4), end).prop_map(|(members, end)| format!("{{{}}}{end}", members.join(",")))
}

/// The right spelling mostly.
fn spelling(of: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just(of[0]), 1 => select(of)]
}

fn dockerd_request() -> impl Strategy<Value = DockerdRequest> {
    let kinds = vec(
        select(vec![
            "application/json",
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/x-www-form-urlencoded",
            "text/plain",
            "application/x-tar",
        ]),
        0..3,
    );
    let body = prop_oneof![2 => Just(String::new()), 3 => body(), 2 => pairs()];
    let method = select(vec!["POST", "POST", "POST", "GET", "PUT", "DELETE", "post"]);
    (method, path(), pairs(), kinds, body, prop::bool::weighted(0.1)).prop_map(
        |(method, path, query, kinds, body, chunked)| {
            let headers = kinds.into_iter().map(|kind| ("Content-Type", kind.to_owned())).collect();
            let chunked = chunked && !body.is_empty();
            DockerdRequest { method, target: format!("{path}?{query}"), headers, body: body.into_bytes(), chunked }
        },
    )
}

/// Whether an image is one of the registry that is whitelisted, by Docker's own rule for where a name begins.
fn is_good(image: &str) -> bool {
    image.split_once('/').is_some_and(|(host, rest)| {
        ["good.example", "GOOD.example", "good.example:5000"].contains(&host) && !rest.contains("..")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn dockerd_acts_on_nothing_that_is_not_whitelisted(wire in dockerd_request(), showing: bool) {
        if is_allowed(&wire.to_plugin_call(showing)) {
            for image in wire.contacted_images() {
                prop_assert!(is_good(&image), "{image} in {wire:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plain_pull_of_the_whitelisted_registry_is_allowed(path in "/[a-z0-9]{1,20}(/[a-z0-9]{1,9}){0,2}", tag in "[a-z0-9]{0,9}") {
        let uri = format!("/v1.41/images/create?fromImage=good.example{}&tag={tag}", path.replace('/', "%2F"));
        prop_assert!(is_allowed(&empty("POST", &uri)));
        prop_assert!(!is_allowed(&empty("POST", &uri.replace("good.", "evil."))));
    }

    #[test]
    fn any_bytes_are_answered(bytes in vec(any::<u8>(), 0..300)) {
        let reply = PLUGIN.with(|plugin| plugin.0.block_on(call(&plugin.1, "/AuthZPlugin.AuthZReq", bytes)));
        prop_assert_eq!(&reply["Allow"], false);
    }

    #[test]
    fn any_method_target_header_and_body_are_answered(
        method in ".{0,6}", uri in "(/(v1\\.41/)?(images|containers|services|plugins)/(create|pull|.{0,20}))?.{0,40}",
        headers in proptest::collection::hash_map(".{0,16}", ".{0,16}", 0..4), body in vec(any::<u8>(), 0..200),
    ) {
        is_allowed(&json!({"RequestMethod": method, "RequestUri": uri, "RequestHeaders": headers,
            "RequestBody": STANDARD.encode(body)}));
    }

    #[test]
    fn a_name_is_found_however_it_is_encoded(encoded in vec(any::<bool>(), 64), version: bool, absolute: bool) {
        let version = if version { "/v1.41" } else { "" };
        let uri = |host: &str| {
            let path = format!("{version}/images/{host}/a/push");
            let path = path.char_indices().map(|(at, character)| match encoded[at] && at > 0 {
                true => format!("%{:02x}", u32::from(character)),
                false => character.to_string(),
            });
            path.fold(if absolute { "http://h" } else { "" }.to_owned(), |uri, character| uri + &character)
        };
        prop_assert!(is_allowed(&empty("POST", &uri("good.example"))));
        prop_assert!(!is_allowed(&empty("POST", &uri("evil.example"))));
    }
}
