use doorward_domain::ids::{AppId, AppSecretId, UserId};
use doorward_domain::keys::{KeyId, KeyRing};
use doorward_domain::oauth2::{
    App, AppSecret, Authorization, ClientRules, ClientType, DerivationKey, OpaqueToken, RedirectMatch, RedirectUri,
    Scopes,
};
use doorward_domain::settings::Section as _;
use doorward_domain::users::{User, UserStatus};
use doorward_domain::{Instant, Secret};
use doorward_ports::mocks::{FixedClock, MockRepositories, PlainHasher, SeededRandom, people};
use doorward_ports::openid::Known;
use doorward_services::oauth2::ClientAuthentication;
use doorward_services::{Context, Essentials, Keys, OAuth2Settings, Settings};
use doorward_testkit::settings::{Defaults, defaults};
use std::sync::Arc;
use time::macros::datetime;
use uuid::Uuid;

pub(crate) const NOW: Instant = datetime!(2026-03-01 12:00 UTC);
pub(crate) const APP: AppId = AppId(Uuid::from_u128(0xA));
pub(crate) const USER: UserId = UserId(Uuid::from_u128(0xB));
pub(crate) const SECRET: &str = "coder_secretpref_0123456789012345678901234567890123456789";

/// What [`key`] and the key of [`context`] are made of.
const SECRET_KEY: [u8; 32] = [7; 32];

pub(crate) fn key() -> DerivationKey {
    DerivationKey::named(KeyId::FIRST, &SECRET_KEY)
}

/// These scopes, as they would be stored.
pub(crate) fn scopes(text: &str) -> Scopes {
    Scopes::from_storage(text)
}

/// These scopes on this server.
pub(crate) fn authorization(text: &str) -> Authorization {
    Authorization { scopes: scopes(text), resource: None }
}

pub(crate) fn context(repos: MockRepositories) -> Context {
    context_with(repos, oauth2_settings())
}

pub(crate) fn oauth2_settings() -> OAuth2Settings {
    defaults(OAuth2Settings::NAME)
}

pub(crate) fn context_with(mut repos: MockRepositories, oauth2: OAuth2Settings) -> Context {
    // Nobody has a second factor.
    repos.factors.expect_find_totp().returning(|_| Ok(None));
    repos.factors.expect_find_proof().returning(|_| Ok(None));
    Context::from(Essentials {
        store: repos.into_store().into(),
        clock: Arc::new(FixedClock::at(NOW)),
        random: Arc::new(SeededRandom::new(1)),
        passwords: Arc::new(PlainHasher),
        keys: Keys::fixed(KeyRing::single(&SECRET_KEY)),
        settings: Settings { oauth2, ..Settings::from_sections("https://door.example".parse().unwrap(), &Defaults) },
    })
}

pub(crate) fn app(client_type: ClientType) -> App {
    App {
        id: APP,
        name: "robot".into(),
        icon: String::new(),
        redirect_uris: vec![RedirectUri::register("https://app.example/cb", false).unwrap()],
        redirect_match: RedirectMatch::Exact,
        client_type,
        require_pkce: true,
        allowed_scopes: None,
        allowed_resources: None,
        resources: Vec::new(),
        service_account_id: None,
        device_flow: false,
        refresh_tokens: true,
        rules: ClientRules::default(),
        created_at: NOW,
        updated_at: NOW,
        revision: 0,
    }
}

pub(crate) fn user(status: UserStatus) -> User {
    User { status, ..people::user(USER, "ann", NOW) }
}

/// A confidential app that knows its secret, and one user of the given state.
pub(crate) fn repos(app: App) -> MockRepositories {
    let mut repos = MockRepositories::default();
    let asking = app.clone();
    repos
        .openid
        .expect_find_asking()
        .returning(move |id, _| Ok((id == APP).then(|| (asking.clone(), Known::default()))));
    repos.apps.expect_find().returning(move |id| Ok((id == APP).then(|| app.clone())));
    repos.apps.expect_find_secret_by_prefix().returning(|prefix| {
        let token = OpaqueToken::parse(SECRET).unwrap();
        Ok((prefix == token.prefix()).then(|| app_secret(&token)))
    });
    repos
}

/// The secret of the app.
pub(crate) fn app_secret(token: &OpaqueToken) -> AppSecret {
    AppSecret {
        id: AppSecretId(Uuid::from_u128(0xC)),
        app_id: APP,
        prefix: token.prefix().to_owned(),
        digest: token.digest(),
        display_suffix: token.display_suffix(),
        created_at: NOW,
        last_used_at: Some(NOW),
    }
}

pub(crate) fn with_secret(secret: Option<&str>) -> ClientAuthentication {
    ClientAuthentication {
        client_id: Some(APP.to_string()),
        client_secret: secret.map(Secret::from),
        ..ClientAuthentication::default()
    }
}
