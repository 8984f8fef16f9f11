//! The accounts at identity providers with which the signed-in user signs in (`identity.md` 2.10).

use super::{OUT_OF_DATE, sign_out_token, signed_in, stale_for_programs};
use crate::conventions::Page;
use crate::conventions::page::{Done, paths};
use crate::identity_providers::flow_cookie;
use crate::kit::answer::redirect;
use crate::kit::call::Call;
use crate::kit::csrf::{self, Purpose};
use crate::kit::error::{Failure, HandlerResult, whole_seconds_up};
use crate::kit::extract::form::secret;
use crate::kit::html::headers::{FormAction, Illustrated, render};
use crate::kit::html::layout::{Brand, Person};
use crate::kit::html::moment::TimeElement;
use crate::kit::limits::Limit;
use crate::kit::routes::Routes;
use crate::kit::waiting::wait_in_words;
use crate::sessions::set_cookie;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use askama::Template;
use doorward_domain::identity_providers::LINK_REQUEST_LIFETIME;
use doorward_domain::{Secret, wire};
use doorward_services::appearance::of_pages;
use doorward_services::identity_providers::{self, AskedLink, OnOffer, OwnLink, on_offer};
use doorward_services::users::UserRef;
use doorward_services::{Error, Principal};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Page);
    r.recognized(__path_list, list);
    r.recognized(__path_begin, begin).limit(Limit::Login);
    r.recognized(__path_remove, remove);
    r.public(__path_back, back);
}

/// A link of the user.
#[derive(Debug, Clone)]
pub(crate) struct LinkedAccount<'a> {
    /// Comes back as `link` when it is removed.
    pub(crate) id: String,
    /// What people know the provider as.
    pub(crate) provider: &'a str,
    /// The id of the account there.
    pub(crate) subject: &'a str,
    /// Whether name, mail address and memberships follow it.
    pub(crate) is_main: bool,
    /// Whether the provider lets anybody in now.
    pub(crate) is_usable: bool,
    pub(crate) linked: TimeElement,
    pub(crate) last_used: TimeElement,
}

/// A provider at which an account can be linked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Linkable<'a> {
    /// Comes back as `provider`.
    pub(crate) name: &'a str,
    /// What people know it as.
    pub(crate) shown_name: &'a str,
    pub(crate) icon: Option<&'a str>,
}

/// The links of the user. POSTs to [`paths::LINKS`]: `csrf_token`, `provider`, and `password` where it is asked; to
/// [`paths::REMOVE_LINK`]: `csrf_token`, `link`.
///
/// Render it with [`form_action`].
#[derive(Debug, Clone, Template)]
#[template(path = "links.html")]
pub(crate) struct LinkedAccounts<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) link_token: &'a str,
    pub(crate) remove_token: &'a str,
    pub(crate) sign_out_token: &'a str,
    pub(crate) user: Person<'a>,
    /// What has just been done.
    pub(crate) notice: Option<&'a str>,
    /// Why nothing has been done.
    pub(crate) caution: Option<&'a str>,
    /// Whether the user proves who they are by the password.
    pub(crate) asks_password: bool,
    /// What is wrong with it.
    pub(crate) password_error: Option<&'a str>,
    /// Where users without one prove who they are, each with what it is called.
    pub(crate) proofs: Vec<(&'a str, String)>,
    pub(crate) links: Vec<LinkedAccount<'a>>,
    pub(crate) providers: Vec<Linkable<'a>>,
}

impl LinkedAccounts<'_> {
    /// What the page says where there are none.
    fn nothing(&self) -> &'static str {
        if self.providers.is_empty() {
            "This server has no identity provider at which accounts could be linked."
        } else {
            "When you link an account at an identity provider, it appears here."
        }
    }
}

impl Illustrated for LinkedAccounts<'_> {
    fn pictures(&self) -> Vec<&str> {
        self.brand.logo_url.into_iter().chain(self.providers.iter().filter_map(|provider| provider.icon)).collect()
    }
}

/// Shows the accounts at identity providers with which the signed-in user signs in.
#[utoipa::path(
    get, path = paths::LINKS, tag = "pages", operation_id = "links",
    params(("done" = Option<String>, Query, description = "What has just been done: `linked` or `unlinked`")),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn list(call: Call, who: Result<Principal, Failure>) -> HandlerResult {
    let actor = signed_in(&call.request, who)?;
    let done = Done::read(&call.request, &[Done::Linked, Done::Unlinked]);
    page(&call, &actor, StatusCode::OK, done.map_or(Words::None, |done| Words::Notice(done.words()))).await
}

