//! Notifications: what is to be told, what is on its way, and what stands in inboxes.
//!
//! Times of deliveries are those of the database, for the clocks of servers differ: calls take durations.

use crate::StoreError;
use doorward_domain::Instant;
use doorward_domain::ids::{
    DeliveryId, InboxNotificationId, NotificationTemplateId, OrganizationId, TemplateId, UserId,
};
use doorward_domain::notifications::{
    Delivery, InboxFilter, InboxNotification, Method, Notice, NotificationPreference,
};
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::users::User;
use time::Duration;

/// How much there is to be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Notices of which nobody has been told yet.
    pub notices: u64,
    /// Notifications on their way.
    pub deliveries: u64,
    /// Those that were given up.
    pub dead: u64,
}

/// A delivery that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadDelivery {
    /// What was to be delivered.
    pub delivery: Delivery,
    /// When it was given up.
    pub dead_at: Instant,
    /// Why.
    pub error: String,
}

/// Stores which ways and which notifications people chose, and what is to be told.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait NotificationRepository {
    /// The ways that somebody chose for templates.
    fn list_methods(&mut self) -> Result<Vec<(NotificationTemplateId, Method)>, StoreError>;
    /// Chooses the way of a template; `false` when it was that already.
    fn update_method(
        &mut self,
        permit: &Permit<action::Update, resource::NotificationTemplate>,
        template: NotificationTemplateId,
        method: Method,
    ) -> Result<bool, StoreError>;

    /// What a user has said about templates, by their ids.
    fn list_preferences(&mut self, user: UserId) -> Result<Vec<NotificationPreference>, StoreError>;
    /// Which of these users have said about a template whether they do not want it.
    fn list_refusals(
        &mut self,
        template: NotificationTemplateId,
        users: &[UserId],
    ) -> Result<Vec<(UserId, bool)>, StoreError>;
    /// Writes what a user says about templates: whether they do not want them.
    fn update_preferences(
        &mut self,
        permit: &Permit<action::Update, resource::NotificationPreference>,
        user: UserId,
        disabled: &[(NotificationTemplateId, bool)],
        now: Instant,
    ) -> Result<(), StoreError>;

    /// Active users who can be written to and who look after accounts: owners and user admins. By id.
    fn list_user_admins(&mut self) -> Result<Vec<User>, StoreError>;
    /// Active users who can be written to and who look after the templates of an organization: owners, template admins, and those who are
    /// its administrators or look after its templates. By id.
    fn list_template_admins(&mut self, organization: OrganizationId) -> Result<Vec<User>, StoreError>;
    /// Active users who can be written to and have workspaces of a template. By id.
    fn list_workspace_owners(&mut self, template: TemplateId) -> Result<Vec<User>, StoreError>;

    /// Writes notices. One statement; waits for nobody.
    fn enqueue(
        &mut self,
        permit: &Permit<action::Create, resource::NotificationMessage>,
        notices: &[Notice],
    ) -> Result<(), StoreError>;
    /// Takes the first `limit` notices away, in their order, but for those that others take at this moment.
    fn take(
        &mut self,
        permit: &Permit<action::Delete, resource::NotificationMessage>,
        limit: u32,
    ) -> Result<Vec<Notice>, StoreError>;
    /// Writes deliveries, which are due at once.
    fn insert_deliveries(
        &mut self,
        permit: &Permit<action::Create, resource::NotificationMessage>,
        deliveries: &[Delivery],
    ) -> Result<(), StoreError>;

    /// Begins an attempt on each of the first `limit` deliveries that are due, for as long as `lease`; never on what was handed over. Of several servers one gets
    /// each; nobody waits.
    fn claim(
        &mut self,
        permit: &Permit<action::Update, resource::NotificationMessage>,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<Delivery>, StoreError>;
    /// Writes that from now on it may be delivered without this server learning of it. `false` when the attempt is over: then it
    /// must not be delivered.
    fn hand_over(
        &mut self,
        permit: &Permit<action::Update, resource::NotificationMessage>,
        id: DeliveryId,
        attempt: u32,
    ) -> Result<bool, StoreError>;
    /// Removes a delivery whose attempt has succeeded; `false` when another attempt has begun since.
    fn finish(
        &mut self,
        permit: &Permit<action::Delete, resource::NotificationMessage>,
        id: DeliveryId,
        attempt: u32,
    ) -> Result<bool, StoreError>;
    /// Ends an attempt that failed: the next one is due after `pause`. `false` as in [`finish`](Self::finish).
    #[expect(clippy::needless_lifetimes, reason = "the mock needs a name for it")]
    fn postpone<'a>(
        &mut self,
        permit: &Permit<action::Update, resource::NotificationMessage>,
        id: DeliveryId,
        attempt: u32,
        pause: Duration,
        error: &'a str,
    ) -> Result<bool, StoreError>;
    /// Gives a delivery up. `false` as in [`finish`](Self::finish).
    #[expect(clippy::needless_lifetimes, reason = "the mock needs a name for it")]
    fn bury<'a>(
        &mut self,
        permit: &Permit<action::Update, resource::NotificationMessage>,
        id: DeliveryId,
        attempt: u32,
        error: &'a str,
    ) -> Result<bool, StoreError>;
    /// Gives those deliveries up that were handed over by an attempt of which nobody knows how it ended: for whoever takes over from
    /// a server that died. How many.
    #[expect(clippy::needless_lifetimes, reason = "the mock needs a name for it")]
    fn bury_lost<'a>(
        &mut self,
        permit: &Permit<action::Update, resource::NotificationMessage>,
        error: &'a str,
    ) -> Result<usize, StoreError>;
    /// Has those deliveries be due at once whose attempt has not handed them over: for whoever takes over from a server that died.
    /// An attempt that is under way nevertheless can hand nothing over afterwards, once another one has begun. How many.
    fn let_go(&mut self, permit: &Permit<action::Update, resource::NotificationMessage>) -> Result<usize, StoreError>;
    /// For how long nothing is due; `None` when nothing is on its way.
    fn due_in(&mut self) -> Result<Option<Duration>, StoreError>;

    /// The first `limit` deliveries that were given up, the last ones first.
    fn list_dead(&mut self, limit: u32) -> Result<Vec<DeadDelivery>, StoreError>;
    /// Has deliveries that were given up tried again, as if for the first time: this one, or all; how many.
    fn revive(
        &mut self,
        permit: &Permit<action::Update, resource::NotificationMessage>,
        id: Option<DeliveryId>,
    ) -> Result<usize, StoreError>;
    /// Whether there is anything to be told or delivered, now or later.
    fn is_busy(&mut self) -> Result<bool, StoreError>;
    /// How much there is to be done.
    fn backlog(&mut self) -> Result<Backlog, StoreError>;
}

/// Stores inboxes.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait InboxRepository {
    /// Adds notifications.
    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::InboxNotification>,
        notifications: &[InboxNotification],
    ) -> Result<(), StoreError>;
    /// The first `limit` notifications of a user that the filter lets through, the last ones first.
    fn list(&mut self, user: UserId, filter: &InboxFilter, limit: u32) -> Result<Vec<InboxNotification>, StoreError>;
    /// How many a user has not read.
    fn count_unread(&mut self, user: UserId) -> Result<u64, StoreError>;
    /// Writes when a notification of a user was read, or that it was not; `None` when the user has none of this id.
    fn mark(
        &mut self,
        permit: &Permit<action::Update, resource::InboxNotification>,
        user: UserId,
        id: InboxNotificationId,
        read_at: Option<Instant>,
    ) -> Result<Option<InboxNotification>, StoreError>;
    /// Writes that a user has read everything.
    fn mark_all(
        &mut self,
        permit: &Permit<action::Update, resource::InboxNotification>,
        user: UserId,
        now: Instant,
    ) -> Result<(), StoreError>;
}
