//! Listening sockets, bound by the daemon or passed by systemd.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio_rustls::server::TlsStream;

use crate::server::Peer;
use crate::settings::ListenAddr;
use crate::util::sanitize::io_error_reason;

/// A listening socket.
#[derive(Debug)]
pub enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// A unix socket, with its file to remove on drop.
    Unix(UnixListener, Option<SocketFile>),
}

/// The file of a unix socket that the daemon created.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    file_id: (u64, u64),
}

/// A byte stream of a connection.
pub trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send {
    /// Returns the TCP socket whose bytes are those of the stream; none inside TLS.
    fn tcp_socket(&self) -> Option<&TcpStream>;
}

impl ByteStream for TcpStream {
    fn tcp_socket(&self) -> Option<&TcpStream> {
        Some(self)
    }
}

impl ByteStream for UnixStream {
    fn tcp_socket(&self) -> Option<&TcpStream> {
        None
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> ByteStream for TlsStream<S> {
    fn tcp_socket(&self) -> Option<&TcpStream> {
        None
    }
}

impl<S: ByteStream + ?Sized> ByteStream for Box<S> {
    fn tcp_socket(&self) -> Option<&TcpStream> {
        (**self).tcp_socket()
    }
}

/// An accepted connection.
#[derive(Debug)]
pub enum AcceptedStream {
    /// TCP.
    Tcp(TcpStream),
    /// A unix socket.
    Unix(UnixStream),
}

impl AcceptedStream {
    /// Returns the addresses of the other end and of this one, if the stream is TCP.
    pub fn tcp_addrs(&self) -> Option<(SocketAddr, SocketAddr)> {
        match self {
            Self::Tcp(stream) => stream.peer_addr().ok().zip(stream.local_addr().ok()),
            Self::Unix(_) => None,
        }
    }

    /// Registers the stream with the runtime of the current task, which need not be the one that accepted it.
    ///
    /// # Errors
    ///
    /// If the runtime cannot take it.
    pub fn into_current_runtime(self) -> io::Result<Box<dyn ByteStream>> {
        Ok(match self {
            Self::Tcp(stream) => Box::new(TcpStream::from_std(stream.into_std()?)?),
            Self::Unix(stream) => Box::new(UnixStream::from_std(stream.into_std()?)?),
        })
    }
}

impl Listener {
    /// Binds an address. A unix socket gets the permissions `mode` and replaces a stale one.
    ///
    /// # Errors
    ///
    /// If the address is not available. The text names it.
    pub async fn bind(listen: &ListenAddr, mode: u32) -> io::Result<Self> {
        let bound = match listen {
            ListenAddr::Tcp(address) => TcpListener::bind(address).await.map(Self::Tcp),
            ListenAddr::Unix(path) => bind_unix(path, mode).await,
        };
        bound.map_err(|error| {
            io::Error::new(error.kind(), format!("cannot listen on `{listen}`: {}", io_error_reason(&error)))
        })
    }

    /// Returns whether the listener is a unix socket, reachable by file permissions only.
    pub fn is_unix(&self) -> bool {
        matches!(self, Self::Unix(..))
    }

    /// Returns whether only this machine reaches the listener.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(listener) => listener.local_addr().is_ok_and(|address| address.ip().is_loopback()),
            Self::Unix(..) => true,
        }
    }

    /// Returns the address as written in settings.
    ///
    /// # Errors
    ///
    /// Those of getsockname(2).
    pub fn local_addr(&self) -> io::Result<String> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(|address| address.to_string()),
            Self::Unix(listener, _) => listener.local_addr().map(|address| {
                address.as_pathname().map_or_else(|| "unix:".to_owned(), |path| format!("unix:{}", path.display()))
            }),
        }
    }

    /// Returns the address of a TCP listener.
    pub fn tcp_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(..) => None,
        }
    }

    /// Accepts a connection.
    ///
    /// # Errors
    ///
    /// Those of accept(2).
    pub async fn accept(&self) -> io::Result<(AcceptedStream, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                // Responses are small and clients wait for them.
                stream.set_nodelay(true)?;
                Ok((AcceptedStream::Tcp(stream), Peer::from_addr(address)))
            }
            Self::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                let peer = Peer::from_uid(stream.peer_cred().ok().map(|credentials| credentials.uid()));
                Ok((AcceptedStream::Unix(stream), peer))
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // No other file has its inode while the socket is open.
        if let Self::Unix(_, Some(SocketFile { path, file_id: id })) = self
            && fs::symlink_metadata(&*path).is_ok_and(|found| (found.dev(), found.ino()) == *id)
        {
            // A file left behind is replaced at the next start.
            let _ = fs::remove_file(path);
        }
    }
}

async fn bind_unix(path: &Path, mode: u32) -> io::Result<Listener> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| {
            let what = if folder.metadata().is_ok() { "is no directory" } else { "cannot be made" };
            io::Error::new(error.kind(), format!("`{}` {what}: {}", folder.display(), io_error_reason(&error)))
        })?;
    }
    if let Ok(found) = fs::symlink_metadata(path) {
        remove_stale_socket(path, found.file_type()).await?;
    }
    let listener = UnixListener::bind(path)?;
    let found = fs::symlink_metadata(path)?;
    let file = SocketFile { path: path.to_owned(), file_id: (found.dev(), found.ino()) };
    let listener = Listener::Unix(listener, Some(file));
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    Ok(listener)
}

/// Removes a unix socket without a listener. Only a refused connection proves that: a busy program, or one without
/// permission for this user, keeps its socket.
async fn remove_stale_socket(path: &Path, kind: fs::FileType) -> io::Result<()> {
    let taken = |why: String| Err(io::Error::new(io::ErrorKind::AddrInUse, why));
    if !kind.is_socket() {
        let what = if kind.is_dir() { "a directory" } else { "a file that is no socket" };
        return taken(format!("{what} is there: give another path, or take it away"));
    }
    match UnixStream::connect(path).await {
        Ok(_) => taken("another program listens there".to_owned()),
        Err(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused => fs::remove_file(path),
            io::ErrorKind::NotFound => Ok(()),
            _ => taken(format!("another program listens there, and does not answer: {}", io_error_reason(&error))),
        },
    }
}
