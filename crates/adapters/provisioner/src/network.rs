//! The network, as far as a daemon needs it.

use async_trait::async_trait;
use doorward_domain::Secret;
use tokio::io::{AsyncRead, AsyncWrite};
use url::Url;

/// What bytes go over.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Reaches the server.
#[async_trait]
pub trait Network: Send + Sync {
    /// Connects to the host of this URL, with TLS if it is https. Errors: why it cannot be reached.
    async fn connect(&self, url: &Url) -> Result<Box<dyn Stream>, NetworkError>;

    /// Sends a GET with these headers, whose names are in lower case. Errors: why there is no answer; a refusal is one.
    async fn get(&self, url: &Url, headers: Vec<(&'static str, Secret<String>)>) -> Result<Answer, NetworkError>;
}

/// What the server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Such as 200.
    pub status: u16,
    /// The body, of which only the beginning may be there.
    pub body: Vec<u8>,
}

/// Why the server is not reached, in words for whoever runs the daemon.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NetworkError(pub String);
