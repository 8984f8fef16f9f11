//! The section `smtp`.

use doorward_domain::Secret;
use doorward_domain::settings::{Defects, Section, Span, optional};
use lettre::message::Mailbox;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The section `smtp`: the server that takes the mail.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SmtpSettings {
    /// The server; `None`, written as an empty text: no mail is sent.
    #[serde(with = "optional")]
    pub smarthost: Option<Smarthost>,
    /// From whom mail is, such as `Doorward <doorward@example.com>`.
    #[serde(with = "optional")]
    pub from: Option<Mailbox>,
    /// How the connection is protected.
    pub security: Security,
    /// The name by which this server introduces itself; empty: its host name.
    pub hello: String,
    /// The user name for the server; empty: none is given.
    pub username: String,
    /// The password.
    pub password: Secret<String>,
    /// A file with the password.
    pub password_file: PathBuf,
    /// A file with certificates of authorities that are trusted besides those of the system, in PEM.
    pub ca_file: PathBuf,
    /// How long the server may take to answer.
    pub timeout: Span,
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// By TLS that begins after a greeting (RFC 3207); a server that does not offer it gets nothing.
    Starttls,
    /// By TLS from the beginning (RFC 8314).
    Implicit,
    /// Not at all.
    None,
}

impl Security {
    /// The usual port.
    const fn port(self) -> u16 {
        match self {
            Self::Starttls => 587,
            Self::Implicit => 465,
            Self::None => 25,
        }
    }
}

/// A server, on its port if it is given: `mail.example.com:587`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Smarthost {
    /// The host.
    pub host: String,
    /// The port.
    pub port: Option<u16>,
}

/// A text that is no server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no host such as `mail.example.com` or `mail.example.com:587`")]
pub struct SmarthostError(String);

impl FromStr for Smarthost {
    type Err = SmarthostError;

    fn from_str(text: &str) -> Result<Self, SmarthostError> {
        let wrong = || SmarthostError(text.to_owned());
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, Some(port.parse().ok().filter(|port| *port != 0).ok_or_else(wrong)?))
            }
            _ => (text, None),
        };
        let name = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let is_address = name.is_some_and(|name| name.parse::<std::net::Ipv6Addr>().is_ok());
        let is_name =
            !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
        if is_address || is_name { Ok(Self { host: name.unwrap_or(host).to_owned(), port }) } else { Err(wrong()) }
    }
}

impl fmt::Display for Smarthost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{before}{}{after}", self.host)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl Section for SmtpSettings {
    const NAME: &'static str = "smtp";

    fn check(&self, defects: &mut Defects) {
        defects.at_least_a_second("timeout", self.timeout);
        let is_on = self.smarthost.is_some();
        defects.unless(!is_on || self.from.is_some(), "from", "must be set when `smtp.smarthost` is");
        let has_file = self.password_file != Path::new("");
        let both = has_file && !self.password.expose().is_empty();
        defects.unless(!both, "password_file", "must be empty when `smtp.password` is set");
        let named = !self.username.is_empty() || (!has_file && self.password.expose().is_empty());
        defects.unless(named, "username", "must be set when there is a password");
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        defects.unless(is_plain(&self.hello), "hello", "must be a name without blanks, or empty");
        let open = self.security == Security::None && !self.username.is_empty() && !self.is_local();
        defects.unless(!open, "security", "must not be \"none\" when a password is sent to another machine");
    }
}

impl SmtpSettings {
    /// Host and port of the server; `None` when there is none.
    #[must_use]
    pub fn address(&self) -> Option<(String, u16)> {
        let Smarthost { host, port } = self.smarthost.as_ref()?;
        Some((host.clone(), port.unwrap_or(self.security.port())))
    }

    fn is_local(&self) -> bool {
        self.smarthost.as_ref().is_some_and(|server| {
            server.host == "localhost" || server.host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_testkit::settings::defaults;

    #[test]
    fn servers_are_hosts_with_or_without_a_port() {
        for (text, host, port) in [
            ("mail.example.com", "mail.example.com", None),
            ("mail.example.com:587", "mail.example.com", Some(587)),
            ("10.0.0.5:25", "10.0.0.5", Some(25)),
            ("[::1]:2525", "::1", Some(2525)),
            ("[::1]", "::1", None),
        ] {
            let read: Smarthost = text.parse().unwrap();
            assert_eq!((read.host.as_str(), read.port), (host, port));
            assert_eq!(read.to_string(), text);
        }
        for text in ["", "a b", "mail:", "mail:0", "mail:99999", "::1", "smtp://mail", "[mail]:25", "a@b:25"] {
            assert!(text.parse::<Smarthost>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_with_the_section_is_told() {
        let usual: SmtpSettings = defaults(SmtpSettings::NAME);
        assert!(usual.defects().is_empty() && usual.smarthost.is_none());
        let on = SmtpSettings {
            smarthost: Some("mail.example.com".parse().unwrap()),
            from: Some("Door <door@example.com>".parse().unwrap()),
            ..usual
        };
        assert!(on.defects().is_empty());
        assert_eq!(on.address(), Some(("mail.example.com".to_owned(), 587)));
        for (wrong, key) in [
            (SmtpSettings { from: None, ..on.clone() }, "smtp.from"),
            (SmtpSettings { password: "x".into(), ..on.clone() }, "smtp.username"),
            (SmtpSettings { hello: "a b".to_owned(), ..on.clone() }, "smtp.hello"),
            (SmtpSettings { username: "u".to_owned(), security: Security::None, ..on.clone() }, "smtp.security"),
            (SmtpSettings { timeout: Span::ZERO, ..on }, "smtp.timeout"),
        ] {
            let told = wrong.defects();
            assert!(told.len() == 1 && told[0].contains(key), "{told:?}");
        }
    }
}
