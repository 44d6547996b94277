//! A registry in pieces, as the public ones are: its API on one host, its tokens on a second one, its blobs on a third
//! one. A fourth host belongs to nobody, and whoever sends a packet to it is seen.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Output;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::json;

use super::gate_world::GATE;
use super::sandbox::{Sandbox, Server};

/// The host of the API.
pub const REGISTRY: &str = "registry.test";

/// The host of tokens.
pub const TOKENS: &str = "token.test";

/// The host of blobs.
pub const CDN: &str = "cdn.test";

/// The host that no policy allows.
pub const DECOY: &str = "decoy.test";

/// The address of that host.
const DECOY_ADDRESS: &str = "10.77.0.4";

const NAMES: [(&str, &str); 4] =
    [("10.77.0.1", REGISTRY), ("10.77.0.2", TOKENS), ("10.77.0.3", CDN), (DECOY_ADDRESS, DECOY)];

/// The login that may pull from `private`.
pub const LOGIN: (&str, &str) = ("me", "hunter2");

/// The login in base64, as `Authorization` and Docker's settings have it.
const LOGIN_BASE64: &str = "bWU6aHVudGVyMg==";

/// Size of the large file in bytes.
pub const FILE_BYTES: usize = 16 << 20;

/// The registry in its sandbox. Everything is served by nginx over TLS, in front of a `docker-registry` with the images
/// `team/app:1`, `private/app:1`, `lured/app:1` and `luredtoken/app:1`; of the last two, blobs and tokens are said to be
/// at the decoy.
pub struct SplitRegistry {
    pub sandbox: Sandbox,
    authority: String,
    packets: PathBuf,
    _servers: [Server; 3],
}

impl SplitRegistry {
    pub fn start() -> Self {
        let sandbox = Sandbox::start(&NAMES);
        let authority = write_certificates(&sandbox);
        let file: Vec<u8> = (0..u32::try_from(FILE_BYTES / 4).unwrap()).flat_map(u32::to_be_bytes).collect();
        fs::create_dir_all(sandbox.folder().join("files")).unwrap();
        fs::write(sandbox.folder().join("files/large"), file).unwrap();
        let packets = sandbox.folder().join("packets");
        let sniffer = sandbox.write("sniffer.py", SNIFFER);
        let mut sniffer = sandbox.serve("sniffer", "python3", |command| {
            command.arg(sniffer).arg(DECOY_ADDRESS).arg(&packets);
        });
        sniffer.wait_until("packets are seen", || packets.exists());
        let registry = sandbox.serve_registry("127.0.0.1:5000", None);
        let config = sandbox.write("nginx.conf", &nginx_config(&sandbox));
        let mut nginx = sandbox.serve("nginx", "nginx", |command| {
            command.arg("-c").arg(config).env("PATH", "/usr/sbin:/usr/bin:/bin");
        });
        let pid = sandbox.folder().join("nginx.pid");
        nginx.wait_until("nginx listens", || pid.exists());
        let registry = Self { sandbox, authority, packets, _servers: [sniffer, registry, nginx] };
        registry.seed();
        registry
    }

    /// Pushes the images past everything.
    fn seed(&self) {
        let script = format!(
            "cd {} && mkdir image && echo x > image/x && head -c 3000000 /dev/urandom > image/y
            tar -C image -cf layer.tar x y && digest=$(sha256sum layer.tar | cut -d' ' -f1)
            printf '{{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{{}},\"rootfs\":{{\"type\":\"layers\",\"diff_ids\":[\"sha256:%s\"]}}}}' $digest > config.json
            printf '[{{\"Config\":\"config.json\",\"RepoTags\":[\"app:1\"],\"Layers\":[\"layer.tar\"]}}]' > manifest.json
            tar -cf image.tar config.json manifest.json layer.tar
            for name in team private lured luredtoken; do
            skopeo --insecure-policy copy --format=oci --dest-tls-verify=false docker-archive:image.tar docker://127.0.0.1:5000/$name/app:1
            done",
            self.sandbox.folder().display()
        );
        let seeded = self.sandbox.command("sh").args(["-ec", &script]).output().unwrap();
        assert!(seeded.status.success(), "{seeded:?}");
    }

    /// Starts a gate whose policy allows these hosts.
    pub fn start_gate(&self, hosts: &[&str], more: &[&str]) -> Server {
        let authorities = json!([{ "pem": self.authority }]);
        let policy = json!({ "whitelist": hosts, "certificate_authorities": authorities });
        let policy = self.sandbox.write("policy.json", &policy.to_string());
        let audit = self.audit();
        let _ = fs::remove_file(&audit);
        let mut gate = self.sandbox.serve("gate", env!("CARGO_BIN_EXE_pullgate"), |command| {
            command.args(["serve", "--listen", "unix:/run/api.sock", "--gate", GATE, "--policy"]).arg(policy);
            command.arg("--audit").arg(audit).args(more);
        });
        let socket = self.sandbox.outside("/run/api.sock");
        gate.wait_until("the gate is open", || UnixStream::connect(&socket).is_ok());
        gate
    }

    /// Returns the path of the record.
    pub fn audit(&self) -> PathBuf {
        self.sandbox.folder().join("audit")
    }

