//! Debian's dockerd, containerd, Skopeo and Podman, which reach registries through the gate. The tests need root, and
//! Debian's packages `containerd`, `curl`, `docker.io`, `docker-registry`, `nginx-light`, `podman` and `skopeo`.

mod common;

use std::os::unix::net::UnixStream;
use std::process::Output;

use common::gate_world::{GATE, GateWorld};
use common::sandbox::{Sandbox, Server};
use common::settings_docker::IMAGE;
use common::settings_world::{CLEARTEXT, DENIED, PLAIN, PRIVATE, SELF_SIGNED, UNTRUSTED, check_outcome};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::json;

#[test]
fn dockerd_pulls_through_tunnels() {
    let settings = json!({ "storage-driver": "vfs" });
    GateWorld::start(None).docker_pulls_through_tunnels("/run/docker.sock", settings, |_| ());
}

#[test]
fn skopeo_and_podman_pull_through_tunnels() {
    let world = GateWorld::start(None);
    let policy = r#"{"default": [{"type": "insecureAcceptAnything"}]}"#;
    let policy = world.settings.sandbox.write("containers-policy.json", policy).display().to_string();
    let skopeo = |image: &str, verified: bool| -> Output {
        let folder = world.settings.sandbox.folder().join("copy");
        let _ = std::fs::remove_dir_all(&folder);
        let mut command = world.settings.command("skopeo");
        command.args(["--policy", &policy, "copy", &format!("--src-tls-verify={verified}")]);
        command
            .arg(format!("docker://{image}"))
            .arg(format!("dir:{}", folder.display()))
            .envs(GateWorld::proxy())
            .output()
            .unwrap()
    };
    world.export("containers");
    let conf = world.settings.root().join("etc/containers/containers.conf.d/zz-pullgate-gate.conf");
    let podman = |image: &str, verified: bool| -> Output {
        let mut command = world.settings.command("podman");
        for name in ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy"] {
            command.env_remove(name);
        }
        command.env("CONTAINERS_CONF", &conf);
        command.args(["--root=/run/podman/root", "--runroot=/run/podman/run", "--storage-driver=vfs"]);
        command.args(["--cgroup-manager=cgroupfs", "--events-backend=none", "pull"]);
        command.arg(format!("--tls-verify={verified}"));
        command.arg(format!("--signature-policy={policy}")).arg(image).output().unwrap()
    };
    // Where they do not verify, both try plain HTTP after HTTPS, and of its refusal show the status alone.
    for (registry, verified, errors) in [
        (PLAIN, false, &[][..]),
        (PRIVATE, false, &[]),
        (SELF_SIGNED, false, &[]),
        (CLEARTEXT, true, &["pullgate: `cleartext.test:5000` cannot be reached: HTTPS to cleartext.test port 5000"]),
        (CLEARTEXT, false, &["403 (Forbidden)", "pullgate: "]),
        (UNTRUSTED, true, &["pullgate: `untrusted.test:5443` cannot be reached: HTTPS to untrusted.test port 5443"]),
        (UNTRUSTED, false, &["403 (Forbidden)", "pullgate: "]),
        (DENIED, true, &["pullgate: access to registry `denied.test:5000` is denied"]),
        (DENIED, false, &["403 (Forbidden)", "pullgate: "]),
    ] {
        let image = format!("{registry}/{IMAGE}");
        check_outcome(&image, &skopeo(&image, verified), errors);
        check_outcome(&image, &podman(&image, verified), errors);
    }
    world.check_records("tunnel", &[PRIVATE, SELF_SIGNED]);
    world.check_nobody_reached_the_denied();

    // As a mirror: the gate makes the connection, and namespaces count.
    let mirrored = |registry: &str, repository: &str| {
        let host = registry.replace(':', "__");
        let mut command = world.settings.command("skopeo");
        command.args(["inspect", "--tls-verify=false", &format!("docker://{GATE}/{host}/{repository}:1")]);
        command.output().unwrap()
    };
    check_outcome("mirrored", &mirrored(PRIVATE, "team/app"), &[]);
    check_outcome("mirrored", &mirrored(PRIVATE, "other/app"), &["access to registry `private.test:5443` is denied"]);
    world.check_records("pull", &[PRIVATE]);
}

