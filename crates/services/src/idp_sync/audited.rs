//! What the audit log says of sync settings.

use crate::audit::{Audited, Snapshot};
use doorward_domain::audit::AuditResource;
use doorward_domain::idp_sync::{GroupSync, OrganizationSync, RoleSync};
use doorward_domain::ids::OrganizationId;
use doorward_domain::organizations::Organization;
use serde_json::Value;
use uuid::Uuid;

/// What clients know as the id of every sync setting.
const ID: Uuid = Uuid::from_u128(0x51a5_1c00_0000_0000_0000_0000_0000_0000);

/// A kind of sync settings.
pub(super) trait Kind: serde::Serialize {
    /// Its name in the audit log.
    const KIND: AuditResource;
    /// The fields that are followed.
    const FIELDS: &'static [&'static str];
}

impl Kind for OrganizationSync {
    const KIND: AuditResource = AuditResource::IdpSyncSettingsOrganization;
    const FIELDS: &'static [&'static str] = &["field", "mapping", "organization_assign_default"];
}

impl Kind for GroupSync {
    const KIND: AuditResource = AuditResource::IdpSyncSettingsGroup;
    const FIELDS: &'static [&'static str] = &[
        "field",
        "mapping",
        "regex_filter",
        "auto_create_missing_groups",
        // Ours.
        "legacy_group_name_mapping",
    ];
}

impl Kind for RoleSync {
    const KIND: AuditResource = AuditResource::IdpSyncSettingsRole;
    const FIELDS: &'static [&'static str] = &["field", "mapping"];
}

/// Settings, and the organization they are of.
pub(super) struct Stored<'s, S> {
    settings: &'s S,
    place: Option<&'s Organization>,
}

impl<'s, S> Stored<'s, S> {
    pub(super) const fn new(settings: &'s S, place: Option<&'s Organization>) -> Self {
        Self { settings, place }
    }
}

impl<S: Kind> Audited for Stored<'_, S> {
    fn kind(&self) -> AuditResource {
        S::KIND
    }

    fn id(&self) -> String {
        ID.to_string()
    }

    fn target(&self) -> String {
        self.place.map(|organization| organization.name.to_string()).unwrap_or_default()
    }

    fn organization(&self) -> Option<OrganizationId> {
        self.place.map(|organization| organization.id)
    }

    fn tracked(&self) -> Snapshot {
        // As they are shown, which cannot fail: keys are texts.
        let shown = serde_json::to_value(self.settings).unwrap_or_default();
        let value = |field: &str| shown.get(field).cloned().unwrap_or(Value::Null);
        S::FIELDS.iter().fold(Snapshot::default(), |snapshot, field| snapshot.field(field, value(field)))
    }
}
