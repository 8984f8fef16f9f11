//! `doorward apply`: a server as a file says.

mod carry_out;
mod change;
mod file;
mod observe;
mod plan;
mod state;

use crate::ask::confirm;
use crate::desk::{Desk, Surroundings};
use crate::failure::usage;
use crate::options::{At, Format, Output, Yes};
use crate::print::{print, print_json};
use crate::words::count;
use anyhow::{Context as _, bail};
use carry_out::Worker;
use clap::Args;
use file::Wanted;
use observe::observe;
use plan::{Plan, plan};
use serde_json::json;
use state::State;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// What the command does, for its help.
pub(crate) const ABOUT: &str = "\
Makes organizations, their groups, members, custom roles and sync settings, and apps, as a file says. It shows what differs, asks, and \
then does it: first what others need, last what is taken away. It stops at the first error and says what was done; the same command goes \
on from there, for what is as the file says is left alone.

What the file leaves out stays as it is: an absent field of something that is listed, and what is there and not listed. With --prune, what \
is not in a list of the file is taken away: roles, groups, members of groups and organizations, apps. Organizations never are, nor what \
identity providers or apps have made themselves, nor is whoever applies the file taken out of an organization.

The file is TOML if its name ends in .toml, else YAML. Users are named, and must be there already. Permissions are written \
`resource:action`.";

/// How it is used, for its help.
pub(crate) const EXAMPLES: &str = "\
Examples:
  doorward apply -f door.yaml --dry-run     exit status 2 if anything differs
  doorward apply -f door.yaml
  doorward apply -f door.toml --prune --yes

A file:
  organizations:
    - name: acme
      display_name: Acme Ltd
      roles:
        - name: deployer
          permissions: ['template:read', 'workspace:create']
      members:
        ann: [deployer, organization-auditor]
        bob: []
      groups:
        - name: eng
          quota: 10
          members: [ann, bob]
      sync:
        groups: {field: groups, mapping: {engineers: [eng]}}
        roles: {field: roles, mapping: {deployers: [deployer]}}
  apps:
    - name: grafana
      redirect_uris: ['https://grafana.example.com/login/generic_oauth']
  sync:
    organizations: {field: orgs, assign_default: false, mapping: {acme: [acme]}}";

/// Something differs: the exit status of a dry run.
const DIFFERS: u8 = 2;

/// `doorward apply`.
#[derive(Args, Debug)]
pub struct Apply {
    /// The file, or `-` for standard input
    #[arg(long, short, value_name = "FILE")]
    file: PathBuf,
    /// Only show what differs; exit status 2 if anything does, 1 for an error
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Take away what is not in a list of the file
    #[arg(long)]
    prune: bool,
    #[command(flatten)]
    yes: Yes,
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    output: Output,
}

impl Apply {
    pub(crate) const fn is_dry(&self) -> bool {
        self.dry_run
    }

    pub(crate) fn run(self, around: &Surroundings) -> anyhow::Result<ExitCode> {
        let wanted = file::read(&self.file)?;
        let desk = Desk::open(&self.at, &self.output, around)?;
        let state = observe(&desk, &wanted)?;
        let plan = self.plan(&wanted, &state)?;
        self.show(&plan)?;
        if plan.changes.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        if self.dry_run {
            return Ok(ExitCode::from(DIFFERS));
        }
        if desk.is_app() && plan.changes.iter().any(change::Change::is_in_person) {
            bail!(
                "you are signed in as an app, which may not change roles and apps in your name, so nothing was done: \
                 `doorward login {} --key` first",
                desk.place
            );
        }
        if self.file.as_os_str() == "-" && !self.yes.yes {
            return Err(usage("the file comes from standard input, so nobody can be asked: say --yes to go ahead"));
        }
        if !confirm(&format!("Make {} to {}?", count(plan.changes.len(), "change"), desk.place), self.yes.yes)? {
            return Ok(ExitCode::FAILURE);
        }
        self.carry_out(&desk, &state, &plan)?;
        self.look_again(&desk, &wanted)
    }

    fn plan(&self, wanted: &Wanted, state: &State) -> anyhow::Result<Plan> {
        let found = plan(wanted, state, self.prune);
        found.map_err(|defects| usage(format!("the file cannot be applied:\n  {}", defects.join("\n  "))))
    }

    /// Shows what is to be done, and on standard error what stays though the file does not have it.
    fn show(&self, plan: &Plan) -> anyhow::Result<()> {
        if self.output.format == Format::Json {
            let changes: Vec<_> = plan.changes.iter().map(change::Change::to_json).collect();
            print_json(&json!({ "changes": changes, "left": plan.left }))?;
            return Ok(());
        }
        let mut out = String::new();
        for change in &plan.changes {
            // Writing to a text cannot fail.
            let _ = writeln!(out, "{} {}", change.sign(), change.words());
        }
        if plan.changes.is_empty() {
            out.push_str("All is as the file says.\n");
        }
        print(&out)?;
        if !plan.left.is_empty() {
            eprintln!("Not in the file, and left{}:", if self.prune { "" } else { " (--prune takes it away)" });
            for left in &plan.left {
                eprintln!("  {left}");
            }
        }
        Ok(())
    }

    fn carry_out(&self, desk: &Desk, state: &State, plan: &Plan) -> anyhow::Result<()> {
        let mut worker = Worker::new(desk, state);
        for (done, change) in plan.changes.iter().enumerate() {
            worker.carry_out(change).with_context(|| {
                format!(
                    "{done} of {} were made, and this one was not: {}",
                    count(plan.changes.len(), "change"),
                    change.words()
                )
            })?;
            if self.output.format == Format::Table {
                eprintln!("done: {}", change.words());
            }
        }
        Ok(())
    }

    /// Whether the server keeps all as the file says.
    fn look_again(&self, desk: &Desk, wanted: &Wanted) -> anyhow::Result<ExitCode> {
        let again = self.plan(wanted, &observe(desk, wanted)?)?;
        if again.changes.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        let kept: Vec<String> = again.changes.iter().map(change::Change::words).collect();
        bail!("all changes were made, and the server keeps some of it otherwise:\n  {}", kept.join("\n  "));
    }
}
