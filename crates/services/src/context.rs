//! What every use case gets: the ports, the settings, and where a request comes from.

use crate::cache::SubjectCache;
use crate::keys::Keys;
use doorward_domain::oauth2::{ClientType, RefreshPolicy, Resource};
use doorward_domain::{Instant, Secret};
use doorward_ports::{Bus, Clock, PasswordHasher, Random, Store};
use std::sync::{Arc, LazyLock};
use time::Duration;
use url::Url;
use uuid::Uuid;

/// The ports and settings of the running server; cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// The database.
    pub store: Store,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// Password hashing.
    pub passwords: Arc<dyn PasswordHasher>,
    /// The keys of the server: of refresh tokens, of forms.
    pub keys: Keys,
    /// The settings that use cases depend on.
    pub settings: Arc<Settings>,
    /// What is remembered of the database between requests.
    pub cache: SubjectCache,
    /// Wake-ups between servers.
    pub bus: Bus,
}

impl Context {
    /// Now, and a new id of that moment.
    #[must_use]
    pub fn new_id<T: From<Uuid>>(&self) -> (Instant, T) {
        let now = self.clock.now();
        (now, self.random.id(now))
    }

    /// Random alphanumeric text.
    #[must_use]
    pub fn alphanumeric(&self, len: usize) -> Secret<String> {
        self.random.alphanumeric(len)
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Settings that use cases depend on.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where users and clients reach this server, without trailing slash: the issuer, and the base of every URL.
    pub access_url: Url,
    /// Keys and sessions.
    pub sessions: SessionSettings,
    /// The authorization server.
    pub oauth2: OAuth2Settings,
    /// The audit log.
    pub audit: AuditSettings,
}

impl Settings {
    /// The access URL as text, without trailing slash: the issuer identifier (RFC 8414 2).
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.access_url.as_str().trim_end_matches('/')
    }

    /// This server as a resource (RFC 8707).
    #[must_use]
    pub fn resource(&self) -> Resource {
        Resource::from_storage(self.issuer().to_owned())
    }
}

/// Settings of the audit log.
#[derive(Clone, Copy, Debug, Default)]
pub struct AuditSettings {
    /// How long records are kept; `None` means for ever.
    pub retention: Option<Duration>,
}

/// Settings of sessions, API tokens and passwords.
#[derive(Clone, Copy, Debug)]
pub struct SessionSettings {
    /// How long a session lives without being used.
    pub lifetime: Duration,
    /// Whether use prolongs sessions.
    pub refresh: bool,
    /// Lifetime of an API token for which none is asked.
    pub token_lifetime_default: Duration,
    /// Longest lifetime of an API token of a user.
    pub token_lifetime_max: Duration,
    /// Longest lifetime of an API token of an owner.
    pub token_lifetime_max_owner: Duration,
    /// Whether users may sign in with a password.
    pub password_login: bool,
}

impl Default for SessionSettings {
    /// The defaults of `identity.md` 2.5.
    fn default() -> Self {
        Self {
            lifetime: Duration::hours(24),
            refresh: true,
            token_lifetime_default: Duration::hours(168),
            token_lifetime_max: Duration::hours(876_600),
            token_lifetime_max_owner: Duration::hours(168),
            password_login: true,
        }
    }
}

/// Settings of the authorization server; the defaults are those of `decisions.md`.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in the settings file")]
#[derive(Clone, Debug)]
pub struct OAuth2Settings {
    /// Lifetime of an access token.
    pub access_token_lifetime: Duration,
    /// Lifetime of a refresh token; each refresh starts it anew.
    pub refresh_token_lifetime: Duration,
    /// For how long an exchanged refresh token still yields its successor.
    pub refresh_reuse_grace: Duration,
    /// For how long it does so at most while nobody has used the successor pair.
    pub refresh_unused_window: Duration,
    /// The same for public clients, which prove themselves by the refresh token alone. No token is bound to a key yet
    /// (RFC 9449); the grants of public clients that are will have the longer window, by [`Self::refresh_policy`].
    pub refresh_unused_window_public: Duration,
    /// Whether a new exchange ends the earlier grant of the same user and app.
    pub single_grant_per_app: bool,
    /// Whether the replay of a code ends the grant that came of it.
    pub revoke_on_code_replay: bool,
    /// Whether new confidential apps must use PKCE.
    pub require_pkce: bool,
    /// Whether a bound resource must be repeated at the code exchange.
    pub require_resource_at_exchange: bool,
    /// Resources that tokens may be bound to; `None` means any.
    pub resources: Option<Vec<Resource>>,
}

impl Default for OAuth2Settings {
    fn default() -> Self {
        Self {
            access_token_lifetime: Duration::hours(24),
            refresh_token_lifetime: Duration::days(30),
            refresh_reuse_grace: Duration::seconds(60),
            refresh_unused_window: Duration::hours(24),
            refresh_unused_window_public: Duration::HOUR,
            single_grant_per_app: false,
            revoke_on_code_replay: true,
            require_pkce: true,
            require_resource_at_exchange: false,
            resources: None,
        }
    }
}

impl OAuth2Settings {
    /// The part that the refresh rule needs, for clients of a type.
    #[must_use]
    pub const fn refresh_policy(&self, client_type: ClientType) -> RefreshPolicy {
        let unused_window = match client_type {
            ClientType::Confidential => self.refresh_unused_window,
            ClientType::Public => self.refresh_unused_window_public,
        };
        RefreshPolicy { reuse_grace: self.refresh_reuse_grace, unused_window }
    }
}

impl Origin {
    /// That of which nothing is known.
    #[must_use]
    pub fn unknown() -> Arc<Self> {
        static UNKNOWN: LazyLock<Arc<Origin>> = LazyLock::new(Arc::default);
        Arc::clone(&UNKNOWN)
    }
}

/// Where a request comes from, for audit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Address of the client.
    pub ip: String,
    /// What the client calls itself.
    pub user_agent: String,
    /// Id of the request.
    pub request_id: Option<Uuid>,
}
