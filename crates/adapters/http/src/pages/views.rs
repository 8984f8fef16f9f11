//! One struct per page. They take words, not entities: a handler decides what is shown, a template how.

use std::borrow::Cow;

use askama::Template;
use doorward_services::oauth2::{Caution, ScopeText};

use super::{assets, links, moment::Moment, paths};
use crate::site::Site;

/// The rule for passwords, as the person who chooses one reads it.
const PASSWORD_HINT: &str = "12 to 64 characters. Fewer will do when capitals, digits and symbols are mixed. Repeats and \
                             runs such as 1234 count for little.";

/// The name and logo at the top of every page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Brand<'a> {
    /// The name of the product, or the operator's own.
    pub(crate) name: &'a str,
    /// The operator's logo; ours when absent or not fit for an `img`.
    pub(crate) logo_url: Option<&'a str>,
    /// The path of the access URL, without trailing slash; every link to a page of ours begins with it.
    pub(crate) base: &'a str,
}

impl Default for Brand<'_> {
    fn default() -> Self {
        Self { name: "Doorward", logo_url: None, base: "" }
    }
}

impl<'a> Brand<'a> {
    /// That of a site.
    pub(crate) fn of(site: &'a Site) -> Self {
        Self { base: site.base(), ..Self::default() }
    }

    /// The link to a path of ours.
    fn to(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn logo(&self) -> Cow<'_, str> {
        self.logo_url
            .and_then(links::safe_icon)
            .map_or_else(|| Cow::Owned(format!("{}?v={}", self.to("/assets/logo.svg"), assets::VERSION)), Cow::Borrowed)
    }
}

/// The signed-in user.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Person<'a> {
    pub(crate) username: &'a str,
    pub(crate) email: &'a str,
    /// The real name; may be empty.
    pub(crate) name: &'a str,
}

impl<'a> Person<'a> {
    fn display_name(&self) -> &'a str {
        if self.name.is_empty() { self.username } else { self.name }
    }

    fn initial(&self) -> Cow<'static, str> {
        initial(self.display_name())
    }
}

/// The letter shown where a picture is missing: the first letter or digit of the name.
fn initial(name: &str) -> Cow<'static, str> {
    match name.chars().find(|c| c.is_alphanumeric()) {
        Some(letter) => Cow::Owned(letter.to_string()),
        None => Cow::Borrowed("?"),
    }
}

/// What was typed into a field, and what is wrong with it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Field<'a> {
    pub(crate) value: &'a str,
    pub(crate) error: Option<&'a str>,
}

/// Creation of the first owner. POSTs to [`paths::SETUP`]: `csrf_token`, `token`, `email`, `username`, `name`, `password`.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "setup.html")]
pub(crate) struct Setup<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) csrf_token: &'a str,
    /// The one-time token of the link that led here.
    pub(crate) link_token: Option<&'a str>,
    pub(crate) email: Field<'a>,
    pub(crate) username: Field<'a>,
    pub(crate) name: Field<'a>,
    /// The password itself is never shown again.
    pub(crate) password_error: Option<&'a str>,
    /// What is wrong with the whole form.
    pub(crate) error: Option<&'a str>,
}

impl Setup<'_> {
    /// The id of the first field that is wrong, which takes the focus; empty when none is.
    fn first_error(&self) -> &'static str {
        [
            ("email", self.email.error),
            ("username", self.username.error),
            ("name", self.name.error),
            ("password", self.password_error),
        ]
        .into_iter()
        .find_map(|(id, error)| error.map(|_| id))
        .unwrap_or_default()
    }
}

/// A sign-in by somebody else: a link that starts it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Provider<'a> {
    /// The whole text of the button: `Continue with GitHub`.
    pub(crate) label: &'a str,
    /// Our own path that starts the sign-in, with the place to come back to in its query.
    pub(crate) href: &'a str,
    pub(crate) icon: Option<&'a str>,
}

