//! Where a request carries its credential.

use super::form;
use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, COOKIE, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_domain::oauth2::{ClientAssertion, OAuthErrorCode};
use doorward_domain::{Secret, wire};
use doorward_services::OAuthError;
use doorward_services::oauth2::ClientAuthentication;
use std::borrow::Cow;
use std::collections::HashSet;

/// The query parameter that carries a token (RFC 6750 2.3).
pub(crate) const ACCESS_TOKEN: &str = "access_token";

/// The session tokens in cookies.
pub(crate) fn session_cookies(request: &HttpRequest) -> Vec<Cow<'_, str>> {
    cookies(request, wire::SESSION_COOKIE)
}

/// The values of the cookies of this name that are not empty, each once, in the order in which they were sent: a browser
/// sends one for each path and domain that it knows. However many there are, all are looked at: else whoever can set
/// cookies on a host beside this one could keep people out. The head of a request is short enough for that.
///
/// The jar of actix is not used: it parses every cookie and allocates each. Other cookies may hold any bytes; in these, what
/// is not UTF-8 is replaced, and so no good credential, but there.
pub(crate) fn cookies<'a>(request: &'a HttpRequest, name: &str) -> Vec<Cow<'a, str>> {
    let lines = request.headers().get_all(COOKIE).map(HeaderValue::as_bytes);
    let values = lines
        .flat_map(|line| line.split(|byte| *byte == b';'))
        .filter_map(|pair| split_at(pair.trim_ascii(), b'='))
        .map(|(known, value)| (known, unquoted(value)))
        .filter(|(known, value)| *known == name.as_bytes() && !value.is_empty())
        .map(|(_, value)| String::from_utf8_lossy(value));
    let mut seen = HashSet::new();
    values.filter(|value| seen.insert(value.clone())).collect()
}

fn split_at(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|byte| *byte == separator)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

fn unquoted(value: &[u8]) -> &[u8] {
    let value = value.strip_prefix(b"\"").unwrap_or(value);
    value.strip_suffix(b"\"").unwrap_or(value)
}

/// The first value of a query parameter that is not empty.
pub(crate) fn query_parameter<'a>(request: &'a HttpRequest, name: &str) -> Option<Cow<'a, str>> {
    let query = request.query_string();
    if query.is_empty() {
        return None;
    }
    // Names that nobody has encoded are compared as they are: every request with a query comes by here, some with long values.
    let may_be = |pair: &&str| {
        let known = pair.split('=').next().unwrap_or_default();
        known == name || known.contains(['%', '+'])
    };
    let pairs = query.split('&').filter(may_be);
    let mut decoded = pairs.filter_map(|pair| url::form_urlencoded::parse(pair.as_bytes()).next());
    decoded.find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| value)
}

/// The value of `Coder-Session-Token`, if there is one.
pub(crate) fn session_header(request: &HttpRequest) -> Option<Cow<'_, str>> {
    header(request, wire::SESSION_HEADER).map(String::from_utf8_lossy)
}

/// The token of `Authorization: Bearer`, if there is one.
pub(crate) fn bearer(request: &HttpRequest) -> Option<Cow<'_, str>> {
    let (scheme, token) = split_at(header(request, AUTHORIZATION.as_str())?, b' ')?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"bearer") && !token.is_empty()).then(|| String::from_utf8_lossy(token))
}

/// It has several credentials, of which only one counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeveralCredentials;

/// The token of `Authorization: DPoP` (RFC 9449 7.1), if there is one. Beside it there is no other.
pub(crate) fn by_dpop(request: &HttpRequest) -> Result<Option<String>, SeveralCredentials> {
    let mut values = request.headers().get_all(AUTHORIZATION).map(|value| value.as_bytes().trim_ascii());
    let token = |value: &[u8]| {
        let (scheme, token) = split_at(value, b' ')?;
        scheme.eq_ignore_ascii_case(b"dpop").then(|| String::from_utf8_lossy(token.trim_ascii()).into_owned())
    };
    let Some(first) = values.next() else { return Ok(None) };
    let mut rest = values.peekable();
    if rest.peek().is_none() {
        return Ok(token(first));
    }
    if token(first).is_some() || rest.any(|value| token(value).is_some()) { Err(SeveralCredentials) } else { Ok(None) }
}

