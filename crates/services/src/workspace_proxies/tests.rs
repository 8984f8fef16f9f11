use super::own::{Register, crypto_keys, deregister, note_uses, register};
use super::*;
use crate::identity_providers::Upstreams;
use crate::users::testing::{NOW, actor, context, expect_audit, origin, owner};
use crate::{Context, Error, Principal, ServerIdentity, Who};
use doorward_domain::ids::{ReplicaId, WorkspaceId, WorkspaceProxyId};
use doorward_domain::names::ProxyName;
use doorward_domain::workspace_proxies::{HealthStatus, ProxyToken, WorkspaceProxy};
use doorward_domain::{Digest, Secret};
use doorward_ports::fetch::{Answer, ChosenBy, FailureClass, FetchError};
use doorward_ports::mocks::{MockFetch, MockRepositories};
use std::sync::Arc;
use uuid::Uuid;

const ID: WorkspaceProxyId = WorkspaceProxyId(Uuid::from_u128(7));
const DEPLOYMENT: Uuid = Uuid::from_u128(0xd);

fn token() -> ProxyToken {
    ProxyToken::new(ID, &[7; 32])
}

fn sydney() -> WorkspaceProxy {
    WorkspaceProxy {
        id: ID,
        name: ProxyName::from_storage("sydney".to_owned()),
        display_name: "Sydney".to_owned(),
        icon: "/s.svg".to_owned(),
        url: "https://sydney.example".to_owned(),
        wildcard_hostname: String::new(),
        derp_enabled: true,
        derp_only: false,
        version: "v1".to_owned(),
        region_number: 1,
        digest: token().digest(),
        created_at: NOW,
        updated_at: NOW,
        deleted: false,
    }
}

/// A server that knows these proxies.
fn knowing(proxies: Vec<WorkspaceProxy>) -> MockRepositories {
    let mut repos = MockRepositories::default();
    let known = Arc::new(proxies);
    let all = Arc::clone(&known);
    let live = move || all.iter().filter(|proxy| !proxy.deleted).cloned().collect::<Vec<_>>();
    let listed = live.clone();
    repos.workspace_proxies.expect_list().returning(move || Ok(listed()));
    repos
        .workspace_proxies
        .expect_find_by_name()
        .returning(move |name| Ok(live().into_iter().find(|proxy| proxy.name == name)));
    let all = Arc::clone(&known);
    repos.workspace_proxies.expect_find().returning(move |id| Ok(all.iter().find(|proxy| proxy.id == id).cloned()));
    repos
        .workspace_proxies
        .expect_find_for_update()
        .returning(move |id| Ok(known.iter().find(|proxy| proxy.id == id).cloned()));
    repos.workspace_proxies.expect_next_region_number().returning(|| Ok(2));
    repos.runtime_settings.expect_find().returning(|_, _| Ok(None));
    repos.runtime_settings.expect_find_for_update().returning(|_, _| Ok(None));
    repos
}

fn server(repos: MockRepositories) -> Context {
    let identity = ServerIdentity { deployment_id: DEPLOYMENT, ..ServerIdentity::default() };
    Context { server: Arc::new(identity), ..context(repos) }
}

fn by_proxy() -> Principal {
    Principal { who: Who::Proxy(ID.0), ..Principal::anonymous(origin()) }
}

#[test]
fn a_path_names_a_proxy_by_id_or_name_or_the_deployment() {
    for (text, expected) in [
        ("primary", ProxyRef::Primary),
        (&*DEPLOYMENT.to_string(), ProxyRef::Primary),
        (&*ID.to_string(), ProxyRef::Id(ID)),
        ("Primary", ProxyRef::Name("Primary".to_owned())),
    ] {
        assert_eq!(ProxyRef::parse(text, DEPLOYMENT), expected);
    }
}

#[tokio::test]
async fn a_token_lets_its_live_proxy_in_and_nobody_else() {
    let presented = token().to_wire().into_exposed();
    let enter = async |proxies, presented: &str| authenticate(&server(knowing(proxies)), presented, &origin()).await;
    let by = enter(vec![sydney()], &presented).await.unwrap();
    assert!(matches!(by.who, Who::Proxy(id) if id == ID.0));
    let replaced = WorkspaceProxy { digest: Digest::of("another"), ..sydney() };
    let deleted = WorkspaceProxy { deleted: true, ..sydney() };
    for (proxies, presented) in [
        (vec![sydney()], ""),
        (vec![sydney()], "nonsense"),
        (vec![], presented.as_str()),
        (vec![replaced], presented.as_str()),
        (vec![deleted], presented.as_str()),
    ] {
        let refused = enter(proxies, presented).await;
        assert!(matches!(refused, Err(Error::Unauthenticated { .. })), "{refused:?}");
    }
    // It may do what is for proxies and nothing else.
    let made =
        create(&server(knowing(vec![])), &by, CreateProxy { name: "a".to_owned(), ..CreateProxy::default() }).await;
    assert!(matches!(made, Err(Error::Forbidden(_))), "{made:?}");
}

