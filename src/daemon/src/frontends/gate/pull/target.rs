//! Targets of the pull-through endpoint: which registry, which repository, and what of it.

use std::borrow::Cow;
use std::fmt::Write;

use pullgate::is_digest;
use thiserror::Error;

use crate::frontends::gate::authority::TargetAuthority;

/// Docker Hub, which a name without a registry means (rule H1).
const DOCKER_HUB: &str = "docker.io";

/// Maximum length of a tag in bytes.
const MAX_TAG_BYTES: usize = 128;

/// Query parameters that are passed on.
const PASSED_PARAMETERS: [&str; 3] = ["n", "last", "artifactType"];

/// A target that is not understood. The texts are human-readable.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TargetError {
    /// No path of the pull category of the distribution specification.
    #[error("only manifests, blobs, tags and referrers are pulled through here")]
    Path,
    /// No digest.
    #[error("a blob is asked for by `sha256:`, `sha384:` or `sha512:` and its hexadecimal digits")]
    Digest,
    /// Neither a tag nor a digest.
    #[error("a manifest is asked for by a tag of letters, digits, `.`, `_` and `-`, or by a digest such as `sha256:`")]
    Reference,
    /// `ns` names no registry.
    #[error("`ns` names no registry: write `HOST[:PORT]`")]
    Namespace,
    /// `ns` is there twice.
    #[error("`ns` is there twice")]
    RepeatedNamespace,
    /// Both `ns` and a registry in the path.
    #[error("the registry is in `ns` and in the path: leave one of them out")]
    TwoRegistries,
}

/// A resource of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// A manifest, by tag or digest.
    Manifest(String),
    /// A blob, by digest.
    Blob(String),
    /// The list of tags.
    Tags,
    /// The manifests that refer to a digest.
    Referrers(String),
}

/// A target of the pull-through endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullTarget {
    /// The registry, `HOST[:PORT]`.
    registry: String,
    /// The repository as written.
    repository: String,
    /// The resource.
    pub resource: Resource,
    /// The query that is passed on.
    pub query: String,
    /// The first component of the path, if it names the registry.
    path_prefix: Option<String>,
}

impl PullTarget {
    /// Parses the path below `/v2/`, and the query.
    ///
    /// # Errors
    ///
    /// If it is no target of a pull, or names no registry, or two.
    pub fn parse(path: &str, query: &str) -> Result<Self, TargetError> {
        let (name, resource) = parse_resource(path)?;
        let (mut namespace, mut passed) = (None, form_urlencoded::Serializer::new(String::new()));
        for (parameter, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*parameter {
                "ns" if namespace.is_some() => return Err(TargetError::RepeatedNamespace),
                "ns" => namespace = Some(value),
                other if PASSED_PARAMETERS.contains(&other) => {
                    passed.append_pair(other, &value);
                }
                _ => {}
            }
        }
        let in_path = name.split_once('/').and_then(|(first, rest)| Some((first, registry_in_path(first)?, rest)));
        let (registry, repository, path_prefix) = match (namespace, in_path) {
            // A registry may have repositories that look like registries.
            (Some(_), Some(_)) => return Err(TargetError::TwoRegistries),
            (Some(namespace), None) => (parse_namespace(&namespace)?, name, None),
            (None, Some((first, registry, rest))) => (registry.into_owned(), rest, Some(first.to_owned())),
            (None, None) => (DOCKER_HUB.to_owned(), name, None),
        };
        Ok(Self { registry, repository: repository.to_owned(), resource, query: passed.finish(), path_prefix })
    }

    /// Returns the image reference that the policy is asked about. The rules check repository and tag.
    pub fn reference(&self) -> String {
        let name = format!("{}/{}", self.registry, self.repository);
        match &self.resource {
            Resource::Manifest(digest) | Resource::Blob(digest) | Resource::Referrers(digest) if is_digest(digest) => {
                format!("{name}@{digest}")
            }
            Resource::Manifest(tag) => format!("{name}:{tag}"),
            Resource::Blob(_) | Resource::Referrers(_) | Resource::Tags => name,
        }
    }

