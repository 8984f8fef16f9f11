//! Whose tokens are a provider's: the issuer as text, with the exceptions that products need.

use super::claims::Claims;
use super::provider::{Provider, ProviderKind};
use uuid::Uuid;

/// Stands in the issuer that Entra publishes for all tenants.
pub(super) const TENANT_PLACE: &str = "{tenantid}";
/// Google's issuer, as it is written today and as it was.
const GOOGLE: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];

/// Why the issuer of a token is not the provider's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerDefect {
    /// There is none.
    #[error("the token has no issuer")]
    Missing,
    /// It is somebody else's.
    #[error("the token is of another issuer")]
    Other,
    /// There is no tenant, or one that is no id.
    #[error("the token has no tenant")]
    TenantMissing,
    /// The tenant is not one of those that may sign in.
    #[error("people of this tenant may not sign in")]
    TenantNotAllowed,
}

/// The id of a tenant. A name of one is none: names can be given to other tenants.
pub(super) fn tenant_id(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok().filter(|id| !id.is_nil())
}

/// Whether an issuer of Entra is one of all tenants.
pub(super) fn is_multi_tenant(issuer: &str) -> bool {
    template(issuer).contains(TENANT_PLACE)
}

/// The issuer of Entra as its discovery document writes it: with a place where the tenant stands.
fn template(issuer: &str) -> String {
    let open = |segment| if matches!(segment, "common" | "organizations") { TENANT_PLACE } else { segment };
    issuer.split('/').map(open).collect::<Vec<_>>().join("/")
}

/// Puts the tenant into its place.
pub(super) fn with_tenant(issuer: &str, tenant: Uuid) -> String {
    issuer.replace(TENANT_PLACE, &tenant.hyphenated().to_string())
}

impl Provider {
    /// The issuer that the discovery document must have.
    #[must_use]
    pub fn discovered_issuer(&self) -> String {
        if self.kind == ProviderKind::Entra { template(&self.issuer) } else { self.issuer.clone() }
    }

    /// The issuer under which links of this provider are stored, for the claims of a token: the configured one, whichever of its
    /// spellings the token has; with the tenant where there are many.
    pub(super) fn issuer_of(&self, claims: &Claims) -> Result<String, IssuerDefect> {
        let issuer = claims.text("iss").ok().flatten().ok_or(IssuerDefect::Missing)?;
        if self.kind == ProviderKind::Entra {
            return self.issuer_of_tenant(issuer, claims);
        }
        let is_google = |text: &str| self.kind == ProviderKind::Google && GOOGLE.contains(&text);
        let is_own = issuer == self.issuer
            || self.issuer_aliases.iter().any(|alias| alias == issuer)
            || is_google(issuer) && is_google(&self.issuer);
        if is_own { Ok(self.issuer.clone()) } else { Err(IssuerDefect::Other) }
    }

    fn issuer_of_tenant(&self, issuer: &str, claims: &Claims) -> Result<String, IssuerDefect> {
        let template = template(&self.issuer);
        let is_open = template.contains(TENANT_PLACE);
        let tenant = claims.text("tid").ok().flatten().and_then(tenant_id);
        if is_open || !self.allowed_tenants.is_empty() {
            let tenant = tenant.ok_or(IssuerDefect::TenantMissing)?;
            if !self.allowed_tenants.iter().any(|allowed| tenant_id(allowed) == Some(tenant)) {
                return Err(IssuerDefect::TenantNotAllowed);
            }
        }
        let filled = |text: &str| match tenant {
            Some(tenant) => with_tenant(text, tenant),
            None => text.to_owned(),
        };
        let own = filled(&template);
        let is_own = issuer == own || self.issuer_aliases.iter().any(|alias| issuer == filled(alias));
        if is_own { Ok(own) } else { Err(IssuerDefect::Other) }
    }

    /// The issuers under which a link may have been stored: that of the token first, then those of before.
    ///
    /// ```
    /// use doorward_domain::identity_providers::Provider;
    /// let issuer_aliases = vec!["https://id.example/".to_owned()];
    /// let provider = Provider { issuer: "https://id.example".to_owned(), issuer_aliases, ..Provider::default() };
    /// assert_eq!(provider.issuers_of_links("https://id.example"), ["https://id.example", "https://id.example/"]);
    /// ```
    #[must_use]
    pub fn issuers_of_links(&self, issuer: &str) -> Vec<String> {
        let mut all = vec![issuer.to_owned()];
        for alias in &self.issuer_aliases {
            // An alias with an open tenant is of the tenant of this token and of no other.
            let tenant = issuer.split('/').find_map(tenant_id);
            let alias = tenant.map_or_else(|| alias.clone(), |tenant| with_tenant(alias, tenant));
            if !all.contains(&alias) && !alias.contains(TENANT_PLACE) {
                all.push(alias);
            }
        }
        all
    }

