//! The deployment in figures that cost little to know.

use crate::{Context, Error, Principal};
use doorward_domain::Instant;
use doorward_domain::page::Page;
use doorward_domain::roles::{Action, Object, ResourceType, resource};
use doorward_domain::users::{UserFilter, UserStatus};
use doorward_ports::sessions::{SESSIONS_COUNT_MAX, SessionFilter};

/// A number that is counted up to a bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounded {
    /// The number, or the bound.
    pub count: u64,
    /// Whether there are no more.
    pub is_exact: bool,
}

/// The deployment in figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overview {
    /// When they were taken.
    pub collected_at: Instant,
    /// Users who were seen of late.
    pub active: u64,
    /// Users who have not been seen for long, or not yet.
    pub dormant: u64,
    /// Users who may not sign in.
    pub suspended: u64,
    /// Living sessions.
    pub sessions: Bounded,
}

/// The deployment in figures. None of them grows with the deployment: users are counted as they come and go, the rest up to a bound.
///
/// Needs `deployment_stats:read`: they are of the whole deployment, whomever else the caller may read. Errors: `Forbidden`.
pub async fn overview(ctx: &Context, by: &Principal) -> Result<Overview, Error> {
    by.subject.check(Action::Read, &Object::of::<resource::DeploymentStats>())?;
    ctx.look(by, |look| {
        let everybody = Principal::system("figures of the deployment are about all of it").subject;
        let visible = |kind| everybody.list_filter(Action::Read, kind);
        let (users, keys) = (visible(ResourceType::User), visible(ResourceType::ApiKey));
        let first = Page { limit: Some(1), ..Page::default() };
        let mut of = |status| {
            let filter = UserFilter { statuses: vec![status], ..UserFilter::default() };
            Ok::<_, Error>(look.repos.users().list(&filter, &users, first)?.count)
        };
        let (active, dormant) = (of(UserStatus::Active)?, of(UserStatus::Dormant)?);
        let suspended = of(UserStatus::Suspended)?;
        let filter = SessionFilter { limit: 1, ..SessionFilter::default() };
        let sessions = look.repos.sessions().list(&filter, &keys, look.now)?.unwrap_or_default().count;
        Ok(Overview {
            collected_at: look.now,
            active,
            dormant,
            suspended,
            sessions: Bounded { count: sessions, is_exact: sessions < u64::from(SESSIONS_COUNT_MAX) },
        })
    })
    .await
}