/// The form that links an account at a provider.
#[derive(Deserialize, ToSchema)]
#[schema(as = LinkForm)]
pub(crate) struct LinkForm {
    #[schema(value_type = String, required)]
    csrf_token: Option<String>,
    /// The provider by its name in the settings.
    #[schema(value_type = String, required)]
    provider: Option<String>,
    /// The present password, of users who sign in with one.
    #[serde(default, deserialize_with = "secret")]
    #[schema(value_type = Option<String>)]
    password: Option<Secret<String>>,
}

/// Begins to link an account, as `POST /api/v2/users/me/links` does, and sends the browser to the provider.
#[utoipa::path(
    post, path = paths::LINKS, tag = "pages", operation_id = "begin_link",
    request_body(content = LinkForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 303, description = "To the provider, or the user must sign in first"),
        (status = 401, body = String, content_type = "text/html", description = "The password is wrong"),
    ),
)]
pub(crate) async fn begin(mut call: Call, who: Result<Principal, Failure>) -> HandlerResult {
    let form: LinkForm = call.form()?.read()?;
    let actor = signed_in(&call.request, who)?;
    if csrf::check(&call, &actor, Purpose::Link, "", form.csrf_token.as_deref()).is_err() {
        stale_for_programs(&call)?;
        return page(&call, &actor, StatusCode::BAD_REQUEST, Words::Caution(OUT_OF_DATE)).await;
    }
    let asked = AskedLink {
        provider: form.provider.unwrap_or_default(),
        password: form.password.unwrap_or_else(|| "".into()),
        deployment: call.site.settings.deployment_id.clone(),
    };
    let begun = identity_providers::begin_link(call.context(), &actor, &UserRef::Me, asked, &call.origin).await;
    let (status, told, wait) = match begun {
        Ok(begun) => {
            let query = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("oidc_merge_state", begun.state.expose())
                .append_pair("redirect", paths::LINKS)
                .finish();
            let mut response = redirect(StatusCode::SEE_OTHER, &format!("{}?{query}", begun.way.path()));
            let cookie = flow_cookie(&call, wire::OAUTH_CONVERT_COOKIE, begun.token.expose(), LINK_REQUEST_LIFETIME);
            set_cookie(&mut response, &cookie)?;
            return Ok(response);
        }
        Err(Error::Unauthenticated { .. }) => {
            return page(&call, &actor, StatusCode::UNAUTHORIZED, Words::Password("The password is wrong.")).await;
        }
        Err(Error::Invalid { fields, .. }) if fields.iter().any(|field| field.field == "password") => {
            let told = Words::Password("Enter your password, so that we know it is you.");
            return page(&call, &actor, StatusCode::BAD_REQUEST, told).await;
        }
        Err(Error::Invalid { .. }) => (StatusCode::BAD_REQUEST, "There is no such provider here.".to_owned(), None),
        Err(Error::Refused(message)) => (StatusCode::FORBIDDEN, message, None),
        Err(Error::TooManyAttempts { retry_after }) => {
            let seconds = whole_seconds_up(retry_after);
            let told = format!("Too many failed attempts. Try again in {}.", wait_in_words(seconds));
            (StatusCode::TOO_MANY_REQUESTS, told, Some(seconds))
        }
        Err(error) => return Err(error.into()),
    };
    let mut response = page(&call, &actor, status, Words::Caution(&told)).await?;
    if let Some(seconds) = wait {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(response)
}

/// The form that removes a link.
#[derive(Deserialize, ToSchema)]
#[schema(as = RemoveLinkForm)]
pub(crate) struct RemoveLinkForm {
    #[schema(value_type = String, required)]
    csrf_token: Option<String>,
    /// The id of the link.
    #[schema(value_type = Uuid, required)]
    link: Option<String>,
}

/// Removes a link, as `DELETE /api/v2/users/me/links/{link}` does. The last way to sign in stays.
#[utoipa::path(
    post, path = paths::REMOVE_LINK, tag = "pages", operation_id = "remove_link",
    request_body(content = RemoveLinkForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 303, description = "Done, or the user must sign in first"),
        (status = 409, body = String, content_type = "text/html", description = "Nothing else would let the user in"),
    ),
)]
pub(crate) async fn remove(mut call: Call, who: Result<Principal, Failure>) -> HandlerResult {
    let form: RemoveLinkForm = call.form()?.read()?;
    let actor = signed_in(&call.request, who)?;
    if csrf::check(&call, &actor, Purpose::Unlink, "", form.csrf_token.as_deref()).is_err() {
        stale_for_programs(&call)?;
        return page(&call, &actor, StatusCode::BAD_REQUEST, Words::Caution(OUT_OF_DATE)).await;
    }
    let link = Uuid::try_parse(&form.link.unwrap_or_default()).unwrap_or_default();
    match identity_providers::unlink(call.context(), &actor, &UserRef::Me, link).await {
        Ok(()) => {}
        Err(Error::Conflict { message, .. }) => {
            let told = format!("Nothing was removed. {message}");
            return page(&call, &actor, StatusCode::CONFLICT, Words::Caution(&told)).await;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(redirect(StatusCode::SEE_OTHER, &Done::Unlinked.at(paths::LINKS)))
}

/// Leads whoever loads the address anew back to the list.
#[utoipa::path(
    get, path = paths::REMOVE_LINK, tag = "pages", operation_id = "remove_link_again",
    responses((status = 303, description = "To the list")),
)]
pub(crate) async fn back(_: Call) -> HandlerResult {
    Ok(redirect(StatusCode::SEE_OTHER, paths::LINKS))
}

