//! Tests of users, one file per subject.

mod change;
mod create;
mod lookup;
mod operator;
mod password;
mod roles;
