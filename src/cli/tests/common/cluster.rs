//! The API server in a sandbox, with `kubectl`.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use rcgen::KeyPair;
use serde_json::{Value, json};

use super::repository;
use super::sandbox::{Sandbox, Server};
use super::sandboxed_daemon::SandboxedDaemon;

/// The address of everything in the sandbox: of the API server, and of the only pod. An API server takes no loopback
/// address for either.
const ADDRESS: &str = "10.77.0.1";

/// The name of that address.
pub const NAMES: [(&str, &str); 1] = [(ADDRESS, "cluster.test")];

const TOKEN: &str = "0123456789abcdef";

/// The object with the certificate.
const SECRET: &str = "secret/pullgate-tls";

/// Timeout of `kubectl` in seconds.
const COMMAND_TIMEOUT_SECS: &str = "60";

/// The time within which the API server knows of a new configuration of webhooks.
const CONFIGURATION_TIMEOUT: Duration = Duration::from_secs(20);

/// An API server, and the daemon that it asks.
pub struct Cluster {
    server: Option<Server>,
    daemon: Option<SandboxedDaemon>,
    sandbox: Rc<Sandbox>,
}

/// The outcome of `kubectl`.
#[derive(Debug)]
pub struct KubectlOutcome {
    pub is_success: bool,
    /// Both outputs.
    pub text: String,
}

impl Cluster {
    /// Starts the API server without webhooks.
    pub fn start() -> Self {
        Self::start_in(Rc::new(Sandbox::start(&NAMES)))
    }

