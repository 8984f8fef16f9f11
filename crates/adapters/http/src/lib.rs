//! The REST API, OAuth 2.1 endpoints and pages of Doorward, by actix-web.
//!
//! # Floors
//!
//! `kit` is the mechanism that every request passes through, `conventions` what families of addresses have in common, then
//! come the rooms, one per subject, and [`routes`](self) and `server`, which wire them. Each imports only what stands below
//! it, without circles; `cargo xtask lint` checks it.
//!
//! # The way of a request
//!
//! Each route hands over to one function, `kit::gate::serve`, instead of a stack of middlewares. It gives the request an id
//! and a tracing span, refuses what another site sends, finds out who asks, counts the request against its limit, calls the
//! handler, and sets the headers of its convention. A panic in a handler becomes a 500.
//!
//! A handler takes a `Call` (and a `Principal` if it is for users who are signed in), reads what it needs, calls one use
//! case and answers. It is called when the body has arrived whole, for nothing is done for half a request; what the body
//! says is looked at when the handler asks for it, so that the order of checks is the order of its lines.
//!
//! # Adding an endpoint
//!
//! 1. A handler in its room, with its DTOs and its `#[utoipa::path]`, which is the only place that spells method and path.
//! 2. A line in the room's `routes`, under the convention that it follows, with what is particular about it: limit, body
//!    limit, `no_store`, the feature that a licence must give (`needs`). What changes something is refused to pages of other
//!    sites, unless the line says `for_any_site`: for OAuth clients in browsers only.
//! 3. `doorward openapi > docs/openapi.json`.
#![forbid(unsafe_code)]

mod appearance;
mod audit;
mod authcheck;
mod console;
mod conventions;
mod deployment;
mod docs;
mod entitlements;
mod factors;
mod files;
mod groups;
mod identity_providers;
mod idp_sync;
mod kit;
mod licenses;
mod members;
mod notifications;
mod oauth2;
mod openid;
mod organizations;
mod pages;
mod passcodes;
mod provisioner_jobs;
mod provisioners;
mod quiet_hours;
mod quotas;
mod replicas;
mod roles;
mod routes;
mod scim;
mod server;
mod sessions;
mod status;
mod template_versions;
mod templates;
mod users;
mod workspace_proxies;
mod workspaces;

#[cfg(test)]
mod testing;

pub use kit::closing::Closing;
pub use kit::settings::{
    CompatibilitySettings, CookieSettings, Gauge, HttpSettings, Network, NetworkError, RateLimitSettings,
    SecureCookies, ServerSettings, SettingOption, SettingSource,
};
pub use routes::openapi_json;
pub use server::{Application, Servers, run};
