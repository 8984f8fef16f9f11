//! Whose mail address is known to be theirs.

use crate::conventions::Api;
use crate::kit::answer::ok;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::routes::Routes;
use doorward_services::Principal;
use doorward_services::openid::verified_emails;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_show, show);
    r.user(__path_update, update);
}

/// Whether apps are told that the mail address of a user is theirs.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[schema(as = EmailVerification)]
pub(crate) struct VerificationObject {
    verified: bool,
}

/// Shows whether apps are told that the mail address of a user is theirs.
#[utoipa::path(
    get, path = "/api/v2/users/{user}/email/verification", tag = "users", operation_id = "show_email_verification",
    params(("user" = String, Path, description = "Id, name or `me`")),
    responses((status = 200, body = VerificationObject)),
)]
pub(crate) async fn show(call: Call, actor: Principal) -> HandlerResult {
    let verified = verified_emails::find(call.context(), &actor, &call.user()).await?;
    Ok(ok(&VerificationObject { verified }))
}

/// Vouches for the mail address that a user has now, or takes that back; what an identity provider says of it stays.
#[utoipa::path(
    put, path = "/api/v2/users/{user}/email/verification", tag = "users", operation_id = "update_email_verification",
    params(("user" = String, Path, description = "Id, name or `me`")),
    request_body = VerificationObject,
    responses((status = 200, body = VerificationObject)),
)]
pub(crate) async fn update(mut call: Call, actor: Principal) -> HandlerResult {
    verified_emails::may_vouch(&actor)?;
    let body: VerificationObject =
        call.json_after(async |call| verified_emails::may_update(call.context(), &actor, &call.user()).await).await?;
    let verified = verified_emails::update(call.context(), &actor, &call.user(), body.verified).await?;
    Ok(ok(&VerificationObject { verified }))
}