/// Sign-in. POSTs to [`paths::LOGIN`]: `csrf_token`, `redirect`, `email`, `password`.
///
/// Render it with [`FormAction::after_sign_in`](super::headers::FormAction::after_sign_in).
#[derive(Debug, Clone, Default, Template)]
#[template(path = "sign_in.html")]
pub(crate) struct SignIn<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) csrf_token: &'a str,
    /// Path and query to go to afterwards. The handler checks it again when it comes back.
    pub(crate) redirect: &'a str,
    /// What was typed before, after a failure.
    pub(crate) email: &'a str,
    /// The application whose request brought the user here; it takes the place of `message`.
    pub(crate) app: Option<&'a str>,
    /// Why the user is here (`?message=`).
    pub(crate) message: Option<&'a str>,
    /// Why the last attempt failed.
    pub(crate) error: Option<&'a str>,
    /// False hides the form and says so.
    pub(crate) password_enabled: bool,
    pub(crate) providers: Vec<Provider<'a>>,
}

impl SignIn<'_> {
    /// The id of the message that tells why the last attempt failed; empty without one.
    fn error_id(&self) -> &'static str {
        if self.error.is_some() { "sign-in-error" } else { "" }
    }
}

/// A scope, in words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// The name on the wire: `workspace:read`.
    pub(crate) name: &'a str,
    /// What it is about: `Workspaces`.
    pub(crate) topic: &'a str,
    /// What it lets an application do, continuing `It will be able to`: `See your workspaces`.
    pub(crate) description: &'a str,
    /// Set when it asks for care: why, or nothing when its description says it.
    pub(crate) caution: Option<&'a str>,
}

impl<'a> From<&'a ScopeText> for Scope<'a> {
    fn from(text: &'a ScopeText) -> Self {
        let caution = text.caution.map(|caution| match caution {
            Caution::Roles => "Not only what is yours: your roles reach what belongs to others.",
            Caution::Sensitive => "",
        });
        Self { name: &text.name, topic: text.topic, description: text.description, caution }
    }
}

/// What is granted.
#[derive(Debug, Clone)]
pub(crate) enum Access<'a> {
    /// Everything the user can do.
    Full,
    /// These scopes and nothing else.
    Scopes(Vec<Scope<'a>>),
}

/// Who vouches for the application's name and redirect URIs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Registration<'a> {
    /// An administrator of this server created it.
    Administrator,
    /// It registered itself (RFC 7591).
    #[cfg_attr(not(test), expect(dead_code, reason = "no app can register itself yet"))]
    Itself,
    /// Its `client_id` is the URL of its metadata document.
    #[cfg_attr(not(test), expect(dead_code, reason = "no app is known by its document yet"))]
    Document {
        /// The host of that URL.
        host: &'a str,
        /// True when every redirect URI of the document is loopback, so that any program on the device can pose as it.
        only_loopback: bool,
    },
}

impl Registration<'_> {
    fn is_loopback_document(&self) -> bool {
        matches!(self, Self::Document { only_loopback: true, .. })
    }
}

/// Consent. POSTs to its own URL with its query: `csrf_token`, which is good for this user and this query only. `Switch user` is a form of its own, which POSTs to
/// [`paths::LOGOUT`]: `csrf_token`, `redirect`.
///
/// Render it with [`FormAction::toward`](super::headers::FormAction::toward) of the redirect URI.
#[derive(Debug, Clone, Template)]
#[template(path = "consent.html")]
pub(crate) struct Consent<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) csrf_token: &'a str,
    pub(crate) sign_out_token: &'a str,
    /// Why the page is shown again.
    pub(crate) notice: Option<&'a str>,
    pub(crate) user: Person<'a>,
    pub(crate) app_name: &'a str,
    /// As stored; the page leaves it out when it is not fit for an `img`.
    pub(crate) app_icon: Option<&'a str>,
    pub(crate) registered: Registration<'a>,
    pub(crate) access: Access<'a>,
    /// The roles that let what is granted reach what belongs to others: `Owner of this server`.
    pub(crate) standing: Option<&'a str>,
    /// The redirect URI of this request, after it has been matched. The page shows its host.
    pub(crate) redirect_uri: &'a str,
    /// The resource (RFC 8707) the token will be bound to.
    pub(crate) resource: Option<&'a str>,
    /// The redirect URI with `error=access_denied` and what belongs to it.
    pub(crate) cancel_url: &'a str,
    /// Path and query of this request, to come back to after `Switch user`.
    pub(crate) return_to: &'a str,
}

