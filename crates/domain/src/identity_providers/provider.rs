//! One provider of OpenID Connect, as it is configured.

mod check;

pub use check::ProviderDefect;

use super::acr::Acr;
use crate::Secret;
use crate::jws::SignatureAlgorithm;
use crate::text_enum::text_enum;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

text_enum! {
    /// Which product a provider is, where that makes a difference.
    #[derive(Default, Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    ProviderKind {
        /// Any that keeps to the standard.
        #[default]
        Generic = "generic",
        /// Microsoft Entra ID: issuers with a tenant, `xms_edov`, groups that are too many for a token.
        Entra = "entra",
        /// Okta.
        Okta = "okta",
        /// Google: an issuer with and without scheme, addresses of foreign domains.
        Google = "google",
        /// Keycloak.
        Keycloak = "keycloak",
        /// GitLab.
        Gitlab = "gitlab",
        /// Amazon Cognito.
        Cognito = "cognito",
    }
}

text_enum! {
    /// Whether an ID token must have the nonce that was sent.
    #[derive(Default, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    NonceRule {
        /// Always.
        #[default]
        Required = "required",
        /// Only one that is there must be ours: for providers that drop it.
        IfPresent = "if_present",
    }
}

text_enum! {
    /// Where claims besides those of the ID token come from.
    #[derive(Default, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    ClaimsSource {
        /// From the userinfo endpoint, which wins.
        #[default]
        Merged = "merged",
        /// From nowhere.
        None = "none",
        /// From the access token, which is a signed token of this provider, and wins.
        AccessToken = "access_token",
    }
}

text_enum! {
    /// What a claim of groups means that is not there at all.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    GroupsMissing {
        /// Nothing: memberships stay.
        Keep = "keep",
        /// No groups.
        Empty = "empty",
    }
}

text_enum! {
    /// How a claim of groups that is one text is read.
    #[derive(Default, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    GroupSeparator {
        /// As one group; a text with a comma cannot be read.
        #[default]
        None = "none",
        /// As groups with commas between them.
        Comma = "comma",
        /// As groups with white space between them.
        Space = "space",
    }
}

text_enum! {
    /// How this server authenticates at a token endpoint.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    ClientAuthentication {
        /// In the header `Authorization` (RFC 6749 2.3.1).
        Basic = "basic",
        /// In the body.
        Post = "post",
        /// By an assertion that a private key of this server signs (RFC 7523).
        PrivateKeyJwt = "private_key_jwt",
    }
}

text_enum! {
    /// For whom an assertion of this server is, in its claim `aud`.
    #[derive(Default, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    AssertionAudience {
        /// The token endpoint (OpenID Connect Core 1.0, 9).
        #[default]
        TokenEndpoint = "token_endpoint",
        /// The issuer.
        Issuer = "issuer",
    }
}

