//! Links are removed as long as another way to sign in is left (`identity.md` 2.10).

use super::linking::{AT_OTHER, LINKS, ask, go_on, link, links, with};
use super::{Browser, ann, town};
use crate::house::PASSWORD;
use crate::provider::{entry, other};
use actix_web::http::Method;
use doorward_domain::Secret;
use serde_json::{Value, json};

fn id(link: &Value) -> String {
    format!("{LINKS}/{}", link["id"].as_str().unwrap())
}

#[actix_web::test]
async fn the_last_way_to_sign_in_stays() {
    let (house, provider, _owner) = town(|_| ()).await;
    let mut browser = Browser::new(&house);
    browser.sign_in(&provider).await.expect(307);
    let token = browser.session().unwrap();
    let own = links(&house, &token).await;
    assert_eq!((own.len(), &own[0]["is_main"]), (1, &json!(true)));
    let refused = house.api(Method::DELETE, &id(&own[0]), &token, Value::Null).await.expect(409);
    assert!(refused.body.contains("only way to sign in"), "{}", refused.body);
    house.get("/users/me", &token).await.expect(200);
    house.api(Method::DELETE, &format!("{LINKS}/nonsense"), &token, Value::Null).await.expect(400);
}

#[actix_web::test]
async fn the_account_follows_the_link_that_is_left() {
    let (house, provider, owner) = town(|settings| settings.oidc.providers = vec![entry(), other()]).await;
    let mut browser = Browser::new(&house);
    browser.sign_in(&provider).await.expect(307);
    let first = browser.session().unwrap();
    let path = ask(&mut browser, &first, "other").await;
    provider.say(with(json!({ "sub": "o1", "email": "ann@home.example", "name": "Ann at Home" })));
    go_on(&mut browser, &provider, &path).await.expect(307);
    let mut second = Browser::new(&house);
    second.sign_in_at(&provider, AT_OTHER).await.expect(307);
    let second = second.session().unwrap();
    let me = house.get("/users/me", &second).await.expect(200).json();
    assert_eq!(
        (&me["email"], &me["name"]),
        (&json!("ann@corp.example"), &json!("Ann Lee")),
        "it signs in, and that is all"
    );
    let own = links(&house, &second).await;
    let main: Vec<_> = own.iter().map(|link| (&link["provider"], &link["is_main"])).collect();
    assert_eq!(main, [(&json!("corp"), &json!(true)), (&json!("other"), &json!(false))]);
    house.api(Method::DELETE, &id(&own[0]), &second, Value::Null).await.expect(204);
    house.get("/users/me", &first).await.expect(401);
    let own = links(&house, &second).await;
    assert_eq!((own.len(), &own[0]["provider"], &own[0]["is_main"]), (1, &json!("other"), &json!(true)));
    let mut browser = Browser::new(&house);
    browser.sign_in_at(&provider, AT_OTHER).await.expect(307);
    let me = house.get("/users/me", &browser.session().unwrap()).await.expect(200).json();
    assert_eq!((&me["username"], &me["name"]), (&json!("ann-lee"), &json!("Ann at Home")));
    assert_eq!((&me["email"], &me["login_type"]), (&json!("ann@home.example"), &json!("oidc")));
    house.api(Method::DELETE, &id(&own[0]), &second, Value::Null).await.expect(409);
    assert_eq!(house.get("/users", &owner).await.expect(200).json()["count"], 2);
}

#[actix_web::test]
async fn the_login_type_follows_too() {
    let (house, provider, owner) = town(|settings| {
        "gh".clone_into(&mut settings.github.client_id);
        settings.github.client_secret = Secret::from("s");
        settings.github.allow_everyone = true;
    })
    .await;
    let emails = json!([{ "email": "octo@corp.example", "primary": true, "verified": true }]);
    provider.state().others = [
        ("https://github.com/login/oauth/access_token", json!({ "access_token": "gho", "token_type": "bearer" })),
        ("https://api.github.com/user", json!({ "id": 42, "login": "Octo" })),
        ("https://api.github.com/user/emails", emails),
    ]
    .map(|(url, body)| (url.to_owned(), body))
    .to_vec();
    let mut browser = Browser::new(&house);
    browser.sign_in(&provider).await.expect(307);
    let token = browser.session().unwrap();
    let path = ask(&mut browser, &token, "github").await;
    let (callback, _) = path.split_once('?').unwrap();
    let github = async |browser: &mut Browser<'_, _>, path: &str| {
        let state = browser.get(path).await.expect(307).redirected_with("state").unwrap();
        browser.get(&format!("{callback}?code=c&state={state}")).await
    };
    github(&mut browser, &path).await.expect(307);
    let own = links(&house, &token).await;
    let of = |provider: &str| own.iter().find(|link| link["provider"] == provider).unwrap();
    assert_eq!((&of("github")["display_name"], &of("github")["is_main"]), (&json!("GitHub"), &json!(false)));
    house.api(Method::DELETE, &id(of("corp")), &token, Value::Null).await.expect(204);
    // That was the session with which it was done.
    house.get("/users/me", &token).await.expect(401);
    let mut browser = Browser::new(&house);
    github(&mut browser, callback).await.expect(307);
    let me = house.get("/users/me", &browser.session().unwrap()).await.expect(200).json();
    assert_eq!((&me["username"], &me["login_type"]), (&json!("ann-lee"), &json!("github")));
    let log = house.get("/audit?q=resource_type:user%20action:write&limit=10", &owner).await.expect(200).json();
    let diff = |record: &Value| record["diff"]["login_type"]["new"] == "github";
    assert!(log["audit_logs"].as_array().unwrap().iter().any(diff), "{log}");
    // With the old account somebody comes who is not known.
    provider.say(with(json!({ "email": "new@corp.example", "preferred_username": "newcomer" })));
    let mut browser = Browser::new(&house);
    browser.sign_in(&provider).await.expect(307);
    let them = house.get("/users/me", &browser.session().unwrap()).await.expect(200).json();
    assert_eq!(them["username"], "newcomer");
}

