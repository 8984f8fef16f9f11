use super::*;
use crate::settings::Settings;
use crate::users::testing::*;
use doorward_domain::identity_providers::Provider;
use doorward_domain::sessions::ApiKeyId;
use doorward_ports::mocks::MockRepositories;
use serde_json::Map;

const OIDC: &str = "https://id.example";

fn with_providers() -> Settings {
    let mut settings = settings();
    settings.oidc.providers =
        vec![Provider { name: "corp".to_owned(), issuer: OIDC.to_owned(), ..Provider::default() }];
    "gh".clone_into(&mut settings.github.client_id);
    settings
}

fn link(login_type: LoginType, issuer: &str, subject: &str, is_main: bool) -> UserLink {
    UserLink {
        user_id: ANN,
        login_type,
        provider: "corp".to_owned(),
        issuer: issuer.to_owned(),
        subject: subject.to_owned(),
        is_main,
        email_verified: true,
        claims: Map::new(),
        created_at: NOW,
        updated_at: NOW,
    }
}

fn of_oidc() -> User {
    User { login_type: LoginType::Oidc, password_hash: None, ..ann() }
}

fn repos_with_links(user: &User, links: Vec<UserLink>) -> MockRepositories {
    let me = as_user(user.clone()).build();
    let mut repos = repos_of(&me, std::slice::from_ref(user));
    repos.user_links.expect_list_of_user().returning(move |_| Ok(links.clone()));
    repos
}

#[tokio::test]
async fn the_main_link_goes_with_its_sessions_and_another_takes_its_place() {
    let (corp, github) =
        (link(LoginType::Oidc, OIDC, "1", true), link(LoginType::Github, "https://github.com", "2", false));
    let user = of_oidc();
    let mut repos = repos_with_links(&user, vec![corp.clone(), github]);
    repos
        .user_links
        .expect_delete()
        .times(1)
        .withf(|_, user, issuer, subject| (*user, issuer, subject) == (ANN, OIDC, "1"))
        .returning(|_, _, _, _| Ok(true));
    repos
        .user_links
        .expect_update()
        .times(1)
        .withf(|_, link| link.is_main && link.subject == "2" && link.email_verified)
        .returning(|_, _| Ok(true));
    repos
        .users
        .expect_follow_login_type()
        .times(1)
        .withf(|_, id, login_type, _| (*id, *login_type) == (ANN, LoginType::Github))
        .returning(|_, _, _, _| Ok(true));
    let key = ApiKeyId::new("abcdefghij").unwrap();
    let (mine, theirs) = (key.clone(), ApiKeyId::new("0000000000").unwrap());
    repos
        .federated_sessions
        .expect_list_keys()
        .times(1)
        .withf(|issuers, upstream| issuers == [OIDC] && *upstream == Upstream::Subject("1".to_owned()))
        .returning(move |_, _| Ok(vec![(mine.clone(), ANN), (theirs.clone(), BOB)]));
    repos.api_keys.expect_delete().times(1).withf(move |_, id| *id == key).returning(|_, _| Ok(true));
    expect_audit(&mut repos, "write", 200);
    let me = as_user(user).build();
    unlink(&context_with(repos, with_providers()), &me, &UserRef::Me, corp.id()).await.unwrap();
}

#[tokio::test]
async fn nothing_is_written_when_it_is_the_last_way_or_none_at_all() {
    let corp = link(LoginType::Oidc, OIDC, "1", true);
    let gone = link(LoginType::Oidc, "https://gone.example", "2", false);
    let user = of_oidc();
    let me = as_user(user.clone()).build();
    // The other one is at a provider that is not in the settings any more.
    let ctx = context_with(repos_with_links(&user, vec![corp.clone(), gone.clone()]), with_providers());
    let last = unlink(&ctx, &me, &UserRef::Me, corp.id()).await.unwrap_err();
    assert!(matches!(last, Error::Conflict { message, .. } if message.contains("only way to sign in")));
    let ctx = context_with(repos_with_links(&user, vec![corp]), with_providers());
    let none = unlink(&ctx, &me, &UserRef::Me, gone.id()).await.unwrap_err();
    assert!(matches!(none, Error::NotFound));
}

#[tokio::test]
async fn a_password_is_a_way_in_as_long_as_passwords_are() {
    let corp = link(LoginType::Oidc, OIDC, "1", false);
    for (password_login, is_removed) in [(true, true), (false, false)] {
        let mut settings = with_providers();
        settings.sessions.password_login = password_login;
        let mut repos = repos_with_links(&ann(), vec![corp.clone()]);
        if is_removed {
            repos.user_links.expect_delete().times(1).returning(|_, _, _, _| Ok(true));
            repos.federated_sessions.expect_list_keys().returning(|_, _| Ok(Vec::new()));
            expect_audit(&mut repos, "write", 200);
        }
        let removed = unlink(&context_with(repos, settings), &actor().build(), &UserRef::Me, corp.id()).await;
        assert_eq!(removed.is_ok(), is_removed);
    }
}

#[tokio::test]
async fn links_are_listed_for_their_user_and_say_whether_they_are_of_use() {
    let links = vec![link(LoginType::Oidc, OIDC, "1", true), link(LoginType::Github, "https://github.com", "2", false)];
    let mut settings = with_providers();
    settings.github.client_id.clear();
    let ctx = context_with(repos_with_links(&ann(), links.clone()), settings);
    let listed = list_links(&ctx, &actor().build(), &UserRef::Me).await.unwrap();
    let shown: Vec<_> = listed.iter().map(|own| (own.shown_name.as_str(), own.is_usable)).collect();
    assert_eq!(shown, [("corp", true), ("GitHub", false)]);
    let me = actor().build();
    let ctx = context_with(repos_of(&me, &[ann(), bob()]), with_providers());
    let refused = list_links(&ctx, &me, &UserRef::Id(bob().id)).await.unwrap_err();
    assert!(matches!(refused, Error::UserNotFound | Error::NotFound));
}
