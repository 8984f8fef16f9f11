//! A request on its way to its handler.

use crate::kit::body::{Arriving, BodyError, Inlet, is_encoded};
use crate::kit::convention::{Asked, Convention};
use crate::kit::error::{Failure, bad_body};
use crate::kit::extract::client_ip::client_ip;
use crate::kit::extract::form::Form;
use crate::kit::extract::path;
use crate::kit::extract::query::StrictQuery;
use crate::kit::json;
use crate::kit::refusal::Refusal;
use crate::kit::site::Site;
use crate::kit::tally::Tally;
use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::Bytes;
use doorward_domain::Instant;
use doorward_services::intent::{Intent, may};
use doorward_services::organizations::OrganizationRef;
use doorward_services::users::UserRef;
use doorward_services::{Context, Error, Origin, Principal};
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use uuid::Uuid;

/// A request that was let in. The body is looked at when the handler asks for it, so that everything that comes before it in
/// the order of checks has been checked; but it has arrived by then, see [`Call::receive`].
pub(crate) struct Call {
    pub(crate) site: Arc<Site>,
    pub(crate) request: HttpRequest,
    pub(crate) origin: Arc<Origin>,
    /// That of the endpoint.
    pub(crate) convention: &'static dyn Convention,
    /// Whether only a cookie says who sends the request, which another site may have made the browser send: then a form
    /// needs its token.
    pub(crate) by_cookie: bool,
    /// What is told of the client, where clients are counted.
    pub(crate) tally: Tally,
    /// Whether the request is counted; owners can ask not to be.
    pub(crate) is_counted: bool,
    /// The body on its way in, and where it is instead if the gate watches it while the handler takes it.
    inlet: Inlet,
    shared: Option<Rc<RefCell<Inlet>>>,
    /// The body, once it has arrived.
    received: Bytes,
    now: OnceCell<Instant>,
    address: OnceCell<IpAddr>,
}

impl Call {
    pub(crate) fn new(
        site: Arc<Site>,
        request: HttpRequest,
        convention: &'static dyn Convention,
        payload: Payload,
    ) -> Self {
        let inlet = Inlet::new(&request, payload);
        Self {
            site,
            request,
            origin: Origin::unknown(),
            convention,
            by_cookie: false,
            tally: Tally::default(),
            is_counted: true,
            inlet,
            shared: None,
            received: Bytes::new(),
            now: OnceCell::new(),
            address: OnceCell::new(),
        }
    }

    /// When the request came: one instant for all that is told of it here.
    pub(crate) fn now(&self) -> Instant {
        *self.now.get_or_init(|| self.context().clock.now())
    }

    /// The address from which the request came, looking behind proxies that are trusted.
    pub(crate) fn address(&self) -> IpAddr {
        *self.address.get_or_init(|| client_ip(&self.request, &self.site.settings.server.trusted_proxies))
    }

    /// For the use cases.
    pub(crate) fn context(&self) -> &Context {
        &self.site.context
    }

    /// The user that the path names.
    pub(crate) fn user(&self) -> UserRef {
        path::user(&self.request)
    }

    /// The organization that the path names.
    pub(crate) fn organization(&self) -> OrganizationRef {
        OrganizationRef::parse(&self.segment("organization"))
    }

    /// A UUID in the path.
    pub(crate) fn id<T: From<Uuid>>(&self, name: &'static str) -> Result<T, Failure> {
        path::id(&self.request, name)
    }

