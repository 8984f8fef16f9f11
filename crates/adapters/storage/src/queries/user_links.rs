//! Accounts at identity providers.

use super::Conn;
use crate::rows::{UserLinkRow, entities};
use crate::schema::{organization_members, user_links};
use crate::touches::Touches;
use crate::types::{self, Id, Json};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};
use doorward_domain::idp_sync::SyncClaims;
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::user_links::UserLink;
use doorward_domain::users::LoginType;
use doorward_ports::StoreError;
use doorward_ports::user_links::{ClaimsPage, UserLinkRepository};
use serde_json::{Map, Value};

const WHY: &str = "no permission depends on how a user signs in";

impl UserLinkRepository for UnitOfWork<'_, Conn> {
    fn find(&mut self, issuers: &[String], subject: &str) -> Result<Option<UserLink>, StoreError> {
        self.run(|conn| {
            let rows = user_links::table
                .filter(user_links::issuer.eq_any(issuers))
                .filter(user_links::subject.eq(subject))
                .select(UserLinkRow::as_select())
                .load(conn)?;
            let links: Vec<UserLink> = entities(rows)?;
            Ok(links.into_iter().min_by_key(|link| issuers.iter().position(|issuer| *issuer == link.issuer)))
        })
    }

    fn list_claims(
        &mut self,
        organization: Option<OrganizationId>,
        longest: u32,
        offset: u32,
        limit: u32,
    ) -> Result<ClaimsPage, StoreError> {
        self.run(|conn| {
            let mut query = user_links::table.filter(user_links::login_type.eq(LoginType::Oidc.as_str())).into_boxed();
            if let Some(organization) = organization {
                let members = organization_members::table
                    .filter(organization_members::organization_id.eq(Id(organization)))
                    .select(organization_members::user_id);
                query = query.filter(user_links::user_id.eq_any(members));
            }
            let short = sql::<Nullable<types::sql::Json>>("CASE WHEN length(CAST(user_links.claims AS text)) <= ")
                .bind::<BigInt, _>(i64::from(longest))
                .sql(" THEN user_links.claims END");
            let rows: Vec<Option<Json<Map<String, Value>>>> = query
                .order((user_links::updated_at.desc(), user_links::issuer.desc(), user_links::subject.desc()))
                .limit(i64::from(limit))
                .offset(i64::from(offset))
                .select(short)
                .load(conn)?;
            let is_full = u32::try_from(rows.len()).is_ok_and(|rows| rows >= limit);
            Ok(ClaimsPage {
                claims: rows.into_iter().flatten().map(|Json(claims)| SyncClaims::new(claims)).collect(),
                is_full,
            })
        })
    }

    fn list_of_user(&mut self, user: UserId) -> Result<Vec<UserLink>, StoreError> {
        self.run(|conn| {
            let rows = user_links::table
                .filter(user_links::user_id.eq(Id(user)))
                .order((user_links::created_at, user_links::issuer))
                .select(UserLinkRow::as_select())
                .load(conn)?;
            Ok(entities(rows)?)
        })
    }

    fn insert(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        link: &UserLink,
    ) -> Result<(), StoreError> {
        let target = permit.kind().id(link.user_id.0).owner(link.user_id.0);
        self.write(permit, &target, Touches::nobody(WHY), |conn| {
            diesel::insert_into(user_links::table).values(UserLinkRow::from(link)).execute(conn)?;
            Ok(())
        })
    }

    fn update(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        link: &UserLink,
    ) -> Result<bool, StoreError> {
        let target = permit.kind().id(link.user_id.0).owner(link.user_id.0);
        self.write(permit, &target, Touches::nobody(WHY), |conn| {
            let row = UserLinkRow::from(link);
            let changed = diesel::update(user_links::table.find((&link.issuer, &link.subject)))
                .filter(user_links::user_id.eq(Id(link.user_id)))
                .set((
                    user_links::provider.eq(row.provider),
                    user_links::is_main.eq(row.is_main),
                    user_links::email_verified.eq(row.email_verified),
                    user_links::claims.eq(row.claims),
                    user_links::updated_at.eq(row.updated_at),
                ))
                .execute(conn)?;
            Ok(changed > 0)
        })
    }

    fn delete(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        user: UserId,
        issuer: &str,
        subject: &str,
    ) -> Result<bool, StoreError> {
        let target = permit.kind().id(user.0).owner(user.0);
        self.write(permit, &target, Touches::nobody(WHY), |conn| {
            let link = user_links::table.find((issuer, subject)).filter(user_links::user_id.eq(Id(user)));
            Ok(diesel::delete(link).execute(conn)? > 0)
        })
    }
}
