//! The authorization endpoint (`oauth2.md` 7 and 8): asks the user, and sends the answer to the client.

use super::tokens::{resources, told};
use crate::accept::{Wish, wish};
use crate::answer::redirect;
use crate::call::{Call, Outcome};
use crate::csrf::{self, Purpose};
use crate::error::{self, Failure};
use crate::extract::form::Form;
use crate::pages::headers::{FormAction, render};
use crate::pages::views::{Access, Brand, Consent, Registration, Scope};
use crate::screens::{self, person};
use crate::users::role_display_name;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::WWW_AUTHENTICATE;
use doorward_domain::oauth2::{OAuthErrorCode, Resource};
use doorward_services::oauth2::authorize::{self, AuthorizeError, AuthorizeRequest, ConsentRequest};
use doorward_services::oauth2::{Caution, consent_scopes, is_unrestricted};
use doorward_services::{OAuthError, Principal};

/// Parameters that may come once; `resource` has an error of its own.
const PARAMETERS: [&str; 10] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "request",
    "request_uri",
    "state",
    "scope",
    "code_challenge",
    "code_challenge_method",
];

/// Asks the signed-in user whether a client may act for them.
#[utoipa::path(
    get, path = "/oauth2/authorize", tag = "oauth2",
    params(
        ("client_id" = String, Query, description = "Id of the app"),
        ("response_type" = String, Query, description = "`code`"),
        ("response_mode" = Option<String>, Query, description = "`query`, which is the default"),
        (
            "redirect_uri" = Option<String>,
            Query,
            description = "Where the answer goes; required if several are registered",
        ),
        ("state" = Option<String>, Query, description = "Comes back unchanged"),
        ("scope" = Option<String>, Query, description = "Names separated by spaces"),
        ("code_challenge" = Option<String>, Query, description = "RFC 7636"),
        ("code_challenge_method" = Option<String>, Query, description = "`S256`"),
        ("resource" = Option<String>, Query, description = "RFC 8707"),
    ),
    responses(
        (status = 200, body = String, content_type = "text/html", description = "The consent page"),
        (status = 302, description = "The request is refused, and the client is told"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn ask(call: Call, who: Result<Principal, Failure>) -> Outcome {
    let (actor, consent) = prepare(&call, who).await?;
    consent_page(&call, &actor, &consent, StatusCode::OK)
}

/// The signed-in user allows a client to act for them.
#[utoipa::path(
    post, path = "/oauth2/authorize", tag = "oauth2",
    params(
        ("client_id" = String, Query, description = "Id of the app"),
        ("response_type" = String, Query, description = "`code`"),
        ("response_mode" = Option<String>, Query, description = "`query`, which is the default"),
        (
            "redirect_uri" = Option<String>,
            Query,
            description = "Where the answer goes; required if several are registered",
        ),
        ("state" = Option<String>, Query, description = "Comes back unchanged"),
        ("scope" = Option<String>, Query, description = "Names separated by spaces"),
        ("code_challenge" = Option<String>, Query, description = "RFC 7636"),
        ("code_challenge_method" = Option<String>, Query, description = "`S256`"),
        ("resource" = Option<String>, Query, description = "RFC 8707"),
    ),
    responses(
        (status = 302, description = "Back to the client, with `code`, or with `error`"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn allow(mut call: Call, who: Result<Principal, Failure>) -> Outcome {
    let form = call.form()?;
    let (actor, consent) = prepare(&call, who).await?;
    let (token, about) = (form.text("csrf_token"), shown(&call, &actor, &consent));
    if csrf::check(&call, &actor, Purpose::Consent, &about, token.as_deref()).is_err() {
        // Perhaps somebody else has signed in since the page was shown, or the app was changed: nobody allows what was
        // shown to another, or something else than was shown.
        screens::stale_for_programs(&call)?;
        return consent_page(&call, &actor, &consent, StatusCode::BAD_REQUEST);
    }
    let location = authorize::approve(call.context(), &actor, consent).await?;
    call.tally.made_row();
    Ok(redirect(StatusCode::FOUND, &location))
}

/// Everything up to the question to the user: first the client, then who is signed in, then the rest.
async fn prepare(call: &Call, who: Result<Principal, Failure>) -> Result<(Principal, ConsentRequest), Failure> {
    let request = read(call)?;
    let app = authorize::find_client(call.context(), &request)
        .await
        .map_err(told)
        .map_err(|error| bad_client(call, &error))?;
    let actor = screens::signed_in(&call.request, who)?;
    match authorize::prepare(call.context(), app, &request) {
        Ok(consent) => Ok((actor, consent)),
        Err(AuthorizeError::Client(error)) => Err(bad_client(call, &error)),
        Err(AuthorizeError::RedirectUri(error)) => Err(bad_redirect_uri(call, &error).into()),
        Err(AuthorizeError::Redirect { location, error }) => {
            tracing::debug!(error = error.code.as_str(), reason = %error.reason, "refused");
            Err(redirect(StatusCode::FOUND, &location).into())
        }
    }
}

/// Who asks is not known: a person reads a page, a program JSON. A challenge would make the browser ask its user for a
/// password that is the client's.
fn bad_client(call: &Call, error: &OAuthError) -> Failure {
    let mut response = error::oauth(error);
    if wish(&call.request) == Wish::Page {
        let explanation = "The application that sent you here is not known to this server: it was removed, or its link is \
                           wrong. Nothing was shared with it. Please tell whoever runs the application.";
        return screens::problem(call, response.status(), "Unknown application", explanation).into();
    }
    response.headers_mut().remove(WWW_AUTHENTICATE);
    response.into()
}

/// The parameters come from the query string only.
fn read(call: &Call) -> Result<AuthorizeRequest, OAuthError> {
    let query = Form::parse(call.request.query_string().as_bytes())?;
    Ok(AuthorizeRequest {
        client_id: query.text("client_id"),
        response_type: query.text("response_type"),
        redirect_uri: query.text("redirect_uri"),
        state: query.text("state"),
        response_mode: query.text("response_mode"),
        request: query.text("request"),
        request_uri: query.text("request_uri"),
        scope: query.text("scope"),
        code_challenge: query.text("code_challenge"),
        code_challenge_method: query.text("code_challenge_method"),
        resources: resources(&query),
        repeated: query.repeated(&PARAMETERS).collect(),
    })
}

/// Nothing is sent to a redirect URI that is not registered: a person reads a page, a script reads JSON.
fn bad_redirect_uri(call: &Call, error: &OAuthError) -> HttpResponse {
    let is_post = call.request.method() == actix_web::http::Method::POST;
    match wish(&call.request) {
        Wish::Any if is_post => return error::oauth(error),
        Wish::Json => return error::oauth(error),
        Wish::Page | Wish::Any => {}
    }
    if error.code == OAuthErrorCode::ServerError {
        let explanation = "The address to return to that is registered for the application is one that this server sends \
                           nothing to. Nothing was shared with it. Please tell the administrator of this server.";
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        return screens::problem(call, status, "The application cannot be used", explanation);
    }
    let explanation = "The application sent you here with an address to return to that is not registered for it. \
                       Nothing was shared with it. Please tell whoever runs the application.";
    screens::problem(call, StatusCode::BAD_REQUEST, "This request cannot be trusted", explanation)
}

/// All that the page says and the decision rests on: what was asked for, and what comes of it as the app and the user are now.
fn shown(call: &Call, actor: &Principal, consent: &ConsentRequest) -> String {
    let resource = consent.resource.as_ref().map_or("", Resource::as_str);
    let parts = [
        call.request.query_string(),
        &consent.scopes.join(" "),
        consent.redirect_uri.as_str(),
        resource,
        &consent.app.name,
        &standing(actor),
    ];
    // None of them but the name can hold a line break, and the name is of one line.
    parts.join("\n")
}

fn consent_page(call: &Call, actor: &Principal, consent: &ConsentRequest, status: StatusCode) -> Outcome {
    let user = &actor.account()?.user;
    let scopes = consent_scopes(actor, &consent.scopes);
    let is_full = is_unrestricted(&consent.scopes);
    let reaches_others = is_full || scopes.iter().any(|scope| scope.caution == Some(Caution::Roles));
    let standing = Some(standing(actor)).filter(|standing| reaches_others && !standing.is_empty());
    let notice = format!(
        "Nothing was allowed: the page you sent was made for another sign-in or another request. You are signed in as \
         {}. Look again before you decide.",
        user.username
    );
    let page = Consent {
        brand: Brand::of(&call.site),
        csrf_token: &csrf::issue(&call.site, actor, Purpose::Consent, &shown(call, actor, consent)),
        sign_out_token: &screens::sign_out_token(call, actor),
        notice: Some(notice.as_str()).filter(|_| !status.is_success()),
        user: person(user),
        app_name: &consent.app.name,
        app_icon: Some(consent.app.icon.as_str()).filter(|icon| !icon.is_empty()),
        registered: Registration::Administrator,
        access: if is_full { Access::Full } else { Access::Scopes(scopes.iter().map(Scope::from).collect()) },
        standing: standing.as_deref(),
        redirect_uri: consent.redirect_uri.as_str(),
        resource: consent.resource.as_ref().map(Resource::as_str),
        cancel_url: &consent.cancel_location(call.context()),
        return_to: screens::path_and_query(&call.request),
    };
    Ok(render(status, &page, &FormAction::toward(consent.redirect_uri.as_str())))
}

/// What somebody is beside a member, in words: `Owner of this server`. Empty for plain members.
fn standing(actor: &Principal) -> String {
    let roles = actor.as_account().map(|account| account.user.roles.as_slice()).unwrap_or_default();
    let roles: Vec<String> = roles.iter().map(|role| role_display_name(role)).collect();
    let in_organizations = actor.organizations_with_roles().len();
    let mut parts = Vec::new();
    if !roles.is_empty() {
        parts.push(format!("{} of this server", roles.join(", ")));
    }
    match in_organizations {
        0 => {}
        1 => parts.push("the holder of roles in an organization".to_owned()),
        many => parts.push(format!("the holder of roles in {many} organizations")),
    }
    parts.join(" and ")
}
