//! What use cases tell: rows that are written with the rest of their transaction, see [`notifications`](crate::notifications).

use doorward_domain::Instant;
use doorward_domain::ids::NotificationTemplateId;
use doorward_domain::notifications::{Audience, Matter, Notice};
use doorward_domain::roles::{System, action, resource};
use doorward_ports::bus::Event;
use doorward_ports::{Bus, Random, Repositories, StoreError};

/// The topic of the bus on which servers are told that there is something to be told.
pub(crate) const WAKES_ON: &str = "notifications";

/// Something that a use case has people told.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) template_id: NotificationTemplateId,
    pub(crate) audience: Audience,
    pub(crate) matter: Matter,
    /// When it is of no use any more.
    pub(crate) expires_at: Option<Instant>,
}

impl Told {
    /// In these words, to these people, about this.
    pub(crate) fn new(template_id: NotificationTemplateId, audience: Audience, matter: Matter) -> Self {
        Self { template_id, audience, matter, expires_at: None }
    }
}

/// Writes what is to be told, in one statement.
pub(crate) fn write(
    repos: &mut dyn Repositories,
    random: &dyn Random,
    now: Instant,
    told: Vec<Told>,
) -> Result<(), StoreError> {
    let notices = told.into_iter().map(|told| Notice {
        id: random.id(now),
        template_id: told.template_id,
        audience: told.audience,
        matter: told.matter,
        created_at: now,
        expires_at: told.expires_at,
    });
    let notices: Vec<Notice> = notices.collect();
    let permit =
        System::because("people are told what was done").permit::<action::Create, resource::NotificationMessage>();
    repos.notifications().enqueue(&permit, &notices)
}

/// Has the server that delivers look at once.
pub(crate) fn wake(bus: &Bus) {
    match Event::new(WAKES_ON, "") {
        Ok(event) => bus.publish(event),
        Err(error) => tracing::debug!(%error, "nobody is woken up; what is to be told is found at the next look"),
    }
}
