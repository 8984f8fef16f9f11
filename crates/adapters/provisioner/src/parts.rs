//! What a daemon is made of.

use crate::network::Network;
use doorward_ports::{Clock, Random};
use std::sync::Arc;

/// What a daemon needs of its surroundings.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) network: Arc<dyn Network>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
}
