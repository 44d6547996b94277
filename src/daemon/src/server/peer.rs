//! The peer of a connection.

use std::net::{IpAddr, SocketAddr};

/// The peer of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The name for the record: `127.0.0.1:50123`, `uid 0`, or the subject of the client's certificate.
    pub name: String,
    /// The client for the connection limit; `None` for a local process of an unknown user.
    pub client: Option<Client>,
    /// True if the peer has presented a certificate of the required client CA.
    pub has_certificate: bool,
    /// True if the certificate is that of a client that may replace the policy.
    pub may_update: bool,
}

/// The client that a connection counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Client {
    /// A machine.
    Address(IpAddr),
    /// A local user, by the credentials of a unix socket.
    User(u32),
}

/// The certificate that a client has presented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The subject.
    pub subject: String,
    /// True if its holder may replace the policy.
    pub may_update: bool,
}

impl Peer {
    /// Returns the peer at an address.
    pub fn from_addr(address: SocketAddr) -> Self {
        let client = Some(Client::Address(address.ip()));
        Self { name: address.to_string(), client, has_certificate: false, may_update: false }
    }

    /// Returns a local process as the peer.
    pub fn from_uid(user: Option<u32>) -> Self {
        let name = user.map_or_else(|| "unknown".to_owned(), |user| format!("uid {user}"));
        Self { name, client: user.map(Client::User), has_certificate: false, may_update: false }
    }

    /// Returns the peer with its certificate, if it has presented one.
    #[must_use]
    pub fn with_certificate(self, certificate: Option<ClientCertificate>) -> Self {
        match certificate {
            Some(ClientCertificate { subject, may_update }) => {
                Self { name: subject, has_certificate: true, may_update, ..self }
            }
            None => self,
        }
    }

    /// Returns whether the peer is a local process of root or of the daemon's own user, by the credentials of its unix
    /// socket. Only these may speak for a container runtime.
    pub fn is_trusted_user(&self) -> bool {
        let own = rustix::process::geteuid().as_raw();
        matches!(self.client, Some(Client::User(user)) if user == 0 || user == own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_and_the_own_user_on_a_unix_socket_are_trusted() {
        let own = rustix::process::geteuid().as_raw();
        assert!(Peer::from_uid(Some(0)).is_trusted_user() && Peer::from_uid(Some(own)).is_trusted_user());
        assert!(!Peer::from_uid(Some(own + 1)).is_trusted_user() && !Peer::from_uid(None).is_trusted_user());
        let certificate = ClientCertificate { subject: "CN=root".to_owned(), may_update: true };
        let remote = Peer::from_addr("127.0.0.1:1".parse().unwrap()).with_certificate(Some(certificate));
        assert!(!remote.is_trusted_user());
    }
}
