//! How requests of OAuth2 clients are counted: at tokens, revocation and introspection.
//!
//! Hosted clients reach a server from few addresses, one for all their users. So an address answers for failures only:
//!
//! | what | counts for | under the limit |
//! |---|---|---|
//! | success of a refresh | the grant | of the API |
//! | other success | the client | of the API |
//! | `invalid_client` | the client at this address | of sign-in |
//! | the same for a client that does not exist | the address | of sign-in |
//! | other failure | the address | of the API |
//!
//! An outage is nobody's failure. What a caller has used up is looked at before anything is done for it, and counted when
//! the outcome is known; requests at the same moment may therefore exceed a limit by as many as there are.

use crate::call::{Call, Outcome};
use crate::error::Failure;
use crate::gate::{self, Refusal};
use crate::limits::{Party, RateLimit, Standing};
use crate::site::Site;
use doorward_domain::Instant;
use doorward_domain::oauth2::OAuthErrorCode;
use doorward_services::OAuthError;
use doorward_services::oauth2::UNKNOWN_CLIENT;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// The one name under which all these endpoints are counted.
const CLIENTS: &str = "/oauth2 clients";
/// The same for clients that do not exist.
const UNKNOWN: &str = "/oauth2 unknown clients";

/// What a handler tells about the client of a request; cheap to clone, all clones are one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(Arc<Mutex<Facts>>);

#[derive(Clone, Debug, Default)]
struct Facts {
    client: Option<String>,
    /// The refresh token that was presented.
    presented: Option<Party>,
    /// The one that takes its place.
    rotated: Option<Party>,
}

impl Tally {
    fn facts(&self) -> Facts {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, note: impl FnOnce(&mut Facts)) {
        note(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The refresh token was exchanged for this one.
    pub(crate) fn rotated(&self, successor: Option<&str>) {
        self.note(|facts| facts.rotated = successor.map(Party::of_grant));
    }
}

impl Call {
    /// Refuses the request of a client that has used up its share. To be called before anything is done for it.
    pub(crate) fn admit(&self, client_id: Option<&str>, refresh_token: Option<&str>) -> Result<(), Failure> {
        let presented = refresh_token.filter(|token| !token.is_empty()).map(Party::of_grant);
        self.tally.note(|facts| {
            facts.client = client_id.map(str::to_owned);
            facts.presented = presented;
        });
        let (site, now) = (&*self.site, self.context().clock.now());
        let Some(id) = client_id.filter(|_| self.is_counted) else { return Ok(()) };
        let party = presented.unwrap_or_else(|| Party::of_client(id));
        let looks = [(&site.login_limit, Party::of_client_at(id, address(self))), (&site.api_limit, party)];
        for (limit, party) in looks {
            if let Some(standing) = spent(limit.as_ref(), party, now) {
                return Err(Failure::Spent(standing));
            }
        }
        Ok(())
    }
}

/// Refuses an address that has failed too often.
pub(crate) fn before(call: &Call) -> Result<(), Refusal> {
    let party = Party::of_address(address(call));
    match spent(call.site.api_limit.as_ref(), party, call.context().clock.now()) {
        Some(standing) => Err(gate::refusal(standing)),
        None => Ok(()),
    }
}

/// What is needed to count a request after its handler has taken it.
pub(crate) struct Ledger {
    site: Arc<Site>,
    tally: Tally,
    address: IpAddr,
    now: Instant,
}

impl Ledger {
    pub(crate) fn of(call: &Call) -> Self {
        Self {
            site: Arc::clone(&call.site),
            tally: call.tally.clone(),
            address: address(call),
            now: call.context().clock.now(),
        }
    }

    /// Counts the request by what became of it. Where its caller stands is for the headers; `Err` is the answer to a failure
    /// that is one too many.
    pub(crate) fn count(&self, outcome: &Outcome) -> Result<Option<Standing>, Standing> {
        let (api, login) = (self.site.api_limit.as_ref(), self.site.login_limit.as_ref());
        let facts = self.tally.facts();
        let check =
            |limit: Option<&RateLimit>, party, endpoint| limit.map(|limit| limit.check(party, endpoint, self.now));
        let failure = match outcome {
            Ok(answer) if !answer.status().is_client_error() => {
                if let (Some(from), Some(to), Some(limit)) = (facts.presented, facts.rotated, api) {
                    limit.pass_on(from, to, CLIENTS, self.now);
                }
                let party = facts.rotated.or_else(|| facts.client.as_deref().map(Party::of_client));
                return Ok(party.and_then(|party| check(api, party, CLIENTS)));
            }
            Ok(_) => None,
            Err(failure) => Some(failure),
        };
        match failure {
            Some(Failure::Spent(standing)) => Ok(Some(*standing)),
            Some(failure) if failure.outage().is_some() => Ok(None),
            Some(Failure::OAuth(error)) if error.code == OAuthErrorCode::ServerError => Ok(None),
            Some(Failure::OAuth(error)) if error.code == OAuthErrorCode::InvalidClient => {
                let (party, endpoint) = match &facts.client {
                    Some(id) if !is_unknown(error) => (Party::of_client_at(id, self.address), CLIENTS),
                    _ => (Party::of_address(self.address), UNKNOWN),
                };
                match check(login, party, endpoint) {
                    Some(standing) if standing.retry_after.is_some() => Err(standing),
                    standing => Ok(standing),
                }
            }
            _ => Ok(check(api, Party::of_address(self.address), CLIENTS)),
        }
    }
}

/// Whether it is the client itself that does not exist.
fn is_unknown(error: &OAuthError) -> bool {
    error.reason == UNKNOWN_CLIENT
}

fn spent(limit: Option<&RateLimit>, party: Party, now: Instant) -> Option<Standing> {
    limit.map(|limit| limit.look(party, CLIENTS, now)).filter(|standing| standing.retry_after.is_some())
}

fn address(call: &Call) -> IpAddr {
    call.origin.ip.parse().unwrap_or(IpAddr::from([0; 4]))
}
