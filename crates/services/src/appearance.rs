//! How the deployment looks (`enterprise-platform.md` 3): what it is called, its logo, what it announces, and where people find help.

mod looks;
mod settings;

#[cfg(test)]
mod tests;

pub use looks::Looks;
pub use settings::AppearanceSettings;

use crate::users::fields::Fields;
use crate::{Context, Error, Principal, runtime_settings};
use doorward_domain::appearance::{
    Appearance, BANNERS_MAX, Banner, Color, LOGO_MAX, NAME_MAX, SupportLink, is_picture_url,
};
use doorward_domain::entitlements::{Feature, Features};
use doorward_domain::roles::{PlacePermit, action, resource};
use std::sync::Arc;
use std::time::Duration;

/// How the deployment looks to people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// What owners chose; without the feature nothing.
    pub chosen: Appearance,
    /// Where the documentation is.
    pub docs_url: String,
    /// Where people find help.
    pub support_links: Vec<SupportLink>,
}

/// What is chosen, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateAppearance {
    /// What the deployment is called.
    pub application_name: String,
    /// Where its logo is.
    pub logo_url: String,
    /// What it announces.
    pub announcement_banners: Vec<UpdateBanner>,
}

/// An announcement, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateBanner {
    /// Whether it is shown.
    pub enabled: bool,
    /// What it says.
    pub message: String,
    /// The colour behind it: `#` and six hexadecimal digits.
    pub background_color: String,
}

/// How the deployment looks. Without the feature `appearance` as if nobody had chosen anything.
///
/// For everybody who is signed in. Errors: `Unavailable`.
pub async fn find(ctx: &Context, by: &Principal) -> Result<Shown, Error> {
    let stored =
        ctx.look(by, |look| Ok::<_, Error>((runtime_settings::find(look.repos, None)?, look.licensed))).await?;
    let (chosen, licensed) = stored;
    let is_licensed = licensed.contains(Feature::Appearance);
    let docs_url = ctx.settings.appearance.docs_url(ctx.settings.issuer());
    let links = if is_licensed { ctx.settings.appearance.support_links.clone() } else { Vec::new() };
    let support_links = if links.is_empty() { default_links(&docs_url) } else { links };
    Ok(Shown { chosen: licensed_only(chosen, licensed), docs_url, support_links })
}

/// How long a page waits to learn how it should look.
const PATIENCE: Duration = Duration::from_secs(2);

/// How pages look, also for those who are not signed in. What cannot be read is as if nobody had chosen anything: no page fails for
/// want of a logo.
pub async fn of_pages(ctx: &Context) -> Arc<Appearance> {
    if !ctx.licensing.allows(Feature::Appearance, ctx.clock.now()) {
        return Arc::default();
    }
    let begun_at = match ctx.looks.known() {
        Ok(known) => return known,
        Err(changes) => changes,
    };
    let stored = ctx.read(|repos| Ok::<_, Error>(runtime_settings::find(repos, None)?));
    match tokio::time::timeout(PATIENCE, stored).await {
        Ok(Ok(chosen)) => {
            let chosen: Arc<Appearance> = Arc::new(chosen.unwrap_or_default());
            ctx.looks.keep(Arc::clone(&chosen), begun_at);
            chosen
        }
        Ok(Err(error)) => {
            tracing::debug!(%error, "how pages should look cannot be read");
            Arc::default()
        }
        Err(_elapsed) => Arc::default(),
    }
}

/// How pages looked last, without asking anybody: for those that tell of an error, which must not depend on anything, and for those that
/// are over at once. As if nobody had chosen anything, until a page has been shown.
#[must_use]
pub fn remembered(ctx: &Context) -> Arc<Appearance> {
    let is_licensed = ctx.licensing.allows(Feature::Appearance, ctx.clock.now());
    ctx.looks.last().filter(|_chosen| is_licensed).unwrap_or_default()
}

fn licensed_only(chosen: Option<Appearance>, licensed: Features) -> Appearance {
    chosen.filter(|_chosen| licensed.contains(Feature::Appearance)).unwrap_or_default()
}

/// Where people find help unless the settings say otherwise.
fn default_links(docs_url: &str) -> Vec<SupportLink> {
    let docs = SupportLink { name: "Documentation".to_owned(), target: docs_url.to_owned(), icon: "docs".to_owned() };
    vec![docs]
}

/// Chooses how the deployment looks, all of it: what is empty is taken back. No licence is looked at, so that what was chosen is there
/// when one is added.
///
/// Needs `deployment_config:update`. Errors: `Forbidden`, `Invalid` (`application_name`, `logo_url`, `announcement_banners`, or a colour,
/// which blames no field).
pub async fn update(ctx: &Context, by: &Principal, command: UpdateAppearance) -> Result<Appearance, Error> {
    // Whoever may not do it is told so, whatever they sent.
    may_update(by)?;
    let new = check(command)?;
    let stored = ctx
        .act(by, move |deed| {
            let permit = deed.by.permit_in(None)?;
            runtime_settings::store(deed.repos, &permit, &new)?;
            Ok(deed.unrecorded("how the deployment looks is seen by everybody", new))
        })
        .await;
    ctx.looks.forget();
    stored
}

/// Whether the caller may choose how the deployment looks.
///
/// Needs `deployment_config:update`. Errors: `Forbidden`.
pub fn may_update(by: &Principal) -> Result<(), Error> {
    let _permit: PlacePermit<action::Update, resource::DeploymentConfig> = by.permit_in(None)?;
    Ok(())
}

fn check(command: UpdateAppearance) -> Result<Appearance, Error> {
    let UpdateAppearance { application_name, logo_url, announcement_banners } = command;
    let mut fields = Fields::default()
        .at_most("application_name", &application_name, NAME_MAX)
        .plain("application_name", &application_name)
        .at_most("logo_url", &logo_url, LOGO_MAX)
        .that(
            "logo_url",
            logo_url.is_empty() || is_picture_url(&logo_url),
            "Must be the URL of a picture with http or https, a path of this server, or a bitmap as a data: URL.",
        )
        .that(
            "announcement_banners",
            announcement_banners.len() <= BANNERS_MAX,
            &format!("Must be at most {BANNERS_MAX} banners."),
        );
    let mut banners = Vec::with_capacity(announcement_banners.len().min(BANNERS_MAX));
    for UpdateBanner { enabled, message, background_color } in announcement_banners.into_iter().take(BANNERS_MAX) {
        fields = fields.shown_text("announcement_banners", &message);
        if let Some(background_color) = fields.keep_item(color(&background_color))? {
            banners.push(Banner { enabled, message, background_color });
        }
    }
    fields.done()?;
    Ok(Appearance { application_name, logo_url, announcement_banners: banners })
}

/// So much of a bad colour is repeated.
const REPEATED: usize = 32;

/// The colour that the text is. Of one that is none clients know the message.
fn color(text: &str) -> Result<Color, Error> {
    text.parse().map_err(|error: doorward_domain::appearance::ColorError| {
        let repeated: String = text.chars().take(REPEATED).collect();
        Error::invalid_because(format!("Invalid color format: {repeated:?}"), error.to_string())
    })
}
