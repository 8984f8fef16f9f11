use super::*;
use crate::ServerIdentity;
use crate::identity_providers::Upstreams;
use crate::users::testing::{actor, context, owner};
use doorward_domain::ids::{ReplicaId, WorkspaceProxyId};
use doorward_domain::replicas::Heartbeat;
use doorward_domain::settings::Section as _;
use doorward_domain::{Instant, Secret};
use doorward_ports::fetch::{Answer, ChosenBy, FailureClass, FetchError};
use doorward_ports::mocks::{MockFetch, MockRepositories};
use doorward_testkit::settings::defaults;
use std::sync::{Arc, Mutex};
use time::Duration;
use tokio::sync::Notify;
use uuid::Uuid;

const OWN: ReplicaId = ReplicaId(Uuid::from_u128(1));

fn replica(id: u128, relay_address: &str) -> Replica {
    let at = Instant::UNIX_EPOCH;
    Replica {
        id: ReplicaId(Uuid::from_u128(id)),
        proxy_id: None,
        created_at: at,
        started_at: at,
        stopped_at: None,
        updated_at: at,
        hostname: format!("door-{id}"),
        region_id: 999,
        relay_address: relay_address.to_owned(),
        version: "v1".to_owned(),
        error: String::new(),
        database_latency: Duration::ZERO,
    }
}

/// This server, beside these others.
fn server(mut repos: MockRepositories, live: Vec<Replica>) -> Context {
    repos.replicas.expect_list_live().withf(|within| *within == FRESH).returning(move |_| Ok(live.clone()));
    repos.maintenance.expect_ping().returning(|| Ok(()));
    let identity = ServerIdentity { replica_id: OWN, hostname: "door-1".to_owned(), ..ServerIdentity::default() };
    Context { server: Arc::new(identity), ..context(repos) }
}

#[tokio::test]
async fn the_list_has_peers_with_an_address_and_this_server_last() {
    let of_proxy = Replica { proxy_id: Some(WorkspaceProxyId::NIL), ..replica(4, "http://c:1") };
    let live = vec![replica(1, ""), replica(2, "http://b:1"), replica(3, ""), of_proxy];
    let listed = list(&server(MockRepositories::default(), live.clone()), &owner().build()).await.unwrap();
    assert_eq!(listed.iter().map(|replica| replica.id.0.as_u128()).collect::<Vec<_>>(), [2, 1]);
    let hidden = list(&server(MockRepositories::default(), live), &actor().build()).await;
    assert!(matches!(hidden, Err(Error::NotFound)), "{hidden:?}");
}

/// What the server said last, as soon as it has said something, and the end of it.
async fn said(live: Vec<Replica>, fetch: MockFetch) -> Heartbeat {
    let (beats, heard) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Notify::new()));
    let (seen, tell) = (Arc::clone(&beats), Arc::clone(&heard));
    let mut repos = MockRepositories::default();
    repos.replicas.expect_beat().returning(move |_, beat| {
        seen.lock().unwrap().push(beat.clone());
        tell.notify_one();
        Ok(true)
    });
    repos
        .replicas
        .expect_stop()
        .times(1)
        .withf(|_, proxy, id| (*proxy, *id) == (None, OWN))
        .returning(|_, _, _| Ok(true));
    let ctx = Context { upstreams: Upstreams::new(Arc::new(fetch)), ..server(repos, live) };
    let mut told = ctx.bus.subscribe(TOPIC);
    let presence = Presence::start(&ctx);
    heard.notified().await;
    assert_eq!(told.next().await, doorward_ports::bus::Heard::Event(OWN.to_string()));
    presence.stop().await;
    assert_eq!(told.next().await, doorward_ports::bus::Heard::Event(OWN.to_string()), "that it has ended");
    let last = beats.lock().unwrap().last().cloned();
    last.unwrap()
}

fn answers(status: u16) -> MockFetch {
    let mut fetch = MockFetch::new();
    fetch
        .expect_fetch()
        .times(1)
        .withf(|request| request.url == "http://b:1/derp/latency-check" && request.chosen_by == ChosenBy::Peer)
        .returning(move |_| Ok(Answer { status, headers: Vec::new(), body: Secret::new(Vec::new()) }));
    fetch
}

#[tokio::test]
async fn a_server_says_that_it_lives_and_whom_it_does_not_reach() {
    let far = Replica { region_id: 7, ..replica(3, "http://far:1") };
    let live = vec![replica(1, "http://a:1"), replica(2, "http://b:1"), far];
    let beat = said(live.clone(), answers(200)).await;
    assert_eq!((beat.id, beat.hostname.as_str(), beat.region_id, beat.error.as_str()), (OWN, "door-1", 999, ""));
    assert_eq!(
        said(live.clone(), answers(404)).await.error,
        "Failed to dial peers: door-2 at http://b:1: it answers 404"
    );
    let mut silent = MockFetch::new();
    silent.expect_fetch().returning(|_| Err(FetchError::new(FailureClass::Connection, "refused")));
    assert_eq!(said(live, silent).await.error, "Failed to dial peers: door-2 at http://b:1: refused");
}

#[test]
fn an_address_is_of_host_and_port_alone() {
    let usual: ReplicaSettings = defaults(ReplicaSettings::NAME);
    assert!(usual.defects().is_empty() && usual.relay_address().is_empty());
    let at = |url: &str| ReplicaSettings { relay_url: Some(url.parse().unwrap()), ..usual.clone() };
    assert_eq!(at("http://10.0.0.5:3000").relay_address(), "http://10.0.0.5:3000");
    assert!(at("https://[fd00::5]:8443/").defects().is_empty());
    for url in ["ftp://a", "http://a/b", "http://a/?b", "http://u@a", "http://a/#b"] {
        assert_eq!(at(url).defects().len(), 1, "{url}");
    }
    assert_eq!(ReplicaSettings { region_id: 0, ..usual }.defects().len(), 1);
}
