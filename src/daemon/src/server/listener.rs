//! The sockets: bound here, or handed over by systemd.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener, UnixStream};

use crate::server::Peer;
use crate::settings::ListenAddr;
use crate::util::sanitize::io_error_reason;

/// A socket that connections come in on.
#[derive(Debug)]
pub enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// A unix socket, with the file to remove at the end.
    Unix(UnixListener, Option<SocketFile>),
}

/// A unix socket's file, which was made here.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// Its device and its number there.
    file_id: (u64, u64),
}

/// A connection.
pub trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> ByteStream for S {}

impl Listener {
    /// Binds an address. A unix socket gets the permissions `mode`; one that nobody listens on any more is replaced.
    ///
    /// # Errors
    ///
    /// If the address cannot be had. The text says which.
    pub async fn bind(listen: &ListenAddr, mode: u32) -> io::Result<Self> {
        let bound = match listen {
            ListenAddr::Tcp(address) => TcpListener::bind(address).await.map(Self::Tcp),
            ListenAddr::Unix(path) => bind_unix(path, mode).await,
        };
        bound.map_err(|error| {
            io::Error::new(error.kind(), format!("cannot listen on `{listen}`: {}", io_error_reason(&error)))
        })
    }

    /// Whether only processes of this machine reach it, through the file system.
    pub fn is_unix(&self) -> bool {
        matches!(self, Self::Unix(..))
    }

    /// Whether only this machine reaches it.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(listener) => listener.local_addr().is_ok_and(|address| address.ip().is_loopback()),
            Self::Unix(..) => true,
        }
    }

    /// Where it listens, as settings write it.
    ///
    /// # Errors
    ///
    /// As getsockname(2).
    pub fn local_addr(&self) -> io::Result<String> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(|address| address.to_string()),
            Self::Unix(listener, _) => listener.local_addr().map(|address| {
                address.as_pathname().map_or_else(|| "unix:".to_owned(), |path| format!("unix:{}", path.display()))
            }),
        }
    }

    /// Waits for a connection.
    ///
    /// # Errors
    ///
    /// As accept(2).
    pub async fn accept(&self) -> io::Result<(Box<dyn ByteStream>, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                // Answers are small and awaited.
                stream.set_nodelay(true)?;
                Ok((Box::new(stream), Peer::from_addr(address)))
            }
            Self::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                let peer = Peer::from_uid(stream.peer_cred().ok().map(|credentials| credentials.uid()));
                Ok((Box::new(stream), peer))
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // While the socket is open no other file has its number.
        if let Self::Unix(_, Some(SocketFile { path, file_id: id })) = self
            && fs::symlink_metadata(&*path).is_ok_and(|found| (found.dev(), found.ino()) == *id)
        {
            // What is left behind is replaced at the next start.
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

/// Removes a socket that nobody listens on. Only a refused connection says that: a program that is busy, or that others may
/// not ask, still has its socket.
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
