//! GitHub, which is no provider of OpenID Connect: the answers of its API say who somebody is.

use super::address::{self, AddressDefect, EmailTrust};
use super::profile::{Profile, avatar_url, real_name, username};
use crate::jws::Claims;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashSet;

/// Addresses that GitHub gives to people who hide theirs. Nobody reads mail there.
const HIDDEN_DOMAIN: &str = "@users.noreply.github.com";

/// Why somebody may not sign in with GitHub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GithubDefect {
    /// The answer has no id.
    #[error("GitHub has not said who this is")]
    IdMissing,
    /// There is no verified primary address, or it is hidden.
    #[error(transparent)]
    Address(#[from] AddressDefect),
    /// Not an active member of one of the organizations of the settings.
    #[error("only members of certain organizations may sign in")]
    NoOrganization,
    /// Not in one of the teams of the settings.
    #[error("only members of certain teams may sign in")]
    NoTeam,
}

/// Somebody at GitHub.
#[derive(Clone, Debug, PartialEq)]
pub struct GithubProfile {
    /// The number of the account, by which it is linked. Its name can be changed, and given to others.
    pub subject: String,
    /// Who it is.
    pub profile: Profile,
}

/// Reads the answers of `/user` and `/user/emails`.
///
/// ```
/// use doorward_domain::identity_providers::{Claims, parse_list, read_github};
/// let user = Claims::parse(br#"{"id": 583231, "login": "octocat", "name": null, "email": "shown@b.example"}"#).unwrap();
/// let emails = parse_list(br#"[{"email": "cat@b.example", "primary": true, "verified": true}]"#).unwrap();
/// let found = read_github(&user, &emails).unwrap();
/// assert_eq!((found.subject.as_str(), found.profile.email.as_str()), ("583231", "cat@b.example"));
/// ```
pub fn read_github(user: &Claims, emails: &[Claims]) -> Result<GithubProfile, GithubDefect> {
    let id = user.get("id").and_then(Value::as_u64).filter(|id| *id > 0).ok_or(GithubDefect::IdMissing)?;
    let is = |email: &Claims, flag: &str| email.flag(flag) == Ok(Some(true));
    let primary = emails.iter().find(|email| is(email, "primary") && is(email, "verified"));
    let text = primary.and_then(|email| email.text("email").ok().flatten()).ok_or(AddressDefect::Missing)?;
    if text.to_ascii_lowercase().ends_with(HIDDEN_DOMAIN) {
        return Err(AddressDefect::Missing.into());
    }
    let email = address::parse(text).ok_or(AddressDefect::NoAddress)?;
    let text = |claim: &str| user.text(claim).ok().flatten().unwrap_or_default();
    let profile = Profile {
        username: username(text("login"), &email),
        name: real_name(text("name")),
        avatar_url: avatar_url(text("avatar_url")),
        external_id: None,
        email,
        email_trust: EmailTrust::ForLinking,
    };
    Ok(GithubProfile { subject: id.to_string(), profile })
}

/// Who may sign in with GitHub. Names are compared without regard to letter case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GithubRules {
    /// Organizations, of one of which people must be active members; empty: anybody may sign in.
    pub allowed_organizations: Vec<String>,
    /// Teams, as `organization/team`, in one of which people must be; empty: none.
    pub allowed_teams: Vec<String>,
}

impl GithubRules {
    /// Teams that are not written as `organization/team`.
    pub fn defects(&self) -> impl Iterator<Item = &str> {
        let is_team = |team: &str| {
            team.split_once('/').is_some_and(|(organization, team)| !organization.is_empty() && is_segment(team))
        };
        self.allowed_teams.iter().map(String::as_str).filter(move |team| !is_team(team))
    }

    /// Whether memberships must be asked for at all, which needs the scope `read:org`.
    #[must_use]
    pub const fn asks_memberships(&self) -> bool {
        !self.allowed_organizations.is_empty() || !self.allowed_teams.is_empty()
    }

    /// Checks the answers of `/user/memberships/orgs` and `/user/teams`. A membership that is only an invitation is none, and neither
    /// are teams of an organization in which somebody is not active.
    pub fn check(&self, memberships: &[Claims], teams: &[Claims]) -> Result<(), GithubDefect> {
        let active = memberships.iter().filter(|membership| membership.text("state") == Ok(Some("active")));
        let organizations: HashSet<String> =
            active.filter_map(|membership| name(membership, "organization.login")).collect();
        let is_in = |allowed: &String| organizations.contains(&allowed.to_lowercase());
        if !self.allowed_organizations.is_empty() && !self.allowed_organizations.iter().any(is_in) {
            return Err(GithubDefect::NoOrganization);
        }
        let own = teams.iter().filter_map(|team| {
            let organization = name(team, "organization.login").filter(|name| organizations.contains(name))?;
            Some(format!("{organization}/{}", name(team, "slug")?))
        });
        let own: HashSet<String> = own.collect();
        let is_in = |allowed: &String| own.contains(&allowed.to_lowercase());
        if !self.allowed_teams.is_empty() && !self.allowed_teams.iter().any(is_in) {
            return Err(GithubDefect::NoTeam);
        }
        Ok(())
    }
}

