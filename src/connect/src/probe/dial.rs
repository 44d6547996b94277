//! From a route to a connection, stage by stage.

use std::mem;

use crate::{Connection, Described, Route, Target, Voucher};
use pullgate::{Allowed, Scheme};

use super::report::{Attempt, Certificate, Source, StageName, VouchedBy};
use super::session::Run;

impl Run<'_> {
    /// Follows a route to the first address that can be connected to. What was tried is added to `attempts`; where there
    /// is a connection, the last of them is its own.
    pub(super) async fn reach(
        &self,
        route: &Route,
        host: Option<&str>,
        allowed: &Allowed<'_>,
        attempts: &mut Vec<Attempt>,
    ) -> Option<(Target, Connection)> {
        let mut first = Attempt::of(route, host);
        let found = async {
            let targets = route.targets().await.map_err(|problem| problem.to_string())?;
            let detail = found(route, &targets);
            Ok((targets, detail))
        };
        let Some(targets) = self.step(StageName::Dns, &mut first.stages, found).await else {
            attempts.push(first);
            return None;
        };
        // The first address has the stage that found them all.
        let mut stages = mem::take(&mut first.stages);
        for target in targets.into_iter().take(self.prober.limits.addresses.max(1)) {
            let mut attempt = Attempt { stages: mem::take(&mut stages), ..first.clone() };
            attempt.address = Some(target.peer().ip().to_string());
            let connection = self.connect(&target, allowed, &mut attempt).await;
            attempts.push(attempt);
            if let Some(connection) = connection {
                return Some((target, connection));
            }
        }
        None
    }

    /// Connects once more to where a connection was made, for another request.
    pub(super) async fn again(&self, target: &Target) -> Result<Connection, String> {
        let connection = async { target.dial().await?.handshake().await.outcome };
        self.timed(async { connection.await.map_err(|problem| problem.to_string()) }).await
    }

    async fn connect(&self, target: &Target, allowed: &Allowed<'_>, attempt: &mut Attempt) -> Option<Connection> {
        let dialed = async {
            let dialed = target.dial().await.map_err(|problem| problem.to_string())?;
            Ok((dialed, format!("connected to {}", target.peer())))
        };
        let dialed = self.step(StageName::Tcp, &mut attempt.stages, dialed).await?;
        if target.route().scheme() == Scheme::Http {
            return dialed.handshake().await.outcome.ok();
        }
        let Attempt { stages, chain, vouched_by, .. } = attempt;
        let secured = async {
            let handshake = dialed.handshake().await;
            *chain = handshake.certificates.iter().map(|certificate| Certificate::of(certificate)).collect();
            let connection = handshake.outcome.map_err(|mut problem| {
                problem.add_unnamed(allowed, self.gate.authorities());
                problem.to_string()
            })?;
            *vouched_by = self.voucher(&connection);
            let detail = match vouched_by {
                Some(voucher) => format!("{voucher} vouches for the certificate"),
                None => "the certificate was not checked, as the policy has it".to_owned(),
            };
            Ok((connection, detail))
        };
        self.step(StageName::Tls, stages, secured).await
    }

    /// Who vouched for the server of a connection.
    fn voucher(&self, connection: &Connection) -> Option<VouchedBy> {
        let unknown = || "an authority that is not named".to_owned();
        Some(match connection.voucher()? {
            Voucher::Policy(fingerprint) => {
                let authorities = self.gate.authorities();
                let authority = authorities.iter().find(|authority| authority.fingerprint == *fingerprint);
                let subject = authority.and_then(|authority| Described::of(&authority.der).subject);
                let subject = subject.unwrap_or_else(unknown);
                VouchedBy { subject, sha256: Some(fingerprint.clone()), source: Source::Policy }
            }
            Voucher::WellKnown => {
                let subject = self.prober.roots.issuer_of(connection.certificates()).unwrap_or_else(unknown);
                VouchedBy { subject, sha256: None, source: Source::WellKnown }
            }
        })
    }
}

/// Where the addresses come from.
fn found(route: &Route, targets: &[Target]) -> String {
    const LISTED: usize = 8;
    let mut addresses: Vec<String> = targets.iter().take(LISTED).map(|target| target.peer().ip().to_string()).collect();
    if targets.len() > LISTED {
        addresses.push(format!("{} more", targets.len().saturating_sub(LISTED)));
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
