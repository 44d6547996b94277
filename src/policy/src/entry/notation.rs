//! Notations of other programs for entries (rule E17), each with the entries that it means.

use crate::decision::Scheme;
use crate::entry::parse_port;
use crate::entry::parts::EntryParts;
use crate::entry::redact;
use crate::finding::RawFinding;
use crate::finding::code::Code;
use crate::host::{dns_name, docker_hub};
use crate::reference::repository;
use crate::util::strings::split_once_str;

/// The maximum number of entries proposed in place of a range of ports.
const MAX_PROPOSED_PORTS: usize = 16;

/// Reports several entries in one text, separated by commas, semicolons or blanks. Every part must look like a registry
/// or a network, so that a sentence, or a name with a stray comma, is not split into hosts that nobody meant.
pub(super) fn several_entries_finding(text: &str, whole: &str) -> Option<RawFinding> {
    let is_separator = |character: char| matches!(character, ',' | ';' | ' ' | '\t' | '\r' | '\n');
    let mut parts = whole.split(is_separator).filter(|part| !part.is_empty());
    if !whole.contains(is_separator) || !parts.clone().all(is_registry_like) {
        return None;
    }
    let message = match parts.clone().nth(1) {
        Some(_) => format_args!("several entries stand here: write each by itself"),
        None => format_args!("a separator of entries stands here, and one entry only: leave the separator out"),
    };
    let fix = parts.next().map(|first| parts.fold(first.to_owned(), |list, part| list + ", " + part))?;
    Some(RawFinding::at_slice(Code::EntrySeveral, text, whole, message).with_fix(fix))
}

/// Returns whether a text names a host in a way that single words do not: by a dot, a port or `localhost`.
#[inline(never)]
fn is_registry_like(text: &str) -> bool {
    let place =
        split_once_str(text, "://").filter(|(scheme, _)| redact::is_scheme(scheme)).map_or(text, |(_, place)| place);
    let authority = place.split_once('/').map_or(place, |(authority, _)| authority);
    let is_plain = place.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-_*[]/".contains(&byte));
    let has_host = authority.starts_with(|first: char| first.is_ascii_alphanumeric() || matches!(first, '[' | '*'));
    let is_marked = authority == "localhost"
        || authority.contains('.')
        || authority.split_once(':').is_some_and(|(host, port)| host.len().min(port.len()) > 0);
    is_plain && has_host && is_marked
}

/// Reports a star, a range or a list in place of a port. The fix is an entry for each port; a star is every port, as is
/// an entry without a port.
pub(super) fn port_pattern_finding(text: &str, parts: &EntryParts<'_>, written: &str) -> Option<RawFinding> {
    let (before, after) = parts.around_port();
    let about = |message: std::fmt::Arguments<'_>| RawFinding::at_slice(Code::PortPattern, text, parts.whole, message);
    if written == "*" {
        let finding = about(format_args!("an entry without a port covers every port: leave `:*` out"));
        // A scheme without a port stands for its default port, and `http` besides for no verification.
        return Some(match (parts.scheme, split_once_str(before, "://")) {
            (Some(Scheme::Http), _) => finding,
            (Some(Scheme::Https), Some((_, host))) => finding.with_fix(format!("{host}{after}")),
            _ => finding.with_fix(format!("{before}{after}")),
        });
    }
    if !written.contains(['-', ',']) {
        return None;
    }
    let mut ports = Vec::new();
    let mut count: usize = 0;
    for part in written.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let range = parse_port(first.trim())?..=parse_port(last.trim())?;
        count = count.saturating_add(range.clone().count());
        ports.extend(range.take(MAX_PROPOSED_PORTS));
    }
    let fix = || ports.iter().map(|port| format!("{before}:{port}{after}")).collect::<Vec<_>>().join(", ");
    Some(match count {
        0 => about(format_args!("`{written}` is a range of ports that ends before it begins")),
        1..=MAX_PROPOSED_PORTS => {
            about(format_args!("an entry has one port: write an entry for each of `{written}`")).with_fix(fix())
        }
        _ => about(format_args!("`{written}` is {count} ports, and an entry has one: write an entry for each")),
    })
}

/// Reports a tag in place of a port, as in `nginx:latest`.
pub(super) fn tag_in_place_of_port_finding(text: &str, parts: &EntryParts<'_>, written: &str) -> Option<RawFinding> {
    let is_tag = !written.is_empty()
        && written.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    let is_image =
        docker_hub::is_official_image(parts.host) || written.starts_with(|first: char| first.is_ascii_alphabetic());
    if !is_tag || !is_image || parts.bracketed || parts.path().is_some() || !dns_name::is_single_label(parts.host) {
        return None;
    }
    let image = docker_hub_path(parts.host);
    let message = format_args!(
        "an entry has no tag: an image of Docker Hub is `{image}` here, with every tag, and not `:{written}`"
    );
    Some(RawFinding::at_slice(Code::EntryTag, text, parts.whole, message))
}

