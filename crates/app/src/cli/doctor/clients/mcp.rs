//! Clients of MCP servers: from the server that wants a token to the authorization server, and becoming known there.

use super::steps::{Asked, Metadata, Steps};
use doorward_domain::Secret;
use serde_json::{Value, json};
use url::Url;

/// Where a client was told to get its token, and for what.
struct Found {
    issuer: String,
    resource: Option<String>,
}

/// How the client is known.
struct Known {
    id: String,
    redirect_uri: String,
    secret: Option<Secret<String>>,
    /// Where its registration is ended, and the token for that.
    registration: Option<(String, Secret<String>)>,
    /// Whether the token endpoint would have to fetch a document first.
    by_document: bool,
}

/// What an MCP client does with this URL.
pub(super) fn play(steps: &mut Steps<'_>, url: &Url) {
    steps.reach(url);
    let Some(found) = find(steps, url) else { return };
    let Some(metadata) = steps.find_document(&found.issuer, &places(&found.issuer)) else { return };
    if !metadata.has("grant_types_supported", "refresh_token") {
        steps.worth("the document does not say that tokens can be refreshed: people would be asked again and again");
    }
    let Some(known) = become_known(steps, &metadata) else { return };
    let (scope, resource) = (steps.client.scope(), found.resource.as_deref());
    let asked = Asked { client_id: &known.id, redirect_uri: &known.redirect_uri, scope, resource };
    if steps.authorize(&metadata, &asked) && !known.by_document {
        steps.exchange(&metadata, &known.id, &known.redirect_uri, known.secret.as_ref());
    }
    if let Some((url, token)) = &known.registration {
        match steps.visitor.delete(url, token) {
            Ok(answer) if answer.status == 204 => steps.good("the registration was ended again"),
            Ok(answer) => steps.worth(format!("the registration could not be ended again: {}", answer.told())),
            Err(why) => steps.worth(format!("the registration could not be ended again: {why}")),
        }
    }
}

/// Asks an MCP server without a token, which says where to get one (RFC 9728). What asks for none is taken for the authorization server.
fn find(steps: &mut Steps<'_>, url: &Url) -> Option<Found> {
    let hello = json!({
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": { "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "doctor", "version": "1" } },
    });
    let answer = match steps.visitor.post_json(url.as_str(), &hello) {
        Ok(answer) => answer,
        Err(why) => {
            steps.bad(format!("{url} does not answer: {why}"));
            return None;
        }
    };
    if answer.status != 401 {
        return Some(Found { issuer: url.as_str().trim_end_matches('/').to_owned(), resource: None });
    }
    let named = parameter(answer.header("www-authenticate"), "resource_metadata");
    let places = if let Some(place) = named {
        steps.good(format!("{url} wants a token, and names {place}"));
        vec![place]
    } else {
        steps.worth(format!("{url} wants a token, and its WWW-Authenticate names no resource_metadata"));
        let (origin, path) = (origin(url), url.path().trim_end_matches('/'));
        let well_known = format!("{origin}/.well-known/oauth-protected-resource");
        vec![format!("{well_known}{path}"), well_known]
    };
    let visitor = steps.visitor;
    let mut documents = places.iter().filter_map(|place| Some((place, visitor.get(place).ok()?)));
    let Some((place, answer)) = documents.find(|(_, answer)| answer.status == 200) else {
        steps.bad(format!("there is no document of the protected resource at {}", places.join(", ")));
        return None;
    };
    let resource = answer.text("resource").to_owned();
    let servers = answer.body.get("authorization_servers").and_then(Value::as_array);
    let Some(issuer) = servers.and_then(|all| all.first()).and_then(Value::as_str) else {
        steps.bad(format!("{place} names no authorization server"));
        return None;
    };
    let is_below = url.as_str().trim_end_matches('/').starts_with(resource.trim_end_matches('/'));
    if resource.is_empty() || !is_below {
        steps.bad(format!("{place} is about `{resource}` and not about {url}; clients refuse that"));
        return None;
    }
    steps.good(format!("{place} is about {resource}, and names the authorization server {issuer}"));
    Some(Found { issuer: issuer.to_owned(), resource: Some(resource) })
}

