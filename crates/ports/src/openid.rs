//! What this server keeps as a provider of OpenID Connect.

use crate::StoreError;
use doorward_domain::Instant;
use doorward_domain::ids::{AppId, CodeId, DeviceAuthorizationId, GrantId, UserId};
use doorward_domain::oauth2::App;
use doorward_domain::openid::{AppRules, Consent, Identity, Logo, LogoutNotice};
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::sessions::ApiKeyId;
use time::Duration;
use uuid::Uuid;

/// What is known when an app asks a user for access, beside the app itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// What is particular about the app.
    pub rules: AppRules,
    /// Whether the app registered itself, and no administrator has changed it since.
    pub is_its_own: bool,
    /// When and how the user signed in (`acr`); `None` if that was with a password alone, when the session began.
    pub sign_in: Option<(Instant, String)>,
    /// What the user has allowed the app before, for each resource.
    pub consents: Vec<Consent>,
}

/// Stores what apps are told of sessions, and what is particular about apps. All of it goes with what it is about.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait OpenIdRepository {
    /// What apps are told the session of this key is called; `None` as long as none has asked.
    fn find_session(&mut self, key: &ApiKeyId) -> Result<Option<Uuid>, StoreError>;
    /// Gives the session a name, unless it has one.
    fn insert_session(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2AppCodeToken>,
        key: &ApiKeyId,
        sid: Uuid,
    ) -> Result<(), StoreError>;

    /// Whether the session of this name is there. Until the transaction ends, it does not end.
    fn hold_session(&mut self, sid: Uuid) -> Result<bool, StoreError>;

    /// What a code says of its user beside scopes.
    fn find_of_code(&mut self, code: CodeId) -> Result<Option<Identity>, StoreError>;
    /// Adds it, for a code that is stored already.
    fn insert_of_code(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2AppCodeToken>,
        code: CodeId,
        identity: &Identity,
    ) -> Result<(), StoreError>;
    /// What an approved device says of its user beside scopes.
    fn find_of_device(&mut self, device: DeviceAuthorizationId) -> Result<Option<Identity>, StoreError>;
    /// Adds it, for a device that is stored already.
    fn insert_of_device(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2AppCodeToken>,
        device: DeviceAuthorizationId,
        identity: &Identity,
    ) -> Result<(), StoreError>;
    /// What a grant says of its user beside scopes.
    fn find_of_grant(&mut self, grant: GrantId) -> Result<Option<Identity>, StoreError>;
    /// Adds it, for a grant that is stored already.
    fn insert_of_grant(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2AppCodeToken>,
        grant: GrantId,
        identity: &Identity,
    ) -> Result<(), StoreError>;
    /// The grants that came of the session of this name, each with its app and user, by the ids of the grants.
    fn list_grants_of_session(&mut self, sid: Uuid) -> Result<Vec<(GrantId, AppId, UserId)>, StoreError>;
    /// The apps that were told who this user is and have grants of theirs, by id.
    fn list_apps_of_user(&mut self, user: UserId) -> Result<Vec<AppId>, StoreError>;

    /// The app, and what is known when it asks this user, who is signed in by this key; of nobody if none is.
    fn find_asking(&mut self, app: AppId, user: Option<(UserId, ApiKeyId)>)
    -> Result<Option<(App, Known)>, StoreError>;
    /// What is particular about an app; `None` if nothing is.
    fn find_rules(&mut self, app: AppId) -> Result<Option<AppRules>, StoreError>;
    /// What is particular about those of these apps about which something is, by id.
    fn list_rules(&mut self, apps: &[AppId]) -> Result<Vec<(AppId, AppRules)>, StoreError>;
    /// Sets what is particular about an app that is stored already.
    fn update_rules(
        &mut self,
        permit: &Permit<action::Update, resource::Oauth2App>,
        app: AppId,
        rules: &AppRules,
    ) -> Result<(), StoreError>;

    /// The mail address that the user has proved to read, or that somebody vouches for, in lower case. They may have another one by now.
    fn find_verified_email(&mut self, user: UserId) -> Result<Option<String>, StoreError>;
    /// Sets it; `None` takes it back.
    #[expect(clippy::needless_lifetimes, reason = "the mock needs a name for it")]
    fn update_verified_email<'a>(
        &mut self,
        permit: &Permit<action::Update, resource::User>,
        user: UserId,
        email: Option<&'a str>,
    ) -> Result<(), StoreError>;

    /// The logo of an app.
    fn find_logo(&mut self, app: AppId) -> Result<Option<Logo>, StoreError>;
    /// Keeps a logo of an app that is stored already in the place of the one before; `None` removes it.
    #[expect(clippy::needless_lifetimes, reason = "the mock needs a name for it")]
    fn replace_logo<'a>(
        &mut self,
        permit: &Permit<action::Update, resource::Oauth2App>,
        app: AppId,
        logo: Option<&'a Logo>,
    ) -> Result<(), StoreError>;

    /// Remembers what was allowed, in the place of what was before.
    fn upsert_consent(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2AppCodeToken>,
        consent: &Consent,
    ) -> Result<(), StoreError>;
    /// Forgets all that the user has allowed the app; whether there was something.
    fn delete_consents(
        &mut self,
        permit: &Permit<action::Delete, resource::Oauth2AppCodeToken>,
        user: UserId,
        app: AppId,
    ) -> Result<bool, StoreError>;
}

/// Stores which apps are still to be told that a session has ended.
///
/// Whatever deletes or expires the key of a session writes that by itself, in the same statement or transaction: of the apps that have a
/// grant that came of the session, those that have said where. What ends all that a user has writes it for all sessions of the user. Times
/// are by the clock of the database.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait LogoutRepository {
    /// How long nothing is to be tried, if there is something.
    fn due_in(&mut self) -> Result<Option<Duration>, StoreError>;
    /// Begins an attempt of at most `limit` that are due, each of which is left alone for `lease` from now on.
    fn claim(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<LogoutNotice>, StoreError>;
    /// Removes one that was told, or is given up; `false` when another attempt has begun, or it is gone.
    fn remove(
        &mut self,
        permit: &Permit<action::Delete, resource::System>,
        notice: &LogoutNotice,
    ) -> Result<bool, StoreError>;
    /// Notes that an attempt was in vain, and has the next one wait; `false` as in [`remove`](Self::remove).
    fn postpone(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        notice: &LogoutNotice,
        pause: Duration,
        error: &str,
    ) -> Result<bool, StoreError>;
}
