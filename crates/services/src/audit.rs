//! The audit log: what every write leaves there.

pub(crate) mod trail;

pub(crate) use trail::{Diff, Trail};
