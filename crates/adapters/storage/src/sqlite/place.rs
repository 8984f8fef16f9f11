//! Whether the database file is still where it was opened.
//!
//! A file that was removed, moved or replaced can be written to the end through a connection that holds it open, and what is
//! written is gone with the connection. So nothing is written that nobody would find again.

use std::io;
use std::path::{Path, PathBuf};

/// The path of a file, and which file it was.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    file: Identity,
}

/// The file is no longer at its path.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the database file `{}` was removed or replaced while it was open; put it back, or start anew", .0.display())]
pub(super) struct Moved(PathBuf);

/// Device and number of a file. Windows does not let go of a file that is open.
#[cfg(unix)]
type Identity = (u64, u64);
#[cfg(not(unix))]
type Identity = ();

impl Place {
    /// The file that is at this path now.
    pub(super) fn of(path: PathBuf) -> io::Result<Self> {
        let file = identity(&path)?;
        Ok(Self { path, file })
    }

    /// Looks whether it is still there.
    pub(super) fn is_unchanged(&self) -> Result<(), Moved> {
        match identity(&self.path) {
            Ok(file) if file == self.file => Ok(()),
            Ok(_) | Err(_) => Err(Moved(self.path.clone())),
        }
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> io::Result<Identity> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).map(|file| (file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> io::Result<Identity> {
    std::fs::metadata(path).map(|_| ())
}
