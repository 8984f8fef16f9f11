//! What the store of mocks tells of a use case, and what it refuses.
#![cfg(feature = "mocks")]

use doorward_ports::mocks::MockRepositories;
use doorward_ports::{Commit, StoreError, WorkMode};

fn repos() -> MockRepositories {
    let mut repos = MockRepositories::default();
    repos.users.expect_any_exists().returning(|| Ok(true));
    repos
}

#[tokio::test]
async fn what_was_to_be_kept_is_told_from_what_was_not() {
    let repos = repos();
    let calls = repos.calls.clone();
    let store = repos.into_store();
    store.read(|repos| repos.users().any_exists()).await.unwrap();
    store.write(|_| Err::<(), _>(StoreError::other("refused"))).await.unwrap_err();
    store.write(|repos| repos.users().any_exists().and(repos.users().any_exists())).await.unwrap();
    store.at_once(|once| once.any().users().any_exists()).await.unwrap();
    let expected = [
        (WorkMode::Read, Commit::Yes),
        (WorkMode::Write, Commit::No),
        (WorkMode::Write, Commit::Yes),
        (WorkMode::AtOnce, Commit::Yes),
    ];
    assert_eq!(calls.all(), expected);
    calls.assert_committed();
}

#[tokio::test]
#[should_panic(expected = "the last transaction was rolled back")]
async fn a_trace_that_is_lost_is_noticed() {
    let repos = repos();
    let calls = repos.calls.clone();
    let store = repos.into_store();
    store.write(|repos| repos.users().any_exists()).await.unwrap();
    store.write(|_| Err::<(), _>(StoreError::other("refused"))).await.unwrap_err();
    store.read(|repos| repos.users().any_exists()).await.unwrap();
    calls.assert_committed();
}

#[tokio::test]
#[should_panic(expected = "no transaction")]
async fn a_second_call_in_at_once_is_refused() {
    let store = repos().into_store();
    let twice = store.at_once(|once| {
        let repos = once.any();
        repos.users().any_exists().and(repos.users().any_exists())
    });
    drop(twice.await);
}
