//! What every request passes through, whatever it asks for: mechanism that knows no room and no convention.
//!
//! A module here imports others of this folder only, and without circles; `cargo xtask lint` checks it. What differs from
//! one family of addresses to the next is asked of the [`Convention`](convention::Convention) of the endpoint.

pub(crate) mod accept;
pub(crate) mod answer;
pub(crate) mod body;
pub(crate) mod call;
pub(crate) mod caller;
pub(crate) mod closing;
pub(crate) mod convention;
pub(crate) mod cors;
pub(crate) mod csrf;
pub(crate) mod documentation;
pub(crate) mod dpop;
pub(crate) mod error;
pub(crate) mod extract;
pub(crate) mod gate;
pub(crate) mod headers;
pub(crate) mod html;
pub(crate) mod json;
pub(crate) mod limits;
pub(crate) mod listener;
pub(crate) mod metrics;
pub(crate) mod mount;
pub(crate) mod openapi;
pub(crate) mod origins;
pub(crate) mod places;
pub(crate) mod rates;
pub(crate) mod readiness;
pub(crate) mod refusal;
pub(crate) mod routes;
pub(crate) mod settings;
pub(crate) mod site;
pub(crate) mod streamed;
pub(crate) mod tally;
pub(crate) mod waiting;
