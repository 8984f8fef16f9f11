//! Quiet hours (`enterprise-identity.md` 5).

use crate::Principal;
use crate::audit::{Audited, Snapshot};
use crate::context::Context;
use crate::error::{Error, FieldError};
use crate::settings::QuietHoursSettings;
use crate::users::caller::with_caller_and;
use crate::users::reference::{resolve, resolve_live};
use crate::users::{UserRef, access};
use doorward_domain::audit::AuditResource;
use doorward_domain::quiet_hours::DailySchedule;
use doorward_domain::roles::{Action, action, resource};
use doorward_domain::users::User;
use time::OffsetDateTime;

/// The quiet hours of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuietHours {
    /// When they start on each day.
    pub schedule: DailySchedule,
    /// Whether the user chose that.
    pub user_set: bool,
    /// Whether users may choose.
    pub user_can_set: bool,
    /// The first start after now, with the offset of the zone; `None` after the year 9999.
    pub next: Option<OffsetDateTime>,
}

impl QuietHours {
    /// What holds for a user who chose this.
    fn new(settings: &QuietHoursSettings, chosen: Option<DailySchedule>, now: OffsetDateTime) -> Result<Self, Error> {
        let default = settings.default_schedule.as_ref().ok_or(Error::NotFound)?;
        let chosen = chosen.filter(|_schedule| settings.user_can_set);
        let user_set = chosen.is_some();
        let schedule = chosen.unwrap_or_else(|| default.clone());
        Ok(Self { user_set, user_can_set: settings.user_can_set, next: schedule.next_after(now), schedule })
    }
}

/// A user with the schedule that it chose, as the audit log sees it.
struct Chosen<'u> {
    user: &'u User,
    schedule: Option<&'u DailySchedule>,
}

impl Audited for Chosen<'_> {
    fn kind(&self) -> AuditResource {
        AuditResource::User
    }

    fn id(&self) -> String {
        self.user.id.to_string()
    }

    fn target(&self) -> String {
        self.user.username.to_string()
    }

    fn tracked(&self) -> Snapshot {
        let schedule = self.schedule.map(ToString::to_string).unwrap_or_default();
        Snapshot::default().field("quiet_hours_schedule", schedule)
    }
}

/// The quiet hours of a user.
///
/// Needs `user:read`; everybody may read their own. Errors: `NotFound` (the deployment has no quiet hours), `UserNotFound`
/// (missing or not readable), `Forbidden` (only the scope is too short).
pub async fn find(ctx: &Context, actor: &Principal, user: &UserRef) -> Result<QuietHours, Error> {
    let (reference, settings) = (user.clone(), ctx.settings.quiet_hours.clone());
    ctx.look(actor, move |look| {
        let user = resolve(look.repos, look.by, &reference)?;
        // Oneself too: a credential may not be meant to tell about its user.
        access::may(look.by, Action::Read, &access::user(user.id))
            .map_err(|denied| Error::UserNotFound.unless_scope_is_short(denied))?;
        QuietHours::new(&settings, look.repos.quiet_hours().find(user.id)?, look.now)
    })
    .await
}

