use super::owned::refuse_membership;
use crate::error::Error;
use crate::organizations::OrganizationRef;
use crate::users::UserRef;
use crate::users::testing::{
    BOB, ORGANIZATION, bob, context_with, expect_audit, membership, organization, owner, owner_of_site, repos_of,
    settings,
};
use crate::{Settings, members, users};
use doorward_domain::organizations::Member;
use doorward_domain::roles::RoleNames;
use doorward_domain::users::{LoginType, User};
use doorward_ports::mocks::MockRepositories;

/// Bob, who signs in in this way.
fn bob_by(login_type: LoginType) -> User {
    User { login_type, ..bob() }
}

/// A member of the default organization who signs in in this way, and these settings of sync.
fn town(login_type: LoginType, organization_sync: &'static str, role_sync: &'static str) -> MockRepositories {
    let user = bob_by(login_type);
    let mut repos = repos_of(&owner().build(), &[user.clone(), owner_of_site()]);
    repos.organizations.expect_find_default().returning(|| Ok(Some(organization())));
    let member = Member { membership: membership(BOB), site_roles: RoleNames::default(), user: user.into() };
    let found = member.clone();
    repos.members.expect_find().returning(move |_, _| Ok(Some(found.clone())));
    repos.members.expect_find_for_update().returning(move |_, _| Ok(Some(member.clone())));
    repos.runtime_settings.expect_find().returning(move |name, place| {
        let document = match name {
            "organization_sync" => organization_sync,
            _ if place == Some(ORGANIZATION) => role_sync,
            _ => "",
        };
        Ok(Some(document.to_owned()).filter(|document| !document.is_empty()))
    });
    repos
}

fn by_claims() -> Settings {
    let mut settings = settings();
    settings.idp_sync.site_role_field = "site".to_owned();
    settings
}

const ON: &str = r#"{"field": "claim"}"#;
const OFF: &str = r#"{"field": ""}"#;

fn told(refused: Error) -> (String, String) {
    let Error::Invalid { message, detail, fields } = refused else { panic!("{refused:?}") };
    assert!(fields.is_empty());
    (message, detail)
}

#[tokio::test]
async fn nobody_is_made_a_member_by_hand_whose_organizations_follow_a_claim() {
    let (me, place) = (owner().build(), OrganizationRef::Default);
    let ctx = context_with(town(LoginType::Oidc, ON, OFF), settings());
    let (message, detail) = told(members::add(&ctx, &me, &place, &UserRef::Id(BOB)).await.unwrap_err());
    assert!(
        message.starts_with("Cannot add this user") && detail.contains("`claim`") && detail.contains("bob"),
        "{detail}"
    );

    for (login_type, sync) in
        [(LoginType::Oidc, OFF), (LoginType::Oidc, ""), (LoginType::Password, ON), (LoginType::Github, ON)]
    {
        let mut repos = town(login_type, sync, ON);
        repos.organizations.expect_insert_member().times(1).returning(|_, _| Ok(()));
        expect_audit(&mut repos, "create", 200);
        let ctx = context_with(repos, settings());
        members::add(&ctx, &me, &place, &UserRef::Id(BOB)).await.unwrap();
    }
    // What the settings file says holds while nobody has stored anything.
    let mut file = settings();
    file.idp_sync.organization_field = "orgs".to_owned();
    let mut repos = town(LoginType::Oidc, "", "");
    assert!(refuse_membership(&mut repos, &file.idp_sync, &bob_by(LoginType::Oidc)).is_err());
}

#[tokio::test]
async fn roles_of_members_that_follow_a_claim_are_not_changed_by_hand() {
    let (me, place) = (owner().build(), OrganizationRef::Default);
    let ctx = context_with(town(LoginType::Oidc, OFF, ON), settings());
    let names = || vec!["organization-auditor".to_owned()];
    let (message, detail) =
        told(members::update_roles(&ctx, &me, &place, &UserRef::Id(BOB), names()).await.unwrap_err());
    assert!(message.starts_with("Cannot change the roles of this member") && detail.contains("`claim`"), "{detail}");

    for (login_type, sync) in [(LoginType::Oidc, OFF), (LoginType::Oidc, ""), (LoginType::Password, ON)] {
        let mut repos = town(login_type, ON, sync);
        repos.members.expect_update_roles().times(1).returning(|_, _, _, _, _| Ok(true));
        expect_audit(&mut repos, "write", 200);
        let ctx = context_with(repos, settings());
        members::update_roles(&ctx, &me, &place, &UserRef::Id(BOB), names()).await.unwrap();
    }
}

#[tokio::test]
async fn roles_on_the_site_that_follow_a_claim_are_not_changed_by_hand() {
    let me = owner().build();
    let ctx = context_with(town(LoginType::Oidc, ON, ON), by_claims());
    let names = || vec!["auditor".to_owned()];
    let (message, detail) = told(users::update_roles(&ctx, &me, &UserRef::Id(BOB), names()).await.unwrap_err());
    assert!(message.starts_with("Cannot change the roles of this user") && detail.contains("`site`"), "{detail}");

    for (login_type, settings) in [(LoginType::Oidc, settings()), (LoginType::Password, by_claims())] {
        let mut repos = town(login_type, ON, ON);
        repos.users.expect_update_roles().times(1).returning(|_, _, _, _| Ok(true));
        expect_audit(&mut repos, "write", 200);
        users::update_roles(&context_with(repos, settings), &me, &UserRef::Id(BOB), names()).await.unwrap();
    }
}
