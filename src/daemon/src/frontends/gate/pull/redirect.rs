//! Redirects of registries: to other paths of the same server, to hosts that the policy allows, and, where a setting says
//! so, to hosts that only content comes from.

use std::net::IpAddr;
use std::time::Instant;

use hyper::Response;
use hyper::body::Incoming;
use hyper::header::LOCATION;
use pullgate::{Allow, Attempt, Decision, DenialReason, ReferenceKind, Scheme};
use pullgate_connect::{Endpoint, EndpointUrl};

use super::Pull;
use crate::admission::{AdmissionResponse, denial_message, policy_request};
use crate::frontends::gate::Gate;
use crate::frontends::gate::refusal::Refusal;
use crate::frontends::gate::route::{GateRequest, Route};
use crate::settings::RedirectPolicy;

/// The request of a hop: that of the pull, or one about the host that a redirect leads to.
pub enum HopRequest {
    /// The server is the same.
    Same,
    /// Another registry, as `HOST:PORT`.
    Host(String),
}

impl HopRequest {
    /// Returns the request for the record.
    pub fn as_request<'a>(&'a self, pull: GateRequest<'a>) -> GateRequest<'a> {
        match self {
            Self::Same => pull,
            Self::Host(reference) => GateRequest { reference, kind: ReferenceKind::Registry, ..pull },
        }
    }
}

/// A redirect that may be followed.
pub struct Hop {
    /// The request that the policy allowed.
    pub request: HopRequest,
    /// The decision about the host; none for that of the pull.
    pub route: Option<Route>,
    /// The endpoints for the URL.
    pub endpoints: Vec<Endpoint>,
    /// True if no entry covers the host, and only content comes from it.
    pub is_unlisted: bool,
}

/// Returns the `Location` of a redirect.
pub fn location(response: &Response<Incoming>) -> Option<String> {
    let is_redirect = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = response.headers().get(LOCATION).filter(|_| is_redirect)?;
    Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
}

impl Gate {
    /// Decides about a redirect.
    ///
    /// # Errors
    ///
    /// If it may not be followed.
    pub(super) async fn route_redirect(
        &self,
        pull: &Pull<'_>,
        from: &Endpoint,
        url: &EndpointUrl,
    ) -> Result<Hop, Refusal> {
        if url.is_same_endpoint(from) {
            let endpoints = vec![from.clone()];
            return Ok(Hop { request: HopRequest::Same, route: None, endpoints, is_unlisted: false });
        }
        let reference = url.to_registry();
        let request = GateRequest { reference: &reference, kind: ReferenceKind::Registry, ..pull.request };
        let denied = |refusal: Refusal| pull.explain(&format!("it redirects to `{url}`: {}", refusal.message()));
        self.admission.recent_registries().record_second_host(&pull.route.registry, &reference);
        let is_content = self.options.redirects == RedirectPolicy::Content
            && pull.is_whole_blob()
            && url.scheme() == Scheme::Https
            && url.port() == Scheme::Https.default_port();
        let (route, is_unlisted) = match is_content {
            true => self.route_content(request, url).await.map_err(denied)?,
            false => (self.route(request).await.map_err(denied)?, false),
        };
        let endpoints = route.endpoints_at(url);
        if endpoints.is_empty() {
            let scheme = url.scheme();
            let message = format!("it redirects to `{url}`, and the policy does not allow `{scheme}` there");
            return Err(self.refuse(request, "no-endpoint", pull.explain(&message).message()));
        }
        Ok(Hop { request: HopRequest::Host(reference), route: Some(route), endpoints, is_unlisted })
    }

    /// Decides about a host that only content comes from. A host that no entry covers is reached at public addresses
    /// alone, and verified by the well-known authorities; whatever else denies it, denies it here too.
    async fn route_content(&self, request: GateRequest<'_>, url: &EndpointUrl) -> Result<(Route, bool), Refusal> {
        let generation = self.admission.current_policy();
        let ask = self.admission_request(request);
        let start = Instant::now();
        let (response, dns_answers) = generation.evaluator.answer_with_dns_answers(&policy_request(&ask)).await;
        let unlisted = match (&response.decision, &response.registry) {
            (Decision::Deny(denied), Some(registry)) if denied.reason == DenialReason::NotWhitelisted => {
                Some((registry.to_string(), denial_message(denied)))
            }
            _ => None,
        };
        let Some((registry, denial)) = unlisted else {
            return Ok((self.route_of(request, generation, response, &dns_answers, start.elapsed())?, false));
        };
        let attempts = vec![Attempt { scheme: Scheme::Https, port: url.port(), verified: true, host: None }];
        let mut allowed = Allow { by: None, attempts, authorities: Vec::new(), pinned: Vec::new() };
        let endpoints = |allowed: &Allow<'_>| {
            let endpoints = self.connector.load().endpoints(&registry, allowed, &[]);
            endpoints.map_err(|error| self.refuse(request, "no-endpoint", &error.to_string()))
        };
        let resolved = match endpoints(&allowed)?.first() {
            Some(endpoint) => endpoint.resolve().await.map_err(|error| Refusal::unreachable(error.to_string()))?,
            None => Vec::new(),
        };
        let addresses = resolved.iter().map(|target| target.addr().ip());
        allowed.pinned = addresses.filter(|ip| is_public(*ip)).map(|ip| ip.to_string()).collect();
        if allowed.pinned.is_empty() {
            let message = format!("{denial}, and none of its addresses is public");
            return Err(self.refuse(request, "not-whitelisted", &message));
        }
        self.admission.record_override(&generation, &ask, "content", AdmissionResponse::new(true, String::new()));
        let endpoints = endpoints(&allowed)?;
        Ok((Route { generation, allowed, registry, repository: None, endpoints }, true))
    }
}

/// Returns whether an address is on the public Internet: none of the special-purpose ones (RFC 6890), so that no redirect
/// leads into networks of this machine.
fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            let is_shared = a == 100 && (64..128).contains(&b);
            let is_benchmark = a == 198 && (18..20).contains(&b);
            let is_special = a == 0 || a >= 240 || (a, b, c) == (192, 0, 0) || (a, b, c) == (192, 88, 99);
            !(ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_multicast())
                && !(is_shared || is_benchmark || is_special || ip.is_documentation())
        }
        IpAddr::V6(ip) => {
            let [first, second, ..] = ip.segments();
            // Global unicast is 2000::/3, without documentation, Teredo, 6to4 and other special ones.
            let is_special = first == 0x2001 && (second < 0x200 || second == 0xdb8);
            first & 0xe000 == 0x2000 && !is_special && first != 0x2002 && first != 0x3fff
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_addresses_are_not_public() {
        for public in ["8.8.8.8", "100.63.255.255", "172.32.0.1", "192.0.1.1", "2a00:1450::1", "2001:4860::1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for special in [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::1",
            "fc00::1",
            "fe80::1",
            "ff02::1",
        ] {
            assert!(!is_public(special.parse().unwrap()), "{special}");
        }
    }
}
