//! This server as a provider of OpenID Connect, for its OAuth2 apps: who somebody is, and when and how they signed in.

pub mod authentication;
pub mod backchannel;
pub mod documents;
pub mod known;
pub mod logout;
pub mod userinfo;
pub mod verified_emails;

mod claims;
mod hint;
pub(crate) mod issue;
