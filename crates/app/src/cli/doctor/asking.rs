//! Asking whoever answers under the access URL who it is, and saying in words why nobody does.

use super::Finding;
use rustls::CertificateError;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use url::Url;

/// How long the server under the access URL may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What to do where the machine does not know who signed a certificate.
const OWN_AUTHORITY: &str =
    "if that is an authority of your own, name the file with its certificate in the environment variable SSL_CERT_FILE";

/// Asks whether it is this server: one of the same deployment.
pub(super) fn who_answers(url: &Url, deployment: Option<&str>) -> Finding {
    let mut config = Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .http_status_as_error(false)
        .max_redirects(0)
        .save_redirect_history(false);
    if url.scheme() == "https" {
        let roots = trusted();
        if roots.is_empty() {
            return Finding::Bad(format!(
                "this machine trusts no certificate at all, so nobody can be asked at {url}: install the package \
                 ca-certificates, or {OWN_AUTHORITY}"
            ));
        }
        config = config.tls_config(
            TlsConfig::builder()
                .root_certs(RootCerts::from(roots))
                .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .build(),
        );
    }
    let asked = format!("{}/api/v2/buildinfo", url.as_str().trim_end_matches('/'));
    let answer = match config.build().new_agent().get(&asked).call() {
        Ok(answer) => answer,
        Err(error) => return explain(&asked, &error),
    };
    let status = answer.status();
    let body: Result<serde_json::Value, _> = answer.into_body().read_json();
    let other = body.ok().and_then(|body| body.get("deployment_id")?.as_str().map(str::to_owned));
    match (other, deployment) {
        (Some(other), Some(ours)) if other == ours => Finding::Good(format!("{url} is this server")),
        (Some(_), Some(_)) => {
            Finding::Bad(format!("{url} is another server, with another database (server.access_url)"))
        }
        (Some(_), None) => {
            Finding::Bad(format!("{url} is another server: the database here is new (server.access_url)"))
        }
        (None, _) => Finding::Bad(format!("{url} is no Doorward: {asked} answers {status} (server.access_url)")),
    }
}

/// The certificates that this machine trusts. `SSL_CERT_FILE` and `SSL_CERT_DIR` replace those of the system.
fn trusted() -> Vec<Certificate<'static>> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "some trusted certificates cannot be read");
    }
    found.certs.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect()
}

/// Why there is no answer. That nobody listens is fine while the server does not run; the rest is not.
#[expect(clippy::wildcard_enum_match_arm, reason = "what is not told apart here is told in its own words")]
fn explain(asked: &str, error: &ureq::Error) -> Finding {
    let tls = match error {
        ureq::Error::Rustls(error) => Some(error),
        ureq::Error::Io(error) => error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>()),
        _ => None,
    };
    if let Some(error) = tls {
        return Finding::Bad(format!("{asked} cannot be trusted: {} (server.access_url)", defect(error)));
    }
    let why = match error {
        ureq::Error::HostNotFound => {
            return Finding::Bad(format!("the name in {asked} does not resolve (server.access_url)"));
        }
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        ureq::Error::Timeout(_) => format!("no answer within {} s", PATIENCE.as_secs()),
        error => error.to_string(),
    };
    Finding::Worth(format!("nothing answers at {asked} ({why}); that is fine if Doorward does not run"))
}

/// What is wrong with the TLS of the other side.
#[expect(clippy::wildcard_enum_match_arm, reason = "what is not told apart here is told in its own words")]
fn defect(error: &rustls::Error) -> String {
    let certificate = match error {
        rustls::Error::InvalidCertificate(certificate) => certificate,
        rustls::Error::InvalidMessage(_) => {
            return "no TLS is spoken there; perhaps the port is that of http".to_owned();
        }
        error => return error.to_string(),
    };
    match certificate {
        // A bad signature is that of another authority with the same name.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            format!("its certificate is signed by nobody whom this machine trusts; {OWN_AUTHORITY}")
        }
        CertificateError::NotValidForName => "its certificate is for other names".to_owned(),
        CertificateError::NotValidForNameContext { presented, .. } => {
            format!("its certificate is for other names: {}", presented.join(", "))
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "its certificate has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet, or the clock of this machine is slow".to_owned()
        }
        other => format!("its certificate is bad: {other}"),
    }
}
