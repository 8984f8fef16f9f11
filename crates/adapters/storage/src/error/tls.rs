//! What keeps TLS to PostgreSQL from working, and what to do about it.

use diesel::result::ConnectionError;
use doorward_ports::{Outage, StoreError};

/// The connection cannot be as safe as the URL asks for, or as the server does, and trying again does not change that.
#[derive(Debug, thiserror::Error)]
#[error("{said}: {advice}")]
struct Unsafe {
    #[source]
    said: ConnectionError,
    advice: &'static str,
}

/// Whether a connection failed for its TLS, which only an operator can change.
pub(crate) fn is_unsafe(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable(unavailable) if unavailable.source.is::<Unsafe>())
}

/// Parts of what libpq or the server says when the two do not agree about TLS, and what to do. The first that fits counts.
const ABOUT_TLS: [(&str, &str); 17] = [
    (
        "does not match host name",
        "put the name that the certificate is for into the database URL, or have the server's certificate made for this name",
    ),
    (
        "certificate verify failed",
        "nobody whom `sslrootcert` names has signed the server's certificate, or it is not valid at this time; \
         `openssl s_client -starttls postgres -connect HOST:PORT` shows it",
    ),
    ("certificate is not yet valid", "the clock of one of the two is wrong, or the certificate is to be used later"),
    (
        "root certificate file",
        "put the certificate of the authority that signed the server's into the database URL (`sslrootcert=/path/root.crt`), \
         or `sslrootcert=system` for those that this machine trusts",
    ),
    (
        "may not be used with sslrootcert=system",
        "with `sslrootcert=system` the name is always checked: take `sslmode` out of the database URL, or say `verify-full`",
    ),
    (
        "server does not support SSL",
        "switch TLS on in PostgreSQL (`ssl = on`), or reach it over a private network and take `sslmode` out of the database URL",
    ),
    ("no encryption", "the server wants TLS of this user: `sslmode=verify-full` in the database URL"),
    ("SSL off", "the server wants TLS of this user: `sslmode=verify-full` in the database URL"),
    (
        "requires a valid client certificate",
        "put a certificate that the server trusts into the database URL (`sslcert=/path/client.crt&sslkey=/path/client.key`)",
    ),
    (
        "certificate required",
        "put a certificate into the database URL (`sslcert=/path/client.crt&sslkey=/path/client.key`)",
    ),
    (
        "certificate authentication failed",
        "the common name of the client's certificate must be the user of the database URL",
    ),
    ("certificate expired", "the client's certificate (`sslcert` in the database URL) is no longer valid"),
    (
        "alert unknown ca",
        "the server does not trust who signed the client's certificate (`sslcert` in the database URL)",
    ),
    ("alert bad certificate", "the server does not accept the client's certificate (`sslcert` in the database URL)"),
    (
        "private key file",
        "look at `sslkey` in the database URL: the key of `sslcert`, readable by this user and nobody else (mode 0600)",
    ),
    ("certificate file", "look at `sslcert` in the database URL: a certificate in PEM form that this user can read"),
    ("certificate does not match private key", "`sslcert` and `sslkey` in the database URL do not belong together"),
];

/// The error as one of these, or as it was.
pub(super) fn judge(error: ConnectionError, message: &str) -> Result<StoreError, ConnectionError> {
    match ABOUT_TLS.iter().find(|(part, _)| message.contains(part)) {
        Some((_, advice)) => Ok(StoreError::unavailable(Outage::Unreachable, Unsafe { said: error, advice })),
        None => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as StdError;

    #[test]
    fn what_keeps_tls_from_working_is_known_and_says_what_to_do() {
        let said = |message: &str| judge(ConnectionError::BadConnection(message.to_owned()), message);
        for (message, advice) in [
            ("server certificate for \"db\" does not match host name \"db.internal\"", "name"),
            ("SSL error: certificate verify failed", "sslrootcert"),
            ("root certificate file \"/home/ann/.postgresql/root.crt\" does not exist", "sslrootcert=system"),
            ("server does not support SSL, but SSL was required", "ssl = on"),
            (
                "FATAL:  no pg_hba.conf entry for host \"192.0.2.1\", user \"a\", database \"b\", no encryption",
                "sslmode",
            ),
            ("FATAL:  connection requires a valid client certificate", "sslcert"),
            ("private key file \"/k\" has group or world access", "0600"),
        ] {
            let error = said(message).unwrap();
            assert!(is_unsafe(&error), "{message}");
            assert_eq!(error.outage(), Some(Outage::Unreachable), "a server that runs answers 503");
            let chain = std::iter::successors(Some(&error as &dyn StdError), |link| (*link).source());
            let chain = chain.map(ToString::to_string).collect::<Vec<_>>().join("\n");
            assert!(chain.contains(message) && chain.contains(advice), "{chain}");
        }
        assert!(said("connection to server at \"db\", port 5432 failed: Connection refused").is_err());
    }
}
