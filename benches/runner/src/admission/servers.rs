//! The daemon and its peers as processes, each with the same whitelist in the form that its documentation teaches.

use std::fs;
use std::io::BufReader;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::json;
use tempfile::TempDir;

use crate::admission::client::Connection;
use crate::admission::requests::{self, AdmissionCase, Place};
use crate::engines::entries::EntryLists;
use crate::engines::rego;
use crate::process::RunningProcess;

/// The rules of opa-docker-authz without their data.
const DOCKER_RULES: &str = include_str!("../../../peers/opa-docker-authz/registry.rego");
/// Gatekeeper's template.
const TEMPLATE: &str = include_str!("../../../peers/gatekeeper/template.yaml");

/// The path of opa-docker-authz and the daemon, by Docker's interface.
const DOCKER_PATH: &str = "/AuthZPlugin.AuthZReq";

/// A server of the comparison.
pub struct Peer {
    pub name: &'static str,
    pub place: Place,
    /// The path of its webhook, with the query of the API server.
    path: &'static str,
    /// The name of its program among the peers; `None` for the daemon.
    program: Option<&'static str>,
    /// Returns its arguments, the last of which is its port or its socket.
    arguments: fn(&ServerFiles) -> Vec<String>,
}

/// All servers: in each place the daemon first.
pub const PEERS: [Peer; 5] = [
    Peer {
        name: "pullgate, for Docker",
        place: Place::Docker,
        path: DOCKER_PATH,
        program: None,
        arguments: |files| {
            let mut arguments = daemon(files, "docker");
            arguments.extend(["--docker-socket".to_owned(), files.path("pullgate.sock")]);
            arguments
        },
    },
    Peer {
        name: "opa-docker-authz, with a bundle",
        place: Place::Docker,
        path: DOCKER_PATH,
        program: Some("opa-docker-authz"),
        arguments: |files| {
            let socket = files.path("bundle.sock");
            ["-config-file", &files.path("opa.yaml"), "-plugin-name", &socket].map(str::to_owned).to_vec()
        },
    },
    Peer {
        name: "opa-docker-authz, with a file",
        place: Place::Docker,
        path: DOCKER_PATH,
        program: Some("opa-docker-authz"),
        arguments: |files| {
            let (policy, socket) = (files.path("authz.rego"), files.path("file.sock"));
            ["-policy-file", &policy, "-plugin-name", &socket].map(str::to_owned).to_vec()
        },
    },
    Peer {
        name: "pullgate, for Kubernetes",
        place: Place::Kubernetes,
        path: "/kubernetes/validate?timeout=10s",
        program: None,
        arguments: |files| {
            let mut arguments = daemon(files, "kubernetes");
            let (certificate, key) = (files.path("tls.crt"), files.path("tls.key"));
            arguments.extend(["--tls-certificate", &certificate, "--tls-key", &key].map(str::to_owned));
            arguments.push("--kubernetes-listen".to_owned());
            arguments
        },
    },
    Peer {
        name: "Gatekeeper's webhook",
        place: Place::Kubernetes,
        path: "/v1/admit?timeout=10s",
        program: Some("gatekeeper-webhook"),
        arguments: |files| ["template.yaml", "constraint.json", ""].map(|name| files.path(name)).to_vec(),
    },
];

/// Returns the arguments of the daemon with a record of its decisions.
fn daemon(files: &ServerFiles, name: &str) -> Vec<String> {
    let api = format!("unix:{}", files.path(&format!("{name}-api.sock")));
    let (policy, record) = (files.path("policy.json"), files.path(&format!("{name}.jsonl")));
    let arguments = ["serve", "--no-dns", "--listen", &api, "--policy", &policy, "--audit", &record];
    arguments.map(str::to_owned).to_vec()
}

/// A folder with what the servers read, and their sockets.
pub struct ServerFiles {
    folder: TempDir,
    /// Settings of TLS that trust the certificate of all servers.
    tls: Arc<ClientConfig>,
}

