//! The ways to an endpoint that a probe can connect by.

use std::fmt;
use std::net::IpAddr;

use super::proxy_route::ProxyRoute;
use crate::{Endpoint, ResolvedEndpoint};

/// A way to an endpoint: one of its addresses, or a proxy.
#[derive(Clone)]
pub(super) enum DialTarget {
    Direct(ResolvedEndpoint),
    Proxy(ProxyRoute),
}

impl DialTarget {
    /// Returns the endpoint.
    pub(super) fn endpoint(&self) -> &Endpoint {
        match self {
            Self::Direct(resolved) => resolved.endpoint(),
            Self::Proxy(route) => route.endpoint(),
        }
    }

    /// Returns whether a proxy reads the requests, and may answer them itself.
    pub(super) fn is_forwarded(&self) -> bool {
        matches!(self, Self::Proxy(route) if !route.is_tunnel())
    }

    /// Returns the address of the endpoint; none if the proxy resolves its name.
    pub(super) fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Direct(resolved) => Some(resolved.addr().ip()),
            Self::Proxy(route) => route.pinned(),
        }
    }
}

impl fmt::Display for DialTarget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct(resolved) => write!(formatter, "{}", resolved.addr()),
            Self::Proxy(route) => write!(formatter, "{} through `{}`", route.target(), route.proxy()),
        }
    }
}
