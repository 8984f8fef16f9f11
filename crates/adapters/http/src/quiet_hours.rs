//! Quiet hours (`enterprise-identity.md` 5).

use crate::conventions::Api;
use crate::kit::answer::ok;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::json::Timestamp;
use crate::kit::routes::Routes;
use doorward_domain::entitlements::Feature;
use doorward_domain::roles::Action;
use doorward_services::Principal;
use doorward_services::intent::Intent;
use doorward_services::quiet_hours::{self, QuietHours};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_find, find).needs_first(Feature::AdvancedTemplateScheduling);
    r.user(__path_update, update).needs_first(Feature::AdvancedTemplateScheduling);
}

/// When, on each day, the workspaces of a user may be stopped for maintenance.
#[derive(Serialize, ToSchema)]
#[schema(as = UserQuietHoursScheduleResponse)]
pub(crate) struct QuietHoursObject {
    /// In normal form: `CRON_TZ=<zone> <minute> <hour> * * *`.
    raw_schedule: String,
    /// Whether the user chose it.
    user_set: bool,
    /// Whether users may choose.
    user_can_set: bool,
    /// The start, as `HH:MM`, by the clocks of the zone.
    time: String,
    timezone: String,
    /// The next start, with the offset of the zone.
    next: Timestamp,
}

impl From<QuietHours> for QuietHoursObject {
    fn from(hours: QuietHours) -> Self {
        Self {
            raw_schedule: hours.schedule.to_string(),
            user_set: hours.user_set,
            user_can_set: hours.user_can_set,
            time: hours.schedule.time(),
            timezone: hours.schedule.timezone().to_owned(),
            next: Timestamp::in_its_zone(hours.next),
        }
    }
}

/// Shows the quiet hours of a user.
#[utoipa::path(
    get, path = "/api/v2/users/{user}/quiet-hours", tag = "quiet-hours",
    params(("user" = String, Path, description = "Id, name or `me`")),
    responses((status = 200, body = QuietHoursObject)),
)]
pub(crate) async fn find(call: Call, actor: Principal) -> HandlerResult {
    let hours = quiet_hours::find(call.context(), &actor, &call.user()).await?;
    Ok(ok(&QuietHoursObject::from(hours)))
}

/// A schedule.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = UpdateUserQuietHoursScheduleRequest)]
pub(crate) struct UpdateQuietHours {
    /// Minute and hour of each day, as in `CRON_TZ=Europe/Berlin 30 2 * * *`; without a zone, UTC. Blanks alone take the choice
    /// back.
    #[schema(required)]
    schedule: String,
}

/// Chooses the quiet hours of a user.
#[utoipa::path(
    put, path = "/api/v2/users/{user}/quiet-hours", tag = "quiet-hours",
    params(("user" = String, Path, description = "Id, name or `me`")),
    request_body = UpdateQuietHours,
    responses((status = 200, body = QuietHoursObject)),
)]
pub(crate) async fn update(mut call: Call, actor: Principal) -> HandlerResult {
    let body: UpdateQuietHours = call.json_for(&actor, Intent::User(call.user(), Action::UpdatePersonal)).await?;
    let hours = quiet_hours::update(call.context(), &actor, &call.user(), &body.schedule).await?;
    Ok(ok(&QuietHoursObject::from(hours)))
}
