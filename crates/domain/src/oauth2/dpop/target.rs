//! URLs of requests, as proofs name them (`htu`).

use url::Url;

/// The URL in the form in which two are compared (RFC 9449 4.3): without query and fragment, scheme and host in lower case, without the usual
/// port, and with escapes only where they are needed. `None` if it is no URL of a web server.
///
/// ```
/// use doorward_domain::oauth2::normalized_target;
/// let target = normalized_target("https://a.example/x~y");
/// assert!(target.is_some());
/// assert_eq!(normalized_target("HTTPS://A.example:443/x%7ey?q=1#f"), target);
/// ```
#[must_use]
pub fn normalized_target(text: &str) -> Option<String> {
    // A URL parser would pass over these.
    if text.bytes().any(|byte| byte <= b' ' || byte == b'\\' || byte == 0x7f) {
        return None;
    }
    let mut url = Url::parse(text).ok()?;
    if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    url.set_query(None);
    url.set_fragment(None);
    Some(unescaped(url.as_str()))
}

/// Unreserved characters as they are, and the other escapes in upper case (RFC 3986 6.2.2).
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let escaped = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok().map(|byte| (digits, byte)));
        match escaped {
            Some((_, byte)) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                out.push(char::from(byte));
                rest = after.get(2..).unwrap_or_default();
            }
            Some((digits, _)) => {
                out.push('%');
                out.push_str(&digits.to_ascii_uppercase());
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push('%');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_that_are_the_same_are_written_the_same() {
        for (one, other) in [
            ("https://a.example", "https://A.EXAMPLE/"),
            ("https://a.example/", "https://a.example:443/?x=y"),
            ("http://a.example:80/a", "HTTP://a.example/a#b"),
            ("https://a.example/%7ex/%2f%c3%a4", "https://a.example/~x/%2F\u{e4}"),
            ("https://a.example:8443/", "https://a.example:8443"),
        ] {
            assert_eq!(normalized_target(one), normalized_target(other), "{one}");
            assert!(normalized_target(one).is_some(), "{one}");
        }
    }

    #[test]
    fn others_are_not() {
        let here = normalized_target("https://a.example/oauth2/tokens");
        for other in [
            "http://a.example/oauth2/tokens",
            "https://b.example/oauth2/tokens",
            "https://a.example:444/oauth2/tokens",
            "https://a.example/oauth2/Tokens",
            "https://a.example/oauth2%2Ftokens",
            "https://a.example/oauth2/tokens/",
            "https://u@a.example/oauth2/tokens",
            "https://a.example\\oauth2\\tokens",
            "https://a.example/oauth2/to\tkens",
            "wss://a.example/oauth2/tokens",
            "/oauth2/tokens",
            "a.example/oauth2/tokens",
            "",
            "%",
        ] {
            assert_ne!(normalized_target(other), here, "{other}");
        }
    }
}
