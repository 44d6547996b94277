//! containerd's image verifier: its arguments and its request to the daemon.
//!
//! containerd runs every file of its verifier folder for every pull, as `NAME -name REFERENCE -digest DIGEST
//! -stdin-media-type TYPE`, with a descriptor on standard input. Exit code 0 allows; standard output is the reason. A
//! verifier has 10 seconds by default.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use pullgate::{Decision, Response};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::net::UnixStream;
use tokio::time::{sleep, timeout};

use pullgate::display::single_line;
use pullgate::{is_digest, redact_userinfo};
use pullgate_daemon::admission::denial_message;
use pullgate_daemon::admission::enforcement::Enforcement;
use pullgate_daemon::api::CONTAINERD_ENFORCEMENT_HEADER;
use pullgate_daemon::util::sanitize::io_error_reason;
use pullgate_daemon::util::strict_json::JsonObject;

/// The default socket of the daemon.
pub const DEFAULT_SOCKET: &str = "/run/pullgate/pullgate.sock";

/// The default settings file; containerd passes no arguments of others.
pub const DEFAULT_SETTINGS_FILE: &str = "/etc/pullgate/image-verifier.toml";

/// The folder from which containerd runs verifiers.
pub const BIN_DIR: &str = "/opt/containerd/image-verifier/bin";

/// Timeout of the whole decision, well below containerd's 10 seconds.
pub const VERIFIER_TIMEOUT: Duration = Duration::from_millis(4_500);

/// Delay before a busy socket is tried again.
const RETRY_DELAY: Duration = Duration::from_millis(20);

/// Maximum size of the daemon's response in bytes.
const MAX_RESPONSE_BYTES: usize = 1 << 20;

/// Maximum length of the reason in characters: containerd shows it in the error of the pull.
const MAX_REASON_CHARS: usize = 1_024;

/// The arguments from containerd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierArgs {
    name: String,
    digest: String,
}

/// The settings file. Relative paths in it are relative to its folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VerifierSettings {
    /// The daemon's socket.
    pub socket: Option<PathBuf>,
    /// The policy that decides if there is no daemon.
    pub policy: Option<PathBuf>,
    /// The project of this containerd in that policy (rule J1).
    pub project: Option<String>,
    /// Refuses to decide by a policy without `whitelist`.
    pub require_whitelist: bool,
    /// The effect of a denial to which the daemon has no answer.
    pub enforcement: Enforcement,
}

/// The output of the verifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierOutput {
    /// True if the image may be pulled.
    pub allowed: bool,
    /// The reason; one line once printed.
    pub reason: String,
}

/// An answer of the daemon.
#[derive(Debug)]
pub struct DaemonAnswer {
    /// The decision, or why there is none.
    pub decision: Result<VerifierOutput, DaemonError>,
    /// True if the daemon enforces nothing in containerd.
    pub is_audit: bool,
}

/// An error of the request to the daemon.
#[derive(Debug, Error)]
pub enum DaemonError {
    /// No daemon listens.
    #[error("there is no daemon at `{0}`")]
    NoDaemon(String),
    /// A daemon listens and did not answer properly.
    #[error("the daemon at `{0}` {1}")]
    BadDaemon(String, String),
}

/// An error of a response, as the predicate of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ResponseError {
    #[error("does not answer with a decision")]
    NoDecision,
    #[error("answers about another image")]
    OtherReference,
}

