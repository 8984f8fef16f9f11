use super::*;
use crate::Settings;
use crate::users::testing::context;
use doorward_domain::oauth2::{ClientRules, ResourceRules, ResourceServer};
use doorward_ports::mocks::{FixedClock, MockRepositories};
use doorward_testkit::settings::Defaults;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use time::Duration;

/// RFC 9449 4.1 and 7.1.
const HEADER: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19";
const AT_TOKENS: &str = "eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
const AT_RESOURCE: &str = "eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
const JKT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
const TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";

fn made_at() -> Instant {
    Instant::from_unix_timestamp(1_562_262_616).unwrap()
}

/// A server at this URL, so long after the proofs of the standard were made, whose table of used tokens knows none but those it has seen.
fn server(url: &str, after: Duration, change: impl FnOnce(&mut Settings)) -> (Context, Arc<AtomicUsize>) {
    let mut repos = MockRepositories::default();
    let (asked, seen) = (Arc::new(AtomicUsize::new(0)), std::sync::Mutex::new(Vec::new()));
    let counted = Arc::clone(&asked);
    repos.replays.expect_insert().returning(move |_, token| {
        counted.fetch_add(1, Ordering::SeqCst);
        let mut seen = seen.lock().unwrap();
        let is_first = !seen.contains(&token.key);
        seen.push(token.key);
        Ok(is_first)
    });
    let mut settings = Settings::from_sections(url.parse().unwrap(), &Defaults);
    change(&mut settings);
    let clock = Arc::new(FixedClock::at(made_at() + after));
    (Context { settings: Arc::new(settings), clock, ..context(repos) }, asked)
}

fn proof(method: &str, path: &str, payload: &str) -> SentProof {
    let text = Secret::new(format!("{HEADER}.{payload}"));
    SentProof::One(RequestProof { text, method: method.to_owned(), path: path.to_owned() })
}

fn at_tokens() -> SentProof {
    proof("POST", "/token", AT_TOKENS)
}

fn code(error: ProofError) -> (OAuthErrorCode, bool) {
    let has_nonce = matches!(error, ProofError::Nonce(_));
    (OAuthError::from(error).code, has_nonce)
}

#[tokio::test]
async fn a_proof_is_good_once() {
    let (ctx, asked) = server("https://server.example.com", Duration::ZERO, |_| ());
    assert_eq!(prove(&ctx, &SentProof::None).await.unwrap(), None);
    assert_eq!(asked.load(Ordering::SeqCst), 0, "who proves nothing costs nothing");
    assert_eq!(prove(&ctx, &at_tokens()).await.unwrap().unwrap().jkt.as_str(), JKT);
    let again = prove(&ctx, &at_tokens()).await.unwrap_err();
    assert_eq!(code(again), (OAuthErrorCode::InvalidDpopProof, false));
}

