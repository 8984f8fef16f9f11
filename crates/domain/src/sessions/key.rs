//! What is known of a key, and how its life is prolonged by use.

use super::ApiKeyId;
use crate::ids::{AppId, AppSecretId, GrantId, UserId};
use crate::oauth2::Resource;
use crate::roles::AllowEntry;
use crate::users::LoginType;
use crate::{Digest, Instant};
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
    /// Names of the scopes that limit it.
    pub scopes: Vec<String>,
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

/// What using a key changes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRefresh {
    /// The new time of last use.
    pub last_used: Option<Instant>,
    /// The new end of its life.
    pub expires_at: Instant,
}

impl ApiKey {
    /// Whether this is an access token that came of a refresh, of whose use nothing is written down.
    #[must_use]
    pub fn is_unused(&self) -> bool {
        self.oauth2.as_ref().is_some_and(|binding| binding.unused)
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
            scopes: vec!["all".into()],
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
