use crate::error::Error;
use crate::users::access;
use crate::users::testing::*;
use crate::users::{UserRef, find, list, organizations};
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::organizations::{Membership, Organization};
use doorward_domain::page::Page;
use doorward_domain::users::{User, UserStatus};
use doorward_ports::mocks::MockRepositories;
use doorward_ports::users::UserPage;
use uuid::Uuid;

#[tokio::test]
async fn users_find_themselves_by_any_of_their_names() {
    for name in ["me", "ann", "ANN", &ANN.to_string()] {
        let view = find(&context(repos_with(&[ann()])), &actor().build(), &UserRef::parse(name)).await.unwrap();
        assert_eq!((view.user.id, view.organization_ids), (ANN, vec![ORGANIZATION]), "{name}");
    }
}

#[tokio::test]
async fn an_unknown_user_and_one_that_cannot_be_read_look_the_same() {
    for name in ["bob", "carl", &BOB.to_string(), &Uuid::from_u128(99).to_string()] {
        let found = find(&context(repos_with(&[ann(), bob()])), &actor().build(), &UserRef::parse(name)).await;
        assert!(matches!(found, Err(Error::UserNotFound)), "{name}");
    }
}

#[tokio::test]
async fn a_deleted_user_is_found_by_id_and_not_by_name() {
    let gone = || context(repos_with(&[User { deleted: true, ..bob() }]));
    assert!(find(&gone(), &owner().build(), &UserRef::Id(BOB)).await.unwrap().user.deleted);
    let found = find(&gone(), &owner().build(), &UserRef::Name("bob".to_owned())).await;
    assert!(matches!(found, Err(Error::UserNotFound)));
}

#[tokio::test]
async fn a_key_that_may_not_read_users_is_told_that_it_may_not() {
    let limited = actor().scopes(&["application_connect"]).build();
    let refused = find(&context(repos_with(&[ann()])), &limited, &UserRef::Me).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
}

#[tokio::test]
async fn a_list_is_narrowed_by_its_query_and_by_what_the_caller_may_read() {
    let mut repos = MockRepositories::default();
    let asking = owner().build();
    repos
        .users
        .expect_list()
        .times(1)
        .withf(|filter, _, page| {
            filter.search == "an"
                && filter.statuses == [UserStatus::Active]
                && *page == Page { limit: None, offset: 2, after_id: None }
        })
        .returning(|_, _, _| Ok(UserPage { users: vec![ann(), bob()], count: 7 }));
    repos.organizations.expect_list_memberships_of().times(1).returning(|_| Ok(vec![membership(BOB)]));
    let page = Page { limit: Some(0), offset: 2, after_id: None };
    let found = list(&context(repos), &asking, "An status:active", page).await.unwrap();
    assert_eq!((found.count, found.users.len()), (7, 2));
    assert!(found.users[0].organization_ids.is_empty());
    assert_eq!(found.users[1].organization_ids, [ORGANIZATION]);
}

/// Coder's clients send no limit. A list whose memberships are searched once per user does not get through this.
#[tokio::test]
async fn a_list_of_everybody_is_joined_with_its_memberships_in_one_pass() {
    const MANY: u128 = 100_000;
    let place = |n: u128| OrganizationId(Uuid::from_u128(n % 7));
    let people = (0..MANY).map(|n| user(UserId(Uuid::from_u128(n)), "somebody")).collect::<Vec<_>>();
    let mut repos = MockRepositories::default();
    repos
        .users
        .expect_list()
        .times(1)
        .return_once(move |_, _, _| Ok(UserPage { users: people, count: u64::try_from(MANY).unwrap() }));
    repos.organizations.expect_list_memberships_of().times(1).returning(move |ids| {
        let of = |id: &UserId| Membership { organization_id: place(id.0.as_u128()), ..membership(*id) };
        Ok(ids.iter().map(of).collect())
    });
    let found = list(&context(repos), &owner().build(), "", Page::default()).await.unwrap();
    assert_eq!(found.users.len(), usize::try_from(MANY).unwrap());
    for view in found.users {
        assert_eq!(view.organization_ids, [place(view.user.id.0.as_u128())]);
    }
}

#[tokio::test]
async fn every_bad_term_of_a_query_is_named() {
    let ctx = context(MockRepositories::default());
    let refused = list(&ctx, &owner().build(), "status:asleep shoe:42", Page::default()).await;
    let Err(Error::Invalid { message, fields, .. }) = refused else { panic!("{refused:?}") };
    assert!(message.contains("user search query"), "{message}");
    assert_eq!(fields.iter().map(|field| field.field.as_ref()).collect::<Vec<_>>(), ["status", "shoe"]);
}

#[tokio::test]
async fn organizations_that_the_caller_cannot_read_are_left_out() {
    let secret =
        Organization { id: OrganizationId(Uuid::from_u128(0xB)), name: "secret".parse().unwrap(), ..organization() };
    let mut repos = repos_with(&[ann()]);
    let both = [organization(), secret.clone()];
    // As the database does it.
    repos.organizations.expect_list_of_user().returning(move |_, visible| {
        Ok(both.iter().filter(|known| visible.matches(&access::organization(known.id))).cloned().collect())
    });
    let known = organizations(&context(repos), &actor().build(), &UserRef::Me).await.unwrap();
    assert_eq!(known, [organization()]);

    let mut repos = repos_with(&[ann()]);
    repos
        .organizations
        .expect_find_by_name()
        .returning(move |name| Ok(Some(if name == "secret" { secret.clone() } else { organization() })));
    let ctx = context(repos);
    assert_eq!(organization_named(&ctx, "acme").await.unwrap(), organization());
    assert!(matches!(organization_named(&ctx, "secret").await, Err(Error::NotFound)));
}

async fn organization_named(ctx: &crate::Context, name: &str) -> Result<Organization, Error> {
    crate::users::organization(ctx, &actor().build(), &UserRef::Me, name).await
}
