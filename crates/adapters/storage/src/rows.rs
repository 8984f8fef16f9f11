//! Rows as they are stored, and how they become entities.

mod audit;
mod device_authorizations;
mod factors;
mod files;
mod groups;
mod keys;
mod licenses;
mod notifications;
mod oauth2;
mod organizations;
mod provisioner_jobs;
mod provisioners;
mod pushed_requests;
mod registrations;
mod replicas;
mod scim;
mod sessions;
mod template_versions;
mod templates;
mod user_links;
mod users;
mod workspace_proxies;
mod workspaces;

pub(crate) use audit::AuditRow;
pub(crate) use device_authorizations::{DeviceAuthorizationRow, PENDING as PENDING_DEVICE, decided as decided_device};
pub(crate) use factors::{ProofRow, TotpRow};
pub(crate) use files::FileRow;
pub(crate) use groups::{FoundRow, GroupRow, ReducedUserRow};
pub(crate) use keys::CryptoKeyRow;
pub(crate) use licenses::{LicenseRow, NewLicenseRow};
pub(crate) use notifications::{DeliveryRow, InboxRow, NewDeliveryRow, PasscodeRow, dead as dead_delivery};
pub(crate) use oauth2::{AppLists, AppRow, CodeRow, GrantRow, SecretRow, app_limits, resources};
pub(crate) use organizations::{MemberUserRow, MembershipRow, OrganizationRow, RoleRow};
pub(crate) use provisioner_jobs::{JobRow, LogRow, NewLogRow, ResourceRow};
pub(crate) use provisioners::{ProvisionerDaemonRow, ProvisionerKeyRow};
pub(crate) use pushed_requests::PushedRequestRow;
pub(crate) use registrations::{InitialTokenRow, RegisteredClientRow};
pub(crate) use replicas::ReplicaRow;
pub(crate) use scim::{ScimGroupRow, ScimTokenRow, ScimUserRow};
pub(crate) use sessions::KeyRow;
pub(crate) use template_versions::VersionRow;
pub(crate) use templates::TemplateRow;
pub(crate) use user_links::{FederatedSessionRow, UserLinkRow};
pub(crate) use users::UserRow;
pub(crate) use workspace_proxies::WorkspaceProxyRow;
pub(crate) use workspaces::{BuildRow, WorkspaceRow};

use crate::error::RowError;
use doorward_domain::Instant;

/// The day of an expiry, counted from 1970 and rounded up: from that day on the row is dead.
pub(crate) fn purge_day(expiry: Instant) -> i32 {
    const DAY: i64 = 24 * 60 * 60;
    let seconds = expiry.unix_timestamp() + i64::from(expiry.nanosecond() > 0);
    i32::try_from(seconds.div_euclid(DAY) + i64::from(seconds.rem_euclid(DAY) > 0)).unwrap_or(i32::MAX)
}

/// Turns rows into entities, up to the first that is none.
pub(crate) fn entities<R, E>(rows: Vec<R>) -> Result<Vec<E>, RowError>
where
    E: TryFrom<R, Error = RowError>,
{
    rows.into_iter().map(E::try_from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::Duration;

    #[test]
    fn days_are_rounded_up() {
        let midnight = Instant::UNIX_EPOCH + Duration::DAY;
        assert_eq!(purge_day(midnight), 1);
        assert_eq!(purge_day(midnight + Duration::MICROSECOND), 2);
        assert_eq!(purge_day(midnight - Duration::MICROSECOND), 1);
        assert_eq!(purge_day(Instant::UNIX_EPOCH - Duration::HOUR), 0);
    }
}
