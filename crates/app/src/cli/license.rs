//! `doorward license`: licences, for whoever sells or gives away what this server does. It needs no database.

use super::files::read_text;
use super::{BAD_INPUT, Output, print};
use crate::settings::Settings;
use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand, ValueEnum};
use doorward_crypto::{SigningKey, SigningKeyError, SystemClock, SystemRandom};
use doorward_domain::entitlements::{Feature, FeatureSet, LicenseTerms, Phase};
use doorward_domain::identity_providers::SignatureAlgorithm;
use doorward_domain::licenses::{LICENSE_MAX, LicenseDraft, LicenseToken, key_id, read};
use doorward_domain::{Instant, Secret};
use doorward_ports::{Clock as _, Random, Signer as _};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use time::Duration;
use time::format_description::well_known::Rfc3339;

/// Most days of a term: a hundred years.
const DAYS_MAX: u32 = 36_600;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a key that signs licences, and print what the settings of a server need to believe it
    #[command(after_help = "Example:\n  doorward license keygen --out license-key.pem")]
    Keygen(Keygen),
    /// Sign a licence, and print it
    #[command(
        long_about = "Signs a licence, and prints it.\n\n\
                      A server believes it whose settings trust the key (licensing.keys), and needs it if they say \
                      licensing.mode = \"enforced\". It is added there by POST /api/v2/licenses.",
        after_help = "Examples:\n  \
                      doorward license mint --key license-key.pem --feature-set premium --users 100 --days 365\n  \
                      doorward license mint --key license-key.pem --feature scim --feature custom_roles --days 30 --trial"
    )]
    Mint(Mint),
    /// Show what a licence says, and whether the server of these settings believes it
    #[command(
        after_help = "Examples:\n  doorward license inspect license.jwt\n  doorward license inspect - < license.jwt"
    )]
    Inspect(Inspect),
}

#[derive(Debug, Args)]
pub(crate) struct Keygen {
    /// The file for the private key, which must not exist. Only you may read it.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// How licences name the key; made of the key when not given
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    #[command(flatten)]
    output: Output,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Set {
    /// All but several organizations and custom roles
    Enterprise,
    /// All
    Premium,
}

#[derive(Debug, Args)]
pub(crate) struct Mint {
    /// The file with the private key (PEM, Ed25519)
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// How the settings of the servers name the key; made of the key when not given
    #[arg(long, value_name = "ID")]
    key_id: Option<String>,
    /// What it gives as a whole
    #[arg(long, value_enum)]
    feature_set: Option<Set>,
    /// A feature it gives besides; may be given several times
    #[arg(long = "feature", value_name = "NAME")]
    features: Vec<Feature>,
    /// How many users may be active
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    users: Option<u32>,
    /// For how many days it is paid
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=i64::from(DAYS_MAX)))]
    days: u32,
    /// For how many days after that it is good, with warnings
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=i64::from(DAYS_MAX)))]
    grace_days: u32,
    /// When it begins, such as 2026-04-01T00:00:00Z; now when not given
    #[arg(long, value_name = "TIME", value_parser = moment)]
    starts: Option<Instant>,
    /// The deployment it is for (`deployment_id` of GET /api/v2/buildinfo); may be given several times. Any when not given.
    #[arg(long = "deployment-id", value_name = "ID")]
    deployment_ids: Vec<uuid::Uuid>,
    /// Who it is for
    #[arg(long, value_name = "TEXT", default_value = "")]
    account: String,
    /// It is for trying out
    #[arg(long)]
    trial: bool,
    /// A file for it, which must not exist and only you may read, in the place of printing it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The file with the licence; `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    output: Output,
}

impl Command {
    pub(crate) fn run(self, settings: impl Fn() -> anyhow::Result<Settings>) -> anyhow::Result<ExitCode> {
        match self {
            Self::Keygen(keygen) => keygen.run(),
            Self::Mint(mint) => mint.run(),
            Self::Inspect(inspect) => inspect.run(&settings()?),
        }
    }
}

/// Licences are signed by Ed25519.
fn signing_key(pem: &Secret<String>) -> Result<SigningKey, SigningKeyError> {
    SigningKey::parse(pem, SignatureAlgorithm::EdDsa)
}

impl Keygen {
    fn run(self) -> anyhow::Result<ExitCode> {
        let pem = SigningKey::generate_ed25519(&SystemRandom::default());
        let key = signing_key(&pem)?;
        let public_key = STANDARD.encode(key.public_key());
        let id = self.id.unwrap_or_else(|| key_id(key.public_key()));
        // Before anything is written, that the settings will take it.
        doorward_domain::licenses::TrustedKeys::default().with(&id, &public_key)?;
        write_secret(&self.out, pem.expose())?;
        if self.output.json {
            return print(&format!("{}\n", json!({ "id": id, "public_key": public_key })));
        }
        print(&format!(
            "# The private key is in {}. Settings of servers that are to believe it:\n\
             [licensing]\nmode = \"enforced\"\n\n[[licensing.keys]]\nid = \"{id}\"\npublic_key = \"{public_key}\"\n",
            self.out.display()
        ))
    }
}

