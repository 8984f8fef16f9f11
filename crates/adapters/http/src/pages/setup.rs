//! First set-up in the browser.

use super::{OUT_OF_DATE, second_step, stale_for_programs, with_token};
use crate::conventions::Page;
use crate::conventions::page::{Told, paths, problem_of};
use crate::kit::answer::redirect;
use crate::kit::call::Call;
use crate::kit::csrf::{self, Purpose};
use crate::kit::error::HandlerResult;
use crate::kit::extract::form::secret;
use crate::kit::html::headers::{FormAction, only_logo, render};
use crate::kit::html::layout::{Brand, Link};
use crate::kit::limits::Limit;
use crate::kit::routes::Routes;
use crate::sessions::{session_cookie, set_cookie};
use crate::users::setup_proof;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use doorward_domain::Secret;
use doorward_services::appearance::of_pages;
use doorward_services::identity_providers::on_offer;
use doorward_services::{Error, FieldError, sessions, users};
use serde::Deserialize;
use utoipa::ToSchema;

/// The rule for passwords, as the person who chooses one reads it.
pub(super) const PASSWORD_HINT: &str = "12 to 64 characters. Fewer will do when capitals, digits and symbols are mixed. Repeats and \
                             runs such as 1234 count for little.";

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Page);
    r.public(__path_show, show);
    r.public(__path_submit, submit).limit(Limit::Login);
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

only_logo!(Setup);

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

/// Shows the form for the first account.
#[utoipa::path(
    get, path = paths::SETUP, tag = "pages", operation_id = "setup_form",
    params(("token" = Option<String>, Query, description = "One-time token of the set-up link")),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 403, body = String, content_type = "text/html", description = "The link is needed"),
        (status = 303, description = "The server is set up already"),
    ),
)]
pub(crate) async fn show(call: Call) -> HandlerResult {
    if users::first_exists(call.context()).await? {
        return Ok(redirect(StatusCode::SEE_OTHER, paths::HOME));
    }
    let proof = setup_proof(&call, None);
    if !users::may_set_up(call.context(), &proof) {
        return Ok(needs_link(&call, &proof));
    }
    if let Some(told) = needs_passwords(&call) {
        return Ok(told);
    }
    page(&call, StatusCode::OK, &SetupForm::default(), &proof, "", &[]).await
}

/// The page for whoever comes without the link, or with one that is not right. All other pages lead here.
fn needs_link(call: &Call, proof: &users::SetupProof) -> HttpResponse {
    const TITLE: &str = "Open the set-up link";
    const TEXT: &str = "This server has no users yet. Whoever runs it finds a link in its log, or in the terminal where it was \
                        started: the first account is made under that link, and only there.";
    const WRONG: &str = "This link is wrong, or the server has made another one since, as it does when it starts. Whoever runs \
                         it finds the link in its log, or in the terminal where it was started.";
    let has_token = matches!(proof, users::SetupProof::Token(Some(token)) if !token.expose().is_empty());
    let told = if has_token { Told::new("This set-up link does not work", WRONG) } else { Told::new(TITLE, TEXT) };
    problem_of(call, StatusCode::FORBIDDEN, &Told { back: None, ..told })
}

/// The page of a server where nobody can sign in with a password: the first account would have nothing else.
fn needs_passwords(call: &Call) -> Option<HttpResponse> {
    const TEXT: &str = "This server has no users yet, and the first account signs in with a password, which the setting \
                        session.password_login turns off. Turn it on, start the server anew and create the account. Once it \
                        signs in through an identity provider, passwords can be turned off again.";
    const THERE: &str =
        "This server has no users yet. The first account is made by signing in through an identity provider.";
    if sessions::auth_methods(call.context()).password {
        return None;
    }
    let offers = on_offer(call.context());
    let makes_owner = call.context().settings.oidc.first_user_is_owner;
    let Some(offer) = offers.first().filter(|_offer| makes_owner) else {
        let told = Told { back: None, ..Told::new("Turn passwords on first", TEXT) };
        return Some(problem_of(call, StatusCode::FORBIDDEN, &told));
    };
    let (href, text) = (offer.way.path(), format!("Continue with {}", offer.name));
    let back = Some(Link { href: &href, text: &text });
    let told = Told { back, is_error: false, ..Told::new("Create the first account", THERE) };
    Some(problem_of(call, StatusCode::FORBIDDEN, &told))
}

/// The form for the first account.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = SetupForm)]
pub(crate) struct SetupForm {
    #[schema(value_type = String, required)]
    csrf_token: Option<String>,
    #[serde(default, deserialize_with = "secret")]
    #[schema(value_type = Option<String>)]
    token: Option<Secret<String>>,
    #[schema(value_type = String, required)]
    email: Option<String>,
    #[schema(value_type = String, required)]
    username: Option<String>,
    name: Option<String>,
    #[serde(default, deserialize_with = "secret")]
    #[schema(value_type = String, required)]
    password: Option<Secret<String>>,
}

