//! Settings that use cases depend on. Each struct is a section of the settings file; `config/default.toml` has the defaults.

use crate::appearance::AppearanceSettings;
use crate::entitlements::settings::LicensingSettings;
use crate::factors::MfaSettings;
use crate::identity_providers::settings::{GithubSettings, OidcSettings};
use crate::idp_sync::settings::IdpSyncSettings;
use crate::notifications::{NotificationSettings, WebhookSettings};
use crate::oauth2::client_documents::settings::DocumentSettings;
use crate::oauth2::registration::RegistrationSettings;
use crate::provisioners::ProvisionerSettings;
use crate::replicas::ReplicaSettings;
use crate::scim::ScimSettings;
use crate::workspace_proxies::ProxySettings;
use crate::workspaces::WorkspaceSettings;
use doorward_domain::oauth2::{ClientType, RefreshPolicy, Resource, SIGNED_LIFETIME_MAX, SIGNED_LIFETIME_MIN};
use doorward_domain::quiet_hours::DailySchedule;
use doorward_domain::settings::{Defects, HasSection, Section, Span, optional};
use serde::{Deserialize, Serialize};
use url::Url;

/// Makes `Settings`, one field for each section.
macro_rules! sections {
    ($($(#[$doc:meta])* $field:ident: $section:ty,)+) => {
        /// Settings that use cases depend on.
        #[derive(Clone, Debug)]
        pub struct Settings {
            /// Where users and clients reach this server, without trailing slash: the issuer, and the base of every URL.
            pub access_url: Url,
            $($(#[$doc])* pub $field: $section,)+
        }

        impl Settings {
            /// The settings of a server at this address, with sections from somewhere.
            #[must_use]
            pub fn from_sections<F>(access_url: Url, from: &F) -> Self
            where
                $(F: HasSection<$section>,)+
            {
                Self { access_url, $($field: from.section(),)+ }
            }
        }
    };
}

sections! {
    /// Keys and sessions.
    sessions: SessionSettings,
    /// Second factors.
    mfa: MfaSettings,
    /// The authorization server.
    oauth2: OAuth2Settings,
    /// The audit log.
    audit: AuditSettings,
    /// When workspaces may be stopped for maintenance.
    quiet_hours: QuietHoursSettings,
    /// How members and groups follow the claims of identity providers.
    idp_sync: IdpSyncSettings,
    /// Providers of OpenID Connect.
    oidc: OidcSettings,
    /// Signing in with GitHub.
    github: GithubSettings,
    /// Directories that provision users.
    scim: ScimSettings,
    /// Licences.
    licensing: LicensingSettings,
    /// Provisioner daemons.
    provisioners: ProvisionerSettings,
    /// This server among others.
    replicas: ReplicaSettings,
    /// Workspace proxies.
    workspace_proxies: ProxySettings,
    /// Where people find documentation and help.
    appearance: AppearanceSettings,
    /// How people reach workspaces.
    workspaces: WorkspaceSettings,
    /// By which ways people are told.
    notifications: NotificationSettings,
    /// The server that gets notifications.
    webhook: WebhookSettings,
}

impl Settings {
    /// The access URL as text, without trailing slash: the issuer identifier (RFC 8414 2).
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.access_url.as_str().trim_end_matches('/')
    }

    /// What authenticator apps call this server: its host.
    pub(crate) fn totp_issuer(&self) -> String {
        self.access_url.host_str().unwrap_or("doorward").to_owned()
    }

    /// This server as a resource (RFC 8707).
    #[must_use]
    pub fn resource(&self) -> Resource {
        Resource::from_storage(self.issuer().to_owned())
    }
}

/// The section `oauth2.dpop`: proofs of possession (RFC 9449).
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct DpopSettings {
    /// When a proof must have a nonce of this server.
    pub nonce: NonceRule,
    /// How old a proof without a nonce may be.
    pub max_age: Span,
    /// How far in the future it may be.
    pub max_future: Span,
    /// Who remembers the proofs of requests that change nothing.
    pub api_replay: ApiReplay,
}

/// When a proof must have a nonce of this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NonceRule {
    /// Only where the clock of the client is off.
    WhenNeeded,
    /// Always.
    Always,
}

/// Who remembers the proofs of requests that change nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiReplay {
    /// The server that has seen it.
    Local,
    /// All of the deployment, by the database.
    Shared,
}

/// The section `session`: sessions, API tokens and passwords.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct SessionSettings {
    /// How long a session lives without being used.
    pub lifetime: Span,
    /// Whether use prolongs sessions.
    pub refresh: bool,
    /// Lifetime of an API token for which none is asked.
    pub token_lifetime_default: Span,
    /// Longest lifetime of an API token of a user.
    pub token_lifetime_max: Span,
    /// Longest lifetime of an API token of an owner.
    pub token_lifetime_max_owner: Span,
    /// Whether users may sign in with a password.
    pub password_login: bool,
    /// How long a one-time passcode can be used.
    pub passcode_lifetime: Span,
}

