//! `doorward ctl app`.

use crate::ask::confirm;
use crate::desk::{Act, Desk};
use crate::failure::usage;
use crate::options::{Format, Yes};
use crate::print::{Column, further, moment, plain, print, print_done, print_json, print_list, print_one, usual};
use crate::words::{needed, shown, text, texts};
use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use std::process::ExitCode;

const COLUMNS: [Column; 19] = [
    usual("name", |row| plain(row, "name")),
    usual("client-id", |row| plain(row, "client_id")),
    usual("type", |row| plain(row, "client_type")),
    usual("redirect-uris", |row| texts(row, "redirect_uris").join(" ")),
    further("display-name", |row| plain(row, "display_name")),
    further("id", |row| plain(row, "id")),
    further("scopes", |row| texts(row, "scopes").join(" ")),
    further("allowed-resources", |row| texts(row, "allowed_resources").join(" ")),
    further("resources", |row| texts(row, "resources").join(" ")),
    further("require-pkce", |row| plain(row, "require_pkce")),
    further("redirect-match", |row| plain(row, "redirect_match")),
    further("device-flow", |row| plain(row, "device_flow")),
    further("service-account", |row| plain(row, "service_account_id")),
    further("registered-itself", |row| plain(row, "dynamically_registered")),
    further("pinned", |row| plain(row, "pinned")),
    further("trusted", |row| plain(row, "trusted")),
    further("homepage", |row| plain(row, "homepage_uri")),
    further("auth-method", |row| plain(row, "token_endpoint_auth_method")),
    further("icon", |row| plain(row, "icon")),
];

const SECRETS: [Column; 3] = [
    usual("id", |row| plain(row, "id")),
    usual("ends-with", |row| plain(row, "client_secret_truncated")),
    usual("last-used", |row| moment(row, "last_used_at")),
];

/// OAuth2 apps.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List apps
    #[command(visible_alias = "ls")]
    List {
        /// Those that this user has allowed something only, by id
        #[arg(long, value_name = "ID")]
        user_id: Option<String>,
    },
    /// Show an app
    Show {
        /// Name or id
        app: String,
    },
    /// Register an app and print its client id and, once, its secret
    #[command(after_help = "Examples:\n  \
        doorward ctl app create grafana --redirect-uri https://grafana.example.com/login/generic_oauth\n  \
        doorward ctl app create my-cli --public --redirect-uri http://127.0.0.1/callback\n  \
        doorward ctl app create robot --redirect-uri https://robot.example.com/ --service-account")]
    Create(Create),
    /// Change an app: what is given takes the place of what is there
    #[command(
        after_help = "Example:\n  doorward ctl app edit grafana --redirect-uri https://grafana.example.com/login/generic_oauth --trusted true"
    )]
    Edit(Edit),
    /// Delete an app, with all that it was allowed
    #[command(visible_alias = "rm")]
    Delete {
        /// Name or id
        app: String,
        #[command(flatten)]
        yes: Yes,
    },
    /// List, make and delete the secrets of an app
    #[command(subcommand)]
    Secret(Secret),
}

/// Secrets of an app.
#[derive(Debug, Subcommand)]
pub enum Secret {
    /// List the secrets of an app, of which only the end is known
    #[command(visible_alias = "ls")]
    List {
        /// Name or id of the app
        app: String,
    },
    /// Make a secret, and print it this once
    Create {
        /// Name or id of the app
        app: String,
    },
    /// Delete a secret, and the tokens that were issued by it
    #[command(visible_alias = "rm")]
    Delete {
        /// Name or id of the app
        app: String,
        /// Id of the secret
        secret: String,
        #[command(flatten)]
        yes: Yes,
    },
}

/// A new app.
#[derive(Args, Debug)]
pub struct Create {
    /// Name: letters and digits in groups joined by single hyphens, at most 32
    name: String,
    /// A client that cannot keep a secret, such as a command line tool or an MCP client
    #[arg(long)]
    public: bool,
    /// Give the app a user of its own, as whom it acts with `client_credentials`
    #[arg(long, conflicts_with = "public")]
    service_account: bool,
    /// Make no secret yet
    #[arg(long)]
    no_secret: bool,
    #[command(flatten)]
    fields: Fields,
}

