//! Registries of every kind in a sandbox, and the settings that `pullgate export` writes for them.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};

use super::sandbox::{Sandbox, Server};

/// A registry without TLS, insecure by the policy.
pub const PLAIN: &str = "plain.test:5000";

/// A registry with a certificate by the policy's authority for it.
pub const PRIVATE: &str = "private.test:5443";

/// A registry with a self-signed certificate, insecure by the policy.
pub const SELF_SIGNED: &str = "selfsigned.test:5444";

/// The registry without TLS by a name that the policy verifies.
pub const CLEARTEXT: &str = "cleartext.test:5000";

/// The registry with a private authority by a name for which the policy does not have it.
pub const UNTRUSTED: &str = "untrusted.test:5443";

/// The registry without TLS by a name that the policy denies.
pub const DENIED: &str = "denied.test:5000";

/// The names, each with an address of its own: on 127.0.0.0/8 runtimes make exceptions.
const NAMES: [(&str, &str); 6] = [
    ("10.77.0.1", "plain.test"),
    ("10.77.0.2", "private.test"),
    ("10.77.0.3", "selfsigned.test"),
    ("10.77.0.4", "cleartext.test"),
    ("10.77.0.5", "untrusted.test"),
    ("10.77.0.6", "denied.test"),
];

/// A sandbox with registries that share their images, a policy, and a root folder for settings.
pub struct SettingsWorld {
    pub sandbox: Sandbox,
    /// The folder of programs that are used in place of the machine's.
    programs: Option<PathBuf>,
    policy: PathBuf,
    _registries: Vec<Server>,
}

impl SettingsWorld {
    pub fn start(programs: Option<PathBuf>) -> Self {
        let sandbox = Sandbox::start(&NAMES);
        let key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new(Vec::<String>::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_pem = authority.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(authority, key);
        let server_key = KeyPair::generate().unwrap();
        let names = ["private.test", "untrusted.test"].map(str::to_owned);
        let server = CertificateParams::new(names.to_vec()).unwrap().signed_by(&server_key, &issuer).unwrap();
        sandbox.write("private.crt", &server.pem());
        sandbox.write("private.key", &server_key.serialize_pem());
        let own_key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(vec!["selfsigned.test".to_owned()]).unwrap().self_signed(&own_key).unwrap();
        sandbox.write("selfsigned.crt", &own.pem());
        sandbox.write("selfsigned.key", &own_key.serialize_pem());
        let policy = json!({
            "whitelist": ["private.test:5443/team", "cleartext.test:5000", "untrusted.test:5443"],
            "insecure": ["plain.test:5000", "selfsigned.test:5444"],
            "certificate_authorities": [{ "pem": authority_pem, "registries": ["private.test:5443"] }],
        });
        let policy = sandbox.write("policy.json", &policy.to_string());
        let registries = [
            ("0.0.0.0:5000", None),
            ("0.0.0.0:5443", Some(["private.crt", "private.key"])),
            ("0.0.0.0:5444", Some(["selfsigned.crt", "selfsigned.key"])),
        ];
        let registries = registries.map(|(address, identity)| sandbox.serve_registry(address, identity));
        Self { sandbox, programs, policy, _registries: registries.into() }
    }

    /// Returns the policy file.
    pub fn policy(&self) -> String {
        self.policy.display().to_string()
    }

    /// Returns the root folder of the settings.
    pub fn root(&self) -> PathBuf {
        self.sandbox.folder().join("root")
    }

    /// Writes a file of the settings that is there before the export.
    pub fn write(&self, path: &str, content: &str) {
        self.sandbox.write(&format!("root/{}", path.trim_start_matches('/')), content);
    }

    /// Exports the policy below the root folder.
    pub fn export(&self, target: &str) {
        self.export_with(target, &[]);
    }

    /// Exports the policy below the root folder, with these options besides.
    pub fn export_with(&self, target: &str, options: &[&str]) {
        let root = self.root().display().to_string();
        let command = ["export", "--to", target, "--policy", &self.policy(), "--out", &root];
        let exported = pullgate(&[&command, options].concat());
        assert!(exported.status.success(), "{exported:?}");
    }

    /// Returns the codes of what `doctor` finds below the root folder.
    pub fn disagreements(&self, target: &str) -> Vec<String> {
        let root = self.root().display().to_string();
        let found = pullgate(&["doctor", "--for", target, "--policy", &self.policy(), "--root", &root, "--json"]);
        let report: Value = serde_json::from_slice(&found.stdout).unwrap_or_else(|error| panic!("{error}: {found:?}"));
        let disagreements = report["disagreements"].as_array().unwrap();
        assert_eq!(found.status.code(), Some(i32::from(!disagreements.is_empty())));
        disagreements.iter().map(|each| each["code"].as_str().unwrap().to_owned()).collect()
    }

    /// Puts a folder of the settings in its place in the sandbox.
    pub fn mount(&self, path: &str) {
        let source = self.root().join(path.trim_start_matches('/'));
        fs::create_dir_all(&source).unwrap();
        let script = format!("mkdir -p {path} && mount --bind {} {path}", source.display());
        let mounted = self.sandbox.command("sh").args(["-ec", &script]).output().unwrap();
        assert!(mounted.status.success(), "{mounted:?}");
    }

    /// Returns a command of the programs, by name.
    pub fn command(&self, program: &str) -> Command {
        let mut command = self.sandbox.command("timeout");
        command.args(["60", program]);
        self.equip(&mut command);
        command
    }

    /// Starts one of the programs as a server.
    pub fn serve(&self, program: &str, adjust: impl FnOnce(&mut Command)) -> Server {
        self.sandbox.serve(program, program, |command| {
            self.equip(command);
            adjust(command);
        })
    }

    /// Puts the programs before all others, and leaves out the settings of the machine.
    fn equip(&self, command: &mut Command) {
        let others = std::env::var("PATH").unwrap_or_default();
        let path = match &self.programs {
            Some(programs) => format!("{0}/usr/bin:{0}/usr/sbin:{others}:/usr/sbin", programs.display()),
            None => format!("{others}:/usr/sbin"),
        };
        command.env("PATH", path).env("HOME", self.sandbox.folder());
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "DOCKER_HOST"] {
            command.env_remove(name);
        }
    }
}

/// Requires that a program succeeded, or failed with one of these texts.
#[track_caller]
pub fn check_outcome(what: &str, output: &Output, errors: &[&str]) {
    let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
    assert_eq!(output.status.success(), errors.is_empty(), "{what}: {text}");
    assert!(errors.is_empty() || errors.iter().any(|error| text.contains(error)), "{what}: no {errors:?} in {text}");
}

fn pullgate(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pullgate")).args(arguments).output().unwrap()
}
