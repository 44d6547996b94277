//! Docker Engine's authorization plugin: dockerd asks before it acts, and does not act on what is denied here.
//!
//! ```text
//! wire      what dockerd sends, and the reply
//! target    the request line: the path and the query, decoded as dockerd decodes them
//! route     which operation of Docker's API it is: a positive list
//! json      a JSON body, as Go reads it
//! spec      the images that a container or a service names
//! intent    what a request is about: references, a setting, or nothing that concerns a registry
//! authorize the decision
//! ```
//!
//! Whatever could be read in two ways, by dockerd and here, is denied.

mod authorize;
mod classify;
mod go_json;
mod image_refs;
mod operation;
mod protocol;
mod request_uri;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use axum::routing::post;

use crate::admission::Admission;
use crate::settings::{Permission, Settings};
use authorize::authorize;
use protocol::{LIMIT, Reply, Unreadable, asked};

/// How long dockerd may take to send a call. It sends them whole, over a socket on the same machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is allowed that the rules cannot see into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Builds: `POST /build`, and BuildKit's `/session` and `/grpc`.
    pub builds: Permission,
    /// Images from a tar file or a URL: `docker load`, `docker import`.
    pub imports: Permission,
    /// Logins: `POST /auth`.
    pub logins: Permission,
    /// Giving an image another name: `docker tag`, `docker commit`.
    pub tags: Permission,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            builds: Permission::WithoutWhitelist,
            imports: Permission::WithoutWhitelist,
            logins: Permission::Allow,
            tags: Permission::Allow,
        }
    }
}

impl From<&Settings> for Options {
    fn from(settings: &Settings) -> Self {
        let default = Self::default();
        Self {
            builds: settings.docker_builds.unwrap_or(default.builds),
            imports: settings.docker_imports.unwrap_or(default.imports),
            logins: settings.docker_logins.unwrap_or(default.logins),
            tags: settings.docker_tags.unwrap_or(default.tags),
        }
    }
}

/// What to serve on the plugin's socket.
pub fn router(admission: Arc<Admission>, options: Options) -> Router {
    Router::new()
        .route("/Plugin.Activate", post(activate))
        .route("/AuthZPlugin.AuthZReq", post(request))
        .route("/AuthZPlugin.AuthZRes", post(response))
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .with_state(Asked { admission, options })
}

#[derive(Clone)]
struct Asked {
    admission: Arc<Admission>,
    options: Options,
}

async fn activate() -> Response {
    protocol::implements()
}

async fn request(State(state): State<Asked>, body: Body) -> Reply {
    let read = match whole(body, PATIENCE).await {
        Ok(bytes) => asked(&bytes),
        Err(unreadable) => Err(unreadable),
    };
    authorize(&state.admission, &state.options, read).await
}

/// By now the request was allowed, and what it did is done. The call is read so that the connection can be used again.
async fn response(body: Body) -> Reply {
    let _ = whole(body, PATIENCE).await;
    Reply::allow()
}

async fn unknown(uri: Uri) -> Reply {
    Reply::deny(format!("`{}` is not a call of Docker's authorization plugins", uri.path()))
}

async fn whole(body: Body, patience: Duration) -> Result<Bytes, Unreadable> {
    match tokio::time::timeout(patience, axum::body::to_bytes(body, LIMIT)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(Unreadable(format!("dockerd's call broke off, or has more than {LIMIT} bytes"))),
        Err(_) => Err(Unreadable(format!("dockerd's call was not complete after {} seconds", patience.as_secs()))),
    }
}
