//! Use cases of the room `organizations`.
