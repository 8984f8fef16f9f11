//! Getting a job.

use super::assemble::{Acquired, assemble};
use super::daemon::{daemon_of, look_at, permit};
use super::end::end_job;
use super::events::{POSTED_TOPIC, told_of_logs};
use crate::Principal;
use crate::context::Context;
use crate::error::Error;
use doorward_domain::ids::ProvisionerJobId;
use doorward_domain::provisioner_jobs::Worker;
use doorward_domain::provisioners::ProvisionerType;
use doorward_ports::bus::Heard;
use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// How often whoever waits looks without having been woken up.
const POLL: Duration = Duration::from_secs(30);
/// Pause after a failure of the database.
const PAUSE: Duration = Duration::from_secs(2);

/// Waits until there is a job for the daemon, and gives it to it; `None` when `gives_up` ends before. A job is never lost: once one was given to
/// the daemon, it is answered, whatever `gives_up` does. Not to be dropped before it ends, but by ending `gives_up`.
///
/// Jobs are given in the order in which they were posted, of those of the daemon's organization, of its kinds and with tags that it has
/// (`provisioner-wire.md` 7). A job for which nothing can be made up has failed, and the next one is looked for.
///
/// Needs the principal of a provisioner daemon. Errors: `Refused` (no daemon), others only of the kind that ends the call.
pub async fn acquire(
    ctx: &Context,
    by: &Principal,
    provisioners: &BTreeSet<ProvisionerType>,
    gives_up: impl Future<Output = ()>,
) -> Result<Option<Acquired>, Error> {
    let (id, organization_id, tags) = daemon_of(by)?;
    let worker = Worker { id, organization_id, provisioners: provisioners.clone(), tags };
    let mut gives_up = pin!(gives_up);
    let _turn = tokio::select! {
        biased;
        () = &mut gives_up => return Ok(None),
        turn = ctx.job_waiters.turn(&worker) => turn,
    };
    let mut posted = ctx.bus.subscribe(POSTED_TOPIC);
    let organization = organization_id.to_string();
    loop {
        // What was posted until now is found by the claim.
        posted.skip();
        let pause = match claim(ctx, by, provisioners).await {
            Ok(Some(acquired)) => return Ok(Some(acquired)),
            Ok(None) => POLL,
            Err(error @ Error::Unavailable { .. }) => {
                tracing::debug!(%error, "cannot look for jobs now");
                PAUSE
            }
            Err(error) => return Err(error),
        };
        let woken = async {
            loop {
                match posted.next().await {
                    Heard::Event(of) if of != organization => {}
                    Heard::Event(_) | Heard::Missed => return,
                }
            }
        };
        tokio::select! {
            biased;
            () = &mut gives_up => return Ok(None),
            () = woken => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Gives the daemon the job that waits longest for one like it; `None` when there is none at the moment. Of several that ask at once, each
/// job goes to one.
///
/// Needs the principal of a provisioner daemon. Errors: `Refused` (no daemon).
pub async fn claim(
    ctx: &Context,
    by: &Principal,
    provisioners: &BTreeSet<ProvisionerType>,
) -> Result<Option<Acquired>, Error> {
    let (id, organization_id, tags) = daemon_of(by)?;
    let worker = Worker { id, organization_id, provisioners: provisioners.clone(), tags };
    loop {
        match claim_one(ctx, by, worker.clone()).await? {
            Claimed::Nothing => return Ok(None),
            Claimed::Job(acquired) => return Ok(Some(*acquired)),
            Claimed::Broken(job) => told_of_logs(&ctx.bus, job),
        }
    }
}

enum Claimed {
    Nothing,
    Job(Box<Acquired>),
    /// What it needs is not there: it has failed.
    Broken(ProvisionerJobId),
}

async fn claim_one(ctx: &Context, by: &Principal, worker: Worker) -> Result<Claimed, Error> {
    let (seal, settings) = (ctx.seal(), Arc::clone(&ctx.settings));
    ctx.act(by, move |deed| {
        let permit = permit(deed.by, worker.organization_id)?;
        let Some(job) = deed.repos.provisioner_jobs().claim(&permit, &worker, deed.now)? else {
            return Ok(deed.unrecorded("nothing is written", Claimed::Nothing));
        };
        match assemble(deed, &seal, &settings, job.clone()) {
            Ok(acquired) => {
                Ok(deed
                    .unrecorded("that a daemon begins is no change that people make", Claimed::Job(Box::new(acquired))))
            }
            // The database has failed: then the job waits as before.
            Err(error @ (Error::Unavailable { .. } | Error::Internal(_))) => Err(error),
            Err(error) => {
                let id = job.id;
                let why = format!("The job cannot be begun: {error}");
                Ok(end_job(deed, &permit, job, &why, "", None)?.map(|_job| Claimed::Broken(id)))
            }
        }
    })
    .await
}

/// A piece of the source of a job that the daemon has, by its position from 0 on; `None` behind the end.
///
/// Needs the principal of the provisioner daemon that has the job. Errors: as of [`update`](super::update()).
pub async fn source(
    ctx: &Context,
    by: &Principal,
    job: ProvisionerJobId,
    position: i32,
) -> Result<Option<Vec<u8>>, Error> {
    ctx.look(by, move |look| {
        let file = look_at(look.repos, look.by, job, None)?.file_id;
        Ok(look.repos.files().piece(file, position)?)
    })
    .await
}

/// The id of a job, as daemons send it. Errors: `Invalid` for what is none.
pub fn job_id(text: &str) -> Result<ProvisionerJobId, Error> {
    let id = Uuid::try_parse(text).map_err(|_no_id| Error::invalid("the id of a job must be a UUID"))?;
    Ok(ProvisionerJobId(id))
}
