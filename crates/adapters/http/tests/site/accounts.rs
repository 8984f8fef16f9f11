//! Accounts and sessions.

use crate::house::{PASSWORD, house};
use actix_web::http::Method;
use doorward_domain::groups::Group;
use doorward_domain::ids::{GroupId, OrganizationId, UserId};
use doorward_domain::names::{DisplayName, Email, GroupName, OrganizationName, RealName, Username};
use doorward_domain::organizations::Organization;
use doorward_domain::roles::{RoleNames, System};
use doorward_domain::users::User;
use doorward_ports::StoreError;
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const DELETE: Method = Method::DELETE;

#[actix_web::test]
async fn a_site_is_set_up_once() {
    let house = house().await;
    house.get("/users/first", "").await.expect(404);
    let owner = house.owner().await;
    house.get("/users/first", "").await.expect(200);
    let again = json!({ "email": "eve@example.com", "username": "eve", "password": "weak" });
    house.api(POST, "/users/first", "", again).await.expect(409);
    let roles = house.get("/users/me/roles", &owner).await.expect(200).json();
    assert_eq!(roles["roles"], json!(["owner"]));
    assert_eq!(roles["organization_roles"].as_object().unwrap().values().collect::<Vec<_>>(), [&json!([])]);
}

#[actix_web::test]
async fn signing_in_and_out() {
    let house = house().await;
    let owner = house.owner().await;
    for (email, password) in [("ann@example.com", "wrong"), ("nobody@example.com", PASSWORD)] {
        let refused =
            house.api(POST, "/users/login", "", json!({ "email": email, "password": password })).await.expect(401);
        assert_eq!(refused.json()["message"], "Incorrect email or password.");
    }
    let login = house.api(POST, "/users/login", "", json!({ "email": "ANN@example.com", "password": PASSWORD })).await;
    let cookie = login.header("set-cookie");
    assert!(cookie.starts_with("coder_session_token=") && cookie.contains("HttpOnly") && cookie.contains("Path=/"));
    assert!(!cookie.contains("Max-Age") && !cookie.contains("Secure"));
    let out = house.api(POST, "/users/logout", &owner, Value::Null).await.expect(200);
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    house.get("/users/me", &owner).await.expect(401);
}

#[actix_web::test]
async fn a_session_ends_when_it_is_not_used() {
    let house = house().await;
    let owner = house.owner().await;
    house.clock.advance(Duration::hours(23));
    house.get("/users/me", &owner).await.expect(200);
    house.clock.advance(Duration::hours(23));
    house.get("/users/me", &owner).await.expect(200);
    house.clock.advance(Duration::hours(25));
    let expired = house.get("/users/me", &owner).await.expect(401);
    assert!(expired.json()["detail"].as_str().unwrap().contains("API key expired at"));
    assert!(expired.header("www-authenticate").contains("expired"));
}

#[actix_web::test]
async fn users_live_their_life() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    assert_eq!(house.get("/users", &owner).await.expect(200).json()["count"], 2);
    assert_eq!(house.get("/users", &bob).await.expect(200).json()["count"], 1);
    let page = house.get("/users?limit=1&offset=1&q=bob", &owner).await.expect(200).json();
    assert_eq!(page, json!({ "users": [], "count": 0 }));
    let unreadable = house.get("/users/ann", &bob).await.expect(400).json();
    assert!(unreadable["message"].as_str().unwrap().contains("must be an existing uuid or username"));

    let profile = json!({ "username": "ann", "name": "Bob" });
    let taken = house.api(PUT, "/users/me/profile", &bob, profile).await.expect(409).json();
    assert_eq!(taken["validations"][0]["field"], "username");
    let renamed = house.api(PUT, "/users/bob/profile", &bob, json!({ "username": "rob", "name": "Rob" })).await;
    assert_eq!(renamed.expect(200).json()["name"], "Rob");
    house.api(PUT, "/users/me/roles", &owner, json!({ "roles": [] })).await.expect(400);
    let promoted = house.api(PUT, "/users/rob/roles", &owner, json!({ "roles": ["user-admin"] })).await.expect(200);
    assert_eq!(promoted.json()["roles"], json!([{ "name": "user-admin", "display_name": "User Admin" }]));

    house.api(PUT, "/users/rob/status/suspend", &owner, Value::Null).await.expect(200);
    house.get("/users/me", &bob).await.expect(401);
    house.api(PUT, "/users/rob/status/activate", &owner, Value::Null).await.expect(200);
    house.api(DELETE, "/users/me", &owner, Value::Null).await.expect(403);
    house.api(DELETE, "/users/rob", &owner, Value::Null).await.expect(200);
    house.get("/users/rob", &owner).await.expect(400);
}