/// Creates the first account and signs it in.
#[utoipa::path(
    post, path = paths::SETUP, tag = "pages", operation_id = "set_up",
    request_body(content = SetupForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 303, description = "Done, or the server is set up already"),
        (status = 403, body = String, content_type = "text/html", description = "The link is needed"),
    ),
)]
pub(crate) async fn submit(mut call: Call) -> HandlerResult {
    let form: SetupForm = call.form()?.read()?;
    let proof = setup_proof(&call, form.token.clone());
    if users::first_exists(call.context()).await? {
        return Ok(redirect(StatusCode::SEE_OTHER, paths::LOGIN));
    }
    if let Some(told) = needs_passwords(&call) {
        return Ok(told);
    }
    if csrf::check_anonymous(&call, Purpose::SetUp, form.csrf_token.as_deref()).is_err() {
        stale_for_programs(&call)?;
        if !users::may_set_up(call.context(), &proof) {
            return Ok(needs_link(&call, &proof));
        }
        return page(&call, StatusCode::BAD_REQUEST, &form, &proof, OUT_OF_DATE, &[]).await;
    }
    let password = form.password.clone().unwrap_or_else(|| "".into());
    let email = form.email.clone().unwrap_or_default();
    let command = users::CreateFirstUser {
        email: email.clone(),
        username: form.username.clone().unwrap_or_default(),
        name: form.name.clone().unwrap_or_default(),
        password: password.clone(),
        proof: proof.clone(),
    };
    match users::create_first(call.context(), command, &call.origin).await {
        Ok(_) => {}
        Err(Error::Invalid { message, fields, .. }) => {
            return page(&call, StatusCode::BAD_REQUEST, &form, &proof, &message, &fields).await;
        }
        Err(Error::Refused(_)) => return Ok(needs_link(&call, &proof)),
        Err(Error::Conflict { .. }) => return Ok(redirect(StatusCode::SEE_OTHER, paths::LOGIN)),
        Err(error) => return Err(error.into()),
    }
    let signed_in = match sessions::login(call.context(), sessions::Login { email, password }, &call.origin).await {
        Ok(signed_in) => signed_in,
        // Owners must have one.
        Err(Error::SecondFactor(challenge)) => return second_step::ask(&call, paths::HOME, challenge).await,
        Err(error) => return Err(error.into()),
    };
    let mut response = redirect(StatusCode::SEE_OTHER, paths::HOME);
    set_cookie(&mut response, &session_cookie(&call.site, signed_in.session.token.expose()))?;
    Ok(response)
}

async fn page(
    call: &Call,
    status: StatusCode,
    form: &SetupForm,
    proof: &users::SetupProof,
    message: &str,
    errors: &[FieldError],
) -> HandlerResult {
    let link_token = match proof {
        users::SetupProof::Token(Some(token)) => Some(token.expose().as_str()),
        users::SetupProof::Token(None) | users::SetupProof::Local => None,
    };
    let error_of =
        |name: &str| errors.iter().find(|error| error.field == name).map(|error| in_words(name, &error.detail));
    let faults = [error_of("email"), error_of("username"), error_of("name"), error_of("password")];
    let [email_error, username_error, name_error, password_error] = &faults;
    let error = Some(message).filter(|message| !message.is_empty() && faults.iter().all(Option::is_none));
    let look = of_pages(call.context()).await;
    with_token(call, Purpose::SetUp, |token| {
        let page = Setup {
            brand: Brand::of(&call.site, &look),
            csrf_token: token,
            link_token,
            email: field(form.email.as_deref(), email_error.as_deref()),
            username: field(form.username.as_deref(), username_error.as_deref()),
            name: field(form.name.as_deref(), name_error.as_deref()),
            password_error: password_error.as_deref(),
            error,
        };
        render(status, &page, &FormAction::own())
    })
}

fn field<'a>(value: Option<&'a str>, error: Option<&'a str>) -> Field<'a> {
    Field { value: value.unwrap_or_default(), error }
}

/// What is wrong with a field, for a person: details that name a rule are meant for programs.
pub(super) fn in_words(field: &str, detail: &str) -> String {
    let is_rule = detail.starts_with("Validation failed for tag");
    match field {
        _ if detail.contains("\"required\"") => "Please fill this in.".to_owned(),
        "password" if detail.starts_with("insecure password") => {
            "Too easy to guess. Make it longer, or mix capitals, digits and symbols.".to_owned()
        }
        "email" if is_rule => "This is not an email address.".to_owned(),
        "username" if is_rule => "Use letters, digits and single hyphens, up to 32.".to_owned(),
        "name" if is_rule => "At most 128 characters, without spaces at either end.".to_owned(),
        _ => super::sentence(detail),
    }
}
