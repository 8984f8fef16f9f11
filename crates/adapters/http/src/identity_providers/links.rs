//! The accounts at identity providers with which a user signs in (`identity.md` 2.10).

use super::flow_cookie;
use crate::conventions::Api;
use crate::kit::answer::{created, no_content, ok};
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::json::Timestamp;
use crate::kit::limits::Limit;
use crate::kit::routes::Routes;
use crate::sessions::set_cookie;
use doorward_domain::identity_providers::LINK_REQUEST_LIFETIME;
use doorward_domain::roles::Action;
use doorward_domain::{Secret, wire};
use doorward_services::Principal;
use doorward_services::identity_providers::{self, AskedLink, OwnLink};
use doorward_services::intent::Intent;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub(super) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_list, list);
    r.user(__path_begin, begin).limit(Limit::Login);
    r.user(__path_end, end);
}

/// An account at an identity provider that is linked to a user.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserLink<'a> {
    id: Uuid,
    /// The provider by its name in the settings of the last sign-in; `github` for GitHub.
    provider: &'a str,
    /// What people know the provider as.
    display_name: &'a str,
    login_type: &'static str,
    issuer: &'a str,
    /// The id of the account there.
    subject: &'a str,
    /// Whether name, mail address, picture and memberships follow it. They do not follow a link that was added while signed in.
    is_main: bool,
    /// Whether people sign in through this provider now.
    is_usable: bool,
    created_at: Timestamp,
    last_used_at: Timestamp,
}

impl<'a> From<&'a OwnLink> for UserLink<'a> {
    fn from(own: &'a OwnLink) -> Self {
        let link = &own.link;
        Self {
            id: link.id(),
            provider: &link.provider,
            display_name: &own.shown_name,
            login_type: link.login_type.as_str(),
            issuer: &link.issuer,
            subject: &link.subject,
            is_main: link.is_main,
            is_usable: own.is_usable,
            created_at: link.created_at.into(),
            last_used_at: link.updated_at.into(),
        }
    }
}

/// The accounts at identity providers with which a user signs in, oldest first.
#[utoipa::path(
    get, path = "/api/v2/users/{user}/links", tag = "sessions", operation_id = "list_user_links",
    params(("user" = String, Path, description = "Id, name, or `me`")),
    responses((status = 200, body = [UserLink])),
)]
pub(crate) async fn list(call: Call, actor: Principal) -> HandlerResult {
    let links = identity_providers::list_links(call.context(), &actor, &call.user()).await?;
    Ok(ok(&links.iter().map(UserLink::from).collect::<Vec<_>>()))
}

/// What is asked by a user who wants to link an account.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
pub(crate) struct CreateUserLinkRequest {
    /// The provider by its name in the settings; `github` for GitHub.
    #[schema(required)]
    provider: String,
    /// The present password, of users who sign in with one. All others must have signed in through a provider within the last ten minutes.
    password: String,
}

/// How it goes on.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserLinkRequest<'a> {
    provider: &'a str,
    /// For the callback of the provider, as `oidc_merge_state`.
    state_string: &'a str,
    /// Where the browser goes now: the callback with the state.
    path: String,
    expires_at: Timestamp,
}

/// Begins to link an account at a provider to one's own user: proves who it is, and prepares the browser, which must be the one of the
/// session. It ends at the callback of the provider.
#[utoipa::path(
    post, path = "/api/v2/users/{user}/links", tag = "sessions", operation_id = "create_user_link",
    request_body = CreateUserLinkRequest,
    params(("user" = String, Path, description = "Oneself: id, name, or `me`")),
    responses((status = 201, body = UserLinkRequest), (status = 401, body = crate::kit::error::ApiError)),
)]
pub(crate) async fn begin(mut call: Call, actor: Principal) -> HandlerResult {
    let body: CreateUserLinkRequest = call.json_for(&actor, Intent::User(call.user(), Action::UpdatePersonal)).await?;
    let asked = AskedLink {
        provider: body.provider,
        password: Secret::new(body.password),
        deployment: call.site.settings.deployment_id.clone(),
    };
    let begun = identity_providers::begin_link(call.context(), &actor, &call.user(), asked, &call.origin).await?;
    let mut response = created(&UserLinkRequest {
        provider: &begun.provider,
        state_string: begun.state.expose(),
        path: format!("{}?oidc_merge_state={}", begun.way.path(), begun.state.expose()),
        expires_at: begun.expires_at.into(),
    });
    let cookie = flow_cookie(&call, wire::OAUTH_CONVERT_COOKIE, begun.token.expose(), LINK_REQUEST_LIFETIME);
    set_cookie(&mut response, &cookie)?;
    Ok(response)
}

/// Removes a link, and ends the sessions that began with it. The last way to sign in stays.
#[utoipa::path(
    delete, path = "/api/v2/users/{user}/links/{link}", tag = "sessions", operation_id = "delete_user_link",
    params(
        ("user" = String, Path, description = "Id, name, or `me`"),
        ("link" = Uuid, Path, description = "The id of the link"),
    ),
    responses((status = 204, description = "Removed"), (status = 409, body = crate::kit::error::ApiError)),
)]
pub(crate) async fn end(call: Call, actor: Principal) -> HandlerResult {
    let link: Uuid = call.id("link")?;
    identity_providers::unlink(call.context(), &actor, &call.user(), link).await?;
    Ok(no_content())
}
