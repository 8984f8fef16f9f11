//! This server as a provider of OpenID Connect.

mod keys;
