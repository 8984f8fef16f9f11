//! What ends a session.

use thiserror::Error;

/// What ends a session, or one of its streams.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// The header of a frame is none of this protocol.
    #[error("a frame of version {version} and type {kind} is none of this protocol")]
    Header {
        /// The version.
        version: u8,
        /// The type.
        kind: u8,
    },
    /// A frame is about a stream that cannot be.
    #[error("stream {0} is not one that the other side may use")]
    Stream(u32),
    /// More data than the other side was allowed to send.
    #[error("more data on stream {0} than was allowed")]
    Window(u32),
    /// The other side gave up, with this code.
    #[error("the other side gave up: code {0}")]
    GivenUp(u32),
    /// The other side gave no sign of life.
    #[error("no sign of life in time")]
    Silent,
    /// The other side takes nothing.
    #[error("the other side does not take what is sent")]
    Stuck,
    /// A packet is framed wrongly.
    #[error("a packet is wrong: {0}")]
    Packet(&'static str),
    /// A packet is larger than any that is taken.
    #[error("a packet is larger than {0} bytes")]
    TooLarge(usize),
    /// The session holds too much.
    #[error("more is on its way than {0} bytes at once")]
    Full(usize),
    /// The other side takes no more calls.
    #[error("the other side is about to leave")]
    Leaving,
    /// The session is no more.
    #[error("the session has ended")]
    Ended,
    /// The stream was ended by the other side.
    #[error("the stream was reset")]
    Reset,
    /// What carries the bytes failed.
    #[error("the connection failed: {0}")]
    Transport(String),
}

impl Fault {
    /// Whether the other side broke the rules, and is to be told so.
    pub(crate) const fn is_theirs(&self) -> bool {
        matches!(self, Self::Header { .. } | Self::Stream(_) | Self::Window(_))
    }
}

/// Why no more bytes come from, or go to, what carries them.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct TransportError(pub String);

impl From<TransportError> for Fault {
    fn from(error: TransportError) -> Self {
        Self::Transport(error.0)
    }
}
