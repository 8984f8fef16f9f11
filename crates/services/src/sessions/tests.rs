//! Tests of sessions and keys, one file per use case.

mod authenticate;
mod keys;
mod login;
mod operator;
mod overview;
mod remembered;
mod tokens;