    /// All spellings of the issuer of a stored link, if the link is one at this provider, the present one first: `None` if it is not.
    /// Of Entra those of the tenant that the link is of, if people of this tenant may sign in.
    ///
    /// ```
    /// use doorward_domain::identity_providers::Provider;
    /// let issuer_aliases = vec!["https://id.example/".to_owned()];
    /// let provider = Provider { issuer: "https://id.example".to_owned(), issuer_aliases, ..Provider::default() };
    /// let both = vec!["https://id.example".to_owned(), "https://id.example/".to_owned()];
    /// assert_eq!(provider.spellings_of("https://id.example/"), Some(both));
    /// assert_eq!(provider.spellings_of("https://other.example"), None);
    /// ```
    #[must_use]
    pub fn spellings_of(&self, stored: &str) -> Option<Vec<String>> {
        let is_entra = self.kind == ProviderKind::Entra;
        let tenant = if is_entra { stored.split('/').find_map(tenant_id) } else { None };
        let is_allowed = |tenant| self.allowed_tenants.iter().any(|allowed| tenant_id(allowed) == Some(tenant));
        if !self.allowed_tenants.is_empty() && !tenant.is_some_and(is_allowed) {
            return None;
        }
        let filled = |text: &str| tenant.map_or_else(|| text.to_owned(), |tenant| with_tenant(text, tenant));
        let own = if is_entra { filled(&template(&self.issuer)) } else { self.issuer.clone() };
        let all: Vec<String> =
            std::iter::once(own).chain(self.issuer_aliases.iter().map(|alias| filled(alias))).collect();
        all.iter().any(|spelling| spelling == stored).then_some(all)
    }

