//! Sessions as others look at them, and end them in number.

use super::Conn;
use super::counted::Count;
use super::logouts::note_ends;
use super::one_of::OneOf;
use super::planned_anew::PlannedAnew;
use crate::error::Error;
use crate::rows::{KeyRow, entities};
use crate::schema::{api_keys, federated_sessions, oauth2_apps, oauth2_grants, openid_grants, openid_sessions, users};
use crate::touches::Touches;
use crate::types::{At, Id};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use doorward_domain::Instant;
use doorward_domain::ids::{AppId, UserId};
use doorward_domain::oauth2::ScopeEntry;
use doorward_domain::roles::{self, ListFilter, Permit, ScopeName, action, resource};
use doorward_domain::sessions::{ApiKey, ApiKeyId};
use doorward_ports::StoreError;
use doorward_ports::changes::Change;
use doorward_ports::sessions::{ListedSession, SESSIONS_COUNT_MAX, SessionFilter, SessionPage, SessionRepository};
use std::collections::{HashMap, HashSet};

type Backend = <Conn as Connection>::Backend;
type Found<'a> = api_keys::BoxedQuery<'a, Backend>;
/// Where a session stands in the list.
type Place = (At, String);

/// Keys that are neither API tokens nor access tokens, whoever has written them.
const IS_SESSION: &str = "(api_keys.app_id IS NULL AND api_keys.login_type <> 'token')";
/// So many keys are named by one statement.
const AT_ONCE: usize = 400;
/// So many users are told one by one.
const TOLD_MAX: usize = 1000;

impl SessionRepository for UnitOfWork<'_, Conn> {
    fn list(
        &mut self,
        filter: &SessionFilter,
        visible: &ListFilter,
        now: Instant,
    ) -> Result<Option<SessionPage>, StoreError> {
        self.run(|conn| {
            let after: Option<Place> = match &filter.after {
                None => None,
                Some(id) => match position(conn, id)? {
                    Some(place) => Some(place),
                    None => return Ok(None),
                },
            };
            let Some(reach) = Reach::of(visible) else { return Ok(Some(SessionPage::default())) };
            let rows: Vec<(KeyRow, Option<String>)> = matching(filter, &reach, after.as_ref(), now)
                .order((api_keys::began_at.desc(), api_keys::id.desc()))
                .limit(filter.limit.into())
                .offset(filter.offset.into())
                .select((KeyRow::as_select(), api_keys::device))
                .load(conn)?;
            let (rows, devices): (Vec<KeyRow>, Vec<Option<String>>) = rows.into_iter().unzip();
            let keys: Vec<ApiKey> = entities(rows)?;
            let (offset, shown) = (u64::from(filter.offset), u64::try_from(keys.len()).unwrap_or(u64::MAX));
            // A page that is not full says itself how many there are.
            let count = if shown < u64::from(filter.limit) && (shown > 0 || offset == 0) {
                offset + shown
            } else {
                let most = i64::from(filter.offset) + i64::from(SESSIONS_COUNT_MAX);
                let all = matching(filter, &reach, after.as_ref(), now).select(api_keys::expires_at).limit(most);
                u64::try_from(Count(all).get_result::<i64>(conn)?).unwrap_or(0)
            };
            Ok(Some(SessionPage { sessions: described(conn, keys, devices)?, count }))
        })
    }

    fn describe(
        &mut self,
        permit: &Permit<action::Create, resource::ApiKey>,
        key: &ApiKey,
        device: &str,
    ) -> Result<(), StoreError> {
        let about = permit.kind().id(key.id.as_str()).owner(key.user_id.0);
        self.write(permit, &about, Touches::nobody("no permission depends on a device"), |conn| {
            let session = api_keys::table.find(key.id.as_str());
            diesel::update(session).set(api_keys::device.eq(device)).execute(conn)?;
            Ok(())
        })
    }

    fn delete_of_user(
        &mut self,
        permit: &Permit<action::Delete, resource::ApiKey>,
        user: UserId,
        except: Option<ApiKeyId>,
    ) -> Result<usize, StoreError> {
        self.write_all(permit, &permit.kind().owner(user.0), Touches::user(user), |conn| {
            let of_user = api_keys::table.filter(sql::<Bool>(IS_SESSION)).filter(api_keys::user_id.eq(Id(user)));
            let of_user = of_user.order(api_keys::id).select((api_keys::id, api_keys::user_id));
            let keys = of_user.load(conn)?;
            let (ended, _) = end(conn, keys, except.as_ref())?;
            Ok(ended)
        })
    }

    fn delete_all(
        &mut self,
        permit: &Permit<action::Delete, resource::ApiKey>,
        except: Option<ApiKeyId>,
    ) -> Result<usize, StoreError> {
        let (ended, _) = self.write_all(permit, &permit.kind(), of_users, |conn| {
            let all = api_keys::table.filter(sql::<Bool>(IS_SESSION));
            let all = all.order(api_keys::id).select((api_keys::id, api_keys::user_id));
            let keys = all.load(conn)?;
            let (ended, mut users) = end(conn, keys, except.as_ref())?;
            // As whenever somebody signs out.
            let scope = ScopeEntry::from(ScopeName::APPLICATION_CONNECT);
            let theirs =
                api_keys::table.filter(api_keys::app_id.is_null()).filter(api_keys::scopes.eq(scope.key_name()));
            let owners = diesel::delete(theirs).returning(api_keys::user_id).get_results::<Id<UserId>>(conn)?;
            users.extend(owners.into_iter().map(|Id(id)| id));
            Ok((ended, users))
        })?;
        Ok(ended)
    }
}

