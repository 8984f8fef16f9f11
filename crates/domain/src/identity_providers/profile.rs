//! Who somebody is, as an account here has it: mail address, user name, real name, picture.

use super::address::{AddressDefect, EmailTrust, same_address};
use super::merge::MergedClaims;
use super::provider::Provider;
use crate::jws::{Claims, WrongTypeError};
use crate::names::{Email, REAL_NAME_MAX, RealName, Username, hidden_in_name};
use crate::oauth2::uri;

/// Longest address of a picture, in bytes.
pub const AVATAR_MAX: usize = 2048;
/// Longest external id, in bytes.
const EXTERNAL_ID_MAX: usize = 255;

/// Why claims make no profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileDefect {
    /// The mail address is not taken.
    #[error(transparent)]
    Address(#[from] AddressDefect),
    /// The external id is no text.
    #[error(transparent)]
    Type(#[from] WrongTypeError),
    /// The external id is longer than 255 bytes.
    #[error("the external id is too long")]
    ExternalId,
}

/// What a provider says of somebody, in the form that accounts have.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// The mail address.
    pub email: Email,
    /// How far it is believed.
    pub email_trust: EmailTrust,
    /// What a new account may be called; `None`: a random name is wanted. It says nothing about which account it is.
    pub username: Option<Username>,
    /// The real name, or empty.
    pub name: RealName,
    /// The address of a picture, with https; or empty.
    pub avatar_url: String,
    /// The SCIM `externalId` of the account, where the settings name a claim for it.
    pub external_id: Option<String>,
}

impl Profile {
    /// Whether the mail address of an account is proven after its user has signed in with this profile: the provider vouches for the very
    /// address that the account has `now`, so far that accounts are linked by it; or it was proven `before`, and is the same. What is
    /// known of another address says nothing of this one: else somebody could write down the address of a victim at a provider, and
    /// have the victim signed in to their account by another one.
    #[must_use]
    pub fn proves_email(&self, before: Option<&Email>, now: Option<&Email>, was_proven: bool) -> bool {
        let Some(now) = now else { return false };
        let is_vouched_for =
            self.email_trust == EmailTrust::ForLinking && same_address(now.as_str(), self.email.as_str());
        is_vouched_for || was_proven && before.is_some_and(|before| same_address(before.as_str(), now.as_str()))
    }
}

/// Reads the profile from the claims of an ID token and the userinfo endpoint.
///
/// ```
/// use doorward_domain::identity_providers::{Claims, EmailTrust, Provider, merge, read_profile};
/// let claims = Claims::parse(
///     br#"{"sub": "1", "email": "Ann.Lee@b.example", "name": " Ann Lee ", "picture": "http://b.example/a.png"}"#,
/// ).unwrap();
/// let provider = Provider::default();
/// let profile = read_profile(&merge(&claims, None, &provider).unwrap(), &provider).unwrap();
/// assert_eq!(profile.username.unwrap(), "AnnLee");
/// assert_eq!((profile.name.as_str(), profile.avatar_url.as_str()), ("Ann Lee", ""));
/// assert_eq!(profile.email_trust, EmailTrust::Unverified);
/// ```
pub fn read_profile(merged: &MergedClaims, provider: &Provider) -> Result<Profile, ProfileDefect> {
    let address = merged.address.as_ref().ok_or(AddressDefect::Missing)?;
    let (email, email_trust) = address.read(provider)?;
    let claims = &merged.claims;
    let text = |claim: &str| claims.text(claim).ok().flatten().unwrap_or_default();
    let external_id = match provider.external_id_claim.as_str() {
        "" => None,
        claim => claims.text(claim)?.filter(|id| !id.is_empty()),
    };
    if external_id.is_some_and(|id| id.len() > EXTERNAL_ID_MAX) {
        return Err(ProfileDefect::ExternalId);
    }
    Ok(Profile {
        username: username(text(&provider.username_claim), &email),
        name: real_name(text(&provider.name_claim)),
        avatar_url: avatar_url(text("picture")),
        external_id: external_id.map(str::to_owned),
        email,
        email_trust,
    })
}

