//! Signing out at the wish of an app (OpenID Connect RP-Initiated Logout 1.0).

use super::hint::{self, Hint};
use crate::oauth2::{ShownApp, policy, unknown_client};
use crate::{Context, Error, OAuthError, Principal};
use doorward_domain::oauth2::{OAuthErrorCode, RedirectUri, app_of_client_id};
use doorward_domain::openid::{LOGOUT_STATE_MAX, after_logout};

/// What an app asks for.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "they are the parameters of RP-Initiated Logout 1.0, 2, by their names")]
pub struct LogoutRequest {
    pub id_token_hint: Option<String>,
    pub client_id: Option<String>,
    pub post_logout_redirect_uri: Option<String>,
    pub state: Option<String>,
    /// The parameters that came more than once.
    pub repeated: Vec<&'static str>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutPlan {
    /// The app that asks, as far as it has said who it is.
    pub app: Option<ShownApp>,
    /// Whether the app has proved that it speaks of the session in use, so that nobody need be asked.
    pub is_proved: bool,
    /// Where the user goes afterwards; the whole address.
    pub location: Option<String>,
}

/// What is to be done at this request. `actor` is who is signed in.
///
/// Needs no permission. Errors: `NotFound` (this server is no provider), `invalid_request` (the hint is no ID token of this server, it is
/// of another app than `client_id`, or the address is not registered), `invalid_client` (`client_id` names nobody).
pub async fn plan(ctx: &Context, actor: Option<&Principal>, request: LogoutRequest) -> Result<LogoutPlan, LogoutError> {
    if !ctx.settings.oidc.enabled {
        return Err(Error::NotFound.into());
    }
    if let Some(name) = request.repeated.first() {
        return refuse(format!("the parameter {name} came more than once"));
    }
    if request.state.as_ref().is_some_and(|state| state.len() > LOGOUT_STATE_MAX) {
        return refuse(format!("state has more than {LOGOUT_STATE_MAX} bytes"));
    }
    let hinted = match request.id_token_hint.as_deref() {
        None => None,
        Some(text) => match hint::read(ctx, text).await? {
            Some(hint) => Some(hint),
            None => return refuse("id_token_hint is no ID token of this server"),
        },
    };
    let named = request.client_id.as_deref().map(|text| app_of_client_id(text).ok_or_else(unknown_client));
    let named = named.transpose().map_err(LogoutError::Refused)?;
    if let (Some(named), Some(hint)) = (named, hinted)
        && named != hint.app
    {
        return refuse("id_token_hint is of another application than client_id");
    }
    let (asking, key) = (named.or(hinted.map(|hint| hint.app)), actor.and_then(Principal::as_account));
    let (user, key) = (key.map(|account| account.user.id), key.map(|account| account.key.id.clone()));
    let (app, rules, sid) = ctx
        .read(move |repos| {
            let app = asking.map(|id| repos.apps().find(id)).transpose()?.flatten();
            let rules = match &app {
                Some(app) => repos.openid().find_rules(app.id)?,
                None => None,
            };
            let sid = key.map(|key| repos.openid().find_session(&key)).transpose()?.flatten();
            Ok::<_, Error>((app, rules.unwrap_or_default(), sid))
        })
        .await?;
    if named.is_some() && app.is_none() {
        return Err(LogoutError::Refused(unknown_client()));
    }
    let is_of_session = |hint: Hint| Some(hint.user) == user && hint.sid.is_some() && hint.sid == sid;
    let location = match request.post_logout_redirect_uri.as_deref() {
        None => None,
        Some(uri) if app.is_some() && rules.leads_to(uri) => after_logout(uri, request.state.as_deref()),
        Some(_) => return refuse("post_logout_redirect_uri is not registered for this application"),
    };
    let policy = policy::current(ctx).await?;
    // Who is blocked, or wants to go where nobody may be sent, signs the user out all the same.
    let is_blocked = |uri: &String| {
        let ids = [app.as_ref().map(|app| app.id.to_string()), request.client_id.clone()];
        ids.iter().flatten().any(|id| policy.check_client(id).is_err())
            || policy.check_redirect(&RedirectUri::from_storage(uri.clone())).is_err()
    };
    let location = location.filter(|uri| !is_blocked(uri));
    Ok(LogoutPlan {
        app: app.map(|app| ShownApp::of(&app, &rules.profile)),
        is_proved: hinted.is_some_and(is_of_session),
        // Who sends only a name may be anybody.
        location: location.filter(|_| hinted.is_some()),
    })
}

/// Why nothing is done.
#[derive(Debug, thiserror::Error)]
pub enum LogoutError {
    /// The request is not as it should be.
    #[error(transparent)]
    Refused(OAuthError),
    /// Something else stands in the way.
    #[error(transparent)]
    Failed(#[from] Error),
}

fn refuse<T>(reason: impl Into<String>) -> Result<T, LogoutError> {
    Err(LogoutError::Refused(OAuthError::new(OAuthErrorCode::InvalidRequest, reason.into())))
}
