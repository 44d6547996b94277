//! URLs of referrals.

use std::fmt;

use crate::endpoint::Endpoint;
use fluent_uri::{Uri, UriRef};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use pullgate::Scheme;

use crate::text::sanitize_server_text;

/// The ASCII characters that no URI has (RFC 3986, section 2).
const NO_URI_CHARACTERS: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\').add(b'^').add(b'`').add(b'{').add(b'|').add(b'}');

/// An endpoint and path named by a URL. The host stays as written, since the policy must read it unnormalised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointUrl {
    scheme: Scheme,
    host: String,
    port: u16,
    /// The path with its query.
    path: String,
}

impl EndpointUrl {
    /// Parses an absolute URL. Returns none for schemes other than `http` and `https`, and for URLs with userinfo.
    pub fn parse(url: &str) -> Option<Self> {
        let url: hyper::Uri = url.parse().ok()?;
        let scheme = [Scheme::Https, Scheme::Http].into_iter().find(|it| Some(it.as_str()) == url.scheme_str())?;
        let authority = url.authority()?.as_str();
        let host = url.host().filter(|host| !host.is_empty())?;
        // The rest may be a password or an invalid port.
        let port = match authority.strip_prefix(host)? {
            "" => scheme.default_port(),
            port => port.strip_prefix(':')?.parse().ok().filter(|port| *port != 0)?,
        };
        let path = url.path_and_query().map_or("/", |path| path.as_str());
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Some(Self { scheme, host: host.to_owned(), port, path })
    }

    /// Resolves a `Location` against `path` of an endpoint.
    pub fn resolve(location: &str, route: &Endpoint, path: &str) -> Option<Self> {
        Self::resolve_against(location, &format!("{}://{}{path}", route.scheme(), route.host_header()))
    }

    /// Resolves a reference (RFC 3986, section 5.2) without normalizing its host. Characters that no URI has are
    /// percent-encoded first, as browsers do; an absolute URL need not follow RFC 3986.
    fn resolve_against(reference: &str, base: &str) -> Option<Self> {
        let encoded = utf8_percent_encode(reference, NO_URI_CHARACTERS).to_string();
        let resolved =
            Uri::parse(base).ok().and_then(|base| UriRef::parse(&*encoded).ok()?.resolve_against(&base).ok());
        Self::parse(resolved.as_ref().map_or(reference, Uri::as_str))
    }

    /// Returns the scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the host as written.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the path with its query.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the registry reference for the policy, always with the port: a scheme alone would not tell the policy
    /// the port.
    pub fn to_registry(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Returns whether the URL is at this endpoint, so that the decision for the endpoint holds.
    pub fn is_same_endpoint(&self, route: &Endpoint) -> bool {
        let host = self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&self.host);
        self.scheme == route.scheme() && self.port == route.port() && host.eq_ignore_ascii_case(route.host())
    }

    /// Appends a query parameter.
    #[must_use]
    pub fn with_query_pair(mut self, name: &str, value: &str) -> Self {
        let pair = form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
        self.path.push(if self.path.contains('?') { '&' } else { '?' });
        self.path.push_str(&pair);
        self
    }
}

/// Omits the query, which may hold secrets.
impl fmt::Display for EndpointUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.scheme;
        let path = sanitize_server_text(self.path.split('?').next().unwrap_or_default());
        match self.port {
            port if port == scheme.default_port() => {
                write!(formatter, "{scheme}://{}{path}", sanitize_server_text(&self.host))
            }
            port => write!(formatter, "{scheme}://{}:{port}{path}", sanitize_server_text(&self.host)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_parsed() {
        for (url, registry, shown) in [
            ("https://auth.example/token?a=b", "auth.example:443", "https://auth.example/token"),
            ("HTTPS://Auth.example:5000", "Auth.example:5000", "https://Auth.example:5000/"),
            ("http://[fd00::1]/x", "[fd00::1]:80", "http://[fd00::1]/x"),
            ("http://10.0.0.1:080/x", "10.0.0.1:80", "http://10.0.0.1/x"),
        ] {
            let place = EndpointUrl::parse(url).unwrap();
            assert_eq!((place.to_registry().as_str(), place.to_string().as_str()), (registry, shown));
        }
    }

    #[test]
    fn unusable_urls_are_rejected() {
        for url in [
            "",
            "/token",
            "auth.example",
            "ftp://a/x",
            "https://",
            "https:///x",
            "https://u:p@a/",
            "https://a:b@c:d/",
            "https://a:0/",
            "https://a:99999/",
            "https://a:/",
            "https://a b/",
            "javascript:alert(1)",
            "https://a@b@c/",
            "https://a\\b/",
        ] {
            assert_eq!(EndpointUrl::parse(url), None, "{url}");
        }
    }

    #[test]
    fn references_are_resolved() {
        for (reference, url) in [
            ("", "https://r.example:5000/v2/a/b?x=1"),
            ("c", "https://r.example:5000/v2/a/c"),
            ("c/../d", "https://r.example:5000/v2/a/d"),
            ("../../../c", "https://r.example:5000/c"),
            ("./", "https://r.example:5000/v2/a/"),
            ("?page=2", "https://r.example:5000/v2/a/b?page=2"),
            ("/x/./y?u=http://z", "https://r.example:5000/x/y?u=http://z"),
            ("c?u=http://z", "https://r.example:5000/v2/a/c?u=http://z"),
            ("/a {b}|ü", "https://r.example:5000/a%20%7Bb%7D%7C%C3%BC"),
            ("//0x7f.1/z", "https://0x7f.1/z"),
            ("http://Other.example/x/../y", "http://Other.example/y"),
            ("https://[fd00::1]:5000/", "https://[fd00::1]:5000/"),
            ("https://a.example/?q[]=1", "https://a.example/?q[]=1"),
        ] {
            let resolved = EndpointUrl::resolve_against(reference, "https://r.example:5000/v2/a/b?x=1");
            assert_eq!(resolved, EndpointUrl::parse(url), "{reference}");
            assert!(resolved.is_some(), "{reference}");
        }
        for reference in ["https://a b/", "https://a\\b/", "https://u:p@a/", "https:a", "ftp://a/", "//"] {
            assert_eq!(EndpointUrl::resolve_against(reference, "https://r.example/v2/"), None, "{reference}");
        }
    }

    #[test]
    fn a_parameter_is_added() {
        let path = |url: &str| EndpointUrl::parse(url).unwrap().with_query_pair("service", "a&b c").path;
        assert_eq!(path("https://a/token"), "/token?service=a%26b+c");
        assert_eq!(path("https://a/token?x=1"), "/token?x=1&service=a%26b+c");
    }
}
