//! Apps, as people are shown them.

use doorward_domain::ids::AppId;
use doorward_domain::oauth2::App;
use doorward_domain::openid::{AppProfile, LogoMark};
use doorward_ports::{Repositories, StoreError};

/// An app, as people are shown it: on every page by the same name and with the same picture. Pages are given no other one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownApp {
    id: AppId,
    name: String,
    picture: AppPicture,
}

/// The picture of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppPicture {
    /// Its logo, which is kept here.
    Logo(LogoMark),
    /// An icon at this address, which may be one that must not be shown.
    Icon(String),
    /// None.
    None,
}

impl ShownApp {
    /// By the name that is meant for people, if it has one, and with its logo, if there is one.
    #[must_use]
    pub fn of(app: &App, profile: &AppProfile) -> Self {
        let name = if profile.display_name.is_empty() { &app.name } else { &profile.display_name };
        let picture = match &profile.logo {
            Some(logo) => AppPicture::Logo(logo.clone()),
            None if app.icon.is_empty() => AppPicture::None,
            None => AppPicture::Icon(app.icon.clone()),
        };
        Self { id: app.id, name: name.clone(), picture }
    }

    /// The same, of an app that was just read.
    pub(crate) fn look(repos: &mut dyn Repositories, app: &App) -> Result<Self, StoreError> {
        let rules = repos.openid().find_rules(app.id)?.unwrap_or_default();
        Ok(Self::of(app, &rules.profile))
    }

    /// The same without its logo.
    #[must_use]
    pub fn without_logo(self) -> Self {
        let picture = match self.picture {
            AppPicture::Logo(_) => AppPicture::None,
            picture @ (AppPicture::Icon(_) | AppPicture::None) => picture,
        };
        Self { picture, ..self }
    }

    /// Its `client_id`.
    #[must_use]
    pub const fn id(&self) -> AppId {
        self.id
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its picture.
    #[must_use]
    pub const fn picture(&self) -> &AppPicture {
        &self.picture
    }
}
