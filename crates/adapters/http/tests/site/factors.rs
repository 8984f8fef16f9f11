//! Second factors: setting them up, signing in with them, and every way around them.

mod around;
mod pages;

use crate::house::{Answer, House, NOW, PASSWORD, house, house_with};
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use doorward_domain::Secret;
use doorward_domain::factors::{TotpSecret, step_of};
use doorward_ports::Clock as _;
use doorward_services::factors::MfaRequired;
use serde_json::{Value, json};
use std::fmt::Write as _;
use time::Duration;

const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const DELETE: Method = Method::DELETE;

/// An authenticator app, which knows the secret as people type it.
struct App(TotpSecret);

impl App {
    fn of(secret: &str) -> Self {
        let mut bits = String::new();
        for character in secret.bytes() {
            let value = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|known| *known == character).unwrap();
            write!(bits, "{value:05b}").unwrap();
        }
        let bytes: Vec<u8> = (0..20).map(|at| u8::from_str_radix(&bits[at * 8..at * 8 + 8], 2).unwrap()).collect();
        Self(TotpSecret::from_stored(&bytes).unwrap())
    }

    /// What it shows now.
    fn code<S>(&self, house: &House<S>) -> String {
        self.0.code(step_of(house.clock.now())).into_exposed()
    }

    /// What it shows a while later, when the last code was used.
    fn next<S>(&self, house: &House<S>) -> String {
        house.clock.advance(Duration::seconds(30));
        self.code(house)
    }

    /// A code that is wrong.
    fn wrong<S>(&self, house: &House<S>) -> String {
        self.0.code(step_of(house.clock.now()) + 100).into_exposed()
    }
}

/// Requests about factors.
trait Walk {
    async fn set_up(&self, token: &str) -> (App, Vec<String>);
    async fn password(&self, email: &str) -> Answer;
    async fn step(&self, token: &str, method: &str, code: &str) -> Answer;
    async fn waiting(&self, email: &str) -> String;
    async fn enter(&self, email: &str, app: &App) -> String;
}

impl<S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> Walk for House<S> {
    /// Sets an app up in this session; with the recovery codes.
    async fn set_up(&self, token: &str) -> (App, Vec<String>) {
        let new = self.api(POST, "/users/me/totp", token, Value::Null).await.expect(201).json();
        let app = App::of(new["secret"].as_str().unwrap());
        let code = json!({ "code": app.code(self) });
        let codes = self.api(POST, "/users/me/totp/confirm", token, code).await.expect(200).json();
        let codes = codes["recovery_codes"].as_array().unwrap();
        (app, codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect())
    }

    async fn password(&self, email: &str) -> Answer {
        self.api(POST, "/users/login", "", json!({ "email": email, "password": PASSWORD })).await
    }

    async fn step(&self, token: &str, method: &str, code: &str) -> Answer {
        self.api(POST, "/users/login/mfa", "", json!({ "token": token, "method": method, "code": code })).await
    }

    /// Gives the password, and answers with what it goes on.
    async fn waiting(&self, email: &str) -> String {
        let asked = self.password(email).await.expect(403);
        assert!(asked.cookies().is_empty(), "nobody is signed in");
        asked.json()["mfa"]["token"].as_str().unwrap().to_owned()
    }

    /// Signs in with password and app.
    async fn enter(&self, email: &str, app: &App) -> String {
        let token = self.waiting(email).await;
        let answer = self.step(&token, "totp", &app.next(self)).await.expect(201);
        answer.json()["session_token"].as_str().unwrap().to_owned()
    }
}

