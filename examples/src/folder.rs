//! A folder for one run of a program.

use std::io;
use std::path::{Path, PathBuf};

/// A new folder in the system's place for such, removed when dropped.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// A folder of this process, whose name has `name` in it.
    ///
    /// # Errors
    ///
    /// When the system does not make it.
    pub fn new(name: &str) -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("p2p-{name}-{}", std::process::id()));
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where the file `name` is, or would be.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that stays is a nuisance, and no reason to fail.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
