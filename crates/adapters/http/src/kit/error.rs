//! The one place where errors become answers: the API body (`identity.md` 1.2) and the OAuth2 body (RFC 6749 5.2).

use crate::kit::answer::{self, set_header};
use crate::kit::dpop;
use crate::kit::limits::Standing;
use crate::kit::places::NoPlace;
use crate::kit::site::Site;
use crate::kit::waiting::wait_in_words;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use doorward_domain::oauth2::OAuthErrorCode;
use doorward_domain::roles::Denied;
use doorward_domain::wire;
use doorward_services::factors::Challenge;
use doorward_services::sessions::BOUND;
use doorward_services::{Error, FieldError, OAuthError, Outage};
use serde::Serialize;
use std::borrow::Cow;
use utoipa::ToSchema;

/// The text of every 404, so that existence does not leak.
const NOT_FOUND: &str = "Resource not found or you do not have access to this resource";
/// Seconds after which an overloaded server may be asked again.
const RETRY_SOON: HeaderValue = HeaderValue::from_static("2");
/// Longest `error_description`.
const DESCRIPTION_MAX: usize = 2048;

/// What a handler answers.
pub(crate) type HandlerResult = Result<HttpResponse, Failure>;

/// Why a handler has no answer of its own.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An error of the API.
    Api(Error),
    /// An error of the authorization server.
    OAuth(OAuthError),
    /// A client has used up its share of requests.
    Spent(Standing),
    /// An answer that is fixed already.
    Answer(Box<HttpResponse>),
}

impl Failure {
    /// The outage behind it, if there is one.
    pub(crate) fn outage(&self) -> Option<Outage> {
        match self {
            Self::Api(Error::Unavailable { outage, .. }) => Some(*outage),
            Self::OAuth(error) => error.outage,
            Self::Api(_) | Self::Spent(_) | Self::Answer(_) => None,
        }
    }
}

impl From<HttpResponse> for Failure {
    fn from(answer: HttpResponse) -> Self {
        Self::Answer(Box::new(answer))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Api(error)
    }
}

impl From<NoPlace> for Failure {
    fn from(why: NoPlace) -> Self {
        match why {
            NoPlace::All => Self::Api(Error::Unavailable {
                outage: Outage::Overloaded,
                cause: "as many connections of this kind are open as may be".to_owned(),
            }),
            NoPlace::Share => {
                let message = "You have as many connections of this kind as one user may have. Close one first.";
                api_error(StatusCode::TOO_MANY_REQUESTS, message, "").into()
            }
        }
    }
}

impl From<OAuthError> for Failure {
    fn from(error: OAuthError) -> Self {
        Self::OAuth(error)
    }
}

/// The body of every API error.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Error)]
pub(crate) struct ApiError<'a> {
    /// What went wrong, for a human.
    pub(crate) message: Cow<'a, str>,
    /// More about it, for a developer.
    #[serde(skip_serializing_if = "str::is_empty")]
    #[schema(required = false)]
    pub(crate) detail: Cow<'a, str>,
    /// Which fields are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(crate) validations: Vec<Validation<'a>>,
}

/// What is wrong with one field.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ValidationError)]
pub(crate) struct Validation<'a> {
    /// Its name in JSON or in the query.
    field: &'a str,
    /// What is wrong with it.
    detail: &'a str,
}

/// The body of every error of the authorization server.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OAuth2Error)]
pub(crate) struct OAuthBody<'a> {
    /// The code of RFC 6749 or of one of its extensions.
    error: &'a str,
    /// For a developer.
    error_description: Cow<'a, str>,
}

/// An API error with this status.
pub(crate) fn api_error(status: StatusCode, message: &str, detail: &str) -> HttpResponse {
    answer::json(status, &ApiError { message: message.into(), detail: detail.into(), validations: Vec::new() })
}

/// The body of the answer to the right password of somebody who has, or must have, a second factor.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SecondFactorError)]
pub(crate) struct SecondFactorError<'a> {
    /// What is to be done, for a human.
    message: &'a str,
    mfa: ChallengeObject<'a>,
}

/// How the sign-in goes on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SecondFactorChallenge)]
pub(crate) struct ChallengeObject<'a> {
    /// Goes with `POST /api/v2/users/login/mfa`; good for five minutes, and for one success.
    token: &'a str,
    /// `totp`, `recovery`, `enroll`.
    methods: &'a [&'a str],
    /// Whether an authenticator app must be set up first.
    enroll: bool,
}

