//! A secret planted in whatever reaches the daemon: its answers, log, records and metrics, and those of the gate, repeat it
//! nowhere.

mod common;

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use base64::prelude::{BASE64_STANDARD, Engine};
use common::daemon::{Daemon, TEST_TIMEOUT, TOKEN, talk};
use common::{file, read_head};
use pullgate_connect::crypto_provider;
use pullgate_connect::rustls::pki_types::pem::PemObject;
use pullgate_connect::rustls::pki_types::{CertificateDer, ServerName};
use pullgate_connect::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};

const PASSWORD: &str = "hunter2s3cret";
/// The password as it stands in `Authorization: Basic`, and in a `config.json` of Docker: `user:hunter2s3cret`.
const BASIC: &str = "dXNlcjpodW50ZXIyczNjcmV0";
/// A line of a private key. No part of it is a word of any output.
const KEY_LINE: &str = "MHcCAQEEIHunter2SecretKeyMaterialHunter2SecretKeyMaterialHunter2AA";

/// Everything that a daemon gave out.
#[derive(Default)]
struct Output {
    parts: Vec<(String, String)>,
}

impl Output {
    fn add(&mut self, source: impl Into<String>, text: impl Into<String>) {
        self.parts.push((source.into(), text.into()));
    }

    /// Asserts that no part has a secret, and that these parts have these texts: they are what they are taken for.
    #[track_caller]
    fn check(&self, secrets: &[&str], expected: &[(&str, &str)]) {
        for (source, text) in &self.parts {
            for secret in secrets {
                assert!(!text.contains(secret), "{source} repeats `{secret}`: {text}");
            }
        }
        for (source, expected) in expected {
            let mut of_source = self.parts.iter().filter(|(name, _)| name == source);
            assert!(
                of_source.any(|(_, text)| text.contains(expected)),
                "{source} has no `{expected}`: {:?}",
                self.parts
            );
        }
    }

    /// Stops the daemon, and adds its log and its records.
    fn stop(&mut self, daemon: Daemon) {
        self.add("metrics", daemon.get("/metrics").1);
        daemon.signal("TERM");
        self.add("log", daemon.heard("stopping").join("\n"));
        self.add("records", daemon.stop_and_read().1);
    }
}

fn private_key() -> String {
    format!("-----BEGIN EC PRIVATE KEY-----\n{KEY_LINE}\n-----END EC PRIVATE KEY-----\n")
}

/// Policies that do not load, with the secret in each place that one may stand in.
fn policies() -> [String; 6] {
    let key = private_key();
    [
        json!({"whitelist": [format!("https://user:{PASSWORD}@h.corp"), format!("h.corp/x?token={PASSWORD}")]}),
        json!({"whitelist": [], "password": PASSWORD, "auth": {"token": PASSWORD}, "key": key}),
        json!({"whitelist": [], "certificate_authorities": [{"pem": key, "password": PASSWORD}]}),
        json!({"whitelist": [], "projects": {"p": {"token": PASSWORD, "whitelist": [format!("u:{PASSWORD}@h.corp")]}}}),
        json!({"whitelist": {"auth": PASSWORD}, "insecure": [{"password": PASSWORD}]}),
        json!([format!("u:{PASSWORD}@h.corp")]),
    ]
    .map(|policy| policy.to_string())
}

fn references() -> [String; 5] {
    [
        format!("user:{PASSWORD}@h.corp/x"),
        format!("https://user:{PASSWORD}@h.corp/x"),
        format!("h.corp/x?token={PASSWORD}"),
        format!("h.corp/x#{PASSWORD}"),
        format!("user:{PASSWORD}@h.corp/x@sha256:{}", "0".repeat(64)),
    ]
}

