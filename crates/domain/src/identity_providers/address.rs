//! The mail address that a provider says somebody has, and how far that is believed.

use super::provider::{Provider, ProviderKind};
use crate::jws::Claims;
use crate::names::Email;
use icu_normalizer::ComposingNormalizer;
use serde_json::Value;

/// Claims that say whether a mail address is verified. Entra has one of its own: whether the owner of the domain is.
pub(super) const WORDS_ON_ADDRESSES: [&str; 2] = [VERIFIED, DOMAIN_VERIFIED];
const EMAIL: &str = "email";
const VERIFIED: &str = "email_verified";
const DOMAIN_VERIFIED: &str = "xms_edov";
/// The claim that names the Google Workspace of an account.
const HOSTED_DOMAIN: &str = "hd";

/// Why a mail address is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressDefect {
    /// There is none.
    #[error("the provider has sent no mail address")]
    Missing,
    /// It is no text.
    #[error("the mail address that the provider has sent is no text")]
    NoText,
    /// It is no address.
    #[error("what the provider has sent as mail address is none")]
    NoAddress,
    /// The provider says that it is not verified.
    #[error("the mail address is not verified at the provider")]
    NotVerified,
    /// Its domain may not sign in.
    #[error("mail addresses of this domain may not sign in")]
    Domain,
}

/// How far it is believed that somebody has a mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EmailTrust {
    /// Not at all.
    Unverified,
    /// The provider has verified it, but does not rule its domain, or did not say it of the address itself: an account that is there
    /// is not given away for it.
    Verified,
    /// So far that an account of this address may be theirs.
    ForLinking,
}

impl EmailTrust {
    /// Whether the address of the account counts as verified.
    #[must_use]
    pub fn is_verified(self) -> bool {
        self >= Self::Verified
    }
}

/// What one source has said of a mail address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressClaims {
    email: Value,
    /// It stood in the claim for user names, where what is said of mail addresses is not meant.
    is_username: bool,
    verified: Option<Value>,
    domain_verified: Option<Value>,
    /// The Google Workspace of the account; never empty.
    hosted_domain: Option<String>,
}

impl AddressClaims {
    /// The mail address in the first of the sources that has one, with what this source says of it; or, if it says nothing, what
    /// another one says of the same address. If none has one, the user name where it is an address.
    pub(super) fn find(sources: &[&Claims], provider: &Provider) -> Option<Self> {
        let has = |value: &Value| value.as_str() != Some("");
        let email = |source: &&Claims| source.get(&provider.email_claim).is_some_and(has);
        let mut found = sources
            .iter()
            .filter(|source| email(source))
            .filter_map(|source| Self::of(source, &provider.email_claim, false));
        if let Some(first) = found.next() {
            // Userinfo of Entra says nothing of the address; its ID token does, and of the same one.
            let is_more = |other: &Self| other.has_words() && other.is_same_as(&first);
            let more = if first.has_words() { None } else { found.find(is_more) };
            return Some(more.unwrap_or(first));
        }
        let is_address = |value: &Value| value.as_str().is_some_and(|text| parse(text).is_some());
        // The name of userinfo is the name; that of the ID token is looked at only if there is no other.
        let named = sources.iter().find(|source| source.get(&provider.username_claim).is_some_and(has))?;
        named.get(&provider.username_claim).filter(|value| is_address(value))?;
        Self::of(named, &provider.username_claim, true)
    }

    fn of(source: &Claims, claim: &str, is_username: bool) -> Option<Self> {
        let hosted_domain = source.text(HOSTED_DOMAIN).ok().flatten();
        let email = source.get(claim)?.clone();
        // The words are about the claim `email`. Another one may hold what somebody chose.
        let is_meant = claim == EMAIL
            || matches!((email.as_str(), source.text(EMAIL)), (Some(one), Ok(Some(other))) if same_address(one, other));
        Some(Self {
            verified: source.get(VERIFIED).filter(|_| is_meant).cloned(),
            domain_verified: source.get(DOMAIN_VERIFIED).filter(|_| is_meant).cloned(),
            email,
            is_username,
            hosted_domain: hosted_domain.filter(|domain| !domain.is_empty()).map(str::to_owned),
        })
    }

    fn has_words(&self) -> bool {
        self.words().next().is_some()
    }

    fn is_same_as(&self, other: &Self) -> bool {
        matches!((self.email.as_str(), other.email.as_str()), (Some(one), Some(other)) if same_address(one, other))
    }

    /// What is said of the address, by claim.
    pub(super) fn words(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        [(VERIFIED, &self.verified), (DOMAIN_VERIFIED, &self.domain_verified)]
            .into_iter()
            .filter_map(|(name, word)| Some((name, word.as_ref()?)))
    }

