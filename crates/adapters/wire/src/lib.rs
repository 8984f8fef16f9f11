//! What provisioner daemons speak, without the house: a byte stream holds [yamux](self) streams, each of them a DRPC connection,
//! whose messages are protobuf (`docs/spec/provisioner-wire.md`).
//!
//! [`serve`] takes bytes from anywhere (a WebSocket, a pipe in a test) and carries out calls by a [`Service`]. [`connect`] is the other
//! side: a daemon, whose calls go through a [`Client`]. Both open nothing, spawn nothing, and know neither HTTP nor the database.
//!
//! # Limits
//!
//! All of them are in [`Limits`]. A peer can make this side hold a fixed number of bytes: frames are read as they come and never
//! gathered whole, the bytes that wait to be taken and the answers that wait to be sent are counted for the session, and what is to be
//! said besides (echoes, credit, resets) stops the reading when it is not taken.
//!
//! # Ends
//!
//! Whatever a peer sends, a session ends with an [`Ended`] that says why, and a call with a [`Status`]; neither panics.
//!
//! # Why not the crate `yamux`
//!
//! It acknowledges a stream by its first answer. A call that waits for a job answers nothing for hours, and Coder's daemons close a
//! session in which a stream was not acknowledged for 75 s (section 2 of the specification). Nor does it ask for signs of life that
//! end a session, or time its writes.
#![forbid(unsafe_code)]

mod budget;
mod client;
mod drpc;
mod fault;
mod limits;
pub mod messages;
mod serve;
mod session;
mod yamux;

pub use client::{CallError, Client, Conversation, connect};
pub use drpc::call::{Call, End, Message, Service, Stopping};
pub use drpc::status::Status;
pub use fault::{Fault, TransportError};
pub use limits::Limits;
pub use serve::serve;
pub use session::{Ended, Outgoing};
