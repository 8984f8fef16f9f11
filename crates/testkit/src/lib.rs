//! What the tests of Doorward share.
//!
//! - [`postgres`]: a throw-away PostgreSQL cluster from the installed binaries, shared by all test processes that run
//!   at the same moment, gone when the last of them is gone, however it ended.
//! - [`process`]: the real `doorward` binary on a free port, with its own data directory and its log.
//! - [`settings`]: sections of the settings with their defaults.
//!
//! This crate is a dev-dependency only; nothing of it is part of the product.

pub mod keys;
pub mod postgres;
pub mod process;
pub mod settings;
