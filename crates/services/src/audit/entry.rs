//! The one way into the audit log.

use super::Diff;
use super::tracked::Snapshot;
use crate::deed::{Deed, Recorded};
use crate::principal::Who;
use doorward_domain::Instant;
use doorward_domain::audit::{AuditAction, AuditRecord, AuditResource};
use doorward_domain::entitlements::Feature;
use doorward_domain::ids::{AuditId, OrganizationId, UserId};
use doorward_domain::roles::{System, action, resource};
use doorward_ports::StoreError;
use serde_json::{Map, Value};
use uuid::Uuid;

/// A thing of which the audit log speaks.
pub(crate) trait Audited {
    /// Its kind.
    fn kind(&self) -> AuditResource;

    /// Its id, as clients know it.
    fn id(&self) -> String;

    /// What people call it.
    fn target(&self) -> String;

    /// The organization it belongs to: its auditors read the record.
    fn organization(&self) -> Option<OrganizationId> {
        None
    }

    /// What a reader of the record wants to know besides the changed fields.
    fn about(&self) -> Map<String, Value> {
        Map::new()
    }

    /// The status of an answer that says that it was ended.
    fn ended_status(&self) -> u16 {
        200
    }

    /// The fields whose changes are recorded: always the same ones, in the same order.
    fn tracked(&self) -> Snapshot;
}

/// An audit record that is being written.
#[must_use]
pub(crate) struct Entry<'d, 'a> {
    deed: &'d mut Deed<'a>,
    user_id: Option<UserId>,
    request_id: Option<Uuid>,
    organization: Option<OrganizationId>,
    time: Instant,
    status: Option<u16>,
    about: Map<String, Value>,
    diff: Diff,
}

impl<'d, 'a> Entry<'d, 'a> {
    pub(crate) fn new(deed: &'d mut Deed<'a>) -> Self {
        let (user_id, request_id, time) = (deed.by.user_id(), deed.by.origin.request_id, deed.now);
        let about = deed.by.about().map(|who| Map::from_iter([("actor".to_owned(), who)])).unwrap_or_default();
        let mut about = about;
        if let Who::ScimClient { .. } = deed.by.who {
            // As Coder marks what nobody did by hand.
            about.extend(
                [("automatic_actor", "coder"), ("automatic_subsystem", "scim")]
                    .map(|(key, value)| (key.to_owned(), value.into())),
            );
        }
        Self { deed, user_id, request_id, organization: None, time, status: None, about, diff: Diff::default() }
    }

    /// The status of the answer, where it is not the usual one.
    pub(crate) fn answering(self, status: u16) -> Self {
        Self { status: Some(status), ..self }
    }

    /// Whose deed it is, where that is not the principal: a user who signs in, or whose app presents a code.
    pub(crate) fn of_user(self, id: Option<UserId>) -> Self {
        Self { user_id: id, ..self }
    }

    /// The organization it concerns, where the thing does not say so.
    pub(crate) fn within(self, organization: Option<OrganizationId>) -> Self {
        Self { organization, ..self }
    }

    /// The job that does it, in the place of the request.
    pub(crate) fn of_job(self, job: Uuid) -> Self {
        Self { request_id: Some(job), ..self }
    }

    /// When it happened, if not now.
    pub(crate) fn at(self, time: Instant) -> Self {
        Self { time, ..self }
    }

    /// Adds what a reader of the record wants to know besides the changed fields.
    pub(crate) fn with(mut self, about: Map<String, Value>) -> Self {
        self.about.extend(about);
        self
    }

    /// Adds changes that the tracked fields do not show.
    pub(crate) fn plus(self, diff: Diff) -> Self {
        Self { diff: self.diff.and(diff), ..self }
    }

    /// Writes that this was made.
    pub(crate) fn made(self, new: &impl Audited) -> Result<Recorded, StoreError> {
        let status = self.status.unwrap_or(201);
        self.noted(AuditAction::Create, status, new, Diff::created(new))
    }

    /// Writes that `old` became `new`.
    pub(crate) fn changed<T: Audited>(self, old: &T, new: &T) -> Result<Recorded, StoreError> {
        let status = self.status.unwrap_or(200);
        self.noted(AuditAction::Write, status, new, Diff::between(old, new))
    }

    /// Writes that this was ended.
    pub(crate) fn ended(self, old: &impl Audited) -> Result<Recorded, StoreError> {
        let status = self.status.unwrap_or_else(|| old.ended_status());
        self.noted(AuditAction::Delete, status, old, Diff::deleted(old))
    }

    /// Writes that something else was done to this.
    pub(crate) fn noted(
        self,
        action: AuditAction,
        status_code: u16,
        thing: &impl Audited,
        diff: Diff,
    ) -> Result<Recorded, StoreError> {
        let Self { deed, user_id, request_id, organization, time, mut about, diff: more, .. } = self;
        // Nothing is refused for want of a licence for the log; it is not written. That a licence comes or goes is, for it says why the log
        // begins or ends.
        if !deed.licensed.contains(Feature::AuditLog) && thing.kind() != AuditResource::License {
            return Ok(Recorded::receipt());
        }
        about.extend(thing.about());
        let permit = System::because("what is done leaves a record").permit::<action::Create, resource::AuditLog>();
        let record = AuditRecord {
            id: deed.new_id::<AuditId>(),
            time,
            user_id,
            organization_id: organization.or_else(|| thing.organization()),
            ip: deed.by.origin.ip.clone(),
            user_agent: deed.by.origin.user_agent.clone(),
            resource_type: thing.kind(),
            resource_id: thing.id(),
            resource_target: thing.target(),
            action,
            diff: diff.and(more).into_json(),
            status_code,
            additional_fields: Value::Object(about),
            request_id,
        };
        deed.repos.audit().insert(&permit, &record)?;
        Ok(Recorded::receipt())
    }
}
