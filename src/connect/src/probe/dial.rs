//! Connecting to an endpoint, stage by stage.

use std::mem;
use std::sync::Arc;

use crate::{CertificateSummary, Connection, Endpoint, ResolvedEndpoint, TcpConnection, VerifiedBy};
use pullgate::{Allow, Scheme};
use tokio::time::Instant;

use super::dial_target::DialTarget;
use super::proxy_route::ProxyRoute;
use super::report::{AnchorSource, AttemptReport, Certificate, StageKind, VerifyingAnchor};
use super::session::ProbeSession;
use crate::proxy::{ProxyServer, ProxySetting, ProxySource};

impl ProbeSession<'_> {
    /// Connects to the first reachable address of an endpoint, or through its proxy. Appends every attempt to
    /// `attempts`; the last one belongs to the returned connection.
    pub(super) async fn dial(
        &self,
        route: &Endpoint,
        host: Option<&str>,
        allowed: &Allow<'_>,
        attempts: &mut Vec<AttemptReport>,
    ) -> Option<(DialTarget, Connection)> {
        let mut first = AttemptReport::from_endpoint(route, host);
        let setting = self.prober.proxy_mode.proxy_for(route);
        let Some(targets) = self.find_targets(route, setting, &mut first).await else {
            attempts.push(first);
            return None;
        };
        // The stage that resolved the addresses belongs to the first of them.
        let mut stages = mem::take(&mut first.stages);
        for target in targets.into_iter().take(self.prober.limits.max_addresses.max(1)) {
            let mut attempt = AttemptReport { stages: mem::take(&mut stages), ..first.clone() };
            attempt.address = target.address().map(|address| address.to_string());
            let connection = self.connect(&target, setting.map(|setting| setting.source), allowed, &mut attempt).await;
            attempts.push(attempt);
            if let Some(connection) = connection {
                return Some((target, connection));
            }
        }
        None
    }

    /// Connects to the same target again, for another request.
    pub(super) async fn reconnect(&self, target: &DialTarget) -> Result<Connection, String> {
        let connection =
            async { self.dial_target(target).await?.handshake().await.outcome.map_err(|error| error.to_string()) };
        self.with_timeout(connection).await
    }

    /// Returns the ways to an endpoint: its addresses, or the proxy.
    async fn find_targets(
        &self,
        route: &Endpoint,
        setting: Option<&ProxySetting>,
        attempt: &mut AttemptReport,
    ) -> Option<Vec<DialTarget>> {
        if let Some(ProxySetting { source, server }) = setting {
            let proxy = match server {
                Ok(proxy) => proxy,
                Err(error) => {
                    let why = format!("{source} is no proxy: {error}");
                    self.record_stage(StageKind::Proxy, false, why, Instant::now(), &mut attempt.stages);
                    return None;
                }
            };
            attempt.proxy = Some(proxy.to_string());
            if route.pinned().is_empty() {
                return Some(self.proxy_routes(route, proxy));
            }
        }
        let found = async {
            let targets = route.resolve().await.map_err(|error| error.to_string())?;
            let detail = describe_addresses(route, &targets);
            Ok((targets, detail))
        };
        let hint = self.prober.proxy_mode.stage_hint(route);
        let targets = self.run_stage_with_hint(StageKind::Dns, &mut attempt.stages, &hint, found).await?;
        Some(match setting {
            Some(ProxySetting { server: Ok(proxy), .. }) => self.proxy_routes(route, proxy),
            _ => targets.into_iter().map(DialTarget::Direct).collect(),
        })
    }

    fn proxy_routes(&self, route: &Endpoint, proxy: &Arc<ProxyServer>) -> Vec<DialTarget> {
        ProxyRoute::all(&self.prober.connector, route, proxy).into_iter().map(DialTarget::Proxy).collect()
    }

    async fn dial_target(&self, target: &DialTarget) -> Result<TcpConnection, String> {
        match target {
            DialTarget::Direct(resolved) => resolved.dial().await.map_err(|error| error.to_string()),
            DialTarget::Proxy(route) => {
                let dialed = route.dial(&self.prober.limits).await;
                dialed.map_err(|error| format!("the proxy `{}`: {error}", route.proxy()))
            }
        }
    }

    async fn connect(
        &self,
        target: &DialTarget,
        proxy_source: Option<ProxySource>,
        allowed: &Allow<'_>,
        attempt: &mut AttemptReport,
    ) -> Option<Connection> {
        let (kind, detail) = match (target, proxy_source) {
            (DialTarget::Proxy(route), Some(source)) => (StageKind::Proxy, describe_route(route, source)),
            _ => (StageKind::Tcp, format!("connected to {target}")),
        };
        let hint = self.prober.proxy_mode.stage_hint(target.endpoint());
        let dialed = async { Ok((self.dial_target(target).await?, detail)) };
        let dialed = self.run_stage_with_hint(kind, &mut attempt.stages, &hint, dialed).await?;
        if target.endpoint().scheme() == Scheme::Http {
            return dialed.handshake().await.outcome.ok();
        }
        let AttemptReport { stages, chain, vouched_by, .. } = attempt;
        let secured = async {
            let handshake = dialed.handshake().await;
            *chain = handshake.certificates.iter().map(|certificate| Certificate::from_der(certificate)).collect();
            let connection = handshake.outcome.map_err(|mut error| {
                error.add_unlisted_anchors(allowed, self.evaluator.authorities());
                error.to_string()
            })?;
            *vouched_by = self.verifying_anchor(&connection);
            let detail = match vouched_by {
                Some(voucher) => format!("{voucher} vouches for the certificate"),
                None => "the certificate was not checked, as the policy has it".to_owned(),
            };
            Ok((connection, detail))
        };
        self.run_stage(StageKind::Tls, stages, secured).await
    }

    /// Returns the trust anchor that verified the server of a connection.
    fn verifying_anchor(&self, connection: &Connection) -> Option<VerifyingAnchor> {
        let unknown = || "an authority that is not named".to_owned();
        Some(match connection.verified_by()? {
            VerifiedBy::Policy(fingerprint) => {
                let authorities = self.evaluator.authorities();
                let authority = authorities.iter().find(|authority| authority.fingerprint == *fingerprint);
                let subject = authority.and_then(|authority| CertificateSummary::from_der(&authority.der).subject);
                let subject = subject.unwrap_or_else(unknown);
                VerifyingAnchor { subject, sha256: Some(fingerprint.clone()), source: AnchorSource::Policy }
            }
            VerifiedBy::WellKnown => {
                let subject = self.prober.roots.issuer_of(connection.certificates()).unwrap_or_else(unknown);
                VerifyingAnchor { subject, sha256: None, source: AnchorSource::WellKnown }
            }
        })
    }
}

/// Describes the origin of the addresses.
fn describe_addresses(route: &Endpoint, targets: &[ResolvedEndpoint]) -> String {
    const MAX_LISTED: usize = 8;
    let mut addresses: Vec<String> =
        targets.iter().take(MAX_LISTED).map(|target| target.addr().ip().to_string()).collect();
    if targets.len() > MAX_LISTED {
        addresses.push(format!("{} more", targets.len().saturating_sub(MAX_LISTED)));
    }
    let addresses = addresses.join(", ");
    if !route.pinned().is_empty() {
        format!("{addresses}: by the decision, and no others")
    } else if addresses == route.host() {
        format!("{addresses} is an address itself")
    } else {
        format!("`{}` is {addresses}", route.host())
    }
}

/// Describes a connection through a proxy.
fn describe_route(route: &ProxyRoute, source: ProxySource) -> String {
    let (proxy, target) = (route.proxy(), route.target());
    if route.is_tunnel() {
        format!("the proxy `{proxy}` of {source} connects to {target}")
    } else {
        format!("connected to the proxy `{proxy}` of {source}, which passes requests on to {target}")
    }
}