    /// Whether this is the issuer in an authorization response (RFC 9207 2.4).
    pub(super) fn is_response_issuer(&self, issuer: &str) -> bool {
        if self.kind != ProviderKind::Entra || !is_multi_tenant(&self.issuer) {
            return issuer == self.issuer;
        }
        let template = template(&self.issuer);
        let tenants = self.allowed_tenants.iter().filter_map(|tenant| tenant_id(tenant));
        tenants.map(|tenant| with_tenant(&template, tenant)).any(|own| own == issuer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const TENANT: &str = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
    const OTHER: &str = "7ba7b810-9dad-11d1-80b4-00c04fd430c8";

    fn provider(kind: ProviderKind, issuer: &str) -> Provider {
        Provider { kind, issuer: issuer.to_owned(), ..Provider::default() }
    }

    fn of(provider: &Provider, claims: Value) -> Result<String, IssuerDefect> {
        let Value::Object(members) = claims else { panic!("no object") };
        provider.issuer_of(&Claims::from_members(members))
    }

    #[test]
    fn the_issuer_is_compared_as_text() {
        let own = provider(ProviderKind::Generic, "https://id.example/realms/a");
        assert_eq!(of(&own, json!({ "iss": "https://id.example/realms/a" })).unwrap(), own.issuer);
        for other in [
            "https://id.example/realms/a/",
            "https://ID.example/realms/a",
            "https://id.example:443/realms/a",
            "https://id.example/realms/b",
            "https://id.example/realms",
            "id.example/realms/a",
            "",
        ] {
            assert_eq!(of(&own, json!({ "iss": other })), Err(IssuerDefect::Other), "{other}");
        }
        for none in [json!({}), json!({ "iss": null }), json!({ "iss": [own.issuer] }), json!({ "iss": 1 })] {
            assert_eq!(of(&own, none), Err(IssuerDefect::Missing));
        }
    }

    #[test]
    fn an_issuer_that_was_written_otherwise_before_is_the_same() {
        let mut own = provider(ProviderKind::Generic, "https://id.example");
        own.issuer_aliases = vec!["https://id.example/".to_owned()];
        assert_eq!(of(&own, json!({ "iss": "https://id.example/" })).unwrap(), "https://id.example");
    }

    #[test]
    fn google_is_written_with_and_without_scheme() {
        let google = provider(ProviderKind::Google, "https://accounts.google.com");
        for issuer in GOOGLE {
            assert_eq!(of(&google, json!({ "iss": issuer })).unwrap(), google.issuer);
        }
        let generic = Provider { kind: ProviderKind::Generic, ..google };
        assert_eq!(of(&generic, json!({ "iss": GOOGLE[1] })), Err(IssuerDefect::Other));
        let misplaced = provider(ProviderKind::Google, "https://id.example");
        assert_eq!(of(&misplaced, json!({ "iss": GOOGLE[0] })), Err(IssuerDefect::Other));
    }

    #[test]
    fn of_all_tenants_only_those_that_are_named_sign_in() {
        let mut common = provider(ProviderKind::Entra, "https://login.microsoftonline.com/common/v2.0");
        common.allowed_tenants = vec![TENANT.to_uppercase()];
        let issuer = |tenant: &str| format!("https://login.microsoftonline.com/{tenant}/v2.0");
        assert_eq!(of(&common, json!({ "iss": issuer(TENANT), "tid": TENANT })).unwrap(), issuer(TENANT));
        for (claims, defect) in [
            (json!({ "iss": issuer(OTHER), "tid": OTHER }), IssuerDefect::TenantNotAllowed),
            // A token that says it is of one tenant, and was issued by another.
            (json!({ "iss": issuer(OTHER), "tid": TENANT }), IssuerDefect::Other),
            (json!({ "iss": issuer(TENANT), "tid": OTHER }), IssuerDefect::TenantNotAllowed),
            (json!({ "iss": issuer(TENANT) }), IssuerDefect::TenantMissing),
            (json!({ "iss": issuer("{tenantid}"), "tid": TENANT }), IssuerDefect::Other),
            (json!({ "iss": issuer("common"), "tid": TENANT }), IssuerDefect::Other),
            (json!({ "iss": issuer(TENANT), "tid": "../evil" }), IssuerDefect::TenantMissing),
        ] {
            assert_eq!(of(&common, claims.clone()), Err(defect), "{claims}");
        }
        assert_eq!(common.discovered_issuer(), issuer("{tenantid}"));
        assert!(common.is_response_issuer(&issuer(TENANT)) && !common.is_response_issuer(&issuer(OTHER)));
    }

    #[test]
    fn without_a_list_no_tenant_of_all_signs_in() {
        let common = provider(ProviderKind::Entra, "https://login.microsoftonline.com/common/v2.0");
        let claims = json!({ "iss": format!("https://login.microsoftonline.com/{TENANT}/v2.0"), "tid": TENANT });
        assert_eq!(of(&common, claims), Err(IssuerDefect::TenantNotAllowed));
    }

    #[test]
    fn one_tenant_is_its_issuer() {
        let issuer = format!("https://login.microsoftonline.com/{TENANT}/v2.0");
        let mut one = provider(ProviderKind::Entra, &issuer);
        assert_eq!(of(&one, json!({ "iss": issuer })).unwrap(), issuer);
        one.allowed_tenants = vec![OTHER.to_owned()];
        assert_eq!(of(&one, json!({ "iss": issuer, "tid": TENANT })), Err(IssuerDefect::TenantNotAllowed));
    }

    #[test]
    fn aliases_with_an_open_tenant_are_of_the_same_tenant() {
        let mut common = provider(ProviderKind::Entra, "https://login.microsoftonline.com/common/v2.0");
        common.allowed_tenants = vec![TENANT.to_owned()];
        common.issuer_aliases = vec!["https://sts.windows.net/{tenantid}/".to_owned()];
        let old = format!("https://sts.windows.net/{TENANT}/");
        let now = format!("https://login.microsoftonline.com/{TENANT}/v2.0");
        assert_eq!(of(&common, json!({ "iss": old, "tid": TENANT })).unwrap(), now);
        assert_eq!(common.issuers_of_links(&now), [now.clone(), old.clone()]);
        for stored in [&now, &old] {
            assert_eq!(common.spellings_of(stored), Some(vec![now.clone(), old.clone()]), "{stored}");
        }
        let strange = format!("https://login.microsoftonline.com/{OTHER}/v2.0");
        assert_eq!(common.spellings_of(&strange), None, "people of this tenant do not sign in");
        let generic = provider(ProviderKind::Generic, "https://id.example/common");
        assert_eq!(generic.spellings_of("https://id.example/common"), Some(vec![generic.issuer.clone()]));
    }
}
