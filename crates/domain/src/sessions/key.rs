//! What is known of a key, and how its life is prolonged by use.

use super::ApiKeyId;
use crate::ids::{AppId, AppSecretId, GrantId, UserId};
use crate::oauth2::{Authorization, KeyThumbprint, Resource, Scopes};
use crate::roles::AllowEntry;
use crate::users::LoginType;
use crate::{Digest, Instant};
use std::borrow::Cow;
use time::Duration;

/// How often the last use of a key is written down, at most.
const TOUCH_EVERY: Duration = Duration::HOUR;
/// How often its end is moved, at most; twice in a life that is shorter than two of these.
const SLIDE_EVERY: Duration = Duration::HOUR;

/// What ties a key to the OAuth2 app it was issued to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuth2Binding {
    /// The app.
    pub app_id: AppId,
    /// The grant whose access token this is; `None` for `client_credentials`.
    pub grant_id: Option<GrantId>,
    /// The client secret with which it was obtained; `None` for public clients.
    pub secret_id: Option<AppSecretId>,
    /// The one resource for which it may be used (RFC 8707); `None` means this server.
    pub audience: Option<Resource>,
    /// The key that whoever uses it must prove to have (RFC 9449); `None`: whoever has the token may use it.
    pub jkt: Option<KeyThumbprint>,
    /// Using the key never prolongs it past this instant.
    pub slides_until: Instant,
    /// Whether it came of a refresh and was not used since, as far as is written down.
    pub unused: bool,
}

/// A key as it is stored: a browser session, an API token or an OAuth2 access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Public part.
    pub id: ApiKeyId,
    /// The user as whom it acts.
    pub user_id: UserId,
    /// Digest of the secret part.
    pub secret_digest: Digest,
    /// For what it was issued.
    pub login_type: LoginType,
    /// The scopes that limit it. Those of an access token lie within its authorization.
    pub scopes: Scopes,
    /// The objects it is limited to; `None` means that it is not.
    pub allow_list: Option<Vec<AllowEntry>>,
    /// Name given by its owner; empty for sessions.
    pub token_name: String,
    /// Address of its last use.
    pub ip: String,
    /// When it was issued.
    pub created_at: Instant,
    /// When its row last changed.
    pub updated_at: Instant,
    /// When it was last used, to the hour; `None` means never.
    pub last_used: Option<Instant>,
    /// When it stops working.
    pub expires_at: Instant,
    /// For how long it works without being used, in seconds.
    pub lifetime_seconds: i64,
    /// Using an API token never prolongs it past this instant, where one is set: when its lifetime was asked for, it is its
    /// end. Access tokens have a bound of their own.
    pub slides_until: Option<Instant>,
    /// The app it was issued to, if any.
    pub oauth2: Option<OAuth2Binding>,
}

/// An access token that is issued to an app.
#[derive(Clone, Debug)]
pub struct NewAccessToken {
    /// Public part.
    pub id: ApiKeyId,
    /// Digest of the secret part.
    pub secret_digest: Digest,
    /// The user as whom it acts.
    pub user_id: UserId,
    /// The app.
    pub app_id: AppId,
    /// The client secret with which it is obtained; `None` for public clients.
    pub secret_id: Option<AppSecretId>,
    /// The grant that it belongs to, and when its refresh token stops being good; `None` for `client_credentials`.
    pub grant: Option<(GrantId, Instant)>,
    /// What it is good for.
    pub authorization: Authorization,
    /// The key to which it is bound.
    pub jkt: Option<KeyThumbprint>,
    /// Address of the client.
    pub ip: String,
    /// When it is issued.
    pub issued_at: Instant,
    /// When it stops working.
    pub expires_at: Instant,
}

/// What using a key changes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRefresh {
    /// The new time of last use.
    pub last_used: Option<Instant>,
    /// The new end of its life.
    pub expires_at: Instant,
}

impl ApiKey {
    /// The key that is this access token. It slides as long as its grant can be refreshed; without a grant, not at all.
    #[must_use]
    pub fn access_token(token: NewAccessToken) -> Self {
        let NewAccessToken { user_id, app_id, issued_at, expires_at, .. } = token;
        let Authorization { scopes, resource } = token.authorization;
        let (grant_id, slides_until) = token.grant.unzip();
        let named = || format!("{user_id}_{app_id}_oauth_session_token");
        Self {
            id: token.id,
            user_id,
            secret_digest: token.secret_digest,
            login_type: LoginType::Oauth2ProviderApp,
            scopes,
            allow_list: None,
            token_name: grant_id.map(|_| named()).unwrap_or_default(),
            ip: token.ip,
            created_at: issued_at,
            updated_at: issued_at,
            last_used: None,
            expires_at,
            lifetime_seconds: (expires_at - issued_at).whole_seconds(),
            slides_until: None,
            oauth2: Some(OAuth2Binding {
                app_id,
                grant_id,
                secret_id: token.secret_id,
                audience: resource,
                jkt: token.jkt,
                slides_until: slides_until.unwrap_or(expires_at),
                unused: false,
            }),
        }
    }

