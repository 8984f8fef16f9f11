//! What a client says of itself: checked, settled, and kept as a document (`oauth2.md` 14.2).

use super::settings::is_allowed;
use super::{RegistrationError, RegistrationSettings};
use crate::Settings;
use crate::oauth2::app_rules::{ALGORITHMS_TEXT, post_logout_redirect_uris, signs_by};
use doorward_domain::Digest;
use doorward_domain::jws::SignatureAlgorithm;
use doorward_domain::oauth2::{
    ApplicationType, ClientRules, ClientType, GrantType, Identity, KeySource, OidcScope, REDIRECT_URIS_MAX,
    RedirectUri, RegistrationLimits, Scopes, TokenAuthMethod, client_algorithm, client_name, is_web_uri,
    parse_scope_list,
};
use doorward_domain::openid::{AppRules, check_logout_uri};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longest `client_name` that is looked at, in bytes.
const NAME_MAX: usize = 1024;
/// Longest of the other short texts, in bytes.
const TEXT_MAX: usize = 256;
/// Most addresses of people in charge.
const CONTACTS_MAX: usize = 16;
/// Most entries of a list of words.
const WORDS_MAX: usize = 32;

/// Metadata as it was sent (RFC 7591 2). What is not here is ignored, as the RFC has it.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "they are the members of RFC 7591 2, by their names")]
pub struct SentMetadata {
    pub redirect_uris: Vec<String>,
    pub client_name: Option<String>,
    pub client_uri: Option<String>,
    pub logo_uri: Option<String>,
    pub tos_uri: Option<String>,
    pub policy_uri: Option<String>,
    pub contacts: Vec<String>,
    pub software_id: Option<String>,
    pub software_version: Option<String>,
    pub grant_types: Vec<String>,
    pub response_types: Vec<String>,
    pub token_endpoint_auth_method: Option<String>,
    pub token_endpoint_auth_signing_alg: Option<String>,
    pub jwks: Option<Value>,
    pub jwks_uri: Option<String>,
    pub require_pushed_authorization_requests: bool,
    pub require_signed_request_object: bool,
    pub request_object_signing_alg: Option<String>,
    pub dpop_bound_access_tokens: bool,
    pub application_type: Option<String>,
    pub scope: Option<String>,
    pub relying_party: RelyingParty,
}

/// What a client says of itself as a relying party (OpenID Connect Dynamic Client Registration 1.0, RP-Initiated Logout 1.0, Back-Channel
/// Logout 1.0).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
#[expect(missing_docs, reason = "they are the members of these, by their names")]
pub struct RelyingParty {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_signed_response_alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_signed_response_alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_auth_time: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initiate_login_uri: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub default_acr_values: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_max_age: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub post_logout_redirect_uris: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_session_required: Option<bool>,
}

/// Metadata as it is kept, and shown again (RFC 7591 3.2.1).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[expect(missing_docs, reason = "they are the members of RFC 7591 2, by their names")]
pub struct ClientMetadata {
    pub redirect_uris: Vec<String>,
    pub client_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software_version: Option<String>,
    pub grant_types: Vec<String>,
    pub response_types: Vec<String>,
    pub token_endpoint_auth_method: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_signing_alg: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub require_pushed_authorization_requests: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub require_signed_request_object: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_object_signing_alg: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dpop_bound_access_tokens: bool,
    pub application_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    #[serde(flatten)]
    pub relying_party: RelyingParty,
}

/// Metadata that keeps all rules.
#[derive(Clone, Debug)]
pub(super) struct Checked {
    pub(super) metadata: ClientMetadata,
    pub(super) redirect_uris: Vec<RedirectUri>,
    pub(super) client_type: ClientType,
    pub(super) client_rules: ClientRules,
    pub(super) allowed_scopes: Option<Scopes>,
    pub(super) refresh_tokens: bool,
    /// By what the client is known again.
    pub(super) identity: Digest,
    pub(super) rules: AppRules,
}

impl ClientMetadata {
    /// What was stored.
    pub(super) fn read(document: &str) -> Result<Self, RegistrationError> {
        serde_json::from_str(document).map_err(|error| crate::OAuthError::internal(error).into())
    }

    /// What is stored.
    pub(super) fn to_document(&self) -> Result<String, RegistrationError> {
        serde_json::to_string(self).map_err(|error| crate::OAuthError::internal(error).into())
    }

