//! Logs: what there is, or all that comes, by a WebSocket.

use super::objects::LogObject;
use crate::kit::answer;
use crate::kit::call::Call;
use crate::kit::error::{Failure, HandlerResult, api_error};
use crate::kit::json;
use crate::kit::listener::Listener;
use crate::kit::places::Place;
use actix_web::http::StatusCode;
use actix_web::rt::time::{Instant, sleep_until};
use actix_web::{FromRequest as _, web};
use actix_ws::CloseCode;
use doorward_services::provisioner_jobs::{LOGS_TOPIC, LogPage};
use doorward_services::{Context, Error, Heard, Principal, Subscription, sessions};
use std::time::Duration;

/// How often it is looked for more without having been woken up, and whether the follower may still look.
const POLL: Duration = Duration::from_secs(15);
/// Most pages of an answer that does not follow.
const PAGES: usize = 1000;

/// What is asked of a log.
struct Asked {
    after: i64,
    follows: bool,
}

fn asked(call: &Call) -> Result<Asked, Failure> {
    let mut query = call.query();
    let after = query.parsed::<i64>("after", "64-bit integer").unwrap_or(0);
    query.done_loosely()?;
    // Clients send the parameter without a value.
    let follows = url::form_urlencoded::parse(call.request.query_string().as_bytes())
        .any(|(name, value)| name == "follow" && !matches!(&*value, "false" | "0"));
    Ok(Asked { after, follows })
}

/// Answers with the lines that `read` gives behind the one of a number; with `follow` by a WebSocket, on which each line is a message, until
/// the job is over.
pub(crate) async fn logs<R>(mut call: Call, actor: Principal, read: R) -> HandlerResult
where
    R: AsyncFn(&Context, &Principal, i64) -> Result<LogPage, Error> + 'static,
{
    let Asked { mut after, follows } = asked(&call)?;
    // From before the first look on, so that nothing is missed.
    let news = call.context().bus.subscribe(LOGS_TOPIC);
    let first = read(call.context(), &actor, after).await?;
    if !follows {
        let (mut lines, mut page) = (Vec::new(), first);
        for _ in 0..PAGES {
            let is_last = page.lines.len() < PAGE_MIN;
            after = page.lines.last().map_or(after, |line| line.id);
            lines.append(&mut page.lines);
            if is_last {
                break;
            }
            page = read(call.context(), &actor, after).await?;
        }
        let items = lines.len();
        return Ok(answer::list(items, move || lines.into_iter().map(LogObject::from).collect::<Vec<_>>()).await);
    }
    let place = call.site.followers.take_for(&actor)?;
    let mut payload = call.take_payload();
    let payload = web::Payload::from_request(&call.request, &mut payload).await;
    let opened = payload.and_then(|payload| actix_ws::handle(&call.request, payload));
    let (answer, out, messages) = opened
        .map_err(|error| api_error(StatusCode::BAD_REQUEST, "A log is followed by a WebSocket.", &error.to_string()))?;
    actix_web::rt::spawn(follow(
        call,
        actor,
        read,
        Follower { listener: Listener::new(out, messages, LARGEST), news, after, page: first, _place: place },
    ));
    Ok(answer)
}

/// A page that is not full is the last one for now.
const PAGE_MIN: usize = 2_000;

/// Largest message of a follower; none is expected.
const LARGEST: usize = 4 * 1024;

/// Somebody who follows a log.
struct Follower {
    listener: Listener,
    /// That there is more.
    news: Subscription,
    /// The number of the last line that was sent.
    after: i64,
    /// What is to be sent first.
    page: LogPage,
    _place: Place,
}

/// How a follower has ended.
enum End {
    /// There is nothing more.
    All,
    /// The server stops, or the follower may not look any more.
    Away,
    /// The follower has gone.
    Gone,
}

async fn follow<R>(call: Call, actor: Principal, read: R, mut follower: Follower)
where
    R: AsyncFn(&Context, &Principal, i64) -> Result<LogPage, Error> + 'static,
{
    let context = call.context().clone();
    let job = follower.page.job_id.to_string();
    // However much there is to tell meanwhile.
    let mut asked_next = Instant::now() + POLL;
    let end = loop {
        if !follower.send().await {
            break End::Gone;
        }
        if follower.page.is_all {
            break End::All;
        }
        if follower.page.lines.len() < PAGE_MIN {
            let Follower { listener, news, .. } = &mut follower;
            tokio::select! {
                () = call.site.closing.begun() => break End::Away,
                () = listener.left() => break End::Gone,
                () = woken(news, &job) => {}
                () = sleep_until(asked_next) => {}
            }
        }
        if asked_next <= Instant::now() {
            asked_next = Instant::now() + POLL;
            match sessions::lives(&context, &actor).await {
                Ok(true) | Err(Error::Unavailable { .. }) => {}
                Ok(false) | Err(_) => break End::Away,
            }
        }
        match read(&context, &actor, follower.after).await {
            Ok(page) => follower.page = page,
            Err(Error::Unavailable { .. }) => {
                tokio::time::sleep(Duration::from_secs(1)).await;
                follower.page.lines.clear();
            }
            Err(error) => {
                tracing::debug!(%error, "a log cannot be followed any more");
                break End::Away;
            }
        }
    };
    let code = match end {
        End::All => CloseCode::Normal,
        End::Away => CloseCode::Away,
        End::Gone => return,
    };
    follower.listener.close(code).await;
}

impl Follower {
    /// Sends what is there; `false` when the follower has gone.
    async fn send(&mut self) -> bool {
        for line in std::mem::take(&mut self.page.lines) {
            let id = line.id;
            let text = match json::to_bytes(&LogObject::from(line)) {
                Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                Err(error) => {
                    tracing::error!(%error, "writing a line of a log");
                    return false;
                }
            };
            if !self.listener.send(text).await {
                return false;
            }
            self.after = id;
        }
        true
    }
}

/// Waits until something is told of this job.
async fn woken(news: &mut Subscription, job: &str) {
    loop {
        match news.next().await {
            Heard::Event(of) if of != job => {}
            Heard::Event(_) | Heard::Missed => return,
        }
    }
}