/// What `Authorization` holds, behind the word `Bearer` if that is there; `None` if it holds nothing.
pub(crate) fn authorization(request: &HttpRequest) -> Option<Cow<'_, str>> {
    let whole = || header(request, AUTHORIZATION.as_str()).map(String::from_utf8_lossy);
    bearer(request).or_else(whole)
}

/// The bytes of a header that is not empty. One that is not ASCII is there all the same, and no later place rescues it.
fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a [u8]> {
    let value = request.headers().get(name)?.as_bytes().trim_ascii();
    (!value.is_empty()).then_some(value)
}

/// The token that a request without session cookie presents (`oauth2.md` 4): the first of four places that is not
/// empty. A good token later does not rescue a bad one before it.
pub(crate) fn token_elsewhere(request: &HttpRequest) -> Option<Cow<'_, str>> {
    query_parameter(request, wire::SESSION_COOKIE)
        .or_else(|| session_header(request))
        .or_else(|| bearer(request))
        .or_else(|| query_parameter(request, ACCESS_TOKEN))
}

/// What a form says of its client.
#[derive(Debug, Default)]
pub(crate) struct InBody {
    pub(crate) client_id: Option<String>,
    pub(crate) client_secret: Option<Secret<String>>,
    pub(crate) assertion: Option<Secret<String>>,
    pub(crate) assertion_type: Option<String>,
}

/// Who a client says it is: `Authorization: Basic`, id and secret or an assertion in the form, and for the id alone the query
/// (`oauth2.md` 11). Who brings an assertion need not say who it is beside.
pub(crate) fn client(request: &HttpRequest, in_body: InBody) -> Result<ClientAuthentication, OAuthError> {
    let InBody { client_id, client_secret, assertion, assertion_type } = in_body;
    let presented = without_assertion(request, (client_id, client_secret))?;
    let named = presented.client_id.clone().filter(|id| !id.is_empty());
    let client_id = named.or_else(|| claimed(assertion.as_ref()?)).or(presented.client_id);
    Ok(ClientAuthentication { client_id, assertion, assertion_type, ..presented })
}

/// Who made an assertion, as it says itself: for limits, and to be found by.
fn claimed(assertion: &Secret<String>) -> Option<String> {
    ClientAssertion::parse(assertion.expose()).ok()?.client_id().ok().map(str::to_owned)
}

fn without_assertion(
    request: &HttpRequest,
    in_body: (Option<String>, Option<Secret<String>>),
) -> Result<ClientAuthentication, OAuthError> {
    let query = form::Form::parse(request.query_string().as_bytes())?;
    if let Some(name) = query.repeated(&["client_id"]).next() {
        return Err(OAuthError::new(OAuthErrorCode::InvalidRequest, format!("parameter given twice: {name}")));
    }
    let in_query = query.text("client_id");
    let Some((user, password)) = basic(request)? else {
        let disagrees = matches!((&in_query, &in_body.0), (Some(query), Some(body)) if query != body);
        let (client_id, client_secret) = (in_query.or(in_body.0), in_body.1);
        return Ok(ClientAuthentication { client_id, client_secret, disagrees, ..ClientAuthentication::default() });
    };
    let differs = |other: &Option<String>| other.as_ref().is_some_and(|other| *other != user);
    let disagrees = differs(&in_query)
        || differs(&in_body.0)
        || in_body.1.is_some_and(|secret| secret.expose() != password.expose());
    let client_secret = Some(password).filter(|password| !password.expose().is_empty());
    Ok(ClientAuthentication { client_id: Some(user), client_secret, disagrees, ..ClientAuthentication::default() })
}

