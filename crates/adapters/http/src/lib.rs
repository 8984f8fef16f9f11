//! The REST API, OAuth 2.1 endpoints and pages of Doorward, by actix-web.
//!
//! # The way of a request
//!
//! Each route of [`routes`](self) hands over to one function, `gate::serve`, instead of a stack of middlewares. It
//! gives the request an id and a tracing span, refuses what another site sends, finds out who asks, counts the request
//! against its limit, calls the handler, and sets the headers of its area. A panic in a handler becomes a 500.
//!
//! A handler takes a `Call` (and an `Principal` if it is for users who are signed in), reads what it needs, calls one use
//! case and answers. It is called when the body has arrived whole, for nothing is done for half a request; what the body
//! says is looked at when the handler asks for it, so that the order of checks is the order of its lines.
//!
//! # Adding an endpoint
//!
//! 1. A handler in its room, with its DTOs and its `#[utoipa::path]`.
//! 2. A line in `routes::table` and in `docs::Document`; a test proves that both name the same routes. What changes
//!    something is refused to pages of other sites, unless the line is `open`: for OAuth clients in browsers only.
//! 3. `doorward openapi > docs/openapi.json`.
#![forbid(unsafe_code)]

mod accept;
mod answer;
mod audit;
mod authcheck;
mod call;
mod caller;
mod cors;
mod csrf;
mod deployment;
mod docs;
mod error;
mod extract;
mod gate;
mod groups;
mod json;
mod limits;
mod members;
mod metrics;
mod oauth2;
mod organizations;
mod origins;
mod pages;
mod quotas;
mod readiness;
mod roles;
mod routes;
mod scim;
mod screens;
mod server;
mod sessions;
mod settings;
mod site;
mod status;
mod tally;
mod templates;
mod users;
mod workspaces;

#[cfg(test)]
mod testing;

pub use docs::openapi_json;
pub use server::{Application, Servers, run};
pub use settings::{
    CompatibilitySettings, CookieSettings, Gauge, HttpSettings, Network, NetworkError, RateLimitSettings,
    SecureCookies, ServerSettings,
};