impl ServerFiles {
    /// Writes a policy in the form of each server.
    pub fn write(document: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text);
        write("policy.json", document)?;

        let data = rego::data(&EntryLists::parse(document)?);
        let bundle = folder.path().join("bundle");
        fs::create_dir(&bundle)?;
        write("bundle/data.json", &json!({ "registries": data }).to_string())?;
        write("bundle/authz.rego", &format!("{DOCKER_RULES}\nregistries := data.registries\n"))?;
        let bundles = json!({"bundles": {"authz": {"resource": format!("file://{}", bundle.display())}}});
        write("opa.yaml", &bundles.to_string())?;
        write("authz.rego", &format!("{DOCKER_RULES}\nregistries := {data}\n"))?;

        write("template.yaml", TEMPLATE)?;
        let constraint = json!({
            "apiVersion": "constraints.gatekeeper.sh/v1beta1",
            "kind": "K8sAllowedRegistries",
            "metadata": {"name": "whitelist"},
            "spec": {
                "match": {"kinds": [{"apiGroups": [""], "kinds": ["Pod"]}]},
                "parameters": data,
            },
        });
        write("constraint.json", &constraint.to_string())?;

        let identity = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        write("tls.crt", &identity.cert.pem())?;
        write("tls.key", &identity.signing_key.serialize_pem())?;
        fs::set_permissions(folder.path().join("tls.key"), fs::Permissions::from_mode(0o600))?;
        let mut roots = RootCertStore::empty();
        roots.add(identity.cert.der().clone())?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(Self { folder, tls: Arc::new(tls.with_root_certificates(roots).with_no_client_auth()) })
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

/// A server under measurement.
pub struct RunningServer {
    pub place: Place,
    pub process: RunningProcess,
    pub cases: Vec<AdmissionCase>,
    address: ServerAddress,
}

enum ServerAddress {
    Socket(PathBuf),
    Port(u16, Arc<ClientConfig>),
}

impl Peer {
    /// Starts the server, and waits until it accepts connections. Returns `None` where its program was not built.
    pub fn start(&self, daemon: &Path, peers: &Path, files: &ServerFiles) -> Result<Option<RunningServer>> {
        let program = match self.program {
            None => daemon.to_path_buf(),
            Some(name) => peers.join(name),
        };
        if !program.exists() && self.program.is_some() {
            return Ok(None);
        }
        let mut arguments = (self.arguments)(files);
        let address = match self.place {
            Place::Docker => ServerAddress::Socket(arguments.last().context("there is no socket")?.into()),
            Place::Kubernetes => {
                // A port that was free a moment ago.
                let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
                let is_daemon = self.program.is_none();
                arguments.push(if is_daemon { format!("127.0.0.1:{port}") } else { port.to_string() });
                ServerAddress::Port(port, Arc::clone(&files.tls))
            }
        };
        let process = RunningProcess::start(Command::new(program).args(arguments))?;
        let cases = requests::cases(self.place, self.path);
        let mut server = RunningServer { place: self.place, process, cases, address };
        while server.connect().is_err() {
            if let Some(status) = server.process.child.try_wait()? {
                bail!("{} ended before it accepted connections ({status})", self.name);
            }
            server.process.check_time()?;
        }
        Ok(Some(server))
    }
}

impl RunningServer {
    /// Opens a connection, over TLS with its handshake to come.
    pub fn connect(&self) -> Result<Box<dyn Connection>> {
        match &self.address {
            ServerAddress::Socket(path) => Ok(Box::new(BufReader::new(UnixStream::connect(path)?))),
            ServerAddress::Port(port, tls) => {
                let stream = TcpStream::connect(("127.0.0.1", *port))?;
                stream.set_nodelay(true)?;
                let session = ClientConnection::new(Arc::clone(tls), ServerName::try_from("localhost")?)?;
                Ok(Box::new(BufReader::new(StreamOwned::new(session, stream))))
            }
        }
    }
}
