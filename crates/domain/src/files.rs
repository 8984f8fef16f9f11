//! Files that people upload: the sources of templates (`templates.md` 1). All of them are tar archives; others are made into one before they
//! are kept.

use crate::Instant;
use crate::digest::Digest;
use crate::ids::{FileId, UserId};
use time::Duration;

/// Largest file, in bytes.
pub const FILE_MAX: u64 = 100 * 1024 * 1024;
/// A file is kept in pieces of this size, in bytes; the last one may be smaller.
pub const PIECE: usize = 1024 * 1024;
/// An upload that takes longer is given up.
pub const UPLOAD_WITHIN: Duration = Duration::HOUR;
/// For so long a file is kept that nothing refers to.
pub const UNUSED_KEPT: Duration = Duration::days(7);
/// Whose the files are that provisioner daemons upload.
pub const DAEMONS: UserId = UserId::NIL;

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its id.
    pub id: FileId,
    /// Whose it is.
    pub created_by: UserId,
    /// When it was uploaded first.
    pub created_at: Instant,
    /// The digest of its bytes: one user has the same bytes once.
    pub digest: Digest,
    /// How many bytes it has.
    pub size: u64,
}

impl File {
    /// In how many pieces it is kept.
    ///
    /// ```
    /// # use doorward_domain::{Digest, Instant, files::{File, PIECE}, ids::{FileId, UserId}};
    /// # let of = |size| File { id: FileId::NIL, created_by: UserId::NIL, created_at: Instant::UNIX_EPOCH, digest: Digest::of(""), size };
    /// assert_eq!((of(0).pieces(), of(1).pieces(), of(PIECE as u64).pieces(), of(PIECE as u64 + 1).pieces()), (0, 1, 1, 2));
    /// ```
    #[must_use]
    pub fn pieces(&self) -> i32 {
        i32::try_from(self.size.div_ceil(PIECE as u64)).unwrap_or(i32::MAX)
    }
}