impl Section for SessionSettings {
    const NAME: &'static str = "session";

    fn check(&self, defects: &mut Defects) {
        defects.at_least_a_second("lifetime", self.lifetime);
        defects.at_least_a_second("token_lifetime_default", self.token_lifetime_default);
        defects.at_least_a_second("token_lifetime_max", self.token_lifetime_max);
        defects.at_least_a_second("token_lifetime_max_owner", self.token_lifetime_max_owner);
        defects.at_least_a_second("passcode_lifetime", self.passcode_lifetime);
        defects.unless(self.passcode_lifetime <= Span::DAY, "passcode_lifetime", "must be at most a day");
    }
}

/// The section `oauth2.device`: the device grant (RFC 8628).
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct DeviceSettings {
    /// Whether there is the device grant, for apps that may use it.
    pub enabled: bool,
    /// How long ago somebody may have signed in who decides about a device.
    pub max_auth_age: Span,
    /// Lifetime of a refresh token of a device; each refresh starts it anew.
    pub refresh_token_lifetime: Span,
}

/// The section `oauth2`: the authorization server.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in the settings file")]
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct OAuth2Settings {
    /// Lifetime of an access token.
    pub access_token_lifetime: Span,
    /// Lifetime of an access token that is signed, at resources that want one.
    pub jwt_access_token_lifetime: Span,
    /// Lifetime of a refresh token; each refresh starts it anew.
    pub refresh_token_lifetime: Span,
    /// For how long an exchanged refresh token still yields its successor.
    pub refresh_reuse_grace: Span,
    /// For how long it does so at most while nobody has used the successor pair.
    pub refresh_unused_window: Span,
    /// The same for public clients that prove themselves by the refresh token alone, and not by a key to which it is bound (RFC 9449).
    pub refresh_unused_window_public: Span,
    /// Whether a new exchange ends the earlier grant of the same user and app.
    pub single_grant_per_app: bool,
    /// Whether the replay of a code ends the grant that came of it.
    pub revoke_on_code_replay: bool,
    /// Whether new confidential apps must use PKCE.
    pub require_pkce: bool,
    /// Whether a bound resource must be repeated at the code exchange.
    pub require_resource_at_exchange: bool,
    /// How far in the future what a client signs may end, by which it proves itself.
    pub client_assertion_max_lifetime: Span,
    /// How long a pushed authorization request waits for a browser.
    pub pushed_request_lifetime: Span,
    /// Whether all authorization requests must be pushed.
    pub require_pushed_requests: bool,
    /// Resources that tokens may be bound to; `None`, written as an empty list, means any.
    #[serde(with = "resources")]
    pub resources: Option<Vec<Resource>>,
    /// Proofs of possession.
    pub dpop: DpopSettings,
    /// Clients that register themselves.
    pub registration: RegistrationSettings,
    /// Clients that are known by a document.
    pub cimd: DocumentSettings,
    /// Devices without a browser.
    pub device: DeviceSettings,
    /// Whether users are not asked twice whether they allow the same, where the app can prove who it is.
    pub remember_consent: bool,
}

