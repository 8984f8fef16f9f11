//! The endpoint for claims (OpenID Connect Core 1.0, 5.3).

use super::claims::of_user;
use crate::{Context, Error, Principal};
use doorward_domain::ids::GrantId;
use doorward_domain::oauth2::OidcScope;
use doorward_domain::openid::ClaimName;
use doorward_domain::users::LoginType;
use serde_json::{Map, Value};
use std::sync::Arc;

/// What the caller may be told, or why not.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// The claims.
    Claims(Map<String, Value>),
    /// The token has not the scope `openid`.
    ScopeMissing,
}

/// What the token of the caller lets be known of its user, as of now. At most one call of the store.
///
/// Needs a token with the scope `openid`, or a session. Errors: `NotFound` (this server is no provider), `Refused` (a caller
/// without an account).
pub async fn find(ctx: &Context, actor: &Principal) -> Result<Told, Error> {
    if !ctx.settings.oidc.enabled {
        return Err(Error::NotFound);
    }
    let account = actor.account()?;
    let (user, key) = (Arc::clone(&account.user), Arc::clone(&account.key));
    let is_session = key.oauth2.is_none() && key.login_type != LoginType::Token && key.scopes.is_unrestricted();
    if !is_session && !key.scopes.contains(&OidcScope::OpenId.into()) {
        return Ok(Told::ScopeMissing);
    }
    let mut wanted = ClaimName::of_scopes(&key.scopes);
    let grant: Option<GrantId> = key.oauth2.as_ref().and_then(|binding| binding.grant_id);
    let settings = Arc::clone(&ctx.settings);
    let subject = user.id;
    let mut claims = if grant.is_none() && wanted.is_empty() {
        Map::new()
    } else {
        ctx.look(actor, move |look| {
            if let Some(grant) = grant {
                let identity = look.repos.openid().find_of_grant(grant)?;
                wanted.extend(identity.map(|identity| identity.claims.userinfo).unwrap_or_default());
            }
            Ok::<_, Error>(of_user(look.repos, &settings.oidc, &user, &wanted)?)
        })
        .await?
    };
    claims.insert("sub".to_owned(), subject.to_string().into());
    Ok(Told::Claims(claims))
}