fn second_factor(challenge: &Challenge) -> SecondFactorError<'_> {
    let Challenge { token, methods, enroll } = challenge;
    let message = if *enroll {
        "Set up an authenticator app to go on signing in."
    } else {
        "Give a code of your authenticator app, or a recovery code, to go on signing in."
    };
    SecondFactorError { message, mfa: ChallengeObject { token: token.expose(), methods, enroll: *enroll } }
}

fn with_fields(status: StatusCode, message: &str, detail: &str, fields: &[FieldError]) -> HttpResponse {
    let validations = fields.iter().map(|f| Validation { field: &f.field, detail: &f.detail }).collect();
    answer::json(status, &ApiError { message: message.into(), detail: detail.into(), validations })
}

/// The answer to a request of the API, to this path, that failed. Causes go to the log only.
pub(crate) fn api(site: &Site, path: &str, error: &Error) -> HttpResponse {
    tracing::debug!(%error, "refused");
    match error {
        Error::NotFound => api_error(StatusCode::NOT_FOUND, NOT_FOUND, ""),
        Error::UserNotFound => api_error(
            StatusCode::BAD_REQUEST,
            "User not found: must be an existing uuid or username.",
            "The user does not exist, or you may not see it.",
        ),
        Error::OrganizationNotFound(name) => api_error(
            StatusCode::NOT_FOUND,
            &format!("Organization {name:?} not found."),
            "Give the id or the name of an organization that you can see.",
        ),
        Error::NoSuch(message) => api_error(StatusCode::NOT_FOUND, message, ""),
        Error::Unauthenticated { message, detail } => {
            let mut response = api_error(StatusCode::UNAUTHORIZED, message, detail);
            set_header(response.headers_mut(), header::WWW_AUTHENTICATE, &site.challenge(path));
            // After the other: old clients read one.
            add_header(response.headers_mut(), header::WWW_AUTHENTICATE, &dpop::challenge());
            response
        }
        Error::SecondFactor(challenge) => answer::json(StatusCode::FORBIDDEN, &second_factor(challenge)),
        Error::Forbidden(denied) => forbidden(site, path, denied),
        Error::Refused(message) => api_error(StatusCode::FORBIDDEN, message, ""),
        Error::Invalid { message, detail, fields } => with_fields(StatusCode::BAD_REQUEST, message, detail, fields),
        Error::Conflict { message, fields } => with_fields(StatusCode::CONFLICT, message, "", fields),
        Error::WrongState(message) => api_error(StatusCode::PRECONDITION_FAILED, message, ""),
        Error::Precondition(message) => api_error(StatusCode::EXPECTATION_FAILED, message, ""),
        Error::TooManyAttempts { retry_after } => {
            let seconds = whole_seconds_up(*retry_after);
            let detail = format!("Try again in {}.", wait_in_words(seconds));
            let mut response = api_error(StatusCode::TOO_MANY_REQUESTS, "Too many failed attempts.", &detail);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            response
        }
        Error::Unavailable { outage, cause } => {
            tracing::warn!(outage = outage.as_str(), %cause, "unavailable");
            let message = format!("{}. Try again soon.", capitalized(&outage.to_string()));
            let mut response = api_error(StatusCode::SERVICE_UNAVAILABLE, &message, "");
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_SOON);
            response
        }
        Error::Upstream(message) => api_error(StatusCode::BAD_GATEWAY, message, ""),
        Error::Internal(cause) => {
            tracing::error!(cause = %Chain(cause.as_ref()), "internal error");
            answer::internal()
        }
    }
}

/// Answers 403. When only the scope of the credential did not suffice, a client learns which would, as RFC 6750
/// section 3.1 has it, so that it can ask the user for it.
fn forbidden(site: &Site, path: &str, denied: &Denied) -> HttpResponse {
    const DETAIL: &str = "You don't have permission to view this content. If you believe this is a mistake, please contact your \
                          administrator or try signing in with different credentials.";
    tracing::debug!(%denied, "forbidden");
    let Some(scope) = denied.missing_scope() else {
        return api_error(StatusCode::FORBIDDEN, "Forbidden.", DETAIL);
    };
    let detail = format!("The credential lacks the scope \"{scope}\". You may do this with one that has it.");
    let mut response = api_error(StatusCode::FORBIDDEN, "Forbidden.", &detail);
    let challenge = format!(
        "{}, error=\"insufficient_scope\", error_description=\"the scope of the token does not permit this\", scope=\"{scope}\"",
        site.challenge(path)
    );
    set_header(response.headers_mut(), header::WWW_AUTHENTICATE, &challenge);
    response
}