fn is_segment(text: &str) -> bool {
    !text.is_empty() && !text.contains('/')
}

fn name(claims: &Claims, claim: &str) -> Option<String> {
    claims.text(claim).ok().flatten().map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn claims(value: Value) -> Claims {
        let Value::Object(members) = value else { panic!("no object") };
        Claims::from_members(members)
    }

    fn list(value: Value) -> Vec<Claims> {
        let Value::Array(items) = value else { panic!("no list") };
        items.into_iter().map(claims).collect()
    }

    fn cat(emails: Value) -> Result<GithubProfile, GithubDefect> {
        read_github(
            &claims(json!({ "id": 1, "login": "octo_cat", "name": "Cat", "avatar_url": "https://a.example/1" })),
            &list(emails),
        )
    }

    #[test]
    fn the_identity_is_the_number_and_never_the_name() {
        let good = cat(json!([{ "email": "cat@b.example", "primary": true, "verified": true }])).unwrap();
        assert_eq!(good.subject, "1");
        assert_eq!(good.profile.username.unwrap(), "octocat");
        assert_eq!((good.profile.name.as_str(), good.profile.avatar_url.as_str()), ("Cat", "https://a.example/1"));
        for id in [json!(null), json!("1"), json!(0), json!(-1), json!(1.5)] {
            let user = claims(json!({ "id": id, "login": "cat" }));
            assert_eq!(read_github(&user, &[]), Err(GithubDefect::IdMissing), "{id}");
        }
    }

    #[test]
    fn the_address_is_the_one_that_is_primary_and_verified() {
        let emails = json!([
            { "email": "old@b.example", "primary": false, "verified": true },
            { "email": "cat@b.example", "primary": true, "verified": true },
        ]);
        let good = cat(emails).unwrap().profile;
        assert_eq!((good.email.as_str(), good.email_trust), ("cat@b.example", EmailTrust::ForLinking));
        for bad in [
            json!([]),
            json!([{ "email": "a@b.example", "primary": true, "verified": false }]),
            json!([{ "email": "a@b.example", "primary": false, "verified": true }]),
            json!([{ "email": "a@b.example", "primary": "true", "verified": "true" }]),
            json!([{ "email": "1+cat@Users.noreply.github.com", "primary": true, "verified": true }]),
        ] {
            assert_eq!(cat(bad.clone()), Err(AddressDefect::Missing.into()), "{bad}");
        }
        let none = json!([{ "email": "x", "primary": true, "verified": true }]);
        assert_eq!(cat(none), Err(AddressDefect::NoAddress.into()));
    }

    fn rules(organizations: &[&str], teams: &[&str]) -> GithubRules {
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        GithubRules { allowed_organizations: texts(organizations), allowed_teams: texts(teams) }
    }

    #[test]
    fn members_of_the_organizations_and_teams_of_the_settings_sign_in() {
        let memberships = list(json!([
            { "state": "active", "organization": { "login": "Acme" } },
            { "state": "pending", "organization": { "login": "invited" } },
        ]));
        let teams = list(json!([
            { "slug": "dev", "organization": { "login": "acme" } },
            { "slug": "dev", "organization": { "login": "invited" } },
        ]));
        let check = |rules: GithubRules| rules.check(&memberships, &teams);
        assert_eq!(check(rules(&[], &[])), Ok(()));
        assert_eq!(check(rules(&["other", "ACME"], &[])), Ok(()));
        assert_eq!(check(rules(&["invited"], &[])), Err(GithubDefect::NoOrganization));
        assert_eq!(check(rules(&["acm"], &[])), Err(GithubDefect::NoOrganization));
        assert_eq!(check(rules(&["acme"], &["acme/Dev"])), Ok(()));
        assert_eq!(check(rules(&["acme"], &["acme/ops"])), Err(GithubDefect::NoTeam));
        assert_eq!(check(rules(&[], &["invited/dev"])), Err(GithubDefect::NoTeam));
        assert_eq!(rules(&[], &["a/b"]).check(&[], &[]), Err(GithubDefect::NoTeam));
    }

    #[test]
    fn teams_are_written_with_their_organization() {
        let rules = rules(&[], &["a/b", "b", "/b", "a/", "a/b/c"]);
        assert_eq!(rules.defects().collect::<Vec<_>>(), ["b", "/b", "a/", "a/b/c"]);
        assert!(rules.asks_memberships() && !GithubRules::default().asks_memberships());
    }
}
