//! Parameters in paths.

use crate::kit::error::Failure;
use actix_web::HttpRequest;
use doorward_services::Error;
use doorward_services::users::UserRef;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use uuid::Uuid;

/// A segment of the path, by its name in the route, decoded: `%2F` is a slash within the segment.
#[expect(clippy::disallowed_methods, reason = "this is the place where segments are decoded")]
pub(crate) fn segment<'a>(request: &'a HttpRequest, name: &str) -> Cow<'a, str> {
    // The router decodes all but `%`, `+` and `/`, so that decoding once more decodes exactly these. That the path as it
    // was sent can be decoded has been checked before any handler is called, see `check`.
    percent_decode_str(request.match_info().get(name).unwrap_or_default()).decode_utf8_lossy()
}

/// What keeps a path, as it was sent, from being decoded; `None` when nothing does.
pub(crate) fn defect(raw: &str) -> Option<&'static str> {
    if !raw.contains('%') {
        return None;
    }
    let is_digit = |digit: Option<&u8>| digit.is_some_and(u8::is_ascii_hexdigit);
    let mut after_percent = raw.split('%').skip(1);
    if !after_percent.all(|text| is_digit(text.as_bytes().first()) && is_digit(text.as_bytes().get(1))) {
        return Some("Each % in the path must be followed by two hexadecimal digits.");
    }
    match percent_decode_str(raw).decode_utf8() {
        Err(_not_utf8) => Some("The path must be UTF-8."),
        // No text of ours holds NUL, and PostgreSQL could not store it.
        Ok(text) if text.contains('\0') => Some("Path and query must not contain NUL characters."),
        Ok(_) => None,
    }
}

/// A segment that must be a UUID; the error quotes it.
pub(crate) fn id<T: From<Uuid>>(request: &HttpRequest, name: &'static str) -> Result<T, Failure> {
    let text = segment(request, name);
    text.parse::<Uuid>().map(T::from).map_err(|error| {
        let detail = format!("{text:?} is not a valid UUID: {error}");
        let field = doorward_services::FieldError::new(name, detail);
        Error::invalid_fields(format!("Invalid UUID {text:?}."), vec![field]).into()
    })
}

/// The user that the path names.
pub(crate) fn user(request: &HttpRequest) -> UserRef {
    UserRef::parse(&segment(request, "user"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn a_bad_uuid_is_quoted() {
        let request = TestRequest::get().param("app", "<x>").to_http_request();
        let Err(Failure::Api(Error::Invalid { message, fields, .. })) = id::<Uuid>(&request, "app") else { panic!() };
        assert_eq!(message, "Invalid UUID \"<x>\".");
        assert_eq!(fields[0].field, "app");
        let request = TestRequest::get().param("app", Uuid::from_u128(1).to_string()).to_http_request();
        assert_eq!(id::<Uuid>(&request, "app").unwrap(), Uuid::from_u128(1));
    }

    #[test]
    fn paths_that_cannot_be_decoded_are_told_apart() {
        for good in ["/", "/a+b", "/50%25", "/a%2Fb%2f", "/%C3%A9", "/é", "/%25zz", "/%2500"] {
            assert_eq!(defect(good), None, "{good}");
        }
        for (bad, word) in [
            ("/%", "two hexadecimal digits"),
            ("/%4", "two hexadecimal digits"),
            ("/%zz", "two hexadecimal digits"),
            ("/a%20%%20", "two hexadecimal digits"),
            ("/%é1", "two hexadecimal digits"),
            ("/%FF", "UTF-8"),
            ("/%C3/%A9", "UTF-8"),
            ("/%ED%A0%80", "UTF-8"),
            ("/a%00", "NUL"),
        ] {
            assert!(defect(bad).is_some_and(|text| text.contains(word)), "{bad}: {:?}", defect(bad));
        }
    }
}
