//! Second factors: setting them up, the second step of signing in, and removing them.

use crate::conventions::Api;
use crate::kit::answer::{created, no_content, ok};
use crate::kit::call::Call;
use crate::kit::error::{HandlerResult, SecondFactorError};
use crate::kit::html::qr;
use crate::kit::json::Timestamp;
use crate::kit::limits::Limit;
use crate::kit::rates::Counted;
use crate::kit::routes::Routes;
use crate::sessions::{session_cookie, set_cookie};
use doorward_domain::Secret;
use doorward_services::factors::{self, NewTotp, Standing};
use doorward_services::sessions::{self, SecondStep, Stepped};
use doorward_services::{Error, Principal};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.public(__path_second_step, second_step).limit(Limit::Login).counts(Counted::SignIns);
    r.user(__path_find, find);
    r.user(__path_remove_all, remove_all);
    r.user(__path_begin_totp, begin_totp).limit(Limit::Login);
    r.user(__path_confirm_totp, confirm_totp).limit(Limit::Login);
    r.user(__path_show_totp, show_totp).limit(Limit::Login);
    r.user(__path_remove_totp, remove_totp);
    r.user(__path_count_recovery_codes, count_recovery_codes);
    r.user(__path_renew_recovery_codes, renew_recovery_codes).limit(Limit::Login);
}

/// What is given beside the password.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = LoginWithSecondFactorRequest)]
pub(crate) struct SecondStepBody {
    /// The token of the answer to the right password.
    #[schema(required)]
    token: String,
    /// `totp`, `recovery`, or `enroll`, which begins to set up an authenticator app.
    #[schema(required)]
    method: String,
    /// The code; none for `enroll`.
    code: String,
}

/// A new session.
#[derive(Serialize, ToSchema)]
#[schema(as = LoginWithSecondFactorResponse)]
pub(crate) struct SteppedObject<'a> {
    session_token: &'a str,
    /// New recovery codes, where an authenticator app was set up. They are shown once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    recovery_codes: Vec<&'a str>,
}

/// What an authenticator app is set up with.
#[derive(Serialize, ToSchema)]
#[schema(as = NewTOTP)]
pub(crate) struct NewTotpObject<'a> {
    /// In base32, to be typed in.
    secret: &'a str,
    /// `otpauth://..`, as the app reads it of a QR code.
    url: &'a str,
    /// The QR code.
    svg: String,
}

impl<'a> NewTotpObject<'a> {
    fn of(new: &'a NewTotp) -> Result<Self, Error> {
        let svg = qr::svg(new.url.expose()).map_err(|error| Error::Internal(error.into()))?;
        Ok(Self { secret: new.secret.expose(), url: new.url.expose(), svg })
    }
}

/// Goes on with a sign-in whose password was right, with a second factor; sets the session cookie. With `enroll`, begins to set up an
/// authenticator app; its first code, as `totp`, signs in.
#[utoipa::path(
    post, path = "/api/v2/users/login/mfa", tag = "sessions", request_body = SecondStepBody,
    responses(
        (status = 200, body = NewTotpObject, description = "An authenticator app is being set up"),
        (status = 201, body = SteppedObject, description = "Signed in"),
        (status = 401, body = crate::kit::error::ApiError, description = "The code is wrong, or the token is over"),
        (status = 403, body = SecondFactorError, description = "The recovery code is right; it goes on with another app"),
    ),
)]
pub(crate) async fn second_step(mut call: Call) -> HandlerResult {
    let body: SecondStepBody = call.json_of_anybody("who signs in shows a token")?;
    let command = SecondStep { token: Secret::new(body.token), method: body.method, code: Secret::new(body.code) };
    match sessions::second_step(call.context(), command, &call.origin).await? {
        Stepped::Enrolling(new) => Ok(ok(&NewTotpObject::of(&new)?)),
        Stepped::SignedIn { signed_in, recovery_codes } => {
            let session_token = signed_in.session.token.expose();
            let mut response = created(&SteppedObject { session_token, recovery_codes: exposed(&recovery_codes) });
            set_cookie(&mut response, &session_cookie(&call.site, session_token))?;
            Ok(response)
        }
    }
}

fn exposed(codes: &[Secret<String>]) -> Vec<&str> {
    codes.iter().map(|code| code.expose().as_str()).collect()
}

/// What a user has for a second factor.
#[derive(Serialize, ToSchema)]
#[schema(as = UserFactors)]
pub(crate) struct FactorsObject {
    totp: TotpObject,
    /// How many recovery codes are left.
    recovery_codes: i64,
    /// Whether the user must have a second factor.
    required: bool,
}

/// An authenticator app.
#[derive(Serialize, ToSchema)]
#[schema(as = UserTOTP)]
pub(crate) struct TotpObject {
    enabled: bool,
    /// Since when it is in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    since: Option<Timestamp>,
    /// Whether so many codes were wrong that no more are taken.
    locked: bool,
}

impl From<Standing> for FactorsObject {
    fn from(standing: Standing) -> Self {
        let Standing { totp_since, is_locked, recovery_codes, is_required } = standing;
        let totp =
            TotpObject { enabled: totp_since.is_some(), since: totp_since.map(Timestamp::from), locked: is_locked };
        Self { totp, recovery_codes, required: is_required }
    }
}

