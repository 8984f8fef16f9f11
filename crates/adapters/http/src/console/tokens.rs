//! API tokens: whose they are, what they may, when they were used, and their end.

use super::form::{About, Outcome, Report, carry_out, done_among, done_here, says_nothing};
use super::pager::{Pager, ROWS};
use super::shell::{Screen, Shell, shell};
use super::users::Chip;
use super::{path, with_query};
use crate::conventions::Console;
use crate::conventions::page::paths;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::extract::form::Form;
use crate::kit::extract::query::StrictQuery;
use crate::kit::html::headers::{FormAction, only_logo, render};
use crate::kit::html::layout::Brand;
use crate::kit::html::moment::TimeElement;
use crate::kit::routes::Routes;
use askama::Template;
use doorward_domain::Instant;
use doorward_domain::oauth2::Scopes;
use doorward_domain::roles::{Action, Object, ResourceType};
use doorward_domain::users::LoginType;
use doorward_services::appearance::of_pages;
use doorward_services::sessions::{self, ListedToken, TokenQuery};
use doorward_services::users::UserRef;
use doorward_services::{Error, Principal};
use serde::Deserialize;
use utoipa::ToSchema;

/// So many scopes of a token are named.
const SCOPES_SHOWN: usize = 3;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Console);
    r.user(__path_list, list).no_store();
    r.user(__path_end, end).no_store();
}

/// One token.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) user_id: String,
    pub(crate) username: String,
    pub(crate) href: String,
    pub(crate) scopes: String,
    pub(crate) is_unlimited: bool,
    pub(crate) made: TimeElement,
    pub(crate) used: Option<TimeElement>,
    pub(crate) expires: TimeElement,
    pub(crate) is_expired: bool,
    pub(crate) may_end: bool,
}

/// The page.
#[derive(Clone, Debug, Template)]
#[template(path = "console/tokens.html")]
pub(crate) struct TokensPage<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) shell: Shell<'a>,
    pub(crate) csrf_token: String,
    pub(crate) query: String,
    pub(crate) show: String,
    pub(crate) chips: Vec<Chip>,
    pub(crate) rows: Vec<Row>,
    pub(crate) pager: Pager,
    pub(crate) report: Report,
}

only_logo!(TokensPage);

/// Which tokens are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Wanted {
    /// Part of the name of the token, or of its user.
    text: String,
    /// One of [`SHOWS`]; anything else means all that live.
    show: String,
    after: Option<String>,
}

/// The kinds of tokens that can be asked for.
const SHOWS: [(&str, &str); 4] =
    [("Living", ""), ("Never used", "unused"), ("Without limits", "unlimited"), ("Expired", "expired")];

impl Wanted {
    fn read(query: &mut StrictQuery) -> Self {
        let mut text = |name| query.text(name).unwrap_or_default();
        let (words, show) = (text("q"), text("show"));
        Self { text: words, show, after: query.text("after") }
    }

    /// As the form has it that was sent from the page.
    fn of(form: &Form) -> Self {
        let text = |name| form.text(name).unwrap_or_default();
        Self { text: text("q"), show: text("show"), after: None }
    }

    fn is_for(&self, token: &ListedToken, now: Instant) -> bool {
        let ListedToken { key, username } = token;
        let text = self.text.to_lowercase();
        let is_named =
            text.is_empty() || [username, &key.token_name].iter().any(|name| name.to_lowercase().contains(&text));
        let is_kind = match self.show.as_str() {
            "expired" => key.is_expired(now),
            _ if key.is_expired(now) => false,
            "unused" => key.last_used.is_none(),
            "unlimited" => is_unlimited(token),
            _ => true,
        };
        is_named && is_kind
    }

    fn at(&self, after: &str) -> String {
        with_query(paths::TOKENS, &[("q", &self.text), ("show", &self.show), ("after", after)])
    }
}

fn is_unlimited(token: &ListedToken) -> bool {
    token.key.scopes == Scopes::all() && token.key.allow_list.is_none()
}

/// Lists the tokens that the caller may see.
#[utoipa::path(
    get, path = paths::TOKENS, tag = "pages", operation_id = "tokens_page",
    params(
        ("q" = Option<String>, Query, description = "Part of the name of the token, or of its user"),
        ("show" = Option<String>, Query, description = "`unused`, `unlimited` or `expired`; all that live by default"),
        ("after" = Option<String>, Query, description = "Only tokens that were made before this one"),
        ("done" = Option<String>, Query, description = "What has just been done"),
        ("by" = Option<String>, Query, description = "The proof that it was: a link of somebody else says nothing"),
    ),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn list(call: Call, actor: Principal) -> HandlerResult {
    let done = done_here(&call, &actor, paths::TOKENS);
    let mut query = call.query();
    let wanted = Wanted::read(&mut query);
    query.done_loosely()?;
    let report = Report::done((done.as_deref() == Some("ended")).then_some("The token is ended."));
    page(&call, &actor, &wanted, report).await
}

