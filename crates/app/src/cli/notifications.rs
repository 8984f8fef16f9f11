//! `doorward notifications`: what could not be delivered.

use super::{Output, print};
use clap::{Args, Subcommand};
use doorward_domain::ids::DeliveryId;
use doorward_ports::notifications::DeadDelivery;
use doorward_services::{Context, Principal, notifications};
use serde_json::json;
use std::process::ExitCode;
use time::format_description::well_known::Rfc3339;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the notifications that were given up, with the reason; they are kept for 30 days
    Dead(Dead),
    /// Have notifications tried again that were given up
    #[command(after_help = "Examples:\n  doorward notifications retry --all\n  \
                           doorward notifications retry 0198f3c2-5d1a-7c7e-9f6d-2b8f0f6f1c3a")]
    Retry(Retry),
}

#[derive(Debug, Args)]
pub(crate) struct Dead {
    /// At most so many, the last ones first
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct Retry {
    /// The id of a notification, as `doorward notifications dead` prints it
    #[arg(required_unless_present = "all")]
    id: Option<DeliveryId>,
    /// All of them
    #[arg(long, conflicts_with = "id")]
    all: bool,
}

impl Command {
    pub(crate) async fn run(self, ctx: Context) -> anyhow::Result<ExitCode> {
        let by = Principal::operator();
        match self {
            Self::Dead(dead) => show(&notifications::list_dead(&ctx, &by, dead.limit).await?, dead.output),
            Self::Retry(Retry { id, all: _ }) => {
                let many = notifications::retry(&ctx, &by, id).await?;
                print(&format!("{many} will be tried again, within seconds if a server runs.\n"))
            }
        }
    }
}

fn show(dead: &[DeadDelivery], output: Output) -> anyhow::Result<ExitCode> {
    if output.json {
        return print(&format!("{}\n", json!(dead.iter().map(describe).collect::<Vec<_>>())));
    }
    if dead.is_empty() {
        return print("Nothing was given up.\n");
    }
    let mut lines = vec![format!("{:36} {:8} {:20} {:36} REASON\n", "ID", "METHOD", "GIVEN UP", "USER")];
    lines.extend(dead.iter().map(|one| {
        let (id, method, user) = (one.delivery.id, one.delivery.method, one.delivery.user_id);
        format!("{id} {method:8} {:20} {user} {}\n", moment(one), one.error)
    }));
    print(&lines.concat())
}

fn describe(one: &DeadDelivery) -> serde_json::Value {
    json!({
        "id": one.delivery.id.to_string(),
        "template_id": one.delivery.template_id.to_string(),
        "user_id": one.delivery.user_id.to_string(),
        "method": one.delivery.method.as_str(),
        "attempts": one.delivery.attempts,
        "dead_at": moment(one),
        "error": one.error,
    })
}

/// When it was given up, to the second.
fn moment(one: &DeadDelivery) -> String {
    let at = one.dead_at.replace_nanosecond(0).unwrap_or(one.dead_at);
    at.format(&Rfc3339).unwrap_or_else(|_unwritable| at.to_string())
}
