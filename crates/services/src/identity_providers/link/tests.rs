use super::*;
use crate::settings::Settings;
use crate::users::testing::*;
use doorward_domain::identity_providers::Provider;
use doorward_ports::mocks::MockRepositories;
use time::Duration;

fn with_provider() -> Settings {
    let mut settings = settings();
    settings.oidc.providers = vec![Provider {
        name: "corp".to_owned(),
        issuer: "https://id.example".to_owned(),
        shared_callback: true,
        ..Provider::default()
    }];
    settings
}

fn asked(provider: &str) -> AskedLink {
    AskedLink { provider: provider.to_owned(), password: Secret::from(""), deployment: "d".to_owned() }
}

fn session(auth_time: Instant) -> FederatedSession {
    FederatedSession {
        key_id: key(ANN).id,
        provider: "corp".to_owned(),
        issuer: "https://id.example".to_owned(),
        subject: "1".to_owned(),
        upstream_sid: None,
        auth_time,
        amr: Vec::new(),
        acr: "pwd".to_owned(),
    }
}

fn of_oidc() -> User {
    User { login_type: LoginType::Oidc, password_hash: None, ..ann() }
}

fn repos(session: Option<FederatedSession>) -> MockRepositories {
    let mut repos = repos_with(&[of_oidc(), bob()]);
    repos.federated_sessions.expect_find().returning(move |_| Ok(session.clone().map(|session| (session, None))));
    repos
}

#[tokio::test]
async fn a_sign_in_of_the_last_ten_minutes_is_a_proof() {
    let me = as_user(of_oidc()).build();
    for (ago, is_fresh) in [(0, true), (599, true), (600, false)] {
        let ctx = context_with(repos(Some(session(NOW - Duration::seconds(ago)))), with_provider());
        let begun = begin_link(&ctx, &me, &UserRef::Me, asked("corp"), &origin()).await;
        assert_eq!(begun.is_ok(), is_fresh, "{ago}");
        let Ok(begun) = begun else { continue };
        assert_eq!((begun.way, begun.expires_at), (Way::FirstOidc, NOW + LINK_REQUEST_LIFETIME));
        let kept = [begun.token];
        let request = super::super::link_requests::read(&ctx, &kept, begun.state.expose(), "corp").unwrap();
        assert_eq!((request.user, request.session, request.deployment.as_str()), (ANN, key(ANN).id, "d"));
        let elsewhere = super::super::link_requests::read(&ctx, &kept, begun.state.expose(), "other").unwrap_err();
        assert!(matches!(elsewhere, Error::Refused(_)));
        // A link is no conversion, though the browser keeps both in one place.
        let conversion = super::super::conversions::read(&ctx, &kept, begun.state.expose()).unwrap_err();
        assert!(matches!(conversion, Error::Invalid { .. }));
    }
    let ctx = context_with(repos(None), with_provider());
    let refused = begin_link(&ctx, &me, &UserRef::Me, asked("corp"), &origin()).await.unwrap_err();
    assert!(matches!(refused, Error::Refused(text) if text.contains("sign in again")));
}

#[tokio::test]
async fn nobody_links_an_account_to_somebody_else() {
    let ctx = context_with(repos(Some(session(NOW))), with_provider());
    let owner = owner().build();
    let refused = begin_link(&ctx, &owner, &UserRef::Id(BOB), asked("corp"), &origin()).await.unwrap_err();
    assert!(matches!(refused, Error::Refused(text) if text.contains("Only the user")));
    let me = as_user(of_oidc()).build();
    for provider in ["", "nope", "github", "CORP"] {
        let refused = begin_link(&ctx, &me, &UserRef::Me, asked(provider), &origin()).await.unwrap_err();
        assert!(matches!(refused, Error::Invalid { fields, .. } if fields[0].field == "provider"), "{provider}");
    }
}
