//! Classification of a request to dockerd by the registries that it concerns.

use pullgate::{ReferenceKind, has_default_registry};
use thiserror::Error;

use super::image_refs::{self, ImageRefsError};
use super::operation::{Operation, classify_operation};
use super::protocol::{AuthzRequest, CallError};
use super::request_uri::{QueryParams, RequestUri};

/// A classified request.
#[derive(Debug, PartialEq, Eq)]
pub struct ClassifiedRequest {
    /// The action, for the record.
    pub action: &'static str,
    /// The subject of the decision.
    pub subject: Subject,
}

/// The subject of a decision.
#[derive(Debug, PartialEq, Eq)]
pub enum Subject {
    /// Concerns no registry.
    Unrelated,
    /// References, all of which must be allowed.
    References(Vec<SubjectReference>),
    /// An operation whose registry cannot be seen, decided by a setting; with what is known of it, for the record.
    Opaque(OpaqueOperation, String),
    /// An unknown operation that may concern a registry; with the method and the path.
    Unknown(String),
}

/// A reference in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectReference {
    pub text: String,
    pub kind: ReferenceKind,
    pub source: ImageSource,
}

/// The place that an image comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageSource {
    /// The registry that the reference names, or Docker Hub.
    Registry,
    /// dockerd's own images: the text is the whole id of one, and no name.
    Id,
    /// dockerd's own images: dockerd does not pull for the request, and the name has no registry that it would have
    /// been pulled from. It may be an id that is cut short.
    LocalName,
    /// The registry that the reference names, for BuildKit in a container of its own.
    BuildKit,
}

/// Operations that are decided by a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpaqueOperation {
    Builds,
    Imports,
    Logins,
    Tags,
}

/// A request that could be read in two ways, or not at all.
#[derive(Debug, PartialEq, Eq)]
pub struct AmbiguousRequest {
    /// The action, as far as known.
    pub action: &'static str,
    /// The reason, human-readable.
    pub text: String,
}