    /// The address, and how far it is believed.
    pub(super) fn read(&self, provider: &Provider) -> Result<(Email, EmailTrust), AddressDefect> {
        let text = self.email.as_str().ok_or(AddressDefect::NoText)?;
        let email = parse(text).ok_or(AddressDefect::NoAddress)?;
        let is_foreign = provider.kind == ProviderKind::Google && !is_gmail(&email);
        let is_allowed =
            provider.allows_domain_of(email.as_str()) && (!is_foreign || self.is_hosted_as_allowed(provider));
        if !is_allowed {
            return Err(AddressDefect::Domain);
        }
        let word = self.verified.as_ref().map(is_true);
        let of_domain = self.domain_verified.as_ref().filter(|_| provider.kind == ProviderKind::Entra);
        let trust = match word.or_else(|| of_domain.map(is_domain_verified)) {
            // Said of the address, and not of the user name.
            Some(true) if self.is_username => EmailTrust::Unverified,
            Some(true) => EmailTrust::ForLinking,
            Some(false) if provider.ignore_email_verified => EmailTrust::Unverified,
            Some(false) => return Err(AddressDefect::NotVerified),
            None if provider.assume_email_verified && self.is_username => EmailTrust::Verified,
            None if provider.assume_email_verified => EmailTrust::ForLinking,
            None => EmailTrust::Unverified,
        };
        let is_believed_less = is_foreign && self.hosted_domain.is_none();
        Ok((email, if is_believed_less { trust.min(EmailTrust::Verified) } else { trust }))
    }

    /// Whether the account is of a Workspace of the settings, where they name domains. Anybody who once read mail of a company may
    /// have an account with that address which the company does not rule.
    fn is_hosted_as_allowed(&self, provider: &Provider) -> bool {
        provider.email_domains.is_empty()
            || self.hosted_domain.as_ref().is_some_and(|domain| provider.allows_domain(domain))
    }
}

/// Whether two mail addresses are of the same mailbox, as far as anybody but its own server can say: without regard to letter case
/// and to how letters are composed (NFC). What stands behind a `+`, and dots, are part of it.
///
/// ```
/// use doorward_domain::identity_providers::same_address;
/// assert!(same_address("Zoe\u{308}@example.com", "ZO\u{cb}@EXAMPLE.com"));
/// assert!(!same_address("ann+a@example.com", "ann@example.com"));
/// ```
#[must_use]
pub fn same_address(one: &str, other: &str) -> bool {
    folded(one) == folded(other)
}

/// The address in its composed form: what looks the same is the same.
pub(super) fn parse(text: &str) -> Option<Email> {
    composed(text).parse().ok()
}

fn composed(text: &str) -> String {
    ComposingNormalizer::new_nfc().normalize(text).into_owned()
}

fn folded(text: &str) -> String {
    composed(&composed(text).to_lowercase())
}

