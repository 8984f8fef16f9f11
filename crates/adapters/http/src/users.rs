//! Users (`identity.md` 3).

mod email;
mod objects;

pub(crate) use objects::{OrganizationObject, ReducedUserObject, RoleObject, UserObject, role_display_name};
use objects::{UserRolesObject, UsersObject};

use crate::conventions::Api;
use crate::kit::answer::{self, Message, created, message, no_content, ok};
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::extract::credential;
use crate::kit::extract::local::is_local;
use crate::kit::limits::Limit;
use crate::kit::routes::Routes;
use doorward_domain::ids::OrganizationId;
use doorward_domain::roles::{Action, ResourceType};
use doorward_domain::{Secret, wire};
use doorward_services::intent::Intent;
use doorward_services::{Error, Principal, users};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.public(__path_first_exists, first_exists);
    r.public(__path_create_first, create_first).limit(Limit::Login);
    r.public(__path_validate_password, validate_password).limit(Limit::Login);
    r.user(__path_list, list);
    r.user(__path_create, create);
    r.user(__path_oidc_claims, oidc_claims);
    r.user(__path_find, find);
    r.user(__path_delete, delete);
    r.user(__path_suspend, suspend);
    r.user(__path_activate, activate);
    r.user(__path_roles, roles);
    r.user(__path_update_roles, update_roles);
    r.user(__path_update_profile, update_profile);
    r.user(__path_change_password, change_password).limit(Limit::Login);
    r.user(__path_appearance, appearance);
    r.user(__path_update_appearance, update_appearance);
    r.user(__path_login_type, login_type);
    r.user(__path_organizations, organizations);
    r.user(__path_organization, organization);
    email::routes(routes);
}

/// The query parameter that carries the token of the set-up link.
const SETUP_TOKEN: &str = "token";

/// Whether the server has been set up.
#[utoipa::path(
    get, path = "/api/v2/users/first", tag = "users",
    responses((status = 200, body = Message), (status = 404, body = Message)),
)]
pub(crate) async fn first_exists(call: Call) -> HandlerResult {
    if users::first_exists(call.context()).await? {
        return Ok(message("The initial user has already been created!"));
    }
    Err(Error::NotFound.into())
}

/// The first user.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = CreateFirstUserRequest)]
pub(crate) struct CreateFirst {
    #[schema(required)]
    email: String,
    #[schema(required)]
    username: String,
    #[schema(required)]
    password: String,
    name: String,
    /// Of no effect, as is `trial_info`.
    trial: bool,
    #[schema(value_type = Object)]
    trial_info: serde_json::Map<String, serde_json::Value>,
}

/// The ids of the first user and its organization.
#[derive(Serialize, ToSchema)]
#[schema(as = CreateFirstUserResponse)]
pub(crate) struct FirstCreated {
    user_id: Uuid,
    organization_id: Uuid,
}

/// Sets the server up: creates the first user, who is an owner. Whoever asks from another machine needs the one-time
/// token of the set-up link.
#[utoipa::path(
    post, path = "/api/v2/users/first", tag = "users", request_body = CreateFirst,
    params(
        ("Doorward-Setup-Token" = Option<String>, Header, description = "Token of the set-up link"),
        ("token" = Option<String>, Query, description = "The same"),
    ),
    responses((status = 201, body = FirstCreated), (status = 403, body = crate::kit::error::ApiError)),
)]
pub(crate) async fn create_first(mut call: Call) -> HandlerResult {
    let body: CreateFirst = call.json_of_anybody("nobody is there yet")?;
    let command = users::CreateFirstUser {
        email: body.email,
        username: body.username,
        name: body.name,
        password: Secret::new(body.password),
        proof: setup_proof(&call, None),
    };
    let first = users::create_first(call.context(), command, &call.origin).await?;
    Ok(created(&FirstCreated { user_id: first.user_id.0, organization_id: first.organization_id.0 }))
}

/// Why whoever sends this may set the server up. `field` is the token in a form.
pub(crate) fn setup_proof(call: &Call, field: Option<Secret<String>>) -> users::SetupProof {
    if is_local(&call.request, &call.context().settings.access_url, &call.site.settings.server.trusted_proxies) {
        return users::SetupProof::Local;
    }
    let header = call.request.headers().get(wire::SETUP_TOKEN_HEADER).and_then(|value| value.to_str().ok());
    let query = || credential::query_parameter(&call.request, SETUP_TOKEN).map(|token| Secret::new(token.into_owned()));
    users::SetupProof::Token(header.map(Secret::from).or(field).or_else(query))
}

