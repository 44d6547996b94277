//! Connections to the addresses of a route.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use pullgate_connect::{AttemptError, ConnectError, Connection, Endpoint, FailedAttempt, ResolvedEndpoint, VerifiedBy};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::Gate;
use super::destination::ForbiddenAddressError;
use super::refusal::Refusal;
use super::route::{GateRequest, Route};
use super::verifications::VerifiedServer;

/// Timeout of all addresses together, DNS and the gate's own handshake included. Docker Engine's clients for logins and
/// tokens give up after 15 seconds.
const DIAL_TIMEOUT: Duration = Duration::from_secs(8);

/// Timeout of one address, so that one without an answer leaves time for another.
const ADDRESS_TIMEOUT: Duration = Duration::from_secs(4);

/// Maximum number of addresses tried.
const MAX_ADDRESSES: usize = 8;

/// A server that was reached.
pub struct Reached<T> {
    /// The connection.
    pub connection: T,
    /// The endpoint that it belongs to.
    pub endpoint: Endpoint,
    /// The address.
    pub address: SocketAddr,
    /// The trust anchor that verified the server; none for an unverified attempt.
    pub verified_by: Option<VerifiedBy>,
}

/// A way to connect to one address.
trait Dialer: Sync {
    type Connection: Send;

    /// Connects. Returns the connection with the trust anchor that verified the server.
    fn connect(
        &self,
        target: ResolvedEndpoint,
    ) -> impl Future<Output = Result<(Self::Connection, Option<VerifiedBy>), AttemptError>> + Send;
}

/// Connects TCP for a client's TLS, to servers that are verified where the decision demands it.
struct TunnelDialer<'a> {
    gate: &'a Gate,
    route: &'a Route,
}

impl Dialer for TunnelDialer<'_> {
    type Connection = TcpStream;

    async fn connect(&self, target: ResolvedEndpoint) -> Result<(TcpStream, Option<VerifiedBy>), AttemptError> {
        let verified_by = match target.endpoint().is_verified() {
            true => Some(self.gate.verify(self.route, &target).await?),
            false => None,
        };
        let stream = TcpStream::connect(target.addr()).await.map_err(connect_error)?;
        // The peers' messages are small, and each waits for the other's.
        let _ = stream.set_nodelay(true);
        let (local, remote) = (stream.local_addr(), stream.peer_addr());
        match (local, remote) {
            (Ok(local), Ok(remote)) if !self.gate.is_own_connection(local, remote) => Ok((stream, verified_by)),
            _ => Err(AttemptError::Io(io::Error::other(ForbiddenAddressError::Own))),
        }
    }
}

/// Connects for HTTP, inside TLS if the endpoint is HTTPS.
struct HttpDialer;

impl Dialer for HttpDialer {
    type Connection = Connection;

    async fn connect(&self, target: ResolvedEndpoint) -> Result<(Connection, Option<VerifiedBy>), AttemptError> {
        let connection = target.dial().await?.handshake().await.outcome?;
        let verified_by = connection.verified_by().cloned();
        Ok((connection, verified_by))
    }
}

impl Gate {
    /// Connects to an endpoint for a tunnel. Where the decision demands verification, the gate verifies the server by a
    /// handshake of its own first: the client's TLS ends at the server, and it may trust more than the policy.
    ///
    /// # Errors
    ///
    /// If no address can be reached, or none as the decision demands.
    pub(super) async fn dial_tunnel(
        &self,
        request: GateRequest<'_>,
        route: &Route,
        endpoint: &Endpoint,
    ) -> Result<Reached<TcpStream>, Refusal> {
        let dialer = TunnelDialer { gate: self, route };
        self.dial(request, route, std::slice::from_ref(endpoint), &dialer).await
    }

