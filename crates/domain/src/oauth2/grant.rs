//! Grants: a user's consent to an app, with one live pair of tokens, and the rules for refreshing them.

use super::{Authorization, ClientType, KeyThumbprint, OAuthErrorCode, Resource, Scopes};
use crate::ids::{AppId, AppSecretId, GrantId, UserId};
use crate::sessions::ApiKeyId;
use crate::{Digest, Instant};
use time::Duration;

/// A grant, as it is stored. Deleting it ends its refresh token and its access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// The app that may act.
    pub app_id: AppId,
    /// The user as whom it may act.
    pub user_id: UserId,
    /// The secret with which the code was redeemed; the grant ends with it. `None` for clients without one.
    pub secret_id: Option<AppSecretId>,
    /// Whether the client proved itself by a key when the code was redeemed: then it must each time.
    pub by_key: bool,
    /// The key to which its live access token is bound (RFC 9449); for a public client, its refresh token too.
    pub jkt: Option<KeyThumbprint>,
    /// What is left of what the user consented to.
    pub authorization: Authorization,
    /// The key that is its access token; the id stays, the secret changes with each refresh.
    pub access_key_id: ApiKeyId,
    /// When the present access token stops working.
    pub access_expires_at: Instant,
    /// What all its refresh tokens have in common, and by which they are found.
    pub refresh_prefix: String,
    /// Digest of the live refresh token.
    pub refresh_digest: Digest,
    /// When the live refresh token stops being good.
    pub refresh_expires_at: Instant,
    /// The last exchanged refresh tokens, newest first.
    pub exchanged: ExchangedTokens,
    /// How often it was refreshed.
    pub generation: i32,
    /// The [`App::revision`](super::App::revision) against which it was checked last.
    pub app_revision: i32,
    /// Whether it is of a device (RFC 8628), on which its user has not signed in.
    pub is_device: bool,
    /// When the user consented.
    pub created_at: Instant,
}

/// The refresh tokens of a grant that were exchanged last, and when: at most [`ExchangedTokens::MAX`], newest first.
///
/// Clients that race or lose an answer present one of these again; older ones are told from invented ones by their tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExchangedTokens(Vec<(Digest, Instant)>);

impl ExchangedTokens {
    /// How many are remembered.
    pub const MAX: usize = 8;
    /// Bytes of one entry in storage: the digest, then microseconds since 1970, big-endian.
    pub const ENTRY_LEN: usize = 40;

    /// One entry as it is stored. Storage prepends it and cuts after [`Self::MAX`] entries.
    #[must_use]
    pub fn entry(digest: &Digest, at: Instant) -> [u8; Self::ENTRY_LEN] {
        let mut entry = [0; Self::ENTRY_LEN];
        let (left, right) = entry.split_at_mut(32);
        left.copy_from_slice(digest.as_bytes());
        let micros = i64::try_from(at.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX);
        right.copy_from_slice(&micros.to_be_bytes());
        entry
    }

    /// Reads the stored bytes; `None` when they are not a whole number of entries.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (entries, rest) = bytes.as_chunks::<{ Self::ENTRY_LEN }>();
        if !rest.is_empty() {
            return None;
        }
        let read = |entry: &[u8; Self::ENTRY_LEN]| {
            let (digest, micros) = entry.split_first_chunk::<32>()?;
            let micros = i64::from_be_bytes(micros.try_into().ok()?);
            let at = Instant::from_unix_timestamp_nanos(i128::from(micros) * 1_000).ok()?;
            Some((Digest::from_slice(digest)?, at))
        };
        entries.iter().map(read).collect::<Option<Vec<_>>>().map(Self)
    }

    /// The bytes to store.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|(digest, at)| Self::entry(digest, *at)).collect()
    }

    /// When the token of this digest was exchanged, if it is remembered.
    #[must_use]
    pub fn exchanged_at(&self, digest: &Digest) -> Option<Instant> {
        self.0.iter().find(|(known, _)| known == digest).map(|(_, at)| *at)
    }

    /// When the token of this digest was exchanged, if it was the last one.
    fn last_exchanged_at(&self, digest: &Digest) -> Option<Instant> {
        self.0.first().filter(|(known, _)| known == digest).map(|(_, at)| *at)
    }

    /// Puts the token that is exchanged now in front.
    pub fn push(&mut self, digest: Digest, at: Instant) {
        self.0.insert(0, (digest, at));
        self.0.truncate(Self::MAX);
    }

    /// Whether tokens were forgotten that may have been exchanged after `since`.
    fn may_have_forgotten(&self, since: Instant) -> bool {
        self.0.len() >= Self::MAX && self.0.last().is_some_and(|(_, at)| *at >= since)
    }
}

