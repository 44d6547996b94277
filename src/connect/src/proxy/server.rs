//! Proxy servers and their URLs.

use std::fmt;
use std::net::Ipv6Addr;

use base64ct::{Base64, Encoding};
use hyper::header::HeaderValue;
use percent_encoding::percent_decode_str;
use pullgate::Scheme;
use rustls::pki_types::ServerName;
use thiserror::Error;

/// A forward proxy (RFC 9110, section 3.7): spoken to over HTTP, or over HTTP inside TLS.
#[derive(Clone, Debug)]
pub(crate) struct ProxyServer {
    scheme: Scheme,
    host: String,
    port: u16,
    name: ServerName<'static>,
    /// The `Proxy-Authorization` header, marked sensitive.
    authorization: Option<HeaderValue>,
}

/// The URL of a proxy cannot be used. No variant holds any part of the URL, which may have a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProxyUrlError {
    /// A SOCKS proxy.
    #[error("SOCKS is not supported: write `http://HOST:PORT` or `https://HOST:PORT` of an HTTP proxy")]
    Socks,
    /// Another scheme than `http` and `https`.
    #[error("its scheme is neither `http` nor `https`: write `http://HOST:PORT`")]
    Scheme,
    /// No host, or none that can be read.
    #[error(
        "its host cannot be read: write `http://HOST:PORT`, with a login `http://USER:PASSWORD@HOST:PORT` and `%40` for an \
         `@` in it, `%2F` for a `/`"
    )]
    Host,
    /// A port that is no number from 1 to 65535.
    #[error(
        "its port cannot be read: write `http://HOST:PORT`, with a login `http://USER:PASSWORD@HOST:PORT` and `%3A` for a \
         `:` in it, `%2F` for a `/`"
    )]
    Port,
}

impl ProxyServer {
    /// Parses a URL, or `HOST:PORT`, which means `http`. A path is ignored.
    pub(crate) fn parse(url: &str) -> Result<Self, ProxyUrlError> {
        let url = url.trim();
        let (scheme, rest) = match url.split_once("://") {
            Some((scheme, rest)) => (parse_scheme(scheme)?, rest),
            None => (Scheme::Http, url),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (userinfo, host_port) = match authority.rsplit_once('@') {
            Some((userinfo, host_port)) => (Some(userinfo), host_port),
            None => (None, authority),
        };
        let (host, port) = split_host_port(host_port).ok_or(ProxyUrlError::Host)?;
        let port = match port {
            "" => scheme.default_port(),
            port => port.parse().ok().filter(|port| *port != 0).ok_or(ProxyUrlError::Port)?,
        };
        let host = idna::domain_to_ascii(host).map_err(|_| ProxyUrlError::Host)?;
        let name = ServerName::try_from(host.clone()).map_err(|_| ProxyUrlError::Host)?;
        let authorization = userinfo.filter(|userinfo| !userinfo.is_empty()).and_then(basic_authorization);
        Ok(Self { scheme, host, port, name, authorization })
    }

    /// Returns the scheme: `https` if TLS is spoken to the proxy itself.
    pub(crate) fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the host: a name, or an address without brackets.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Returns the TCP port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Returns the name that the proxy's certificate must have.
    pub(crate) fn server_name(&self) -> &ServerName<'static> {
        &self.name
    }

    /// Returns the `Proxy-Authorization` header (RFC 9110, section 11.7.2), if the URL has a login.
    pub(crate) fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }
}

/// Omits the login.
impl fmt::Display for ProxyServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.parse::<Ipv6Addr>() {
            Ok(address) => write!(formatter, "{}://[{address}]:{}", self.scheme, self.port),
            Err(_) => write!(formatter, "{}://{}:{}", self.scheme, self.host, self.port),
        }
    }
}

fn parse_scheme(scheme: &str) -> Result<Scheme, ProxyUrlError> {
    match scheme.to_ascii_lowercase().as_str() {
        "http" => Ok(Scheme::Http),
        "https" => Ok(Scheme::Https),
        scheme if scheme.starts_with("socks") => Err(ProxyUrlError::Socks),
        _ => Err(ProxyUrlError::Scheme),
    }
}

