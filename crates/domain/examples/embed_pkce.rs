//! Authorization codes with PKCE inside another server: `cargo run -p doorward-domain --example embed_pkce`.
//!
//! What the rules say is decided by `doorward-domain`; where codes are kept, what time it is and where random text comes
//! from is yours. The map below stands for your database.

use std::collections::HashMap;
use std::error::Error;
use std::fmt::Write as _;

use doorward_domain::ids::{AppId, CodeId, GrantId, UserId};
use doorward_domain::oauth2::{
    App, Authorization, AuthorizationCode, CODE_LIFETIME, ClientRules, ClientType, CodeChallenge, CodeError,
    OAuthErrorCode, OpaqueToken, Redemption, RedirectMatch, RedirectUri, Resource, Scopes, alphanumeric_from,
};
use doorward_domain::{Instant, Secret};
use ring::rand::{SecureRandom as _, SystemRandom};
use time::Duration;
use time::macros::datetime;
use uuid::Uuid;

/// What a client sends to the authorization endpoint.
struct Request<'a> {
    redirect_uri: Option<&'a str>,
    code_challenge: Option<&'a str>,
    code_challenge_method: Option<&'a str>,
    resource: &'a str,
    scope: &'a str,
}

/// A server with one app and the codes it has given out, by their prefixes.
struct Server {
    issuer: Resource,
    app: App,
    codes: HashMap<String, AuthorizationCode>,
}

impl Server {
    /// The authorization endpoint, after the user has consented: where to send the browser.
    fn authorize(&mut self, user: UserId, request: &Request<'_>, now: Instant) -> Result<String, Box<dyn Error>> {
        // Before the redirect URI is known to be good, nothing may be sent to it.
        let redirect_uri = self.app.redirect_uri(request.redirect_uri).map_err(OAuthErrorCode::as_str)?;
        let challenge = CodeChallenge::from_request(request.code_challenge, request.code_challenge_method)?;
        if challenge.is_none() && self.app.needs_pkce() {
            return Err("code_challenge is missing".into());
        }
        let resource = Resource::parse(request.resource)?;
        if !self.app.may_target(&resource, None, &self.issuer) {
            return Err(OAuthErrorCode::InvalidTarget.as_str().into());
        }
        let authorization = Authorization { scopes: Scopes::from_request(request.scope)?, resource: Some(resource) };
        let token =
            OpaqueToken::new(random_text(OpaqueToken::PREFIX_LEN)?, Secret::new(random_text(OpaqueToken::SECRET_LEN)?));
        let code = AuthorizationCode {
            jkt: None,
            id: CodeId(Uuid::from_u128(1)),
            prefix: token.prefix().to_owned(),
            // The secret itself is not kept.
            digest: token.digest(),
            app_id: self.app.id,
            user_id: user,
            redirect_uri: request.redirect_uri.map(str::to_owned),
            challenge,
            authorization,
            created_at: now,
            expires_at: now + CODE_LIFETIME,
            redeemed: None,
            implied_redirect_uri: None,
        };
        self.codes.insert(code.prefix.clone(), code);
        Ok(redirect_uri.with_response(&[
            ("code", token.to_wire().expose()),
            ("state", "s1"),
            ("iss", "https://id.example"),
        ]))
    }

    /// The token endpoint: whose code it was.
    fn redeem(&mut self, code: &str, request: &Redemption<'_>, now: Instant) -> Result<UserId, Box<dyn Error>> {
        let presented = OpaqueToken::parse(code)?;
        let found = self.codes.get_mut(presented.prefix());
        // Digests are compared in constant time, by their type.
        let code = found.filter(|code| code.digest == presented.digest()).ok_or("no such code")?;
        if let (Err(replayed @ CodeError::Redeemed), Some((_, grant))) =
            (code.check(&self.app, request, now), code.redeemed)
        {
            // RFC 6749 4.1.2: whoever replays a code may have stolen it; end what came of it.
            return Err(format!("{replayed}: revoke the grant {}", grant.0).into());
        }
        let told = |error: CodeError| format!("{}: {error}", error.oauth_code().as_str());
        code.check(&self.app, request, now).map_err(told)?;
        code.redeemed = Some((now, GrantId(Uuid::from_u128(7))));
        Ok(code.user_id)
    }
}

/// Random bytes are yours; what text is made of them is ours.
#[expect(clippy::disallowed_methods, reason = "this program stands for another team's, which has its own rules")]
fn random_text(len: usize) -> Result<String, Box<dyn Error>> {
    let mut bytes = vec![0; len * 2];
    SystemRandom::new().fill(&mut bytes).map_err(|_unspecified| "no random bytes")?;
    alphanumeric_from(&bytes, len).ok_or_else(|| "too few random bytes".into())
}

