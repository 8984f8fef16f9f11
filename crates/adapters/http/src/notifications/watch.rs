//! Watching an inbox: a WebSocket over which new notifications come as they are told.

use super::inbox::{InboxObject, OneObject, filter};
use crate::conventions::Api;
use crate::kit::call::Call;
use crate::kit::closing::Closing;
use crate::kit::error::{HandlerResult, api_error};
use crate::kit::json;
use crate::kit::listener::Listener;
use crate::kit::routes::Room;
use actix_web::http::StatusCode;
use actix_web::{FromRequest as _, web};
use actix_ws::CloseCode;
use doorward_services::Principal;
use doorward_services::notifications::{InboxPage, InboxWatch};
use std::time::Duration;

/// The pause when the database cannot be asked.
const PAUSE: Duration = Duration::from_secs(2);
/// Largest message that is taken; none is expected.
const LARGEST: usize = 4 * 1024;

pub(super) fn routes(r: &mut Room<'_, Api>) {
    r.user(__path_watch, watch).opens_socket();
}

/// Opens a WebSocket over which the notifications come that are new in one's own inbox: a text message with JSON for each.
#[utoipa::path(
    get, path = "/api/v2/notifications/inbox/watch", tag = "notifications",
    params(
        ("targets" = Option<String>, Query, description = "About all of these ids, separated by commas"),
        ("templates" = Option<String>, Query, description = "Of one of these templates, separated by commas"),
        ("read_status" = Option<String>, Query, description = "`all`, `read` or `unread`"),
        ("format" = Option<String>, Query, description = "Of no effect: the content is plain text"),
    ),
    responses((status = 101, description = "Connected"), (status = 200, body = OneObject, description = "Each message")),
)]
pub(crate) async fn watch(mut call: Call, actor: Principal) -> HandlerResult {
    let mut query = call.query();
    let filter = filter(&mut query);
    query.done_loosely()?;
    let place = call.site.watchers.take_for(&actor)?;
    let inbox = InboxWatch::begin(call.context(), &actor, filter).await?;

    let mut payload = call.take_payload();
    let payload = web::Payload::from_request(&call.request, &mut payload).await;
    let opened = payload.and_then(|payload| actix_ws::handle(&call.request, payload));
    let (answer, out, messages) = opened.map_err(|error| {
        api_error(StatusCode::BAD_REQUEST, "An inbox is watched by a WebSocket.", &error.to_string())
    })?;
    let closing = call.site.closing.clone();
    actix_web::rt::spawn(async move {
        tell(inbox, Listener::new(out, messages, LARGEST), closing).await;
        drop(place);
    });
    Ok(answer)
}

/// Tells what is new until one side ends it.
async fn tell(mut inbox: InboxWatch, mut listener: Listener, closing: Closing) {
    loop {
        tokio::select! {
            () = closing.begun() => break,
            () = listener.left() => return,
            news = inbox.next() => match news {
                Ok(Some(page)) => {
                    if !send(&mut listener, page).await {
                        return;
                    }
                }
                Ok(None) => break,
                // It is looked again in a while.
                Err(error) => {
                    tracing::debug!(%error, "cannot look into an inbox now");
                    actix_web::rt::time::sleep(PAUSE).await;
                }
            },
        }
    }
    listener.close(CloseCode::Away).await;
}

/// `false` when the listener has gone.
async fn send(listener: &mut Listener, page: InboxPage) -> bool {
    for notification in page.notifications {
        let object = OneObject { notification: InboxObject::from(notification), unread_count: page.unread_count };
        // What is written is text.
        if let Ok(Ok(text)) = json::to_bytes(&object).map(String::from_utf8)
            && !listener.send(text).await
        {
            return false;
        }
    }
    true
}
