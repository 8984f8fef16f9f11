//! Templates, and the ways that somebody chose for them.

use super::Changed;
use crate::audit::{Audited, Snapshot};
use crate::{Context, Error, FieldError, Principal};
use doorward_domain::audit::AuditResource;
use doorward_domain::ids::NotificationTemplateId;
use doorward_domain::notifications::{ALL, Method, NotificationTemplate, TemplateKind, find};
use doorward_domain::roles::{Action, Object, action, resource};
use serde_json::json;
use std::collections::HashMap;

/// A template with the way that somebody chose for it.
#[derive(Clone, Copy, Debug)]
pub struct ListedTemplate {
    /// The template.
    pub template: &'static NotificationTemplate,
    /// The way; `None`: the usual one.
    pub method: Option<Method>,
}

impl ListedTemplate {
    /// What can be done, as a JSON list.
    #[must_use]
    pub fn actions(&self) -> String {
        let actions = self.template.actions.iter().map(|one| json!({ "label": one.label, "url": one.url }));
        serde_json::Value::from(actions.collect::<Vec<_>>()).to_string()
    }
}

impl Audited for ListedTemplate {
    fn kind(&self) -> AuditResource {
        AuditResource::NotificationTemplate
    }

    fn id(&self) -> String {
        self.template.id.to_string()
    }

    fn target(&self) -> String {
        self.template.name.to_owned()
    }

    fn tracked(&self) -> Snapshot {
        let template = self.template;
        Snapshot::default()
            .field("name", template.name)
            .field("title_template", template.title)
            .field("body_template", template.body)
            .field("actions", self.actions())
            .field("group", template.group)
            .field("method", self.method.map_or("", Method::as_str))
            .field("kind", template.kind.as_str())
            .field("enabled_by_default", template.enabled_by_default)
    }
}

fn template_object(id: NotificationTemplateId) -> Object<'static> {
    Object::of::<resource::NotificationTemplate>().id(id.0)
}

/// The templates of a kind, by their names. Everybody who is signed in may see them.
pub async fn list_templates(ctx: &Context, by: &Principal, kind: TemplateKind) -> Result<Vec<ListedTemplate>, Error> {
    ctx.look(by, move |look| {
        let chosen: HashMap<_, _> = look.repos.notifications().list_methods()?.into_iter().collect();
        let of_kind = ALL.iter().filter(|template| template.kind == kind);
        let mut listed: Vec<_> =
            of_kind.map(|template| ListedTemplate { template, method: chosen.get(&template.id).copied() }).collect();
        listed.sort_by_key(|listed| listed.template.name);
        Ok(listed)
    })
    .await
}

/// The ways that are set up besides the inbox, and the usual one of them. Everybody who is signed in may know.
#[must_use]
pub fn dispatch_methods(ctx: &Context) -> (Vec<Method>, Option<Method>) {
    (ctx.outlets.available(&ctx.settings), ctx.outlets.usual(&ctx.settings))
}

/// Chooses the way of a template.
///
/// Needs `notification_template:read` and `notification_template:update`. Errors: `NotFound` (missing or not readable), `Invalid`
/// (`method`), `Forbidden`.
pub async fn update_method(
    ctx: &Context,
    by: &Principal,
    id: NotificationTemplateId,
    method: &str,
) -> Result<Changed, Error> {
    let template = find(id).ok_or(Error::NotFound)?;
    by.subject
        .check(Action::Read, &template_object(id))
        .map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
    let method: Method = method.parse().map_err(|_unknown| {
        let all = Method::ALL.iter().map(|method| method.as_str()).collect::<Vec<_>>().join(", ");
        let detail = format!("{method:?} is not a valid method; {all} are the available options");
        Error::invalid_fields(
            "Invalid request to update notification template dispatch method",
            vec![FieldError::new("method", detail)],
        )
    })?;
    ctx.act(by, move |deed| {
        let permit = deed.by.permit::<action::Update, resource::NotificationTemplate>(&template_object(id))?;
        let chosen = deed.repos.notifications().list_methods()?;
        let before = chosen.into_iter().find(|(known, _)| *known == id).map(|(_, method)| method);
        if !deed.repos.notifications().update_method(&permit, id, method)? {
            return Ok(deed.unrecorded("nothing changed", Changed::No));
        }
        let old = ListedTemplate { template, method: before };
        let recorded = deed.changed(&old, &ListedTemplate { template, method: Some(method) })?;
        Ok(recorded.answer(Changed::Yes))
    })
    .await
}
