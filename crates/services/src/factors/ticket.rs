//! With what a sign-in goes on after the password: a text that only this server makes, about the user and the password that was right.
//! Nothing is stored of it until it has succeeded.

use super::challenge::Challenge;
use super::settings::MfaSettings;
use crate::deed::Deed;
use doorward_domain::factors::Totp;
use doorward_domain::ids::UserId;
use doorward_domain::keys::KeyRing;
use doorward_domain::replays::{ReplayKind, SeenToken};
use doorward_domain::users::User;
use doorward_domain::{Digest, Instant, Secret};
use doorward_ports::{Random, StoreError};
use std::sync::Arc;
use time::Duration;

/// For how long it can be used.
const LIFETIME: Duration = Duration::minutes(5);
/// How far the clocks of two servers may differ.
const SKEW: Duration = Duration::MINUTE;
/// For what the key of the server makes it.
const PURPOSE: &str = "second step of a sign-in";
/// Random characters of one.
const NONCE: usize = 22;
/// Longer than any.
const LENGTH_MAX: usize = 512;

/// What the sign-in waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The second factor.
    Factor,
    /// That a first factor is set up.
    Enroll,
    /// That another factor is set up, after a recovery code.
    Recovered,
}

impl Stage {
    const ALL: [Self; 3] = [Self::Factor, Self::Enroll, Self::Recovered];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Factor => "factor",
            Self::Enroll => "enroll",
            Self::Recovered => "recovered",
        }
    }

    const fn methods(self) -> &'static [&'static str] {
        match self {
            Self::Factor => &["totp", "recovery"],
            Self::Enroll | Self::Recovered => &["enroll", "totp"],
        }
    }
}

/// A sign-in that waits.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    pub(crate) user: UserId,
    pub(crate) stage: Stage,
    /// Microseconds since 1970.
    at: i64,
    nonce: String,
    /// The text of the server's key.
    proof: Secret<String>,
}

impl Ticket {
    /// Asks a user for more.
    pub(crate) fn issue(ring: &KeyRing, random: &dyn Random, user: &User, stage: Stage, now: Instant) -> Challenge {
        let at = i64::try_from(now.unix_timestamp_nanos() / 1_000).unwrap_or_default();
        let nonce = random.alphanumeric(NONCE).into_exposed();
        let ticket = Self { user: user.id, stage, at, nonce, proof: Secret::from("") };
        let proof = ring.forms().text(PURPOSE, &ticket.parts(user).each_ref().map(Vec::as_slice), now);
        let Self { user, nonce, .. } = &ticket;
        let token = format!("{}.{user}.{at}.{nonce}.{}", stage.as_str(), proof.expose());
        let enroll = stage != Stage::Factor;
        Challenge { token: Secret::new(token), methods: stage.methods(), enroll }
    }

    /// Reads what came back; whether this server has made it is still to be seen.
    pub(crate) fn parse(text: &Secret<String>) -> Option<Self> {
        let text = Some(text.expose()).filter(|text| text.len() <= LENGTH_MAX)?;
        let mut parts = text.splitn(5, '.');
        let stage = parts.next()?;
        let stage = Stage::ALL.into_iter().find(|known| known.as_str() == stage)?;
        let user = parts.next()?.parse().ok()?;
        let at = parts.next()?.parse().ok()?;
        let nonce = parts.next()?.to_owned();
        let proof = Secret::from(parts.next()?);
        Some(Self { user, stage, at, nonce, proof })
    }

    /// Whether this server has made it a short while ago, for this user with the password of now.
    pub(crate) fn is_good(&self, ring: &KeyRing, user: &User, now: Instant) -> bool {
        let Ok(at) = Instant::from_unix_timestamp_nanos(i128::from(self.at) * 1_000) else { return false };
        let is_now = now - at < LIFETIME && at - now < SKEW;
        let parts = self.parts(user);
        let is_ours = ring.forms().is_text(PURPOSE, &parts.each_ref().map(Vec::as_slice), self.proof.expose(), now);
        is_now && is_ours && self.user == user.id
    }

    /// Its one use.
    pub(crate) fn seen(&self, now: Instant) -> SeenToken {
        SeenToken::new(ReplayKind::SecondStep, &self.user.to_string(), &self.nonce, now + LIFETIME + SKEW)
    }

    fn parts(&self, user: &User) -> [Vec<u8>; 5] {
        let password = user.password_hash.as_ref().map_or("", |hash| hash.expose());
        [
            self.stage.as_str().as_bytes().to_vec(),
            self.user.0.as_bytes().to_vec(),
            self.at.to_string().into_bytes(),
            self.nonce.as_bytes().to_vec(),
            Digest::of(password).as_bytes().to_vec(),
        ]
    }
}

/// Who is asked for a second factor.
#[derive(Clone, Debug)]
pub(crate) struct Asking {
    pub(crate) ring: Arc<KeyRing>,
    pub(crate) mfa: MfaSettings,
}

impl Asking {
    /// What a user is asked for whose password was right; `None` if nothing.
    pub(crate) fn ask(&self, deed: &mut Deed<'_>, user: &User) -> Result<Option<Challenge>, StoreError> {
        let has_factor = deed.repos.factors().find_totp(user.id)?.as_ref().is_some_and(Totp::is_active);
        let stage = match has_factor {
            true => Stage::Factor,
            false if self.mfa.covers(user) => Stage::Enroll,
            false => return Ok(None),
        };
        Ok(Some(Ticket::issue(&self.ring, deed.random(), user, stage, deed.now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::testing::*;
    use doorward_domain::users::PasswordHash;
    use doorward_ports::mocks::SeededRandom;

    fn issue(stage: Stage) -> (KeyRing, Challenge) {
        let ring = KeyRing::single(&[7; 32]);
        let challenge = Ticket::issue(&ring, &SeededRandom::new(1), &ann(), stage, NOW);
        (ring, challenge)
    }

    #[test]
    fn it_is_good_for_five_minutes_for_one_user_with_one_password() {
        let (ring, challenge) = issue(Stage::Factor);
        let ticket = Ticket::parse(&challenge.token).unwrap();
        assert!(ticket.is_good(&ring, &ann(), NOW + Duration::seconds(299)));
        assert!(!ticket.is_good(&ring, &ann(), NOW + Duration::minutes(5)));
        assert!(!ticket.is_good(&ring, &bob(), NOW));
        let changed = User { password_hash: Some(PasswordHash::new("another".to_owned())), ..ann() };
        assert!(!ticket.is_good(&ring, &changed, NOW));
        assert!(!ticket.is_good(&KeyRing::single(&[8; 32]), &ann(), NOW));
    }

    #[test]
    fn nothing_of_it_can_be_changed() {
        let (ring, challenge) = issue(Stage::Factor);
        let text = challenge.token.into_exposed();
        for changed in [
            text.replace("factor", "enroll"),
            text.replace("factor", "recovered"),
            text.replacen(".1", ".2", 1),
            text.replace(&ANN.to_string(), &BOB.to_string()),
            format!("{text}x"),
        ] {
            assert_ne!(changed, text);
            let ticket = Ticket::parse(&Secret::new(changed.clone()));
            let users = [ann(), bob()];
            assert!(
                !ticket.is_some_and(|ticket| users.iter().any(|user| ticket.is_good(&ring, user, NOW))),
                "{changed}"
            );
        }
        for none in ["", "factor", "factor.x.1.n.p", "other.1.2.3.4", &"x".repeat(600)] {
            assert!(Ticket::parse(&Secret::from(none)).is_none(), "{none}");
        }
    }
}
