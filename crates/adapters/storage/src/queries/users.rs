//! Users.

use super::advisory::Advisory;
use super::has_address::HasAddress;
use super::one_of::OneOf;
use super::sessions::end_all;
use super::user_lists::{countable, matching, position};
use super::{Conn, counts, filters, locks};
use crate::error::Error;
use crate::rows::{UserRow, entities};
use crate::schema::{
    group_members, inbox_notifications, known_devices, notification_deliveries, notification_preferences,
    organization_members, scim_users, signin_places, sync_log, user_links, users,
};
use crate::touches::Touches;
use crate::types::{At, Id, Json};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::dsl::{case_when, exists, not};
use diesel::prelude::*;
use diesel::sql_types::Text;
use doorward_domain::Instant;
use doorward_domain::ids::{GroupId, UserId};
use doorward_domain::names::{self, Email, RealName, Username};
use doorward_domain::page::Page;
use doorward_domain::roles::{ListFilter, OWNER, Permit, RoleNames, action, resource};
use doorward_domain::users::{LoginType, PasswordHash, User, UserFilter, UserStatus};
use doorward_ports::users::{UserPage, UserRepository};
use doorward_ports::{Conflict, StoreError};

/// A user that is not deleted, for changing it.
macro_rules! living {
    ($id:expr) => {
        users::table.find(Id($id)).filter(not(users::deleted))
    };
}

