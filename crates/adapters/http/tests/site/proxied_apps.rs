//! Tokens for apps, which workspace proxies ask for on behalf of browsers.

use crate::house::{Answer, House, house};
use crate::templates::id;
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::provisioner_jobs::{Agent, App, Resource, SharingLevel};
use doorward_ports::Clock as _;
use doorward_services::Principal;
use doorward_services::provisioner_jobs::{CompletedBuild, complete_build};
use ring::hmac;
use serde_json::{Value, json};
use time::Duration;

const POST: Method = Method::POST;

fn app(slug: &str, sharing_level: SharingLevel) -> App {
    App { slug: slug.to_owned(), url: format!("http://127.0.0.1/{slug}"), sharing_level, ..App::default() }
}

/// A resource with an agent that offers one app of each kind.
fn resource() -> Resource {
    let owner = SharingLevel::Owner;
    let apps = vec![
        App { subdomain: true, ..app("code", owner) },
        app("shared", SharingLevel::Authenticated),
        app("open", SharingLevel::Public),
        App { external: true, ..app("elsewhere", owner) },
        App { url: String::new(), ..app("command", owner) },
    ];
    let agent = Agent { name: "main".to_owned(), apps, ..Agent::default() };
    Resource { name: "box".to_owned(), kind: "null".to_owned(), agents: vec![agent], ..Resource::default() }
}

fn asked(owner: &str, app: &str) -> Value {
    json!({
        "access_method": "path", "base_path": format!("/@{owner}/box/apps/{app}/"), "username_or_id": owner,
        "workspace_name_or_id": "box", "app_slug_or_port": app,
    })
}

impl<S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> House<S> {
    /// A proxy asks for a token for whoever has this session.
    async fn app_token(&self, proxy: &str, session: &str, app_request: Value) -> Answer {
        let body = json!({ "app_request": app_request, "session_token": session, "path_app_base_url": "https://x" });
        self.as_proxy(proxy, POST, "issue-signed-app-token", body).await
    }

    /// A running workspace of this user, called `box`.
    async fn running(&self, owner: &str, daemon: &Principal, user: &str) -> Value {
        let version = self.imported(owner, None, daemon).await;
        let dev = self.template_of(owner, "dev", &version).await;
        let body = json!({
            "template_id": dev["id"], "name": "box", "rich_parameter_values": [{ "name": "zone", "value": "eu" }],
        });
        let made = self.api(POST, "/users/me/workspaces", user, body).await.expect(201).json();
        let job = self.claim(daemon).await.job.id;
        let done = CompletedBuild { resources: vec![resource()], ..CompletedBuild::default() };
        complete_build(&self.context, daemon, job, done).await.unwrap();
        made
    }
}

