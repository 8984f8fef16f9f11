//! Protection of cookie sessions against requests that another site makes (masked double submit).
//!
//! The cookie `csrf_token` holds a random token; forms carry the same token under a fresh mask, so that it differs in
//! every page (BREACH). Another site can neither read the cookie nor the page.

use crate::extract::credential;
use crate::site::Site;
use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::wire;
use subtle::ConstantTimeEq;

const TOKEN_LEN: usize = 32;

/// Why a request is refused, as its plain text answer.
const MISSING: &str = "Bad Request: the CSRF token is missing or wrong. Reload the page and try again, or send the session token in the \
                       header Coder-Session-Token.\n";
const DIFFERENT: &str = "Bad Request: the session tokens in the cookie and in the header Coder-Session-Token differ.\n";

/// A token and, when the browser has none yet, the cookie that gives it to it.
pub(crate) struct CsrfToken {
    /// For the hidden field `csrf_token` of a form.
    pub(crate) field: String,
    /// To be set with the page.
    pub(crate) cookie: Option<Cookie<'static>>,
}

/// The token for the forms of a page.
pub(crate) fn issue(site: &Site, request: &HttpRequest) -> CsrfToken {
    let (token, is_new) = match cookie_token(request) {
        Some(token) => (token, false),
        None => (random(site), true),
    };
    let cookie = is_new.then(|| {
        Cookie::build(wire::CSRF_COOKIE, URL_SAFE_NO_PAD.encode(token))
            .path("/")
            .http_only(true)
            .secure(site.settings.secure_cookies)
            .same_site(SameSite::Lax)
            .finish()
    });
    let mask = random(site);
    let mut masked = [0; 2 * TOKEN_LEN];
    for ((at, mask), token) in masked.iter_mut().zip(mask.iter().chain(&mask)).zip([0; TOKEN_LEN].iter().chain(&token))
    {
        *at = mask ^ token;
    }
    CsrfToken { field: URL_SAFE_NO_PAD.encode(masked), cookie }
}

fn random(site: &Site) -> [u8; TOKEN_LEN] {
    let mut bytes = [0; TOKEN_LEN];
    site.context.random.fill(&mut bytes);
    bytes
}

fn cookie_token(request: &HttpRequest) -> Option<[u8; TOKEN_LEN]> {
    let cookie = credential::cookie(request, wire::CSRF_COOKIE)?;
    URL_SAFE_NO_PAD.decode(&*cookie).ok()?.try_into().ok()
}

/// Whether a token from a field or header belongs to the cookie.
fn belongs(request: &HttpRequest, presented: &str) -> bool {
    let (Some(token), Ok(masked)) = (cookie_token(request), URL_SAFE_NO_PAD.decode(presented)) else { return false };
    let Some((mask, masked)) = masked.split_at_checked(TOKEN_LEN) else { return false };
    let unmasked: Vec<u8> = mask.iter().zip(masked).map(|(mask, byte)| mask ^ byte).collect();
    masked.len() == TOKEN_LEN && token.ct_eq(&unmasked).into()
}

/// Whether header, query or field prove that the request was not made by another site. `field` is `csrf_token` of the
/// form, where there is one.
fn is_proved(request: &HttpRequest, session: &str, field: Option<&str>) -> bool {
    let is_session = |value: Option<std::borrow::Cow<'_, str>>| value.is_some_and(|value| value == session);
    is_session(credential::session_header(request))
        || is_session(credential::query_parameter(request, wire::SESSION_COOKIE))
        || has_token(request, field)
}

fn has_token(request: &HttpRequest, field: Option<&str>) -> bool {
    let header = request.headers().get(wire::CSRF_HEADER).and_then(|value| value.to_str().ok());
    header.into_iter().chain(field).any(|presented| belongs(request, presented))
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

/// Checks a request to the API (`identity.md` 1.10). Only requests with the session cookie need proof.
pub(crate) fn check_api(request: &HttpRequest) -> Result<(), &'static str> {
    if is_safe(request.method()) || request.path() == "/api/v2/users/first" {
        return Ok(());
    }
    let Some(session) = credential::session_cookie(request) else { return Ok(()) };
    if is_proved(request, &session, None) {
        return Ok(());
    }
    Err(if credential::session_header(request).is_some() { DIFFERENT } else { MISSING })
}

/// Checks a form that acts for the signed-in user (`oauth2.md` 7). Scripts that authenticate by header need no token.
pub(crate) fn check_form(request: &HttpRequest, field: Option<&str>) -> Result<(), &'static str> {
    let Some(session) = credential::session_cookie(request) else { return Ok(()) };
    if credential::bearer(request).is_some() || is_proved(request, &session, field) { Ok(()) } else { Err(MISSING) }
}

/// Checks a form that comes before there is a session: another site must not sign somebody in as somebody else.
pub(crate) fn check_anonymous_form(request: &HttpRequest, field: Option<&str>) -> Result<(), &'static str> {
    if has_token(request, field) { Ok(()) } else { Err(MISSING) }
}
