//! Records in words, with places that the dashboard fills, and where the things touched are shown.

use doorward_domain::audit::{AuditAction, AuditRecord, AuditResource};
use std::borrow::Cow;
use url::form_urlencoded::byte_serialize;

/// What happened, with the literal placeholders `{user}` and `{target}`.
pub(crate) fn describe(record: &AuditRecord) -> String {
    let (action, kind) = (record.action, record.resource_type);
    let verb = match record.status_code {
        400.. => Cow::Owned(format!("unsuccessfully attempted to {}", infinitive(action))),
        303 => Cow::Owned(format!("was redirected attempting to {}", infinitive(action))),
        _ => Cow::Borrowed(past(action)),
    };
    if action == AuditAction::RequestPasswordReset {
        return if record.status_code < 400 {
            "password reset requested for {target}".to_owned()
        } else {
            "password reset unsuccessfully requested for {target}".to_owned()
        };
    }
    let is_session = matches!(action, AuditAction::Login | AuditAction::Logout | AuditAction::Register);
    if kind == AuditResource::ApiKey && is_session {
        return format!("{{user}} {verb}");
    }
    let noun = noun(kind);
    if kind == AuditResource::GitSshKey {
        return format!("{{user}} {verb} the {noun}");
    }
    format!("{{user}} {verb} {noun} {{target}}")
}

/// Where the dashboard shows the thing; empty when it is gone or shown nowhere.
pub(super) fn link(record: &AuditRecord, is_deleted: bool) -> String {
    if is_deleted {
        return String::new();
    }
    let field = |name: &str| record.additional_fields.get(name).and_then(|value| value.as_str()).unwrap_or_default();
    let target = segment(&record.resource_target);
    let workspace = || match (field("workspace_owner"), field("workspace_name")) {
        ("", _) | (_, "") => None,
        (owner, name) => Some(format!("/@{}/{}", segment(owner), segment(name))),
    };
    let path = match record.resource_type {
        AuditResource::Template => Some(format!("/templates/{target}")),
        AuditResource::User => Some(format!("/users?filter={target}")),
        AuditResource::Workspace => {
            let owner = field("workspace_owner");
            (!owner.is_empty()).then(|| format!("/@{}/{target}", segment(owner)))
        }
        AuditResource::WorkspaceBuild => {
            let number = field("build_number");
            workspace().filter(|_| !number.is_empty()).map(|path| format!("{path}/builds/{}", segment(number)))
        }
        AuditResource::WorkspaceAgent | AuditResource::WorkspaceApp => workspace(),
        AuditResource::Oauth2ProviderApp => Some(app(&record.resource_id)),
        AuditResource::Oauth2ProviderAppSecret => Some(field("app_id")).filter(|id| !id.is_empty()).map(app),
        AuditResource::TemplateVersion
        | AuditResource::GitSshKey
        | AuditResource::ApiKey
        | AuditResource::Group
        | AuditResource::License
        | AuditResource::ConvertLogin
        | AuditResource::HealthSettings
        | AuditResource::NotificationsSettings
        | AuditResource::PrebuildsSettings
        | AuditResource::WorkspaceProxy
        | AuditResource::Organization
        | AuditResource::Oauth2ProviderGrant
        | AuditResource::CryptoKey
        | AuditResource::ScimToken
        | AuditResource::ProvisionerKey
        | AuditResource::IdentityProvider
        | AuditResource::CustomRole
        | AuditResource::OrganizationMember
        | AuditResource::NotificationTemplate
        | AuditResource::IdpSyncSettingsOrganization
        | AuditResource::IdpSyncSettingsGroup
        | AuditResource::IdpSyncSettingsRole => None,
    };
    path.unwrap_or_default()
}

fn app(id: &str) -> String {
    format!("/deployment/oauth2-provider/apps/{}", segment(id))
}

/// A part of a path or of a query.
fn segment(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

const fn past(action: AuditAction) -> &'static str {
    match action {
        AuditAction::Create => "created",
        AuditAction::Write => "updated",
        AuditAction::Delete => "deleted",
        AuditAction::Start => "started",
        AuditAction::Stop => "stopped",
        AuditAction::Login => "logged in",
        AuditAction::Logout => "logged out",
        AuditAction::Register => "registered",
        AuditAction::RequestPasswordReset => "requested a password reset for",
        AuditAction::Connect => "connected to",
        AuditAction::Disconnect => "disconnected from",
        AuditAction::Open => "opened",
        AuditAction::Close => "closed",
        AuditAction::RefreshTokenReuse => "reused a refresh token of",
        AuditAction::AuthorizationCodeReplay => "replayed an authorization code of",
        AuditAction::DeviceAuthorizationStart => "asked on a device for access with",
        AuditAction::DeviceAuthorizationApprove => "let a device act with",
        AuditAction::DeviceAuthorizationDeny => "denied a device access with",
        AuditAction::ExplainAccess => "asked why access is given or denied to",
        AuditAction::SearchAccess => "asked who has access to what is of",
        AuditAction::PrivateKeyExposure => "found private keys of",
    }
}

