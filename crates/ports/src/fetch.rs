//! Requests of this server to other servers, at addresses that others chose: the only way out.
//!
//! Whoever may name an address to this server could have it ask what only it can reach: the machine itself, the network
//! behind it, the metadata service of a cloud. So use cases never open a connection. They hand a [`Request`] to the port, whose
//! adapter refuses forbidden addresses, follows no redirect, and bounds time, size and number.
//!
//! What went wrong is for the log. A visitor learns that something "could not be fetched", which is what [`FetchError`] displays:
//! status, timing and words of inner hosts must not leak.

use async_trait::async_trait;
use doorward_domain::Secret;
use std::fmt;

/// Sends requests to other servers.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Fetch: Send + Sync {
    /// Sends a request and waits for the whole answer, five seconds at most. The adapter counts and logs failures; the caller
    /// need not.
    ///
    /// GETs without headers of the caller for the same thing at the same moment are one request, whose answer all get.
    async fn fetch(&self, request: Request) -> Result<Answer, FetchError>;
}

/// What is sent, and which answers are taken.
///
/// ```
/// use doorward_domain::Secret;
/// use doorward_ports::fetch::{ContentType, Request};
///
/// let keys = Request::get("https://id.example/jwks", 64 * 1024).expecting(ContentType::Json);
/// assert!(keys.can_be_shared());
/// let user = Request::get("https://id.example/userinfo", 64 * 1024).bearer(&Secret::from("token"));
/// assert!(!user.can_be_shared());
/// ```
#[derive(Clone)]
pub struct Request {
    /// Where to: the text as it was given, which the adapter judges.
    pub url: String,
    /// What is done there.
    pub method: Method,
    /// Headers of the caller. What belongs to the exchange itself (`Host`, `Cookie`, `Accept-Encoding`, ..) is refused.
    pub headers: Vec<(&'static str, Secret<String>)>,
    /// Longest body that is taken, in bytes.
    pub body_limit: usize,
    /// Which bodies are taken. It is also what `Accept` says.
    pub content: ContentType,
    /// Whether the caller wants to see answers that are not 2xx; a redirect is a failure nevertheless.
    pub any_status: bool,
    /// Whether the caller wants to see redirects too. None is followed.
    pub with_redirects: bool,
    /// Who chose the address.
    pub chosen_by: ChosenBy,
}

impl Request {
    /// A GET, whose answer has at most so many bytes. A stranger chose the address, until something else is said.
    #[must_use]
    pub fn get(url: &str, body_limit: usize) -> Self {
        Self {
            url: url.to_owned(),
            method: Method::Get,
            headers: Vec::new(),
            body_limit,
            content: ContentType::Any,
            any_status: false,
            with_redirects: false,
            chosen_by: ChosenBy::Stranger,
        }
    }

    /// A POST of this body, whose answer has at most so many bytes.
    #[must_use]
    pub fn post(url: &str, content_type: &'static str, body: Secret<Vec<u8>>, body_limit: usize) -> Self {
        Self { method: Method::Post { content_type, body }, ..Self::get(url, body_limit) }
    }

    /// A DELETE, whose answer has at most so many bytes.
    #[must_use]
    pub fn delete(url: &str, body_limit: usize) -> Self {
        Self { method: Method::Delete, ..Self::get(url, body_limit) }
    }

    /// Takes such bodies only.
    #[must_use]
    pub const fn expecting(mut self, content: ContentType) -> Self {
        self.content = content;
        self
    }

    /// With a header. Its name is in lower case.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: Secret<String>) -> Self {
        self.headers.push((name, value));
        self
    }

    /// With a bearer token (RFC 6750 2.1).
    #[must_use]
    pub fn bearer(self, token: &Secret<String>) -> Self {
        self.header("authorization", Secret::new(format!("Bearer {}", token.expose())))
    }

    /// Hands over answers of any status but redirects: for protocols that say in the body of a 400 what is wrong.
    #[must_use]
    pub const fn any_status(mut self) -> Self {
        self.any_status = true;
        self
    }

    /// Hands over redirects as well, to a caller who wants to know where they lead.
    #[must_use]
    pub const fn with_redirects(mut self) -> Self {
        self.with_redirects = true;
        self
    }

    /// The address stands in the settings, or was given by somebody who could change them.
    #[must_use]
    pub const fn chosen_by_operator(mut self) -> Self {
        self.chosen_by = ChosenBy::Operator;
        self
    }

    /// The address was written down by another server of the deployment.
    #[must_use]
    pub const fn chosen_by_peer(mut self) -> Self {
        self.chosen_by = ChosenBy::Peer;
        self
    }

    /// Somebody whom the operator trusts chose the address: an identity provider of the settings, which names it in a document.
    #[must_use]
    pub const fn chosen_by_trusted(mut self) -> Self {
        self.chosen_by = ChosenBy::Trusted;
        self
    }

    /// Whether others who want the same at the same moment may have the same answer.
    #[must_use]
    pub const fn can_be_shared(&self) -> bool {
        matches!(self.method, Method::Get) && self.headers.is_empty() && !self.with_redirects
    }
}

