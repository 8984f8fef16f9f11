//! Reading requests.

pub(crate) mod client_ip;
pub(crate) mod credential;
pub(crate) mod form;
pub(crate) mod local;
pub(crate) mod path;
pub(crate) mod query;
