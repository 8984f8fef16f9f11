//! Calls on a stream (DRPC v0.0.33; section 3 of the specification).

pub(crate) mod call;
pub(crate) mod frame;
pub(crate) mod packet;
pub(crate) mod status;
pub(crate) mod transport;

#[cfg(test)]
mod tests;
