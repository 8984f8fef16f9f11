//! Why somebody may do something, or may not; what would change it; who else can.

use super::answer::{Line, Teller, Words};
use super::form::Report;
use super::shell::{Screen, Shell, shell, shown_name};
use super::with_query;
use crate::conventions::Console;
use crate::conventions::page::paths;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::html::headers::{FormAction, only_logo, render};
use crate::kit::html::layout::Brand;
use crate::kit::routes::Routes;
use actix_web::http::{Method, StatusCode};
use askama::Template;
use doorward_domain::roles::{Action, ResourceType};
use doorward_services::appearance::of_pages;
use doorward_services::authcheck::{Question, WhoCan, Whom, explain_with_others};
use doorward_services::{Error, Principal, organizations};
use serde_json::json;

pub(crate) fn routes(routes: &mut Routes) {
    routes.of(&Console).user(__path_show, show);
}

/// What those are told who ask for more than they may know.
const NOT_ABOUT_OTHERS: &str = "You may ask about yourself, and about others only where you may read who has which role and who is in \
                                which group. Choose an organization of yours where that is so, or ask its administrator.";

/// What a picker offers.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) text: String,
    pub(crate) is_chosen: bool,
}

/// The sentence, as it was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sentence {
    pub(crate) user: String,
    pub(crate) action: String,
    pub(crate) kind: String,
    pub(crate) resource: String,
    pub(crate) organization: String,
    pub(crate) owner: String,
    pub(crate) scopes: String,
}

/// The answer.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    pub(crate) allowed: bool,
    pub(crate) username: String,
    pub(crate) action: &'static str,
    pub(crate) object: String,
    pub(crate) because: Words,
    pub(crate) lines: Vec<Line>,
    pub(crate) first: Vec<Words>,
    pub(crate) ways: Vec<Words>,
    /// Whether all of the ways are needed.
    pub(crate) all: bool,
    /// The same question as the body of a request.
    pub(crate) body: String,
}

/// Who else can.
#[derive(Clone, Debug)]
pub(crate) struct Others {
    /// How many there are, honestly.
    pub(crate) summary: String,
    pub(crate) users: Vec<Words>,
}

/// The page.
#[derive(Clone, Debug, Template)]
#[template(path = "console/access.html")]
pub(crate) struct AccessPage<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) shell: Shell<'a>,
    pub(crate) sentence: Sentence,
    pub(crate) actions: Vec<Choice>,
    pub(crate) kinds: Vec<Choice>,
    pub(crate) places: Vec<Choice>,
    pub(crate) report: Report,
    pub(crate) answer: Option<Answered>,
    pub(crate) others: Option<Others>,
}

only_logo!(AccessPage);

/// Explains the access of somebody.
#[utoipa::path(
    get, path = paths::ACCESS, tag = "pages", operation_id = "access_page",
    params(
        ("user" = Option<String>, Query, description = "Id or name; without it the caller"),
        ("action" = Option<String>, Query, description = "To do what; without it nothing is asked"),
        ("type" = Option<String>, Query, description = "On which type of resource"),
        ("resource" = Option<String>, Query, description = "Id or name of one that exists"),
        ("organization" = Option<String>, Query, description = "Id or name"),
        ("owner" = Option<String>, Query, description = "Id or name"),
        ("scope" = Option<String>, Query, description = "Scopes of a token, separated by spaces"),
    ),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn show(call: Call, actor: Principal) -> HandlerResult {
    let mut query = call.query();
    let mut text = |name| query.text(name).unwrap_or_default().trim().to_owned();
    let mut sentence = Sentence {
        user: text("user"),
        action: text("action"),
        kind: text("type"),
        resource: text("resource"),
        organization: text("organization"),
        owner: text("owner"),
        scopes: text("scope"),
    };
    query.done_loosely()?;
    // Who asks about others is recorded: so a browser that only looks ahead is given the question without its answer.
    let is_asked = !sentence.action.is_empty() && is_meant(&call);
    let (mut report, mut answer, mut others) = (Report::default(), None, None);
    if is_asked {
        match ask(&call, &actor, &sentence).await {
            Ok((found, capable)) => {
                answer = Some(found);
                others = capable.as_ref().map(tell_others);
            }
            Err(Error::Forbidden(_)) => report = Report::problem(StatusCode::FORBIDDEN, NOT_ABOUT_OTHERS),
            Err(error) => report = Report::of(error)?,
        }
    } else if sentence.action.is_empty() {
        sentence = Sentence { action: "read".to_owned(), kind: "template".to_owned(), ..sentence };
    }
    if sentence.user.is_empty() {
        actor.account()?.user.username.as_str().clone_into(&mut sentence.user);
    }
    let look = of_pages(call.context()).await;
    let page = AccessPage {
        brand: Brand::of(&call.site, &look),
        shell: shell(&call, &actor, Screen::Access, None).await?,
        actions: choices(Action::ALL.map(Action::as_str), &sentence.action),
        kinds: choices(ResourceType::ALL.map(ResourceType::as_str), &sentence.kind),
        places: places(&call, &actor, &sentence.organization).await?,
        sentence,
        report,
        answer,
        others,
    };
    Ok(render(page.report.status, &page, &FormAction::own()))
}

