//! Sets of keys of clients that were fetched.

use super::Conn;
use super::expiring::Expiring;
use crate::schema::client_key_sets as sets;
use crate::touches::Touches;
use crate::types::{At, Hash};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::prelude::*;
use diesel::query_dsl::methods::FilterDsl as _;
use diesel::upsert::excluded;
use doorward_domain::Digest;
use doorward_domain::oauth2::{CLIENT_KEYS_KEPT, StoredKeySet};
use doorward_domain::roles::{Permit, action, resource};
use doorward_ports::StoreError;
use doorward_ports::oauth2::ClientKeyRepository;

/// After that they are good for nothing.
pub(super) const EXPIRING: Expiring = Expiring::after("client_key_sets", "url_digest", "fetched_at", CLIENT_KEYS_KEPT);

const NOBODY: &str = "no remembered subject depends on the keys of a client";

/// Where from, the document, when it was fetched, until when it is fresh, and when it is to be fetched again after a failure.
type KeptRow = (String, Vec<u8>, At, At, Option<At>);

impl ClientKeyRepository for UnitOfWork<'_, Conn> {
    fn find(&mut self, url: &str) -> Result<Option<StoredKeySet>, StoreError> {
        self.run(|conn| {
            let row = sets::table.find(Hash(Digest::of(url))).select((
                sets::url,
                sets::body,
                sets::fetched_at,
                sets::fresh_until,
                sets::again_at,
            ));
            let found: Option<KeptRow> = row.get_result(conn).optional()?;
            Ok(found.map(|(url, body, At(fetched_at), At(fresh_until), again_at)| StoredKeySet {
                url,
                body,
                fetched_at,
                fresh_until,
                again_at: again_at.map(|at| at.0),
            }))
        })
    }

    fn upsert(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        set: &StoredKeySet,
    ) -> Result<(), StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            diesel::insert_into(sets::table)
                .values((
                    sets::url_digest.eq(Hash(Digest::of(&set.url))),
                    sets::url.eq(&set.url),
                    sets::body.eq(&set.body),
                    sets::fetched_at.eq(At(set.fetched_at)),
                    sets::fresh_until.eq(At(set.fresh_until)),
                    sets::again_at.eq(set.again_at.map(At)),
                ))
                .on_conflict(sets::url_digest)
                .do_update()
                .set((
                    sets::body.eq(excluded(sets::body)),
                    sets::fetched_at.eq(excluded(sets::fetched_at)),
                    sets::fresh_until.eq(excluded(sets::fresh_until)),
                    sets::again_at.eq(excluded(sets::again_at)),
                ))
                .filter(sets::fetched_at.le(excluded(sets::fetched_at)))
                .execute(conn)?;
            Ok(())
        })
    }
}
