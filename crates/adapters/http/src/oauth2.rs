//! The authorization server (`oauth2.md`).

pub(crate) mod apps;
pub(crate) mod authorize;
pub(crate) mod documents;
pub(crate) mod settings;
pub(crate) mod tokens;