/// What the page says besides.
#[derive(Clone, Copy)]
enum Words<'a> {
    /// Nothing.
    None,
    /// What has been done.
    Notice(&'a str),
    /// Why nothing has been done.
    Caution(&'a str),
    /// What is wrong with the password.
    Password(&'a str),
}

async fn page(call: &Call, actor: &Principal, status: StatusCode, words: Words<'_>) -> HandlerResult {
    let (context, now) = (call.context(), call.context().clock.now());
    let user = &actor.account()?.user;
    let owned = identity_providers::list_links(context, actor, &UserRef::Me).await?;
    let (offers, look) = (on_offer(context), of_pages(context).await);
    let asks_password = identity_providers::proves_by_password(context, user);
    let page = LinkedAccounts {
        brand: Brand::of(&call.site, &look),
        link_token: &csrf::issue(&call.site, actor, Purpose::Link, ""),
        remove_token: &csrf::issue(&call.site, actor, Purpose::Unlink, ""),
        sign_out_token: &sign_out_token(call, actor),
        user: Person::of(user),
        notice: if let Words::Notice(words) = words { Some(words) } else { None },
        caution: if let Words::Caution(words) = words { Some(words) } else { None },
        asks_password,
        password_error: if let Words::Password(words) = words { Some(words) } else { None },
        proofs: if asks_password { Vec::new() } else { proofs(&owned, &offers) },
        links: owned.iter().map(|own| linked(own, now)).collect(),
        providers: offers.iter().map(linkable).collect(),
    };
    let issuers = context.settings.oidc.providers.iter().map(|provider| provider.issuer.as_str());
    Ok(render(status, &page, &form_action(issuers)))
}

fn linked(own: &OwnLink, now: doorward_domain::Instant) -> LinkedAccount<'_> {
    LinkedAccount {
        id: own.link.id().to_string(),
        provider: &own.shown_name,
        subject: &own.link.subject,
        is_main: own.link.is_main,
        is_usable: own.is_usable,
        linked: TimeElement::day(own.link.created_at),
        last_used: TimeElement::ago(own.link.updated_at, now),
    }
}

fn linkable(offer: &OnOffer) -> Linkable<'_> {
    let icon = Some(offer.icon_url.as_str()).filter(|url| !url.is_empty());
    Linkable { name: &offer.provider, shown_name: &offer.name, icon }
}

/// Where somebody signs in anew, with accounts that are linked, and comes back here.
fn proofs<'a>(owned: &[OwnLink], offers: &'a [OnOffer]) -> Vec<(&'a str, String)> {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("reauthenticate", "true")
        .append_pair("redirect", paths::LINKS)
        .finish();
    let is_linked = |offer: &&OnOffer| owned.iter().any(|own| own.is_usable && own.link.provider == offer.provider);
    let proof = |offer: &'a OnOffer| (offer.name.as_str(), format!("{}?{query}", offer.way.path()));
    offers.iter().filter(is_linked).map(proof).collect()
}

/// Where the form leads that links an account: on to its provider, which may ask elsewhere.
fn form_action<'a>(mut issuers: impl Iterator<Item = &'a str>) -> FormAction {
    issuers.find(|issuer| issuer.starts_with("http:")).map_or_else(FormAction::toward_any, FormAction::toward)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_may_lead_to_any_provider_with_tls_and_to_one_on_this_machine() {
        assert_eq!(form_action(["https://id.example"].into_iter()), FormAction::toward_any());
        assert_eq!(form_action(std::iter::empty()), FormAction::toward_any());
        let local = "http://localhost:9000";
        assert_eq!(form_action(["https://id.example", local].into_iter()), FormAction::toward(local));
    }
}