#[test]
fn secret_of_a_policy_or_a_call_is_repeated_nowhere_by_the_daemon() {
    let policy = file("json", r#"{"whitelist": ["a.corp"]}"#);
    let token = file("token", TOKEN);
    let arguments = ["--policy", &policy, "--no-dns", "--token-file", &token, "--allow-policy-updates"];
    let daemon = Daemon::start(&arguments);
    let mut output = Output::default();
    let bearer = format!("Authorization: Bearer {TOKEN}");
    for text in policies() {
        // The file is changed, and read at once.
        fs::rename(file("new", &text), &policy).unwrap();
        daemon.signal("HUP");
        output.add("log of the file", daemon.heard("the old one stays in effect").join("\n"));
        output.add("refused policy", daemon.ask("PUT /v1/policy", &[&bearer], &text).1);
        let document: Value = serde_json::from_str(&text).unwrap();
        let calls = [
            ("check", text.clone()),
            ("explain", json!({"reference": "a.corp/x", "policy": document}).to_string()),
            ("probe", json!({"registry": "a.corp", "policy": document}).to_string()),
            ("export", json!({"target": "docker", "policy": document}).to_string()),
        ];
        for (name, body) in calls {
            output.add(name, daemon.ask(&format!("POST /v1/{name}"), &[&bearer], &body).1);
        }
    }
    let settings = |source: &str, path: &str, text: String| {
        json!({"source": source, "files": [{"path": path, "text": text}]}).to_string()
    };
    let auths = json!({"h.corp": {"auth": BASIC}});
    for reference in references() {
        let call = json!({ "reference": reference });
        for (name, body) in [
            ("decide", call.to_string()),
            ("decide", json!([call, {"reference": "a.corp/x"}]).to_string()),
            ("explain", call.to_string()),
            ("probe", json!({"registry": reference}).to_string()),
            ("decide", json!({"reference": "a.corp/x", "password": PASSWORD}).to_string()),
            ("decide", format!("{{\"reference\": \"a.corp/x\" \"{PASSWORD}\"")),
            ("decide", json!({"reference": {"token": PASSWORD}}).to_string()),
            ("decide", json!({"reference": "a.corp/x", "kind": PASSWORD}).to_string()),
            ("decide", json!({"reference": "a.corp/x", "frontend": PASSWORD}).to_string()),
            ("decide", json!({"reference": "a.corp/x", PASSWORD: 1}).to_string()),
            ("import", settings("list", "list", format!("{reference}\n"))),
            (
                "import",
                settings("docker", "daemon.json", json!({"registry-mirrors": [reference], "auths": auths}).to_string()),
            ),
        ] {
            output.add(name, daemon.ask(&format!("POST /v1/{name}"), &[&bearer], &body).1);
        }
    }
    // Query strings, paths and headers.
    let headers = [
        format!("Authorization: Bearer {PASSWORD}{PASSWORD}{PASSWORD}"),
        format!("Authorization: Basic {BASIC}"),
        format!("X-Registry-Auth: {BASIC}"),
        format!("Cookie: session={PASSWORD}"),
        format!("If-Match: \"{PASSWORD}\""),
        format!("Origin: https://user:{PASSWORD}@h.corp"),
    ];
    for header in &headers {
        for line in ["GET /v1/policy", "PUT /v1/policy", "POST /v1/decide", "GET /nowhere"] {
            output.add("headers", daemon.ask(line, &[header], "{}").1);
        }
    }
    for line in
        [format!("GET /v1/policy?token={PASSWORD}"), format!("GET /{PASSWORD}"), format!("{PASSWORD} /v1/policy")]
    {
        output.add("path", daemon.ask(&line, &[&bearer], "").1);
    }
    for path in ["policy", "daemon", "module", "gate", "openapi.json"] {
        output.add(path, daemon.ask(&format!("GET /v1/{path}"), &[&bearer], "").1);
    }
    output.stop(daemon);
    let secrets = [PASSWORD, BASIC, &KEY_LINE[..20], TOKEN];
    output.check(
        &secrets,
        &[
            ("log of the file", "member-unknown"),
            ("refused policy", "user-information"),
            ("check", "private-key"),
            ("decide", r#""decision":"deny""#),
            ("records", "h.corp"),
            ("metrics", "pullgate_decisions_total"),
            ("policy", "a.corp"),
        ],
    );
}

/// Calls of dockerd with credentials in headers, bodies and the query.
fn docker_calls() -> Vec<Value> {
    let body = |value: Value| base64(value.to_string());
    let call = |uri: String, headers: Value, body: String| json!({"User": "", "RequestMethod": "POST", "RequestUri": uri, "RequestHeaders": headers, "RequestBody": body});
    let auth = base64(json!({"username": "user", "password": PASSWORD}).to_string());
    let login = json!({"Content-Type": "application/json", "Content-Length": "60", "X-Registry-Auth": auth,
        "X-Registry-Config": base64(json!({"h.corp": {"password": PASSWORD}}).to_string())});
    let reference = format!("user%3A{PASSWORD}%40h.corp%2Fx");
    vec![
        call(format!("/v1.47/images/create?fromImage={reference}&tag=1"), login.clone(), String::new()),
        call("/v1.47/images/create?fromImage=h.corp%2Fx&tag=1".to_owned(), login.clone(), String::new()),
        call(format!("/v1.47/images/create?fromImage=a.corp%2Fx&token={PASSWORD}"), login.clone(), String::new()),
        call(
            "/v1.47/auth".to_owned(),
            login.clone(),
            body(json!({"username": "user", "password": PASSWORD,
            "serveraddress": format!("https://user:{PASSWORD}@h.corp")})),
        ),
        call(
            format!(
                "/v1.47/build?remote=https://user:{PASSWORD}@h.corp/x.git&buildargs=%7B%22T%22%3A%22{PASSWORD}%22%7D"
            ),
            login.clone(),
            String::new(),
        ),
        call(
            "/v1.47/containers/create".to_owned(),
            login.clone(),
            body(json!({"Image": format!("user:{PASSWORD}@h.corp/x"),
            "Env": [format!("TOKEN={PASSWORD}")], "Labels": {"token": PASSWORD}})),
        ),
        call("/v1.47/containers/create".to_owned(), login.clone(), base64(format!("{{\"Image\": {PASSWORD}"))),
        call(format!("/v1.47/images/{reference}/push"), login.clone(), String::new()),
        call(format!("/v1.47/plugins/pull?remote={reference}"), login, body(json!([{"Name": PASSWORD}]))),
        json!({"RequestMethod": "POST", "RequestUri": "/v1.47/nowhere", "RequestHeaders": {PASSWORD: BASIC}}),
        json!(PASSWORD),
    ]
}

/// Reviews of the API server for objects with secrets in them.
fn reviews() -> Vec<Value> {
    let review = |kind: &str, object: Value| {
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
            "uid": "1", "kind": {"group": "", "version": "v1", "kind": kind},
            "resource": {"group": "", "version": "v1", "resource": format!("{}s", kind.to_lowercase())},
            "namespace": "default", "operation": "CREATE", "userInfo": {"username": "u", "extra": {"t": [PASSWORD]}},
            "object": object}})
    };
    let pod = |image: &str| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "annotations": {"token": PASSWORD}}, "spec": {
            "imagePullSecrets": [{"name": "login"}], "containers": [{"name": "c", "image": image,
            "env": [{"name": "TOKEN", "value": PASSWORD}], "args": [format!("--password={PASSWORD}")]}]}})
    };
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"},
        "type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": BASIC}, "stringData": {"p": PASSWORD}});
    let mut reviews: Vec<_> = references().iter().map(|reference| review("Pod", pod(reference))).collect();
    reviews.push(review("Pod", pod("h.corp/x")));
    reviews.push(review("Secret", secret));
    reviews.push(review("Pod", json!({"spec": {"containers": [{"image": {"token": PASSWORD}}]}})));
    reviews.push(json!({"request": {"uid": PASSWORD.len(), "object": PASSWORD}}));
    reviews
}

