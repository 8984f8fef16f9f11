//! What is wrong with an entry of the settings.

use super::{ClientAuthentication, Provider, ProviderKind};
use crate::identity_providers::endpoint::is_endpoint;
use crate::identity_providers::issuer::{is_multi_tenant, tenant_id};
use crate::names::hidden_in_name;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::SHA256_OUTPUT_LEN;

/// Longest name, in bytes.
const NAME_MAX: usize = 32;
/// The most entries of a list.
const ENTRIES_MAX: usize = 100;
/// Longest text, in bytes.
const TEXT_MAX: usize = 2048;

/// The path of the provider that was there first, and the one that does not speak OpenID Connect.
const RESERVED: [&str; 2] = ["callback", "github"];

/// A defect of a [`Provider`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderDefect {
    /// The name cannot stand in a path.
    #[error(
        "`name` must have lower case letters and digits in groups joined by single hyphens, at most {NAME_MAX} bytes"
    )]
    Name,
    /// The name means something else.
    #[error("`name` must not be `{0}`, which means something else")]
    ReservedName(String),
    /// The issuer, an alias or the picture is no address.
    #[error("`{0}` must be an address with https, or with http on this machine, without fragment")]
    Address(&'static str),
    /// An issuer with a query (OpenID Connect Discovery 1.0, 3).
    #[error("`issuer` must not have a query")]
    IssuerQuery,
    /// A key without which nothing works.
    #[error("`{0}` must not be empty")]
    Empty(&'static str),
    /// A text that is too long or has characters that do not show.
    #[error("`{0}` must have at most {TEXT_MAX} bytes, all of which show")]
    Text(&'static str),
    /// A list that is too long.
    #[error("`{0}` must have at most {ENTRIES_MAX} entries")]
    TooMany(&'static str),
    /// `openid` is not among the scopes.
    #[error("`scopes` must have `openid`")]
    OpenIdMissing,
    /// A scope that is none (RFC 6749 3.3).
    #[error("`scopes` has `{0}`, which is no scope")]
    Scope(String),
    /// Anybody of any tenant could sign in.
    #[error("`allowed_tenants` must name tenants, for this issuer is of all of them")]
    TenantsMissing,
    /// A tenant that is no id.
    #[error("`allowed_tenants` has `{0}`, which is no id of a tenant")]
    Tenant(String),
    /// Tenants of a provider that has none.
    #[error("`allowed_tenants` is for `kind = \"entra\"` only")]
    TenantsOfOthers,
    /// Any administrator of any tenant could take over accounts by writing down their addresses.
    #[error("`assume_email_verified` must be false, for everybody's administrators write addresses at this issuer")]
    AssumesForAll,
    /// A domain that is none.
    #[error("`email_domains` has `{0}`, which is no domain")]
    Domain(String),
    /// Two ways to prove who this server is.
    #[error("`{0}` and `{1}` must not be given both")]
    Both(&'static str, &'static str),
    /// A private key that is never used, or an authentication without what it needs.
    #[error("`authentication = \"private_key_jwt\"` needs `private_key` or `private_key_file`, and they need it")]
    PrivateKey,
    /// A thumbprint that is none.
    #[error("`certificate_thumbprint` must be a SHA-256 thumbprint in base64url, without padding")]
    Thumbprint,
    /// A parameter that belongs to the protocol.
    #[error("`authorize_parameters` must not have `{0}`, which this server sets itself")]
    OwnParameter(String),
}

/// Parameters of authorization requests that belong to this server.
pub(super) fn is_own_parameter(name: &str) -> bool {
    const OWN: [&str; 17] = [
        "response_type",
        "response_mode",
        "client_id",
        "client_secret",
        "client_assertion",
        "client_assertion_type",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
        "request",
        "request_uri",
        "max_age",
        "id_token_hint",
        "claims",
    ];
    OWN.contains(&name)
}

impl Provider {
    /// All that is wrong with it; empty when nothing is. Whether two have the same name or issuer is for whoever has the list.
    #[must_use]
    pub fn check(&self) -> Vec<ProviderDefect> {
        let mut found = Vec::new();
        self.check_names(&mut found);
        self.check_addresses(&mut found);
        self.check_lists(&mut found);
        self.check_private_key(&mut found);
        self.check_trust(&mut found);
        found
    }

    fn check_private_key(&self, found: &mut Vec<ProviderDefect>) {
        let is_inline = !self.private_key.expose().is_empty();
        let is_in_file = !self.private_key_file.as_os_str().is_empty();
        if is_inline && is_in_file {
            found.push(ProviderDefect::Both("private_key", "private_key_file"));
        }
        if self.has_private_key() && !self.client_secret.expose().is_empty() {
            found.push(ProviderDefect::Both("private_key", "client_secret"));
        }
        let is_by_key = self.authentication.map(|set| set == ClientAuthentication::PrivateKeyJwt);
        if is_by_key.is_some_and(|is_by_key| is_by_key != self.has_private_key()) {
            found.push(ProviderDefect::PrivateKey);
        }
        let is_sha256 = |text: &str| URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == SHA256_OUTPUT_LEN);
        if !self.certificate_thumbprint.is_empty() && !is_sha256(&self.certificate_thumbprint) {
            found.push(ProviderDefect::Thumbprint);
        }
    }

    fn check_names(&self, found: &mut Vec<ProviderDefect>) {
        if !is_provider_name(&self.name) {
            found.push(ProviderDefect::Name);
        } else if RESERVED.contains(&self.name.as_str()) {
            found.push(ProviderDefect::ReservedName(self.name.clone()));
        }
        let needed = [
            ("client_id", &self.client_id),
            ("email_claim", &self.email_claim),
            ("username_claim", &self.username_claim),
        ];
        found.extend(needed.iter().filter(|(_, text)| text.is_empty()).map(|(key, _)| ProviderDefect::Empty(key)));
        let texts = [
            ("display_name", &self.display_name),
            ("client_id", &self.client_id),
            ("email_claim", &self.email_claim),
            ("username_claim", &self.username_claim),
            ("name_claim", &self.name_claim),
            ("groups_claim", &self.groups_claim),
            ("external_id_claim", &self.external_id_claim),
            ("private_key_id", &self.private_key_id),
        ];
        let is_bad = |text: &str| text.len() > TEXT_MAX || hidden_in_name(text).is_some();
        found.extend(texts.iter().filter(|(_, text)| is_bad(text)).map(|(key, _)| ProviderDefect::Text(key)));
    }

    fn check_addresses(&self, found: &mut Vec<ProviderDefect>) {
        if self.issuer.is_empty() {
            found.push(ProviderDefect::Empty("issuer"));
        } else if !is_issuer(&self.issuer) {
            found.push(ProviderDefect::Address("issuer"));
        } else if self.issuer.contains('?') {
            found.push(ProviderDefect::IssuerQuery);
        }
        // An alias is compared and never fetched, so it may be anything that somebody once configured.
        if self.issuer_aliases.iter().any(|alias| alias.is_empty() || alias.len() > TEXT_MAX) {
            found.push(ProviderDefect::Text("issuer_aliases"));
        }
        // What begins with two slashes is on another host.
        let is_own = self.icon_url.starts_with('/') && !self.icon_url.starts_with("//");
        if !self.icon_url.is_empty() && !is_own && !is_endpoint(&self.icon_url) {
            found.push(ProviderDefect::Address("icon_url"));
        }
    }

    fn check_lists(&self, found: &mut Vec<ProviderDefect>) {
        let lengths = [
            ("issuer_aliases", self.issuer_aliases.len()),
            ("scopes", self.scopes.len()),
            ("trusted_audiences", self.trusted_audiences.len()),
            ("allowed_tenants", self.allowed_tenants.len()),
            ("email_domains", self.email_domains.len()),
            ("acr_map", self.acr_map.len()),
            ("authorize_parameters", self.authorize_parameters.len()),
        ];
        let long = lengths.iter().filter(|(_, length)| *length > ENTRIES_MAX);
        found.extend(long.map(|(key, _)| ProviderDefect::TooMany(key)));
        if self.algs.is_empty() {
            found.push(ProviderDefect::Empty("algs"));
        }
        if !self.scopes.iter().any(|scope| scope == "openid") {
            found.push(ProviderDefect::OpenIdMissing);
        }
        let no_scope = self.scopes.iter().filter(|scope| !is_scope(scope));
        found.extend(no_scope.map(|scope| ProviderDefect::Scope(scope.clone())));
        let no_domain = self.email_domains.iter().filter(|domain| !is_domain(domain.trim_start_matches('@')));
        found.extend(no_domain.map(|domain| ProviderDefect::Domain(domain.clone())));
        let own = self.authorize_parameters.keys().filter(|name| is_own_parameter(name));
        found.extend(own.map(|name| ProviderDefect::OwnParameter(name.clone())));
    }

    fn check_trust(&self, found: &mut Vec<ProviderDefect>) {
        if self.kind != ProviderKind::Entra {
            if !self.allowed_tenants.is_empty() {
                found.push(ProviderDefect::TenantsOfOthers);
            }
            return;
        }
        let no_tenant = self.allowed_tenants.iter().filter(|tenant| tenant_id(tenant).is_none());
        found.extend(no_tenant.map(|tenant| ProviderDefect::Tenant(tenant.clone())));
        if is_multi_tenant(&self.issuer) {
            if self.allowed_tenants.is_empty() {
                found.push(ProviderDefect::TenantsMissing);
            }
            if self.assume_email_verified {
                found.push(ProviderDefect::AssumesForAll);
            }
        }
    }
}

/// An address, in which the place of a tenant may be left open.
fn is_issuer(text: &str) -> bool {
    is_endpoint(&text.replace("{tenantid}", "tenant"))
}

fn is_provider_name(text: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    text.len() <= NAME_MAX && text.split('-').all(is_part)
}

/// `NQCHAR`s (RFC 6749 3.3).
fn is_scope(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
    !text.is_empty() && text.len() <= TEXT_MAX && text.bytes().all(fits)
}

fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-');
    text.len() <= 254 && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity_providers::acr::Acr;

    fn provider() -> Provider {
        Provider {
            name: "id".to_owned(),
            issuer: "https://id.example".to_owned(),
            client_id: "client".to_owned(),
            ..Provider::default()
        }
    }

    fn entra(issuer: &str) -> Provider {
        Provider { kind: ProviderKind::Entra, issuer: issuer.to_owned(), ..provider() }
    }

    const COMMON: &str = "https://login.microsoftonline.com/common/v2.0";
    const TENANT: &str = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";

    #[test]
    fn names_stand_in_paths() {
        for good in ["a", "okta", "okta-2", "0"] {
            assert_eq!(Provider { name: good.to_owned(), ..provider() }.check(), [], "{good}");
        }
        let long = "a".repeat(NAME_MAX + 1);
        for bad in ["", "A", "a_b", "a--b", "-a", "a-", "a/b", "é", "..", "a%2f", &long] {
            assert_eq!(Provider { name: bad.to_owned(), ..provider() }.check(), [ProviderDefect::Name], "{bad}");
        }
        let reserved = Provider { name: "callback".to_owned(), ..provider() };
        assert_eq!(reserved.check(), [ProviderDefect::ReservedName("callback".to_owned())]);
    }

    #[test]
    fn all_defects_are_told_at_once() {
        let nothing = Provider { scopes: Vec::new(), algs: Vec::new(), ..Provider::default() };
        assert_eq!(
            nothing.check(),
            [
                ProviderDefect::Name,
                ProviderDefect::Empty("client_id"),
                ProviderDefect::Empty("issuer"),
                ProviderDefect::Empty("algs"),
                ProviderDefect::OpenIdMissing,
            ],
        );
    }

    #[test]
    fn a_provider_is_reached_by_https() {
        for (issuer, defect) in [
            ("http://id.example", ProviderDefect::Address("issuer")),
            ("id.example", ProviderDefect::Address("issuer")),
            ("https://id.example/#", ProviderDefect::Address("issuer")),
            ("https://id.example/?a", ProviderDefect::IssuerQuery),
        ] {
            assert_eq!(Provider { issuer: issuer.to_owned(), ..provider() }.check(), [defect], "{issuer}");
        }
        let local = Provider { issuer: "http://127.0.0.1:8080/realms/a".to_owned(), ..provider() };
        assert_eq!(local.check(), []);
        let icon = Provider { icon_url: "http://id.example/a.png".to_owned(), ..provider() };
        assert_eq!(icon.check(), [ProviderDefect::Address("icon_url")]);
        let icon = Provider { icon_url: "//id.example/a.png".to_owned(), ..provider() };
        assert_eq!(icon.check(), [ProviderDefect::Address("icon_url")]);
    }

    #[test]
    fn an_issuer_of_all_tenants_needs_a_list_of_them() {
        for issuer in [
            COMMON,
            "https://login.microsoftonline.com/organizations/v2.0",
            "https://login.microsoftonline.com/{tenantid}/v2.0",
        ] {
            assert_eq!(entra(issuer).check(), [ProviderDefect::TenantsMissing], "{issuer}");
        }
        let one = entra(&format!("https://login.microsoftonline.com/{TENANT}/v2.0"));
        assert_eq!(one.check(), []);
        let named = Provider { allowed_tenants: vec!["contoso.com".to_owned()], ..entra(COMMON) };
        assert_eq!(named.check(), [ProviderDefect::Tenant("contoso.com".to_owned())]);
        let other = Provider { allowed_tenants: vec![TENANT.to_owned()], ..provider() };
        assert_eq!(other.check(), [ProviderDefect::TenantsOfOthers]);
    }

    #[test]
    fn addresses_are_never_assumed_to_be_verified_for_all_tenants() {
        let tenants = vec![TENANT.to_owned()];
        let common = Provider { assume_email_verified: true, allowed_tenants: tenants, ..entra(COMMON) };
        assert_eq!(common.check(), [ProviderDefect::AssumesForAll]);
        let one = entra(&format!("https://login.microsoftonline.com/{TENANT}/v2.0"));
        assert_eq!(Provider { assume_email_verified: true, ..one }.check(), []);
    }

    #[test]
    fn lists_have_entries_that_mean_something() {
        let bad = Provider {
            scopes: vec!["openid".to_owned(), "a b".to_owned()],
            email_domains: vec!["@example.com".to_owned(), "exa mple".to_owned(), "a@b.c".to_owned()],
            authorize_parameters: [("nonce".to_owned(), "1".to_owned())].into(),
            acr_map: (0..=ENTRIES_MAX).map(|n| (n.to_string(), Acr::Mfa)).collect(),
            ..provider()
        };
        assert_eq!(
            bad.check(),
            [
                ProviderDefect::TooMany("acr_map"),
                ProviderDefect::Scope("a b".to_owned()),
                ProviderDefect::Domain("exa mple".to_owned()),
                ProviderDefect::Domain("a@b.c".to_owned()),
                ProviderDefect::OwnParameter("nonce".to_owned()),
            ],
        );
    }

    #[test]
    fn a_private_key_stands_alone() {
        let keyed = Provider { private_key: crate::Secret::from("key"), ..provider() };
        let by_key = Some(ClientAuthentication::PrivateKeyJwt);
        assert_eq!(keyed.check(), []);
        assert_eq!(Provider { authentication: by_key, ..keyed.clone() }.check(), []);
        let post = Some(ClientAuthentication::Post);
        assert_eq!(Provider { authentication: post, ..keyed.clone() }.check(), [ProviderDefect::PrivateKey]);
        assert_eq!(Provider { authentication: by_key, ..provider() }.check(), [ProviderDefect::PrivateKey]);
        let both = Provider { private_key_file: "key.pem".into(), ..keyed.clone() };
        assert_eq!(both.check(), [ProviderDefect::Both("private_key", "private_key_file")]);
        let secret = Provider { client_secret: crate::Secret::from("s"), ..keyed.clone() };
        assert_eq!(secret.check(), [ProviderDefect::Both("private_key", "client_secret")]);
        for (text, is_good) in [("n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg", true), ("n4bQ", false), ("a:b", false)]
        {
            let named = Provider { certificate_thumbprint: text.to_owned(), ..keyed.clone() };
            assert_eq!(named.check().is_empty(), is_good, "{text}");
        }
    }
}
