//! The mechanism of pages: their headers and layout, their stylesheet, and what is safe in them.

pub(crate) mod assets;
pub(crate) mod headers;
pub(crate) mod layout;
pub(crate) mod links;
pub(crate) mod moment;
pub(crate) mod qr;
