//! References (rules H1, H3, H4, D1): the distribution reference grammar to the letter, and the arguments of `docker
//! login`.

mod diagnosis;
pub(crate) mod ports;
pub(crate) mod repository;

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use crate::decision::ReferenceKind;
use crate::entry;
use crate::finding::RawFinding;
use crate::host::dns_name;
use crate::host::docker_hub;
use crate::host::{self, CanonicalHost};
use crate::util::strings::{split_at_byte, split_once, split_once_str};

/// The maximum size of a reference in bytes (rule H4).
pub const MAX_REFERENCE_BYTES: usize = 1024;

/// The registry that a reference names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Registry<'t> {
    /// Docker Hub, by any of its names.
    DockerHub,
    /// An address.
    Address(IpAddr),
    /// A name in canonical form.
    Name(Cow<'t, str>),
}

/// A parsed reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference<'t> {
    pub registry: Registry<'t>,
    /// The port, if one is written.
    pub port: Option<u16>,
    /// The repository; a login has none.
    pub repository: Option<Cow<'t, str>>,
    /// The tag, if one is written.
    pub tag: Option<&'t str>,
    /// The digest, if one is written.
    pub digest: Option<&'t str>,
}

impl<'t> Reference<'t> {
    /// Parses a reference. The error is a human-readable sentence that does not quote the reference.
    pub fn parse(text: &'t str, kind: ReferenceKind) -> Result<Self, String> {
        // First of all, so that a long text costs nothing (rule H4).
        if text.len() > MAX_REFERENCE_BYTES {
            return Err(format!("a reference has at most {MAX_REFERENCE_BYTES} bytes, this one has {}", text.len()));
        }
        match kind {
            ReferenceKind::Image => parse_image(text).map_err(|why| diagnosis::diagnose_image(text).unwrap_or(why)),
            ReferenceKind::Registry => {
                parse_registry(text).map_err(|why| diagnosis::diagnose_blanks(text).unwrap_or(why))
            }
        }
    }

    /// Returns the registry as `HOST[:PORT]`.
    pub fn registry_text(&self) -> Cow<'t, str> {
        match (&self.registry, self.port) {
            (Registry::DockerHub, None) => Cow::Borrowed(docker_hub::DISPLAY_NAME),
            (Registry::Name(name), None) => name.clone(),
            _ => Cow::Owned(self.to_registry_string()),
        }
    }

    fn to_registry_string(&self) -> String {
        use fmt::Write;
        let mut text = String::with_capacity(32);
        // Writing to a string cannot fail.
        let _ = match (&self.registry, self.port) {
            (Registry::DockerHub, _) => write!(text, "{}", docker_hub::DISPLAY_NAME),
            (Registry::Name(name), _) => write!(text, "{name}"),
            (Registry::Address(IpAddr::V6(address)), Some(_)) => write!(text, "[{address}]"),
            (Registry::Address(address), _) => write!(text, "{address}"),
        };
        if let Some(port) = self.port {
            let _ = write!(text, ":{port}");
        }
        text
    }
}

fn parse_image(text: &str) -> Result<Reference<'_>, String> {
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)) {
        return Err("64 hexadecimal digits are an image's id, not its name".to_owned());
    }
    let (domain, remainder) = split_registry(text);
    let (name, digest) = split_at_byte(remainder, b'@');
    let (path, tag) = split_at_byte(name, b':');
    check_path(path)?;
    if let Some(tag) = tag {
        check_tag(tag)?;
    }
    if let Some(digest) = digest {
        check_digest(digest)?;
    }
    let (registry, port) = match domain {
        None => (Registry::DockerHub, None),
        Some(domain) => parse_domain(domain)?,
    };
    let repository = if domain.is_none_or(docker_hub::implies_library_namespace) && !path.contains('/') {
        Cow::Owned(format!("library/{path}"))
    } else {
        Cow::Borrowed(path)
    };
    if repository.len() > repository::MAX_REPOSITORY_BYTES {
        return Err(format!("a repository name has at most {} bytes", repository::MAX_REPOSITORY_BYTES));
    }
    Ok(Reference { registry, port, repository: Some(repository), tag, digest })
}

