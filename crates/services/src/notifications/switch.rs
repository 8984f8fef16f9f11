//! Whether notifications are paused.

use super::Changed;
use crate::audit::{Audited, Snapshot};
use crate::{Context, Error, Principal, runtime_settings};
use doorward_domain::audit::AuditResource;
use doorward_domain::notifications::NotifierSettings;
use doorward_domain::roles::{action, resource};
use doorward_ports::Repositories;
use uuid::Uuid;

/// The settings, under a random id: the audit log wants one, and there is none.
struct Recorded(NotifierSettings, Uuid);

impl Audited for Recorded {
    fn kind(&self) -> AuditResource {
        AuditResource::NotificationsSettings
    }

    fn id(&self) -> String {
        self.1.to_string()
    }

    fn target(&self) -> String {
        String::new()
    }

    fn tracked(&self) -> Snapshot {
        Snapshot::default().field("notifier_paused", self.0.notifier_paused)
    }
}

/// What is stored, or the usual.
pub(super) fn current(repos: &mut dyn Repositories) -> Result<NotifierSettings, Error> {
    Ok(runtime_settings::find(repos, None)?.unwrap_or_default())
}

/// Whether notifications are paused. Everybody who is signed in may know.
pub async fn find_settings(ctx: &Context, by: &Principal) -> Result<NotifierSettings, Error> {
    ctx.look(by, |look| current(look.repos)).await
}

/// Pauses notifications, or has them go on. To write down what holds already is no change, but for the first time.
///
/// Needs `deployment_config:update`, if it is a change. Errors: `Forbidden`.
pub async fn update_settings(ctx: &Context, by: &Principal, wanted: NotifierSettings) -> Result<Changed, Error> {
    let stored = ctx.look(by, |look| Ok::<_, Error>(runtime_settings::find(look.repos, None)?)).await?;
    if stored == Some(wanted) {
        return Ok(Changed::No);
    }
    ctx.act(by, move |deed| {
        let permit = deed.by.permit_in::<action::Update, resource::DeploymentConfig>(None)?;
        let stored = runtime_settings::find_for_update::<NotifierSettings>(deed.repos, None)?;
        if stored == Some(wanted) {
            return Ok(deed.unrecorded("nothing changed", Changed::No));
        }
        runtime_settings::store(deed.repos, &permit, &wanted)?;
        let id = deed.new_id();
        let old = Recorded(stored.unwrap_or_default(), id);
        if !wanted.notifier_paused {
            deed.wake_notifier();
        }
        Ok(deed.changed(&old, &Recorded(wanted, id))?.answer(Changed::Yes))
    })
    .await
}
