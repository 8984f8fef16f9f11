//! How an app authenticates, as an owner says it.

use crate::FieldError;
use doorward_domain::oauth2::{App, AssertionAudience, ClientType, KeySource, TokenAuthMethod, client_algorithm};
use serde_json::Value;

/// What an owner says about how an app authenticates. `None` keeps (update) or takes the default (create).
#[derive(Clone, Debug, Default)]
pub struct ClientRulesCommand {
    /// `client_secret_basic`, `client_secret_post` (either means both), `private_key_jwt`, or `none` for a public client.
    pub auth_method: Option<String>,
    /// Its public keys, in the place of all that are registered.
    pub jwks: Option<Value>,
    /// Where its public keys are, in their place; empty: it has none.
    pub jwks_uri: Option<String>,
    /// The only algorithm by which it signs what it proves itself by; empty: any.
    pub assertion_alg: Option<String>,
    /// `issuer` or `issuer_or_token_endpoint`.
    pub assertion_audience: Option<String>,
    /// Whether its authorization requests must be pushed.
    pub require_pushed_requests: Option<bool>,
    /// Whether its authorization requests must be signed.
    pub require_signed_requests: Option<bool>,
    /// The only algorithm by which it signs them; empty: any.
    pub request_object_alg: Option<String>,
    /// Whether its access tokens must be bound to a key of its own.
    pub dpop_bound: Option<bool>,
}

/// Checks every field and notes all that are wrong.
pub(super) fn apply(app: &mut App, command: &ClientRulesCommand, fields: &mut Vec<FieldError>) {
    let jwks_uri = command.jwks_uri.as_deref();
    match KeySource::read(command.jwks.as_ref(), jwks_uri.filter(|url| !url.is_empty())) {
        Ok(Some(keys)) => app.rules.keys = Some(keys),
        Ok(None) if jwks_uri.is_some() => app.rules.keys = None,
        Ok(None) => {}
        Err(defect) => {
            let field = if command.jwks.is_some() { "jwks" } else { "jwks_uri" };
            fields.push(FieldError::new(field, defect.to_string()));
        }
    }
    for (field, sent, kept) in [
        ("token_endpoint_auth_signing_alg", &command.assertion_alg, &mut app.rules.assertion_alg),
        ("request_object_signing_alg", &command.request_object_alg, &mut app.rules.request_object_alg),
    ] {
        match sent.as_deref() {
            None => {}
            Some("") => *kept = None,
            Some(name) if client_algorithm(name).is_some() => *kept = Some(name.to_owned()),
            Some(_) => fields.push(FieldError::new(field, "must be RS256, PS256, ES256, ES384 or EdDSA")),
        }
    }
    match command.assertion_audience.as_deref().map(str::parse::<AssertionAudience>) {
        None => {}
        Some(Ok(audience)) => app.rules.assertion_audience = audience,
        Some(Err(_)) => {
            let text = "must be `issuer` or `issuer_or_token_endpoint`";
            fields.push(FieldError::new("assertion_audience", text));
        }
    }
    app.rules.require_pushed_requests = command.require_pushed_requests.unwrap_or(app.rules.require_pushed_requests);
    app.rules.require_signed_requests = command.require_signed_requests.unwrap_or(app.rules.require_signed_requests);
    app.rules.dpop_bound = command.dpop_bound.unwrap_or(app.rules.dpop_bound);
    auth_method(app, command, fields);
    if app.rules.require_signed_requests && app.rules.keys.is_none() && fields.is_empty() {
        fields.push(FieldError::new("require_signed_request_object", "needs jwks or jwks_uri"));
    }
}

fn auth_method(app: &mut App, command: &ClientRulesCommand, fields: &mut Vec<FieldError>) {
    let field = "token_endpoint_auth_method";
    let is_public = app.client_type == ClientType::Public;
    match command.auth_method.as_deref().map(str::parse::<TokenAuthMethod>) {
        None => {}
        Some(Ok(method)) if (method == TokenAuthMethod::None) != is_public => {
            fields.push(FieldError::new(field, "an app stays public or confidential; register another one"));
        }
        Some(Ok(method)) => app.client_type = method.client_type(),
        Some(Err(_)) => {
            let text = "must be client_secret_basic, client_secret_post, private_key_jwt or none";
            fields.push(FieldError::new(field, text));
        }
    }
    if app.client_type == ClientType::Keyed && app.rules.keys.is_none() && fields.is_empty() {
        fields.push(FieldError::new(field, "private_key_jwt needs jwks or jwks_uri"));
    }
}
