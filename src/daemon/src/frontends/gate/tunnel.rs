//! Tunnels: CONNECT (RFC 9110, section 9.3.6) to a host that the policy allows over HTTPS.
//!
//! A tunnel binds who, where to, and that it is TLS for that name. The path, and how the client verifies the server, are
//! inside the client's TLS; therefore the gate verifies the server itself before it opens the tunnel.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use pullgate::{ReferenceKind, Scheme};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Gate;
use super::authority::TargetAuthority;
use super::client_hello::{ClientHello, HelloError, MAX_HELLO_BYTES, parse_client_hello};
use super::refusal::Refusal;
use super::relay::relay;
use super::route::GateRequest;
use super::transfer::{Grant, Transfer, TransferEnd};
use crate::server::Peer;
use crate::server::connection_limit::{ActivityHandle, ConnectionSlot};
use crate::server::listener::ByteStream;

/// Action of tunnels in the record.
const ACTION: &str = "tunnel";

/// Timeout for the ClientHello.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// Time without any byte after which a tunnel is closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// The fatal alert `unrecognized_name` (RFC 6066, section 3).
const UNRECOGNIZED_NAME_ALERT: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

/// A start of a tunnel that is not passed on. The texts are human-readable.
#[derive(Debug, PartialEq, Eq, Error)]
enum TunnelStartError {
    /// The bytes are no ClientHello, or one that hides its name.
    #[error(transparent)]
    Hello(#[from] HelloError),
    /// There is none.
    #[error("the client began no TLS within {} seconds", HELLO_TIMEOUT.as_secs())]
    TimeOut,
    /// It has no name, and the tunnel is to a host with one.
    #[error("the client asks for no name in its TLS hello, and the tunnel is to `{host}`")]
    NoName {
        /// The host of the tunnel.
        host: String,
    },
    /// It has the name of another host.
    #[error("the client asks for `{name}` in its TLS hello, and the tunnel is to `{host}`")]
    OtherName {
        /// The name.
        name: String,
        /// The host of the tunnel.
        host: String,
    },
}

/// A tunnel to a server that was reached, before the client's first byte.
pub struct Tunnel {
    client: Peer,
    target: String,
    /// The host that the ClientHello must name.
    host: String,
    server: TcpStream,
    transfer: Transfer,
}

impl Tunnel {
    /// Decides about a CONNECT request, and reaches the server.
    ///
    /// # Errors
    ///
    /// If the tunnel is not allowed, or if the server cannot be reached.
    pub async fn open(gate: &Arc<Gate>, request: &Request<Incoming>, client: &Peer) -> Result<Self, Refusal> {
        let uri = request.uri();
        // In authority form (RFC 9112, section 3.2.3) there is nothing else.
        let has_more = uri.scheme().is_some() || uri.path_and_query().is_some();
        let target = uri.authority().filter(|_| !has_more).map_or("", |authority| authority.as_str());
        let has_body = [CONTENT_LENGTH, TRANSFER_ENCODING].iter().any(|name| request.headers().contains_key(name));
        let asked = |reference| GateRequest { client, action: ACTION, reference, kind: ReferenceKind::Registry };
        let malformed = |message: &str| {
            gate.refuse(asked(target), "not-understood", message);
            Refusal::bad_request(message)
        };
        if has_body {
            return Err(malformed("a request for a tunnel has no body"));
        }
        let authority = TargetAuthority::parse(target, None).map_err(|error| malformed(&error.to_string()))?;
        let target = authority.to_string();
        let asked = asked(&target);
        let route = gate.route(asked).await?;
        let is_tunnel = |endpoint: &&pullgate_connect::Endpoint| {
            endpoint.scheme() == Scheme::Https && endpoint.port() == authority.port()
        };
        let Some(endpoint) = route.endpoints.iter().find(is_tunnel) else {
            let message = format!("the policy allows no HTTPS to `{}` on port {}", route.registry, authority.port());
            return Err(gate.refuse(asked, "no-endpoint", &message));
        };
        // The decision names the host of an attempt if it is not the one that was asked about (rule H2).
        let is_other = route.allowed.attempts.iter().any(|attempt| attempt.host.is_some());
        if is_other && !authority.is_host(endpoint.host()) {
            let message = format!("`{}` is reached at `{}`, and not by this name", route.registry, endpoint.host());
            return Err(gate.refuse(asked, "no-endpoint", &message));
        }
        let reached = gate.dial_tunnel(asked, &route, endpoint).await?;
        let grants = vec![Grant::new(asked, &reached)];
        let transfer = Transfer::begin(gate, asked, &route, reached.address, grants).await?;
        let host = endpoint.host().to_owned();
        Ok(Self { client: client.clone(), target, host, server: reached.connection, transfer })
    }

    /// Runs the tunnel until both sides have ended, until nothing moves, or until the policy no longer allows it.
    /// `read_ahead` is what the client has sent after its request.
    pub async fn run(mut self, gate: &Gate, mut client: impl ByteStream, read_ahead: Bytes, slot: &ConnectionSlot) {
        let cut = self.transfer.state().cut.clone();
        let activity = slot.activity_handle();
        let end = tokio::select! {
            end = self.check_and_relay(gate, &mut client, read_ahead, &activity) => end,
            () = cut.cancelled() => TransferEnd::PolicyChanged,
            () = slot.wait_until_idle(IDLE_TIMEOUT, IDLE_TIMEOUT) => TransferEnd::Idle,
        };
        self.transfer.set_end(end);
    }

