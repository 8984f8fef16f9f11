//! Notifications (`enterprise-platform.md` 4).

mod inbox;
mod watch;

use crate::conventions::Api;
use crate::kit::answer::{message, no_content, ok};
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::json::Timestamp;
use crate::kit::routes::Routes;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use doorward_domain::ids::NotificationTemplateId;
use doorward_domain::notifications::{Method, NotificationPreference, NotifierSettings, TemplateKind};
use doorward_domain::roles::{Action, ResourceType};
use doorward_services::intent::Intent;
use doorward_services::notifications::{self, Changed, CustomMessage, ListedTemplate};
use doorward_services::{Error, FieldError, Principal};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_system_templates, system_templates);
    r.user(__path_custom_templates, custom_templates);
    r.user(__path_update_method, update_method);
    r.user(__path_dispatch_methods, dispatch_methods);
    r.user(__path_settings, settings);
    r.user(__path_update_settings, update_settings);
    r.user(__path_send_test, send_test);
    r.user(__path_send_custom, send_custom);
    r.user(__path_preferences, preferences);
    r.user(__path_update_preferences, update_preferences);
    inbox::routes(&mut r);
    watch::routes(&mut r);
}

/// A template of notifications.
#[derive(Serialize, ToSchema)]
#[schema(as = NotificationTemplate)]
pub(crate) struct TemplateObject {
    id: Uuid,
    name: &'static str,
    title_template: &'static str,
    body_template: &'static str,
    /// A JSON list of `{label, url}`, as text.
    actions: String,
    group: &'static str,
    /// The way that somebody chose; empty: the usual one.
    method: &'static str,
    kind: &'static str,
    enabled_by_default: bool,
}

impl From<ListedTemplate> for TemplateObject {
    fn from(listed: ListedTemplate) -> Self {
        let template = listed.template;
        Self {
            id: template.id.0,
            name: template.name,
            title_template: template.title,
            body_template: template.body,
            actions: listed.actions(),
            group: template.group,
            method: listed.method.map_or("", Method::as_str),
            kind: template.kind.as_str(),
            enabled_by_default: template.enabled_by_default,
        }
    }
}

async fn templates(call: &Call, actor: &Principal, kind: TemplateKind) -> HandlerResult {
    let listed = notifications::list_templates(call.context(), actor, kind).await?;
    Ok(ok(&listed.into_iter().map(TemplateObject::from).collect::<Vec<_>>()))
}

/// Lists the templates of what the server tells, by their names.
#[utoipa::path(
    get, path = "/api/v2/notifications/templates/system", tag = "notifications",
    responses((status = 200, body = [TemplateObject])),
)]
pub(crate) async fn system_templates(call: Call, actor: Principal) -> HandlerResult {
    templates(&call, &actor, TemplateKind::System).await
}

/// Lists the templates of what people tell.
#[utoipa::path(
    get, path = "/api/v2/notifications/templates/custom", tag = "notifications",
    responses((status = 200, body = [TemplateObject])),
)]
pub(crate) async fn custom_templates(call: Call, actor: Principal) -> HandlerResult {
    templates(&call, &actor, TemplateKind::Custom).await
}

/// A way by which notifications reach people.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = UpdateNotificationTemplateMethod)]
pub(crate) struct UpdateMethod {
    /// `smtp`, `webhook` or `inbox`.
    #[schema(required)]
    method: String,
}

/// Chooses the way of a template.
#[utoipa::path(
    put, path = "/api/v2/notifications/templates/{notification_template}/method", tag = "notifications",
    params(("notification_template" = Uuid, Path, description = "Id of the template")),
    request_body = UpdateMethod,
    responses(
        (status = 200, body = crate::kit::answer::Message),
        (status = 304, description = "It is that already"),
    ),
)]
pub(crate) async fn update_method(mut call: Call, actor: Principal) -> HandlerResult {
    let id: NotificationTemplateId = call.id("notification_template")?;
    let body: UpdateMethod =
        call.json_for(&actor, Intent::Anywhere(Action::Update, ResourceType::NotificationTemplate)).await?;
    let changed = notifications::update_method(call.context(), &actor, id, &body.method).await?;
    Ok(unless_unchanged(changed, || message("Successfully updated notification template method.")))
}

fn unless_unchanged(changed: Changed, answer: impl FnOnce() -> HttpResponse) -> HttpResponse {
    match changed {
        Changed::Yes => answer(),
        Changed::No => HttpResponse::new(StatusCode::NOT_MODIFIED),
    }
}

/// The ways that are set up.
#[derive(Serialize, ToSchema)]
#[schema(as = NotificationMethodsResponse)]
pub(crate) struct MethodsObject {
    /// `smtp`, `webhook`, both or none.
    available: Vec<&'static str>,
    /// The usual one; empty when none is set up.
    default: &'static str,
}

/// Shows which ways are set up besides the inbox.
#[utoipa::path(
    get, path = "/api/v2/notifications/dispatch-methods", tag = "notifications",
    responses((status = 200, body = MethodsObject)),
)]
pub(crate) async fn dispatch_methods(call: Call, _: Principal) -> HandlerResult {
    let (available, usual) = notifications::dispatch_methods(call.context());
    let available = available.into_iter().map(Method::as_str).collect();
    Ok(ok(&MethodsObject { available, default: usual.map_or("", Method::as_str) }))
}

