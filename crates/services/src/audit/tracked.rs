//! What the audit log says of a thing, and which of its fields it follows (`enterprise-platform.md` 9.2).

use super::{Audited, Diff};
use doorward_domain::Instant;
use doorward_domain::audit::AuditResource;
use doorward_domain::oauth2::{App, Grant, KeySource, RedirectUri, Resource, Scopes};
use doorward_domain::sessions::ApiKey;
use doorward_domain::users::{PasswordHash, User};
use doorward_domain::wire::NEVER;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use time::format_description::well_known::Rfc3339;

/// A moment as clients know it; `None` is never.
pub(crate) fn moment(at: Option<Instant>) -> String {
    at.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_else(|| NEVER.to_owned())
}

/// The tracked fields of a thing at one moment. Not printable, for there are secrets in it.
#[derive(Clone, Default)]
pub(crate) struct Snapshot(Vec<Field>);

#[derive(Clone)]
struct Field {
    name: &'static str,
    value: Value,
    /// What stands for nothing.
    zero: Value,
    is_secret: bool,
}

impl Snapshot {
    /// A field that may be seen.
    pub(crate) fn field(self, name: &'static str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let zero = match &value {
            Value::Null => Value::Null,
            Value::Bool(_) => json!(false),
            Value::Number(_) => json!(0),
            Value::String(_) => json!(""),
            Value::Array(_) => json!([]),
            Value::Object(_) => json!({}),
        };
        self.with(Field { name, value, zero, is_secret: false })
    }

    /// A moment; `None` is never.
    pub(crate) fn moment(self, name: &'static str, at: Option<Instant>) -> Self {
        self.with(Field { name, value: moment(at).into(), zero: NEVER.into(), is_secret: false })
    }

    /// A field of which nobody learns more than that it changed.
    pub(crate) fn secret(self, name: &'static str, value: Option<&str>) -> Self {
        self.with(Field { name, value: value.unwrap_or_default().into(), zero: "".into(), is_secret: true })
    }

    fn with(mut self, field: Field) -> Self {
        self.0.push(field);
        self
    }

    /// The same fields of nothing.
    pub(super) fn zero(&self) -> Self {
        Self(self.0.iter().map(|field| Field { value: field.zero.clone(), ..field.clone() }).collect())
    }

    /// What changed until then.
    pub(super) fn until(&self, then: &Self) -> Diff {
        self.0.iter().zip(&then.0).fold(Diff::default(), |diff, (old, new)| match old.is_secret {
            true if old.value == new.value => diff,
            true => diff.secret(old.name),
            false => diff.field(old.name, old.value.clone(), new.value.clone()),
        })
    }
}

impl Audited for User {
    fn kind(&self) -> AuditResource {
        AuditResource::User
    }

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn target(&self) -> String {
        self.username.to_string()
    }

    fn tracked(&self) -> Snapshot {
        Snapshot::default()
            .field("id", self.id.to_string())
            .field("email", self.shown_email())
            .field("username", self.username.as_str())
            .secret("hashed_password", self.password_hash.as_ref().map(PasswordHash::expose))
            .field("status", self.status.as_str())
            .field("rbac_roles", self.roles.as_slice())
            .field("login_type", self.login_type.as_str())
            .field("deleted", self.deleted)
            .field("name", self.name.as_str())
            .field("is_system", self.is_system)
            // Ours.
            .field("theme_preference", self.theme_preference.as_str())
            .field("terminal_font", self.terminal_font.as_str())
    }
}

impl Audited for ApiKey {
    fn kind(&self) -> AuditResource {
        AuditResource::ApiKey
    }

    /// That of its user, for clients read a UUID.
    fn id(&self) -> String {
        self.user_id.to_string()
    }

    fn target(&self) -> String {
        self.token_name.clone()
    }

    /// The public part of the token.
    fn about(&self) -> Map<String, Value> {
        Map::from_iter([("key_id".to_owned(), self.id.as_str().into())])
    }

    fn ended_status(&self) -> u16 {
        204
    }