/// The answer to a request with a credential that is not accepted (`oauth2.md` 4). It says `invalid_token` only if one
/// was sent (RFC 6750 3.1).
pub(crate) fn refused_credential(site: &Site, path: &str, error: &Error, was_sent: bool) -> HttpResponse {
    let mut response = api(site, path, error);
    if let (Error::Unauthenticated { message, detail }, true) = (error, was_sent) {
        let description = printable(if detail.is_empty() { message } else { detail });
        let challenge = if message == BOUND {
            dpop::challenge_for(OAuthErrorCode::InvalidToken.as_str(), &description)
        } else {
            format!("{}, error=\"invalid_token\", error_description=\"{description}\"", site.challenge(path))
        };
        set_header(response.headers_mut(), header::WWW_AUTHENTICATE, &challenge);
    }
    response
}

/// The challenge for who is not let in by the scheme `DPoP`.
pub(crate) fn dpop_challenge(error: &OAuthError) -> String {
    dpop::challenge_for(error.code.as_str(), &printable(&error.description))
}

/// The answer of the API to who is not let in by the scheme `DPoP`.
pub(crate) fn refused_proof(error: &OAuthError) -> HttpResponse {
    let mut response = api_error(StatusCode::UNAUTHORIZED, &error.description, "");
    set_header(response.headers_mut(), header::WWW_AUTHENTICATE, &dpop_challenge(error));
    response
}

/// The answer of the authorization server to a request that failed. The reason goes to the log only.
pub(crate) fn oauth(error: &OAuthError) -> HttpResponse {
    let status = match error.code {
        OAuthErrorCode::InvalidClient | OAuthErrorCode::InvalidToken => StatusCode::UNAUTHORIZED,
        OAuthErrorCode::InsufficientScope | OAuthErrorCode::AccessDenied => StatusCode::FORBIDDEN,
        OAuthErrorCode::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
        OAuthErrorCode::TemporarilyUnavailable if error.is_limit => StatusCode::TOO_MANY_REQUESTS,
        OAuthErrorCode::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        OAuthErrorCode::InvalidRequest
        | OAuthErrorCode::InvalidGrant
        | OAuthErrorCode::UnauthorizedClient
        | OAuthErrorCode::UnsupportedGrantType
        | OAuthErrorCode::UnsupportedResponseType
        | OAuthErrorCode::InvalidScope
        | OAuthErrorCode::InvalidTarget
        | OAuthErrorCode::InvalidClientMetadata
        | OAuthErrorCode::InvalidClientId
        | OAuthErrorCode::RequestNotSupported
        | OAuthErrorCode::AuthorizationPending
        | OAuthErrorCode::SlowDown
        | OAuthErrorCode::ExpiredToken
        | OAuthErrorCode::RequestUriNotSupported
        | OAuthErrorCode::InvalidRequestUri
        | OAuthErrorCode::InvalidRequestObject
        | OAuthErrorCode::RegistrationNotSupported
        | OAuthErrorCode::LoginRequired
        | OAuthErrorCode::ConsentRequired
        | OAuthErrorCode::InvalidDpopProof
        | OAuthErrorCode::UseDpopNonce
        | OAuthErrorCode::UnmetAuthenticationRequirements => StatusCode::BAD_REQUEST,
    };
    if status == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::error!(reason = %error.reason, "internal error");
    } else if let Some(outage) = error.outage {
        tracing::warn!(outage = outage.as_str(), cause = %error.reason, "unavailable");
    } else {
        tracing::debug!(error = error.code.as_str(), reason = %error.reason, "refused");
    }
    oauth_body(status, error)
}

/// An error of the authorization server with a status of its own.
pub(crate) fn oauth_body(status: StatusCode, error: &OAuthError) -> HttpResponse {
    let body = OAuthBody { error: error.code.as_str(), error_description: printable(&error.description) };
    let mut response = answer::json(status, &body);
    oauth_headers(response.headers_mut(), error.code);
    if let Some(wait) = error.retry_after {
        set_header(response.headers_mut(), header::RETRY_AFTER, &whole_seconds_up(wait).to_string());
    }
    response
}

