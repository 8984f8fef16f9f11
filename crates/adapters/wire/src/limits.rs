//! Limits of a session.

use std::time::Duration;

/// Limits of a session, on every layer.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Most streams that are open at once; one more is reset.
    pub streams: usize,
    /// Bytes that a peer may send on a stream before they are taken. The protocol fixes it: both sides begin with it.
    pub window: u32,
    /// Bytes of a whole session that are held while they wait to be taken, by this side or by the other, over all streams.
    pub held: usize,
    /// Frames that wait to be sent and hold no data (echoes, credit, resets). When there are more, nothing is read.
    pub control_frames: usize,
    /// Longest message, in bytes, in either direction.
    pub message: usize,
    /// How soon the peer must acknowledge a stream that this side has opened.
    pub acknowledged: Duration,
    /// How often the peer is asked for a sign of life.
    pub keep_alive: Duration,
    /// How soon it must give one.
    pub pong: Duration,
    /// How long one write may take.
    pub write: Duration,
    /// How long a stream that this side has closed waits for the other side.
    pub half_closed: Duration,
    /// How long a stream without a call is kept, and how long a call waits for the next part of its request where one is due.
    pub patience: Duration,
    /// How long a call has to send a message that the peer is slow to take.
    pub sending: Duration,
    /// How long calls have to end when the session is to end.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            streams: 256,
            window: 256 * 1024,
            held: 16 * 1024 * 1024,
            control_frames: 1024,
            message: 4 * 1024 * 1024,
            acknowledged: Duration::from_secs(75),
            keep_alive: Duration::from_secs(30),
            pong: Duration::from_secs(10),
            write: Duration::from_secs(10),
            half_closed: Duration::from_mins(5),
            patience: Duration::from_mins(1),
            sending: Duration::from_mins(1),
            grace: Duration::from_secs(5),
        }
    }
}
