//! The scenarios of the test.

use std::time::{Duration, Instant};

use pullgate_daemon::OperationPermission;
use pullgate_daemon::frontends::docker::DockerOptions;
use serde_json::json;

use crate::client::Outcome;
use crate::{CONFIRMED_ADDRESS, TestWorld, UNCONFIRMED_ADDRESS, raw};

/// The registry by every form of host in references.
struct Hosts {
    allowed: Vec<String>,
    denied: Vec<String>,
}

impl Hosts {
    fn of(world: &TestWorld) -> Self {
        let at = |host: &str| format!("{host}:{}", world.port);
        Self {
            allowed: vec![
                at("127.0.71.1"),
                at("127.0.72.9"),
                at("a.wild.test"),
                "named.test:5000".to_owned(),
                // By its reverse DNS name, which resolves back to it.
                at(CONFIRMED_ADDRESS),
            ],
            denied: vec![
                at("127.0.79.1"),
                at("evil.test"),
                // A wildcard does not cover its own domain.
                at("wild.test"),
                "named.test:5001".to_owned(),
                // Its reverse DNS name is that of another address.
                at(UNCONFIRMED_ADDRESS),
            ],
        }
    }
}

/// Creates an image and pushes it by every name, so that each can be pulled.
pub async fn seed(world: &TestWorld) {
    let client = &world.engine.client;
    // The end of a tar without entries.
    done(&client.run_with(&["import", "-", "seed:latest"], &[0; 1024]).await);
    let hosts = Hosts::of(world);
    for host in hosts.allowed.iter().chain(&hosts.denied) {
        done(&client.run(&["tag", "seed:latest", &format!("{host}/team/app:1")]).await);
        done(&client.run(&["push", &format!("{host}/team/app:1")]).await);
    }
    for name in ["http://evil.test:", "http://named.test:5001/", "http://a.wild.test:", "http://198.51.100.2:"] {
        assert!(world.proxy.has_seen(name), "dockerd does not go through the proxy to {name}");
    }
    for tap in [&world.listed, &world.within, &world.unlisted] {
        assert!(tap.connections() > 0, "dockerd did not go to {}", tap.address);
    }
}

pub async fn names_and_addresses(world: &TestWorld) {
    world.plugin.set_policy(world.policy()).await;
    let client = &world.engine.client;
    let hosts = Hosts::of(world);
    for host in &hosts.allowed {
        let image = format!("{host}/team/app:1");
        done(&client.run(&["rmi", &image]).await);
        let before = world.seen();
        let outcome = client.run(&["pull", &image]).await;
        assert!(outcome.done, "{}\n{}", outcome.text, world.names.log());
        assert_ne!(world.seen(), before, "{image}: pulled from nowhere");
        done(&client.run(&["push", &image]).await);
        done(&client.run(&["create", &image, "x"]).await);
    }
    for host in &hosts.denied {
        let image = format!("{host}/team/app:1");
        let text = format!("access to registry `{host}` is denied: no entry of the whitelist covers it");
        let plugin = &world.plugin.name;
        for arguments in [vec!["pull", &image], vec!["push", &image], vec!["create", &image, "x"]] {
            let outcome = world.quietly(&image, client.run(&arguments)).await;
            denied(&outcome, &format!("authorization denied by plugin {plugin}: {text}"));
        }
    }
    for image in ["alpine", "team/app:1", "docker.io/library/alpine", "index.docker.io/library/alpine"] {
        let outcome = world.quietly(image, client.run(&["pull", image])).await;
        denied(&outcome, "access to registry `docker.io` is denied");
    }
    // The message is one line with the nearest entry.
    let outcome = client.run(&["pull", "named.test:5001/team/app:1"]).await;
    println!("         {}", outcome.text.trim());
    let line = outcome.text.lines().find(|line| line.contains("access to registry")).unwrap();
    assert!(line.contains("named.test:5000"), "{line}");
}

