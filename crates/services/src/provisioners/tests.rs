use super::daemons::{self, DaemonQuery};
use super::keys::{self, CreateKey};
use super::serving::{self, Connected, Pass, ServeCommand};
use crate::organizations::OrganizationRef;
use crate::origin::Origin;
use crate::users::testing::{
    ANN, BOB, NOW, ORGANIZATION, PrincipalBuilder, actor, ann, as_user, bob, context, context_with, organization,
    owner, repos_of, settings,
};
use crate::{Context, Error, Principal, Who};
use doorward_domain::ids::{OrganizationId, ProvisionerKeyId, UserId};
use doorward_domain::organizations::Organization;
use doorward_domain::provisioners::{
    DAEMONS_MAX, DAEMONS_OF_USER_MAX, DaemonStatus, OFFLINE_AFTER, ProvisionerDaemon, ProvisionerKey, ReservedKey,
    SECRET_LEN, Tags,
};
use doorward_domain::{Digest, Instant, Secret};
use doorward_ports::mocks::MockRepositories;
use std::collections::{BTreeMap, BTreeSet};
use time::Duration;
use uuid::Uuid;

const OTHER: OrganizationId = OrganizationId(Uuid::from_u128(0xB));
const PSK: &str = "0123456789abcdef";

fn secret() -> String {
    "k".repeat(SECRET_LEN)
}

fn key(tags: &[(&str, &str)]) -> ProvisionerKey {
    let tags = tags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    ProvisionerKey {
        id: ProvisionerKeyId(Uuid::from_u128(77)),
        created_at: NOW,
        organization_id: OTHER,
        name: "rack".parse().unwrap(),
        digest: Digest::of(secret()),
        tags: Tags::from_storage(tags.collect()),
    }
}

/// Repositories that know both organizations and this key, and remember whatever comes.
fn repos(key: &ProvisionerKey) -> MockRepositories {
    let mut repos = MockRepositories::default();
    let known = key.clone();
    repos
        .provisioner_keys
        .expect_find_by_digest()
        .returning(move |digest| Ok(Some(known.clone()).filter(|key| key.digest == *digest)));
    repos.organizations.expect_find_default().returning(|| Ok(Some(organization())));
    repos.organizations.expect_find().returning(|id| {
        let other = Organization { id: OTHER, is_default: false, ..organization() };
        Ok([organization(), other].into_iter().find(|found| found.id == id))
    });
    repos.provisioner_daemons.expect_upsert().returning(|_, daemon| Ok(daemon.clone()));
    repos.provisioner_daemons.expect_count().returning(|_, _| Ok(1));
    repos
}

fn with_psk(repos: MockRepositories) -> Context {
    let mut settings = settings();
    settings.provisioners.psk = Secret::new(PSK.to_owned());
    context_with(repos, settings)
}

fn asks(tags: &[&str]) -> ServeCommand {
    ServeCommand {
        name: "host".to_owned(),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        provisioners: vec!["terraform".to_owned(), "terraform".to_owned()],
        version: "1.7".to_owned(),
        build_version: "v2.24.2".to_owned(),
        only_asks: false,
    }
}

async fn connect(
    ctx: &Context,
    session: Option<&Principal>,
    pass: Option<Pass>,
    to: OrganizationRef,
    asked: ServeCommand,
) -> Result<Connected, Error> {
    serving::connect(ctx, session, pass, &Origin::unknown(), &to, asked).await
}

#[tokio::test]
async fn a_pass_is_a_known_key_or_the_shared_one_and_not_both() {
    let ctx = with_psk(repos(&key(&[])));
    let pass = async |key: Option<&str>, psk| serving::recognize(&ctx, key, psk).await.unwrap();
    assert!(matches!(pass(Some(&secret()), None).await, Some(Pass::Key(_))));
    assert!(matches!(pass(None, Some(PSK)).await, Some(Pass::Shared)));
    for (key, psk) in
        [(Some("short"), None), (Some(&*"x".repeat(SECRET_LEN)), None), (None, Some("wrong")), (None, None)]
    {
        assert!(pass(key, psk).await.is_none());
    }
    assert!(pass(Some(&secret()), Some(PSK)).await.is_none());
    let without = context(repos(&key(&[])));
    assert!(serving::recognize(&without, None, Some("")).await.unwrap().is_none());
}

