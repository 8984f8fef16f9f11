//! What the server does for itself: the first start, cleaning, health.

use crate::jobs::Lease;
use crate::keys::{self, Keys};
use crate::{Context, Error, Principal};
use doorward_domain::Instant;
use doorward_domain::ids::OrganizationId;
use doorward_domain::keys::CryptoKey;
use doorward_domain::names::{DisplayName, OrganizationName};
use doorward_domain::organizations::Organization;
use doorward_domain::roles::{DefaultRoles, System, action, resource};
use doorward_domain::wire;
use doorward_ports::changes::ChangeLog;
use doorward_ports::maintenance::Purged;
use doorward_ports::{Clock, Conflict, Random, Sealer, Store, StoreError};
use std::sync::Arc;
use uuid::Uuid;

/// Name under which the id of the deployment is stored.
const DEPLOYMENT_ID: &str = "deployment_id";

/// What the database keeps for the server itself.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    /// The keys of the server.
    pub keys: Keys,
    /// Tells this deployment from others; the same for all replicas.
    pub deployment_id: Uuid,
}

/// Makes what must exist before the first request: the default organization and the keys of the server. Of several
/// replicas that start at once, one makes it and all use the same. What exists is only read, so that a server starts on a
/// database that takes no changes; but keys that `sealer` would store otherwise are sealed anew. `log` tells of the changes
/// in `store`.
///
/// Errors: [`Error::Precondition`] if a stored key cannot be opened.
pub async fn bootstrap(
    store: &Store,
    clock: &dyn Clock,
    random: &dyn Random,
    sealer: &Arc<dyn Sealer>,
    log: ChangeLog,
) -> Result<Bootstrap, Error> {
    let since = log.now();
    let (stored, deployment_id, has_organization) = store
        .read(|repos| {
            let (keys, id) = (repos.keys().list()?, repos.maintenance().find_server_key(DEPLOYMENT_ID)?);
            Ok::<_, Error>((keys, id, repos.organizations().find_default()?.is_some()))
        })
        .await?;
    let missing = keys::first_keys(&stored, clock.now(), random, &**sealer)?;
    let (stored, deployment_id) = match deployment_id {
        Some(id) if has_organization && missing.is_empty() => (stored, id),
        _ => make(store, clock, random, missing).await?,
    };
    let ring = keys::read(&stored, &**sealer).map_err(|error| Error::Precondition(error.to_string()))?;
    keys::reseal(store, &stored, &**sealer).await?;
    let deployment_id = Uuid::from_slice(&deployment_id).map_err(|error| Error::Internal(error.into()))?;
    Ok(Bootstrap { keys: Keys::stored(ring, since, Arc::clone(sealer), log), deployment_id })
}

