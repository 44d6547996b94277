//! Addresses that the gate never connects to, whatever DNS says: its own machine's services behind names, and itself.

use std::net::{IpAddr, SocketAddr};

use super::Gate;

impl Gate {
    /// Returns the reason if the gate does not connect to an address; human-readable. `host` is the host that was
    /// allowed: a link-local address only counts as allowed where it is that itself.
    pub(super) fn refused_destination(&self, host: &str, address: SocketAddr) -> Option<&'static str> {
        let ip = address.ip().to_canonical();
        if ip.is_unspecified() || ip.is_multicast() || ip == IpAddr::from([255; 4]) {
            return Some("no server can have this address");
        }
        if is_link_local(ip) && host.parse::<IpAddr>().is_err() {
            return Some("a name does not lead to link-local addresses, such as those of cloud metadata");
        }
        self.is_own_listener(ip, address.port(), ip.is_loopback()).then_some("it is pullgate's own address")
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