/// Adds a header beside those of its name.
fn add_header(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.append(name, value);
    }
}

fn oauth_headers(headers: &mut HeaderMap, code: OAuthErrorCode) {
    if code == OAuthErrorCode::InvalidClient {
        set_header(headers, header::WWW_AUTHENTICATE, &format!("Basic realm=\"{}\"", wire::REALM));
    }
    if code == OAuthErrorCode::TemporarilyUnavailable {
        headers.insert(header::RETRY_AFTER, RETRY_SOON);
    }
}

/// The body is not what it should be; `detail` says where.
pub(crate) fn bad_body(detail: &str) -> Failure {
    api_error(StatusCode::BAD_REQUEST, "Request body must be valid JSON.", detail).into()
}

/// What may stand in an `error_description`: printable ASCII without `"` and `\` (RFC 6749 5.2).
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let fits = |byte: u8| matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~');
    if text.len() <= DESCRIPTION_MAX && text.bytes().all(fits) {
        return Cow::Borrowed(text);
    }
    let clean = |c: char| match c {
        '"' => '\'',
        c if u8::try_from(c).is_ok_and(fits) => c,
        _ => '?',
    };
    Cow::Owned(text.chars().take(DESCRIPTION_MAX).map(clean).collect())
}

/// With a capital letter at the beginning.
fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Seconds to wait, rounded up, at least one.
pub(crate) fn whole_seconds_up(wait: time::Duration) -> u64 {
    let seconds = wait.whole_seconds() + i64::from(wait.subsec_nanoseconds() > 0);
    u64::try_from(seconds).unwrap_or(0).max(1)
}