#[test]
fn containerd_pulls_through_the_endpoint_and_says_why_not() {
    const SOCKET: &str = "/run/containerd/containerd.sock";
    let world = GateWorld::start(None);
    let config = format!(
        "version = 2
        root = '/run/containerd/root'
        state = '/run/containerd/state'
        disabled_plugins = ['io.containerd.grpc.v1.cri']
        [grpc]
        address = '{SOCKET}'
        "
    );
    let config = world.settings.sandbox.write("containerd.toml", &config);
    let mut server = world.settings.serve("containerd", |command| {
        command.arg("--config").arg(config);
    });
    let socket = world.settings.sandbox.outside(SOCKET);
    server.wait_until("containerd answers", || UnixStream::connect(&socket).is_ok());
    world.export("containerd");
    let folder = world.settings.root().join("etc/containerd/certs.d").display().to_string();
    let pull = |image: &str| {
        let mut command = world.settings.command("ctr");
        command.args(["--address", SOCKET, "images", "pull", "--hosts-dir", &folder, image]).output().unwrap()
    };
    for (registry, errors) in [
        (PLAIN, &[][..]),
        (PRIVATE, &[]),
        (SELF_SIGNED, &[]),
        (UNTRUSTED, &["403 pullgate: `untrusted.test:5443` cannot be reached"]),
        (DENIED, &["403 pullgate: access to registry `denied.test:5000` is denied"]),
    ] {
        let image = format!("{registry}/{IMAGE}");
        check_outcome(&image, &pull(&image), errors);
    }
    let outside = format!("{PRIVATE}/other/app:1");
    check_outcome(&outside, &pull(&outside), &["403 pullgate: access to registry `private.test:5443` is denied"]);
    world.check_records("pull", &[PLAIN, PRIVATE, SELF_SIGNED]);
    world.check_nobody_reached_the_denied();
}

/// A world with a registry whose blobs come from a host at a public address.
struct ContentWorld {
    sandbox: Sandbox,
    authority: String,
    _nginx: Server,
}

/// The blob, and its SHA-256.
const BLOB: &str = "the content of a layer\n";
const BLOB_SHA256: &str = "43710102234057af5c59988e71b3786cab290393542a7655caee3a7d756f41ea";

