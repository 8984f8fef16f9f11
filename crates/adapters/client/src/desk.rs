//! A server, and somebody who is signed in there.

use crate::failure::{Refused, usage};
use crate::http::{Answer, Content, Http, Method, STRANGE};
use crate::options::{At, Output, URL};
use crate::place::Place;
use crate::vault::{Credential, Folder, Grant};
use crate::words::{needed, text};
use anyhow::{anyhow, bail};
use doorward_domain::Secret;
use doorward_ports::{Clock, Random};
use serde_json::Value;
use std::cell::RefCell;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// The variable with a token that is used without a sign-in.
pub(crate) const TOKEN: &str = "DOORWARD_TOKEN";
/// How many rows are asked for at once.
const PAGE: usize = 200;
/// How many rows a list has at most that is asked for whole.
const LONGEST_LIST: usize = 1_000_000;
/// How often a request is sent again that came too soon after others, and how long one waits for that at most.
const TRIES: u32 = 5;
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// What commands need of the outside.
#[derive(Clone)]
pub struct Surroundings {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes secrets.
    pub random: Arc<dyn Random>,
    /// The version of this command line.
    pub version: &'static str,
}

impl std::fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Surroundings").field("version", &self.version).finish_non_exhaustive()
    }
}

/// A command that is carried out at a server.
pub(crate) trait Act {
    fn act(self, desk: &Desk) -> anyhow::Result<ExitCode>;
}

/// A list that comes in pages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paged<'a> {
    pub(crate) parts: &'a [&'a str],
    pub(crate) query: &'a [(&'a str, &'a str)],
    /// What has the rows in an answer.
    pub(crate) member: &'a str,
    /// Whether the next page is that after the last row, by its id; nothing is missed then when rows come and go meanwhile.
    pub(crate) by_id: bool,
}

/// A place on a server where one works.
pub(crate) struct Desk {
    pub(crate) place: Place,
    pub(crate) http: Http,
    pub(crate) output: Output,
    clock: Arc<dyn Clock>,
    /// Where the credential is kept; not one of the environment.
    folder: Option<Folder>,
    credential: RefCell<Credential>,
}

impl Desk {
    /// The server that is meant, with what one is signed in there by.
    pub(crate) fn open(at: &At, output: &Output, around: &Surroundings) -> anyhow::Result<Self> {
        let http = Http::new(at.ca_file.as_deref(), around.version)?;
        let clock = Arc::clone(&around.clock);
        let desk = |place, folder, credential| Self {
            place,
            http,
            output: output.clone(),
            clock,
            folder,
            credential: RefCell::new(credential),
        };
        if let Some(token) = std::env::var(TOKEN).ok().filter(|token| !token.trim().is_empty()) {
            let named = at.server.as_deref().filter(|named| !named.trim().is_empty());
            let named = named.ok_or_else(|| {
                usage(format!("{TOKEN} is for the server that --server or {URL} names, and neither does"))
            })?;
            let place = Place::parse(named)?;
            // Of the two the variable stands beside the token.
            if let Some(beside) = std::env::var(URL).ok().filter(|beside| !beside.trim().is_empty())
                && Place::parse(&beside)? != place
            {
                return Err(usage(format!(
                    "{TOKEN} is for the server that {URL} names, and not for {place}: leave it out to use your sign-in there"
                )));
            }
            at.accept(&place)?;
            let credential = Credential::Token { token: Secret::from(token.trim()) };
            return Ok(desk(place, None, credential));
        }
        let folder = Folder::find()?;
        let vault = folder.read()?;
        let place = vault.choose(at.server.as_deref())?;
        at.accept(&place)?;
        let Some(credential) = vault.entry(&place).and_then(|entry| entry.credential.clone()) else {
            bail!("you are not signed in to {place}: `doorward login {place}`");
        };
        Ok(desk(place, Some(folder), credential))
    }

    /// The same with a credential that is not kept yet.
    pub(crate) fn with(place: Place, http: Http, credential: Credential, around: &Surroundings) -> Self {
        let clock = Arc::clone(&around.clock);
        Self { place, http, output: Output::default(), clock, folder: None, credential: RefCell::new(credential) }
    }

    /// By what one is signed in.
    pub(crate) fn credential(&self) -> Credential {
        self.credential.borrow().clone()
    }

