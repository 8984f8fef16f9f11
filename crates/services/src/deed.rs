//! The door to the store: every use case reads through [`Context::look`] and writes through [`Context::act`].
//!
//! [`Context::act`] opens one transaction and hands a [`Deed`] to the use case: the repositories, who acts, the time, and the
//! audit log. What it returns is a [`Done`], which is made from the receipt of an audit record, or by
//! [`Deed::unrecorded`] with the reason why there is none. So a use case that forgets its record does not compile.
//!
//! Events for subscribers ([`Deed::announce`]) are written in the same transaction, as its last statements.
//!
//! Permission: [`Principal::permit`] gives the proof that write ports ask for. Cache invalidation: the storage adapter
//! derives it from the proof and from what the write says it touches.

use crate::audit::{Audited, Entry};
use crate::context::Context;
use crate::notices::{self, Told};
use crate::outbox;
use crate::principal::Principal;
use crate::session_ends;
use doorward_domain::Instant;
use doorward_domain::entitlements::Features;
use doorward_domain::ids::OrganizationId;
use doorward_domain::roles::{System, action, resource};
use doorward_ports::{AtOnce, Random, Repositories, Store, StoreError};
use serde::Serialize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use uuid::Uuid;

/// The store, which nobody reaches but through the methods of [`Context`] in this module. Made of a [`Store`] by `into`.
#[derive(Clone, Debug)]
pub struct Door {
    store: Store,
    settled: Arc<Settled>,
}

impl From<Store> for Door {
    fn from(store: Store) -> Self {
        Self { store, settled: Arc::default() }
    }
}

/// What stays true once it is true, so that this server asks its database no second time.
#[derive(Debug, Default)]
struct Settled {
    /// Somebody has an account, or had one.
    has_users: AtomicBool,
    /// The organization of those for whom none is named. It is never deleted, and no other takes its place.
    default_organization: OnceLock<OrganizationId>,
}

/// One trip to the store that only reads.
pub(crate) struct Look<'a> {
    /// The repositories; writing through them fails.
    pub(crate) repos: &'a mut dyn Repositories,
    /// Who asks.
    pub(crate) by: &'a Principal,
    /// The time of the request.
    pub(crate) now: Instant,
    /// What may be used, as far as licences are concerned.
    pub(crate) licensed: Features,
}

/// One transaction of a use case.
pub(crate) struct Deed<'a> {
    /// The repositories, inside the transaction.
    pub(crate) repos: &'a mut dyn Repositories,
    /// Who acts.
    pub(crate) by: &'a Principal,
    /// The time of the request; the same in all that is written.
    pub(crate) now: Instant,
    /// What may be used, as far as licences are concerned.
    pub(crate) licensed: Features,
    random: &'a dyn Random,
    settled: &'a Settled,
    announced: Vec<(&'static str, String)>,
    /// What people are to be told; `None` when nothing could reach anybody.
    told: Option<Vec<Told>>,
    wakes_notifier: bool,
    wakes_teller: bool,
}

/// The receipt of an audit record.
#[must_use]
#[derive(Debug)]
pub(crate) struct Recorded(());

/// The result of a deed, whose audit record is written or is not needed.
#[derive(Debug)]
pub(crate) struct Done<T>(T);

impl Recorded {
    /// For the writer of audit records alone.
    pub(crate) const fn receipt() -> Self {
        Self(())
    }

    /// Ends the deed with this result.
    pub(crate) fn answer<T>(self, result: T) -> Done<T> {
        let Self(()) = self;
        Done(result)
    }
}

impl<T> Done<T> {
    /// The same, with another result.
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> Done<U> {
        Done(change(self.0))
    }
}

impl<T, E> Done<Result<T, E>> {
    /// The same, unless the result is an error.
    pub(crate) fn transpose(self) -> Result<Done<T>, E> {
        self.0.map(Done)
    }
}

impl<'a> Deed<'a> {
    /// A new id of this moment.
    pub(crate) fn new_id<T: From<Uuid>>(&self) -> T {
        self.random.id(self.now)
    }

    /// Whether anybody has an account. For transactions that have made nobody themselves: what they made may be rolled back.
    pub(crate) fn has_users(&mut self) -> Result<bool, StoreError> {
        if !self.settled.has_users.load(Ordering::Relaxed) {
            self.settled.has_users.store(self.repos.users().any_exists()?, Ordering::Relaxed);
        }
        Ok(self.settled.has_users.load(Ordering::Relaxed))
    }

    /// The organization of those for whom none is named.
    pub(crate) fn default_organization(&mut self) -> Result<OrganizationId, StoreError> {
        if let Some(id) = self.settled.default_organization.get() {
            return Ok(*id);
        }
        let found = self.repos.organizations().find_default()?;
        let id = found.ok_or_else(|| StoreError::other("there is no default organization"))?.id;
        Ok(*self.settled.default_organization.get_or_init(|| id))
    }