/// Chooses the schedule of a user. Blanks alone take the choice back. What is chosen holds from the next time on that a
/// workspace is started.
///
/// Needs `user:update_personal`. Errors: `Invalid` (`schedule`), `NotFound` (the deployment has no quiet hours),
/// `UserNotFound` (missing, deleted or not readable), `Forbidden`, `Refused` (users may not choose).
pub async fn update(ctx: &Context, actor: &Principal, user: &UserRef, schedule: &str) -> Result<QuietHours, Error> {
    if schedule.is_empty() {
        return Err(Error::invalid_field("schedule", "required"));
    }
    let wanted = match schedule.trim() {
        "" => None,
        text => Some(text.parse::<DailySchedule>().map_err(|error| {
            let told = vec![FieldError::new("schedule", error.to_string())];
            Error::invalid_fields("The schedule of the quiet hours cannot be read.", told)
        })?),
    };
    let (reference, settings) = (user.clone(), ctx.settings.quiet_hours.clone());
    ctx.act(actor, move |deed| {
        let id = resolve_live(deed.repos, deed.by, &reference)?.id;
        with_caller_and(deed, id, |deed, actor, user| {
            let permit = access::permit::<action::UpdatePersonal, resource::User>(actor, &access::user(id))?;
            if settings.default_schedule.is_none() {
                return Err(Error::NotFound);
            }
            if !settings.user_can_set {
                return Err(Error::Refused("Users cannot set custom quiet hours schedule.".to_owned()));
            }
            let old = deed.repos.quiet_hours().find(id)?;
            deed.repos.quiet_hours().update(&permit, id, wanted.as_ref())?;
            let chosen = |schedule| Chosen { user: &user, schedule };
            let recorded = deed.changed(&chosen(old.as_ref()), &chosen(wanted.as_ref()))?;
            Ok(recorded.answer(QuietHours::new(&settings, wanted, deed.now)?))
        })
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::testing::{actor, ann, bob, context_with, expect_audit, owner, repos_of, settings};
    use doorward_ports::mocks::MockRepositories;
    use time::macros::datetime;

    const MORNING: &str = "CRON_TZ=Europe/Berlin 30 6 * * *";

    fn with_chosen(mut repos: MockRepositories, chosen: Option<&'static str>) -> MockRepositories {
        repos.quiet_hours.expect_find().returning(move |_| Ok(chosen.map(|text| text.parse().unwrap())));
        repos
    }

    #[tokio::test]
    async fn who_has_chosen_nothing_has_the_default() {
        let me = actor().build();
        let ctx = context_with(with_chosen(repos_of(&me, &[ann()]), None), settings());
        let hours = find(&ctx, &me, &UserRef::Me).await.unwrap();
        assert_eq!((hours.schedule.to_string().as_str(), hours.user_set), ("CRON_TZ=UTC 0 0 * * *", false));
        assert_eq!(hours.next, Some(datetime!(2026-03-05 00:00 UTC)));
    }

    #[tokio::test]
    async fn what_is_chosen_holds_while_users_may_choose() {
        let me = actor().build();
        let with = |user_can_set| {
            let mut settings = settings();
            settings.quiet_hours.user_can_set = user_can_set;
            context_with(with_chosen(repos_of(&me, &[ann()]), Some(MORNING)), settings)
        };
        let hours = find(&with(true), &me, &UserRef::Me).await.unwrap();
        assert_eq!((hours.schedule.to_string().as_str(), hours.user_set), (MORNING, true));
        assert_eq!(hours.next, Some(datetime!(2026-03-04 06:30 +1)));
        let hours = find(&with(false), &me, &UserRef::Me).await.unwrap();
        assert_eq!((hours.schedule.timezone(), hours.user_set, hours.user_can_set), ("UTC", false, false));
        let refused = update(&with(false), &me, &UserRef::Me, MORNING).await.unwrap_err();
        assert!(matches!(refused, Error::Refused(text) if text.contains("cannot set custom quiet hours schedule")));
    }

    #[tokio::test]
    async fn a_choice_is_stored_in_normal_form_and_blanks_take_it_back() {
        for (text, stored) in [(" CRON_TZ=europe/berlin  30 06 * * *", Some(MORNING)), ("  ", None)] {
            let me = actor().build();
            let mut repos = with_chosen(repos_of(&me, &[ann()]), Some("0 0 * * *"));
            repos
                .quiet_hours
                .expect_update()
                .withf(move |_, user, schedule| {
                    *user == ann().id && schedule.map(ToString::to_string).as_deref() == stored
                })
                .times(1)
                .returning(|_, _, _| Ok(()));
            expect_audit(&mut repos, "write", 200);
            let hours = update(&context_with(repos, settings()), &me, &UserRef::Me, text).await.unwrap();
            assert_eq!(hours.user_set, stored.is_some());
        }
    }

    #[tokio::test]
    async fn a_bad_schedule_is_refused_before_anything_is_asked() {
        for text in ["", "@daily", "* * * * *"] {
            let ctx = context_with(MockRepositories::default(), settings());
            let refused = update(&ctx, &actor().build(), &UserRef::Me, text).await.unwrap_err();
            assert!(matches!(refused, Error::Invalid { fields, .. } if fields[0].field == "schedule"));
        }
    }

    #[tokio::test]
    async fn others_need_permission_and_a_deployment_without_quiet_hours_has_none() {
        let me = actor().build();
        let ctx = context_with(repos_of(&me, &[ann(), bob()]), settings());
        assert!(matches!(find(&ctx, &me, &UserRef::Id(bob().id)).await, Err(Error::UserNotFound)));
        assert!(matches!(update(&ctx, &me, &UserRef::Id(bob().id), MORNING).await, Err(Error::UserNotFound)));

        let mut none = settings();
        none.quiet_hours.default_schedule = None;
        let owner = owner().build();
        let ctx = context_with(with_chosen(repos_of(&owner, &[ann()]), Some(MORNING)), none);
        assert!(matches!(find(&ctx, &owner, &UserRef::Id(ann().id)).await, Err(Error::NotFound)));
        assert!(matches!(update(&ctx, &owner, &UserRef::Id(ann().id), MORNING).await, Err(Error::NotFound)));
    }
}
