use crate::context::Context;
use crate::error::Error;
use crate::principal::{Account, Principal};
use crate::sessions::{authenticate, lives, only_living};
use crate::users::testing::*;
use doorward_domain::ids::AppId;
use doorward_domain::oauth2::Resource;
use doorward_domain::roles::{Object, RoleName, ScopeName, action, resource};
use doorward_domain::sessions::{ApiKey, KeyRefresh, OAuth2Binding};
use doorward_domain::users::{User, UserStatus};
use doorward_ports::mocks::MockRepositories;
use doorward_ports::sessions::KeyOwner;
use doorward_ports::{Outage, StoreError};
use time::Duration;

fn presenting(key: ApiKey, user: User) -> MockRepositories {
    let mut repos = MockRepositories::default();
    let memberships = vec![membership(user.id)];
    let owner = KeyOwner { key, user, memberships, default_roles: Vec::new(), groups: Vec::new(), app: None };
    repos
        .api_keys
        .expect_find_owner()
        .times(1)
        .returning(move |id| Ok(Some(owner.clone()).filter(|owner| owner.key.id == *id)));
    repos
}

async fn present(ctx: &Context) -> Result<Principal, Error> {
    authenticate(ctx, TOKEN, &origin()).await
}

fn refusal(result: Result<Principal, Error>) -> (String, String) {
    match result {
        Err(Error::Unauthenticated { message, detail }) => (message, detail),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_key_used_within_the_hour_costs_one_read() {
    let actor = present(&context(presenting(key(ANN), ann()))).await.unwrap();
    let Account { user, memberships, key: used } = actor.account().unwrap();
    assert_eq!((&**user, &**used, &**memberships), (&ann(), &key(ANN), &[membership(ANN)][..]));
    assert!(actor.subject.permit::<action::Read, resource::User>(&Object::of::<resource::User>().owner(ANN.0)).is_ok());
    assert!(
        actor.subject.permit::<action::Read, resource::User>(&Object::of::<resource::User>().owner(BOB.0)).is_err()
    );
}

#[tokio::test]
async fn what_is_no_token_never_reaches_the_store() {
    let ctx = context(MockRepositories::default());
    let (message, detail) = refusal(authenticate(&ctx, "", &origin()).await);
    assert!(message.contains("signed out") && detail.contains("coder_session_token"), "{message} {detail}");
    for (text, says) in
        [("a-b-c", "expected 2 got 3"), ("a-b", "expected length 10"), ("0123456789-b", "expected length 22")]
    {
        let (same, detail) = refusal(authenticate(&ctx, text, &origin()).await);
        assert!(same == message && detail.contains(says), "{detail}");
    }
}

#[tokio::test]
async fn an_unknown_id_and_a_wrong_secret_look_the_same() {
    let unknown = ApiKey { id: doorward_domain::sessions::ApiKeyId::new("aaaaaaaaaa").unwrap(), ..key(ANN) };
    let unknown = refusal(present(&context(presenting(unknown, ann()))).await);
    let wrong = ApiKey { secret_digest: doorward_domain::Digest::of("other"), ..key(ANN) };
    let wrong = refusal(present(&context(presenting(wrong, ann()))).await);
    assert_eq!(unknown, wrong);
}

#[tokio::test]
async fn an_expired_key_says_when_it_expired() {
    let expired = ApiKey { expires_at: NOW, ..key(ANN) };
    let (_, detail) = refusal(present(&context(presenting(expired, ann()))).await);
    assert!(detail.contains("API key expired at \"2026-03-04T05:06:07Z\""), "{detail}");
}

#[tokio::test]
async fn the_first_use_of_a_key_is_written_down() {
    let mut repos = presenting(ApiKey { last_used: None, ..key(ANN) }, ann());
    let written = KeyRefresh { last_used: Some(NOW), expires_at: NOW + Duration::DAY };
    repos
        .api_keys
        .expect_refresh()
        .times(1)
        .withf(move |_, used, refresh, ip, now| {
            used.last_used.is_none() && *refresh == written && ip == "192.0.2.7" && *now == NOW
        })
        .returning(|_, _, _, _, _| Ok(()));
    repos.users.expect_touch().times(1).withf(|_, id, now| (*id, *now) == (ANN, NOW)).returning(|_, _, _| Ok(()));
    let actor = present(&context(repos)).await.unwrap();
    let account = actor.account().unwrap();
    assert_eq!((account.key.last_used, account.user.last_seen_at), (Some(NOW), Some(NOW)));
}

#[tokio::test]
async fn a_session_slides_unless_the_settings_say_no() {
    let old = || ApiKey { expires_at: NOW + Duration::HOUR, ..key(ANN) };
    let mut repos = presenting(old(), ann());
    repos.api_keys.expect_refresh().times(1).returning(|_, _, _, _, _| Ok(()));
    repos.users.expect_touch().times(1).returning(|_, _, _| Ok(()));
    assert_eq!(present(&context(repos)).await.unwrap().account().unwrap().key.expires_at, NOW + Duration::DAY);

    let still = context_with(presenting(old(), ann()), with_sessions(|sessions| sessions.refresh = false));
    assert_eq!(present(&still).await.unwrap().account().unwrap().key.expires_at, NOW + Duration::HOUR);
}

#[tokio::test]
async fn the_token_of_an_owner_slides_no_longer_than_owners_may_ask_for() {
    let day = Duration::DAY;
    let made = NOW - 6 * day;
    let old = || ApiKey { created_at: made, expires_at: NOW + day, lifetime_seconds: 7 * 86_400, ..token(ANN, "ci") };
    let old = || ApiKey { secret_digest: key(ANN).secret_digest, ..old() };
    let olivia = User { roles: ["owner"].into_iter().collect(), ..ann() };
    assert_eq!(
        present(&context(presenting(old(), olivia))).await.unwrap().account().unwrap().key.expires_at,
        NOW + day
    );

    let mut repos = presenting(old(), ann());
    repos.api_keys.expect_refresh().times(1).returning(|_, _, _, _, _| Ok(()));
    repos.users.expect_touch().times(1).returning(|_, _, _| Ok(()));
    assert_eq!(present(&context(repos)).await.unwrap().account().unwrap().key.expires_at, NOW + 7 * day);
}

#[tokio::test]
async fn a_dormant_user_becomes_active_and_the_audit_log_tells() {
    let dormant = User { status: UserStatus::Dormant, ..ann() };
    let mut repos = presenting(key(ANN), dormant.clone());
    let held = dormant.clone();
    repos.users.expect_find_for_update().times(1).returning(move |_| Ok(Some(held.clone())));
    repos.users.expect_touch().times(1).returning(|_, _, _| Ok(()));
    expect_audit(&mut repos, "write", 200);
    assert_eq!(present(&context(repos)).await.unwrap().account().unwrap().user.status, UserStatus::Active);

    // Another request was first, which left the record; or the user was suspended at this moment.
    let mut repos = presenting(key(ANN), dormant.clone());
    repos.users.expect_find_for_update().times(1).returning(|_| Ok(Some(ann())));
    repos.users.expect_touch().times(1).returning(|_, _, _| Ok(()));
    assert_eq!(present(&context(repos)).await.unwrap().account().unwrap().user.status, UserStatus::Active);
    let mut repos = presenting(key(ANN), dormant);
    repos.users.expect_find_for_update().returning(|_| Ok(Some(User { status: UserStatus::Suspended, ..ann() })));
    let (message, _) = refusal(present(&context(repos)).await);
    assert!(message.contains("\"suspended\""), "{message}");
}

#[tokio::test]
async fn a_suspended_user_is_told_so_and_leaves_no_trace() {
    let suspended = User { status: UserStatus::Suspended, ..ann() };
    let unused = ApiKey { last_used: None, ..key(ANN) };
    let (message, _) = refusal(present(&context(presenting(unused, suspended))).await);
    assert!(message.contains("\"suspended\"") && message.contains("admin"), "{message}");
}

fn bound_to(resource: &str) -> ApiKey {
    let audience = Some(Resource::parse(resource).unwrap());
    let slides_until = NOW + Duration::DAY;
    let binding = OAuth2Binding {
        jkt: None,
        app_id: AppId::NIL,
        grant_id: None,
        secret_id: None,
        audience,
        slides_until,
        unused: false,
    };
    ApiKey { oauth2: Some(binding), ..key(ANN) }
}

#[tokio::test]
async fn a_token_for_another_server_is_refused_and_one_for_this_server_is_not() {
    let (message, detail) = refusal(present(&context(presenting(bound_to("https://mcp.example"), ann()))).await);
    assert!(message.contains("audience") && detail.contains("audience"), "{message} {detail}");
    for here in ["https://door.example", "https://door.example/", "HTTPS://DOOR.example:443"] {
        assert!(present(&context(presenting(bound_to(here), ann()))).await.is_ok(), "{here}");
    }
}

#[tokio::test]
async fn custom_roles_are_loaded_only_when_there_are_some() {
    let built_in = User { roles: ["owner", "auditor"].into_iter().collect(), ..ann() };
    assert!(present(&context(presenting(key(ANN), built_in))).await.is_ok());

    let mut repos = presenting(key(ANN), User { roles: ["doorman"].into_iter().collect(), ..ann() });
    repos
        .roles
        .expect_find_custom()
        .times(1)
        .withf(|names| names.iter().map(RoleName::name).eq(["doorman"]))
        .returning(|_| Ok(Vec::new()));
    assert!(present(&context(repos)).await.is_ok(), "a role that is gone grants nothing, and that is all");
}

#[tokio::test]
async fn a_key_can_do_no_more_than_its_scopes() {
    let limited = ApiKey { scopes: ScopeName::APPLICATION_CONNECT.into(), ..key(ANN) };
    let owner = User { roles: ["owner"].into_iter().collect(), ..ann() };
    let actor = present(&context(presenting(limited, owner))).await.unwrap();
    let users = Object::of::<resource::User>();
    assert!(actor.subject.permit::<action::Read, resource::User>(&users).is_err());
}

fn unwritable(outage: Outage) -> MockRepositories {
    let mut repos = MockRepositories::default();
    let owner = KeyOwner {
        key: ApiKey { last_used: None, ..key(ANN) },
        user: ann(),
        memberships: Vec::new(),
        default_roles: Vec::new(),
        groups: Vec::new(),
        app: None,
    };
    repos.api_keys.expect_find_owner().returning(move |_| Ok(Some(owner.clone())));
    // Tried once, and then not again for a moment.
    repos.users.expect_touch().times(1).returning(move |_, _, _| Err(StoreError::unavailable(outage, "cause")));
    repos
}

#[tokio::test]
async fn a_use_that_cannot_be_noted_refuses_nothing() {
    for outage in Outage::ALL {
        let ctx = context(unwritable(outage));
        for _ in 0..3 {
            let actor = present(&ctx).await.unwrap();
            let account = actor.account().unwrap();
            assert_eq!((account.key.last_used, account.key.expires_at), (None, key(ANN).expires_at), "{outage:?}");
            assert_eq!(account.user.last_seen_at, ann().last_seen_at);
        }
    }
}

#[tokio::test]
async fn a_dormant_user_reads_on_where_nothing_can_be_written_and_stays_dormant() {
    let dormant = User { status: UserStatus::Dormant, ..ann() };
    let mut repos = presenting(key(ANN), dormant.clone());
    repos.users.expect_find_for_update().returning(move |_| Ok(Some(dormant.clone())));
    repos.users.expect_touch().returning(|_, _, _| Err(StoreError::unavailable(Outage::ReadOnly, "cause")));
    assert_eq!(present(&context(repos)).await.unwrap().account().unwrap().user.status, UserStatus::Dormant);
}

#[tokio::test]
async fn only_tokens_of_living_keys_are_left_of_many() {
    let mut repos = MockRepositories::default();
    let living = key(ANN);
    repos
        .api_keys
        .expect_find_digests()
        .times(1)
        .withf(|ids, now| ids.len() == 2 && *now == NOW)
        .returning(move |_, _| Ok(vec![(living.id.clone(), living.secret_digest)]));
    let ctx = context(repos);
    let wrong = format!("{}x", &TOKEN[..TOKEN.len() - 1]);
    assert_eq!(only_living(&ctx, vec!["junk", &wrong, TOKEN]).await.unwrap(), [TOKEN]);
    assert!(only_living(&ctx, vec!["junk", ""]).await.unwrap().is_empty(), "without asking the store");
}

#[tokio::test]
async fn a_connection_that_stays_ends_with_the_rights_it_began_with() {
    let by = actor().role("auditor").build();
    let as_began = || User { roles: ["auditor"].into_iter().collect(), ..ann() };
    let ended = ApiKey { expires_at: NOW, ..key(ANN) };
    for (now, user, expected) in [
        (Some(key(ANN)), as_began(), true),
        (Some(key(ANN)), ann(), false),
        (Some(key(ANN)), User { roles: ["auditor", "owner"].into_iter().collect(), ..ann() }, false),
        (Some(key(ANN)), User { status: UserStatus::Suspended, ..as_began() }, false),
        (Some(ended), as_began(), false),
        (None, as_began(), false),
    ] {
        let repos = if let Some(key) = now {
            presenting(key, user)
        } else {
            let mut repos = MockRepositories::default();
            repos.api_keys.expect_find_owner().returning(|_| Ok(None));
            repos
        };
        assert_eq!(lives(&context(repos), &by).await.unwrap(), expected);
    }
}
