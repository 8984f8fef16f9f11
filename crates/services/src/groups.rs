//! Groups: finding, making, changing and ending them (`identity.md` 6).
//!
//! A group that the caller cannot read does not exist ([`Error::NotFound`]); one that can be read but not changed is
//! [`Error::Forbidden`]. Groups may have more members than anybody wants to hold at once, so those that are shown go to a
//! [`GroupSink`], page by page.
//!
//! [`Error::NotFound`]: crate::Error::NotFound
//! [`Error::Forbidden`]: crate::Error::Forbidden

pub(crate) mod access;
mod create;
mod delete;
mod lookup;
mod managers;
mod nesting;
mod pages;
pub(crate) mod record;
mod update;
mod views;

#[cfg(test)]
mod tests;

pub use create::{CreateGroup, create, may_create};
pub use delete::delete;
pub use doorward_ports::groups::{FoundGroup, GroupMemberPage, MemberScope};
pub use lookup::{GroupQuery, GroupRef, GroupsOfUser, find, list, of_user};
pub use managers::{add_manager, managers, remove_manager};
pub use nesting::{nest, nested, part};
pub use pages::{GroupList, members, page};
pub use update::{UpdateGroup, may_update, update};
pub use views::{GroupSink, GroupView, MEMBER_PAGE, views, views_by_id};

use crate::error::Error;

/// A name that another group of the organization has got at this very moment.
pub(crate) fn name_taken() -> Error {
    Error::taken("A group with this name already exists.", "name")
}

/// Somebody is to be added who is in the group already.
pub(crate) fn is_added_already() -> Error {
    record::bad_users("add_users", "Cannot add the same user to a group twice.".to_owned())
}
