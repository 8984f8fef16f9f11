//! Asking a server over HTTP, and saying in words why it cannot be asked.

use crate::place::is_here;
use crate::print::taken;
use anyhow::{Context as _, anyhow, bail};
use doorward_domain::Secret;
use serde_json::Value;
use std::io::{self, Read as _, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use ureq::http::{Request, Response};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, AsSendBody, Body};
use url::Url;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(15);
/// How long an answer may take: a change of thousands of members takes a while.
const ANSWER: Duration = Duration::from_mins(2);
/// Longest answer that is read, in bytes.
const LONGEST: u64 = 256 * 1024 * 1024;

/// How much of what is written as it comes is held at once, in bytes.
const PART: usize = 64 * 1024;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Content<'a> {
    Nothing,
    Json(&'a Value),
    Form(&'a [(&'a str, &'a str)]),
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// For how long one is to wait before asking again.
    pub(crate) retry_after: Option<Duration>,
    /// `null` where there is none, and where a refusal is no JSON.
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }
}

/// Somebody who asks.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    agent: Agent,
    /// For this machine, which no proxy knows.
    direct: Agent,
}

impl Http {
    /// Trusts whom this machine trusts (`SSL_CERT_FILE` and `SSL_CERT_DIR` replace those), and the authorities in the file. A proxy of
    /// the environment counts, as for other command lines.
    pub(crate) fn new(ca_file: Option<&Path>, version: &str) -> anyhow::Result<Self> {
        let system = rustls_native_certs::load_native_certs().certs;
        let mut trusted: Vec<Certificate<'static>> =
            system.iter().map(|certificate| Certificate::from_der(certificate.as_ref()).to_owned()).collect();
        if let Some(file) = ca_file {
            let pem = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            let before = trusted.len();
            for item in parse_pem(&pem) {
                if let PemItem::Certificate(certificate) =
                    item.with_context(|| format!("the certificates in {} cannot be read", file.display()))?
                {
                    trusted.push(certificate);
                }
            }
            if trusted.len() == before {
                bail!("there is no certificate in {}", file.display());
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&trusted))
            .unversioned_rustls_crypto_provider(provider)
            .build();
        let user_agent = format!("doorward/{version}");
        let config = || {
            Agent::config_builder()
                .tls_config(tls.clone())
                .timeout_connect(Some(CONNECT))
                .timeout_global(Some(ANSWER))
                .http_status_as_error(false)
                .max_redirects(0)
                .max_redirects_will_error(false)
                .user_agent(&user_agent)
        };
        Ok(Self { agent: config().build().new_agent(), direct: config().proxy(None).build().new_agent() })
    }

    fn agent(&self, url: &Url) -> &Agent {
        if is_here(url) { &self.direct } else { &self.agent }
    }