/// Shows nothing that may be secret; a query may be.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("content", &self.content)
            .field("chosen_by", &self.chosen_by)
            .finish_non_exhaustive()
    }
}

/// What is done.
#[derive(Clone, Debug)]
pub enum Method {
    /// Reads.
    Get,
    /// Sends a body.
    Post {
        /// What the body is.
        content_type: &'static str,
        /// The body.
        body: Secret<Vec<u8>>,
    },
    /// Takes away.
    Delete,
}

/// Which bodies are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContentType {
    /// Any, and none.
    Any,
    /// `application/json`, or any `application/*+json`.
    Json,
    /// One of these, in lower case and without parameters.
    OneOf(&'static [&'static str]),
}

/// Who chose an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChosenBy {
    /// Anybody. The address must be public, and there are limits to how often and how many at once.
    Stranger,
    /// The operator. The host may be an inner one, on any port, as if it were listed in `fetch.allow_hosts`; and requests of
    /// strangers do not use up its limits.
    Operator,
    /// Another server of the deployment, whose settings have it. As the operator's, and it may be http too: between servers of one
    /// deployment nothing secret is asked this way. It is asked directly, never through a proxy.
    Peer,
    /// Somebody whom the operator trusts with people, and not with the network behind this server. The address must be public and
    /// its port permitted, as for a stranger, unless it stands in `fetch.allow_hosts`; the limits are those of the operator.
    Trusted,
}

/// An answer, as a whole.
#[derive(Clone)]
pub struct Answer {
    /// The status, such as 200.
    pub status: u16,
    /// The headers, their names in lower case. Values that are no text are left out.
    pub headers: Vec<(String, String)>,
    /// The body; it may hold tokens.
    pub body: Secret<Vec<u8>>,
}

impl Answer {
    /// The first header of this name, which is in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// Shows nothing that may be secret.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

/// Why there is no answer. What it displays may be shown to anybody; `class` and `detail` are for the log and the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("could not be fetched")]
pub struct FetchError {
    /// What kind of failure it is.
    pub class: FailureClass,
    /// What happened, in words for the operator; no secret, no path, no query, nothing of the body.
    pub detail: String,
}

impl FetchError {
    /// A failure.
    pub fn new(class: FailureClass, detail: impl Into<String>) -> Self {
        Self { class, detail: detail.into() }
    }
}

/// Kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureClass {
    /// The request cannot be sent to anybody: the URL is none of ours (scheme, user part, fragment), or a header is refused.
    Request,
    /// The name does not resolve.
    Dns,
    /// The host, its port or one of its addresses is forbidden.
    ForbiddenAddress,
    /// Nobody listens, or the connection broke.
    Connection,
    /// The other side does not prove who it is.
    Tls,
    /// It took too long.
    Timeout,
    /// The answer has a status that is not taken.
    Status,
    /// The answer is too large.
    Size,
    /// The answer is of another type, or encoded in a way that was not asked for.
    ContentType,
    /// The answer is no HTTP.
    Parse,
    /// Too many requests or look-ups of names are under way, or too many requests went to that place in the last minute. Trying later
    /// may help.
    Busy,
}

impl FailureClass {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Request,
        Self::Dns,
        Self::ForbiddenAddress,
        Self::Connection,
        Self::Tls,
        Self::Timeout,
        Self::Status,
        Self::Size,
        Self::ContentType,
        Self::Parse,
        Self::Busy,
    ];

    /// One word, for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Dns => "dns",
            Self::ForbiddenAddress => "forbidden_address",
            Self::Connection => "connection",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Status => "status",
            Self::Size => "size",
            Self::ContentType => "content_type",
            Self::Parse => "parse",
            Self::Busy => "busy",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visitor_learns_nothing_but_that_it_failed() {
        let error = FetchError::new(FailureClass::Status, "10.0.0.5 answers 404");
        assert_eq!(error.to_string(), "could not be fetched");
    }

    #[test]
    fn nothing_secret_is_printed() {
        let secret = || Secret::from("hunter2");
        let request = Request::post("https://a.example/?t=hunter2", "text/plain", Secret::new(b"hunter2".to_vec()), 1);
        let request = request.bearer(&secret()).header("x-key", secret());
        let answer = Answer {
            status: 200,
            headers: vec![("x-key".to_owned(), "hunter2".to_owned())],
            body: Secret::new(b"hunter2".to_vec()),
        };
        let printed = format!("{request:?} {answer:?}");
        assert!(!printed.contains("hunter2") && !printed.contains("104, 117"), "{printed}");
        assert_eq!(answer.header("x-key"), Some("hunter2"));
    }

    #[test]
    fn what_is_about_one_caller_is_not_shared() {
        let get = || Request::get("https://a.example/", 1);
        assert!(get().can_be_shared());
        assert!(!get().bearer(&Secret::from("x")).can_be_shared());
        assert!(!Request::post("https://a.example/", "text/plain", Secret::new(Vec::new()), 1).can_be_shared());
    }
}
