//! Telling apps that sessions have ended (OpenID Connect Back-Channel Logout 1.0).
//!
//! What is to be told is written by the store, in the transaction that ends a session. The job sends it: each app has five attempts within
//! a quarter of an hour, and none waits for another.

use super::issue::sign;
use crate::jobs::{Job, Lease, Next, Schedule, with_causes};
use crate::{Context, Error, Principal};
use async_trait::async_trait;
use doorward_domain::Secret;
use doorward_domain::ids::AppId;
use doorward_domain::openid::{AppRules, LOGOUT_TOKEN, LogoutNotice, LogoutToken};
use doorward_domain::roles::{System, action, resource};
use doorward_ports::Bus;
use doorward_ports::bus::Event;
use doorward_ports::fetch::Request;
use std::collections::{BTreeMap, BTreeSet};
use time::Duration;
use tokio::task::JoinSet;

/// The topic of the bus on which servers are told that a session has ended.
pub(crate) const WAKES_ON: &str = "logouts";

/// The pause between two looks, should no wake-up come.
const POLL: Duration = Duration::seconds(10);
/// For so long an attempt may take; no request of ours takes as long.
const ATTEMPT: Duration = Duration::minutes(1);
/// So many apps are told at once.
const AT_ONCE: u32 = 16;
/// Longest answer that is read.
const ANSWER_MAX: usize = 16 * 1024;
/// Most characters of an error that are stored.
const ERROR_MAX: usize = 500;
const WHY: &str = "apps are told that sessions have ended";

/// Has the server that tells apps look at once.
pub(crate) fn wake(bus: &Bus) {
    match Event::new(WAKES_ON, "") {
        Ok(event) => bus.publish(event),
        Err(error) => tracing::debug!(%error, "nobody is woken up; what is to be told is found at the next look"),
    }
}

/// The job that tells apps that sessions have ended: one server at a time.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogoutTeller;

#[async_trait]
impl Job for LogoutTeller {
    fn name(&self) -> &'static str {
        "logouts"
    }

    fn schedule(&self) -> Schedule {
        Schedule::every(POLL)
    }

    fn wakes_on(&self) -> Option<&'static str> {
        Some(WAKES_ON)
    }

    async fn run(&self, ctx: &Context, lease: &Lease) -> Result<Next, Error> {
        Ok(work(ctx, Some(lease)).await?.map_or(Next::Scheduled, Next::After))
    }
}

/// Tells all apps what is due now, as the job does: for servers without jobs, and for tests.
pub async fn tell_all(ctx: &Context) -> Result<(), Error> {
    work(ctx, None).await.map(drop)
}

/// Answers for how long nothing is due, if something is to be told later.
async fn work(ctx: &Context, lease: Option<&Lease>) -> Result<Option<Duration>, Error> {
    loop {
        lease.map_or(Ok(()), Lease::check)?;
        let due = ctx.read(|repos| Ok::<_, Error>(repos.logouts().due_in()?)).await?;
        if due != Some(Duration::ZERO) {
            return Ok(due);
        }
        let mut under_way = JoinSet::new();
        for (notice, told) in claim(ctx).await? {
            let ctx = ctx.clone();
            under_way.spawn(async move { tell(&ctx, notice, told).await });
        }
        while let Some(done) = under_way.join_next().await {
            match done {
                Ok(Ok(())) => {}
                // It is tried again when the attempt is over.
                Ok(Err(error)) => {
                    tracing::warn!(error = with_causes(&error), "what came of a logout was not written down");
                }
                Err(error) => tracing::error!(%error, "telling an app of a logout panicked"),
            }
        }
    }
}

/// What is known of an app that is to be told.
#[derive(Clone, Debug)]
struct Listener {
    rules: AppRules,
    /// Whether it registered itself, so that a stranger chose where it is told.
    is_strangers: bool,
}

async fn claim(ctx: &Context) -> Result<Vec<(LogoutNotice, Option<Listener>)>, Error> {
    ctx.act(&Principal::system(WHY), move |deed| {
        let permit = System::because(WHY).permit::<action::Update, resource::System>();
        let claimed = deed.repos.logouts().claim(&permit, AT_ONCE, ATTEMPT)?;
        let ids: BTreeSet<AppId> = claimed.iter().map(|notice| notice.app_id).collect();
        let ids: Vec<AppId> = ids.into_iter().collect();
        let rules: BTreeMap<AppId, AppRules> = deed.repos.openid().list_rules(&ids)?.into_iter().collect();
        let strangers = deed.repos.registrations().among(&ids)?;
        let known = claimed.into_iter().map(|notice| {
            let rules = rules.get(&notice.app_id).cloned();
            let is_strangers = strangers.contains(&notice.app_id);
            (notice, rules.map(|rules| Listener { rules, is_strangers }))
        });
        Ok(deed.unrecorded("what was done is recorded", known.collect()))
    })
    .await
}

/// Tells an app, and writes down what came of it.
async fn tell(ctx: &Context, notice: LogoutNotice, listener: Option<Listener>) -> Result<(), Error> {
    let failure = match listener {
        Some(listener) => send(ctx, &notice, &listener).await?.err(),
        // It wants to be told no more.
        None => None,
    };
    write_down(ctx, notice, failure).await
}