#[actix_web::test]
async fn the_last_active_owner_cannot_be_ended() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    house.api(PUT, "/users/bob/roles", &owner, json!({ "roles": ["user-admin"] })).await.expect(200);
    let kept = house.api(DELETE, "/users/ann", &bob, Value::Null).await.expect(409).json();
    assert!(kept["message"].as_str().unwrap().contains("the last active owner"), "{kept}");
    house.get("/users/me", &owner).await.expect(200);

    house.member(&owner, "carol").await;
    house.api(PUT, "/users/carol/roles", &owner, json!({ "roles": ["owner"] })).await.expect(200);
    house.api(DELETE, "/users/ann", &bob, Value::Null).await.expect(200);
    house.api(DELETE, "/users/carol", &bob, Value::Null).await.expect(409);
}

#[actix_web::test]
async fn nobody_takes_a_name_that_means_something_else_in_a_path() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let ann = house.get("/users/me", &owner).await.expect(200).json();
    let hers = ann["id"].as_str().unwrap().replace('-', "");
    let place = house.get("/organizations/default", &owner).await.expect(200).json()["id"].clone();
    for name in ["me", "ME", "first", "roles", "login", "logout", "authmethods", "validate-password", "new", &hers] {
        let profile = json!({ "username": name, "name": "" });
        let refused = house.api(PUT, "/users/me/profile", &bob, profile).await.expect(400).json();
        assert_eq!(refused["validations"][0]["field"], "username", "{name}");
        let email = format!("{}@example.com", name.to_lowercase());
        let user = json!({ "email": email, "username": name, "password": PASSWORD, "organization_ids": [place] });
        house.api(POST, "/users", &owner, user).await.expect(400);
    }
    for (path, name) in [
        ("/organizations", "default"),
        ("/organizations", &hers),
        ("/organizations/default/groups", ann["id"].as_str().unwrap()),
        ("/organizations/default/groups", &hers),
        ("/organizations/default/templates", &hers),
        ("/organizations/default/templates", "examples"),
        ("/organizations/default/members/roles", &hers),
        ("/oauth2-provider/apps", &hers),
    ] {
        let thing = json!({ "name": name, "callback_url": "https://tool.example/cb" });
        house.api(POST, path, &owner, thing).await.expect(400);
    }
    house.api(POST, "/users/me/keys/tokens", &owner, json!({ "token_name": "tokenconfig" })).await.expect(400);
    // The id still means her, and the name is that of nobody.
    assert_eq!(house.get(&format!("/users/{hers}"), &owner).await.expect(200).json()["username"], "ann");
}

