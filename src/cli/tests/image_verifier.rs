//! `pullgate image-verifier` as containerd runs it, with a daemon that responds, one that does not, and none.

mod common;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use common::{ProgramRun, file};
use serde_json::{Value, json};
use tempfile::TempDir;

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const NAME: &str = "registry.example.com/team/app:1.2";
const MEDIA_TYPE: &str = "application/vnd.oci.descriptor.v1+json";

/// Returns the reference that containerd's arguments make.
fn reference(name: &str) -> String {
    format!("{name}@{DIGEST}")
}

/// Creates a folder for one test, outside of the target folder because paths of unix sockets are short.
fn folder() -> TempDir {
    TempDir::new().unwrap()
}

/// The behaviour of a fake daemon.
enum FakeDaemon {
    /// Responds with a status and a body.
    Answers(u16, fn(&str) -> String),
    /// Sends these bytes and stops.
    Sends(&'static [u8]),
    /// Reads and never responds.
    Hangs,
    /// Sends slowly and endlessly.
    Drips,
}

/// Serves one request on a socket. Returns a channel of the requests.
fn daemon(socket: &Path, behaviour: FakeDaemon) -> Receiver<Value> {
    let _ = fs::remove_file(socket);
    let listener = UnixListener::bind(socket).unwrap();
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let Ok((mut stream, _)) = listener.accept() else { return };
        let request = request(&mut stream);
        let asked = request["reference"].as_str().unwrap_or_default().to_owned();
        let _ = sender.send(request);
        match behaviour {
            FakeDaemon::Answers(status, body) => {
                let body = body(&asked);
                let head = format!(
                    "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
            }
            FakeDaemon::Sends(bytes) => drop(stream.write_all(bytes)),
            FakeDaemon::Hangs => thread::sleep(Duration::from_secs(30)),
            FakeDaemon::Drips => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n");
                while stream.write_all(b" ").is_ok() {
                    thread::sleep(Duration::from_millis(50));
                }
            }
        }
    });
    receiver
}

/// Reads a request and asserts that it is a valid one of the daemon's API.
fn request(stream: &mut UnixStream) -> Value {
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).unwrap();
        text.extend_from_slice(&buffer[..read]);
        let whole = String::from_utf8_lossy(&text).into_owned();
        let Some((head, body)) = whole.split_once("\r\n\r\n") else { continue };
        let head = head.to_ascii_lowercase();
        assert!(head.starts_with("post /v1/decide http/1.1\r\n"), "{head}");
        assert!(head.contains("content-type: application/json"), "{head}");
        if let Ok(request) = serde_json::from_str(body) {
            return request;
        }
    }
}

/// An invocation of the verifier.
struct VerifierCall<'a> {
    program: &'a Path,
    before: &'a [&'a str],
    name: &'a str,
    socket: Option<&'a Path>,
    settings: Option<&'a str>,
}

