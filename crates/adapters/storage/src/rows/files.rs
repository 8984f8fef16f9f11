use crate::error::RowError;
use crate::schema::files;
use crate::types::{At, Hash, Id};
use diesel::prelude::*;
use doorward_domain::files::File;
use doorward_domain::ids::{FileId, UserId};

/// A file that is there: whoever reads one leaves out uploads.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = files)]
pub(crate) struct FileRow {
    id: Id<FileId>,
    created_by: Id<UserId>,
    created_at: At,
    digest: Option<Hash>,
    size: i64,
}

impl TryFrom<FileRow> for File {
    type Error = RowError;

    fn try_from(row: FileRow) -> Result<Self, RowError> {
        let bad = |column| RowError::new("files", column, row.id.0);
        Ok(Self {
            digest: row.digest.ok_or_else(|| bad("digest"))?.0,
            size: u64::try_from(row.size).map_err(|cause| bad("size").because(cause))?,
            id: row.id.0,
            created_by: row.created_by.0,
            created_at: row.created_at.0,
        })
    }
}
