//! Keys on the command line of the server. There is no caller to authorize: whoever can start
//! the server with its settings can reach its database too. Each leaves an audit record without a user.

use super::issue::{IssuedKey, KeySpec};
use super::tokens::check_name;
use crate::Principal;
use crate::context::Context;
use crate::error::Error;
use crate::users::access;
use doorward_domain::ids::UserId;
use doorward_domain::oauth2::Scopes;
use doorward_domain::roles::{action, resource};
use doorward_domain::users::LoginType;

/// Makes an API token of the default lifetime that may do all that its user may.
///
/// Needs the operator. Errors: `UserNotFound` (missing, deleted or part of the server), `Invalid` (`token_name`, or
/// the user may not act), `Conflict` (the user has a token of that name).
pub async fn create_token(ctx: &Context, user: UserId, name: &str) -> Result<IssuedKey, Error> {
    let name = check_name(name.to_owned())?;
    let lifetime = ctx.settings.sessions.token_lifetime_default.get();
    ctx.act(&Principal::operator(), move |deed| {
        let user = deed.repos.users().find_for_update(user)?.filter(|user| !user.deleted && !user.is_system);
        let user = user.ok_or(Error::UserNotFound)?;
        if !user.may_act() {
            return Err(Error::invalid(format!("User \"{}\" is {} and cannot get keys.", user.username, user.status)));
        }
        let spec = KeySpec {
            user_id: user.id,
            login_type: LoginType::Token,
            scopes: Scopes::all(),
            allow_list: None,
            token_name: name,
            lifetime,
            ip: String::new(),
        };
        let issued = IssuedKey::new(deed.random(), deed.now, spec)?;
        let permit = deed.by.permit::<action::Create, resource::ApiKey>(&access::keys_of(user.id))?;
        deed.repos.api_keys().insert(&permit, &issued.key)?;
        Ok(deed.made(&issued.key)?.answer(issued))
    })
    .await
}
