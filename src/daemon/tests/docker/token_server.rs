//! A server of tokens: those who log in get one for whatever they ask for.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use pullgate_daemon::server::{Listener, ReloadingTlsAcceptor, TlsFiles, serve};
use pullgate_daemon::settings::ListenAddr;
use pullgate_host::now;
use rcgen::SigningKey;
use serde_json::{Value, json};
use tokio::sync::watch;
use x509_cert::der::Decode;
use x509_cert::der::asn1::Uint;

use crate::pki::Identity;
use crate::programs;

/// What registries know it by, and what it knows them by.
pub const SERVICE_NAME: &str = "lab";

pub struct TokenServer {
    pub port: u16,
    /// It serves for as long as there is this.
    _stop: watch::Sender<bool>,
}

impl TokenServer {
    /// `login` is the `USER:PASSWORD` that it wants. The identity is that of its TLS, and of what it signs.
    pub async fn start(folder: &Path, identity: Identity, login: &str) -> Self {
        let (certificate, key) = programs::write(folder, &identity);
        let files = TlsFiles { certificate: certificate.into(), key: key.into(), client_ca: None };
        let listener = Listener::bind(&ListenAddr::Tcp(SocketAddr::from(([127, 0, 0, 1], 0))), 0o600).await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap().parse().unwrap();
        let authorization = format!("Basic {}", BASE64_STANDARD.encode(login));
        let router = Router::new().route("/token", get(issue_token)).with_state(Arc::new((identity, authorization)));
        let (stop, stopping) = watch::channel(false);
        tokio::spawn(serve(listener, Some(ReloadingTlsAcceptor::load(files).unwrap()), router, stopping));
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

/// `repository:team/app:pull,push`, as tokens have it.
fn access_claim(scope: &str) -> Value {
    let parts: Vec<&str> = scope.splitn(3, ':').collect();
    json!({ "type": parts[0], "name": parts[1], "actions": parts[2].split(',').collect::<Vec<_>>() })
}

/// A JSON Web Token, with the certificate of the key that signed it.
fn sign_token(identity: &Identity, access: &[Value]) -> String {
    let chain: Vec<String> = identity.chain.iter().map(|certificate| BASE64_STANDARD.encode(certificate)).collect();
    let header = json!({ "typ": "JWT", "alg": "ES256", "x5c": chain });
    let (start, end) = (now() - 10, now() + 300);
    let claims = json!({
        "iss": SERVICE_NAME, "aud": SERVICE_NAME, "sub": "", "jti": "1", "iat": start, "nbf": start, "exp": end, "access": access,
    });
    let text = [header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
    // The two numbers of the signature one after the other, and not in ASN.1 (RFC 7518, section 3.4).
    let numbers = Vec::<Uint>::from_der(&identity.key.sign(text.as_bytes()).unwrap()).unwrap();
    let mut signature = Vec::new();
    for number in &numbers {
        let bytes = number.as_bytes();
        signature.resize(signature.len() + 32 - bytes.len(), 0);
        signature.extend_from_slice(bytes);
    }
    format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}
