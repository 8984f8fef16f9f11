//! The authorization server against mocks: one test per branch of a rule that spans repositories.

mod authorization_code;
mod authorize;
mod client_credentials;
mod fixtures;
mod introspect;
mod refresh;
mod revoke;
