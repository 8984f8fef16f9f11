//! Tokens with which proxies let browsers reach apps. What is judged are the rights of the person whose session the proxy passes on,
//! never those of the proxy.

use super::access::acting;
use super::own::KeyFeature;
use crate::deed::Look;
use crate::sessions;
use crate::users::fields::Fields;
use crate::users::reference::{self, UserRef};
use crate::workspaces::access::object;
use crate::{Context, Error, Principal};
use doorward_domain::Secret;
use doorward_domain::names::key;
use doorward_domain::provisioner_jobs::{Agent, App, SharingLevel};
use doorward_domain::roles::{Action, ResourceType};
use doorward_domain::users::User;
use doorward_domain::workspace_proxies::{APP_TEXT_MAX, AccessMethod, AppRequest, AppToken, port_url};
use doorward_domain::workspaces::{Outcome, Transition, Workspace};
use std::sync::Arc;
use uuid::Uuid;

/// What a proxy is given for a browser.
#[derive(Clone, Debug)]
pub enum AppAnswer {
    /// A token for the app, good for a minute.
    Token(Secret<String>),
    /// Nobody is signed in, and the app is not for everybody.
    SignIn,
    /// There is no such app, or the person may not reach it: these two look alike.
    NoSuchApp,
    /// The workspace does not run.
    NotRunning,
    /// What was asked for is nothing that a proxy can relay; why.
    NotRelayed(&'static str),
}

/// Issues a token for an app of a workspace to the person whose session the proxy passes on.
///
/// For proxies. The person needs `workspace:application_connect` on the workspace, unless its app is shared with all who are signed in, or
/// with everybody. Errors: `Refused` (no proxy), `Invalid` (texts that are too long).
pub async fn issue_app_token(
    ctx: &Context,
    by: &Principal,
    request: AppRequest,
    session_token: &Secret<String>,
) -> Result<AppAnswer, Error> {
    acting(by)?;
    check(&request)?;
    let person = match sessions::authenticate(ctx, session_token.expose(), &by.origin).await {
        Ok(person) => person,
        Err(Error::Unauthenticated { .. }) => Principal::anonymous(Arc::clone(&by.origin)),
        Err(error) => return Err(error),
    };
    if request.access_method == AccessMethod::Terminal {
        return Ok(match person.account() {
            Ok(_) => AppAnswer::NotRelayed("This deployment runs no network of workspaces, so there are no terminals."),
            Err(_) => AppAnswer::SignIn,
        });
    }
    let keys = ctx.keys.ring();
    ctx.look(&person, move |look| {
        let found = match find(look, &request)? {
            Ok(found) => found,
            Err(answer) => return Ok(answer),
        };
        let feature = KeyFeature::AppToken;
        let key = keys.workspace_apps().shared_that_signs(feature.as_str(), feature.len(), look.now);
        let token = AppToken {
            request: &request,
            user_id: look.by.account().ok().map(|account| account.user.id),
            workspace_id: found.workspace.id,
            agent_id: found.agent,
            app_url: &found.url,
        };
        Ok(AppAnswer::Token(token.signed(&key, look.now)))
    })
    .await
}

fn check(request: &AppRequest) -> Result<(), Error> {
    let mut fields = Fields::default();
    for (name, text) in [
        ("app_request.base_path", &request.base_path),
        ("app_request.app_prefix", &request.app_prefix),
        ("app_request.username_or_id", &request.username_or_id),
        ("app_request.workspace_name_or_id", &request.workspace_name_or_id),
        ("app_request.agent_name_or_id", &request.agent_name_or_id),
        ("app_request.app_slug_or_port", &request.app_slug_or_port),
    ] {
        fields = fields.at_most(name, text, APP_TEXT_MAX);
    }
    fields.done()
}

/// An app that may be reached.
struct Found {
    workspace: Workspace,
    agent: Uuid,
    url: String,
}

/// The app, if the person may reach it. Whoever may not is told no more than of an app that is not there.
fn find(look: &mut Look<'_>, request: &AppRequest) -> Result<Result<Found, AppAnswer>, Error> {
    let absent = if look.by.account().is_ok() { AppAnswer::NoSuchApp } else { AppAnswer::SignIn };
    let Some(workspace) = workspace(look, request)? else { return Ok(Err(absent)) };
    let build = look.repos.workspaces().latest_build(workspace.id)?;
    let build = build.filter(|build| (build.transition, build.outcome) == (Transition::Start, Outcome::Succeeded));
    let job = build.and_then(|build| build.job_id);
    let resources = match job {
        Some(job) => look.repos.provisioner_jobs().list_resources(job)?,
        None => Vec::new(),
    };
    let agents: Vec<&Agent> = resources.iter().flat_map(|stored| &stored.resource.agents).collect();
    let agent = agent(&agents, &request.agent_name_or_id);
    let app = agent.and_then(|agent| agent.apps.iter().find(|app| app.slug == request.app_slug_or_port));
    // What is not there, and ports, are for those who may reach all of the workspace.
    let sharing = app.map_or(SharingLevel::Owner, |app| app.sharing_level);
    if !may_reach(look.by, &workspace, sharing) {
        return Ok(Err(absent));
    }
    if job.is_none() {
        return Ok(Err(AppAnswer::NotRunning));
    }
    let Some(agent) = agent.map(|agent| agent.id) else { return Ok(Err(AppAnswer::NoSuchApp)) };
    let url = match app {
        Some(app) => relayed(app, request.access_method),
        None => port_url(&request.app_slug_or_port).ok_or(AppAnswer::NoSuchApp),
    };
    Ok(url.map(|url| Found { workspace, agent, url }))
}

fn workspace(look: &mut Look<'_>, request: &AppRequest) -> Result<Option<Workspace>, Error> {
    // An app may be shared with people who may not know of its owner.
    let owner = reference::look_up(look.repos, look.by, &UserRef::parse(&request.username_or_id))?;
    let Some(owner) = owner.filter(User::may_act).map(|owner| owner.id) else { return Ok(None) };
    let wanted = &request.workspace_name_or_id;
    let id = if let Ok(id) = Uuid::try_parse(wanted) {
        Some(id.into())
    } else {
        look.repos.workspaces().find_by_name(owner, &key(wanted), false)?
    };
    let found = id.map(|id| look.repos.workspaces().find(id)).transpose()?.flatten();
    // One that was put aside has no app for anybody.
    Ok(found.filter(|found| found.owner_id == owner && !found.deleted && found.dormant_at.is_none()))
}

/// The agent of this id or name, or the only one.
fn agent<'a>(agents: &[&'a Agent], wanted: &str) -> Option<&'a Agent> {
    match agents {
        [only] if wanted.is_empty() => Some(only),
        _ => {
            let id = Uuid::try_parse(wanted).ok();
            let is_meant = |agent: &&&Agent| Some(agent.id) == id || agent.name.eq_ignore_ascii_case(wanted);
            agents.iter().find(is_meant).copied()
        }
    }
}