    fn tracked(&self) -> Snapshot {
        Snapshot::default()
            .field("user_id", self.user_id.to_string())
            .moment("last_used", self.last_used)
            .moment("expires_at", Some(self.expires_at))
            .moment("created_at", Some(self.created_at))
            // Ours.
            .field("token_name", self.token_name.as_str())
            .field("scopes", self.scope_names().map(Cow::into_owned).collect::<Vec<_>>())
            .field("allow_list", self.allow_list.iter().flatten().map(ToString::to_string).collect::<Vec<_>>())
    }
}

impl Audited for App {
    fn kind(&self) -> AuditResource {
        AuditResource::Oauth2ProviderApp
    }

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn target(&self) -> String {
        self.name.clone()
    }

    fn ended_status(&self) -> u16 {
        204
    }

    fn tracked(&self) -> Snapshot {
        let uris: Vec<&str> = self.redirect_uris.iter().map(RedirectUri::as_str).collect();
        let texts = |list: &[Resource]| list.iter().map(ToString::to_string).collect::<Vec<String>>();
        Snapshot::default()
            .field("name", self.name.as_str())
            .field("icon", self.icon.as_str())
            .field("callback_url", uris.first().copied().unwrap_or_default())
            .field("redirect_uris", uris)
            .field("client_type", self.client_type.as_str())
            // Ours.
            .field("redirect_match", self.redirect_match.as_str())
            .field("require_pkce", self.require_pkce)
            .field("scopes", self.allowed_scopes.as_ref().map(Scopes::to_names))
            .field("allowed_resources", self.allowed_resources.as_deref().map(texts))
            .field("resources", texts(&self.resources))
            .field("device_flow", self.device_flow)
            .field("refresh_tokens", self.refresh_tokens)
            .field("require_pushed_requests", self.rules.require_pushed_requests)
            .field("require_signed_requests", self.rules.require_signed_requests)
            .field("dpop_bound_access_tokens", self.rules.dpop_bound)
            .field("keys", self.rules.keys.as_ref().map(KeySource::identity).unwrap_or_default())
            .field("service_account_id", self.service_account_id.map(|id| id.to_string()).unwrap_or_default())
    }
}

impl Audited for Grant {
    fn kind(&self) -> AuditResource {
        AuditResource::Oauth2ProviderGrant
    }

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn target(&self) -> String {
        self.app_id.to_string()
    }

    fn tracked(&self) -> Snapshot {
        Snapshot::default()
            .field("user_id", self.user_id.to_string())
            .field("app_id", self.app_id.to_string())
            .field("scopes", self.authorization.scopes.to_names())
            .field("audience", self.authorization.resource.as_ref().map(ToString::to_string).unwrap_or_default())
            .field("device", self.is_device)
            .moment("created_at", Some(self.created_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::testing::{ann, key};
    use serde_json::json;

    #[test]
    fn what_is_made_comes_of_nothing_and_what_ends_goes_back_to_it() {
        let user = User { roles: ["owner"].into_iter().collect(), ..ann() };
        let changed = |old: Value, new: Value| json!({ "old": old, "new": new, "secret": false });
        let made = Diff::created(&user).into_json();
        assert_eq!(made["id"], changed(json!(""), json!(user.id.to_string())));
        assert_eq!(made["rbac_roles"], changed(json!([]), json!(["owner"])));
        assert_eq!(made["hashed_password"], json!({ "old": "", "new": "", "secret": true }));
        assert!(made.get("deleted").is_none() && made.get("name").is_none(), "{made}");

        let ended = Diff::deleted(&key(user.id)).into_json();
        assert_eq!(ended["expires_at"], changed(json!("2026-03-05T05:06:07Z"), json!(NEVER)));
        assert_eq!(ended["scopes"], changed(json!(["all"]), json!([])));
        assert!(ended.get("token_name").is_none(), "{ended}");
    }

    #[test]
    fn a_changed_secret_is_told_and_nothing_of_it() {
        let hash = |text: &str| Some(PasswordHash::new(text.to_owned()));
        let old = User { password_hash: hash("before"), ..ann() };
        let new = User { password_hash: hash("after"), ..ann() };
        let diff = Diff::between(&old, &new).into_json();
        assert_eq!(diff, json!({ "hashed_password": { "old": "", "new": "", "secret": true } }));
        assert_eq!(Diff::between(&old, &old.clone()).into_json(), json!({}));
    }
}
