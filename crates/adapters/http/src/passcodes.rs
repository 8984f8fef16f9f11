//! One-time passcodes, for those who have forgotten their password (`identity.md` 2.6).

use crate::conventions::Api;
use crate::kit::answer::no_content;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::limits::Limit;
use crate::kit::routes::Routes;
use doorward_domain::Secret;
use doorward_services::passcodes::{self, ResetPassword};
use serde::Deserialize;
use utoipa::ToSchema;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.public(__path_request, request).limit(Limit::Login);
    r.public(__path_change_password, change_password).limit(Limit::Login);
}

/// Whose password is forgotten.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = RequestOneTimePasscodeRequest)]
pub(crate) struct RequestPasscode {
    #[schema(required)]
    email: String,
}

/// Sends a one-time passcode to the user with this address, if there is one who signs in with a password. The answer is the same
/// for all addresses.
#[utoipa::path(
    post, path = "/api/v2/users/otp/request", tag = "sessions", request_body = RequestPasscode,
    responses((status = 204)),
)]
pub(crate) async fn request(mut call: Call) -> HandlerResult {
    let body: RequestPasscode = call.json_of_anybody("who asks has no session")?;
    passcodes::request(call.context(), &body.email, &call.origin).await?;
    Ok(no_content())
}

/// A new password, and the passcode that lets somebody choose it.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = ChangePasswordWithOneTimePasscodeRequest)]
pub(crate) struct ChangePassword {
    #[schema(required)]
    email: String,
    #[schema(required)]
    password: String,
    #[schema(required)]
    one_time_passcode: String,
}

/// Changes the password of the user with this address by a one-time passcode, and ends all sessions, keys and grants of the user.
#[utoipa::path(
    post, path = "/api/v2/users/otp/change-password", tag = "sessions", request_body = ChangePassword,
    responses((status = 204)),
)]
pub(crate) async fn change_password(mut call: Call) -> HandlerResult {
    let body: ChangePassword = call.json_of_anybody("who asks shows a passcode")?;
    let command = ResetPassword {
        email: body.email,
        password: Secret::new(body.password),
        passcode: Secret::new(body.one_time_passcode),
    };
    passcodes::reset_password(call.context(), command, &call.origin).await?;
    Ok(no_content())
}
