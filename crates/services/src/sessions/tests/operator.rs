use crate::error::Error;
use crate::sessions::IssuedKey;
use crate::sessions::operator::create_token;
use crate::users::testing::*;
use doorward_domain::audit::AuditAction;
use doorward_domain::oauth2::Scopes;
use doorward_domain::users::{LoginType, User, UserStatus};
use doorward_ports::mocks::MockRepositories;
use doorward_ports::{Conflict, StoreError};
use time::Duration;

async fn ask(user: Option<User>, inserted: Result<(), StoreError>) -> Result<IssuedKey, Error> {
    let mut repos = MockRepositories::default();
    repos.users.expect_find_for_update().times(1).return_once(move |_| Ok(user));
    repos.api_keys.expect_insert().return_once(move |_, _| inserted);
    repos
        .audit
        .expect_insert()
        .withf(|_, record| record.user_id.is_none() && record.action == AuditAction::Create)
        .returning(|_, _| Ok(()));
    create_token(&context(repos), ANN, "seed").await
}

#[tokio::test]
async fn an_operator_makes_a_token_for_a_user() {
    let issued = ask(Some(ann()), Ok(())).await.unwrap();
    let key = issued.key;
    assert_eq!((key.user_id, key.login_type, key.token_name.as_str()), (ANN, LoginType::Token, "seed"));
    assert_eq!((key.expires_at, key.scopes), (NOW + Duration::WEEK, Scopes::all()));
    assert!(issued.token.expose().starts_with(key.id.as_str()));
}

#[tokio::test]
async fn there_is_no_token_for_who_could_not_use_it() {
    let gone = User { deleted: true, ..ann() };
    let part_of_the_server = User { is_system: true, ..ann() };
    for nobody in [None, Some(gone), Some(part_of_the_server)] {
        assert!(matches!(ask(nobody, Ok(())).await, Err(Error::UserNotFound)));
    }
    let suspended = User { status: UserStatus::Suspended, ..ann() };
    assert!(matches!(ask(Some(suspended), Ok(())).await, Err(Error::Invalid { .. })));
    let taken = ask(Some(ann()), Err(StoreError::Conflict(Conflict::TokenName))).await;
    assert!(matches!(taken, Err(Error::Conflict { .. })), "{taken:?}");
}