/// A password to be looked at.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = ValidateUserPasswordRequest)]
pub(crate) struct ValidatePassword {
    #[schema(required)]
    password: String,
}

/// Whether a password keeps the rule.
#[derive(Serialize, ToSchema)]
#[schema(as = ValidateUserPasswordResponse)]
pub(crate) struct PasswordValidity {
    valid: bool,
    details: String,
}

/// Checks a password against the rule, without storing it.
#[utoipa::path(
    post, path = "/api/v2/users/validate-password", tag = "users", request_body = ValidatePassword,
    responses((status = 200, body = PasswordValidity)),
)]
pub(crate) async fn validate_password(mut call: Call) -> HandlerResult {
    let body: ValidatePassword = call.json_of_anybody("a password is judged and nothing done")?;
    let check = users::validate_password(&Secret::new(body.password))?;
    Ok(ok(&PasswordValidity { valid: check.valid, details: check.details }))
}

/// Lists the users that the caller may read.
#[utoipa::path(
    get, path = "/api/v2/users", tag = "users",
    params(
        ("q" = Option<String>, Query, description = "Search: free words and `key:value` terms"),
        ("after_id" = Option<Uuid>, Query, description = "Only users after this one"),
        ("limit" = Option<i32>, Query, minimum = 0, description = "At most so many; 0 means all"),
        ("offset" = Option<i32>, Query, minimum = 0, description = "So many are left out at the start"),
    ),
    responses((status = 200, body = UsersObject)),
)]
pub(crate) async fn list(call: Call, actor: Principal) -> HandlerResult {
    let mut query = call.query();
    let (text, page) = (query.text("q").unwrap_or_default(), query.page());
    query.done_loosely()?;
    let found = users::list(call.context(), &actor, &text, page).await?;
    Ok(answer::list(found.users.len(), || UsersObject::from(found)).await)
}

/// A user to be created.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = CreateUserRequestWithOrgs)]
pub(crate) struct Create {
    #[schema(required)]
    email: String,
    #[schema(required)]
    username: String,
    name: String,
    password: String,
    /// `password` (default), `none`, `github` or `oidc`.
    login_type: String,
    /// `dormant` (default) or `active`.
    user_status: String,
    organization_ids: Vec<Uuid>,
    /// Added to `organization_ids`, unless it is the nil UUID.
    organization_id: Option<Uuid>,
    /// Names of site roles.
    roles: Vec<String>,
    /// An account for a program: address and password must be empty, and `login_type` must be `none` or empty.
    service_account: bool,
}

/// Creates a user.
#[utoipa::path(
    post, path = "/api/v2/users", tag = "users", request_body = Create,
    responses((status = 201, body = UserObject)),
)]
pub(crate) async fn create(mut call: Call, actor: Principal) -> HandlerResult {
    let body: Create = call.json_for(&actor, Intent::Anywhere(Action::Create, ResourceType::User)).await?;
    // Go sends the nil UUID for an id that is not set.
    let single = body.organization_id.filter(|id| !id.is_nil());
    let organizations = body.organization_ids.into_iter().chain(single);
    let command = users::CreateUser {
        email: body.email,
        username: body.username,
        name: body.name,
        password: Secret::new(body.password),
        login_type: body.login_type,
        status: body.user_status,
        organization_ids: organizations.map(OrganizationId).collect(),
        roles: body.roles,
        service_account: body.service_account,
    };
    let user = users::create(call.context(), &actor, command).await?;
    Ok(created(&UserObject::from(user)))
}

/// Shows a user.
#[utoipa::path(
    get, path = "/api/v2/users/{user}", tag = "users",
    params(("user" = String, Path, description = "Id, name or `me`")),
    responses((status = 200, body = UserObject)),
)]
pub(crate) async fn find(call: Call, actor: Principal) -> HandlerResult {
    let user = users::find(call.context(), &actor, &call.user()).await?;
    Ok(ok(&UserObject::from(user)))
}

