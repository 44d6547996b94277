//! What a request to dockerd is about, as far as registries are concerned.

use pullgate::ReferenceKind;

use super::image_refs;
use super::operation::{Operation, classify_operation};
use super::protocol::AuthzRequest;
use super::request_uri::{QueryParams, RequestUri};

/// What a request is about.
#[derive(Debug, PartialEq, Eq)]
pub struct ClassifiedRequest {
    /// What is to be done, for the record.
    pub action: &'static str,
    /// With what.
    pub subject: Subject,
}

/// What the decision is about.
#[derive(Debug, PartialEq, Eq)]
pub enum Subject {
    /// Nothing that concerns a registry.
    Unrelated,
    /// These, all of which must be allowed.
    References(Vec<SubjectReference>),
    /// Something that cannot be seen, so a setting decides; with what is known of it, for the record.
    Opaque(OpaqueOperation, String),
    /// Perhaps something that concerns a registry: no operation that is known. With the method and the path.
    Unknown(String),
}

/// A reference in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectReference {
    pub text: String,
    pub kind: ReferenceKind,
    /// It is the id of an image that dockerd has.
    pub is_image_id: bool,
}

/// What there is a setting for.
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
    /// What was to be done, as far as that is known.
    pub action: &'static str,
    /// Why, for a person.
    pub text: String,
}

/// Reads a request.
pub fn classify(call: &AuthzRequest) -> Result<ClassifiedRequest, AmbiguousRequest> {
    let unclear = |action, text: &str| AmbiguousRequest { action, text: text.to_owned() };
    let target = RequestUri::parse(&call.request_uri).map_err(|text| unclear("request", text))?;
    let route = classify_operation(&call.request_method, &target.path);
    let action = action_name(route);
    let object = subject_of(route, call, &target).map_err(|text| AmbiguousRequest { action, text })?;
    // What it comes to is known only with the query.
    let action = if matches!(object, Subject::Opaque(OpaqueOperation::Imports, _)) && route == Operation::CreateImage {
        "import"
    } else {
        action
    };
    Ok(ClassifiedRequest { action, subject: object })
}

/// What an operation is called in the record.
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

fn subject_of(route: Operation<'_>, call: &AuthzRequest, target: &RequestUri<'_>) -> Result<Subject, String> {
    Ok(match route {
        Operation::NoRegistry => Subject::Unrelated,
        Operation::Unknown => Subject::Unknown(format!("{} {}", call.request_method, target.path)),
        Operation::CreateImage => classify_create_image(call, &target.query()?)?,
        Operation::Load => Subject::Opaque(OpaqueOperation::Imports, String::new()),
        Operation::Push(name) => {
            let query = target.query()?;
            require_no_form(call)?;
            image_subject(with_tag(name, query.first_or_empty("tag")))
        }
        Operation::Tag(_) | Operation::Commit => {
            Subject::Opaque(OpaqueOperation::Tags, target.query()?.first_or_empty("repo").to_owned())
        }
        Operation::Search => {
            let term = target.query()?.first("term").ok_or("`term` is missing")?.to_owned();
            Subject::References(vec![SubjectReference {
                text: search_registry(&term),
                kind: ReferenceKind::Registry,
                is_image_id: false,
            }])
        }
        Operation::Inspect(name) => image_subject(name.to_owned()),
        Operation::Login => Subject::Opaque(OpaqueOperation::Logins, String::new()),
        Operation::CreateContainer => image_subjects(image_refs::images_of_container(&json_body(call)?)?),
        Operation::CreateService | Operation::UpdateService => {
            image_subjects(image_refs::images_of_service(&json_body(call)?)?)
        }
        Operation::PullPlugin | Operation::UpgradePlugin => {
            let query = target.query()?;
            require_no_form(call)?;
            plugin_subject(&query)?
        }
        Operation::InspectPlugin => plugin_subject(&target.query()?)?,
        Operation::PushPlugin(name) => {
            // dockerd takes it for the beginning of an id, too, of a plugin by any name.
            if name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(format!("`{name}` may be the id of a plugin: write its name with the tag"));
            }
            require_no_form(call)?;
            image_subject(name.to_owned())
        }
        Operation::Build => Subject::Opaque(OpaqueOperation::Builds, String::new()),
    })
}

/// `docker pull` or `docker import`.
fn classify_create_image(call: &AuthzRequest, query: &QueryParams) -> Result<Subject, String> {
    let from = query.first_or_empty("fromImage");
    if !from.is_empty() {
        require_no_form(call)?;
        return Ok(image_subject(with_tag(from, query.first_or_empty("tag"))));
    }
    // The tar of an import is in the body. What else is there must not be a form, which could name an image to pull.
    if call.declares_form() {
        return Err("the parameters are in a form, which cannot be seen".to_owned());
    }
    let source = query.first_or_empty("fromSrc");
    // A URL may carry secrets after `?`.
    let source = source.split(['?', '#']).next().unwrap_or_default();
    Ok(Subject::Opaque(OpaqueOperation::Imports, source.to_owned()))
}

/// A name and a separate tag, as dockerd puts them together: the tag takes the place of the name's own, and may be a
/// digest, which takes the place of both.
fn with_tag(name: &str, tag: &str) -> String {
    // Old clients ask for all tags with a colon and nothing after it.
    let name = name.strip_suffix(':').unwrap_or(name);
    if tag.is_empty() {
        return name.to_owned();
    }
    let (rest, digest) = name.split_once('@').map_or((name, None), |(rest, digest)| (rest, Some(digest)));
    let bare = match rest.rsplit_once(':') {
        Some((bare, own)) if !own.contains('/') => bare,
        _ => rest,
    };
    // What is dropped must be no more than it seems: something else that dockerd finds in it would be lost.
    match digest {
        Some(digest) if digest.contains(['/', '@']) => name.to_owned(),
        _ if tag.contains(':') => format!("{bare}@{tag}"),
        Some(digest) => format!("{bare}:{tag}@{digest}"),
        None => format!("{bare}:{tag}"),
    }
}

/// The registry of a search term, as dockerd finds it: this is not the grammar of references, to which `Host/x` has one.
fn search_registry(term: &str) -> String {
    match term.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host.to_owned(),
        _ => "docker.io".to_owned(),
    }
}

/// The plugin that `remote` names. It must be there: where it is not, dockerd looks for it in the body.
fn plugin_subject(query: &QueryParams) -> Result<Subject, String> {
    query.first("remote").map(|name| image_subject(name.to_owned())).ok_or_else(|| "`remote` is missing".to_owned())
}

fn image_subject(text: String) -> Subject {
    Subject::References(vec![SubjectReference { text, kind: ReferenceKind::Image, is_image_id: false }])
}

fn image_subjects(mut texts: Vec<String>) -> Subject {
    let mut seen = std::collections::HashSet::new();
    texts.retain(|text| seen.insert(text.clone()));
    let reference = |text: String| SubjectReference {
        is_image_id: image_refs::is_image_id(&text),
        text,
        kind: ReferenceKind::Image,
    };
    Subject::References(texts.into_iter().map(reference).collect())
}

fn json_body(call: &AuthzRequest) -> Result<Vec<u8>, String> {
    let body = call.body().map_err(|unreadable| unreadable.0)?;
    body.ok_or_else(|| "dockerd showed no body: it must be JSON of less than 1 MiB with a `Content-Length`".to_owned())
}

fn require_no_form(call: &AuthzRequest) -> Result<(), String> {
    if call.has_no_form() {
        return Ok(());
    }
    Err("the request may have a form in its body, which cannot be seen: send it with `Content-Length: 0`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

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