/// What holds for all notifications.
#[derive(Deserialize, Serialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = NotificationsSettings)]
pub(crate) struct SettingsObject {
    /// Whether nothing is sent for now.
    notifier_paused: bool,
}

/// Shows whether notifications are paused.
#[utoipa::path(
    get, path = "/api/v2/notifications/settings", tag = "notifications",
    responses((status = 200, body = SettingsObject)),
)]
pub(crate) async fn settings(call: Call, actor: Principal) -> HandlerResult {
    let NotifierSettings { notifier_paused } = notifications::find_settings(call.context(), &actor).await?;
    Ok(ok(&SettingsObject { notifier_paused }))
}

/// Pauses notifications, or has them go on.
#[utoipa::path(
    put, path = "/api/v2/notifications/settings", tag = "notifications", request_body = SettingsObject,
    responses((status = 200, body = SettingsObject), (status = 304, description = "It is so already")),
)]
pub(crate) async fn update_settings(mut call: Call, actor: Principal) -> HandlerResult {
    let body: SettingsObject =
        call.json_for(&actor, Intent::Anywhere(Action::Update, ResourceType::DeploymentConfig)).await?;
    let wanted = NotifierSettings { notifier_paused: body.notifier_paused };
    let changed = notifications::update_settings(call.context(), &actor, wanted).await?;
    Ok(unless_unchanged(changed, || ok(&body)))
}

/// Sends a test to the caller.
#[utoipa::path(post, path = "/api/v2/notifications/test", tag = "notifications", responses((status = 204)))]
pub(crate) async fn send_test(call: Call, actor: Principal) -> HandlerResult {
    notifications::send_test(call.context(), &actor).await?;
    Ok(no_content())
}

/// Words of the caller's own.
#[derive(Deserialize, Serialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = CustomNotificationContent)]
pub(crate) struct CustomContent {
    /// At most 120 characters.
    #[schema(required)]
    title: String,
    /// At most 2000 characters.
    #[schema(required)]
    message: String,
}

/// A notification that the caller writes.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = CustomNotificationRequest)]
pub(crate) struct CustomRequest {
    content: Option<CustomContent>,
}

/// Sends a notification to the caller, in the caller's own words.
#[utoipa::path(
    post, path = "/api/v2/notifications/custom", tag = "notifications", request_body = CustomRequest,
    responses((status = 204)),
)]
pub(crate) async fn send_custom(mut call: Call, actor: Principal) -> HandlerResult {
    let body: CustomRequest =
        call.json_for(&actor, Intent::Own(Action::Create, ResourceType::NotificationMessage)).await?;
    let CustomContent { title, message } = body.content.unwrap_or_default();
    notifications::send_custom(call.context(), &actor, CustomMessage { title, message }).await?;
    Ok(no_content())
}

/// Whether somebody wants notifications of a template.
#[derive(Serialize, ToSchema)]
#[schema(as = NotificationPreference)]
pub(crate) struct PreferenceObject {
    /// Id of the template.
    id: Uuid,
    disabled: bool,
    updated_at: Timestamp,
}

fn preference_objects(all: Vec<NotificationPreference>) -> HttpResponse {
    let object = |preference: NotificationPreference| PreferenceObject {
        id: preference.template_id.0,
        disabled: preference.disabled,
        updated_at: preference.updated_at.into(),
    };
    ok(&all.into_iter().map(object).collect::<Vec<_>>())
}

/// Lists what a user has said about templates.
#[utoipa::path(
    get, path = "/api/v2/users/{user}/notifications/preferences", tag = "notifications",
    params(("user" = String, Path, description = "Id, name or `me`")),
    responses((status = 200, body = [PreferenceObject])),
)]
pub(crate) async fn preferences(call: Call, actor: Principal) -> HandlerResult {
    Ok(preference_objects(notifications::list_preferences(call.context(), &actor, &call.user()).await?))
}

/// What somebody says about templates.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = UpdateUserNotificationPreferences)]
pub(crate) struct UpdatePreferences {
    /// Whether they are not wanted, by the ids of templates.
    template_disabled_map: BTreeMap<String, bool>,
}

/// Says which notifications a user does not want. Templates that are not named stay as they are.
#[utoipa::path(
    put, path = "/api/v2/users/{user}/notifications/preferences", tag = "notifications",
    params(("user" = String, Path, description = "Id, name or `me`")),
    request_body = UpdatePreferences,
    responses((status = 200, body = [PreferenceObject])),
)]
pub(crate) async fn update_preferences(mut call: Call, actor: Principal) -> HandlerResult {
    let body: UpdatePreferences =
        call.json_for(&actor, Intent::Of(call.user(), Action::Update, ResourceType::NotificationPreference)).await?;
    let (mut disabled, mut defects) = (Vec::new(), Vec::new());
    for (id, is_disabled) in body.template_disabled_map {
        match Uuid::parse_str(&id) {
            Ok(id) => disabled.push((NotificationTemplateId(id), is_disabled)),
            Err(error) => defects.push(FieldError::new("template_disabled_map", format!("{id:?} is no UUID: {error}"))),
        }
    }
    if !defects.is_empty() {
        return Err(Error::invalid_fields("Unable to parse a template's id.", defects).into());
    }
    let all = notifications::update_preferences(call.context(), &actor, &call.user(), disabled).await?;
    Ok(preference_objects(all))
}
