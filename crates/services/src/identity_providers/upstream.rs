//! What is known of providers: their discovery documents and keys, fetched when they are first needed and remembered for a while. A
//! provider that is down when this server starts stops nobody but those who want to sign in through it.

use crate::error::Error;
use crate::oauth2::client_key_cache::ClientKeyCache;
use async_trait::async_trait;
use doorward_domain::Instant;
use doorward_domain::identity_providers::{DISCOVERY_MAX, Discovery, KEY_SET_MAX, KeySet, Provider, discovery_url};
use doorward_ports::Signer;
use doorward_ports::fetch::{Answer, ContentType, FailureClass, Fetch, FetchError, Request};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use time::Duration;

/// For how long what was fetched is used without asking again.
const FRESH: Duration = Duration::HOUR;
/// For how long it is used when the provider does not answer.
const STALE: Duration = Duration::DAY;
/// Keys are fetched anew for a key that is not known, but not more often than this: a stranger could make up keys.
const AGAIN: Duration = Duration::MINUTE;

/// What this server knows of its identity providers, and the way to them. Cheap to clone.
#[derive(Clone)]
pub struct Upstreams(Arc<Inner>);

struct Inner {
    fetch: Arc<dyn Fetch>,
    /// By which this server proves who it is, by the names of providers.
    signers: HashMap<String, Arc<dyn Signer>>,
    discoveries: Mutex<HashMap<String, Kept<Discovery>>>,
    keys: Mutex<HashMap<String, Kept<KeySet>>>,
    /// Of providers that have published private keys, how many, as it was recorded last.
    exposed: Mutex<HashMap<String, usize>>,
    client_keys: ClientKeyCache,
}

struct Kept<T> {
    value: Arc<T>,
    since: Instant,
    /// When it was last fetched because it did not suffice.
    again: Option<Instant>,
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), ..*self }
    }
}

impl fmt::Debug for Upstreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Upstreams(..)")
    }
}

/// None can be reached: for commands, which ask nothing of other servers, and for tests.
impl Default for Upstreams {
    fn default() -> Self {
        Self::new(Arc::new(NoWayOut))
    }
}

struct NoWayOut;

#[async_trait]
impl Fetch for NoWayOut {
    async fn fetch(&self, _request: Request) -> Result<Answer, FetchError> {
        Err(FetchError::new(FailureClass::Request, "there is no way out"))
    }
}

impl Upstreams {
    /// Providers are reached through `fetch`.
    #[must_use]
    pub fn new(fetch: Arc<dyn Fetch>) -> Self {
        Self::with_signers(fetch, HashMap::new())
    }

    /// The same, with the private keys of this server for providers, by their names.
    #[must_use]
    pub fn with_signers(fetch: Arc<dyn Fetch>, signers: HashMap<String, Arc<dyn Signer>>) -> Self {
        Self(Arc::new(Inner {
            fetch,
            signers,
            discoveries: Mutex::default(),
            keys: Mutex::default(),
            exposed: Mutex::default(),
            client_keys: ClientKeyCache::default(),
        }))
    }

    /// The private key for a provider.
    pub(super) fn signer(&self, provider: &str) -> Option<&dyn Signer> {
        self.0.signers.get(provider).map(|signer| &**signer)
    }

    /// Asks another server.
    pub(crate) async fn fetch(&self, request: Request) -> Result<Answer, FetchError> {
        self.0.fetch.fetch(request).await
    }

    /// What is remembered of the keys of clients.
    pub(crate) fn client_keys(&self) -> &ClientKeyCache {
        &self.0.client_keys
    }

    /// The discovery document of a provider (OpenID Connect Discovery 1.0, 4).
    pub(super) async fn discovery(&self, provider: &Provider, now: Instant) -> Result<Arc<Discovery>, Error> {
        let url = discovery_url(&provider.issuer);
        let kept = find(&self.0.discoveries, &url);
        if let Some(kept) = kept.as_ref().filter(|kept| now - kept.since < FRESH) {
            return Ok(Arc::clone(&kept.value));
        }
        let fetched = match self.get(provider, &url, DISCOVERY_MAX).await {
            Ok(answer) => Discovery::parse(answer.body.expose(), provider).map_err(|defect| {
                tracing::warn!(provider = %provider.name, %defect, "the discovery document is not taken");
                unusable()
            }),
            Err(failure) => Err(told(&provider.name, "the discovery document", &failure)),
        };
        keep(&self.0.discoveries, url, fetched, kept, (now, None))
    }

