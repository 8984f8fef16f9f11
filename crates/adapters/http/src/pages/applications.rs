//! The applications that the signed-in user has allowed.

use super::access::{Access, Scope};
use super::app_face::AppFace;
use super::{OUT_OF_DATE, sign_out_token, signed_in, stale_for_programs};
use crate::conventions::Page;
use crate::conventions::page::{Done, paths};
use crate::kit::answer::redirect;
use crate::kit::call::Call;
use crate::kit::csrf::{self, Purpose};
use crate::kit::error::{Failure, HandlerResult};
use crate::kit::html::headers::{FormAction, Illustrated, render};
use crate::kit::html::layout::{Brand, Person};
use crate::kit::html::moment::TimeElement;
use crate::kit::routes::Routes;
use crate::oauth2::apps::find_by_text;
use actix_web::http::StatusCode;
use askama::Template;
use doorward_domain::Instant;
use doorward_domain::ids::AppId;
use doorward_services::Principal;
use doorward_services::appearance::of_pages;
use doorward_services::oauth2::{ScopeText, describe_scopes, grants};
use serde::Deserialize;
use std::collections::HashMap;
use utoipa::ToSchema;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Page);
    r.recognized(__path_list, list);
    r.recognized(__path_revoke, revoke);
}

/// One application the user has allowed.
#[derive(Debug, Clone)]
pub(crate) struct AuthorizedApp<'a> {
    /// Comes back as `client_id` when the user revokes it.
    pub(crate) client_id: &'a str,
    pub(crate) app: AppFace,
    pub(crate) authorized: TimeElement,
    pub(crate) last_used: Option<TimeElement>,
    /// Of all its grants together.
    pub(crate) access: Access<'a>,
    /// How many grants are alive.
    pub(crate) grants: usize,
    /// How many of them are of devices (RFC 8628).
    pub(crate) devices: usize,
}

/// The applications the user has allowed. Each revoke form POSTs to its own URL: `csrf_token`, `client_id`.
#[derive(Debug, Clone, Template)]
#[template(path = "authorized_apps.html")]
pub(crate) struct AuthorizedApps<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) csrf_token: &'a str,
    pub(crate) sign_out_token: &'a str,
    pub(crate) user: Person<'a>,
    /// What has just been done.
    pub(crate) notice: Option<&'a str>,
    /// Why nothing has been done.
    pub(crate) caution: Option<&'a str>,
    pub(crate) apps: Vec<AuthorizedApp<'a>>,
}

impl Illustrated for AuthorizedApps<'_> {
    fn pictures(&self) -> Vec<&str> {
        self.brand.logo_url.into_iter().chain(self.apps.iter().filter_map(|one| one.app.picture())).collect()
    }
}

/// Shows the applications that may act for the signed-in user.
#[utoipa::path(
    get, path = paths::AUTHORIZED_APPS, tag = "pages", operation_id = "applications",
    params(("done" = Option<String>, Query, description = "What has just been done: `revoked`")),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn list(call: Call, who: Result<Principal, Failure>) -> HandlerResult {
    let actor = signed_in(&call.request, who)?;
    let done = Done::read(&call.request, &[Done::Revoked]);
    page(&call, &actor, StatusCode::OK, done.map(Done::words)).await
}

/// The form that takes access back.
#[derive(Deserialize, ToSchema)]
#[schema(as = RevokeForm)]
pub(crate) struct RevokeForm {
    #[schema(value_type = String, required)]
    csrf_token: Option<String>,
    #[schema(value_type = String, required)]
    client_id: Option<String>,
}

/// Takes the access of an application back.
#[utoipa::path(
    post, path = paths::AUTHORIZED_APPS, tag = "pages", operation_id = "revoke_application",
    request_body(content = RevokeForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Done, or the user must sign in first")),
)]
pub(crate) async fn revoke(mut call: Call, who: Result<Principal, Failure>) -> HandlerResult {
    let form: RevokeForm = call.form()?.read()?;
    let actor = signed_in(&call.request, who)?;
    if csrf::check(&call, &actor, Purpose::Revoke, "", form.csrf_token.as_deref()).is_err() {
        stale_for_programs(&call)?;
        return page(&call, &actor, StatusCode::BAD_REQUEST, None).await;
    }
    let app = find_by_text(&call, &actor, &form.client_id.unwrap_or_default()).await?;
    grants::withdraw(call.context(), &actor, &app).await?;
    Ok(redirect(StatusCode::SEE_OTHER, &Done::Revoked.at(paths::AUTHORIZED_APPS)))
}

/// What one application holds, over all its grants.
struct Allowed {
    id: String,
    app: AppFace,
    since: Instant,
    last_used: Option<Instant>,
    scopes: Vec<ScopeText>,
    unrestricted: bool,
    grants: usize,
    devices: usize,
}

async fn page(call: &Call, actor: &Principal, status: StatusCode, notice: Option<&str>) -> HandlerResult {
    let now = call.context().clock.now();
    let mut allowed: Vec<Allowed> = Vec::new();
    let mut places: HashMap<AppId, usize> = HashMap::new();
    for found in grants::list_mine(call.context(), actor).await? {
        let granted = &found.grant.authorization.scopes;
        let (scopes, unrestricted) = (describe_scopes(granted), granted.is_unrestricted());
        let devices = usize::from(found.grant.is_device);
        let place = *places.entry(found.app.id()).or_insert(allowed.len());
        match allowed.get_mut(place) {
            Some(known) => {
                known.grants += 1;
                known.devices += devices;
                known.since = known.since.min(found.grant.created_at);
                known.last_used = known.last_used.max(found.last_used);
                known.unrestricted |= unrestricted;
                let missing = scopes.into_iter().filter(|scope| !known.scopes.contains(scope)).collect::<Vec<_>>();
                known.scopes.extend(missing);
            }
            None => allowed.push(Allowed {
                id: found.app.id().to_string(),
                app: AppFace::from(&found.app),
                since: found.grant.created_at,
                last_used: found.last_used,
                scopes,
                unrestricted,
                grants: 1,
                devices,
            }),
        }
    }
    let look = of_pages(call.context()).await;
    let page = AuthorizedApps {
        brand: Brand::of(&call.site, &look),
        csrf_token: &csrf::issue(&call.site, actor, Purpose::Revoke, ""),
        sign_out_token: &sign_out_token(call, actor),
        user: Person::of(&actor.account()?.user),
        notice,
        caution: (!status.is_success()).then_some(OUT_OF_DATE),
        apps: allowed.iter().map(|allowed| view(allowed, now)).collect(),
    };
    Ok(render(status, &page, &FormAction::own()))
}

fn view(allowed: &Allowed, now: Instant) -> AuthorizedApp<'_> {
    AuthorizedApp {
        client_id: &allowed.id,
        app: allowed.app.clone(),
        authorized: TimeElement::day(allowed.since),
        last_used: allowed.last_used.map(|used| TimeElement::ago(used, now)),
        access: if allowed.unrestricted {
            Access::Full
        } else {
            Access::Scopes(allowed.scopes.iter().map(Scope::from).collect())
        },
        grants: allowed.grants,
        devices: allowed.devices,
    }
}
