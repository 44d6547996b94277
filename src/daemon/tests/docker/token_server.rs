//! A token server that grants every requested scope to valid logins.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use pullgate_daemon::server::{Listener, ListenerRole, ReloadingTlsAcceptor, TlsFiles, serve};
use pullgate_daemon::settings::ListenAddr;
use pullgate_host::now;
use rcgen::SigningKey;
use serde_json::{Value, json};
use tokio::sync::watch;
use x509_cert::der::Decode;
use x509_cert::der::asn1::Uint;

use crate::pki::Identity;
use crate::programs;

/// The name of the service and of the issuer.
pub const SERVICE_NAME: &str = "lab";

pub struct TokenServer {
    pub port: u16,
    /// Stops the server on drop.
    _stop: watch::Sender<bool>,
}

impl TokenServer {
    /// Starts a server that requires `login`, a `USER:PASSWORD`. The identity is that of its TLS and of its signatures.
    pub async fn start(folder: &Path, identity: Identity, login: &str) -> Self {
        let (certificate, key) = programs::write(folder, &identity);
        let (certificate, key) = (certificate.into(), key.into());
        let files = TlsFiles { certificate, key, client_ca: None, update_ca: None };
        let listener = Listener::bind(&ListenAddr::Tcp(SocketAddr::from(([127, 0, 0, 1], 0))), 0o600).await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap().parse().unwrap();
        let authorization = format!("Basic {}", BASE64_STANDARD.encode(login));
        let router = Router::new().route("/token", get(issue_token)).with_state(Arc::new((identity, authorization)));
        let (stop, stopping) = watch::channel(false);
        let tls = ReloadingTlsAcceptor::load(files).unwrap();
        tokio::spawn(serve(listener, ListenerRole::Admission, Some(tls), router, stopping));
        Self { port: address.port(), _stop: stop }
    }
}

async fn issue_token(
    State(state): State<Arc<(Identity, String)>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, StatusCode> {
    let (identity, authorization) = &*state;
    if headers.get("authorization").is_none_or(|given| given != authorization.as_str()) {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let query = query.unwrap_or_default();
    let scopes = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "scope");
    let access: Vec<Value> = scopes.map(|(_, scope)| access_claim(&scope)).collect();
    Ok(Json(json!({ "token": sign_token(identity, &access) })))
}

/// Converts a scope such as `repository:team/app:pull,push` to the claim of a token.
fn access_claim(scope: &str) -> Value {
    let parts: Vec<&str> = scope.splitn(3, ':').collect();
    json!({ "type": parts[0], "name": parts[1], "actions": parts[2].split(',').collect::<Vec<_>>() })
}

/// Returns a signed JSON Web Token with the certificate of its key.
fn sign_token(identity: &Identity, access: &[Value]) -> String {
    let chain: Vec<String> = identity.chain.iter().map(|certificate| BASE64_STANDARD.encode(certificate)).collect();
    let header = json!({ "typ": "JWT", "alg": "ES256", "x5c": chain });
    let (start, end) = (now() - 10, now() + 300);
    let claims = json!({
        "iss": SERVICE_NAME, "aud": SERVICE_NAME, "sub": "", "jti": "1", "iat": start, "nbf": start, "exp": end, "access": access,
    });
    let text = [header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
    // The signature is the two numbers in sequence, and not ASN.1 (RFC 7518, section 3.4).
    let numbers = Vec::<Uint>::from_der(&identity.key.sign(text.as_bytes()).unwrap()).unwrap();
    let mut signature = Vec::new();
    for number in &numbers {
        let bytes = number.as_bytes();
        signature.resize(signature.len() + 32 - bytes.len(), 0);
        signature.extend_from_slice(bytes);
    }
    format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}
