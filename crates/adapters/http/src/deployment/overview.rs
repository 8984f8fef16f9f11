//! The deployment in figures.

use crate::conventions::Api;
use crate::kit::answer::ok;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::json::Timestamp;
use crate::kit::rates::Rates;
use crate::kit::routes::Room;
use doorward_domain::Instant;
use doorward_services::Principal;
use doorward_services::deployment::{self, Bounded, Overview};
use serde::Serialize;
use utoipa::ToSchema;

pub(super) fn routes(r: &mut Room<'_, Api>) {
    r.user(__path_overview, overview).no_store();
}

/// The deployment in figures.
#[derive(Serialize, ToSchema)]
#[schema(as = DeploymentOverview)]
pub(crate) struct OverviewObject {
    collected_at: Timestamp,
    users: UsersObject,
    /// Living sessions.
    sessions: BoundedObject,
    last_hour: RatesObject,
}

/// How many users are in which state.
#[derive(Serialize, ToSchema)]
#[schema(as = OverviewUsers)]
pub(crate) struct UsersObject {
    active: u64,
    dormant: u64,
    suspended: u64,
}

/// A number that is counted up to a bound.
#[derive(Serialize, ToSchema)]
#[schema(as = BoundedCount)]
pub(crate) struct BoundedObject {
    count: u64,
    /// Whether there are no more.
    exact: bool,
}

/// What has happened in each of the last sixty minutes on the server that answers, the one of now last.
#[derive(Serialize, ToSchema)]
#[schema(as = OverviewRates)]
pub(crate) struct RatesObject {
    /// Answers of the token endpoint with tokens.
    tokens_issued: Vec<u64>,
    /// Sign-ins with a password.
    sign_ins: Vec<u64>,
    /// Those that were refused.
    failed_sign_ins: Vec<u64>,
}

impl From<Bounded> for BoundedObject {
    fn from(bounded: Bounded) -> Self {
        Self { count: bounded.count, exact: bounded.is_exact }
    }
}

fn rates(rates: &Rates, now: Instant) -> RatesObject {
    RatesObject {
        tokens_issued: rates.tokens.by_minute(now),
        sign_ins: rates.sign_ins.by_minute(now),
        failed_sign_ins: rates.failed_sign_ins.by_minute(now),
    }
}

/// Shows the deployment in figures: users by state and sessions, and what has happened in the last hour on the server that answers.
#[utoipa::path(
    get, path = "/api/v2/deployment/overview", tag = "deployment",
    responses((status = 200, body = OverviewObject)),
)]
pub(crate) async fn overview(call: Call, actor: Principal) -> HandlerResult {
    let figures: Overview = deployment::overview(call.context(), &actor).await?;
    Ok(ok(&OverviewObject {
        collected_at: figures.collected_at.into(),
        users: UsersObject { active: figures.active, dormant: figures.dormant, suspended: figures.suspended },
        sessions: figures.sessions.into(),
        last_hour: rates(&call.site.rates, figures.collected_at),
    }))
}
