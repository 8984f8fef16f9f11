//! What owners say about clients and resources, as each server remembers it: what is blocked, and which resources are registered.
//!
//! It is asked for with every authorization and every token, and changes hardly ever. So it is read once and kept for as long as nothing of
//! it was reported to have changed, as subjects are; see `docs/adr/0008-subject-cache.md`.

use super::block_list;
use super::scopes::Names;
use crate::{Context, Error, OAuthError, Settings, keys};
use doorward_domain::ids::AppId;
use doorward_domain::oauth2::{BlockList, RedirectUri, Resource, ResourceServer, ResourceServers, app_of_client_id};
use doorward_ports::changes::{Change, ChangeLog, LogPosition};
use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// Longest time for which it is used without being read again, should ever a change go unreported.
const MAX_AGE: Duration = Duration::from_mins(5);
/// The same where nobody vouches for hearing of all changes: one request asks several times.
const UNVOUCHED_AGE: Duration = Duration::from_secs(1);

/// What owners say about clients and resources.
#[derive(Debug, Default)]
pub(crate) struct ClientPolicy {
    blocked: BlockList,
    blocked_apps: HashSet<AppId>,
    pub(crate) resources: ResourceServers,
}

impl ClientPolicy {
    fn new(blocked: BlockList, resources: Vec<ResourceServer>) -> Self {
        Self { blocked_apps: blocked.apps(), blocked, resources: resources.into_iter().collect() }
    }

    /// Refuses a client that is blocked.
    pub(crate) fn check_client(&self, client_id: &str) -> Result<(), OAuthError> {
        let by_id = || app_of_client_id(client_id).is_some_and(|app| self.blocked_apps.contains(&app));
        let is_blocked = (!self.blocked_apps.is_empty() && by_id()) || self.blocked.blocks_document(client_id);
        if is_blocked { Err(block_list::blocked()) } else { Ok(()) }
    }

    /// Refuses a place where answers would go that is blocked.
    pub(crate) fn check_redirect(&self, uri: &RedirectUri) -> Result<(), OAuthError> {
        if self.blocked.blocks_redirect(uri) { Err(block_list::blocked()) } else { Ok(()) }
    }

    /// The first of these that is blocked.
    pub(crate) fn blocked_among<'a>(&self, uris: &'a [RedirectUri]) -> Option<&'a RedirectUri> {
        uris.iter().find(|uri| self.blocked.blocks_redirect(uri))
    }

    /// The registered resource that this is.
    pub(crate) fn resource(&self, resource: Option<&Resource>) -> Option<&Arc<ResourceServer>> {
        self.resources.find(resource?)
    }

    /// Which names of scopes a request for this resource may use.
    pub(crate) fn names(&self, settings: &Settings, resource: Option<&Resource>) -> Names<'_> {
        let Some(resource) = resource.filter(|resource| !resource.is_within(&settings.resource())) else {
            return Names::Catalogue;
        };
        match self.resources.find(resource) {
            Some(server) if server.rules.has_scopes() => Names::Own(&server.rules),
            Some(_) => Names::Catalogue,
            None => Names::Any,
        }
    }
}

/// The policy that a server remembers. Cheap to clone; all clones are one.
#[derive(Clone, Default)]
pub struct Policies(Option<Arc<Inner>>);

struct Inner {
    log: ChangeLog,
    kept: RwLock<Option<Kept>>,
}

#[derive(Clone)]
struct Kept {
    policy: Arc<ClientPolicy>,
    since: LogPosition,
    at: Instant,
}

impl Policies {
    /// Nothing is blocked nor registered, whatever is stored.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// What is stored; `log` tells when that has changed.
    #[must_use]
    pub fn new(log: ChangeLog) -> Self {
        Self(Some(Arc::new(Inner { log, kept: RwLock::default() })))
    }
}

impl Inner {
    fn kept(&self) -> Option<Kept> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_good(&self, kept: &Kept) -> bool {
        let age = if self.log.is_vouched_for() { MAX_AGE } else { UNVOUCHED_AGE };
        kept.at.elapsed() < age && self.log.is_unchanged(kept.since, &[self.log.slot(&Change::ClientPolicy)])
    }

    fn keep(&self, kept: Kept) {
        let mut place = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if place.as_ref().is_none_or(|known| known.since <= kept.since) {
            *place = Some(kept);
        }
    }
}

impl fmt::Debug for Policies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Policies").finish()
    }
}