impl UserRepository for UnitOfWork<'_, Conn> {
    fn any_exists(&mut self) -> Result<bool, StoreError> {
        self.run(|conn| Ok(any_exists(conn)?))
    }

    fn find(&mut self, id: UserId) -> Result<Option<User>, StoreError> {
        self.run(|conn| {
            let row = users::table.find(Id(id)).select(UserRow::as_select()).get_result(conn).optional()?;
            Ok(row.map(User::try_from).transpose()?)
        })
    }

    fn find_for_update(&mut self, id: UserId) -> Result<Option<User>, StoreError> {
        self.run(|conn| Ok(locks::user_for_update(conn, id)?.map(User::try_from).transpose()?))
    }

    fn find_for_share(&mut self, id: UserId) -> Result<Option<User>, StoreError> {
        self.run(|conn| Ok(locks::user_for_share(conn, id)?.map(User::try_from).transpose()?))
    }

    fn is_last_owner(&mut self, id: UserId) -> Result<bool, StoreError> {
        self.run(|conn| {
            let user = users::table.find(Id(id)).select(UserRow::as_select()).get_result(conn).optional()?;
            let user = user.map(User::try_from).transpose()?;
            Ok(user.is_some_and(|user| user.is_active_owner()) && !is_owner_besides(conn, id)?)
        })
    }

    fn is_last_owner_for_update(&mut self, id: UserId) -> Result<bool, StoreError> {
        self.run(|conn| is_last_owner(conn, id))
    }

    fn find_by_username(&mut self, username: &str) -> Result<Option<User>, StoreError> {
        self.run(|conn| {
            let row = users::table
                .filter(users::username_key.eq(names::key(username)))
                .filter(not(users::deleted))
                .select(UserRow::as_select())
                .get_result(conn)
                .optional()?;
            Ok(row.map(User::try_from).transpose()?)
        })
    }

    fn find_by_email(&mut self, email: &str) -> Result<Option<User>, StoreError> {
        self.run(|conn| {
            let row = users::table
                .filter(users::email_key.eq(names::key(email)))
                .filter(not(users::deleted))
                // The condition of the index, word for word; nobody is found by the empty address of service accounts.
                .filter(HasAddress)
                .select(UserRow::as_select())
                .get_result(conn)
                .optional()?;
            Ok(row.map(User::try_from).transpose()?)
        })
    }

    fn find_deleted(&mut self, name_or_email: &str) -> Result<Option<User>, StoreError> {
        let key = names::key(name_or_email);
        self.run(|conn| {
            let row = users::table
                .filter(users::deleted)
                .filter(users::username_key.eq(&key).or(users::email_key.eq(&key)))
                .order((users::updated_at.desc(), users::id.desc()))
                .select(UserRow::as_select())
                .first(conn)
                .optional()?;
            Ok(row.map(User::try_from).transpose()?)
        })
    }

    fn list_by_id(&mut self, ids: &[UserId]) -> Result<Vec<User>, StoreError> {
        self.run(|conn| {
            let rows = users::table
                .filter(OneOf::ids("users.id", ids.iter().copied()))
                .order((users::username_key, users::id))
                .select(UserRow::as_select())
                .load(conn)?;
            Ok(entities(rows)?)
        })
    }

    fn list_group_ids(&mut self, id: UserId) -> Result<Vec<GroupId>, StoreError> {
        self.run(|conn| {
            let groups = group_members::table
                .filter(group_members::user_id.eq(Id(id)))
                .order(group_members::group_id)
                .select(group_members::group_id)
                .load::<Id<GroupId>>(conn)?;
            Ok(groups.into_iter().map(|id| id.0).collect())
        })
    }

    fn list_group_ids_of(&mut self, ids: &[UserId]) -> Result<Vec<(UserId, GroupId)>, StoreError> {
        self.run(|conn| {
            let rows = group_members::table
                .filter(OneOf::ids("group_members.user_id", ids.iter().copied()))
                .order((group_members::user_id, group_members::group_id))
                .select((group_members::user_id, group_members::group_id))
                .load::<(Id<UserId>, Id<GroupId>)>(conn)?;
            Ok(rows.into_iter().map(|(user, group)| (user.0, group.0)).collect())
        })
    }

    fn list(&mut self, filter: &UserFilter, visible: &ListFilter, page: Page) -> Result<UserPage, StoreError> {
        self.run(|conn| {
            let after = match page.after_id {
                None => None,
                Some(id) => match position(conn, id)? {
                    Some(key) => Some(key),
                    None => return Ok(UserPage::default()),
                },
            };
            let Some(count) = matching(filter, visible, after.as_deref()) else { return Ok(UserPage::default()) };
            let Some(rows) = matching(filter, visible, after.as_deref()) else { return Ok(UserPage::default()) };
            let mut rows = rows.order((users::username_key, users::id)).offset(page.offset.into());
            // SQLite takes no offset without a limit.
            rows = rows.limit(page.limit.map_or(i64::MAX, i64::from));
            let rows: Vec<UserRow> = rows.select(UserRow::as_select()).load(conn)?;
            if rows.is_empty() {
                return Ok(UserPage::default());
            }
            let count = match countable(filter, visible) {
                Some(statuses) => counts::following(conn, after.as_deref(), statuses)?,
                None => count.count().get_result(conn)?,
            };
            Ok(UserPage { users: entities(rows)?, count: u64::try_from(count).unwrap_or(0) })
        })
    }

    fn insert(&mut self, permit: &Permit<action::Create, resource::User>, user: &User) -> Result<(), StoreError> {
        self.write(
            permit,
            &permit.kind().id(user.id.0).owner(user.id.0),
            Touches::nobody("nobody has been this user yet"),
            |conn| {
                diesel::insert_into(users::table).values(UserRow::from(user)).execute(conn)?;
                Ok(())
            },
        )
    }

    fn insert_first(&mut self, permit: &Permit<action::Create, resource::User>, user: &User) -> Result<(), StoreError> {
        self.write_all(
            permit,
            &permit.kind().id(user.id.0).owner(user.id.0),
            Touches::nobody("nobody has been this user yet"),
            |conn| {
                Advisory::FirstUser.lock(conn)?;
                if any_exists(conn)? {
                    return Err(Error::Conflict(Conflict::FirstUser));
                }
                diesel::insert_into(users::table).values(UserRow::from(user)).execute(conn)?;
                Ok(())
            },
        )
    }

    fn update_profile(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        id: UserId,
        username: &Username,
        name: &RealName,
        now: Instant,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind().id(id.0).owner(id.0), Touches::user(id), |conn| {
            let changed = diesel::update(living!(id))
                .set((
                    users::username.eq(username.as_str()),
                    users::username_key.eq(username.key()),
                    users::name.eq(name.as_str()),
                    users::updated_at.eq(At(now)),
                ))
                .execute(conn)?;
            Ok(changed > 0)
        })
    }

    fn update_contact(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        id: UserId,
        email: &Email,
        name: &RealName,
        avatar_url: &str,
        now: Instant,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind().id(id.0).owner(id.0), Touches::user(id), |conn| {
            let changed = diesel::update(living!(id))
                .set((
                    users::email.eq(email.as_str()),
                    users::email_key.eq(email.key()),
                    users::name.eq(name.as_str()),
                    users::avatar_url.eq(avatar_url),
                    users::updated_at.eq(At(now)),
                ))
                .execute(conn)?;
            Ok(changed > 0)
        })
    }

    fn update_login_type(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        id: UserId,
        login_type: LoginType,
        now: Instant,
    ) -> Result<bool, StoreError> {
        self.write_all(permit, &permit.kind().id(id.0).owner(id.0), Touches::user(id), |conn| {
            let changed = diesel::update(living!(id))
                .filter(users::login_type.ne(login_type.as_str()))
                .set((
                    users::login_type.eq(login_type.as_str()),
                    users::password_hash.eq(None::<String>),
                    users::updated_at.eq(At(now)),
                ))
                .execute(conn)?;
            if changed > 0 {
                end_all(conn, id)?;
            }
            Ok(changed > 0)
        })
    }

    fn follow_login_type(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        id: UserId,
        login_type: LoginType,
        now: Instant,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind().id(id.0).owner(id.0), Touches::user(id), |conn| {
            let changed = diesel::update(living!(id))
                .filter(users::login_type.ne(login_type.as_str()))
                .set((users::login_type.eq(login_type.as_str()), users::updated_at.eq(At(now))))
                .execute(conn)?;
            Ok(changed > 0)
        })
    }

    fn update_appearance(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        id: UserId,
        theme_preference: &str,
        terminal_font: &str,
        now: Instant,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind().id(id.0).owner(id.0), Touches::user(id), |conn| {
            let changed = diesel::update(living!(id))
                .set((
                    users::theme_preference.eq(theme_preference),
                    users::terminal_font.eq(terminal_font),
                    users::updated_at.eq(At(now)),
                ))
                .execute(conn)?;
            Ok(changed > 0)
        })
    }

    fn update_password(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        id: UserId,
        hash: &PasswordHash,
        now: Instant,
    ) -> Result<bool, StoreError> {
        self.write_all(permit, &permit.kind().id(id.0).owner(id.0), Touches::user(id), |conn| {
            let changed = diesel::update(living!(id))
                .filter(users::login_type.eq(LoginType::Password.as_str()))
                .set((users::password_hash.eq(Some(hash.expose())), users::updated_at.eq(At(now))))
                .execute(conn)?;
            if changed > 0 {
                end_all(conn, id)?;
            }
            Ok(changed > 0)
        })
    }

    fn update_status(
        &mut self,
        permit: &Permit<action::Update, resource::User>,
        id: UserId,
        status: UserStatus,
        now: Instant,
    ) -> Result<bool, StoreError> {
        let suspended = UserStatus::Suspended;
        self.write_all(permit, &permit.kind().id(id.0).owner(id.0), Touches::user(id), |conn| {
            if status != UserStatus::Active {
                keep_an_owner_besides(conn, id)?;
            }
            let woken = diesel::update(living!(id).filter(users::status.eq(suspended.as_str())))
                .set((users::status.eq(status.as_str()), users::updated_at.eq(At(now))))
                .execute(conn)?;
            let changed = woken > 0
                || diesel::update(living!(id))
                    .set((users::status.eq(status.as_str()), users::updated_at.eq(At(now))))
                    .execute(conn)?
                    > 0;
            // What was made at the very moment of a suspension must not wake with the user.
            if changed && (woken > 0 || status == suspended) {
                end_all(conn, id)?;
            }
            Ok(changed)
        })
    }

    fn update_roles(
        &mut self,
        permit: &Permit<action::Assign, resource::AssignRole>,
        id: UserId,
        roles: &RoleNames,
        now: Instant,
    ) -> Result<bool, StoreError> {
        self.write_all(permit, &permit.kind(), Touches::user(id), |conn| {
            if !roles.contains(OWNER) {
                keep_an_owner_besides(conn, id)?;
            }
            let changed = diesel::update(living!(id))
                .set((users::roles.eq(Json(roles.as_slice())), users::updated_at.eq(At(now))))
                .execute(conn)?;
            Ok(changed > 0)
        })
    }

    fn delete(
        &mut self,
        permit: &Permit<action::Delete, resource::User>,
        id: UserId,
        now: Instant,
    ) -> Result<bool, StoreError> {
        self.write_all(permit, &permit.kind().id(id.0).owner(id.0), Touches::user(id), |conn| {
            keep_an_owner_besides(conn, id)?;
            // From here on nobody makes the user a member, who counts as one as long as there are memberships: those that
            // others add to groups at this moment are counted off with the rest.
            let changed = diesel::update(living!(id)).set(users::updated_at.eq(At(now))).execute(conn)?;
            if changed > 0 {
                end_all(conn, id)?;
                let memberships = organization_members::table.filter(organization_members::user_id.eq(Id(id)));
                diesel::delete(memberships).execute(conn)?;
                diesel::delete(group_members::table.filter(group_members::user_id.eq(Id(id)))).execute(conn)?;
                diesel::delete(signin_places::table.filter(signin_places::user_id.eq(Id(id)))).execute(conn)?;
                diesel::delete(sync_log::table.filter(sync_log::user_id.eq(Id(id)))).execute(conn)?;
                diesel::delete(user_links::table.filter(user_links::user_id.eq(Id(id)))).execute(conn)?;
                diesel::delete(scim_users::table.filter(scim_users::user_id.eq(Id(id)))).execute(conn)?;
                forget_notifications(conn, id)?;
                diesel::update(living!(id)).set(users::deleted.eq(true)).execute(conn)?;
            }
            Ok(changed > 0)
        })
    }

    fn touch(
        &mut self,
        permit: &Permit<action::Update, resource::User>,
        id: UserId,
        now: Instant,
    ) -> Result<(), StoreError> {
        self.write(permit, &permit.kind().id(id.0).owner(id.0), Touches::user(id), |conn| {
            let dormant = users::status.eq(UserStatus::Dormant.as_str());
            let active = UserStatus::Active.as_str().into_sql::<Text>();
            diesel::update(living!(id))
                .set((
                    users::last_seen_at.eq(Some(At(now))),
                    users::updated_at.eq(At(now)),
                    users::status.eq(case_when(dormant, active).otherwise(users::status)),
                ))
                .execute(conn)?;
            Ok(())
        })
    }
}

