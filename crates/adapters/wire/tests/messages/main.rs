//! The messages, and what becomes of whole sessions whose bytes are damaged.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, in its helpers too")]

mod corpus;
mod damage;
mod round_trips;
