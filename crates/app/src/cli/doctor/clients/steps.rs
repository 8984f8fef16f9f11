//! What several clients do alike: find the server's document, ask for authorization, and ask for tokens.

use super::kinds::Client;
use super::visit::{Answer, Visitor};
use super::{Finding, Registered};
use doorward_domain::Secret;
use serde_json::Value;
use std::net::{IpAddr, ToSocketAddrs as _};
use url::Url;

/// The example of RFC 7636, appendix B: nobody redeems anything with it.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const STATE: &str = "doctor";

/// The steps of one client, and what came of each.
pub(super) struct Steps<'a> {
    pub(super) client: Client,
    pub(super) visitor: &'a Visitor,
    pub(super) registered: Option<Registered>,
    findings: Vec<Finding>,
}

/// The document of an authorization server (RFC 8414), whose issuer is the right one.
pub(super) struct Metadata(Value);

impl Metadata {
    /// A member that is a text; empty where there is none.
    pub(super) fn text(&self, member: &str) -> &str {
        self.0.get(member).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn is_true(&self, member: &str) -> bool {
        self.0.get(member) == Some(&Value::Bool(true))
    }

    /// Whether a list has this text.
    pub(super) fn has(&self, list: &str, text: &str) -> bool {
        self.0.get(list).and_then(Value::as_array).is_some_and(|all| all.iter().any(|one| one == text))
    }
}

/// An authorization request.
pub(super) struct Asked<'a> {
    pub(super) client_id: &'a str,
    pub(super) redirect_uri: &'a str,
    pub(super) scope: Option<&'a str>,
    pub(super) resource: Option<&'a str>,
}

impl<'a> Steps<'a> {
    pub(super) const fn new(client: Client, visitor: &'a Visitor, registered: Option<Registered>) -> Self {
        Self { client, visitor, registered, findings: Vec::new() }
    }

    pub(super) fn into_findings(self) -> Vec<Finding> {
        self.findings
    }

    pub(super) fn good(&mut self, words: impl Into<String>) {
        self.findings.push(Finding::Good(words.into()));
    }

    pub(super) fn worth(&mut self, words: impl Into<String>) {
        self.findings.push(Finding::Worth(words.into()));
    }

    pub(super) fn bad(&mut self, words: impl Into<String>) {
        self.findings.push(Finding::Bad(words.into()));
    }

    /// Whether it gets there at all.
    pub(super) fn reach(&mut self, url: &Url) {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let found = (host.as_str(), url.port_or_known_default().unwrap_or(443)).to_socket_addrs();
        let addresses: Vec<IpAddr> = match found {
            Ok(found) => found.map(|address| address.ip()).collect(),
            Err(error) => return self.bad(format!("the name `{host}` does not resolve: {error}")),
        };
        let name = self.client.name();
        let is_inner = addresses.iter().any(|address| !is_public(*address));
        match self.client.comes_from_the_internet() {
            Some(always) if is_inner => {
                let why = format!("`{host}` has an address that only your network reaches");
                if always {
                    self.bad(format!("{why}, and {name} connects from the internet"));
                } else {
                    self.worth(format!("{why}: programs on your machines connect, the web site of {name} does not"));
                }
            }
            Some(_) | None if url.scheme() == "http" && addresses.iter().any(|address| !address.is_loopback()) => {
                self.worth(format!("{url} is not https; many clients refuse that, but for loopback addresses"));
            }
            Some(_) | None => self.good(format!("`{host}` resolves")),
        }
    }

    /// The document at the first of these places that has one.
    pub(super) fn find_document(&mut self, issuer: &str, places: &[String]) -> Option<Metadata> {
        for place in places {
            let answer = match self.visitor.get(place) {
                Ok(answer) => answer,
                Err(why) => {
                    self.bad(format!("{place} cannot be read: {why}"));
                    return None;
                }
            };
            if answer.status != 200 {
                continue;
            }
            return self.judge_document(issuer, place, answer);
        }
        let tried = places.join(", ");
        self.bad(format!("there is no document of an authorization server; tried {tried}"));
        None
    }

