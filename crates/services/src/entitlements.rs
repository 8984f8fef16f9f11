//! What licences entitle this deployment to (`enterprise-platform.md` 2).
//!
//! Each server works it out and remembers it ([`Licensing`]), so that a request asks its memory only. It reads licences anew when
//! one was added or removed, here or elsewhere, when somebody asks for it, and now and then ([`watch`]). That a licence begins or ends
//! by time needs no reading: it is seen at the next question.

pub(crate) mod licensing;
pub(crate) mod settings;
#[cfg(test)]
mod tests;

pub use licensing::Licensing;
pub use settings::{LicensingMode, LicensingSettings, TrustedKeySetting};

use crate::users::access;
use crate::{Context, Error, Principal};
use doorward_domain::entitlements::{Feature, Features, HeldLicense, Surroundings};
use doorward_domain::licenses::read;
use doorward_domain::replicas::FRESH;
use doorward_domain::roles::{Action, Object, resource};
use doorward_ports::bus::Event;
use time::Duration;

/// The topic of the bus under which servers ask each other to read licences anew.
const TOPIC: &str = "entitlements";
/// How often it is looked whether a licence was added or removed.
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_millis(250);
/// How often licences and users are read in any case.
const READ_EVERY: std::time::Duration = std::time::Duration::from_mins(10);
/// Pause after a reading that failed.
const AWAY: std::time::Duration = std::time::Duration::from_secs(2);
/// Between two readings that somebody asks for.
const PAUSE: Duration = Duration::MINUTE;

/// What the settings of this server always switch on.
const ALWAYS_ON: [Feature; 8] = [
    Feature::AuditLog,
    Feature::TemplateRbac,
    Feature::AdvancedTemplateScheduling,
    Feature::WorkspaceProxy,
    Feature::UserRoleManagement,
    Feature::AccessControl,
    Feature::ControlSharedPorts,
    Feature::ExternalProvisionerDaemons,
];

/// Reads licences and users anew. What cannot be read leaves everything as it is.
pub async fn reload(ctx: &Context) -> Result<(), Error> {
    let licensing = &ctx.licensing.0;
    let (since, now, mode) = (licensing.log.now(), ctx.clock.now(), licensing.mode);
    let (stored, active_users, servers) = ctx
        .read(move |repos| {
            let stored = match mode {
                LicensingMode::Unlimited => Vec::new(),
                LicensingMode::Enforced => repos.licenses().list_live(now)?,
            };
            let servers = repos.replicas().list_live(FRESH)?.iter().filter(|server| server.counts_at(now)).count();
            Ok::<_, Error>((stored, repos.licenses().count_active_users()?, servers))
        })
        .await?;
    let held = stored.iter().map(|license| HeldLicense {
        uuid: license.uuid,
        terms: read(&license.token, &licensing.trusted).map_err(|defect| defect.to_string()),
    });
    let around = Surroundings {
        active_users,
        // This one is there, though it may have started just now.
        servers: u64::try_from(servers).unwrap_or(u64::MAX).max(1),
        // There are no providers of tokens for workspaces.
        external_auth_providers: 0,
        configured: configured(ctx),
    };
    ctx.licensing.keep(held.collect(), around, now, since);
    Ok(())
}

/// What the settings switch on.
fn configured(ctx: &Context) -> Features {
    let scim = &ctx.settings.scim;
    let has_directories = scim.organization_directories || !scim.key.expose().is_empty();
    let scim = has_directories.then_some(Feature::Scim);
    let sealing = ctx.keys.are_sealed().then_some(Feature::ExternalTokenEncryption);
    let browser_only = ctx.settings.workspaces.browser_only.then_some(Feature::BrowserOnly);
    ALWAYS_ON.into_iter().chain(scim).chain(sealing).chain(browser_only).collect()
}

/// A licence was added or removed here: it counts at once. When it cannot be read now, [`watch`] does so soon.
pub(crate) async fn changed(ctx: &Context) {
    if let Err(error) = reload(ctx).await {
        tracing::warn!(%error, "what licences give cannot be read yet");
    }
}

/// Reads licences and users anew whenever there is a reason to, for as long as the server runs.
pub async fn watch(ctx: Context) {
    let mut wakes = ctx.bus.subscribe(TOPIC);
    let mut read_at = std::time::Instant::now();
    loop {
        let woken = tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => false,
            _heard = wakes.next() => true,
        };
        if !woken && !ctx.licensing.may_have_changed() && read_at.elapsed() < READ_EVERY {
            continue;
        }
        wakes.skip();
        while let Err(error) = reload(&ctx).await {
            tracing::debug!(%error, "cannot read what licences give now");
            tokio::time::sleep(AWAY).await;
        }
        read_at = std::time::Instant::now();
    }
}

/// What came of asking for a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// It was done.
    Done,
    /// The last one was just now; ask again after so long.
    TooSoon(Duration),
}

/// Reads licences and users anew, and has other servers do so, unless that was done within the last minute.
///
/// Needs `license:create`. Errors: `Forbidden`.
pub async fn refresh(ctx: &Context, actor: &Principal) -> Result<Refresh, Error> {
    access::may(actor, Action::Create, &Object::of::<resource::License>())?;
    let now = ctx.clock.now();
    let since = (now - ctx.licensing.current(now).refreshed_at).max(Duration::ZERO);
    if since < PAUSE {
        return Ok(Refresh::TooSoon(PAUSE - since));
    }
    reload(ctx).await?;
    if let Ok(event) = Event::new(TOPIC, "") {
        ctx.bus.publish(event);
    }
    Ok(Refresh::Done)
}
