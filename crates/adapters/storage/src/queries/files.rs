//! Files in pieces.

use super::Conn;
use super::expiring::Expiring;
use crate::error::Error;
use crate::rows::{FileRow, TemplateRow};
use crate::schema::{file_pieces, files, template_versions, templates};
use crate::touches::Touches;
use crate::types::{At, Hash, Id};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::dsl::exists;
use diesel::prelude::*;
use doorward_domain::files::File;
use doorward_domain::ids::{FileId, UserId};
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::templates::Template;
use doorward_domain::{Digest, Instant};
use doorward_ports::StoreError;
use doorward_ports::files::FileRepository;

const NOBODY: &str = "subjects know no files";

/// Most templates of a file that are looked at.
const TEMPLATES_MAX: i64 = 100;

/// Uploads that were never ended, and files that nothing refers to.
pub(super) const EXPIRING: Expiring = Expiring::at("files", "id", "expires_at");

/// What a user has not finished yet.
macro_rules! upload {
    ($id:expr, $created_by:expr) => {
        files::table.find(Id($id)).filter(files::created_by.eq(Id($created_by))).filter(files::digest.is_null())
    };
}

impl FileRepository for UnitOfWork<'_, Conn> {
    fn begin(
        &mut self,
        permit: &Permit<action::Create, resource::File>,
        id: FileId,
        created_by: UserId,
        now: Instant,
        expires_at: Instant,
    ) -> Result<(), StoreError> {
        self.write(permit, &permit.kind().id(id.0).owner(created_by.0), Touches::nobody(NOBODY), |conn| {
            diesel::insert_into(files::table)
                .values((
                    files::id.eq(Id(id)),
                    files::created_by.eq(Id(created_by)),
                    files::created_at.eq(At(now)),
                    files::size.eq(0_i64),
                    files::expires_at.eq(At(expires_at)),
                ))
                .execute(conn)?;
            Ok(())
        })
    }

    fn append(
        &mut self,
        permit: &Permit<action::Create, resource::File>,
        id: FileId,
        created_by: UserId,
        position: i32,
        bytes: &[u8],
    ) -> Result<bool, StoreError> {
        let about = permit.kind().id(id.0).owner(created_by.0);
        self.write_all(permit, &about, Touches::nobody(NOBODY), |conn| {
            // Whoever gives it up meanwhile waits.
            let upload = upload!(id, created_by);
            let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
            if diesel::update(upload).set(files::size.eq(files::size + size)).execute(conn)? == 0 {
                return Ok(false);
            }
            diesel::insert_into(file_pieces::table)
                .values((
                    file_pieces::file_id.eq(Id(id)),
                    file_pieces::position.eq(position),
                    file_pieces::data.eq(bytes),
                ))
                .execute(conn)?;
            Ok(true)
        })
    }

    fn finish(
        &mut self,
        permit: &Permit<action::Create, resource::File>,
        file: &File,
        expires_at: Instant,
    ) -> Result<Option<FileId>, StoreError> {
        let about = permit.kind().id(file.id.0).owner(file.created_by.0);
        self.write_all(permit, &about, Touches::nobody(NOBODY), |conn| {
            let same = files::table
                .filter(files::created_by.eq(Id(file.created_by)))
                .filter(files::digest.eq(Hash(file.digest)));
            let upload = upload!(file.id, file.created_by);
            let known: Option<(Id<FileId>, Option<At>)> =
                row_lock!(same.select((files::id, files::expires_at)), for_no_key_update)
                    .get_result(conn)
                    .optional()?;
            if let Some((known, until)) = known {
                diesel::delete(upload).execute(conn)?;
                if until.is_some_and(|until| until.0 < expires_at) {
                    let known = files::table.find(known);
                    diesel::update(known).set(files::expires_at.eq(At(expires_at))).execute(conn)?;
                }
                return Ok(Some(known.0));
            }
            let finished = diesel::update(upload)
                .set((files::digest.eq(Hash(file.digest)), files::expires_at.eq(At(expires_at))))
                .execute(conn);
            Ok((finished? > 0).then_some(file.id))
        })
    }

    fn abandon(
        &mut self,
        permit: &Permit<action::Create, resource::File>,
        id: FileId,
        created_by: UserId,
    ) -> Result<bool, StoreError> {
        let about = permit.kind().id(id.0).owner(created_by.0);
        self.write(permit, &about, Touches::nobody(NOBODY), |conn| {
            Ok(diesel::delete(upload!(id, created_by)).execute(conn)? > 0)
        })
    }

    fn find(&mut self, id: FileId) -> Result<Option<File>, StoreError> {
        self.run(|conn| {
            let file = files::table.find(Id(id)).filter(files::digest.is_not_null()).select(FileRow::as_select());
            let row: Option<FileRow> = file.get_result(conn).optional()?;
            Ok(row.map(File::try_from).transpose()?)
        })
    }

    fn find_by_digest(&mut self, created_by: UserId, digest: &Digest) -> Result<Option<File>, StoreError> {
        self.run(|conn| {
            let file = files::table
                .filter(files::created_by.eq(Id(created_by)))
                .filter(files::digest.eq(Hash(*digest)))
                .select(FileRow::as_select());
            let row: Option<FileRow> = file.get_result(conn).optional()?;
            Ok(row.map(File::try_from).transpose()?)
        })
    }

    fn piece(&mut self, id: FileId, position: i32) -> Result<Option<Vec<u8>>, StoreError> {
        self.run(|conn| {
            let piece = file_pieces::table.find((Id(id), position)).select(file_pieces::data);
            Ok(piece.get_result(conn).optional()?)
        })
    }

    fn templates_of(&mut self, id: FileId) -> Result<Vec<Template>, StoreError> {
        self.run(|conn| {
            let versions = template_versions::table
                .filter(template_versions::file_id.eq(Id(id)))
                .filter(template_versions::template_id.eq(templates::id.nullable()));
            let rows: Result<Vec<TemplateRow>, Error> = templates::table
                .filter(exists(versions))
                .order(templates::id)
                .limit(TEMPLATES_MAX)
                .select(TemplateRow::as_select())
                .load(conn)
                .map_err(Error::from);
            Ok(rows?.into_iter().map(Template::from).collect())
        })
    }
}
