//! Registries of every kind in a sandbox, behind a gate.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Output;

use serde_json::{Value, json};

use super::daemon::talk;
use super::sandbox::Server;
use super::settings_docker::{IMAGE, seed};
use super::settings_world::{CLEARTEXT, DENIED, PLAIN, PRIVATE, SELF_SIGNED, SettingsWorld, UNTRUSTED, check_outcome};

/// The address of the gate.
pub const GATE: &str = "127.0.0.1:8733";

/// A world with a gate. Registries record every request, so that one past the gate is seen.
pub struct GateWorld {
    pub settings: SettingsWorld,
    gate: Server,
    audit: PathBuf,
}

impl GateWorld {
    /// Starts a world with an image in its registries.
    pub fn start(programs: Option<PathBuf>) -> Self {
        let settings = SettingsWorld::start(programs);
        seed(&settings);
        let audit = settings.sandbox.folder().join("gate-audit");
        let policy = settings.policy();
        let mut gate = settings.sandbox.serve("gate", env!("CARGO_BIN_EXE_pullgate"), |command| {
            command.args(["serve", "--policy", &policy, "--listen", "unix:/run/pullgate/pullgate.sock"]);
            command.args(["--gate", GATE, "--require-whitelist", "--audit"]).arg(&audit);
        });
        let socket = settings.sandbox.outside("/run/pullgate/pullgate.sock");
        gate.wait_until("the gate is open", || {
            UnixStream::connect(&socket).is_ok_and(|stream| talk(stream, "GET /readyz", "localhost", &[], "").0 == 200)
        });
        Self { settings, gate, audit }
    }

    /// Exports what leads an engine through the gate below the root folder of the settings.
    pub fn export(&self, target: &str) {
        self.settings.export_with(target, &["--gate", GATE]);
    }

    /// Returns the variables of an exported drop-in.
    pub fn exported_environment(&self, service: &str) -> Vec<(String, String)> {
        let path = format!("etc/systemd/system/{service}.service.d/pullgate-gate.conf");
        let text = fs::read_to_string(self.settings.root().join(path)).unwrap();
        let variables = text.lines().filter_map(|line| line.strip_prefix("Environment=")?.split_once('='));
        let variables: Vec<_> = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        assert_eq!(variables.len(), 2, "{text}");
        variables
    }

    /// Requires that an engine proves its way through the gate. The command finds the engine by these variables.
    #[track_caller]
    pub fn check_proof(&self, target: &str, variables: &[(&str, &str)]) {
        let mut command = self.settings.command(env!("CARGO_BIN_EXE_pullgate"));
        command.args(["doctor", "--for", target, "--gate", GATE, "--prove", "--json", "--policy"]);
        command.arg(self.settings.policy()).arg("--root").arg(self.settings.root());
        let found = command.envs(variables.iter().copied()).output().unwrap();
        let report: Value = serde_json::from_slice(&found.stdout).unwrap_or_else(|error| panic!("{error}: {found:?}"));
        assert_eq!(report["proofs"][0]["target"], target, "{report:#}\n{}", self.log());
    }

