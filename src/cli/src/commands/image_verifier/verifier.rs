//! containerd's image verifier: what it is called with, and how it asks the daemon.
//!
//! containerd runs every file of its verifier folder for every pull, as `NAME -name REFERENCE -digest DIGEST
//! -stdin-media-type TYPE`, with a descriptor on standard input. Exit code 0 allows; what is on standard output is the
//! reason. A verifier has 10 seconds, by default.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::net::UnixStream;
use tokio::time::{sleep, timeout};

use pullgate_daemon::admission::audit_log::without_password;
use pullgate_daemon::admission::denial;
use pullgate_daemon::util::sanitize::{on_one_line, reason};
use pullgate_daemon::util::strict_json::Object;

/// Where the daemon is asked, if nothing else is said.
pub const SOCKET: &str = "/run/pullgate/pullgate.sock";

/// Where the settings are, if nothing else is said: containerd passes no flags of anybody else's.
pub const SETTINGS: &str = "/etc/pullgate/image-verifier.toml";

/// The folder that containerd takes its verifiers from.
pub const FOLDER: &str = "/opt/containerd/image-verifier/bin";

/// The time for everything, well within containerd's 10 seconds.
pub const LONGEST: Duration = Duration::from_millis(4_500);

/// How long to wait before a busy socket is tried again.
const AGAIN: Duration = Duration::from_millis(20);

/// The largest answer of the daemon that is read, in bytes.
const LARGEST: usize = 1 << 20;

/// The longest reason, in characters: containerd shows it in the error of the pull.
const REASON: usize = 1_024;

/// What containerd calls a verifier with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    name: String,
    digest: String,
}

/// The settings file. Relative paths in it are relative to where it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The daemon's socket.
    pub socket: Option<PathBuf>,
    /// The policy that decides where there is no daemon.
    pub policy: Option<PathBuf>,
}

/// What is decided about an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether it may be pulled.
    pub allowed: bool,
    /// Why, on one line.
    pub reason: String,
}

/// Why the daemon gave no answer.
#[derive(Debug, Error)]
pub enum Trouble {
    /// There is no daemon.
    #[error("there is no daemon at `{0}`")]
    NoDaemon(String),
    /// There is one, and something is wrong with it.
    #[error("the daemon at `{0}` {1}")]
    Daemon(String, String),
}

impl Call {
    /// Reads the arguments, without the program's name.
    ///
    /// # Errors
    ///
    /// If they are not containerd's. The text is for a person.
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
            // One dash is containerd's way, two are what Go takes for the same.
            let taken = match flag.strip_prefix("--").or_else(|| flag.strip_prefix('-')) {
                Some("name") => name.replace(value()?),
                Some("digest") => digest.replace(value()?),
                // What stands on standard input, and whether the image is pulled or run, changes nothing.
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

    /// The reference to decide: the name as containerd has it, tag and all, with the digest that it resolved to.
    ///
    /// # Errors
    ///
    /// If the digest is none, or not the one that the name has.
    pub fn reference(&self) -> Result<String, String> {
        if !is_digest(&self.digest) {
            return Err(format!("`{}` is no digest", self.digest));
        }
        // containerd itself takes the first component for the host, always; the rules, as Docker does, only if it looks
        // like one (rule H3).
        let host = self.name.split_once('/').map_or("", |(host, _)| host);
        if !host.contains(['.', ':']) && host != "localhost" {
            let name = without_password(&self.name);
            return Err(format!(
                "`{name}` has no registry that everybody reads alike: write it out, as in `docker.io/library/{name}`"
            ));
        }
        match self.name.rsplit_once('@') {
            None => Ok(format!("{}@{}", self.name, self.digest)),
            Some((_, digest)) if digest == self.digest => Ok(self.name.clone()),
            Some(_) => Err(format!("`{}` does not have the digest `{}`", without_password(&self.name), self.digest)),
        }
    }
}

impl Settings {
    /// Reads the settings. A file that is not there says nothing.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or used. The text is for a person.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(format!("cannot read the settings `{}`: {}", path.display(), reason(&error))),
        };
        let settings: Self = toml::from_str(&text)
            .map_err(|error| format!("`{}` cannot be used: {}", path.display(), error.message()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let absolute = |file: PathBuf| folder.join(file);
        Ok(Self { socket: settings.socket.map(absolute), policy: settings.policy.map(absolute) })
    }
}

impl Answer {
    /// A denial.
    pub fn no(reason: impl Into<String>) -> Self {
        Self { allowed: false, reason: reason.into() }
    }

    /// What `pullgate decide --json` prints, and the daemon answers, about a reference.
    ///
    /// # Errors
    ///
    /// If it is no such answer, or is about something else.
    pub fn read(text: &str, reference: &str) -> Result<Self, String> {
        let Object::<Decided>(answer) =
            serde_json::from_str(text).map_err(|_| "does not answer with a decision".to_owned())?;
        match (&*answer.decision, answer.reference == reference) {
            ("allow", true) => Ok(Self { allowed: true, reason: format!("`{reference}` is allowed") }),
            ("allow", false) => Err("answers about another image".to_owned()),
            ("deny", _) => {
                let text = answer.text.unwrap_or_else(|| "the image is denied".to_owned());
                let nearest = answer.nearest.as_ref().map(|Object(nearest)| (&*nearest.entry, &*nearest.text));
                Ok(Self::no(denial(&text, nearest)))
            }
            ("lookup", _) => Ok(Self::no("whether the image is allowed depends on DNS, which is not asked")),
            _ => Err("does not answer with a decision".to_owned()),
        }
    }

