//! Use cases of Doorward: authorize, load, decide, write, audit.