/// What holds now. While the database is away it is what was read last.
///
/// Errors: those of the store.
pub(crate) async fn current(ctx: &Context) -> Result<Arc<ClientPolicy>, Error> {
    let Some(inner) = &ctx.policies.0 else { return Ok(Arc::default()) };
    let known = inner.kept();
    if let Some(kept) = known.as_ref().filter(|kept| inner.is_good(kept)) {
        return Ok(Arc::clone(&kept.policy));
    }
    // Before it is read, so that what is reported meanwhile has it read again.
    let since = inner.log.now();
    let read = ctx
        .read(|repos| Ok::<_, Error>(ClientPolicy::new(block_list::load(repos)?, repos.resource_servers().list()?)))
        .await;
    match (read, known) {
        (Ok(policy), _) => {
            let policy = Arc::new(policy);
            inner.keep(Kept { policy: Arc::clone(&policy), since, at: Instant::now() });
            Ok(policy)
        }
        (Err(Error::Unavailable { .. }), Some(kept)) => Ok(kept.policy),
        (Err(error), _) => Err(error),
    }
}

/// The same, for answers to clients.
pub(crate) async fn of_client(ctx: &Context) -> Result<Arc<ClientPolicy>, OAuthError> {
    current(ctx).await.map_err(keys::for_token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::testing::context;
    use doorward_ports::mocks::MockRepositories;

    fn policy(blocked: BlockList) -> ClientPolicy {
        ClientPolicy::new(blocked, Vec::new())
    }

    #[tokio::test]
    async fn it_is_read_once_until_a_change_is_reported() {
        let mut repos = MockRepositories::default();
        repos.runtime_settings.expect_find().times(2).returning(|_, _| Ok(None));
        repos.resource_servers.expect_list().times(2).returning(|| Ok(Vec::new()));
        let log = ChangeLog::default();
        log.extend_lease(Instant::now() + Duration::from_mins(1));
        let ctx = Context { policies: Policies::new(log.clone()), ..context(repos) };
        for _ in 0..3 {
            current(&ctx).await.unwrap();
        }
        log.report(&[Change::ClientPolicy]);
        for _ in 0..3 {
            current(&ctx).await.unwrap();
        }
    }

    #[test]
    fn an_app_is_blocked_however_its_id_is_written() {
        let id = "11111111-1111-4111-8111-111111111111";
        let policy = policy(BlockList { client_ids: vec![id.to_owned()], ..BlockList::default() });
        for text in [id, "{11111111-1111-4111-8111-111111111111}", "11111111111141118111111111111111"] {
            assert!(policy.check_client(text).is_err(), "{text}");
        }
        assert!(policy.check_client("11111111-1111-4111-8111-111111111112").is_ok());
    }

    #[test]
    fn documents_are_blocked_by_their_hosts_and_places_by_theirs() {
        let list = BlockList {
            document_hosts: vec!["*.evil.example".parse().unwrap()],
            redirect_hosts: vec!["bad.example".parse().unwrap()],
            ..BlockList::default()
        };
        let policy = policy(list);
        assert!(policy.check_client("https://a.evil.example/c").is_err());
        assert!(policy.check_client("https://good.example/c").is_ok());
        let uris = ["https://good.example/cb", "https://bad.example/cb"];
        let uris = uris.map(|uri| RedirectUri::register(uri, false).unwrap());
        assert_eq!(policy.blocked_among(&uris), Some(&uris[1]));
        assert!(policy.check_redirect(&uris[0]).is_ok() && policy.check_redirect(&uris[1]).is_err());
    }

    #[test]
    fn a_copy_is_good_until_a_change_is_reported() {
        let log = ChangeLog::default();
        let Policies(Some(inner)) = Policies::new(log.clone()) else { panic!("it is remembered") };
        let at = Instant::now().checked_sub(UNVOUCHED_AGE).unwrap();
        let kept = Kept { policy: Arc::default(), since: log.now(), at };
        assert!(!inner.is_good(&kept), "nobody vouches for it");
        assert!(inner.is_good(&Kept { at: Instant::now(), ..kept.clone() }));
        log.extend_lease(Instant::now() + Duration::from_mins(1));
        let kept = Kept { since: log.now(), ..kept };
        assert!(inner.is_good(&kept));
        log.report(&[Change::ClientPolicy]);
        assert!(!inner.is_good(&kept));
        let newer = Kept { since: log.now(), ..kept.clone() };
        inner.keep(newer.clone());
        inner.keep(kept);
        assert_eq!(inner.kept().map(|kept| kept.since), Some(newer.since), "what is older takes no newer one's place");
    }
}
