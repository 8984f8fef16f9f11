//! Entities and rules of Doorward: OAuth 2.1, users, groups, role-based access control. Pure: no I/O, no clock, no async.

pub mod roles;
