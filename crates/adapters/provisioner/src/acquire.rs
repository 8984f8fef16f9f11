//! One job after another.

use crate::job::{carry_out, fail_unread};
use crate::link::{Link, path};
use crate::options::{Options, Poll};
use crate::parts::Parts;
use crate::stops::Stops;
use doorward_wire::messages::provisionerd::{AcquiredJob, JobReference};
use doorward_wire::messages::read;
use doorward_wire::{CallError, Conversation, Message};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How long the server has to say whether there is a job after it was told that none is wanted any more.
const GIVING_UP: Duration = Duration::from_secs(10);

/// Takes jobs until the daemon is to stop.
pub(crate) async fn work(link: &Link, options: &Options, parts: &Parts, stops: &Stops) {
    while !stops.is_stopping() {
        match acquire(link, stops).await {
            Some(message) => take(&message, link, parts, stops).await,
            None => {
                tokio::select! {
                    () = sleep(pause(options.poll, parts)) => {}
                    () = stops.stopping() => {}
                }
            }
        }
    }
}

/// Waits for a job; `None` if there is none, for whatever reason.
async fn acquire(link: &Link, stops: &Stops) -> Option<Message> {
    let client = tokio::select! {
        client = link.client() => client,
        () = stops.stopping() => return None,
    };
    let answer = match client.begin(&path("AcquireJobWithCancel")).await {
        Ok(conversation) => wait(conversation, stops).await,
        Err(error) => Err(error),
    };
    match answer {
        // A job has an id; an empty message says that there is none.
        Ok(message) => message.filter(|message| !message.is_empty()),
        Err(CallError::Refused(status)) => {
            tracing::warn!("the server gives no job: {status}");
            None
        }
        Err(CallError::Lost(fault)) => {
            tracing::debug!(%fault, "waiting for a job broke");
            None
        }
    }
}

async fn wait(mut conversation: Conversation, stops: &Stops) -> Result<Option<Message>, CallError> {
    tokio::select! {
        biased;
        answer = conversation.next() => return answer,
        () = stops.stopping() => {}
    }
    // The server may have found a job in this moment; then it sends that, and it is carried out.
    conversation.send(&[]).await?;
    timeout(GIVING_UP, conversation.next()).await.unwrap_or(Ok(None))
}

async fn take(message: &Message, link: &Link, parts: &Parts, stops: &Stops) {
    match read::<AcquiredJob>(message) {
        Ok(job) if job.job_id.is_empty() => {}
        Ok(job) => carry_out(job, link, parts, stops).await,
        Err(error) => {
            tracing::warn!("a job cannot be read: {error}");
            if let Ok(JobReference { job_id }) = read(message) {
                fail_unread(job_id, &error, link, stops).await;
            }
        }
    }
}

fn pause(poll: Poll, parts: &Parts) -> Duration {
    let mut part = [0; 1];
    parts.random.fill(&mut part);
    let [part] = part;
    poll.interval + poll.jitter.mul_f64(f64::from(part) / 255.0)
}
