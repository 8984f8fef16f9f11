//! Use cases of the room `oauth2`.
