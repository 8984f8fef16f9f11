//! Use cases of the room `sessions`.
