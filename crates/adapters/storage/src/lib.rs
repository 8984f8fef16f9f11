//! SQLite and PostgreSQL behind the store port of Doorward, by diesel.
