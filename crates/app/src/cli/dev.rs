//! `doorward dev`: for those who develop and measure Doorward.

mod population;

use super::{Output, print};
use crate::settings::Settings;
use crate::wiring;
use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use doorward_services::organizations::{self, OrganizationRef};
use doorward_services::{Context, Principal, maintenance, sessions};
use doorward_storage::seed::Seeder;
use indicatif::{ProgressBar, ProgressStyle};
use population::{Population, Sizes};
use serde_json::json;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Rows that are sent to the database at once.
const BATCH: usize = 5_000;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Fill an unused database with made-up users, organizations, groups and memberships
    #[command(
        long_about = "Fills an unused database with made-up users, organizations, groups and memberships, all in one \
                      transaction, and prints an API token each for an owner, for a member of up to 100 organizations \
                      and for a user like most. The tokens are shown this once.\n\n\
                      Scale 1 is 100,000 users, 1,000 organizations (the default one included), 20,000 groups and \
                      1,000,000 memberships in organizations. Everybody is in the default organization. Memberships \
                      in groups come on top: half as many as in organizations, spread over all groups as far as their \
                      organizations have members, and one group of half of all users. The same sizes and the same seed \
                      give the same data, but for the tokens. Nobody has a password.\n\n\
                      The server must not be running meanwhile: it is not told what changes.",
        after_help = "Examples:\n  doorward dev seed                        1,000 users\n  \
                      doorward dev seed --scale 1              100,000 users\n  \
                      doorward dev seed --users 50 --organizations 2 --groups 4 --memberships 80 --json"
    )]
    Seed(Seed),
}

#[derive(Debug, Args)]
pub(super) struct Seed {
    /// How large everything is that is not given on its own
    #[arg(long, default_value_t = 0.01, value_name = "FACTOR")]
    scale: f64,
    /// Users, besides one who may be there already
    #[arg(long, value_name = "NUMBER")]
    users: Option<usize>,
    /// Organizations, the default one included
    #[arg(long, value_name = "NUMBER")]
    organizations: Option<usize>,
    /// Groups, besides those of all members
    #[arg(long, value_name = "NUMBER")]
    groups: Option<usize>,
    /// Memberships of users in organizations
    #[arg(long, value_name = "NUMBER")]
    memberships: Option<usize>,
    /// Audit records
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    audit_rows: usize,
    /// What the random choices depend on
    #[arg(long = "seed", default_value_t = 1, value_name = "NUMBER")]
    numbers: u64,
    /// Also add to a database that has more than its first user
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    output: Output,
}

impl Command {
    pub(super) fn run(self, settings: &Settings) -> anyhow::Result<ExitCode> {
        let Self::Seed(seed) = self;
        let sizes = seed.sizes()?;
        let _claim = wiring::claim(settings)?;
        wiring::with_context(settings, true, |ctx| async move { seed.run(settings, &ctx, sizes).await })
    }
}