/// One provider: an entry of a list in the settings. With the feature `settings` it is read and written; keys that are not known are
/// an error, and those that are left out have the values of [`Default`].
///
/// ```
/// use doorward_domain::identity_providers::{GroupsMissing, Provider, ProviderDefect, ProviderKind};
/// let mut provider = Provider {
///     name: "entra".to_owned(),
///     kind: ProviderKind::Entra,
///     issuer: "https://login.microsoftonline.com/common/v2.0".to_owned(),
///     client_id: "app".to_owned(),
///     ..Provider::default()
/// };
/// assert_eq!(provider.check(), [ProviderDefect::TenantsMissing]);
/// provider.allowed_tenants = vec!["6ba7b810-9dad-11d1-80b4-00c04fd430c8".to_owned()];
/// assert_eq!(provider.check(), []);
/// assert_eq!(provider.groups_missing(), GroupsMissing::Keep);
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "settings", derive(Serialize, Deserialize), serde(default, deny_unknown_fields))]
#[expect(clippy::struct_excessive_bools, reason = "keys of a settings file that do not depend on each other")]
pub struct Provider {
    /// Its name in paths (`/users/oidc/{name}/callback`): lower case letters, digits and single hyphens, at most 32.
    pub name: String,
    /// What people are shown on the button; empty: the name.
    pub display_name: String,
    /// The address of a picture for the button, or empty.
    pub icon_url: String,
    /// Which product it is.
    pub kind: ProviderKind,
    /// The issuer, exactly as its tokens write it.
    pub issuer: String,
    /// How the issuer was written before; tokens and links with one of these are of this provider too.
    #[cfg_attr(feature = "settings", serde(deserialize_with = "crate::settings::comma_list"))]
    pub issuer_aliases: Vec<String>,
    /// The id of this server there.
    pub client_id: String,
    /// Its secret there; empty for a public client, and for one with a private key.
    pub client_secret: Secret<String>,
    /// The private key with which this server signs assertions for the token endpoint, in PEM; empty: in a file, or none.
    pub private_key: Secret<String>,
    /// The file with that key; empty: none.
    pub private_key_file: PathBuf,
    /// By which algorithm the key signs.
    pub private_key_alg: SignatureAlgorithm,
    /// The id of the key, as the provider knows it; empty: none is said.
    pub private_key_id: String,
    /// The SHA-256 thumbprint of the certificate of the key, in base64url, as Entra wants it (`x5t#S256`); empty: none is said.
    pub certificate_thumbprint: String,
    /// For whom assertions are.
    pub assertion_audience: AssertionAudience,
    /// Whether people come back to `/api/v2/users/oidc/callback`, which Coder's servers have, in the place of an address of this
    /// provider alone. For the first one only.
    pub shared_callback: bool,
    /// What is asked for. `openid` must be among them.
    #[cfg_attr(feature = "settings", serde(deserialize_with = "crate::settings::comma_list"))]
    pub scopes: Vec<String>,
    /// By which algorithms tokens may be signed.
    #[cfg_attr(feature = "settings", serde(deserialize_with = "crate::settings::comma_list"))]
    pub algs: Vec<SignatureAlgorithm>,
    /// Audiences besides the client id that an ID token may have.
    #[cfg_attr(feature = "settings", serde(deserialize_with = "crate::settings::comma_list"))]
    pub trusted_audiences: Vec<String>,
    /// Whether ID tokens must have the nonce.
    pub nonce: NonceRule,
    /// Whether a code challenge is sent.
    pub pkce: bool,
    /// The claim that is the mail address.
    pub email_claim: String,
    /// The claim that a user name is made of.
    pub username_claim: String,
    /// The claim that is the real name.
    pub name_claim: String,
    /// The claim that names groups; empty: groups do not follow.
    pub groups_claim: String,
    /// Where claims besides those of the ID token come from.
    pub claims_source: ClaimsSource,
    /// Whether an address counts as verified when nothing is said about that. Sound only where the operator rules the directory.
    pub assume_email_verified: bool,
    /// Whether somebody may sign in whose address is said not to be verified. It stays unverified.
    pub ignore_email_verified: bool,
    /// Ids of the tenants of Microsoft Entra that may sign in; empty: that of the issuer.
    #[cfg_attr(feature = "settings", serde(deserialize_with = "crate::settings::comma_list"))]
    pub allowed_tenants: Vec<String>,
    /// Domains of mail addresses that may sign in; empty: all. At Google the Workspace of the account must be one of them, too.
    #[cfg_attr(feature = "settings", serde(deserialize_with = "crate::settings::comma_list"))]
    pub email_domains: Vec<String>,
    /// What a missing claim of groups means; `None`: as the kind wants it.
    pub groups_missing: Option<GroupsMissing>,
    /// How groups are read that are one text.
    pub group_separator: GroupSeparator,
    /// Whether the first `/` of a group is dropped (Keycloak writes paths).
    pub strip_group_slash: bool,
    /// The claim that is the SCIM `externalId` of the account, such as `oid`; empty: none is.
    pub external_id_claim: String,
    /// Whether methods of authentication that the provider names are believed.
    pub trust_amr: bool,
    /// What an `acr` of the provider is here.
    pub acr_map: BTreeMap<String, Acr>,
    /// Whether signing out here signs out there.
    pub upstream_logout: bool,
    /// How this server authenticates there; `None`: by its private key, if it has one, and else what the provider lists, `basic`
    /// first.
    pub authentication: Option<ClientAuthentication>,
    /// More parameters of the authorization request. Those of the protocol are not overridden.
    pub authorize_parameters: BTreeMap<String, String>,
}