impl VerifierArgs {
    /// Parses the arguments, without the program's name.
    ///
    /// # Errors
    ///
    /// If they are not containerd's. The text is human-readable.
    pub fn parse(arguments: &[String]) -> Result<Self, String> {
        let (mut name, mut digest) = (None, None);
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let (flag, attached) = match argument.split_once('=') {
                Some((flag, value)) => (flag, Some(value.to_owned())),
                None => (argument.as_str(), None),
            };
            let mut value =
                || attached.clone().or_else(|| rest.next().cloned()).ok_or_else(|| format!("`{flag}` has no value"));
            // containerd writes one dash; Go's flag package accepts two.
            let taken = match flag.strip_prefix("--").or_else(|| flag.strip_prefix('-')) {
                Some("name") => name.replace(value()?),
                Some("digest") => digest.replace(value()?),
                // The descriptor and the operation (pull or run) have no influence.
                Some("stdin-media-type" | "operation") => value().map(|_| None)?,
                _ => return Err(format!("`{argument}` is none of containerd's arguments")),
            };
            if taken.is_some() {
                return Err(format!("`{flag}` stands twice"));
            }
        }
        match (name, digest) {
            (Some(name), Some(digest)) => Ok(Self { name, digest }),
            (None, _) => Err("`-name` is missing".to_owned()),
            (_, None) => Err("`-digest` is missing".to_owned()),
        }
    }

    /// Returns the reference to decide: containerd's name with its tag and the resolved digest.
    ///
    /// # Errors
    ///
    /// If the digest is invalid, or differs from the one in the name.
    pub fn reference(&self) -> Result<String, String> {
        if !is_digest(&self.digest) {
            return Err(format!("`{}` is no digest", self.digest));
        }
        // containerd always takes the first component for the host; the rules, as Docker does, only if it looks like
        // one (rule H3).
        let host = self.name.split_once('/').map_or("", |(host, _)| host);
        if !host.contains(['.', ':']) && host != "localhost" {
            let name = redact_userinfo(&self.name);
            return Err(format!(
                "`{name}` has no registry that everybody reads alike: write it out, as in `docker.io/library/{name}`"
            ));
        }
        match self.name.rsplit_once('@') {
            None => Ok(format!("{}@{}", self.name, self.digest)),
            Some((_, digest)) if digest == self.digest => Ok(self.name.clone()),
            Some(_) => Err(format!("`{}` does not have the digest `{}`", redact_userinfo(&self.name), self.digest)),
        }
    }
}

impl VerifierSettings {
    /// Reads the settings. A missing file means defaults.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or used. The text is human-readable.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => {
                return Err(format!("cannot read the settings `{}`: {}", path.display(), io_error_reason(&error)));
            }
        };
        let settings: Self = toml::from_str(&text)
            .map_err(|error| format!("`{}` cannot be used: {}", path.display(), error.message()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let absolute = |file: PathBuf| folder.join(file);
        Ok(Self { socket: settings.socket.map(absolute), policy: settings.policy.map(absolute), ..settings })
    }
}

impl VerifierOutput {
    /// Returns a denial.
    pub fn deny(reason: impl Into<String>) -> Self {
        Self { allowed: false, reason: reason.into() }
    }

    /// Turns a denial into a permission, with its reason.
    #[must_use]
    pub fn without_enforcement(self) -> Self {
        if self.allowed {
            return self;
        }
        let reason = format!("allowed, as nothing is enforced here (`audit`); it would be denied: {}", self.reason);
        Self { allowed: true, reason }
    }

    /// Parses a response of the daemon about a reference.
    ///
    /// # Errors
    ///
    /// If it has no decision, or allows another reference.
    pub fn parse(text: &str, reference: &str) -> Result<Self, ResponseError> {
        let JsonObject::<Response<'static>>(response) =
            serde_json::from_str(text).map_err(|_| ResponseError::NoDecision)?;
        Self::from_response(&response, reference)
    }

    /// Converts a response about a reference.
    ///
    /// # Errors
    ///
    /// If it allows another reference.
    pub fn from_response(response: &Response<'_>, reference: &str) -> Result<Self, ResponseError> {
        match &response.decision {
            Decision::Allow(_) if response.reference == reference => {
                Ok(Self { allowed: true, reason: format!("`{reference}` is allowed") })
            }
            Decision::Allow(_) => Err(ResponseError::OtherReference),
            Decision::Deny(denied) => Ok(Self::deny(denial_message(denied))),
            Decision::Lookup(_) => Ok(Self::deny("whether the image is allowed depends on DNS, which is not asked")),
        }
    }