impl Seed {
    fn sizes(&self) -> anyhow::Result<Sizes> {
        if !(self.scale > 0.0 && self.scale <= 9.0) {
            bail!("the scale must be above 0 and at most 9");
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within bounds, by the scale")]
        let scaled = |full: f64, least: usize| ((full * self.scale).round() as usize).max(least);
        let users = self.users.unwrap_or_else(|| scaled(100_000.0, 3));
        let organizations = self.organizations.unwrap_or_else(|| scaled(1_000.0, 1));
        // What a small deployment can have at most and must have at least follows from the other two.
        let fewest = users.saturating_add(organizations.min(100));
        let most = users.saturating_mul(organizations).saturating_sub(organizations.saturating_sub(100));
        let memberships = self.memberships.unwrap_or_else(|| scaled(1_000_000.0, fewest).min(most));
        let groups = self.groups.unwrap_or_else(|| scaled(20_000.0, 1));
        Sizes { users, organizations, groups, memberships, audit_rows: self.audit_rows }.check()
    }

    async fn run(self, settings: &Settings, ctx: &Context, sizes: Sizes) -> anyhow::Result<ExitCode> {
        let began = Instant::now();
        let organization = organizations::find(ctx, &Principal::operator(), &OrganizationRef::Default)
            .await
            .context("the database has no default organization")?;
        let mut seeder = wiring::seeder(settings)?;
        if !self.yes && seeder.is_used()? {
            bail!(
                "the database {} is in use: it has more than a first user; say --yes to add to it all the same",
                settings.database_url()
            );
        }
        let mut population = Population::new(sizes, self.numbers, organization.id);
        let group_memberships = fill(&mut seeder, &mut population, sizes).context("nothing was added")?;
        let kept = seeder.commit().context("nothing was added")?;
        maintenance::renew_counts(ctx, None).await?;
        kept.analyze()?;

        let mut tokens = Vec::new();
        for (who, place) in
            [("owner", population::OWNER), ("member_of_many", population::MEMBER_OF_MANY), ("plain", population::PLAIN)]
        {
            let user = population.users.get(place).context("there are fewer users than planned")?;
            let issued = sessions::operator::create_token(ctx, user.id, "seed").await?;
            tokens.push((who, user.username.clone(), issued.token));
        }
        let largest = population.groups.first().context("there are no groups")?;
        if self.output.json {
            let tokens: serde_json::Map<String, serde_json::Value> = tokens
                .iter()
                .map(|(who, name, token)| ((*who).to_owned(), json!({"username": name, "token": token.expose()})))
                .collect();
            let report = json!({
                "users": sizes.users, "organizations": sizes.organizations, "groups": sizes.groups,
                "organization_memberships": sizes.memberships, "group_memberships": group_memberships,
                "audit_rows": sizes.audit_rows, "seed": self.numbers, "seconds": began.elapsed().as_secs_f64(),
                "default_organization": organization.id, "largest_group": largest.id,
                "largest_group_members": sizes.largest_group(), "tokens": tokens,
            });
            return print(&format!("{report}\n"));
        }
        let mut text = format!(
            "Added {} users, {} organizations with {} memberships, {} groups with {group_memberships} members and {} audit \
             records in {:.1} s.\nThe largest group is {} with {} members.\n\nTokens, shown this once:\n",
            sizes.users,
            sizes.organizations - 1,
            sizes.memberships,
            sizes.groups,
            sizes.audit_rows,
            began.elapsed().as_secs_f64(),
            largest.id,
            sizes.largest_group(),
        );
        let lines = tokens.iter().map(|(who, name, token)| format!("  {who:<14}  {name}  {}\n", token.expose()));
        text.extend(lines);
        print(&text)
    }
}

/// Adds everything; answers how many members of groups there are.
fn fill(seeder: &mut Seeder, population: &mut Population, sizes: Sizes) -> anyhow::Result<usize> {
    add("users", sizes.users, population.users.iter().cloned(), |rows| seeder.users(rows))?;
    let organizations: Vec<_> = population.new_organizations().collect();
    add("organizations", organizations.len(), organizations.into_iter(), |rows| seeder.organizations(rows))?;
    let roles = population.roles();
    add("custom roles", roles.len(), roles.into_iter(), |rows| seeder.roles(rows))?;
    add("memberships", sizes.memberships, population.memberships(), |rows| seeder.memberships(rows))?;
    add("groups", sizes.groups, population.groups.iter().cloned(), |rows| seeder.groups(rows))?;
    let expected = sizes.memberships / 2 + sizes.largest_group();
    let members = add("group members", expected, population.group_members(), |rows| seeder.group_members(rows))?;
    add("audit records", sizes.audit_rows, population.audit(), |rows| seeder.audit(rows))?;
    Ok(members)
}

/// Adds rows in batches, and shows how far it is: as a bar where somebody looks, else as a line. Answers how many it
/// were.
fn add<T, E: std::error::Error + Send + Sync + 'static>(
    what: &str,
    expected: usize,
    mut rows: impl Iterator<Item = T>,
    mut insert: impl FnMut(&[T]) -> Result<(), E>,
) -> anyhow::Result<usize> {
    let began = Instant::now();
    let bar = progress(what, expected);
    let mut done = 0;
    loop {
        let batch: Vec<T> = rows.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            break;
        }
        insert(&batch).with_context(|| format!("cannot add {what}"))?;
        done += batch.len();
        bar.inc(u64::try_from(batch.len()).unwrap_or(0));
    }
    bar.finish_and_clear();
    eprintln!("{done:>9} {what} in {:.1} s", began.elapsed().as_secs_f64());
    Ok(done)
}

fn progress(what: &str, expected: usize) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(u64::try_from(expected).unwrap_or(0)).with_message(what.to_owned());
    if let Ok(style) = ProgressStyle::with_template("{pos:>9} {msg} {wide_bar} {eta}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