    /// Sends a request. An answer of any status is one, but a redirect: nothing secret is sent on to another place.
    pub(crate) fn send(
        &self,
        method: Method,
        url: &Url,
        token: Option<&Secret<String>>,
        content: Content<'_>,
    ) -> anyhow::Result<Answer> {
        let mut request =
            Request::builder().method(method.as_str()).uri(url.as_str()).header("Accept", "application/json");
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {}", token.expose()));
        }
        match content {
            Content::Nothing if matches!(method, Method::Get | Method::Delete) => self.run(url, request.body(())),
            Content::Nothing => self.run(url, request.body("")),
            Content::Json(value) => {
                let request = request.header("Content-Type", "application/json");
                self.run(url, request.body(value.to_string()))
            }
            Content::Form(pairs) => {
                let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
                let request = request.header("Content-Type", "application/x-www-form-urlencoded");
                self.run(url, request.body(body))
            }
        }
    }

    /// Reads something of a type as long as it is, and writes it as it comes. What is refused is an answer.
    pub(crate) fn download(
        &self,
        url: &Url,
        token: &Secret<String>,
        media_type: &str,
        out: &mut dyn Write,
    ) -> anyhow::Result<Answer> {
        let request =
            Request::builder().uri(url.as_str()).header("Authorization", format!("Bearer {}", token.expose()));
        let request = request.body(()).map_err(|_unprintable| anyhow!(UNPRINTABLE))?;
        // It may take as long as it will, and may not stand still.
        let agent = self.agent(url);
        let patient = agent.configure_request(request);
        let request = patient.timeout_global(None).timeout_per_read(Some(ANSWER)).build();
        let answer = agent.run(request).map_err(|error| unreachable(url, error))?;
        if !answer.status().is_success() {
            return read(url, answer);
        }
        if answer.body().mime_type().is_none_or(|sent| !sent.eq_ignore_ascii_case(media_type)) {
            bail!("{} {STRANGE}", origin(url));
        }
        let mut body = answer.into_body().into_reader();
        let mut part = vec![0; PART];
        loop {
            let read = match body.read(&mut part) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read.with_context(|| format!("what {} sends is not whole", origin(url)))?,
            };
            let part = part.get(..read).unwrap_or_default();
            let written = if part.is_empty() { out.flush() } else { out.write_all(part) };
            if !taken(written).context("cannot write it down")? || part.is_empty() {
                return Ok(Answer { status: 200, retry_after: None, body: Value::Null });
            }
        }
    }

    fn run(&self, url: &Url, request: Result<Request<impl AsSendBody>, ureq::http::Error>) -> anyhow::Result<Answer> {
        // What cannot be a header may be the token: it is not shown.
        let request = request.map_err(|_unprintable| anyhow!(UNPRINTABLE))?;
        let answer = self.agent(url).run(request).map_err(|error| unreachable(url, error))?;
        read(url, answer)
    }
}

/// What is said of an answer that only something else can have given.
pub(crate) const STRANGE: &str = "answers with something that is no Doorward";

/// Why a token is not sent. It is not shown.
const UNPRINTABLE: &str = "the token of this server is none that can be sent";

/// Reads an answer to its end.
fn read(url: &Url, answer: Response<Body>) -> anyhow::Result<Answer> {
    let status = answer.status().as_u16();
    if (300..400).contains(&status) {
        let to = answer.headers().get("location").and_then(|to| to.to_str().ok()).unwrap_or("another place");
        bail!(
            "{} leads on to {}: sign in at the address where the server really is",
            origin(url),
            crate::words::shown(to)
        );
    }
    let retry_after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    let body = answer.into_body().into_with_config().limit(LONGEST).read_to_vec();
    let body = body.map_err(|error| unreachable(url, error))?;
    let parsed = if body.trim_ascii().is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&body) };
    let body = match parsed {
        Ok(body) => body,
        // A page of whatever stands in between is no sign that anything was done.
        Err(_) if (200..300).contains(&status) => bail!("{} {STRANGE}", origin(url)),
        Err(_) => Value::Null,
    };
    Ok(Answer { status, retry_after: retry_after.map(Duration::from_secs), body })
}

/// Scheme, host and port: nothing of an address that may be secret.
fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Why there is no answer.
#[expect(clippy::wildcard_enum_match_arm, reason = "what is not told apart here is told in its own words")]
fn unreachable(url: &Url, error: ureq::Error) -> anyhow::Error {
    let place = origin(url);
    match error {
        ureq::Error::HostNotFound => anyhow!("the name in {place} does not resolve"),
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            anyhow!("nobody listens at {place}")
        }
        ureq::Error::Timeout(_) => anyhow!("{place} does not answer in time"),
        ureq::Error::BodyExceedsLimit(_) => anyhow!("{place} answers with more than {} MiB", LONGEST / 1024 / 1024),
        ureq::Error::Rustls(error) => untrusted(&place, &error),
        ureq::Error::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(error) => untrusted(&place, error),
            // What the system says of names has no kind of its own.
            None if error.to_string().contains("lookup address") => anyhow!("the name in {place} does not resolve"),
            None => anyhow!("{place} cannot be asked: {error}"),
        },
        error => anyhow!("{place} cannot be asked: {error}"),
    }
}

/// Why the other side does not prove who it is.
fn untrusted(place: &str, error: &rustls::Error) -> anyhow::Error {
    anyhow!(
        "{place} cannot be trusted: {error}. The certificate of an authority of your own is named by --ca-file or SSL_CERT_FILE"
    )
}