/// Writes down what came of an attempt.
async fn write_down(ctx: &Context, notice: LogoutNotice, failure: Option<String>) -> Result<(), Error> {
    let (app, attempt) = (notice.app_id, notice.attempt);
    let pause = notice.pause_before_retry();
    if let Some(error) = &failure {
        if pause.is_some() {
            tracing::info!(%app, attempt, error, "an app was not told of a logout yet");
        } else {
            tracing::warn!(%app, attempt, error, "an app was not told of a logout, and nobody tries any more");
        }
    }
    ctx.act(&Principal::system(WHY), move |deed| {
        if let (Some(error), Some(pause)) = (failure, pause) {
            let permit = System::because(WHY).permit::<action::Update, resource::System>();
            let error: String = error.chars().take(ERROR_MAX).collect();
            deed.repos.logouts().postpone(&permit, &notice, pause, &error)?;
        } else {
            let permit = System::because(WHY).permit::<action::Delete, resource::System>();
            deed.repos.logouts().remove(&permit, &notice)?;
        }
        Ok(deed.unrecorded("what was done is recorded", ()))
    })
    .await
}

/// Sends a logout token; why it was not taken, for the operator.
async fn send(ctx: &Context, notice: &LogoutNotice, listener: &Listener) -> Result<Result<(), String>, Error> {
    let Some(uri) = &listener.rules.backchannel_logout_uri else { return Ok(Ok(())) };
    let (_, id) = ctx.new_id();
    let algorithm = listener.rules.id_token_signed_response_alg;
    let token = sign(ctx, algorithm, Some(LOGOUT_TOKEN), |_, issued_at| {
        let token = LogoutToken {
            issuer: ctx.settings.issuer(),
            audience: notice.app_id,
            subject: notice.user_id,
            sid: notice.sid,
            id,
            issued_at,
        };
        token.claims()
    })
    .await?;
    let form =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("logout_token", token.expose()).finish();
    let body = Secret::new(form.into_bytes());
    let request = Request::post(uri, "application/x-www-form-urlencoded", body, ANSWER_MAX);
    let request = if listener.is_strangers { request } else { request.chosen_by_trusted() };
    Ok(match ctx.upstreams.fetch(request).await {
        Ok(answer) if matches!(answer.status, 200 | 204) => Ok(()),
        Ok(answer) => Err(format!("status {}", answer.status)),
        Err(error) => Err(format!("{}: {}", error.class.as_str(), error.detail)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::testing::{ANN, context};
    use doorward_ports::bus::Heard;
    use doorward_ports::mocks::MockRepositories;

    fn notice(attempt: u32) -> LogoutNotice {
        LogoutNotice { id: 1, app_id: AppId::NIL, user_id: ANN, sid: None, attempt }
    }

    /// An app that is told once, at this attempt.
    fn due(attempt: u32, rules: Option<AppRules>) -> MockRepositories {
        let mut repos = MockRepositories::default();
        let mut due = vec![Some(Duration::ZERO)];
        repos.logouts.expect_due_in().returning(move || Ok(due.pop().flatten()));
        repos.logouts.expect_claim().once().returning(move |_, _, lease| {
            assert_eq!(lease, ATTEMPT);
            Ok(vec![notice(attempt)])
        });
        let rules: Vec<_> = rules.into_iter().map(|rules| (AppId::NIL, rules)).collect();
        repos.openid.expect_list_rules().returning(move |_| Ok(rules.clone()));
        repos.registrations.expect_among().returning(|_| Ok(BTreeSet::new()));
        repos
    }

    #[tokio::test]
    async fn who_wants_to_be_told_no_more_is_not_told() {
        for rules in [None, Some(AppRules::default())] {
            let mut repos = due(1, rules);
            repos.logouts.expect_remove().once().withf(|_, removed| *removed == notice(1)).returning(|_, _| Ok(true));
            tell_all(&context(repos)).await.unwrap();
        }
    }

    async fn settle(attempt: u32, repos: MockRepositories) {
        write_down(&context(repos), notice(attempt), Some("status: 503".to_owned())).await.unwrap();
    }

    #[tokio::test]
    async fn it_is_tried_again_later_and_later_and_then_no_more() {
        for (attempt, pause) in [(1, 5), (2, 30), (3, 120), (4, 600)] {
            let mut repos = MockRepositories::default();
            repos.logouts.expect_postpone().once().returning(move |_, of, waits, error| {
                assert_eq!((of, waits, error), (&notice(attempt), Duration::seconds(pause), "status: 503"));
                Ok(true)
            });
            settle(attempt, repos).await;
        }
        let mut repos = MockRepositories::default();
        repos.logouts.expect_remove().once().returning(|_, _| Ok(true));
        settle(5, repos).await;
    }

    #[tokio::test]
    async fn signing_out_wakes_the_job() {
        let mut repos = MockRepositories::default();
        repos.api_keys.expect_delete().returning(|_, _| Ok(true));
        repos.api_keys.expect_delete_of_scope().returning(|_, _, _| Ok(0));
        repos.audit.expect_insert().returning(|_, _| Ok(()));
        let ctx = context(repos);
        let mut woken = ctx.bus.subscribe(WAKES_ON);
        let actor = crate::users::testing::actor().build();
        crate::sessions::logout(&ctx, &actor).await.unwrap();
        assert_eq!(woken.next().await, Heard::Event(String::new()));
        assert_eq!(LogoutTeller.wakes_on(), Some(WAKES_ON));
    }
}
