//! Handlers, told apart by whom they let in, each with what comes before it: credential, rate limit, body.

use super::licenses::{self, Moment};
use super::{Endpoint, count, count_for, wants_bypass};
use crate::kit::body::beside;
use crate::kit::call::{Call, refuse_body};
use crate::kit::caller::Authenticate;
use crate::kit::convention::Asked;
use crate::kit::error::{Failure, HandlerResult};
use crate::kit::limits::{Limit, Standing};
use crate::kit::tally;
use actix_web::http::Method;
use doorward_domain::entitlements::Entitlements;
use doorward_services::Principal;
use std::pin::{Pin, pin};
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
            let (site, tally, address, now) = (Arc::clone(&call.site), call.tally.clone(), call.address(), call.now());
            let admitting = pin!(tally::before(&site, &tally, address, now));
            let ledger = match watching(&mut call, admitting).await {
                Ok(Ok(ledger)) => ledger,
                Ok(Err(standing)) => return (Err(Failure::Spent(standing)), Some(standing)).into(),
                Err(broken) => return (Err(broken), None).into(),
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
        let actor = if exempt {
            match authenticate(&self.0, &mut call).await {
                Ok(authenticated) => authenticated.ok(),
                Err(broken) => return broken_off(&call, broken, endpoint),
            }
        } else {
            None
        };
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
        let authenticated = match authenticate(&self.0, &mut call).await {
            Ok(authenticated) => authenticated,
            Err(broken) => return broken_off(&call, broken, endpoint),
        };
        let standing = match count(&call, authenticated.as_ref().ok(), endpoint) {
            Ok(standing) => standing,
            Err((failure, standing)) => return (Err(failure), standing).into(),
        };
        let warnings = authenticated.as_ref().ok().and_then(|actor| licenses::warnings(&call, actor));
        let admitted =
            authenticated.and_then(|actor| licenses::check(endpoint, Moment::SignedIn, &call).map(|()| actor));
        let outcome = match admitted {
            Ok(actor) if endpoint.streams => {
                let handler = self.1.clone();
                take(call, async move |call| handler(call, actor).await).await
            }
            Ok(actor) => match call.receive(endpoint.body_limit(&call)).await {
                Ok(()) => (self.1)(call, actor).await,
                Err(failure) => Err(failure),
            },
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
        let authenticated = match authenticate(&self.0, &mut call).await {
            Ok(authenticated) => authenticated,
            Err(broken) => return broken_off(&call, broken, endpoint),
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

/// Does what must be done before the body is asked for, and refuses the request if the body breaks meanwhile: the connection
/// takes an answer at that moment, and none later. Until somebody is let in, no more is held than of anybody's body.
async fn watching<T>(call: &mut Call, work: Pin<&mut impl Future<Output = T>>) -> Result<T, Failure> {
    let (mut inlet, most) = (call.take_inlet(), call.site.settings.server.body_limit);
    let done = beside(work, |context| inlet.watch(context, most)).await;
    call.put_inlet(inlet);
    done.map_err(|broken| call.refuse_body(&broken))
}

/// Finds out who asks. The outer failure is that of the body.
async fn authenticate<C: Authenticate>(caller: &C, call: &mut Call) -> Result<Result<Principal, Failure>, Failure> {
    let (mut inlet, most) = (call.take_inlet(), call.site.settings.server.body_limit);
    let done = {
        let authenticating = pin!(caller.authenticate(call));
        beside(authenticating, |context| inlet.watch(context, most)).await
    };
    call.put_inlet(inlet);
    done.map_err(|broken| call.refuse_body(&broken))
}

/// Refuses a request whose body broke before it was known who asks: it counts for the address.
fn broken_off(call: &Call, broken: Failure, endpoint: &Endpoint) -> Handled {
    match count_for(call, None, endpoint) {
        Ok(standing) => (Err(broken), standing).into(),
        Err((failure, standing)) => (Err(failure), standing).into(),
    }
}

/// Calls a handler that takes the body as it arrives. If the body breaks, the request is refused at once, and the handler,
/// which is told too, goes on to clear away what it has.
async fn take(mut call: Call, handler: impl AsyncFnOnce(Call) -> HandlerResult + 'static) -> HandlerResult {
    /// Most that is held beside what the handler has taken.
    const AHEAD: usize = 128 * 1024;
    let (site, request, id, convention) =
        (Arc::clone(&call.site), call.request.clone(), call.origin.request_id, call.convention);
    let inlet = call.share_inlet();
    let mut work = Box::pin(async move { handler(call).await });
    match beside(work.as_mut(), |context| inlet.borrow_mut().watch(context, AHEAD)).await {
        Ok(outcome) => outcome,
        Err(broken) => {
            actix_web::rt::spawn(work);
            Err(refuse_body(convention, &Asked { site: &site, request: &request, id }, &broken))
        }
    }
}