    /// A text in the path.
    pub(crate) fn segment(&self, name: &str) -> Cow<'_, str> {
        path::segment(&self.request, name)
    }

    /// The query string, to be read strictly.
    pub(crate) fn query(&self) -> StrictQuery {
        StrictQuery::new(&self.request)
    }

    /// The body as JSON, of an endpoint at which everybody may do what it is for, as `why` says.
    pub(crate) fn json_of_anybody<T: DeserializeOwned>(&mut self, _why: &'static str) -> Result<T, Failure> {
        self.json()
    }

    /// The body as JSON. When it cannot be read, those who may not do this are told that instead, see [`Self::json_after`].
    pub(crate) async fn json_for<T: DeserializeOwned>(
        &mut self,
        actor: &Principal,
        intent: Intent,
    ) -> Result<T, Failure> {
        self.json_after(async |call| may(call.context(), actor, intent).await).await
    }

    /// The body as JSON; its content type does not matter. Handlers say whom it may come from.
    fn json<T: DeserializeOwned>(&mut self) -> Result<T, Failure> {
        // The limit of the endpoint held when it arrived.
        let body = self.bytes(usize::MAX)?;
        json::from_bytes(&body).map_err(|detail| bad_body(&detail))
    }

    /// The body as JSON. When it cannot be read, `authorize` is asked first: callers who may not do what they ask for, or
    /// who ask it of something that is not there for them, are told that, whatever they sent.
    ///
    /// The use case authorizes again, in its transaction. So a body that can be read costs nothing here.
    pub(crate) async fn json_after<T: DeserializeOwned>(
        &mut self,
        authorize: impl AsyncFnOnce(&Self) -> Result<(), Error>,
    ) -> Result<T, Failure> {
        match self.json() {
            Ok(body) => Ok(body),
            Err(broken) => {
                // Boxed, for it is seldom needed, and would make the future of every handler larger.
                Box::pin(authorize(self)).await?;
                Err(broken)
            }
        }
    }

    /// The body as it is, for an endpoint with a limit of its own.
    pub(crate) fn bytes(&mut self, limit: usize) -> Result<Bytes, Failure> {
        self.body(limit).map_err(|problem| self.refuse_body(&problem))
    }

    /// The body as a form; its content type does not matter.
    pub(crate) fn form(&mut self) -> Result<Form, Failure> {
        let body = self.bytes(self.site.settings.server.body_limit)?;
        Form::parse(&body).map_err(|error| self.refuse_body(&BodyError::Broken(error.description.into_owned())))
    }

    /// Waits for the body, before the handler does anything. A request whose body is broken off, badly framed or too large is
    /// refused, also where no body is wanted: nothing is done for it (RFC 9112 8).
    pub(crate) async fn receive(&mut self, limit: usize) -> Result<(), Failure> {
        match self.inlet.arrive(limit).await {
            Ok(body) => {
                self.received = body;
                Ok(())
            }
            Err(problem) => Err(self.refuse_body(&problem)),
        }
    }

    /// The body of an endpoint that takes it as it arrives, of at most `limit` bytes, piece by piece.
    pub(crate) fn stream(&mut self, limit: u64) -> Result<Arriving, Failure> {
        if is_encoded(&self.request) {
            return Err(self.refuse_body(&BodyError::Encoded));
        }
        Arriving::new(self.share_inlet(), limit).map_err(|problem| self.refuse_body(&problem))
    }

    /// The body on its way in, for who watches it. It must be put back.
    pub(crate) fn take_inlet(&mut self) -> Inlet {
        std::mem::take(&mut self.inlet)
    }

    pub(crate) fn put_inlet(&mut self, inlet: Inlet) {
        self.inlet = inlet;
    }

    /// The same for who watches it while the handler takes it.
    pub(crate) fn share_inlet(&mut self) -> Rc<RefCell<Inlet>> {
        let inlet = self.shared.take().unwrap_or_else(|| Rc::new(RefCell::new(self.take_inlet())));
        self.shared = Some(Rc::clone(&inlet));
        inlet
    }

    /// What comes after the head of a request that asks for another protocol.
    pub(crate) fn take_payload(&mut self) -> Payload {
        self.take_inlet().into_payload()
    }

    /// The body that has arrived.
    fn body(&mut self, limit: usize) -> Result<Bytes, BodyError> {
        if is_encoded(&self.request) {
            return Err(BodyError::Encoded);
        }
        let body = std::mem::take(&mut self.received);
        if body.len() > limit { Err(BodyError::TooLarge(limit)) } else { Ok(body) }
    }

    /// The answer to a body that cannot be read.
    pub(crate) fn refuse_body(&self, problem: &BodyError) -> Failure {
        refuse_body(self.convention, &self.asked(), problem)
    }

    /// What the convention is told of it.
    pub(crate) fn asked(&self) -> Asked<'_> {
        Asked { site: &self.site, request: &self.request, id: self.origin.request_id }
    }

    /// Refuses the request of an OAuth2 client that has used up its share. To be called before anything is done for it.
    pub(crate) async fn admit(&self, client_id: Option<&str>, refresh_token: Option<&str>) -> Result<(), Failure> {
        let (address, now) = (self.address(), self.now());
        let admitted = self.tally.admit(&self.site, address, now, self.is_counted, client_id, refresh_token).await;
        admitted.map_err(Failure::Spent)
    }
}

/// The answer to a body that cannot be read.
pub(crate) fn refuse_body(convention: &dyn Convention, asked: &Asked<'_>, problem: &BodyError) -> Failure {
    let mut answer = convention.refuse(asked, &Refusal::body(problem));
    if matches!(problem, BodyError::Encoded) {
        // In which encodings a body is taken (RFC 9110 15.5.16).
        answer.headers_mut().insert(header::ACCEPT_ENCODING, header::HeaderValue::from_static("identity"));
    }
    answer.into()
}

#[cfg(test)]
#[path = "call_tests.rs"]
mod tests;
