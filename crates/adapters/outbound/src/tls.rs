//! TLS: who is trusted, and saying in words why somebody is not.

use crate::network::Connection;
use doorward_ports::fetch::{FailureClass, FetchError};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, IpAddr, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::Host;

/// What to do where nobody knows who signed a certificate.
const OWN_AUTHORITY: &str = "name the file with the certificate of an authority of your own in the setting \
                             `fetch.extra_ca`, or in the environment variable SSL_CERT_FILE";

/// Why nothing can be fetched with these settings.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The file cannot be read, or is no PEM.
    #[error("the certificates in {} cannot be read (fetch.extra_ca)", file.display())]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        source: rustls::pki_types::pem::Error,
    },
    /// The file has none, or one of them is broken.
    #[error("{} has no certificate that can be used (fetch.extra_ca)", .0.display())]
    NoCertificate(PathBuf),
    /// The cryptography does not work; no setting changes that.
    #[error("TLS cannot be used")]
    Tls(#[from] rustls::Error),
}

/// Speaks TLS to those whom this machine trusts.
#[derive(Clone)]
pub(crate) struct Tls {
    connector: TlsConnector,
    trusts_somebody: bool,
}

impl Tls {
    /// Trusts the authorities of the system (`SSL_CERT_FILE` and `SSL_CERT_DIR` replace those), and those in the file; no path is
    /// no file.
    pub(crate) fn new(extra: &Path) -> Result<Self, OutboundError> {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "some trusted certificates cannot be read");
        }
        roots.add_parsable_certificates(found.certs);
        if extra != Path::new("") {
            let unreadable = |source| OutboundError::Unreadable { file: extra.to_path_buf(), source };
            let known = roots.len();
            for certificate in CertificateDer::pem_file_iter(extra).map_err(unreadable)? {
                let certificate = certificate.map_err(unreadable)?;
                roots.add(certificate).or(Err(OutboundError::NoCertificate(extra.to_path_buf())))?;
            }
            if roots.len() == known {
                return Err(OutboundError::NoCertificate(extra.to_path_buf()));
            }
        }
        let trusts_somebody = !roots.is_empty();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), trusts_somebody })
    }

    /// Whether anybody can be trusted; otherwise there is no use in asking.
    pub(crate) fn check(&self) -> Result<(), FetchError> {
        if self.trusts_somebody {
            return Ok(());
        }
        let why = format!(
            "this machine trusts no certificate at all: install the package ca-certificates, or {OWN_AUTHORITY}"
        );
        Err(FetchError::new(FailureClass::Tls, why))
    }

    /// Has the other side prove that it is this host.
    pub(crate) async fn speak(
        &self,
        host: &Host<String>,
        stream: Connection,
    ) -> Result<TlsStream<Connection>, FetchError> {
        self.connector.connect(server_name(host)?, stream).await.map_err(|error| match rustls_error(&error) {
            Some(error) => FetchError::new(FailureClass::Tls, defect(error)),
            None => FetchError::new(FailureClass::Tls, format!("the connection broke in the TLS handshake: {error}")),
        })
    }
}

fn server_name(host: &Host<String>) -> Result<ServerName<'static>, FetchError> {
    match host {
        Host::Domain(name) => ServerName::try_from(name.clone())
            .map_err(|_invalid| FetchError::new(FailureClass::Request, "the host is no name of the DNS")),
        Host::Ipv4(address) => Ok(ServerName::IpAddress(IpAddr::V4((*address).into()))),
        Host::Ipv6(address) => Ok(ServerName::IpAddress(IpAddr::V6((*address).into()))),
    }
}

/// The error of TLS in one of the connection.
pub(crate) fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>())
}

/// What is wrong with the TLS of the other side.
#[expect(clippy::wildcard_enum_match_arm, reason = "what is not told apart here is told in its own words")]
pub(crate) fn defect(error: &rustls::Error) -> String {
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
