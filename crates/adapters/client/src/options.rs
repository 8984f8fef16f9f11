//! What all commands against a server understand.

use crate::failure::usage;
use crate::place::Place;
use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// The variable that names the server.
pub(crate) const URL: &str = "DOORWARD_URL";

/// Which server is meant.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Server")]
pub(crate) struct At {
    /// The server: its address, or the host of one you are signed in to; the one of the last `doorward login` without it
    #[arg(long, global = true, value_name = "URL", env = URL)]
    pub(crate) server: Option<String>,
    /// A file (PEM) with certificates of authorities of your own, trusted besides those of this machine
    #[arg(long, global = true, value_name = "FILE", env = "DOORWARD_CA_FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Speak with another machine without TLS: whoever is on the way can read what is sent, your credentials too
    #[arg(long, global = true, env = "DOORWARD_ALLOW_HTTP", value_parser = FalseyValueParser::new())]
    pub(crate) allow_http: bool,
}

impl At {
    /// Whether something secret may be sent there: in clear only where that is asked for.
    pub(crate) fn accept(&self, place: &Place) -> anyhow::Result<()> {
        if place.is_in_clear() && !self.allow_http {
            return Err(usage(format!(
                "{place} is not https: whoever is on the way could read what is sent there. Say --allow-http to speak with it all the same"
            )));
        }
        Ok(())
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_goes_in_clear_to_another_machine_unless_that_is_asked_for() {
        let at = |allow_http| At { allow_http, ..At::default() };
        let place = |typed| Place::parse(typed).unwrap();
        let refused = at(false).accept(&place("http://192.0.2.2:48115")).unwrap_err();
        assert!(refused.to_string().contains("--allow-http"), "{refused}");
        at(true).accept(&place("http://192.0.2.2:48115")).unwrap();
        at(false).accept(&place("http://127.0.0.1:3000")).unwrap();
        at(false).accept(&place("https://door.example.com")).unwrap();
    }
}