/// The form that ends a token.
#[derive(Deserialize, ToSchema)]
#[schema(as = TokensPageForm)]
#[expect(dead_code, reason = "it describes what the handler reads")]
pub(crate) struct EndForm {
    csrf_token: String,
    /// `end`.
    r#do: String,
    /// The id of the user.
    user: String,
    /// The id of the token.
    token: String,
    /// What the page is narrowed to.
    #[schema(required = false)]
    q: String,
    #[schema(required = false)]
    show: String,
}

/// Ends a token.
#[utoipa::path(
    post, path = paths::TOKENS, tag = "pages", operation_id = "end_token_page",
    request_body(content = EndForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "Done, or the user must sign in first"),
    ),
)]
pub(crate) async fn end(mut call: Call, actor: Principal) -> HandlerResult {
    let form = call.form()?;
    let wanted = Wanted::of(&form);
    let done = act(&call, &actor, &form, &wanted);
    match carry_out(&call, &actor, (About::Tokens, &form), done).await? {
        Outcome::Done(response) => Ok(response),
        Outcome::Again(report) => page(&call, &actor, &wanted, report).await,
    }
}

async fn act(call: &Call, actor: &Principal, form: &Form, wanted: &Wanted) -> Result<String, Error> {
    let text = |field: &str| form.text(field).unwrap_or_default();
    if text("do") != "end" {
        return Err(says_nothing());
    }
    let user = form.text("user").ok_or_else(|| Error::invalid_field("user", "Name a user."))?;
    // Other keys have pages of their own: what is ended here is what is listed here.
    let (ctx, user, id) = (call.context(), UserRef::parse(&user), text("token"));
    let gone = |error| {
        let is_gone = matches!(error, Error::NotFound);
        if is_gone { Error::NoSuch("There is no such token any more: it has ended.".to_owned()) } else { error }
    };
    let key = sessions::find_key(ctx, actor, &user, &id).await.map_err(gone)?;
    if key.login_type != LoginType::Token {
        return Err(gone(Error::NotFound));
    }
    sessions::delete_key(ctx, actor, &user, &id).await.map_err(gone)?;
    let rest = [("q", wanted.text.as_str()), ("show", wanted.show.as_str())];
    Ok(done_among(call, actor, paths::TOKENS, "ended", &rest))
}

async fn page(call: &Call, actor: &Principal, wanted: &Wanted, report: Report) -> HandlerResult {
    let all = TokenQuery { all_users: true, expired: true };
    let mut found = sessions::list_tokens(call.context(), actor, &UserRef::Me, all).await?;
    let now = call.now();
    found.retain(|token| wanted.is_for(token, now));
    // Newest first; what is behind one that is gone begins anew.
    found.reverse();
    let is_after = |token: &ListedToken| wanted.after.as_deref() == Some(token.key.id.as_str());
    let begin = found.iter().position(is_after).map_or(0, |at| at + 1);
    let behind = found.split_off(begin);
    let count = u64::try_from(behind.len()).unwrap_or(u64::MAX);
    let rows: Vec<Row> = behind
        .into_iter()
        .take(usize::try_from(ROWS).unwrap_or(usize::MAX))
        .map(|token| {
            let object = Object::new(ResourceType::ApiKey).id(token.key.id.to_string()).owner(token.key.user_id.0);
            let may_end = actor.subject.allows(Action::Delete, &object);
            Row { may_end, ..row(token, now) }
        })
        .collect();
    let chip = |(text, show): (&'static str, &str)| Chip {
        text,
        href: with_query(paths::TOKENS, &[("q", &wanted.text), ("show", show)]),
        is_on: wanted.show == show,
    };
    let links = ((begin > 0).then(|| wanted.at("")), rows.last().map(|last| wanted.at(&last.id)));
    let look = of_pages(call.context()).await;
    let page = TokensPage {
        brand: Brand::of(&call.site, &look),
        shell: shell(call, actor, Screen::Tokens, None).await?,
        csrf_token: About::Tokens.token(call, actor),
        query: wanted.text.clone(),
        show: wanted.show.clone(),
        chips: SHOWS.map(chip).into(),
        pager: Pager::at(links, rows.len(), count, "token"),
        rows,
        report,
    };
    Ok(render(page.report.status, &page, &FormAction::own()))
}

fn row(token: ListedToken, now: Instant) -> Row {
    let is_unlimited = is_unlimited(&token);
    let ListedToken { key, username } = token;
    let named: Vec<String> = key.scopes.iter().take(SCOPES_SHOWN).map(ToString::to_string).collect();
    let more = key.scopes.iter().count().saturating_sub(named.len());
    let named = named.join(", ");
    let limits = if key.allow_list.is_some() { "; some objects only" } else { "" };
    Row {
        id: key.id.to_string(),
        user_id: key.user_id.to_string(),
        href: path(paths::USER, &[&username]),
        username,
        scopes: match (is_unlimited, more) {
            (true, _) => "Everything".to_owned(),
            (false, 0) => format!("{named}{limits}"),
            (false, more) => format!("{named} and {more} more{limits}"),
        },
        is_unlimited,
        made: TimeElement::ago(key.created_at, now),
        used: key.last_used.map(|used| TimeElement::ago(used, now)),
        expires: TimeElement::day(key.expires_at),
        is_expired: key.is_expired(now),
        name: key.token_name,
        may_end: false,
    }
}