const fn infinitive(action: AuditAction) -> &'static str {
    match action {
        AuditAction::RequestPasswordReset => "request a password reset for",
        AuditAction::Connect => "connect to",
        AuditAction::Disconnect => "disconnect from",
        AuditAction::RefreshTokenReuse => "reuse a refresh token of",
        AuditAction::AuthorizationCodeReplay => "replay an authorization code of",
        AuditAction::DeviceAuthorizationStart => "ask on a device for access with",
        AuditAction::DeviceAuthorizationApprove => "let a device act with",
        AuditAction::DeviceAuthorizationDeny => "deny a device access with",
        AuditAction::ExplainAccess => "ask why access is given or denied to",
        AuditAction::SearchAccess => "ask who has access to what is of",
        AuditAction::PrivateKeyExposure => "take private keys of",
        AuditAction::Create
        | AuditAction::Write
        | AuditAction::Delete
        | AuditAction::Start
        | AuditAction::Stop
        | AuditAction::Login
        | AuditAction::Logout
        | AuditAction::Register
        | AuditAction::Open
        | AuditAction::Close => action.as_str(),
    }
}

const fn noun(kind: AuditResource) -> &'static str {
    match kind {
        AuditResource::Template => "template",
        AuditResource::TemplateVersion => "template version",
        AuditResource::User => "user",
        AuditResource::Workspace => "workspace",
        AuditResource::WorkspaceBuild => "workspace build",
        AuditResource::GitSshKey => "git ssh key",
        AuditResource::ApiKey => "token",
        AuditResource::CryptoKey => "server key",
        AuditResource::ScimToken => "directory token",
        AuditResource::ProvisionerKey => "provisioner key",
        AuditResource::IdentityProvider => "identity provider",
        AuditResource::Group => "group",
        AuditResource::License => "license",
        AuditResource::ConvertLogin => "login type conversion",
        AuditResource::HealthSettings => "health settings",
        AuditResource::NotificationsSettings => "notifications settings",
        AuditResource::PrebuildsSettings => "prebuilds settings",
        AuditResource::WorkspaceProxy => "workspace proxy",
        AuditResource::Organization => "organization",
        AuditResource::Oauth2ProviderApp => "oauth2 app",
        AuditResource::Oauth2ProviderAppSecret => "oauth2 app secret",
        AuditResource::Oauth2ProviderGrant => "oauth2 grant",
        AuditResource::CustomRole => "custom role",
        AuditResource::OrganizationMember => "organization member",
        AuditResource::NotificationTemplate => "notification template",
        AuditResource::IdpSyncSettingsOrganization => "settings of organization sync",
        AuditResource::IdpSyncSettingsGroup => "settings of group sync",
        AuditResource::IdpSyncSettingsRole => "settings of role sync",
        AuditResource::WorkspaceAgent => "workspace agent",
        AuditResource::WorkspaceApp => "workspace app",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_domain::Instant;
    use doorward_domain::ids::AuditId;
    use serde_json::{Value, json};

    fn record(action: AuditAction, resource_type: AuditResource, status_code: u16) -> AuditRecord {
        AuditRecord {
            id: AuditId::NIL,
            time: Instant::UNIX_EPOCH,
            user_id: None,
            organization_id: None,
            ip: String::new(),
            user_agent: String::new(),
            resource_type,
            resource_id: "0000".to_owned(),
            resource_target: "a b".to_owned(),
            action,
            diff: Value::Null,
            status_code,
            additional_fields: Value::Null,
            request_id: None,
        }
    }

    #[test]
    fn a_record_in_words() {
        use AuditAction as A;
        use AuditResource as R;
        for (action, kind, status, words) in [
            (A::Create, R::User, 201, "{user} created user {target}"),
            (A::Write, R::OrganizationMember, 200, "{user} updated organization member {target}"),
            (A::Start, R::WorkspaceBuild, 303, "{user} was redirected attempting to start workspace build {target}"),
            (A::Delete, R::Group, 400, "{user} unsuccessfully attempted to delete group {target}"),
            (A::Login, R::ApiKey, 201, "{user} logged in"),
            (A::Logout, R::ApiKey, 200, "{user} logged out"),
            (A::Login, R::ApiKey, 401, "{user} unsuccessfully attempted to login"),
            (A::Create, R::ApiKey, 201, "{user} created token {target}"),
            (A::Write, R::GitSshKey, 200, "{user} updated the git ssh key"),
            (A::RequestPasswordReset, R::User, 201, "password reset requested for {target}"),
            (
                A::RefreshTokenReuse,
                R::Oauth2ProviderGrant,
                400,
                "{user} unsuccessfully attempted to reuse a refresh token of oauth2 grant {target}",
            ),
        ] {
            assert_eq!(describe(&record(action, kind, status)), words);
        }
    }

    #[test]
    fn things_are_linked_while_they_are_there() {
        use AuditResource as R;
        let fields = json!({
            "workspace_owner": "ann", "workspace_name": "w/x", "build_number": "3", "app_id": "11",
        });
        for (kind, path, without_fields) in [
            (R::Template, "/templates/a%20b", "/templates/a%20b"),
            (R::User, "/users?filter=a%20b", "/users?filter=a%20b"),
            (R::Workspace, "/@ann/a%20b", ""),
            (R::WorkspaceBuild, "/@ann/w%2Fx/builds/3", ""),
            (R::WorkspaceAgent, "/@ann/w%2Fx", ""),
            (R::WorkspaceApp, "/@ann/w%2Fx", ""),
            (R::Oauth2ProviderApp, "/deployment/oauth2-provider/apps/0000", "/deployment/oauth2-provider/apps/0000"),
            (R::Oauth2ProviderAppSecret, "/deployment/oauth2-provider/apps/11", ""),
            (R::Group, "", ""),
        ] {
            let bare = record(AuditAction::Write, kind, 200);
            let full = AuditRecord { additional_fields: fields.clone(), ..bare.clone() };
            assert_eq!(link(&full, false), path, "{kind}");
            assert_eq!(link(&bare, false), without_fields, "{kind}");
            assert_eq!(link(&full, true), "", "{kind}");
        }
    }
}
