//! What a request to dockerd is about, as far as registries are concerned.

use pullgate::ReferenceKind;

use super::image_refs;
use super::operation::{Route, route};
use super::protocol::Call;
use super::request_uri::{Query, Target};

/// What a request is about.
#[derive(Debug, PartialEq, Eq)]
pub struct Intent {
    /// What is to be done, for the record.
    pub action: &'static str,
    /// With what.
    pub object: Object,
}

/// What the decision is about.
#[derive(Debug, PartialEq, Eq)]
pub enum Object {
    /// Nothing that concerns a registry.
    Nothing,
    /// These, all of which must be allowed.
    References(Vec<Reference>),
    /// Something that cannot be seen, so a setting decides; with what is known of it, for the record.
    Unseen(Matter, String),
    /// Perhaps something that concerns a registry: no operation that is known. With the method and the path.
    Unknown(String),
}

/// A reference in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    pub text: String,
    pub kind: ReferenceKind,
    /// It is the id of an image that dockerd has.
    pub id: bool,
}

/// What there is a setting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matter {
    Builds,
    Imports,
    Logins,
    Tags,
}

/// A request that could be read in two ways, or not at all.
#[derive(Debug, PartialEq, Eq)]
pub struct Unclear {
    /// What was to be done, as far as that is known.
    pub action: &'static str,
    /// Why, for a person.
    pub text: String,
}

/// Reads a request.
pub fn read(call: &Call) -> Result<Intent, Unclear> {
    let unclear = |action, text: &str| Unclear { action, text: text.to_owned() };
    let target = Target::read(&call.request_uri).map_err(|text| unclear("request", text))?;
    let route = route(&call.request_method, &target.path);
    let action = action(route);
    let object = object(route, call, &target).map_err(|text| Unclear { action, text })?;
    // What it comes to is known only with the query.
    let action = if matches!(object, Object::Unseen(Matter::Imports, _)) && route == Route::CreateImage {
        "import"
    } else {
        action
    };
    Ok(Intent { action, object })
}

/// What an operation is called in the record.
fn action(route: Route<'_>) -> &'static str {
    match route {
        Route::CreateImage => "pull",
        Route::Load => "load",
        Route::Push(_) => "push",
        Route::Tag(_) => "tag",
        Route::Commit => "commit",
        Route::Search => "search",
        Route::Inspect(_) => "inspect",
        Route::Login => "login",
        Route::CreateContainer => "create container",
        Route::CreateService => "create service",
        Route::UpdateService => "update service",
        Route::PullPlugin => "pull plugin",
        Route::UpgradePlugin => "upgrade plugin",
        Route::InspectPlugin => "inspect plugin",
        Route::PushPlugin(_) => "push plugin",
        Route::Build => "build",
        Route::Local | Route::Unknown => "request",
    }
}

fn object(route: Route<'_>, call: &Call, target: &Target<'_>) -> Result<Object, String> {
    Ok(match route {
        Route::Local => Object::Nothing,
        Route::Unknown => Object::Unknown(format!("{} {}", call.request_method, target.path)),
        Route::CreateImage => create_image(call, &target.query()?)?,
        Route::Load => Object::Unseen(Matter::Imports, String::new()),
        Route::Push(name) => {
            let query = target.query()?;
            no_form(call)?;
            image(tagged(name, query.text("tag")))
        }
        Route::Tag(_) | Route::Commit => Object::Unseen(Matter::Tags, target.query()?.text("repo").to_owned()),
        Route::Search => {
            let term = target.query()?.first("term").ok_or("`term` is missing")?.to_owned();
            Object::References(vec![Reference { text: search(&term), kind: ReferenceKind::Registry, id: false }])
        }
        Route::Inspect(name) => image(name.to_owned()),
        Route::Login => Object::Unseen(Matter::Logins, String::new()),
        Route::CreateContainer => images(image_refs::of_container(&body(call)?)?),
        Route::CreateService | Route::UpdateService => images(image_refs::of_service(&body(call)?)?),
        Route::PullPlugin | Route::UpgradePlugin => {
            let query = target.query()?;
            no_form(call)?;
            remote(&query)?
        }
        Route::InspectPlugin => remote(&target.query()?)?,
        Route::PushPlugin(name) => {
            // dockerd takes it for the beginning of an id, too, of a plugin by any name.
            if name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(format!("`{name}` may be the id of a plugin: write its name with the tag"));
            }
            no_form(call)?;
            image(name.to_owned())
        }
        Route::Build => Object::Unseen(Matter::Builds, String::new()),
    })
}

/// `docker pull` or `docker import`.
fn create_image(call: &Call, query: &Query) -> Result<Object, String> {
    let from = query.text("fromImage");
    if !from.is_empty() {
        no_form(call)?;
        return Ok(image(tagged(from, query.text("tag"))));
    }
    // The tar of an import is in the body. What else is there must not be a form, which could name an image to pull.
    if call.says_form() {
        return Err("the parameters are in a form, which cannot be seen".to_owned());
    }
    let source = query.text("fromSrc");
    // A URL may carry secrets after `?`.
    let source = source.split(['?', '#']).next().unwrap_or_default();
    Ok(Object::Unseen(Matter::Imports, source.to_owned()))
}

/// A name and a separate tag, as dockerd puts them together: the tag takes the place of the name's own, and may be a
/// digest, which takes the place of both.
fn tagged(name: &str, tag: &str) -> String {
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
fn search(term: &str) -> String {
    match term.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host.to_owned(),
        _ => "docker.io".to_owned(),
    }
}

/// The plugin that `remote` names. It must be there: where it is not, dockerd looks for it in the body.
fn remote(query: &Query) -> Result<Object, String> {
    query.first("remote").map(|name| image(name.to_owned())).ok_or_else(|| "`remote` is missing".to_owned())
}

fn image(text: String) -> Object {
    Object::References(vec![Reference { text, kind: ReferenceKind::Image, id: false }])
}

fn images(mut texts: Vec<String>) -> Object {
    let mut seen = std::collections::HashSet::new();
    texts.retain(|text| seen.insert(text.clone()));
    let reference = |text: String| Reference { id: image_refs::is_id(&text), text, kind: ReferenceKind::Image };
    Object::References(texts.into_iter().map(reference).collect())
}

fn body(call: &Call) -> Result<Vec<u8>, String> {
    let body = call.body().map_err(|unreadable| unreadable.0)?;
    body.ok_or_else(|| "dockerd showed no body: it must be JSON of less than 1 MiB with a `Content-Length`".to_owned())
}

fn no_form(call: &Call) -> Result<(), String> {
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
            assert_eq!(tagged(name, tag), expected, "{name} {tag}");
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
            assert_eq!(search(term), registry, "{term}");
        }
    }
}
