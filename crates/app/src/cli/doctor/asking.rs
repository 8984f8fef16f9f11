//! Asking whoever answers under the access URL who it is, and saying in words why nobody does.

use super::Finding;
use crate::settings::Settings;
use anyhow::Context as _;
use doorward_outbound::{FetchSettings, Outbound};
use doorward_ports::Fetch as _;
use doorward_ports::fetch::{FailureClass, FetchError, Request};
use std::io;
use std::time::Duration;
use ureq::Agent;
use url::Url;

/// How long the server under the access URL may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest answer that is read, in bytes; a Doorward says much less.
const LONGEST: usize = 64 * 1024;

/// What came back.
struct Answer {
    status: u16,
    body: Vec<u8>,
}

/// Asks whether it is this server: one of the same deployment.
pub(super) fn who_answers(settings: &Settings, url: &Url, deployment: Option<&str>) -> Finding {
    let asked = format!("{}/api/v2/buildinfo", url.as_str().trim_end_matches('/'));
    let answer = if url.scheme() == "https" { over_tls(settings, &asked) } else { in_clear(&asked) };
    let answer = match answer {
        Ok(answer) => answer,
        Err(finding) => return finding,
    };
    let body: Result<serde_json::Value, _> = serde_json::from_slice(&answer.body);
    let other = body.ok().and_then(|body| body.get("deployment_id")?.as_str().map(str::to_owned));
    match (other, deployment) {
        (Some(other), Some(ours)) if other == ours => Finding::Good(format!("{url} is this server")),
        (Some(_), Some(_)) => {
            Finding::Bad(format!("{url} is another server, with another database (server.access_url)"))
        }
        (Some(_), None) => {
            Finding::Bad(format!("{url} is another server: the database here is new (server.access_url)"))
        }
        (None, _) => {
            Finding::Bad(format!("{url} is no Doorward: {asked} answers {} (server.access_url)", answer.status))
        }
    }
}

/// By the way that the server itself has out. The access URL is the operator's word, so it may be an inner address; and a proxy on
/// the way out is not on the way in.
fn over_tls(settings: &Settings, asked: &str) -> Result<Answer, Finding> {
    let settings = FetchSettings { proxy: None, ..settings.fetch.clone() };
    let outbound =
        Outbound::new(&settings).map_err(|error| Finding::Bad(format!("{:#}", anyhow::Error::from(error))))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start");
    let runtime = runtime.map_err(|error| Finding::Bad(format!("{error:#}")))?;
    let request = Request::get(asked, LONGEST).any_status().chosen_by_operator();
    let answer = runtime.block_on(outbound.fetch(request)).map_err(|error| explain(asked, &error))?;
    Ok(Answer { status: answer.status, body: answer.body.into_exposed() })
}

/// Why there is no answer. That nobody listens is fine while the server does not run; the rest is not.
fn explain(asked: &str, error: &FetchError) -> Finding {
    let why = &error.detail;
    match error.class {
        FailureClass::Tls => Finding::Bad(format!("{asked} cannot be trusted: {why} (server.access_url)")),
        FailureClass::Connection | FailureClass::Timeout => unanswered(asked, why),
        FailureClass::Request
        | FailureClass::Dns
        | FailureClass::ForbiddenAddress
        | FailureClass::Status
        | FailureClass::Size
        | FailureClass::ContentType
        | FailureClass::Parse
        | FailureClass::Busy => Finding::Bad(format!("{asked} is no Doorward: {why} (server.access_url)")),
    }
}

/// Without TLS, which the way out of the server does not do.
#[expect(clippy::wildcard_enum_match_arm, reason = "what is not told apart here is told in its own words")]
fn in_clear(asked: &str) -> Result<Answer, Finding> {
    let config = Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        // A proxy on the way out is not on the way in.
        .proxy(None)
        .http_status_as_error(false)
        .max_redirects(0)
        .save_redirect_history(false);
    let failed = |error: ureq::Error| match error {
        ureq::Error::HostNotFound => Finding::Bad(format!("the name in {asked} does not resolve (server.access_url)")),
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            unanswered(asked, "connection refused")
        }
        ureq::Error::Timeout(_) => unanswered(asked, &format!("no answer within {} s", PATIENCE.as_secs())),
        error => unanswered(asked, &error.to_string()),
    };
    let answer = config.build().new_agent().get(asked).call().map_err(failed)?;
    let status = answer.status().as_u16();
    let longest = u64::try_from(LONGEST).unwrap_or(u64::MAX);
    // One that is too long is none of ours.
    let body = answer.into_body().into_with_config().limit(longest).read_to_vec().unwrap_or_default();
    Ok(Answer { status, body })
}

fn unanswered(asked: &str, why: &str) -> Finding {
    Finding::Worth(format!("nothing answers at {asked} ({why}); that is fine if Doorward does not run"))
}