/// User name and password of `Authorization: Basic`, decoded from form encoding (RFC 6749 2.3.1). `None` when there is
/// no such header.
fn basic(request: &HttpRequest) -> Result<Option<(String, Secret<String>)>, OAuthError> {
    let Some((scheme, encoded)) = header(request, AUTHORIZATION.as_str()).and_then(|value| split_at(value, b' '))
    else {
        return Ok(None);
    };
    if !scheme.eq_ignore_ascii_case(b"basic") {
        return Ok(None);
    }
    let malformed = || OAuthError::invalid_client("the Authorization header is not well formed");
    let decoded = STANDARD.decode(encoded.trim_ascii()).map_err(|error| malformed().because(error.to_string()))?;
    let at = decoded.iter().position(|byte| *byte == b':').ok_or_else(malformed)?;
    let (user, password) = (decoded.get(..at).unwrap_or_default(), decoded.get(at + 1..).unwrap_or_default());
    let decode = |part| form::decode(part).map_err(|error| malformed().because(error.reason));
    Ok(Some((decode(user)?, Secret::new(decode(password)?))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;
    use doorward_domain::oauth2::OAuthErrorCode;

    /// The token that counts when every cookie is bad but the first.
    fn token(request: &HttpRequest) -> Option<Cow<'_, str>> {
        session_cookies(request).into_iter().next().or_else(|| token_elsewhere(request))
    }

    #[test]
    fn every_cookie_of_the_name_is_found_once_and_in_order() {
        let request = TestRequest::get()
            .append_header((COOKIE, "coder_session_token=a; x=1; coder_session_token=b"))
            .append_header((COOKIE, "coder_session_token=; coder_session_token=a; coder_session_token=\"c\""));
        assert_eq!(session_cookies(&request.to_http_request()), ["a", "b", "c"]);
        let many: Vec<String> = (0..100).map(|n| format!("coder_session_token={n}")).collect();
        let request = TestRequest::get().insert_header((COOKIE, many.join(";")));
        assert_eq!(session_cookies(&request.to_http_request()).len(), 100);
    }

    #[test]
    fn the_first_place_that_is_not_empty_counts() {
        let full = || {
            TestRequest::get()
                .uri("/?coder_session_token=query&access_token=parameter")
                .insert_header(("Cookie", "a=b; coder_session_token=cookie"))
                .insert_header(("Coder-Session-Token", "header"))
                .insert_header(("Authorization", "bEARER  bearer "))
        };
        let found = |request: TestRequest| token(&request.to_http_request()).map(Cow::into_owned);
        assert_eq!(found(full()).as_deref(), Some("cookie"));
        let no_cookie = full().insert_header(("Cookie", "coder_session_token="));
        assert_eq!(found(no_cookie).as_deref(), Some("query"));
        let no_query = TestRequest::get()
            .uri("/?coder_session_token=&access_token=parameter")
            .insert_header(("Coder-Session-Token", "header"))
            .insert_header(("Authorization", "Bearer bearer"));
        assert_eq!(found(no_query).as_deref(), Some("header"));
        let bearer = TestRequest::get().uri("/?access_token=p").insert_header(("Authorization", "bearer token"));
        assert_eq!(found(bearer).as_deref(), Some("token"));
        let basic = TestRequest::get().uri("/?access_token=p%41").insert_header(("Authorization", "Basic YTpi"));
        assert_eq!(found(basic).as_deref(), Some("pA"));
        assert_eq!(found(TestRequest::get().insert_header(("Authorization", "Bearer "))), None);
    }

    #[test]
    fn other_cookies_may_hold_any_bytes() {
        let line = HeaderValue::from_bytes(b"name=J\xf6rg; coder_session_token=\"token\"; x").unwrap();
        let request = TestRequest::get().insert_header((COOKIE, line)).to_http_request();
        assert_eq!(token(&request).as_deref(), Some("token"));
    }

    #[test]
    fn what_is_not_text_is_there_and_an_empty_quoted_cookie_is_not() {
        let header = ("Coder-Session-Token", "header");
        let bytes = HeaderValue::from_bytes(b"coder_session_token=t\xf6ken").unwrap();
        let request = TestRequest::get().insert_header((COOKIE, bytes)).insert_header(header).to_http_request();
        assert_eq!(token(&request).as_deref(), Some("t\u{fffd}ken"));
        let bytes = HeaderValue::from_bytes(b"\xff").unwrap();
        let request = TestRequest::get().uri("/?access_token=good").insert_header(("Coder-Session-Token", bytes));
        assert_eq!(token(&request.to_http_request()).as_deref(), Some("\u{fffd}"));
        let bytes = HeaderValue::from_bytes(b"Bearer \xff").unwrap();
        let request = TestRequest::get().uri("/?access_token=good").insert_header((AUTHORIZATION, bytes));
        assert_eq!(token(&request.to_http_request()).as_deref(), Some("\u{fffd}"));
        let request = TestRequest::get().insert_header((COOKIE, "coder_session_token=\"\"")).insert_header(header);
        assert_eq!(token(&request.to_http_request()).as_deref(), Some("header"));
    }

    #[test]
    fn a_client_id_in_the_query_comes_once_and_is_text() {
        for bad in ["/?client_id=a&client_id=a", "/?client_id=%FF"] {
            let code = presented(None, bad, "").map(drop).map_err(|error| error.code);
            assert_eq!(code, Err(OAuthErrorCode::InvalidRequest), "{bad}");
        }
    }

    fn presented(authorization: Option<&str>, uri: &str, body: &str) -> Result<ClientAuthentication, OAuthError> {
        let mut request = TestRequest::post().uri(uri);
        if let Some(value) = authorization {
            request = request.insert_header(("Authorization", value));
        }
        let form = form::Form::parse(body.as_bytes())?;
        let in_body = InBody {
            client_id: form.text("client_id"),
            client_secret: form.text("client_secret").map(Secret::new),
            assertion: form.text("client_assertion").map(Secret::new),
            assertion_type: form.text("client_assertion_type"),
        };
        client(&request.to_http_request(), in_body)
    }

    #[test]
    fn clients_present_themselves_in_three_ways() {
        let basic = format!("Basic {}", STANDARD.encode("id%3A1:se%20cret+x"));
        let one = presented(Some(&basic), "/", "").unwrap();
        assert_eq!(one.client_id.as_deref(), Some("id:1"));
        assert_eq!(one.client_secret.unwrap().expose(), "se cret x");
        assert!(!one.disagrees);

        let body = presented(None, "/", "client_id=a&client_secret=b").unwrap();
        assert_eq!((body.client_id.as_deref(), body.client_secret.unwrap().expose().as_str()), (Some("a"), "b"));

        let query = presented(None, "/?client_id=a", "client_secret=b").unwrap();
        assert_eq!((query.client_id.as_deref(), query.disagrees), (Some("a"), false));
    }

    #[test]
    fn who_brings_an_assertion_need_not_say_who_it_is_beside() {
        // {"alg":"ES256"}, {"iss":"app","sub":"app"}
        let assertion = "client_assertion=eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJhcHAiLCJzdWIiOiJhcHAifQ.c2ln";
        for (uri, body, id) in [
            ("/", assertion.to_owned(), Some("app")),
            ("/", format!("{assertion}&client_id="), Some("app")),
            ("/", format!("{assertion}&client_id=other"), Some("other")),
            ("/?client_id=other", assertion.to_owned(), Some("other")),
            ("/", "client_assertion=x".to_owned(), None),
        ] {
            assert_eq!(presented(None, uri, &body).unwrap().client_id.as_deref(), id, "{uri} {body}");
        }
    }

    #[test]
    fn ways_that_disagree_are_seen() {
        let basic = format!("Basic {}", STANDARD.encode("a:b"));
        for (uri, body, disagrees) in [
            ("/", "client_id=a&client_secret=b", false),
            ("/?client_id=a", "", false),
            ("/", "client_id=x", true),
            ("/", "client_secret=x", true),
            ("/?client_id=x", "", true),
        ] {
            assert_eq!(presented(Some(&basic), uri, body).unwrap().disagrees, disagrees, "{uri} {body}");
        }
        assert!(presented(None, "/?client_id=a", "client_id=b").unwrap().disagrees);
    }

    #[test]
    fn a_malformed_header_is_a_failed_authentication() {
        for bad in ["Basic !", "Basic", "Basic YQ==", "Basic /zo6"] {
            let code = presented(Some(bad), "/", "").map(drop).map_err(|error| error.code);
            let expected = if bad == "Basic" { Ok(()) } else { Err(OAuthErrorCode::InvalidClient) };
            assert_eq!(code, expected, "{bad}");
        }
    }
}
