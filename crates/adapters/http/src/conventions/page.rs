//! Pages for people and what stands beside them: errors are pages, and JSON for programs that ask for it.

mod done;

pub(crate) use done::Done;

use crate::kit::accept::{Wish, wish};
use crate::kit::answer::redirect;
use crate::kit::call::Call;
use crate::kit::caller::{self, Authenticate, CookieProof};
use crate::kit::convention::{Asked, Convention, Family};
use crate::kit::error::{self, Failure};
use crate::kit::headers;
use crate::kit::html::headers::{FormAction, only_logo, render};
use crate::kit::html::layout::{Brand, Link};
use crate::kit::limits::Limit;
use crate::kit::refusal::Refusal;
use crate::kit::site::Site;
use crate::kit::waiting::wait_in_words;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use doorward_services::appearance::remembered;
use doorward_services::{Error, OAuthError, Principal};
use std::borrow::Cow;

/// Where the pages stand: templates link to these, and the routes are registered under them.
pub(crate) mod paths {
    /// The account page of the signed-in user.
    pub(crate) const HOME: &str = "/";
    /// Creation of the first owner.
    pub(crate) const SETUP: &str = "/setup";
    /// Sign-in. Query: `message`, `redirect`, `done`.
    pub(crate) const LOGIN: &str = "/login";
    /// The second step of signing in.
    pub(crate) const SECOND_STEP: &str = "/login/mfa";
    /// Sign-out, by POST. Field `redirect`, when sent: the path and query to come back to after the next sign-in. GET says that nobody is
    /// signed in, or offers it.
    pub(crate) const LOGOUT: &str = "/logout";
    /// Asking for a one-time passcode.
    pub(crate) const RESET_PASSWORD: &str = "/reset-password";
    /// Choosing another password by a one-time passcode. Query: `email`, `otp`.
    pub(crate) const CHANGE_PASSWORD: &str = "/reset-password/change";
    /// The applications the signed-in user has allowed. POST with `client_id` revokes one of them.
    pub(crate) const AUTHORIZED_APPS: &str = "/account/applications";
    /// The accounts at identity providers with which the signed-in user signs in. POST with `provider` links another one.
    pub(crate) const LINKS: &str = "/account/links";
    /// POST with `link` removes one of them.
    pub(crate) const REMOVE_LINK: &str = "/account/links/remove";
    /// The second factors of the signed-in user. POST with `do` changes them.
    pub(crate) const FACTORS: &str = "/account/factors";
    /// Makes a key for a command line.
    pub(crate) const CLI_AUTH: &str = "/cli-auth";
    /// The viewer of the API documentation.
    pub(crate) const API_DOCS: &str = "/docs";
    /// Where the code of a device is entered. Query: `user_code`.
    pub(crate) const DEVICE: &str = doorward_domain::oauth2::endpoints::DEVICE_VERIFICATION;
    /// The same, short to type: what devices show (RFC 8628 3.3).
    pub(crate) const DEVICE_SHORT: &str = "/device";
    /// Why somebody may do something, or may not. Query: what the form of the page sends.
    pub(crate) const ACCESS: &str = "/deployment/access";
    /// The deployment at a glance.
    pub(crate) const OVERVIEW: &str = "/deployment/overview";
    /// All users. Query: `q`, `after`.
    pub(crate) const USERS: &str = "/deployment/users";
    /// One user. POST with `do` changes it.
    pub(crate) const USER: &str = "/deployment/users/{user}";
    /// The sessions of all users. Query: `user`, `after`. POST with `do` ends some.
    pub(crate) const SESSIONS: &str = "/deployment/sessions";
    /// The API tokens of all users. Query: `q`, `show`, `after`. POST with `do` ends one.
    pub(crate) const TOKENS: &str = "/deployment/tokens";
    /// The audit log. Query: `q`, `after`.
    pub(crate) const AUDIT: &str = "/logs/audit";
    /// The same, short to type.
    pub(crate) const AUDIT_SHORT: &str = "/audit";
    /// The roles of the site.
    pub(crate) const SITE_ROLES: &str = "/deployment/roles";
    /// One of them.
    pub(crate) const SITE_ROLE: &str = "/deployment/roles/{roleName}";
    /// How members of organizations follow identity providers. POST with `do` changes it, or tries it.
    pub(crate) const IDP_SYNC: &str = "/deployment/idp-org-sync";
    /// How groups and roles of an organization do. POST as there.
    pub(crate) const PLACE_IDP_SYNC: &str = "/organizations/{organization}/idp-sync";
    /// The organizations.
    pub(crate) const ORGANIZATIONS: &str = "/organizations";
    /// POST makes one.
    pub(crate) const NEW_ORGANIZATION: &str = "/organizations/new";
    /// The members of one. Query: `q`, `after`. POST with `do` changes them.
    pub(crate) const MEMBERS: &str = "/organizations/{organization}";
    /// How it is called, and its end. POST with `do` changes it.
    pub(crate) const ORGANIZATION_SETTINGS: &str = "/organizations/{organization}/settings";
    /// The roles of an organization.
    pub(crate) const ROLES: &str = "/organizations/{organization}/roles";
    /// Makes one. Query: `from`, the role that it begins as.
    pub(crate) const NEW_ROLE: &str = "/organizations/{organization}/roles/create";
    /// One of them. POST with `do` shows what a change means, makes it, or deletes the role.
    pub(crate) const ROLE: &str = "/organizations/{organization}/roles/{roleName}";
    /// The groups of an organization. Query: `q`, `after`. POST makes one.
    pub(crate) const GROUPS: &str = "/organizations/{organization}/groups";
    /// One of them. POST with `do` changes it.
    pub(crate) const GROUP: &str = "/organizations/{organization}/groups/{groupName}";
    pub(crate) use doorward_domain::oauth2::endpoints::{AUTHORIZE, END_SESSION};
}