/// Some providers write booleans as texts.
fn is_true(word: &Value) -> bool {
    match word {
        Value::Bool(flag) => *flag,
        Value::String(text) => matches!(text.as_str(), "true" | "True"),
        Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

/// Entra writes this one as a boolean, a number, or the text of a number.
fn is_domain_verified(word: &Value) -> bool {
    match word {
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_u64() == Some(1),
        Value::String(text) => matches!(text.as_str(), "1" | "true" | "True"),
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

fn is_gmail(email: &Email) -> bool {
    email.key().ends_with("@gmail.com")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(claims: Value, provider: &Provider) -> Result<EmailTrust, AddressDefect> {
        let Value::Object(members) = claims else { panic!("no object") };
        let claims = Claims::from_members(members);
        let found = AddressClaims::find(&[&claims], provider).ok_or(AddressDefect::Missing)?;
        found.read(provider).map(|(_, trust)| trust)
    }

    fn with_word(word: Value) -> Result<EmailTrust, AddressDefect> {
        read(Value::from_iter([("email", json!("a@b.example")), ("email_verified", word)]), &Provider::default())
    }

    #[test]
    fn true_is_true_and_its_text() {
        for yes in [json!(true), json!("true"), json!("True")] {
            assert_eq!(with_word(yes.clone()), Ok(EmailTrust::ForLinking), "{yes}");
        }
    }

    #[test]
    fn everything_else_that_is_said_is_no() {
        for no in
            [json!(false), json!("false"), json!(0), json!(1), json!("1"), json!("TRUE"), json!(""), json!([true])]
        {
            assert_eq!(with_word(no.clone()), Err(AddressDefect::NotVerified), "{no}");
        }
    }

    #[test]
    fn what_is_not_said_is_unverified_and_signs_in() {
        assert_eq!(read(json!({ "email": "a@b.example" }), &Provider::default()), Ok(EmailTrust::Unverified));
        assert_eq!(with_word(json!(null)), Ok(EmailTrust::Unverified));
        assert!(!EmailTrust::Unverified.is_verified() && EmailTrust::Verified.is_verified());
    }

    #[test]
    fn who_ignores_a_no_does_not_make_it_a_yes() {
        let lenient = Provider { ignore_email_verified: true, assume_email_verified: true, ..Provider::default() };
        let claims = json!({ "email": "a@b.example", "email_verified": false });
        assert_eq!(read(claims, &lenient), Ok(EmailTrust::Unverified));
        assert_eq!(read(json!({ "email": "a@b.example" }), &lenient), Ok(EmailTrust::ForLinking));
    }

    #[test]
    fn entra_says_it_of_the_domain() {
        let entra = Provider { kind: ProviderKind::Entra, ..Provider::default() };
        let edov = |word: Value| json!({ "email": "a@b.example", "xms_edov": word });
        for yes in [json!(true), json!(1), json!("1")] {
            assert_eq!(read(edov(yes.clone()), &entra), Ok(EmailTrust::ForLinking), "{yes}");
        }
        for no in [json!(false), json!(0), json!("0"), json!(2), json!([])] {
            assert_eq!(read(edov(no.clone()), &entra), Err(AddressDefect::NotVerified), "{no}");
        }
        assert_eq!(read(edov(json!(true)), &Provider::default()), Ok(EmailTrust::Unverified));
    }

    #[test]
    fn google_verifies_addresses_of_domains_that_are_not_its_own() {
        let google = Provider { kind: ProviderKind::Google, ..Provider::default() };
        let said = |email: &str| json!({ "email": email, "email_verified": true });
        assert_eq!(read(said("a@corp.example"), &google), Ok(EmailTrust::Verified));
        assert_eq!(read(said("a@Gmail.com"), &google), Ok(EmailTrust::ForLinking));
        assert_eq!(read(said("a@notgmail.com"), &google), Ok(EmailTrust::Verified));
        let hosted = json!({ "email": "a@corp.example", "email_verified": true, "hd": "corp.example" });
        assert_eq!(read(hosted, &google), Ok(EmailTrust::ForLinking));
        let empty = json!({ "email": "a@corp.example", "email_verified": true, "hd": "" });
        assert_eq!(read(empty, &google), Ok(EmailTrust::Verified));
    }

    #[test]
    fn a_google_account_with_the_address_of_a_company_is_not_of_the_company() {
        let email_domains = vec!["corp.example".to_owned(), "gmail.com".to_owned()];
        let google = Provider { kind: ProviderKind::Google, email_domains, ..Provider::default() };
        let said = |email: &str, hd: Value| json!({ "email": email, "email_verified": true, "hd": hd });
        assert_eq!(read(said("a@corp.example", json!(null)), &google), Err(AddressDefect::Domain));
        assert_eq!(read(said("a@corp.example", json!("other.example")), &google), Err(AddressDefect::Domain));
        assert_eq!(read(said("a@corp.example", json!("Corp.example")), &google), Ok(EmailTrust::ForLinking));
        assert_eq!(read(said("a@gmail.com", json!(null)), &google), Ok(EmailTrust::ForLinking));
    }

    #[test]
    fn a_user_name_that_is_an_address_is_believed_less() {
        let named = json!({ "preferred_username": "a@b.example", "email_verified": true });
        assert_eq!(read(named, &Provider::default()), Ok(EmailTrust::Unverified));
        let assuming = Provider { assume_email_verified: true, ..Provider::default() };
        assert_eq!(read(json!({ "preferred_username": "a@b.example" }), &assuming), Ok(EmailTrust::Verified));
        assert_eq!(read(json!({ "preferred_username": "ann" }), &assuming), Err(AddressDefect::Missing));
        assert_eq!(read(json!({ "email": "", "name": "a@b.example" }), &assuming), Err(AddressDefect::Missing));
    }

    #[test]
    fn what_is_no_address_is_told() {
        let own = Provider::default();
        assert_eq!(read(json!({ "email": ["a@b.example"] }), &own), Err(AddressDefect::NoText));
        assert_eq!(read(json!({ "email": "ann" }), &own), Err(AddressDefect::NoAddress));
        assert_eq!(read(json!({ "email": "a\u{202e}@b.example" }), &own), Err(AddressDefect::NoAddress));
        let domains = Provider { email_domains: vec!["c.example".to_owned()], ..Provider::default() };
        assert_eq!(read(json!({ "email": "a@b.example" }), &domains), Err(AddressDefect::Domain));
    }

    #[test]
    fn addresses_are_composed() {
        let email = parse("zoe\u{308}@example.com").unwrap();
        assert_eq!(email, "zo\u{eb}@example.com");
        assert!(!same_address("a.b@gmail.com", "ab@gmail.com"));
        assert!(same_address("A@B.example", "a@b.EXAMPLE"));
    }
}
