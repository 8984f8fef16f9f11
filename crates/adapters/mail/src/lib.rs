//! Mail by SMTP: the port [`Mailer`](doorward_ports::Mailer) by lettre, with rustls.
//!
//! The server that takes the mail is in the settings, so it may be anywhere. TLS is not optional unless the settings say so: a
//! server that does not offer STARTTLS, or whose certificate nobody has signed who is trusted, gets no mail and no password.
//!
//! Connections are kept for a while and used again. A connection is asked whether it is still there before the next mail.
#![forbid(unsafe_code)]

mod settings;
mod smtp;

pub use settings::{Security, Smarthost, SmarthostError, SmtpSettings};
pub use smtp::{Smtp, SmtpError};
