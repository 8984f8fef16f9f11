//! Provisioner daemons and their keys.

use super::Conn;
use super::expiring::Expiring;
use super::one_of::OneOf;
use crate::rows::{ProvisionerDaemonRow, ProvisionerKeyRow, entities};
use crate::schema::{organizations, provisioner_daemons, provisioner_keys};
use crate::touches::Touches;
use crate::types::{At, Hash, Id, sql};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::dsl::{case_when, not};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Text};
use diesel::upsert::excluded;
use doorward_domain::ids::{OrganizationId, ProvisionerDaemonId, ProvisionerKeyId};
use doorward_domain::provisioners::{KEPT, ProvisionerDaemon, ProvisionerKey};
use doorward_domain::roles::{Object, Permit, action, resource};
use doorward_domain::{Digest, Instant};
use doorward_ports::StoreError;
use doorward_ports::provisioners::{DaemonFilter, ProvisionerDaemonRepository, ProvisionerKeyRepository};
use uuid::Uuid;

type Backend = <Conn as Connection>::Backend;

/// Subjects are users.
const NOBODY: &str = "no remembered subject depends on daemons";

/// Daemons that were not seen for long are forgotten.
pub(super) const EXPIRING: Expiring = Expiring::after("provisioner_daemons", "id", "last_seen_at", KEPT);

/// Forgets the daemons of an owner but those that were seen last. Written out, for diesel knows no table twice in one statement.
#[derive(Debug)]
struct MakeRoom<'a> {
    organization: Id<OrganizationId>,
    owner: &'a str,
    most: i64,
    seen_since: At,
}

impl QueryId for MakeRoom<'_> {
    type QueryId = MakeRoom<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl RunQueryDsl<Conn> for MakeRoom<'_> {}

impl QueryFragment<Backend> for MakeRoom<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql(
            "DELETE FROM provisioner_daemons WHERE id IN (SELECT id FROM provisioner_daemons WHERE organization_id = ",
        );
        out.push_bind_param::<sql::Uuid, Id<OrganizationId>>(&self.organization)?;
        out.push_sql(" AND owner = ");
        out.push_bind_param::<Text, str>(self.owner)?;
        // The limit is none, which not every database can do without beside an offset.
        out.push_sql(" ORDER BY last_seen_at DESC, id DESC LIMIT 9223372036854775807 OFFSET ");
        out.push_bind_param::<BigInt, i64>(&self.most)?;
        out.push_sql(") AND last_seen_at < ");
        out.push_bind_param::<sql::Instant, At>(&self.seen_since)
    }
}

impl ProvisionerKeyRepository for UnitOfWork<'_, Conn> {
    fn list(&mut self, organization: OrganizationId) -> Result<Vec<ProvisionerKey>, StoreError> {
        self.run(|conn| {
            let rows: Vec<ProvisionerKeyRow> = provisioner_keys::table
                .filter(provisioner_keys::organization_id.eq(Id(organization)))
                .order((provisioner_keys::created_at, provisioner_keys::id))
                .select(ProvisionerKeyRow::as_select())
                .load(conn)?;
            Ok(rows.into_iter().map(ProvisionerKey::from).collect())
        })
    }

    fn find_by_digest(&mut self, digest: &Digest) -> Result<Option<ProvisionerKey>, StoreError> {
        self.run(|conn| {
            let row: Option<ProvisionerKeyRow> = provisioner_keys::table
                .inner_join(organizations::table.on(organizations::id.eq(provisioner_keys::organization_id)))
                .filter(provisioner_keys::digest.eq(Hash(*digest)))
                .filter(not(organizations::deleted))
                .select(ProvisionerKeyRow::as_select())
                .get_result(conn)
                .optional()?;
            Ok(row.map(ProvisionerKey::from))
        })
    }

    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::ProvisionerDaemon>,
        key: &ProvisionerKey,
    ) -> Result<(), StoreError> {
        let about = permit.kind().organization(key.organization_id.0);
        self.write(permit, &about, Touches::nobody(NOBODY), |conn| {
            diesel::insert_into(provisioner_keys::table).values(ProvisionerKeyRow::from(key)).execute(conn)?;
            Ok(())
        })
    }

    fn delete(
        &mut self,
        permit: &Permit<action::Delete, resource::ProvisionerDaemon>,
        organization: OrganizationId,
        id: ProvisionerKeyId,
    ) -> Result<bool, StoreError> {
        let about = permit.kind().organization(organization.0);
        self.write_all(permit, &about, Touches::nobody(NOBODY), |conn| {
            let key =
                provisioner_keys::table.find(Id(id)).filter(provisioner_keys::organization_id.eq(Id(organization)));
            let is_deleted = diesel::delete(key).execute(conn)? > 0;
            if is_deleted {
                let daemons = provisioner_daemons::table.filter(provisioner_daemons::key_id.eq(Id(id)));
                diesel::delete(daemons).execute(conn)?;
            }
            Ok(is_deleted)
        })
    }
}