impl<'a> VerifierCall<'a> {
    fn new() -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_pullgate"));
        Self { program, before: &["image-verifier"], name: NAME, socket: None, settings: None }
    }

    fn socket(self, socket: &'a Path) -> Self {
        Self { socket: Some(socket), ..self }
    }

    fn settings(self, settings: &'a str) -> Self {
        Self { settings: Some(settings), ..self }
    }

    /// Runs the verifier as containerd does. Standard input is a pipe that stays open, with a descriptor in it.
    fn run(&self) -> ProgramRun {
        self.run_with(&json!({"mediaType": "application/vnd.oci.image.index.v1+json", "digest": DIGEST, "size": 1}))
    }

    fn run_with(&self, descriptor: &Value) -> ProgramRun {
        let start = Instant::now();
        let mut command = Command::new(self.program);
        command.args(self.before);
        command.args(["-name", self.name, "-digest", DIGEST, "-stdin-media-type", MEDIA_TYPE]);
        command.env_remove("PULLGATE_SOCKET").env("PULLGATE_IMAGE_VERIFIER_CONFIG", "/nonexistent/settings.toml");
        if let Some(socket) = self.socket {
            command.env("PULLGATE_SOCKET", socket);
        }
        if let Some(settings) = self.settings {
            command.env("PULLGATE_IMAGE_VERIFIER_CONFIG", settings);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let written = stdin.write_all(descriptor.to_string().as_bytes());
        let output = child.wait_with_output().unwrap();
        drop((stdin, written));
        assert!(start.elapsed() < Duration::from_secs(5), "it took {:?}", start.elapsed());
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let ran = ProgramRun { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
        assert_eq!(ran.stdout.lines().count(), 1, "{ran:?}");
        assert_eq!(ran.stderr, "");
        ran
    }
}

fn allow(reference: &str) -> String {
    json!({"reference": reference, "registry": "r", "repository": "a", "decision": "allow", "attempts": []}).to_string()
}

fn deny(reference: &str) -> String {
    let nearest = json!({"list": "whitelist", "index": 0, "entry": "a", "miss": "another-port", "text": "so\nnear"});
    json!({"reference": reference, "decision": "deny", "reason": "not-whitelisted", "text": "access to registry", "nearest": nearest})
        .to_string()
}

#[test]
fn the_daemon_decides() {
    let folder = folder();
    let socket = folder.path().join("s");
    let requests = daemon(&socket, FakeDaemon::Answers(200, allow));
    let ran = VerifierCall::new().socket(&socket).run();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let expected = json!({"reference": reference(NAME), "kind": "image", "frontend": "containerd"});
    assert_eq!(requests.recv().unwrap(), expected);

    daemon(&socket, FakeDaemon::Answers(200, deny));
    let ran = VerifierCall::new().socket(&socket).run();
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(ran.stdout, "pullgate: access to registry; nearest is `a`: so near\n");
}

#[test]
fn verifier_can_be_called_by_its_name() {
    let folder = folder();
    let socket = folder.path().join("s");
    for name in ["pullgate-image-verifier", "pullgate-image-verifier-10", "anything"] {
        let program = folder.path().join(name);
        let _ = fs::remove_file(&program);
        symlink(env!("CARGO_BIN_EXE_pullgate"), &program).unwrap();
        for (answer, code) in [(allow as fn(&str) -> String, 0), (deny, 1)] {
            daemon(&socket, FakeDaemon::Answers(200, answer));
            let ran = VerifierCall { program: &program, before: &[], ..VerifierCall::new() }.socket(&socket).run();
            assert_eq!(ran.code, Some(code), "{name}: {ran:?}");
        }
    }
}

#[test]
fn a_daemon_that_does_not_answer_well_denies() {
    let folder = folder();
    let policy = file("toml", "insecure = []\n");
    let settings = file("toml", format!("policy = '{policy}'"));
    for (number, behaviour) in [
        FakeDaemon::Answers(500, allow),
        FakeDaemon::Answers(404, allow),
        FakeDaemon::Answers(200, |_| String::new()),
        FakeDaemon::Answers(200, |_| "{}".to_owned()),
        FakeDaemon::Answers(200, |_| "allow".to_owned()),
        FakeDaemon::Answers(200, |asked| format!("[{}]", allow(asked))),
        FakeDaemon::Answers(200, |_| allow("registry.example.com/other")),
        FakeDaemon::Answers(200, |asked| json!({"reference": asked, "decision": "lookup", "queries": []}).to_string()),
        FakeDaemon::Answers(200, |asked| json!({"reference": asked, "decision": "maybe"}).to_string()),
        FakeDaemon::Answers(200, |asked| format!("{}{}", allow(asked), " ".repeat(2 << 20))),
        FakeDaemon::Sends(b""),
        FakeDaemon::Sends(b"\0\0\0\0"),
        FakeDaemon::Sends(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{\"decision\":\"allow\""),
    ]
    .into_iter()
    .enumerate()
    {
        let socket = folder.path().join(number.to_string());
        daemon(&socket, behaviour);
        // The local policy allows everything and is not used.
        let ran = VerifierCall::new().socket(&socket).settings(&settings).run();
        assert_eq!(ran.code, Some(1), "{number}: {ran:?}");
    }
}

#[test]
fn a_daemon_that_is_slow_denies_in_time() {
    let folder = folder();
    let policy = file("toml", "insecure = []\n");
    let settings = file("toml", format!("policy = '{policy}'"));
    let denies = |socket: PathBuf| {
        let ran = VerifierCall::new().socket(&socket).settings(&settings).run();
        assert_eq!(ran.code, Some(1), "{socket:?}: {ran:?}");
        ran.says(&["did not answer within"]);
    };
    thread::scope(|scope| {
        for (name, behaviour) in [("hangs", FakeDaemon::Hangs), ("drips", FakeDaemon::Drips)] {
            let socket = folder.path().join(name);
            daemon(&socket, behaviour);
            scope.spawn(|| denies(socket));
        }
        // A socket that accepts no connection because its backlog is full.
        let socket = folder.path().join("full");
        let listener = UnixListener::bind(&socket).unwrap();
        let waiting = socket.clone();
        thread::spawn(move || (0..5_000).map_while(|_| UnixStream::connect(&waiting).ok()).collect::<Vec<_>>());
        thread::sleep(Duration::from_millis(500));
        denies(socket);
        drop(listener);
    });
}

#[test]
fn without_a_daemon_the_policy_file_decides() {
    let folder = folder();
    let refused = folder.path().join("refused");
    drop(UnixListener::bind(&refused).unwrap());
    for socket in [folder.path().join("missing"), refused] {
        let text = format!(
            "socket = '{}'\npolicy = '{}'",
            socket.display(),
            file("toml", "whitelist = ['registry.example.com']")
        );
        let settings = file("toml", text);
        let ran = VerifierCall::new().settings(&settings).run();
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let ran =
            VerifierCall { name: "docker.io/library/nginx:latest", ..VerifierCall::new() }.settings(&settings).run();
        assert_eq!(ran.code, Some(1), "{ran:?}");
        ran.says(&["access to registry `docker.io` is denied"]);
    }
}

#[test]
fn daemon_in_audit_lets_every_image_through() {
    let folder = folder();
    let socket = folder.path().join("s");
    let policy = file(
        "json",
        r#"{"whitelist": ["registry.example.com"], "projects": {"team-a": {"whitelist": ["a.example"]}}}"#,
    );
    for (flags, evil, own) in
        [(&["--containerd-enforcement", "audit"][..], 0, 0), (&["--containerd-project", "team-a"], 1, 0), (&[], 1, 1)]
    {
        let listen = format!("unix:{}", socket.display());
        let audit = file("audit", "");
        let mut command = Command::new(env!("CARGO_BIN_EXE_pullgate"));
        command.args(["serve", "--no-dns", "--policy", &policy, "--listen", &listen, "--audit", &audit]).args(flags);
        let mut daemon = command.stderr(Stdio::null()).spawn().unwrap();
        while UnixStream::connect(&socket).is_err() {
            thread::sleep(Duration::from_millis(20));
        }
        // Its answer counts, whatever the settings say of decisions without it.
        let settings = file("toml", "enforcement = 'audit'");
        for (name, code) in [(NAME, 0), ("evil.example/x:1", evil), ("a.example/x:1", own), ("ex_ample.com/x", evil)] {
            let ran = VerifierCall { name, ..VerifierCall::new() }.socket(&socket).settings(&settings).run();
            assert_eq!(ran.code, Some(code), "{flags:?} {name}: {ran:?}");
        }
        Command::new("kill").arg(daemon.id().to_string()).status().unwrap();
        daemon.wait().unwrap();
        let records = fs::read_to_string(&audit).unwrap();
        let unenforced = records.lines().filter(|line| line.contains(r#""decision":"deny","enforced":false"#)).count();
        assert_eq!(unenforced, if evil == 0 { 3 } else { 0 }, "{records}");
        let has_project = records.contains(r#""project":"team-a""#);
        assert_eq!(has_project, flags.contains(&"team-a"), "{records}");
    }
}

#[test]
fn without_an_answer_the_enforcement_of_the_settings_counts() {
    let folder = folder();
    let (missing, busy) = (folder.path().join("missing"), folder.path().join("busy"));
    let policy = file("toml", "whitelist = ['registry.example.com']\n[projects.p]\nwhitelist = ['p.example']\n");
    let open = file("toml", "insecure = []\n");
    for (settings, name, code, says) in [
        (format!("policy = '{policy}'"), "p.example/x:1", 1, "access to registry"),
        (format!("policy = '{policy}'\nproject = 'p'"), "p.example/x:1", 0, "is allowed"),
        (
            format!("policy = '{policy}'\nenforcement = 'audit'"),
            "p.example/x:1",
            0,
            "would be denied: access to registry",
        ),
        (format!("policy = '{policy}'\nenforcement = 'deny'"), "p.example/x:1", 1, "access to registry"),
        (format!("policy = '{open}'"), "p.example/x:1", 0, "is allowed"),
        (format!("policy = '{open}'\nrequire_whitelist = true"), "p.example/x:1", 1, "has no `whitelist`"),
        (format!("policy = '{policy}'\nrequire_whitelist = true"), NAME, 0, "is allowed"),
        ("enforcement = 'audit'".to_owned(), NAME, 0, "would be denied: there is no daemon"),
        ("enforcement = 'audit'".to_owned(), "nginx", 0, "would be denied: `nginx` has no registry"),
        // Settings that cannot be read say nothing of audit.
        ("enforcement = 'audit'\ncolour = 'red'".to_owned(), NAME, 1, "colour"),
        ("enforcement = 'warn'".to_owned(), NAME, 1, "warn"),
    ] {
        let settings = file("toml", settings);
        let ran = VerifierCall { name, ..VerifierCall::new() }.socket(&missing).settings(&settings).run();
        assert_eq!(ran.code, Some(code), "{ran:?}");
        ran.says(&[says]);
    }
    let settings = file("toml", "enforcement = 'audit'");
    daemon(&busy, FakeDaemon::Answers(503, deny));
    let ran = VerifierCall::new().socket(&busy).settings(&settings).run();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.says(&["would be denied", "answers with status 503"]);
    // A denial of the daemon is one.
    daemon(&busy, FakeDaemon::Answers(200, deny));
    let ran = VerifierCall::new().socket(&busy).settings(&settings).run();
    assert_eq!(ran.code, Some(1), "{ran:?}");
    // An error of a daemon in audit refuses nothing either.
    daemon(
        &busy,
        FakeDaemon::Sends(b"HTTP/1.1 503 X\r\npullgate-containerd-enforcement: audit\r\ncontent-length: 0\r\n\r\n"),
    );
    let ran = VerifierCall::new().socket(&busy).run();
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn image_is_denied_without_daemon_and_policy() {
    let folder = folder();
    let missing = folder.path().join("missing");
    let ran = VerifierCall::new().socket(&missing).run();
    assert_eq!(ran.code, Some(1), "{ran:?}");
    ran.says(&["there is no daemon at", "no policy"]);
    for (policy, says) in [
        ("/nonexistent/policy.toml".to_owned(), "cannot read the policy file"),
        (file("toml", "whitelist = ['*']"), "has errors"),
        (file("toml", "whitelist = ["), "has errors"),
    ] {
        let settings = file("toml", format!("policy = '{policy}'"));
        let ran = VerifierCall::new().socket(&missing).settings(&settings).run();
        assert_eq!(ran.code, Some(1), "{ran:?}");
        ran.says(&["there is no daemon at", says]);
    }
    for (text, says) in
        [("colour = 'red'", "colour"), ("socket = ", "cannot be used"), ("socket = 5", "cannot be used")]
    {
        let settings = file("toml", text);
        let ran = VerifierCall::new().socket(&missing).settings(&settings).run();
        assert_eq!(ran.code, Some(1), "{ran:?}");
        ran.says(&[says]);
    }
}

#[test]
fn a_socket_that_may_not_be_used_denies() {
    let folder = folder();
    let plain = folder.path().join("plain");
    fs::write(&plain, "").unwrap();
    let settings = file("toml", format!("policy = '{}'", file("toml", "insecure = []\n")));
    // A plain file refuses connections as a socket without a daemon does.
    let ran = VerifierCall::new().socket(&plain).settings(&settings).run();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let ran = VerifierCall::new().socket(Path::new("/proc/self/status/x")).settings(&settings).run();
    assert_eq!(ran.code, Some(1), "{ran:?}");
    ran.says(&["cannot be reached"]);
}

#[test]
fn a_large_descriptor_is_read_to_its_end() {
    let folder = folder();
    let socket = folder.path().join("s");
    daemon(&socket, FakeDaemon::Answers(200, allow));
    let ran = VerifierCall::new().socket(&socket).run_with(&json!({"annotations": {"x": "x".repeat(200_000)}}));
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn arguments_that_are_not_containerds_are_denied() {
    for arguments in [
        &["-name", NAME][..],
        &["-digest", DIGEST],
        &["-name", NAME, "-digest", "latest"],
        &["-name", NAME, "-digest", DIGEST, "-allow"],
        &["-name", "registry.example.com/a@sha256:00", "-digest", DIGEST],
    ] {
        let mut whole = vec!["image-verifier"];
        whole.extend(arguments);
        let ran = common::run(&whole);
        assert_eq!(ran.code, Some(1), "{arguments:?}: {ran:?}");
        assert_eq!(ran.stdout.lines().count(), 1, "{ran:?}");
    }
}

#[test]
fn help_says_where_the_settings_are() {
    let ran = common::run(&["image-verifier", "--help"]);
    ran.says(&["Usage: ", "/etc/pullgate/image-verifier.toml", "not within 4 seconds", "EXAMPLES:", "EXIT CODES:"]);
    // The example can be pasted.
    ran.says(&["-digest sha256:$(printf %064d 0)"]);
    let digest = format!("sha256:{:064}", 0);
    let ran = common::run(&["image-verifier", "-name", NAME, "-digest", &digest]);
    assert!(!ran.stdout.contains("no digest"), "{ran:?}");
    assert_eq!(common::run(&["image-verifier", "-foo"]).code, Some(1));
    assert_eq!(common::run(&["image-verifier"]).code, Some(2));
}

#[test]
fn help_is_no_permission() {
    // A wrapper that passes its arguments on, and takes success for a permission.
    for arguments in [&["image-verifier", "--help"][..], &["image-verifier", "-h"]] {
        let ran = common::run(arguments);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.stdout.contains("Usage"), "{ran:?}");
    }
}