    /// Connects to the first of these endpoints that can be reached, inside TLS if it is HTTPS.
    ///
    /// # Errors
    ///
    /// If none can be reached, or none as the decision demands.
    pub(super) async fn dial_http(
        &self,
        request: GateRequest<'_>,
        route: &Route,
        endpoints: &[Endpoint],
    ) -> Result<Reached<Connection>, Refusal> {
        self.dial(request, route, endpoints, &HttpDialer).await
    }

    /// Verifies a server by the decision's trust anchors, unless it was verified lately.
    async fn verify(&self, route: &Route, target: &ResolvedEndpoint) -> Result<VerifiedBy, AttemptError> {
        let server = VerifiedServer {
            host: target.endpoint().host().to_owned(),
            address: target.addr(),
            policy: route.generation.sha256.clone(),
        };
        if let Some(verified_by) = self.verifications.get(&server) {
            return Ok(verified_by);
        }
        let connection = target.dial().await?.handshake().await.outcome?;
        let Some(verified_by) = connection.verified_by().cloned() else {
            return Err(AttemptError::Io(io::Error::other("its certificate was not verified")));
        };
        self.verifications.insert(server, verified_by.clone());
        Ok(verified_by)
    }

    /// Tries the addresses of the endpoints in order.
    async fn dial<D: Dialer>(
        &self,
        request: GateRequest<'_>,
        route: &Route,
        endpoints: &[Endpoint],
        dialer: &D,
    ) -> Result<Reached<D::Connection>, Refusal> {
        let (end, mut failed) = (Instant::now() + DIAL_TIMEOUT, Vec::new());
        for endpoint in endpoints {
            let fail = |address, error| FailedAttempt {
                scheme: endpoint.scheme(),
                host: endpoint.host().to_owned(),
                port: endpoint.port(),
                verified: endpoint.is_verified(),
                address,
                error,
            };
            let start = Instant::now();
            let targets = timeout_at(end, endpoint.resolve()).await;
            let targets = match targets.unwrap_or_else(|_| Err(AttemptError::TimeOut(start.elapsed()))) {
                Ok(targets) => targets,
                Err(error) => {
                    failed.push(fail(None, error));
                    continue;
                }
            };
            for target in targets.into_iter().take(MAX_ADDRESSES) {
                let address = target.addr();
                if let Err(error) = self.check_destination(endpoint.host(), address) {
                    let message = format!(
                        "`{}` leads to {}, where the gate does not connect: {error}",
                        route.registry,
                        address.ip()
                    );
                    return Err(self.refuse(request, "forbidden-address", &message));
                }
                let start = Instant::now();
                let connected = timeout_at(end.min(start + ADDRESS_TIMEOUT), dialer.connect(target)).await;
                match connected.unwrap_or_else(|_| Err(AttemptError::TimeOut(start.elapsed()))) {
                    Ok((connection, verified_by)) => {
                        return Ok(Reached { connection, endpoint: endpoint.clone(), address, verified_by });
                    }
                    Err(error) => failed.push(fail(Some(address), error)),
                }
            }
        }
        Err(self.dial_error(request, route, failed))
    }

    /// Returns the refusal of a route whose attempts all failed: a denial if a server is not what the policy demands.
    fn dial_error(&self, request: GateRequest<'_>, route: &Route, mut attempts: Vec<FailedAttempt>) -> Refusal {
        for attempt in &mut attempts {
            attempt.error.add_unlisted_anchors(&route.allowed, route.generation.evaluator.authorities());
        }
        let is_denial = attempts.iter().any(|attempt| {
            matches!(attempt.error, AttemptError::Certificate(_) | AttemptError::PlainHttp | AttemptError::NotTls)
        });
        let error = ConnectError::Failed { registry: route.registry.clone(), attempts }.to_string();
        if is_denial { self.refuse(request, "unverified", &error) } else { Refusal::unreachable(error) }
    }
}

fn connect_error(error: io::Error) -> AttemptError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => AttemptError::ConnectionRefused,
        _ => AttemptError::Io(error),
    }
}