/// An error of a request whose registries cannot be told. The texts are human-readable.
#[derive(Debug, Error)]
enum ClassifyError {
    #[error("{0}")]
    Query(&'static str),
    #[error("`{0}` is missing")]
    Missing(&'static str),
    #[error("`{0}` may be the id of a plugin: write its name with the tag")]
    PluginId(String),
    #[error("the parameters are in a form, which cannot be seen")]
    Form,
    #[error("the request may have a form in its body, which cannot be seen: send it with `Content-Length: 0`")]
    PossibleForm,
    #[error(
        "dockerd showed no body: it must be JSON with a `Content-Length`, of less than 1 MiB, or 4 MiB from Engine 28 on"
    )]
    NoBody,
    #[error(transparent)]
    Body(#[from] CallError),
    #[error(transparent)]
    Images(#[from] ImageRefsError),
}

/// Classifies a request.
pub fn classify(call: &AuthzRequest) -> Result<ClassifiedRequest, AmbiguousRequest> {
    let unclear = |action, text: &str| AmbiguousRequest { action, text: text.to_owned() };
    let target = RequestUri::parse(&call.request_uri).map_err(|text| unclear("request", text))?;
    let route = classify_operation(&call.request_method, &target.path);
    let action = action_name(route);
    let object =
        subject_of(route, call, &target).map_err(|error| AmbiguousRequest { action, text: error.to_string() })?;
    // Pull and import differ only in the query.
    let action = if matches!(object, Subject::Opaque(OpaqueOperation::Imports, _)) && route == Operation::CreateImage {
        "import"
    } else {
        action
    };
    Ok(ClassifiedRequest { action, subject: object })
}

/// Returns the name of an operation in the record.
fn action_name(route: Operation<'_>) -> &'static str {
    match route {
        Operation::CreateImage => "pull",
        Operation::Load => "load",
        Operation::Push(_) => "push",
        Operation::Tag(_) => "tag",
        Operation::Commit => "commit",
        Operation::Search => "search",
        Operation::Inspect(_) => "inspect",
        Operation::Login => "login",
        Operation::CreateContainer => "create container",
        Operation::CreateService => "create service",
        Operation::UpdateService => "update service",
        Operation::PullPlugin => "pull plugin",
        Operation::UpgradePlugin => "upgrade plugin",
        Operation::InspectPlugin => "inspect plugin",
        Operation::PushPlugin(_) => "push plugin",
        Operation::Build => "build",
        Operation::NoRegistry | Operation::Unknown => "request",
    }
}

fn subject_of(route: Operation<'_>, call: &AuthzRequest, target: &RequestUri<'_>) -> Result<Subject, ClassifyError> {
    Ok(match route {
        Operation::NoRegistry => Subject::Unrelated,
        Operation::Unknown => Subject::Unknown(format!("{} {}", call.request_method, target.path)),
        Operation::CreateImage => classify_create_image(call, &target.query().map_err(ClassifyError::Query)?)?,
        Operation::Load => Subject::Opaque(OpaqueOperation::Imports, String::new()),
        Operation::Push(name) => {
            let query = target.query().map_err(ClassifyError::Query)?;
            require_no_form(call)?;
            image_subject(with_tag(name, query.first_or_empty("tag")))
        }
        Operation::Tag(_) | Operation::Commit => Subject::Opaque(
            OpaqueOperation::Tags,
            target.query().map_err(ClassifyError::Query)?.first_or_empty("repo").to_owned(),
        ),
        Operation::Search => {
            let term = target
                .query()
                .map_err(ClassifyError::Query)?
                .first("term")
                .ok_or(ClassifyError::Missing("term"))?
                .to_owned();
            Subject::References(vec![SubjectReference {
                text: search_registry(&term),
                kind: ReferenceKind::Registry,
                source: ImageSource::Registry,
            }])
        }
        Operation::Inspect(name) => image_subject(name.to_owned()),
        Operation::Login => Subject::Opaque(OpaqueOperation::Logins, String::new()),
        Operation::CreateContainer => {
            let images = image_refs::images_of_container(&json_body(call)?)?;
            image_subjects(images, |image| match has_default_registry(image) {
                true => ImageSource::LocalName,
                false => ImageSource::Registry,
            })
        }
        Operation::CreateService | Operation::UpdateService => {
            image_subjects(image_refs::images_of_service(&json_body(call)?)?, |_| ImageSource::Registry)
        }
        Operation::PullPlugin | Operation::UpgradePlugin => {
            let query = target.query().map_err(ClassifyError::Query)?;
            require_no_form(call)?;
            plugin_subject(&query)?
        }
        Operation::InspectPlugin => plugin_subject(&target.query().map_err(ClassifyError::Query)?)?,
        Operation::PushPlugin(name) => {
            // dockerd also takes it for an id prefix of a plugin with any name.
            if name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(ClassifyError::PluginId(name.to_owned()));
            }
            require_no_form(call)?;
            image_subject(name.to_owned())
        }
        Operation::Build => Subject::Opaque(OpaqueOperation::Builds, String::new()),
    })
}

/// Classifies `docker pull` or `docker import`.
fn classify_create_image(call: &AuthzRequest, query: &QueryParams) -> Result<Subject, ClassifyError> {
    let from = query.first_or_empty("fromImage");
    if !from.is_empty() {
        require_no_form(call)?;
        let image = with_tag(from, query.first_or_empty("tag"));
        let source = if image_refs::is_buildkit_image(&image) { ImageSource::BuildKit } else { ImageSource::Registry };
        return Ok(Subject::References(vec![SubjectReference { text: image, kind: ReferenceKind::Image, source }]));
    }
    // The body of an import is a tar. It must not be a form, which could name an image to pull.
    if call.declares_form() {
        return Err(ClassifyError::Form);
    }
    let source = query.first_or_empty("fromSrc");
    // A URL may carry secrets after `?`.
    let source = source.split(['?', '#']).next().unwrap_or_default();
    Ok(Subject::Opaque(OpaqueOperation::Imports, source.to_owned()))
}

/// Joins a name and a separate tag as dockerd does: the tag replaces that of the name, or is a digest that replaces tag
/// and digest.
fn with_tag(name: &str, tag: &str) -> String {
    // Old clients request all tags by a trailing colon.
    let name = name.strip_suffix(':').unwrap_or(name);
    if tag.is_empty() {
        return name.to_owned();
    }
    let (rest, digest) = name.split_once('@').map_or((name, None), |(rest, digest)| (rest, Some(digest)));
    let bare = match rest.rsplit_once(':') {
        Some((bare, own)) if !own.contains('/') => bare,
        _ => rest,
    };
    // A name with more after its `@` is kept, as dockerd could find something else in it.
    match digest {
        Some(digest) if digest.contains(['/', '@']) => name.to_owned(),
        _ if tag.contains(':') => format!("{bare}@{tag}"),
        Some(digest) => format!("{bare}:{tag}@{digest}"),
        None => format!("{bare}:{tag}"),
    }
}

/// Returns the registry of a search term as dockerd finds it; its grammar is not that of references, in which `Host/x`
/// has one.
fn search_registry(term: &str) -> String {
    match term.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host.to_owned(),
        _ => "docker.io".to_owned(),
    }
}

/// Returns the plugin that `remote` names. It is required: without it dockerd reads the name from the body.
fn plugin_subject(query: &QueryParams) -> Result<Subject, ClassifyError> {
    query.first("remote").map(|name| image_subject(name.to_owned())).ok_or(ClassifyError::Missing("remote"))
}

fn image_subject(text: String) -> Subject {
    let source = ImageSource::Registry;
    Subject::References(vec![SubjectReference { text, kind: ReferenceKind::Image, source }])
}

/// Returns the distinct images of a container or a service. `source_of` says where one comes from by its name.
fn image_subjects(mut texts: Vec<String>, source_of: impl Fn(&str) -> ImageSource) -> Subject {
    let mut seen = std::collections::HashSet::new();
    texts.retain(|text| seen.insert(text.clone()));
    let reference = |text: String| {
        let source = match text.as_str() {
            image if image_refs::is_image_id(image) => ImageSource::Id,
            image if image_refs::is_buildkit_image(image) => ImageSource::BuildKit,
            image => source_of(image),
        };
        SubjectReference { text, kind: ReferenceKind::Image, source }
    };
    Subject::References(texts.into_iter().map(reference).collect())
}

fn json_body(call: &AuthzRequest) -> Result<Vec<u8>, ClassifyError> {
    let body = call.body()?;
    body.ok_or(ClassifyError::NoBody)
}

fn require_no_form(call: &AuthzRequest) -> Result<(), ClassifyError> {
    if call.has_no_form() {
        return Ok(());
    }
    Err(ClassifyError::PossibleForm)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frontends::docker::protocol::parse_call;

    #[test]
    fn every_operation_has_its_name_in_the_record() {
        let action = |method: &str, uri: &str| {
            let call = format!(
                r#"{{"RequestMethod": "{method}", "RequestUri": "{uri}", "RequestHeaders": {{"Content-Length": "0"}}}}"#
            );
            match classify(&parse_call(call.as_bytes()).unwrap()) {
                Ok(ClassifiedRequest { action, .. }) | Err(AmbiguousRequest { action, .. }) => action,
            }
        };
        for (method, uri, expected) in [
            ("POST", "/images/create?fromImage=h.x/a", "pull"),
            ("POST", "/images/create?fromSrc=-", "import"),
            ("POST", "/images/load", "load"),
            ("POST", "/images/h.x/a/push", "push"),
            ("POST", "/images/a/tag?repo=b", "tag"),
            ("POST", "/commit", "commit"),
            ("GET", "/images/search?term=a", "search"),
            ("GET", "/distribution/h.x/a/json", "inspect"),
            ("POST", "/auth", "login"),
            // Without a body, these are not understood.
            ("POST", "/containers/create", "create container"),
            ("POST", "/services/create", "create service"),
            ("POST", "/services/a/update", "update service"),
            ("POST", "/plugins/pull?remote=h.x/p", "pull plugin"),
            ("POST", "/plugins/p/upgrade?remote=h.x/p", "upgrade plugin"),
            ("GET", "/plugins/privileges?remote=h.x/p", "inspect plugin"),
            ("POST", "/plugins/h.x/p/push", "push plugin"),
            ("POST", "/build", "build"),
            ("GET", "/info", "request"),
            ("POST", "/models/create", "request"),
        ] {
            assert_eq!(action(method, uri), expected, "{method} {uri}");
        }
    }

    #[test]
    fn names_and_tags_are_put_together_as_dockerd_does() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (name, tag, expected) in [
            ("h:5000/a/b", "", "h:5000/a/b"),
            ("h:5000/a/b", "1", "h:5000/a/b:1"),
            ("h:5000/a/b:2", "1", "h:5000/a/b:1"),
            ("h:5000/a/b:", "", "h:5000/a/b"),
            ("a:2", "1", "a:1"),
            ("a", &digest, &format!("a@{digest}")),
            ("h/a:2", &digest, &format!("h/a@{digest}")),
            (&format!("h.x/a:2@{digest}"), "1", &format!("h.x/a:1@{digest}")),
            (&format!("h.x/a@{digest}"), &digest, &format!("h.x/a@{digest}")),
            ("good.x@evil.x/a", "1", "good.x@evil.x/a"),
        ] {
            assert_eq!(with_tag(name, tag), expected, "{name} {tag}");
        }
    }

    #[test]
    fn search_terms_have_a_registry_by_their_own_rule() {
        for (term, registry) in [
            ("alpine", "docker.io"),
            ("library/alpine", "docker.io"),
            ("Foo/bar", "docker.io"),
            ("", "docker.io"),
            ("/x", "docker.io"),
            ("h.x/a/b", "h.x"),
            ("H.X/a", "H.X"),
            ("h:5000/a", "h:5000"),
            ("localhost/a", "localhost"),
            ("h.x", "docker.io"),
            ("https://h.x/a", "https:"),
        ] {
            assert_eq!(search_registry(term), registry, "{term}");
        }
    }
}