    /// Returns the reason as one line of bounded length.
    pub fn to_line(&self) -> String {
        single_line(&self.reason).chars().take(MAX_REASON_CHARS).collect()
    }
}

/// Requests a decision about an image from the daemon on a unix socket.
pub async fn request_decision(socket: &Path, reference: &str, time: Duration) -> DaemonAnswer {
    let shown = socket.display().to_string();
    let mut is_audit = false;
    let asked = timeout(time, send_request(socket, reference, &mut is_audit)).await;
    let decision = match asked
        .unwrap_or_else(|_| Err(RequestError::BadResponse(format!("did not answer within {} ms", time.as_millis()))))
    {
        Ok(answer) => Ok(answer),
        Err(RequestError::NoDaemon) => Err(DaemonError::NoDaemon(shown)),
        Err(RequestError::BadResponse(what)) => Err(DaemonError::BadDaemon(shown, what)),
    };
    DaemonAnswer { decision, is_audit }
}

enum RequestError {
    NoDaemon,
    BadResponse(String),
}

/// Exchanges one request. `is_audit` is known once the head of the response is.
async fn send_request(socket: &Path, reference: &str, is_audit: &mut bool) -> Result<VerifierOutput, RequestError> {
    let otherwise = |what: &str, error: &dyn std::fmt::Display| RequestError::BadResponse(format!("{what}: {error}"));
    let stream = loop {
        match UnixStream::connect(socket).await {
            Ok(stream) => break stream,
            // The backlog of the socket is full for the moment.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(RETRY_DELAY).await,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
                return Err(RequestError::NoDaemon);
            }
            Err(error) => return Err(otherwise("cannot be reached", &io_error_reason(&error))),
        }
    };
    let handshake = http1::handshake::<_, Full<Bytes>>(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| otherwise("cannot be asked", &error))?;
    let exchange = async {
        let question = DecideRequest { reference, kind: "image", frontend: "containerd" };
        let body = serde_json::to_vec(&question).map_err(|error| otherwise("cannot be asked", &error))?;
        let request = Request::builder()
            .method(Method::POST)
            .uri("/v1/decide")
            .header(HOST, "localhost")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| otherwise("cannot be asked", &error))?;
        let response = sender.send_request(request).await.map_err(|error| otherwise("does not answer", &error))?;
        *is_audit = response.headers().get(CONTAINERD_ENFORCEMENT_HEADER).is_some_and(|value| value == "audit");
        let status = response.status();
        if status != StatusCode::OK {
            return Err(RequestError::BadResponse(format!("answers with status {}", status.as_u16())));
        }
        let body = Limited::new(response.into_body(), MAX_RESPONSE_BYTES).collect().await;
        let body = body.map_err(|error| otherwise("does not answer", &error))?.to_bytes();
        let text = std::str::from_utf8(&body).map_err(|error| otherwise("does not answer", &error))?;
        VerifierOutput::parse(text, reference).map_err(|error| RequestError::BadResponse(error.to_string()))
    };
    // The connection must be polled while the exchange runs.
    tokio::pin!(exchange);
    tokio::select! {
        answered = &mut exchange => answered,
        ended = connection => match ended {
            Ok(()) => exchange.await,
            Err(error) => Err(otherwise("does not answer", &error)),
        },
    }
}

