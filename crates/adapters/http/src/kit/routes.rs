//! Registering routes: what a room says about each endpoint.

use crate::kit::call::Call;
use crate::kit::caller::Authenticate;
use crate::kit::convention::{Audience, Convention};
use crate::kit::documentation::{Documentation, Documented};
use crate::kit::error::{Failure, HandlerResult};
use crate::kit::gate::{Endpoint, Handle, Moment, Needed, Plain, Public, Recognized, SignedIn, serve};
use crate::kit::limits::Limit;
use crate::kit::origins::Callers;
use crate::kit::rates::Counted;
use crate::kit::site::Site;
use actix_web::http::Method;
use actix_web::{HttpRequest, Route, guard, web};
use doorward_domain::entitlements::Feature;
use doorward_services::Principal;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use utoipa::openapi::HttpMethod;

/// The route table, as rooms fill it.
#[derive(Default)]
pub(crate) struct Routes(Vec<Entry>);

/// The routes of a room that follow one convention.
///
/// Method and path of a route are those of its `#[utoipa::path]`, which makes a type of the name `__path_` and that of the
/// handler. So the table, the router and the OpenAPI document cannot differ.
///
/// ```ignore
/// let mut r = routes.of(&Api);
/// r.user(__path_list, list);
/// r.public(__path_login, login).limit(Limit::Login);
/// ```
pub(crate) struct Room<'r, C: 'static> {
    convention: &'static C,
    entries: &'r mut Vec<Entry>,
}

/// Makes the route of an endpoint for the router of actix.
type ToRoute = dyn Fn(&Arc<Site>, &Arc<Endpoint>) -> Route;

/// One route.
pub(crate) struct Entry {
    pub(crate) endpoint: Endpoint,
    pub(crate) audience: Audience,
    /// Whether the router tries it before all that are not.
    pub(crate) is_busy: bool,
    pub(crate) documentation: Documentation,
    route: Box<ToRoute>,
}

impl Routes {
    /// Routes that follow this convention.
    pub(crate) fn of<C: Convention>(&mut self, convention: &'static C) -> Room<'_, C> {
        Room { convention, entries: &mut self.0 }
    }

    /// The table. Routes that a busy server serves all day come first, for the router tries them in this order; the others
    /// keep the order in which they were registered.
    pub(crate) fn into_table(mut self) -> Vec<Entry> {
        self.0.sort_by_key(|entry| !entry.is_busy);
        self.0
    }
}

impl<C: Convention> Room<'_, C> {
    /// A route that anyone may call as often as they like, and that never asks who does.
    pub(crate) fn plain<P, F>(&mut self, documented: P, handler: F) -> &mut Entry
    where
        P: Documented,
        F: AsyncFn(Call) -> HandlerResult + Clone + 'static,
    {
        self.add(documented, Audience::Public, Plain(handler)).limit(Limit::Off)
    }

    fn add<P: Documented, H: Handle>(&mut self, _: P, audience: Audience, handler: H) -> &mut Entry {
        let documentation = Documentation::of::<P>(kept(P::path()));
        let endpoint = Endpoint {
            method: method(P::methods().first()),
            path: documentation.path,
            convention: self.convention,
            limit: self.convention.limit(),
            callers: Callers::Own,
            body: 0,
            streams: false,
            no_store: false,
            needs: None,
            counts: None,
        };
        let route = Box::new(move |site: &Arc<Site>, endpoint: &Arc<Endpoint>| route(site, endpoint, &handler));
        self.entries.push_mut(Entry { endpoint, audience, is_busy: false, documentation, route })
    }
}

impl<C: Convention + Authenticate + Clone> Room<'_, C> {
    /// A route that anyone may call.
    pub(crate) fn public<P, F>(&mut self, documented: P, handler: F) -> &mut Entry
    where
        P: Documented,
        F: AsyncFn(Call) -> HandlerResult + Clone + 'static,
    {
        self.add(documented, Audience::Public, Public(self.convention.clone(), handler))
    }

    /// A route for users who are signed in.
    pub(crate) fn user<P, F>(&mut self, documented: P, handler: F) -> &mut Entry
    where
        P: Documented,
        F: AsyncFn(Call, Principal) -> HandlerResult + Clone + 'static,
    {
        self.add(documented, Audience::SignedIn, SignedIn(self.convention.clone(), handler))
    }

    /// A route that anyone may call, and whose handler wants to know who does.
    pub(crate) fn recognized<P, F>(&mut self, documented: P, handler: F) -> &mut Entry
    where
        P: Documented,
        F: AsyncFn(Call, Result<Principal, Failure>) -> HandlerResult + Clone + 'static,
    {
        self.add(documented, Audience::Recognized, Recognized(self.convention.clone(), handler))
    }
}