/// Whether a person asks: not a program that wants the headers alone, nor a browser that loads what a link may lead to, nor another
/// site that sends a browser here without a click.
fn is_meant(call: &Call) -> bool {
    let header =
        |name: &str| call.request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_ahead = header("sec-purpose").contains("prefetch") || header("purpose").contains("prefetch");
    let is_pushed = header("sec-fetch-site") == "cross-site" && header("sec-fetch-user") != "?1";
    *call.request.method() != Method::HEAD && !is_ahead && !is_pushed
}

/// The address of a question.
pub(super) fn address(user: &str, action: &str, kind: &str, organization: &str) -> String {
    with_query(paths::ACCESS, &[("user", user), ("action", action), ("type", kind), ("organization", organization)])
}

fn question(sentence: &Sentence) -> Question {
    Question {
        action: sentence.action.clone(),
        resource_type: sentence.kind.clone(),
        resource: sentence.resource.clone(),
        organization: sentence.organization.clone(),
        owner: sentence.owner.clone(),
    }
}

async fn ask(call: &Call, actor: &Principal, sentence: &Sentence) -> Result<(Answered, Option<WhoCan>), Error> {
    let scopes: Vec<String> = sentence.scopes.split_whitespace().map(str::to_owned).collect();
    let whom = Whom { user: sentence.user.clone(), scopes: (!scopes.is_empty()).then(|| scopes.clone()) };
    let (view, capable) = explain_with_others(call.context(), actor, whom, question(sentence)).await?;
    let username = view.user.username.to_string();
    let teller = Teller::new(&view, &username);
    let list = |changes: &[_]| changes.iter().map(|change| teller.change(change)).collect();
    let answered = Answered {
        allowed: view.why.allowed,
        action: view.asked.action.as_str(),
        object: teller.object(),
        because: teller.because(&view.why),
        lines: teller.lines(&view, &sentence.scopes),
        first: list(&view.changes.first),
        ways: list(&view.changes.ways),
        all: view.changes.all,
        body: body(sentence, &username, &scopes),
        username: username.clone(),
    };
    Ok((answered, capable))
}

/// The question as the body of `POST /api/v2/authcheck/explain`.
fn body(sentence: &Sentence, username: &str, scopes: &[String]) -> String {
    let mut subject = json!({ "user": username });
    let mut object = json!({ "resource_type": sentence.kind });
    if let (false, Some(subject)) = (scopes.is_empty(), subject.as_object_mut()) {
        subject.insert("app_token_scopes".to_owned(), json!(scopes));
    }
    if let Some(object) = object.as_object_mut() {
        let more = [
            ("resource_id", &sentence.resource),
            ("organization_id", &sentence.organization),
            ("owner_id", &sentence.owner),
        ];
        let said = more.into_iter().filter(|(_, value)| !value.is_empty());
        object.extend(said.map(|(key, value)| (key.to_owned(), json!(value))));
    }
    let body = json!({ "subject": subject, "action": sentence.action, "object": object });
    serde_json::to_string_pretty(&body).unwrap_or_default()
}

fn tell_others(found: &WhoCan) -> Others {
    let teller = Teller::of_others(&found.names, &found.asked);
    let (shown, count) = (found.users.len(), found.count);
    let people = |count: usize| if count == 1 { "1 user can".to_owned() } else { format!("{count} users can") };
    let mut summary = match (shown == count, found.is_complete) {
        (_, _) if count == 0 && found.is_complete => "Nobody can.".to_owned(),
        (true, true) => format!("{}.", people(count)),
        (false, true) => format!("{}; the first {shown} by name:", people(count)),
        (true, false) => format!("At least {}; more may be able to than are looked at here.", people(count)),
        (false, false) => {
            format!("At least {}; more may be able to than are looked at here. The first {shown}:", people(count))
        }
    };
    if found.within.is_some() {
        summary.push_str(" Only members of the organization are counted.");
    }
    Others { summary, users: found.users.iter().map(|capable| teller.capable(capable)).collect() }
}

fn choices<const N: usize>(values: [&'static str; N], chosen: &str) -> Vec<Choice> {
    let one =
        |value: &str| Choice { value: value.to_owned(), text: value.replace('_', " "), is_chosen: value == chosen };
    let known = values.contains(&chosen) || chosen.is_empty();
    // What was sent stays as it was, also when there is no such thing.
    let odd = (!known).then(|| Choice { value: chosen.to_owned(), text: chosen.to_owned(), is_chosen: true });
    odd.into_iter().chain(values.into_iter().map(one)).collect()
}

/// At most so many organizations are offered; others can be named in the address.
const PLACES_MAX: usize = 200;

async fn places(call: &Call, actor: &Principal, chosen: &str) -> Result<Vec<Choice>, Error> {
    let found = organizations::list(call.context(), actor).await?;
    let mut choices: Vec<Choice> = found
        .iter()
        .map(|place| Choice {
            value: place.name.to_string(),
            text: shown_name(place),
            is_chosen: place.name.as_str().eq_ignore_ascii_case(chosen) || place.id.to_string() == chosen,
        })
        .collect();
    // The chosen one comes first, so that it is among those that are offered.
    choices.sort_by_key(|choice| !choice.is_chosen);
    choices.truncate(PLACES_MAX);
    if !chosen.is_empty() && !choices.iter().any(|choice| choice.is_chosen) {
        choices.push(Choice { value: chosen.to_owned(), text: chosen.to_owned(), is_chosen: true });
    }
    Ok(choices)
}