    /// Its scopes as one text, as they are stored.
    #[must_use]
    pub fn stored_scopes(&self) -> String {
        if self.oauth2.is_some() { self.scopes.to_storage() } else { self.scope_names().collect::<Vec<_>>().join(" ") }
    }

    /// The names of its scopes, as they are shown: access tokens have those of the authorization server, other
    /// keys the [old names](crate::oauth2::ScopeEntry::key_name) of the two that have one.
    pub fn scope_names(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let is_access_token = self.oauth2.is_some();
        self.scopes.iter().map(move |scope| if is_access_token { scope.name() } else { scope.key_name() })
    }

    /// Whether this is a session: neither an API token nor an access token of an app.
    #[must_use]
    pub fn is_session(&self) -> bool {
        self.oauth2.is_none() && self.login_type != LoginType::Token
    }

    /// Whether this is an access token that came of a refresh, of whose use nothing is written down.
    #[must_use]
    pub fn is_unused(&self) -> bool {
        self.oauth2.as_ref().is_some_and(|binding| binding.unused)
    }

    /// The key that whoever uses it must prove to have.
    #[must_use]
    pub fn jkt(&self) -> Option<&KeyThumbprint> {
        self.oauth2.as_ref().and_then(|binding| binding.jkt.as_ref())
    }

    /// Whether the key has stopped working.
    #[must_use]
    pub fn is_expired(&self, now: Instant) -> bool {
        self.expires_at <= now
    }