    /// Returns the file of the authority.
    pub fn authority_file(&self) -> PathBuf {
        self.sandbox.folder().join("ca.pem")
    }

    /// Runs a program that trusts the authority, with the gate as its proxy.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let mut command = self.sandbox.command("timeout");
        command.args(["60", program]).args(arguments).env("SSL_CERT_FILE", self.authority_file());
        command.env("HOME", self.sandbox.folder()).envs(super::gate_world::GateWorld::proxy());
        command.output().unwrap()
    }

    /// Returns the number of packets that went to the decoy or came from it.
    pub fn decoy_packets(&self) -> usize {
        fs::read_to_string(&self.packets).unwrap().lines().count()
    }

    /// Requires that nobody sent a packet to the decoy; and that one would have been seen.
    pub fn check_decoy(&self) {
        assert_eq!(self.decoy_packets(), 0);
        let _ = self.sandbox.command("curl").args(["--max-time", "1", &format!("http://{DECOY}/")]).output().unwrap();
        assert!(self.decoy_packets() > 0);
    }

    /// Writes a file of logins of Docker's shape. Returns its path.
    pub fn write_login(&self) -> PathBuf {
        let auths = json!({ "auths": { REGISTRY: { "auth": LOGIN_BASE64 } } });
        self.sandbox.write("auth.json", &auths.to_string())
    }
}

/// Prints a line for each packet of an address: its arguments are the address and the file.
const SNIFFER: &str = "import socket, sys
address = socket.inet_aton(sys.argv[1])
packets = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
with open(sys.argv[2], 'w', buffering=1) as file:
    while True:
        packet, (_, protocol, *_) = packets.recvfrom(65536)
        if protocol == 0x0800 and address in (packet[12:16], packet[16:20]):
            print(len(packet), file=file)
";

fn write_certificates(sandbox: &Sandbox) -> String {
    let key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::<String>::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // Another name than the server's, or OpenSSL takes that for self-signed.
    authority.distinguished_name.push(DnType::CommonName, "authority");
    let pem = authority.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(authority, key);
    let server_key = KeyPair::generate().unwrap();
    let names = [REGISTRY, TOKENS, CDN, DECOY].map(str::to_owned);
    let server = CertificateParams::new(names.to_vec()).unwrap().signed_by(&server_key, &issuer).unwrap();
    sandbox.write("ca.pem", &pem);
    sandbox.write("server.pem", &server.pem());
    sandbox.write("server.key", &server_key.serialize_pem());
    pem
}

/// Returns the configuration: tokens are words, since only who gets which is of interest.
fn nginx_config(sandbox: &Sandbox) -> String {
    let here = sandbox.folder().display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {here}/{kind};"))
        .concat();
    let [registry, tokens, cdn, _] = NAMES.map(|(address, _)| address);
    let check = |realm: &str, token: &str| {
        format!(
            r#"add_header WWW-Authenticate 'Bearer realm="https://{realm}/token",service="split"' always;
            add_header Docker-Distribution-Api-Version registry/2.0 always;
            if ($http_authorization !~ "^Bearer ({token})$") {{ return 401 "{{}}"; }}"#
        )
    };
    let location = |name: &str, realm: &str, token: &str, blobs: &str| {
        let check = check(realm, token);
        format!(
            "location ~ ^/v2/{name}/.*/blobs/sha256:(?<head>..)(?<tail>.*)$ {{ {check}
                return 307 https://{blobs}/blobs/sha256/$head/$head$tail/data?key=1; }}
            location ~ ^/v2/{name}/ {{ {check} proxy_pass http://127.0.0.1:5000; proxy_set_header Host $host; }}\n"
        )
    };
    let locations = [
        location("team", TOKENS, "anonymous|me", CDN),
        location("private", TOKENS, "me", CDN),
        location("lured", TOKENS, "anonymous|me", DECOY),
        location("luredtoken", DECOY, "anonymous", CDN),
    ]
    .concat();
    let version = check(TOKENS, "anonymous|me");
    format!(
        r#"user root; daemon off; pid {here}/nginx.pid; error_log {here}/nginx-errors.log; events {{}}
        http {{ access_log {here}/access.log; {temporary} client_max_body_size 0;
        log_format hosts '$host $request $status $http_authorization';
        ssl_certificate {here}/server.pem; ssl_certificate_key {here}/server.key;
        map $http_authorization $user {{ default ""; "" anonymous; "Basic {LOGIN_BASE64}" me; }}
        server {{ listen {registry}:443 ssl; access_log {here}/registry-access.log hosts; {locations}
            location = /v2/ {{ {version} return 200 "{{}}"; }} }}
        server {{ listen {tokens}:443 ssl; access_log {here}/token-access.log hosts;
            location /token {{ default_type application/json;
                if ($user = "") {{ return 401 "{{}}"; }}
                return 200 '{{"token":"$user","access_token":"$user","expires_in":300}}'; }} }}
        server {{ listen {cdn}:443 ssl; access_log {here}/cdn-access.log hosts;
            location /blobs/ {{ alias {here}/storage/docker/registry/v2/blobs/; }}
            location /files/ {{ alias {here}/files/; }} }} }}"#
    )
}
