//! The authority of a request target: `HOST:PORT` (RFC 9112, section 3.2.3).

use std::fmt;

use thiserror::Error;

/// Maximum length of a host in bytes: that of a name with a trailing dot (RFC 1035, section 2.3.4).
const MAX_HOST_BYTES: usize = 254;

/// An authority that names no host and port. The texts are human-readable, and repeat nothing of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AuthorityError {
    /// User information.
    #[error("the target has user information: write `HOST:PORT`")]
    UserInfo,
    /// No host, or a character that no host has.
    #[error("the target names no host: write `HOST:PORT`, an IPv6 address in brackets")]
    Host,
    /// A missing or invalid port.
    #[error("the target has no port from 1 to 65535: write `HOST:PORT`")]
    Port,
}

/// A host and port as written. The characters are those of host names and addresses alone, so that the rules read the
/// text as one registry, with nothing to ignore; they normalise the host (rules E3 to E5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetAuthority {
    /// The host, an IPv6 address in brackets.
    host: String,
    port: u16,
}

impl TargetAuthority {
    /// Parses `HOST:PORT`; the port may be left out where there is a default.
    ///
    /// # Errors
    ///
    /// For anything else.
    pub fn parse(text: &str, default_port: Option<u16>) -> Result<Self, AuthorityError> {
        if text.contains('@') {
            return Err(AuthorityError::UserInfo);
        }
        let (host, rest) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, _) = rest.split_once(']').ok_or(AuthorityError::Host)?;
                text.split_at(address.len() + 2)
            }
            None => text.split_at(text.find(':').unwrap_or(text.len())),
        };
        if !is_host(host) {
            return Err(AuthorityError::Host);
        }
        let port = match (rest.strip_prefix(':'), default_port) {
            (Some(digits), _) => parse_port(digits).ok_or(AuthorityError::Port)?,
            (None, Some(port)) if rest.is_empty() => port,
            (None, _) => return Err(AuthorityError::Port),
        };
        Ok(Self { host: host.to_owned(), port })
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns whether the host is written as this canonical one, apart from case and a trailing dot.
    pub fn is_host(&self, canonical: &str) -> bool {
        let host = self.host.strip_suffix('.').unwrap_or(&self.host);
        host.eq_ignore_ascii_case(canonical)
    }
}

/// The registry for the policy, always with the port.
impl fmt::Display for TargetAuthority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.host, self.port)
    }
}

fn is_host(host: &str) -> bool {
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.len() <= MAX_HOST_BYTES && host.bytes().all(is_valid),
    }
}

fn parse_port(digits: &str) -> Option<u16> {
    let is_decimal = !digits.is_empty() && digits.len() <= 5 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_decimal.then(|| digits.parse().ok().filter(|port| *port != 0)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, AuthorityError> {
        TargetAuthority::parse(text, None).map(|authority| authority.to_string())
    }

    #[test]
    fn host_and_port_are_parsed_as_written() {
        for text in [
            "registry.example.com:443",
            "Registry.Example.COM.:5000",
            "10.0.0.1:65535",
            "[fd00::1]:443",
            "h:1",
            "0x7f.1:443",
        ] {
            assert_eq!(parse(text).as_deref(), Ok(text));
        }
        assert_eq!(parse("h:00443").as_deref(), Ok("h:443"));
        let target = TargetAuthority::parse("h.example", Some(80)).unwrap();
        assert_eq!((target.port(), target.to_string().as_str()), (80, "h.example:80"));
        assert!(target.is_host("h.example") && !target.is_host("h.example.com"));
        assert!(TargetAuthority::parse("H.Example.:443", None).unwrap().is_host("h.example"));
    }

    #[test]
    fn everything_else_is_refused() {
        use AuthorityError::{Host, Port, UserInfo};
        let long = format!("{}:443", "a".repeat(MAX_HOST_BYTES + 1));
        for (text, error) in [
            ("user:secret@h:443", UserInfo),
            ("h@evil:443", UserInfo),
            ("", Host),
            (":443", Host),
            ("h/x:443", Host),
            ("h?x:443", Host),
            ("h#:443", Host),
            ("h%2e:443", Host),
            ("h_x:443", Host),
            ("h x:443", Host),
            ("h\t:443", Host),
            ("h\\evil:443", Host),
            ("h,evil:443", Host),
            ("*.h:443", Host),
            ("b\u{fc}cher:443", Host),
            ("[fd00::1%25eth0]:443", Host),
            ("[fd00::1%eth0]:443", Host),
            ("[10.0.0.1]:443", Host),
            ("[]:443", Host),
            ("[fd00::1:443", Host),
            (&long, Host),
            ("h", Port),
            ("h:", Port),
            ("h:0", Port),
            ("h:+1", Port),
            ("h:65536", Port),
            ("h:443:443", Port),
            ("h:443/x", Port),
            ("h:044300", Port),
            ("fd00::1", Port),
            ("[fd00::1]443", Port),
            ("[fd00::1]", Port),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
            assert!(!error.to_string().contains("secret"));
        }
        assert_eq!(TargetAuthority::parse("h:", Some(80)), Err(Port));
    }
}