/// Shows what a user has for a second factor.
#[utoipa::path(
    get, path = "/api/v2/users/{user}/factors", tag = "factors",
    params(("user" = String, Path, description = "Id, name or `me`")),
    responses((status = 200, body = FactorsObject)),
)]
pub(crate) async fn find(call: Call, actor: Principal) -> HandlerResult {
    Ok(ok(&FactorsObject::from(factors::find(call.context(), &actor, &call.user()).await?)))
}

/// Removes all second factors and recovery codes of a user who has lost them, and ends the sessions.
#[utoipa::path(
    delete, path = "/api/v2/users/{user}/factors", tag = "factors",
    params(("user" = String, Path, description = "Id, name or `me`")),
    responses((status = 204)),
)]
pub(crate) async fn remove_all(call: Call, actor: Principal) -> HandlerResult {
    factors::remove_all(call.context(), &actor, &call.user()).await?;
    Ok(no_content())
}

/// Begins to set up an authenticator app. Nothing changes before its first code, within ten minutes.
#[utoipa::path(
    post, path = "/api/v2/users/{user}/totp", tag = "factors",
    params(("user" = String, Path, description = "Id, name or `me`")),
    responses((status = 201, body = NewTotpObject)),
)]
pub(crate) async fn begin_totp(call: Call, actor: Principal) -> HandlerResult {
    let new = factors::begin_totp(call.context(), &actor, &call.user()).await?;
    Ok(created(&NewTotpObject::of(&new)?))
}

/// A code of an authenticator app.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = TOTPCodeRequest)]
pub(crate) struct CodeBody {
    #[schema(required)]
    code: String,
}

/// Recovery codes. They are shown once.
#[derive(Serialize, ToSchema)]
#[schema(as = RecoveryCodes)]
pub(crate) struct RecoveryCodesObject<'a> {
    recovery_codes: Vec<&'a str>,
}

/// Takes the authenticator app into use that is being set up, by its first code, and answers recovery codes.
#[utoipa::path(
    post, path = "/api/v2/users/{user}/totp/confirm", tag = "factors", request_body = CodeBody,
    params(("user" = String, Path, description = "Id, name or `me`")),
    responses((status = 200, body = RecoveryCodesObject)),
)]
pub(crate) async fn confirm_totp(mut call: Call, actor: Principal) -> HandlerResult {
    let code = code(&mut call, &actor).await?;
    let codes = factors::confirm_totp(call.context(), &actor, &call.user(), code).await?;
    Ok(ok(&RecoveryCodesObject { recovery_codes: exposed(&codes) }))
}

/// Shows the second factor in the session in use, by a code: for ten minutes it may change by what its user signs in.
#[utoipa::path(
    post, path = "/api/v2/users/{user}/totp/verify", tag = "factors", request_body = CodeBody,
    params(("user" = String, Path, description = "Id, name or `me`")),
    responses((status = 204)),
)]
pub(crate) async fn show_totp(mut call: Call, actor: Principal) -> HandlerResult {
    let code = code(&mut call, &actor).await?;
    factors::show_totp(call.context(), &actor, &call.user(), code).await?;
    Ok(no_content())
}

async fn code(call: &mut Call, actor: &Principal) -> Result<Secret<String>, crate::kit::error::Failure> {
    let may = async |call: &Call| factors::may_change(call.context(), actor, &call.user()).await;
    let body: CodeBody = call.json_after(may).await?;
    Ok(Secret::new(body.code))
}

/// Removes the authenticator app of the caller, and the recovery codes with it.
#[utoipa::path(
    delete, path = "/api/v2/users/{user}/totp", tag = "factors",
    params(("user" = String, Path, description = "Id, name or `me`")),
    responses((status = 204)),
)]
pub(crate) async fn remove_totp(call: Call, actor: Principal) -> HandlerResult {
    factors::remove_totp(call.context(), &actor, &call.user()).await?;
    Ok(no_content())
}

/// How many recovery codes are left.
#[derive(Serialize, ToSchema)]
#[schema(as = RecoveryCodeCount)]
pub(crate) struct RecoveryCodeCount {
    count: i64,
}

/// Tells how many recovery codes a user has left.
#[utoipa::path(
    get, path = "/api/v2/users/{user}/recovery-codes", tag = "factors",
    params(("user" = String, Path, description = "Id, name or `me`")),
    responses((status = 200, body = RecoveryCodeCount)),
)]
pub(crate) async fn count_recovery_codes(call: Call, actor: Principal) -> HandlerResult {
    let standing = factors::find(call.context(), &actor, &call.user()).await?;
    Ok(ok(&RecoveryCodeCount { count: standing.recovery_codes }))
}

/// Makes new recovery codes; those of before are over.
#[utoipa::path(
    post, path = "/api/v2/users/{user}/recovery-codes", tag = "factors",
    params(("user" = String, Path, description = "Id, name or `me`")),
    responses((status = 201, body = RecoveryCodesObject)),
)]
pub(crate) async fn renew_recovery_codes(call: Call, actor: Principal) -> HandlerResult {
    let codes = factors::renew_recovery_codes(call.context(), &actor, &call.user()).await?;
    Ok(created(&RecoveryCodesObject { recovery_codes: exposed(&codes) }))
}
