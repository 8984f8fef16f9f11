//! Signing in and out, and who one is.

use crate::ask::{secret_from_stdin, secret_from_terminal};
use crate::browser;
use crate::desk::{Desk, Surroundings};
use crate::failure::{Refused, usage};
use crate::http::Http;
use crate::loopback::Loopback;
use crate::oauth::{self, Client, Metadata, Polled};
use crate::options::{At, Output};
use crate::place::Place;
use crate::print::{further, moment, names, plain, print, print_list, print_one, usual};
use crate::vault::{Credential, Entry, Folder, Grant};
use crate::words::{needed, shown, shown_lines};
use anyhow::bail;
use clap::Args;
use doorward_domain::Secret;
use serde_json::{Value, json};
use std::process::ExitCode;
use std::time::Duration;
use url::Url;

/// For how long one waits for a device at most, in seconds, whatever the server says.
const LONGEST_WAIT: u64 = 60 * 60;

/// `doorward login`.
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct Login {
    /// The server, where people reach it, such as `https://door.example.com`
    url: Option<String>,
    /// Sign in on another device: shows a code that is entered there
    #[arg(long, conflicts_with_all = ["key", "token_stdin"])]
    device: bool,
    /// Have a key of your account made in the browser, and paste it here: it may do all that you may
    #[arg(long, conflicts_with = "token_stdin")]
    key: bool,
    /// Read a session token or an API token from standard input
    #[arg(long)]
    token_stdin: bool,
    /// The app as which to sign in, where the server lets none register itself
    #[arg(long, value_name = "ID", conflicts_with_all = ["key", "token_stdin"])]
    client_id: Option<String>,
    /// A scope to ask for; may be repeated. All that you may without any
    #[arg(long = "scope", value_name = "NAME", conflicts_with_all = ["key", "token_stdin"])]
    scopes: Vec<String>,
    /// Open no browser, and only print the address
    #[arg(long)]
    no_browser: bool,
    #[command(flatten)]
    at: At,
}

/// `doorward logout`.
#[derive(Args, Debug)]
pub struct Logout {
    /// The server; that of --server, or of the last sign-in, without it
    url: Option<String>,
    #[command(flatten)]
    at: At,
}

/// `doorward whoami`.
#[derive(Args, Debug)]
pub struct Whoami {
    /// List the servers you are signed in to, without asking them
    #[arg(long)]
    servers: bool,
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    output: Output,
}

impl Login {
    pub(crate) fn run(self, around: &Surroundings) -> anyhow::Result<ExitCode> {
        let folder = Folder::find()?;
        let vault = folder.read()?;
        let place = vault.choose(self.url.as_deref().or(self.at.server.as_deref()))?;
        self.at.accept(&place)?;
        if place.is_in_clear() {
            eprintln!("doorward: {place} is not https: whoever is on the way can read what is sent there");
        }
        let http = Http::new(self.at.ca_file.as_deref(), around.version)?;
        let before = vault.entry(&place).cloned().unwrap_or_default();
        let credential = self.prove(&place, &http, &before, around)?;
        let desk = Desk::with(place.clone(), http.clone(), credential, around);
        let user = desk.one(&["users", "me"], &[])?;
        let credential = desk.credential();
        let client_id = match &credential {
            Credential::Grant(grant) => Some(grant.client_id.clone()),
            Credential::Session { .. } | Credential::Token { .. } => before.client_id,
        };
        let name = needed(&user, "username")?.to_owned();
        let app = desk.is_app();
        let kept = credential.token().clone();
        folder.change(|vault| {
            *vault.entry_mut(&place) = Entry { user: name.clone(), client_id, credential: Some(credential) };
            vault.prefer(&place);
        })?;
        // What one was signed in by before is of no use any more. That it may be gone already is no matter.
        match before.credential {
            Some(Credential::Grant(old)) => {
                let _ = old.revoke(&http, &place);
            }
            Some(Credential::Session { token }) if token.expose() != kept.expose() => {
                let desk = Desk::with(place.clone(), http.clone(), Credential::Session { token }, around);
                let _ = desk.post(&["users", "logout"], &json!({}));
            }
            Some(Credential::Session { .. } | Credential::Token { .. }) | None => {}
        }
        if app {
            eprintln!(
                "doorward: signed in as an app. Roles, apps, tokens and passwords are changed in your own name only: `doorward login {place} --key`."
            );
        }
        print(&format!("Signed in to {place} as {}.\n", shown(&name)))
    }