#[tokio::test]
async fn what_is_not_good_is_not_used_up() {
    let (ctx, asked) = server("https://server.example.com", Duration::ZERO, |_| ());
    for sent in [
        SentProof::Unreadable,
        proof("GET", "/token", AT_TOKENS),
        proof("POST", "/tokens", AT_TOKENS),
        proof("POST", "/token", "e30.c2ln"),
    ] {
        let refused = prove(&ctx, &sent).await.unwrap_err();
        assert_eq!(code(refused), (OAuthErrorCode::InvalidDpopProof, false), "{sent:?}");
    }
    let (elsewhere, _) = server("https://server.example.com/base", Duration::ZERO, |_| ());
    assert!(prove(&elsewhere, &at_tokens()).await.is_err(), "the URL of the request begins with the access URL");
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn whose_clock_is_off_gets_a_nonce_as_everybody_does_where_they_are_wanted() {
    let (late, asked) = server("https://server.example.com", Duration::minutes(6), |_| ());
    assert_eq!(code(prove(&late, &at_tokens()).await.unwrap_err()), (OAuthErrorCode::UseDpopNonce, true));
    let always = |settings: &mut Settings| settings.oauth2.dpop.nonce = NonceRule::Always;
    let (strict, _) = server("https://server.example.com", Duration::ZERO, always);
    let Err(ProofError::Nonce(told)) = prove(&strict, &at_tokens()).await else { panic!("it is let through") };
    assert_eq!(told, nonces(&late, made_at()).at(made_at()), "all servers have the same");
    let lenient =
        |settings: &mut Settings| settings.oauth2.dpop.max_age = doorward_domain::settings::Span::seconds(360);
    let (lenient, _) = server("https://server.example.com", Duration::minutes(6), lenient);
    assert!(prove(&lenient, &at_tokens()).await.is_ok());
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_only_reads_is_remembered_here_and_what_may_change_something_by_all() {
    let at_resource = |method: &str| proof(method, "/protectedresource", AT_RESOURCE);
    let url = "https://resource.example.org";
    let (ctx, asked) = server(url, Duration::ZERO, |_| ());
    let good = check_for_api(&ctx, &at_resource("GET"), TOKEN).unwrap();
    assert_eq!(good.jkt().as_str(), JKT);
    use_for_api(&ctx, &good).await.unwrap();
    let again = use_for_api(&ctx, &good).await.unwrap_err();
    assert_eq!(code(again), (OAuthErrorCode::InvalidDpopProof, false));
    assert_eq!(asked.load(Ordering::SeqCst), 0, "a request that reads costs no write");
    let write = ApiProof { is_safe: false, ..good };
    use_for_api(&ctx, &write).await.unwrap();
    assert!(use_for_api(&ctx, &write).await.is_err());
    assert_eq!(asked.load(Ordering::SeqCst), 2);

    let shared = |settings: &mut Settings| settings.oauth2.dpop.api_replay = ApiReplay::Shared;
    let (ctx, asked) = server(url, Duration::ZERO, shared);
    let good = check_for_api(&ctx, &at_resource("GET"), TOKEN).unwrap();
    use_for_api(&ctx, &good).await.unwrap();
    assert!(use_for_api(&ctx, &good).await.is_err());
    assert_eq!(asked.load(Ordering::SeqCst), 2);

    for (sent, token) in [
        (at_resource("GET"), "another"),
        (at_resource("HEAD"), TOKEN),
        (SentProof::None, TOKEN),
        (SentProof::Unreadable, TOKEN),
    ] {
        let refused = check_for_api(&ctx, &sent, token).unwrap_err();
        assert_eq!(code(refused), (OAuthErrorCode::InvalidDpopProof, false), "{sent:?}");
    }
}

#[test]
fn apps_and_resources_may_ask_for_a_key() {
    let resource = |text: &str| Resource::parse(text).unwrap();
    let server = |name: &str, dpop| ResourceServer {
        id: doorward_domain::ids::ResourceServerId::NIL,
        identifier: resource(name),
        rules: ResourceRules { dpop, ..ResourceRules::default() },
        created_at: made_at(),
        updated_at: made_at(),
    };
    let (strict, lenient) = ("https://strict.example", "https://lenient.example");
    let servers = [server(strict, DpopRule::Required), server(lenient, DpopRule::Optional)];
    let mut policy = ClientPolicy::default();
    policy.resources = servers.into_iter().collect();
    let plain = app(false);
    let (key, bound): (KeyThumbprint, _) = (JKT.parse().unwrap(), app(true));
    for (app, place, is_needed) in [
        (&plain, None, false),
        (&plain, Some(lenient), false),
        (&plain, Some("https://other.example"), false),
        (&plain, Some(strict), true),
        (&bound, None, true),
        (&bound, Some(lenient), true),
    ] {
        let place = place.map(resource);
        let refused = check_required(&policy, app, place.as_ref(), None).err().map(|error| error.code);
        assert_eq!(refused, is_needed.then_some(OAuthErrorCode::InvalidDpopProof), "{place:?}");
        assert!(check_required(&policy, app, place.as_ref(), Some(&key)).is_ok());
    }
}

fn app(dpop_bound: bool) -> App {
    App {
        id: doorward_domain::ids::AppId::NIL,
        name: "editor".to_owned(),
        icon: String::new(),
        redirect_uris: Vec::new(),
        redirect_match: doorward_domain::oauth2::RedirectMatch::Exact,
        client_type: doorward_domain::oauth2::ClientType::Public,
        require_pkce: true,
        allowed_scopes: None,
        allowed_resources: None,
        resources: Vec::new(),
        service_account_id: None,
        device_flow: false,
        refresh_tokens: true,
        rules: ClientRules { dpop_bound, ..ClientRules::default() },
        created_at: made_at(),
        updated_at: made_at(),
        revision: 0,
    }
}
