//! The authorization server against mocks: one test per branch of a rule that spans repositories.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails, in its helpers too")]

mod authorization_code;
mod authorize;
mod client_credentials;
mod device_code;
mod fixtures;
mod introspect;
mod refresh;
mod revoke;
mod shown_app;