/// Server-rendered pages, and probes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page;

impl Convention for Page {
    fn limit(&self) -> Limit {
        Limit::Api
    }

    fn refuse(&self, asked: &Asked<'_>, refusal: &Refusal<'_>) -> HttpResponse {
        if refusal.is_for_programs && wish(asked.request) != Wish::Page {
            return error::api_error(refusal.status, &refusal.message, &refusal.detail);
        }
        refused(asked, refusal)
    }

    fn failed(&self, asked: &Asked<'_>, error: Error) -> HttpResponse {
        failed(asked, &error)
    }

    fn failed_oauth(&self, asked: &Asked<'_>, error: &OAuthError) -> HttpResponse {
        failed_oauth(asked, error)
    }

    fn dress(&self, headers: &mut HeaderMap, site: &Site) {
        headers::guard(headers, site);
    }

    fn family(&self) -> Family {
        Family::Page
    }
}

impl Authenticate for Page {
    async fn authenticate(&self, call: &mut Call) -> Result<Principal, Failure> {
        caller::authenticate(call, CookieProof::Form).await
    }
}

/// A refusal as a page, or as JSON for a program that asks for it.
pub(super) fn refused(asked: &Asked<'_>, refusal: &Refusal<'_>) -> HttpResponse {
    tell(asked, refusal.status, &Told::new(refusal.title, &refusal.explanation))
}

/// What went wrong: a page for people, JSON for a program that asks for it.
pub(crate) fn problem(call: &Call, status: StatusCode, title: &str, explanation: &str) -> HttpResponse {
    tell(&call.asked(), status, &Told::new(title, explanation))
}

/// The same, with all that the page can say.
pub(crate) fn problem_of(call: &Call, status: StatusCode, told: &Told<'_>) -> HttpResponse {
    tell(&call.asked(), status, told)
}

/// The answer to a request for what is not there.
pub(crate) fn not_found(call: &Call) -> HttpResponse {
    refused(&call.asked(), &Refusal::not_found())
}

fn tell(asked: &Asked<'_>, status: StatusCode, told: &Told<'_>) -> HttpResponse {
    if wish(asked.request) == Wish::Json {
        return error::api_error(status, told.title, told.explanation);
    }
    page_of(asked, status, told)
}

/// Where most error pages lead.
const START: Link<'static> = Link { href: paths::HOME, text: "To the start page" };

/// What an error page says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told<'a> {
    pub(crate) title: &'a str,
    pub(crate) explanation: &'a str,
    /// For whoever can mend it, in small print; may be empty.
    pub(crate) detail: &'a str,
    /// False where the person did it, and nothing is wrong.
    pub(crate) is_error: bool,
    pub(crate) back: Option<Link<'a>>,
}

impl<'a> Told<'a> {
    /// That, with the way to the start page.
    pub(crate) const fn new(title: &'a str, explanation: &'a str) -> Self {
        Self { title, explanation, detail: "", is_error: true, back: Some(START) }
    }
}

/// Any failure that a person sees.
#[derive(Debug, Clone, Template)]
#[template(path = "error.html")]
pub(crate) struct ErrorPage<'a> {
    pub(crate) brand: Brand<'a>,
    /// The status of the answer.
    pub(crate) status: u16,
    pub(crate) told: Told<'a>,
    /// What the operator finds in the log.
    pub(crate) request_id: Option<&'a str>,
}

only_logo!(ErrorPage);

/// A page that says what went wrong.
pub(crate) fn error_page(asked: &Asked<'_>, status: StatusCode, title: &str, explanation: &str) -> HttpResponse {
    page_of(asked, status, &Told::new(title, explanation))
}

