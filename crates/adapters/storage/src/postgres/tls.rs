//! TLS of the connection. libpq does it, as the URL says (`sslmode`, `sslrootcert`, `sslcert`, ..); what is done here is
//! finding those whom the machine trusts, for the OpenSSL within this program looks where no distribution puts them.

use std::borrow::Cow;
use std::path::PathBuf;

/// Said of roots: those of the machine.
const SYSTEM: &str = "sslrootcert=system";
/// What libpq takes for such roots, and takes by itself.
const FULL: &str = "sslmode=verify-full";

/// The URL with `sslrootcert=system` made the file of the machine. One that asks for less than `verify-full` stays as it is:
/// libpq refuses it, for a public authority signs for everybody. So does one on a machine where no file is found.
pub(super) fn with_roots(url: &str, find: impl FnOnce() -> Option<PathBuf>) -> Cow<'_, str> {
    let Some((place, query)) = url.split_once('?') else { return Cow::Borrowed(url) };
    let mut parameters: Vec<&str> = query.split('&').collect();
    let mode = parameters.iter().find(|parameter| parameter.starts_with("sslmode="));
    if !parameters.contains(&SYSTEM) || mode.is_some_and(|mode| *mode != FULL) {
        return Cow::Borrowed(url);
    }
    let Some(file) = find().and_then(|file| file.to_str().map(escaped)) else { return Cow::Borrowed(url) };
    if mode.is_none() {
        parameters.push(FULL);
    }
    let roots = format!("sslrootcert={file}");
    for parameter in parameters.iter_mut().filter(|parameter| **parameter == SYSTEM) {
        *parameter = &roots;
    }
    Cow::Owned(format!("{place}?{}", parameters.join("&")))
}

/// Percent-encoded, all that could mean something else in a query.
fn escaped(path: &str) -> String {
    path.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roots_of_the_machine_are_a_file() {
        let found = || Some(PathBuf::from("/etc/ssl/a b.pem"));
        for (url, becomes) in [
            (
                "postgres://db/x?sslrootcert=system",
                "postgres://db/x?sslrootcert=/etc/ssl/a%20b.pem&sslmode=verify-full",
            ),
            (
                "postgres://db/x?sslmode=verify-full&sslrootcert=system&a=b",
                "postgres://db/x?sslmode=verify-full&sslrootcert=/etc/ssl/a%20b.pem&a=b",
            ),
            (
                "postgres://db/x?sslmode=require&sslrootcert=system",
                "postgres://db/x?sslmode=require&sslrootcert=system",
            ),
            ("postgres://db/x?sslrootcert=/system", "postgres://db/x?sslrootcert=/system"),
            ("postgres://db/x", "postgres://db/x"),
        ] {
            assert_eq!(with_roots(url, found), becomes);
        }
        let url = "postgres://db/x?sslrootcert=system";
        assert_eq!(with_roots(url, || None), url);
    }
}
