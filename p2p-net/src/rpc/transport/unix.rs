//! A Unix socket: a file that only its owner opens, gone when the server stops.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use smol::net::unix::UnixListener;

/// Owner only: whoever opens it may do what its owner may.
const MODE: u32 = 0o600;

/// How many sockets this process has made, so that each is made in a folder of its own.
static MADE: AtomicU64 = AtomicU64::new(0);

/// A socket cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError {
    /// Another server has it.
    #[error("cannot listen at {}: another server does; stop it, or use another path", .0.display())]
    InUse(PathBuf),
    /// Something else is there.
    #[error("cannot listen at {}: it is there and no socket; move it away, or use another path", .0.display())]
    NotASocket(PathBuf),
    /// What the system says.
    #[error("cannot listen at {}: {error}", path.display())]
    System {
        /// The path of the socket.
        path: PathBuf,
        /// What the system says.
        #[source]
        error: io::Error,
    },
}

/// The file of a socket, removed when dropped, unless somebody has put another in its place.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|found| found == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}

/// Listens at `path`; replaces the socket of a server that crashed. Blocks for a moment.
pub(crate) fn listen(path: &Path) -> Result<(UnixListener, SocketFile), SocketError> {
    make_room(path)?;
    let failed = |error| SocketError::System { path: path.to_owned(), error };
    // Made in a folder that only its owner opens, and moved to its place when it has its permissions.
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (process, number) = (std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
    let folder = parent.join(format!(".rpc-{process}-{number}"));
    let beside = folder.join("s");
    let made = (|| {
        match DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => drop(fs::remove_file(&beside)),
            made => made?,
        }
        let listener = UnixListener::bind(&beside)?;
        fs::set_permissions(&beside, Permissions::from_mode(MODE))?;
        let identity = identity(&beside)?;
        fs::rename(&beside, path)?;
        Ok((listener, SocketFile { path: path.to_owned(), identity }))
    })();
    if made.is_err() {
        let _ = fs::remove_file(&beside);
    }
    let _ = fs::remove_dir(&folder);
    made.map_err(failed)
}

/// Whether the place is free, or taken by what a crash left.
fn make_room(path: &Path) -> Result<(), SocketError> {
    let failed = |error| SocketError::System { path: path.to_owned(), error };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
        Ok(found) if !found.file_type().is_socket() => return Err(SocketError::NotASocket(path.to_owned())),
        Ok(_) => {}
    }
    match StdUnixStream::connect(path) {
        Ok(_) => Err(SocketError::InUse(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            log::info!(target: "net", "rpc: {} is left over from a crash and is replaced", path.display());
            Ok(())
        }
        Err(error) => Err(failed(error)),
    }
}