    /// Returns the path at the registry, with the repository as the decision has it (rule H1).
    pub fn upstream_path(&self, repository: &str) -> String {
        let mut path = format!("/v2/{repository}/");
        // Writing to a string does not fail.
        let _ = match &self.resource {
            Resource::Manifest(reference) => write!(path, "manifests/{reference}"),
            Resource::Blob(digest) => write!(path, "blobs/{digest}"),
            Resource::Referrers(digest) => write!(path, "referrers/{digest}"),
            Resource::Tags => write!(path, "tags/list"),
        };
        if !self.query.is_empty() {
            let _ = write!(path, "?{}", self.query);
        }
        path
    }

    /// Returns the digest of the bytes that are asked for.
    pub fn digest(&self) -> Option<&str> {
        match &self.resource {
            Resource::Manifest(digest) | Resource::Blob(digest) => Some(digest.as_str()).filter(|text| is_digest(text)),
            Resource::Tags | Resource::Referrers(_) => None,
        }
    }

    /// Returns the target of the next page at this endpoint, for that of the registry.
    pub fn next_page(&self, query: &str) -> String {
        let mut passed = form_urlencoded::Serializer::new(String::new());
        let name = match &self.path_prefix {
            Some(first) => format!("{first}/{}", self.repository),
            None => {
                passed.append_pair("ns", &self.registry);
                self.repository.clone()
            }
        };
        let pairs = form_urlencoded::parse(query.as_bytes());
        passed.extend_pairs(pairs.filter(|(parameter, _)| PASSED_PARAMETERS.contains(&&**parameter)));
        let resource = match &self.resource {
            Resource::Referrers(digest) => format!("referrers/{digest}"),
            _ => "tags/list".to_owned(),
        };
        format!("/v2/{name}/{resource}?{}", passed.finish())
    }
}

/// Splits a path into the name and the resource.
fn parse_resource(path: &str) -> Result<(&str, Resource), TargetError> {
    if let Some(name) = path.strip_suffix("/tags/list") {
        return Ok((name, Resource::Tags));
    }
    let (rest, last) = path.rsplit_once('/').ok_or(TargetError::Path)?;
    let (name, kind) = rest.rsplit_once('/').ok_or(TargetError::Path)?;
    let digest = || if is_digest(last) { Ok(last.to_owned()) } else { Err(TargetError::Digest) };
    match kind {
        "manifests" if is_digest(last) || is_tag(last) => Ok((name, Resource::Manifest(last.to_owned()))),
        "manifests" => Err(TargetError::Reference),
        "blobs" => Ok((name, Resource::Blob(digest()?))),
        "referrers" => Ok((name, Resource::Referrers(digest()?))),
        _ => Err(TargetError::Path),
    }
}

/// Returns whether a text is a tag (distribution specification, "Pulling manifests").
fn is_tag(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_valid = |byte: u8| is_word(byte) || matches!(byte, b'.' | b'-');
    text.len() <= MAX_TAG_BYTES && text.bytes().next().is_some_and(is_word) && text.bytes().all(is_valid)
}

/// Returns the registry that the first component of a path names: a host by rule H3, or `HOST__PORT`, as a component
/// has no colon and a host no underscore.
fn registry_in_path(first: &str) -> Option<Cow<'_, str>> {
    let written = match first.rsplit_once("__") {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            Cow::Owned(format!("{host}:{port}"))
        }
        _ => Cow::Borrowed(first),
    };
    (first == "localhost" || written.contains(['.', ':'])).then_some(written)
}

