//! Header fields that belong to one connection, and are not passed on (RFC 9110, section 7.6.1).

use hyper::HeaderMap;
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE, VIA,
};

/// The pseudonym of the gate in `Via` (RFC 9110, section 7.6.3).
const PSEUDONYM: &str = "pullgate";

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// The fields of one connection, and those that each message gets anew.
const HOP_BY_HOP: [HeaderName; 12] = [
    CONNECTION,
    KEEP_ALIVE,
    PROXY_CONNECTION,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    EXPECT,
    HOST,
    HeaderName::from_static("http2-settings"),
];

/// Removes the fields of the connection, those that `Connection` names among them.
pub fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        // The length frames the message, so that no `Connection` takes it away.
        .filter(|name| name != CONTENT_LENGTH)
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

/// Returns whether a message has passed this gate, or another one, before.
pub fn has_passed_gate(headers: &HeaderMap) -> bool {
    let is_own = |value: &HeaderValue| {
        let value = value.to_str().unwrap_or_default();
        value.split(',').any(|hop| hop.split_whitespace().nth(1) == Some(PSEUDONYM))
    };
    headers.get_all(VIA).iter().any(is_own)
}

/// Adds this gate to `Via`.
pub fn add_via(headers: &mut HeaderMap) {
    headers.append(VIA, HeaderValue::from_static("1.1 pullgate"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn fields_of_the_connection_are_removed() {
        let mut map = headers(&[
            ("connection", "close, X-Secret ,content-length"),
            ("x-secret", "1"),
            ("proxy-authorization", "Basic eDp5"),
            ("proxy-connection", "keep-alive"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("content-length", "5"),
            ("authorization", "Bearer x"),
            ("accept", "*/*"),
        ]);
        remove_hop_by_hop(&mut map);
        assert_eq!(map, headers(&[("content-length", "5"), ("authorization", "Bearer x"), ("accept", "*/*")]));
    }

    #[test]
    fn loop_is_seen() {
        let mut map = headers(&[("via", "1.1 squid, 1.0 other (pullgate)")]);
        assert!(!has_passed_gate(&map));
        add_via(&mut map);
        assert!(has_passed_gate(&map));
        assert!(has_passed_gate(&headers(&[("via", "1.1 a,1.1 pullgate")])));
    }
}
