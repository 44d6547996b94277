//! Who is at the other end.

use std::net::{IpAddr, SocketAddr};

/// The other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// For the record: `127.0.0.1:50123`, `uid 0`, or the subject of the client's certificate.
    pub name: String,
    /// Where it is, if not on this machine's unix socket.
    pub address: Option<IpAddr>,
    /// Whether it has shown a certificate of a certificate authority that clients must have.
    pub has_certificate: bool,
}

impl Peer {
    /// Someone at an address.
    pub fn from_addr(address: SocketAddr) -> Self {
        Self { name: address.to_string(), address: Some(address.ip()), has_certificate: false }
    }

    /// A process of this machine.
    pub fn from_uid(user: Option<u32>) -> Self {
        let name = user.map_or_else(|| "unknown".to_owned(), |user| format!("uid {user}"));
        Self { name, address: None, has_certificate: false }
    }

    /// The same with the subject of the certificate that it has shown, if it has.
    #[must_use]
    pub fn with_certificate(self, subject: Option<String>) -> Self {
        match subject {
            Some(name) => Self { name, has_certificate: true, ..self },
            None => self,
        }
    }
}
