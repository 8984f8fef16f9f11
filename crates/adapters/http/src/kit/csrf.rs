//! Tokens of forms, against requests that another site makes.
//!
//! A token is keyed text over what it is bound to: one purpose, and the session and user that the page was shown to, or,
//! before there is a session, a random value in a cookie. Nothing in a cookie is a token, so a cookie that a host beside
//! this one has set is worth nothing: without the server's key no token goes with it. Each token holds random characters
//! of its own, so that it differs in every page (BREACH).

use crate::kit::call::Call;
use crate::kit::extract::credential;
use crate::kit::site::Site;
use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::Method;
use doorward_domain::wire;
use doorward_services::Principal;
use std::borrow::Cow;

/// Random characters of a token, and of the cookie.
const NONCE_LEN: usize = 22;
/// What separates the random characters of a token from the keyed ones.
const SEPARATOR: char = '.';
/// Purpose of the keyed text.
const FORM: &str = "form";

/// What a form does. A token is good for one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Signs in.
    SignIn,
    /// Makes the first account.
    SetUp,
    /// Signs out.
    SignOut,
    /// Allows an application what the query asks for.
    Consent,
    /// Looks at or decides about a device.
    Device,
    /// Takes the access of an application back.
    Revoke,
    /// Makes a key for a command line.
    CliAuth,
    /// Links an account at an identity provider.
    Link,
    /// Removes such a link.
    Unlink,
    /// Changes one's second factors.
    Factors,
    /// Asks for a one-time passcode.
    RequestPasscode,
    /// Chooses another password by a one-time passcode.
    ResetPassword,
    /// Changes something by a page of the console.
    Console,
    /// Tells on a page of the console what has just been done.
    Done,
    /// Calls of the API from a page, by the header `X-CSRF-TOKEN`.
    Api,
}

impl Purpose {
    const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::SetUp => "set-up",
            Self::SignOut => "sign-out",
            Self::Consent => "consent",
            Self::Device => "device",
            Self::Revoke => "revoke",
            Self::CliAuth => "cli-auth",
            Self::Link => "link",
            Self::Unlink => "unlink",
            Self::Factors => "factors",
            Self::RequestPasscode => "request-passcode",
            Self::ResetPassword => "reset-password",
            Self::Console => "console",
            Self::Done => "done",
            Self::Api => "api",
        }
    }
}

/// The token is missing or wrong: of another site, session, user or form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stale;

/// A token for a form before sign-in and, when the browser has none yet, the cookie that it is bound to.
pub(crate) struct AnonymousToken {
    /// For the hidden field `csrf_token`.
    pub(crate) field: String,
    /// To be set with the page.
    pub(crate) cookie: Option<Cookie<'static>>,
}

/// A token for a form of a page that this user is shown. `about` is what the form is about beside its purpose.
pub(crate) fn issue(site: &Site, actor: &Principal, purpose: Purpose, about: &str) -> String {
    token(site, purpose, &session_parts(actor, about))
}

/// Checks the form of a page for this user. Whoever authenticates by a header needs no token: no other site can send one.
pub(crate) fn check(
    call: &Call,
    actor: &Principal,
    purpose: Purpose,
    about: &str,
    field: Option<&str>,
) -> Result<(), Stale> {
    if !call.by_cookie {
        return Ok(());
    }
    let parts = session_parts(actor, about);
    let mut presented = header(&call.request).into_iter().chain(field);
    if presented.any(|presented| is_token(&call.site, purpose, &parts, presented)) { Ok(()) } else { Err(Stale) }
}

/// Whether this token was given to this user, for this. It must be asked of a token that does not come with a form.
pub(crate) fn is_issued(site: &Site, actor: &Principal, purpose: Purpose, about: &str, token: &str) -> bool {
    is_token(site, purpose, &session_parts(actor, about), token)
}

/// A token for a form that comes before there is a session.
pub(crate) fn issue_anonymous(site: &Site, request: &HttpRequest, purpose: Purpose) -> AnonymousToken {
    let (value, cookie) = browser(site, request);
    AnonymousToken { field: token(site, purpose, &[b"cookie", value.as_bytes()]), cookie }
}

/// The random value by which a browser is known before somebody signs in, and the cookie with it when the browser has none yet.
pub(crate) fn browser(site: &Site, request: &HttpRequest) -> (String, Option<Cookie<'static>>) {
    let known = anonymous_cookies(site, request).into_iter().next();
    if let Some(known) = known {
        (known.into_owned(), None)
    } else {
        let fresh = site.context.random.alphanumeric(2 * NONCE_LEN).into_exposed();
        let cookie = Cookie::build(cookie_name(site), fresh.clone())
            .path("/")
            .http_only(true)
            .secure(site.secure_cookies)
            .same_site(SameSite::Lax)
            .finish();
        (fresh, Some(cookie))
    }
}

/// Checks a form that comes before there is a session: another site must not sign somebody in as somebody else.
pub(crate) fn check_anonymous(call: &Call, purpose: Purpose, field: Option<&str>) -> Result<(), Stale> {
    let presented: Vec<&str> = header(&call.request).into_iter().chain(field).collect();
    let mut cookies = anonymous_cookies(&call.site, &call.request).into_iter();
    let belongs = cookies.any(|cookie| {
        let parts = [b"cookie".as_slice(), cookie.as_bytes()];
        presented.iter().any(|presented| is_token(&call.site, purpose, &parts, presented))
    });
    if belongs { Ok(()) } else { Err(Stale) }
}

/// The token in `X-CSRF-TOKEN`.
pub(crate) fn header(request: &HttpRequest) -> Option<&str> {
    request.headers().get(wire::CSRF_HEADER).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty())
}

/// Whether the method changes nothing.
pub(crate) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

const fn cookie_name(site: &Site) -> &'static str {
    if site.secure_cookies { wire::CSRF_COOKIE_SECURE } else { wire::CSRF_COOKIE }
}

/// Those cookies that may be ours. Others of the name are another host's, and are passed over.
fn anonymous_cookies<'a>(site: &Site, request: &'a HttpRequest) -> Vec<Cow<'a, str>> {
    let mut cookies = credential::cookies(request, cookie_name(site));
    cookies.retain(|value| value.len() == 2 * NONCE_LEN && value.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    cookies
}

fn session_parts<'a>(actor: &'a Principal, about: &'a str) -> [&'a [u8]; 4] {
    // Callers without an account have no session, and are shown no page.
    let (key, user): (&[u8], &[u8]) = actor
        .as_account()
        .map_or((&[], &[]), |account| (account.key.id.as_str().as_bytes(), account.user.id.0.as_bytes()));
    [b"session", key, user, about.as_bytes()]
}

fn token(site: &Site, purpose: Purpose, parts: &[&[u8]]) -> String {
    let nonce = site.context.random.alphanumeric(NONCE_LEN).into_exposed();
    let parts = [&[purpose.name().as_bytes(), nonce.as_bytes()], parts].concat();
    let (keys, now) = (site.context.keys.ring(), site.context.clock.now());
    format!("{nonce}{SEPARATOR}{}", keys.forms().text(FORM, &parts, now).expose())
}

fn is_token(site: &Site, purpose: Purpose, parts: &[&[u8]], presented: &str) -> bool {
    let Some((nonce, keyed)) = presented.split_once(SEPARATOR) else { return false };
    let parts = [&[purpose.name().as_bytes(), nonce.as_bytes()], parts].concat();
    let (keys, now) = (site.context.keys.ring(), site.context.clock.now());
    keys.forms().is_text(FORM, &parts, keyed, now)
}