/// Reports an image of Docker Hub with a digest, as in `nginx@sha256:...`.
pub(super) fn digest_of_image_finding(text: &str, parts: &EntryParts<'_>) -> Option<RawFinding> {
    let (image, _) = parts.host.split_once('@')?;
    let (image, what) =
        image.split_once(':').map_or((image, "no digest"), |(image, _)| (image, "neither tag nor digest"));
    let entry = docker_hub_path(image);
    let message = format_args!("an entry has {what}: an image of Docker Hub is `{entry}` here, in every version");
    let is_repository = repository::is_path(image);
    is_repository.then(|| RawFinding::at_slice(Code::EntryTag, text, parts.whole, message))
}

/// Returns the entry for a repository that is written without a registry, as image references have it (rule H1).
#[inline(never)]
pub(super) fn docker_hub_path(repository: &str) -> String {
    let is_image = !repository.contains('/') && docker_hub::is_official_image(repository);
    format!("{}/{}{repository}", docker_hub::DISPLAY_NAME, if is_image { "library/" } else { "" })
}

/// Reports a path that is no namespace (rule E12) and has another meaning elsewhere: a star, a tag, a digest, the
/// registry's API, or a page of Docker Hub's web site.
pub(super) fn path_finding(text: &str, parts: &EntryParts<'_>, path: &str) -> Option<RawFinding> {
    let about =
        |code, part: &str, message: std::fmt::Arguments<'_>| Some(RawFinding::at_slice(code, text, part, message));
    if docker_hub::is_web_site(parts.host) && path.starts_with("_/") {
        let meant = entry_of_page(path);
        let message = format_args!("this is a page of Docker Hub's web site: its images are at `{meant}`");
        return about(Code::NamespaceInvalid, parts.whole, message).map(|finding| finding.with_fix(meant.clone()));
    }
    if path.starts_with("v2/_") || path.starts_with("v1/_") {
        let message = format_args!("`/{path}` is a path of the registry's API: leave it out");
        return about(Code::NamespaceInvalid, parts.whole, message)
            .map(|finding| finding.with_fix(parts.without_path()));
    }
    if path.contains('*') {
        let covered = without_trailing_stars(path);
        let message = match covered {
            Some(_) => format_args!("an entry covers all repositories at and below it: leave the star out"),
            None => {
                format_args!("a namespace has no star, and covers all that is below it: write each namespace by itself")
            }
        };
        let finding = about(Code::NamespaceStar, parts.whole, message)?;
        return Some(match covered {
            Some("") => finding.with_fix(parts.without_path()),
            Some(covered) => finding.with_fix(format!("{}/{covered}", parts.without_path())),
            None => finding,
        });
    }
    let (name, digest) = path.split_once('@').map_or((path, None), |(name, digest)| (name, Some(digest)));
    let tag = name.rsplit('/').next().and_then(|last| last.split_once(':')).map(|(_, tag)| tag);
    let what = match (tag, digest) {
        (None, None) => return None,
        (Some(_), None) => "no tag",
        (None, Some(_)) => "no digest",
        (Some(_), Some(_)) => "neither tag nor digest",
    };
    about(
        Code::EntryTag,
        path,
        format_args!("an entry has {what}, and covers them all: write the repository only, not `{path}`"),
    )
}

/// Returns a path without the stars at its end, each a whole component or a whole tag; `None` if another star is left.
fn without_trailing_stars(path: &str) -> Option<&str> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let mut rest = path.strip_suffix(":*").unwrap_or(path);
    loop {
        rest = match rest.rsplit_once('/') {
            Some((before, "*" | "**")) => before,
            None if matches!(rest, "*" | "**") => "",
            _ => break,
        };
    }
    (!rest.contains('*')).then_some(rest)
}

/// Returns the entry for the repositories of a page of Docker Hub's web site.
#[inline(never)]
pub(super) fn entry_of_page(path: &str) -> String {
    let repositories = docker_hub::repositories_of_page(path);
    if repository::is_path(&repositories) {
        format!("{}/{repositories}", docker_hub::DISPLAY_NAME)
    } else {
        docker_hub::DISPLAY_NAME.to_owned()
    }
}

/// Reports a domain with a dot in front, which other programs take for every name below it.
pub(super) fn leading_dot_finding(text: &str, host: &str) -> Option<RawFinding> {
    let domain = host.strip_prefix('.')?;
    let is_domain =
        !dns_name::looks_numeric(domain) && dns_name::to_ascii_name(domain, domain, &mut Vec::new()).is_some();
    let message = format_args!("a name does not begin with a dot: every name below `{domain}` is `*.{domain}`");
    is_domain.then(|| RawFinding::at_slice(Code::NameLabelEmpty, text, host, message).with_fix(format!("*.{domain}")))
}