/// Removes what a user is to be told, was told and wants to be told, the devices and the second factors.
fn forget_notifications(conn: &mut Conn, id: UserId) -> QueryResult<()> {
    let on_their_way = notification_deliveries::table.filter(notification_deliveries::user_id.eq(Id(id)));
    diesel::delete(on_their_way).execute(conn)?;
    diesel::delete(inbox_notifications::table.filter(inbox_notifications::user_id.eq(Id(id)))).execute(conn)?;
    let preferences = notification_preferences::table.filter(notification_preferences::user_id.eq(Id(id)));
    diesel::delete(preferences).execute(conn)?;
    diesel::delete(known_devices::table.filter(known_devices::user_id.eq(Id(id)))).execute(conn)?;
    super::factors::forget(conn, id)?;
    Ok(())
}

fn any_exists(conn: &mut Conn) -> QueryResult<bool> {
    diesel::select(exists(users::table.filter(not(users::is_system)))).get_result(conn)
}

/// Refuses to end the last active owner. Until the transaction ends, nobody else ends owners.
fn keep_an_owner_besides(conn: &mut Conn, id: UserId) -> Result<(), Error> {
    if is_last_owner(conn, id)? { Err(Error::Conflict(Conflict::LastOwner)) } else { Ok(()) }
}

/// Whether this is the last active owner. Until the transaction ends, nobody else ends owners.
fn is_last_owner(conn: &mut Conn, id: UserId) -> Result<bool, Error> {
    let Some(user) = locks::user_for_update(conn, id)?.map(User::try_from).transpose()? else { return Ok(false) };
    if !user.is_active_owner() {
        return Ok(false);
    }
    Advisory::Owners.lock(conn)?;
    Ok(!is_owner_besides(conn, id)?)
}

/// Whether there is another active owner.
fn is_owner_besides(conn: &mut Conn, id: UserId) -> QueryResult<bool> {
    let owner = [OWNER.to_owned()];
    let others = users::table
        .filter(users::id.ne(Id(id)))
        .filter(not(users::deleted))
        .filter(not(users::is_system))
        .filter(users::status.eq(UserStatus::Active.as_str()))
        // Nobody signs in as such an account, so it cannot look after the server.
        .filter(users::login_type.ne(LoginType::None.as_str()))
        .filter(filters::holds_any_role(&owner));
    diesel::select(exists(others)).get_result(conn)
}
