//! Groups: finding, making, changing and ending them (`identity.md` 6).
//!
//! A group that the caller cannot read does not exist ([`Error::NotFound`]); one that can be read but not changed is
//! [`Error::Forbidden`]. Groups may have more members than anybody wants to hold at once, so those that are shown go to a
//! [`GroupSink`], page by page.
//!
//! [`Error::NotFound`]: crate::Error::NotFound
//! [`Error::Forbidden`]: crate::Error::Forbidden

mod access;
mod views;

pub use views::{GroupSink, GroupView, MEMBER_PAGE};
pub(crate) use views::{show, views, views_by_id};
pub use doorward_ports::groups::MemberScope;

pub use doorward_ports::groups::FoundGroup;