#[actix_web::test]
async fn a_token_lives_no_longer_than_the_new_roles_of_its_user_allow() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let hours = |hours: i64| hours * 3_600_000_000_000;
    for (name, life) in [("century", hours(876_600)), ("hour", hours(1))] {
        let asked = json!({ "token_name": name, "lifetime": life });
        house.api(POST, "/users/me/keys/tokens", &bob, asked).await.expect(201);
    }
    let token = json!({ "token_name": "used", "lifetime": hours(876_600) });
    let used = house.api(POST, "/users/me/keys/tokens", &bob, token).await.expect(201).json()["key"].clone();
    let used = used.as_str().unwrap();
    let ends = async |name: &str| {
        let owner = house.login("ann@example.com").await;
        let token = house.get(&format!("/users/bob/keys/tokens/{name}"), &owner).await.expect(200).json();
        token["expires_at"].as_str().unwrap().to_owned()
    };
    let hour = ends("hour").await;
    house.api(PUT, "/users/bob/roles", &owner, json!({ "roles": ["auditor"] })).await.expect(200);
    assert!(ends("century").await.starts_with("2126"), "other roles change nothing");
    house.api(PUT, "/users/bob/roles", &owner, json!({ "roles": ["owner"] })).await.expect(200);
    assert_eq!((ends("century").await.as_str(), ends("hour").await), ("2026-03-08T12:00:00Z", hour.clone()));
    house.clock.advance(Duration::hours(100));
    house.get("/users/me", used).await.expect(200);
    assert_eq!(ends("used").await, "2026-03-08T12:00:00Z", "and it does not slide past that");
    house.clock.advance(Duration::hours(69));
    house.get("/users/me", used).await.expect(401);
}

#[actix_web::test]
async fn names_that_people_see_hide_nothing() {
    let house = house().await;
    let owner = house.owner().await;
    let group = house.api(POST, "/organizations/default/groups", &owner, json!({ "name": "devs" })).await.expect(201);
    let group = format!("/groups/{}", group.json()["id"].as_str().unwrap());
    let template = house.api(POST, "/organizations/default/templates", &owner, json!({ "name": "dev" })).await;
    let template = format!("/templates/{}", template.expect(201).json()["id"].as_str().unwrap());
    let hidden =
        ["ann\u{202E}nimda", "a\u{2066}b", "ad\u{200B}min", "a\u{7}b", "ad\u{AD}min", "a\u{E0041}b", "a\u{200D}b"];
    for text in hidden {
        for (method, path, field) in [
            (POST, "/organizations", "description"),
            (POST, "/organizations", "icon"),
            (Method::PATCH, "/organizations/default", "description"),
            (Method::PATCH, "/organizations/default", "icon"),
            (POST, "/organizations/default/groups", "avatar_url"),
            (Method::PATCH, &group, "avatar_url"),
            (POST, "/organizations/default/templates", "description"),
            (POST, "/organizations/default/templates", "icon"),
            (Method::PATCH, &template, "description"),
            (Method::PATCH, &template, "icon"),
            (Method::PATCH, &template, "deprecation_message"),
            (POST, "/oauth2-provider/apps", "icon"),
        ] {
            let body = json!({ "name": "zoo", field: text, "callback_url": "https://x.y" });
            let told = house.api(method, path, &owner, body).await.expect(400).json();
            assert_eq!(told["validations"][0]["field"], field, "{path} {text:?}");
            assert!(told["validations"][0]["detail"].as_str().unwrap().contains("U+"), "{told}");
        }
    }
    for path in ["/organizations/default", &template] {
        let text = json!({ "description": "Builds:\r\n\t* 👩\u{200D}💻\n" });
        house.api(Method::PATCH, path, &owner, text).await.expect(200);
    }
    for text in hidden.into_iter().chain(["a\nb"]) {
        let profile = json!({ "username": "ann", "name": text });
        house.api(PUT, "/users/me/profile", &owner, profile).await.expect(400);
        for path in ["/organizations", "/organizations/default/groups", "/organizations/default/templates"] {
            house.api(POST, path, &owner, json!({ "name": "zoo", "display_name": text })).await.expect(400);
        }
        let role = json!({ "name": "cook", "display_name": text });
        house.api(POST, "/organizations/default/members/roles", &owner, role).await.expect(400);
        house.api(POST, "/users/me/keys/tokens", &owner, json!({ "token_name": text })).await.expect(400);
        house
            .api(POST, "/oauth2-provider/apps", &owner, json!({ "name": text, "callback_url": "https://x.y" }))
            .await
            .expect(400);
    }
    let profile = json!({ "username": "ann", "name": "Zoë 👩\u{200D}💻" });
    house.api(PUT, "/users/me/profile", &owner, profile).await.expect(200);
}

