//! Where a server is.

use crate::failure::usage;
use crate::words::shown;
use std::fmt;
use url::{Host, Url};

/// The address of a server, as people reach it: http or https, perhaps with a path, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place(Url);

impl Place {
    /// Reads what somebody types: an address, or a host name, which is meant with https.
    pub(crate) fn parse(typed: &str) -> anyhow::Result<Self> {
        let typed = typed.trim();
        let whole = if typed.contains("://") { typed.to_owned() } else { format!("https://{typed}") };
        let mut url = Url::parse(&whole).map_err(|error| usage(format!("this is no address of a server: {error}")))?;
        if !["http", "https"].contains(&url.scheme()) || url.host().is_none() {
            return Err(usage("the address of a server begins with https:// or http://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(usage(
                "the address of a server has no user and no password in it; `doorward login` asks for them",
            ));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(usage("the address of a server ends before `?` and `#`"));
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }

    /// The address without a slash at its end.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// Host and port as they stand in the address, by which people name a server.
    pub(crate) fn host(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// The address of something on the server. A part may hold anything but what would lead elsewhere.
    pub(crate) fn at(&self, parts: &[&str], query: &[(&str, &str)]) -> anyhow::Result<Url> {
        let mut url = self.0.clone();
        if let Some(part) = parts.iter().find(|part| !is_name(part)) {
            return Err(usage(format!("`{}` is no name", shown(part))));
        }
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(parts);
        }
        // What was left out on the way would have it lead to something above.
        if depth(&url) != depth(&self.0) + parts.len() {
            return Err(usage("such a name leads elsewhere"));
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    /// Whether an address is one of the server: scheme, host and port are the same.
    pub(crate) fn has(&self, url: &Url) -> bool {
        self.0.origin() == url.origin()
    }

    /// Whether what is sent there can be read on the way.
    pub(crate) fn is_in_clear(&self) -> bool {
        self.0.scheme() == "http" && !is_here(&self.0)
    }
}

/// Whether a text can be a part of a path. Addresses lose tabs and ends of lines before anybody looks for dots in them.
fn is_name(part: &str) -> bool {
    !["", ".", ".."].contains(&part) && !part.chars().any(char::is_control)
}

/// How many parts a path has; the one of a bare host has none.
fn depth(url: &Url) -> usize {
    url.path_segments().map_or(0, |parts| parts.filter(|part| !part.is_empty()).count())
}

/// Whether an address leads to this machine.
pub(crate) fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(typed: &str) -> Place {
        Place::parse(typed).unwrap()
    }

    #[test]
    fn what_people_type_is_an_address() {
        for (typed, address, host) in [
            ("door.example.com", "https://door.example.com", "door.example.com"),
            (" http://127.0.0.1:3000/ ", "http://127.0.0.1:3000", "127.0.0.1:3000"),
            ("https://EXAMPLE.com:443/door/", "https://example.com/door", "example.com"),
            ("[::1]:3000", "https://[::1]:3000", "[::1]:3000"),
        ] {
            assert_eq!((place(typed).as_str(), place(typed).host().as_str()), (address, host));
        }
        for typed in
            ["", "ftp://a.example", "https://ann:secret@a.example", "https://a.example/?x=1", "https://a.example#x"]
        {
            let error = Place::parse(typed).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_name_never_leads_elsewhere() {
        let door = place("https://example.com/door");
        let url = door.at(&["api", "v2", "users", "a/b?c#d"], &[("q", "x&y=z")]).unwrap();
        assert_eq!(url.as_str(), "https://example.com/door/api/v2/users/a%2Fb%3Fc%23d?q=x%26y%3Dz");
        assert_eq!(place("https://example.com").at(&["users"], &[]).unwrap().as_str(), "https://example.com/users");
        for name in [
            "",
            ".",
            "..",
            ".\t.",
            ".\n.",
            "\t..",
            "..\r\n",
            "\t",
            "\r",
            "\n",
            ".\t",
            "a\tb",
            "a\0",
            "\u{1b}[2J",
            "\u{9b}",
        ] {
            for parts in [&["users", name, "keys"][..], &["users", "bob", name]] {
                let error = door.at(parts, &[]).unwrap_err();
                assert!(error.is::<crate::failure::Usage>(), "{name:?}: {error}");
                assert!(!error.to_string().contains(char::is_control), "{name:?}: {error}");
            }
        }
        for name in ["%2e%2e", "...", "..%09", "\\..\\..", " ..", ".. ", "../x", "a b", "日本", "\u{2028}"] {
            let url = door.at(&["users", name], &[]).unwrap();
            let parts: Vec<&str> = url.path_segments().unwrap().collect();
            assert!(
                matches!(parts.as_slice(), ["door", "users", last] if ![".", ".."].contains(last)),
                "{name:?}: {url}"
            );
        }
    }

    #[test]
    fn only_the_way_to_this_machine_is_safe_without_tls() {
        for (typed, clear) in [
            ("http://localhost:3000", false),
            ("http://[::1]", false),
            ("https://example.com", false),
            ("http://example.com", true),
            ("http://10.0.0.1", true),
        ] {
            assert_eq!(place(typed).is_in_clear(), clear, "{typed}");
        }
    }
}
