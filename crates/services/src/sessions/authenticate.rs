//! Finding out who sends a request (`identity.md` 2.3).

use super::keys::scope_of;
use super::tokens::max_lifetime;
use super::{inactive, seen};
use crate::audit::Trail;
use crate::context::{Actor, Context, Origin};
use crate::error::Error;
use doorward_domain::roles::{CustomRole, CustomRoles, RoleName, Subject, System};
use doorward_domain::sessions::{ApiKey, ApiToken};
use doorward_domain::users::{User, UserStatus};
use doorward_domain::wire::SESSION_COOKIE;
use doorward_ports::sessions::KeyOwner;
use time::format_description::well_known::Rfc3339;

/// Finds out who presents this token, and what it may be used for.
///
/// Usually one trip to the store; a second one when the use of the key has to be written down: about once an hour.
pub async fn authenticate(ctx: &Context, token_text: &str, origin: &Origin) -> Result<Actor, Error> {
    if token_text.is_empty() {
        return Err(signed_out(format!("Cookie \"{SESSION_COOKIE}\" or query parameter must be provided.")));
    }
    let token =
        ApiToken::parse(token_text).map_err(|defect| signed_out(format!("Invalid API key format: {defect}")))?;
    let (now, settings) = (ctx.clock.now(), ctx.settings.sessions);

    let (owner, custom) = ctx
        .store
        .read(move |repos| {
            let owner = repos.api_keys().find_owner(&token.id)?.ok_or_else(unknown_key)?;
            // In constant time, by the type.
            if owner.key.secret_digest != token.digest() {
                return Err(unknown_key());
            }
            let names = custom_role_names(&owner);
            let custom = if names.is_empty() { Vec::new() } else { repos.roles().find_custom(&names)? };
            Ok((owner, custom))
        })
        .await?;
    let subject = subject_of(&owner, custom);
    let KeyOwner { mut key, mut user, memberships, groups: _ } = owner;
    if key.is_expired(now) {
        return Err(expired(&key));
    }
    check_audience(ctx, &key)?;
    if user.deleted {
        return Err(unknown_key());
    }
    if !user.may_act() {
        return Err(inactive(user.status));
    }

    let refresh = key.use_at(now, settings.refresh, max_lifetime(settings, &user));
    if refresh.is_some() || user.status == UserStatus::Dormant {
        let (used, ip, trail) = (key.clone(), origin.ip.clone(), Trail::from(ctx, Some(user.id), origin));
        user = ctx
            .store
            .write(move |repos| {
                // The user first: whoever ends all keys of a user writes in this order too.
                let seen = seen(repos, user, now, trail)?;
                if let Some(refresh) = refresh {
                    let permit = System::because("the key is being used").permit();
                    repos.api_keys().refresh(&permit, &used, refresh, &ip, now)?;
                }
                Ok::<User, Error>(seen)
            })
            .await?;
    }
    if let Some(refresh) = refresh {
        key = ApiKey { last_used: refresh.last_used, expires_at: refresh.expires_at, ..key };
    }
    Ok(Actor { subject, user, memberships, key, origin: origin.clone() })
}

/// A key that is bound to a resource is good for that resource only (RFC 8707 2).
fn check_audience(ctx: &Context, key: &ApiKey) -> Result<(), Error> {
    let Some(audience) = key.oauth2.as_ref().and_then(|binding| binding.audience.as_ref()) else { return Ok(()) };
    // Paths of this server are resources of its own, each with its document (RFC 9728 3.1).
    if audience.is_within(&ctx.settings.resource()) {
        return Ok(());
    }
    Err(Error::Unauthenticated {
        message: "The audience of the token is another server.".to_owned(),
        detail: format!("The token was issued for the audience \"{audience}\", which is not this server."),
    })
}

fn expired(key: &ApiKey) -> Error {
    let time = key.expires_at.format(&Rfc3339).unwrap_or_else(|_unformattable| key.expires_at.to_string());
    signed_out(format!("API key expired at \"{time}\"."))
}

pub(super) fn unknown_key() -> Error {
    signed_out("API key is invalid.")
}

fn signed_out(detail: impl Into<String>) -> Error {
    Error::Unauthenticated {
        message: "You are signed out or your session has expired. Please sign in again to continue.".to_owned(),
        detail: detail.into(),
    }
}

/// The subject of a request: implied and stored roles, groups, and the scope of the key (`rbac.md` 5). Names that are
/// not among `custom` and not built in grant nothing.
pub(crate) fn subject_of(owner: &KeyOwner, custom: Vec<CustomRole>) -> Subject {
    let KeyOwner { key, user, memberships, groups } = owner;
    let custom: CustomRoles = custom.into_iter().collect();
    let mut builder = Subject::for_user(user.id.0).site_roles(&user.roles).groups(groups.iter().map(|group| group.0));
    for membership in memberships {
        builder = builder.membership(membership.organization_id.0, &membership.roles);
    }
    builder.custom_roles(&custom).scope(scope_of(key)).build()
}

/// The roles that are not built in, and have to be looked up.
fn custom_role_names(owner: &KeyOwner) -> Vec<RoleName> {
    let site = owner.user.roles.iter().map(RoleName::site);
    let organizations = owner.memberships.iter().flat_map(|membership| {
        membership.roles.iter().map(|name| RoleName::organization(name, membership.organization_id.0))
    });
    site.chain(organizations).filter(|name| !name.is_built_in()).collect()
}
