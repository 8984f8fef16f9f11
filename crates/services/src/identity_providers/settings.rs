//! The sections `oidc` and `github` of the settings.

use doorward_domain::Secret;
use doorward_domain::identity_providers::{GithubRules, LinkByEmail, LinkPolicy, Provider};
use doorward_domain::keys::{KeyId, MARGIN};
use doorward_domain::settings::{Defects, Section, Span};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use time::Duration;

/// The section `oidc`: providers of OpenID Connect, and who may come in through them.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "they are settings that have nothing to do with each other")]
pub struct OidcSettings {
    /// The providers, in the order in which they are shown.
    pub providers: Vec<Provider>,
    /// Whether people without an account get one when they sign in.
    pub allow_signups: bool,
    /// Whether the first user is somebody who signs in through a provider, and becomes the owner.
    pub first_user_is_owner: bool,
    /// Whether an account is found by its mail address, when it is not linked yet.
    pub link_by_email: LinkByEmail,
    /// Whether that may be an account of an owner.
    pub link_privileged: bool,
    /// By how much the clocks of a provider may differ from ours.
    pub clock_skew: Span,
    /// Whether this server is a provider itself: apps may ask who somebody is.
    pub enabled: bool,
    /// How long an ID token of this server is good.
    pub id_token_lifetime: Span,
    /// Whether this server has a key for `EdDSA` too, which some libraries do not know.
    pub eddsa: bool,
    /// How groups are called that apps are told of.
    pub groups_format: GroupsFormat,
    /// The keys with which this server signs.
    pub keys: OidcKeySettings,
}

/// How groups are called that apps are told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupsFormat {
    /// `organization/group`.
    Qualified,
    /// Their names alone: whoever may make groups in one organization can call one as another organization's.
    Name,
    /// Their ids.
    Id,
}

/// How keys replace each other with which this server signs for others.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct OidcKeySettings {
    /// How long before it signs a new key is published.
    pub lead: Span,
    /// For how long a key signs.
    pub rotation: Span,
    /// For how long a key is published after it was replaced.
    pub keep: Span,
}

impl OidcSettings {
    /// Who may come in.
    pub(super) const fn policy(&self) -> LinkPolicy {
        LinkPolicy { by_email: self.link_by_email, privileged: self.link_privileged, sign_ups: self.allow_signups }
    }

    /// The provider of this name.
    pub(super) fn provider(&self, name: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.name == name)
    }
}

/// The longest that an ID token is good.
const ID_TOKEN_LIFETIME_MAX: Duration = Duration::DAY;

/// The longest difference of clocks that is taken, in seconds.
const SKEW_MAX: i64 = 600;

impl Section for OidcSettings {
    const NAME: &'static str = "oidc";

    fn check(&self, defects: &mut Defects) {
        defects.unless(self.clock_skew.get().whole_seconds() <= SKEW_MAX, "clock_skew", "must be at most 10 minutes");
        defects.at_least_a_second("id_token_lifetime", self.id_token_lifetime);
        let lifetime = self.id_token_lifetime.get();
        defects.unless(lifetime <= ID_TOKEN_LIFETIME_MAX, "id_token_lifetime", "must be at most 24 hours");
        let OidcKeySettings { lead, rotation, keep } = self.keys;
        defects.unless(
            keep.get() >= lifetime.saturating_add(MARGIN),
            "keys.keep",
            "must exceed `id_token_lifetime` by an hour: a token is verified as long as it is good",
        );
        let is_in_time = rotation.get() > lead.get().saturating_add(Duration::HOUR);
        defects.unless(is_in_time, "keys.rotation", "must exceed `keys.lead` by more than an hour");
        let ids = i64::try_from(KeyId::COUNT).unwrap_or(i64::MAX) - 2;
        let lives = keep.get().whole_seconds() / rotation.get().whole_seconds().max(1);
        defects.unless(lives < ids, "keys.keep", "must not be so many times as long as `keys.rotation`");
        let (mut names, mut issuers) = (HashSet::new(), HashSet::new());
        for (at, provider) in self.providers.iter().enumerate() {
            let key = |key: &str| format!("providers.{at}.{key}");
            for defect in provider.check() {
                defects.note(format!("the entry `oidc.providers.{at}` ({}): {defect}", provider.name));
            }
            defects.unless(names.insert(&provider.name), &key("name"), "must differ from the names of other providers");
            let all = std::iter::once(&provider.issuer).chain(&provider.issuer_aliases);
            let are_own = all.filter(|issuer| !issuers.insert(issuer.as_str())).count() == 0;
            defects.unless(are_own, &key("issuer"), "and `issuer_aliases` must differ from those of other providers");
            let url = url::Url::parse(&provider.issuer);
            let is_reached = url.is_ok_and(|url| matches!(url.host(), Some(url::Host::Domain(_))));
            defects.unless(is_reached, &key("issuer"), "must name a host; http is for `localhost` only");
            let is_first = at == 0;
            defects.unless(is_first || !provider.shared_callback, &key("shared_callback"), "is for the first provider");
        }
    }
}

/// The section `github`: signing in with GitHub.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct GithubSettings {
    /// The id of this server there; empty: nobody signs in with GitHub.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret<String>,
    /// Whether people without an account get one when they sign in.
    pub allow_signups: bool,
    /// Whether anybody may sign in; else only members of `allowed_organizations` or `allowed_teams`.
    pub allow_everyone: bool,
    /// Organizations whose members may sign in.
    pub allowed_organizations: Vec<String>,
    /// Teams whose members may sign in, as `organization/team`.
    pub allowed_teams: Vec<String>,
    /// Where GitHub is: another address for an Enterprise Server.
    pub base_url: String,
    /// Where its API is.
    pub api_url: String,
}

impl GithubSettings {
    /// Whether GitHub is set up.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        !self.client_id.is_empty()
    }

    /// Who may come in.
    pub(super) fn rules(&self) -> GithubRules {
        GithubRules {
            allowed_organizations: self.allowed_organizations.clone(),
            allowed_teams: self.allowed_teams.clone(),
        }
    }
}

impl Section for GithubSettings {
    const NAME: &'static str = "github";

    fn check(&self, defects: &mut Defects) {
        if !self.is_on() {
            return;
        }
        let is_base = |url: &url::Url| {
            url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none()
        };
        let is_url = |text: &str| {
            url::Url::parse(text).is_ok_and(|url| is_base(&url) && (url.scheme() == "https" || is_loopback(&url)))
        };
        defects.unless(!self.client_secret.expose().is_empty(), "client_secret", "is needed with `client_id`");
        defects.unless(is_url(&self.base_url), "base_url", "must be an https URL without user, query and fragment");
        defects.unless(is_url(&self.api_url), "api_url", "must be an https URL without user, query and fragment");
        let names_some = !self.allowed_organizations.is_empty() || !self.allowed_teams.is_empty();
        defects.unless(
            self.allow_everyone != names_some,
            "allow_everyone",
            "must be true, or `allowed_organizations` or `allowed_teams` must name who may sign in; not both",
        );
        let are_teams = self.rules().defects().next().is_none();
        defects.unless(are_teams, "allowed_teams", "must be written `organization/team`");
    }
}

fn is_loopback(url: &url::Url) -> bool {
    url.scheme() == "http" && url.host_str() == Some("localhost")
}
