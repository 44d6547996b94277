//! skopeo, which asks registries by itself: an independent witness of what is in them.

use std::net::SocketAddr;
use std::process::Command;

use crate::client::Outcome;
use crate::pki::Ca;
use crate::process::Folder;

pub struct Skopeo {
    proxy: String,
    folder: Folder,
}

/// How a registry is reached.
#[derive(Clone, Copy)]
pub struct Access<'a> {
    /// Whether its certificate is verified, by the authority of the test.
    pub verified: bool,
    /// `USER:PASSWORD`.
    pub login: Option<&'a str>,
}

impl Skopeo {
    pub fn new(proxy: SocketAddr, ca: &Ca) -> Self {
        let folder = Folder::new("skopeo");
        std::fs::create_dir_all(folder.path("certificates")).unwrap();
        std::fs::write(folder.path("certificates").join("ca.crt"), ca.pem()).unwrap();
        // No login of the machine has a say.
        std::fs::write(folder.path("auth.json"), "{}").unwrap();
        Self { proxy: format!("http://{proxy}"), folder }
    }

    /// The digest of an image, or what the registry says if it has none.
    pub async fn digest(&self, image: &str, access: Access<'_>) -> Result<String, String> {
        let mut arguments = ["inspect", "--no-tags", "--format", "{{.Digest}}"].map(str::to_owned).to_vec();
        arguments.extend(self.flags(access, ""));
        let outcome = self.run(&arguments, &[image]).await;
        if outcome.done { Ok(outcome.text.trim().to_owned()) } else { Err(outcome.text) }
    }

    /// Gives an image another name, in its registry.
    pub async fn copy(&self, from: &str, to: &str, access: Access<'_>) -> Outcome {
        let mut arguments = vec!["copy".to_owned()];
        arguments.extend(self.flags(access, "src-"));
        arguments.extend(self.flags(access, "dest-"));
        self.run(&arguments, &[from, to]).await
    }

    async fn run(&self, arguments: &[String], images: &[&str]) -> Outcome {
        let mut command = Command::new("timeout");
        command.args(["60", "skopeo", "--insecure-policy"]).args(arguments);
        command.args(images.iter().map(|image| format!("docker://{image}")));
        command.env("HTTPS_PROXY", &self.proxy).env("HTTP_PROXY", &self.proxy).env("NO_PROXY", "");
        command.env("REGISTRY_AUTH_FILE", self.folder.path("auth.json"));
        for name in ["https_proxy", "http_proxy", "no_proxy"] {
            command.env_remove(name);
        }
        Outcome::from_command(command, &[], "skopeo").await
    }

    fn flags(&self, access: Access<'_>, side: &str) -> Vec<String> {
        let certificates = self.folder.path("certificates");
        let mut flags = vec![
            format!("--{side}tls-verify={}", access.verified),
            format!("--{side}cert-dir={}", certificates.display()),
        ];
        flags.extend(access.login.map(|login| format!("--{side}creds={login}")));
        flags
    }
}