    /// By what the client is known again.
    pub(super) fn identity(&self, limits: &RegistrationLimits) -> Digest {
        let uris: Vec<RedirectUri> = self.redirect_uris.iter().cloned().map(RedirectUri::from_storage).collect();
        let grants: Vec<GrantType> = self.grant_types.iter().filter_map(|name| name.parse().ok()).collect();
        let scope: Option<Vec<String>> =
            self.scope.as_deref().map(|text| text.split_ascii_whitespace().map(str::to_owned).collect());
        let keys = KeySource::read(self.jwks.as_ref(), self.jwks_uri.as_deref()).ok().flatten();
        let mut rules = vec![keys.as_ref().map(KeySource::identity).unwrap_or_default()];
        for algorithm in [&self.token_endpoint_auth_signing_alg, &self.request_object_signing_alg] {
            rules.push(algorithm.clone().unwrap_or_default());
        }
        for flag in [self.require_pushed_authorization_requests, self.require_signed_request_object] {
            rules.push(if flag { "yes".to_owned() } else { String::new() });
        }
        rules.extend(self.dpop_bound_access_tokens.then(|| "dpop".to_owned()));
        // What is one software for everybody is another client for each organization.
        rules.extend(limits.organization_id.map(|organization| organization.to_string()));
        // None of the parts has a line break in it.
        let rules = rules.iter().any(|part| !part.is_empty()).then(|| rules.join("\n"));
        let identity = Identity {
            name: &self.client_name,
            software_id: self.software_id.as_deref().unwrap_or_default(),
            client_uri: self.client_uri.as_deref().unwrap_or_default(),
            redirect_uris: &uris,
            // It was written from one.
            auth_method: self.token_endpoint_auth_method.parse().unwrap_or(TokenAuthMethod::None),
            grant_types: &grants,
            scope: scope.as_deref(),
            rules: rules.as_deref(),
            post_logout_redirect_uris: &self.relying_party.post_logout_redirect_uris,
            backchannel_logout_uri: self.relying_party.backchannel_logout_uri.as_deref().unwrap_or_default(),
        };
        identity.digest()
    }
}

/// Checks all rules, and settles what is left to the server.
pub(super) fn check(
    all: &Settings,
    sent: SentMetadata,
    limits: &RegistrationLimits,
) -> Result<Checked, RegistrationError> {
    let settings = &all.oauth2.registration;
    let auth_method = match sent.token_endpoint_auth_method.as_deref() {
        None => TokenAuthMethod::Basic,
        Some(text) => text.parse().or(refused(
            "token_endpoint_auth_method must be client_secret_basic, client_secret_post, private_key_jwt or none",
        ))?,
    };
    if !limits.auth_methods.is_empty() && !limits.auth_methods.iter().any(|method| method == auth_method.as_str()) {
        let methods = limits.auth_methods.join(", ");
        return refused(format!("token_endpoint_auth_method must be of those that the token allows: {methods}"));
    }
    let client_type = auth_method.client_type();
    let client_rules = client_rules(client_type, &sent)?;
    let redirect_uris = redirect_uris(settings, limits, &sent.redirect_uris, client_type == ClientType::Public)?;
    if sent.grant_types.len() > WORDS_MAX || sent.response_types.len() > WORDS_MAX {
        return refused("grant_types and response_types have too many entries");
    }
    let grant_types = GrantType::negotiate(&sent.grant_types)?;
    if sent.response_types.iter().any(|name| name != "code") {
        return refused("response_types must be code");
    }
    let application_type =
        ApplicationType::settle(sent.application_type.as_deref(), &redirect_uris, settings.strict_application_type)?;
    let sent_name = sent.client_name.as_deref().unwrap_or_default();
    if sent_name.len() > NAME_MAX {
        return refused("client_name is too long");
    }
    let uris = [
        ("client_uri", &sent.client_uri),
        ("logo_uri", &sent.logo_uri),
        ("tos_uri", &sent.tos_uri),
        ("policy_uri", &sent.policy_uri),
    ];
    for (name, uri) in uris {
        if uri.as_deref().is_some_and(|uri| !is_web_uri(uri)) {
            return refused(format!("{name} must be an absolute URL with http or https"));
        }
    }
    let is_long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.len() > TEXT_MAX);
    if is_long(&sent.software_id) || is_long(&sent.software_version) {
        return refused("software_id or software_version is too long");
    }
    if sent.contacts.len() > CONTACTS_MAX || sent.contacts.iter().any(|contact| contact.len() > TEXT_MAX) {
        return refused("contacts has too many entries, or one that is too long");
    }
    let (scope, allowed_scopes) = scopes(settings, limits, sent.scope.as_deref())?;
    let (relying_party, rules) = relying_party(all, sent.relying_party, client_type)?;
    let metadata = ClientMetadata {
        redirect_uris: redirect_uris.iter().map(|uri| uri.as_str().to_owned()).collect(),
        client_name: client_name(sent_name),
        client_uri: sent.client_uri,
        logo_uri: sent.logo_uri,
        tos_uri: sent.tos_uri,
        policy_uri: sent.policy_uri,
        contacts: sent.contacts,
        software_id: sent.software_id,
        software_version: sent.software_version,
        grant_types: grant_types.iter().map(|grant| grant.as_str().to_owned()).collect(),
        response_types: vec!["code".to_owned()],
        token_endpoint_auth_method: auth_method.as_str().to_owned(),
        token_endpoint_auth_signing_alg: client_rules.assertion_alg.clone(),
        jwks: client_rules.keys.as_ref().and_then(KeySource::jwks),
        jwks_uri: client_rules.keys.as_ref().and_then(KeySource::jwks_uri).map(str::to_owned),
        require_pushed_authorization_requests: client_rules.require_pushed_requests,
        require_signed_request_object: client_rules.require_signed_requests,
        request_object_signing_alg: client_rules.request_object_alg.clone(),
        dpop_bound_access_tokens: client_rules.dpop_bound,
        application_type: application_type.as_str().to_owned(),
        scope,
        relying_party,
    };
    let (identity, refresh_tokens) = (metadata.identity(limits), grant_types.contains(&GrantType::RefreshToken));
    Ok(Checked { metadata, redirect_uris, client_type, client_rules, allowed_scopes, refresh_tokens, identity, rules })
}

