//! Settings of the authorization server that owners may look at and change while it runs.

use super::registration::RegistrationMode;
use crate::error::Error;
use crate::runtime_settings;
use crate::sessions::in_person::InPerson;
use crate::{Context, Principal, Settings};
use doorward_domain::roles::{Action, Object, resource};
use doorward_domain::runtime_settings::RuntimeSetting;
use doorward_ports::StoreError;
use serde::{Deserialize, Serialize};

/// Settings of the authorization server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProviderSettings {
    /// Whether clients may register themselves (RFC 7591).
    pub dynamic_registration: bool,
}

/// What owners have chosen, in the place of the settings file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
struct Chosen {
    dynamic_registration: Option<bool>,
}

impl RuntimeSetting for Chosen {
    const NAME: &'static str = "oauth2_provider";
    type Resource = resource::DeploymentConfig;
}

impl Chosen {
    /// Who may register clients: as the settings file says, unless an owner has switched it off, or on where the file has it off.
    const fn mode(self, settings: &Settings) -> RegistrationMode {
        let by_file = settings.oauth2.registration.mode;
        match (self.dynamic_registration, by_file) {
            (Some(false), _) => RegistrationMode::Off,
            (Some(true), RegistrationMode::Off) => RegistrationMode::Open,
            (Some(true) | None, mode) => mode,
        }
    }

    const fn shown(self, settings: &Settings) -> ProviderSettings {
        ProviderSettings { dynamic_registration: !matches!(self.mode(settings), RegistrationMode::Off) }
    }
}

/// Who may register clients now.
///
/// Needs no permission. Errors: none of its own.
pub async fn registration_mode(ctx: &Context) -> Result<RegistrationMode, StoreError> {
    let chosen = ctx.read(|repos| runtime_settings::find::<Chosen>(repos, None)).await?;
    Ok(chosen.unwrap_or_default().mode(&ctx.settings))
}

/// Shows the settings, to those who may change them.
///
/// Needs `deployment_config:update`. Errors: `Forbidden`.
pub async fn settings(ctx: &Context, actor: &Principal) -> Result<ProviderSettings, Error> {
    actor.subject.check(Action::Update, &Object::of::<resource::DeploymentConfig>())?;
    let chosen = ctx.look(actor, |look| Ok::<_, Error>(runtime_settings::find::<Chosen>(look.repos, None)?)).await?;
    Ok(chosen.unwrap_or_default().shown(&ctx.settings))
}

/// Whether the caller may change the settings: owners may, in person.
///
/// Needs `deployment_config:update`. Errors: `Forbidden`, `Refused` (asked by an app).
pub fn may_update(actor: &Principal) -> Result<(), Error> {
    actor.subject.check(Action::Update, &Object::of::<resource::DeploymentConfig>())?;
    actor.in_person(InPerson::ManageApps)
}

/// Changes the settings; `None` keeps what is there.
///
/// Needs `deployment_config:update`. Errors: `Forbidden`, `Refused` (asked by an app).
pub async fn update_settings(
    ctx: &Context,
    actor: &Principal,
    dynamic_registration: Option<bool>,
) -> Result<ProviderSettings, Error> {
    may_update(actor)?;
    if dynamic_registration.is_none() {
        return settings(ctx, actor).await;
    }
    let settings = std::sync::Arc::clone(&ctx.settings);
    ctx.act(actor, move |deed| {
        let permit = deed.by.permit_in(None)?;
        let chosen = runtime_settings::find_for_update::<Chosen>(deed.repos, None)?.unwrap_or_default();
        let chosen = Chosen { dynamic_registration: dynamic_registration.or(chosen.dynamic_registration) };
        runtime_settings::store(deed.repos, &permit, &chosen)?;
        Ok(deed.unrecorded("no record is about settings of the authorization server", chosen.shown(&settings)))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::testing::{actor, context_with, owner, settings as usual};
    use doorward_ports::mocks::MockRepositories;

    fn stored(document: Option<&'static str>) -> MockRepositories {
        let mut repos = MockRepositories::default();
        let found = move || document.map(str::to_owned);
        repos.runtime_settings.expect_find().returning(move |_, _| Ok(found()));
        repos.runtime_settings.expect_find_for_update().returning(move |_, _| Ok(found()));
        repos
    }

    #[tokio::test]
    async fn what_owners_have_chosen_counts_before_the_settings_file() {
        use RegistrationMode::{Off, Open, Token};
        for (file, document, mode) in [
            (Off, None, Off),
            (Open, None, Open),
            (Off, Some(r#"{"dynamic_registration":true}"#), Open),
            (Open, Some(r#"{"dynamic_registration":false}"#), Off),
            (Open, Some("{}"), Open),
            (Token, None, Token),
            (Token, Some(r#"{"dynamic_registration":true}"#), Token),
            (Token, Some(r#"{"dynamic_registration":false}"#), Off),
        ] {
            let mut settings = usual();
            settings.oauth2.registration.mode = file;
            let ctx = context_with(stored(document), settings);
            assert_eq!(registration_mode(&ctx).await.unwrap(), mode, "{file:?} {document:?}");
            let owner = owner().build();
            let shown = super::settings(&ctx, &owner).await.unwrap();
            assert_eq!(shown.dynamic_registration, mode != Off);
            assert_eq!(update_settings(&ctx, &owner, None).await.unwrap(), shown, "nothing said, nothing stored");
        }
    }

    #[tokio::test]
    async fn an_owner_switches_it_on() {
        let mut repos = stored(None);
        let is_on = r#"{"dynamic_registration":true}"#;
        repos
            .runtime_settings
            .expect_update()
            .times(1)
            .withf(move |change| change.document() == is_on)
            .returning(|_| Ok(()));
        let ctx = context_with(repos, usual());
        let shown = update_settings(&ctx, &owner().build(), Some(true)).await.unwrap();
        assert!(shown.dynamic_registration);
    }

    #[tokio::test]
    async fn others_are_refused_whatever_they_ask() {
        let (member, ctx) = (actor().build(), context_with(MockRepositories::default(), usual()));
        assert!(matches!(settings(&ctx, &member).await, Err(Error::Forbidden(_))));
        assert!(matches!(update_settings(&ctx, &member, None).await, Err(Error::Forbidden(_))));
        assert!(matches!(update_settings(&ctx, &member, Some(true)).await, Err(Error::Forbidden(_))));
    }
}