    /// The keys of a provider; fetched `again` for a token that none of them has signed, unless that was just done.
    pub(super) async fn keys(
        &self,
        provider: &Provider,
        discovery: &Discovery,
        again: bool,
        now: Instant,
    ) -> Result<Arc<KeySet>, Error> {
        let url = discovery.jwks_uri.clone();
        let kept = find(&self.0.keys, &url);
        let suffices = |kept: &&Kept<KeySet>| {
            if again { kept.again.is_some_and(|at| now - at < AGAIN) } else { now - kept.since < FRESH }
        };
        if let Some(kept) = kept.as_ref().filter(suffices) {
            return Ok(Arc::clone(&kept.value));
        }
        let fetched = match self.get(provider, &url, KEY_SET_MAX).await {
            Ok(answer) => match KeySet::parse(answer.body.expose()) {
                Ok(keys) => {
                    if keys.exposed > 0 {
                        let exposed = keys.exposed;
                        tracing::error!(provider = %provider.name, exposed, "the provider has published private keys, which are not taken");
                    }
                    Ok(keys)
                }
                Err(defect) => {
                    tracing::warn!(provider = %provider.name, %defect, "the keys of the provider are not taken");
                    Err(unusable())
                }
            },
            Err(failure) => Err(told(&provider.name, "the keys", &failure)),
        };
        let again = if again { Some(now) } else { kept.as_ref().and_then(|kept| kept.again) };
        keep(&self.0.keys, url, fetched, kept, (now, again))
    }

    /// Remembers how many private keys a provider has published; whether that is another number than before.
    pub(super) fn exposes(&self, provider: &str, keys: usize) -> bool {
        let mut exposed = self.0.exposed.lock().unwrap_or_else(PoisonError::into_inner);
        let before = if keys == 0 { exposed.remove(provider) } else { exposed.insert(provider.to_owned(), keys) };
        before.unwrap_or(0) != keys
    }

    async fn get(&self, provider: &Provider, url: &str, limit: usize) -> Result<Answer, FetchError> {
        self.fetch(chosen(Request::get(url, limit).expecting(ContentType::Any), Some(provider))).await
    }
}

/// The request with who chose its address. What a provider names in its documents at another host than that of its issuer was not
/// chosen by the operator, and must not lead behind this server. All of GitHub stands in the settings.
pub(super) fn chosen(request: Request, provider: Option<&Provider>) -> Request {
    match provider {
        Some(provider) if !provider.is_at_own_host(&request.url) => request.chosen_by_trusted(),
        _ => request.chosen_by_operator(),
    }
}

fn find<T>(known: &Mutex<HashMap<String, Kept<T>>>, url: &str) -> Option<Kept<T>> {
    known.lock().unwrap_or_else(PoisonError::into_inner).get(url).cloned()
}

/// Keeps what was fetched; when nothing was, the old is good for some time more.
fn keep<T>(
    known: &Mutex<HashMap<String, Kept<T>>>,
    url: String,
    fetched: Result<T, Error>,
    old: Option<Kept<T>>,
    (now, again): (Instant, Option<Instant>),
) -> Result<Arc<T>, Error> {
    let kept = match (fetched, old) {
        (Ok(value), _) => Kept { value: Arc::new(value), since: now, again },
        (Err(_told), Some(old)) if now - old.since < STALE => Kept { again, ..old },
        (Err(error), _) => return Err(error),
    };
    let value = Arc::clone(&kept.value);
    known.lock().unwrap_or_else(PoisonError::into_inner).insert(url, kept);
    Ok(value)
}

/// What is said of what a provider answers, and is not as it must be.
pub(super) const NOT_ACCEPTED: &str = "The identity provider gave an answer that is not accepted here.";

/// What a visitor is told of an answer that cannot be used. The log says more.
pub(super) fn unusable() -> Error {
    Error::Upstream(NOT_ACCEPTED.to_owned())
}

/// What a visitor is told of a provider that does not answer; what happened is for the log.
pub(super) fn told(provider: &str, what: &'static str, failure: &FetchError) -> Error {
    tracing::warn!(provider, what, class = failure.class.as_str(), detail = %failure.detail, "the identity provider does not answer");
    match failure.class {
        // Somebody has answered, and trying again would not help.
        FailureClass::Size | FailureClass::ContentType | FailureClass::Parse => unreadable(),
        FailureClass::Request
        | FailureClass::Dns
        | FailureClass::ForbiddenAddress
        | FailureClass::Connection
        | FailureClass::Tls
        | FailureClass::Timeout
        | FailureClass::Status
        | FailureClass::Busy => {
            Error::Upstream("The identity provider does not answer. Please try again in a moment.".to_owned())
        }
    }
}

/// What a visitor is told of an answer that is nothing of the kind.
pub(super) fn unreadable() -> Error {
    Error::Upstream("The identity provider gave an answer that cannot be read.".to_owned())
}
