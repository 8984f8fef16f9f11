//! Hashing, randomness, keyed derivation and the system clock behind the ports of Doorward.
