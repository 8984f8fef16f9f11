//! Throttling of failed sign-ins (protection against brute force), by account and by address.

use crate::error::Error;
use doorward_domain::ids::UserId;
use doorward_domain::names::Email;
use doorward_domain::roles::System;
use doorward_domain::sessions::{PLACE_MEMORY, ThrottlePolicy};
use doorward_domain::users::User;
use doorward_domain::{Digest, Instant};
use doorward_ports::{Repositories, StoreError};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv6Addr};
use time::Duration;

/// Under which keys the failures of one try to sign in are counted.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    account: String,
    /// From where the try comes, see [`place_of`].
    place: Option<String>,
    /// Whether the account's own failures matter. They do not where the user is known to sign in from: else anybody,
    /// anywhere, could lock the rightful user out.
    heeds_account: bool,
}

/// What became of a look at the failures.
#[derive(Debug)]
pub(crate) struct Look {
    /// Why the try is not let in.
    pub(crate) refusal: Option<Error>,
    /// Keys with failures in the future, because the clock was set back. They are to be counted from now on: else the wait
    /// would begin again with every look until the clock has caught up.
    pub(crate) ahead: Ahead,
}

/// See [`Look::ahead`].
#[derive(Clone, Debug)]
pub(crate) struct Ahead(Vec<String>);

impl Ahead {
    /// Whether [`Self::mend`] has nothing to do.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Counts failures in the future as of now, in a transaction that is kept.
    pub(crate) fn mend(&self, repos: &mut dyn Repositories, now: Instant) -> Result<(), StoreError> {
        if self.is_empty() {
            return Ok(());
        }
        let permit = System::because("the clock was set back").permit();
        repos.throttles().bring_back(&permit, &self.0, now)
    }
}

impl Guard {
    /// The guard of a try to sign in as `user`, or as nobody with this address.
    pub(crate) fn load(
        repos: &mut dyn Repositories,
        user: Option<&User>,
        email: &Email,
        ip: &str,
        now: Instant,
    ) -> Result<Self, StoreError> {
        // Asked for nobody too, so that unknown users cost the same.
        let id = user.map_or(UserId::NIL, |user| user.id);
        let place = place_of(ip);
        let heeds_account = match &place {
            Some(place) => !repos.throttles().knows_place(id, place, now - PLACE_MEMORY)?,
            None => true,
        };
        let account = match user {
            Some(user) => format!("account:{}", user.id),
            None => name_key("account", email),
        };
        Ok(Self { account, place, heeds_account })
    }

    /// Whether the try is let in, or there were too many failures.
    pub(crate) fn look(&self, repos: &mut dyn Repositories, now: Instant) -> Result<Look, StoreError> {
        let keys = self.keys();
        let names: Vec<String> = keys.iter().map(|(name, _)| name.clone()).collect();
        let known = repos.throttles().find(&names)?;
        let waits = known.iter().zip(&keys).map(|(throttle, (name, policy))| {
            if *name == self.account && !self.heeds_account { Duration::ZERO } else { throttle.wait(*policy, now) }
        });
        let retry_after = waits.max().unwrap_or(Duration::ZERO);
        let refusal = (retry_after > Duration::ZERO).then_some(Error::TooManyAttempts { retry_after });
        let ahead = known.iter().zip(names).filter(|(throttle, _)| throttle.is_ahead(now));
        Ok(Look { refusal, ahead: Ahead(ahead.map(|(_, name)| name).collect()) })
    }

    /// Counts a failure.
    pub(crate) fn record_failure(&self, repos: &mut dyn Repositories, now: Instant) -> Result<(), StoreError> {
        let permit = System::because("a failed sign-in is remembered").permit();
        repos.throttles().record_failure(&permit, &self.keys(), now)
    }

    /// The user has signed in: remembers the place, and forgets the failures of the account. Those of the address stay,
    /// lest one good account pay for many guesses.
    pub(crate) fn pass(&self, repos: &mut dyn Repositories, user: UserId, now: Instant) -> Result<(), StoreError> {
        let permit = System::because("the user has signed in").permit();
        repos.throttles().clear(&permit, &self.account)?;
        match &self.place {
            Some(place) => repos.throttles().remember_place(&permit, user, place, now),
            None => Ok(()),
        }
    }

    /// Forgets the failures of the account.
    pub(crate) fn forgive(&self, repos: &mut dyn Repositories) -> Result<(), StoreError> {
        let permit = System::because("the user has proved who they are").permit();
        repos.throttles().clear(&permit, &self.account)
    }

    fn keys(&self) -> Vec<(String, ThrottlePolicy)> {
        let account = (self.account.clone(), ThrottlePolicy::ACCOUNT);
        let address = self.place.as_ref().map(|place| (format!("address:{place}"), ThrottlePolicy::ADDRESS));
        std::iter::once(account).chain(address).collect()
    }
}

/// Where an address is: the address itself, of IPv6 the network of 64 bits that one customer has to himself.
pub(crate) fn place_of(ip: &str) -> Option<String> {
    if ip.is_empty() {
        return None;
    }
    Some(match ip.parse::<IpAddr>().map(|ip| ip.to_canonical()) {
        Ok(IpAddr::V6(v6)) => {
            format!("{}/64", Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64))
        }
        Ok(IpAddr::V4(v4)) => v4.to_string(),
        Err(_not_an_address) => ip.to_owned(),
    })
}

/// Under which key something is counted of the account with this address, whether or not there is one.
pub(crate) fn name_key(what: &str, email: &Email) -> String {
    format!("{what}-name:{}", hex(&Digest::of(email.key())))
}

fn hex(digest: &Digest) -> String {
    digest.as_bytes().iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_ipv6_stands_for_its_network() {
        assert_eq!(place_of(""), None);
        assert_eq!(place_of("192.0.2.7").as_deref(), Some("192.0.2.7"));
        assert_eq!(place_of("::ffff:192.0.2.7").as_deref(), Some("192.0.2.7"));
        assert_eq!(place_of("2001:db8:1:2:3::4").as_deref(), Some("2001:db8:1:2::/64"));
    }
}
