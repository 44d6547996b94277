//! The peer of a connection.

use std::net::{IpAddr, SocketAddr};

/// The peer of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The name for the record: `127.0.0.1:50123`, `uid 0`, or the subject of the client's certificate.
    pub name: String,
    /// The IP address; `None` on a unix socket.
    pub address: Option<IpAddr>,
    /// True if the peer has presented a certificate of the required client CA.
    pub has_certificate: bool,
}

impl Peer {
    /// Returns the peer at an address.
    pub fn from_addr(address: SocketAddr) -> Self {
        Self { name: address.to_string(), address: Some(address.ip()), has_certificate: false }
    }

    /// Returns a local process as the peer.
    pub fn from_uid(user: Option<u32>) -> Self {
        let name = user.map_or_else(|| "unknown".to_owned(), |user| format!("uid {user}"));
        Self { name, address: None, has_certificate: false }
    }

    /// Returns the peer with the subject of its certificate, if it has presented one.
    #[must_use]
    pub fn with_certificate(self, subject: Option<String>) -> Self {
        match subject {
            Some(name) => Self { name, has_certificate: true, ..self },
            None => self,
        }
    }
}
