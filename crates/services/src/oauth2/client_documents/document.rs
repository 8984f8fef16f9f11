//! What a document says of its client, and its rules.

use crate::OAuthError;
use doorward_domain::Instant;
use doorward_domain::oauth2::{
    App, AssertionAudience, ClientRules, ClientType, ClientUrl, GrantType, KeySource, OAuthErrorCode, OidcScope,
    REDIRECT_URIS_MAX, RedirectMatch, RedirectUri, Scopes, client_algorithm, client_name, parse_scope_list,
};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// Longest `client_name`, in characters.
const NAME_MAX: usize = 256;

/// What counts of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Document {
    name: String,
    redirect_uris: Vec<RedirectUri>,
    allowed_scopes: Option<Scopes>,
    client_type: ClientType,
    keys: Option<KeySource>,
    assertion_alg: Option<String>,
    dpop_bound: bool,
    refresh_tokens: bool,
}

impl Document {
    /// Reads a document, which must keep all rules. `needs_key`: a client that names keys may not do without.
    pub(super) fn parse(url: &ClientUrl, body: &str, needs_key: bool) -> Result<Self, OAuthError> {
        let Ok(Strict(Value::Object(members))) = serde_json::from_str(body) else {
            return refused("it is no JSON object, or a member is there twice");
        };
        if members.get("client_id").and_then(Value::as_str) != Some(url.as_str()) {
            return refused("client_id is not the URL of the document");
        }
        if ["client_secret", "client_secret_expires_at"].iter().any(|name| members.contains_key(*name)) {
            return refused("a client that is known by a document has no secret");
        }
        let name = members.get("client_name").and_then(Value::as_str).unwrap_or_default();
        if name.is_empty() || name.chars().count() > NAME_MAX {
            return refused("client_name must have 1 to 256 characters");
        }
        let client_type = if is_public(&members, needs_key)? { ClientType::Public } else { ClientType::Keyed };
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        let keys = match KeySource::read(members.get("jwks"), text("jwks_uri")) {
            Ok(None) if client_type == ClientType::Keyed => return refused("private_key_jwt needs jwks or jwks_uri"),
            Err(defect) if client_type == ClientType::Keyed => return refused(defect),
            // Of no use to one that comes without proof.
            read => read.unwrap_or_default(),
        };
        let assertion_alg = text("token_endpoint_auth_signing_alg").map(str::to_owned);
        if assertion_alg.as_deref().is_some_and(|name| client_algorithm(name).is_none()) {
            return refused("token_endpoint_auth_signing_alg must be RS256, PS256, ES256, ES384 or EdDSA");
        }
        Ok(Self {
            client_type,
            keys,
            assertion_alg,
            dpop_bound: members.get("dpop_bound_access_tokens").and_then(Value::as_bool).unwrap_or_default(),
            name: client_name(name),
            redirect_uris: redirect_uris(members.get("redirect_uris"))?,
            allowed_scopes: scopes(members.get("scope").and_then(Value::as_str)),
            refresh_tokens: refresh_tokens(members.get("grant_types")),
        })
    }

    /// The app of the document, while nobody has allowed it anything.
    pub(super) fn to_app(&self, url: &ClientUrl, now: Instant) -> App {
        App {
            id: url.app_id(),
            name: self.name.clone(),
            icon: String::new(),
            redirect_uris: self.redirect_uris.clone(),
            redirect_match: RedirectMatch::Exact,
            client_type: self.client_type,
            require_pkce: true,
            device_flow: false,
            rules: self.rules(ClientRules::default(), false),
            refresh_tokens: self.refresh_tokens,
            allowed_scopes: self.allowed_scopes.clone(),
            allowed_resources: None,
            resources: Vec::new(),
            service_account_id: None,
            created_at: now,
            updated_at: now,
            revision: 0,
        }
    }

    /// The app as the document has it now. Where an administrator has changed it, the document says only where answers go and
    /// how the client proves itself.
    pub(super) fn applied_to(&self, app: App, adopted: bool, now: Instant) -> App {
        let (name, allowed_scopes) =
            if adopted { (app.name, app.allowed_scopes) } else { (self.name.clone(), self.allowed_scopes.clone()) };
        App {
            name,
            allowed_scopes,
            redirect_uris: self.redirect_uris.clone(),
            redirect_match: RedirectMatch::Exact,
            client_type: self.client_type,
            rules: self.rules(app.rules, adopted),
            refresh_tokens: self.refresh_tokens,
            updated_at: now,
            ..app
        }
    }

