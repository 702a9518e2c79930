//! The data folder of a node, which one node at a time may use.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// The file whose lock says that a node uses the folder. The system takes the lock from a process that dies.
const LOCK_FILE: &str = "lock";

/// Bytes of a process number that are read: more than any has.
const MOST_DIGITS: u64 = 20;

/// A data folder that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// Another node uses it: two of one identity would be one too many.
    #[error(
        "the data folder {} is in use by another node{}: stop that one, or use another folder",
        folder.display(),
        process.as_ref().map(|process| format!(", process {process}")).unwrap_or_default()
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// The number of the process that uses it, as that one wrote it.
        process: Option<String>,
    },
    /// It cannot be made or written to.
    #[error("cannot use the data folder {}: {error}", folder.display())]
    Unusable {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

/// The right to use a folder, until dropped.
#[derive(Debug)]
pub(super) struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Makes the folder if need be, and takes the right to it.
    pub(super) async fn take(folder: PathBuf) -> Result<Self, FolderError> {
        smol::unblock(move || Self::take_now(&folder)).await
    }

    fn take_now(folder: &Path) -> Result<Self, FolderError> {
        let unusable = |error| FolderError::Unusable { folder: folder.to_owned(), error };
        std::fs::create_dir_all(folder).map_err(unusable)?;
        let path = folder.join(LOCK_FILE);
        let mut options = OpenOptions::new();
        let mut file = options.read(true).write(true).create(true).truncate(false).open(path).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(FolderError::InUse { folder: folder.to_owned(), process: process_in(&file) });
            }
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        let written =
            file.set_len(0).and_then(|()| file.rewind()).and_then(|()| write!(file, "{}", std::process::id()));
        written.map_err(unusable)?;
        Ok(Self { _file: file })
    }
}

/// The number the other process wrote, as far as it has.
fn process_in(file: &File) -> Option<String> {
    let mut text = String::new();
    file.take(MOST_DIGITS).read_to_string(&mut text).ok()?;
    Some(text).filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
}
