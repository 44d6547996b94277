//! Addresses that the gate never connects to, whatever DNS says: its own machine's services behind names, and itself.

use std::net::{IpAddr, SocketAddr};

use thiserror::Error;

use super::Gate;

/// An address that the gate does not connect to. The texts are human-readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ForbiddenAddressError {
    /// Not the address of one machine.
    #[error("no server can have this address")]
    NoServer,
    /// A link-local address behind a name.
    #[error("a name does not lead to link-local addresses, such as those of cloud metadata")]
    LinkLocal,
    /// A listener of this daemon.
    #[error("it is pullgate's own address")]
    Own,
}

impl Gate {
    /// Requires that the gate may connect to an address. `host` is the host that was allowed: a link-local address only
    /// counts as allowed where it is that itself.
    ///
    /// # Errors
    ///
    /// If it may not.
    pub(super) fn check_destination(&self, host: &str, address: SocketAddr) -> Result<(), ForbiddenAddressError> {
        let ip = address.ip().to_canonical();
        if ip.is_unspecified() || ip.is_multicast() || ip == IpAddr::from([255; 4]) {
            return Err(ForbiddenAddressError::NoServer);
        }
        if is_link_local(ip) && host.parse::<IpAddr>().is_err() {
            return Err(ForbiddenAddressError::LinkLocal);
        }
        if self.is_own_listener(ip, address.port(), ip.is_loopback()) {
            return Err(ForbiddenAddressError::Own);
        }
        Ok(())
    }

    /// Returns whether a connection between these addresses leads to a listener of this daemon.
    pub(super) fn is_own_connection(&self, local: SocketAddr, remote: SocketAddr) -> bool {
        let ip = remote.ip().to_canonical();
        self.is_own_listener(ip, remote.port(), ip.is_loopback() || ip == local.ip().to_canonical())
    }

    fn is_own_listener(&self, ip: IpAddr, port: u16, is_this_machine: bool) -> bool {
        self.options.own_listeners.iter().any(|own| {
            own.port() == port && (own.ip().to_canonical() == ip || (own.ip().is_unspecified() && is_this_machine))
        })
    }
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}