    /// The rules of its app: its keys are those of the document, whoever has changed what else. An administrator can ask for more than it.
    fn rules(&self, rules: ClientRules, adopted: bool) -> ClientRules {
        ClientRules {
            keys: self.keys.clone(),
            assertion_alg: self.assertion_alg.clone(),
            // There are clients that sign for the advertised token endpoint.
            assertion_audience: AssertionAudience::IssuerOrTokenEndpoint,
            dpop_bound: self.dpop_bound || (adopted && rules.dpop_bound),
            ..rules
        }
    }
}

/// Whether the client may come without proof of who it is. One that names a key, and that it may also do without, may, unless `needs_key`.
fn is_public(members: &Map<String, Value>, needs_key: bool) -> Result<bool, OAuthError> {
    match members.get("token_endpoint_auth_method").map(Value::as_str) {
        None | Some(Some("none")) => Ok(true),
        Some(Some("private_key_jwt")) => {
            let also = members.get("token_endpoint_auth_methods_supported").and_then(Value::as_array);
            Ok(!needs_key && also.is_some_and(|list| list.iter().any(|method| method.as_str() == Some("none"))))
        }
        Some(_) => refused("token_endpoint_auth_method must not be one with a secret"),
    }
}

fn redirect_uris(sent: Option<&Value>) -> Result<Vec<RedirectUri>, OAuthError> {
    let sent = sent.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if sent.is_empty() || sent.len() > REDIRECT_URIS_MAX {
        return refused("redirect_uris must have 1 to 32 entries");
    }
    let mut uris = Vec::with_capacity(sent.len());
    for entry in sent {
        match RedirectUri::register(entry.as_str().unwrap_or_default(), true) {
            Ok(uri) if uris.contains(&uri) => {}
            Ok(uri) => uris.push(uri),
            Err(error) => return refused(format!("redirect_uris: {error}")),
        }
    }
    Ok(uris)
}

/// Whether the client has use for refresh tokens. Without a list it has, as one that registers itself.
fn refresh_tokens(grant_types: Option<&Value>) -> bool {
    let named = grant_types.and_then(Value::as_array);
    named.is_none_or(|named| named.iter().any(|name| name.as_str() == Some(GrantType::RefreshToken.as_str())))
}

/// The scopes that a client limits itself to. Names that are not known here limit nothing here.
fn scopes(sent: Option<&str>) -> Option<Scopes> {
    let mut names = parse_scope_list(sent?).unwrap_or_default();
    names.retain(|name| *name != OidcScope::OfflineAccess.as_str());
    let known = Scopes::known_among(&names).simplified();
    (!known.is_empty()).then_some(known)
}

fn refused<T>(what: impl fmt::Display) -> Result<T, OAuthError> {
    let text = format!("the metadata document of the client is not accepted: {what}");
    Err(OAuthError::new(OAuthErrorCode::InvalidClientMetadata, text))
}

