//! What this command line asks an authorization server as an app: a public client with PKCE (RFC 7636, RFC 8252).

use crate::failure::Refused;
use crate::http::{Answer, Content, Http, Method};
use crate::place::Place;
use crate::vault::Grant;
use crate::words::text;
use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::{Digest, Secret};
use doorward_ports::{Clock, Random};
use serde_json::{Value, json};
use url::Url;

/// How this command line is called where it registers itself.
const NAME: &str = "Doorward command line";
/// Tells registrations of it from those of other software.
const SOFTWARE: &str = "doorward-cli";
/// Where answers come back: on this machine, at any port (RFC 8252 7.3).
pub(crate) const CALLBACK: &str = "/callback";
/// What stands for a browser in the device grant (RFC 8628 3.4).
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// For how long an access token must still be good to be used, in seconds.
const MARGIN: i64 = 30;

/// What a server says of itself (RFC 8414).
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    pub(crate) place: Place,
    pub(crate) issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    revocation_endpoint: String,
    device_authorization_endpoint: String,
    /// Empty where apps cannot register themselves.
    registration_endpoint: String,
}

impl Metadata {
    /// Asks the server.
    pub(crate) fn find(http: &Http, place: &Place) -> anyhow::Result<Self> {
        let url = place.at(&[".well-known", "oauth-authorization-server"], &[])?;
        let answer = http.send(Method::Get, &url, None, Content::Nothing)?;
        if !answer.is_success() || text(&answer.body, "issuer").is_empty() {
            bail!("{place} is no Doorward: {url} answers {}", answer.status);
        }
        let member = |name: &str| text(&answer.body, name).to_owned();
        let metadata = Self {
            place: place.clone(),
            issuer: member("issuer"),
            authorization_endpoint: member("authorization_endpoint"),
            token_endpoint: member("token_endpoint"),
            revocation_endpoint: member("revocation_endpoint"),
            device_authorization_endpoint: member("device_authorization_endpoint"),
            registration_endpoint: member("registration_endpoint"),
        };
        // RFC 8414 3.3: whoever answers for another issuer may be an impostor.
        if metadata.issuer.trim_end_matches('/') != place.as_str() {
            bail!(
                "{place} says that it is {0}: sign in there, `doorward login {0}`",
                crate::words::shown(&metadata.issuer)
            );
        }
        Ok(metadata)
    }

    pub(crate) const fn takes_registrations(&self) -> bool {
        !self.registration_endpoint.is_empty()
    }

    pub(crate) const fn knows_devices(&self) -> bool {
        !self.device_authorization_endpoint.is_empty()
    }
}

/// An app in a conversation with the authorization server.
pub(crate) struct Client<'a> {
    pub(crate) http: &'a Http,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) metadata: &'a Metadata,
    pub(crate) id: String,
    /// Which scopes are asked for; all that there are, when there is none.
    pub(crate) scopes: &'a [String],
}

/// An authorization request that is under way.
#[derive(Debug)]
pub(crate) struct Pending {
    /// What the browser opens.
    pub(crate) url: Url,
    pub(crate) state: Secret<String>,
    verifier: Secret<String>,
    redirect_uri: String,
}

/// What a device shows to its user (RFC 8628 3.2).
#[derive(Debug)]
pub(crate) struct DeviceCodes {
    device_code: Secret<String>,
    pub(crate) user_code: String,
    pub(crate) verification_uri: String,
    pub(crate) verification_uri_complete: String,
    pub(crate) expires_in: u64,
    pub(crate) interval: u64,
}

/// What came of asking for the tokens of a device.
#[derive(Debug)]
pub(crate) enum Polled {
    /// The user has allowed it.
    Granted(Grant),
    /// The user has not decided yet.
    Pending,
    /// The same, and one asks too often.
    SlowDown,
}

/// Registers this command line (RFC 7591), and answers its id; or why that is not to be.
pub(crate) fn register(http: &Http, metadata: &Metadata) -> anyhow::Result<Result<String, Refused>> {
    let body = json!({
        "client_name": NAME,
        "software_id": SOFTWARE,
        "application_type": "native",
        "redirect_uris": [format!("http://127.0.0.1{CALLBACK}")],
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
    });
    let url = endpoint(&metadata.place, &metadata.registration_endpoint)?;
    let answer = http.send(Method::Post, &url, None, Content::Json(&body))?;
    let id = text(&answer.body, "client_id");
    if answer.is_success() && !id.is_empty() {
        return Ok(Ok(id.to_owned()));
    }
    Ok(Err(Refused::of(answer.status, &answer.body)))
}