    /// Returns the variables that lead a program through the gate.
    pub fn proxy() -> [(&'static str, String); 3] {
        let proxy = format!("http://{GATE}");
        [("HTTP_PROXY", proxy.clone()), ("HTTPS_PROXY", proxy), ("NO_PROXY", String::new())]
    }

    /// Asks the API.
    pub fn ask(&self, line: &str) -> (u16, String) {
        let socket = self.settings.sandbox.outside("/run/pullgate/pullgate.sock");
        talk(UnixStream::connect(socket).unwrap(), line, "localhost", &[], "")
    }

    /// Returns the log of the gate.
    pub fn log(&self) -> String {
        self.gate.log()
    }

    /// Returns the records so far.
    pub fn records(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.audit).unwrap();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Requires that the gate allowed these registries for one action. A client may keep its tunnels open, so that their
    /// transfers need not have ended.
    #[track_caller]
    pub fn check_records(&self, action: &str, registries: &[&str]) {
        let records = self.records();
        for registry in registries {
            let is_of = |record: &Value| {
                record["action"] == action
                    && record["decision"] == "allow"
                    && record["reference"].as_str().unwrap().starts_with(registry)
            };
            assert!(records.iter().any(is_of), "{registry}: {records:#?}");
        }
        let has_bytes = |record: &Value| record["transfer"]["receivedBytes"].as_u64() > Some(0);
        assert!(records.iter().any(has_bytes), "{records:#?}");
    }

    /// Requires that no request got to the registry that the policy denies.
    #[track_caller]
    pub fn check_nobody_reached_the_denied(&self) {
        let log = fs::read_to_string(self.settings.sandbox.folder().join("registry-5000.log")).unwrap();
        let reached = log.lines().find(|line| line.contains(&format!("http.request.host=\"{DENIED}\"")));
        assert_eq!(reached, None);
    }

    /// Pulls from every registry by dockerd with the gate as its proxy, and then does `more` by the docker client.
    /// dockerd trusts more than the policy does.
    pub fn docker_pulls_through_tunnels(
        &self,
        socket: &str,
        settings: Value,
        more: impl FnOnce(&dyn Fn(&[&str]) -> Output),
    ) {
        let mut config = json!({
            "iptables": false,
            "ip6tables": false,
            "bridge": "none",
            "data-root": "/run/data",
            "exec-root": "/run/exec",
            "pidfile": "/run/docker.pid",
            "insecure-registries": [PLAIN, SELF_SIGNED, CLEARTEXT, UNTRUSTED, DENIED, PRIVATE],
        });
        config.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let config = self.settings.sandbox.write("daemon.json", &config.to_string());
        self.export("docker");
        let environment = self.exported_environment("docker");
        let mut engine = self.settings.serve("dockerd", |command| {
            command.env_remove("NO_PROXY").env_remove("no_proxy").envs(environment);
            command.arg("--config-file").arg(config).arg(format!("--host=unix://{socket}"));
        });
        let outside = self.settings.sandbox.outside(socket);
        engine.wait_until("dockerd answers", || {
            UnixStream::connect(&outside).is_ok_and(|stream| talk(stream, "GET /_ping", "d", &[], "").0 == 200)
        });
        let docker = |arguments: &[&str]| {
            let mut command = self.settings.command("docker");
            command.args(["--host", &format!("unix://{socket}")]).args(arguments).output().unwrap()
        };
        for (registry, errors) in [
            (PLAIN, &[][..]),
            (PRIVATE, &[]),
            (SELF_SIGNED, &[]),
            // dockerd would take all of these, and the policy does not.
            (CLEARTEXT, &["the policy allows no plain HTTP to `cleartext.test:5000`", "speaks plain HTTP"]),
            // After HTTPS dockerd tries plain HTTP, and shows that refusal.
            (UNTRUSTED, &["the policy allows no plain HTTP to `untrusted.test:5443`", "cannot be reached"]),
            (DENIED, &["access to registry `denied.test:5000` is denied"]),
        ] {
            let image = format!("{registry}/{IMAGE}");
            check_outcome(&image, &docker(&["pull", &image]), errors);
        }
        // What was pulled can be pushed, through the same tunnel.
        let pushed = format!("{PRIVATE}/team/pushed:1");
        check_outcome("tag", &docker(&["tag", &format!("{PRIVATE}/{IMAGE}"), &pushed]), &[]);
        check_outcome("push", &docker(&["push", &pushed]), &[]);
        more(&docker);
        self.check_proof("docker", &[("DOCKER_HOST", &format!("unix://{socket}"))]);
        self.check_records("tunnel", &[PRIVATE, SELF_SIGNED]);
        self.check_records("forward", &[PLAIN]);
        self.check_nobody_reached_the_denied();
    }
}