impl Mint {
    fn run(self) -> anyhow::Result<ExitCode> {
        let name = self.key.display().to_string();
        let text = Secret::new(read_text(&self.key)?);
        let key = signing_key(&text).with_context(|| format!("cannot sign with the file {name}"))?;
        let id = self.key_id.clone().unwrap_or_else(|| key_id(key.public_key()));
        if self.features.contains(&Feature::UserLimit) {
            bail!("how many users may be active is said by --users");
        }
        if self.feature_set.is_none() && self.features.is_empty() && self.users.is_none() {
            bail!("the licence would give nothing: say --feature-set, --feature or --users");
        }
        let draft = self.draft(SystemClock.now())?;
        let input = draft.signing_input(&id);
        let token = LicenseDraft::signed(&input, &key.sign(input.as_bytes())?);
        if token.expose().len() > LICENSE_MAX {
            bail!("the licence would be longer than {LICENSE_MAX} bytes, which no server takes");
        }
        match &self.out {
            Some(out) => write_secret(out, &format!("{}\n", token.expose())).map(|()| ExitCode::SUCCESS),
            None => print(&format!("{}\n", token.expose())),
        }
    }

    fn draft(&self, now: Instant) -> anyhow::Result<LicenseDraft> {
        let random: &dyn Random = &SystemRandom::default();
        let after = |at: Instant, days: u32| {
            at.checked_add(Duration::days(days.into())).context("the licence would end after the year 9999")
        };
        let starts_at = self.starts.unwrap_or(now);
        let paid_until = after(starts_at, self.days)?;
        let mut features: BTreeMap<String, i64> =
            self.features.iter().map(|feature| (feature.to_string(), 1)).collect();
        features.extend(self.users.map(|users| (Feature::UserLimit.to_string(), i64::from(users))));
        Ok(LicenseDraft {
            id: random.id(now),
            issued_at: now,
            starts_at,
            paid_until,
            ends_at: after(paid_until, self.grace_days)?,
            account_id: self.account.clone(),
            deployment_ids: self.deployment_ids.iter().map(ToString::to_string).collect(),
            trial: self.trial,
            feature_set: match self.feature_set {
                None => FeatureSet::None,
                Some(Set::Enterprise) => FeatureSet::Enterprise,
                Some(Set::Premium) => FeatureSet::Premium,
            },
            features,
        })
    }
}

impl Inspect {
    /// Exit status 2 if the server of the settings would not believe it.
    fn run(self, settings: &Settings) -> anyhow::Result<ExitCode> {
        let text = read_text(&self.file)?;
        let token = LicenseToken::new(text.trim().to_owned());
        let claims = token.claims().context("this is no licence: it is not written as a signed token is")?;
        let claims: Value = serde_json::from_str(&claims).context("this is no licence: what it says is no JSON")?;
        let (verdict, is_good) = match read(&token, &settings.licensing.trusted()?) {
            Ok(terms) => state(&terms, SystemClock.now()),
            Err(defect) => {
                let words =
                    format!("not believed: no key of licensing.keys has signed it, or it lacks something ({defect})");
                (words, false)
            }
        };
        if self.output.json {
            print(&format!("{}\n", json!({ "state": verdict, "valid": is_good, "claims": claims })))?;
        } else {
            print(&format!("{}\n{verdict}\n", serde_json::to_string_pretty(&claims)?))?;
        }
        Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::from(BAD_INPUT) })
    }
}

/// Where a licence stands, in words, and whether it may be added.
fn state(terms: &LicenseTerms, now: Instant) -> (String, bool) {
    let day = |at: Instant| at.format(&Rfc3339).unwrap_or_else(|_unwritable| at.to_string());
    match terms.phase(now) {
        Phase::Unborn => ("not believed yet: it was signed in the future, so a clock is wrong".to_owned(), false),
        Phase::Early => (format!("good from {} on", terms.starts_at.map(day).unwrap_or_default()), true),
        Phase::Paid => (format!("good; paid until {}", day(terms.paid_until)), true),
        Phase::Grace => (format!("in its grace period, which ends {}", day(terms.ends_at)), true),
        Phase::Over => (format!("over since {}", day(terms.ends_at)), false),
    }
}

fn moment(text: &str) -> Result<Instant, String> {
    Instant::parse(text, &Rfc3339).map_err(|error| format!("{error}; a time is written as 2026-04-01T00:00:00Z"))
}

/// Writes a new file that only its owner may read.
fn write_secret(file: &Path, text: &str) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let name = file.display();
    let opened = options.open(file);
    if opened.as_ref().is_err_and(|error| error.kind() == ErrorKind::AlreadyExists) {
        bail!("the file {name} is there already, and is not replaced");
    }
    let mut opened = opened.with_context(|| format!("cannot make the file {name}"))?;
    opened
        .write_all(text.as_bytes())
        .and_then(|()| opened.sync_all())
        .with_context(|| format!("cannot write the file {name}"))
}