    /// The reason as one line that is not too long.
    pub fn line(&self) -> String {
        on_one_line(&self.reason).chars().take(REASON).collect()
    }
}

/// Asks the daemon on a unix socket about an image.
///
/// # Errors
///
/// [`Trouble::NoDaemon`] if nobody listens there; otherwise an answer was to be had and was not.
pub async fn ask(socket: &Path, reference: &str, time: Duration) -> Result<Answer, Trouble> {
    let shown = socket.display().to_string();
    let asked = timeout(time, exchange(socket, reference)).await;
    match asked.unwrap_or_else(|_| Err(Failed::Otherwise(format!("did not answer within {} ms", time.as_millis())))) {
        Ok(answer) => Ok(answer),
        Err(Failed::NobodyThere) => Err(Trouble::NoDaemon(shown)),
        Err(Failed::Otherwise(what)) => Err(Trouble::Daemon(shown, what)),
    }
}

enum Failed {
    NobodyThere,
    Otherwise(String),
}

async fn exchange(socket: &Path, reference: &str) -> Result<Answer, Failed> {
    let otherwise = |what: &str, error: &dyn std::fmt::Display| Failed::Otherwise(format!("{what}: {error}"));
    let stream = loop {
        match UnixStream::connect(socket).await {
            Ok(stream) => break stream,
            // So many are waiting that the socket takes nobody else for now.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(AGAIN).await,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
                return Err(Failed::NobodyThere);
            }
            Err(error) => return Err(otherwise("cannot be reached", &reason(&error))),
        }
    };
    let handshake = http1::handshake::<_, Full<Bytes>>(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| otherwise("cannot be asked", &error))?;
    let exchange = async {
        let question = Question { reference, kind: "image", door: "containerd" };
        let body = serde_json::to_vec(&question).map_err(|error| otherwise("cannot be asked", &error))?;
        let request = Request::builder()
            .method(Method::POST)
            .uri("/v1/decide")
            .header(HOST, "localhost")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| otherwise("cannot be asked", &error))?;
        let response = sender.send_request(request).await.map_err(|error| otherwise("does not answer", &error))?;
        let status = response.status();
        if status != StatusCode::OK {
            return Err(Failed::Otherwise(format!("answers with status {}", status.as_u16())));
        }
        let body = Limited::new(response.into_body(), LARGEST).collect().await;
        let body = body.map_err(|error| otherwise("does not answer", &error))?.to_bytes();
        let text = std::str::from_utf8(&body).map_err(|error| otherwise("does not answer", &error))?;
        Answer::read(text, reference).map_err(Failed::Otherwise)
    };
    // The connection has to be driven while the exchange goes on, and not a moment longer.
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
struct Question<'a> {
    reference: &'a str,
    kind: &'static str,
    door: &'static str,
}

/// What is read of a decision.
#[derive(Deserialize)]
struct Decided {
    reference: String,
    decision: String,
    text: Option<String>,
    nearest: Option<Object<Nearest>>,
}

#[derive(Deserialize)]
struct Nearest {
    entry: String,
    text: String,
}

/// The digests that images have.
fn is_digest(text: &str) -> bool {
    let length = match text.split_once(':') {
        Some(("sha256", _)) => 64,
        Some(("sha384", _)) => 96,
        Some(("sha512", _)) => 128,
        _ => return false,
    };
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.split_once(':').is_some_and(|(_, hex)| hex.len() == length && hex.bytes().all(is_hex))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn call(arguments: &[&str]) -> Result<Call, String> {
        Call::parse(&arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn the_arguments_are_containerds() {
        let media = "application/vnd.oci.descriptor.v1+json";
        let expected = Call { name: "h.example/a:1".to_owned(), digest: DIGEST.to_owned() };
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
    fn an_answer_is_one_about_the_image_asked_about() {
        let allow = r#"{"reference":"h/a","registry":"h","repository":"a","decision":"allow","attempts":[]}"#;
        assert!(Answer::read(allow, "h/a").is_ok_and(|answer| answer.allowed));
        assert!(Answer::read(allow, "h/b").is_err());
        let deny = |more: &str| {
            format!(r#"{{"reference":"h/a","decision":"deny","reason":"not-whitelisted","text":"no"{more}}}"#)
        };
        assert_eq!(Answer::read(&deny(""), "h/a"), Ok(Answer::no("no")));
        let near =
            deny(r#","nearest":{"list":"whitelist","index":0,"entry":"h:1","miss":"another-port","text":"near"}"#);
        assert_eq!(Answer::read(&near, "h/a"), Ok(Answer::no("no; nearest is `h:1`: near")));
        assert!(
            Answer::read(r#"{"reference":"h/a","decision":"lookup","questions":[]}"#, "h/a").is_ok_and(|a| !a.allowed)
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
            assert!(Answer::read(text, "h/a").is_err(), "{text}");
        }
    }

    #[test]
    fn a_reason_is_one_line() {
        let answer = Answer::no(format!("a\nb\u{1b}\u{202e}{}", "x".repeat(5_000)));
        assert!(answer.line().starts_with("a b\\u{1b}\\u{202e}x"));
        assert_eq!(answer.line().chars().count(), REASON);
    }
}
