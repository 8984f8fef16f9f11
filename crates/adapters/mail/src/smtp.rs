//! The server that takes the mail.

use crate::settings::{Security, SmtpSettings};
use async_trait::async_trait;
use doorward_ports::mail::{Mail, MailError, Mailer, Prepared};
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::{Address, Message};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// For how long a connection is kept that nobody uses.
const KEPT: Duration = Duration::from_secs(20);
/// So many are kept.
const KEPT_MAX: usize = 8;
/// The server has the whole mail and may take long to say what it does with it (RFC 5321 4.5.3.2.6).
const FINAL_TIMEOUT: Duration = Duration::from_mins(2);
/// Ways of proving who this server is; the passwords of both are protected by TLS alone.
const MECHANISMS: [Mechanism; 2] = [Mechanism::Plain, Mechanism::Login];
/// Longest word of the server that is passed on, in characters.
const TOLD_MAX: usize = 300;

/// Why no mail can be sent with these settings.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    /// A file cannot be read.
    #[error("the file {} cannot be read ({key})", file.display())]
    Unreadable {
        /// Which setting names it.
        key: &'static str,
        /// Which file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file has no certificate that can be used.
    #[error("{} has no certificate that can be used (smtp.ca_file)", .0.display())]
    NoCertificate(PathBuf),
    /// TLS cannot be used.
    #[error("TLS cannot be used for mail")]
    Tls(#[source] lettre::transport::smtp::Error),
}

/// Sends mail. Cheap to clone.
#[derive(Clone)]
pub struct Smtp(Arc<Inner>);

struct Inner {
    host: String,
    port: u16,
    from: Mailbox,
    security: Security,
    tls: Option<TlsParameters>,
    hello: ClientId,
    credentials: Option<Credentials>,
    timeout: Duration,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Smtp").field("host", &self.0.host).field("port", &self.0.port).finish_non_exhaustive()
    }
}

impl Smtp {
    /// By these settings, on the machine of this name; `None` when they name no server. Connects to nobody yet.
    pub fn new(settings: &SmtpSettings, hostname: &str) -> Result<Option<Self>, SmtpError> {
        let (Some((host, port)), Some(from)) = (settings.address(), settings.from.clone()) else { return Ok(None) };
        let tls = match settings.security {
            Security::None => None,
            Security::Starttls | Security::Implicit => Some(tls(&host, &settings.ca_file)?),
        };
        let password = if settings.password_file == Path::new("") {
            settings.password.expose().clone()
        } else {
            read("smtp.password_file", &settings.password_file)?.trim_end_matches(['\r', '\n']).to_owned()
        };
        let credentials =
            (!settings.username.is_empty()).then(|| Credentials::new(settings.username.clone(), password));
        let name = if settings.hello.is_empty() { hostname } else { &settings.hello };
        Ok(Some(Self(Arc::new(Inner {
            host,
            port,
            from,
            security: settings.security,
            tls,
            hello: ClientId::Domain(name.to_owned()),
            credentials,
            timeout: settings.timeout.std(),
            idle: Mutex::default(),
        }))))
    }

    /// Connects as for a mail, with TLS and sign-in, and sends none. Within a bounded time.
    pub async fn check(&self) -> Result<(), MailError> {
        let mut connection = self.connect().await?;
        // It has answered all that matters; whatever it says to this is fine.
        let _said = tokio::time::timeout(self.0.timeout, connection.quit()).await;
        Ok(())
    }

    /// A connection that was kept and is still there, or a new one.
    async fn connection(&self) -> Result<AsyncSmtpConnection, MailError> {
        while let Some(mut kept) = self.take_idle() {
            if matches!(tokio::time::timeout(self.0.timeout, kept.test_connected()).await, Ok(true)) {
                return Ok(kept);
            }
        }
        self.connect().await
    }