impl Default for Provider {
    fn default() -> Self {
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        Self {
            name: String::new(),
            display_name: String::new(),
            icon_url: String::new(),
            kind: ProviderKind::Generic,
            issuer: String::new(),
            issuer_aliases: Vec::new(),
            client_id: String::new(),
            client_secret: Secret::new(String::new()),
            private_key: Secret::new(String::new()),
            private_key_file: PathBuf::new(),
            private_key_alg: SignatureAlgorithm::Rs256,
            private_key_id: String::new(),
            certificate_thumbprint: String::new(),
            assertion_audience: AssertionAudience::TokenEndpoint,
            shared_callback: false,
            scopes: texts(&["openid", "profile", "email"]),
            algs: vec![SignatureAlgorithm::Rs256],
            trusted_audiences: Vec::new(),
            nonce: NonceRule::Required,
            pkce: true,
            email_claim: "email".to_owned(),
            username_claim: "preferred_username".to_owned(),
            name_claim: "name".to_owned(),
            groups_claim: String::new(),
            claims_source: ClaimsSource::Merged,
            assume_email_verified: false,
            ignore_email_verified: false,
            allowed_tenants: Vec::new(),
            email_domains: Vec::new(),
            groups_missing: None,
            group_separator: GroupSeparator::None,
            strip_group_slash: false,
            external_id_claim: String::new(),
            trust_amr: false,
            acr_map: BTreeMap::new(),
            upstream_logout: false,
            authentication: None,
            authorize_parameters: BTreeMap::new(),
        }
    }
}

impl Provider {
    /// What people are shown.
    #[must_use]
    pub fn shown_name(&self) -> &str {
        if self.display_name.is_empty() { &self.name } else { &self.display_name }
    }

    /// Whether this server has a private key there.
    #[must_use]
    pub fn has_private_key(&self) -> bool {
        !self.private_key.expose().is_empty() || !self.private_key_file.as_os_str().is_empty()
    }

    /// What a missing claim of groups means. Entra leaves the claim out where it is too long, so there it means nothing.
    #[must_use]
    pub fn groups_missing(&self) -> GroupsMissing {
        self.groups_missing.unwrap_or(match self.kind {
            ProviderKind::Entra => GroupsMissing::Keep,
            ProviderKind::Generic
            | ProviderKind::Okta
            | ProviderKind::Google
            | ProviderKind::Keycloak
            | ProviderKind::Gitlab
            | ProviderKind::Cognito => GroupsMissing::Empty,
        })
    }

    /// Whether addresses of this domain may sign in: the part behind the last `@`, without regard to letter case. A leading `@` in
    /// the settings is ignored.
    #[must_use]
    pub fn allows_domain_of(&self, email: &str) -> bool {
        email.rsplit_once('@').is_some_and(|(_, domain)| self.allows_domain(domain))
    }

    /// Whether people of this domain may sign in.
    pub(super) fn allows_domain(&self, domain: &str) -> bool {
        let domain = domain.to_lowercase();
        let names_it = |allowed: &String| allowed.trim_start_matches('@').to_lowercase() == domain;
        self.email_domains.is_empty() || self.email_domains.iter().any(names_it)
    }

