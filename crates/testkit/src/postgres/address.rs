//! Where a database is: a `postgres://` URL, taken apart as far as tests need it.

use anyhow::{Context as _, bail};

/// A server, and a database on it.
#[derive(Clone, Debug)]
pub(super) struct Address {
    /// `postgres://user:password@host:port`, no slash at the end.
    server: String,
    database: String,
    /// With its question mark, or empty.
    query: String,
}

impl Address {
    pub(super) fn parse(url: &str) -> anyhow::Result<Self> {
        let (scheme, rest) = url.split_once("://").context("not a URL: it has no `://`")?;
        if !matches!(scheme, "postgres" | "postgresql") {
            bail!("the URL's scheme is `{scheme}`, not `postgres`");
        }
        let (rest, query) = rest.find('?').map_or((rest, ""), |at| rest.split_at(at));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let database = if database.is_empty() { "postgres" } else { database };
        Ok(Self { server: format!("{scheme}://{authority}"), database: database.to_owned(), query: query.to_owned() })
    }

    /// The maintenance database behind a socket in `folder`.
    pub(super) fn of_socket(folder: &str, user: &str) -> Self {
        let encode = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        };
        let host: String = folder.bytes().map(encode).collect();
        Self { server: format!("postgres://{user}@{host}"), database: "postgres".to_owned(), query: String::new() }
    }

    pub(super) fn with_database(&self, name: &str) -> Self {
        Self { database: name.to_owned(), ..self.clone() }
    }

    pub(super) fn url(&self) -> String {
        let Self { server, database, query } = self;
        format!("{server}/{database}{query}")
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn only_the_database_changes() {
        for (url, other) in [
            (
                "postgres://me:pw@db.example:5433/app?sslmode=disable",
                "postgres://me:pw@db.example:5433/t1?sslmode=disable",
            ),
            ("postgresql://localhost", "postgresql://localhost/t1"),
            ("postgres://me@%2Ftmp%2Fx/", "postgres://me@%2Ftmp%2Fx/t1"),
            ("postgres:///app?host=/tmp/x", "postgres:///t1?host=/tmp/x"),
        ] {
            assert_eq!(Address::parse(url).unwrap().with_database("t1").url(), other);
        }
    }

    #[test]
    fn a_socket_folder_is_percent_encoded() {
        assert_eq!(Address::of_socket("/tmp/a b", "me").url(), "postgres://me@%2Ftmp%2Fa%20b/postgres");
    }

    #[test]
    fn another_scheme_is_refused() {
        assert!(Address::parse("mysql://localhost/app").is_err());
        assert!(Address::parse("/tmp/app.db").is_err());
    }
}
