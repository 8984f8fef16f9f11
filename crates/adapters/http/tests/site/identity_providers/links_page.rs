//! The page where users link accounts at providers to their own, and remove them.

use super::{CALLBACK, ann, town};
use crate::browser::Browser;
use crate::house::{Answer, PASSWORD};
use crate::provider::FakeProvider;
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use serde_json::{Value, json};

const PAGE: &str = "/account/links";
const REMOVE: &str = "/account/links/remove";

/// Goes where the form led, to the provider, and back.
async fn go_on<S>(browser: &Browser<'_, S>, provider: &FakeProvider, path: &str) -> Answer
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    let sent = browser.get(path).await.expect(307);
    assert!(sent.header("location").contains("id.example/authorize?"), "{}", sent.header("location"));
    let asked = |name| sent.redirected_with(name).unwrap();
    provider.visited(asked("nonce"), asked("code_challenge"));
    browser.get(&format!("{CALLBACK}?code=the-code&state={}", asked("state"))).await
}

/// The id of the first link on the page.
fn first_link(page: &Answer) -> String {
    let form = page.body.split("name=\"link\" value=\"").nth(1).unwrap();
    form.split('"').next().unwrap().to_owned()
}

#[actix_web::test]
async fn a_user_links_an_account_with_the_password_and_removes_it() {
    let (house, provider, owner) = town(|_| ()).await;
    let token = house.member(&owner, "bob").await;
    let browser = Browser::new(&house);
    assert!(browser.get(PAGE).await.expect(303).header("location").starts_with("/login?"));
    browser.sign_in("bob@example.com").await;
    let page = browser.get(PAGE).await.expect(200);
    for part in
        ["No linked accounts yet", "Link The Corp", "name=\"password\"", "aria-current=\"page\">Linked accounts"]
    {
        assert!(page.body.contains(part), "{part}\n{}", page.body);
    }
    assert!(page.header("content-security-policy").contains("form-action 'self' https:;"));

    for (fields, status, told) in [
        (vec![("provider", "corp"), ("password", "wrong")], 401, "The password is wrong."),
        (vec![("provider", "corp")], 400, "Enter your password"),
        (vec![("provider", "nope"), ("password", PASSWORD)], 400, "no such provider"),
    ] {
        let refused = browser.submit(PAGE, &fields).await.expect(status);
        let is_at_field = refused.body.contains("id=\"password-error\"") && refused.body.contains("<title>Error: ");
        assert!(refused.body.contains(told), "{}", refused.body);
        assert_eq!(
            (is_at_field, refused.body.contains("role=\"alert\"")),
            (told != "no such provider", told == "no such provider")
        );
        assert_eq!(refused.cookies(), Vec::<String>::new());
    }
    // A form of another site has no token, or one of another form.
    let other = browser.tokens.borrow()["/logout"].clone();
    for forged in ["", other.as_str()] {
        browser.tokens.borrow_mut().insert(PAGE.to_owned(), forged.to_owned());
        let stale = browser.submit(PAGE, &[("provider", "corp"), ("password", PASSWORD)]).await.expect(400);
        assert!(stale.body.contains("This page was out of date"), "{}", stale.body);
    }

    let begun = browser.submit(PAGE, &[("provider", "corp"), ("password", PASSWORD)]).await.expect(303);
    let path = begun.header("location").to_owned();
    assert!(path.starts_with(&format!("{CALLBACK}?oidc_merge_state=link-")), "{path}");
    let back = go_on(&browser, &provider, &path).await.expect(307);
    assert_eq!(back.header("location"), format!("{PAGE}?done=linked"));
    assert!(browser.get(back.header("location")).await.expect(200).body.contains("The account is linked."));
    let page = browser.get(PAGE).await.expect(200);
    assert!(page.body.contains("<code>sub-1</code>") && page.body.contains("Last used"), "{}", page.body);
    let links = house.get("/users/me/links", &token).await.expect(200).json();
    assert_eq!((&links[0]["id"], links.as_array().unwrap().len()), (&json!(first_link(&page)), 1));

    let id = first_link(&page);
    browser.tokens.borrow_mut().insert(REMOVE.to_owned(), "forged".to_owned());
    browser.submit(REMOVE, &[("link", &id)]).await.expect(400);
    assert_eq!(house.get("/users/me/links", &token).await.json(), links);
    for unknown in ["", "x", "00000000-0000-0000-0000-00000000abcd"] {
        browser.get(PAGE).await.expect(200);
        browser.submit(REMOVE, &[("link", unknown)]).await.expect(404);
    }
    let removed = browser.submit(REMOVE, &[("link", &id)]).await.expect(303);
    assert_eq!(removed.header("location"), format!("{PAGE}?done=unlinked"), "loaded anew, it does nothing");
    assert_eq!(browser.get(REMOVE).await.expect(303).header("location"), PAGE);
    let removed = browser.get(removed.header("location")).await.expect(200);
    assert!(removed.body.contains("not linked any more") && removed.body.contains("No linked accounts yet"));
    assert_eq!(house.get("/users/me/links", &token).await.json(), Value::Array(Vec::new()));
}

#[actix_web::test]
async fn who_has_no_password_proves_it_at_the_provider_and_keeps_the_last_way_in() {
    let (house, provider, _owner) = town(|_| ()).await;
    provider.say(ann());
    let browser = Browser::new(&house);
    go_on(&browser, &provider, CALLBACK).await.expect(307);
    let page = browser.get(PAGE).await.expect(200);
    assert!(!page.body.contains("name=\"password\"") && page.body.contains("Your name and memberships follow it"));
    assert!(page.body.contains("Sign in again with The Corp"), "{}", page.body);
    let again = "/api/v2/users/oidc/corp/callback?reauthenticate=true&#38;redirect=%2Faccount%2Flinks";
    assert!(page.body.contains(again), "{}", page.body);
    let kept = browser.submit(REMOVE, &[("link", &first_link(&page))]).await.expect(409);
    assert!(kept.body.contains("Nothing was removed. This is the only way"), "{}", kept.body);
    assert!(!kept.body.contains("..<"), "{}", kept.body);

    // A session that began long ago is no proof.
    house.clock.advance(time::Duration::minutes(11));
    browser.get(PAGE).await.expect(200);
    let refused = browser.submit(PAGE, &[("provider", "corp")]).await.expect(403);
    assert!(refused.body.contains("role=\"alert\""), "{}", refused.body);
}
