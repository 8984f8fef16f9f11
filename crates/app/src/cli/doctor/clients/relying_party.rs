//! Relying parties of OpenID Connect, which somebody registers by hand: the document, the keys, and whether the app fits.

use super::steps::{Asked, Metadata, Steps};
use serde_json::Value;
use url::Url;

/// What a relying party does with this issuer.
pub(super) fn play(steps: &mut Steps<'_>, url: &Url) {
    steps.reach(url);
    let issuer = url.as_str().trim_end_matches('/').to_owned();
    let (name, party) = (steps.client.name(), steps.client.party());
    if party.wants_https && url.scheme() != "https" {
        steps.bad(format!("{name} takes no issuer without https"));
    }
    let place = format!("{issuer}/.well-known/openid-configuration");
    let Some(metadata) = steps.find_document(&issuer, &[place]) else { return };
    let missing: Vec<&str> = party.scope.split(' ').filter(|scope| !metadata.has("scopes_supported", scope)).collect();
    if missing.is_empty() {
        steps.good(format!("the server knows the scopes that {name} asks for: {}", party.scope));
    } else {
        steps.bad(format!("the server does not know {} (oidc.enabled)", missing.join(", ")));
    }
    keys(steps, &metadata);
    userinfo(steps, &metadata);
    steps.worth(format!("{name}: {}", party.claims));
    let Some(registered) = steps.registered.take() else {
        steps.worth(format!(
            "give --client-id, to see whether the app that was registered for {name} fits; its redirect URI is such as {}",
            party.callback
        ));
        return;
    };
    let redirect_uri = registered.redirect_uri.unwrap_or_else(|| party.callback.to_owned());
    let (client_id, scope) = (registered.id.as_str(), steps.client.scope());
    let asked = Asked { client_id, redirect_uri: &redirect_uri, scope, resource: None };
    if steps.authorize(&metadata, &asked) {
        steps.exchange(&metadata, client_id, &redirect_uri, registered.secret.as_ref());
    }
}

/// Whether ID tokens can be checked: all of these read RS256, the default of OpenID Connect.
fn keys(steps: &mut Steps<'_>, metadata: &Metadata) {
    let place = metadata.text("jwks_uri");
    if place.is_empty() {
        return steps.bad("the document names no keys (oidc.enabled)");
    }
    let answer = match steps.visitor.get(place) {
        Ok(answer) => answer,
        Err(why) => return steps.bad(format!("the keys at {place} cannot be read: {why}")),
    };
    let is_rs256 = |key: &Value| key.get("alg").is_some_and(|alg| alg == "RS256") && key.get("kid").is_some();
    let keys = answer.body.get("keys").and_then(Value::as_array);
    match keys {
        Some(keys) if keys.iter().any(is_rs256) => steps.good(format!("{place} has a key for RS256")),
        Some(_) => steps.bad(format!("{place} has no key for RS256")),
        None => steps.bad(format!("{place} has no keys: {}", answer.told())),
    }
}

/// Whether userinfo wants a token, and says so in the way that libraries read.
fn userinfo(steps: &mut Steps<'_>, metadata: &Metadata) {
    let place = metadata.text("userinfo_endpoint");
    if place.is_empty() {
        return steps.bad("the document names no userinfo endpoint (oidc.enabled)");
    }
    match steps.visitor.get(place) {
        Ok(answer) if answer.status == 401 && answer.header("www-authenticate").starts_with("Bearer") => {
            steps.good(format!("{place} wants a token"));
        }
        Ok(answer) => steps.bad(format!("{place} without a token: {}", answer.told())),
        Err(why) => steps.bad(format!("{place} does not answer: {why}")),
    }
}