/// Returns whether an image reference is well-formed and names no registry, so that Docker Hub is only its default
/// (rules H1 and H3).
pub fn has_default_registry(reference: &str) -> bool {
    split_registry(reference).0.is_none() && parse_image(reference).is_ok()
}

/// Splits off the registry, if the reference names one (rule H3).
fn split_registry(text: &str) -> (Option<&str>, &str) {
    match split_once(text, b'/') {
        Some((first, rest)) if is_domain(first) => (Some(first), rest),
        _ => (None, text),
    }
}

/// Returns whether the first component of a reference names a registry (rule H3).
fn is_domain(first: &str) -> bool {
    first == "localhost" || first.bytes().any(|byte| matches!(byte, b'.' | b':' | b'A'..=b'Z'))
}

/// Parses `host[:port]` by the grammar, then normalizes the host (rules E3 to E5).
fn parse_domain(domain: &str) -> Result<(Registry<'_>, Option<u16>), String> {
    let (bracketed, host, port) = split_domain(domain)?;
    // Fast path for most hosts; all of these are in the grammar.
    if !bracketed {
        if let Some(address) = host::parse_ipv4(host) {
            return Ok((Registry::Address(IpAddr::V4(address)), parse_port(port)?));
        }
        if dns_name::is_canonical(host) && !dns_name::looks_numeric(host) {
            let port = parse_port(port)?;
            return Ok((registry_for_name(Cow::Borrowed(host), port), port));
        }
    }
    if !is_host_in_grammar(bracketed, host) {
        return Err("the registry is not a host name or address that image references can have".to_owned());
    }
    parse_registry_host(bracketed, host, parse_port(port)?)
}

/// Splits `host[:port]` or `[ipv6][:port]`.
fn split_domain(domain: &str) -> Result<(bool, &str, Option<&str>), String> {
    if let Some(rest) = domain.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or("the registry has `[` without `]`")?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((true, host, Some(port))),
            None if rest.is_empty() => Ok((true, host, None)),
            None => Err("after `]` there is a `:` and a port, or nothing".to_owned()),
        };
    }
    let (host, port) = split_at_byte(domain, b':');
    Ok((false, host, port))
}

/// Returns whether a host is in the grammar of image references, which has fewer spellings than entries.
fn is_host_in_grammar(bracketed: bool, host: &str) -> bool {
    if bracketed {
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':')
    } else {
        host.split('.').all(is_domain_component)
    }
}

fn is_domain_component(component: &str) -> bool {
    !component.is_empty()
        && !component.starts_with('-')
        && !component.ends_with('-')
        && component.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn parse_port(port: Option<&str>) -> Result<Option<u16>, String> {
    let Some(digits) = port else { return Ok(None) };
    match entry::parse_port(digits) {
        Some(port) => Ok(Some(port)),
        None => Err("the port is not a number from 1 to 65535".to_owned()),
    }
}

fn parse_registry_host(bracketed: bool, host: &str, port: Option<u16>) -> Result<(Registry<'_>, Option<u16>), String> {
    let mut findings: Vec<RawFinding> = Vec::new();
    let host = if bracketed {
        host::parse_ipv6(host, host, &mut findings).map(CanonicalHost::Address)
    } else {
        host::parse(host, host, &mut findings)
    };
    let registry = match host {
        Some(CanonicalHost::Address(address)) => Registry::Address(address),
        Some(CanonicalHost::Name(name)) => registry_for_name(name, port),
        None => {
            let error = findings.into_iter().find(RawFinding::is_error);
            return Err(error.map_or_else(|| "the registry cannot be read".to_owned(), |finding| finding.message));
        }
    };
    Ok((registry, port))
}

fn registry_for_name(name: Cow<'_, str>, port: Option<u16>) -> Registry<'_> {
    if docker_hub::is_docker_hub(&name, port) { Registry::DockerHub } else { Registry::Name(name) }
}

fn check_path(path: &str) -> Result<(), String> {
    if path.is_empty() {
        return Err("there is no repository name".to_owned());
    }
    if repository::is_path(path) {
        return Ok(());
    }
    if path.bytes().any(|byte| byte.is_ascii_uppercase()) && repository::is_path(&path.to_ascii_lowercase()) {
        return Err("a repository name has no upper-case letters".to_owned());
    }
    Err("a repository name is lower-case letters and digits, joined by `.`, `_`, `__` or `-`, in components separated by `/`"
        .to_owned())
}

/// Checks a tag: `[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`.
fn check_tag(tag: &str) -> Result<(), String> {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let fits = tag.bytes().next().is_some_and(word)
        && tag.len() <= 128
        && tag.bytes().all(|byte| word(byte) || byte == b'.' || byte == b'-');
    if fits {
        Ok(())
    } else {
        Err("a tag is 1 to 128 letters, digits, `_`, `.` and `-`, the first no `.` or `-`".to_owned())
    }
}

/// Returns whether a text is a digest as references have it: `sha256`, `sha384` or `sha512`, `:`, and as many lower-case
/// hexadecimal digits as the algorithm gives.
pub fn is_digest(text: &str) -> bool {
    check_digest(text).is_ok()
}

/// Checks a digest: the algorithms that the OCI image specification registers, each with its number of hexadecimal
/// digits.
fn check_digest(digest: &str) -> Result<(), String> {
    let (algorithm, hexadecimal) =
        digest.split_once(':').ok_or("a digest is an algorithm, `:` and hexadecimal digits")?;
    let length = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return Err("a digest is by `sha256`, `sha384` or `sha512`".to_owned()),
    };
    if hexadecimal.len() == length && hexadecimal.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        Ok(())
    } else {
        Err(format!("a {algorithm} digest is {length} lower-case hexadecimal digits"))
    }
}

