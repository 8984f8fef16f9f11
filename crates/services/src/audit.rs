//! The audit log: what every write leaves there, and who may read it (`enterprise-platform.md` 9).
//!
//! A use case that changes something leaves one record in its transaction, with the status that its answer has. What is
//! refused leaves none, but for failed sign-ins and for signs of theft (reuse of a refresh token, replay of a code).
//! Codes and tokens of OAuth2 are not recorded when they are issued, exchanged or given back by their client.

mod diff;
mod entry;
mod export;
mod generate;
mod list;
mod tail;
mod tracked;

#[cfg(test)]
mod tests;

pub use doorward_ports::audit::AuditFacets;
pub use export::Export;
pub use generate::{GenerateEntry, generate};
pub use list::{AuditList, ListedEntry, facets, list};
pub use tail::{News, Tail};

pub(crate) use diff::Diff;
pub(crate) use entry::{Audited, Entry};
pub(crate) use tracked::{Snapshot, moment};
