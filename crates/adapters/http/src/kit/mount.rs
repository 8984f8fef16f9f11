//! From the route table to the router of actix.

use crate::kit::answer;
use crate::kit::call::Call;
use crate::kit::convention::Convention;
use crate::kit::cors;
use crate::kit::error::HandlerResult;
use crate::kit::gate::{Endpoint, Handle, Plain};
use crate::kit::limits::Limit;
use crate::kit::origins::Callers;
use crate::kit::refusal::Refusal;
use crate::kit::routes::{self, Entry};
use crate::kit::site::Site;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{Resource, Route, Scope, web};
use std::sync::Arc;

/// What metrics call requests that no route takes.
const UNMATCHED: &str = "(none)";

/// Registers routes.
///
/// A path with one trailing slash is the same endpoint: Coder's clients send `/organizations/{organization}/members/`.
/// These spellings stand behind all others, so that looking for a route takes no longer. So do the routes of a convention
/// that are mounted together, behind which `others` refuses what is not there.
pub(crate) fn mount(
    site: &Arc<Site>,
    table: &[Entry],
    conventions: &[&'static dyn Convention],
    others: &'static dyn Convention,
    config: &mut web::ServiceConfig,
) {
    let mut mounts: Vec<(&'static str, Scope)> = Vec::new();
    for convention in conventions {
        if let Some(place) = convention.mounted_at() {
            mounts.push((place, web::scope(place).default_service(refuse(site, *convention))));
        }
    }
    let resources = resources(table);
    for spelling in [|path: &str| Some(path.to_owned()), other_spelling] {
        for (path, entries) in &resources {
            let Some(path) = spelling(path) else { continue };
            let place = entries.first().and_then(|entry| entry.endpoint.convention.mounted_at());
            let mount = mounts.iter_mut().find(|(known, _)| Some(*known) == place);
            match mount.and_then(|(place, scope)| Some((path.strip_prefix(*place)?, scope))) {
                Some((below, scope)) => {
                    let taken = std::mem::replace(scope, web::scope(""));
                    *scope = taken.service(resource(site, web::resource(below), entries));
                }
                None => {
                    config.service(resource(site, web::resource(path), entries));
                }
            }
        }
    }
    for (_, scope) in mounts {
        config.service(scope);
    }
    for convention in conventions {
        if let Some(place) = convention.territory() {
            let all = [place.to_owned(), format!("{place}/{{rest:.*}}")];
            config.service(web::resource(all).route(refuse(site, *convention)));
        }
    }
    config.default_service(refuse(site, others));
}

/// The route table by path.
fn resources(table: &[Entry]) -> Vec<(&'static str, Vec<&Entry>)> {
    let mut resources: Vec<(&'static str, Vec<&Entry>)> = Vec::new();
    for entry in table {
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
pub(crate) fn other_spelling(path: &str) -> Option<String> {
    match path.strip_suffix('/') {
        Some("") => None,
        Some(without) => Some(without.to_owned()),
        None if path.ends_with(":.*}") => None,
        None => Some(format!("{path}/")),
    }
}

fn resource(site: &Arc<Site>, mut resource: Resource, entries: &[&Entry]) -> Resource {
    let mut methods: Vec<String> = Vec::new();
    for entry in entries {
        methods.push(entry.endpoint.method.to_string());
        if entry.endpoint.method == Method::GET {
            methods.push("HEAD".to_owned());
        }
        resource = resource.route(entry.route(site, &Arc::new(entry.endpoint.clone())));
    }
    let Some(first) = entries.first() else { return resource };
    let convention = first.endpoint.convention;
    if convention.has_preflight() {
        methods.push("OPTIONS".to_owned());
        let endpoint = Endpoint { method: Method::OPTIONS, path: first.endpoint.path, ..unmatched(convention) };
        resource = resource.route(routes::route(site, &Arc::new(endpoint), &Plain(preflight)));
    }
    let allowed = methods.join(", ");
    let refused = async move |call: Call| {
        let mut response = call.convention.refuse(&call.asked(), &Refusal::method_not_allowed(&allowed));
        if let Ok(allowed) = HeaderValue::from_str(&allowed) {
            response.headers_mut().insert(header::ALLOW, allowed);
        }
        Ok(response)
    };
    resource.default_service(any(site, convention, &Plain(refused)))
}

/// What answers in the form of a convention that nothing is there.
fn refuse(site: &Arc<Site>, convention: &'static dyn Convention) -> Route {
    any(site, convention, &Plain(not_found))
}

/// What answers whatever the method.
fn any<H: Handle>(site: &Arc<Site>, convention: &'static dyn Convention, handler: &H) -> Route {
    routes::to(web::route(), site, &Arc::new(unmatched(convention)), handler)
}

/// The endpoint of requests that no route takes. It does nothing, so it may be asked from anywhere.
fn unmatched(convention: &'static dyn Convention) -> Endpoint {
    Endpoint {
        method: Method::from_bytes(b"ANY").unwrap_or(Method::GET),
        path: UNMATCHED,
        convention,
        limit: Limit::Off,
        callers: Callers::AnySite,
        body: 0,
        streams: false,
        no_store: false,
        needs: None,
        counts: None,
    }
}

async fn preflight(_: Call) -> HandlerResult {
    let mut response = answer::no_content();
    cors::preflight(response.headers_mut());
    Ok(response)
}

async fn not_found(call: Call) -> HandlerResult {
    Ok(call.convention.refuse(&call.asked(), &Refusal::not_found()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_has_one_other_spelling() {
        assert_eq!(other_spelling("/api/v2/users").as_deref(), Some("/api/v2/users/"));
        assert_eq!(other_spelling("/api/v2/").as_deref(), Some("/api/v2"));
        assert_eq!(other_spelling("/"), None);
        assert_eq!(other_spelling("/.well-known/a/{path:.*}"), None);
    }
}