/// Shows what the identity provider said at the last sign-in; 400 for those who do not sign in by one.
#[utoipa::path(get, path = "/api/v2/users/oidc-claims", tag = "users", responses((status = 200, body = serde_json::Value)))]
pub(crate) async fn oidc_claims(_: Call, _: Principal) -> HandlerResult {
    // Nobody signs in by OpenID Connect yet.
    Err(Error::invalid("User is not an OIDC user.").into())
}

/// Deletes a user.
#[utoipa::path(
    delete, path = "/api/v2/users/{user}", tag = "users",
    params(("user" = String, Path, description = "Id, name or `me`")),
    responses((status = 200, body = Message), (status = 417, body = crate::kit::error::ApiError)),
)]
pub(crate) async fn delete(call: Call, actor: Principal) -> HandlerResult {
    users::delete(call.context(), &actor, &call.user()).await?;
    Ok(message("User has been deleted!"))
}

/// Suspends a user, who is refused everywhere from then on.
#[utoipa::path(
    put, path = "/api/v2/users/{user}/status/suspend", tag = "users",
    params(("user" = String, Path, description = "Id, name or `me`")),
    responses((status = 200, body = UserObject)),
)]
pub(crate) async fn suspend(call: Call, actor: Principal) -> HandlerResult {
    let user = users::suspend(call.context(), &actor, &call.user()).await?;
    Ok(ok(&UserObject::from(user)))
}

/// Activates a user.
#[utoipa::path(
    put, path = "/api/v2/users/{user}/status/activate", tag = "users",
    params(("user" = String, Path, description = "Id, name or `me`")),
    responses((status = 200, body = UserObject)),
)]
pub(crate) async fn activate(call: Call, actor: Principal) -> HandlerResult {
    let user = users::activate(call.context(), &actor, &call.user()).await?;
    Ok(ok(&UserObject::from(user)))
}

/// Shows the roles of a user.
#[utoipa::path(
    get, path = "/api/v2/users/{user}/roles", tag = "users",
    params(("user" = String, Path, description = "Id, name or `me`")),
    responses((status = 200, body = UserRolesObject)),
)]
pub(crate) async fn roles(call: Call, actor: Principal) -> HandlerResult {
    let roles = users::roles(call.context(), &actor, &call.user()).await?;
    Ok(ok(&UserRolesObject::from(roles)))
}

/// Roles to be held.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = UpdateRoles)]
pub(crate) struct UpdateRoles {
    /// Names of roles; they replace those held before.
    roles: Vec<String>,
}

impl UpdateRoles {
    pub(crate) fn into_names(self) -> Vec<String> {
        self.roles
    }
}

/// Replaces the site roles of a user.
#[utoipa::path(
    put, path = "/api/v2/users/{user}/roles", tag = "users",
    params(("user" = String, Path, description = "Id or name")),
    request_body = UpdateRoles,
    responses((status = 200, body = UserObject)),
)]
pub(crate) async fn update_roles(mut call: Call, actor: Principal) -> HandlerResult {
    let id = call.user();
    let may = async |call: &Call| users::may_change_roles(call.context(), &actor, &id).await;
    let body: UpdateRoles = call.json_after(may).await?;
    let user = users::update_roles(call.context(), &actor, &id, body.roles).await?;
    Ok(ok(&UserObject::from(user)))
}

/// A profile.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = UpdateUserProfileRequest)]
pub(crate) struct UpdateProfile {
    #[schema(required)]
    username: String,
    /// Empty or absent clears it.
    name: String,
}

/// Changes user name and real name.
#[utoipa::path(
    put, path = "/api/v2/users/{user}/profile", tag = "users",
    params(("user" = String, Path, description = "Id, name or `me`")),
    request_body = UpdateProfile,
    responses((status = 200, body = UserObject)),
)]
pub(crate) async fn update_profile(mut call: Call, actor: Principal) -> HandlerResult {
    let body: UpdateProfile = call.json_for(&actor, Intent::User(call.user(), Action::UpdatePersonal)).await?;
    let command = users::UpdateProfile { username: body.username, name: body.name };
    let user = users::update_profile(call.context(), &actor, &call.user(), command).await?;
    Ok(ok(&UserObject::from(user)))
}

/// A new password.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = UpdateUserPasswordRequest)]
pub(crate) struct ChangePassword {
    #[schema(required)]
    password: String,
    /// Needed for one's own account.
    old_password: String,
}