/// The claims of a token, whose signature is that of the key that the proxy knows by its `kid`.
fn verified(answer: &Answer, keys: &Value) -> Value {
    let token = answer.json()["signed_token_str"].as_str().unwrap().to_owned();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let part = |index: usize| -> Value {
        let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    };
    let header = part(0);
    let kid: i64 = header["kid"].as_str().unwrap().parse().unwrap();
    let key = keys["crypto_keys"].as_array().unwrap().iter().find(|key| key["sequence"] == kid).unwrap();
    let secret = key["secret"].as_str().unwrap();
    let secret: Vec<u8> =
        (0..secret.len()).step_by(2).map(|at| u8::from_str_radix(&secret[at..at + 2], 16).unwrap()).collect();
    assert_eq!((header["alg"].as_str(), secret.len()), (Some("HS512"), 64));
    let key = hmac::Key::new(hmac::HMAC_SHA512, &secret);
    hmac::verify(&key, signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    part(1)
}

#[actix_web::test]
async fn a_proxy_gets_tokens_for_apps_by_the_rights_of_the_person() {
    let house = house().await;
    let owner = house.owner().await;
    let (bob, cy) = (house.member(&owner, "bob").await, house.member(&owner, "cy").await);
    let daemon = house.daemon("rack").await;
    let workspace = house.running(&owner, &daemon, &bob).await;
    let (_, proxy) = house.proxy(&owner, "sydney").await;
    let path = "crypto-keys?feature=workspace_apps_token";
    let keys = house.as_proxy(&proxy, Method::GET, path, Value::Null).await.expect(200).json();
    let me = async |token: &str| house.get("/users/me", token).await.expect(200).json()["id"].clone();

    let issued = house.app_token(&proxy, &bob, asked("bob", "code")).await.expect(201);
    assert_eq!(issued.header("cache-control"), "no-store");
    let claims = verified(&issued, &keys);
    let build = format!("/workspacebuilds/{}", id(&workspace["latest_build"]));
    let agent = house.get(&build, &bob).await.expect(200).json()["resources"][0]["agents"][0]["id"].clone();
    assert_eq!(
        (&claims["user_id"], &claims["workspace_id"], &claims["agent_id"], &claims["app_url"]),
        (&me(&bob).await, &workspace["id"], &agent, &json!("http://127.0.0.1/code"))
    );
    assert_eq!(claims["exp"], (house.clock.now() + Duration::MINUTE).unix_timestamp());
    let mut request = asked("bob", "code");
    (request["app_prefix"], request["agent_name_or_id"]) = (json!(""), json!(""));
    assert_eq!(claims["request"], request);

    // The same, named otherwise.
    let owner_id = me(&bob).await;
    for (name, value) in [
        ("username_or_id", json!("me")),
        ("username_or_id", owner_id),
        ("workspace_name_or_id", workspace["id"].clone()),
        ("workspace_name_or_id", json!("BOX")),
        ("agent_name_or_id", json!("main")),
        ("agent_name_or_id", agent),
        ("access_method", json!("subdomain")),
    ] {
        let mut request = asked("bob", "code");
        request[name] = value;
        house.app_token(&proxy, &bob, request).await.expect(201);
    }
    let port = verified(&house.app_token(&proxy, &bob, asked("bob", "8443s")).await.expect(201), &keys);
    assert_eq!(port["app_url"], "https://127.0.0.1:8443");

    // What is shared goes as far as it is shared.
    let shared = house.app_token(&proxy, &cy, asked("bob", "shared")).await.expect(201);
    assert_eq!(verified(&shared, &keys)["user_id"], me(&cy).await);
    let open = house.app_token(&proxy, "", asked("bob", "open")).await.expect(201);
    assert_eq!(verified(&open, &keys)["user_id"], uuid::Uuid::nil().to_string());
    // Whoever may not is told what is told of an app that is not there.
    let absent = house.app_token(&proxy, &bob, asked("bob", "nothing")).await.expect(404);
    assert!(absent.header("content-type").starts_with("text/html"), "{}", absent.body);
    for app in ["code", "8080", "nothing", "elsewhere"] {
        house.app_token(&proxy, &cy, asked("bob", app)).await.expect(404);
        for session in ["", "no-token", &format!("{}x", &cy[..cy.len() - 1])] {
            let sent = house.app_token(&proxy, session, asked("bob", app)).await.expect(303);
            assert_eq!(sent.header("location"), "https://door.example/login?message=Sign+in+to+continue.");
        }
    }
    house.app_token(&proxy, "", asked("bob", "shared")).await.expect(303);
    house.app_token(&proxy, "", asked("nobody", "open")).await.expect(303);
    // A credential for something else is no way to apps, whoever has it.
    let narrow = |scope: &str| json!({ "scopes": [scope], "token_name": scope.replace(':', "-") });
    for (whose, app) in [(&bob, "code"), (&cy, "shared")] {
        let other = house.api(POST, "/users/me/keys/tokens", whose, narrow("template:read")).await.expect(201).json();
        let fitting = narrow("coder:application_connect");
        let fitting = house.api(POST, "/users/me/keys/tokens", whose, fitting).await.expect(201).json();
        house.app_token(&proxy, other["key"].as_str().unwrap(), asked("bob", app)).await.expect(404);
        house.app_token(&proxy, fitting["key"].as_str().unwrap(), asked("bob", app)).await.expect(201);
    }
}

#[actix_web::test]
async fn what_no_proxy_can_relay_is_said_in_words() {
    let house = house().await;
    let owner = house.owner().await;
    let (bob, cy) = (house.member(&owner, "bob").await, house.member(&owner, "cy").await);
    let daemon = house.daemon("rack").await;
    let workspace = house.running(&owner, &daemon, &bob).await;
    let (_, proxy) = house.proxy(&owner, "sydney").await;
    let with = |name: &str, value: Value| {
        let mut request = asked("bob", "shared");
        request[name] = value;
        request
    };
    for (request, words) in [
        (asked("bob", "elsewhere"), "elsewhere"),
        (asked("bob", "command"), "no address"),
        (with("access_method", json!("subdomain")), "no host of its own"),
        (with("access_method", json!("terminal")), "no terminals"),
    ] {
        let page = house.app_token(&proxy, &bob, request).await.expect(501);
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    for (name, value) in [
        ("username_or_id", "cy"),
        ("workspace_name_or_id", "other"),
        ("workspace_name_or_id", "00000000-0000-0000-0000-000000000001"),
        ("agent_name_or_id", "second"),
        ("app_slug_or_port", "70000"),
    ] {
        house.app_token(&proxy, &bob, with(name, json!(value))).await.expect(404);
    }
    for (name, value) in
        [("access_method", json!("mail")), ("base_path", json!("x".repeat(1_025))), ("app_prefix", json!(7))]
    {
        let refused = house.app_token(&proxy, &bob, with(name, value)).await.expect(400).json();
        assert!(refused.to_string().contains(name), "{name}: {refused}");
    }
    house.app_token("", &bob, asked("bob", "code")).await.expect(401);
    house.app_token(&proxy, "", with("access_method", json!("terminal"))).await.expect(303);

    // What was put aside, or belongs to somebody who may not act, is there for nobody.
    let open = asked("bob", "open");
    house.app_token(&proxy, "", open.clone()).await.expect(201);
    let dormant = format!("/workspaces/{}/dormant", id(&workspace));
    house.api(Method::PUT, &dormant, &bob, json!({ "dormant": true })).await.expect(200);
    house.app_token(&proxy, &cy, open.clone()).await.expect(404);
    house.app_token(&proxy, "", open.clone()).await.expect(303);
    house.api(Method::PUT, &dormant, &bob, json!({ "dormant": false })).await.expect(200);
    house.api(Method::PUT, "/users/bob/status/suspend", &owner, Value::Null).await.expect(200);
    house.app_token(&proxy, &cy, open.clone()).await.expect(404);
    house.api(Method::PUT, "/users/bob/status/activate", &owner, Value::Null).await.expect(200);
    let bob = house.login("bob@example.com").await;
    house.app_token(&proxy, "", open).await.expect(201);

    house.clock.advance(Duration::SECOND);
    let path = format!("/workspaces/{}/builds", id(&workspace));
    house.api(POST, &path, &bob, json!({ "transition": "stop" })).await.expect(201);
    for answered in [false, true] {
        if answered {
            let job = house.claim(&daemon).await.job.id;
            complete_build(&house.context, &daemon, job, CompletedBuild::default()).await.unwrap();
        }
        let page = house.app_token(&proxy, &bob, asked("bob", "code")).await.expect(503);
        assert!(page.body.contains("does not run"), "{}", page.body);
        house.app_token(&proxy, &cy, asked("bob", "shared")).await.expect(404);
    }
}
