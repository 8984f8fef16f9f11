use crate::error::Error;
use crate::sessions::{SessionQuery, end_all_sessions, end_session, end_sessions_of, list_sessions, list_sessions_of};
use crate::users::UserRef;
use crate::users::testing::*;
use doorward_domain::sessions::ApiKey;
use doorward_domain::users::LoginType;
use doorward_ports::mocks::MockRepositories;
use doorward_ports::sessions::{ListedSession, SessionPage};

fn bobs() -> UserRef {
    UserRef::Name("bob".to_owned())
}

fn listed(key: ApiKey) -> ListedSession {
    ListedSession { key, username: "bob".to_owned(), device: None, provider: None, apps: Vec::new() }
}

#[tokio::test]
async fn a_page_has_a_limit_whatever_is_asked_and_marks_the_session_in_use() {
    for (limit, expected) in [(None, 100), (Some(0), 100), (Some(7), 7), (Some(u32::MAX), 1000)] {
        let (by, mut repos) = (owner().build(), MockRepositories::default());
        let (own, other) = (by.as_account().unwrap().key.as_ref().clone(), key(BOB));
        repos.sessions.expect_list().times(1).withf(move |filter, _, _| filter.limit == expected).returning(
            move |_, _, _| {
                Ok(Some(SessionPage { sessions: vec![listed(own.clone()), listed(other.clone())], count: 2 }))
            },
        );
        let found = list_sessions(&context(repos), &by, SessionQuery { limit, ..SessionQuery::default() }).await;
        let marks: Vec<bool> = found.unwrap().sessions.into_iter().map(|(_, is_current)| is_current).collect();
        assert!(marks[0], "{marks:?}");
    }
}

#[tokio::test]
async fn the_sessions_of_somebody_who_may_not_be_known_are_not_listed() {
    let refused =
        list_sessions_of(&context(repos_with(&[ann(), bob()])), &actor().build(), &bobs(), SessionQuery::default())
            .await;
    assert!(matches!(refused, Err(Error::UserNotFound)));
}

#[tokio::test]
async fn a_key_that_is_no_session_is_not_ended_as_one() {
    let token = ApiKey { login_type: LoginType::Token, ..key(ANN) };
    let id = token.id.clone();
    let mut repos = repos_with(&[ann()]);
    repos.api_keys.expect_find().returning(move |_| Ok(Some(token.clone())));
    let refused = end_session(&context(repos), &actor().build(), &UserRef::Me, id.as_str()).await;
    assert!(matches!(refused, Err(Error::NotFound)));
    let refused = end_session(&context(repos_with(&[ann()])), &actor().build(), &UserRef::Me, "no id").await;
    assert!(matches!(refused, Err(Error::NotFound)));
}

#[tokio::test]
async fn ending_sessions_leaves_a_record_unless_there_were_none() {
    for ended in [0, 3] {
        let by = actor().build();
        let current = by.as_account().unwrap().key.id.clone();
        let mut repos = repos_with(&[ann()]);
        repos.users.expect_find_for_update().returning(|_| Ok(Some(ann())));
        repos
            .sessions
            .expect_delete_of_user()
            .times(1)
            .withf(move |_, user, except| *user == ANN && *except == Some(current.clone()))
            .returning(move |_, _, _| Ok(ended));
        repos.api_keys.expect_delete_of_scope().returning(|_, _, _| Ok(0));
        if ended > 0 {
            expect_audit(&mut repos, "delete", 200);
        }
        assert_eq!(end_sessions_of(&context(repos), &by, &UserRef::Me, true).await.unwrap(), ended);
    }
}

#[tokio::test]
async fn only_who_may_end_every_key_ends_the_sessions_of_everybody() {
    let refused = end_all_sessions(&context(MockRepositories::default()), &actor().build(), false).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
    let mut repos = MockRepositories::default();
    repos.sessions.expect_delete_all().times(1).withf(|_, except| except.is_none()).returning(|_, _| Ok(2));
    expect_audit(&mut repos, "delete", 200);
    assert_eq!(end_all_sessions(&context(repos), &owner().build(), false).await.unwrap(), 2);
}
