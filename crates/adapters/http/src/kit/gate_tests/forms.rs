//! Where a request comes from: cookies, tokens of forms.

use super::*;

#[actix_web::test]
async fn a_cookie_alone_changes_nothing() {
    let put = || request(Method::PUT, "/api/v2/users/me/profile").set_payload("{}");
    let refused = send(signed_in(&[]), in_browser(put())).await;
    assert_eq!((refused.status.as_u16(), refused.header("content-type")), (400, "text/plain; charset=utf-8"));

    let differs = send(signed_in(&[]), in_browser(put()).insert_header(("Coder-Session-Token", "other"))).await;
    assert_eq!(differs.status, StatusCode::BAD_REQUEST);
    assert!(differs.body.contains("differ"));

    let passes = |answer: &Answer| answer.json()["message"] == "Validation failed.";
    let header = send(signed_in(&[]), in_browser(put()).insert_header(("Coder-Session-Token", TOKEN))).await;
    assert!(passes(&header));
    let only_header = send(signed_in(&[]), as_user(put())).await;
    assert!(passes(&only_header));
    let uri = format!("/api/v2/users/me/profile?coder_session_token={TOKEN}");
    let query = send(signed_in(&[]), in_browser(request(Method::PUT, &uri).set_payload("{}"))).await;
    assert!(passes(&query));
    let safe = send(signed_in(&[]), in_browser(get("/api/v2/users/me"))).await;
    assert_eq!(safe.status, StatusCode::OK);
    let exempt = send(MockRepositories::default(), in_browser(post("/api/v2/users/first"))).await;
    assert_eq!(exempt.json()["message"], "Request body must be valid JSON.");
}

/// The token of the form with this action on a page.
fn token_of(page: &Answer, action: &str) -> String {
    let form = page.body.split(&format!("action=\"{action}\"")).nth(1).unwrap();
    form.split("name=\"csrf_token\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[actix_web::test]
async fn a_token_of_the_page_proves_where_a_request_comes_from() {
    let page = send(signed_in(&[]), in_browser(get("/"))).await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.header("set-cookie"), "", "who is signed in needs no other cookie");
    let token = page.body.split("\"csrf-token\" content=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let put = |token: &str| {
        in_browser(request(Method::PUT, "/api/v2/users/me/profile"))
            .insert_header(("X-CSRF-TOKEN", token))
            .set_payload("{}")
    };
    let answer = send(signed_in(&[]), put(&token)).await;
    assert_eq!(answer.json()["message"], "Validation failed.");
    let forged = token.replace(&token[60..], &"x".repeat(token.len() - 60));
    let zeros = "A".repeat(86);
    for token in ["", "x", &token[..22], &token[1..], &forged, &zeros, &token_of(&page, "/logout")] {
        assert_eq!(send(signed_in(&[]), put(token)).await.status, StatusCode::BAD_REQUEST, "{token}");
    }
    assert_ne!(token_of(&page, "/logout").get(..22), token.get(..22), "each has random characters of its own");
}

/// Repositories for signing out.
fn ending() -> MockRepositories {
    let mut repos = signed_in(&[]);
    repos.api_keys.expect_delete().returning(|_, _| Ok(true));
    repos.api_keys.expect_delete_of_scope().returning(|_, _, _| Ok(0));
    repos.audit.expect_insert().returning(|_, _| Ok(()));
    repos
}

/// Repositories of a server that is set up.
fn set_up() -> MockRepositories {
    let mut repos = MockRepositories::default();
    repos.users.expect_any_exists().returning(|| Ok(true));
    repos
}

#[actix_web::test]
async fn forms_need_their_token() {
    let page = send(signed_in(&[]), in_browser(get("/"))).await;
    let token = token_of(&page, "/logout");
    let form = |field: &str| in_browser(post("/logout")).set_payload(format!("csrf_token={field}"));
    let program = send(signed_in(&[]), form("x")).await;
    assert_eq!((program.status.as_u16(), program.header("content-type")), (400, "text/plain; charset=utf-8"));
    let person = send(signed_in(&[]), form("x").insert_header(("Accept", "text/html"))).await;
    assert_eq!((person.status.as_u16(), person.header("content-type")), (400, "text/html; charset=utf-8"));
    assert_eq!((program.header("set-cookie"), person.header("set-cookie")), ("", ""));
    let answer = send(ending(), form(&token)).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert!(answer.header("set-cookie").contains("coder_session_token=; "), "{}", answer.header("set-cookie"));
    let script = post("/logout").insert_header(("Authorization", format!("Bearer {TOKEN}")));
    assert_eq!(send(ending(), script).await.status, StatusCode::SEE_OTHER);

    let page = send(set_up(), get("/login")).await;
    let set = page.header("set-cookie");
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax") && set.contains("Path=/"), "{set}");
    let (token, cookie) = (token_of(&page, "/login"), set.split(';').next().unwrap().to_owned());
    let sign_in = |cookie: &str, body: &str| {
        post("/login")
            .insert_header(("Cookie", cookie))
            .set_payload(body.to_owned())
            .insert_header(("Accept", "text/html"))
    };
    let foreign = format!("csrf_token=x; csrf_token={}; {cookie}", "A".repeat(44));
    for good in [&cookie, &foreign] {
        let empty = send(set_up(), sign_in(good, &format!("csrf_token={token}"))).await;
        assert!(empty.body.contains("Give your email address"), "{}", empty.body);
    }
    for (cookie, field) in
        [("", &*token), (&*cookie, ""), (&*cookie, "x"), (&*"csrf_token=AAAA".repeat(9), &*"A".repeat(86))]
    {
        let stale = send(set_up(), sign_in(cookie, &format!("csrf_token={field}&email=a%40b.c&password=x"))).await;
        assert_eq!((stale.status.as_u16(), stale.header("content-type")), (400, "text/html; charset=utf-8"));
        assert!(stale.body.contains("out of date") && stale.body.contains("value=\"a@b.c\""));
    }
}

#[actix_web::test]
async fn who_comes_without_a_session_is_not_signed_out_by_the_answer() {
    for request in [
        post("/logout"),
        post("/logout").insert_header(("Accept", "text/html")),
        post("/logout").insert_header(("Origin", "https://evil.example")),
        post("/api/v2/users/logout"),
        in_browser(post("/logout")).insert_header(("Sec-Fetch-Site", "same-site")),
    ] {
        let answer = send(signed_in(&[]), request).await;
        assert_eq!(answer.header("set-cookie"), "", "{}", answer.status);
    }
}

#[actix_web::test]
async fn over_https_our_own_cookie_is_of_this_host_alone() {
    let secure = || HttpSettings {
        cookies: changed(|cookies: &mut CookieSettings| cookies.secure_cookies = SecureCookies::Always),
        ..settings()
    };
    let page = send_with(secure(), set_up(), get("/login")).await;
    let set = page.header("set-cookie");
    assert!(set.starts_with("__Host-csrf_token=") && set.contains("Secure") && !set.contains("Domain"), "{set}");
    let (token, cookie) = (token_of(&page, "/login"), set.split(';').next().unwrap());
    let form =
        |cookie: &str| post("/login").insert_header(("Cookie", cookie)).set_payload(format!("csrf_token={token}"));
    let passed = send_with(secure(), set_up(), form(cookie)).await;
    assert!(passed.body.contains("Give your email address"));
    let tossed = send_with(secure(), set_up(), form(&cookie.replace("__Host-", ""))).await;
    assert_eq!(tossed.header("content-type"), "text/plain; charset=utf-8");
}