/// The value of a parameter of a challenge.
fn parameter(challenge: &str, name: &str) -> Option<String> {
    let (_, rest) = challenge.split_once(&format!("{name}=\""))?;
    rest.split_once('"').map(|(value, _)| value.to_owned())
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Where the document of an issuer may be, in the order in which clients look.
fn places(issuer: &str) -> Vec<String> {
    let Ok(url) = Url::parse(issuer) else { return Vec::new() };
    let (origin, path) = (origin(&url), url.path().trim_end_matches('/'));
    let mut places = vec![
        format!("{origin}/.well-known/oauth-authorization-server{path}"),
        format!("{origin}/.well-known/openid-configuration{path}"),
    ];
    if !path.is_empty() {
        places.push(format!("{origin}{path}/.well-known/openid-configuration"));
    }
    places
}

/// By what was registered for it, by its document, or by registering itself, in this order.
fn become_known(steps: &mut Steps<'_>, metadata: &Metadata) -> Option<Known> {
    let name = steps.client.name();
    let usual = steps.client.metadata();
    let usual_uri = usual.pointer("/redirect_uris/0").and_then(Value::as_str).unwrap_or_default();
    if let Some(registered) = steps.registered.take() {
        steps.good(format!("{name} is known as {}, which was registered for it", registered.id));
        let redirect_uri = registered.redirect_uri.unwrap_or_else(|| usual_uri.to_owned());
        let (id, secret) = (registered.id, registered.secret);
        return Some(Known { id, redirect_uri, secret, registration: None, by_document: false });
    }
    if !metadata.has("token_endpoint_auth_methods_supported", "none") {
        steps.bad(format!("the server takes no clients without a secret, which {name} is"));
        return None;
    }
    let takes_documents = metadata.is_true("client_id_metadata_document_supported");
    if let Some((document, redirect_uri)) = steps.client.document().filter(|_| takes_documents) {
        if !metadata.is_true("authorization_response_iss_parameter_supported") {
            steps.worth("the server does not say that its answers name it (`iss`), which some clients want");
        }
        steps.good(format!("{name} is known by its document {document}"));
        match steps.visitor.get(document) {
            Ok(answer) if answer.status == 200 && answer.text("client_id") == document => {
                steps.good("the document can be read from here, as the server must when somebody signs in");
            }
            Ok(answer) => steps.worth(format!("the document is not to be had from here: {}", answer.told())),
            Err(why) => steps.worth(format!(
                "the document cannot be read from here: {why}; if the server cannot either, set `oauth2.cimd.enabled = false` and \
                 let clients register (fetch)"
            )),
        }
        let (id, redirect_uri) = (document.to_owned(), redirect_uri.to_owned());
        return Some(Known { id, redirect_uri, secret: None, registration: None, by_document: true });
    }
    register(steps, metadata, &usual, usual_uri)
}

fn register(steps: &mut Steps<'_>, metadata: &Metadata, sent: &Value, redirect_uri: &str) -> Option<Known> {
    let name = steps.client.name();
    let endpoint = metadata.text("registration_endpoint");
    if endpoint.is_empty() {
        steps.bad(format!(
            "{name} cannot become known: the server lets no client register (oauth2.registration.mode = \"open\"), and {name} has no \
             document of its own that it takes; or register an app by hand and give its id (--client-id)"
        ));
        return None;
    }
    let answer = match steps.visitor.post_json(endpoint, sent) {
        Ok(answer) => answer,
        Err(why) => {
            steps.bad(format!("{name} cannot register itself: {why}"));
            return None;
        }
    };
    let id = answer.text("client_id").to_owned();
    if answer.status != 201 || id.is_empty() {
        steps.bad(format!("{name} cannot register itself: {}", answer.told()));
        return None;
    }
    let is_same = answer.body.get("redirect_uris") == sent.get("redirect_uris");
    if !is_same || answer.text("token_endpoint_auth_method") != "none" {
        steps.bad(format!("{name} is registered otherwise than it asked for"));
    } else {
        steps.good(format!("{name} has registered itself, as {id}"));
    }
    let (url, token) = (answer.text("registration_client_uri"), answer.text("registration_access_token"));
    let registration = Some((url.to_owned(), Secret::from(token)));
    Some(Known { id, redirect_uri: redirect_uri.to_owned(), secret: None, registration, by_document: false })
}