/// JSON in which no object has a member twice: programs differ about which of the two counts.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(entry)) = entries.next_element()? {
            list.push(entry);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some((name, Strict(value))) = entries.next_entry::<String, Strict>()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member is there twice"));
            }
        }
        Ok(members.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn url() -> ClientUrl {
        ClientUrl::parse("https://app.example/oauth/client.json").unwrap()
    }

    fn parse(more: Value) -> Result<Document, OAuthError> {
        let mut document = json!({
            "client_id": url().as_str(),
            "client_name": "App",
            "redirect_uris": ["https://app.example/cb"],
        });
        let Value::Object(more) = more else { panic!("no object") };
        for (name, value) in more {
            let members = document.as_object_mut().unwrap();
            if value == "gone" { drop(members.remove(&name)) } else { drop(members.insert(name, value)) }
        }
        Document::parse(&url(), &document.to_string(), false)
    }

    #[test]
    fn documents_of_known_clients_are_taken() {
        for more in [
            json!({}),
            json!({ "token_endpoint_auth_method": "none", "grant_types": ["authorization_code", "urn:x"], "whatever": [1, -1, 1.5, true, null, {}] }),
            json!({ "redirect_uris": ["http://localhost/callback", "http://127.0.0.1/callback"] }),
            json!({ "redirect_uris": ["http://127.0.0.1:33418/", "https://vscode.dev/redirect"] }),
            json!({ "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"] }),
            json!({ "application_type": "x", "logo_uri": "javascript:x", "response_types": ["token"] }),
        ] {
            assert!(parse(more.clone()).is_ok(), "{more}");
        }
        let document =
            parse(json!({ "client_name": "A\u{202e}pp", "scope": " offline_access user:read mcp:x" })).unwrap();
        assert_eq!((&*document.name, document.allowed_scopes.unwrap().to_string()), ("App", "user:read".to_owned()));
        for nothing in ["", "offline_access", "mcp:x", "a\"b"] {
            assert_eq!(parse(json!({ "scope": nothing })).unwrap().allowed_scopes, None, "{nothing}");
        }
    }

    #[test]
    fn a_client_with_keys_proves_itself_by_them_unless_it_may_do_without() {
        let keys = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://app.example/jwks" });
        let app = |document: &Document| document.to_app(&url(), Instant::UNIX_EPOCH);
        let keyed = parse(keys.clone()).unwrap();
        assert_eq!(app(&keyed).client_type, ClientType::Keyed);
        assert_eq!(app(&keyed).rules.keys, Some(KeySource::JwksUri("https://app.example/jwks".to_owned())));
        let mut either = keys;
        either["token_endpoint_auth_methods_supported"] = json!(["none", "private_key_jwt"]);
        let either = parse(either).unwrap();
        assert_eq!(app(&either).client_type, ClientType::Public);
        assert!(app(&either).rules.keys.is_some());
        // What an administrator has said of requests stays, and so does what the document says of keys.
        let rules = ClientRules { require_pushed_requests: true, keys: None, ..ClientRules::default() };
        let adopted = keyed.applied_to(App { rules, ..app(&either) }, true, Instant::UNIX_EPOCH);
        assert!(adopted.rules.require_pushed_requests && adopted.rules.keys.is_some());
        assert_eq!(adopted.client_type, ClientType::Keyed);
    }

    #[test]
    fn who_names_grant_types_gets_refresh_tokens_only_by_that_name() {
        for (more, refreshes) in [
            (json!({}), true),
            (json!({ "grant_types": "odd" }), true),
            (json!({ "grant_types": ["authorization_code", "refresh_token"] }), true),
            (json!({ "grant_types": ["authorization_code"] }), false),
        ] {
            assert_eq!(
                parse(more.clone()).unwrap().to_app(&url(), Instant::UNIX_EPOCH).refresh_tokens,
                refreshes,
                "{more}"
            );
        }
    }

    #[test]
    fn each_rule_refuses_what_breaks_it() {
        for more in [
            json!({ "client_id": "gone" }),
            json!({ "client_id": "https://app.example/oauth/client.json/" }),
            json!({ "client_id": "https://APP.example/oauth/client.json" }),
            json!({ "client_name": "gone" }),
            json!({ "client_name": "" }),
            json!({ "client_name": 7 }),
            json!({ "client_name": "x".repeat(257) }),
            json!({ "redirect_uris": "gone" }),
            json!({ "redirect_uris": [] }),
            json!({ "redirect_uris": [7] }),
            json!({ "redirect_uris": "https://app.example/cb" }),
            json!({ "redirect_uris": vec!["https://app.example/cb"; 33] }),
            json!({ "redirect_uris": ["http://app.example/cb"] }),
            json!({ "redirect_uris": ["javascript:alert(1)"] }),
            json!({ "redirect_uris": ["https://app.example/cb#x"] }),
            json!({ "client_secret": "x" }),
            json!({ "client_secret_expires_at": 0 }),
            json!({ "token_endpoint_auth_method": "client_secret_basic" }),
            json!({ "token_endpoint_auth_method": "client_secret_post" }),
            json!({ "token_endpoint_auth_method": "client_secret_jwt" }),
            json!({ "token_endpoint_auth_method": null }),
            json!({ "token_endpoint_auth_method": "private_key_jwt" }),
            json!({ "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_methods_supported": ["private_key_jwt"] }),
            json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "http://app.example/jwks" }),
            json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://app.example/jwks", "jwks": { "keys": [] } }),
            json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [] } }),
            json!({ "token_endpoint_auth_signing_alg": "HS256" }),
        ] {
            let refused = parse(more.clone()).unwrap_err();
            assert_eq!(refused.code, OAuthErrorCode::InvalidClientMetadata, "{more}");
        }
        let twice = r#"{"client_id":"https://app.example/oauth/client.json","client_name":"a","client_name":"b","redirect_uris":["https://app.example/cb"]}"#;
        for body in ["", "[]", "7", "{", twice, r#"{"a":{"b":1,"b":1}}"#] {
            assert!(Document::parse(&url(), body, false).is_err(), "{body}");
        }
    }
}