#[actix_web::test]
async fn a_changed_password_ends_every_session() {
    let house = house().await;
    let owner = house.owner().await;
    let change = |old: &str, new: &str| json!({ "old_password": old, "password": new });
    let weak = house.api(PUT, "/users/me/password", &owner, change(PASSWORD, "weak")).await.expect(400).json();
    assert_eq!(weak["validations"][0]["field"], "password");
    let wrong =
        house.api(PUT, "/users/me/password", &owner, change("x", "AnotherSecurePassword!")).await.expect(400).json();
    assert_eq!(wrong["validations"][0]["field"], "old_password");
    house.api(PUT, "/users/me/password", &owner, change(PASSWORD, "AnotherSecurePassword!")).await.expect(204);
    house.get("/users/me", &owner).await.expect(401);
}

#[actix_web::test]
async fn small_things_of_a_user() {
    let house = house().await;
    let owner = house.owner().await;
    let look = json!({ "theme_preference": "dark", "terminal_font": "fira-code" });
    assert_eq!(house.api(PUT, "/users/me/appearance", &owner, look.clone()).await.expect(200).json(), look);
    assert_eq!(house.get("/users/me/appearance", &owner).await.expect(200).json(), look);
    let font = json!({ "theme_preference": "dark", "terminal_font": "comic" });
    house.api(PUT, "/users/me/appearance", &owner, font).await.expect(400);
    assert_eq!(house.get("/users/me/login-type", &owner).await.json(), json!({ "login_type": "password" }));
    let organization = house.get("/users/me/organizations/CODER", &owner).await.expect(200).json();
    assert_eq!((&organization["name"], &organization["is_default"]), (&json!("coder"), &json!(true)));
    house.get("/users/me/organizations/other", &owner).await.expect(404);
    let methods = house.get("/users/authmethods", "").await.expect(200).json();
    assert_eq!(methods["oidc"], json!({ "enabled": false, "signInText": "", "iconUrl": "", "providers": [] }));
    let check = house.api(POST, "/users/validate-password", "", json!({ "password": "weak" })).await.expect(200).json();
    assert_eq!(check["valid"], false);
}

#[actix_web::test]
async fn keys_and_tokens() {
    let house = house().await;
    let owner = house.owner().await;
    assert_eq!(house.get("/users/me/keys/tokens", &owner).await.expect(200).body, "[]\n");
    let ask = json!({ "token_name": "ci", "lifetime": 3_600_000_000_000_i64 });
    let made = house.api(POST, "/users/me/keys/tokens", &owner, ask.clone()).await.expect(201).json();
    let token = made["key"].as_str().unwrap();
    house.get("/users/me", token).await.expect(200);
    let taken = house.api(POST, "/users/me/keys/tokens", &owner, ask).await.expect(409).json();
    assert_eq!(taken["validations"][0]["field"], "name");
    let listed = house.get("/users/me/keys/tokens?include_all=true", &owner).await.expect(200).json();
    assert_eq!((&listed[0]["username"], &listed[0]["scope"]), (&json!("ann"), &json!("all")));
    assert_eq!(house.get("/users/me/keys/tokens/ci", &owner).await.expect(200).json()["lifetime_seconds"], 3600);
    let config = house.get("/users/me/keys/tokens/tokenconfig", &owner).await.expect(200).json();
    assert_eq!(config, json!({ "max_token_lifetime": 604_800_000_000_000_i64 }));
    let id = token.split('-').next().unwrap();
    assert_eq!(house.get(&format!("/users/me/keys/{id}"), &owner).await.expect(200).json()["token_name"], "ci");
    house.api(DELETE, &format!("/users/me/keys/{id}"), &owner, Value::Null).await.expect(204);
    house.api(GET, "/users/me", token, Value::Null).await.expect(401);
    house.api(POST, "/users/me/keys", &owner, Value::Null).await.expect(201);
    let long = json!({ "lifetime": 999_999_999_999_999_999_i64 });
    house.api(POST, "/users/me/keys/tokens", &owner, long).await.expect(400);
}