/// What is kept of a client as a relying party, and what follows of it.
fn relying_party(
    settings: &Settings,
    sent: RelyingParty,
    client_type: ClientType,
) -> Result<(RelyingParty, AppRules), RegistrationError> {
    let algorithm = match sent.id_token_signed_response_alg.as_deref() {
        None => SignatureAlgorithm::Rs256,
        Some(name) => match signs_by(settings, name) {
            Some(algorithm) => algorithm,
            None => return refused(format!("id_token_signed_response_alg {ALGORITHMS_TEXT}")),
        },
    };
    if sent.userinfo_signed_response_alg.is_some() {
        return refused("userinfo_signed_response_alg: what userinfo answers is not signed here; leave it out");
    }
    if sent.subject_type.as_deref().is_some_and(|kind| kind != "public") {
        return refused("subject_type must be public");
    }
    if sent.initiate_login_uri.as_deref().is_some_and(|uri| !is_web_uri(uri) || !uri.starts_with("https://")) {
        return refused("initiate_login_uri must be an absolute URL with https");
    }
    if sent.default_acr_values.len() > WORDS_MAX || sent.default_acr_values.iter().any(|value| value.len() > TEXT_MAX) {
        return refused("default_acr_values has too many entries, or one that is too long");
    }
    let uris = post_logout_redirect_uris(&sent.post_logout_redirect_uris, client_type)
        .map_err(|errors| RegistrationError::Metadata(format!("post_logout_redirect_uris: {}", errors.join("; "))))?;
    if let Some(uri) = &sent.backchannel_logout_uri {
        check_logout_uri(uri)
            .map_err(|error| RegistrationError::Metadata(format!("backchannel_logout_uri {error}")))?;
    }
    let rules = AppRules {
        id_token_signed_response_alg: algorithm,
        default_max_age: sent.default_max_age,
        post_logout_redirect_uris: uris.clone(),
        backchannel_logout_uri: sent.backchannel_logout_uri.clone(),
        backchannel_logout_session_required: sent.backchannel_logout_session_required.unwrap_or_default(),
        ..AppRules::default()
    };
    Ok((RelyingParty { post_logout_redirect_uris: uris, ..sent }, rules))
}

/// The keys by which the client proves itself, and by which algorithm.
fn client_rules(client_type: ClientType, sent: &SentMetadata) -> Result<ClientRules, RegistrationError> {
    let keys = KeySource::read(sent.jwks.as_ref(), sent.jwks_uri.as_deref())
        .map_err(|defect| RegistrationError::Metadata(defect.to_string()))?;
    let is_keyed = client_type == ClientType::Keyed;
    if is_keyed && keys.is_none() {
        return refused("token_endpoint_auth_method private_key_jwt needs jwks or jwks_uri");
    }
    if sent.require_signed_request_object && keys.is_none() {
        return refused("require_signed_request_object needs jwks or jwks_uri");
    }
    let assertion_alg = sent.token_endpoint_auth_signing_alg.clone().filter(|_| is_keyed);
    let request_object_alg = sent.request_object_signing_alg.clone();
    for (name, algorithm) in
        [("token_endpoint_auth_signing_alg", &assertion_alg), ("request_object_signing_alg", &request_object_alg)]
    {
        if algorithm.as_deref().is_some_and(|name| client_algorithm(name).is_none()) {
            return refused(format!("{name} must be RS256, PS256, ES256, ES384 or EdDSA"));
        }
    }
    Ok(ClientRules {
        keys,
        assertion_alg,
        require_pushed_requests: sent.require_pushed_authorization_requests,
        require_signed_requests: sent.require_signed_request_object,
        request_object_alg,
        dpop_bound: sent.dpop_bound_access_tokens,
        ..ClientRules::default()
    })
}

