//! Whose mail address is known to be theirs: `email_verified`.

use super::claims::is_verified;
use crate::audit::{Audited, Snapshot};
use crate::sessions::in_person::InPerson;
use crate::users::caller::with_caller_and;
use crate::users::reference::{resolve, resolve_live};
use crate::users::{UserRef, access};
use crate::{Context, Error, Principal};
use doorward_domain::audit::AuditResource;
use doorward_domain::roles::{Action, action, resource};
use doorward_domain::users::User;

/// Whether apps are told that the address of a user is theirs.
///
/// Needs `user:read`. Errors: `UserNotFound` (missing or not readable), `Forbidden` (only the scope is too short).
pub async fn find(ctx: &Context, actor: &Principal, user: &UserRef) -> Result<bool, Error> {
    let reference = user.clone();
    ctx.look(actor, move |look| {
        let user = resolve(look.repos, look.by, &reference)?;
        access::may(look.by, Action::Read, &access::user(user.id))
            .map_err(|denied| Error::UserNotFound.unless_scope_is_short(denied))?;
        Ok(is_verified(look.repos, &user)?)
    })
    .await
}

/// Whether the caller may vouch for anybody's address, as far as that does not depend on whose it is; asked before the body is looked at.
///
/// Needs no permission. Errors: `Refused` (asked by an app).
pub fn may_vouch(actor: &Principal) -> Result<(), Error> {
    actor.in_person(InPerson::VouchForAddress)
}

/// Whether the caller may vouch for the address of this user; asked where the body says nothing.
///
/// Needs `user:update`. Errors: `UserNotFound` (missing, deleted or not readable), `Forbidden`.
pub async fn may_update(ctx: &Context, actor: &Principal, user: &UserRef) -> Result<(), Error> {
    let reference = user.clone();
    ctx.look(actor, move |look| {
        let id = resolve_live(look.repos, look.by, &reference)?.id;
        Ok(access::may(look.by, Action::Update, &access::user(id))?)
    })
    .await
}

/// Vouches for the address that a user has now, or takes that back. What an identity provider has said stays. Answers whether apps are told
/// that it is theirs.
///
/// Needs `user:update`. Errors: `UserNotFound` (missing, deleted or not readable), `Forbidden`, `Invalid` (the user has no address).
pub async fn update(ctx: &Context, actor: &Principal, user: &UserRef, vouches: bool) -> Result<bool, Error> {
    may_vouch(actor)?;
    let reference = user.clone();
    ctx.act(actor, move |deed| {
        let id = resolve_live(deed.repos, deed.by, &reference)?.id;
        with_caller_and(deed, id, |deed, actor, user| {
            let permit = access::permit::<action::Update, resource::User>(actor, &access::user(id))?;
            let Some(email) = &user.email else {
                return Err(Error::invalid("This user has no mail address."));
            };
            let before = is_verified(deed.repos, &user)?;
            deed.repos.openid().update_verified_email(&permit, id, vouches.then_some(email.as_str()))?;
            let after = is_verified(deed.repos, &user)?;
            let known = |verified| Known { user: &user, verified };
            Ok(deed.changed(&known(before), &known(after))?.answer(after))
        })
    })
    .await
}

/// A user with what is known of the address, as the audit log follows it.
struct Known<'u> {
    user: &'u User,
    verified: bool,
}

impl Audited for Known<'_> {
    fn kind(&self) -> AuditResource {
        AuditResource::User
    }

    fn id(&self) -> String {
        self.user.id.to_string()
    }

    fn target(&self) -> String {
        self.user.username.to_string()
    }

    fn tracked(&self) -> Snapshot {
        Snapshot::default().field("email_verified", self.verified)
    }
}
