//! Directories of organizations.

use super::*;
use crate::organizations::OrganizationRef;
use doorward_domain::ids::ScimTokenId;
use doorward_domain::oauth2::OpaqueToken;
use doorward_domain::organizations::Membership;
use doorward_domain::scim::ScimToken;

const TOKEN_TEXT: &str = "abcdefghij";

fn org_ctx(repos: MockRepositories) -> Context {
    context_with(repos, scim_settings(|settings| settings.organization_directories = true))
}

/// A token of the organization, and what its directory presents.
fn token(change: impl FnOnce(&mut ScimToken)) -> (ScimToken, String) {
    let secret = OpaqueToken::new(TOKEN_TEXT.to_owned(), Secret::new("x".repeat(OpaqueToken::SECRET_LEN)));
    let mut token = ScimToken {
        id: ScimTokenId(uuid::Uuid::from_u128(7)),
        organization_id: ORGANIZATION,
        name: "entra".to_owned(),
        prefix: secret.prefix().to_owned(),
        digest: secret.digest(),
        created_by: Some(ANN),
        created_at: NOW,
        lifetime: None,
        expires_at: None,
        last_used_at: None,
    };
    change(&mut token);
    (token, secret.to_wire().into_exposed())
}

fn repos_with_token(token: &ScimToken) -> MockRepositories {
    let mut repos = MockRepositories::default();
    let known = token.clone();
    repos
        .scim_tokens
        .expect_find_by_prefix()
        .returning(move |prefix| Ok(Some(known.clone()).filter(|token| token.prefix == prefix)));
    repos.organizations.expect_find().returning(|id| Ok(Some(organization()).filter(|found| found.id == id)));
    repos
}

#[tokio::test]
async fn a_token_lets_in_where_it_belongs_and_its_use_is_noted_once_a_minute() {
    let here = Place::Organization(OrganizationRef::Id(ORGANIZATION));
    let elsewhere = Place::Organization(OrganizationRef::Id(OrganizationId(uuid::Uuid::from_u128(0xB))));
    let (fresh, secret) = token(|_| {});
    let mut repos = repos_with_token(&fresh);
    repos.scim_tokens.expect_touch().times(1).returning(|_, _, _| Ok(()));
    let known = org_ctx(repos);
    let by = authenticate(&known, &here, &secret, &origin()).await.unwrap();
    assert_eq!(by.directory(), Some(ORGANIZATION));
    for (place, presented) in [(&elsewhere, secret.as_str()), (&here, KEY), (&here, "")] {
        let refused = authenticate(&known, place, presented, &origin()).await;
        assert!(matches!(refused, Err(Error::Unauthenticated { .. })), "{place:?}");
    }
    let other = secret.replace('x', "y");
    assert!(authenticate(&known, &here, &other, &origin()).await.is_err());
    assert!(authenticate(&known, &Place::Deployment, &secret, &origin()).await.is_err());

    let (used, secret) = token(|token| token.last_used_at = Some(NOW));
    authenticate(&org_ctx(repos_with_token(&used)), &here, &secret, &origin()).await.unwrap();
    let (ended, secret) = token(|token| token.expires_at = Some(NOW));
    assert!(authenticate(&org_ctx(repos_with_token(&ended)), &here, &secret, &origin()).await.is_err());
    let off = ctx(repos_with_token(&used));
    assert!(authenticate(&off, &here, &secret, &origin()).await.is_err());
}

#[tokio::test]
async fn an_organization_does_not_change_who_has_roles_of_another_one() {
    let by = directory_of(Some(ORGANIZATION));
    let elsewhere = OrganizationId(uuid::Uuid::from_u128(0xB));
    let patched = async |organization_id, roles: &[&str]| {
        let mut repos = repos_knowing(&provisioned(bob()));
        let roles = roles.iter().copied().collect();
        let membership = Membership { organization_id, user_id: BOB, roles, created_at: NOW, updated_at: NOW };
        repos.organizations.checkpoint();
        repos.organizations.expect_list_memberships().returning(move |_| Ok(vec![membership.clone()]));
        repos.users.expect_update_status().returning(|_, _, _, _| Ok(true));
        repos.audit.expect_insert().returning(|_, _| Ok(()));
        patch_user(&ctx(repos), &by, &bob_id(), &off(), Preconditions::default(), &all()).await
    };
    let refused = patched(elsewhere, &["organization-admin"]).await;
    assert!(matches!(refused, Err(Refusal::Conflict(told)) if told.contains("roles of another organization")));
    patched(elsewhere, &[]).await.unwrap();
    patched(ORGANIZATION, &["organization-admin"]).await.unwrap();
}

#[tokio::test]
async fn an_organization_does_not_change_who_has_roles_of_the_deployment() {
    let admin = User { roles: ["auditor"].into_iter().collect(), ..bob() };
    let by = directory_of(Some(ORGANIZATION));
    let refused = patch_user(
        &ctx(repos_knowing(&provisioned(admin.clone()))),
        &by,
        &bob_id(),
        &off(),
        Preconditions::default(),
        &all(),
    )
    .await;
    assert!(matches!(refused, Err(Refusal::Conflict(told)) if told.contains("roles of the whole deployment")));
    let mut repos = repos_knowing(&provisioned(admin));
    repos.workspaces.expect_count_of_owner().returning(|_| Ok(0));
    assert!(matches!(
        delete_user(&ctx(repos), &by, &bob_id(), Preconditions::default()).await,
        Err(Refusal::Conflict(_))
    ));
}