/// The parts of the settings that a refresh depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshPolicy {
    /// For how long an exchanged refresh token still yields its successor.
    pub reuse_grace: Duration,
    /// For how long it does so at most while nobody has used its successor pair.
    pub unused_window: Duration,
}

/// A refresh token of a grant's prefix, and what an authenticated client sends with it.
#[derive(Clone, Copy, Debug)]
pub struct PresentedRefresh<'a> {
    /// The client.
    pub app_id: AppId,
    /// What kind of client that is.
    pub client_type: ClientType,
    /// The key that it has proved to have.
    pub jkt: Option<&'a KeyThumbprint>,
    /// Digest of the token.
    pub digest: Digest,
    /// Whether the token carries this server's tag, see [`super::DerivationKey::has_issued`].
    pub issued: bool,
    /// `resource`.
    pub resource: Option<&'a Resource>,
    /// `scope`; `None` asks for all that was granted.
    pub scopes: Option<&'a Scopes>,
}

/// What is to be done with a presented refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefreshPlan {
    /// It is the live one: exchange it for its successor.
    Rotate {
        /// Scopes of the new access token: those of the grant, or fewer.
        scopes: Scopes,
    },
    /// It was exchanged a moment ago, or nobody has used what came of it: hand out the live pair again.
    Repeat {
        /// Whether the lifetime of the access token begins anew, so that it works.
        renew: bool,
    },
    /// It was exchanged long ago: somebody else has it. End the grant.
    Theft,
    /// It is none of this grant's, or the grant is refreshed so fast that it cannot be told for how long it has been
    /// exchanged.
    Unknown,
}

/// Why a refresh is refused without consequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefreshError {
    /// The grant belongs to another app.
    #[error("the refresh token was issued to another client")]
    OtherClient,
    /// The refresh token is bound to a key that was not proved (RFC 9449 5).
    #[error("the refresh token is bound to another key")]
    OtherKey,
    /// The refresh token is too old.
    #[error("the refresh token has expired")]
    Expired,
    /// The resource is not the bound one.
    #[error("resource is not the bound one")]
    Resource,
    /// The scope is wider than the granted one (RFC 6749 6).
    #[error("scope is wider than granted")]
    Scope,
}

impl RefreshError {
    /// The code the client is told.
    #[must_use]
    pub const fn oauth_code(self) -> OAuthErrorCode {
        match self {
            Self::OtherClient | Self::OtherKey | Self::Expired => OAuthErrorCode::InvalidGrant,
            Self::Resource => OAuthErrorCode::InvalidTarget,
            Self::Scope => OAuthErrorCode::InvalidScope,
        }
    }
}