/// May the person reach an app of this workspace that is shared so far? A credential that is limited to something else reaches none but
/// those that everybody does.
fn may_reach(by: &Principal, workspace: &Workspace, sharing: SharingLevel) -> bool {
    let within_scope = by.subject.scope().is_none_or(|scope| {
        scope.permits(Action::ApplicationConnect, ResourceType::Workspace)
            && scope.admits(Some(ResourceType::Workspace), &workspace.id.0.into())
    });
    match sharing {
        SharingLevel::Public => true,
        SharingLevel::Authenticated if within_scope && by.account().is_ok() => true,
        SharingLevel::Authenticated | SharingLevel::Owner => {
            by.subject.allows(Action::ApplicationConnect, &object(workspace))
        }
    }
}

/// Where an app is, if a proxy can relay it as it was addressed.
fn relayed(app: &App, method: AccessMethod) -> Result<String, AppAnswer> {
    if app.external {
        return Err(AppAnswer::NotRelayed("This app is elsewhere: open its own address."));
    }
    if app.url.is_empty() {
        return Err(AppAnswer::NotRelayed("This app has no address: it is a command."));
    }
    if method == AccessMethod::Subdomain && !app.subdomain {
        return Err(AppAnswer::NotRelayed("This app has no host of its own: open it by its path."));
    }
    Ok(app.url.clone())
}