/// What changes of an app.
#[derive(Args, Debug)]
pub struct Edit {
    /// Name or id
    app: String,
    /// New name
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    fields: Fields,
}

/// What an app is made of.
#[derive(Args, Debug)]
pub(crate) struct Fields {
    /// What people see
    #[arg(long)]
    display_name: Option<String>,
    /// Where the browser goes with the code; may be repeated. On loopback hosts any port matches
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Option<Vec<String>>,
    /// Scope that the app may ask for; may be repeated. All when there is none
    #[arg(long = "scope", value_name = "NAME")]
    scopes: Option<Vec<String>>,
    /// Resource that its tokens may be bound to; may be repeated
    #[arg(long = "allowed-resource", value_name = "URI")]
    allowed_resources: Option<Vec<String>>,
    /// Resource that the app serves: it may introspect tokens bound to it; may be repeated
    #[arg(long = "resource", value_name = "URI")]
    resources: Option<Vec<String>>,
    /// How redirect URIs are compared: exact or prefix
    #[arg(long, value_name = "HOW")]
    redirect_match: Option<String>,
    /// Whether it must use PKCE
    #[arg(long, value_name = "BOOL")]
    require_pkce: Option<bool>,
    /// Whether devices without a browser may ask for access in its name
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    device_flow: Option<bool>,
    /// Whether users are not asked whether they allow it
    #[arg(long, value_name = "BOOL")]
    trusted: Option<bool>,
    /// Whether somebody answers for an app that registered itself
    #[arg(long, value_name = "BOOL")]
    pinned: Option<bool>,
    /// Its page, which people are shown
    #[arg(long, value_name = "URL")]
    homepage: Option<String>,
    /// URL or path of an icon
    #[arg(long)]
    icon: Option<String>,
}

impl Fields {
    fn into_body(self) -> Map<String, Value> {
        let named = [
            ("display_name", self.display_name.map(Value::from)),
            ("redirect_uris", self.redirect_uris.map(Value::from)),
            ("scopes", self.scopes.map(Value::from)),
            ("allowed_resources", self.allowed_resources.map(Value::from)),
            ("resources", self.resources.map(Value::from)),
            ("redirect_match", self.redirect_match.map(Value::from)),
            ("require_pkce", self.require_pkce.map(Value::from)),
            ("device_flow", self.device_flow.map(Value::from)),
            ("trusted", self.trusted.map(Value::from)),
            ("pinned", self.pinned.map(Value::from)),
            ("homepage_uri", self.homepage.map(Value::from)),
            ("icon", self.icon.map(Value::from)),
        ];
        named.into_iter().filter_map(|(member, value)| Some((member.to_owned(), value?))).collect()
    }
}

/// The app that is meant, by name or id.
pub(crate) fn find(desk: &Desk, app: &str) -> anyhow::Result<Value> {
    if uuid::Uuid::try_parse(app).is_ok() {
        return desk.one(&["oauth2-provider", "apps", app], &[]);
    }
    let apps = desk.list(&["oauth2-provider", "apps"], &[])?;
    let named: Vec<&Value> = apps.iter().filter(|found| text(found, "name") == app).collect();
    match named.as_slice() {
        [only] => Ok((*only).clone()),
        [] => bail!("there is no app `{}`", shown(app)),
        several => {
            let ids: Vec<&str> = several.iter().map(|app| text(app, "id")).collect();
            bail!("several apps are called `{}`: name one by its id, {}", shown(app), ids.join(" or "))
        }
    }
}

