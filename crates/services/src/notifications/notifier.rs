//! The job that has notifications reach people.

use super::deliver::{LOST, deliver};
use super::spread::{Spread, spread};
use crate::jobs::{Job, Lease, Next, Schedule, with_causes};
use crate::notices::WAKES_ON;
use crate::{Context, Error, Principal};
use async_trait::async_trait;
use doorward_domain::notifications::Delivery;
use doorward_domain::roles::{System, action, resource};
use doorward_domain::users::User;
use std::collections::{HashMap, VecDeque};
use time::Duration;
use tokio::task::JoinSet;

/// The pause between two looks, should no wake-up come.
const POLL: Duration = Duration::seconds(10);
/// For so long an attempt may take. No mail and no request of ours takes as long.
const ATTEMPT: Duration = Duration::minutes(10);
/// So many deliveries are claimed at once, for each that goes on at a time.
const CLAIMED_FOR_EACH: usize = 4;
const WHY: &str = "notifications are delivered";

/// The job that has notifications reach people: one server at a time makes deliveries of notices, and delivers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Notifier;

#[async_trait]
impl Job for Notifier {
    fn name(&self) -> &'static str {
        "notifications"
    }

    fn schedule(&self) -> Schedule {
        Schedule::every(POLL)
    }

    fn wakes_on(&self) -> Option<&'static str> {
        Some(WAKES_ON)
    }

    async fn run(&self, ctx: &Context, lease: &Lease) -> Result<Next, Error> {
        // Where nothing is to be told nothing is written.
        if !ctx.read(|repos| Ok::<_, Error>(repos.notifications().is_busy()?)).await? {
            return Ok(Next::Scheduled);
        }
        take_over(ctx, lease).await?;
        match work(ctx, Some(lease)).await? {
            Some(due) => Ok(Next::After(due)),
            None => Ok(Next::Scheduled),
        }
    }
}

/// What a run before this one has begun, which goes on no more, is due at once; what it has handed over is given up, for nobody
/// knows what became of it.
async fn take_over(ctx: &Context, lease: &Lease) -> Result<(), Error> {
    let lease = lease.clone();
    let left = ctx.act(&Principal::system(WHY), move |deed| {
        let permit = System::because(WHY).permit::<action::Update, resource::NotificationMessage>();
        let queue = deed.repos.notifications();
        let left = (queue.bury_lost(&permit, LOST)?, queue.let_go(&permit)?);
        lease.confirm(deed.repos)?;
        Ok::<_, Error>(deed.unrecorded("what was done is recorded", left))
    });
    let (lost, left) = left.await?;
    if lost > 0 {
        tracing::warn!(lost, "mails were given up that may have been sent when a server ended");
    }
    if left > 0 {
        tracing::info!(left, "takes over deliveries that another run has begun");
    }
    Ok(())
}

/// Tells everybody everything that is due now, as the job does: for servers without jobs, and for tests.
pub async fn deliver_all(ctx: &Context) -> Result<(), Error> {
    work(ctx, None).await.map(drop)
}

/// Answers for how long nothing is due, if something is on its way.
async fn work(ctx: &Context, lease: Option<&Lease>) -> Result<Option<Duration>, Error> {
    loop {
        check(lease)?;
        let more = match spread(ctx, lease).await? {
            Spread::Paused => return Ok(None),
            Spread::More => true,
            Spread::Done => false,
        };
        let some = claim(ctx).await?;
        if some.is_empty() && !more {
            return ctx.read(|repos| Ok(repos.notifications().due_in()?)).await;
        }
        deliver_some(ctx, lease, some).await?;
    }
}

fn check(lease: Option<&Lease>) -> Result<(), Error> {
    lease.map_or(Ok(()), |lease| Ok(lease.check()?))
}

/// Deliveries that are due, each with the user whom it is for.
async fn claim(ctx: &Context) -> Result<Vec<(Delivery, Option<User>)>, Error> {
    let many =
        u32::try_from(ctx.settings.notifications.concurrency.saturating_mul(CLAIMED_FOR_EACH)).unwrap_or(u32::MAX);
    let due = ctx.read(|repos| Ok::<_, Error>(repos.notifications().due_in()?)).await?;
    if due.is_none_or(|due| due > Duration::ZERO) {
        return Ok(Vec::new());
    }
    ctx.act(&Principal::system(WHY), move |deed| {
        let permit = System::because(WHY).permit::<action::Update, resource::NotificationMessage>();
        let queue = deed.repos.notifications();
        let claimed = queue.claim(&permit, many, ATTEMPT)?;
        let ids: Vec<_> = claimed.iter().map(|delivery| delivery.user_id).collect();
        let users = if ids.is_empty() { Vec::new() } else { deed.repos.users().list_by_id(&ids)? };
        let users: HashMap<_, _> = users.into_iter().map(|user| (user.id, user)).collect();
        let with_users = claimed.into_iter().map(|delivery| {
            let user = users.get(&delivery.user_id).cloned();
            (delivery, user)
        });
        Ok(deed.unrecorded("what was done is recorded", with_users.collect()))
    })
    .await
}

/// Delivers, several at once. When the run must end, those are let go that have not begun.
async fn deliver_some(ctx: &Context, lease: Option<&Lease>, some: Vec<(Delivery, Option<User>)>) -> Result<(), Error> {
    let mut waiting = VecDeque::from(some);
    let mut under_way = JoinSet::new();
    let mut interrupted = Ok(());
    loop {
        while under_way.len() < ctx.settings.notifications.concurrency && interrupted.is_ok() {
            interrupted = check(lease);
            let Some((delivery, user)) = interrupted.is_ok().then(|| waiting.pop_front()).flatten() else { break };
            let ctx = ctx.clone();
            under_way.spawn(async move { deliver(&ctx, delivery, user).await });
        }
        match under_way.join_next().await {
            Some(Ok(Ok(()))) => {}
            // It is tried again when the attempt is over.
            Some(Ok(Err(error))) => {
                tracing::warn!(error = with_causes(&error), "what came of a delivery was not written down");
            }
            Some(Err(error)) => tracing::error!(%error, "a delivery panicked"),
            None => break,
        }
    }
    if !waiting.is_empty() {
        let waiting: Vec<Delivery> = waiting.into_iter().map(|(delivery, _)| delivery).collect();
        let_go(ctx, waiting).await?;
    }
    interrupted
}

/// Has deliveries that were claimed and not begun be due at once.
async fn let_go(ctx: &Context, waiting: Vec<Delivery>) -> Result<(), Error> {
    ctx.act(&Principal::system(WHY), move |deed| {
        let permit = System::because(WHY).permit::<action::Update, resource::NotificationMessage>();
        for delivery in &waiting {
            let why = "the server ended before its turn";
            deed.repos.notifications().postpone(&permit, delivery.id, delivery.attempts, Duration::ZERO, why)?;
        }
        Ok(deed.unrecorded("what was done is recorded", ()))
    })
    .await
}