    fn judge_document(&mut self, issuer: &str, place: &str, answer: Answer) -> Option<Metadata> {
        let told = answer.text("issuer").to_owned();
        if told == issuer {
            self.good(format!("{place} is the document of {issuer}"));
        } else if told.trim_end_matches('/') == issuer.trim_end_matches('/') {
            self.worth(format!("{place} calls itself `{told}`: write it so, to the last character"));
        } else {
            self.bad(format!("{place} is the document of `{told}` and not of {issuer} (server.access_url)"));
            return None;
        }
        let metadata = Metadata(answer.body);
        for endpoint in ["authorization_endpoint", "token_endpoint"] {
            if Url::parse(metadata.text(endpoint)).is_err() {
                self.bad(format!("the document has no {endpoint}"));
                return None;
            }
        }
        if metadata.has("code_challenge_methods_supported", "S256") {
            self.good("the document says that PKCE by S256 is known");
        } else {
            self.bad("the document does not say that PKCE by S256 is known, without which clients do not begin");
        }
        Some(metadata)
    }

    /// Asks for authorization as somebody who is not signed in and may not be asked (`prompt=none`): then all but the user is looked at.
    pub(super) fn authorize(&mut self, metadata: &Metadata, asked: &Asked<'_>) -> bool {
        let Ok(mut url) = Url::parse(metadata.text("authorization_endpoint")) else { return false };
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", asked.client_id)
            .append_pair("redirect_uri", asked.redirect_uri)
            .append_pair("state", STATE)
            .append_pair("code_challenge", CHALLENGE)
            .append_pair("code_challenge_method", "S256")
            .append_pair("prompt", "none");
        if let Some(scope) = asked.scope {
            url.query_pairs_mut().append_pair("scope", scope);
        }
        if let Some(resource) = asked.resource {
            url.query_pairs_mut().append_pair("resource", resource);
        }
        let what = format!("asking for authorization to come back at {}", asked.redirect_uri);
        let answer = match self.visitor.get(url.as_str()) {
            Ok(answer) => answer,
            Err(why) => {
                self.bad(format!("{what} fails: {why}"));
                return false;
            }
        };
        let location = url.join(answer.header("location")).ok().filter(|_| (300..400).contains(&answer.status));
        let Some(location) = location else {
            self.bad(format!("{what} is refused: {}", answer.told()));
            return false;
        };
        if !location.as_str().starts_with(asked.redirect_uri) {
            self.good(format!("{what} has people sign in"));
            return true;
        }
        let told =
            |name: &str| location.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned());
        let error = told("error").unwrap_or_default();
        if !matches!(error.as_str(), "login_required" | "consent_required" | "interaction_required") {
            let why = told("error_description").unwrap_or_default();
            self.bad(format!("{what} is refused: {error}: {why}"));
            return false;
        }
        let issuer = metadata.text("issuer");
        if told("state").as_deref() != Some(STATE) {
            self.bad(format!("{what}: `state` does not come back as it was sent"));
            return false;
        }
        if metadata.is_true("authorization_response_iss_parameter_supported") && told("iss").as_deref() != Some(issuer)
        {
            self.bad(format!("{what}: the answer does not say that it is from {issuer}"));
            return false;
        }
        self.good(format!("{what} would have people sign in, and then asks whether they allow it"));
        true
    }

    /// Asks for tokens with a code that is none: the server must know the client, and refuse the code.
    pub(super) fn exchange(
        &mut self,
        metadata: &Metadata,
        client_id: &str,
        redirect_uri: &str,
        secret: Option<&Secret<String>>,
    ) {
        let mut pairs = vec![
            ("grant_type", "authorization_code"),
            ("code", "coder_doctorpref_0000000000000000000000000000000000000000"),
            ("redirect_uri", redirect_uri),
            ("code_verifier", VERIFIER),
        ];
        if secret.is_none() {
            pairs.push(("client_id", client_id));
        }
        let answer =
            self.visitor.post_form(metadata.text("token_endpoint"), &pairs, secret.map(|secret| (client_id, secret)));
        match answer {
            Err(why) => self.bad(format!("the token endpoint does not answer: {why}")),
            Ok(answer) if answer.text("error") == "invalid_grant" => {
                self.good("the token endpoint knows the client, and refuses a code that is none");
            }
            Ok(answer) if answer.text("error") == "invalid_client" => {
                self.bad(format!("the token endpoint does not take the client, or its secret: {}", answer.told()));
            }
            Ok(answer) if answer.told().contains("client_secret") => {
                self.worth(
                    "the app has a secret, which was not given: DOORWARD_CLIENT_SECRET, to see whether it is taken",
                );
            }
            Ok(answer) => self.bad(format!("the token endpoint: {}", answer.told())),
        }
    }
}

/// Whether the internet has a way there.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => !(v4.is_loopback() || v4.is_private() || v4.is_link_local() || v4.is_unspecified()),
        IpAddr::V6(v6) => {
            !(v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_unspecified())
        }
    }
}
