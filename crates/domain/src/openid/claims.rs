//! Claims about people: which there are, which scopes ask for them, and the parameter `claims` (OpenID Connect Core 1.0, 5).

use super::defect::RequestDefect;
use crate::jws::Claims;
use crate::oauth2::{OidcScope, Scopes};
use crate::text_enum::text_enum;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The longest parameter, in bytes.
const PARAMETER_MAX: usize = 4 * 1024;
/// In more groups than that nobody is told to be by a token: the app asks.
pub const GROUPS_IN_TOKEN_MAX: usize = 150;

text_enum! {
    /// A claim about a person.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    ClaimName {
        /// The name, or the user name of those who have said none.
        Name = "name",
        /// The user name, which may change hands.
        PreferredUsername = "preferred_username",
        /// The address of a picture.
        Picture = "picture",
        /// When the account was changed last.
        UpdatedAt = "updated_at",
        /// The mail address, which may change hands.
        Email = "email",
        /// Whether somebody who can be trusted has seen that the address is theirs.
        EmailVerified = "email_verified",
        /// The groups they are in.
        Groups = "groups",
        /// The roles they hold.
        Roles = "roles",
    }
}

impl ClaimName {
    /// The scope that asks for it.
    #[must_use]
    pub const fn scope(self) -> OidcScope {
        match self {
            Self::Name | Self::PreferredUsername | Self::Picture | Self::UpdatedAt => OidcScope::Profile,
            Self::Email | Self::EmailVerified => OidcScope::Email,
            Self::Groups => OidcScope::Groups,
            Self::Roles => OidcScope::Roles,
        }
    }

    /// The claims that these scopes ask for.
    #[must_use]
    pub fn of_scopes(scopes: &Scopes) -> BTreeSet<Self> {
        let has = |scope: OidcScope| scopes.contains(&scope.into());
        Self::ALL.iter().copied().filter(|claim| has(claim.scope())).collect()
    }
}

/// Claims that an app asks for one by one. Names that are not known here are as good as not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RequestedClaims {
    /// At the endpoint for claims.
    pub userinfo: BTreeSet<ClaimName>,
    /// In ID tokens.
    pub id_token: BTreeSet<ClaimName>,
    /// The only user who will do.
    #[serde(skip)]
    pub subject: Option<String>,
    /// The ways to sign in of which one is essential.
    #[serde(skip)]
    pub essential_acr: Vec<String>,
}

impl RequestedClaims {
    /// Reads the parameter.
    ///
    /// ```
    /// use doorward_domain::openid::{ClaimName, RequestedClaims};
    /// let claims = RequestedClaims::parse(r#"{"userinfo": {"name": {"essential": true}, "shoe_size": null}}"#)?;
    /// assert_eq!(claims.userinfo.into_iter().collect::<Vec<_>>(), [ClaimName::Name]);
    /// assert!(RequestedClaims::parse("[]").is_err());
    /// # Ok::<(), doorward_domain::openid::RequestDefect>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, RequestDefect> {
        if text.len() > PARAMETER_MAX {
            return Err(RequestDefect::Claims("it has more than 4096 bytes"));
        }
        let document = Claims::parse(text.as_bytes()).or(Err(RequestDefect::Claims("it is no JSON object")))?;
        let place = |name: &str| match document.members().get(name) {
            None | Some(Value::Null) => Ok(Map::new()),
            Some(Value::Object(members)) => Ok(members.clone()),
            Some(_) => Err(RequestDefect::Claims("userinfo and id_token must be objects")),
        };
        let (userinfo, id_token) = (place("userinfo")?, place("id_token")?);
        for asked in userinfo.values().chain(id_token.values()) {
            if !matches!(asked, Value::Null | Value::Object(_)) {
                return Err(RequestDefect::Claims("each claim must be null or an object"));
            }
        }
        let names = |members: &Map<String, Value>| members.keys().filter_map(|name| name.parse().ok()).collect();
        let acr = id_token.get("acr");
        let is_essential = acr.and_then(|acr| acr.get("essential")).and_then(Value::as_bool) == Some(true);
        let values = acr.filter(|_| is_essential).map(values).unwrap_or_default();
        let subject = [&id_token, &userinfo].into_iter().find_map(|place| values_of(place, "sub").into_iter().next());
        Ok(Self { userinfo: names(&userinfo), id_token: names(&id_token), subject, essential_acr: values })
    }

    /// The scopes that would have asked for as much: what a person is told who allows it.
    #[must_use]
    pub fn as_scopes(&self) -> BTreeSet<OidcScope> {
        self.userinfo.iter().chain(&self.id_token).map(|claim| claim.scope()).collect()
    }
}

fn values_of(place: &Map<String, Value>, name: &str) -> Vec<String> {
    place.get(name).map(values).unwrap_or_default()
}

/// The members `value` and `values` of what is asked about a claim.
fn values(asked: &Value) -> Vec<String> {
    let several = asked.get("values").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let all = asked.get("value").into_iter().chain(several);
    all.filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_are_asked_for_where_they_stand() {
        let text = r#"{"userinfo": {"email": null, "sub": null}, "id_token": {"groups": {}, "auth_time": null}}"#;
        let claims = RequestedClaims::parse(text).unwrap();
        assert_eq!(claims.userinfo, BTreeSet::from([ClaimName::Email]));
        assert_eq!(claims.id_token, BTreeSet::from([ClaimName::Groups]));
        assert_eq!(claims.as_scopes(), BTreeSet::from([OidcScope::Email, OidcScope::Groups]));
        assert_eq!((claims.subject, claims.essential_acr), (None, vec![]));
    }

    #[test]
    fn a_user_and_a_way_to_sign_in_can_be_asked_for() {
        let text = r#"{"id_token": {"sub": {"value": "me"}, "acr": {"essential": true, "values": ["phr", "mfa"]}}}"#;
        let claims = RequestedClaims::parse(text).unwrap();
        assert_eq!((claims.subject.as_deref(), claims.essential_acr), (Some("me"), vec!["phr".into(), "mfa".into()]));
        let hint = RequestedClaims::parse(r#"{"id_token": {"acr": {"values": ["phr"]}}}"#).unwrap();
        assert!(hint.essential_acr.is_empty(), "a wish is not essential");
    }

    #[test]
    fn what_is_malformed_is_refused() {
        let long = format!(r#"{{"x": "{}"}}"#, "x".repeat(PARAMETER_MAX));
        for bad in ["", "x", "1", "[]", r#"{"userinfo": 1}"#, r#"{"id_token": {"name": "Ann"}}"#, &long] {
            assert!(RequestedClaims::parse(bad).is_err(), "{bad:.40}");
        }
        assert_eq!(RequestedClaims::parse("{}").unwrap(), RequestedClaims::default());
    }

    #[test]
    fn scopes_ask_for_several() {
        let of = |text: &str| ClaimName::of_scopes(&Scopes::from_storage(text)).len();
        assert_eq!((of("openid"), of("openid profile"), of("openid email groups"), of("coder:all")), (0, 4, 3, 0));
    }
}