#[actix_web::test]
async fn an_app_is_set_up_and_asked_for_at_the_next_sign_in() {
    let house = house().await;
    let owner = house.owner().await;
    let none = json!({ "totp": { "enabled": false, "locked": false }, "recovery_codes": 0, "required": false });
    assert_eq!(house.get("/users/me/factors", &owner).await.expect(200).json(), none);
    let new = house.api(POST, "/users/me/totp", &owner, Value::Null).await.expect(201).json();
    let url = new["url"].as_str().unwrap();
    assert!(
        url.starts_with("otpauth://totp/door.example:ann?secret=") && url.contains("&issuer=door.example&"),
        "{url}"
    );
    assert!(new["svg"].as_str().unwrap().starts_with("<svg "));
    house.password("ann@example.com").await.expect(201);
    let app = App::of(new["secret"].as_str().unwrap());
    let confirm = async |code: &str| house.api(POST, "/users/me/totp/confirm", &owner, json!({ "code": code })).await;
    assert_eq!(confirm("").await.expect(400).json()["validations"][0]["field"], "code");
    confirm(&app.wrong(&house)).await.expect(401);
    house.password("ann@example.com").await.expect(201);
    let codes = confirm(&app.code(&house)).await.expect(200).json();
    assert_eq!(codes["recovery_codes"].as_array().unwrap().len(), 10);

    let asked = house.password("ann@example.com").await.expect(403).json();
    assert_eq!(asked["mfa"]["methods"], json!(["totp", "recovery"]));
    assert_eq!(asked["mfa"]["enroll"], false);
    let wrong = json!({ "email": "ann@example.com", "password": "wrong" });
    let refused = house.api(POST, "/users/login", "", wrong).await.expect(401);
    assert!(!refused.body.contains("mfa"), "before the password nothing is told");
    let token = asked["mfa"]["token"].as_str().unwrap();
    house.step(token, "totp", &app.wrong(&house)).await.expect(401);
    let spaced = app.next(&house);
    let signed_in = house.step(token, "totp", &format!(" {} {}", &spaced[..3], &spaced[3..])).await.expect(201);
    let session = signed_in.json()["session_token"].as_str().unwrap().to_owned();
    assert!(signed_in.cookies().iter().any(|cookie| cookie.ends_with(&session)));
    house.get("/users/me", &session).await.expect(200);

    let shown = house.get("/users/me/factors", &session).await.expect(200).json();
    assert_eq!((&shown["totp"]["enabled"], &shown["recovery_codes"]), (&json!(true), &json!(10)));
    assert_eq!(shown["totp"]["since"], "2026-03-01T12:00:00Z");
    let log = house.get("/audit", &owner).await.expect(200).body;
    assert!(log.contains("second_factor") && log.contains("totp_secret"));
    assert!(
        !log.contains(new["secret"].as_str().unwrap()) && !log.contains(codes["recovery_codes"][0].as_str().unwrap())
    );
}

