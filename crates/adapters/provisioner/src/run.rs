//! A daemon from its start to its end.

use crate::acquire::work;
use crate::link::{Link, dialling};
use crate::network::Network;
use crate::options::{Credential, Options};
use crate::parts::Parts;
use crate::socket::{DialError, told};
use crate::stops::Stops;
use doorward_ports::{Clock, Random};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// How long leaving may take.
const LEAVING: Duration = Duration::from_secs(10);

/// Why a daemon ended that was not told to.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RunError {
    /// The server does not know its key.
    #[error("the provisioner key is refused: {0}")]
    Key(String),
    /// The server does not want it.
    #[error("the server refuses this daemon: {0}")]
    Refused(String),
}

/// Runs a daemon until it is told to stop. Errors: the server does not want it.
pub async fn run(
    options: &Options,
    network: Arc<dyn Network>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    stops: Stops,
) -> Result<(), RunError> {
    let parts = Parts { network, clock, random };
    tokio::select! {
        checked = check_key(options, &*parts.network) => checked?,
        () = stops.stopping() => return Ok(()),
    }
    let link = Link::default();
    let (leave, leaving) = watch::channel(false);
    let keeping = link.keep(&*parts.network, options, leaving);
    let working = work(&link, options, &parts, &stops);
    tokio::pin!(keeping);
    tokio::select! {
        kept = &mut keeping => return kept.map_err(refused),
        () = working => {}
    }
    leave.send_replace(true);
    match timeout(LEAVING, keeping).await {
        Ok(left) => left.map_err(refused),
        Err(_elapsed) => Ok(()),
    }
}

fn refused(error: DialError) -> RunError {
    match error {
        DialError::Refused(why) | DialError::Failed(why) => RunError::Refused(why),
    }
}

/// Looks whether the server knows the key, before daemons of that name come and go. Waits for a server that is not there.
async fn check_key(options: &Options, network: &dyn Network) -> Result<(), RunError> {
    #[derive(Deserialize)]
    struct Key {
        name: String,
        #[serde(default)]
        tags: BTreeMap<String, String>,
    }
    if !matches!(options.credential, Credential::Key(_)) {
        return Ok(());
    }
    let url = options.key_url();
    let mut pauses = dialling();
    loop {
        let why = match network.get(&url, options.headers()).await {
            Ok(answer) if answer.status == 200 => {
                if let Ok(Key { name, tags }) = serde_json::from_slice(&answer.body) {
                    let tags: Vec<_> = tags.iter().map(|(name, value)| format!("{name}={value}")).collect();
                    tracing::info!("the key is {name}, with the tags [{}]", tags.join(" "));
                }
                return Ok(());
            }
            Ok(answer) => {
                let why = told(&answer.body);
                if (400..500).contains(&answer.status) && answer.status != 429 {
                    return Err(RunError::Key(format!("the server answers {}: {why}", answer.status)));
                }
                format!("the server answers {}", answer.status)
            }
            Err(error) => error.to_string(),
        };
        let pause = pauses.next().unwrap_or(LEAVING);
        tracing::warn!("cannot look at the key at {}: {why}; trying again in {pause:.1?}", options.url);
        sleep(pause).await;
    }
}
