//! Registries with TLS and logins. All are on this machine; dockerd reaches them by names, through the proxy, since it
//! verifies nothing that is on loopback.

use std::path::Path;

use crate::pki::{Ca, Identity, expired};
use crate::process::Folder;
use crate::programs::{self, Program};
use crate::token_server::{self, TokenServer};

/// The only login.
pub const LOGIN: &str = "me:hunter2";

/// All names. `other.test` and `unverified.test` are further names of registries that have their own.
pub const NAMES: [&str; 7] =
    ["secure.test", "other.test", "unverified.test", "plain.test", "password.test", "token.test", "issuer.test"];

/// Each is `HOST:PORT`.
pub struct Registries {
    /// The authority of all certificates here that have one.
    pub ca: Ca,
    /// With a certificate for its name.
    pub secure: String,
    /// The same registry, by a name that its certificate does not have.
    pub misnamed: String,
    /// With an expired certificate for another name that nobody vouches for. It is insecure to dockerd.
    pub unverified: String,
    /// The same registry, and to dockerd it is not insecure.
    pub bad: String,
    /// Without TLS. It is insecure to dockerd.
    pub plain: String,
    /// The same registry, and to dockerd it is not insecure.
    pub cleartext: String,
    /// With a password file.
    pub password: String,
    /// With a server of tokens.
    pub token: String,
    /// The same registry, and to dockerd it is insecure.
    pub unverified_token: String,
    /// That server of tokens.
    pub issuer: String,
    _programs: [Program; 4],
    _issuer: TokenServer,
    _folder: Folder,
}

impl Registries {
    /// Starts them. The one without TLS is there already.
    pub async fn start(plain: u16) -> Self {
        let folder = Folder::new("registries");
        let ca = Ca::new("Lab CA");
        let nothing = |_: &Path| String::new();
        let passwords = |folder: &Path| {
            let path = folder.join("htpasswd");
            let (user, password) = LOGIN.split_once(':').unwrap();
            std::fs::write(&path, programs::htpasswd(user, password)).unwrap();
            format!("auth:\n  htpasswd:\n    realm: Lab\n    path: {}\n", path.display())
        };
        let issuer = TokenServer::start(&folder.0, ca.server(&["issuer.test"]), LOGIN).await;
        let realm = format!("https://issuer.test:{}/token", issuer.port);
        let tokens = |folder: &Path| {
            let (path, name) = (folder.join("issuer.pem"), token_server::SERVICE_NAME);
            std::fs::write(&path, ca.pem()).unwrap();
            let path = path.display();
            format!(
                "auth:\n  token:\n    realm: {realm}\n    service: {name}\n    issuer: {name}\n    rootcertbundle: {path}\n"
            )
        };
        let secure = Program::registry(Some(&ca.server(&["secure.test"])), nothing);
        let bad = Program::registry(Some(&Identity::self_signed(&["elsewhere.test"], expired)), nothing);
        let password = Program::registry(Some(&ca.server(&["password.test"])), passwords);
        let token = Program::registry(Some(&ca.server(&["token.test", "unverified.test"])), tokens);
        Self {
            secure: format!("secure.test:{}", secure.port),
            misnamed: format!("other.test:{}", secure.port),
            unverified: format!("unverified.test:{}", bad.port),
            bad: format!("other.test:{}", bad.port),
            plain: format!("plain.test:{plain}"),
            cleartext: format!("other.test:{plain}"),
            password: format!("password.test:{}", password.port),
            token: format!("token.test:{}", token.port),
            unverified_token: format!("unverified.test:{}", token.port),
            issuer: format!("issuer.test:{}", issuer.port),
            ca,
            _programs: [secure, bad, password, token],
            _issuer: issuer,
            _folder: folder,
        }
    }

    /// All that may be connected to.
    pub fn all(&self) -> Vec<String> {
        [
            &self.secure,
            &self.misnamed,
            &self.unverified,
            &self.bad,
            &self.plain,
            &self.cleartext,
            &self.password,
            &self.token,
            &self.unverified_token,
            &self.issuer,
        ]
        .map(Clone::clone)
        .to_vec()
    }

    /// Those that dockerd does not verify.
    pub fn insecure(&self) -> [String; 3] {
        [&self.unverified, &self.plain, &self.unverified_token].map(Clone::clone)
    }
}