/// The real name that an account follows, in claims as they are stored at a sign-in; `None` when the provider says none.
///
/// ```
/// use doorward_domain::identity_providers::{Claims, name_said};
/// let claims = Claims::parse(br#"{"sub": "1", "name": " Ann Lee ", "nickname": ""}"#).unwrap();
/// assert_eq!(name_said(&claims, "name").unwrap().as_str(), "Ann Lee");
/// assert_eq!((name_said(&claims, "nickname"), name_said(&claims, "sub.name")), (None, None));
/// ```
#[must_use]
pub fn name_said(claims: &Claims, claim: &str) -> Option<RealName> {
    let name = real_name(claims.text(claim).ok().flatten()?);
    (!name.as_str().is_empty()).then_some(name)
}

/// What a new account may be called, by the name that the provider has, or else by the mail address.
pub(super) fn username(text: &str, email: &Email) -> Option<Username> {
    Username::suggested_by(text).or_else(|| Username::suggested_by(email.as_str()))
}

/// As much of a name as an account can have: what does not show is dropped, and what is too long is cut.
pub(super) fn real_name(text: &str) -> RealName {
    // Much longer than any name, so that nobody has us look through a book.
    let mut kept = cut(text, 16 * REAL_NAME_MAX).to_owned();
    // A joiner is dropped wherever it stands, if it stands once where it joins nothing.
    while let Some(hidden) = hidden_in_name(&kept) {
        kept = kept.replace(hidden, "");
    }
    let mut kept = cut(kept.trim(), REAL_NAME_MAX).trim();
    loop {
        match kept.parse() {
            Ok(name) => return name,
            // The cut was behind a joiner that joins nothing now.
            Err(_) => kept = cut(kept, kept.len().saturating_sub(1)).trim(),
        }
    }
}

/// The address of a picture, if browsers can show it here.
pub(super) fn avatar_url(text: &str) -> String {
    let is_shown = text.len() <= AVATAR_MAX && uri::parse(text).is_ok_and(|url| url.scheme() == "https");
    if is_shown { text.to_owned() } else { String::new() }
}

