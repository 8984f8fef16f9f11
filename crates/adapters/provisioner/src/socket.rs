//! The way to the server: a WebSocket (RFC 6455).

use crate::network::Network;
use crate::options::{Credential, Options};
use bytes::Bytes;
use doorward_wire::{Outgoing, TransportError};
use futures_util::stream::{SplitSink, SplitStream, unfold};
use futures_util::{SinkExt as _, Stream, StreamExt as _};
use http::{HeaderName, HeaderValue};
use serde::Deserialize;
use std::time::Duration;
use thiserror::Error;
use tokio::time::timeout;
use tokio_websockets::upgrade::Error as UpgradeError;
use tokio_websockets::{ClientBuilder, CloseCode, Error, Limits, Message, WebSocketStream};
use url::Url;

/// Largest message of the WebSocket, in bytes.
const LARGEST: usize = 4 * 1024 * 1024;
/// How long it may take until it is open.
const OPENING: Duration = Duration::from_secs(15);
/// How long saying goodbye may take.
const CLOSING: Duration = Duration::from_secs(2);
/// Longest text of the server that is repeated, in bytes.
const SHOWN: usize = 500;

type Socket = WebSocketStream<Box<dyn crate::network::Stream>>;

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum DialError {
    /// The server does not want this daemon, and will not want it later.
    #[error("{0}")]
    Refused(String),
    /// It may work later.
    #[error("{0}")]
    Failed(String),
}

/// Where the bytes of the session go.
pub(crate) struct Out(SplitSink<Socket, Message>);

/// Opens a connection for the daemon. Errors: [`DialError`].
pub(crate) async fn dial(
    network: &dyn Network,
    options: &Options,
) -> Result<(impl Stream<Item = Result<Bytes, TransportError>> + use<>, Out), DialError> {
    let url = options.serve_url();
    let opened = timeout(OPENING, open(network, options, &url)).await;
    let opened = opened.map_err(|_elapsed| DialError::Failed("the server does not answer in time".to_owned()))?;
    match opened {
        Ok(socket) => {
            let (out, messages) = socket.split();
            Ok((incoming(messages), Out(out)))
        }
        Err(Opening::Status(status)) => {
            // A WebSocket tells no more than that; a plain request is refused alike, and told why.
            let why = match network.get(&url, options.headers()).await {
                Ok(answer) if answer.status == status => told(&answer.body),
                Ok(_) | Err(_) => String::new(),
            };
            let why = format!("the server answers {status}{}{why}", if why.is_empty() { "" } else { ": " });
            let is_refused = status == 403 || status == 401 && is_key_gone(network, options).await;
            Err(if is_refused { DialError::Refused(why) } else { DialError::Failed(why) })
        }
        Err(Opening::Other(why)) => Err(DialError::Failed(why)),
    }
}

/// Whether the server does not know the key of the daemon any more.
async fn is_key_gone(network: &dyn Network, options: &Options) -> bool {
    if !matches!(options.credential, Credential::Key(_)) {
        return false;
    }
    let asked = network.get(&options.key_url(), options.headers()).await;
    asked.is_ok_and(|answer| (400..500).contains(&answer.status) && answer.status != 429)
}

enum Opening {
    Status(u16),
    Other(String),
}

async fn open(network: &dyn Network, options: &Options, url: &Url) -> Result<Socket, Opening> {
    let other = |why: String| Opening::Other(why);
    let mut builder = ClientBuilder::new()
        .uri(url.as_str())
        .map_err(|error| other(error.to_string()))?
        .limits(Limits::default().max_payload_len(Some(LARGEST)));
    for (name, value) in options.headers() {
        let mut value = HeaderValue::from_str(value.expose()).map_err(|_invalid| {
            other(format!("what is sent in the header {name} has characters that no header may have"))
        })?;
        value.set_sensitive(true);
        builder = builder.add_header(HeaderName::from_static(name), value).map_err(|error| other(error.to_string()))?;
    }
    let stream = network.connect(url).await.map_err(|error| other(error.to_string()))?;
    match builder.connect_on(stream).await {
        Ok((socket, _answer)) => Ok(socket),
        Err(Error::Upgrade(UpgradeError::DidNotSwitchProtocols(status))) => Err(Opening::Status(status)),
        Err(error) => Err(other(format!("no WebSocket is opened there: {error}"))),
    }
}

/// What the server says in a body: its message, and the detail if it has one.
pub(crate) fn told(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Body {
        message: String,
        #[serde(default)]
        detail: String,
    }
    let Ok(Body { message, detail }) = serde_json::from_slice(body) else { return String::new() };
    let mut text = if detail.is_empty() { message } else { format!("{message} ({detail})") };
    text.retain(|c| !c.is_control());
    text.truncate(text.floor_char_boundary(SHOWN));
    text
}

/// The bytes of all binary messages, one after another.
fn incoming(messages: SplitStream<Socket>) -> impl Stream<Item = Result<Bytes, TransportError>> {
    unfold(messages, async |mut messages| {
        loop {
            let bytes = match messages.next().await? {
                Ok(message) if message.is_binary() => Ok(Bytes::from(message.into_payload())),
                Ok(message) if message.is_text() => Err(TransportError("a text message".to_owned())),
                Ok(message) => match message.as_close() {
                    Some((code, reason)) if code == CloseCode::INTERNAL_SERVER_ERROR => {
                        Err(TransportError(format!("the server ended it: {reason}")))
                    }
                    Some(_) => return None,
                    // Signs of life are answered by themselves.
                    None => continue,
                },
                Err(error) => Err(TransportError(error.to_string())),
            };
            return Some((bytes, messages));
        }
    })
}

impl Outgoing for Out {
    async fn send(&mut self, bytes: Bytes) -> Result<(), TransportError> {
        self.0.send(Message::binary(bytes)).await.map_err(|error| TransportError(error.to_string()))
    }
}

impl Out {
    /// Says goodbye, as far as somebody listens.
    pub(crate) async fn close(&mut self) {
        let _gone = timeout(CLOSING, self.0.send(Message::close(Some(CloseCode::NORMAL_CLOSURE), ""))).await;
    }
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn what_a_server_says_is_shortened_and_what_is_no_json_is_not_repeated() {
        assert_eq!(told(br#"{"message":"No.","detail":"not\nhere"}"#), "No. (nothere)");
        assert_eq!(told(br#"{"message":"No."}"#), "No.");
        assert_eq!(told(b"<html>"), "");
        let long = format!(r#"{{"message":"{}"}}"#, "\u{e9}".repeat(1000));
        assert_eq!(told(long.as_bytes()).len(), 500);
    }
}