#[actix_web::test]
async fn what_is_older_than_a_rule_is_shown_and_mended() {
    let house = house().await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    let [user_id, group_id, place_id] = [1, 2, 3].map(Uuid::from_u128);
    let filled: Result<(), StoreError> = house
        .store
        .write(move |repos| {
            let system = System::because("a test");
            let bob = repos.users().find_by_username("bob")?.unwrap();
            let user = User {
                id: UserId(user_id),
                email: Some(Email::from_storage("Odd <odd@example>".to_owned())),
                username: Username::from_storage("o_d d".to_owned()),
                name: RealName::from_storage(" od\u{202E}d".to_owned()),
                roles: RoleNames::from_storage(vec!["gone:".to_owned()]),
                ..bob
            };
            repos.users().insert(&system.permit(), &user)?;
            let default = repos.organizations().find_default()?.unwrap();
            let group = Group {
                id: GroupId(group_id),
                name: GroupName::from_storage("two words".to_owned()),
                display_name: DisplayName::from_storage("d".repeat(65)),
                ..Group::everyone(&default)
            };
            repos.groups().insert(&system.permit(), &group)?;
            let place = Organization {
                id: OrganizationId(place_id),
                name: OrganizationName::from_storage("a place".to_owned()),
                display_name: DisplayName::default(),
                is_default: false,
                ..default
            };
            repos.organizations().insert(&system.permit(), &place)
        })
        .await;
    filled.unwrap();

    for path in [format!("/users/{user_id}"), "/users/o_d%20d".to_owned()] {
        let odd = house.get(&path, &owner).await.expect(200).json();
        assert_eq!((&odd["username"], &odd["email"]), (&json!("o_d d"), &json!("Odd <odd@example>")));
        assert_eq!((&odd["name"], &odd["roles"][0]["name"]), (&json!(" od\u{202E}d"), &json!("gone:")));
    }
    assert_eq!(house.get("/users", &owner).await.expect(200).json()["count"], 3);
    let profile = |username: &str| json!({ "username": username, "name": "" });
    let path = format!("/users/{user_id}/profile");
    house.api(PUT, &path, &owner, profile("o_d d")).await.expect(400);
    assert_eq!(house.api(PUT, &path, &owner, profile("odd")).await.expect(200).json()["username"], "odd");

    let path = format!("/groups/{group_id}");
    assert_eq!(house.get(&path, &owner).await.expect(200).json()["name"], "two words");
    let group = house.api(Method::PATCH, &path, &owner, json!({ "name": "two words", "quota_allowance": 1 })).await;
    assert_eq!(group.expect(200).json()["name"], "two words", "a name that stays is not looked at");
    let group = house.api(Method::PATCH, &path, &owner, json!({ "name": "words", "display_name": "" })).await;
    assert_eq!(group.expect(200).json()["name"], "words");

    let path = format!("/organizations/{place_id}");
    assert_eq!(house.get(&path, &owner).await.expect(200).json()["name"], "a place");
    assert_eq!(house.get("/organizations", &owner).await.expect(200).json().as_array().unwrap().len(), 2);
    let place = house.api(Method::PATCH, &path, &owner, json!({ "description": "kept" })).await.expect(200).json();
    assert_eq!((&place["name"], &place["display_name"]), (&json!("a place"), &json!("")));
    let place = house.api(Method::PATCH, &path, &owner, json!({ "name": "place" })).await.expect(200).json();
    assert_eq!(place["name"], "place");
}