pub async fn other_commands(world: &TestWorld) {
    let client = &world.engine.client;
    let evil = format!("127.0.79.1:{}", world.port);
    let plugin = format!("{evil}/team/plugin:1");
    let search = format!("{evil}/app");
    let import = format!("http://{evil}/x.tar");
    let image = format!("{evil}/team/app:1");
    for arguments in [
        vec!["search", &search],
        vec!["plugin", "install", "--grant-all-permissions", &plugin],
        vec!["import", &import],
        vec!["manifest", "inspect", "--insecure", &image],
    ] {
        // `docker manifest` contacts the registry itself, not through dockerd.
        if arguments[0] == "manifest" {
            continue;
        }
        let outcome = world.quietly(arguments[0], client.run(&arguments)).await;
        denied(&outcome, "authorization denied by plugin");
    }
    let dockerfile = format!("FROM {image}\n");
    let outcome = world.quietly("build", client.run_with(&["build", "-"], dockerfile.as_bytes())).await;
    denied(&outcome, "docker_builds");
    let outcome = world.quietly("load", client.run_with(&["load"], &[0; 1024])).await;
    denied(&outcome, "docker_imports");
    // An image that is present, by its id.
    let id = client.run(&["images", "--no-trunc", "--quiet", "seed"]).await;
    done(&client.run(&["create", id.text.trim(), "x"]).await);
    // By a name without a registry, or a part of the id: dockerd has the image, or does not find it and pulls nothing.
    done(&client.run(&["create", "seed:latest", "x"]).await);
    let short = id.text.trim().trim_start_matches("sha256:").get(..12).unwrap();
    done(&client.run(&["create", short, "x"]).await);
    denied(&world.quietly("create", client.run(&["create", "nothing:latest", "x"])).await, "docker.io");
    // BuildKit in a container of its own is a build, and the message says so.
    let outcome = world.quietly("BuildKit", client.run(&["pull", "moby/buildkit:buildx-stable-1"])).await;
    denied(&outcome, "docker_builds");
    done(&client.run(&["image", "inspect", &image]).await);
    done(&client.run(&["rmi", &image]).await);
    done(&client.run(&["info"]).await);
}

