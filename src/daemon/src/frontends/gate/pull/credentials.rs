//! Credentials for registries: a file of the shape of Docker's `config.json`, and its credential helpers.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::time::timeout;

use crate::server::secret_file::read_secret_file;
use crate::util::reloading_file::ReloadingFile;
use crate::util::sanitize::io_error_reason;

/// The key of Docker Hub in Docker's files.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// Timeout for a credential helper.
const HELPER_TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum size of a helper's output in bytes.
const MAX_HELPER_OUTPUT_BYTES: u64 = 64 << 10;

/// The user name with which helpers give an identity token.
const IDENTITY_TOKEN_USER: &str = "<token>";

/// An error of the credentials. The texts are human-readable, and repeat no secret.
#[derive(Debug, Error)]
pub enum CredentialsError {
    /// The file cannot be read.
    #[error("cannot read the credentials `{path}`: {}", io_error_reason(.error))]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// The file is not of the shape of Docker's. The cause is not shown, since it may quote a secret.
    #[error("the credentials `{path}` are not as `docker login` writes them: line {line}, column {column}")]
    Invalid {
        /// The path.
        path: PathBuf,
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
    /// The name of a helper is none.
    #[error("the credentials name the helper `{0}`, which no program can be")]
    HelperName(String),
    /// A helper failed.
    #[error("the credential helper `docker-credential-{name}` {reason}")]
    Helper {
        /// Its name.
        name: String,
        /// The reason.
        reason: String,
    },
    /// The credentials are an identity token.
    #[error("the credentials of `{0}` are an identity token, which is not used here: write a user and a password")]
    IdentityToken(String),
}

/// A user and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// The user.
    pub user: String,
    password: String,
}

impl Credential {
    /// Returns the value of `Authorization` for the scheme `Basic` (RFC 7617).
    pub fn to_basic(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("{}:{}", self.user, self.password)))
    }
}

/// Omits the password.
impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a password of `{}`", self.user)
    }
}

/// The parts of the file that matter.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct AuthFile {
    auths: HashMap<String, AuthEntry>,
    cred_helpers: HashMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AuthEntry {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
}

/// Credentials that are reloaded from their file.
pub struct Credentials {
    path: PathBuf,
    /// Empty while the file is unusable.
    file: ReloadingFile<AuthFile>,
}

impl Credentials {
    /// Loads the file.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn load(path: &Path) -> Result<Self, CredentialsError> {
        let file = ReloadingFile::load(vec![path.to_owned()], || read_auth_file(path))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Reloads the file if it may have changed. A failure removes the credentials, since the old ones may be revoked.
    /// Returns whether the file was read.
    ///
    /// # Errors
    ///
    /// Those of [`load`](Self::load).
    pub fn refresh(&self) -> Result<bool, CredentialsError> {
        self.file.refresh_or(AuthFile::default(), || read_auth_file(&self.path))
    }

    /// Returns the credentials of a registry, `HOST[:PORT]` in canonical form; none if there are none.
    ///
    /// # Errors
    ///
    /// If a helper fails, or if the credentials are of a kind that is not used.
    pub async fn get(&self, registry: &str) -> Result<Option<Credential>, CredentialsError> {
        let file = self.file.current_arc();
        let keys = registry_keys(registry);
        if let Some((key, helper)) = keys.iter().find_map(|key| file.cred_helpers.get_key_value(key)) {
            return run_helper(helper, key).await;
        }
        // As Docker does: the store goes first, and then what stands in the file.
        if let Some(store) = &file.creds_store {
            for key in &keys {
                if let Some(credential) = run_helper(store, key).await? {
                    return Ok(Some(credential));
                }
            }
        }
        let Some(entry) = keys.iter().find_map(|key| file.auths.get(key)) else { return Ok(None) };
        if !entry.identitytoken.is_empty() {
            return Err(CredentialsError::IdentityToken(registry.to_owned()));
        }
        Ok(parse_entry(entry))
    }
}

/// Returns the keys under which a registry may stand, the most exact one first.
fn registry_keys(registry: &str) -> Vec<String> {
    let hosts = [Some(registry), registry.strip_suffix(":443")];
    let mut keys: Vec<String> = hosts
        .into_iter()
        .flatten()
        .flat_map(|host| [host.to_owned(), format!("https://{host}"), format!("https://{host}/v2/")])
        .collect();
    if registry == "docker.io" {
        keys.extend([DOCKER_HUB_KEY, "index.docker.io", "registry-1.docker.io"].map(str::to_owned));
    }
    keys
}

fn parse_entry(entry: &AuthEntry) -> Option<Credential> {
    let (user, password) = match entry.auth.is_empty() {
        true => (entry.username.clone(), entry.password.clone()),
        false => {
            let pair = String::from_utf8(STANDARD.decode(entry.auth.trim()).ok()?).ok()?;
            let (user, password) = pair.split_once(':')?;
            (user.to_owned(), password.trim_end_matches('\0').to_owned())
        }
    };
    (!user.is_empty() && !password.is_empty()).then_some(Credential { user, password })
}

