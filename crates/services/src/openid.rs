//! This server as a provider of OpenID Connect, for its OAuth2 apps: who somebody is, and when and how they signed in.

pub mod documents;
