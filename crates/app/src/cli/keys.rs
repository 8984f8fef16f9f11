//! `doorward keys`: the keys of the server from its command line.

use super::{Output, print};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use doorward_crypto::pkcs8_of_pem;
use doorward_domain::Secret;
use doorward_domain::keys::{KeyId, KeyPurpose, KeyState};
use doorward_services::keys::{self, ListedKey};
use doorward_services::{Context, Principal};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the keys: what they are for, what they do now, until when, and whether they are sealed
    List(Output),
    /// Make new keys in the place of those that sign now
    #[command(
        long_about = "Makes new keys in the place of those that sign now.\n\n\
                      A new key signs after a minute, when every server has read it; one that is published for others, after \
                      a day (oidc.keys.lead). The one before verifies until \
                      everything that was made with it has expired: refresh tokens after their lifetime, forms after a day. \
                      Then it is removed. Nobody is signed out, and no server is restarted.",
        after_help = "Examples:\n  doorward keys rotate\n  doorward keys rotate --purpose refresh_tokens --now"
    )]
    Rotate(Rotate),
    /// Remove a key that was replaced: what was made with it is good for nothing from then on
    #[command(
        long_about = "Removes a key that was replaced, at once and on all servers.\n\n\
                      For a key that somebody may have seen: what was made with it, by whoever, is good for nothing from then on. \
                      A key that signs is replaced first.",
        after_help = "Examples:\n  doorward keys rotate --purpose sign_rs256 --now\n  doorward keys retire sign_rs256 a"
    )]
    Retire(Retire),
    /// Take a private key that was made elsewhere, to sign ID tokens
    #[command(
        long_about = "Takes a private key that was made elsewhere, to sign ID tokens and other tokens for apps.\n\n\
                      It replaces the one that signs now as a new key of the server's own would: it is published at once, and \
                      signs after a day (oidc.keys.lead).",
        after_help = "Example:\n  openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out key.pem\n  \
                      doorward keys import --purpose sign_rs256 key.pem"
    )]
    Import(Import),
}

#[derive(Debug, Args)]
pub(crate) struct Retire {
    /// What the key is for
    purpose: KeyPurpose,
    /// Its letter, as `doorward keys list` has it
    key: KeyId,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// A file with the key: PEM, PKCS #8
    file: PathBuf,
    /// What the key is for
    #[arg(long, value_name = "sign_rs256|sign_es256|sign_eddsa")]
    purpose: KeyPurpose,
    /// Sign with it at once, though apps may not have read yet that it is there
    #[arg(long)]
    now: bool,
    #[command(flatten)]
    output: Output,
}

impl Import {
    /// The first private key of the file.
    fn document(&self) -> anyhow::Result<Secret<Vec<u8>>> {
        let text = Secret::new(std::fs::read(&self.file).with_context(|| format!("reading {}", self.file.display()))?);
        pkcs8_of_pem(&text).with_context(|| {
            let way = "openssl pkcs8 -topk8 -nocrypt -in OLD -out NEW";
            format!("{} has no private key in PKCS #8 that is not encrypted: {way}", self.file.display())
        })
    }
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    /// What the key is for; may be given several times. All when not given.
    #[arg(long = "purpose", value_name = "refresh_tokens|forms|workspace_apps|sign_rs256|sign_es256|sign_eddsa")]
    purposes: Vec<KeyPurpose>,
    /// Sign with the new key at once. A server that hears of it a second later signs with the old one until then, and shows
    /// forms of others again.
    #[arg(long)]
    now: bool,
    #[command(flatten)]
    output: Output,
}

impl Command {
    pub(crate) async fn run(self, ctx: Context) -> anyhow::Result<ExitCode> {
        let by = Principal::operator();
        match self {
            Self::List(output) => show(&keys::list(&ctx, &by).await?, output),
            Self::Rotate(rotate) => {
                let purposes = if rotate.purposes.is_empty() { KeyPurpose::ALL } else { &rotate.purposes };
                show(&keys::rotate(&ctx, &by, purposes, rotate.now).await?, rotate.output)
            }
            Self::Retire(retire) => show(&keys::retire(&ctx, &by, retire.purpose, retire.key).await?, retire.output),
            Self::Import(import) => {
                let document = import.document()?;
                show(&keys::import(&ctx, &by, import.purpose, document, import.now).await?, import.output)
            }
        }
    }
}

fn show(keys: &[ListedKey], output: Output) -> anyhow::Result<ExitCode> {
    if output.json {
        return print(&format!("{}\n", json!(keys.iter().map(describe).collect::<Vec<_>>())));
    }
    let mut lines = vec![format!("{:15} KEY  {:9} {:22} {:22} SEALED WITH\n", "PURPOSE", "STATE", "STARTS", "ENDS")];
    lines.extend(keys.iter().map(|listed| {
        let ListedKey { key, state, sealed_with } = listed;
        let ends = key.ends_at.map_or_else(|| "-".to_owned(), moment);
        let sealed = sealed_with.as_deref().unwrap_or("-");
        let (purpose, id, state, starts) = (key.purpose, key.id, state.as_str(), moment(key.starts_at));
        format!("{purpose:15} {id:3}  {state:9} {starts:22} {ends:22} {sealed}\n")
    }));
    let next = keys.iter().filter(|listed| listed.state == KeyState::Next);
    lines.extend(next.map(|listed| {
        let ListedKey { key, .. } = listed;
        format!("\nThe key {} for {} signs from {} on.", key.id, key.purpose, moment(key.starts_at))
    }));
    print(&(lines.concat().trim_end().to_owned() + "\n"))
}

fn describe(listed: &ListedKey) -> serde_json::Value {
    let ListedKey { key, state, sealed_with } = listed;
    json!({
        "purpose": key.purpose.as_str(),
        "id": key.id.to_string(),
        "algorithm": key.algorithm.as_str(),
        "state": state.as_str(),
        "starts_at": moment(key.starts_at),
        "ends_at": key.ends_at.map(moment),
        "sealed_with": sealed_with,
    })
}

/// A moment to the second, in UTC.
fn moment(at: OffsetDateTime) -> String {
    let whole = at.to_offset(UtcOffset::UTC).replace_nanosecond(0).unwrap_or(at);
    whole.format(&Rfc3339).unwrap_or_else(|_unwritable| whole.to_string())
}
