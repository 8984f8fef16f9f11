//! Doorward: the door-keeper of a developer platform, in one binary.
//!
//! This floor reads the settings, wires the adapters to the ports, and runs. It holds no rule of its own.
#![forbid(unsafe_code)]

mod cli;
mod logging;
mod owner;
mod settings;
mod wiring;

use mimalloc::MiMalloc;
use std::process::ExitCode;

/// Gives the memory of a password hash (19 MiB) back when it is done; the system's allocator keeps it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    cli::run()
}
