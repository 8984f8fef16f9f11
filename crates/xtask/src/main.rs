//! Chores of the workspace, run as `cargo xtask <chore>`.

mod ci;
mod command;
mod install;
mod lint;
mod roles;
mod tests;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// Chores of the Doorward workspace.
#[derive(Debug, Parser)]
#[command(
    bin_name = "cargo xtask",
    max_term_width = 110,
    after_help = "\
Everyday use:
  cargo xtask test --only rust      the Rust tests, on SQLite and on a throw-away PostgreSQL
  cargo xtask test                  all tests; the clients and the browser talk to the real binary
  cargo xtask lint                  the rules of the house, in a second
  cargo xtask ci                    what decides whether a change may land"
)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    Test(tests::Test),
    Fuzz(tests::Fuzz),
    /// Check the rules of the house that no compiler knows
    ///
    /// The layers (domain < ports < services < adapters < app, and never one adapter to another), which crate may use
    /// diesel and actix, no SQL outside storage, no registry hosts and no paths of one machine in tracked files, no
    /// reference to a page or a section that does not exist, every crate under the workspace's lints. Files of more than 450 lines are named, without failing.
    Lint,
    Roles(roles::Roles),
    Ci(ci::Ci),
}

fn main() -> ExitCode {
    match run(Arguments::parse().chore) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(chore: Chore) -> anyhow::Result<()> {
    let workspace = Workspace::find()?;
    match chore {
        Chore::Test(test) => test.run(&workspace),
        Chore::Fuzz(fuzz) => fuzz.run(&workspace),
        Chore::Lint => lint::run(&workspace),
        Chore::Roles(roles) => roles.run(&workspace),
        Chore::Ci(ci) => ci.run(&workspace),
    }
}