    /// What shows the server who it is.
    fn prove(&self, place: &Place, http: &Http, before: &Entry, around: &Surroundings) -> anyhow::Result<Credential> {
        if self.token_stdin {
            return Ok(Credential::Token { token: secret_from_stdin("token")? });
        }
        if self.key {
            return self.by_key(place);
        }
        let metadata = Metadata::find(http, place)?;
        if self.device {
            let known = self.client_id.clone().or_else(|| before.client_id.clone());
            if !metadata.knows_devices() {
                bail!("{place} does not let devices sign in");
            }
            let Some(client_id) = known else {
                return Err(usage(
                    "a device signs in as an app that an owner has registered: `doorward app create cli --public --device-flow \
                     --redirect-uri http://127.0.0.1/callback` on the server, then --client-id ID here",
                ));
            };
            let client = self.client(http, &metadata, client_id, around);
            return by_device(&client, self.no_browser).map(Credential::Grant);
        }
        // An app that registered itself may be gone meanwhile; registering again gives the same one, or a new one.
        let registered = match (&self.client_id, &before.client_id) {
            (Some(named), _) => Ok(named.clone()),
            (None, _) if metadata.takes_registrations() => oauth::register(http, &metadata)?,
            (None, Some(known)) => Ok(known.clone()),
            (None, None) => return self.by_key(place),
        };
        match registered {
            Ok(client_id) => {
                let client = self.client(http, &metadata, client_id, around);
                self.by_browser(&client, around).map(Credential::Grant)
            }
            Err(refused) if [401, 403].contains(&refused.status) => self.by_key(place),
            Err(refused) => Err(refused.into()),
        }
    }

    fn client<'a>(
        &'a self,
        http: &'a Http,
        metadata: &'a Metadata,
        client_id: String,
        around: &'a Surroundings,
    ) -> Client<'a> {
        Client { http, clock: &*around.clock, metadata, id: client_id, scopes: &self.scopes }
    }

    /// By a browser on this machine, which brings the answer back by itself.
    fn by_browser(&self, client: &Client<'_>, around: &Surroundings) -> anyhow::Result<Grant> {
        let loopback = Loopback::open()?;
        let pending = client.begin(&*around.random, loopback.port)?;
        self.show(&pending.url);
        let code = loopback.wait(&pending.state, &client.metadata.issuer)?;
        client.redeem(&pending, &code)
    }

    /// By a key that a page shows, and that is pasted here.
    fn by_key(&self, place: &Place) -> anyhow::Result<Credential> {
        self.show(&place.at(&["cli-auth"], &[])?);
        let token = secret_from_terminal("Paste the key (it is not shown): ", "--token-stdin")?;
        let token = Secret::from(token.expose().trim());
        if token.expose().is_empty() {
            bail!("nothing was pasted");
        }
        Ok(Credential::Session { token })
    }

    fn show(&self, url: &Url) {
        if !self.no_browser && browser::open(url) {
            eprintln!("Your browser is to open this page; open it yourself if it does not:\n\n  {url}\n");
        } else {
            eprintln!("Open this page in a browser on this machine:\n\n  {url}\n");
        }
    }
}

/// By a code that is entered elsewhere.
fn by_device(client: &Client<'_>, no_browser: bool) -> anyhow::Result<Grant> {
    let codes = client.begin_device().map_err(device_hint)?;
    eprintln!(
        "Open {} on any device, and enter the code\n\n  {}\n",
        shown(&codes.verification_uri),
        shown(&codes.user_code)
    );
    if let Some(page) = page(&client.metadata.place, &codes.verification_uri_complete).filter(|_| !no_browser) {
        browser::open(&page);
    }
    let mut pause = codes.interval.clamp(1, LONGEST_WAIT);
    let mut left = codes.expires_in.min(LONGEST_WAIT);
    while left > 0 {
        std::thread::sleep(Duration::from_secs(pause.min(left)));
        left = left.saturating_sub(pause);
        match client.poll(&codes)? {
            Polled::Granted(grant) => return Ok(grant),
            Polled::Pending => {}
            // RFC 8628 3.5
            Polled::SlowDown => pause = pause.saturating_add(5),
        }
    }
    bail!("nobody has entered the code in time; begin anew")
}

/// A page that may be opened unseen: one that a browser fetches in safety, and nothing else that a server names.
fn page(place: &Place, named: &str) -> Option<Url> {
    Url::parse(named).ok().filter(|page| page.scheme() == "https" || place.has(page))
}

/// What an owner can do about a refusal of devices.
fn device_hint(error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<Refused>() {
        Ok(refused) if refused.code() == "unauthorized_client" => refused
            .hinted("An owner lets devices ask in the name of the app: `doorward ctl app edit APP --device-flow true`.")
            .into(),
        Ok(refused) => refused.into(),
        Err(other) => other,
    }
}

