//! Copies of the metadata documents of clients.

use super::Conn;
use super::one_of::OneOf;
use crate::schema::{oauth2_apps, oauth2_client_documents};
use crate::touches::Touches;
use crate::types::{At, Id};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use doorward_domain::ids::AppId;
use doorward_domain::oauth2::{ClientUrl, DOCUMENT_BRAKE, DOCUMENTS_MAX, StoredDocument};
use doorward_domain::roles::{Permit, action, resource};
use doorward_ports::StoreError;
use doorward_ports::registrations::ClientDocumentRepository;

/// What a document changes of an app is written to the app.
const WHY: &str = "no remembered subject depends on the copy of a document";

/// The app of the document in the row around it.
macro_rules! its_app {
    () => {
        oauth2_apps::table.filter(oauth2_apps::id.eq(oauth2_client_documents::app_id)).select(oauth2_apps::id)
    };
}

/// What is written of a document in any case.
macro_rules! row_of {
    ($document:expr) => {
        (
            oauth2_client_documents::app_id.eq(Id($document.url.app_id())),
            oauth2_client_documents::url.eq($document.url.as_str()),
            oauth2_client_documents::body.eq(&$document.body),
            oauth2_client_documents::etag.eq(&$document.etag),
            oauth2_client_documents::fetched_at.eq(At($document.fetched_at)),
            oauth2_client_documents::fresh_until.eq(At($document.fresh_until)),
            oauth2_client_documents::retry_at.eq($document.retry_at.map(At)),
        )
    };
}

type DocumentRow = (String, String, Option<String>, At, At, Option<At>);

/// Of the copies whose app is not there, the newest stay.
fn trim(conn: &mut Conn) -> QueryResult<()> {
    let oldest_kept: Option<At> = oauth2_client_documents::table
        .filter(not(exists(its_app!())))
        .order(oauth2_client_documents::fetched_at.desc())
        .offset(i64::try_from(DOCUMENTS_MAX - 1).unwrap_or(i64::MAX))
        .select(oauth2_client_documents::fetched_at)
        .first(conn)
        .optional()?;
    if let Some(oldest) = oldest_kept {
        let rest = oauth2_client_documents::table
            .filter(oauth2_client_documents::fetched_at.lt(oldest))
            .filter(not(exists(its_app!())));
        diesel::delete(rest).execute(conn)?;
    }
    Ok(())
}

impl ClientDocumentRepository for UnitOfWork<'_, Conn> {
    fn list_urls(&mut self, apps: &[AppId]) -> Result<Vec<(AppId, ClientUrl)>, StoreError> {
        if apps.is_empty() {
            return Ok(Vec::new());
        }
        self.run(|conn| {
            let rows: Vec<(Id<AppId>, String)> = oauth2_client_documents::table
                .filter(OneOf::ids("oauth2_client_documents.app_id", apps.iter().copied()))
                .select((oauth2_client_documents::app_id, oauth2_client_documents::url))
                .order(oauth2_client_documents::app_id)
                .load(conn)?;
            Ok(rows.into_iter().map(|(Id(app), url)| (app, ClientUrl::from_storage(url))).collect())
        })
    }

    fn find(&mut self, app: AppId) -> Result<Option<StoredDocument>, StoreError> {
        self.run(|conn| {
            let row: Option<DocumentRow> = oauth2_client_documents::table
                .find(Id(app))
                .select((
                    oauth2_client_documents::url,
                    oauth2_client_documents::body,
                    oauth2_client_documents::etag,
                    oauth2_client_documents::fetched_at,
                    oauth2_client_documents::fresh_until,
                    oauth2_client_documents::retry_at,
                ))
                .get_result(conn)
                .optional()?;
            Ok(row.map(|(url, body, etag, At(fetched_at), At(fresh_until), retry_at)| StoredDocument {
                url: ClientUrl::from_storage(url),
                body,
                etag,
                fetched_at,
                fresh_until,
                retry_at: retry_at.map(|at| at.0),
            }))
        })
    }

    fn upsert(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        document: &StoredDocument,
    ) -> Result<(), StoreError> {
        self.write_all(permit, &permit.kind(), Touches::nobody(WHY), |conn| {
            diesel::insert_into(oauth2_client_documents::table)
                .values(row_of!(document))
                .on_conflict(oauth2_client_documents::app_id)
                .do_update()
                .set(row_of!(document))
                .execute(conn)?;
            trim(conn)?;
            Ok(())
        })
    }

    fn note_failure(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        failed: &StoredDocument,
    ) -> Result<(), StoreError> {
        self.write_all(permit, &permit.kind(), Touches::nobody(WHY), |conn| {
            // Those that may be asked for again and have no copy are of no use.
            let over = failed.retry_at.map(|at| At(at - DOCUMENT_BRAKE));
            let useless = oauth2_client_documents::table
                .filter(oauth2_client_documents::fetched_at.eq(At(failed.fetched_at)))
                .filter(oauth2_client_documents::body.eq(""))
                .filter(oauth2_client_documents::retry_at.le(over));
            diesel::delete(useless).execute(conn)?;
            diesel::insert_into(oauth2_client_documents::table)
                .values(row_of!(failed))
                .on_conflict(oauth2_client_documents::app_id)
                .do_update()
                .set(oauth2_client_documents::retry_at.eq(failed.retry_at.map(At)))
                .execute(conn)?;
            trim(conn)?;
            Ok(())
        })
    }
}