impl Grant {
    /// Decides about a refresh token of this grant's prefix. `pair_unused` says that nobody has used the live access token.
    pub fn plan_refresh(
        &self,
        presented: &PresentedRefresh<'_>,
        pair_unused: bool,
        policy: RefreshPolicy,
        now: Instant,
    ) -> Result<RefreshPlan, RefreshError> {
        if self.app_id != presented.app_id {
            return Err(RefreshError::OtherClient);
        }
        // Before anything comes of it: whoever has stolen the token alone cannot even end the grant.
        let is_its = self.jkt.as_ref() == presented.jkt;
        if presented.client_type == ClientType::Public && self.jkt.is_some() && !is_its {
            return Err(RefreshError::OtherKey);
        }
        let live = self.refresh_digest == presented.digest;
        let grace_began = now - policy.reuse_grace;
        let in_grace = self.exchanged.exchanged_at(&presented.digest).is_some_and(|at| at >= grace_began);
        // The answer may never have arrived. Who has the live refresh token has not used it either: this one would not
        // be the last that was exchanged.
        let unanswered = pair_unused
            && self.exchanged.last_exchanged_at(&presented.digest).is_some_and(|at| at >= now - policy.unused_window);
        if !live && !in_grace && !unanswered {
            let known_to_be_old = presented.issued && !self.exchanged.may_have_forgotten(grace_began);
            return Ok(if known_to_be_old { RefreshPlan::Theft } else { RefreshPlan::Unknown });
        }
        if self.refresh_expires_at <= now {
            return Err(RefreshError::Expired);
        }
        let same_resource = match (&self.authorization.resource, presented.resource) {
            (_, None) => true,
            (Some(bound), Some(asked)) => bound.is_same_as(asked),
            (None, Some(_)) => false,
        };
        if !same_resource {
            return Err(RefreshError::Resource);
        }
        let granted = &self.authorization.scopes;
        if presented.scopes.is_some_and(|asked| !asked.iter().all(|scope| granted.covers(scope))) {
            return Err(RefreshError::Scope);
        }
        // The pair that is handed out again is bound as it was.
        if !live && !is_its {
            return Err(RefreshError::OtherKey);
        }
        if live {
            return Ok(RefreshPlan::Rotate { scopes: presented.scopes.unwrap_or(granted).clone() });
        }
        Ok(RefreshPlan::Repeat { renew: !in_grace || self.access_expires_at <= now })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: Instant = datetime!(2026-01-02 00:00 UTC);
    const POLICY: RefreshPolicy =
        RefreshPolicy { reuse_grace: Duration::seconds(60), unused_window: Duration::hours(24) };
    const REPEAT: RefreshPlan = RefreshPlan::Repeat { renew: false };
    const RENEW: RefreshPlan = RefreshPlan::Repeat { renew: true };

    fn scopes(text: &str) -> Scopes {
        text.parse().unwrap()
    }

    fn grant(rotated_ago: Duration) -> Grant {
        Grant {
            id: GrantId::NIL,
            app_id: AppId::NIL,
            user_id: UserId::NIL,
            secret_id: None,
            by_key: false,
            jkt: None,
            authorization: Authorization {
                scopes: scopes("user:read template:read"),
                resource: Some(Resource::parse("https://api.example").unwrap()),
            },
            access_key_id: ApiKeyId::new("0123456789").unwrap(),
            access_expires_at: NOW + Duration::HOUR,
            refresh_prefix: "p".into(),
            refresh_digest: Digest::of("live"),
            refresh_expires_at: NOW + Duration::DAY,
            exchanged: ExchangedTokens(vec![(Digest::of("previous"), NOW - rotated_ago)]),
            generation: 1,
            app_revision: 0,
            is_device: false,
            created_at: NOW - Duration::DAY,
        }
    }

    fn presented(token: &str) -> PresentedRefresh<'_> {
        PresentedRefresh {
            app_id: AppId::NIL,
            client_type: ClientType::Confidential,
            jkt: None,
            digest: Digest::of(token),
            issued: true,
            resource: None,
            scopes: None,
        }
    }

    fn plan(grant: &Grant, presented: PresentedRefresh<'_>) -> Result<RefreshPlan, RefreshError> {
        grant.plan_refresh(&presented, false, POLICY, NOW)
    }

    /// The same while nobody has used the live access token.
    fn plan_unused(grant: &Grant, token: &str) -> Result<RefreshPlan, RefreshError> {
        grant.plan_refresh(&presented(token), true, POLICY, NOW)
    }

