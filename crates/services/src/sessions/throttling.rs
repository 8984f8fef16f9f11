//! Slowing down those who guess passwords, by account and by address.

use crate::error::Error;
use doorward_domain::ids::UserId;
use doorward_domain::names::key;
use doorward_domain::roles::System;
use doorward_domain::sessions::ThrottlePolicy;
use doorward_domain::users::User;
use doorward_domain::{Digest, Instant};
use doorward_ports::{Repositories, StoreError};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv6Addr};
use time::Duration;

/// For how long an address from which a user has signed in stays known.
const KNOWN_PLACE: Duration = Duration::days(30);

/// Under which keys the failures of one try to sign in are counted.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    account: String,
    address: Option<String>,
    /// Whether the account's own failures matter. They do not where the user is known to sign in from: else anybody,
    /// anywhere, could lock the rightful user out.
    heeds_account: bool,
}

impl Guard {
    /// The guard of a try to sign in as `user`, or as nobody with this address.
    pub(super) fn load(
        repos: &mut dyn Repositories,
        user: Option<&User>,
        email: &str,
        ip: &str,
        now: Instant,
    ) -> Result<Self, StoreError> {
        // Asked for nobody too, so that unknown users cost the same.
        let id = user.map_or(UserId::NIL, |user| user.id);
        let heeds_account = ip.is_empty() || !repos.api_keys().has_session_from(id, ip, now - KNOWN_PLACE)?;
        let account = match user {
            Some(user) => format!("account:{}", user.id),
            None => format!("account-name:{}", hex(&Digest::of(key(email)))),
        };
        Ok(Self { account, address: address_key(ip), heeds_account })
    }

    /// Refuses the try when there were too many failures.
    pub(super) fn check(&self, repos: &mut dyn Repositories, now: Instant) -> Result<Result<(), Error>, StoreError> {
        let keys = self.keys();
        let names: Vec<String> = keys.iter().map(|(name, _)| name.clone()).collect();
        let known = repos.throttles().find(&names)?;
        let waits = known.iter().zip(&keys).map(|(throttle, (name, policy))| {
            if *name == self.account && !self.heeds_account { Duration::ZERO } else { throttle.wait(*policy, now) }
        });
        let retry_after = waits.max().unwrap_or(Duration::ZERO);
        Ok(if retry_after > Duration::ZERO { Err(Error::TooManyAttempts { retry_after }) } else { Ok(()) })
    }

    /// Counts a failure.
    pub(super) fn record_failure(&self, repos: &mut dyn Repositories, now: Instant) -> Result<(), StoreError> {
        let permit = System::because("a failed sign-in is remembered").permit();
        repos.throttles().record_failure(&permit, &self.keys(), now)
    }

    /// Forgets the failures of the account; those of the address stay, lest one good account pay for many guesses.
    pub(super) fn clear(&self, repos: &mut dyn Repositories) -> Result<(), StoreError> {
        let permit = System::because("the user has signed in").permit();
        repos.throttles().clear(&permit, &self.account)
    }

    fn keys(&self) -> Vec<(String, ThrottlePolicy)> {
        let account = (self.account.clone(), ThrottlePolicy::ACCOUNT);
        let address = self.address.clone().map(|address| (address, ThrottlePolicy::ADDRESS));
        std::iter::once(account).chain(address).collect()
    }
}

/// The key of an address: the address itself, of IPv6 the network of 64 bits that one customer has to himself.
fn address_key(ip: &str) -> Option<String> {
    if ip.is_empty() {
        return None;
    }
    Some(match ip.parse::<IpAddr>().map(|ip| ip.to_canonical()) {
        Ok(IpAddr::V6(v6)) => {
            format!("address:{}/64", Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64))
        }
        Ok(IpAddr::V4(v4)) => format!("address:{v4}"),
        Err(_not_an_address) => format!("address:{ip}"),
    })
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
        assert_eq!(address_key(""), None);
        assert_eq!(address_key("192.0.2.7").as_deref(), Some("address:192.0.2.7"));
        assert_eq!(address_key("::ffff:192.0.2.7").as_deref(), Some("address:192.0.2.7"));
        assert_eq!(address_key("2001:db8:1:2:3::4").as_deref(), Some("address:2001:db8:1:2::/64"));
    }
}
