//! Mail addresses of users.

use super::objects::UserObject;
use crate::conventions::Api;
use crate::kit::answer::ok;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::limits::Limit;
use crate::kit::routes::Routes;
use doorward_domain::Secret;
use doorward_services::{Principal, users};
use serde::Deserialize;
use utoipa::ToSchema;

pub(crate) fn routes(routes: &mut Routes) {
    routes.of(&Api).user(__path_change_email, change_email).limit(Limit::Login);
}

/// A new mail address.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = UpdateUserEmailRequest)]
pub(crate) struct ChangeEmail {
    #[schema(required)]
    email: String,
    /// The present password, of those who have one and change their own address.
    password: String,
}

/// Changes the mail address of a user. Both addresses are told of it, and nobody vouches for the new one yet.
#[utoipa::path(
    put, path = "/api/v2/users/{user}/email", tag = "users",
    params(("user" = String, Path, description = "Id, name or `me`")),
    request_body = ChangeEmail,
    responses((status = 200, body = UserObject)),
)]
pub(crate) async fn change_email(mut call: Call, actor: Principal) -> HandlerResult {
    let user = call.user();
    let may = async |call: &Call| users::may_change_email(call.context(), &actor, &user).await;
    let body: ChangeEmail = call.json_after(may).await?;
    let command = users::ChangeEmail { email: body.email, password: Secret::new(body.password) };
    let view = users::change_email(call.context(), &actor, &user, command, &call.origin).await?;
    Ok(ok(&UserObject::from(view)))
}
