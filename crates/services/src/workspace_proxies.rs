//! Workspace proxies: servers elsewhere, through which people reach workspaces (`enterprise-platform.md` 8). They register with a
//! token, are asked now and then how they do, and are listed with that; what they relay is the network of workspaces, which
//! this server does not run.

pub(crate) mod access;
mod apps;
mod create;
mod delete;
mod health;
mod list;
mod primary;
mod settings;
mod update;

pub mod own;

#[cfg(test)]
mod tests;

pub use access::{ProxyRef, authenticate};
pub use apps::{AppAnswer, issue_app_token};
pub use create::{CreateProxy, create};
pub use delete::delete;
pub use health::{ProxyHealth, check, watch};
pub use list::{ProxyView, Region, find, list, regions};
pub use settings::ProxySettings;
pub use update::{UpdateProxy, update};

pub(crate) use access::name_taken;