/// The scopes that ask for care, and the others. They come sorted like that.
fn cautions_first<'s, 'a>(scopes: &'s [Scope<'a>]) -> (&'s [Scope<'a>], &'s [Scope<'a>]) {
    scopes.split_at(scopes.partition_point(|scope| scope.caution.is_some()))
}

/// Scopes that are about the same thing and stand together.
fn by_topic<'s, 'a>(scopes: &'s [Scope<'a>]) -> impl Iterator<Item = (&'a str, &'s [Scope<'a>])> {
    scopes
        .chunk_by(|one, next| one.topic == next.topic)
        .map(|group| (group.first().map_or("", |scope| scope.topic), group))
}

impl Consent<'_> {
    fn destination(&self) -> Cow<'_, str> {
        links::destination(self.redirect_uri)
    }

    fn cancel_href(&self) -> String {
        links::safe_href(self.cancel_url).map_or_else(|| self.brand.to(paths::HOME), str::to_owned)
    }
}

/// One application the user has allowed.
#[derive(Debug, Clone)]
pub(crate) struct AuthorizedApp<'a> {
    /// Comes back as `client_id` when the user revokes it.
    pub(crate) client_id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) icon: Option<&'a str>,
    pub(crate) authorized: Moment,
    pub(crate) last_used: Option<Moment>,
    /// Of all its grants together.
    pub(crate) access: Access<'a>,
    /// How many grants are alive.
    pub(crate) grants: usize,
}

/// The applications the user has allowed. Each revoke form POSTs to its own URL: `csrf_token`, `client_id`.
#[derive(Debug, Clone, Template)]
#[template(path = "authorized_apps.html")]
pub(crate) struct AuthorizedApps<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) csrf_token: &'a str,
    pub(crate) sign_out_token: &'a str,
    pub(crate) user: Person<'a>,
    /// What has just been done: `Access of Atlas is revoked.`
    pub(crate) notice: Option<&'a str>,
    /// Why nothing has been done.
    pub(crate) caution: Option<&'a str>,
    pub(crate) apps: Vec<AuthorizedApp<'a>>,
}

/// A way on from an error page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link<'a> {
    /// A path of this server.
    pub(crate) href: &'a str,
    pub(crate) text: &'a str,
}

/// Any failure that a person sees.
#[derive(Debug, Clone, Template)]
#[template(path = "error.html")]
pub(crate) struct ErrorPage<'a> {
    pub(crate) brand: Brand<'a>,
    /// The status of the answer.
    pub(crate) status: u16,
    pub(crate) title: &'a str,
    pub(crate) explanation: &'a str,
    /// What the operator finds in the log.
    pub(crate) request_id: Option<&'a str>,
    pub(crate) back: Option<Link<'a>>,
}

/// The account of the signed-in user.
#[derive(Debug, Clone, Template)]
#[template(path = "home.html")]
pub(crate) struct Home<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) sign_out_token: &'a str,
    /// For calls of the API by scripts of this page, should there be any.
    pub(crate) api_token: &'a str,
    pub(crate) user: Person<'a>,
    /// Display names of the site roles; empty reads `Member`.
    pub(crate) roles: Vec<&'a str>,
}

/// Makes a key for a command line. POSTs to [`paths::CLI_AUTH`]: `csrf_token`.
#[derive(Debug, Clone, Template)]
#[template(path = "cli_auth.html")]
pub(crate) struct CliAuth<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) csrf_token: &'a str,
    pub(crate) sign_out_token: &'a str,
    pub(crate) user: Person<'a>,
    /// Why nothing has been done.
    pub(crate) notice: Option<&'a str>,
    /// The key, once it is made.
    pub(crate) key: Option<&'a str>,
}

/// The answer to a sign-out.
#[derive(Debug, Clone, Copy, Default, Template)]
#[template(path = "signed_out.html")]
pub(crate) struct SignedOut<'a> {
    pub(crate) brand: Brand<'a>,
}
