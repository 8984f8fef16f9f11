//! Between the messages of daemons and what use cases speak of. Nowhere else is one made of the other.

pub(super) mod acquired;
pub(super) mod completed;
pub(super) mod made;
pub(super) mod updated;

#[cfg(test)]
mod tests;
