//! Every route that is served, with whom it lets in and how often.

use crate::accept::{Wish, wish};
use crate::call::{Call, Outcome};
use crate::extract::path;
use crate::gate::{Area, Endpoint, Handle, Limit, Public, Recognized, SignedIn, serve};
use crate::origins::Callers;
use crate::pages::{assets, paths};
use crate::site::Site;
use crate::{
    answer, audit, authcheck, cors, deployment, docs, error, groups, members, oauth2, organizations, quotas, roles,
    scim, screens, sessions, status, templates, users, workspaces,
};
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, Resource, Route, guard, web};
use doorward_domain::oauth2::OAuthErrorCode;
use doorward_services::{OAuthError, Principal};
use std::sync::Arc;

/// Where the API stands.
const API: &str = "/api/v2";
/// What metrics call requests that no route takes.
const UNMATCHED: &str = "(none)";

/// Whom a route lets in, for the OpenAPI document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Public,
    SignedIn,
    Recognized,
}

/// One route.
pub(crate) struct Entry {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) access: Access,
    route: Box<dyn FnOnce(Arc<Site>) -> Route>,
}

/// The route table.
#[derive(Default)]
struct Table(Vec<Entry>);

impl Table {
    fn public<F>(&mut self, method: Method, path: &'static str, limit: Limit, handler: F) -> &mut Self
    where
        F: AsyncFn(Call) -> Outcome + Clone + 'static,
    {
        self.add(method, path, limit, Access::Public, Public(handler))
    }

    /// Like [`Self::public`], and for OAuth clients that run in the browser on any site.
    fn open<F>(&mut self, method: Method, path: &'static str, limit: Limit, handler: F) -> &mut Self
    where
        F: AsyncFn(Call) -> Outcome + Clone + 'static,
    {
        self.add_for(Callers::AnySite, method, path, limit, (Access::Public, Public(handler)))
    }

    fn user<F>(&mut self, method: Method, path: &'static str, limit: Limit, handler: F) -> &mut Self
    where
        F: AsyncFn(Call, Principal) -> Outcome + Clone + 'static,
    {
        self.add(method, path, limit, Access::SignedIn, SignedIn(handler))
    }

    fn recognized<F>(&mut self, method: Method, path: &'static str, limit: Limit, handler: F) -> &mut Self
    where
        F: AsyncFn(Call, Result<Principal, error::Failure>) -> Outcome + Clone + 'static,
    {
        self.add(method, path, limit, Access::Recognized, Recognized(handler))
    }

    fn add<H: Handle>(
        &mut self,
        method: Method,
        path: &'static str,
        limit: Limit,
        access: Access,
        handler: H,
    ) -> &mut Self {
        self.add_for(Callers::Own, method, path, limit, (access, handler))
    }

    fn add_for<H: Handle>(
        &mut self,
        callers: Callers,
        method: Method,
        path: &'static str,
        limit: Limit,
        (access, handler): (Access, H),
    ) -> &mut Self {
        // Questions about much need much room.
        let body = if path == authcheck::PATH { authcheck::BODY_LIMIT } else { 0 };
        let endpoint = Arc::new(Endpoint { method, path, area: Area::of(path), limit, callers, body });
        let route = {
            let endpoint = Arc::clone(&endpoint);
            Box::new(move |site| route(&site, endpoint, handler))
        };
        self.0.push(Entry { endpoint, access, route });
        self
    }
}

/// Every route. Those that a busy server serves all day come first, for they are tried in this order.
pub(crate) fn table() -> Vec<Entry> {
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    const PUT: Method = Method::PUT;
    const PATCH: Method = Method::PATCH;
    const DELETE: Method = Method::DELETE;
    let mut table = Table::default();
    table
        .public(GET, "/.well-known/oauth-authorization-server", Limit::Off, oauth2::documents::authorization_server)
        .open(POST, "/oauth2/tokens", Limit::Client, oauth2::tokens::exchange)
        .open(POST, "/oauth2/introspect", Limit::Client, oauth2::tokens::introspect)
        .user(POST, authcheck::PATH, Limit::Api, authcheck::check)
        .recognized(GET, "/oauth2/authorize", Limit::OAuth2, oauth2::authorize::ask)
        .recognized(POST, "/oauth2/authorize", Limit::OAuth2, oauth2::authorize::allow)
        .recognized(DELETE, "/oauth2/tokens", Limit::OAuth2, oauth2::tokens::withdraw)
        .open(POST, "/oauth2/revoke", Limit::Client, oauth2::tokens::revoke)
        .public(GET, "/.well-known/oauth-protected-resource", Limit::Off, oauth2::documents::protected_resource)
        .public(
            GET,
            "/.well-known/oauth-authorization-server/{path:.*}",
            Limit::Off,
            oauth2::documents::authorization_server_below,
        )
        .public(
            GET,
            "/.well-known/oauth-protected-resource/{path:.*}",
            Limit::Off,
            oauth2::documents::protected_resource_below,
        );
    table
        .public(GET, "/healthz", Limit::Off, status::health)
        .public(GET, "/readyz", Limit::Off, status::ready)
        .recognized(GET, paths::HOME, Limit::Api, screens::home::show)
        .public(GET, paths::SETUP, Limit::Api, screens::setup::show)
        .public(POST, paths::SETUP, Limit::Login, screens::setup::submit)
        .recognized(GET, paths::LOGIN, Limit::Api, screens::sign_in::show)
        .public(POST, paths::LOGIN, Limit::Login, screens::sign_in::submit)
        .recognized(POST, paths::LOGOUT, Limit::Api, screens::sign_in::sign_out)
        .recognized(GET, paths::CLI_AUTH, Limit::Api, screens::cli_auth::show)
        .recognized(POST, paths::CLI_AUTH, Limit::Login, screens::cli_auth::make)
        .recognized(GET, paths::AUTHORIZED_APPS, Limit::Api, screens::applications::list)
        .recognized(POST, paths::AUTHORIZED_APPS, Limit::Api, screens::applications::revoke)
        .public(GET, paths::API_DOCS, Limit::Api, docs::viewer)
        .public(GET, "/docs/{file}", Limit::Off, docs::viewer_file);
    table
        .public(GET, "/api/v2/", Limit::Api, status::greeting)
        .public(GET, "/api/v2/buildinfo", Limit::Api, status::build_info)
        .public(GET, "/api/v2/openapi.json", Limit::Api, docs::openapi)
        .public(GET, "/api/v2/users/first", Limit::Api, users::first_exists)
        .public(POST, "/api/v2/users/first", Limit::Login, users::create_first)
        .public(POST, "/api/v2/users/login", Limit::Login, sessions::login)
        .user(POST, "/api/v2/users/logout", Limit::Api, sessions::logout)
        .public(GET, "/api/v2/users/authmethods", Limit::Api, sessions::auth_methods)
        .public(POST, "/api/v2/users/validate-password", Limit::Login, users::validate_password)
        .user(GET, "/api/v2/users", Limit::Api, users::list)
        .user(POST, "/api/v2/users", Limit::Api, users::create)
        .user(GET, "/api/v2/users/roles", Limit::Api, roles::list_site)
        .user(GET, "/api/v2/users/oidc-claims", Limit::Api, users::oidc_claims)
        .user(GET, "/api/v2/users/{user}", Limit::Api, users::find)
        .user(DELETE, "/api/v2/users/{user}", Limit::Api, users::delete)
        .user(PUT, "/api/v2/users/{user}/status/suspend", Limit::Api, users::suspend)
        .user(PUT, "/api/v2/users/{user}/status/activate", Limit::Api, users::activate)
        .user(GET, "/api/v2/users/{user}/roles", Limit::Api, users::roles)
        .user(PUT, "/api/v2/users/{user}/roles", Limit::Api, users::update_roles)
        .user(PUT, "/api/v2/users/{user}/profile", Limit::Api, users::update_profile)
        .user(PUT, "/api/v2/users/{user}/password", Limit::Login, users::change_password)
        .user(GET, "/api/v2/users/{user}/appearance", Limit::Api, users::appearance)
        .user(PUT, "/api/v2/users/{user}/appearance", Limit::Api, users::update_appearance)
        .user(GET, "/api/v2/users/{user}/login-type", Limit::Api, users::login_type)
        .user(GET, "/api/v2/users/{user}/organizations", Limit::Api, users::organizations)
        .user(GET, "/api/v2/users/{user}/organizations/{name}", Limit::Api, users::organization)
        .user(GET, "/api/v2/organizations", Limit::Api, organizations::list)
        .user(POST, "/api/v2/organizations", Limit::Api, organizations::create)
        .user(GET, "/api/v2/organizations/{organization}", Limit::Api, organizations::find)
        .user(PATCH, "/api/v2/organizations/{organization}", Limit::Api, organizations::update)
        .user(DELETE, "/api/v2/organizations/{organization}", Limit::Api, organizations::delete)
        .user(GET, "/api/v2/organizations/{organization}/members", Limit::Api, members::list)
        .user(GET, "/api/v2/organizations/{organization}/paginated-members", Limit::Api, members::page)
        .user(GET, "/api/v2/organizations/{organization}/members/roles", Limit::Api, roles::list_organization)
        .user(POST, "/api/v2/organizations/{organization}/members/roles", Limit::Api, roles::create)
        .user(PUT, "/api/v2/organizations/{organization}/members/roles", Limit::Api, roles::update)
        .user(DELETE, "/api/v2/organizations/{organization}/members/roles/{roleName}", Limit::Api, roles::delete)
        .user(GET, "/api/v2/organizations/{organization}/members/{user}", Limit::Api, members::find)
        .user(POST, "/api/v2/organizations/{organization}/members/{user}", Limit::Api, members::add)
        .user(DELETE, "/api/v2/organizations/{organization}/members/{user}", Limit::Api, members::remove)
        .user(PUT, "/api/v2/organizations/{organization}/members/{user}/roles", Limit::Api, members::update_roles)
        .user(POST, "/api/v2/users/{user}/keys", Limit::Api, sessions::keys::create_key)
        .user(POST, "/api/v2/users/{user}/keys/tokens", Limit::Api, sessions::keys::create_token)
        .user(GET, "/api/v2/users/{user}/keys/tokens", Limit::Api, sessions::keys::list_tokens)
        .user(GET, "/api/v2/users/{user}/keys/tokens/tokenconfig", Limit::Api, sessions::keys::token_config)
        .user(GET, "/api/v2/users/{user}/keys/tokens/{keyname}", Limit::Api, sessions::keys::find_token)
        .user(GET, "/api/v2/users/{user}/keys/{keyid}", Limit::Api, sessions::keys::find_key)
        .user(DELETE, "/api/v2/users/{user}/keys/{keyid}", Limit::Api, sessions::keys::delete_key)
        .user(PUT, "/api/v2/users/{user}/keys/{keyid}/expire", Limit::Api, sessions::keys::expire_key)
        .user(GET, "/api/v2/groups", Limit::Api, groups::list)
        .user(GET, "/api/v2/groups/{group}", Limit::Api, groups::find)
        .user(PATCH, "/api/v2/groups/{group}", Limit::Api, groups::update)
        .user(DELETE, "/api/v2/groups/{group}", Limit::Api, groups::delete)
        .user(GET, "/api/v2/organizations/{organization}/groups", Limit::Api, groups::list_of_organization)
        .user(POST, "/api/v2/organizations/{organization}/groups", Limit::Api, groups::create)
        .user(GET, "/api/v2/organizations/{organization}/groups/{groupName}", Limit::Api, groups::find_by_name)
        .user(GET, "/api/v2/groups/{group}/members", Limit::Api, groups::pages::members)
        .user(
            GET,
            "/api/v2/organizations/{organization}/groups/{groupName}/members",
            Limit::Api,
            groups::pages::members_by_name,
        )
        .user(GET, "/api/v2/organizations/{organization}/paginated-groups", Limit::Api, groups::pages::page)
        .user(GET, "/api/v2/oauth2-provider/apps", Limit::Api, oauth2::apps::list)
        .user(POST, "/api/v2/oauth2-provider/apps", Limit::Api, oauth2::apps::create)
        .user(GET, "/api/v2/oauth2-provider/apps/{app}", Limit::Api, oauth2::apps::find)
        .user(PUT, "/api/v2/oauth2-provider/apps/{app}", Limit::Api, oauth2::apps::update)
        .user(DELETE, "/api/v2/oauth2-provider/apps/{app}", Limit::Api, oauth2::apps::delete)
        .user(GET, "/api/v2/oauth2-provider/apps/{app}/secrets", Limit::Api, oauth2::apps::list_secrets)
        .user(POST, "/api/v2/oauth2-provider/apps/{app}/secrets", Limit::Api, oauth2::apps::create_secret)
        .user(DELETE, "/api/v2/oauth2-provider/apps/{app}/secrets/{secretID}", Limit::Api, oauth2::apps::delete_secret);
    table
        .user(GET, "/api/v2/templates", Limit::Api, templates::list)
        .user(GET, "/api/v2/templates/{template}", Limit::Api, templates::find)
        .user(PATCH, "/api/v2/templates/{template}", Limit::Api, templates::update)
        .user(DELETE, "/api/v2/templates/{template}", Limit::Api, templates::delete)
        .user(GET, "/api/v2/templates/{template}/acl", Limit::Api, templates::acl::show_acl)
        .user(PATCH, "/api/v2/templates/{template}/acl", Limit::Api, templates::acl::update_acl)
        .user(GET, "/api/v2/templates/{template}/acl/available", Limit::Api, templates::acl::available)
        .user(GET, "/api/v2/organizations/{organization}/templates", Limit::Api, templates::list_in)
        .user(POST, "/api/v2/organizations/{organization}/templates", Limit::Api, templates::create)
        .user(GET, "/api/v2/organizations/{organization}/templates/{templatename}", Limit::Api, templates::find_by_name)
        .user(POST, "/api/v2/users/{user}/workspaces", Limit::Api, workspaces::create)
        .user(POST, "/api/v2/organizations/{organization}/members/{user}/workspaces", Limit::Api, workspaces::create_in)
        .user(GET, "/api/v2/workspaces", Limit::Api, workspaces::list)
        .user(GET, "/api/v2/workspaces/{workspace}", Limit::Api, workspaces::find)
        .user(GET, "/api/v2/workspaces/{workspace}/builds", Limit::Api, workspaces::builds)
        .user(POST, "/api/v2/workspaces/{workspace}/builds", Limit::Api, workspaces::build)
        .user(PUT, "/api/v2/workspaces/{workspace}/dormant", Limit::Api, workspaces::set_dormant)
        .user(GET, "/api/v2/organizations/{organization}/members/{user}/workspace-quota", Limit::Api, quotas::find)
        .user(GET, "/api/v2/workspace-quota/{user}", Limit::Api, quotas::find_in_default)
        .public(GET, "/api/v2/auth/scopes", Limit::Api, sessions::keys::scopes)
        .user(GET, "/api/v2/experiments", Limit::Api, deployment::experiments)
        .user(GET, "/api/v2/experiments/available", Limit::Api, deployment::available_experiments)
        .public(GET, "/api/v2/updatecheck", Limit::Api, deployment::update_check)
        .user(GET, "/api/v2/regions", Limit::Api, deployment::regions)
        .user(GET, "/api/v2/applications/host", Limit::Api, deployment::app_host)
        .user(GET, "/api/v2/deployment/ssh", Limit::Api, deployment::ssh)
        .open(POST, "/api/v2/csp/reports", Limit::Api, deployment::csp_reports)
        .user(GET, "/api/v2/oauth2-provider/settings", Limit::Api, oauth2::settings::show)
        .user(PUT, "/api/v2/oauth2-provider/settings", Limit::Api, oauth2::settings::update)
        .user(GET, "/api/v2/audit", Limit::Api, audit::list)
        .user(POST, "/api/v2/audit/testgenerate", Limit::Api, audit::generate);
    table.0
}

/// Registers everything.
///
/// A path with one trailing slash is the same endpoint: Coder's clients send `/organizations/{organization}/members/`.
/// These spellings stand behind all others, so that looking for a route takes no longer.
pub(crate) fn configure(site: &Arc<Site>, config: &mut web::ServiceConfig) {
    let mut api = web::scope(API);
    for (path, entries) in resources() {
        match path.strip_prefix(API) {
            Some(below) => api = api.service(resource(site, web::resource(below), entries)),
            None => {
                config.service(resource(site, web::resource(path), entries));
            }
        }
    }
    for (path, entries) in resources() {
        let Some(other) = other_spelling(path) else { continue };
        match other.strip_prefix(API) {
            Some(below) => api = api.service(resource(site, web::resource(below), entries)),
            None => {
                config.service(resource(site, web::resource(other), entries));
            }
        }
    }
    config.service(api);
    assets::configure(config);
    config.default_service(any(site, None, Public(not_found)));
}

/// The route table by path.
fn resources() -> Vec<(&'static str, Vec<Entry>)> {
    let mut resources: Vec<(&'static str, Vec<Entry>)> = Vec::new();
    for entry in table() {
        let path = entry.endpoint.path;
        match resources.iter_mut().find(|(known, _)| *known == path) {
            Some((_, entries)) => entries.push(entry),
            None => resources.push((path, vec![entry])),
        }
    }
    resources
}

/// A path with a trailing slash, or without the one that it has. `None` for the start page, and where the rest of the path
/// is a parameter, which takes the slash anyway.
fn other_spelling(path: &str) -> Option<String> {
    match path.strip_suffix('/') {
        Some("") => None,
        Some(without) => Some(without.to_owned()),
        None if path.ends_with(":.*}") => None,
        None => Some(format!("{path}/")),
    }
}

fn resource(site: &Arc<Site>, mut resource: Resource, entries: Vec<Entry>) -> Resource {
    let mut methods: Vec<String> = Vec::new();
    let area = entries.first().map(|entry| entry.endpoint.area);
    let path = entries.first().map_or(UNMATCHED, |entry| entry.endpoint.path);
    for entry in entries {
        methods.push(entry.endpoint.method.to_string());
        if entry.endpoint.method == Method::GET {
            methods.push("HEAD".to_owned());
        }
        resource = resource.route((entry.route)(Arc::clone(site)));
    }
    if let Some(area @ (Area::OAuth2 | Area::Document)) = area {
        methods.push("OPTIONS".to_owned());
        let endpoint =
            Endpoint { method: Method::OPTIONS, path, area, limit: Limit::Off, callers: Callers::AnySite, body: 0 };
        resource = resource.route(route(site, Arc::new(endpoint), Public(preflight)));
    }
    let allow = methods.join(", ");
    resource.default_service(any(site, area, Public(async move |call: Call| Ok(method_not_allowed(&call, &allow)))))
}

/// A route that hands over to the gate.
fn route<H: Handle>(site: &Arc<Site>, endpoint: Arc<Endpoint>, handler: H) -> Route {
    let site = Arc::clone(site);
    let route = match endpoint.method {
        Method::GET => web::route().guard(guard::Any(guard::Get()).or(guard::Head())),
        _ => web::method(endpoint.method.clone()),
    };
    route.to(move |request: HttpRequest, payload: web::Payload| {
        let (site, endpoint, handler) = (Arc::clone(&site), Arc::clone(&endpoint), handler.clone());
        async move { serve(&endpoint, &handler, site, request, payload.into_inner()).await }
    })
}

/// What answers when no route does; `area` is that of the path, where the path is known.
fn any<H: Handle>(site: &Arc<Site>, area: Option<Area>, handler: H) -> Route {
    let site = Arc::clone(site);
    web::to(move |request: HttpRequest, payload: web::Payload| {
        let (site, handler) = (Arc::clone(&site), handler.clone());
        async move {
            let area = area.unwrap_or_else(|| Area::of(path::routed(&request)));
            let method = Method::from_bytes(b"ANY").unwrap_or(Method::GET);
            let endpoint =
                Endpoint { method, path: UNMATCHED, area, limit: Limit::Off, callers: Callers::AnySite, body: 0 };
            serve(&endpoint, &handler, site, request, payload.into_inner()).await
        }
    })
}

async fn preflight(_: Call) -> Outcome {
    let mut response = answer::no_content();
    cors::preflight(response.headers_mut());
    Ok(response)
}

async fn not_found(call: Call) -> Outcome {
    const TEXT: &str = "Route not found.";
    Ok(match call.area {
        Area::Api | Area::Document => error::api_error(StatusCode::NOT_FOUND, TEXT, ""),
        Area::OAuth2 => {
            error::oauth_body(StatusCode::NOT_FOUND, &OAuthError::new(OAuthErrorCode::InvalidRequest, TEXT))
        }
        Area::Scim => scim::error(StatusCode::NOT_FOUND, TEXT),
        Area::Consent | Area::Page => screens::not_found(&call),
    })
}

/// 405, as JSON where only JSON is spoken, and as a page for people elsewhere.
fn method_not_allowed(call: &Call, allow: &str) -> HttpResponse {
    const STATUS: StatusCode = StatusCode::METHOD_NOT_ALLOWED;
    let detail = format!("The methods allowed here are {allow}.");
    let mut response = match call.area {
        Area::Consent | Area::Page if wish(&call.request) == Wish::Page => {
            let explanation =
                "This address is not to be used like this. Perhaps you reloaded a page that has moved on.";
            screens::problem(call, STATUS, "Not possible here", explanation)
        }
        Area::OAuth2 | Area::Consent => {
            error::oauth_body(STATUS, &OAuthError::new(OAuthErrorCode::InvalidRequest, detail))
        }
        Area::Scim => scim::error(STATUS, &detail),
        Area::Api | Area::Document | Area::Page => error::api_error(STATUS, "Method not allowed.", &detail),
    };
    if let Ok(allow) = HeaderValue::from_str(allow) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::App;
    use actix_web::test::{TestRequest, call_service, init_service, read_body};

    use doorward_domain::names::Named;

    /// What the parameter of a path names; `None` when it is an id, or no name that people give.
    fn named(parameter: &str) -> Option<Named> {
        Some(match parameter {
            "{user}" | "{username}" => Named::User,
            "{organization}" | "{name}" => Named::Organization,
            "{groupName}" => Named::Group,
            "{templatename}" => Named::Template,
            "{roleName}" => Named::Role,
            "{workspacename}" => Named::Workspace,
            "{keyname}" => Named::Token,
            _ => return None,
        })
    }

    #[test]
    fn no_name_can_be_a_word_that_stands_at_its_place_in_a_path() {
        let paths: Vec<Vec<&str>> = table().iter().map(|entry| entry.endpoint.path.split('/').collect()).collect();
        let same = |(a, b): (&&str, &&str)| a == b || a.starts_with('{') || b.starts_with('{');
        let mut found = 0;
        for path in &paths {
            for (at, parameter) in path.iter().enumerate() {
                let Some(named) = named(parameter) else { continue };
                for other in paths.iter().filter(|other| other.len() > at) {
                    let word = other[at];
                    if !word.starts_with('{') && path[..at].iter().zip(&other[..at]).all(same) {
                        assert!(named.is_reserved(word), "{} hides the {named:?} {word:?}", other.join("/"));
                        found += 1;
                    }
                }
            }
        }
        assert!(found > 20, "{found}");
    }

    /// The names of the parameters of a path.
    fn parameters(path: &str) -> Vec<&str> {
        let names = path.split('{').skip(1).filter_map(|rest| rest.split(['}', ':']).next());
        names.collect()
    }

    #[actix_web::test]
    async fn every_parameter_of_every_route_is_decoded_and_both_spellings_lead_to_it() {
        const VALUE: &str = "a+b 50%25/c\u{e9}%2f";
        const ENCODED: &str = "a%2Bb%2050%2525%2Fc%C3%A9%252f";
        let mut seen = 0;
        for path in table().iter().map(|entry| entry.endpoint.path) {
            for spelling in [Some(path.to_owned()), other_spelling(path)].into_iter().flatten() {
                let echo = move |request: HttpRequest| async move {
                    let texts = parameters(path).into_iter().map(|name| path::segment(&request, name).into_owned());
                    HttpResponse::Ok().body(texts.collect::<Vec<_>>().join("\n"))
                };
                let app = init_service(App::new().service(web::resource(spelling.as_str()).to(echo))).await;
                let names = parameters(path);
                let uri = names
                    .iter()
                    .fold(spelling.replace(":.*", ""), |uri, name| uri.replace(&format!("{{{name}}}"), ENCODED));
                let answer = call_service(&app, TestRequest::with_uri(&uri).to_request()).await;
                assert_eq!(answer.status(), StatusCode::OK, "{uri}");
                let texts = String::from_utf8(read_body(answer).await.to_vec()).unwrap();
                assert_eq!(texts.lines().collect::<Vec<_>>(), vec![VALUE; names.len()], "{uri}");
                seen += names.len();
            }
        }
        assert!(seen > 100, "{seen}");
    }

    #[test]
    fn every_route_has_one_other_spelling() {
        assert_eq!(other_spelling("/api/v2/users").as_deref(), Some("/api/v2/users/"));
        assert_eq!(other_spelling("/api/v2/").as_deref(), Some("/api/v2"));
        assert_eq!(other_spelling("/"), None);
        assert_eq!(other_spelling("/.well-known/a/{path:.*}"), None);
    }
}
