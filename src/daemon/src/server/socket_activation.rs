//! Socket activation by systemd (sd_listen_fds(3)): sockets with the names `docker`, `kubernetes`,
//! `api` and `gate`.

use std::env;
use std::io;

use listenfd::ListenFd;
use thiserror::Error;
use tokio::net::{TcpListener, UnixListener};

use crate::server::Listener;
use crate::util::sanitize::io_error_reason;

/// The valid names.
const SOCKET_NAMES: [&str; 4] = ["docker", "kubernetes", "api", "gate"];

/// An error of a socket passed by systemd. The texts are human-readable.
#[derive(Debug, Error)]
pub enum ActivatedSocketError {
    /// The name is none of the valid ones.
    #[error(
        "systemd handed over a socket with the name `{0}`: set FileDescriptorName= to one of {names}",
        names = SOCKET_NAMES.join(", ")
    )]
    UnknownName(String),
    /// Two sockets have one name.
    #[error("systemd handed over two sockets with the name `{0}`")]
    DuplicateName(String),
    /// The socket is no listening TCP or unix socket.
    #[error("the socket `{name}`: {}", io_error_reason(.error))]
    Unusable {
        /// The name.
        name: String,
        /// The system's error.
        error: io::Error,
    },
}

/// The sockets passed by systemd, by name.
#[derive(Debug, Default)]
pub struct ActivatedSockets {
    sockets: Vec<(String, Listener)>,
}

impl ActivatedSockets {
    /// Takes the sockets from the environment.
    ///
    /// # Errors
    ///
    /// If a socket has another name, or is no listening TCP or unix socket. The text is human-readable.
    pub fn from_env() -> Result<Self, ActivatedSocketError> {
        let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut found = ListenFd::from_env();
        let mut sockets = Vec::new();
        for (index, name) in (0..found.len()).zip(names.split(':').chain(std::iter::repeat(""))) {
            if !SOCKET_NAMES.contains(&name) {
                return Err(ActivatedSocketError::UnknownName(name.to_owned()));
            }
            if sockets.iter().any(|(found, _)| found == name) {
                return Err(ActivatedSocketError::DuplicateName(name.to_owned()));
            }
            let listener = take_listener(&mut found, index)
                .map_err(|error| ActivatedSocketError::Unusable { name: name.to_owned(), error })?;
            sockets.push((name.to_owned(), listener));
        }
        Ok(Self { sockets })
    }

    /// Takes the socket with a name.
    pub fn take(&mut self, name: &str) -> Option<Listener> {
        let place = self.sockets.iter().position(|(found, _)| found == name)?;
        Some(self.sockets.swap_remove(place).1)
    }
}

fn take_listener(found: &mut ListenFd, index: usize) -> io::Result<Listener> {
    if let Ok(Some(listener)) = found.take_unix_listener(index) {
        listener.set_nonblocking(true)?;
        // The file is systemd's and is not removed.
        return Ok(Listener::Unix(UnixListener::from_std(listener)?, None));
    }
    let listener = found.take_tcp_listener(index)?;
    let listener = listener.ok_or_else(|| io::Error::other("it was taken already"))?;
    listener.set_nonblocking(true)?;
    Ok(Listener::Tcp(TcpListener::from_std(listener)?))
}
