//! Handlers, told apart by whom they let in, each with what comes before it: credential, rate limit, body.

use super::{Endpoint, Limit, count, refusal, too_many, wants_bypass};
use crate::call::{Call, Outcome};
use crate::error::Failure;
use crate::limits::Standing;
use crate::{caller, tally};
use actix_web::http::Method;
use doorward_services::Principal;

/// A handler, told apart by whom it lets in.
pub(crate) trait Handle: Clone + 'static {
    /// Finds out who asks as far as the handler wants to know, counts the request, and calls the handler.
    fn handle(&self, call: Call, endpoint: &Endpoint) -> impl Future<Output = (Outcome, Option<Standing>)>;
}

/// A handler that anyone may call.
#[derive(Clone)]
pub(crate) struct Public<F>(pub(crate) F);

/// A handler for users who are signed in.
#[derive(Clone)]
pub(crate) struct SignedIn<F>(pub(crate) F);

/// A handler that anyone may call, and that wants to know who does.
#[derive(Clone)]
pub(crate) struct Recognized<F>(pub(crate) F);

impl<F: AsyncFn(Call) -> Outcome + Clone + 'static> Handle for Public<F> {
    async fn handle(&self, mut call: Call, endpoint: &Endpoint) -> (Outcome, Option<Standing>) {
        if endpoint.limit == Limit::Client && !wants_bypass(&call.request) {
            let ledger = match tally::before(&call).await {
                Ok(ledger) => ledger,
                Err((failure, standing)) => return (Err(failure), standing),
            };
            let outcome = match call.receive(endpoint.body_limit(&call)).await {
                Ok(()) => (self.0)(call).await,
                Err(failure) => Err(failure),
            };
            return match ledger.count(&outcome) {
                Ok(standing) => (outcome, standing),
                Err(standing) => {
                    let (failure, standing) = refusal(standing);
                    (Err(failure), standing)
                }
            };
        }
        call.is_counted = false;
        // Who asks matters only to those who want to be exempt from the limit.
        let exempt = endpoint.limit != Limit::Off && wants_bypass(&call.request);
        let actor = if exempt { caller::authenticate(&mut call, endpoint.area).await.ok() } else { None };
        match count(&call, actor.as_ref(), endpoint) {
            Ok(standing) => match call.receive(endpoint.body_limit(&call)).await {
                Ok(()) => ((self.0)(call).await, standing),
                Err(failure) => (Err(failure), standing),
            },
            Err((failure, standing)) => (Err(failure), standing),
        }
    }
}

impl<F: AsyncFn(Call, Principal) -> Outcome + Clone + 'static> Handle for SignedIn<F> {
    async fn handle(&self, mut call: Call, endpoint: &Endpoint) -> (Outcome, Option<Standing>) {
        let authenticated = caller::authenticate(&mut call, endpoint.area).await;
        let standing = match count(&call, authenticated.as_ref().ok(), endpoint) {
            Ok(standing) => standing,
            Err((failure, standing)) => return (Err(failure), standing),
        };
        let received = match authenticated {
            Ok(actor) => call.receive(endpoint.body_limit(&call)).await.map(|()| actor),
            Err(failure) => Err(failure),
        };
        let outcome = match received {
            Ok(actor) => (self.0)(call, actor).await,
            Err(failure) => Err(failure),
        };
        (outcome, standing)
    }
}

impl<F: AsyncFn(Call, Result<Principal, Failure>) -> Outcome + Clone + 'static> Handle for Recognized<F> {
    async fn handle(&self, mut call: Call, endpoint: &Endpoint) -> (Outcome, Option<Standing>) {
        let authenticated = caller::authenticate(&mut call, endpoint.area).await;
        let standing = match count(&call, authenticated.as_ref().ok(), endpoint) {
            Ok(standing) => standing,
            Err((failure, standing)) => return (Err(failure), standing),
        };
        if let Err(failure) = call.receive(endpoint.body_limit(&call)).await {
            return (Err(failure), standing);
        }
        let makes_rows = endpoint.limit == Limit::OAuth2 && endpoint.method == Method::POST;
        let held = if makes_rows && !wants_bypass(&call.request) {
            match tally::before_new_rows(&call).await {
                Ok(held) => held,
                Err(standing) => return (Err(too_many(&call, endpoint.area, standing).into()), Some(standing)),
            }
        } else {
            None
        };
        let tally = call.tally.clone();
        let outcome = (self.0)(call, authenticated).await;
        tally::after_new_rows(&tally, held);
        (outcome, standing)
    }
}