#[test]
fn secret_of_a_request_is_repeated_by_no_frontend() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    let (certificate, key) = identity(folder.path());
    let policy = file("json", r#"{"whitelist": ["a.corp"]}"#);
    let arguments = [
        "--policy",
        &policy,
        "--no-dns",
        "--docker-socket",
        &socket.display().to_string(),
        "--kubernetes-listen",
        "127.0.0.1:0",
        "--tls-certificate",
        &certificate,
        "--tls-key",
        &key,
    ];
    let (daemon, line) = Daemon::start_and_see("127.0.0.1:0", &arguments, "Kubernetes may ask");
    let port = line.rsplit_once(':').unwrap().1.trim_matches('"').to_owned();
    let mut output = Output::default();
    for call in docker_calls() {
        for path in ["/AuthZPlugin.AuthZReq", "/AuthZPlugin.AuthZRes"] {
            let plugin = UnixStream::connect(&socket).unwrap();
            output.add("docker", talk(plugin, &format!("POST {path}"), "plugin", &[], call.to_string()).1);
        }
    }
    for review in reviews() {
        for path in ["/kubernetes/validate", "/kubernetes/imagepolicy"] {
            output.add("kubernetes", post_over_tls(&port, &certificate, path, &review.to_string()));
        }
    }
    output.stop(daemon);
    // The username of a login is none, and neither is the base64 of both.
    let encoded = base64(json!({"username": "user", "password": PASSWORD}).to_string());
    let docker_json = base64(PASSWORD);
    output.check(
        &[PASSWORD, BASIC, &encoded, docker_json.trim_end_matches('=')],
        &[
            ("docker", r#""Allow":false"#),
            ("docker", "h.corp"),
            ("kubernetes", r#""allowed":false"#),
            ("kubernetes", "h.corp"),
            ("records", "docker"),
            ("records", "kubernetes"),
        ],
    );
}

/// The password of the gate's own login.
const GATE_PASSWORD: &str = "0wn5ecretOfTheGate";

/// The start of what the registry repeats.
const REPEATED: &str = r#""message":[""#;

/// A server without TLS that answers every request with the headers in it, as a bad registry may.
fn start_mirror() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let head = read_head(&mut stream);
            // The request line is the client's own.
            let headers: Vec<_> = String::from_utf8_lossy(&head).lines().skip(1).map(str::to_owned).collect();
            let body = json!({"errors": [{"code": "DENIED", "message": headers}]}).to_string();
            let answer = format!(
                "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

#[test]
fn secret_of_a_pull_or_a_login_is_repeated_nowhere_by_the_gate() {
    let registry = start_mirror();
    let own = base64(format!("gate:{GATE_PASSWORD}"));
    let logins =
        file("json", json!({"auths": {(registry.clone()): {"auth": own}, "h.corp": {"auth": own}}}).to_string());
    fs::set_permissions(&logins, Permissions::from_mode(0o600)).unwrap();
    let (policy, token) =
        (file("json", r#"{"whitelist": ["a.corp"], "insecure": ["127.0.0.1"]}"#), file("token", TOKEN));
    let arguments = [
        "--policy",
        &policy,
        "--no-dns",
        "--gate",
        "127.0.0.1:0",
        "--gate-credentials",
        &logins,
        "--gate-token-file",
        &token,
    ];
    let (daemon, line) = Daemon::start_and_see("127.0.0.1:0", &arguments, "the gate is open");
    let gate = line.split_once("address=").unwrap().1.trim_matches('"').to_owned();
    let mut output = Output::default();
    let headers = [
        format!("Authorization: Basic {BASIC}"),
        format!("Authorization: Bearer {PASSWORD}"),
        format!("Proxy-Authorization: Basic {BASIC}"),
        format!("Proxy-Authorization: Basic {}", base64(format!("pullgate:{TOKEN}"))),
        format!("Authorization: Bearer {TOKEN}"),
        format!("X-Registry-Auth: {BASIC}"),
    ];
    let lines = [
        format!("GET /v2/app/manifests/1?ns={registry}"),
        format!("GET /v2/app/manifests/1?ns=h.corp&token={PASSWORD}"),
        format!("GET /v2/app/manifests/1?ns=user:{PASSWORD}@h.corp"),
        format!("GET /v2/user:{PASSWORD}@h.corp/app/manifests/1"),
        format!("GET /v2/app/manifests/{PASSWORD}?x#y"),
        format!("GET http://user:{PASSWORD}@h.corp/v2/?token={PASSWORD}"),
        format!("GET http://{registry}/v2/?token={PASSWORD}"),
        format!("CONNECT user:{PASSWORD}@h.corp:443"),
        format!("CONNECT h.corp:443?token={PASSWORD}"),
        format!("POST /v2/app/blobs/uploads/?token={PASSWORD}"),
    ];
    for line in &lines {
        for header in &headers {
            let request = format!("{line} HTTP/1.1\r\nHost: {gate}\r\n{header}\r\nConnection: close\r\n\r\n");
            let answer = ask(&gate, &request);
            let source = if answer.contains(REPEATED) { "registry" } else { "gate" };
            output.add(source, answer);
        }
    }
    output.add("recent", daemon.get("/v1/gate").1);
    output.stop(daemon);
    output.check(
        &[GATE_PASSWORD, &own],
        &[("gate", "403 pullgate"), ("registry", BASIC), ("recent", &registry), ("records", "gate")],
    );
    // A registry may tell a client of the login that the client sent it.
    output.parts.retain(|(source, _)| source != "registry");
    output.check(&[BASIC, TOKEN, &base64(format!("pullgate:{TOKEN}"))], &[]);
    // A tag is what was asked for, and no secret; everywhere else the password is none.
    let mut without_tag = Output::default();
    for (source, text) in output.parts {
        without_tag.add(source, text.replace(&format!(":{PASSWORD}\""), ":\"").replace(&format!(":{PASSWORD}`"), ":`"));
    }
    without_tag.check(&[PASSWORD], &[]);
}

/// Sends a request and returns the answer as far as it came.
fn ask(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(TEST_TIMEOUT)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn base64(text: impl AsRef<[u8]>) -> String {
    BASE64_STANDARD.encode(text)
}

/// Writes a certificate for `localhost` and its key into the folder. Returns their paths.
fn identity(folder: &Path) -> (String, String) {
    let identity = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path.display().to_string()
    };
    (write("tls.crt", identity.cert.pem()), write("tls.key", identity.signing_key.serialize_pem()))
}

/// Posts over TLS; the certificate is not what this is about.
fn post_over_tls(port: &str, certificate: &str, path: &str, body: &str) -> String {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&fs::read(certificate).unwrap()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(crypto_provider());
    let config = config.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
    let session =
        ClientConnection::new(Arc::new(config.with_no_client_auth()), ServerName::try_from("localhost").unwrap());
    let stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    stream.set_read_timeout(Some(TEST_TIMEOUT)).unwrap();
    talk(StreamOwned::new(session.unwrap(), stream), &format!("POST {path}"), "localhost", &[], body).1
}