/// Those whose sessions have ended. Of more than can be told one by one, it is said of all.
fn of_users((_, users): &(usize, HashSet<UserId>)) -> Touches {
    if users.len() > TOLD_MAX {
        return Change::Everything.into();
    }
    Touches::users(&users.iter().copied().collect::<Vec<_>>())
}

/// Ends these sessions but one: notes first which apps are to be told. Answers how many, and whose.
fn end(
    conn: &mut Conn,
    mut keys: Vec<(String, Id<UserId>)>,
    except: Option<&ApiKeyId>,
) -> Result<(usize, HashSet<UserId>), Error> {
    if let Some(except) = except {
        keys.retain(|(key, _)| key != except.as_str());
    }
    let (keys, users): (Vec<String>, Vec<Id<UserId>>) = keys.into_iter().unzip();
    let mut ended = 0;
    for some in keys.chunks(AT_ONCE) {
        // Whom the end of grants concerns are the same users.
        note_ends(conn, some)?;
        ended += diesel::delete(api_keys::table.filter(api_keys::id.eq_any(some))).execute(conn)?;
    }
    Ok((ended, users.into_iter().map(|Id(id)| id).collect()))
}

/// Which keys may be seen. They belong to no organization and have no access lists.
struct Reach {
    /// Those of this user; `None` means of all.
    owner: Option<roles::Id>,
    /// Those among these; `None` means all.
    gate: Option<Vec<String>>,
}

impl Reach {
    /// `None` when nothing may be seen.
    fn of(visible: &ListFilter) -> Option<Self> {
        let gate = visible.allowed_ids().map(|ids| ids.iter().map(ToString::to_string).collect::<Vec<_>>());
        if visible.is_never() || gate.as_ref().is_some_and(Vec::is_empty) {
            return None;
        }
        if visible.is_all() || visible.organizations().contains(&roles::Id::EMPTY) {
            return Some(Self { owner: None, gate });
        }
        let own = visible.owner().filter(|clause| clause.without_organization())?;
        Some(Self { owner: Some(own.owner().clone()), gate })
    }
}

fn position(conn: &mut Conn, id: &ApiKeyId) -> QueryResult<Option<Place>> {
    let session = api_keys::table.find(id.as_str()).filter(api_keys::began_at.is_not_null());
    session.select((api_keys::began_at.assume_not_null(), api_keys::id)).get_result(conn).optional()
}

/// The living sessions that match, behind a place if one is given.
fn matching<'a>(filter: &SessionFilter, reach: &Reach, after: Option<&'a Place>, now: Instant) -> Found<'a> {
    let sessions = api_keys::table.filter(PlannedAnew).filter(api_keys::began_at.is_not_null());
    let mut query = sessions.filter(api_keys::expires_at.gt(At(now))).into_boxed();
    if let Some(owner) = &reach.owner {
        query = query.filter(OneOf::ids("api_keys.user_id", owner.as_uuid()));
    }
    if let Some(gate) = &reach.gate {
        query = query.filter(OneOf::texts("api_keys.id", gate.iter().map(String::as_str)));
    }
    if let Some(user) = filter.user {
        query = query.filter(api_keys::user_id.eq(Id(user)));
    }
    if let Some((began, id)) = after {
        // The first part is what an index is read by.
        query = query.filter(api_keys::began_at.le(Some(*began)));
        query = query.filter(api_keys::began_at.lt(Some(*began)).assume_not_null().or(api_keys::id.lt(id.as_str())));
    }
    query
}

/// The sessions with what they name, each of which is looked up once.
fn described(conn: &mut Conn, keys: Vec<ApiKey>, devices: Vec<Option<String>>) -> Result<Vec<ListedSession>, Error> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let people: HashSet<UserId> = keys.iter().map(|key| key.user_id).collect();
    let names: Vec<(Id<UserId>, String)> =
        users::table.filter(OneOf::ids("users.id", people)).select((users::id, users::username)).load(conn)?;
    let names: HashMap<UserId, String> = names.into_iter().map(|(Id(id), name)| (id, name)).collect();
    let ids: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
    let (mut providers, mut apps) = (HashMap::new(), HashMap::<String, Vec<(AppId, String)>>::new());
    for some in ids.chunks(AT_ONCE) {
        let found: Vec<(String, String)> = federated_sessions::table
            .filter(federated_sessions::key_id.eq_any(some.iter().copied()))
            .select((federated_sessions::key_id, federated_sessions::provider))
            .load(conn)?;
        providers.extend(found);
        let found: Vec<(String, String, Id<AppId>)> = openid_sessions::table
            .inner_join(openid_grants::table.on(openid_grants::sid.eq(openid_sessions::sid)))
            .inner_join(oauth2_grants::table.on(oauth2_grants::id.eq(openid_grants::grant_id)))
            .inner_join(oauth2_apps::table.on(oauth2_apps::id.eq(oauth2_grants::app_id)))
            .filter(openid_sessions::key_id.eq_any(some.iter().copied()))
            .select((openid_sessions::key_id, oauth2_apps::name, oauth2_apps::id))
            .order((openid_sessions::key_id, oauth2_apps::name, oauth2_apps::id))
            .distinct()
            .load(conn)?;
        for (key, name, Id(app)) in found {
            apps.entry(key).or_default().push((app, name));
        }
    }
    let session = |(key, device): (ApiKey, Option<String>)| ListedSession {
        device,
        username: names.get(&key.user_id).cloned().unwrap_or_default(),
        provider: providers.remove(key.id.as_str()),
        apps: apps.remove(key.id.as_str()).unwrap_or_default(),
        key,
    };
    Ok(keys.into_iter().zip(devices).map(session).collect())
}