impl Client<'_> {
    /// Prepares an authorization request, of which the answer goes to this port.
    pub(crate) fn begin(&self, random: &dyn Random, port: u16) -> anyhow::Result<Pending> {
        let verifier = secret(random);
        let state = secret(random);
        let redirect_uri = format!("http://127.0.0.1:{port}{CALLBACK}");
        let mut url = endpoint(&self.metadata.place, &self.metadata.authorization_endpoint)?;
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("response_type", "code").append_pair("client_id", &self.id);
            query.append_pair("redirect_uri", &redirect_uri).append_pair("state", state.expose());
            query.append_pair("code_challenge", &challenge(&verifier)).append_pair("code_challenge_method", "S256");
            query.append_pair("resource", &self.metadata.issuer);
            if !self.scopes.is_empty() {
                query.append_pair("scope", &self.scopes.join(" "));
            }
        }
        Ok(Pending { url, state, verifier, redirect_uri })
    }

    /// Exchanges a code for tokens.
    pub(crate) fn redeem(&self, pending: &Pending, code: &Secret<String>) -> anyhow::Result<Grant> {
        let answer = self.ask_tokens(&[
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", &pending.redirect_uri),
            ("code_verifier", pending.verifier.expose()),
            ("client_id", &self.id),
        ])?;
        self.granted(&answer)
    }

    /// Asks for the codes of a device.
    pub(crate) fn begin_device(&self) -> anyhow::Result<DeviceCodes> {
        let scope = self.scopes.join(" ");
        let mut form = vec![("client_id", self.id.as_str()), ("resource", &self.metadata.issuer)];
        if !scope.is_empty() {
            form.push(("scope", &scope));
        }
        let url = endpoint(&self.metadata.place, &self.metadata.device_authorization_endpoint)?;
        let answer = self.http.send(Method::Post, &url, None, Content::Form(&form))?;
        if !answer.is_success() {
            return Err(Refused::of(answer.status, &answer.body).into());
        }
        let number = |name: &str, usual: u64| answer.body.get(name).and_then(Value::as_u64).unwrap_or(usual);
        Ok(DeviceCodes {
            device_code: text(&answer.body, "device_code").into(),
            user_code: text(&answer.body, "user_code").to_owned(),
            verification_uri: text(&answer.body, "verification_uri").to_owned(),
            verification_uri_complete: text(&answer.body, "verification_uri_complete").to_owned(),
            expires_in: number("expires_in", 900),
            interval: number("interval", 5).max(1),
        })
    }

    /// Asks whether the user has decided about the device.
    pub(crate) fn poll(&self, codes: &DeviceCodes) -> anyhow::Result<Polled> {
        let answer = self.ask_tokens(&[
            ("grant_type", DEVICE_CODE),
            ("device_code", codes.device_code.expose()),
            ("client_id", &self.id),
        ])?;
        if answer.is_success() {
            return self.granted(&answer).map(Polled::Granted);
        }
        match text(&answer.body, "error") {
            "authorization_pending" => Ok(Polled::Pending),
            "slow_down" => Ok(Polled::SlowDown),
            "access_denied" => bail!("the sign-in was refused in the browser"),
            "expired_token" => bail!("nobody has entered the code in time; begin anew"),
            _ => Err(Refused::of(answer.status, &answer.body).into()),
        }
    }

    fn ask_tokens(&self, form: &[(&str, &str)]) -> anyhow::Result<Answer> {
        self.http.send(
            Method::Post,
            &endpoint(&self.metadata.place, &self.metadata.token_endpoint)?,
            None,
            Content::Form(form),
        )
    }

    fn granted(&self, answer: &Answer) -> anyhow::Result<Grant> {
        if !answer.is_success() {
            return Err(Refused::of(answer.status, &answer.body).into());
        }
        let endpoints = Endpoints {
            client_id: self.id.clone(),
            token: self.metadata.token_endpoint.clone(),
            revocation: self.metadata.revocation_endpoint.clone(),
        };
        endpoints.grant(&answer.body, "", self.clock)
    }
}