#[tokio::test]
async fn an_owner_makes_a_proxy_whose_token_is_kept_as_a_digest() {
    let mut repos = knowing(vec![sydney()]);
    repos.workspace_proxies.expect_insert().times(1).returning(|_, proxy| {
        assert_eq!((proxy.region_number, proxy.name.as_str()), (2, "Paris"));
        Ok(())
    });
    expect_audit(&mut repos, "create", 201);
    let ctx = server(repos);
    let mut woken = ctx.bus.subscribe(health::TOPIC);
    let command = |name: &str| CreateProxy { name: name.to_owned(), ..CreateProxy::default() };
    let (view, token) = create(&ctx, &owner().build(), command("Paris")).await.unwrap();
    let token: ProxyToken = token.expose().parse().unwrap();
    assert_eq!((view.id, view.health.status), (token.id.0, HealthStatus::Unregistered));
    woken.next().await;

    let refused = create(&server(knowing(vec![sydney()])), &owner().build(), command("SYDNEY")).await;
    assert!(matches!(refused, Err(Error::Conflict { .. })), "{refused:?}");
    for name in ["", "PRIMARY", "me", "a/b", " a", "6ba7b8109dad11d180b400c04fd430c8", "a\u{200b}b"] {
        let refused = create(&server(knowing(vec![])), &owner().build(), command(name)).await;
        assert!(
            matches!(&refused, Err(Error::Invalid { fields, .. }) if fields[0].field == "name"),
            "{name}: {refused:?}"
        );
    }
    let refused = create(&server(knowing(vec![])), &actor().build(), command("a")).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
}

#[tokio::test]
async fn a_change_keeps_what_is_empty_and_replaces_the_token_if_asked() {
    let change =
        |regenerate_token| UpdateProxy { name: "perth".to_owned(), regenerate_token, ..UpdateProxy::default() };
    for regenerates in [false, true] {
        let mut repos = knowing(vec![sydney()]);
        repos
            .workspace_proxies
            .expect_update()
            .times(1)
            .withf(move |_, new| {
                let kept = (new.display_name.as_str(), new.icon.as_str(), new.url.as_str());
                kept == ("Sydney", "/s.svg", "https://sydney.example")
                    && new.name == "perth"
                    && (new.digest != sydney().digest) == regenerates
            })
            .returning(|_, _| Ok(true));
        expect_audit(&mut repos, "write", 200);
        let (view, token) =
            update(&server(repos), &owner().build(), &ProxyRef::Id(ID), change(regenerates)).await.unwrap();
        assert_eq!((view.name.as_str(), token.is_some()), ("perth", regenerates));
    }
    let taken = WorkspaceProxy {
        id: WorkspaceProxyId(Uuid::from_u128(8)),
        name: ProxyName::from_storage("Perth".to_owned()),
        ..sydney()
    };
    let refused =
        update(&server(knowing(vec![sydney(), taken])), &owner().build(), &ProxyRef::Id(ID), change(false)).await;
    assert!(matches!(refused, Err(Error::Conflict { .. })), "{refused:?}");
    let refused = update(&server(knowing(vec![sydney()])), &actor().build(), &ProxyRef::Id(ID), change(false)).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    let deleted = WorkspaceProxy { deleted: true, ..sydney() };
    let refused = update(&server(knowing(vec![deleted])), &owner().build(), &ProxyRef::Id(ID), change(false)).await;
    assert!(matches!(refused, Err(Error::NotFound)), "{refused:?}");
}

#[tokio::test]
async fn of_the_deployment_itself_only_what_people_see_changes() {
    let mut repos = knowing(vec![]);
    repos.runtime_settings.expect_update().times(1).returning(|_| Ok(()));
    expect_audit(&mut repos, "write", 200);
    let named = |name: &str, regenerate_token| UpdateProxy {
        name: name.to_owned(),
        display_name: "Home".to_owned(),
        icon: String::new(),
        regenerate_token,
    };
    let (view, token) =
        update(&server(repos), &owner().build(), &ProxyRef::Primary, named("primary", false)).await.unwrap();
    assert_eq!((view.display_name.as_str(), view.icon.as_str(), token.is_none()), ("Home", "/emojis/1f3e1.png", true));
    for (wrong, field) in [(named("other", false), "name"), (named("primary", true), "regenerate_token")] {
        let refused = update(&server(knowing(vec![])), &owner().build(), &ProxyRef::Primary, wrong).await;
        assert!(matches!(&refused, Err(Error::Invalid { fields, .. }) if fields[0].field == field), "{refused:?}");
    }
    let refused = delete(&server(knowing(vec![])), &owner().build(), &ProxyRef::Primary).await;
    assert!(matches!(refused, Err(Error::Invalid { .. })), "{refused:?}");
}