    /// Where random text comes from.
    pub(crate) fn random(&self) -> &'a dyn Random {
        self.random
    }

    /// An audit record with more to say than that something was made, changed or ended.
    pub(crate) fn entry(&mut self) -> Entry<'_, 'a> {
        Entry::new(self)
    }

    /// Records that this was made (status 201).
    pub(crate) fn made(&mut self, new: &impl Audited) -> Result<Recorded, StoreError> {
        self.entry().made(new)
    }

    /// Records that `old` became `new` (status 200).
    pub(crate) fn changed<T: Audited>(&mut self, old: &T, new: &T) -> Result<Recorded, StoreError> {
        self.entry().changed(old, new)
    }

    /// Records that this was ended (status 200, or what [`Audited::ended_status`] says).
    pub(crate) fn ended(&mut self, old: &impl Audited) -> Result<Recorded, StoreError> {
        self.entry().ended(old)
    }

    /// Has the subscribers of `topic` handle this after the commit, in the order of commits, at least once each. The event is
    /// written in this transaction, after everything else of it: it is there exactly when the rest is.
    pub(crate) fn announce(&mut self, topic: &'static str, payload: &impl Serialize) -> Result<(), StoreError> {
        self.announced.push((topic, serde_json::to_string(payload).map_err(StoreError::other)?));
        Ok(())
    }

    /// Has people told this after the commit, in their inboxes and by mail or webhook. It is written in this transaction, in one
    /// statement for all that is told: it is there exactly when the rest is. Nothing is written where nothing could reach anybody.
    pub(crate) fn notify(&mut self, told: Told) {
        if let Some(all) = &mut self.told {
            all.push(told);
        }
    }

    /// Whether anything that people are told reaches anybody.
    pub(crate) const fn reaches_people(&self) -> bool {
        self.told.is_some()
    }

    /// Has the server that delivers notifications look at once, after the commit.
    pub(crate) const fn wake_notifier(&mut self) {
        self.wakes_notifier = true;
    }

    /// A session ends by this: has the server that tells apps of it look at once, after the commit.
    pub(crate) const fn ends_sessions(&mut self) {
        self.wakes_teller = true;
    }

    /// Writes what people are to be told.
    fn write_told(&mut self) -> Result<(), StoreError> {
        match self.told.take() {
            Some(told) if !told.is_empty() => {
                self.wakes_notifier = true;
                notices::write(self.repos, self.random, self.now, told)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Writes what was announced; answers the topics. Announcing holds up others until the commit, so it comes last, and
    /// always in the order of topics, so that two cannot wait for each other.
    fn write_announced(&mut self) -> Result<Vec<&'static str>, StoreError> {
        let mut announced = std::mem::take(&mut self.announced);
        announced.sort_by_key(|(topic, _)| *topic);
        let permit = System::because("the event was announced").permit::<action::Create, resource::System>();
        for (topic, payload) in &announced {
            self.repos.outbox().announce(&permit, topic, payload, self.now)?;
        }
        let mut topics: Vec<_> = announced.into_iter().map(|(topic, _)| topic).collect();
        topics.dedup();
        Ok(topics)
    }

    /// Ends the deed without an audit record of its own, for this reason.
    #[expect(clippy::unused_self, reason = "reads as the other endings do")]
    pub(crate) fn unrecorded<T>(&self, _reason: &'static str, result: T) -> Done<T> {
        Done(result)
    }
}

impl Context {
    /// Reads what no caller is asked about: credentials, and what the server wants to know for itself.
    pub(crate) fn read<T, E, F>(&self, work: F) -> impl Future<Output = Result<T, E>> + Send + use<'_, T, E, F>
    where
        F: FnOnce(&mut dyn Repositories) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.store.store.read(work)
    }

    /// Makes one repository call that is atomic by itself, without a transaction: for tokens and first uses, of which the audit
    /// log says nothing.
    pub(crate) fn at_once<T, E, F>(&self, work: F) -> impl Future<Output = Result<T, E>> + Send + use<'_, T, E, F>
    where
        F: FnOnce(AtOnce<'_>) -> Result<T, E> + Clone + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.store.store.at_once(work)
    }

    /// Reads, in one trip to the store and outside a transaction.
    pub(crate) fn look<T, E, F>(
        &self,
        by: &Principal,
        work: F,
    ) -> impl Future<Output = Result<T, E>> + Send + use<'_, T, E, F>
    where
        F: FnOnce(&mut Look<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (by, now) = (by.clone(), self.clock.now());
        let licensed = self.licensing.open(now);
        self.store.store.read(move |repos| work(&mut Look { repos, by: &by, now, licensed }))
    }

    /// Acts, in one transaction: `Ok` commits, `Err` rolls back. When others get in the way, all of it is done again.
    pub(crate) fn act<T, E, F>(
        &self,
        by: &Principal,
        work: F,
    ) -> impl Future<Output = Result<T, E>> + Send + use<'_, T, E, F>
    where
        F: FnOnce(&mut Deed<'_>) -> Result<Done<T>, E> + Clone + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (by, now, random) = (by.clone(), self.clock.now(), Arc::clone(&self.random));
        let licensed = self.licensing.open(now);
        let told = self.outlets.any(&self.settings).then(Vec::new);
        let settled = Arc::clone(&self.store.settled);
        let written = self.store.store.write(move |repos| {
            let announced = Vec::new();
            let mut deed = Deed {
                repos,
                by: &by,
                now,
                licensed,
                random: &*random,
                settled: &settled,
                announced,
                told,
                wakes_notifier: false,
                wakes_teller: false,
            };
            let done = work(&mut deed)?;
            deed.write_told()?;
            let topics = deed.write_announced()?;
            Ok::<_, E>((done.0, topics, (deed.wakes_notifier, deed.wakes_teller)))
        });
        async move {
            let (result, topics, (wakes_notifier, wakes_teller)) = written.await?;
            if wakes_notifier {
                notices::wake(&self.bus);
            }
            if wakes_teller {
                session_ends::wake(&self.bus);
            }
            for topic in topics {
                outbox::wake(&self.bus, topic);
            }
            Ok(result)
        }
    }
}