    /// The parameters of the settings that an authorization request gets, besides those of the names in `sent`: what this server
    /// sends itself is not overridden.
    pub fn extra_parameters<'p>(&'p self, sent: &'p [&str]) -> impl Iterator<Item = (&'p str, &'p str)> {
        let pairs = self.authorize_parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        pairs.filter(|(name, _)| !check::is_own_parameter(name) && !sent.contains(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity_providers::linking::LinkByEmail;
    use serde_json::json;

    fn words<T: Serialize + Copy>(all: &[T], text: impl Fn(T) -> &'static str) {
        for value in all {
            assert_eq!(serde_json::to_value(value).unwrap(), text(*value));
        }
    }

    #[test]
    fn settings_and_code_spell_words_alike() {
        words(ProviderKind::ALL, ProviderKind::as_str);
        words(NonceRule::ALL, NonceRule::as_str);
        words(ClaimsSource::ALL, ClaimsSource::as_str);
        words(GroupsMissing::ALL, GroupsMissing::as_str);
        words(GroupSeparator::ALL, GroupSeparator::as_str);
        words(ClientAuthentication::ALL, ClientAuthentication::as_str);
        words(AssertionAudience::ALL, AssertionAudience::as_str);
        words(LinkByEmail::ALL, LinkByEmail::as_str);
        words(SignatureAlgorithm::ALL, SignatureAlgorithm::as_str);
        words(Acr::ALL, Acr::as_str);
    }

    #[test]
    fn an_entry_of_the_settings_needs_three_keys() {
        let read: Provider =
            serde_json::from_value(json!({ "name": "a", "issuer": "https://id.example", "client_id": "x" })).unwrap();
        assert_eq!(read.check(), []);
        assert_eq!(read.scopes, ["openid", "profile", "email"]);
        assert_eq!(read.algs, [SignatureAlgorithm::Rs256]);
        assert_eq!((read.pkce, read.nonce, read.claims_source), (true, NonceRule::Required, ClaimsSource::Merged));
        let written = serde_json::to_value(&read).unwrap();
        let again: Provider = serde_json::from_value(written.clone()).unwrap();
        assert_eq!(serde_json::to_value(again).unwrap(), written);
        let misspelled = json!({ "allowed_tenant": ["x"] });
        for bad in [json!({ "algs": ["none"] }), json!({ "algs": ["HS256"] }), json!({ "kind": "Entra" }), misspelled] {
            assert!(serde_json::from_value::<Provider>(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_secret_is_never_written() {
        let read: Provider = serde_json::from_value(json!({ "client_secret": "hunter2" })).unwrap();
        assert_eq!(read.client_secret.expose(), "hunter2");
        let written = serde_json::to_string(&read).unwrap();
        assert!(!written.contains("hunter2") && !format!("{read:?}").contains("hunter2"));
    }

    #[test]
    fn domains_are_compared_behind_the_last_at_sign() {
        let provider = Provider { email_domains: vec!["@Example.com".to_owned()], ..Provider::default() };
        for good in ["a@example.com", "a@EXAMPLE.COM", "\"x@y\"@example.com"] {
            assert!(provider.allows_domain_of(good), "{good}");
        }
        for bad in ["a@sub.example.com", "a@example.com.evil.example", "a@example.com@evil.example", "example.com"] {
            assert!(!provider.allows_domain_of(bad), "{bad}");
        }
        assert!(Provider::default().allows_domain_of("a@anything.example"));
    }

    #[test]
    fn parameters_of_the_settings_never_override_those_of_the_protocol() {
        let pairs = [("access_type", "offline"), ("prompt", "consent"), ("state", "x"), ("redirect_uri", "https://x")];
        let authorize_parameters = pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let provider = Provider { authorize_parameters, ..Provider::default() };
        let (offline, consent) = (("access_type", "offline"), ("prompt", "consent"));
        assert_eq!(provider.extra_parameters(&[]).collect::<Vec<_>>(), [offline, consent]);
        assert_eq!(provider.extra_parameters(&["prompt"]).collect::<Vec<_>>(), [offline]);
    }

    #[test]
    fn only_entra_keeps_groups_that_are_not_sent() {
        for kind in ProviderKind::ALL {
            let provider = Provider { kind: *kind, ..Provider::default() };
            assert_eq!(provider.groups_missing() == GroupsMissing::Keep, *kind == ProviderKind::Entra);
        }
        let told = Provider { groups_missing: Some(GroupsMissing::Keep), ..Provider::default() };
        assert_eq!((told.groups_missing(), told.shown_name()), (GroupsMissing::Keep, ""));
    }
}