/// Changes a password and ends all sessions, keys and grants of the user.
#[utoipa::path(
    put, path = "/api/v2/users/{user}/password", tag = "users",
    params(("user" = String, Path, description = "Id, name or `me`")),
    request_body = ChangePassword,
    responses((status = 204)),
)]
pub(crate) async fn change_password(mut call: Call, actor: Principal) -> HandlerResult {
    let id = call.user();
    let may = async |call: &Call| users::may_change_password(call.context(), &actor, &id).await;
    let body: ChangePassword = call.json_after(may).await?;
    let command = users::ChangePassword {
        password: Secret::new(body.password),
        old_password: Some(Secret::new(body.old_password)),
    };
    users::change_password(call.context(), &actor, &id, command).await?;
    Ok(no_content())
}

/// How the dashboard looks to a user.
#[derive(Deserialize, Serialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = UserAppearanceSettings)]
pub(crate) struct Appearance {
    #[schema(required)]
    theme_preference: String,
    /// `ibm-plex-mono`, `fira-code`, `source-code-pro` or `jetbrains-mono`.
    #[schema(required)]
    terminal_font: String,
}

impl From<users::Appearance> for Appearance {
    fn from(appearance: users::Appearance) -> Self {
        Self { theme_preference: appearance.theme_preference, terminal_font: appearance.terminal_font }
    }
}

/// Shows how the dashboard looks to a user.
#[utoipa::path(
    get, path = "/api/v2/users/{user}/appearance", tag = "users",
    params(("user" = String, Path, description = "Id, name or `me`")),
    responses((status = 200, body = Appearance)),
)]
pub(crate) async fn appearance(call: Call, actor: Principal) -> HandlerResult {
    let appearance = users::appearance(call.context(), &actor, &call.user()).await?;
    Ok(ok(&Appearance::from(appearance)))
}

/// Changes how the dashboard looks to a user.
#[utoipa::path(
    put, path = "/api/v2/users/{user}/appearance", tag = "users",
    params(("user" = String, Path, description = "Id, name or `me`")),
    request_body = Appearance,
    responses((status = 200, body = Appearance)),
)]
pub(crate) async fn update_appearance(mut call: Call, actor: Principal) -> HandlerResult {
    let body: Appearance = call.json_for(&actor, Intent::User(call.user(), Action::UpdatePersonal)).await?;
    let command = users::Appearance { theme_preference: body.theme_preference, terminal_font: body.terminal_font };
    let appearance = users::update_appearance(call.context(), &actor, &call.user(), command).await?;
    Ok(ok(&Appearance::from(appearance)))
}

/// How a user signs in.
#[derive(Serialize, ToSchema)]
#[schema(as = UserLoginType)]
pub(crate) struct LoginType {
    login_type: &'static str,
}

/// Shows how the caller signs in.
#[utoipa::path(
    get, path = "/api/v2/users/{user}/login-type", tag = "users",
    params(("user" = String, Path, description = "Own id, own name or `me`")),
    responses((status = 200, body = LoginType)),
)]
pub(crate) async fn login_type(call: Call, actor: Principal) -> HandlerResult {
    let login_type = users::login_type(call.context(), &actor, &call.user()).await?;
    Ok(ok(&LoginType { login_type: login_type.as_str() }))
}

/// Lists the organizations that a user belongs to and the caller may read.
#[utoipa::path(
    get, path = "/api/v2/users/{user}/organizations", tag = "organizations",
    params(("user" = String, Path, description = "Id, name or `me`")),
    responses((status = 200, body = [OrganizationObject])),
)]
pub(crate) async fn organizations(call: Call, actor: Principal) -> HandlerResult {
    let found = users::organizations(call.context(), &actor, &call.user()).await?;
    Ok(ok(&found.into_iter().map(OrganizationObject::from).collect::<Vec<_>>()))
}

/// Shows an organization by its name.
#[utoipa::path(
    get, path = "/api/v2/users/{user}/organizations/{name}", tag = "organizations",
    params(
        ("user" = String, Path, description = "Id, name or `me`"),
        ("name" = String, Path, description = "Name of the organization"),
    ),
    responses((status = 200, body = OrganizationObject)),
)]
pub(crate) async fn organization(call: Call, actor: Principal) -> HandlerResult {
    let found = users::organization(call.context(), &actor, &call.user(), &call.segment("name")).await?;
    Ok(ok(&OrganizationObject::from(found)))
}