#[derive(Serialize)]
struct DecideRequest<'a> {
    reference: &'a str,
    kind: &'static str,
    frontend: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn call(arguments: &[&str]) -> Result<VerifierArgs, String> {
        VerifierArgs::parse(&arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn the_arguments_are_containerds() {
        let media = "application/vnd.oci.descriptor.v1+json";
        let expected = VerifierArgs { name: "h.example/a:1".to_owned(), digest: DIGEST.to_owned() };
        for arguments in [
            &["-name", "h.example/a:1", "-digest", DIGEST, "-stdin-media-type", media][..],
            &["-digest", DIGEST, "-name", "h.example/a:1"],
            &["--name", "h.example/a:1", "--digest", DIGEST],
            &[&format!("-digest={DIGEST}"), "-name=h.example/a:1"],
            &["-name", "h.example/a:1", "-digest", DIGEST, "-stdin-media-type", media, "-operation", "run"],
        ] {
            assert_eq!(call(arguments), Ok(expected.clone()), "{arguments:?}");
        }
        for arguments in [
            &[][..],
            &["-name", "a"],
            &["-digest", DIGEST],
            &["-name"],
            &["-name", "a", "-digest"],
            &["-name", "a", "-name", "b", "-digest", DIGEST],
            &["-name", "a", "-digest", DIGEST, "-insecure"],
            &["a", "-digest", DIGEST],
        ] {
            assert!(call(arguments).is_err(), "{arguments:?}");
        }
    }

    #[test]
    fn the_digest_is_part_of_what_is_decided() {
        let reference = |name: &str, digest: &str| call(&["-name", name, "-digest", digest]).unwrap().reference();
        assert_eq!(reference("h.example/a", DIGEST), Ok(format!("h.example/a@{DIGEST}")));
        assert_eq!(reference("h.example/a:1", DIGEST), Ok(format!("h.example/a:1@{DIGEST}")));
        let whole = format!("h.example/a@{DIGEST}");
        assert_eq!(reference(&whole, DIGEST), Ok(whole.clone()));
        assert!(reference(&whole, &DIGEST.replace('0', "1")).is_err());
        assert!(reference("alice:secret@h.example/a", DIGEST).is_err_and(|text| !text.contains("secret")));
        for digest in ["", "latest", "sha256:", "sha256:xyz", "md5:0123", &DIGEST.to_uppercase(), &DIGEST[..70]] {
            assert!(reference("h.example/a", digest).is_err(), "{digest}");
        }
    }

    #[test]
    fn response_must_be_about_the_requested_image() {
        let allow = r#"{"reference":"h/a","registry":"h","repository":"a","decision":"allow","attempts":[]}"#;
        assert!(VerifierOutput::parse(allow, "h/a").is_ok_and(|answer| answer.allowed));
        assert!(VerifierOutput::parse(allow, "h/b").is_err());
        let deny = |more: &str| {
            format!(r#"{{"reference":"h/a","decision":"deny","reason":"not-whitelisted","text":"no"{more}}}"#)
        };
        assert_eq!(VerifierOutput::parse(&deny(""), "h/a"), Ok(VerifierOutput::deny("no")));
        let near =
            deny(r#","nearest":{"list":"whitelist","index":0,"entry":"h:1","miss":"another-port","text":"near"}"#);
        assert_eq!(VerifierOutput::parse(&near, "h/a"), Ok(VerifierOutput::deny("no; nearest is `h:1`: near")));
        assert!(
            VerifierOutput::parse(r#"{"reference":"h/a","decision":"lookup","queries":[]}"#, "h/a")
                .is_ok_and(|a| !a.allowed)
        );
        for text in [
            "",
            "{}",
            "[]",
            r#"{"decision":"allow"}"#,
            r#"["h/a","allow",null,null]"#,
            r#"{"reference":"h/a","decision":"Allow"}"#,
            r#"{"reference":"h/a","decision":"deny","decision":"allow"}"#,
            r#"{"reference":"h/a","decision":"allow"} {}"#,
        ] {
            assert!(VerifierOutput::parse(text, "h/a").is_err(), "{text}");
        }
    }

    #[test]
    fn a_reason_is_one_line() {
        let answer = VerifierOutput::deny(format!("a\nb\u{1b}\u{202e}{}", "x".repeat(5_000)));
        assert!(answer.to_line().starts_with("a b\\u{1b}\\u{202e}x"));
        assert_eq!(answer.to_line().chars().count(), MAX_REASON_CHARS);
    }
}