/// Splits `HOST[:PORT]`; the port is empty if there is none. Returns none for an IPv6 address without brackets.
fn split_host_port(text: &str) -> Option<(&str, &str)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        host.parse::<Ipv6Addr>().ok()?;
        return if port.is_empty() { Some((host, "")) } else { Some((host, port.strip_prefix(':')?)) };
    }
    let (host, port) = text.split_once(':').unwrap_or((text, ""));
    (!host.is_empty() && !port.contains(':')).then_some((host, port))
}

/// Returns the Basic credentials (RFC 7617) of percent-encoded userinfo.
fn basic_authorization(userinfo: &str) -> Option<HeaderValue> {
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    let decoded = |text| percent_decode_str(text).collect::<Vec<u8>>();
    let login = [decoded(user), decoded(password)].join(&b':');
    let mut value = HeaderValue::try_from(format!("Basic {}", Base64::encode_string(&login))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_as_go_reads_them() {
        for (url, shown) in [
            ("http://proxy.corp:3128", "http://proxy.corp:3128"),
            ("HTTPS://Proxy.corp", "https://proxy.corp:443"),
            ("http://proxy.corp:/", "http://proxy.corp:80"),
            ("proxy.corp:3128", "http://proxy.corp:3128"),
            ("proxy", "http://proxy:80"),
            ("  10.0.0.1:8080 ", "http://10.0.0.1:8080"),
            ("http://[fd00::1]:3128/", "http://[fd00::1]:3128"),
            ("http://[FD00::0:1]", "http://[fd00::1]:80"),
            ("http://proxy.corp:3128/path?query#fragment", "http://proxy.corp:3128"),
            ("me:hunter2@proxy.corp:3128", "http://proxy.corp:3128"),
            ("http://bücher.example:3128", "http://xn--bcher-kva.example:3128"),
            ("http://squid_1:3128", "http://squid_1:3128"),
        ] {
            assert_eq!(ProxyServer::parse(url).unwrap().to_string(), shown, "{url}");
        }
    }

    #[test]
    fn unusable_urls_are_rejected() {
        for (url, error) in [
            ("socks5://proxy.corp:1080", ProxyUrlError::Socks),
            ("SOCKS5h://me:hunter2@proxy.corp:1080", ProxyUrlError::Socks),
            ("ftp://proxy.corp", ProxyUrlError::Scheme),
            ("http//://proxy.corp", ProxyUrlError::Scheme),
            ("", ProxyUrlError::Host),
            ("http://", ProxyUrlError::Host),
            ("http://:3128", ProxyUrlError::Host),
            ("http://fd00::1:3128", ProxyUrlError::Host),
            ("http://[proxy.corp]:3128", ProxyUrlError::Host),
            ("http://[fd00::1]3128", ProxyUrlError::Host),
            ("http://a proxy:3128", ProxyUrlError::Host),
            ("http://me:hunter2@", ProxyUrlError::Host),
            ("http://proxy.corp\r\n:3128", ProxyUrlError::Host),
            ("http://proxy.corp:0", ProxyUrlError::Port),
            ("http://proxy.corp:99999", ProxyUrlError::Port),
            ("http://me:hunter/2@proxy.corp:3128", ProxyUrlError::Port),
        ] {
            let found = ProxyServer::parse(url).unwrap_err();
            assert_eq!(found, error, "{url}");
            assert!(!found.to_string().contains("hunter"), "{found}");
        }
    }

    #[test]
    fn login_is_sent_and_never_shown() {
        for (url, credentials) in [
            ("http://proxy.corp", None),
            ("http://@proxy.corp", None),
            ("http://me:hunter2@proxy.corp", Some("Basic bWU6aHVudGVyMg==")),
            ("http://me@proxy.corp", Some("Basic bWU6")),
            ("http://corp%5Cme:a%3Ab%40%2F%C3%BC@proxy.corp", Some("Basic Y29ycFxtZTphOmJAL8O8")),
            ("http://me:a@b@proxy.corp", Some("Basic bWU6YUBi")),
        ] {
            let proxy = ProxyServer::parse(url).unwrap();
            assert_eq!(proxy.authorization().map(|value| value.to_str().unwrap()), credentials, "{url}");
            assert_eq!(proxy.to_string(), "http://proxy.corp:80");
            let debug = format!("{proxy:?}");
            assert!(!debug.contains("hunter2") && !debug.contains("Basic"), "{debug}");
        }
    }
}
