//! Connections of daemons: a WebSocket that carries a session of [`doorward_wire`].

use super::acquiring::Acquiring;
use super::calls::{Calls, Turns};
use crate::conventions::Api;
use crate::kit::call::Call;
use crate::kit::closing::Closing;
use crate::kit::error::{Failure, HandlerResult, api_error};
use crate::kit::places::Place;
use crate::kit::routes::Room;
use actix_web::http::StatusCode;
use actix_web::{FromRequest as _, HttpRequest, web};
use actix_ws::{CloseCode, CloseReason, Item, Message, MessageStream, ProtocolError};
use doorward_domain::entitlements::Feature;
use doorward_domain::wire;
use doorward_services::provisioners::serving::{self, Connected, ServeCommand};
use doorward_services::{Context, Error, Outage, Principal};
use doorward_wire::{Ended, Limits, Outgoing, TransportError};
use futures_util::stream::{Stream, unfold};
use std::time::Duration;

/// Largest message of a WebSocket, in bytes.
const LARGEST: usize = 4 * 1024 * 1024;
/// How often it is noted that a daemon is there.
const NOTED_EVERY: Duration = Duration::from_mins(1);
/// Longest reason of a closed WebSocket, in bytes (RFC 6455 5.5).
const REASON_MAX: usize = 123;

pub(super) fn routes(r: &mut Room<'_, Api>) {
    r.recognized(__path_serve, serve).needs_first(Feature::ExternalProvisionerDaemons).opens_socket();
}

/// Connects a provisioner daemon: a WebSocket with the protocol of Coder's daemons, version 1.18 and those before it.
///
/// A daemon comes in by the header `Coder-Provisioner-Daemon-Key`, by `Coder-Provisioner-Daemon-PSK`, or by a session.
#[utoipa::path(
    get, path = "/api/v2/organizations/{organization}/provisionerdaemons/serve", tag = "provisioner daemons",
    params(
        ("organization" = String, Path, description = "Id or name"),
        ("provisioner" = String, Query, description = "`terraform` or `echo`; may be repeated"),
        ("tag" = Option<String>, Query, description = "`name=value`; may be repeated"),
        ("name" = Option<String>, Query, description = "What it wants to be called"),
        ("version" = Option<String>, Query, description = "The version of the protocol that it speaks; 1.0 without it"),
    ),
    responses((status = 101, description = "Connected")),
)]
pub(crate) async fn serve(mut call: Call, session: Result<Principal, Failure>) -> HandlerResult {
    let session = match session {
        Ok(session) => Some(session).filter(|session| session.as_account().is_some()),
        Err(failure) if failure.outage().is_some() => return Err(failure),
        // A session that is no good counts as none.
        Err(_) => None,
    };
    let header = |name: &'static str| call.request.headers().get(name).and_then(|value| value.to_str().ok());
    let presented = |name: &'static str| header(name).filter(|value| !value.is_empty());
    let key = presented(wire::PROVISIONER_KEY_HEADER);
    let pass = serving::recognize(call.context(), key, presented(wire::PROVISIONER_PSK_HEADER)).await?;
    // Those of users have a share of the places, so that others are left for those with a key.
    let own = session.as_ref().filter(|_| pass.is_none());
    let own = own.map(|user| call.site.own_daemons.take_for(user));
    let place = call.site.daemons.take().ok_or_else(|| Error::Unavailable {
        outage: Outage::Overloaded,
        cause: "as many provisioner daemons are connected as may be (provisioners.connections_max)".to_owned(),
    })?;
    let places = (place, own.transpose()?);
    let build_version = header(wire::BUILD_VERSION_HEADER).unwrap_or_default().to_owned();
    let mut command = command(&call.request, &build_version);
    let organization = call.organization();
    let mut payload = call.take_payload();
    let payload = web::Payload::from_request(&call.request, &mut payload).await;
    let opened = payload.and_then(|payload| actix_ws::handle(&call.request, payload));
    command.only_asks = opened.is_err();
    let connected =
        serving::connect(call.context(), session.as_ref(), pass, &call.origin, &organization, command).await?;
    let (answer, out, messages) = opened.map_err(|error| {
        api_error(StatusCode::BAD_REQUEST, "A provisioner daemon connects by a WebSocket.", &error.to_string())
    })?;
    let (context, closing) = (call.context().clone(), call.site.closing.clone());
    actix_web::rt::spawn(converse(context, closing, connected, out, messages, places));
    Ok(answer)
}