impl OAuth2Settings {
    /// The part that the refresh rule needs, for clients of a type, with grants that are bound to a key or not.
    #[must_use]
    pub fn refresh_policy(&self, client_type: ClientType, is_bound: bool) -> RefreshPolicy {
        let unused_window = match client_type {
            ClientType::Public if !is_bound => self.refresh_unused_window_public,
            ClientType::Confidential | ClientType::Keyed | ClientType::Public => self.refresh_unused_window,
        };
        RefreshPolicy { reuse_grace: self.refresh_reuse_grace.get(), unused_window: unused_window.get() }
    }
}

impl Section for OAuth2Settings {
    const NAME: &'static str = "oauth2";

    fn check(&self, defects: &mut Defects) {
        defects.at_least_a_second("access_token_lifetime", self.access_token_lifetime);
        defects.at_least_a_second("client_assertion_max_lifetime", self.client_assertion_max_lifetime);
        defects.unless(
            self.client_assertion_max_lifetime <= Span::DAY,
            "client_assertion_max_lifetime",
            "must be at most a day",
        );
        let lifetime = self.pushed_request_lifetime;
        let is_short = (Span::seconds(5)..=Span::seconds(600)).contains(&lifetime);
        defects.unless(is_short, "pushed_request_lifetime", "must lie between 5 seconds and 10 minutes");
        defects.at_least_a_second("device.max_auth_age", self.device.max_auth_age);
        for (name, span) in [("dpop.max_age", self.dpop.max_age), ("dpop.max_future", self.dpop.max_future)] {
            let is_short = (Span::seconds(1)..=Span::seconds(3600)).contains(&span);
            defects.unless(is_short, name, "must lie between one second and one hour");
        }
        let signed = self.jwt_access_token_lifetime.get();
        let is_short = (SIGNED_LIFETIME_MIN..=SIGNED_LIFETIME_MAX).contains(&signed);
        defects.unless(is_short, "jwt_access_token_lifetime", "must be one minute to one hour");
        let is_longer = self.refresh_token_lifetime > self.access_token_lifetime;
        defects.unless(is_longer, "refresh_token_lifetime", "must be longer than `oauth2.access_token_lifetime`");
        let is_longer = self.device.refresh_token_lifetime > self.access_token_lifetime;
        defects.unless(
            is_longer,
            "device.refresh_token_lifetime",
            "must be longer than `oauth2.access_token_lifetime`",
        );
        self.registration.check(defects);
    }
}

/// The section `audit`: the audit log.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct AuditSettings {
    /// How long records are kept; `None`, written as an empty text, means for ever.
    #[serde(with = "optional")]
    pub retention: Option<Span>,
}

impl Section for AuditSettings {
    const NAME: &'static str = "audit";

    fn check(&self, defects: &mut Defects) {
        let is_long = self.retention.is_none_or(|kept| kept >= Span::DAY);
        defects.unless(is_long, "retention", "must be at least one day, or empty to keep records for ever");
    }
}

/// The section `quiet_hours`: when workspaces may be stopped for maintenance.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct QuietHoursSettings {
    /// The schedule of users who have not chosen one; `None`, written as an empty text: there are no quiet hours at all.
    #[serde(with = "optional")]
    pub default_schedule: Option<DailySchedule>,
    /// Whether users may choose their own; otherwise the default is that of everybody.
    pub user_can_set: bool,
}

impl Section for QuietHoursSettings {
    const NAME: &'static str = "quiet_hours";

    fn check(&self, _defects: &mut Defects) {}
}

/// The section `cache`: what is remembered of the database between requests.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct CacheSettings {
    /// How many subjects are remembered, and as many tokens and clients; 0: none.
    pub subjects: usize,
    /// For how long what is remembered is used while the database is away.
    pub serve_stale: Span,
}

impl Section for CacheSettings {
    const NAME: &'static str = "cache";

    fn check(&self, defects: &mut Defects) {
        defects.unless(self.subjects <= 10_000_000, "subjects", "must not be more than 10000000");
        defects.unless(self.serve_stale <= Span::DAY, "serve_stale", "must not be more than one day");
    }
}