#[actix_web::test]
async fn a_conversion_makes_an_added_link_the_one_that_is_followed() {
    let (house, provider, owner) = town(|_| ()).await;
    let token = house.member(&owner, "bob").await;
    link(&house, &provider, &token, "sub-1").await.expect(307);
    provider.say(with(json!({ "email": "bob@example.com", "name": "Bob" })));
    let mut browser = Browser::new(&house);
    let body = json!({ "to_type": "oidc", "password": PASSWORD });
    let begun = house.api(Method::POST, "/users/me/convert-login", &token, body).await.expect(201);
    browser.cookies.extend(begun.cookies());
    let begun = begun.json();
    let state = begun["state_string"].as_str().unwrap();
    go_on(&mut browser, &provider, &format!("{}?oidc_merge_state={state}", super::CALLBACK)).await.expect(307);
    browser.sign_in(&provider).await.expect(307);
    let token = browser.session().unwrap();
    let own = links(&house, &token).await;
    assert_eq!((own.len(), &own[0]["is_main"]), (1, &json!(true)));
    let me = house.get("/users/me", &token).await.expect(200).json();
    assert_eq!((&me["name"], &me["login_type"]), (&json!("Bob"), &json!("oidc")));
    house.api(Method::DELETE, &id(&own[0]), &token, Value::Null).await.expect(409);
}

#[actix_web::test]
async fn links_of_others_are_for_those_who_may_look_after_them() {
    let (house, provider, owner) = town(|_| ()).await;
    let (bob, eve) = (house.member(&owner, "bob").await, house.member(&owner, "eve").await);
    link(&house, &provider, &bob, "1").await.expect(307);
    house.get("/users/bob/links", &eve).await.expect(400);
    let own = house.get("/users/bob/links", &owner).await.expect(200).json();
    let path = format!("/users/bob/links/{}", own[0]["id"].as_str().unwrap());
    house.api(Method::DELETE, &path, &eve, Value::Null).await.expect(400);
    // The id of a link of somebody else is none of one's own.
    house.api(Method::DELETE, &path.replace("bob", "eve"), &eve, Value::Null).await.expect(404);
    house.api(Method::DELETE, &path, &owner, Value::Null).await.expect(204);
    let log = house.get("/audit?q=resource_type:user%20action:write&limit=10", &owner).await.expect(200).json();
    let by = |record: &Value| record["additional_fields"]["unlinked_by"] == "administrator";
    assert!(log["audit_logs"].as_array().unwrap().iter().any(by), "{log}");
    provider.say(ann());
    assert_eq!(links(&house, &bob).await, Vec::<Value>::new());
}

#[actix_web::test]
async fn a_link_that_no_provider_stands_behind_is_no_way_in() {
    let (house, provider, _owner) = town(|settings| settings.oidc.providers = vec![entry(), other()]).await;
    let mut browser = Browser::new(&house);
    browser.sign_in(&provider).await.expect(307);
    let token = browser.session().unwrap();
    let path = ask(&mut browser, &token, "other").await;
    provider.say(with(json!({ "sub": "o1" })));
    go_on(&mut browser, &provider, &path).await.expect(307);
    let mut context = house.context.clone();
    let mut settings = doorward_services::Settings::clone(&context.settings);
    settings.oidc.providers.pop();
    context.settings = settings.into();
    let me = house.get("/users/me", &token).await.expect(200).json();
    let operator = doorward_services::Principal::operator();
    let user = doorward_services::users::UserRef::parse(me["id"].as_str().unwrap());
    let own = doorward_services::identity_providers::list_links(&context, &operator, &user).await.unwrap();
    assert_eq!(own.iter().map(|own| own.is_usable).collect::<Vec<_>>(), [true, false]);
    let refused = doorward_services::identity_providers::unlink(&context, &operator, &user, own[0].link.id()).await;
    assert!(refused.unwrap_err().to_string().contains("only way to sign in"));
}