    fn take_idle(&self) -> Option<AsyncSmtpConnection> {
        let mut idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| since.elapsed() < KEPT);
        idle.pop().map(|(connection, _)| connection)
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT_MAX {
            idle.push((connection, Instant::now()));
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, MailError> {
        let Inner { host, port, timeout, hello, .. } = &*self.0;
        let place = format!("{host}:{port}");
        let later = |what: &str, error: &lettre::transport::smtp::Error| {
            MailError::Later(format!("{what} {place}: {}", told(error)))
        };
        let within = self.0.timeout;
        let implicit = self.0.tls.clone().filter(|_| self.0.security == Security::Implicit);
        let connecting =
            AsyncSmtpConnection::connect_tokio1((host.as_str(), *port), Some(*timeout), hello, implicit, None);
        let mut connection =
            bounded(within, &place, connecting).await?.map_err(|error| later("cannot connect to", &error))?;
        if let (Security::Starttls, Some(tls)) = (self.0.security, self.0.tls.clone()) {
            let upgraded = bounded(within, &place, connection.starttls(tls, hello)).await?;
            upgraded.map_err(|error| later("no STARTTLS with", &error))?;
        }
        if let Some(credentials) = &self.0.credentials {
            let let_in = bounded(within, &place, connection.auth(&MECHANISMS, credentials)).await?;
            let_in.map_err(|error| later("the user name or the password is refused by", &error))?;
        }
        Ok(connection)
    }
}

/// A step that may take so long.
async fn bounded<T>(within: Duration, place: &str, step: impl Future<Output = T>) -> Result<T, MailError> {
    let late = |_elapsed| MailError::Later(format!("{place} does not answer within {within:?}"));
    tokio::time::timeout(within, step).await.map_err(late)
}

fn read(key: &'static str, file: &Path) -> Result<String, SmtpError> {
    std::fs::read_to_string(file).map_err(|source| SmtpError::Unreadable { key, file: file.to_owned(), source })
}

fn tls(host: &str, extra: &Path) -> Result<TlsParameters, SmtpError> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if extra != Path::new("") {
        let pem = read("smtp.ca_file", extra)?;
        let none = || SmtpError::NoCertificate(extra.to_owned());
        if !pem.contains("-----BEGIN CERTIFICATE-----") {
            return Err(none());
        }
        let certificate = Certificate::from_pem(pem.as_bytes()).map_err(|_defect| none())?;
        builder = builder.add_root_certificate(certificate);
    }
    builder.build_rustls().map_err(SmtpError::Tls)
}

/// An error with its causes, in one line that is not too long.
fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let text = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(TOLD_MAX).collect()
}

#[async_trait]
impl Mailer for Smtp {
    async fn prepare(&self, mail: Mail) -> Result<Box<dyn Prepared>, MailError> {
        let (to, body) = self.write(mail)?;
        let mut connection = self.connection().await?;
        let mut parameters = Vec::new();
        let address: &str = to.as_ref();
        if !address.is_ascii() {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Err(MailError::Never(
                    "the mail server takes no addresses with letters beyond ASCII".to_owned(),
                ));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !body.is_ascii() && connection.server_info().supports_feature(Extension::EightBitMime) {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let place = &self.0.host;
        let sender = MailFrom::new(Some(self.0.from.email.clone()), parameters);
        // That the sender is refused is a matter of the settings, which may be set right.
        let taken = bounded(self.0.timeout, place, connection.command(sender)).await?;
        taken.map_err(|error| MailError::Later(format!("the sender is refused: {}", told(&error))))?;
        let taken = bounded(self.0.timeout, place, connection.command(Rcpt::new(to, Vec::new()))).await?;
        taken.map_err(|error| judged("the address is refused", &error))?;
        let taken = bounded(self.0.timeout, place, connection.command(Data)).await?;
        taken.map_err(|error| judged("the mail is refused", &error))?;
        Ok(Box::new(Ready { smtp: self.clone(), connection, body }))
    }
}

impl Smtp {
    /// The address, and the mail as it is sent.
    fn write(&self, mail: Mail) -> Result<(Address, Vec<u8>), MailError> {
        let never = |what: &str, error: &dyn std::fmt::Display| MailError::Never(format!("{what}: {error}"));
        let to: Address = mail.to.parse().map_err(|error| never("the address cannot be written to", &error))?;
        let name = Some(line(&mail.to_name)).filter(|name| !name.is_empty());
        let auto = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
        let message = Message::builder()
            .message_id(Some(format!("<{}>", mail.message_id)))
            .date(SystemTime::from(mail.date))
            .from(self.0.from.clone())
            .to(Mailbox::new(name, to.clone()))
            .subject(line(&mail.subject))
            .raw_header(auto)
            .multipart(MultiPart::alternative_plain_html(mail.text, mail.html))
            .map_err(|error| never("the mail cannot be written", &error))?;
        Ok((to, message.formatted()))
    }
}

/// A text in one line; lettre panics at names that have control characters.
fn line(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.trim().to_owned()
}

/// Whether trying again may help, by what the server says.
fn judged(what: &str, error: &lettre::transport::smtp::Error) -> MailError {
    let text = format!("{what}: {}", told(error));
    if error.is_permanent() { MailError::Never(text) } else { MailError::Later(text) }
}

/// A mail that the server waits for.
struct Ready {
    smtp: Smtp,
    connection: AsyncSmtpConnection,
    body: Vec<u8>,
}

#[async_trait]
impl Prepared for Ready {
    async fn send(mut self: Box<Self>) -> Result<(), MailError> {
        let within = FINAL_TIMEOUT.max(self.smtp.0.timeout);
        match tokio::time::timeout(within, self.connection.message(&self.body)).await {
            Ok(Ok(_taken)) => {
                let Self { smtp, connection, .. } = *self;
                smtp.keep(connection);
                Ok(())
            }
            Ok(Err(error)) if error.status().is_some() => Err(judged("the mail is refused", &error)),
            Ok(Err(error)) => Err(MailError::Unknown(told(&error))),
            Err(_late) => Err(MailError::Unknown(format!("no answer within {within:?}"))),
        }
    }
}
