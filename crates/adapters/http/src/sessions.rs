//! Signing in and out (`identity.md` 2.4 and 2.6).

pub(crate) mod keys;
mod overview;

use crate::conventions::Api;
use crate::kit::answer::{Message, created, message, ok};
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::limits::Limit;
use crate::kit::rates::Counted;
use crate::kit::routes::Routes;
use crate::kit::site::Site;
use actix_web::HttpResponse;
use actix_web::cookie::{Cookie, SameSite};
use doorward_domain::{Secret, wire};
use doorward_services::identity_providers::{self, OnOffer, Way};
use doorward_services::{Error, Principal, sessions};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.public(__path_login, login).limit(Limit::Login).counts(Counted::SignIns);
    r.user(__path_logout, logout);
    r.public(__path_auth_methods, auth_methods);
    keys::routes(routes);
    overview::routes(routes);
}

/// What is given to sign in.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = LoginWithPasswordRequest)]
pub(crate) struct Login {
    #[schema(required)]
    email: String,
    #[schema(required)]
    password: String,
}

/// A new session.
#[derive(Serialize, ToSchema)]
#[schema(as = LoginWithPasswordResponse)]
pub(crate) struct SessionObject<'a> {
    session_token: &'a str,
}

/// Signs in with a password; sets the session cookie.
#[utoipa::path(
    post, path = "/api/v2/users/login", tag = "sessions", request_body = Login,
    responses((status = 201, body = SessionObject), (status = 401, body = crate::kit::error::ApiError)),
)]
pub(crate) async fn login(mut call: Call) -> HandlerResult {
    let body: Login = call.json_of_anybody("who signs in shows a password")?;
    let command = sessions::Login { email: body.email, password: Secret::new(body.password) };
    let signed_in = sessions::login(call.context(), command, &call.origin).await?;
    let token = signed_in.session.token.expose();
    let mut response = created(&SessionObject { session_token: token });
    set_cookie(&mut response, &session_cookie(&call.site, token))?;
    Ok(response)
}

/// Signs out: ends the key in use and clears the session cookie.
#[utoipa::path(post, path = "/api/v2/users/logout", tag = "sessions", responses((status = 200, body = Message)))]
pub(crate) async fn logout(call: Call, actor: Principal) -> HandlerResult {
    sessions::logout(call.context(), &actor).await?;
    let mut response = message("Logged out!");
    set_cookie(&mut response, &removed_cookie(&call.site))?;
    Ok(response)
}

/// The ways to sign in that are on offer.
#[derive(Serialize, ToSchema)]
#[schema(as = AuthMethods)]
pub(crate) struct Methods {
    password: Method,
    github: GithubMethod,
    oidc: OidcMethod,
}

/// A way to sign in.
#[derive(Serialize, ToSchema)]
#[schema(as = AuthMethod)]
pub(crate) struct Method {
    enabled: bool,
}

/// Signing in with GitHub.
#[derive(Serialize, ToSchema)]
#[schema(as = GithubAuthMethod)]
pub(crate) struct GithubMethod {
    enabled: bool,
    default_provider_configured: bool,
}

/// Signing in with an OpenID Connect provider.
#[derive(Serialize, ToSchema)]
#[schema(as = OIDCAuthMethod)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OidcMethod {
    enabled: bool,
    /// Of the first provider.
    sign_in_text: String,
    icon_url: String,
    /// All of them. Coder's servers have one at most.
    providers: Vec<OidcProviderObject>,
}

/// A provider of OpenID Connect.
#[derive(Serialize, ToSchema)]
#[schema(as = OIDCProvider)]
pub(crate) struct OidcProviderObject {
    /// What people know it as.
    name: String,
    /// A picture, or empty.
    icon_url: String,
    /// Where a sign-in begins.
    path: String,
}

/// Shows the ways to sign in.
#[utoipa::path(get, path = "/api/v2/users/authmethods", tag = "sessions", responses((status = 200, body = Methods)))]
pub(crate) async fn auth_methods(call: Call) -> HandlerResult {
    let on_offer = sessions::auth_methods(call.context());
    let providers = identity_providers::on_offer(call.context()).into_iter();
    let providers: Vec<_> = providers
        .filter(|provider| provider.way != Way::Github)
        .map(|OnOffer { way, name, icon_url, .. }| OidcProviderObject { name, icon_url, path: way.path() })
        .collect();
    let first = providers.first();
    Ok(ok(&Methods {
        password: Method { enabled: on_offer.password },
        github: GithubMethod { enabled: on_offer.github, default_provider_configured: false },
        oidc: OidcMethod {
            enabled: on_offer.oidc,
            sign_in_text: first.map(|first| format!("Continue with {}", first.name)).unwrap_or_default(),
            icon_url: first.map(|first| first.icon_url.clone()).unwrap_or_default(),
            providers,
        },
    }))
}

/// The session cookie; it lasts as long as the browser runs.
pub(crate) fn session_cookie<'a>(site: &Site, token: &'a str) -> Cookie<'a> {
    Cookie::build(wire::SESSION_COOKIE, token)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(site.secure_cookies)
        .finish()
}

/// The cookie that removes the session cookie.
pub(crate) fn removed_cookie(site: &Site) -> Cookie<'static> {
    let mut cookie = session_cookie(site, "");
    cookie.set_max_age(time::Duration::ZERO);
    cookie
}

/// Adds a cookie to an answer.
pub(crate) fn set_cookie(response: &mut HttpResponse, cookie: &Cookie<'_>) -> Result<(), Error> {
    response.add_cookie(cookie).map_err(|error| Error::Internal(error.into()))
}
