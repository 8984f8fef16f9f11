//! Handlers, told apart by whom they let in, each with what comes before it: credential, rate limit, body.

use super::licenses::{self, Moment};
use super::{Endpoint, count, wants_bypass};
use crate::kit::call::Call;
use crate::kit::caller::Authenticate;
use crate::kit::error::{Failure, HandlerResult};
use crate::kit::limits::{Limit, Standing};
use crate::kit::tally;
use actix_web::http::Method;
use doorward_domain::entitlements::Entitlements;
use doorward_services::Principal;
use std::sync::Arc;

/// What came of a request.
pub(crate) struct Handled {
    pub(crate) outcome: HandlerResult,
    /// Where its caller stands.
    pub(crate) standing: Option<Standing>,
    /// What its caller is to be warned of.
    pub(crate) warnings: Option<Arc<Entitlements>>,
}

impl From<(HandlerResult, Option<Standing>)> for Handled {
    fn from((outcome, standing): (HandlerResult, Option<Standing>)) -> Self {
        Self { outcome, standing, warnings: None }
    }
}

/// A handler, told apart by whom it lets in.
pub(crate) trait Handle: Clone + 'static {
    /// Finds out who asks as far as the handler wants to know, counts the request, and calls the handler.
    fn handle(&self, call: Call, endpoint: &Endpoint) -> impl Future<Output = Handled>;
}

/// A handler that anyone may call as often as they like, and that never asks who does.
#[derive(Clone)]
pub(crate) struct Plain<F>(pub(crate) F);

/// A handler that anyone may call.
#[derive(Clone)]
pub(crate) struct Public<C, F>(pub(crate) C, pub(crate) F);

/// A handler for users who are signed in.
#[derive(Clone)]
pub(crate) struct SignedIn<C, F>(pub(crate) C, pub(crate) F);

/// A handler that anyone may call, and that wants to know who does.
#[derive(Clone)]
pub(crate) struct Recognized<C, F>(pub(crate) C, pub(crate) F);

impl<F: AsyncFn(Call) -> HandlerResult + Clone + 'static> Handle for Plain<F> {
    async fn handle(&self, mut call: Call, endpoint: &Endpoint) -> Handled {
        let outcome = match call.receive(endpoint.body_limit(&call)).await {
            Ok(()) => (self.0)(call).await,
            Err(failure) => Err(failure),
        };
        (outcome, None).into()
    }
}

impl<C, F> Handle for Public<C, F>
where
    C: Authenticate + Clone + 'static,
    F: AsyncFn(Call) -> HandlerResult + Clone + 'static,
{
    async fn handle(&self, mut call: Call, endpoint: &Endpoint) -> Handled {
        if endpoint.limit == Limit::Client && !wants_bypass(&call.request) {
            let ledger = match tally::before(&call.site, &call.tally, call.address(), call.now()).await {
                Ok(ledger) => ledger,
                Err(standing) => return (Err(Failure::Spent(standing)), Some(standing)).into(),
            };
            let outcome = match call.receive(endpoint.body_limit(&call)).await {
                Ok(()) => (self.1)(call).await,
                Err(failure) => Err(failure),
            };
            return match ledger.count(&outcome) {
                Ok(standing) => (outcome, standing).into(),
                Err(standing) => (Err(Failure::Spent(standing)), Some(standing)).into(),
            };
        }
        call.is_counted = false;
        // Who asks matters only to those who want to be exempt from the limit.
        let exempt = endpoint.limit != Limit::Off && wants_bypass(&call.request);
        let actor = if exempt { self.0.authenticate(&mut call).await.ok() } else { None };
        match count(&call, actor.as_ref(), endpoint) {
            Ok(standing) => match call.receive(endpoint.body_limit(&call)).await {
                Ok(()) => ((self.1)(call).await, standing).into(),
                Err(failure) => (Err(failure), standing).into(),
            },
            Err((failure, standing)) => (Err(failure), standing).into(),
        }
    }
}

impl<C, F> Handle for SignedIn<C, F>
where
    C: Authenticate + Clone + 'static,
    F: AsyncFn(Call, Principal) -> HandlerResult + Clone + 'static,
{
    async fn handle(&self, mut call: Call, endpoint: &Endpoint) -> Handled {
        let body = (endpoint.body_limit(&call), endpoint.streams);
        let authenticated = match call.before_body(body, async |call| self.0.authenticate(call).await).await {
            Ok(authenticated) => authenticated,
            Err(broken) => {
                return match count(&call, None, endpoint) {
                    Ok(standing) => (Err(broken), standing).into(),
                    Err((failure, standing)) => (Err(failure), standing).into(),
                };
            }
        };
        let standing = match count(&call, authenticated.as_ref().ok(), endpoint) {
            Ok(standing) => standing,
            Err((failure, standing)) => return (Err(failure), standing).into(),
        };
        let warnings = authenticated.as_ref().ok().and_then(|actor| licenses::warnings(&call, actor));
        let admitted =
            authenticated.and_then(|actor| licenses::check(endpoint, Moment::SignedIn, &call).map(|()| actor));
        let received = match admitted {
            Ok(actor) if endpoint.streams => Ok(actor),
            Ok(actor) => call.receive(endpoint.body_limit(&call)).await.map(|()| actor),
            Err(failure) => Err(failure),
        };
        let outcome = match received {
            Ok(actor) => (self.1)(call, actor).await,
            Err(failure) => Err(failure),
        };
        Handled { outcome, standing, warnings }
    }
}

impl<C, F> Handle for Recognized<C, F>
where
    C: Authenticate + Clone + 'static,
    F: AsyncFn(Call, Result<Principal, Failure>) -> HandlerResult + Clone + 'static,
{
    async fn handle(&self, mut call: Call, endpoint: &Endpoint) -> Handled {
        let body = (endpoint.body_limit(&call), endpoint.streams);
        let authenticated = match call.before_body(body, async |call| self.0.authenticate(call).await).await {
            Ok(authenticated) => authenticated,
            Err(broken) => {
                return match count(&call, None, endpoint) {
                    Ok(standing) => (Err(broken), standing).into(),
                    Err((failure, standing)) => (Err(failure), standing).into(),
                };
            }
        };
        let standing = match count(&call, authenticated.as_ref().ok(), endpoint) {
            Ok(standing) => standing,
            Err((failure, standing)) => return (Err(failure), standing).into(),
        };
        if let Err(failure) = call.receive(endpoint.body_limit(&call)).await {
            return (Err(failure), standing).into();
        }
        let makes_rows = endpoint.limit == Limit::OAuth2 && endpoint.method == Method::POST;
        let held = if makes_rows && !wants_bypass(&call.request) {
            match tally::before_new_rows(&call.site, call.address(), call.now()).await {
                Ok(held) => held,
                Err(standing) => return (Err(Failure::Spent(standing)), Some(standing)).into(),
            }
        } else {
            None
        };
        let tally = call.tally.clone();
        let outcome = (self.1)(call, authenticated).await;
        tally::after_new_rows(&tally, held);
        (outcome, standing).into()
    }
}