/// Makes what is missing. Answers all keys, and the id of the deployment.
async fn make(
    store: &Store,
    clock: &dyn Clock,
    random: &dyn Random,
    missing: Vec<CryptoKey>,
) -> Result<(Vec<CryptoKey>, Vec<u8>), Error> {
    let now = clock.now();
    let id: OrganizationId = random.id(now);
    let fresh_id: Uuid = random.id(now);
    let kept = store
        .write(move |repos| {
            let permit =
                System::because("the server keeps its own keys").permit::<action::Create, resource::CryptoKey>();
            missing.iter().try_for_each(|key| repos.keys().insert_first(&permit, key))?;
            let id = repos.maintenance().server_key(&permit, DEPLOYMENT_ID, fresh_id.as_bytes(), now)?;
            Ok::<_, Error>((repos.keys().list()?, id))
        })
        .await?;
    let made = store
        .write(move |repos| {
            if repos.organizations().find_default()?.is_none() {
                let permit = System::because("the default organization exists from the first start").permit();
                repos.organizations().insert(&permit, &default_organization(id, now))?;
            }
            Ok(())
        })
        .await;
    match made {
        // Another replica was quicker.
        Ok(()) | Err(StoreError::Conflict(Conflict::OrganizationName)) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(kept)
}

fn default_organization(id: OrganizationId, now: Instant) -> Organization {
    Organization {
        id,
        name: OrganizationName::from_storage(wire::DEFAULT_ORGANIZATION.to_owned()),
        display_name: DisplayName::from_storage("Coder".to_owned()),
        description: String::new(),
        icon: String::new(),
        created_at: now,
        updated_at: now,
        is_default: true,
        default_roles: DefaultRoles::default(),
    }
}

/// Removes one batch of dead rows, and of audit records that are older than is kept; call again soon while it removes
/// many. A job does it under its lease.
pub async fn purge(ctx: &Context, batch: u32, lease: Option<&Lease>) -> Result<Purged, Error> {
    let (retention, lease) = (ctx.settings.audit.retention, lease.cloned());
    let why = "dead rows are cleaned";
    ctx.act(&Principal::system(why), move |deed| {
        let permit = System::because(why).permit::<action::Delete, resource::System>();
        let mut purged = deed.repos.maintenance().purge(&permit, deed.now, batch)?;
        if let Some(kept) = retention {
            purged.0.push(("audit_logs", deed.repos.audit().purge(&permit, deed.now - kept.get(), batch)?));
        }
        let of_keys = System::because(why).permit::<action::Delete, resource::CryptoKey>();
        purged.0.push(("crypto_keys", deed.repos.keys().purge(&of_keys, deed.now)?));
        lease.map_or(Ok(()), |lease| lease.confirm(deed.repos))?;
        Ok(deed.unrecorded("nobody can use what is dead", purged))
    })
    .await
}

/// Renews what lists are counted by, if there is much to be renewed; whether it did. A job does it under its lease.
pub async fn renew_counts(ctx: &Context, lease: Option<&Lease>) -> Result<bool, Error> {
    let (why, lease) = ("lists are counted", lease.cloned());
    ctx.act(&Principal::system(why), move |deed| {
        let permit = System::because(why).permit::<action::Update, resource::System>();
        let renewed = deed.repos.maintenance().renew_counts(&permit)?;
        lease.map_or(Ok(()), |lease| lease.confirm(deed.repos))?;
        Ok(deed.unrecorded("counts are no facts of their own", renewed))
    })
    .await
}

/// Writes which access tokens were used for the first time since they were issued; answers how many. What cannot be written
/// now is kept for the next time.
pub async fn write_first_uses(ctx: &Context) -> Result<usize, Error> {
    let uses = ctx.cache.noted_uses();
    if uses.is_empty() {
        return Ok(0);
    }
    let to_write = uses.clone();
    ctx.at_once(move |once| {
        let permit = System::because("access tokens were used").permit::<action::Update, resource::ApiKey>();
        Ok::<_, Error>(once.mark_used(&permit, &to_write)?)
    })
    .await?;
    ctx.cache.forget_uses(&uses);
    Ok(uses.len())
}

/// Whether the server can serve: its database answers and takes changes. Writes one row, which is always the same.
pub async fn ready(ctx: &Context) -> Result<(), Error> {
    let now = ctx.clock.now();
    ctx.at_once(move |once| {
        let permit = System::because("it is tried whether anything can be written").permit();
        Ok(once.prove_writable(&permit, now)?)
    })
    .await
}

/// Number of live grants, for the metrics. It reads all of them.
pub async fn count_grants(ctx: &Context) -> Result<u64, Error> {
    ctx.read(|repos| Ok(repos.maintenance().count_grants()?)).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::testing::{NOW, context_with, settings};
    use doorward_domain::settings::Span;
    use doorward_ports::mocks::MockRepositories;
    use time::Duration;

    fn cleaned() -> MockRepositories {
        let mut repos = MockRepositories::default();
        repos.maintenance.expect_purge().returning(|_, _, _| Ok(Purged(vec![("oauth2_codes", 1)])));
        repos.keys.expect_purge().withf(|_, now| *now == NOW).returning(|_, _| Ok(1));
        repos
    }

    #[tokio::test]
    async fn the_audit_log_is_kept_for_ever_unless_a_time_is_set() {
        let ctx = context_with(cleaned(), settings());
        assert_eq!(purge(&ctx, 5, None).await.unwrap().total(), 2);

        let mut repos = cleaned();
        let day_ago = NOW - Duration::DAY;
        repos
            .audit
            .expect_purge()
            .times(1)
            .withf(move |_, before, batch| (*before, *batch) == (day_ago, 5))
            .returning(|_, _, _| Ok(3));
        let mut settings = settings();
        settings.audit.retention = Some(Span::DAY);
        let purged = purge(&context_with(repos, settings), 5, None).await.unwrap();
        let of = ["oauth2_codes", "audit_logs", "crypto_keys"].map(|table| purged.of(table));
        assert_eq!((of, purged.total()), ([1, 3, 1], 5));

        // As long as can be said.
        let mut repos = cleaned();
        repos.audit.expect_purge().times(1).withf(|_, before, _| before.year() == 1825).returning(|_, _, _| Ok(0));
        let mut settings = self::settings();
        settings.audit.retention = Some(Span::LONGEST);
        assert_eq!(purge(&context_with(repos, settings), 5, None).await.unwrap().of("audit_logs"), 0);
    }
}