/// What the daemon asks for in its query. Parameters that are not known mean nothing.
fn command(request: &HttpRequest, build_version: &str) -> ServeCommand {
    let mut command = ServeCommand { build_version: build_version.to_owned(), ..ServeCommand::default() };
    let (mut name, mut version) = (None, None);
    for (parameter, value) in url::form_urlencoded::parse(request.query_string().as_bytes()) {
        match parameter.as_ref() {
            "tag" => command.tags.push(value.into_owned()),
            "provisioner" => command.provisioners.push(value.into_owned()),
            // The first counts: clients send some of them twice.
            "name" => _ = name.get_or_insert_with(|| value.into_owned()),
            "version" => _ = version.get_or_insert_with(|| value.into_owned()),
            _ => {}
        }
    }
    command.name = name.unwrap_or_default();
    command.version = version.unwrap_or_default();
    command
}

/// Serves a daemon until one side ends it.
async fn converse(
    context: Context,
    closing: Closing,
    connected: Connected,
    out: actix_ws::Session,
    messages: MessageStream,
    places: (Place, Option<Place>),
) {
    let (id, name) = (connected.daemon.id, connected.daemon.name.clone());
    tracing::info!(%id, name, organization = %connected.daemon.organization_id, "a provisioner daemon is connected");
    let limits = Limits::default();
    let service = Calls {
        context: context.clone(),
        connected: connected.clone(),
        closing: closing.clone(),
        acquiring: Acquiring::new(context.clone(), connected.clone(), &limits),
        turns: Turns::default(),
    };
    let incoming = incoming(messages.max_frame_size(LARGEST), out.clone());
    let mut outgoing = Socket(out.clone());
    let stop = async {
        tokio::select! {
            () = closing.begun() => {}
            () = may_not_stay(&context, &connected) => {
                tracing::info!(%id, "the provisioner daemon may not stay: its key or its user is gone");
            }
        }
    };
    let ended = doorward_wire::serve(incoming, &mut outgoing, &service, limits, stop).await;
    let (code, reason) = match &ended {
        Ended::Left | Ended::Stopped => (CloseCode::Away, None),
        Ended::Failed(fault) => {
            let mut reason = fault.to_string();
            reason.truncate(reason.floor_char_boundary(REASON_MAX));
            (CloseCode::Error, Some(reason))
        }
    };
    tracing::info!(%id, ?ended, "a provisioner daemon is not connected any more");
    // It may be gone already.
    let _gone = out.close(Some(CloseReason { code, description: reason })).await;
    drop(places);
}

/// Notes now and then that the daemon is there; ends when it may not be any more.
async fn may_not_stay(context: &Context, connected: &Connected) {
    loop {
        actix_web::rt::time::sleep(NOTED_EVERY).await;
        match serving::seen(context, connected).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => tracing::debug!(%error, "cannot note now that a provisioner daemon is there"),
        }
    }
}

/// The bytes of all binary messages, one after another.
fn incoming(messages: MessageStream, out: actix_ws::Session) -> impl Stream<Item = Result<web::Bytes, TransportError>> {
    unfold((messages, out), async |(mut messages, mut out)| {
        loop {
            let bytes = match messages.recv().await? {
                Ok(
                    Message::Binary(bytes)
                    | Message::Continuation(Item::FirstBinary(bytes) | Item::Continue(bytes) | Item::Last(bytes)),
                ) => Ok(bytes),
                Ok(Message::Ping(bytes)) => {
                    out.pong(&bytes).await.ok()?;
                    continue;
                }
                Ok(Message::Pong(_) | Message::Nop) => continue,
                // With the second the daemon is gone without a word.
                Ok(Message::Close(_)) | Err(ProtocolError::Io(_)) => return None,
                Ok(Message::Text(_) | Message::Continuation(Item::FirstText(_))) => {
                    Err(TransportError("a text message".to_owned()))
                }
                Err(error) => Err(TransportError(error.to_string())),
            };
            return Some((bytes, (messages, out)));
        }
    })
}

/// Sends binary messages.
struct Socket(actix_ws::Session);

impl Outgoing for Socket {
    async fn send(&mut self, bytes: web::Bytes) -> Result<(), TransportError> {
        self.0.binary(bytes).await.map_err(|closed| TransportError(closed.to_string()))
    }
}
