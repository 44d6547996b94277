//! From a route to a connection, stage by stage.

use std::mem;

use crate::{CertificateSummary, Connection, Endpoint, ResolvedEndpoint, VerifiedBy};
use pullgate::{Allow, Scheme};

use super::report::{AnchorSource, AttemptReport, Certificate, StageKind, VerifyingAnchor};
use super::session::ProbeSession;

impl ProbeSession<'_> {
    /// Follows a route to the first address that can be connected to. What was tried is added to `attempts`; where there
    /// is a connection, the last of them is its own.
    pub(super) async fn dial(
        &self,
        route: &Endpoint,
        host: Option<&str>,
        allowed: &Allow<'_>,
        attempts: &mut Vec<AttemptReport>,
    ) -> Option<(ResolvedEndpoint, Connection)> {
        let mut first = AttemptReport::from_endpoint(route, host);
        let found = async {
            let targets = route.resolve().await.map_err(|error| error.to_string())?;
            let detail = describe_addresses(route, &targets);
            Ok((targets, detail))
        };
        let Some(targets) = self.run_stage(StageKind::Dns, &mut first.stages, found).await else {
            attempts.push(first);
            return None;
        };
        // The first address has the stage that found them all.
        let mut stages = mem::take(&mut first.stages);
        for target in targets.into_iter().take(self.prober.limits.max_addresses.max(1)) {
            let mut attempt = AttemptReport { stages: mem::take(&mut stages), ..first.clone() };
            attempt.address = Some(target.addr().ip().to_string());
            let connection = self.connect(&target, allowed, &mut attempt).await;
            attempts.push(attempt);
            if let Some(connection) = connection {
                return Some((target, connection));
            }
        }
        None
    }

    /// Connects once more to where a connection was made, for another request.
    pub(super) async fn reconnect(&self, target: &ResolvedEndpoint) -> Result<Connection, String> {
        let connection = async { target.dial().await?.handshake().await.outcome };
        self.with_timeout(async { connection.await.map_err(|error| error.to_string()) }).await
    }

    async fn connect(
        &self,
        target: &ResolvedEndpoint,
        allowed: &Allow<'_>,
        attempt: &mut AttemptReport,
    ) -> Option<Connection> {
        let dialed = async {
            let dialed = target.dial().await.map_err(|error| error.to_string())?;
            Ok((dialed, format!("connected to {}", target.addr())))
        };
        let dialed = self.run_stage(StageKind::Tcp, &mut attempt.stages, dialed).await?;
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

    /// Who vouched for the server of a connection.
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

/// Where the addresses come from.
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
