use super::*;
use proptest::prelude::*;

fn uris(texts: &[&str]) -> Vec<RedirectUri> {
    texts.iter().map(|text| RedirectUri::register(text, true).unwrap()).collect()
}

fn names(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn grant_types_that_are_not_given_are_left_out_and_unknown_ones_refused() {
    let both = GrantType::ALL.to_vec();
    for asked in [
        &[][..],
        &["refresh_token", "authorization_code", "authorization_code"],
        &["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
        &["client_credentials"],
        &["urn:ietf:params:oauth:grant-type:jwt-bearer"],
    ] {
        assert_eq!(GrantType::negotiate(&names(asked)), Ok(both.clone()), "{asked:?}");
    }
    assert_eq!(GrantType::negotiate(&names(&["authorization_code"])), Ok(vec![GrantType::AuthorizationCode]));
    assert_eq!(GrantType::negotiate(&names(&["refresh_token"])), Err(MetadataError::NoAuthorizationCode));
    for bad in ["implicit", "password", "Authorization_code", ""] {
        let refused = GrantType::negotiate(&names(&["authorization_code", bad]));
        assert_eq!(refused, Err(MetadataError::GrantType(bad.to_owned())));
    }
}

#[test]
fn the_kind_of_a_client_is_read_off_its_redirect_uris_and_refuses_nothing_unless_strict() {
    use ApplicationType::{Native, Web};
    let settle = |sent, list: &[&str]| ApplicationType::settle(sent, &uris(list), false).unwrap();
    assert_eq!(settle(None, &["http://127.0.0.1/cb", "cursor://x/cb"]), Native);
    assert_eq!(settle(Some("web"), &["http://localhost:1/cb"]), Native);
    assert_eq!(settle(Some("native"), &["https://a.example/cb"]), Web);
    let mixed = ["https://a.example/cb", "http://localhost:8787/cb"];
    assert_eq!((settle(None, &mixed), settle(Some("web"), &mixed), settle(Some("x"), &mixed)), (Native, Web, Native));

    let strict = |sent, list: &[&str]| ApplicationType::settle(sent, &uris(list), true);
    assert_eq!(strict(None, &["https://a.example/cb"]), Ok(Web));
    assert_eq!(strict(None, &["http://localhost/cb"]), Err(MetadataError::ApplicationType("web")));
    assert_eq!(strict(Some("native"), &mixed), Ok(Native));
}

#[test]
fn only_when_all_answers_stay_on_the_machine_can_any_program_take_them() {
    assert!(all_loopback(&uris(&["http://127.0.0.1/cb", "http://localhost/cb"])));
    assert!(!all_loopback(&uris(&["http://127.0.0.1/cb", "https://a.example/cb"])));
    assert!(!all_loopback(&uris(&["myapp://cb"])) && !all_loopback(&[]));
}

#[test]
fn long_names_are_cut_and_hidden_characters_left_out() {
    assert_eq!(client_name("  Claude Code "), "Claude Code");
    assert_eq!(client_name("ad\u{202e}min\u{0}"), "admin");
    assert_eq!(client_name("\u{202e}"), NAMELESS);
    assert_eq!(client_name(&"a".repeat(64)), "a".repeat(64));
    let cut = client_name(&"a".repeat(65));
    assert_eq!((cut.len(), cut.get(..56)), (64, Some(&*format!("{}-", "a".repeat(55)))));
    assert_ne!(cut, client_name(&"a".repeat(66)));
}

#[test]
fn only_web_urls_are_shown() {
    for good in ["https://a.example", "http://a.example/x#y"] {
        assert!(is_web_uri(good), "{good}");
    }
    for bad in ["", "a.example", "javascript:alert(1)", "ftp://a.example", "data:text/html,x"] {
        assert!(!is_web_uri(bad), "{bad}");
    }
    assert!(!is_web_uri(&format!("https://a.example/{}", "x".repeat(WEB_URI_MAX))));
}

fn identity<'a>(uris: &'a [RedirectUri], scope: Option<&'a [String]>) -> Identity<'a> {
    Identity {
        name: "Client",
        software_id: "id",
        client_uri: "",
        redirect_uris: uris,
        auth_method: TokenAuthMethod::None,
        grant_types: GrantType::ALL,
        scope,
        post_logout_redirect_uris: &[],
        backchannel_logout_uri: "",
        rules: None,
    }
}

#[test]
fn a_client_is_known_again_whatever_the_order_and_the_loopback_port() {
    let one = uris(&["http://127.0.0.1:1/cb", "https://a.example/cb"]);
    let same = uris(&["https://a.example/cb", "http://127.0.0.1:65535/cb"]);
    let (scope, turned) = (names(&["a", "b"]), names(&["b", "a", "b"]));
    let digest = identity(&one, Some(&scope)).digest();
    assert_eq!(digest, identity(&same, Some(&turned)).digest());
    let spaced = Identity { name: " Client ", ..identity(&one, Some(&scope)) };
    assert_eq!(digest, spaced.digest());

    let hosts = uris(&["http://localhost:1/cb", "https://a.example/cb"]);
    let ports = uris(&["http://127.0.0.1:1/cb", "https://a.example:1/cb"]);
    let base = identity(&one, Some(&scope));
    for other in [
        identity(&hosts, Some(&scope)),
        identity(&ports, Some(&scope)),
        identity(&one, None),
        identity(&one, Some(&[])),
        Identity { name: "client", ..base },
        Identity { software_id: "", ..base },
        Identity { client_uri: "https://a.example", ..base },
        Identity { auth_method: TokenAuthMethod::Post, ..base },
        Identity { rules: Some("uri https://a.example/k"), ..base },
        Identity { grant_types: &[GrantType::AuthorizationCode], ..base },
        Identity { backchannel_logout_uri: "https://a.example/l", ..base },
        Identity { post_logout_redirect_uris: &names(&["https://a.example/bye"]), ..base },
    ] {
        assert_ne!(digest, other.digest(), "{other:?}");
    }
}

#[test]
fn a_client_is_taken_again_within_a_day() {
    let now = Instant::UNIX_EPOCH + Duration::days(2);
    let client = RegisteredClient {
        app_id: AppId::NIL,
        identity: Some(Digest::of("x")),
        shared: false,
        adopted: false,
        metadata: String::new(),
        created_from: String::new(),
        created_at: Instant::UNIX_EPOCH,
        matched_at: now - SHARED_FOR + Duration::SECOND,
        granted_at: None,
        limits: RegistrationLimits::default(),
    };
    assert!(client.is_current(now) && !client.is_current(now + Duration::SECOND));
    assert!(!RegisteredClient { identity: None, ..client }.is_current(now));
}

#[test]
fn a_token_is_good_until_its_end_and_for_so_many_registrations() {
    let now = Instant::UNIX_EPOCH;
    let token = InitialAccessToken {
        id: RegistrationTokenId::NIL,
        name: "ci".to_owned(),
        prefix: "p".to_owned(),
        digest: Digest::of("x"),
        created_by: None,
        created_at: now,
        expires_at: now + Duration::HOUR,
        max_uses: Some(2),
        uses: 1,
        limits: RegistrationLimits::default(),
    };
    assert!(token.is_live(now) && !token.is_live(now + Duration::HOUR));
    assert!(!InitialAccessToken { uses: 2, ..token.clone() }.is_live(now));
    assert!(InitialAccessToken { uses: 9, max_uses: None, ..token }.is_live(now));
}

proptest! {
    #[test]
    fn parts_of_an_identity_do_not_run_into_each_other(a in "[a-z]{0,4}", b in "[a-z]{0,4}", c in "[a-z]{0,4}", d in "[a-z]{0,4}") {
        let list = uris(&["https://a.example/cb"]);
        let of = |name: &str, software_id: &str| Identity { name, software_id, ..identity(&list, None) }.digest();
        prop_assert_eq!(of(&a, &b) == of(&c, &d), (a, b) == (c, d));
    }

    #[test]
    fn no_text_makes_a_name_that_is_too_long_or_empty(text in "\\PC{0,80}|.{0,80}") {
        let name = client_name(&text);
        prop_assert!(!name.is_empty() && name.len() <= CLIENT_NAME_MAX, "{}", name);
    }
}
