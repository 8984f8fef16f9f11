//! Requests that no handler is asked about, said once for every form in which it may be told.

use crate::kit::body::BodyError;
use crate::kit::limits::Standing;
use actix_web::http::StatusCode;
use doorward_domain::oauth2::OAuthErrorCode;
use std::borrow::Cow;

/// Why a request is refused before, or instead of, its handler. Each convention tells of it what its callers can read.
#[derive(Debug)]
pub(crate) struct Refusal<'a> {
    pub(crate) status: StatusCode,
    /// The code of the authorization server.
    pub(crate) code: OAuthErrorCode,
    /// For bodies of the API: what is wrong.
    pub(crate) message: Cow<'a, str>,
    /// For bodies of the API: more about it; may be empty.
    pub(crate) detail: Cow<'a, str>,
    /// For bodies that hold one text.
    pub(crate) sentence: Cow<'a, str>,
    /// The title of a page about it.
    pub(crate) title: &'static str,
    /// What the page says to a person.
    pub(crate) explanation: Cow<'a, str>,
    /// Whether programs are the ones that meet it: then only who asks for a page gets one.
    pub(crate) is_for_programs: bool,
}

impl<'a> Refusal<'a> {
    /// One text in every form.
    fn of(status: StatusCode, title: &'static str, text: impl Into<Cow<'a, str>>) -> Self {
        let text = text.into();
        Self {
            status,
            code: OAuthErrorCode::InvalidRequest,
            message: text.clone(),
            detail: Cow::Borrowed(""),
            sentence: text.clone(),
            title,
            explanation: text,
            is_for_programs: false,
        }
    }

    /// One request too many. The code is one after which OAuth2 clients keep their grants (RFC 6749 5.2).
    pub(crate) fn too_many(standing: Standing) -> Self {
        let text = format!("You have been rate limited: more than {} requests per minute.", standing.limit);
        let code = OAuthErrorCode::TemporarilyUnavailable;
        let explanation =
            "More came from you than this server takes within a minute. Wait a minute, then try again.".into();
        Self { code, explanation, ..Self::of(StatusCode::TOO_MANY_REQUESTS, "Too many requests", text) }
    }

    /// The address is longer than any that is of use.
    pub(crate) fn too_long() -> Self {
        Self::of(StatusCode::URI_TOO_LONG, "Address too long", "The address is too long.")
    }

    /// A page of another site sent it; `own` is the access URL.
    pub(crate) fn foreign(own: &str) -> Self {
        const MESSAGE: &str = "A page of another site sent this request.";
        Self {
            code: OAuthErrorCode::AccessDenied,
            detail: format!("Only pages of {own} may change something here. Programs leave out the header Origin.")
                .into(),
            explanation: format!(
                "A page of another site sent this, so nothing was done. If you pressed a button of this server \
                 yourself, open it as {own} and try again; its administrator sets that address as server.access_url."
            )
            .into(),
            ..Self::of(StatusCode::FORBIDDEN, "Sent by another site", MESSAGE)
        }
    }

    /// No route takes it.
    pub(crate) fn not_found() -> Self {
        let explanation = "Nothing is at this address. It may have been mistyped.".into();
        Self { explanation, ..Self::of(StatusCode::NOT_FOUND, "Page not found", "Route not found.") }
    }

    /// The path knows these methods only.
    pub(crate) fn method_not_allowed(allowed: &str) -> Self {
        let detail = format!("The methods allowed here are {allowed}.");
        let explanation = "This address is not to be used like this. Perhaps you reloaded a page that has moved on.";
        Self {
            detail: detail.clone().into(),
            sentence: detail.into(),
            explanation: explanation.into(),
            is_for_programs: true,
            ..Self::of(StatusCode::METHOD_NOT_ALLOWED, "Not possible here", "Method not allowed.")
        }
    }

    /// The body cannot be read.
    pub(crate) fn body(problem: &'a BodyError) -> Self {
        let (status, message, detail, sentence): (_, _, Cow<'_, str>, Cow<'_, str>) = match problem {
            BodyError::TooLarge(limit) => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "Request body is too large.",
                format!("At most {limit} bytes are accepted.").into(),
                format!("the body is larger than {limit} bytes").into(),
            ),
            BodyError::Encoded => {
                const TEXT: &str = "bodies are taken as they are: leave Content-Encoding out";
                let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
                (status, "Content-Encoding is not supported.", TEXT.into(), TEXT.into())
            }
            BodyError::Broken(detail) => {
                (StatusCode::BAD_REQUEST, "Request body must be valid JSON.", detail.into(), detail.into())
            }
        };
        let (title, explanation) = if status == StatusCode::PAYLOAD_TOO_LARGE {
            (
                "Too much at once",
                "What your browser sent is longer than this server takes. Go back and make it shorter.",
            )
        } else {
            ("This did not work", "What your browser sent cannot be read. Please go back and try again.")
        };
        Self { detail, sentence, explanation: explanation.into(), ..Self::of(status, title, message) }
    }
}