    #[test]
    fn live_previous_older_and_invented() {
        let fresh = grant(Duration::seconds(60));
        assert_eq!(
            plan(&fresh, presented("live")),
            Ok(RefreshPlan::Rotate { scopes: fresh.authorization.scopes.clone() })
        );
        assert_eq!(plan(&fresh, presented("previous")), Ok(REPEAT));
        assert_eq!(plan(&grant(Duration::seconds(61)), presented("previous")), Ok(RefreshPlan::Theft));
        assert_eq!(plan(&fresh, presented("older")), Ok(RefreshPlan::Theft));
        assert_eq!(plan(&fresh, PresentedRefresh { issued: false, ..presented("invented") }), Ok(RefreshPlan::Unknown));
    }

    #[test]
    fn a_bound_grant_of_a_public_client_is_refreshed_by_its_key_only() {
        let key = |letter: &str| letter.repeat(43).parse::<KeyThumbprint>().unwrap();
        let (own, other) = (key("A"), key("E"));
        let bound = Grant { jkt: Some(own.clone()), ..grant(Duration::seconds(60)) };
        for token in ["live", "previous", "older", "invented"] {
            for jkt in [None, Some(&other)] {
                let by = PresentedRefresh { client_type: ClientType::Public, jkt, ..presented(token) };
                assert_eq!(plan(&bound, by), Err(RefreshError::OtherKey), "{token}");
            }
        }
        let by = |token| PresentedRefresh { client_type: ClientType::Public, jkt: Some(&own), ..presented(token) };
        assert!(matches!(plan(&bound, by("live")), Ok(RefreshPlan::Rotate { .. })));
        assert_eq!(plan(&bound, by("previous")), Ok(REPEAT));
        assert_eq!(plan(&bound, by("older")), Ok(RefreshPlan::Theft));
        // One that had no key until now gets one.
        assert!(matches!(plan(&grant(Duration::ZERO), by("live")), Ok(RefreshPlan::Rotate { .. })));
    }

    #[test]
    fn a_confidential_client_may_change_its_key_but_gets_a_pair_again_by_the_same_only() {
        let key = |letter: &str| letter.repeat(43).parse::<KeyThumbprint>().unwrap();
        let (own, other) = (key("A"), key("E"));
        let bound = Grant { jkt: Some(own.clone()), ..grant(Duration::seconds(60)) };
        for jkt in [None, Some(&own), Some(&other)] {
            let live = plan(&bound, PresentedRefresh { jkt, ..presented("live") });
            assert!(matches!(live, Ok(RefreshPlan::Rotate { .. })), "{jkt:?}");
            let again = plan(&bound, PresentedRefresh { jkt, ..presented("previous") });
            let expected = if jkt == Some(&own) { Ok(REPEAT) } else { Err(RefreshError::OtherKey) };
            assert_eq!(again, expected, "{jkt:?}");
        }
        assert_eq!(plan(&bound, presented("older")), Ok(RefreshPlan::Theft));
    }

    #[test]
    fn a_lost_answer_is_given_again_until_it_was_used_or_the_window_is_over() {
        let day = Duration::DAY;
        for (ago, expected) in [
            (Duration::seconds(60), REPEAT),
            (Duration::seconds(61), RENEW),
            (day, RENEW),
            (day + Duration::MICROSECOND, RefreshPlan::Theft),
        ] {
            assert_eq!(plan_unused(&grant(ago), "previous"), Ok(expected), "{ago}");
        }
        let mut refreshed = grant(Duration::HOUR);
        refreshed.exchanged.push(Digest::of("between"), NOW - Duration::minutes(30));
        assert_eq!(plan_unused(&refreshed, "between"), Ok(RENEW));
        assert_eq!(plan_unused(&refreshed, "previous"), Ok(RefreshPlan::Theft), "its successor was exchanged");
        assert_eq!(plan_unused(&refreshed, "live").map(|plan| matches!(plan, RefreshPlan::Rotate { .. })), Ok(true));
        let foreign = PresentedRefresh { app_id: AppId(uuid::Uuid::from_u128(7)), ..presented("previous") };
        let refused = grant(Duration::HOUR).plan_refresh(&foreign, true, POLICY, NOW);
        assert_eq!(refused, Err(RefreshError::OtherClient));
    }