    async fn check_and_relay(
        &mut self,
        gate: &Gate,
        client: &mut impl ByteStream,
        read_ahead: Bytes,
        activity: &ActivityHandle,
    ) -> TransferEnd {
        let mut head = read_ahead.to_vec();
        drop(read_ahead);
        let checked = match timeout(HELLO_TIMEOUT, read_hello(client, &mut head)).await {
            Ok(Ok(Some(hello))) => check_name(&hello, &self.host),
            Ok(Ok(None)) => return TransferEnd::Interrupted,
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(TunnelStartError::TimeOut),
        };
        if let Err(error) = checked {
            let request = GateRequest {
                client: &self.client,
                action: ACTION,
                reference: &self.target,
                kind: ReferenceKind::Registry,
            };
            gate.refuse(request, "tls-hello", &error.to_string());
            // The client may be gone.
            let _ = client.write_all(&UNRECOGNIZED_NAME_ALERT).await;
            let _ = client.shutdown().await;
            return TransferEnd::Refused;
        }
        if self.server.write_all(&head).await.is_err() {
            return TransferEnd::Interrupted;
        }
        let state = Arc::clone(self.transfer.state());
        state.add_sent(head.len());
        drop(head);
        let sent = |bytes| {
            activity.touch();
            state.add_sent(bytes);
        };
        let received = |bytes| {
            activity.touch();
            state.add_received(bytes);
        };
        if relay(client, &mut self.server, sent, received).await.is_ok() {
            TransferEnd::Completed
        } else {
            TransferEnd::Interrupted
        }
    }
}

/// Reads the ClientHello; none if the client is gone. `bytes` has everything that was read.
async fn read_hello<S: AsyncRead + Unpin>(
    client: &mut S,
    bytes: &mut Vec<u8>,
) -> Result<Option<ClientHello>, HelloError> {
    loop {
        if let Some(hello) = parse_client_hello(bytes)? {
            return Ok(Some(hello));
        }
        let room = MAX_HELLO_BYTES.saturating_sub(bytes.len());
        // With no room left the parser has refused already.
        match client.take(room as u64).read_buf(bytes).await {
            Ok(0) | Err(_) => return Ok(None),
            Ok(_) => {}
        }
    }
}

/// Requires that a ClientHello names this host and no other; an address has no name (RFC 6066, section 3).
fn check_name(hello: &ClientHello, host: &str) -> Result<(), TunnelStartError> {
    let is_address = host.parse::<IpAddr>().is_ok();
    match &hello.server_name {
        None if is_address => Ok(()),
        None => Err(TunnelStartError::NoName { host: host.to_owned() }),
        Some(name) if !is_address && name.strip_suffix('.').unwrap_or(name).eq_ignore_ascii_case(host) => Ok(()),
        Some(name) => Err(TunnelStartError::OtherName { name: name.clone(), host: host.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_of_the_hello_must_be_the_host() {
        let check =
            |name: Option<&str>, host| check_name(&ClientHello { server_name: name.map(str::to_owned) }, host).is_ok();
        assert!(check(Some("h.example"), "h.example") && check(Some("H.Example."), "h.example"));
        assert!(check(None, "10.0.0.1") && check(None, "fd00::1"));
        assert!(!check(None, "h.example") && !check(Some("evil.example"), "h.example"));
        assert!(!check(Some("10.0.0.1"), "10.0.0.1") && !check(Some("h.example"), "10.0.0.1"));
        assert!(!check(Some("h.example.."), "h.example") && !check(Some("h.example.evil"), "h.example"));
    }

    #[tokio::test]
    async fn hello_is_read_in_single_bytes_and_up_to_the_limit() {
        let hello = super::super::client_hello::tests::hello_to("h.example");
        let mut stream = tokio_test_stream(&hello);
        let mut bytes = Vec::new();
        let read = read_hello(&mut stream, &mut bytes).await.unwrap().unwrap();
        assert_eq!((read.server_name.as_deref(), bytes.len()), (Some("h.example"), hello.len()));

        let endless = [&[22, 3, 1, 0, 4, 1, 0, 0xff, 0xff][..], &[22, 3, 1, 0, 1, 0].repeat(20_000)].concat();
        let mut bytes = Vec::new();
        assert_eq!(read_hello(&mut &endless[..], &mut bytes).await, Err(HelloError::TooLong));
        assert!(bytes.len() <= MAX_HELLO_BYTES);
        assert_eq!(read_hello(&mut &hello[..9], &mut Vec::new()).await, Ok(None), "it is gone");
    }

    /// A stream that gives one byte at a time.
    fn tokio_test_stream(bytes: &[u8]) -> impl AsyncRead + Unpin {
        let (mut sender, receiver) = tokio::io::duplex(1);
        let bytes = bytes.to_vec();
        tokio::spawn(async move { sender.write_all(&bytes).await });
        receiver
    }
}
