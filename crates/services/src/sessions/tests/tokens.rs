use crate::Principal;
use crate::error::Error;
use crate::sessions::{CreateToken, IssuedKey, TokenQuery, create_token, find_token, list_tokens, token_config};
use crate::users::UserRef;
use crate::users::testing::*;
use doorward_domain::oauth2::Scopes;
use doorward_domain::roles::ScopeName;
use doorward_domain::sessions::ApiKey;
use doorward_domain::users::LoginType;
use doorward_ports::mocks::MockRepositories;
use doorward_ports::{Conflict, StoreError};
use time::Duration;

fn storing(actor: &Principal) -> MockRepositories {
    let mut repos = repos_of(actor, &[ann(), owner_of_site()]);
    repos.api_keys.expect_insert().times(1).returning(|_, _| Ok(()));
    expect_audit(&mut repos, "create", 201);
    repos
}

async fn ask(repos: MockRepositories, actor: &Principal, command: CreateToken) -> Result<IssuedKey, Error> {
    create_token(&context(repos), actor, &UserRef::Me, command).await
}

fn blamed(result: Result<IssuedKey, Error>) -> (String, String) {
    match result {
        Err(Error::Invalid { fields, .. } | Error::Conflict { fields, .. }) => {
            (fields[0].field.to_string(), fields[0].detail.clone())
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_token_for_which_nothing_is_asked_has_a_name_all_scopes_and_a_week() {
    let issued = ask(storing(&actor().build()), &actor().build(), CreateToken::default()).await.unwrap();
    assert_eq!((issued.key.login_type, issued.key.user_id), (LoginType::Token, ANN));
    assert_eq!((issued.key.expires_at, issued.key.lifetime_seconds), (NOW + Duration::WEEK, 604_800));
    assert_eq!(issued.key.scopes, Scopes::all());
    assert!(issued.key.token_name.starts_with("token-"), "{}", issued.key.token_name);
}

#[tokio::test]
async fn a_token_has_what_was_asked_for() {
    let lifetime = Duration::hours(5);
    let scopes = vec!["application_connect".to_owned(), "application_connect".to_owned()];
    let allow_list = vec!["*:*".to_owned()];
    let command = CreateToken { lifetime, scopes, allow_list, name: "ci".to_owned(), ..CreateToken::default() };
    let key = ask(storing(&actor().build()), &actor().build(), command).await.unwrap().key;
    assert_eq!((key.expires_at, key.token_name.as_str()), (NOW + lifetime, "ci"));
    assert_eq!((key.scopes, key.allow_list), (ScopeName::APPLICATION_CONNECT.into(), None));
}

#[tokio::test]
async fn owners_get_shorter_tokens_than_users() {
    let long = |hours| CreateToken { lifetime: Duration::hours(hours), ..CreateToken::default() };
    assert!(ask(storing(&actor().build()), &actor().build(), long(876_600)).await.is_ok());
    assert!(ask(storing(&owner().build()), &owner().build(), long(168)).await.is_ok());
    for (actor, hours) in [(actor().build(), 876_601), (owner().build(), 169)] {
        let refused = ask(repos_of(&actor, &[ann(), owner_of_site()]), &actor, long(hours)).await;
        let Err(Error::Invalid { detail, fields, .. }) = refused else { panic!("{refused:?}") };
        assert!(detail.contains("lifetime must be less than"), "{detail}");
        assert_eq!(fields.iter().map(|field| field.field.as_ref()).collect::<Vec<_>>(), ["lifetime"]);
    }
    let anns = actor().build();
    let refused = ask(repos_of(&anns, &[ann()]), &anns, long(-1)).await;
    assert!(matches!(refused, Err(Error::Invalid { detail, .. }) if detail.contains("positive")));
}

#[tokio::test]
async fn the_default_lifetime_never_exceeds_the_longest() {
    let short = with_sessions(|sessions| sessions.token_lifetime_max = "1h".parse().unwrap());
    let ctx = context_with(storing(&actor().build()), short);
    let issued = create_token(&ctx, &actor().build(), &UserRef::Me, CreateToken::default()).await.unwrap();
    assert_eq!(issued.key.expires_at, NOW + Duration::HOUR);
}

#[tokio::test]
async fn unknown_scopes_and_bad_names_are_refused() {
    let none = MockRepositories::default;
    let scoped = CreateToken { scopes: vec!["everything".to_owned()], ..CreateToken::default() };
    assert_eq!(blamed(ask(none(), &actor().build(), scoped).await).0, "scope");
    let names = ["a\nb", "a/b", "tokenconfig", ".", ".."].map(str::to_owned);
    for name in names.into_iter().chain(["é".repeat(65)]) {
        let command = CreateToken { name, ..CreateToken::default() };
        assert_eq!(blamed(ask(none(), &actor().build(), command).await).0, "token_name");
    }
    let anns = actor().build();
    for name in ["é".repeat(64), "my laptop: 2".to_owned()] {
        let command = CreateToken { name, ..CreateToken::default() };
        assert!(ask(storing(&anns), &anns, command).await.is_ok());
    }
}

#[tokio::test]
async fn a_limited_key_makes_only_keys_that_are_as_limited() {
    let limited = actor().scopes(&["api_key:create"]).build();
    let all = ask(MockRepositories::default(), &limited, CreateToken::default()).await;
    assert!(matches!(all, Err(Error::Refused(_))));
    let same = CreateToken { scopes: vec!["api_key:create".to_owned()], ..CreateToken::default() };
    assert!(ask(storing(&limited), &limited, same).await.is_ok());
}

fn limited_to(entries: &[&str]) -> CreateToken {
    CreateToken { allow_list: entries.iter().map(ToString::to_string).collect(), ..CreateToken::default() }
}

#[tokio::test]
async fn an_allow_list_is_read_strictly_and_each_entry_kept_once() {
    let anns = actor().build();
    let entry = format!("user:{}", ANN.0);
    let key = ask(storing(&anns), &anns, limited_to(&[&entry, "template:*", &entry])).await.unwrap().key;
    assert_eq!(key.allow_list.unwrap().iter().map(ToString::to_string).collect::<Vec<_>>(), [&entry, "template:*"]);
    for bad in ["", "user", "spaceship:*", "user:ann", "*:ann"] {
        let (field, detail) = blamed(ask(MockRepositories::default(), &anns, limited_to(&[bad])).await);
        assert!(field == "allow_list" && detail.contains(bad), "{detail}");
    }
    let long = limited_to(&["user:*"; 129]);
    assert_eq!(blamed(ask(MockRepositories::default(), &anns, long).await).0, "allow_list");
}

#[tokio::test]
async fn a_key_for_some_objects_makes_only_keys_for_no_more() {
    let limited = actor().allow_list(&["api_key:*", "template:*"]).build();
    for wider in [&["*:*"][..], &[], &["user:*"], &["api_key:*", "workspace:*"]] {
        let refused = ask(MockRepositories::default(), &limited, limited_to(wider)).await;
        assert!(matches!(refused, Err(Error::Refused(_))), "{wider:?}");
    }
    let template = format!("template:{}", ANN.0);
    assert!(ask(storing(&limited), &limited, limited_to(&["api_key:*", &template])).await.is_ok());
    // A key that reaches no object without id makes nothing.
    let narrow = actor().allow_list(&[&template]).build();
    let refused = ask(repos_of(&narrow, &[ann()]), &narrow, limited_to(&[&template])).await;
    assert!(matches!(refused, Err(Error::Forbidden(denied)) if denied.missing_scope().is_none()));
}

#[tokio::test]
async fn who_lacks_only_the_scope_is_told_which() {
    let ask = async |scopes: &[&str], allow: &[&str]| {
        let mut repos = repos_with(&[ann()]);
        repos.api_keys.expect_find_token().returning(|user, _| Ok(Some(token(user, "ci"))));
        let mut asking = actor().scopes(scopes);
        if !allow.is_empty() {
            asking = asking.allow_list(allow);
        }
        find_token(&context(repos), &asking.build(), &UserRef::Me, "ci").await
    };
    let short = ask(&["user:read"], &[]).await;
    let Err(Error::Forbidden(denied)) = short else { panic!("{short:?}") };
    assert_eq!(denied.missing_scope().unwrap().to_string(), "api_key:read");
    // Where the scope would not help, there is nothing to be seen.
    for (scopes, allow) in [(&["api_key:read"], "user:*"), (&["user:read"], "user:*")] {
        assert!(matches!(ask(scopes, &[allow]).await, Err(Error::NotFound)), "{scopes:?}");
    }
    assert!(ask(&["api_key:read"], &["api_key:*"]).await.is_ok());
}

#[tokio::test]
async fn a_second_token_of_the_same_name_is_a_conflict() {
    let mut repos = repos_of(&actor().build(), &[ann()]);
    repos.api_keys.expect_insert().returning(|_, _| Err(StoreError::Conflict(Conflict::TokenName)));
    let named = CreateToken { name: "ci".to_owned(), ..CreateToken::default() };
    let (field, detail) = blamed(ask(repos, &actor().build(), named).await);
    assert!(field == "name" && detail.contains("unique"), "{detail}");
}

fn wanted(all_users: bool) -> TokenQuery {
    TokenQuery { all_users, expired: true }
}

#[tokio::test]
async fn tokens_that_have_ended_are_shown_only_when_they_are_wanted() {
    let listing = || {
        let mut repos = repos_with(&[ann()]);
        let ended = ApiKey { expires_at: NOW, ..token(ANN, "old") };
        let tokens = vec![(token(ANN, "new"), "ann".to_owned()), (ended, "ann".to_owned())];
        repos.api_keys.expect_list().returning(move |_, _| Ok(tokens.clone()));
        context(repos)
    };
    for (expired, names) in [(true, &["new", "old"][..]), (false, &["new"])] {
        let query = TokenQuery { all_users: false, expired };
        let found = list_tokens(&listing(), &actor().build(), &UserRef::Me, query).await.unwrap();
        assert_eq!(found.iter().map(|token| token.key.token_name.as_str()).collect::<Vec<_>>(), names);
    }
}

#[tokio::test]
async fn a_token_whose_lifetime_was_asked_for_has_a_fixed_end() {
    for (lifetime, end) in [(Duration::DAY, Some(NOW + Duration::DAY)), (Duration::ZERO, None)] {
        let mut repos = repos_of(&actor().build(), &[ann()]);
        repos.api_keys.expect_insert().returning(|_, _| Ok(()));
        expect_audit(&mut repos, "create", 201);
        let asked = CreateToken { lifetime, ..CreateToken::default() };
        let issued = ask(repos, &actor().build(), asked).await.unwrap();
        assert_eq!(issued.key.slides_until, end, "{lifetime}");
    }
}

#[tokio::test]
async fn a_list_of_all_tokens_shows_what_the_caller_may_read() {
    let listing = |all: bool| {
        let mut repos = repos_with(&[ann(), owner_of_site()]);
        repos.api_keys.expect_list().times(1).returning(move |login_type, user| {
            assert_eq!((login_type, user.is_none()), (LoginType::Token, all));
            Ok(vec![(token(ANN, "mine"), "ann".to_owned()), (token(BOB, "his"), "bob".to_owned())])
        });
        context(repos)
    };
    let anns = list_tokens(&listing(true), &actor().build(), &UserRef::Me, wanted(true)).await.unwrap();
    assert_eq!(anns.iter().map(|token| token.username.as_str()).collect::<Vec<_>>(), ["ann"]);
    let owners = list_tokens(&listing(true), &owner().build(), &UserRef::Me, wanted(true)).await.unwrap();
    assert_eq!(owners.len(), 2);
    assert_eq!(list_tokens(&listing(false), &actor().build(), &UserRef::Me, wanted(false)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_token_is_found_by_its_name() {
    let knowing = || {
        let mut repos = repos_with(&[ann()]);
        repos.api_keys.expect_find_token().returning(|user, name| Ok(Some(token(user, "ci")).filter(|_| name == "ci")));
        context(repos)
    };
    let found = find_token(&knowing(), &actor().build(), &UserRef::Me, "ci").await.unwrap();
    assert_eq!(found.token_name, "ci");
    let none = find_token(&knowing(), &actor().build(), &UserRef::Me, "cd").await;
    assert!(matches!(none, Err(Error::NotFound)));
}

#[tokio::test]
async fn the_longest_lifetime_is_that_of_the_user_asked_about() {
    let ctx = || context(repos_with(&[ann(), owner_of_site()]));
    let anns = token_config(&ctx(), &owner().build(), &UserRef::Id(ANN)).await.unwrap();
    assert_eq!(anns.max_lifetime, Duration::hours(876_600));
    assert_eq!(token_config(&ctx(), &owner().build(), &UserRef::Me).await.unwrap().max_lifetime, Duration::hours(168));
}
