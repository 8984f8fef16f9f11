//! Pages of a list.

use uuid::Uuid;

/// Which part of a list is asked for (`identity.md` 1.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// At most so many rows; `None` means all.
    pub limit: Option<u32>,
    /// Rows to leave out at the start.
    pub offset: u32,
    /// Only rows after the row with this id, in the order of the list.
    pub after_id: Option<Uuid>,
}
