//! What the server does for itself: the first start, its keys, cleaning.

use crate::{Context, Error, Principal};
use doorward_domain::Instant;
use doorward_domain::ids::OrganizationId;
use doorward_domain::oauth2::DerivationKey;
use doorward_domain::organizations::Organization;
use doorward_domain::roles::{DefaultRoles, System, action, resource};
use doorward_domain::wire;
use doorward_ports::maintenance::Purged;
use doorward_ports::{Clock, Conflict, Random, Store, StoreError};
use uuid::Uuid;

/// Name under which the key for deriving refresh tokens is stored.
const DERIVATION_KEY: &str = "oauth2_refresh_derivation";

/// Name under which the id of the deployment is stored.
const DEPLOYMENT_ID: &str = "deployment_id";

/// What the database keeps for the server itself.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    /// Derives the successors of refresh tokens.
    pub derivation: DerivationKey,
    /// Tells this deployment from others; the same for all replicas.
    pub deployment_id: Uuid,
}

/// Makes what must exist before the first request: the default organization and the keys of the server. Of several
/// replicas that start at once, one makes it and all use the same. What exists is only read, so that a server starts on a
/// database that takes no changes.
pub async fn bootstrap(store: &Store, clock: &dyn Clock, random: &dyn Random) -> Result<Bootstrap, Error> {
    let found = store
        .read(|repos| {
            let keys = (
                repos.maintenance().find_server_key(DERIVATION_KEY)?,
                repos.maintenance().find_server_key(DEPLOYMENT_ID)?,
            );
            Ok::<_, Error>((keys, repos.organizations().find_default()?.is_some()))
        })
        .await?;
    let ((Some(key), Some(deployment_id)), true) = found else {
        return make(store, clock, random).await;
    };
    Bootstrap::of(key, &deployment_id)
}

/// Makes what is missing.
async fn make(store: &Store, clock: &dyn Clock, random: &dyn Random) -> Result<Bootstrap, Error> {
    let now = clock.now();
    let id: OrganizationId = random.id(now);
    let mut fresh = [0; 32];
    random.fill(&mut fresh);
    let fresh_id: Uuid = random.id(now);
    let (key, deployment_id) = store
        .write(move |repos| {
            let permit =
                System::because("the server keeps its own keys").permit::<action::Create, resource::CryptoKey>();
            let key = repos.maintenance().server_key(&permit, DERIVATION_KEY, &fresh, now)?;
            let id = repos.maintenance().server_key(&permit, DEPLOYMENT_ID, fresh_id.as_bytes(), now)?;
            Ok::<_, Error>((key, id))
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
    Bootstrap::of(key, &deployment_id)
}

impl Bootstrap {
    fn of(key: Vec<u8>, deployment_id: &[u8]) -> Result<Self, Error> {
        let key: [u8; 32] = key.try_into().map_err(|odd: Vec<u8>| {
            Error::Internal(format!("the server key `{DERIVATION_KEY}` has {} bytes instead of 32", odd.len()).into())
        })?;
        let deployment_id = Uuid::from_slice(deployment_id).map_err(|error| Error::Internal(error.into()))?;
        Ok(Self { derivation: DerivationKey::new(&key), deployment_id })
    }
}

fn default_organization(id: OrganizationId, now: Instant) -> Organization {
    Organization {
        id,
        name: wire::DEFAULT_ORGANIZATION.to_owned(),
        display_name: "Coder".to_owned(),
        description: String::new(),
        icon: String::new(),
        created_at: now,
        updated_at: now,
        is_default: true,
        default_roles: DefaultRoles::default(),
    }
}

/// Removes one batch of dead rows, and of audit records that are older than is kept; call again soon while it removes
/// many.
pub async fn purge(ctx: &Context, batch: u32) -> Result<Purged, Error> {
    let retention = ctx.settings.audit.retention;
    let why = "dead rows are cleaned";
    ctx.act(&Principal::system(why), move |deed| {
        let permit = System::because(why).permit::<action::Delete, resource::System>();
        let purged = deed.repos.maintenance().purge(&permit, deed.now, batch)?;
        let audit_logs = match retention {
            Some(kept) => deed.repos.audit().purge(&permit, deed.now - kept.get(), batch)?,
            None => 0,
        };
        Ok(deed.unrecorded("nobody can use what is dead", Purged { audit_logs, ..purged }))
    })
    .await
}

/// Renews what lists are counted by, if there is much to be renewed; whether it did.
pub async fn renew_counts(ctx: &Context) -> Result<bool, Error> {
    let why = "lists are counted";
    ctx.act(&Principal::system(why), move |deed| {
        let permit = System::because(why).permit::<action::Update, resource::System>();
        let renewed = deed.repos.maintenance().renew_counts(&permit)?;
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
    ctx.at_once(move |repos| {
        let permit = System::because("access tokens were used").permit::<action::Update, resource::ApiKey>();
        Ok::<_, Error>(repos.api_keys().mark_used(&permit, &to_write)?)
    })
    .await?;
    ctx.cache.forget_uses(&uses);
    Ok(uses.len())
}

/// Whether the server can serve: its database answers and takes changes. Writes one row, which is always the same.
pub async fn ready(ctx: &Context) -> Result<(), Error> {
    let now = ctx.clock.now();
    ctx.at_once(move |repos| {
        let permit = System::because("it is tried whether anything can be written").permit();
        Ok(repos.maintenance().prove_writable(&permit, now)?)
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
        repos.maintenance.expect_purge().returning(|_, _, _| Ok(Purged { codes: 1, ..Purged::default() }));
        repos
    }

    #[tokio::test]
    async fn the_audit_log_is_kept_for_ever_unless_a_time_is_set() {
        let ctx = context_with(cleaned(), settings());
        assert_eq!(purge(&ctx, 5).await.unwrap().total(), 1);

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
        let purged = purge(&context_with(repos, settings), 5).await.unwrap();
        assert_eq!((purged.codes, purged.audit_logs, purged.total()), (1, 3, 4));

        // As long as can be said.
        let mut repos = cleaned();
        repos.audit.expect_purge().times(1).withf(|_, before, _| before.year() == 1825).returning(|_, _, _| Ok(0));
        let mut settings = self::settings();
        settings.audit.retention = Some(Span::LONGEST);
        assert_eq!(purge(&context_with(repos, settings), 5).await.unwrap().audit_logs, 0);
    }
}
