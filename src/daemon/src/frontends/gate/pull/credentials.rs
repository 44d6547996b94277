//! Credentials for registries: a file of the shape of Docker's `config.json`, and its credential helpers.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
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
    #[error("the credential helper `docker-credential-{name}` {error}")]
    Helper {
        /// Its name.
        name: String,
        /// The failure.
        error: HelperError,
    },
}

/// A failure of a credential helper. The texts repeat nothing of its output.
#[derive(Debug, Error)]
pub enum HelperError {
    /// It takes too long.
    #[error("did not answer within {} seconds", HELPER_TIMEOUT.as_secs())]
    TimeOut,
    /// It cannot be run.
    #[error("cannot be run: {}", io_error_reason(.0))]
    Unrunnable(#[from] io::Error),
    /// It ends with an error.
    #[error("failed: {0}")]
    Failed(ExitStatus),
    /// Its output is not of the protocol.
    #[error("printed no user and secret")]
    Output,
}

/// A login at a registry.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// The user; for an identity token as it was written, maybe empty.
    pub user: String,
    secret: CredentialSecret,
}

#[derive(Clone, PartialEq, Eq)]
enum CredentialSecret {
    Password(String),
    /// A refresh token (RFC 6749, section 1.5), which a token server gives for a login.
    IdentityToken(String),
}

impl Credential {
    /// Returns the value of `Authorization` for the scheme `Basic` (RFC 7617); none for an identity token.
    pub fn to_basic(&self) -> Option<String> {
        match &self.secret {
            CredentialSecret::Password(password) => {
                Some(format!("Basic {}", STANDARD.encode(format!("{}:{password}", self.user))))
            }
            CredentialSecret::IdentityToken(_) => None,
        }
    }

    /// Returns the identity token; none for a password.
    pub fn identity_token(&self) -> Option<&str> {
        match &self.secret {
            CredentialSecret::Password(_) => None,
            CredentialSecret::IdentityToken(token) => Some(token),
        }
    }
}

/// Omits the secret.
impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.identity_token().is_some() { "an identity token" } else { "a password" };
        write!(formatter, "{kind} of `{}`", self.user)
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
    /// If a helper fails.
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
        Ok(keys.iter().find_map(|key| file.auths.get(key)).and_then(parse_entry))
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

/// Returns the login of an entry. An identity token comes before a password, as Docker has it.
fn parse_entry(entry: &AuthEntry) -> Option<Credential> {
    let (user, password) = match entry.auth.is_empty() {
        true => (entry.username.clone(), entry.password.clone()),
        false => {
            let pair = String::from_utf8(STANDARD.decode(entry.auth.trim()).ok()?).ok()?;
            let (user, password) = pair.split_once(':')?;
            (user.to_owned(), password.trim_end_matches('\0').to_owned())
        }
    };
    if !entry.identitytoken.is_empty() {
        return Some(Credential { user, secret: CredentialSecret::IdentityToken(entry.identitytoken.clone()) });
    }
    let secret = CredentialSecret::Password(password.clone());
    (!user.is_empty() && !password.is_empty()).then_some(Credential { user, secret })
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
    let failed = |error| CredentialsError::Helper { name: name.to_owned(), error };
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
        Ok((helper.wait().await?, output))
    };
    let ran = timeout(HELPER_TIMEOUT, run).await.map_err(|_| failed(HelperError::TimeOut))?;
    let (status, output) = ran.map_err(|error: io::Error| failed(error.into()))?;
    if !status.success() {
        let text = String::from_utf8_lossy(&output);
        return match text.contains("credentials not found") {
            true => Ok(None),
            false => Err(failed(HelperError::Failed(status))),
        };
    }
    let HelperOutput { username: user, secret } =
        serde_json::from_slice(&output).map_err(|_| failed(HelperError::Output))?;
    let is_empty = secret.is_empty();
    let secret = match user == IDENTITY_TOKEN_USER {
        true => CredentialSecret::IdentityToken(secret),
        false => CredentialSecret::Password(secret),
    };
    Ok((!is_empty).then_some(Credential { user, secret }))
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
            "empty.example": {}, "broken.example": {"auth": "!"},
            "token.example": {"auth": "bWU6", "identitytoken": "s3cret"}, "bare.example": {"identitytoken": "s3cret"}
        }, "HttpHeaders": {"X": "y"}}"#;
        let (credentials, _folder) = credentials(file).unwrap();
        let get = async |registry: &str| {
            credentials.get(registry).await.map(|found| found.map(|found| (found.user, found.secret)))
        };
        let pair =
            |user: &str, password: &str| Some((user.to_owned(), CredentialSecret::Password(password.to_owned())));
        let token = |user: &str| Some((user.to_owned(), CredentialSecret::IdentityToken("s3cret".to_owned())));
        assert!(get("docker.io").await.unwrap() == pair("hub", "s3cret"));
        assert!(get("r.example:5000").await.unwrap() == pair("me", "s3cret"));
        assert!(get("other.example").await.unwrap() == pair("me", "s3c:ret"));
        assert!(get("other.example:443").await.unwrap() == pair("me", "s3c:ret"));
        for none in ["r.example", "other.example:5000", "evil.example", "empty.example", "broken.example"] {
            assert!(get(none).await.unwrap().is_none(), "{none}");
        }
        assert!(get("token.example").await.unwrap() == token("me") && get("bare.example").await.unwrap() == token(""));
        let found = credentials.get("docker.io").await.unwrap().unwrap();
        assert_eq!((found.to_basic().as_deref(), found.identity_token()), (Some("Basic aHViOnMzY3JldA=="), None));
        let found_token = credentials.get("token.example").await.unwrap().unwrap();
        assert_eq!((found_token.to_basic(), found_token.identity_token()), (None, Some("s3cret")));
        assert!(!format!("{found:?} {found_token:?}").contains("s3cret"));
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
