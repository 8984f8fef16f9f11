use crate::error::RowError;
use crate::schema::{provisioner_daemons, provisioner_keys};
use crate::types::{At, Hash, Id, Json};
use diesel::prelude::*;
use doorward_domain::ids::{OrganizationId, ProvisionerDaemonId, ProvisionerKeyId};
use doorward_domain::provisioners::{KeyName, ProvisionerDaemon, ProvisionerKey, ProvisionerType, Tags};
use std::collections::BTreeMap;

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = provisioner_keys)]
pub(crate) struct ProvisionerKeyRow {
    id: Id<ProvisionerKeyId>,
    created_at: At,
    organization_id: Id<OrganizationId>,
    name: String,
    digest: Hash,
    tags: Json<BTreeMap<String, String>>,
}

impl From<&ProvisionerKey> for ProvisionerKeyRow {
    fn from(key: &ProvisionerKey) -> Self {
        Self {
            id: Id(key.id),
            created_at: At(key.created_at),
            organization_id: Id(key.organization_id),
            name: key.name.as_str().to_owned(),
            digest: Hash(key.digest),
            tags: Json(key.tags.all().clone()),
        }
    }
}

impl From<ProvisionerKeyRow> for ProvisionerKey {
    fn from(row: ProvisionerKeyRow) -> Self {
        Self {
            id: row.id.0,
            created_at: row.created_at.0,
            organization_id: row.organization_id.0,
            name: KeyName::from_storage(row.name),
            digest: row.digest.0,
            tags: Tags::from_storage(row.tags.0),
        }
    }
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = provisioner_daemons)]
pub(crate) struct ProvisionerDaemonRow {
    id: Id<ProvisionerDaemonId>,
    organization_id: Id<OrganizationId>,
    key_id: Id<ProvisionerKeyId>,
    name: String,
    owner: String,
    created_at: At,
    last_seen_at: At,
    version: String,
    api_version: String,
    /// Their names, separated by single spaces.
    provisioners: String,
    tags: Json<BTreeMap<String, String>>,
}

impl From<&ProvisionerDaemon> for ProvisionerDaemonRow {
    fn from(daemon: &ProvisionerDaemon) -> Self {
        let provisioners: Vec<&str> = daemon.provisioners.iter().map(|kind| kind.as_str()).collect();
        Self {
            id: Id(daemon.id),
            organization_id: Id(daemon.organization_id),
            key_id: Id(daemon.key_id),
            name: daemon.name.clone(),
            owner: daemon.tags.owner().to_owned(),
            created_at: At(daemon.created_at),
            last_seen_at: At(daemon.last_seen_at),
            version: daemon.version.clone(),
            api_version: daemon.api_version.clone(),
            provisioners: provisioners.join(" "),
            tags: Json(daemon.tags.all().clone()),
        }
    }
}

impl TryFrom<ProvisionerDaemonRow> for ProvisionerDaemon {
    type Error = RowError;

    fn try_from(row: ProvisionerDaemonRow) -> Result<Self, RowError> {
        let kinds = row.provisioners.split_whitespace().map(str::parse::<ProvisionerType>);
        let bad = |column| RowError::new("provisioner_daemons", column, row.id.0);
        Ok(Self {
            id: row.id.0,
            organization_id: row.organization_id.0,
            key_id: row.key_id.0,
            provisioners: kinds.collect::<Result<_, _>>().map_err(|cause| bad("provisioners").because(cause))?,
            name: row.name,
            created_at: row.created_at.0,
            last_seen_at: row.last_seen_at.0,
            version: row.version,
            api_version: row.api_version,
            tags: Tags::from_storage(row.tags.0),
        })
    }
}