impl Logout {
    pub(crate) fn run(self, around: &Surroundings) -> anyhow::Result<ExitCode> {
        let folder = Folder::find()?;
        let vault = folder.read()?;
        let place = vault.choose(self.url.as_deref().or(self.at.server.as_deref()))?;
        let Some(credential) = vault.entry(&place).and_then(|entry| entry.credential.clone()) else {
            return print(&format!("You are not signed in to {place}.\n"));
        };
        // What is kept goes in any case.
        if place.is_in_clear() && !self.at.allow_http {
            folder.change(|vault| vault.entry_mut(&place).credential = None)?;
            return print(&format!(
                "Signed out of {place}, which was not told, for it is not https: --allow-http would have told it.\n"
            ));
        }
        let http = Http::new(self.at.ca_file.as_deref(), around.version)?;
        let ended = match &credential {
            Credential::Grant(grant) => grant.revoke(&http, &place),
            Credential::Session { .. } => {
                let desk = Desk::with(place.clone(), http, credential.clone(), around);
                desk.post(&["users", "logout"], &json!({})).map(drop)
            }
            Credential::Token { .. } => Ok(()),
        };
        folder.change(|vault| vault.entry_mut(&place).credential = None)?;
        if let Err(error) = ended {
            // Over already is as good as ended.
            if crate::failure::status_of(&error) != Some(401) {
                let why = format!("{error:#}");
                eprintln!(
                    "doorward: {place} could not be told, and keeps the sign-in until it is over: {}",
                    shown_lines(&why)
                );
            }
        }
        let note = if matches!(credential, Credential::Token { .. }) {
            " The token itself stays good until it is deleted."
        } else {
            ""
        };
        print(&format!("Signed out of {place}.{note}\n"))
    }
}

impl Whoami {
    pub(crate) fn run(self, around: &Surroundings) -> anyhow::Result<ExitCode> {
        if self.servers {
            return self.list();
        }
        let desk = Desk::open(&self.at, &self.output, around)?;
        let mut user = desk.one(&["users", "me"], &[])?;
        let organizations = desk.list(&["users", "me", "organizations"], &[])?;
        let credential = desk.credential();
        if let Some(object) = user.as_object_mut() {
            object.insert("server".to_owned(), desk.place.as_str().into());
            object.insert("signed_in_by".to_owned(), credential.words().into());
            object.insert("organizations".to_owned(), organizations.into());
            if let Credential::Grant(grant) = &credential {
                object.insert("scope".to_owned(), grant.scope.as_str().into());
            }
        }
        let columns = [
            usual("server", |row| plain(row, "server")),
            usual("username", |row| plain(row, "username")),
            usual("name", |row| plain(row, "name")),
            usual("email", |row| plain(row, "email")),
            usual("roles", |row| names(row, "roles")),
            usual("organizations", |row| names(row, "organizations")),
            usual("signed-in-by", |row: &Value| plain(row, "signed_in_by")),
            usual("scope", |row| plain(row, "scope")),
            further("status", |row| plain(row, "status")),
            further("id", |row| plain(row, "id")),
            further("created", |row| moment(row, "created_at")),
        ];
        print_one(&desk.output, &columns, &user)
    }

    /// The servers that are kept. Whether they still know one is not asked.
    fn list(&self) -> anyhow::Result<ExitCode> {
        let vault = Folder::find()?.read()?;
        let row = |(server, entry): (&str, &Entry)| {
            let by = entry.credential.as_ref().map_or("", Credential::words);
            json!({ "server": server, "username": entry.user, "signed_in_by": by, "current": server == vault.current() })
        };
        let rows: Vec<Value> = vault.signed_in().map(row).collect();
        let columns = [
            usual("server", |row| plain(row, "server")),
            usual("username", |row| plain(row, "username")),
            usual("signed-in-by", |row| plain(row, "signed_in_by")),
            usual("current", |row| plain(row, "current")),
        ];
        print_list(&self.output, &columns, &rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_a_page_is_opened() {
        let place = Place::parse("http://127.0.0.1:3000/door").unwrap();
        for named in
            ["https://door.example.com/device?user_code=A", "http://127.0.0.1:3000/device", "HTTPS://a.example/\u{1b}x"]
        {
            let page = page(&place, named).unwrap();
            assert!(
                page.as_str().starts_with("http") && !page.as_str().contains(char::is_control),
                "{named:?}: {page}"
            );
        }
        for named in [
            "",
            "-oProxy=evil",
            "--new-window",
            "file:///etc/passwd",
            "smb://a.example/x",
            "vscode://x/y",
            "javascript:alert(1)",
            "http://127.0.0.1:3001/device",
            "http://a.example/",
            "/device",
        ] {
            assert!(page(&place, named).is_none(), "{named}");
        }
    }
}