/// The section `cleanup`: how dead rows are removed.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct CleanupSettings {
    /// How often dead rows are looked for.
    pub interval: Span,
    /// How many rows of each kind one batch removes.
    pub batch: u32,
}

impl Section for CleanupSettings {
    const NAME: &'static str = "cleanup";

    fn check(&self, defects: &mut Defects) {
        defects.at_least_a_second("interval", self.interval);
        defects.unless((1..=10_000).contains(&self.batch), "batch", "must lie between 1 and 10000");
    }
}

/// A list of resources, of which an empty one sets no limit.
mod resources {
    use doorward_domain::oauth2::Resource;
    use serde::de::{Deserialize as _, Deserializer, Error as _};
    use serde::ser::Serializer;

    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(
        resources: &Option<Vec<Resource>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(resources.iter().flatten().map(Resource::as_str))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Resource>>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let parse = |text: &String| Resource::parse(text).map_err(|e| D::Error::custom(format!("`{text}`: {e}")));
        let resources: Vec<Resource> = texts.iter().map(parse).collect::<Result<_, _>>()?;
        Ok((!resources.is_empty()).then_some(resources))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_testkit::settings::defaults;

    #[test]
    fn the_defaults_have_no_defect() {
        assert!(defaults::<SessionSettings>(SessionSettings::NAME).defects().is_empty());
        assert!(defaults::<OAuth2Settings>(OAuth2Settings::NAME).defects().is_empty());
        assert!(defaults::<AuditSettings>(AuditSettings::NAME).defects().is_empty());
        assert!(defaults::<IdpSyncSettings>(IdpSyncSettings::NAME).defects().is_empty());
        assert!(defaults::<QuietHoursSettings>(QuietHoursSettings::NAME).defects().is_empty());
        assert!(defaults::<CacheSettings>(CacheSettings::NAME).defects().is_empty());
        assert!(defaults::<CleanupSettings>(CleanupSettings::NAME).defects().is_empty());
    }

    #[test]
    fn all_that_is_wrong_with_a_section_is_told_at_once() {
        let settings = SessionSettings {
            lifetime: Span::ZERO,
            token_lifetime_max: Span::milliseconds(999),
            ..defaults(SessionSettings::NAME)
        };
        let keys = ["`session.lifetime`", "`session.token_lifetime_max`"];
        assert_eq!(settings.defects(), keys.map(|key| format!("the setting {key} must be at least one second")));

        let usual: OAuth2Settings = defaults(OAuth2Settings::NAME);
        let settings = OAuth2Settings { refresh_token_lifetime: usual.access_token_lifetime, ..usual };
        assert_eq!(settings.defects().len(), 1);

        // Not written out in full, so that another key is no edit here.
        let mut settings: CleanupSettings = defaults(CleanupSettings::NAME);
        (settings.interval, settings.batch) = (Span::ZERO, 10_001);
        assert_eq!(settings.defects().len(), 2);
        let mut settings: CacheSettings = defaults(CacheSettings::NAME);
        (settings.subjects, settings.serve_stale) = (10_000_001, Span::seconds(24 * 60 * 60 + 1));
        assert_eq!(settings.defects().len(), 2);
        let mut settings: AuditSettings = defaults(AuditSettings::NAME);
        settings.retention = Some(Span::seconds(23 * 60 * 60));
        assert_eq!(settings.defects().len(), 1);
    }

    #[test]
    fn resources_are_read_as_such_and_written_as_they_were() {
        let read = |text: &str| {
            let mut section = serde_json::to_value(defaults::<OAuth2Settings>(OAuth2Settings::NAME)).unwrap();
            section["resources"] = serde_json::from_str(text).unwrap();
            serde_json::from_value::<OAuth2Settings>(section)
        };
        assert_eq!(read("[]").unwrap().resources, None);
        let one = read(r#"["https://a.example"]"#).unwrap();
        assert_eq!(serde_json::to_value(one).unwrap()["resources"], serde_json::json!(["https://a.example"]));
        assert!(read(r#"["https://a.example", "x"]"#).unwrap_err().to_string().contains("`x`"));
    }
}
