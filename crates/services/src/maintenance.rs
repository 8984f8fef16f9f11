//! Use cases of the room `maintenance`.
