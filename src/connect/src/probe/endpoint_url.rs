//! Where a registry points to.

use std::fmt;

use crate::Endpoint;
use hyper::Uri;
use pullgate::Scheme;

use super::text::sanitize_line;

/// A place that a URL names. The host is as the URL has it: the policy says what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EndpointUrl {
    scheme: Scheme,
    host: String,
    port: u16,
    /// With the query.
    path: String,
}

impl EndpointUrl {
    /// What a URL names that has all its parts; none where it is not of `http` or `https`, or has user information.
    pub(super) fn parse(url: &str) -> Option<Self> {
        let url: Uri = url.parse().ok()?;
        let (scheme, standard) = match url.scheme_str()? {
            "https" => (Scheme::Https, 443),
            "http" => (Scheme::Http, 80),
            _ => return None,
        };
        let authority = url.authority()?.as_str();
        let host = url.host().filter(|host| !host.is_empty())?;
        // What is left out here is a password, perhaps, or a port that is none.
        let port = match authority.strip_prefix(host)? {
            "" => standard,
            port => port.strip_prefix(':')?.parse().ok().filter(|port| *port != 0)?,
        };
        let path = url.path_and_query().map_or("/", |path| path.as_str());
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Some(Self { scheme, host: host.to_owned(), port, path })
    }

    /// What a redirect names, from `path` of a route on.
    pub(super) fn resolve(location: &str, route: &Endpoint, path: &str) -> Option<Self> {
        let scheme = match route.scheme() {
            Scheme::Https => "https",
            Scheme::Http => "http",
        };
        let here = format!("{scheme}://{}", route.host_header());
        if location.starts_with("//") {
            return Self::parse(&format!("{scheme}:{location}"));
        }
        if location.starts_with('/') {
            return Self::parse(&format!("{here}{location}"));
        }
        if location.contains("://") {
            return Self::parse(location);
        }
        let path = path.split('?').next().unwrap_or_default();
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        Self::parse(&format!("{here}{folder}/{location}"))
    }

    /// The scheme.
    pub(super) fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The TCP port.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// What is asked for there.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// As the policy is asked about it: with the port, which the scheme alone would not tell it.
    pub(super) fn to_registry(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Whether it is where the route leads, so that the decision that it comes of holds.
    pub(super) fn is_same_endpoint(&self, route: &Endpoint) -> bool {
        let host = self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&self.host);
        self.scheme == route.scheme() && self.port == route.port() && host.eq_ignore_ascii_case(route.host())
    }

    /// The same place, asked with one more parameter.
    pub(super) fn with_query_pair(mut self, name: &str, value: &str) -> Self {
        let pair = form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
        self.path.push(if self.path.contains('?') { '&' } else { '?' });
        self.path.push_str(&pair);
        self
    }
}

/// Without the query, which may have secrets.
impl fmt::Display for EndpointUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, standard) = match self.scheme {
            Scheme::Https => ("https", 443),
            Scheme::Http => ("http", 80),
        };
        let path = sanitize_line(self.path.split('?').next().unwrap_or_default());
        match self.port {
            port if port == standard => write!(formatter, "{scheme}://{}{path}", sanitize_line(&self.host)),
            port => write!(formatter, "{scheme}://{}:{port}{path}", sanitize_line(&self.host)),
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
    fn a_parameter_is_added() {
        let path = |url: &str| EndpointUrl::parse(url).unwrap().with_query_pair("service", "a&b c").path;
        assert_eq!(path("https://a/token"), "/token?service=a%26b+c");
        assert_eq!(path("https://a/token?x=1"), "/token?x=1&service=a%26b+c");
    }
}
