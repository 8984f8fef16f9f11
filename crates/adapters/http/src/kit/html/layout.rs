//! What all pages have in common.

use super::{assets, links};
use crate::kit::site::Site;
use doorward_domain::appearance::{Appearance, Banner};
use doorward_domain::users::User;
use std::borrow::Cow;

/// The name and logo at the top of every page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Brand<'a> {
    /// The name of the product, or the operator's own.
    pub(crate) name: &'a str,
    /// The operator's logo; ours when absent or not fit for an `img`.
    pub(crate) logo_url: Option<&'a str>,
    /// The path of the access URL, without trailing slash; every link to a page of ours begins with it.
    pub(crate) base: &'a str,
    /// What owners announce.
    pub(crate) banners: &'a [Banner],
    /// Whether there are providers at which people could link accounts.
    pub(crate) has_providers: bool,
}

impl Default for Brand<'_> {
    fn default() -> Self {
        Self { name: "Doorward", logo_url: None, base: "", banners: &[], has_providers: true }
    }
}

impl<'a> Brand<'a> {
    /// That of a site, whatever owners chose: for pages that must not depend on anything.
    pub(crate) fn plain(site: &'a Site) -> Self {
        let settings = &site.context.settings;
        let has_providers = !settings.oidc.providers.is_empty() || settings.github.is_on();
        Self { base: site.base(), has_providers, ..Self::default() }
    }

    /// That of a site, as owners chose it.
    pub(crate) fn of(site: &'a Site, chosen: &'a Appearance) -> Self {
        let Appearance { application_name, logo_url, announcement_banners } = chosen;
        let plain = Self::plain(site);
        Self {
            name: if application_name.trim().is_empty() { plain.name } else { application_name },
            logo_url: Some(logo_url.as_str()).filter(|url| !url.is_empty()),
            banners: announcement_banners,
            ..plain
        }
    }

    /// The banners that are shown.
    pub(crate) fn announcements(&self) -> impl Iterator<Item = &'a Banner> + use<'a> {
        self.banners.iter().filter(|banner| banner.enabled && !banner.message.trim().is_empty())
    }

    /// The link to a path of ours.
    pub(crate) fn to(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub(crate) fn logo(&self) -> Cow<'_, str> {
        self.logo_url
            .and_then(links::safe_icon)
            .map_or_else(|| Cow::Owned(format!("{}?v={}", self.to("/assets/logo.svg"), assets::VERSION)), Cow::Borrowed)
    }
}

/// The signed-in user.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Person<'a> {
    pub(crate) username: &'a str,
    pub(crate) email: &'a str,
    /// The real name; may be empty.
    pub(crate) name: &'a str,
}

impl<'a> Person<'a> {
    /// A user, as pages show them.
    pub(crate) fn of(user: &'a User) -> Self {
        Self { username: user.username.as_str(), email: user.shown_email(), name: user.name.as_str() }
    }

    pub(crate) fn display_name(&self) -> &'a str {
        if self.name.is_empty() { self.username } else { self.name }
    }

    pub(crate) fn initial(&self) -> Cow<'static, str> {
        initial(self.display_name())
    }
}

/// The letter shown where a picture is missing: the first letter or digit of the name.
pub(crate) fn initial(name: &str) -> Cow<'static, str> {
    match name.chars().find(|c| c.is_alphanumeric()) {
        Some(letter) => Cow::Owned(letter.to_string()),
        None => Cow::Borrowed("?"),
    }
}

/// A way on from an error page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link<'a> {
    /// A path of this server.
    pub(crate) href: &'a str,
    pub(crate) text: &'a str,
}