#[actix_web::test]
async fn a_code_works_once_and_a_token_succeeds_once_for_five_minutes() {
    let house = house().await;
    let owner = house.owner().await;
    let (app, _) = house.set_up(&owner).await;
    let token = house.waiting("ann@example.com").await;
    house.step(&token, "totp", &app.code(&house)).await.expect(401);
    let code = app.next(&house);
    house.step(&token, "totp", &code).await.expect(201);
    let other = house.waiting("ann@example.com").await;
    house.step(&other, "totp", &code).await.expect(401);
    let next = app.next(&house);
    house.step(&token, "totp", &next).await.expect(401);
    house.step(&other, "totp", &next).await.expect(201);

    let late = house.waiting("ann@example.com").await;
    house.clock.advance(Duration::minutes(5));
    let over = house.step(&late, "totp", &app.next(&house)).await.expect(401);
    assert!(over.json()["message"].as_str().unwrap().contains("took too long"));
    for bad in ["x", &late.replace("factor", "enroll")] {
        house.step(bad, "totp", &app.next(&house)).await.expect(401);
    }
    let missing = house.step("", "none", "").await.expect(400).json();
    let fields: Vec<&str> =
        missing["validations"].as_array().unwrap().iter().map(|v| v["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["token", "method"]);
    let token = house.waiting("ann@example.com").await;
    house.step(&token, "enroll", "").await.expect(400);
}

#[actix_web::test]
async fn wrong_codes_wait_like_wrong_passwords_and_a_hundred_lock_the_app() {
    let house = house().await;
    let owner = house.owner().await;
    let (app, codes) = house.set_up(&owner).await;
    let token = house.waiting("ann@example.com").await;
    let mut wrong = 0;
    loop {
        let answer = house.step(&token, "totp", &app.wrong(&house)).await;
        match answer.status.as_u16() {
            401 => wrong += 1,
            429 => break,
            other => panic!("{other}: {}", answer.body),
        }
    }
    assert_eq!(wrong, 5);
    // The right one waits too.
    let right = app.0.code(step_of(house.clock.now()) + 1).into_exposed();
    house.step(&token, "totp", &right).await.expect(429);
    house.step(&token, "recovery", &codes[0]).await.expect(429);

    // More than the waits let through.
    house.clock.advance(Duration::minutes(50));
    let id = house.get("/users/me", &owner).await.json()["id"].as_str().unwrap().parse().unwrap();
    let begin = house.clock.now();
    let stored = house.store.write(move |repos| {
        let failures = doorward_domain::factors::Failures { count: 99, since: Some(begin) };
        let permit = doorward_domain::roles::System::because("a test").permit();
        repos.factors().update_failures(&permit, id, failures, None)
    });
    let stored: Result<(), doorward_ports::StoreError> = stored.await;
    stored.unwrap();
    let token = house.waiting("ann@example.com").await;
    house.step(&token, "totp", &app.wrong(&house)).await.expect(401);
    house.clock.advance(Duration::HOUR);
    let token = house.waiting("ann@example.com").await;
    let locked = house.step(&token, "totp", &app.next(&house)).await.expect(403);
    assert!(locked.json()["message"].as_str().unwrap().contains("Too many codes were wrong"));
    assert_eq!(house.get("/users/me/factors", &owner).await.json()["totp"]["locked"], true);

    let other = house.step(&token, "recovery", &codes[0]).await.expect(403).json();
    let other = other["mfa"]["token"].as_str().unwrap();
    let new = house.step(other, "enroll", "").await.expect(200).json();
    let app = App::of(new["secret"].as_str().unwrap());
    house.step(other, "totp", &app.next(&house)).await.expect(201);
    house.enter("ann@example.com", &app).await;
}

#[actix_web::test]
async fn a_recovery_code_works_once_and_leads_to_another_app() {
    let house = house().await;
    let owner = house.owner().await;
    let (old, codes) = house.set_up(&owner).await;
    let token = house.waiting("ann@example.com").await;
    house.step(&token, "recovery", "AAAA-BBBB-CCCC-DDDD").await.expect(401);
    let typed = codes[3].to_lowercase().replace('-', " ");
    let recovered = house.step(&token, "recovery", &typed).await.expect(403);
    assert!(recovered.cookies().is_empty());
    let recovered = recovered.json();
    assert_eq!(recovered["mfa"]["enroll"], true);
    let again = recovered["mfa"]["token"].as_str().unwrap().to_owned();
    assert_eq!(house.get("/users/me/recovery-codes", &owner).await.json(), json!({ "count": 9 }));
    house.step(&house.waiting("ann@example.com").await, "recovery", &codes[3]).await.expect(401);
    house.step(&token, "recovery", &codes[4]).await.expect(401);
    assert_eq!(house.get("/users/me/recovery-codes", &owner).await.json(), json!({ "count": 9 }), "the token was used");

    // Until another app is in use, the old one is.
    house.step(&again, "recovery", &codes[4]).await.expect(400);
    house.step(&again, "totp", &old.next(&house)).await.expect(400);
    house.enter("ann@example.com", &old).await;
    let new = house.step(&again, "enroll", "").await.expect(200).json();
    let app = App::of(new["secret"].as_str().unwrap());
    let done = house.step(&again, "totp", &app.next(&house)).await.expect(201).json();
    assert_eq!(done["recovery_codes"].as_array().unwrap().len(), 10);
    let token = house.waiting("ann@example.com").await;
    house.step(&token, "totp", &old.next(&house)).await.expect(401);
    house.step(&token, "recovery", &codes[5]).await.expect(401);
    house.step(&token, "totp", &app.next(&house)).await.expect(201);

    // The token that let another app in lets in no third one.
    let third = house.step(&again, "enroll", "").await.expect(200).json();
    let third = App::of(third["secret"].as_str().unwrap());
    house.step(&again, "totp", &third.next(&house)).await.expect(401);
    house.enter("ann@example.com", &app).await;
}

#[actix_web::test]
async fn who_must_have_a_factor_sets_one_up_at_the_sign_in() {
    let house = house_with(|settings| settings.mfa.required = MfaRequired::All).await;
    let first = json!({ "email": "ann@example.com", "username": "ann", "password": PASSWORD });
    house.api(POST, "/users/first", "", first).await.expect(201);
    let asked = house.password("ann@example.com").await.expect(403).json();
    assert_eq!((&asked["mfa"]["enroll"], &asked["mfa"]["methods"]), (&json!(true), &json!(["enroll", "totp"])));
    let token = asked["mfa"]["token"].as_str().unwrap().to_owned();
    let thief = house.waiting("ann@example.com").await;
    house.step(&token, "totp", "123456").await.expect(400);
    house.step(&token, "recovery", "AAAA-BBBB-CCCC-DDDD").await.expect(400);
    let new = house.step(&token, "enroll", "").await.expect(200).json();
    let app = App::of(new["secret"].as_str().unwrap());
    house.step(&token, "totp", &app.wrong(&house)).await.expect(401);
    let done = house.step(&token, "totp", &app.code(&house)).await.expect(201).json();
    assert_eq!(done["recovery_codes"].as_array().unwrap().len(), 10);
    let session = done["session_token"].as_str().unwrap();
    assert_eq!(house.get("/users/me/factors", session).await.json()["required"], true);
    // A sign-in that began before, with the password alone, takes the place of no factor.
    house.step(&thief, "enroll", "").await.expect(401);
    house.enter("ann@example.com", &app).await;
}

#[actix_web::test]
async fn owners_alone_may_have_to_have_one() {
    let house = house_with(|settings| settings.mfa.required = MfaRequired::Owners).await;
    let first = json!({ "email": "ann@example.com", "username": "ann", "password": PASSWORD });
    house.api(POST, "/users/first", "", first).await.expect(201);
    let token = house.waiting("ann@example.com").await;
    let new = house.step(&token, "enroll", "").await.expect(200).json();
    let app = App::of(new["secret"].as_str().unwrap());
    let owner = house.step(&token, "totp", &app.code(&house)).await.expect(201).json();
    let owner = owner["session_token"].as_str().unwrap();
    house.member(owner, "bob").await;
}

#[actix_web::test]
async fn removing_and_renewing_ask_for_a_second_factor_of_the_last_ten_minutes() {
    let house = house().await;
    let owner = house.owner().await;
    let (app, old) = house.set_up(&owner).await;
    house.clock.advance(Duration::minutes(10));
    for (method, path) in [
        (DELETE, "/users/me/totp"),
        (POST, "/users/me/recovery-codes"),
        (POST, "/users/me/totp"),
        (DELETE, "/users/me/factors"),
    ] {
        let refused = house.api(method, path, &owner, Value::Null).await.expect(403);
        assert!(refused.json()["message"].as_str().unwrap().contains("second factor"), "{path}");
    }
    let show = async |code: &str| house.api(POST, "/users/me/totp/verify", &owner, json!({ "code": code })).await;
    show("").await.expect(400);
    show(&app.wrong(&house)).await.expect(401);
    let code = app.code(&house);
    show(&code).await.expect(204);
    show(&code).await.expect(401);
    let renewed = house.api(POST, "/users/me/recovery-codes", &owner, Value::Null).await.expect(201).json();
    assert_ne!(renewed["recovery_codes"][0], json!(old[0]));
    house.step(&house.waiting("ann@example.com").await, "recovery", &old[0]).await.expect(401);
    house.api(DELETE, "/users/me/totp", &owner, Value::Null).await.expect(204);
    house.api(DELETE, "/users/me/totp", &house.login("ann@example.com").await, Value::Null).await.expect(400);
    assert_eq!(house.get("/users/me/recovery-codes", &owner).await.json(), json!({ "count": 0 }));
    house.password("ann@example.com").await.expect(201);

    // Without a factor, a sign-in of the last ten minutes is asked for.
    house.clock.advance(Duration::minutes(10));
    let refused = house.api(POST, "/users/me/totp", &owner, Value::Null).await.expect(403);
    assert!(refused.json()["message"].as_str().unwrap().contains("Sign in again"));
    house.set_up(&house.login("ann@example.com").await).await;
}

#[actix_web::test]
async fn an_administrator_removes_the_factors_of_somebody_who_has_lost_them() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let cat = house.member(&owner, "cat").await;
    let roles = json!({ "roles": ["user-admin"] });
    house.api(PUT, "/users/cat/roles", &owner, roles).await.expect(200);
    house.set_up(&bob).await;
    house.set_up(&owner).await;
    let remove =
        async |user: &str, token: &str| house.api(DELETE, &format!("/users/{user}/factors"), token, Value::Null).await;
    remove("cat", &bob).await.expect(400);
    let refused = remove("ann", &cat).await.expect(403);
    assert!(refused.json()["message"].as_str().unwrap().contains("Only an owner"));
    let token = house.api(POST, "/users/me/keys/tokens", &cat, json!({ "token_name": "ci" })).await.expect(201).json();
    let token = token["key"].as_str().unwrap();
    remove("bob", token).await.expect(403);
    house.clock.advance(Duration::minutes(10));
    remove("bob", &cat).await.expect(403);
    let cat = house.login("cat@example.com").await;
    house.get("/users/me", &bob).await.expect(200);
    remove("bob", &cat).await.expect(204);
    house.get("/users/me", &bob).await.expect(401);
    remove("bob", &cat).await.expect(400);
    house.password("bob@example.com").await.expect(201);
    house.password("ann@example.com").await.expect(403);
    for (method, path) in [(POST, "/users/bob/totp"), (DELETE, "/users/bob/totp"), (POST, "/users/bob/recovery-codes")]
    {
        house.api(method, path, &cat, Value::Null).await.expect(403);
    }
}

#[actix_web::test]
async fn the_secret_is_stored_under_the_id_of_its_user() {
    let house = house().await;
    let owner = house.owner().await;
    let (app, _) = house.set_up(&owner).await;
    let id = house.get("/users/me", &owner).await.json()["id"].as_str().unwrap().parse().unwrap();
    let stored: Result<_, doorward_ports::StoreError> =
        house.store.read(move |repos| repos.factors().find_totp(id)).await;
    let stored: Secret<Vec<u8>> = stored.unwrap().unwrap().sealed.unwrap();
    assert_ne!(stored.expose(), app.0.to_stored().expose(), "the sealer was asked");
    assert_eq!(house.clock.now(), NOW);
}
