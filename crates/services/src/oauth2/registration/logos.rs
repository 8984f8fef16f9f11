//! Logos that clients name when they register themselves, where the settings say that they are shown.

use crate::oauth2::app_rules::fetch_logo;
use crate::{Context, Error, Principal};
use doorward_domain::ids::AppId;
use doorward_domain::openid::link_defect;
use doorward_domain::roles::System;

const WHY: &str = "a client names its logo";

/// Keeps the logo that is at this URL, or none. What cannot be fetched is left out: the client is registered all the same.
pub(super) async fn keep(ctx: &Context, app: AppId, logo_uri: Option<&str>) {
    if !ctx.settings.oauth2.registration.show_logos {
        return;
    }
    if let Err(error) = replace(ctx, app, logo_uri).await {
        tracing::info!(%app, %error, "the logo of a client that registered itself is not shown");
    }
}

async fn replace(ctx: &Context, app: AppId, logo_uri: Option<&str>) -> Result<(), Error> {
    let rules = ctx.read(move |repos| Ok::<_, Error>(repos.openid().find_rules(app)?)).await?;
    let known = rules.unwrap_or_default().profile.logo;
    // Empty: none.
    let named = logo_uri.filter(|uri| link_defect(uri).is_none()).unwrap_or_default();
    if known.as_ref().is_some_and(|known| known.fetched_from == named) {
        return Ok(());
    }
    let logo = match fetch_logo(ctx, Some(named), known.as_ref()).await {
        Ok(logo) => logo,
        // That of before is not what the client names now.
        Err(_) if known.is_some() => fetch_logo(ctx, Some(""), known.as_ref()).await?,
        Err(error) => return Err(error),
    };
    ctx.act(&Principal::system(WHY), move |deed| {
        let client = deed.repos.registrations().find_for_update(app)?;
        if client.is_some_and(|client| !client.adopted) {
            let mut rules = deed.repos.openid().find_rules(app)?.unwrap_or_default();
            logo.store(deed, app, &mut rules)?;
            deed.repos.openid().update_rules(&System::because(WHY).permit(), app, &rules)?;
        }
        Ok::<_, Error>(deed.unrecorded("the registration is what somebody did", ()))
    })
    .await
}
