//! Recognition of registry APIs by their responses.

use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, SERVER, WWW_AUTHENTICATE};
use pullgate::Scheme;
use serde_json::Value;

use super::http_client::HttpResponse;
use crate::text::sanitize_server_text;
use crate::www_authenticate::AuthChallenge;

/// The version header of a V2 registry, and its value.
const API_VERSION_HEADER: &str = "Docker-Distribution-API-Version";
const API_VERSION_V2: &str = "registry/2.0";

/// A recognised registry.
#[derive(Debug)]
pub(super) struct RegistryInfo {
    /// The protocol, such as `v2 over HTTPS`.
    pub(super) protocol: String,
    /// A human-readable description of the response.
    pub(super) detail: String,
    /// The bearer challenge, if the registry uses token authentication.
    pub(super) bearer: Option<AuthChallenge>,
}

impl RegistryInfo {
    /// Recognises a V2 registry by its response to `/v2/`.
    ///
    /// # Errors
    ///
    /// If the response is not from such a registry; the error is human-readable.
    pub(super) fn parse_v2(response: &HttpResponse, scheme: Scheme) -> Result<Self, String> {
        let status = response.status;
        if let Some(complaint) = plain_http_rejection(response, scheme) {
            return Err(complaint);
        }
        let version = response.header(API_VERSION_HEADER);
        let is_v2 =
            version.as_deref().is_some_and(|version| version.split_whitespace().any(|one| one == API_VERSION_V2));
        let mut challenges = AuthChallenge::parse_all(response.headers(), &WWW_AUTHENTICATE);
        let authentication = match status {
            StatusCode::OK if is_v2 || is_empty_json(response) => AuthScheme::None,
            StatusCode::UNAUTHORIZED if is_v2 || !challenges.is_empty() => AuthScheme::from_challenges(&mut challenges),
            _ if is_v2 => return Err(format!("a V2 registry, but it answers {status} to `/v2/`")),
            _ => {
                return Err(format!(
                    "no V2 registry: {status}, without the header `{API_VERSION_HEADER}: {API_VERSION_V2}`"
                ));
            }
        };
        let header = match version {
            Some(version) => format!("`{}`", sanitize_server_text(&version)),
            None => format!("without the header `{API_VERSION_HEADER}`, which registries send"),
        };
        let mut detail = format!("{status}, {header}, {}", authentication.describe());
        if scheme == Scheme::Http && matches!(authentication, AuthScheme::Basic) {
            detail.push_str("; over plain HTTP passwords can be read on the way");
        }
        let protocol = format!("v2 over {}{}", scheme.as_str().to_ascii_uppercase(), authentication.protocol_suffix());
        let bearer = match authentication {
            AuthScheme::Token(challenge) => Some(challenge),
            _ => None,
        };
        Ok(Self { protocol, detail, bearer })
    }

    /// Recognises a V1 registry by its response to `/v1/_ping`.
    ///
    /// # Errors
    ///
    /// If the response is not from such a registry; the error is human-readable.
    pub(super) fn parse_v1(response: &HttpResponse, scheme: Scheme) -> Result<Self, String> {
        let status = response.status;
        let version = response.header("X-Docker-Registry-Version");
        let standalone = response.header("X-Docker-Registry-Standalone").is_some();
        let body = String::from_utf8_lossy(&response.body);
        let says_so = matches!(body.trim().trim_matches('"'), "true") || version.is_some() || standalone;
        if status != StatusCode::OK || !says_so {
            return Err(format!("no V1 registry: {status}"));
        }
        let nginx = response.header(SERVER.as_str()).is_some_and(|server| server.starts_with("nginx"));
        let behind = if nginx { " (behind nginx)" } else { "" };
        let version =
            version.map(|version| format!(", version `{}`", sanitize_server_text(&version))).unwrap_or_default();
        Ok(Self {
            protocol: format!("v1 over {}{behind}", scheme.as_str().to_ascii_uppercase()),
            detail: format!("{status}, a V1 registry{version}: Docker Engine 17.12 and later do not pull from it"),
            bearer: None,
        })
    }
}

/// The authentication scheme of a registry.
enum AuthScheme {
    None,
    Basic,
    Token(AuthChallenge),
    Other(String),
}

impl AuthScheme {
    fn from_challenges(challenges: &mut Vec<AuthChallenge>) -> Self {
        let place = |scheme: &str| challenges.iter().position(|challenge| challenge.scheme == scheme);
        match (place("bearer"), place("basic"), challenges.first()) {
            (Some(bearer), _, _) => Self::Token(challenges.swap_remove(bearer)),
            (None, Some(_), _) => Self::Basic,
            (None, None, Some(other)) => Self::Other(sanitize_server_text(&other.scheme)),
            (None, None, None) => Self::Other("unnamed".to_owned()),
        }
    }

    fn protocol_suffix(&self) -> String {
        match self {
            Self::None => String::new(),
            Self::Basic => " with basic authentication".to_owned(),
            Self::Token(_) => " with token authentication".to_owned(),
            Self::Other(scheme) => format!(" with `{scheme}` authentication"),
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::None => "no authentication".to_owned(),
            Self::Basic => "basic authentication".to_owned(),
            Self::Token(challenge) => {
                let service =
                    challenge.parameter("service").map(|service| format!(" for `{}`", sanitize_server_text(service)));
                format!("token authentication{}", service.unwrap_or_default())
            }
            Self::Other(scheme) => format!("`{scheme}` authentication, which Docker does not know"),
        }
    }
}

/// Recognises the 400 responses of Go's server and of nginx to plain HTTP on a TLS port.
fn plain_http_rejection(response: &HttpResponse, scheme: Scheme) -> Option<String> {
    let body = String::from_utf8_lossy(&response.body);
    let says = ["HTTP request to an HTTPS server", "plain HTTP request was sent to HTTPS port"];
    let wants = scheme == Scheme::Http
        && response.status == StatusCode::BAD_REQUEST
        && says.iter().any(|text| body.contains(text));
    wants.then(|| "the server speaks TLS on this port, not plain HTTP, and says so".to_owned())
}

/// Returns whether the response has the `{}` or empty JSON body that registries send for `/v2/` even without the
/// version header; web pages have neither.
fn is_empty_json(response: &HttpResponse) -> bool {
    let is_json = response.header(CONTENT_TYPE.as_str()).is_some_and(|kind| kind.starts_with("application/json"));
    let is_object = || matches!(serde_json::from_slice(&response.body), Ok(Value::Object(object)) if object.is_empty());
    is_json && (response.body.is_empty() || is_object())
}