fn redirect_uris(
    settings: &RegistrationSettings,
    limits: &RegistrationLimits,
    sent: &[String],
    public: bool,
) -> Result<Vec<RedirectUri>, RegistrationError> {
    if sent.is_empty() {
        return refused("redirect_uris is required");
    }
    if sent.len() > REDIRECT_URIS_MAX {
        return refused(format!("redirect_uris has more than {REDIRECT_URIS_MAX} entries"));
    }
    let mut uris = Vec::with_capacity(sent.len());
    for text in sent {
        let uri = RedirectUri::register(text, public)
            .map_err(|error| RegistrationError::Metadata(format!("redirect_uris: {error}: {text}")))?;
        // Nobody registers a plain one of another machine without being asked who they are.
        if !public && RedirectUri::register(text, true).is_err() && !is_below_localhost(text) {
            return refused(format!("redirect_uris: http is allowed only for localhost, 127.0.0.1 and [::1]: {text}"));
        }
        if !settings.allows(&uri) {
            return refused(format!("redirect_uris: this server does not allow {text}"));
        }
        if !is_allowed(&limits.redirect_hosts, &uri) {
            return refused(format!("redirect_uris: the token does not allow {text}"));
        }
        if !uris.contains(&uri) {
            uris.push(uri);
        }
    }
    Ok(uris)
}

/// Whether it is a host below `localhost`, which confidential clients may use.
fn is_below_localhost(text: &str) -> bool {
    let url = url::Url::parse(text);
    url.is_ok_and(|url| url.host_str().is_some_and(|host| host.ends_with(".localhost")))
}

/// The scopes that a client is to be limited to, as text and as such. Names that are unknown are left out, and so is what is more than
/// the server gives to clients that register themselves. Where nothing is known of what it names, it is after resources of others, whose
/// scopes every client may ask for: of this server it gets to know who the user is, no more. The text is otherwise the client's own: some compare it with what they ask for, and
/// have people sign in anew when it is another.
fn scopes(
    settings: &RegistrationSettings,
    limits: &RegistrationLimits,
    sent: Option<&str>,
) -> Result<(Option<String>, Option<Scopes>), RegistrationError> {
    let most = (!settings.max_scopes.is_empty()).then(|| Scopes::known_among(&settings.max_scopes));
    let most = match &*limits.scopes {
        [] => most,
        names => Some(Scopes::known_among(names).within(most.as_ref())),
    };
    let text = sent.unwrap_or_default();
    let mut names = parse_scope_list(text).map_err(|error| RegistrationError::Metadata(error.to_string()))?;
    // That alone asks for nothing: refresh tokens are given by grant type.
    names.retain(|name| *name != OidcScope::OfflineAccess.as_str());
    let is_for_others = !names.is_empty() && Scopes::known_among(&names).is_empty();
    let asked = match names.as_slice() {
        [_, ..] if is_for_others => Scopes::known_among(&[OidcScope::OpenId.as_str()]),
        [_, ..] => Scopes::known_among(&names),
        [] if settings.default_scopes.is_empty() => match most {
            Some(most) => return Ok((Some(most.to_string()), Some(most))),
            None => return Ok((None, None)),
        },
        [] => Scopes::known_among(&settings.default_scopes),
    };
    let is_limited = most.is_some();
    let given = asked.within(most.as_ref()).simplified();
    if given.is_empty() {
        return refused("scope names nothing that this server gives to clients that register themselves");
    }
    let is_own = |name: &&str| is_for_others || !Scopes::known_among(&[name]).is_empty();
    let own = parse_scope_list(text).unwrap_or_default().into_iter().filter(is_own);
    let is_settled = names.is_empty() || is_limited && !is_for_others;
    let shown = if is_settled { given.to_string() } else { own.collect::<Vec<_>>().join(" ") };
    Ok((Some(shown), Some(given)))
}

fn refused<T>(text: impl Into<String>) -> Result<T, RegistrationError> {
    Err(RegistrationError::Metadata(text.into()))
}
