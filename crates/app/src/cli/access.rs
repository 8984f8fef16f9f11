//! `doorward access eval`: the access engine, offline.

use super::{BAD_INPUT, print};
use anyhow::Context as _;
use clap::Subcommand;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Answer the questions of a JSON file, for testing roles in your own CI
    #[command(
        long_about = "Answers the questions of a JSON file with the same engine that the server uses; no server and no \
                      database is needed.\n\n\
                      The file has these members:\n  \
                      roles      custom roles: {name, site, org: {org id: [...]}, user}\n  \
                      scopes     {name, site, org, user, allow_list}\n  \
                      subjects   {label: {id, roles, groups, scope}}\n  \
                      questions  [{subject: label, action, object: {type, id, owner, org, any_org, acl_user_list, \
                      acl_group_list}}]\n\n\
                      A permission is {negate, resource, actions}. A role of a subject is `name` or `name:org id`, for a \
                      custom role of the file `custom:name`; a scope is a built-in or a listed one.\n\n\
                      Prints {\"results\": [{\"allow\": bool, \"because\": {...}}, ...]} in the order of the questions. \
                      Bad input: exit status 2 and the place.",
        after_help = "Example:\n  echo '{\"subjects\": {\"ann\": {\"id\": \"a\", \"roles\": [\"owner\"], \"scope\": \"all\"}},\n    \
                      \"questions\": [{\"subject\": \"ann\", \"action\": \"read\", \"object\": {\"type\": \"user\"}}]}' \
                      | doorward access eval -"
    )]
    Eval {
        /// The file, or `-` for standard input
        file: PathBuf,
    },
}

impl Command {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let Self::Eval { file } = self;
        let name = file.display().to_string();
        let text = match read(&file) {
            Ok(text) => text,
            Err(error) => return Ok(bad_input(&format!("{error:#}"))),
        };
        match doorward_domain::roles::eval::evaluate(&text) {
            Ok(answers) => print(&format!("{answers}\n")),
            Err(error) => Ok(bad_input(&format!("{name}: {error}"))),
        }
    }
}

fn read(file: &std::path::Path) -> anyhow::Result<String> {
    if file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text).context("cannot read standard input")?;
        return Ok(text);
    }
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

fn bad_input(message: &str) -> ExitCode {
    eprintln!("doorward: {message}");
    ExitCode::from(BAD_INPUT)
}