#[tokio::test]
async fn a_daemon_with_a_key_works_where_the_key_says_with_its_tags() {
    let key = key(&[("gpu", "yes"), ("scope", "user")]);
    let ctx = context(repos(&key));
    let pass = || Some(Pass::Key(Box::new(key.clone())));
    let connected = connect(&ctx, None, pass(), OrganizationRef::Default, asks(&[])).await.unwrap();
    let daemon = &connected.daemon;
    assert_eq!((daemon.organization_id, daemon.key_id, daemon.name.as_str()), (OTHER, key.id, "host"));
    assert_eq!((daemon.tags.get("gpu"), daemon.tags.owner()), (Some("yes"), &*UserId::NIL.to_string()));
    assert_eq!((daemon.api_version.as_str(), daemon.provisioners.len()), ("1.7", 1));
    assert!(matches!(&connected.principal.who, Who::Provisioner { organization: OTHER, .. }));
    let named = connect(&ctx, None, pass(), OrganizationRef::Default, asks(&["gpu=no"])).await;
    assert!(matches!(named, Err(Error::Refused(_))));
    let nowhere = OrganizationRef::Id(OrganizationId(Uuid::from_u128(0xC)));
    let lost = connect(&ctx, None, pass(), nowhere, asks(&[])).await;
    assert!(matches!(lost, Err(Error::OrganizationNotFound(_))));
}

#[tokio::test]
async fn the_shared_key_is_for_the_default_organization() {
    let ctx = with_psk(repos(&key(&[])));
    let connected =
        connect(&ctx, None, Some(Pass::Shared), OrganizationRef::Default, asks(&["scope=organization", "empty="]))
            .await
            .unwrap();
    assert_eq!((connected.daemon.organization_id, connected.daemon.key_id), (ORGANIZATION, ReservedKey::Psk.id()));
    assert_eq!(connected.daemon.tags.all().len(), 2);
    let elsewhere = connect(&ctx, None, Some(Pass::Shared), OrganizationRef::Id(OTHER), asks(&[])).await;
    assert!(matches!(elsewhere, Err(Error::Refused(_))));
}

#[tokio::test]
async fn everybody_may_start_a_daemon_of_their_own_and_few_one_for_all() {
    let start = async |by: PrincipalBuilder, tags: &[&str]| {
        connect(&context(repos(&key(&[]))), Some(&by.build()), None, OrganizationRef::Default, asks(tags)).await
    };
    let mine = start(actor(), &["scope=user", "owner=somebody"]).await.unwrap();
    assert_eq!((mine.daemon.tags.owner(), mine.daemon.key_id), (&*ANN.to_string(), ReservedKey::UserAuth.id()));
    let refused = start(actor(), &[]).await;
    assert!(matches!(&refused, Err(Error::Refused(why)) if why.contains("scope tag \"\"")), "{refused:?}");
    let for_all = start(actor().role("template-admin"), &[]).await.unwrap();
    assert_eq!(for_all.daemon.tags.owner(), "");
}

#[tokio::test]
async fn daemons_of_users_take_no_place_of_others_and_who_only_asks_none() {
    let key = key(&[("scope", "user")]);
    let counting = |owner: String, daemons, offline: i64| {
        let mut repos = repos(&key);
        repos.provisioner_daemons.checkpoint();
        repos.provisioner_daemons.expect_upsert().returning(|_, daemon| Ok(daemon.clone()));
        repos.provisioner_daemons.expect_count().withf(move |_, of| of == owner).returning(move |_, _| Ok(daemons));
        let oldest = move |most: i64, seen: Instant| {
            assert_eq!(seen, NOW - OFFLINE_AFTER);
            Ok((daemons - most).min(offline))
        };
        repos.provisioner_daemons.expect_make_room().returning(move |_, _, _, most, seen| oldest(most, seen));
        context(repos)
    };
    let me = actor().build();
    let start = async |ctx: &Context, asked| connect(ctx, Some(&me), None, OrganizationRef::Default, asked).await;
    let own = asks(&["scope=user"]);
    for (daemons, offline, is_room) in [(0, 0, true), (1, 1, true), (9, 9, true), (1, 0, false), (2, 1, false)] {
        let counting = counting(ANN.to_string(), DAEMONS_OF_USER_MAX + daemons, offline);
        match start(&counting, own.clone()).await {
            Ok(_) => assert!(is_room, "{daemons} {offline}"),
            Err(error) => assert!(!is_room && matches!(error, Error::Conflict { .. }), "{error:?}"),
        }
    }
    let nobodys = counting(UserId::NIL.to_string(), DAEMONS_MAX, 0);
    let by_key = connect(&nobodys, None, Some(Pass::Key(Box::new(key.clone()))), OrganizationRef::Default, asks(&[]));
    assert!(by_key.await.is_ok());

    let mut nothing = repos(&key);
    nothing.provisioner_daemons.checkpoint();
    let refused = start(&context(nothing), ServeCommand { only_asks: true, ..own }).await;
    assert!(matches!(refused, Err(Error::Invalid { .. })), "{refused:?}");
}