impl Act for Command {
    fn act(self, desk: &Desk) -> anyhow::Result<ExitCode> {
        let output = &desk.output;
        match self {
            Self::List { user_id } => {
                let query: Vec<_> = user_id.iter().map(|id| ("user_id", id.as_str())).collect();
                print_list(output, &COLUMNS, &desk.list(&["oauth2-provider", "apps"], &query)?)
            }
            Self::Show { app } => print_one(output, &COLUMNS, &find(desk, &app)?),
            Self::Create(create) => create.act(desk),
            Self::Edit(edit) => edit.act(desk),
            Self::Delete { app, yes } => {
                let app = find(desk, &app)?;
                let name = text(&app, "name");
                if !confirm(&format!("Delete the app {}, with all that it was allowed?", shown(name)), yes.yes)? {
                    return Ok(ExitCode::FAILURE);
                }
                desk.delete(&["oauth2-provider", "apps", text(&app, "id")])?;
                print_done(output, &format!("Deleted {name}."), &json!({}))
            }
            Self::Secret(secret) => secret.act(desk),
        }
    }
}

impl Create {
    fn act(self, desk: &Desk) -> anyhow::Result<ExitCode> {
        let mut body = self.fields.into_body();
        body.insert("name".to_owned(), self.name.into());
        body.insert("public".to_owned(), self.public.into());
        if self.service_account {
            body.insert("service_account".to_owned(), true.into());
        }
        let mut app = desk.post(&["oauth2-provider", "apps"], &body.into())?;
        let id = needed(&app, "id")?.to_owned();
        let client_id = needed(&app, "client_id")?.to_owned();
        if self.public || self.no_secret {
            return print_done(&desk.output, &format!("client_id      {client_id}"), &app);
        }
        let made = desk.post(&["oauth2-provider", "apps", &id, "secrets"], &json!({}));
        let without = || {
            format!(
                "the app was made (client_id {}), and has no secret: `doorward ctl app secret create {}` makes one",
                shown(&client_id),
                shown(&id)
            )
        };
        let made = made.with_context(without)?;
        let secret = needed(&made, "client_secret_full").with_context(without)?;
        if desk.output.format == Format::Json {
            if let Some(object) = app.as_object_mut() {
                object.insert("client_secret".to_owned(), secret.into());
            }
            return print_json(&app);
        }
        print(&format!(
            "client_id      {}\nclient_secret  {}\n\nThe secret is shown this once; the server keeps only its digest.\n",
            shown(&client_id),
            shown(secret)
        ))
    }
}

impl Edit {
    fn act(self, desk: &Desk) -> anyhow::Result<ExitCode> {
        let mut body = self.fields.into_body();
        if body.is_empty() && self.name.is_none() {
            return Err(usage("nothing is to change; `--help` names what can"));
        }
        let app = find(desk, &self.app)?;
        // A change without these takes them away.
        let name = self.name.unwrap_or_else(|| text(&app, "name").to_owned());
        body.insert("name".to_owned(), name.into());
        body.entry("icon").or_insert_with(|| text(&app, "icon").into());
        let changed = desk.put(&["oauth2-provider", "apps", text(&app, "id")], &body.into())?;
        print_done(&desk.output, &format!("Changed {}.", needed(&changed, "name")?), &changed)
    }
}

impl Secret {
    fn act(self, desk: &Desk) -> anyhow::Result<ExitCode> {
        let output = &desk.output;
        match self {
            Self::List { app } => {
                let app = find(desk, &app)?;
                let found = desk.list(&["oauth2-provider", "apps", text(&app, "id"), "secrets"], &[])?;
                print_list(output, &SECRETS, &found)
            }
            Self::Create { app } => {
                let app = find(desk, &app)?;
                let made = desk.post(&["oauth2-provider", "apps", text(&app, "id"), "secrets"], &json!({}))?;
                print_done(output, needed(&made, "client_secret_full")?, &made)
            }
            Self::Delete { app, secret, yes } => {
                let app = find(desk, &app)?;
                let question =
                    format!("Delete the secret, and all tokens that {} got by it?", shown(text(&app, "name")));
                if !confirm(&question, yes.yes)? {
                    return Ok(ExitCode::FAILURE);
                }
                desk.delete(&["oauth2-provider", "apps", text(&app, "id"), "secrets", &secret])?;
                print_done(output, &format!("Deleted the secret {secret}."), &json!({}))
            }
        }
    }
}
