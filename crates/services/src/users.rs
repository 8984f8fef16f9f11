//! Use cases of the room `users`.
