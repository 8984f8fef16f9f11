//! Through which providers somebody may sign in.

use crate::context::Context;
use crate::error::Error;
use doorward_domain::identity_providers::Provider;

/// A way to sign in through a provider, as the address says that the visitor used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// The first provider of OpenID Connect, at the address that all Coder servers have.
    FirstOidc,
    /// A provider of OpenID Connect by its name, at an address of its own.
    Oidc(String),
    /// GitHub.
    Github,
}

impl Way {
    /// Our address to which the provider sends the visitor back.
    pub(super) fn redirect_uri(&self, ctx: &Context) -> String {
        format!("{}{}", ctx.settings.issuer(), self.path())
    }

    /// The path where this sign-in begins and ends.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::FirstOidc => "/api/v2/users/oidc/callback".to_owned(),
            Self::Oidc(name) => format!("/api/v2/users/oidc/{name}/callback"),
            Self::Github => "/api/v2/users/oauth2/github/callback".to_owned(),
        }
    }
}

/// The name under which GitHub stands where providers have names.
pub(super) const GITHUB: &str = "github";

/// The provider of OpenID Connect that is meant; `None` for GitHub.
pub(super) fn provider<'c>(ctx: &'c Context, way: &Way) -> Result<Option<&'c Provider>, Error> {
    let oidc = &ctx.settings.oidc;
    match way {
        Way::FirstOidc => match oidc.providers.first() {
            Some(first) => Ok(Some(first)),
            None => Err(Error::invalid("Signing in with OpenID Connect is not configured on this server.")),
        },
        Way::Oidc(name) => match oidc.provider(name) {
            Some(provider) => Ok(Some(provider)),
            None => Err(Error::invalid("No identity provider of this name is configured on this server.")),
        },
        Way::Github if ctx.settings.github.is_on() => Ok(None),
        Way::Github => Err(Error::invalid("Signing in with GitHub is not configured on this server.")),
    }
}

/// The way through the provider of this name; `None` if there is none in the settings.
pub(super) fn way_of(ctx: &Context, name: &str) -> Option<Way> {
    if name == GITHUB {
        return ctx.settings.github.is_on().then_some(Way::Github);
    }
    let provider = ctx.settings.oidc.provider(name)?;
    Some(if provider.shared_callback { Way::FirstOidc } else { Way::Oidc(provider.name.clone()) })
}

/// A way to sign in, for the sign-in page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnOffer {
    /// How it begins.
    pub way: Way,
    /// Its name in the settings; `github` for GitHub.
    pub provider: String,
    /// What people know the provider as.
    pub name: String,
    /// The address of a picture, or empty.
    pub icon_url: String,
}

/// The providers through which somebody may sign in, those of OpenID Connect first. Anyone may ask.
#[must_use]
pub fn on_offer(ctx: &Context) -> Vec<OnOffer> {
    let oidc = ctx.settings.oidc.providers.iter().map(|provider| OnOffer {
        way: if provider.shared_callback { Way::FirstOidc } else { Way::Oidc(provider.name.clone()) },
        provider: provider.name.clone(),
        name: provider.shown_name().to_owned(),
        icon_url: provider.icon_url.clone(),
    });
    let github = || OnOffer {
        way: Way::Github,
        provider: GITHUB.to_owned(),
        name: "GitHub".to_owned(),
        icon_url: String::new(),
    };
    oidc.chain(ctx.settings.github.is_on().then(github)).collect()
}