/// The first bytes of a text, by whole characters.
pub(super) fn cut(text: &str, max: usize) -> &str {
    text.get(..text.floor_char_boundary(max)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity_providers::merge::merge;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn read_with(claims: Value, provider: &Provider) -> Result<Profile, ProfileDefect> {
        let Value::Object(members) = claims else { panic!("no object") };
        read_profile(&merge(&Claims::from_members(members), None, provider).unwrap(), provider)
    }

    fn read(claims: Value) -> Result<Profile, ProfileDefect> {
        read_with(claims, &Provider::default())
    }

    #[test]
    fn without_an_address_there_is_no_profile() {
        assert_eq!(read(json!({ "sub": "1" })), Err(AddressDefect::Missing.into()));
        assert_eq!(read(json!({ "preferred_username": "ann" })), Err(AddressDefect::Missing.into()));
        assert_eq!(read(json!({ "email": 7 })), Err(AddressDefect::NoText.into()));
        let named = read(json!({ "preferred_username": "ann@b.example" })).unwrap();
        assert_eq!((named.email.as_str(), named.username.unwrap().as_str()), ("ann@b.example", "ann"));
    }

    #[test]
    fn user_names_are_made_of_the_claim_or_else_of_the_address() {
        let name =
            |text: Value| read(json!({ "email": "ann.lee@b.example", "preferred_username": text })).unwrap().username;
        assert_eq!(name(json!("Ann-L")).unwrap(), "Ann-L");
        assert_eq!(name(json!("ann_l@corp")).unwrap(), "annl");
        for unusable in [json!(null), json!(""), json!("é"), json!(7), json!("me")] {
            assert_eq!(name(unusable.clone()).unwrap(), "annlee", "{unusable}");
        }
        assert_eq!(read(json!({ "email": "me@b.example" })).unwrap().username, None);
    }

    #[test]
    fn trap_another_address_is_not_proven_by_what_was_known_of_the_one_before() {
        let email = |text: &str| -> Email { text.parse().unwrap() };
        let (before, victim) = (email("ann@b.example"), email("victim@b.example"));
        let proves =
            |profile: &Profile, now: &Email, was_proven| profile.proves_email(Some(&before), Some(now), was_proven);
        let unverified = |email: &str| read(json!({ "email": email })).unwrap();
        assert!(proves(&unverified("Ann@b.example"), &before, true));
        assert!(!proves(&unverified("ann@b.example"), &before, false));
        assert!(!proves(&unverified("victim@b.example"), &victim, true));
        let verified = read(json!({ "email": "new@b.example", "email_verified": true })).unwrap();
        assert!(proves(&verified, &email("new@b.example"), false));
        // The account has kept its own, for the new one is another user's.
        assert!(!proves(&verified, &before, false) && proves(&verified, &before, true));
        assert!(!verified.proves_email(None, None, true));
        let foreign = Profile { email_trust: EmailTrust::Verified, ..verified };
        assert!(!proves(&foreign, &email("new@b.example"), false), "not so far that accounts are linked by it");
    }

    #[test]
    fn claims_have_the_names_of_the_settings() {
        let provider = Provider {
            email_claim: "https://app/mail".to_owned(),
            username_claim: "profile.nick".to_owned(),
            name_claim: "profile.full".to_owned(),
            external_id_claim: "oid".to_owned(),
            ..Provider::default()
        };
        let claims = json!({
            "https://app/mail": "a@b.example", "profile": { "nick": "ann", "full": "Ann Lee" }, "oid": "o1",
            "email": "x@b.example", "name": "X", "preferred_username": "x",
        });
        let profile = read_with(claims, &provider).unwrap();
        assert_eq!((profile.email.as_str(), profile.name.as_str()), ("a@b.example", "Ann Lee"));
        assert_eq!((profile.username.unwrap().as_str(), profile.external_id.as_deref()), ("ann", Some("o1")));
    }

    #[test]
    fn an_external_id_is_a_text_or_it_is_told() {
        let provider = Provider { external_id_claim: "oid".to_owned(), ..Provider::default() };
        let with = |oid: Value| read_with(json!({ "email": "a@b.example", "oid": oid }), &provider);
        assert_eq!(with(json!("")).unwrap().external_id, None);
        assert_eq!(with(json!(null)).unwrap().external_id, None);
        assert!(matches!(with(json!(7)), Err(ProfileDefect::Type(_))));
        assert_eq!(with(json!("o".repeat(256))), Err(ProfileDefect::ExternalId));
        assert_eq!(read(json!({ "email": "a@b.example", "oid": "o1" })).unwrap().external_id, None);
    }

    #[test]
    fn names_are_trimmed_cut_and_show() {
        let name = |text: &str| real_name(text).into_string();
        assert_eq!(name("  Ann Lee\t"), "Ann Lee");
        assert_eq!(name("Ann\u{202e} L\u{0}ee"), "Ann Lee");
        assert_eq!(name(&"é".repeat(100)), "é".repeat(64));
        assert_eq!(name(&format!("{} b", "a".repeat(127))), "a".repeat(127));
        assert_eq!(name("\u{200b}"), "");
    }

    #[test]
    fn pictures_have_https() {
        let long = format!("https://b.example/{}", "a".repeat(AVATAR_MAX));
        for bad in [
            "",
            "http://b.example/a.png",
            "data:image/png;base64,AA",
            "javascript:alert(1)",
            "/a.png",
            "https://",
            &long,
        ] {
            assert_eq!(avatar_url(bad), "", "{bad}");
        }
        let good = "https://lh3.googleusercontent.com/a/x=s96-c";
        assert_eq!(avatar_url(good), good);
        assert_eq!(read(json!({ "email": "a@b.example", "picture": 1 })).unwrap().avatar_url, "");
    }

    proptest! {
        #[test]
        fn whatever_the_name_is_an_account_can_have_it(text in "\\PC{0,80}|[\u{200c}\u{200d}\u{fe0f}👩💻a 1]{0,60}") {
            let name = real_name(&text);
            prop_assert_eq!(name.as_str().parse::<RealName>(), Ok(name));
        }
    }
}
