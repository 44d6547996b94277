//! Diagnosis of references that do not parse (rule H4): names the mistake behind a violation of the grammar.
//!
//! No text quotes what may be user information: of a reference only its scheme and its host are repeated.

use crate::entry::is_scheme;
use crate::finding::RawFinding;
use crate::host::{self, CanonicalHost};
use crate::reference::{is_domain, is_host_in_grammar, split_domain};
use crate::util::strings::{split_once, split_once_str};

/// Returns the mistake in an image reference, if it is one that people make.
pub(super) fn diagnose_image(text: &str) -> Option<String> {
    let host = || diagnose_host(split_once(text, b'/').filter(|(first, _)| is_domain(first))?.0);
    diagnose_blanks(text).or_else(|| diagnose_scheme(text)).or_else(host)
}

/// Returns the blanks that a reference has.
pub(super) fn diagnose_blanks(text: &str) -> Option<String> {
    if text.trim().is_empty() {
        return (!text.is_empty()).then(|| "there are only blanks".to_owned());
    }
    let place = match (text.starts_with(char::is_whitespace), text.ends_with(char::is_whitespace)) {
        (true, true) => "there are blanks at the beginning and at the end: leave them out",
        (true, false) => "there is a blank at the beginning: leave it out",
        (false, true) => "there is a blank at the end: leave it out",
        (false, false) if text.contains(char::is_whitespace) => "there is a blank inside: a reference has none",
        (false, false) => return None,
    };
    Some(place.to_owned())
}

fn diagnose_scheme(text: &str) -> Option<String> {
    let written = match split_once_str(text, "://") {
        Some((scheme, _)) if is_scheme(scheme) => text.get(..scheme.len().saturating_add("://".len()))?,
        _ => {
            // `https:/` and the transports of containers-transports(5), such as `oci:/path`.
            let (first, _) = split_once(text, b'/')?;
            first.strip_suffix(':').filter(|scheme| is_scheme(scheme))?;
            text.get(..first.len().saturating_add(1))?
        }
    };
    Some(format!("an image reference has no scheme: leave `{written}` out"))
}

/// Returns the mistake in the host of an image reference.
fn diagnose_host(domain: &str) -> Option<String> {
    // It may be user information.
    if domain.contains('@') {
        return None;
    }
    if let Some(address) = domain.parse().ok().filter(std::net::IpAddr::is_ipv6) {
        return Some(format!("an IPv6 address stands in brackets, and a port after them: `[{address}]`"));
    }
    let (bracketed, host, _) = split_domain(domain).ok()?;
    let mut findings: Vec<RawFinding> = Vec::new();
    let canonical = if bracketed {
        host::parse_ipv6(host, host, &mut findings).map(CanonicalHost::Address)
    } else {
        host::parse(host, host, &mut findings)
    };
    let written = match canonical {
        Some(_) if is_host_in_grammar(bracketed, host) => return None,
        Some(CanonicalHost::Address(address)) if address.is_ipv6() => format!("[{address}]"),
        Some(CanonicalHost::Address(address)) => address.to_string(),
        Some(CanonicalHost::Name(name)) => name.into_owned(),
        None => return findings.into_iter().find(RawFinding::is_error).map(|finding| finding.message),
    };
    Some(format!("in an image reference this host is `{written}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h4_mistakes_are_named() {
        for (text, diagnosis) in [
            ("https://docker.io/library/alpine", "an image reference has no scheme: leave `https://` out"),
            ("docker://alpine", "an image reference has no scheme: leave `docker://` out"),
            ("https:/docker.io/x", "an image reference has no scheme: leave `https:/` out"),
            (" alpine", "there is a blank at the beginning: leave it out"),
            ("alpine\n", "there is a blank at the end: leave it out"),
            ("\u{a0}alpine ", "there are blanks at the beginning and at the end: leave them out"),
            (" ", "there are only blanks"),
            ("alpine latest", "there is a blank inside: a reference has none"),
            ("docker_test.nordwind.example/x", "a host name has no `_`: letters, digits, hyphens and dots only"),
            ("my_repo:5000/x", "a host name has no `_`: letters, digits, hyphens and dots only"),
            ("2001:DB8:40::5/x", "an IPv6 address stands in brackets, and a port after them: `[2001:db8:40::5]`"),
            ("[::ffff:10.0.0.1]:5000/x", "in an image reference this host is `10.0.0.1`"),
            ("[64:ff9b::10.0.0.1]/x", "in an image reference this host is `[64:ff9b::a00:1]`"),
            ("[fe80::1%eth0]/x", "a zone id means something on one machine only: leave it out"),
            ("bücher.example:5000/x", "in an image reference this host is `xn--bcher-kva.example`"),
            ("host.example./x", "in an image reference this host is `host.example`"),
        ] {
            assert_eq!(diagnose_image(text).as_deref(), Some(diagnosis), "{text}");
        }
        for text in [
            "",
            "alpine",
            "a//b",
            "harbor.corp/App",
            "harbor.corp/app://b",
            "x@sha256:abc",
            "[2001:DB8::1]/X",
            "H:0/x",
            "[::1/x",
            "ü:secret@h/x",
        ] {
            assert_eq!(diagnose_image(text), None, "{text}");
        }
    }
}
