//! What all commands against a server understand.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Which server is meant.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Server")]
pub(crate) struct At {
    /// The server: its address, or the host of one you are signed in to; the one of the last `doorward login` without it
    #[arg(long, global = true, value_name = "URL", env = "DOORWARD_URL")]
    pub(crate) server: Option<String>,
    /// A file (PEM) with certificates of authorities of your own, trusted besides those of this machine
    #[arg(long, global = true, value_name = "FILE", env = "DOORWARD_CA_FILE")]
    pub(crate) ca_file: Option<PathBuf>,
}

/// How a command prints what it found.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Output")]
pub(crate) struct Output {
    /// How to print: a table for people, or JSON as the API has it
    #[arg(long = "output", short = 'o', global = true, value_name = "FORMAT", value_enum, default_value_t)]
    pub(crate) format: Format,
    /// Which columns a table has, and in which order
    #[arg(long, global = true, value_name = "NAME", value_delimiter = ',')]
    pub(crate) columns: Vec<String>,
    /// Print no line with the names of the columns
    #[arg(long, global = true)]
    pub(crate) no_header: bool,
}

/// Whether a person or a program reads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Columns, for people
    #[default]
    Table,
    /// JSON, for programs
    Json,
}

/// Whether to go ahead without asking.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Yes {
    /// Do not ask first
    #[arg(long, short)]
    pub(crate) yes: bool,
}
