//! Sockets that systemd opened before the daemon started (sd_listen_fds(3)): by the names `docker`, `kubernetes`, `api`.

use std::env;
use std::io;

use listenfd::ListenFd;
use tokio::net::{TcpListener, UnixListener};

use crate::server::Listener;
use crate::util::sanitize::io_error_reason;

/// The names that sockets may have.
const SOCKET_NAMES: [&str; 3] = ["docker", "kubernetes", "api"];

/// The sockets that were handed over, by name.
#[derive(Debug, Default)]
pub struct ActivatedSockets {
    sockets: Vec<(String, Listener)>,
}

impl ActivatedSockets {
    /// Takes what there is.
    ///
    /// # Errors
    ///
    /// If a socket has another name, or is no listening TCP or unix socket. The text is for a person.
    pub fn from_env() -> Result<Self, String> {
        let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut found = ListenFd::from_env();
        let mut sockets = Vec::new();
        for (index, name) in (0..found.len()).zip(names.split(':').chain(std::iter::repeat(""))) {
            if !SOCKET_NAMES.contains(&name) {
                return Err(format!(
                    "systemd handed over a socket with the name `{name}`: set FileDescriptorName= to one of {}",
                    SOCKET_NAMES.join(", ")
                ));
            }
            if sockets.iter().any(|(found, _)| found == name) {
                return Err(format!("systemd handed over two sockets with the name `{name}`"));
            }
            let listener = take_listener(&mut found, index)
                .map_err(|error| format!("the socket `{name}`: {}", io_error_reason(&error)))?;
            sockets.push((name.to_owned(), listener));
        }
        Ok(Self { sockets })
    }

    /// The socket with this name.
    pub fn take(&mut self, name: &str) -> Option<Listener> {
        let place = self.sockets.iter().position(|(found, _)| found == name)?;
        Some(self.sockets.swap_remove(place).1)
    }
}

fn take_listener(found: &mut ListenFd, index: usize) -> io::Result<Listener> {
    if let Ok(Some(listener)) = found.take_unix_listener(index) {
        listener.set_nonblocking(true)?;
        // systemd's own: it stays where it is.
        return Ok(Listener::Unix(UnixListener::from_std(listener)?, None));
    }
    let listener = found.take_tcp_listener(index)?;
    let listener = listener.ok_or_else(|| io::Error::other("it was taken already"))?;
    listener.set_nonblocking(true)?;
    Ok(Listener::Tcp(TcpListener::from_std(listener)?))
}
