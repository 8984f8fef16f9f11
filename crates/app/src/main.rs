//! Doorward: the door-keeper of a developer platform, in one binary.
//!
//! This floor reads the settings, wires the adapters to the ports, and runs. It holds no rule of its own.
#![forbid(unsafe_code)]

mod cli;
mod logging;
mod settings;
mod wiring;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
