//! How far a key reaches: what it lets its holder do, on which objects, and how long a token may live.

use crate::error::Error;
use crate::principal::{Account, Principal};
use crate::settings::SessionSettings;
use doorward_domain::oauth2::Scopes;
use doorward_domain::roles::{AllowEntry, OWNER, Scope};
use doorward_domain::sessions::ApiKey;
use doorward_domain::users::User;
use time::Duration;

/// Nobody makes a key that may do more than the key in hand, or limits would be worth nothing.
pub(crate) fn check_reach(actor: &Principal, scopes: &Scopes, objects: Option<&[AllowEntry]>) -> Result<(), Error> {
    // Callers without an account hold no key that limits them.
    let Some(Account { key, .. }) = actor.as_account() else { return Ok(()) };
    if !scopes.iter().all(|scope| key.scopes.covers(scope)) {
        return Err(Error::Refused("A key cannot make another one with more scopes than its own.".to_owned()));
    }
    if !reaches(key, objects) {
        return Err(Error::Refused("A key cannot make another one for more objects than its own.".to_owned()));
    }
    Ok(())
}

/// Whether a key reaches every object of an allow list; of none, every object.
pub(crate) fn reaches(key: &ApiKey, objects: Option<&[AllowEntry]>) -> bool {
    let reach = |objects: Option<&[AllowEntry]>| match objects {
        Some(list) => Scope::all().cut(list),
        None => Scope::all(),
    };
    key.allow_list.is_none() || reach(key.allow_list.as_deref()).covers(&reach(objects))
}

/// What a key lets its holder do: what one of its scopes permits, on the objects of its allow list.
pub(super) fn scope_of(key: &ApiKey) -> Scope {
    let scope = key.scopes.to_scope();
    match &key.allow_list {
        Some(list) => scope.cut(list),
        None => scope,
    }
}

/// The longest lifetime of a token of this user.
pub(crate) fn max_lifetime(settings: SessionSettings, user: &User) -> Duration {
    if user.roles.contains(OWNER) { settings.token_lifetime_max_owner.get() } else { settings.token_lifetime_max.get() }
}
