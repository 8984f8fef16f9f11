//! `doorward user`: users from the command line of the server.

use super::{Output, print};
use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use doorward_domain::Secret;
use doorward_services::users::admin;
use doorward_services::{Context, Error};
use serde_json::json;
use std::io::{BufRead as _, IsTerminal as _};
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a user; the first one becomes owner
    #[command(after_help = "Examples:\n  doorward user create --email ann@example.com --username ann\n  \
                            printf %s \"$PASSWORD\" | doorward user create --email ann@example.com --username ann --password-stdin")]
    Create(Create),
    /// Set a new password and end all sessions, keys and grants of the user
    ResetPassword(ResetPassword),
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Mail address, unique
    #[arg(long)]
    email: String,
    /// User name: letters and digits in groups joined by single hyphens, at most 32
    #[arg(long)]
    username: String,
    /// Real name
    #[arg(long, default_value = "")]
    name: String,
    /// Site role; may be given several times. The first user becomes owner in any case.
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    #[command(flatten)]
    password: Password,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct ResetPassword {
    /// Address or name of the user
    user: String,
    #[command(flatten)]
    password: Password,
}

#[derive(Debug, Args)]
struct Password {
    /// Read the password from standard input instead of asking for it
    #[arg(long)]
    password_stdin: bool,
}

impl Command {
    pub(crate) async fn run(self, ctx: Context) -> anyhow::Result<ExitCode> {
        match self {
            Self::Create(create) => create.run(&ctx).await,
            Self::ResetPassword(reset) => reset.run(&ctx).await,
        }
    }
}

impl Create {
    async fn run(self, ctx: &Context) -> anyhow::Result<ExitCode> {
        let password = self.password.read()?;
        let command = admin::CreateUserAsOperator {
            email: self.email,
            username: self.username,
            name: self.name,
            password,
            roles: self.roles,
        };
        let user = admin::create_user(ctx, command).await.map_err(explain)?;
        if self.output.json {
            return print(&format!("{}\n", json!({ "id": user.id, "username": user.username, "roles": user.roles })));
        }
        print(&format!("Created {} ({}), roles: {}\n", user.username, user.id, shown(user.roles.as_slice())))
    }
}

fn shown(roles: &[String]) -> String {
    if roles.is_empty() { "member".to_owned() } else { roles.join(", ") }
}

impl ResetPassword {
    async fn run(self, ctx: &Context) -> anyhow::Result<ExitCode> {
        let password = self.password.read()?;
        let user = admin::reset_password(ctx, &self.user, password).await.map_err(explain)?;
        print(&format!("The password of {} is changed; all sessions, keys and grants have ended.\n", user.username))
    }
}

impl Password {
    fn read(&self) -> anyhow::Result<Secret<String>> {
        if self.password_stdin {
            let mut line = String::new();
            std::io::stdin().lock().read_line(&mut line).context("cannot read the password from standard input")?;
            return Ok(Secret::new(line.trim_end_matches(['\n', '\r']).to_owned()));
        }
        if !std::io::stdin().is_terminal() {
            bail!("there is no terminal to ask for the password; use --password-stdin");
        }
        let first = rpassword::prompt_password("Password: ").context("cannot read the password")?;
        let again = rpassword::prompt_password("Again: ").context("cannot read the password")?;
        if first != again {
            bail!("the two passwords differ");
        }
        Ok(Secret::new(first))
    }
}

/// An error of a use case in the words of an operator.
pub(super) fn explain(error: Error) -> anyhow::Error {
    let (Error::Invalid { message, fields, .. } | Error::Conflict { message, fields }) = &error else {
        return error.into();
    };
    if fields.is_empty() {
        return error.into();
    }
    let fields: Vec<String> = fields.iter().map(|field| format!("{}: {}", field.field, field.detail)).collect();
    anyhow::anyhow!("{message} {}", fields.join("; "))
}