/// Requests that try to mean one thing to the plugin and another to dockerd.
pub async fn raw_requests(world: &TestWorld) {
    let port = world.port;
    let (good, evil) = (format!("127.0.71.1:{port}/team/app"), format!("127.0.79.1:{port}/team/app"));
    let (good_, evil_) = (good.replace('/', "%2F"), evil.replace('/', "%2F"));
    let none = "Content-Length: 0\r\n";
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let json = "Content-Type: application/json\r\n";
    let of = |body: &str| format!("Content-Length: {}\r\n", body.len());
    let from = format!("fromImage={evil_}&tag=1");
    let chunk = format!("{:x}\r\n{from}\r\n0\r\n\r\n", from.len());
    let chunked = "Transfer-Encoding: chunked\r\n";
    let request = |line: &str, headers: &str, body: &str| {
        format!("{line} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n{headers}\r\n{body}").into_bytes()
    };
    let post = |uri: &str, headers: &str, body: &str| request(&format!("POST {uri}"), headers, body);
    let create = |body: &str| post("/v1.41/containers/create", &format!("{json}{}", of(body)), body);
    let service = |body: &str| post("/v1.41/services/create", &format!("{json}{}", of(body)), body);

    // The same forms work with an allowed registry: the denials below are due to the name.
    let pulls = format!("fromImage={good_}&tag=1");
    for bytes in [
        post(&format!("/v1.41/images/create?{pulls}"), none, ""),
        post(&format!("/images/%63reate?%66romImage={good_}&tag=1"), none, ""),
        post(&format!("http://x/v1.41/images/create?{pulls}"), none, ""),
        post(&format!("/v1.41/images%2Fcreate?{pulls}&fromImage={evil_}"), none, ""),
        // No form: dockerd goes by the first type.
        post(&format!("/v1.41/images/create?{pulls}"), &format!("{json}{form}{}", of(&from)), &from),
    ] {
        let (evil, listed) = (world.unlisted.connections(), world.listed.connections());
        let (status, text) = raw::send(&world.engine.socket, &bytes).await.unwrap();
        let what = String::from_utf8_lossy(&bytes);
        assert_eq!(status, 200, "{what}{text}");
        assert!(world.listed.connections() > listed, "{what}{text}");
        assert_eq!(world.unlisted.connections(), evil, "{what}{text}");
    }
    let (status, text) =
        raw::send(&world.engine.socket, &create(&json!({"Image": format!("{good}:1"), "Cmd": ["x"]}).to_string()))
            .await
            .unwrap();
    assert_eq!(status, 201, "{text}");

    let half = |first: &str, second: &str| format!(r#"{{"Image":"{good}:1",{first}"Cmd":["x"]{second}}}"#);
    // Bodies of 1 MiB and more, and of 4 MiB and more from Engine 28 on, are not passed on.
    let (spaces, more_spaces) = (" ".repeat(2 << 20), " ".repeat(5 << 20));
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("plain", post(&format!("/v1.41/images/create?{from}"), none, "")),
        ("no version", post(&format!("/images/create?{from}"), none, "")),
        ("old version", post(&format!("/v1.24/images/create?{from}"), none, "")),
        ("encoded path", post(&format!("/v1.41/images/%63reate?{from}"), none, "")),
        ("encoded slash", post(&format!("/v1.41/images%2Fcreate?{from}"), none, "")),
        ("encoded key", post(&format!("/v1.41/images/create?%66romImage={evil_}&tag=1"), none, "")),
        ("absolute", post(&format!("http://x/v1.41/images/create?{from}"), none, "")),
        ("absolute, no host", post(&format!("x:/v1.41/images/create?{from}"), none, "")),
        ("double slash", post(&format!("/v1.41//images/create?{from}"), none, "")),
        ("dots", post(&format!("/v1.41/x/../images/create?{from}"), none, "")),
        ("encoded dots", post(&format!("/v1.41/x/%2e%2e/images/create?{from}"), none, "")),
        ("case of the path", post(&format!("/v1.41/images/Create?{from}"), none, "")),
        ("case of the method", request(&format!("post /v1.41/images/create?{from}"), none, "")),
        ("another method", request(&format!("PUT /v1.41/images/create?{from}"), none, "")),
        ("first of two", post(&format!("/v1.41/images/create?{from}&{pulls}"), none, "")),
        ("empty first", post(&format!("/v1.41/images/create?fromImage=&{from}"), none, "")),
        ("semicolon", post(&format!("/v1.41/images/create?x=1;{from}"), none, "")),
        ("semicolon after", post(&format!("/v1.41/images/create?{pulls};{from}"), none, "")),
        ("bad escape", post(&format!("/v1.41/images/create?x=%zz&{from}"), none, "")),
        ("digest", post(&format!("/v1.41/images/create?fromImage={evil_}&tag=sha256%3A{}", "a".repeat(64)), none, "")),
        ("all tags", post(&format!("/v1.41/images/create?fromImage={evil_}"), none, "")),
        ("old all tags", post(&format!("/v1.41/images/create?fromImage={evil_}%3A"), none, "")),
        ("form", post("/v1.41/images/create", &format!("{form}{}", of(&from)), &from)),
        ("form over the query", post(&format!("/v1.41/images/create?{pulls}"), &format!("{form}{}", of(&from)), &from)),
        (
            "form, then JSON",
            post(&format!("/v1.41/images/create?{pulls}"), &format!("{form}{json}{}", of(&from)), &from),
        ),
        (
            "JSON, then form",
            post(&format!("/v1.41/images/create?{from}"), &format!("{json}{form}{}", of(&from)), &from),
        ),
        ("form, chunked", post(&format!("/v1.41/images/create?{pulls}"), &format!("{form}{chunked}"), &chunk)),
        (
            "form, chunked and empty",
            post(&format!("/v1.41/images/create?{pulls}"), &format!("{form}{none}{chunked}"), &chunk),
        ),
        ("form over an import", post("/v1.41/images/create?fromSrc=-", &format!("{form}{}", of(&from)), &from)),
        ("import", post(&format!("/v1.41/images/create?fromSrc=http://127.0.79.1:{port}/x"), none, "")),
        ("push", post(&format!("/v1.41/images/{evil}/push?tag=1"), none, "")),
        ("push, encoded", post(&format!("/v1.41/images/{evil_}/push?tag=1"), none, "")),
        ("push, all tags", post(&format!("/v1.41/images/{evil}/push"), none, "")),
        ("push, old form", post(&format!("/v1.41/images/{evil}/push"), &format!("{json}{}", of("{}")), "{}")),
        ("search", request(&format!("GET /v1.41/images/search?term={evil_}"), "", "")),
        ("distribution", request(&format!("GET /v1.41/distribution/{evil}:1/json"), "", "")),
        ("distribution, encoded", request(&format!("GET /v1.41/distribution/{evil_}%3A1/json"), "", "")),
        ("plugin privileges", request(&format!("GET /v1.41/plugins/privileges?remote={evil_}"), "", "")),
        ("plugin pull", post(&format!("/v1.41/plugins/pull?remote={evil_}"), &format!("{json}{}", of("[]")), "[]")),
        ("container", create(&json!({"Image": format!("{evil}:1")}).to_string())),
        ("duplicate", create(&half("", &format!(r#","Image":"{evil}:1""#)))),
        ("lower case", create(&half("", &format!(r#","image":"{evil}:1""#)))),
        ("only lower case", create(&format!(r#"{{"image":"{evil}:1"}}"#))),
        ("long s", create(&half("", r#","HoſtConfig":{}"#))),
        ("escaped", create(&half("", &format!(r#","\u0049mage":"{evil}:1""#)))),
        ("no type", post("/v1.41/containers/create", &of("{}"), "{}")),
        ("large", create(&format!(r#"{{{spaces}"Image":"{evil}:1"}}"#))),
        ("large, and hidden", create(&format!(r#"{{{more_spaces}"Image":"{good}:1"}}"#))),
        ("/auth at the end", {
            let body = json!({"Image": format!("{evil}:1")}).to_string();
            post("/v1.41/containers/create?name=/auth", &format!("{json}{}", of(&body)), &body)
        }),
        ("service", service(&json!({"TaskTemplate": {"ContainerSpec": {"Image": format!("{evil}:1")}}}).to_string())),
        ("service, duplicate", {
            service(&format!(
                r#"{{"TaskTemplate":{{"ContainerSpec":{{"Image":"{good}"}}}},"TasKTemplate":{{"ContainerSpec":{{"Image":"{evil}"}}}}}}"#
            ))
        }),
        ("build", post(&format!("/v1.41/build?remote=http%3A%2F%2F127.0.79.1%3A{port}%2Fx"), none, "")),
        ("session", post("/session", "Connection: Upgrade\r\nUpgrade: h2c\r\n", "")),
        ("not known", post("/v1.41/models/create?from=evil", none, "")),
    ];
    // The requests are effective: without the plugin's denial dockerd contacts the registry.
    world.plugin.allow_everything().await;
    for (what, bytes) in cases.iter().filter(|(what, _)| REGISTRY_COMMANDS.contains(what)) {
        let before = world.unlisted.connections();
        let answer = raw::send(&world.engine.socket, bytes).await;
        assert!(world.unlisted.connections() > before, "{what}: dockerd does not take it as is meant here\n{answer:?}");
    }
    world.plugin.serve(DockerOptions::default()).await;
    // dockerd's own refusals precede the plugin: an unknown route, a redirect, malformed HTTP.
    let number = cases.len();
    for (what, bytes) in cases {
        let (status, text) =
            world.quietly(what, raw::send(&world.engine.socket, &bytes)).await.unwrap_or_else(|| panic!("{what}"));
        let own = [
            "double slash",
            "dots",
            "encoded dots",
            "case of the path",
            "case of the method",
            "another method",
            "not known",
        ];
        let expected: &[u16] = match what {
            _ if own.contains(&what) => &[301, 404, 405],
            // Engine 28 refuses it itself.
            "large, and hidden" => &[403, 500],
            _ => &[403],
        };
        assert!(expected.contains(&status), "{what}: {text}");
    }
    println!("         {number} raw requests denied");
}

pub async fn settings(world: &TestWorld) {
    let client = &world.engine.client;
    world
        .plugin
        .serve(DockerOptions {
            logins: OperationPermission::Deny,
            tags: OperationPermission::Deny,
            ..DockerOptions::default()
        })
        .await;
    let host = format!("127.0.71.1:{}", world.port);
    let login = ["login", "--username", "u", "--password-stdin", &host];
    denied(&world.quietly("login", client.run_with(&login, b"p\n")).await, "docker_logins");
    denied(&client.run(&["tag", "seed:latest", "other:latest"]).await, "docker_tags");
    world
        .plugin
        .serve(DockerOptions {
            imports: OperationPermission::Allow,
            builds: OperationPermission::Allow,
            ..DockerOptions::default()
        })
        .await;
    done(&client.run_with(&["import", "-", "seed:2"], &[0; 1024]).await);
    done(&client.run_with(&["build", "-"], b"FROM scratch\nLABEL a=b\n").await);
    world.plugin.serve(DockerOptions::default()).await;
    // A policy with projects: without `docker_project` the global lists decide.
    world
        .plugin
        .set_policy(json!({"whitelist": [host], "projects": {"p": {"whitelist": ["127.0.79.1"]}}}).to_string())
        .await;
    done(&client.run(&["pull", &format!("{host}/team/app:1")]).await);
    let image = format!("127.0.79.1:{}/team/app:1", world.port);
    denied(&world.quietly("project", client.run(&["pull", &image])).await, "access to registry");
    let options = DockerOptions { project: Some("p".to_owned()), ..DockerOptions::default() };
    world.plugin.serve(options).await;
    done(&client.run(&["pull", &image]).await);
    world.plugin.serve(DockerOptions::default()).await;
    world.plugin.set_policy(world.policy()).await;
}

/// The raw requests that make dockerd contact the registry unless denied.
const REGISTRY_COMMANDS: [&str; 20] = [
    "plain",
    "no version",
    "old version",
    "encoded path",
    "encoded slash",
    "encoded key",
    "absolute",
    "absolute, no host",
    "first of two",
    "digest",
    "form",
    "form over the query",
    "form, then JSON",
    "form, chunked",
    "form, chunked and empty",
    "form over an import",
    "import",
    "search",
    "distribution",
    "plugin privileges",
];

/// Without a plugin dockerd does nothing.
pub async fn failures(world: &TestWorld) {
    world.plugin.set_policy(world.policy()).await;
    let socket = &world.engine.socket;
    let pull = format!(
        "POST /v1.41/images/create?fromImage=127.0.71.1:{}/team/app&tag=1 HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        world.port
    );
    let works = async || raw::send(socket, pull.as_bytes()).await.is_some_and(|(status, _)| status == 200);
    assert!(works().await);

    world.plugin.hang().await;
    let hung = world.quietly("hung", raw::send_within(socket, pull.as_bytes(), Duration::from_secs(3))).await;
    assert_eq!(hung, None, "dockerd did not wait for the plugin");
    world.plugin.serve(DockerOptions::default()).await;
    assert!(works().await, "the plugin is there again after it hung");
    // dockerd retries the call that timed out.
    tokio::time::sleep(Duration::from_secs(4)).await;

    // dockerd retries for a while, and a plugin that restarts in time is called.
    world.plugin.kill().await;
    // dockerd finds its idle connection closed. One that it still uses takes the body of the call with it: the next
    // attempt then has none, and is denied.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (result, ()) = tokio::join!(raw::send(socket, pull.as_bytes()), async {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        world.plugin.serve(DockerOptions::default()).await;
    });
    assert!(matches!(result, Some((200, _))), "the plugin was back in time: {result:?}");

    world.plugin.kill().await;
    let start = Instant::now();
    let (status, text) = world.quietly("killed", raw::send(socket, pull.as_bytes())).await.unwrap();
    assert_eq!(status, 500, "{text}");
    println!("         without the plugin: after {:.0} s, {}", start.elapsed().as_secs_f64(), raw::json_in(&text));
    world.plugin.serve(DockerOptions::default()).await;
    assert!(works().await, "the plugin is there again after it was killed");
}

pub fn done(outcome: &Outcome) {
    assert!(outcome.done, "{}", outcome.text);
}

pub fn denied(outcome: &Outcome, text: &str) {
    assert!(!outcome.done && outcome.text.contains(text), "not `{text}`: {outcome:?}");
}
