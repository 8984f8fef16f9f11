//! Asking another server as a client does: nothing is followed, and every answer is looked at.

use crate::settings::Settings;
use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_domain::Secret;
use doorward_outbound::Outbound;
use doorward_ports::Fetch as _;
use doorward_ports::fetch::{FetchError, Request};
use serde_json::Value;
use tokio::runtime::Runtime;
use url::form_urlencoded;

/// Longest answer that is read, in bytes.
const LONGEST: usize = 256 * 1024;

/// Somebody who asks.
pub(super) struct Visitor {
    outbound: Outbound,
    runtime: Runtime,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    /// `null` where it is no JSON.
    pub(super) body: Value,
}

impl Answer {
    /// The first header of this name, which is in lower case.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value.as_str())
    }

    /// A member that is a text; empty where there is none.
    pub(super) fn text(&self, member: &str) -> &str {
        self.body.get(member).and_then(Value::as_str).unwrap_or_default()
    }

    /// What it says in words.
    pub(super) fn told(&self) -> String {
        match (self.text("error"), self.text("error_description")) {
            ("", _) => format!("it answers {}", self.status),
            (error, "") => format!("it answers {}, {error}", self.status),
            (error, why) => format!("it answers {}, {error}: {why}", self.status),
        }
    }
}

impl Visitor {
    pub(super) fn new(settings: &Settings) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
        Ok(Self { outbound: Outbound::new(&settings.fetch)?, runtime })
    }

    pub(super) fn get(&self, url: &str) -> Result<Answer, String> {
        self.ask(Request::get(url, LONGEST))
    }

    pub(super) fn post_json(&self, url: &str, body: &Value) -> Result<Answer, String> {
        self.ask(Request::post(url, "application/json", Secret::new(body.to_string().into_bytes()), LONGEST))
    }

    /// With `basic`, an id and a secret, in the header of RFC 6749 2.3.1.
    pub(super) fn post_form(
        &self,
        url: &str,
        pairs: &[(&str, &str)],
        basic: Option<(&str, &Secret<String>)>,
    ) -> Result<Answer, String> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let body = Secret::new(body.into_bytes());
        let request = Request::post(url, "application/x-www-form-urlencoded", body, LONGEST);
        let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        self.ask(match basic {
            Some((id, secret)) => {
                let pair = STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret.expose())));
                request.header("authorization", Secret::new(format!("Basic {pair}")))
            }
            None => request,
        })
    }

    pub(super) fn delete(&self, url: &str, token: &Secret<String>) -> Result<Answer, String> {
        self.ask(Request::delete(url, LONGEST).bearer(token))
    }

    fn ask(&self, request: Request) -> Result<Answer, String> {
        let request = request.any_status().with_redirects();
        // Whoever runs this names the address, so it may be an inner one, and http.
        let request =
            if request.url.starts_with("http:") { request.chosen_by_peer() } else { request.chosen_by_operator() };
        let answer = self.runtime.block_on(self.outbound.fetch(request)).map_err(|FetchError { detail, .. }| detail)?;
        let body = serde_json::from_slice(answer.body.expose()).unwrap_or(Value::Null);
        Ok(Answer { status: answer.status, headers: answer.headers, body })
    }
}