    #[test]
    fn an_access_token_that_is_given_again_works() {
        let ended = Grant { access_expires_at: NOW, ..grant(Duration::seconds(30)) };
        assert_eq!(plan(&ended, presented("previous")), Ok(RENEW));
        let lasting = Grant { access_expires_at: NOW + Duration::MICROSECOND, ..ended };
        assert_eq!(plan(&lasting, presented("previous")), Ok(REPEAT));
    }

    #[test]
    fn the_successor_may_be_used_while_the_grace_lasts() {
        let mut quick = grant(Duration::seconds(30));
        quick.exchanged.push(Digest::of("between"), NOW - Duration::seconds(10));
        assert_eq!(plan(&quick, presented("previous")), Ok(REPEAT));
        assert_eq!(plan(&quick, presented("between")), Ok(REPEAT));
    }

    #[test]
    fn a_token_forgotten_within_the_grace_is_refused_without_ending_the_grant() {
        let mut busy = grant(Duration::seconds(30));
        for step in 0..8_i64 {
            busy.exchanged.push(Digest::of(step.to_be_bytes()), NOW - Duration::seconds(20 - step));
        }
        assert_eq!(plan(&busy, presented("previous")), Ok(RefreshPlan::Unknown));
        let mut calm = grant(Duration::minutes(30));
        for step in 0..8_i64 {
            calm.exchanged.push(Digest::of(step.to_be_bytes()), NOW - Duration::minutes(20 - step));
        }
        assert_eq!(plan(&calm, presented("previous")), Ok(RefreshPlan::Theft));
    }

    #[test]
    fn stored_bytes_round_trip() {
        let mut tokens = ExchangedTokens::default();
        assert_eq!(ExchangedTokens::from_bytes(&[]), Some(tokens.clone()));
        for step in 0..12_i64 {
            tokens.push(Digest::of(step.to_be_bytes()), NOW + Duration::microseconds(step));
        }
        let bytes = tokens.to_bytes();
        assert_eq!(bytes.len(), ExchangedTokens::MAX * ExchangedTokens::ENTRY_LEN);
        assert_eq!(ExchangedTokens::from_bytes(&bytes), Some(tokens));
        assert_eq!(ExchangedTokens::from_bytes(&[0; 39]), None);
    }

    #[test]
    fn another_client_learns_and_ends_nothing() {
        let other = AppId(uuid::Uuid::from_u128(7));
        for token in ["live", "older"] {
            assert_eq!(
                plan(&grant(Duration::ZERO), PresentedRefresh { app_id: other, ..presented(token) }),
                Err(RefreshError::OtherClient)
            );
        }
    }

    #[test]
    fn who_asks_for_nothing_gets_what_was_granted_also_what_is_unknown_by_now() {
        let mut old = grant(Duration::ZERO);
        old.authorization.scopes = Scopes::from_storage("user:read gone:read");
        let granted = old.authorization.scopes.clone();
        assert_eq!(plan(&old, presented("live")), Ok(RefreshPlan::Rotate { scopes: granted.clone() }));
        let asked = PresentedRefresh { scopes: Some(&granted), ..presented("live") };
        assert_eq!(plan(&old, asked), Err(RefreshError::Scope));
    }

    #[test]
    fn scope_and_resource_are_never_widened() {
        let grant = grant(Duration::ZERO);
        let [narrower, wider] = ["template:read", "template:read workspace:read"].map(scopes);
        assert_eq!(
            plan(&grant, PresentedRefresh { scopes: Some(&narrower), ..presented("live") }),
            Ok(RefreshPlan::Rotate { scopes: narrower.clone() })
        );
        assert_eq!(
            plan(&grant, PresentedRefresh { scopes: Some(&wider), ..presented("live") }),
            Err(RefreshError::Scope)
        );
        let same = Resource::parse("https://api.example").unwrap();
        let other = Resource::parse("https://other.example").unwrap();
        assert!(plan(&grant, PresentedRefresh { resource: Some(&same), ..presented("live") }).is_ok());
        assert_eq!(
            plan(&grant, PresentedRefresh { resource: Some(&other), ..presented("live") }),
            Err(RefreshError::Resource)
        );
    }
}
