//! The page, as embedded in the program: each file as it is, and compressed when the page was built.

mod content_coding;

use std::sync::LazyLock;

use axum::Router;
use axum::body::Body;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use content_coding::ContentCoding;
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

use crate::api::error::ApiError;

/// The file that is served for the root.
const INDEX: &str = "index.html";

/// Content security policy: same-origin resources only, nothing inline but the style of the index by its hash, and
/// WebAssembly as the only compiled code.
static CONTENT_POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let index = PageFiles::get(INDEX).map(|file| file.data).unwrap_or_default();
    let policy = content_policy(&String::from_utf8_lossy(&index));
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

fn content_policy(index: &str) -> String {
    let styles: String = inline_styles(index)
        .map(|style| format!(" 'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(style))))
        .collect();
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'{styles}; img-src 'self'; \
         font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// Returns the content of the style elements, which the build writes without attributes.
fn inline_styles(index: &str) -> impl Iterator<Item = &str> {
    index.split("<style>").skip(1).filter_map(|rest| rest.split_once("</style>")).map(|(style, _)| style)
}

#[derive(RustEmbed)]
#[folder = "../../www/dist"]
struct PageFiles;

/// Returns the router for the page.
pub fn static_files_router() -> Router {
    Router::new().fallback(serve_file)
}

async fn serve_file(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return ApiError::method_not_allowed().into_response();
    }
    let path = uri.path().trim_start_matches('/');
    let path = if path.is_empty() { INDEX } else { path };
    let accepted = headers.get_all(ACCEPT_ENCODING);
    // A compressed file is a form of another, and no file of its own.
    let is_compressed = ContentCoding::COMPRESSED.iter().any(|coding| path.ends_with(coding.extension()));
    match find_file(path, ContentCoding::by_preference(accepted.iter())).filter(|_| !is_compressed) {
        Some(found) => file_response(path, found),
        None => (StatusCode::NOT_FOUND, "there is nothing here\n").into_response(),
    }
}

/// A file in one of its forms.
struct FoundFile {
    coding: ContentCoding,
    content_type: HeaderValue,
    content: Body,
}

/// Returns a file in the first of these codings that it exists in. Small files exist uncompressed only.
fn find_file(path: &str, codings: impl IntoIterator<Item = ContentCoding>) -> Option<FoundFile> {
    let plain = PageFiles::get(path)?;
    let content_type = HeaderValue::from_str(plain.metadata.mimetype());
    let content_type = content_type.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    for coding in codings.into_iter().filter(|coding| *coding != ContentCoding::Identity) {
        if let Some(compressed) = PageFiles::get(&format!("{path}{}", coding.extension())) {
            return Some(FoundFile { coding, content_type, content: Body::from(compressed.data) });
        }
    }
    Some(FoundFile { coding: ContentCoding::Identity, content_type, content: Body::from(plain.data) })
}

fn file_response(path: &str, file: FoundFile) -> Response {
    // The names of these files contain a hash of their content.
    let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [
        (CONTENT_TYPE, file.content_type),
        (CACHE_CONTROL, HeaderValue::from_static(cache)),
        (VARY, HeaderValue::from_static("accept-encoding")),
        (CONTENT_SECURITY_POLICY, CONTENT_POLICY.clone()),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    let mut response = (headers, file.content).into_response();
    if let Some(name) = file.coding.name() {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(name));
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    async fn get(path: &str, accept: Option<&str>) -> (StatusCode, HeaderMap, Vec<u8>) {
        let mut headers = HeaderMap::new();
        if let Some(accept) = accept {
            headers.insert(ACCEPT_ENCODING, accept.parse().unwrap());
        }
        let response = serve_file(Method::GET, path.parse().unwrap(), headers).await;
        let (head, body) = response.into_parts();
        (head.status, head.headers, to_bytes(body, usize::MAX).await.unwrap().to_vec())
    }

    /// Returns the path of the script in the page.
    async fn script() -> String {
        let (_, _, index) = get("/", None).await;
        let index = String::from_utf8(index).unwrap();
        let (_, rest) = index.split_once("src=\"./assets/").expect("the index has a script");
        format!("/assets/{}", rest.split('"').next().unwrap())
    }

    #[tokio::test]
    async fn accepted_coding_is_what_is_served() {
        let script = script().await;
        let (_, headers, plain) = get(&script, None).await;
        assert_eq!(headers.get(CONTENT_ENCODING), None);
        let mut sizes = vec![plain.len()];
        for (accept, coding) in [("gzip, deflate", "gzip"), ("gzip, deflate, br, zstd", "br")] {
            let (status, headers, body) = get(&script, Some(accept)).await;
            assert_eq!((status, &headers[CONTENT_ENCODING]), (StatusCode::OK, &HeaderValue::from_static(coding)));
            assert_eq!(headers[VARY], "accept-encoding");
            assert_eq!(headers[CONTENT_TYPE], "text/javascript");
            sizes.push(body.len());
        }
        assert!(sizes[0] > 2 * sizes[1] && sizes[1] > sizes[2], "{sizes:?}");
        let (status, ..) = get(&format!("{script}.br"), None).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn hashed_names_are_cached_and_the_index_is_not() {
        let (_, headers, _) = get(&script().await, None).await;
        assert_eq!(headers[CACHE_CONTROL], "public, max-age=31536000, immutable");
        let (_, headers, index) = get("/", None).await;
        assert_eq!(headers[CACHE_CONTROL], "no-cache");
        // The style of the index is allowed, and no other.
        let index = String::from_utf8(index).unwrap();
        assert_eq!(inline_styles(&index).count(), 1);
        let policy = headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert_eq!(policy.matches("'sha256-").count(), 1, "{policy}");
        assert!(!policy.contains("unsafe-inline"), "{policy}");
    }

    #[test]
    fn style_is_allowed_by_its_hash() {
        let policy = content_policy("<style>p{}</style><style>q{}</style>");
        let hash = |style: &str| BASE64_STANDARD.encode(Sha256::digest(style));
        assert!(policy.contains(&format!("style-src 'self' 'sha256-{}' 'sha256-{}';", hash("p{}"), hash("q{}"))));
        assert!(content_policy("<p>no style").contains("style-src 'self';"));
    }
}