    /// Whether one comes as an app.
    pub(crate) fn is_app(&self) -> bool {
        matches!(*self.credential.borrow(), Credential::Grant(_))
    }

    pub(crate) fn get(&self, parts: &[&str], query: &[(&str, &str)]) -> anyhow::Result<Value> {
        self.ask(Method::Get, parts, query, None)
    }

    /// One thing that has an id.
    pub(crate) fn one(&self, parts: &[&str], query: &[(&str, &str)]) -> anyhow::Result<Value> {
        let found = self.get(parts, query)?;
        needed(&found, "id")?;
        Ok(found)
    }

    /// A list that comes whole.
    pub(crate) fn list(&self, parts: &[&str], query: &[(&str, &str)]) -> anyhow::Result<Vec<Value>> {
        let Value::Array(rows) = self.get(parts, query)? else { return Err(self.strange()) };
        Ok(rows)
    }

    fn strange(&self) -> anyhow::Error {
        anyhow!("{} {STRANGE}", self.place)
    }

    pub(crate) fn post(&self, parts: &[&str], body: &Value) -> anyhow::Result<Value> {
        self.ask(Method::Post, parts, &[], Some(body))
    }

    pub(crate) fn put(&self, parts: &[&str], body: &Value) -> anyhow::Result<Value> {
        self.ask(Method::Put, parts, &[], Some(body))
    }

    pub(crate) fn patch(&self, parts: &[&str], body: &Value) -> anyhow::Result<Value> {
        self.ask(Method::Patch, parts, &[], Some(body))
    }

    pub(crate) fn delete(&self, parts: &[&str]) -> anyhow::Result<Value> {
        self.ask(Method::Delete, parts, &[], None)
    }

    /// All rows of a list that comes in pages, or the first so many. A list that does not end is none.
    pub(crate) fn pages(&self, list: &Paged<'_>, limit: Option<usize>) -> anyhow::Result<Vec<Value>> {
        let mut found: Vec<Value> = Vec::new();
        loop {
            let wanted = PAGE.min(limit.unwrap_or(LONGEST_LIST + 1).saturating_sub(found.len()));
            if wanted == 0 {
                return Ok(found);
            }
            let (size, offset) = (wanted.to_string(), found.len().to_string());
            let mut asked = list.query.to_vec();
            asked.push(("limit", &size));
            let after = found.last().map(|row| text(row, "id").to_owned()).unwrap_or_default();
            match found.is_empty() {
                true => {}
                false if list.by_id => asked.push(("after_id", &after)),
                false => asked.push(("offset", &offset)),
            }
            let mut answer = self.get(list.parts, &asked)?;
            let Some(Value::Array(mut page)) = answer.get_mut(list.member).map(Value::take) else {
                return Err(self.strange());
            };
            page.truncate(wanted);
            let came = page.len();
            if came > 0 && found.ends_with(&page) {
                bail!("{} sends the same rows again and again", self.place);
            }
            found.extend(page);
            if limit.is_none() && found.len() > LONGEST_LIST {
                bail!("{} sends more than {LONGEST_LIST} rows: say --limit, or look for fewer", self.place);
            }
            if came < wanted {
                return Ok(found);
            }
        }
    }

    /// Asks the API; what it refuses is an error in its words.
    pub(crate) fn ask(
        &self,
        method: Method,
        parts: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let path: Vec<&str> = ["api", "v2"].iter().chain(parts).copied().collect();
        let url = self.place.at(&path, query)?;
        let content = body.map_or(Content::Nothing, Content::Json);
        let answer = self.send(method, &url, content)?;
        if !answer.is_success() {
            return Err(self.refused(&answer).into());
        }
        // Nothing is said only where that is what is said.
        if answer.body.is_null() && (answer.status != 204 || method == Method::Get) {
            return Err(self.strange());
        }
        Ok(answer.body)
    }

    fn refused(&self, answer: &Answer) -> Refused {
        let refused = Refused::of(answer.status, &answer.body);
        let place = &self.place;
        match answer.status {
            401 => refused.hinted(format!("You are not signed in to {place} any more: `doorward login {place}`.")),
            403 if self.is_app() => refused.hinted(format!(
                "You are signed in as an app, which may not do everything in your name; `doorward login {place} --key` may."
            )),
            _ => refused,
        }
    }

