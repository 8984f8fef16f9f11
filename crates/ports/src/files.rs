//! Files that people upload, in pieces.

use crate::StoreError;
use doorward_domain::files::File;
use doorward_domain::ids::{FileId, UserId};
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::templates::Template;
use doorward_domain::{Digest, Instant};

/// Stores files. A file arrives piece by piece, each in a transaction of its own, and is nobody's until it has [ended](Self::finish).
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait FileRepository {
    /// Begins an upload, which is given up at `expires_at`.
    fn begin(
        &mut self,
        permit: &Permit<action::Create, resource::File>,
        id: FileId,
        created_by: UserId,
        now: Instant,
        expires_at: Instant,
    ) -> Result<(), StoreError>;
    /// Adds a piece, the first of which has position 0. `false` when this user has no such upload (any more).
    fn append(
        &mut self,
        permit: &Permit<action::Create, resource::File>,
        id: FileId,
        created_by: UserId,
        position: i32,
        bytes: &[u8],
    ) -> Result<bool, StoreError>;
    /// Ends an upload: the file is there, until `expires_at` unless something refers to it by then. If its owner has the same bytes
    /// already, the upload goes and the file that was there stays so long. Answers the id of the file that is there; `None` when there is no
    /// such upload.
    fn finish(
        &mut self,
        permit: &Permit<action::Create, resource::File>,
        file: &File,
        expires_at: Instant,
    ) -> Result<Option<FileId>, StoreError>;
    /// Gives an upload up. `false` when this user has none of this id.
    fn abandon(
        &mut self,
        permit: &Permit<action::Create, resource::File>,
        id: FileId,
        created_by: UserId,
    ) -> Result<bool, StoreError>;
    /// The file with this id.
    fn find(&mut self, id: FileId) -> Result<Option<File>, StoreError>;
    /// The file of an owner that has this digest.
    fn find_by_digest(&mut self, created_by: UserId, digest: &Digest) -> Result<Option<File>, StoreError>;
    /// A piece of a file; `None` behind its end.
    fn piece(&mut self, id: FileId, position: i32) -> Result<Option<Vec<u8>>, StoreError>;
    /// The templates whose versions were made of a file; at most a hundred.
    fn templates_of(&mut self, id: FileId) -> Result<Vec<Template>, StoreError>;
}
