//! The adapter: judges, counts, asks, and says how it ended.

use crate::answer::{exchange, prepare};
use crate::dial::dial;
use crate::flights::{Flights, Key};
use crate::network::{Connection, Network, SystemNetwork};
use crate::settings::FetchSettings;
use crate::slots::Slots;
use crate::tally::{FetchOutcome, Tally};
use crate::target::Target;
use crate::tls::{OutboundError, Tls};
use async_trait::async_trait;
use doorward_ports::Fetch;
use doorward_ports::fetch::{Answer, ChosenBy, FailureClass, FetchError, Request};
use futures_util::FutureExt as _;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use url::Url;

/// So long may all of it take, from the name to the last byte of the body.
const WHOLE: Duration = Duration::from_secs(5);

/// Sends requests to other servers.
#[derive(Clone)]
pub struct Outbound(Arc<Inner>);

struct Inner {
    settings: FetchSettings,
    network: Box<dyn Network>,
    tls: Tls,
    slots: Slots,
    flights: Flights,
    tally: Tally,
}

impl Outbound {
    /// Reads the certificates that are trusted; asks nobody. Blocks for as long as reading takes.
    pub fn new(settings: &FetchSettings) -> Result<Self, OutboundError> {
        Self::with_network(settings, SystemNetwork::default())
    }

    /// The same on a network of the caller's.
    pub fn with_network(settings: &FetchSettings, network: impl Network + 'static) -> Result<Self, OutboundError> {
        let tls = Tls::new(&settings.extra_ca)?;
        Ok(Self(Arc::new(Inner {
            settings: settings.clone(),
            network: Box::new(network),
            tls,
            slots: Slots::default(),
            flights: Flights::default(),
            tally: Tally::default(),
        })))
    }

    /// A connection to the host of this URL, which the operator chose, with TLS if it is https: for what is no request with an
    /// answer. It is neither counted nor limited; five seconds at most.
    pub async fn connect(&self, url: &str) -> Result<Connection, FetchError> {
        let chosen_by = if url.starts_with("http:") { ChosenBy::Peer } else { ChosenBy::Operator };
        let target = Target::judge(url, chosen_by, &self.0.settings)?;
        let dialled = timeout(WHOLE, dial(&*self.0.network, &self.0.settings, &self.0.tls, &target)).await;
        dialled.map_err(|_elapsed| {
            FetchError::new(FailureClass::Timeout, format!("no connection within {} s", WHOLE.as_secs()))
        })?
    }

    /// Counts for the metrics.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.0.tally.clone()
    }
}

#[async_trait]
impl Fetch for Outbound {
    async fn fetch(&self, request: Request) -> Result<Answer, FetchError> {
        let target = match Target::judge(&request.url, request.chosen_by, &self.0.settings) {
            Ok(target) => target,
            Err(error) => {
                self.0.note(&host_of(&request.url), Duration::ZERO, Err(&error));
                return Err(error);
            }
        };
        let inner = Arc::clone(&self.0);
        if !request.can_be_shared() {
            return inner.ask(target, request).await;
        }
        let key = Key {
            url: target.url.as_str().to_owned(),
            body_limit: request.body_limit,
            content: request.content,
            any_status: request.any_status,
            chosen_by: request.chosen_by,
        };
        self.0.flights.join(key, || inner.ask(target, request).boxed()).await
    }
}

impl Inner {
    /// One request, with its end in log and metrics.
    async fn ask(self: Arc<Self>, target: Target, request: Request) -> Result<Answer, FetchError> {
        let begun = Instant::now();
        let ended = match timeout(WHOLE, self.try_ask(&target, &request)).await {
            Ok(ended) => ended,
            Err(_elapsed) => {
                Err(FetchError::new(FailureClass::Timeout, format!("no whole answer within {} s", WHOLE.as_secs())))
            }
        };
        self.note(&target.name(), begun.elapsed(), ended.as_ref());
        ended
    }

    async fn try_ask(&self, target: &Target, request: &Request) -> Result<Answer, FetchError> {
        let sent = prepare(target, request)?;
        let _slot = self.slots.take(&target.name(), request.chosen_by)?;
        let stream = dial(&*self.network, &self.settings, &self.tls, target).await?;
        exchange(stream, sent, request).await
    }

    fn note(&self, host: &str, took: Duration, ended: Result<&Answer, &FetchError>) {
        match ended {
            Ok(_) => self.tally.count(FetchOutcome::Success, took),
            Err(error) => {
                self.tally.count(FetchOutcome::Failure(error.class), took);
                let (class, detail) = (error.class.as_str(), &error.detail);
                tracing::info!(class, host, %detail, ?took, "a request to another server failed");
            }
        }
    }
}

/// The host for the log, where nothing else of what a stranger sent belongs; a dash if there is none.
fn host_of(text: &str) -> String {
    Url::parse(text).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_else(|| "-".to_owned())
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}
