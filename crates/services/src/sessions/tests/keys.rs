use crate::error::Error;
use crate::sessions::{CreateToken, create_key, create_token, delete_key, find_key};
use crate::users::UserRef;
use crate::users::testing::*;
use doorward_domain::Digest;
use doorward_domain::ids::UserId;
use doorward_domain::sessions::{ApiKey, ApiToken};
use doorward_domain::users::{LoginType, User, UserStatus};
use doorward_ports::mocks::MockRepositories;
use time::Duration;

fn knowing_a_key_of(user: UserId) -> MockRepositories {
    let mut repos = repos_with(&[ann(), bob()]);
    repos.api_keys.expect_find().returning(move |id| Ok(Some(key(user)).filter(|key| key.id == *id)));
    repos
}

const KEY_ID: &str = "0123456789";

#[tokio::test]
async fn a_session_for_the_command_line_lives_as_long_as_a_token() {
    let mut repos = repos_of(&actor().build(), &[ann()]);
    repos
        .api_keys
        .expect_insert()
        .times(1)
        .withf(|_, key| {
            let week = key.expires_at == NOW + Duration::hours(168);
            week && key.user_id == ANN && key.login_type == LoginType::Password && key.token_name.is_empty()
        })
        .returning(|_, _| Ok(()));
    expect_audit(&mut repos, "create", 201);
    let issued = create_key(&context(repos), &actor().build(), &UserRef::Me).await.unwrap();
    assert_eq!(ApiToken::parse(issued.token.expose()).unwrap().digest(), issued.key.secret_digest);
}

#[tokio::test]
async fn nobody_makes_keys_for_others_but_an_owner() {
    let bobs = UserRef::Name("bob".to_owned());
    let refused = create_key(&context(repos_with(&[ann(), bob()])), &actor().build(), &bobs).await;
    assert!(matches!(refused, Err(Error::UserNotFound)), "ann may not even know bob");

    let mut repos = repos_of(&owner().build(), &[bob(), owner_of_site()]);
    repos.api_keys.expect_insert().times(1).withf(|_, key| key.user_id == BOB).returning(|_, _| Ok(()));
    expect_audit(&mut repos, "create", 201);
    assert!(create_key(&context(repos), &owner().build(), &bobs).await.is_ok());
}

#[tokio::test]
async fn a_limited_key_cannot_make_an_unlimited_one() {
    let limited = actor().scopes(&["application_connect"]).build();
    let refused = create_key(&context(MockRepositories::default()), &limited, &UserRef::Me).await;
    assert!(matches!(refused, Err(Error::Refused(_))));
}

/// Mocks that hold other things by now than were read when the request came.
fn meanwhile(caller: &User, key_now: Option<ApiKey>, target: &User) -> MockRepositories {
    let mut repos = MockRepositories::default();
    repos
        .users
        .expect_find()
        .returning(|id| Ok([ann(), bob(), owner_of_site()].into_iter().find(|user| user.id == id)));
    let held = [caller.clone(), target.clone()];
    repos.users.expect_find_for_update().returning(move |id| Ok(held.iter().find(|user| user.id == id).cloned()));
    repos.api_keys.expect_find().returning(move |_| Ok(key_now.clone()));
    repos
}

#[tokio::test]
async fn whoever_lost_the_right_to_act_meanwhile_makes_no_key() {
    let suspended = User { status: UserStatus::Suspended, ..ann() };
    let deleted = User { deleted: true, ..ann() };
    let rotated = ApiKey { secret_digest: Digest::of("another"), ..key(ANN) };
    for (caller, key_now) in
        [(ann(), None), (ann(), Some(rotated)), (suspended, Some(key(ANN))), (deleted, Some(key(ANN)))]
    {
        let repos = || context(meanwhile(&caller, key_now.clone(), &caller));
        let refused = create_key(&repos(), &actor().build(), &UserRef::Me).await;
        assert!(matches!(refused, Err(Error::Unauthenticated { .. })), "{refused:?}");
        let refused = create_token(&repos(), &actor().build(), &UserRef::Me, CreateToken::default()).await;
        assert!(matches!(refused, Err(Error::Unauthenticated { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn who_was_suspended_or_deleted_meanwhile_gets_no_key() {
    let olivia = owner_of_site();
    let suspended = User { status: UserStatus::Suspended, ..bob() };
    let repos = context(meanwhile(&olivia, Some(key(olivia.id)), &suspended));
    let refused = create_key(&repos, &owner().build(), &UserRef::Id(BOB)).await;
    assert!(matches!(refused, Err(Error::Invalid { message, .. }) if message.contains("suspended")));
    let deleted = User { deleted: true, ..bob() };
    let repos = context(meanwhile(&olivia, Some(key(olivia.id)), &deleted));
    let refused = create_key(&repos, &owner().build(), &UserRef::Id(BOB)).await;
    assert!(matches!(refused, Err(Error::UserNotFound)));
}

#[tokio::test]
async fn of_two_users_the_lower_id_is_held_first() {
    for (asking, other) in
        [(owner().build(), BOB), (as_user(User { roles: ["owner"].into_iter().collect(), ..ann() }).build(), BOB)]
    {
        let (send, held) = std::sync::mpsc::channel();
        let mut repos = MockRepositories::default();
        repos.users.expect_find().returning(|id| Ok(Some(user(id, "somebody"))));
        repos.users.expect_find_for_update().returning(move |id| {
            send.send(id).unwrap();
            Ok(Some(user(id, "somebody")))
        });
        expect_caller(&mut repos, &asking);
        repos.api_keys.expect_insert().returning(|_, _| Ok(()));
        expect_audit(&mut repos, "create", 201);
        create_key(&context(repos), &asking, &UserRef::Id(other)).await.unwrap();
        let held: Vec<UserId> = held.try_iter().collect();
        assert!(held.len() == 2 && held.is_sorted(), "{held:?}");
    }
}

#[tokio::test]
async fn a_deleted_user_gets_no_key() {
    let repos = repos_with(&[User { deleted: true, ..bob() }]);
    let refused = create_key(&context(repos), &owner().build(), &UserRef::Id(BOB)).await;
    assert!(matches!(refused, Err(Error::UserNotFound)));
}

#[tokio::test]
async fn a_key_is_found_only_under_its_own_user() {
    let found = find_key(&context(knowing_a_key_of(ANN)), &actor().build(), &UserRef::Me, KEY_ID).await;
    assert_eq!(found.unwrap(), key(ANN));
    for (user, id) in [(BOB, KEY_ID), (ANN, "aaaaaaaaaa"), (ANN, "not-an-id")] {
        let found = find_key(&context(knowing_a_key_of(user)), &actor().build(), &UserRef::Me, id).await;
        assert!(matches!(found, Err(Error::NotFound)), "{id}");
    }
}

#[tokio::test]
async fn deleting_a_key_leaves_a_record_and_deleting_none_is_not_found() {
    let mut repos = knowing_a_key_of(ANN);
    repos.api_keys.expect_delete().times(1).returning(|_, _| Ok(true));
    expect_audit(&mut repos, "delete", 204);
    delete_key(&context(repos), &actor().build(), &UserRef::Me, KEY_ID).await.unwrap();

    let mut repos = knowing_a_key_of(ANN);
    repos.api_keys.expect_delete().times(1).returning(|_, _| Ok(false));
    let gone = delete_key(&context(repos), &actor().build(), &UserRef::Me, KEY_ID).await;
    assert!(matches!(gone, Err(Error::NotFound)));
}