/// Where the tokens of a grant come from.
struct Endpoints {
    client_id: String,
    token: String,
    revocation: String,
}

impl Endpoints {
    /// The tokens of an answer (RFC 6749 5.1). A refresh token that is not in it stays.
    fn grant(self, body: &Value, refresh_token: &str, clock: &dyn Clock) -> anyhow::Result<Grant> {
        let access = text(body, "access_token");
        if access.is_empty() {
            bail!("the server answers without an access token");
        }
        let refresh = Some(text(body, "refresh_token")).filter(|token| !token.is_empty()).unwrap_or(refresh_token);
        let lifetime = body.get("expires_in").and_then(Value::as_i64).unwrap_or(3600);
        Ok(Grant {
            access_token: access.into(),
            refresh_token: refresh.into(),
            expires_at: clock.now().unix_timestamp().saturating_add(lifetime),
            client_id: self.client_id,
            token_endpoint: self.token,
            revocation_endpoint: self.revocation,
            scope: text(body, "scope").to_owned(),
        })
    }
}

impl Grant {
    /// Whether the access token is over, or nearly so.
    pub(crate) fn is_over(&self, clock: &dyn Clock) -> bool {
        clock.now().unix_timestamp().saturating_add(MARGIN) >= self.expires_at
    }

    /// New tokens for the old ones.
    pub(crate) fn refresh(&self, http: &Http, place: &Place, clock: &dyn Clock) -> anyhow::Result<Self> {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", self.refresh_token.expose()),
            ("client_id", &self.client_id),
        ];
        let answer = http.send(Method::Post, &endpoint(place, &self.token_endpoint)?, None, Content::Form(&form))?;
        if !answer.is_success() {
            return Err(Refused::of(answer.status, &answer.body).into());
        }
        let endpoints = Endpoints {
            client_id: self.client_id.clone(),
            token: self.token_endpoint.clone(),
            revocation: self.revocation_endpoint.clone(),
        };
        endpoints.grant(&answer.body, self.refresh_token.expose(), clock)
    }

    /// Gives the tokens back (RFC 7009): the grant ends with them.
    pub(crate) fn revoke(&self, http: &Http, place: &Place) -> anyhow::Result<()> {
        let token = if self.refresh_token.expose().is_empty() { &self.access_token } else { &self.refresh_token };
        let form = [("token", token.expose().as_str()), ("client_id", &self.client_id)];
        let answer =
            http.send(Method::Post, &endpoint(place, &self.revocation_endpoint)?, None, Content::Form(&form))?;
        if answer.is_success() { Ok(()) } else { Err(Refused::of(answer.status, &answer.body).into()) }
    }
}

/// 32 random bytes (RFC 7636 4.1).
fn secret(random: &dyn Random) -> Secret<String> {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    Secret::new(URL_SAFE_NO_PAD.encode(bytes))
}

/// What shows later that one knows the verifier (RFC 7636 4.2).
fn challenge(verifier: &Secret<String>) -> String {
    URL_SAFE_NO_PAD.encode(Digest::of(verifier.expose()).as_bytes())
}

/// Where a server is asked. What is secret goes nowhere but to the server itself, and not in another way.
fn endpoint(place: &Place, url: &str) -> anyhow::Result<Url> {
    let url = Url::parse(url).context("the server does not say where it is to be asked")?;
    if !place.has(&url) {
        bail!("{place} says that it is to be asked at {}, which is another place", crate::words::shown(url.as_str()));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7636 appendix B
    #[test]
    fn the_challenge_is_that_of_the_standard() {
        let verifier = Secret::from("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(challenge(&verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn nothing_but_the_server_is_asked() {
        let place = Place::parse("https://a.example/door").unwrap();
        assert!(endpoint(&place, "https://a.example/door/oauth2/tokens").is_ok());
        for url in [
            "",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "http://a.example/door/oauth2/tokens",
            "https://b.example/door/oauth2/tokens",
            "https://a.example:8443/door/oauth2/tokens",
        ] {
            assert!(endpoint(&place, url).is_err(), "{url}");
        }
    }
}
