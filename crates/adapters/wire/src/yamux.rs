//! Many streams on one (yamux, version 0; section 2 of the specification). Only daemons open some.

pub(crate) mod core;
pub(crate) mod entry;
pub(crate) mod frame;
mod numbers;
pub(crate) mod stream;

#[cfg(test)]
mod tests;
