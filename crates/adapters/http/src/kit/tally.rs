//! How requests of OAuth2 clients are counted: at tokens, revocation and introspection; and what makes new rows.
//!
//! Hosted clients reach a server from few addresses, one for all their users. So an address answers for failures and new
//! rows only:
//!
//! | what | counts for | under the limit |
//! |---|---|---|
//! | success of a refresh | the grant | of the API |
//! | other success | the client | of the API |
//! | `invalid_client` | the client at this address | of sign-in |
//! | the same for a client that does not exist | the address | of sign-in |
//! | other failure | the address | of the API |
//! | an authorization code | the address from which it was allowed | of the API |
//!
//! An outage is nobody's failure. Before anything is done for a request it holds a place wherever its outcome may count,
//! and gives back those where it does not: however many come at once, no limit is exceeded.

use crate::kit::error::{Failure, HandlerResult};
use crate::kit::limits::{ClientName, Hold, Party, RateLimit, Standing};
use crate::kit::site::Site;
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
/// The name under which new rows are counted.
const NEW_ROWS: &str = "/oauth2 new rows";

/// What a handler tells about a request; cheap to clone, all clones are one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(Arc<Mutex<Facts>>);

#[derive(Debug, Default)]
struct Facts {
    is_client_known: bool,
    /// The refresh token that was presented.
    presented: Option<Party>,
    /// The one that takes its place.
    rotated: Option<Party>,
    /// Where a wrong secret counts.
    guess: Option<Hold>,
    /// Where a success counts.
    success: Option<Hold>,
    made_row: bool,
}

impl Tally {
    fn note<T>(&self, note: impl FnOnce(&mut Facts) -> T) -> T {
        note(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The refresh token was exchanged for this one.
    pub(crate) fn rotated(&self, successor: Option<&str>) {
        self.note(|facts| facts.rotated = successor.map(Party::of_grant));
    }

    /// Takes a place for the request of a client, or says where it stands if it has used up its share.
    pub(crate) async fn admit(
        &self,
        site: &Site,
        address: IpAddr,
        now: Instant,
        is_counted: bool,
        client_id: Option<&str>,
        refresh_token: Option<&str>,
    ) -> Result<(), Standing> {
        let presented = refresh_token.filter(|token| !token.is_empty()).map(Party::of_grant);
        self.note(|facts| {
            facts.is_client_known = client_id.is_some();
            facts.presented = presented;
        });
        let Some(id) = client_id.filter(|_| is_counted) else { return Ok(()) };
        let client = ClientName::of(id);
        let guess = hold(site.login_limit.as_ref(), Party::of_client_at(client, address), CLIENTS, now).await?;
        let party = presented.unwrap_or(Party::Client(client));
        let success = hold(site.api_limit.as_ref(), party, CLIENTS, now).await?;
        self.note(|facts| (facts.guess, facts.success) = (guess, success));
        Ok(())
    }

    /// Something was made that stays until it expires.
    pub(crate) fn made_row(&self) {
        self.note(|facts| facts.made_row = true);
    }
}

/// Refuses an address that has failed too often.
pub(crate) async fn before(site: &Arc<Site>, tally: &Tally, address: IpAddr, now: Instant) -> Result<Ledger, Standing> {
    let failure = hold(site.api_limit.as_ref(), Party::of_address(address), CLIENTS, now).await?;
    Ok(Ledger { site: Arc::clone(site), tally: tally.clone(), address, failure, now })
}

/// Refuses an address from which too much was made that stays; what is returned is to be counted if more is made.
pub(crate) async fn before_new_rows(site: &Site, address: IpAddr, now: Instant) -> Result<Option<Hold>, Standing> {
    hold(site.api_limit.as_ref(), Party::of_address(address), NEW_ROWS, now).await
}

/// Counts what a handler has made.
pub(crate) fn after_new_rows(tally: &Tally, held: Option<Hold>) {
    if let Some(held) = held.filter(|_| tally.note(|facts| facts.made_row)) {
        held.count();
    }
}

/// What is needed to count a request after its handler has taken it.
pub(crate) struct Ledger {
    site: Arc<Site>,
    tally: Tally,
    address: IpAddr,
    /// Where a failure counts.
    failure: Option<Hold>,
    now: Instant,
}

impl Ledger {
    /// Counts the request by what became of it. Where its caller stands is for the headers; `Err` is the answer to a failure
    /// that is one too many.
    pub(crate) fn count(self, outcome: &HandlerResult) -> Result<Option<Standing>, Standing> {
        // What is not counted here is given back at the end.
        let facts = self.tally.note(std::mem::take);
        let error = match outcome {
            Ok(answer) if !answer.status().is_client_error() => {
                let standing = facts.success.map(Hold::count);
                if let (Some(from), Some(to), Some(limit)) = (facts.presented, facts.rotated, &self.site.api_limit) {
                    limit.pass_on(from, to, CLIENTS, self.now);
                }
                return Ok(standing);
            }
            Err(Failure::Spent(standing)) => return Ok(Some(*standing)),
            Err(failure) if failure.outage().is_some() => return Ok(None),
            Err(Failure::OAuth(error)) => Some(error),
            Ok(_) | Err(Failure::Api(_) | Failure::Answer(_)) => None,
        };
        match error.map(|error| (error.code, error)) {
            Some((OAuthErrorCode::ServerError, _)) => Ok(None),
            Some((OAuthErrorCode::InvalidClient, error)) if facts.is_client_known && !is_unknown(error) => {
                Ok(facts.guess.map(Hold::count))
            }
            Some((OAuthErrorCode::InvalidClient, _)) => {
                let party = Party::of_address(self.address);
                match self.site.login_limit.as_ref().map(|limit| limit.check(party, UNKNOWN, self.now)) {
                    Some(standing) if standing.retry_after.is_some() => Err(standing),
                    standing => Ok(standing),
                }
            }
            Some(_) | None => Ok(self.failure.map(Hold::count)),
        }
    }
}

/// Whether it is the client itself that does not exist.
fn is_unknown(error: &OAuthError) -> bool {
    error.reason == UNKNOWN_CLIENT
}

async fn hold(
    limit: Option<&Arc<RateLimit>>,
    party: Party,
    endpoint: &'static str,
    now: Instant,
) -> Result<Option<Hold>, Standing> {
    match limit {
        Some(limit) => limit.hold(party, endpoint, now).await.map(Some),
        None => Ok(None),
    }
}
