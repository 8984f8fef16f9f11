use crate::schema::workspace_proxies;
use crate::types::{At, Hash, Id};
use diesel::prelude::*;
use doorward_domain::ids::WorkspaceProxyId;
use doorward_domain::names::ProxyName;
use doorward_domain::workspace_proxies::WorkspaceProxy;

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = workspace_proxies)]
pub(crate) struct WorkspaceProxyRow {
    id: Id<WorkspaceProxyId>,
    name: String,
    name_key: String,
    display_name: String,
    icon: String,
    url: String,
    wildcard_hostname: String,
    derp_enabled: bool,
    derp_only: bool,
    version: String,
    region_number: i32,
    digest: Hash,
    created_at: At,
    updated_at: At,
    deleted: bool,
}

impl From<&WorkspaceProxy> for WorkspaceProxyRow {
    fn from(proxy: &WorkspaceProxy) -> Self {
        Self {
            id: Id(proxy.id),
            name: proxy.name.to_string(),
            name_key: proxy.name.key(),
            display_name: proxy.display_name.clone(),
            icon: proxy.icon.clone(),
            url: proxy.url.clone(),
            wildcard_hostname: proxy.wildcard_hostname.clone(),
            derp_enabled: proxy.derp_enabled,
            derp_only: proxy.derp_only,
            version: proxy.version.clone(),
            region_number: proxy.region_number,
            digest: Hash(proxy.digest),
            created_at: At(proxy.created_at),
            updated_at: At(proxy.updated_at),
            deleted: proxy.deleted,
        }
    }
}

impl From<WorkspaceProxyRow> for WorkspaceProxy {
    fn from(row: WorkspaceProxyRow) -> Self {
        Self {
            id: row.id.0,
            name: ProxyName::from_storage(row.name),
            display_name: row.display_name,
            icon: row.icon,
            url: row.url,
            wildcard_hostname: row.wildcard_hostname,
            derp_enabled: row.derp_enabled,
            derp_only: row.derp_only,
            version: row.version,
            region_number: row.region_number,
            digest: row.digest.0,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
            deleted: row.deleted,
        }
    }
}