#[tokio::test]
async fn defects_are_told_in_their_order() {
    let key = key(&[]);
    let ctx = context(repos(&key));
    let session = owner().build();
    let refused = async |session: Option<&Principal>, pass: Option<Pass>, asked| {
        connect(&ctx, session, pass, OrganizationRef::Default, asked).await.unwrap_err()
    };
    let both = refused(Some(&session), Some(Pass::Shared), asks(&[])).await;
    assert!(matches!(both, Error::Invalid { .. }));
    assert!(matches!(refused(None, None, asks(&[])).await, Error::Unauthenticated { .. }));
    let field = async |asked, by: &Principal| {
        let error = refused(Some(by), None, asked).await;
        let Error::Invalid { fields, .. } = error else { panic!("{error:?}") };
        fields[0].field.to_string()
    };
    let bad_tags = ServeCommand { provisioners: Vec::new(), version: "9.9".to_owned(), ..asks(&["x"]) };
    // What the query says is read before rights are looked at.
    assert_eq!(field(bad_tags, &actor().build()).await, "tag");
    for kinds in [vec![], vec!["ansible".to_owned()]] {
        assert_eq!(field(ServeCommand { provisioners: kinds, ..asks(&[]) }, &session).await, "provisioner");
    }
    assert_eq!(field(ServeCommand { name: "x".repeat(129), ..asks(&[]) }, &session).await, "name");
    let late = ServeCommand { version: "2.0".to_owned(), ..asks(&["a=\0"]) };
    assert!(matches!(refused(Some(&actor().build()), None, late.clone()).await, Error::Refused(_)));
    assert_eq!(field(late, &session).await, "tags");
    assert_eq!(field(ServeCommand { version: "2.0".to_owned(), ..asks(&[]) }, &session).await, "version");
    let oldest = ServeCommand { version: String::new(), name: String::new(), ..asks(&[]) };
    let daemon = connect(&ctx, Some(&session), None, OrganizationRef::Default, oldest).await.unwrap().daemon;
    assert_eq!((daemon.api_version.as_str(), daemon.name.len()), ("1.0", 12));
}

#[tokio::test]
async fn a_daemon_stays_while_it_is_known_and_its_user_may_act() {
    let connected =
        connect(&context(repos(&key(&[]))), Some(&owner().build()), None, OrganizationRef::Default, asks(&[]))
            .await
            .unwrap();
    let mine = connect(
        &context(repos(&key(&[]))),
        Some(&actor().build()),
        None,
        OrganizationRef::Default,
        asks(&["scope=user"]),
    )
    .await
    .unwrap();
    let stays = async |connected: &Connected, is_known: bool, user: Option<doorward_domain::users::User>| {
        let mut repos = MockRepositories::default();
        repos.provisioner_daemons.expect_touch().returning(move |_, _, _| Ok(is_known));
        repos.users.expect_find().returning(move |_| Ok(user.clone()));
        serving::seen(&context(repos), connected).await.unwrap()
    };
    assert!(stays(&mine, true, Some(ann())).await && !stays(&mine, false, Some(ann())).await);
    assert!(!stays(&connected, true, None).await);
}

fn daemon(name: &str, seen: Duration, tags: &[(&str, &str)]) -> ProvisionerDaemon {
    let tags: BTreeMap<_, _> = tags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    ProvisionerDaemon {
        id: Uuid::from_u128(5).into(),
        organization_id: ORGANIZATION,
        key_id: key(&[]).id,
        name: name.to_owned(),
        created_at: NOW,
        last_seen_at: NOW - seen,
        version: String::new(),
        api_version: "1.7".to_owned(),
        provisioners: BTreeSet::new(),
        tags: Tags::from_storage(tags),
    }
}

