//! `application/x-www-form-urlencoded` parameters of OAuth2 requests (RFC 6749 3.1, 3.2 and appendix B).

use doorward_domain::Secret;
use doorward_domain::oauth2::OAuthErrorCode;
use doorward_services::OAuthError;

/// Parameters in the order in which they came, doubles included.
#[derive(Default)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// Decodes a body or a query string. What is not UTF-8 is refused, not repaired.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, OAuthError> {
        let mut parameters = Vec::new();
        for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
                Some(at) => (pair.get(..at).unwrap_or_default(), pair.get(at + 1..).unwrap_or_default()),
                None => (pair, &[][..]),
            };
            parameters.push((decode(name)?, decode(value)?));
        }
        Ok(Self(parameters))
    }

    /// The value of a parameter: the first, if there are several. Empty is as good as absent.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.all(name).next().filter(|value| !value.is_empty()).map(str::to_owned)
    }

    /// The value of a parameter that must not be logged.
    pub(crate) fn secret(&self, name: &str) -> Option<Secret<String>> {
        self.text(name).map(Secret::new)
    }

    /// Every value of a parameter.
    pub(crate) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Those of `names` that came more than once.
    pub(crate) fn repeated<'a>(&self, names: &'a [&'static str]) -> impl Iterator<Item = &'static str> + use<'_, 'a> {
        names.iter().copied().filter(|name| self.all(name).nth(1).is_some())
    }
}

/// Decodes `+` and `%XX`. A `%` without two digits stands for itself, as browsers do it.
pub(crate) fn decode(text: &[u8]) -> Result<String, OAuthError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = tail;
        bytes.push(match (first, tail) {
            (b'+', _) => b' ',
            (b'%', [high, low, after @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    high << 4 | low
                }
                _ => b'%',
            },
            (other, _) => *other,
        });
    }
    // No text of ours holds NUL, and PostgreSQL could not store it.
    if bytes.contains(&0) {
        return Err(OAuthError::new(OAuthErrorCode::InvalidRequest, "parameters must not contain NUL characters"));
    }
    String::from_utf8(bytes).map_err(|error| {
        OAuthError::new(OAuthErrorCode::InvalidRequest, "parameters must be UTF-8").because(error.to_string())
    })
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Form {
        Form::parse(text.as_bytes()).unwrap_or_default()
    }

    #[test]
    fn values_are_decoded() {
        let form = form("a=x+y%2Bz&&b&c=%C3%A9&d=a=b&%61=2&e=100%&f=%zz");
        assert_eq!(form.text("a").as_deref(), Some("x y+z"));
        assert_eq!(form.text("b"), None);
        assert_eq!(form.text("c").as_deref(), Some("é"));
        assert_eq!(form.text("d").as_deref(), Some("a=b"));
        assert_eq!(form.text("e").as_deref(), Some("100%"));
        assert_eq!(form.text("f").as_deref(), Some("%zz"));
        assert_eq!(form.all("a").collect::<Vec<_>>(), ["x y+z", "2"]);
        assert_eq!(form.repeated(&["a", "b", "c"]).collect::<Vec<_>>(), ["a"]);
        assert_eq!(form.repeated(&["b", "x"]).next(), None);
    }

    #[test]
    fn what_is_not_text_is_refused() {
        for bad in [&b"a=%FF"[..], b"%C3=1", b"a=\xff", b"a=%00"] {
            assert_eq!(Form::parse(bad).err().map(|e| e.code), Some(OAuthErrorCode::InvalidRequest));
        }
    }
}