    /// What must be written because the key is used `now`; `None` when nothing (`identity.md` 2.3, steps 4 to 6).
    ///
    /// Sessions slide. API tokens for which no lifetime was asked slide, but never past `token_lifetime_max` after they were
    /// made; access tokens never past the end of their grant.
    #[must_use]
    pub fn use_at(&self, now: Instant, slide: bool, token_lifetime_max: Duration) -> Option<KeyRefresh> {
        // Also when it lies in the future by as much, because the clock was set back.
        let touched = self.last_used.is_none_or(|last| (now - last).abs() > TOUCH_EVERY);
        let lifetime = Duration::seconds(self.lifetime_seconds);
        let mut expires_at = self.expires_at;
        // Access tokens that are to live for an hour or less do not slide at all: an app can refresh.
        let every = if self.oauth2.is_some() { SLIDE_EVERY } else { SLIDE_EVERY.min(lifetime / 2) };
        if slide && self.expires_at - now <= lifetime - every {
            let bound = match (&self.oauth2, self.login_type) {
                (Some(binding), _) => binding.slides_until,
                (None, LoginType::Token) => self.created_at.saturating_add(token_lifetime_max),
                (None, _) => now.saturating_add(lifetime),
            };
            let bound = self.slides_until.map_or(bound, |until| until.min(bound));
            expires_at = expires_at.max(now.saturating_add(lifetime).min(bound));
        }
        let last_used = if touched { Some(now) } else { self.last_used };
        (touched || expires_at != self.expires_at).then_some(KeyRefresh { last_used, expires_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: Instant = datetime!(2026-01-02 00:00 UTC);

    fn key(login_type: LoginType, left: Duration, lifetime: Duration) -> ApiKey {
        ApiKey {
            id: ApiKeyId::new("0123456789").unwrap(),
            user_id: UserId::NIL,
            secret_digest: Digest::of("x"),
            login_type,
            scopes: Scopes::all(),
            allow_list: None,
            token_name: String::new(),
            ip: String::new(),
            created_at: NOW - (lifetime - left),
            updated_at: NOW,
            last_used: Some(NOW),
            expires_at: NOW + left,
            lifetime_seconds: lifetime.whole_seconds(),
            slides_until: None,
            oauth2: None,
        }
    }

    fn access_token(grant: Option<(GrantId, Instant)>) -> ApiKey {
        ApiKey::access_token(NewAccessToken {
            jkt: None,
            id: ApiKeyId::new("0123456789").unwrap(),
            secret_digest: Digest::of("x"),
            user_id: UserId::NIL,
            app_id: AppId::NIL,
            secret_id: None,
            grant,
            authorization: Authorization {
                scopes: Scopes::all(),
                resource: Resource::parse("https://api.example").ok(),
            },
            ip: "192.0.2.1".into(),
            issued_at: NOW,
            expires_at: NOW + Duration::HOUR,
        })
    }

    #[test]
    fn an_access_token_of_a_grant_slides_until_the_grant_ends() {
        let end = NOW + Duration::WEEK;
        let key = access_token(Some((GrantId::NIL, end)));
        let binding = key.oauth2.clone().unwrap();
        assert_eq!((binding.grant_id, binding.slides_until, binding.unused), (Some(GrantId::NIL), end, false));
        assert_eq!(binding.audience, Resource::parse("https://api.example").ok());
        assert_eq!((key.created_at, key.updated_at, key.last_used), (NOW, NOW, None));
        assert_eq!((key.lifetime_seconds, key.slides_until, key.allow_list), (3600, None, None));
        let nil = "00000000-0000-0000-0000-000000000000";
        assert_eq!(key.token_name, format!("{nil}_{nil}_oauth_session_token"));
    }

    #[test]
    fn an_access_token_without_a_grant_has_no_name_and_ends_when_it_was_said() {
        let key = access_token(None);
        let binding = key.oauth2.clone().unwrap();
        assert_eq!((binding.grant_id, binding.slides_until), (None, key.expires_at));
        assert_eq!((key.token_name.as_str(), key.login_type), ("", LoginType::Oauth2ProviderApp));
    }

    #[test]
    fn access_tokens_and_other_keys_call_their_scopes_by_different_names() {
        let names = |key: &ApiKey| key.scope_names().map(Cow::into_owned).collect::<Vec<_>>();
        assert_eq!(names(&access_token(None)), ["coder:all"]);
        assert_eq!(names(&key(LoginType::Password, Duration::DAY, Duration::DAY)), ["all"]);
    }

    #[test]
    fn api_tokens_and_access_tokens_are_no_sessions() {
        for login_type in [LoginType::Password, LoginType::Oidc, LoginType::Github] {
            assert!(key(login_type, Duration::DAY, Duration::DAY).is_session(), "{login_type}");
        }
        assert!(!key(LoginType::Token, Duration::DAY, Duration::DAY).is_session() && !access_token(None).is_session());
    }

    #[test]
    fn a_session_slides_once_an_hour() {
        let day = Duration::DAY;
        let fresh = key(LoginType::Password, day - Duration::minutes(59), day);
        assert_eq!(fresh.use_at(NOW, true, day), None);
        let older = key(LoginType::Password, day - Duration::HOUR, day);
        assert_eq!(older.use_at(NOW, true, day).unwrap().expires_at, NOW + day);
        assert_eq!(older.use_at(NOW, false, day), None);
    }

    #[test]
    fn a_short_session_slides_too_and_a_short_access_token_does_not() {
        let life = Duration::minutes(30);
        let half = key(LoginType::Password, life / 2, life);
        assert_eq!(half.use_at(NOW, true, Duration::DAY).unwrap().expires_at, NOW + life);
        let fresh = key(LoginType::Password, life / 2 + Duration::SECOND, life);
        assert_eq!(fresh.use_at(NOW, true, Duration::DAY), None);
        let binding = OAuth2Binding {
            jkt: None,
            app_id: AppId::NIL,
            grant_id: Some(GrantId::NIL),
            secret_id: None,
            audience: None,
            slides_until: NOW + Duration::DAY,
            unused: false,
        };
        let access = ApiKey { oauth2: Some(binding), ..key(LoginType::Oauth2ProviderApp, life / 2, life) };
        assert_eq!(access.use_at(NOW, true, Duration::DAY), None);
    }

    #[test]
    fn a_token_never_slides_past_the_maximum() {
        let day = Duration::DAY;
        let token = key(LoginType::Token, Duration::HOUR, 7 * day);
        assert_eq!(token.use_at(NOW, true, 8 * day).unwrap().expires_at, token.created_at + 8 * day);
        assert_eq!(token.use_at(NOW, true, 7 * day), None);
    }

    #[test]
    fn a_token_whose_lifetime_was_asked_for_never_slides() {
        let day = Duration::DAY;
        let mut token = key(LoginType::Token, Duration::HOUR, 7 * day);
        token.slides_until = Some(token.expires_at);
        assert_eq!(token.use_at(NOW, true, 100 * day), None);
        token.last_used = None;
        let used = token.use_at(NOW, true, 100 * day).unwrap();
        assert_eq!((used.last_used, used.expires_at), (Some(NOW), token.expires_at));
    }

    #[test]
    fn an_access_token_ends_with_its_grant() {
        let mut access = key(LoginType::Oauth2ProviderApp, Duration::HOUR, Duration::DAY);
        let until = NOW + Duration::hours(5);
        access.oauth2 = Some(OAuth2Binding {
            jkt: None,
            app_id: AppId::NIL,
            grant_id: Some(GrantId::NIL),
            secret_id: None,
            audience: None,
            slides_until: until,
            unused: false,
        });
        assert_eq!(access.use_at(NOW, true, Duration::DAY).unwrap().expires_at, until);
    }

    #[test]
    fn the_first_use_is_written() {
        let mut unused = key(LoginType::Password, Duration::DAY, Duration::DAY);
        unused.last_used = None;
        assert_eq!(unused.use_at(NOW, true, Duration::DAY).unwrap().last_used, Some(NOW));
    }

    #[test]
    fn a_use_is_written_when_the_clock_was_set_back() {
        let mut key = key(LoginType::Password, Duration::DAY, Duration::DAY);
        key.last_used = Some(NOW + Duration::DAY);
        assert_eq!(key.use_at(NOW, true, Duration::DAY).unwrap().last_used, Some(NOW));
        key.last_used = Some(NOW + Duration::SECOND);
        assert_eq!(key.use_at(NOW, true, Duration::DAY), None, "clocks of servers differ a little");
    }
}