#[tokio::test]
async fn lists_begin_with_the_deployment_and_a_deleted_proxy_is_found_by_id_only() {
    let deleted = WorkspaceProxy {
        id: WorkspaceProxyId(Uuid::from_u128(8)),
        name: ProxyName::from_storage("old".to_owned()),
        deleted: true,
        ..sydney()
    };
    let relay = WorkspaceProxy {
        id: WorkspaceProxyId(Uuid::from_u128(9)),
        name: ProxyName::from_storage("relay".to_owned()),
        derp_only: true,
        ..sydney()
    };
    let ctx = server(knowing(vec![sydney(), deleted, relay]));
    let me = actor().build();
    let names: Vec<_> = list(&ctx, &me).await.unwrap().into_iter().map(|proxy| proxy.name).collect();
    assert_eq!(names, ["primary", "sydney", "relay"]);
    let regions = regions(&ctx, &me).await.unwrap();
    assert_eq!(
        regions.iter().map(|region| (region.name.as_str(), region.is_healthy)).collect::<Vec<_>>(),
        [("primary", true), ("sydney", false)]
    );
    let found = find(&ctx, &me, &ProxyRef::Id(WorkspaceProxyId(Uuid::from_u128(8)))).await.unwrap();
    assert!(found.deleted && found.health.status == HealthStatus::Unknown);
    assert!(matches!(find(&ctx, &me, &ProxyRef::Name("old".to_owned())).await, Err(Error::NotFound)));
    assert_eq!(find(&ctx, &me, &ProxyRef::Primary).await.unwrap().id, DEPLOYMENT);
}

