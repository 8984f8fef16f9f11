//! Groups (`identity.md` 6).

mod objects;

pub(crate) use objects::{GroupObject, ReducedUserObject};