/// An error with all its sources, on one line.
struct Chain<'a>(&'a (dyn std::error::Error + 'static));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{body_of, site};
    use doorward_domain::roles::{Object, Scope, ScopeName, Subject, action, resource};
    use serde_json::{Value, json};
    use time::Duration;

    /// As `rbac.md` 12 has it.
    const FORBIDDEN: &str = "You don't have permission to view this content. If you believe this is a mistake, please contact your administrator or try signing in with different credentials.";

    fn denied(role: &str, scope: Scope) -> Error {
        let subject = Subject::for_user(uuid::Uuid::from_u128(1)).site_roles([role]).scope(scope).build();
        let object = Object::of::<resource::Oauth2App>();
        match subject.permit::<action::Create, resource::Oauth2App>(&object) {
            Ok(_) => panic!("allowed"),
            Err(denied) => Error::Forbidden(denied),
        }
    }

    fn unavailable(outage: Outage) -> Error {
        Error::Unavailable { outage, cause: "secret cause".into() }
    }

    #[actix_web::test]
    async fn each_error_has_its_status_and_body() {
        let site = site();
        let fields = || vec![FieldError::new("name", "taken")];
        let validations = json!([{ "field": "name", "detail": "taken" }]);
        for (error, status, message, part) in [
            (Error::NotFound, 404, NOT_FOUND, json!({})),
            (Error::UserNotFound, 400, "User not found: must be an existing uuid or username.", json!({})),
            (Error::OrganizationNotFound("a<b".into()), 404, "Organization \"a<b\" not found.", json!({})),
            (Error::NoSuch("none".into()), 404, "none", json!({})),
            (denied("auditor", Scope::from_names(&[])), 403, "Forbidden.", json!({ "detail": FORBIDDEN })),
            (Error::Refused("no".into()), 403, "no", json!({})),
            (Error::invalid_fields("m", fields()), 400, "m", json!({ "validations": validations })),
            (Error::invalid_because("m", "d"), 400, "m", json!({ "detail": "d" })),
            (
                Error::Conflict { message: "c".into(), fields: fields() },
                409,
                "c",
                json!({ "validations": validations }),
            ),
            (Error::Precondition("first that".into()), 417, "first that", json!({})),
            (Error::WrongState("it runs".into()), 412, "it runs", json!({})),
            (
                Error::TooManyAttempts { retry_after: Duration::milliseconds(1500) },
                429,
                "Too many failed attempts.",
                json!({}),
            ),
            (unavailable(Outage::Overloaded), 503, "The server is overloaded. Try again soon.", json!({})),
            (unavailable(Outage::Unreachable), 503, "The database cannot be reached. Try again soon.", json!({})),
            (unavailable(Outage::Silent), 503, "The database does not answer. Try again soon.", json!({})),
            (unavailable(Outage::Full), 503, "The disk of the database is full. Try again soon.", json!({})),
            (
                unavailable(Outage::ReadOnly),
                503,
                "The database takes no changes at the moment. Try again soon.",
                json!({}),
            ),
            (Error::Internal("secret cause".into()), 500, "An internal server error occurred.", json!({})),
        ] {
            let response = api(&site, "/api/v2/x", &error);
            assert_eq!(response.status().as_u16(), status, "{error}");
            let retry = response.headers().get(header::RETRY_AFTER).map(|value| value.to_str().unwrap().to_owned());
            assert_eq!(retry.is_some(), matches!(status, 429 | 503), "{error}");
            let text = body_of(response).await;
            assert!(text.ends_with("}\n") && !text.contains("secret cause"), "{text}");
            let body: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(body["message"], message);
            assert_eq!(body.get("validations"), part.get("validations"), "{error}");
            if let Some(detail) = part.get("detail") {
                assert_eq!(&body["detail"], detail, "{error}");
            }
        }
    }

    #[actix_web::test]
    async fn a_short_scope_is_named_if_it_is_all_that_is_missing() {
        let site = site();
        let scope = || Scope::from_names(&[ScopeName::parse("workspace:read").unwrap()]);
        let response = api(&site, "/api/v2/x", &denied("auditor", scope()));
        assert_eq!(response.headers().get(header::WWW_AUTHENTICATE), None);
        let response = api(&site, "/api/v2/x", &denied("owner", scope()));
        let challenge = response.headers().get(header::WWW_AUTHENTICATE).unwrap().to_str().unwrap();
        assert!(
            challenge.starts_with("Bearer realm=\"coder\", resource_metadata=\"https://door.example/"),
            "{challenge}"
        );
        assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
        assert!(challenge.ends_with("scope=\"oauth2_app:create\""), "{challenge}");
        let body: Value = serde_json::from_str(&body_of(response).await).unwrap();
        assert!(body["detail"].as_str().unwrap().contains("\"oauth2_app:create\""), "{body}");
    }

    #[test]
    fn a_credential_is_called_invalid_only_if_one_was_sent() {
        let site = site();
        let error = Error::Unauthenticated { message: "m".into(), detail: "it has \"expired\"".into() };
        let challenge = |was_sent| {
            let response = refused_credential(&site, "/api/v2/x", &error, was_sent);
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
            response.headers().get(header::WWW_AUTHENTICATE).unwrap().to_str().unwrap().to_owned()
        };
        assert!(!challenge(false).contains("error"));
        assert!(challenge(true).ends_with("error=\"invalid_token\", error_description=\"it has 'expired'\""));
    }

    #[actix_web::test]
    async fn oauth_errors_have_their_own_body() {
        for (code, status, header_name) in [
            (OAuthErrorCode::InvalidRequest, 400, None),
            (OAuthErrorCode::InvalidClient, 401, Some((header::WWW_AUTHENTICATE, "Basic realm=\"coder\""))),
            (OAuthErrorCode::InvalidGrant, 400, None),
            (OAuthErrorCode::UnauthorizedClient, 400, None),
            (OAuthErrorCode::InvalidTarget, 400, None),
            (OAuthErrorCode::ServerError, 500, None),
            (OAuthErrorCode::TemporarilyUnavailable, 503, Some((header::RETRY_AFTER, "2"))),
        ] {
            let response = oauth(&OAuthError::new(code, "a \"b\" \\ \u{e9}").because("the reason"));
            assert_eq!(response.status().as_u16(), status);
            if let Some((name, value)) = header_name {
                assert_eq!(response.headers().get(name).unwrap(), value);
            }
            let expected = json!({ "error": code.as_str(), "error_description": "a 'b' ? ?" });
            assert_eq!(serde_json::from_str::<Value>(&body_of(response).await).unwrap(), expected);
        }
    }

    #[test]
    fn descriptions_are_printable_and_short() {
        assert_eq!(printable("plain text!"), "plain text!");
        assert_eq!(printable("a\nb\u{7f}"), "a?b?");
        assert_eq!(printable(&"x".repeat(5000)).len(), DESCRIPTION_MAX);
    }
}