impl ContentWorld {
    fn start() -> Self {
        let sandbox = Sandbox::start(&[("10.77.0.1", "registry.test"), ("9.9.9.9", "cdn.test")]);
        let key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new(Vec::<String>::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = authority.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(authority, key);
        let server_key = KeyPair::generate().unwrap();
        let names = ["registry.test", "cdn.test"].map(str::to_owned);
        let server = CertificateParams::new(names.to_vec()).unwrap().signed_by(&server_key, &issuer).unwrap();
        let here = sandbox.folder().display().to_string();
        for (name, text) in [
            ("ca.pem", pem.as_str()),
            ("server.pem", &server.pem()),
            ("server.key", &server_key.serialize_pem()),
            ("good/data", BLOB),
            ("bad/data", "something else, that is\n"),
        ] {
            sandbox.write(name, text);
        }
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {here}/{kind};"))
            .concat();
        let tls = format!("ssl_certificate {here}/server.pem; ssl_certificate_key {here}/server.key;");
        let digest = blob_digest();
        let config = format!(
            "user root; daemon off; pid {here}/nginx.pid; error_log {here}/nginx.log; events {{}}
            http {{ access_log {here}/access.log; {temporary} {tls}
            server {{ listen 10.77.0.1:443 ssl;
              location /v2/good/blobs/{digest} {{ return 307 https://cdn.test/good/data?key=1; }}
              location /v2/bad/blobs/{digest} {{ return 307 https://cdn.test/bad/data?key=1; }} }}
            server {{ listen 9.9.9.9:443 ssl; root {here}; }} }}"
        );
        let config = sandbox.write("nginx.conf", &config);
        let mut nginx = sandbox.serve("nginx", "nginx", |command| {
            command.arg("-c").arg(config).env("PATH", "/usr/sbin:/usr/bin:/bin");
        });
        let pid = sandbox.folder().join("nginx.pid");
        nginx.wait_until("nginx listens", || pid.exists());
        Self { sandbox, authority: pem, _nginx: nginx }
    }

    /// Starts a gate with a policy and these arguments.
    fn gate(&self, more: &[&str]) -> Server {
        let policy = json!({
            "whitelist": ["registry.test"],
            "certificate_authorities": [{ "pem": self.authority, "registries": ["registry.test"] }],
        });
        let policy = self.sandbox.write("policy.json", &policy.to_string());
        let mut gate = self.sandbox.serve("gate", env!("CARGO_BIN_EXE_pullgate"), |command| {
            // The well-known authorities of this machine.
            command.env("SSL_CERT_FILE", self.sandbox.folder().join("ca.pem"));
            command.args(["serve", "--listen", "unix:/run/api.sock", "--gate", GATE, "--audit", "off", "--policy"]);
            command.arg(policy).args(more);
        });
        let socket = self.sandbox.outside("/run/api.sock");
        gate.wait_until("the gate is open", || UnixStream::connect(&socket).is_ok());
        gate
    }

    /// Pulls the blob of a repository by curl.
    fn pull(&self, repository: &str) -> Output {
        let url = format!("http://{GATE}/v2/{repository}/blobs/{}?ns=registry.test", blob_digest());
        self.sandbox
            .command("curl")
            .args(["--silent", "--show-error", "--fail-with-body", "--max-time", "20", &url])
            .output()
            .unwrap()
    }
}

fn blob_digest() -> String {
    format!("sha256:{BLOB_SHA256}")
}

#[test]
fn content_may_come_from_an_unlisted_host_if_a_setting_says_so() {
    let world = ContentWorld::start();
    let gate = world.gate(&[]);
    check_outcome("listed", &world.pull("good"), &["it redirects to `https://cdn.test/good/data`: access to registry"]);
    drop(gate);
    let _gate = world.gate(&["--gate-redirects", "content"]);
    let pulled = world.pull("good");
    assert!(pulled.status.success() && pulled.stdout == BLOB.as_bytes(), "{pulled:?}");
    let wrong = world.pull("bad");
    assert!(!wrong.status.success() && !wrong.stdout.ends_with(b"that is\n"), "{wrong:?}");
    let access = std::fs::read_to_string(world.sandbox.folder().join("access.log")).unwrap();
    assert_eq!(access.matches("GET /good/data?key=1").count(), 1, "{access}");
}

#[test]
fn engine_finds_nothing_where_the_gate_is_gone() {
    let world = ContentWorld::start();
    let mut gate = world.gate(&["--gate-redirects", "content"]);
    assert!(world.pull("good").status.success());
    gate.signal("KILL");
    gate.wait_for_end();
    let tunnel = |url: &str| {
        let mut command = world.sandbox.command("curl");
        command.args(["--silent", "--show-error", "--proxy", &format!("http://{GATE}"), "--cacert"]);
        command.arg(world.sandbox.folder().join("ca.pem")).arg(url).output().unwrap()
    };
    let access = world.sandbox.folder().join("access.log");
    let before = std::fs::read_to_string(&access).unwrap();
    check_outcome("no gate", &tunnel("https://registry.test/v2/"), &["Failed to connect to 127.0.0.1 port 8733"]);
    assert!(!world.pull("good").status.success());
    assert_eq!(std::fs::read_to_string(&access).unwrap(), before, "nobody reached the registry");
}