#[tokio::test]
async fn lists_of_daemons_are_narrowed() {
    let ask = async |query: DaemonQuery| {
        let mut repos = MockRepositories::default();
        repos.organizations.expect_find_default().returning(|| Ok(Some(organization())));
        repos.provisioner_keys.expect_list().returning(|_| Ok(vec![key(&[])]));
        repos.provisioner_daemons.expect_list().returning(|_, filter| {
            let all = [daemon("new", Duration::ZERO, &[("gpu", "yes")]), daemon("old", Duration::HOUR, &[])];
            Ok(all
                .into_iter()
                .filter(|daemon| filter.seen_since.is_none_or(|since| daemon.last_seen_at >= since))
                .collect())
        });
        repos.provisioner_jobs.expect_current_of().returning(|_| Ok(Vec::new()));
        repos.provisioner_jobs.expect_previous_of().returning(|_| Ok(Vec::new()));
        let found = daemons::list(&context(repos), &owner().build(), &OrganizationRef::Default, query).await.unwrap();
        assert!(found.iter().all(|listed| listed.key_name == "rack"));
        found.into_iter().map(|listed| (listed.daemon.name, listed.status)).collect::<Vec<_>>()
    };
    let (new, old) = (("new".to_owned(), DaemonStatus::Idle), ("old".to_owned(), DaemonStatus::Offline));
    let both = vec![new.clone(), old.clone()];
    assert_eq!(ask(DaemonQuery::default()).await, both);
    assert_eq!(ask(DaemonQuery { limit: Some(1), ..DaemonQuery::default() }).await, vec![new.clone()]);
    assert_eq!(ask(DaemonQuery { offline: Some(false), ..DaemonQuery::default() }).await, vec![new.clone()]);
    assert_eq!(ask(DaemonQuery { offline: Some(true), ..DaemonQuery::default() }).await, both);
    let statuses = Some(BTreeSet::from([DaemonStatus::Offline]));
    assert_eq!(ask(DaemonQuery { statuses, ..DaemonQuery::default() }).await, vec![old]);
    let max_age = Some(Duration::HOUR * 2);
    assert_eq!(ask(DaemonQuery { max_age, ..DaemonQuery::default() }).await, vec![new.clone()]);
    assert_eq!(ask(DaemonQuery { max_age, offline: Some(true), ..DaemonQuery::default() }).await, both);
    let tags = Some(Tags::from_storage(BTreeMap::from([("gpu".to_owned(), "yes".to_owned())])));
    assert_eq!(ask(DaemonQuery { tags, ..DaemonQuery::default() }).await, vec![new]);
}

#[tokio::test]
async fn members_do_not_list_daemons() {
    let mut repos = MockRepositories::default();
    repos.organizations.expect_find_default().returning(|| Ok(Some(organization())));
    let refused =
        daemons::list(&context(repos), &as_user(bob()).build(), &OrganizationRef::Default, DaemonQuery::default())
            .await;
    assert!(matches!(refused, Err(Error::NotFound)), "{BOB}");
}

#[tokio::test]
async fn a_key_that_is_none_is_told_from_one_that_is_not_known() {
    let ctx = context(repos(&key(&[])));
    assert_eq!(keys::find(&ctx, &secret()).await.unwrap().name, "rack");
    assert!(matches!(keys::find(&ctx, "short").await, Err(Error::Invalid { .. })));
    assert!(matches!(keys::find(&ctx, &"x".repeat(SECRET_LEN)).await, Err(Error::Unauthenticated { .. })));
}

#[tokio::test]
async fn who_may_not_make_keys_is_told_that_whatever_they_are_called() {
    let ask = async |by: PrincipalBuilder, name: &str| {
        let by = by.build();
        let mut repos = repos_of(&by, &[]);
        repos.organizations.expect_find_default().returning(|| Ok(Some(organization())));
        let command = CreateKey { name: name.to_owned(), tags: BTreeMap::new() };
        keys::create(&context(repos), &by, &OrganizationRef::Default, command).await
    };
    assert!(matches!(ask(actor(), "").await, Err(Error::Forbidden(_))));
    let refused = ask(owner(), "PSK").await;
    assert!(matches!(refused, Err(Error::Invalid { fields, .. }) if fields[0].field == "name"));
}
