use crate::fixtures::{SECRET, app, context, repos, with_secret};
use doorward_domain::Secret;
use doorward_domain::oauth2::{ClientType, OAuthErrorCode};
use doorward_services::oauth2::revoke::{RevokeRequest, revoke};

async fn give_back(token: &str, secret: Option<&str>) -> Result<(), doorward_services::OAuthError> {
    let mut repos = repos(app(ClientType::Confidential));
    repos.grants.expect_find_by_prefix().returning(|_| Ok(None));
    repos.api_keys.expect_find().returning(|_| Ok(None));
    let request = RevokeRequest { client: with_secret(secret), token: Some(Secret::from(token)), repeated: None };
    revoke(&context(repos), request).await
}

#[tokio::test]
async fn an_unknown_token_is_no_error_and_a_malformed_one_is() {
    give_back("coder_unknown_x", Some(SECRET)).await.unwrap();
    give_back("0123456789-abcdefghijABCDEFGHIJ01", Some(SECRET)).await.unwrap();
    for bad in ["", "coder_x", "nonsense"] {
        assert_eq!(give_back(bad, Some(SECRET)).await.unwrap_err().code, OAuthErrorCode::InvalidRequest, "{bad}");
    }
}

#[tokio::test]
async fn only_the_client_itself_gives_a_token_back() {
    let error = give_back("coder_unknown_x", None).await.unwrap_err();
    assert_eq!(error.code, OAuthErrorCode::InvalidClient);
}