impl ProvisionerDaemonRepository for UnitOfWork<'_, Conn> {
    fn list(
        &mut self,
        organization: OrganizationId,
        filter: &DaemonFilter,
    ) -> Result<Vec<ProvisionerDaemon>, StoreError> {
        self.run(|conn| {
            let mut query = provisioner_daemons::table
                .filter(provisioner_daemons::organization_id.eq(Id(organization)))
                .order((provisioner_daemons::created_at.desc(), provisioner_daemons::id.desc()))
                .select(ProvisionerDaemonRow::as_select())
                .into_boxed();
            if let Some(ids) = &filter.ids {
                query = query.filter(OneOf::ids("provisioner_daemons.id", ids.iter().copied()));
            }
            if let Some(since) = filter.seen_since {
                query = query.filter(provisioner_daemons::last_seen_at.ge(At(since)));
            }
            Ok(entities(query.load(conn)?)?)
        })
    }

    fn list_seen(&mut self, since: Instant, limit: u32) -> Result<Vec<ProvisionerDaemon>, StoreError> {
        self.run(|conn| {
            let rows: Vec<ProvisionerDaemonRow> = provisioner_daemons::table
                .filter(provisioner_daemons::last_seen_at.ge(At(since)))
                .order((provisioner_daemons::created_at.desc(), provisioner_daemons::id.desc()))
                .limit(i64::from(limit))
                .select(ProvisionerDaemonRow::as_select())
                .load(conn)?;
            Ok(entities(rows)?)
        })
    }

    fn count(&mut self, organization: OrganizationId, owner: &str) -> Result<i64, StoreError> {
        self.run(|conn| {
            let of_owner = provisioner_daemons::table
                .filter(provisioner_daemons::organization_id.eq(Id(organization)))
                .filter(provisioner_daemons::owner.eq(owner));
            Ok(of_owner.count().get_result(conn)?)
        })
    }

    fn upsert(
        &mut self,
        permit: &Permit<action::Create, resource::ProvisionerDaemon>,
        daemon: &ProvisionerDaemon,
    ) -> Result<ProvisionerDaemon, StoreError> {
        self.write(permit, &object(daemon), Touches::nobody(NOBODY), |conn| {
            let row: ProvisionerDaemonRow = diesel::insert_into(provisioner_daemons::table)
                .values(ProvisionerDaemonRow::from(daemon))
                .on_conflict((
                    provisioner_daemons::organization_id,
                    provisioner_daemons::name,
                    provisioner_daemons::owner,
                ))
                .do_update()
                .set((
                    provisioner_daemons::key_id.eq(excluded(provisioner_daemons::key_id)),
                    provisioner_daemons::last_seen_at.eq(excluded(provisioner_daemons::last_seen_at)),
                    provisioner_daemons::version.eq(excluded(provisioner_daemons::version)),
                    provisioner_daemons::api_version.eq(excluded(provisioner_daemons::api_version)),
                    provisioner_daemons::provisioners.eq(excluded(provisioner_daemons::provisioners)),
                    provisioner_daemons::tags.eq(excluded(provisioner_daemons::tags)),
                ))
                .returning(ProvisionerDaemonRow::as_returning())
                .get_result(conn)?;
            Ok(row.try_into()?)
        })
    }

    fn make_room(
        &mut self,
        permit: &Permit<action::Delete, resource::ProvisionerDaemon>,
        organization: OrganizationId,
        owner: &str,
        most: i64,
        seen_since: Instant,
    ) -> Result<i64, StoreError> {
        let object = of_owner(organization, owner);
        self.write(permit, &object, Touches::nobody(NOBODY), |conn| {
            let room = MakeRoom { organization: Id(organization), owner, most, seen_since: At(seen_since) };
            Ok(i64::try_from(room.execute(conn)?).unwrap_or(i64::MAX))
        })
    }

    fn touch(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        id: ProvisionerDaemonId,
        now: Instant,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            let later = case_when(provisioner_daemons::last_seen_at.lt(At(now)), At(now).into_sql::<sql::Instant>())
                .otherwise(provisioner_daemons::last_seen_at);
            let daemon = provisioner_daemons::table.find(Id(id));
            Ok(diesel::update(daemon).set(provisioner_daemons::last_seen_at.eq(later)).execute(conn)? > 0)
        })
    }
}

/// A daemon as access control knows it: one of a user is owned by that user.
fn object(daemon: &ProvisionerDaemon) -> Object<'static> {
    of_owner(daemon.organization_id, if daemon.tags.is_for_user() { daemon.tags.owner() } else { "" })
}

/// Daemons of an organization with this owner, if it is a user.
fn of_owner(organization: OrganizationId, owner: &str) -> Object<'static> {
    let object = Object::of::<resource::ProvisionerDaemon>().organization(organization.0);
    match Uuid::parse_str(owner) {
        Ok(owner) => object.owner(owner),
        Err(_) => object,
    }
}