fn page_of(asked: &Asked<'_>, status: StatusCode, told: &Told<'_>) -> HttpResponse {
    let id = asked.id.map(|id| id.to_string());
    // Whatever is wrong, the database is not asked for it.
    let look = remembered(&asked.site.context);
    let brand = Brand::of(asked.site, &look);
    let page = ErrorPage { brand, status: status.as_u16(), told: *told, request_id: id.as_deref() };
    render(status, &page, &FormAction::own())
}

/// The answer to a request that the authorization server refuses.
pub(super) fn failed_oauth(asked: &Asked<'_>, error: &OAuthError) -> HttpResponse {
    if wish(asked.request) != Wish::Page {
        return error::oauth(error);
    }
    // Status, log and headers are those of the answer to a program.
    let program = error::oauth(error);
    let mut response = if program.status().is_server_error() {
        error_page(asked, program.status(), AWAY, AWAY_TEXT)
    } else if program.status() == StatusCode::TOO_MANY_REQUESTS {
        error_page(asked, program.status(), "Too many requests", "Wait a minute, then try again.")
    } else {
        let explanation = "The application sent you here with a request that is not accepted, so nothing was done. Go back to it \
                           and try again, or tell whoever runs it.";
        let told = Told { detail: &error.description, ..Told::new("This did not work", explanation) };
        page_of(asked, program.status(), &told)
    };
    if let Some(value) = program.headers().get(header::RETRY_AFTER) {
        response.headers_mut().insert(header::RETRY_AFTER, value.clone());
    }
    response
}

/// What is said while the database, or something else that every page needs, is away. Why is for the log.
const AWAY: &str = "Not available at the moment";
const AWAY_TEXT: &str = "The server cannot answer now. Please try again in a moment.";

/// The answer to a request that failed.
pub(super) fn failed(asked: &Asked<'_>, error: &Error) -> HttpResponse {
    let api = error::api(asked.site, asked.request.uri().path(), error);
    if wish(asked.request) == Wish::Json {
        return api;
    }
    let (title, explanation): (&str, Cow<'_, str>) = match error {
        Error::Unauthenticated { .. } => return sign_in_first(asked.request),
        Error::NotFound | Error::NoSuch(_) | Error::UserNotFound | Error::OrganizationNotFound(_) => {
            ("Not found", "This does not exist, or you may not see it.".into())
        }
        Error::Forbidden(_) => ("Not allowed", "Your account has no permission to do this.".into()),
        // The sign-in page goes on with it; other pages have nothing to go on with.
        Error::SecondFactor(_) => ("A second factor is needed", "Sign in on the sign-in page.".into()),
        Error::Refused(message) | Error::Precondition(message) | Error::WrongState(message) => {
            ("Not allowed", message.into())
        }
        Error::Invalid { message, .. } | Error::Conflict { message, .. } => ("This did not work", message.into()),
        Error::TooManyAttempts { retry_after } => {
            let wait = wait_in_words(error::whole_seconds_up(*retry_after));
            ("Too many attempts", format!("Try again in {wait}.").into())
        }
        Error::Unavailable { .. } => (AWAY, AWAY_TEXT.into()),
        Error::Upstream(message) => ("The identity provider", message.into()),
        Error::Internal(_) => (
            "Something went wrong",
            "The server could not do this. Its administrator finds the cause in the log.".into(),
        ),
    };
    // Programs are told 400 of a user who is not there, as Coder does it; a page that is not there is 404.
    let status = if matches!(error, Error::UserNotFound) { StatusCode::NOT_FOUND } else { api.status() };
    let mut response = error_page(asked, status, title, &explanation);
    for name in [header::RETRY_AFTER, header::WWW_AUTHENTICATE] {
        if let Some(value) = api.headers().get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

/// Why somebody is asked to sign in. Only this text is shown, whatever a link says.
pub(crate) const SIGN_IN_FIRST: &str = "Sign in to continue.";

/// Path and query of a request, as it was sent.
pub(crate) fn path_and_query(request: &HttpRequest) -> &str {
    request.uri().path_and_query().map_or("/", |path| path.as_str())
}

/// Sends the browser to the sign-in page, from where it comes back to this very request.
pub(crate) fn sign_in_first(request: &HttpRequest) -> HttpResponse {
    sign_in_for(path_and_query(request))
}

/// Sends the browser to the sign-in page, from where it goes to this path and query of ours.
pub(crate) fn sign_in_for(target: &str) -> HttpResponse {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("message", SIGN_IN_FIRST)
        .append_pair("redirect", target)
        .finish();
    redirect(StatusCode::SEE_OTHER, &format!("{}?{query}", paths::LOGIN))
}