fn read_auth_file(path: &Path) -> Result<AuthFile, CredentialsError> {
    let text = read_secret_file(path).map_err(|error| CredentialsError::Unreadable { path: path.to_owned(), error })?;
    let file: AuthFile = serde_json::from_slice(&text).map_err(|error| CredentialsError::Invalid {
        path: path.to_owned(),
        line: error.line(),
        column: error.column(),
    })?;
    let is_name = |name: &&String| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    match file.cred_helpers.values().chain(&file.creds_store).find(|name| !is_name(name)) {
        Some(name) => Err(CredentialsError::HelperName(pullgate::display::sanitize_line(name, 100))),
        None => Ok(file),
    }
}

/// Asks a helper (docker-credential-helpers, "get"): the key on its standard input, JSON on its standard output.
async fn run_helper(name: &str, key: &str) -> Result<Option<Credential>, CredentialsError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct HelperOutput {
        username: String,
        secret: String,
    }
    let failed = |reason: String| CredentialsError::Helper { name: name.to_owned(), reason };
    let run = async {
        let mut helper = Command::new(format!("docker-credential-{name}"))
            .arg("get")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(mut stdin) = helper.stdin.take() {
            stdin.write_all(key.as_bytes()).await?;
        }
        let mut output = Vec::new();
        if let Some(stdout) = helper.stdout.take() {
            stdout.take(MAX_HELPER_OUTPUT_BYTES).read_to_end(&mut output).await?;
        }
        Ok::<_, io::Error>((helper.wait().await?, output))
    };
    let (status, output) = timeout(HELPER_TIMEOUT, run)
        .await
        .map_err(|_| failed(format!("did not answer within {} seconds", HELPER_TIMEOUT.as_secs())))?
        .map_err(|error| failed(format!("cannot be run: {}", io_error_reason(&error))))?;
    if !status.success() {
        let text = String::from_utf8_lossy(&output);
        return match text.contains("credentials not found") {
            true => Ok(None),
            false => Err(failed(format!("failed: {status}"))),
        };
    }
    let HelperOutput { username, secret } =
        serde_json::from_slice(&output).map_err(|_| failed("printed no user and secret".to_owned()))?;
    if username == IDENTITY_TOKEN_USER {
        return Err(CredentialsError::IdentityToken(key.to_owned()));
    }
    Ok((!secret.is_empty()).then_some(Credential { user: username, password: secret }))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn credentials(json: &str) -> Result<(Credentials, tempfile::TempDir), CredentialsError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("auth.json");
        fs::write(&path, json).unwrap();
        Ok((Credentials::load(&path)?, folder))
    }

    #[tokio::test]
    async fn registry_is_found_under_the_keys_that_docker_writes() {
        let file = r#"{"auths": {
            "https://index.docker.io/v1/": {"auth": "aHViOnMzY3JldA=="},
            "r.example:5000": {"username": "me", "password": "s3cret"},
            "https://other.example": {"auth": "bWU6czNjOnJldA=="},
            "empty.example": {}, "broken.example": {"auth": "!"}, "token.example": {"auth": "eDp5", "identitytoken": "z"}
        }, "HttpHeaders": {"X": "y"}}"#;
        let (credentials, _folder) = credentials(file).unwrap();
        let get = async |registry: &str| {
            credentials.get(registry).await.map(|found| found.map(|found| (found.user.clone(), found.password.clone())))
        };
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(get("docker.io").await.unwrap(), pair("hub", "s3cret"));
        assert_eq!(get("r.example:5000").await.unwrap(), pair("me", "s3cret"));
        assert_eq!(get("other.example").await.unwrap(), pair("me", "s3c:ret"));
        assert_eq!(get("other.example:443").await.unwrap(), pair("me", "s3c:ret"));
        for none in ["r.example", "other.example:5000", "evil.example", "empty.example", "broken.example"] {
            assert_eq!(get(none).await.unwrap(), None, "{none}");
        }
        assert!(matches!(get("token.example").await, Err(CredentialsError::IdentityToken(_))));
        let found = credentials.get("docker.io").await.unwrap().unwrap();
        assert_eq!(found.to_basic(), "Basic aHViOnMzY3JldA==");
        assert!(!format!("{found:?}").contains("s3cret"));
    }

    #[test]
    fn malformed_file_is_an_error_without_its_text() {
        for file in [r#"{"auths": {"h": {"auth": 5, "password": "s3cret"}}}"#, "s3cret", r#"{"auths": ["s3cret"]}"#] {
            let error = credentials(file).err().unwrap().to_string();
            assert!(error.contains("line 1") && !error.contains("s3cret"), "{error}");
        }
        for name in ["../evil", "a b", "", "a/b"] {
            let file = serde_json::json!({"credsStore": name}).to_string();
            assert!(matches!(credentials(&file), Err(CredentialsError::HelperName(_))), "{name}");
        }
    }

    #[tokio::test]
    async fn helper_that_is_not_there_is_an_error() {
        let (credentials, _folder) = credentials(r#"{"credHelpers": {"r.example": "there-is-none"}}"#).unwrap();
        let error = credentials.get("r.example").await.unwrap_err().to_string();
        assert!(error.contains("docker-credential-there-is-none") && error.contains("cannot be run"), "{error}");
        assert_eq!(credentials.get("other.example").await.unwrap(), None);
    }
}
