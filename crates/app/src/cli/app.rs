//! `doorward app`: OAuth2 apps from the command line of the server.

use super::{Output, print};
use clap::{Args, Subcommand};
use doorward_domain::oauth2::{App, ClientType, RedirectUri, Scopes};
use doorward_services::Context;
use doorward_services::Principal;
use doorward_services::oauth2::apps::{self, AppCommand};
use doorward_services::oauth2::secrets;
use serde_json::json;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Register an app and print its client id and, once, its secret
    #[command(after_help = "Examples:\n  \
        doorward app create backstage --redirect-uri https://backstage.example.com/cb\n  \
        doorward app create my-cli --public --redirect-uri http://127.0.0.1/callback\n  \
        doorward app create robot --redirect-uri https://robot.example.com/ --service-account")]
    Create(Create),
    /// List the registered apps
    List(Output),
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Name: letters and digits in groups joined by single hyphens, at most 32
    name: String,
    /// Where the browser goes with the code; may be given several times. On loopback hosts any port matches.
    #[arg(long = "redirect-uri", required = true, value_name = "URI")]
    redirect_uris: Vec<String>,
    /// A client that cannot keep a secret, such as a command line tool or an MCP client
    #[arg(long)]
    public: bool,
    /// Give the app a user of its own, as whom it acts with `client_credentials`
    #[arg(long, conflicts_with = "public")]
    service_account: bool,
    /// Let devices without a browser ask for access in its name
    #[arg(long)]
    device_flow: bool,
    /// Scopes that the app may ask for; all when not given
    #[arg(long = "scope", value_name = "NAME")]
    scopes: Vec<String>,
    /// Resource that the app serves: it may introspect tokens bound to it
    #[arg(long = "resource", value_name = "URI")]
    resources: Vec<String>,
    /// URL or path of an icon
    #[arg(long, default_value = "")]
    icon: String,
    #[command(flatten)]
    output: Output,
}

impl Command {
    pub(crate) async fn run(self, ctx: Context) -> anyhow::Result<ExitCode> {
        match self {
            Self::Create(create) => create.run(&ctx).await,
            Self::List(output) => list(&ctx, output).await,
        }
    }
}

impl Create {
    async fn run(self, ctx: &Context) -> anyhow::Result<ExitCode> {
        let command = AppCommand {
            name: self.name,
            redirect_uris: Some(self.redirect_uris),
            icon: self.icon,
            public: Some(self.public),
            scopes: (!self.scopes.is_empty()).then_some(self.scopes),
            resources: (!self.resources.is_empty()).then_some(self.resources),
            service_account: Some(self.service_account),
            device_flow: Some(self.device_flow),
            ..AppCommand::default()
        };
        let operator = Principal::operator();
        let app = apps::create(ctx, &operator, command).await.map_err(super::user::explain)?;
        let secret = match app.client_type {
            ClientType::Public | ClientType::Keyed => None,
            ClientType::Confidential => Some(secrets::create(ctx, &operator, app.id).await?.1),
        };
        if self.output.json {
            let mut value = describe(&app);
            if let (Some(secret), Some(object)) = (&secret, value.as_object_mut()) {
                object.insert("client_secret".to_owned(), secret.expose().as_str().into());
            }
            return print(&format!("{value}\n"));
        }
        let Some(secret) = secret else { return print(&format!("client_id      {}\n", app.id)) };
        print(&format!(
            "client_id      {}\nclient_secret  {}\n\nThe secret is shown this once; Doorward keeps only its digest.\n",
            app.id,
            secret.expose()
        ))
    }
}

async fn list(ctx: &Context, output: Output) -> anyhow::Result<ExitCode> {
    let apps = apps::list(ctx, &Principal::operator()).await?;
    if output.json {
        return print(&format!("{}\n", json!(apps.iter().map(describe).collect::<Vec<_>>())));
    }
    if apps.is_empty() {
        return print("No apps are registered. `doorward app create --help` tells how.\n");
    }
    let width = apps.iter().map(|app| app.name.len()).max().unwrap_or(0);
    let line = |app: &App| {
        let uris: Vec<&str> = app.redirect_uris.iter().map(RedirectUri::as_str).collect();
        format!("{}  {:width$}  {:12}  {}\n", app.id, app.name, app.client_type.as_str(), uris.join(" "))
    };
    print(&apps.iter().map(line).collect::<String>())
}

fn describe(app: &App) -> serde_json::Value {
    json!({
        "client_id": app.id,
        "name": app.name,
        "client_type": app.client_type.as_str(),
        "redirect_uris": app.redirect_uris.iter().map(RedirectUri::as_str).collect::<Vec<_>>(),
        "scopes": app.allowed_scopes.as_ref().map(Scopes::to_names),
        "service_account_id": app.service_account_id,
    })
}
