//! The queries, written once. Each database includes this file as its module `queries`, and says with `Conn` and the other
//! names taken from it here what the queries are compiled for.

use super::{Conn, filters, folds, hot, lists, locks, owner};

mod apps;
mod audit;
mod codes;
mod counts;
mod grants;
mod group_members;
mod groups;
mod keys;
mod maintenance;
mod member_counts;
mod members;
pub(super) mod one_of;
mod organizations;
mod planned_anew;
mod quotas;
mod roles;
mod sessions;
mod templates;
mod throttles;
mod users;
mod visible;
mod workspaces;
