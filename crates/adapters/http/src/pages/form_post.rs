//! Answers of the authorization endpoint on their way to the client, by redirect or by a form (OAuth 2.0 Form Post Response Mode).

use crate::kit::answer::redirect;
use crate::kit::call::Call;
use crate::kit::html::headers::{FormAction, SUBMIT, only_logo, render_posting};
use crate::kit::html::layout::Brand;
use crate::kit::html::links;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use doorward_services::appearance::remembered;
use doorward_services::oauth2::authorize::Answer;
use std::borrow::Cow;

/// The page by which the browser posts an answer to the client, by itself where it runs scripts.
#[derive(Debug, Clone, Template)]
#[template(path = "form_post.html")]
pub(crate) struct FormPost<'a> {
    pub(crate) brand: Brand<'a>,
    /// The redirect URI.
    pub(crate) action: &'a str,
    pub(crate) members: &'a [(&'static str, String)],
}

only_logo!(FormPost);

impl FormPost<'_> {
    fn destination(&self) -> Cow<'_, str> {
        links::destination(self.action)
    }

    fn script() -> &'static str {
        SUBMIT
    }
}

/// Sends an answer to the client by way of the browser.
pub(super) fn send_back(call: &Call, answer: &Answer) -> HttpResponse {
    match answer {
        Answer::Redirect(location) => redirect(StatusCode::FOUND, location),
        Answer::Form { action, members } => {
            let look = remembered(call.context());
            let page = FormPost { brand: Brand::of(&call.site, &look), action, members };
            render_posting(&page, &FormAction::toward(action))
        }
    }
}