/// What a server thinks of a proxy that answers so.
async fn seen(answer: Result<(u16, &'static str), FailureClass>) -> ProxyView {
    let mut fetch = MockFetch::new();
    fetch
        .expect_fetch()
        .times(1)
        .withf(|request| {
            request.url == "https://sydney.example/healthz-report" && request.chosen_by == ChosenBy::Stranger
        })
        .returning(move |_| match answer {
            Ok((status, body)) => Ok(Answer { status, headers: Vec::new(), body: Secret::new(body.into()) }),
            Err(class) => Err(FetchError::new(class, "10.0.0.5 says no")),
        });
    let ctx = Context { upstreams: Upstreams::new(Arc::new(fetch)), ..server(knowing(vec![sydney()])) };
    check(&ctx).await.unwrap();
    find(&ctx, &actor().build(), &ProxyRef::Id(ID)).await.unwrap()
}

#[tokio::test]
async fn a_proxy_is_asked_as_a_stranger_and_its_answer_is_its_health() {
    for (answer, status) in [
        (Ok((200, r#"{"errors":null,"warnings":["older"]}"#)), HealthStatus::Ok),
        (Ok((200, r#"{"errors":["no way to the primary"]}"#)), HealthStatus::Unhealthy),
        (Ok((502, "")), HealthStatus::Unhealthy),
        (Err(FailureClass::ForbiddenAddress), HealthStatus::Unreachable),
        (Err(FailureClass::Connection), HealthStatus::Unreachable),
        (Err(FailureClass::Size), HealthStatus::Unhealthy),
        (Err(FailureClass::Busy), HealthStatus::Unknown),
    ] {
        let health = seen(answer).await.health;
        assert_eq!(health.status, status, "{answer:?}");
        assert_eq!(health.checked_at, (status != HealthStatus::Unknown).then_some(NOW));
        assert!(!format!("{health:?}").contains("10.0.0.5"), "everybody may read it");
    }
    let told = seen(Err(FailureClass::ForbiddenAddress)).await.health.report.errors;
    assert!(told[0].contains("fetch.allow_hosts"), "{told:?}");
}

fn registration() -> Register {
    Register {
        access_url: "https://sydney.example/".to_owned(),
        wildcard_hostname: "*.Sydney.example".to_owned(),
        derp_enabled: true,
        replica_id: Some(ReplicaId(Uuid::from_u128(3))),
        hostname: "a".to_owned(),
        version: "v2".to_owned(),
        ..Register::default()
    }
}

#[tokio::test]
async fn a_registration_is_stored_if_it_is_new_and_its_replica_in_any_case() {
    let mut repos = knowing(vec![sydney()]);
    repos
        .workspace_proxies
        .expect_update()
        .times(1)
        .withf(|_, new| {
            (new.url.as_str(), new.wildcard_hostname.as_str(), new.version.as_str())
                == ("https://sydney.example", "*.sydney.example", "v2")
        })
        .returning(|_, _| Ok(true));
    repos
        .replicas
        .expect_beat()
        .times(1)
        .withf(|_, beat| (beat.proxy_id, beat.region_id) == (Some(ID), 10_001))
        .returning(|_, _| Ok(true));
    repos.replicas.expect_list_live().returning(|_| Ok(Vec::new()));
    let registered = register(&server(repos), &by_proxy(), registration()).await.unwrap();
    assert_eq!((registered.region_id, registered.siblings.len()), (10_001, 0));

    let mut repos = knowing(vec![sydney()]);
    repos.replicas.expect_beat().times(1).returning(|_, _| Ok(false));
    let same = Register { wildcard_hostname: String::new(), version: "v1".to_owned(), ..registration() };
    let ended = register(&server(repos), &by_proxy(), same).await;
    assert!(matches!(ended, Err(Error::Conflict { .. })), "{ended:?}");
}

#[tokio::test]
async fn all_that_is_wrong_with_a_registration_is_told() {
    let wrong = Register {
        access_url: "https://sydney.example/path".to_owned(),
        wildcard_hostname: "sydney.example".to_owned(),
        derp_enabled: false,
        derp_only: true,
        replica_id: Some(ReplicaId::NIL),
        hostname: "a".repeat(256),
        ..registration()
    };
    let refused = register(&server(MockRepositories::default()), &by_proxy(), wrong).await;
    let Err(Error::Invalid { fields, .. }) = refused else { panic!("{refused:?}") };
    let named: Vec<_> = fields.iter().map(|field| field.field.as_ref()).collect();
    assert_eq!(named, ["access_url", "wildcard_hostname", "replica_id", "derp_only", "hostname"]);
    let refused = register(&server(MockRepositories::default()), &owner().build(), registration()).await;
    assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
}

#[tokio::test]
async fn only_replicas_of_the_proxy_end_and_only_once() {
    let at = NOW;
    let replica = |proxy_id, stopped_at| doorward_domain::replicas::Replica {
        id: ReplicaId(Uuid::from_u128(3)),
        proxy_id,
        created_at: at,
        started_at: at,
        stopped_at,
        updated_at: at,
        hostname: String::new(),
        region_id: 1,
        relay_address: String::new(),
        version: String::new(),
        error: String::new(),
        database_latency: time::Duration::ZERO,
    };
    let end = async |found: Option<doorward_domain::replicas::Replica>, stops: usize| {
        let mut repos = MockRepositories::default();
        repos.replicas.expect_find().returning(move |_| Ok(found.clone()));
        repos.replicas.expect_stop().times(stops).returning(|_, proxy, _| Ok(proxy == Some(ID)));
        deregister(&server(repos), &by_proxy(), ReplicaId(Uuid::from_u128(3))).await
    };
    end(Some(replica(Some(ID), None)), 1).await.unwrap();
    assert!(matches!(end(Some(replica(Some(ID), Some(at))), 0).await, Err(Error::Conflict { .. })));
    for other in [None, Some(replica(None, None)), Some(replica(Some(WorkspaceProxyId::NIL), None))] {
        assert!(matches!(end(other, 0).await, Err(Error::NotFound)));
    }
}

#[test]
fn proxies_share_keys_of_the_length_that_they_need() {
    let ctx = server(MockRepositories::default());
    for (feature, len) in [("workspace_apps_token", 64), ("workspace_apps_api_key", 32)] {
        let (known, keys) = crypto_keys(&ctx, &by_proxy(), feature).unwrap();
        assert_eq!((known.as_str(), keys.len(), keys[0].secret.expose().len()), (feature, 1, len));
    }
    for feature in ["", "oidc_convert", "tailnet_resume"] {
        assert!(matches!(crypto_keys(&ctx, &by_proxy(), feature), Err(Error::Invalid { .. })), "{feature}");
    }
    assert!(matches!(crypto_keys(&ctx, &owner().build(), "workspace_apps_token"), Err(Error::Refused(_))));
}

#[tokio::test]
async fn uses_are_noted_once_per_workspace() {
    let (one, two) = (WorkspaceId(Uuid::from_u128(1)), WorkspaceId(Uuid::from_u128(2)));
    let mut repos = MockRepositories::default();
    repos
        .workspaces
        .expect_touch()
        .times(1)
        .withf(move |_, ids, now| (ids, *now) == (&[one, two][..], NOW))
        .returning(|_, _, _| Ok(2));
    let ctx = server(repos);
    note_uses(&ctx, &by_proxy(), vec![two, one, two]).await.unwrap();
    note_uses(&ctx, &by_proxy(), Vec::new()).await.unwrap();
    let refused = note_uses(&ctx, &by_proxy(), vec![one; 10_001]).await;
    assert!(matches!(refused, Err(Error::Invalid { .. })), "{refused:?}");
}