    /// Starts the API server in a sandbox that has its address.
    pub fn start_in(sandbox: Rc<Sandbox>) -> Self {
        let key = KeyPair::generate().unwrap();
        sandbox.write("service-accounts.key", &key.serialize_pem());
        sandbox.write("service-accounts.pub", &key.public_key_pem());
        sandbox.write("tokens.csv", &format!("{TOKEN},admin,admin,system:masters\n"));
        let audit = json!({ "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{ "level": "Metadata" }] });
        sandbox.write("audit-policy.json", &audit.to_string());
        let mut cluster = Self { server: None, daemon: None, sandbox };
        cluster.restart(&[]);
        cluster
    }

    /// Starts the API server, again if it runs, with these flags besides.
    pub fn restart(&mut self, flags: &[&str]) {
        let program = target().join("kubernetes/apiserver");
        assert!(program.exists(), "there is no API server: run `cargo xtask api-server`");
        let program = fs::canonicalize(program).unwrap();
        // The old one is gone before the next takes its ports.
        self.server = None;
        let file = |name: &str| self.sandbox.folder().join(name).display().to_string();
        let mut server = self.sandbox.serve("apiserver", &program.display().to_string(), |command| {
            command.arg(file("etcd"));
            command.args([
                format!("--bind-address={ADDRESS}"),
                format!("--advertise-address={ADDRESS}"),
                "--secure-port=6443".to_owned(),
                format!("--cert-dir={}", file("certificates")),
                format!("--token-auth-file={}", file("tokens.csv")),
                "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
                // There is no proxy on a node: the address of a service leads nowhere, that of its pod does.
                "--enable-aggregator-routing=true".to_owned(),
                "--service-account-issuer=https://cluster.test".to_owned(),
                format!("--service-account-key-file={}", file("service-accounts.pub")),
                format!("--service-account-signing-key-file={}", file("service-accounts.key")),
                // No controller makes the account that this plugin demands of every pod.
                "--disable-admission-plugins=ServiceAccount".to_owned(),
                format!("--audit-policy-file={}", file("audit-policy.json")),
                format!("--audit-log-path={}", file("audit.log")),
            ]);
            command.args(flags);
        });
        server.wait_until("the API server is ready", || self.kubectl(&["get", "--raw", "/readyz"]).is_success);
        self.server = Some(server);
    }

    /// Applies the manifests as they are, with a certificate of their own script, and starts the daemon by them.
    pub fn install(&mut self) {
        let manifests = self.sandbox.folder().join("manifests");
        let copied =
            Command::new("cp").arg("-r").arg(repository("deploy/kubernetes")).arg(&manifests).status().unwrap();
        assert!(copied.success());
        let overlay = manifests.join("overlays/plain");
        let made = Command::new("sh").arg("make-certificate.sh").current_dir(&overlay).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        let overlay = overlay.display().to_string();
        let applied = self.kubectl(&["apply", "--kustomize", &overlay]).succeeds();
        assert!(applied.contains("validatingwebhookconfiguration.admissionregistration.k8s.io/pullgate"), "{applied}");
        self.start_pod();
    }

    /// Starts the pod of the manifests that were applied, as controllers and a kubelet would, and waits until the webhook
    /// is asked.
    pub fn start_pod(&mut self) {
        let volumes = self.sandbox.folder().join("pullgate");
        for (folder, file, object) in [
            ("policy", "policy.toml", "configmap/pullgate-policy"),
            ("tls", "tls.crt", SECRET),
            ("tls", "tls.key", SECRET),
        ] {
            fs::create_dir_all(volumes.join(folder)).unwrap();
            fs::write(volumes.join(folder).join(file), self.mounted(object, file)).unwrap();
        }
        self.start_daemon();
        // The endpoints of the service, as a controller would make them.
        self.apply(&json!({
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": "pullgate-1",
                "namespace": "pullgate-system",
                "labels": { "kubernetes.io/service-name": "pullgate" },
            },
            "addressType": "IPv4",
            "endpoints": [{ "addresses": [ADDRESS] }],
            "ports": [{ "name": "https", "port": 8443 }],
        }))
        .succeeds();
        let start = Instant::now();
        while self.kubectl(&["run", "probe", "--image=evil.test/app:1", "--dry-run=server"]).is_success {
            assert!(start.elapsed() < CONFIGURATION_TIMEOUT, "the webhook is not asked");
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Mounts the policy that was applied, as a kubelet does some time after a change.
    pub fn update_policy(&mut self) {
        let policy = self.mounted("configmap/pullgate-policy", "policy.toml");
        let file = self.sandbox.folder().join("pullgate/policy/policy.toml");
        self.daemon().set_policy(&file, &policy);
    }

    /// Returns a file of a volume.
    fn mounted(&self, object: &str, file: &str) -> String {
        let decode = if object == SECRET { " | base64decode" } else { "" };
        let template = format!("go-template={{{{index .data \"{file}\"{decode}}}}}");
        self.kubectl(&["get", "--namespace=pullgate-system", object, "--output", &template]).succeeds()
    }

    /// Starts the daemon with the arguments of the Deployment.
    pub fn start_daemon(&mut self) {
        let deployment = fs::read_to_string(repository("deploy/kubernetes/base/deployment.yaml")).unwrap();
        let lines = deployment.lines().map(str::trim).skip_while(|line| *line != "args:").skip(1);
        let arguments = lines.map_while(|line| line.strip_prefix("- ")).take_while(|line| !line.starts_with("name:"));
        let volumes = self.sandbox.folder().join("pullgate").display().to_string();
        // The harness has its own first argument, and a file for the record.
        let arguments = arguments.filter(|argument| *argument != "serve" && !argument.starts_with("--audit="));
        let arguments: Vec<String> = arguments.map(|argument| argument.replace("/etc/pullgate", &volumes)).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        assert!(arguments.contains(&"--kubernetes-listen=0.0.0.0:8443"), "{arguments:?}");
        self.daemon = Some(SandboxedDaemon::start(&self.sandbox, &arguments));
    }

    /// Stops the daemon.
    pub fn stop_daemon(&mut self) {
        self.daemon = None;
    }

    pub fn daemon(&mut self) -> &mut SandboxedDaemon {
        self.daemon.as_mut().unwrap()
    }

    /// Replaces the policy, as a change of the ConfigMap does.
    pub fn set_policy(&mut self, policy: &Value) {
        let file = self.sandbox.folder().join("pullgate/policy/policy.toml");
        self.daemon().set_policy(&file, &toml::to_string(policy).unwrap());
    }

    /// Returns the versions of the server and of `kubectl`.
    pub fn version(&self) -> String {
        self.kubectl(&["version"]).succeeds().trim().replace('\n', ", ")
    }

    /// Returns the audit events of the API server.
    pub fn audit_events(&self) -> Vec<Value> {
        let log = fs::read_to_string(self.sandbox.folder().join("audit.log")).unwrap();
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// Applies an object.
    pub fn apply(&self, object: &Value) -> KubectlOutcome {
        self.kubectl_with(&["apply", "--filename=-"], &object.to_string())
    }

    /// Runs `kubectl`.
    pub fn kubectl(&self, arguments: &[&str]) -> KubectlOutcome {
        self.kubectl_with(arguments, "")
    }

    /// Runs `kubectl` with standard input.
    pub fn kubectl_with(&self, arguments: &[&str], input: &str) -> KubectlOutcome {
        let mut command = self.kubectl_command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        KubectlOutcome { is_success: output.status.success(), text }
    }

    fn kubectl_command(&self, arguments: &[&str]) -> Command {
        let mut command = self.sandbox.command("timeout");
        command.arg(COMMAND_TIMEOUT_SECS).args(kubectl()).args(arguments);
        command.env("HOME", self.sandbox.folder()).env_remove("KUBECONFIG");
        command
    }
}

/// Returns `kubectl` with the arguments that lead it to the API server.
pub fn kubectl() -> [String; 5] {
    let program = target().join("kubernetes-python/bin/kubectl");
    assert!(program.exists(), "there is no `kubectl`: run `python3 tests/kubernetes/check.py`");
    let program = fs::canonicalize(program).unwrap().display().to_string();
    let server = format!("--server=https://{ADDRESS}:6443");
    [program, server, "--token".to_owned(), TOKEN.to_owned(), "--insecure-skip-tls-verify".to_owned()]
}

impl KubectlOutcome {
    /// Requires success. Returns the text.
    #[track_caller]
    pub fn succeeds(self) -> String {
        assert!(self.is_success, "{}", self.text);
        self.text
    }

    /// Requires failure with these texts.
    #[track_caller]
    pub fn fails(self, texts: &[&str]) {
        assert!(!self.is_success, "admitted: {}", self.text);
        for text in texts {
            assert!(self.text.contains(text), "no `{text}` in {}", self.text);
        }
    }
}

/// Returns the folder of what is built.
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("..")
}