impl Entry {
    /// Another limit than that of the convention.
    pub(crate) fn limit(&mut self, limit: Limit) -> &mut Self {
        self.endpoint.limit = limit;
        self
    }

    /// For scripts of any site too: for endpoints that take no cookie.
    pub(crate) fn for_any_site(&mut self) -> &mut Self {
        self.endpoint.callers = Callers::AnySite;
        self
    }

    /// Not for pages of other sites, though it is a GET: what it opens does something.
    pub(crate) fn opens_socket(&mut self) -> &mut Self {
        self.endpoint.callers = Callers::OwnAlways;
        self
    }

    /// Takes bodies up to this size, in bytes, whatever the settings say.
    pub(crate) fn body_limit(&mut self, limit: usize) -> &mut Self {
        self.endpoint.body = limit;
        self
    }

    /// Hands the body over as it arrives: the handler sees to how large it gets.
    pub(crate) fn streams(&mut self) -> &mut Self {
        self.endpoint.streams = true;
        self
    }

    /// No cache may keep the answers.
    pub(crate) fn no_store(&mut self) -> &mut Self {
        self.endpoint.no_store = true;
        self
    }

    /// Users who are signed in may do it only if a licence gives this feature.
    pub(crate) fn needs(&mut self, feature: Feature) -> &mut Self {
        self.endpoint.needs = Some(Needed { feature, at: Moment::SignedIn });
        self
    }

    /// The same, and it is looked at before anybody is asked who they are.
    pub(crate) fn needs_first(&mut self, feature: Feature) -> &mut Self {
        self.endpoint.needs = Some(Needed { feature, at: Moment::First });
        self
    }

    /// Counts this of its answers.
    pub(crate) fn counts(&mut self, counted: Counted) -> &mut Self {
        self.endpoint.counts = Some(counted);
        self
    }

    /// A busy server serves it all day: the router tries it before all that are not.
    pub(crate) fn busy(&mut self) -> &mut Self {
        self.is_busy = true;
        self
    }

    /// The last parameter of the path takes all that follows, slashes included.
    pub(crate) fn takes_the_rest(&mut self) -> &mut Self {
        let documented = self.documentation.path;
        let pattern =
            documented.strip_suffix('}').map_or_else(|| documented.to_owned(), |start| format!("{start}:.*}}"));
        self.endpoint.path = kept(pattern);
        self
    }

    /// The route, for the router of actix.
    pub(crate) fn route(&self, site: &Arc<Site>, endpoint: &Arc<Endpoint>) -> Route {
        (self.route)(site, endpoint)
    }
}

/// A route that hands over to the gate.
pub(crate) fn route<H: Handle>(site: &Arc<Site>, endpoint: &Arc<Endpoint>, handler: &H) -> Route {
    let route = match endpoint.method {
        Method::GET => web::route().guard(guard::Any(guard::Get()).or(guard::Head())),
        _ => web::method(endpoint.method.clone()),
    };
    to(route, site, endpoint, handler)
}

/// Hands all that this route takes over to the gate.
pub(crate) fn to<H: Handle>(route: Route, site: &Arc<Site>, endpoint: &Arc<Endpoint>, handler: &H) -> Route {
    let (site, endpoint, handler) = (Arc::clone(site), Arc::clone(endpoint), handler.clone());
    route.to(move |request: HttpRequest, payload: web::Payload| {
        let (site, endpoint, handler) = (Arc::clone(&site), Arc::clone(&endpoint), handler.clone());
        async move { serve(&endpoint, &handler, site, request, payload.into_inner()).await }
    })
}

fn method(documented: Option<&HttpMethod>) -> Method {
    match documented {
        Some(HttpMethod::Get) | None => Method::GET,
        Some(HttpMethod::Put) => Method::PUT,
        Some(HttpMethod::Post) => Method::POST,
        Some(HttpMethod::Delete) => Method::DELETE,
        Some(HttpMethod::Options) => Method::OPTIONS,
        Some(HttpMethod::Head) => Method::HEAD,
        Some(HttpMethod::Patch) => Method::PATCH,
        Some(HttpMethod::Trace) => Method::TRACE,
    }
}

/// Keeps the path of a route for as long as the process runs, each once, however often the table is made: limits, metrics
/// and the log refer to it.
pub(crate) fn kept(path: String) -> &'static str {
    static KNOWN: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = known.get(path.as_str()) {
        return path;
    }
    let path: &'static str = path.leak();
    known.insert(path);
    path
}