    /// Reads something long from the API, and writes it as it comes.
    pub(crate) fn download(
        &self,
        parts: &[&str],
        query: &[(&str, &str)],
        media_type: &str,
        out: &mut dyn Write,
    ) -> anyhow::Result<()> {
        self.renew_if_over()?;
        let path: Vec<&str> = ["api", "v2"].iter().chain(parts).copied().collect();
        let token = self.credential.borrow().token().clone();
        let answer = self.http.download(&self.place.at(&path, query)?, &token, media_type, out)?;
        if answer.is_success() { Ok(()) } else { Err(self.refused(&answer).into()) }
    }

    fn renew_if_over(&self) -> anyhow::Result<()> {
        let old = match &*self.credential.borrow() {
            Credential::Grant(grant) if grant.is_over(&*self.clock) => Some(grant.clone()),
            Credential::Grant(_) | Credential::Session { .. } | Credential::Token { .. } => None,
        };
        old.map_or(Ok(()), |old| self.renew(&old))
    }

    /// Sends a request with the credential, which is renewed when it is over.
    fn send(&self, method: Method, url: &Url, content: Content<'_>) -> anyhow::Result<Answer> {
        self.renew_if_over()?;
        let answer = self.patiently(method, url, content)?;
        let used = match &*self.credential.borrow() {
            Credential::Grant(grant) if answer.status == 401 => Some(grant.clone()),
            Credential::Grant(_) | Credential::Session { .. } | Credential::Token { .. } => None,
        };
        match used {
            Some(used) => {
                self.renew(&used)?;
                self.patiently(method, url, content)
            }
            None => Ok(answer),
        }
    }

    /// Sends a request, and waits where one has sent too many. Of what is answered so nothing was done.
    fn patiently(&self, method: Method, url: &Url, content: Content<'_>) -> anyhow::Result<Answer> {
        let mut tries = 0;
        loop {
            let token = self.credential.borrow().token().clone();
            let answer = self.http.send(method, url, Some(&token), content)?;
            tries += 1;
            if answer.status != 429 || tries >= TRIES {
                return Ok(answer);
            }
            let wait = answer.retry_after.unwrap_or(Duration::from_secs(1)).min(LONGEST_WAIT);
            eprintln!("doorward: {} asks to wait for {} s", self.place, wait.as_secs());
            std::thread::sleep(wait);
        }
    }

    /// Renews the tokens of an app, unless another command has done so meanwhile.
    fn renew(&self, old: &Grant) -> anyhow::Result<()> {
        let lost = |why: &anyhow::Error| {
            anyhow!("you are not signed in to {0} any more ({why:#}): `doorward login {0}`", self.place)
        };
        if old.refresh_token.expose().is_empty() {
            return Err(lost(&anyhow!("the sign-in is over")));
        }
        let Some(folder) = &self.folder else {
            let renewed = old.refresh(&self.http, &self.place, &*self.clock)?;
            self.credential.replace(Credential::Grant(renewed));
            return Ok(());
        };
        let held = folder.hold()?;
        let mut vault = folder.read()?;
        let kept = vault.entry(&self.place).and_then(|entry| entry.credential.clone());
        if let Some(Credential::Grant(kept)) = kept
            && kept.access_token.expose() != old.access_token.expose()
        {
            self.credential.replace(Credential::Grant(kept));
            return Ok(());
        }
        let renewed = match old.refresh(&self.http, &self.place, &*self.clock) {
            Ok(renewed) => Credential::Grant(renewed),
            Err(error) if error.downcast_ref::<Refused>().is_some_and(|refused| refused.status < 500) => {
                return Err(lost(&error));
            }
            Err(error) => return Err(error),
        };
        vault.entry_mut(&self.place).credential = Some(renewed.clone());
        held.write(&vault)?;
        self.credential.replace(renewed);
        Ok(())
    }

    /// The id of a user, by name, address or id.
    pub(crate) fn user_id(&self, user: &str) -> anyhow::Result<String> {
        if uuid::Uuid::try_parse(user).is_ok() {
            return Ok(user.to_owned());
        }
        Ok(needed(&self.get(&["users", user], &[])?, "id")?.to_owned())
    }
}

#[cfg(test)]
#[path = "desk_tests.rs"]
mod tests;