fn run() -> Result<String, Box<dyn Error>> {
    let now = datetime!(2026-01-01 12:00 UTC);
    let registered = RedirectUri::register("http://127.0.0.1/callback", true)?;
    let app = App {
        id: AppId(Uuid::from_u128(2)),
        name: "Desktop editor".to_owned(),
        icon: String::new(),
        redirect_uris: vec![registered],
        redirect_match: RedirectMatch::Exact,
        client_type: ClientType::Public,
        require_pkce: true,
        allowed_scopes: None,
        allowed_resources: Some(vec![Resource::parse("https://api.example")?]),
        resources: Vec::new(),
        service_account_id: None,
        device_flow: false,
        refresh_tokens: true,
        rules: ClientRules::default(),
        created_at: now,
        updated_at: now,
        revision: 0,
    };
    let mut server = Server { issuer: Resource::parse("https://id.example")?, app, codes: HashMap::new() };
    let user = UserId(Uuid::from_u128(3));
    let mut report = String::new();

    // RFC 7636 appendix B. On loopback hosts the port is the client's choice (RFC 8252 7.3).
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let good = || Request {
        redirect_uri: Some("http://127.0.0.1:51004/callback"),
        code_challenge: Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        code_challenge_method: Some("S256"),
        resource: "https://api.example",
        scope: "openid user:read",
    };
    for (name, request) in [
        ("another redirect URI", Request { redirect_uri: Some("https://evil.example/callback"), ..good() }),
        ("no challenge", Request { code_challenge: None, code_challenge_method: None, ..good() }),
        ("a plain challenge", Request { code_challenge_method: Some("plain"), ..good() }),
        ("another resource", Request { resource: "https://other.example", ..good() }),
        ("a scope that is none", Request { scope: "files:read", ..good() }),
    ] {
        let refused = server.authorize(user, &request, now).err();
        writeln!(report, "{name}: {}", refused.map_or_else(|| "accepted".to_owned(), |error| error.to_string()))?;
    }

    let location = server.authorize(user, &good(), now)?;
    let (target, query) = location.split_once('?').ok_or("no query")?;
    writeln!(report, "the browser goes to {target}")?;
    let code = query.split('&').find_map(|pair| pair.strip_prefix("code=")).ok_or("no code")?;

    let resource = Resource::parse("https://api.example")?;
    let right = Redemption {
        jkt: None,
        redirect_uri: Some("http://127.0.0.1:51004/callback"),
        verifier: Some(verifier),
        resource: Some(&resource),
        require_resource: true,
    };
    let other = Resource::parse("https://other.example")?;
    let second = now + Duration::SECOND;
    for (name, redemption, at) in [
        ("no verifier", Redemption { verifier: None, ..right.clone() }, second),
        ("a wrong verifier", Redemption { verifier: Some(&verifier[1..]), ..right.clone() }, second),
        ("another port", Redemption { redirect_uri: Some("http://127.0.0.1:1/callback"), ..right.clone() }, second),
        ("another resource", Redemption { resource: Some(&other), ..right.clone() }, second),
        ("too late", right.clone(), now + CODE_LIFETIME),
        ("all as it was asked for", right.clone(), second),
        ("once more", right.clone(), second),
    ] {
        match server.redeem(code, &redemption, at) {
            Ok(user) => writeln!(report, "{name}: tokens for user {}", user.0)?,
            Err(error) => writeln!(report, "{name}: {error}")?,
        }
    }
    Ok(report)
}

fn main() -> Result<(), Box<dyn Error>> {
    print!("{}", run()?);
    Ok(())
}

#[test]
fn it_prints_what_the_rules_say() {
    assert_eq!(
        run().unwrap_or_else(|error| error.to_string()),
        "another redirect URI: invalid_request\n\
         no challenge: code_challenge is missing\n\
         a plain challenge: code_challenge_method must be S256\n\
         another resource: invalid_target\n\
         a scope that is none: unknown scope: files:read\n\
         the browser goes to http://127.0.0.1:51004/callback\n\
         no verifier: invalid_grant: code_verifier is missing\n\
         a wrong verifier: invalid_grant: code_verifier is wrong\n\
         another port: invalid_grant: redirect_uri is not the one of the authorization request\n\
         another resource: invalid_target: resource is not the one of the authorization request\n\
         too late: invalid_grant: the code has expired\n\
         all as it was asked for: tokens for user 00000000-0000-0000-0000-000000000003\n\
         once more: the code was redeemed before: revoke the grant 00000000-0000-0000-0000-000000000007\n"
    );
}
