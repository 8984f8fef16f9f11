//! Apps, codes, grants and keys to put into a database.

use super::{Fixture, NOW, id, key_id, next, permit, random_text, user};
use doorward_domain::Digest;
use doorward_domain::ids::AppId;
use doorward_domain::oauth2::{
    App, AppSecret, Authorization, AuthorizationCode, ClientRules, ClientType, ExchangedTokens, Grant, KeyThumbprint,
    RedirectMatch, RedirectUri, Scopes,
};
use doorward_domain::sessions::{ApiKey, OAuth2Binding};
use doorward_domain::users::{LoginType, User};
use doorward_ports::oauth2::{ClientCredentials, Rotation};
use time::Duration;

/// These scopes, as they would be stored.
pub(crate) fn scopes(text: &str) -> Scopes {
    Scopes::from_storage(text)
}

/// A session of a browser.
pub(crate) fn session(user: &User) -> ApiKey {
    ApiKey {
        id: key_id(),
        user_id: user.id,
        secret_digest: Digest::of(random_text()),
        login_type: LoginType::Password,
        scopes: Scopes::all(),
        allow_list: None,
        token_name: String::new(),
        ip: "192.0.2.1".to_owned(),
        created_at: NOW,
        updated_at: NOW,
        last_used: None,
        expires_at: NOW + Duration::DAY,
        lifetime_seconds: 86_400,
        slides_until: None,
        oauth2: None,
    }
}

/// An API token.
pub(crate) fn token(user: &User, name: &str) -> ApiKey {
    ApiKey { login_type: LoginType::Token, token_name: name.to_owned(), ..session(user) }
}

pub(crate) fn app(name: &str) -> App {
    App {
        id: id(),
        name: name.to_owned(),
        icon: String::new(),
        redirect_uris: vec![RedirectUri::from_storage("https://app.example/cb".to_owned())],
        redirect_match: RedirectMatch::Exact,
        client_type: ClientType::Confidential,
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

pub(crate) fn public_app(name: &str) -> App {
    App { client_type: ClientType::Public, ..app(name) }
}

pub(crate) fn secret(app: &App) -> AppSecret {
    AppSecret {
        id: id(),
        app_id: app.id,
        prefix: random_text(),
        digest: Digest::of(random_text()),
        display_suffix: "abcdef".to_owned(),
        created_at: NOW,
        last_used_at: None,
    }
}

pub(crate) fn client(secret: &AppSecret) -> ClientCredentials {
    ClientCredentials { app_id: secret.app_id, secret: Some((secret.prefix.clone(), secret.digest)), by_key: false }
}

pub(crate) fn public_client(app_id: AppId) -> ClientCredentials {
    ClientCredentials { app_id, secret: None, by_key: false }
}

pub(crate) fn code(app: &App, user: &User) -> AuthorizationCode {
    AuthorizationCode {
        id: id(),
        prefix: random_text(),
        digest: Digest::of(random_text()),
        app_id: app.id,
        user_id: user.id,
        redirect_uri: Some("https://app.example/cb".to_owned()),
        challenge: None,
        jkt: None,
        authorization: Authorization { scopes: Scopes::all(), resource: None },
        created_at: NOW,
        expires_at: NOW + Duration::minutes(10),
        redeemed: None,
        implied_redirect_uri: None,
    }
}

/// A grant and the key that is its access token.
pub(crate) fn grant(app: &App, secret: Option<&AppSecret>, user: &User) -> (Grant, ApiKey) {
    let grant = Grant {
        id: id(),
        app_id: app.id,
        user_id: user.id,
        secret_id: secret.map(|secret| secret.id),
        by_key: false,
        jkt: None,
        authorization: Authorization { scopes: scopes("user:read workspace:read"), resource: None },
        access_key_id: key_id(),
        access_expires_at: NOW + Duration::HOUR,
        refresh_prefix: random_text(),
        refresh_digest: Digest::of("refresh 0"),
        refresh_expires_at: NOW + 30 * Duration::DAY,
        exchanged: ExchangedTokens::default(),
        generation: 0,
        created_at: NOW,
        app_revision: 0,
        is_device: false,
    };
    let key = ApiKey {
        id: grant.access_key_id.clone(),
        login_type: LoginType::Oauth2ProviderApp,
        secret_digest: Digest::of("access 0"),
        scopes: grant.authorization.scopes.clone(),
        token_name: format!("{}_{}_oauth_session_token", user.id, app.id),
        expires_at: grant.access_expires_at,
        lifetime_seconds: 3600,
        slides_until: None,
        oauth2: Some(OAuth2Binding {
            app_id: app.id,
            grant_id: Some(grant.id),
            secret_id: grant.secret_id,
            jkt: None,
            audience: None,
            slides_until: grant.refresh_expires_at,
            unused: false,
        }),
        ..session(user)
    };
    (grant, key)
}

/// The exchange of the refresh token of generation `n` for the next.
pub(crate) fn rotation(client: ClientCredentials, grant: &Grant, n: i64) -> Rotation {
    let now = NOW + Duration::minutes(n + 1);
    Rotation {
        client,
        prefix: grant.refresh_prefix.clone(),
        presented: Digest::of(format!("refresh {n}")),
        next: Digest::of(format!("refresh {}", n + 1)),
        next_access: Digest::of(format!("access {}", n + 1)),
        now,
        refresh_expires_at: now + 30 * Duration::DAY,
        device_refresh_expires_at: now + 7 * Duration::DAY,
        access_expires_at: now + 2 * Duration::HOUR,
        access_lifetime_seconds: 7200,
        resources: None,
        bound_to: None,
        jkt: None,
    }
}

/// A key, by its thumbprint.
pub(crate) fn jkt(letter: char) -> KeyThumbprint {
    letter.to_string().repeat(43).parse().unwrap()
}

/// An app with a secret, a user, and a grant between them, stored.
pub(crate) struct Granted {
    pub(crate) user: User,
    pub(crate) app: App,
    pub(crate) secret: AppSecret,
    pub(crate) grant: Grant,
    pub(crate) key: ApiKey,
}

impl Granted {
    pub(crate) async fn in_store(db: &Fixture) -> Self {
        let (user, app) = (user(&format!("user{}", next())), app("app"));
        let secret = secret(&app);
        let (grant, key) = grant(&app, Some(&secret), &user);
        let all = (user.clone(), app.clone(), secret.clone(), grant.clone(), key.clone());
        db.write(move |repos| {
            let (user, app, secret, grant, key) = all;
            repos.users().insert(&permit(), &user)?;
            repos.apps().insert(&permit(), &app)?;
            repos.apps().insert_secret(&permit(), &secret)?;
            repos.grants().insert(&permit(), &grant, &key)
        })
        .await;
        Self { user, app, secret, grant, key }
    }

    pub(crate) fn client(&self) -> ClientCredentials {
        client(&self.secret)
    }
}