/// Parses `ns`. A name that image references read as a part of the repository is none.
fn parse_namespace(namespace: &str) -> Result<String, TargetError> {
    let default_port = 443;
    let is_registry = namespace == "localhost" || namespace.contains(['.', ':']);
    match TargetAuthority::parse(namespace, Some(default_port)) {
        Ok(_) if is_registry => Ok(namespace.to_owned()),
        _ => Err(TargetError::Namespace),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(path: &str, query: &str) -> (String, String) {
        let target = PullTarget::parse(path, query).unwrap_or_else(|error| panic!("{path}?{query}: {error}"));
        (target.reference(), target.upstream_path(&target.repository))
    }

    #[test]
    fn registry_is_in_the_query_or_in_the_path_or_docker_hub() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        for (path, query, reference, upstream) in [
            ("team/app/manifests/1", "ns=r.example", "r.example/team/app:1", "/v2/team/app/manifests/1"),
            ("app/manifests/1", "ns=r.example%3A5000&x=1", "r.example:5000/app:1", "/v2/app/manifests/1"),
            ("app/manifests/1", "ns=[fd00::1]:5000", "[fd00::1]:5000/app:1", "/v2/app/manifests/1"),
            ("r.example/team/app/manifests/1", "", "r.example/team/app:1", "/v2/team/app/manifests/1"),
            ("r.example__5000/app/tags/list", "n=5&last=x", "r.example:5000/app", "/v2/app/tags/list?n=5&last=x"),
            ("harbor__5000/app/manifests/1", "", "harbor:5000/app:1", "/v2/app/manifests/1"),
            ("localhost/app/manifests/1", "", "localhost/app:1", "/v2/app/manifests/1"),
            ("library/alpine/manifests/3", "", "docker.io/library/alpine:3", "/v2/library/alpine/manifests/3"),
            ("a__b/c/manifests/3", "", "docker.io/a__b/c:3", "/v2/a__b/c/manifests/3"),
            (
                "manifests/manifests/manifests",
                "ns=r.example",
                "r.example/manifests:manifests",
                "/v2/manifests/manifests/manifests",
            ),
        ] {
            assert_eq!(parse(path, query), (reference.to_owned(), upstream.to_owned()), "{path}?{query}");
        }
        for kind in ["manifests", "blobs", "referrers"] {
            let (reference, upstream) = parse(&format!("app/{kind}/{digest}"), "ns=r.example");
            assert_eq!(reference, format!("r.example/app@{digest}"));
            assert_eq!(upstream, format!("/v2/app/{kind}/{digest}"));
        }
    }

    #[test]
    fn everything_else_is_refused() {
        use TargetError::{Digest, Namespace, Path, Reference, RepeatedNamespace, TwoRegistries};
        let long = format!("app/manifests/{}", "1".repeat(MAX_TAG_BYTES + 1));
        for (path, query, error) in [
            ("", "", Path),
            ("_catalog", "", Path),
            ("app", "ns=r.example", Path),
            ("app/manifests/", "ns=r.example", Reference),
            ("app/manifests/sha256:0", "ns=r.example", Reference),
            ("app/manifests/baddigeststring:x", "ns=r.example", Reference),
            ("app/manifests/-1", "ns=r.example", Reference),
            ("app/manifests/1%2f2", "ns=r.example", Reference),
            (&long, "ns=r.example", Reference),
            ("app/uploads/x", "ns=r.example", Path),
            ("app/blobs/uploads/", "ns=r.example", Path),
            ("app/blobs/sha256:0", "ns=r.example", Digest),
            ("app/blobs/latest", "ns=r.example", Digest),
            ("app/referrers/latest", "ns=r.example", Digest),
            ("app/manifests/1", "ns=r.example&ns=r.example", RepeatedNamespace),
            ("r.example/app/manifests/1", "ns=r.example", TwoRegistries),
            ("app/manifests/1", "ns=", Namespace),
            ("app/manifests/1", "ns=harbor", Namespace),
            ("app/manifests/1", "ns=user:x@r.example", Namespace),
            ("app/manifests/1", "ns=r.example/evil", Namespace),
            ("app/manifests/1", "ns=https://r.example", Namespace),
            ("app/manifests/1", "ns=r.example%0d%0a", Namespace),
        ] {
            assert_eq!(PullTarget::parse(path, query), Err(error), "{path}?{query}");
        }
    }

    #[test]
    fn next_page_is_at_this_endpoint() {
        let next = |path: &str, query: &str| PullTarget::parse(path, query).unwrap().next_page("n=2&last=b%26&x=1");
        assert_eq!(next("r.example__5000/app/tags/list", ""), "/v2/r.example__5000/app/tags/list?n=2&last=b%26");
        assert_eq!(next("app/tags/list", "ns=r.example:5000"), "/v2/app/tags/list?ns=r.example%3A5000&n=2&last=b%26");
    }
}