/// Parses an argument of `docker login`: a host and port, or a URL whose scheme and path are ignored. An empty text
/// means Docker Hub.
fn parse_registry(text: &str) -> Result<Reference<'_>, String> {
    let rest = match split_once_str(text, "://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http") => rest,
        Some(_) => return Err("the scheme is neither `https` nor `http`".to_owned()),
        None => text,
    };
    if rest.contains('@') {
        return Err("a registry has no user information".to_owned());
    }
    if rest.contains(['?', '#']) {
        return Err("a registry has no query and no fragment".to_owned());
    }
    let domain = rest.split_once('/').map_or(rest, |(domain, _)| domain);
    let (registry, port) = if text.is_empty() {
        (Registry::DockerHub, None)
    } else if domain.is_empty() {
        return Err("there is no host".to_owned());
    } else if domain.matches(':').count() > 1 && !domain.starts_with('[') {
        parse_registry_host(true, domain, None)?
    } else {
        let (bracketed, host, port) = split_domain(domain)?;
        parse_registry_host(bracketed, host, parse_port(port)?)?
    };
    Ok(Reference { registry, port, repository: None, tag: None, digest: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(text: &str) -> (String, String) {
        let reference = Reference::parse(text, ReferenceKind::Image).unwrap_or_else(|why| panic!("{text}: {why}"));
        (reference.registry_text().into_owned(), reference.repository.unwrap().into_owned())
    }

    fn login(text: &str) -> String {
        Reference::parse(text, ReferenceKind::Registry).unwrap().registry_text().into_owned()
    }

    fn expected(registry: &str, repository: &str) -> (String, String) {
        (registry.to_owned(), repository.to_owned())
    }

    #[test]
    fn h1_no_registry_is_docker_hub() {
        assert_eq!(image("alpine"), expected("docker.io", "library/alpine"));
        assert_eq!(image("team/app:1"), expected("docker.io", "team/app"));
        assert_eq!(image("index.docker.io/alpine"), expected("docker.io", "library/alpine"));
        assert_eq!(image("registry-1.docker.io/library/alpine"), expected("docker.io", "library/alpine"));
        assert_eq!(image("example.com:5000"), expected("docker.io", "library/example.com"));
    }

    #[test]
    fn h3_the_first_component_is_a_registry_only_if_it_looks_like_one() {
        assert_eq!(image("localhost/x"), expected("localhost", "x"));
        assert_eq!(image("harbor/x"), expected("docker.io", "harbor/x"));
        assert_eq!(image("harbor:443/x"), expected("harbor:443", "x"));
        assert_eq!(image("Harbor/x"), expected("harbor", "x"));
        assert_eq!(image("[2001:DB8::1]:5000/x"), expected("[2001:db8::1]:5000", "x"));
        assert_eq!(image("[2001:db8::1]/x"), expected("2001:db8::1", "x"));
        assert_eq!(image("[::ffff:a01:203]:5000/x"), expected("10.1.2.3:5000", "x"));
        assert_eq!(image("evil.example/quay.io/x"), expected("evil.example", "quay.io/x"));
    }

    #[test]
    fn h1_docker_hub_is_the_default_only_where_no_registry_is_named() {
        for reference in ["alpine", "alpine:3", "team/app:1", "harbor/x", "example.com:5000", "deadbeef", "sha256:abcd"]
        {
            assert!(has_default_registry(reference), "{reference}");
        }
        for reference in
            ["docker.io/alpine", "index.docker.io/library/alpine", "localhost/x", "h:5000/x", "Harbor/x", "10.0.0.1/x"]
        {
            assert!(!has_default_registry(reference), "{reference}");
        }
        let id = "0123456789abcdef".repeat(4);
        for malformed in ["", "/x", "a//b", "App", "x y", "../x", "u:secret@x", "x@sha256:0", &id] {
            assert!(!has_default_registry(malformed), "{malformed}");
        }
    }

    #[test]
    fn h3_malformed_references_are_refused() {
        let hexadecimal = "0123456789abcdef".repeat(4);
        for text in [
            "",
            "/",
            "a//b",
            "x/",
            "/x",
            "ex_ample.com/x",
            "256.1.1.1/x",
            "0x0a.1.2.3/x",
            "012.1.2.3/x",
            "h:0/x",
            "h:65536/x",
            "h:/x",
            "good.com@evil.com/x",
            "good.com/../evil.com/x",
            "harbor.corp/App",
            "x:",
            "x:-a",
            "x@sha256:abc",
            "x@md5:d41d8cd98f00b204e9800998ecf8427e",
            "user:secret@host.com/x",
            "https://host.com/x",
            " x",
            "x y",
            "host.com./x",
            "bücher.example/x",
            "[::1%eth0]/x",
            "[fe80::1/x",
            "xn--zzzzzzzz99999.com/x",
            "a:b:c",
            &hexadecimal,
        ] {
            assert!(Reference::parse(text, ReferenceKind::Image).is_err(), "{text}");
        }
    }

    #[test]
    fn h3_digest_has_as_many_digits_as_its_algorithm_gives() {
        let digits = "0123456789abcdef".repeat(8);
        for (algorithm, length) in [("sha256", 64), ("sha384", 96), ("sha512", 128)] {
            assert!(is_digest(&format!("{algorithm}:{}", &digits[..length])));
            assert!(!is_digest(&format!("{algorithm}:{}", &digits[..length - 1])));
        }
        for text in ["", "sha256", "sha256:", &format!("md5:{}", &digits[..32]), &format!("sha256:{}g", &digits[..63])]
        {
            assert!(!is_digest(text), "{text}");
        }
    }

    #[test]
    fn h4_length_comes_first() {
        for kind in [ReferenceKind::Image, ReferenceKind::Registry] {
            let error = Reference::parse(&"ü".repeat(1_000_000), kind).unwrap_err();
            assert_eq!(error, "a reference has at most 1024 bytes, this one has 2000000");
            assert!(Reference::parse(&"a".repeat(MAX_REFERENCE_BYTES + 1), kind).unwrap_err().contains("at most"));
        }
        let longest = "[".repeat(MAX_REFERENCE_BYTES);
        assert!(!Reference::parse(&longest, ReferenceKind::Registry).unwrap_err().contains("at most"));
    }

    #[test]
    fn d1_a_login_is_a_host_or_a_url_whose_scheme_and_path_say_nothing() {
        assert_eq!(login(""), "docker.io");
        assert_eq!(login("https://index.docker.io/v1/"), "docker.io");
        assert_eq!(login("harbor"), "harbor");
        assert_eq!(login("http://Harbor.Corp:80/v2/x"), "harbor.corp:80");
        assert_eq!(login("2001:db8::1"), "2001:db8::1");
        assert_eq!(login("[2001:db8::1]:5000"), "[2001:db8::1]:5000");
        for text in ["ftp://h", "user:secret@h", "h?x", "h#x", "https://", "/", "h:port", "a b", "256.1.1.1"] {
            assert!(Reference::parse(text, ReferenceKind::Registry).is_err(), "{text}");
        }
    }
}
