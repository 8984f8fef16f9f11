use crate::support::*;
use doorward_domain::ids::{ReplicaId, WorkspaceProxyId};
use doorward_domain::replicas::{Heartbeat, Replica};
use doorward_ports::Repositories;
use time::Duration;

/// What a server of the deployment says of itself.
pub(crate) fn heartbeat(id: ReplicaId) -> Heartbeat {
    Heartbeat {
        id,
        proxy_id: None,
        hostname: "door-1".to_owned(),
        region_id: 999,
        relay_address: "http://10.0.0.1:3000".to_owned(),
        version: "v1".to_owned(),
        error: "nothing works".to_owned(),
        database_latency: Duration::microseconds(1234),
    }
}

fn live(repos: &mut dyn Repositories) -> Vec<Replica> {
    repos.replicas().list_live(Duration::seconds(15)).unwrap()
}

/// Has a replica been silent for so many seconds.
fn silence(db: &Fixture, id: ReplicaId, seconds: u32) {
    let ago = if db.is_postgres() {
        format!("updated_at - interval '{seconds} seconds'")
    } else {
        format!("updated_at - {seconds}000000")
    };
    db.execute(&format!("UPDATE replicas SET updated_at = {ago} WHERE id = {}", db.uuid(id.0)));
}

contract! {
    async fn a_replica_lives_while_it_is_heard_of_and_has_not_ended(db) {
        let (one, two): (ReplicaId, ReplicaId) = (id(), id());
        let first = db
            .write(move |repos| {
                assert!(repos.replicas().beat(&permit(), &heartbeat(one))?);
                let first = repos.replicas().find(one)?.unwrap();
                assert_eq!((first.error.as_str(), first.stopped_at, first.database_latency), ("", None, Duration::microseconds(1234)));
                assert_eq!(live(repos), vec![first.clone()]);
                Ok(first)
            })
            .await;
        let moved = Heartbeat { hostname: "door-2".to_owned(), region_id: 7, ..heartbeat(one) };
        db.write(move |repos| {
            assert!(repos.replicas().beat(&permit(), &moved)?);
            assert!(repos.replicas().beat(&permit(), &heartbeat(two))?);
            let again = repos.replicas().find(one)?.unwrap();
            assert!(again.updated_at >= first.updated_at);
            let expected = Replica { updated_at: again.updated_at, hostname: moved.hostname, region_id: 7, error: moved.error, ..first };
            assert_eq!(again, expected, "what it said last, and when it began");
            let ids: Vec<_> = live(repos).iter().map(|replica| replica.id).collect();
            assert_eq!(ids, [one, two]);
            Ok(())
        })
        .await;

        silence(&db, one, 16);
        assert_eq!(db.read(|repos| Ok(live(repos).len())).await, 1, "it was not heard of for too long");
        assert!(db.write(move |repos| repos.replicas().beat(&permit(), &heartbeat(one))).await, "it was alive all the same");
        assert_eq!(db.read(|repos| Ok(live(repos).len())).await, 2);

        db.write(move |repos| {
            assert!(repos.replicas().stop(&permit(), None, one)?);
            assert!(!repos.replicas().stop(&permit(), None, one)?, "it has ended");
            assert!(!repos.replicas().beat(&permit(), &heartbeat(one))?, "and does not come back");
            assert!(repos.replicas().find(one)?.unwrap().stopped_at.is_some());
            assert_eq!(live(repos).len(), 1);
            assert!(!repos.replicas().stop(&permit(), None, id())?);
            assert_eq!(repos.replicas().find(id())?, None);
            Ok(())
        })
        .await;
    }

    async fn a_replica_of_a_proxy_is_changed_for_that_proxy_only(db) {
        let (proxy, other): (WorkspaceProxyId, WorkspaceProxyId) = (id(), id());
        let (own, replica): (ReplicaId, ReplicaId) = (id(), id());
        let of = move |proxy_id, id| Heartbeat { proxy_id, ..heartbeat(id) };
        db.write(move |repos| {
            assert!(repos.replicas().beat(&permit(), &of(Some(proxy), replica))?);
            assert!(repos.replicas().beat(&permit(), &of(None, own))?);
            for (wrong, id) in [(Some(other), replica), (None, replica), (Some(proxy), own)] {
                assert!(!repos.replicas().beat(&permit(), &of(wrong, id))?);
                assert!(!repos.replicas().stop(&permit(), wrong, id)?);
            }
            assert_eq!(live(repos).len(), 2);
            assert!(repos.replicas().stop(&permit(), Some(proxy), replica)?);
            Ok(())
        })
        .await;
    }

    async fn who_is_gone_for_long_is_removed(db) {
        let (gone, quiet): (ReplicaId, ReplicaId) = (id(), id());
        let heard_at = db
            .write(move |repos| {
                repos.replicas().beat(&permit(), &heartbeat(gone))?;
                repos.replicas().beat(&permit(), &heartbeat(quiet))?;
                Ok(repos.replicas().find(quiet)?.unwrap().updated_at)
            })
            .await;
        silence(&db, gone, 60);
        let purge = move |repos: &mut dyn Repositories| {
            repos.maintenance().purge(&permit(), heard_at + Duration::minutes(30) - Duration::SECOND, 100)
        };
        assert_eq!(db.write(purge).await.of("replicas"), 1);
        assert_eq!(db.read(move |repos| repos.replicas().find(gone)).await, None);
        assert!(db.read(move |repos| repos.replicas().find(quiet)).await.is_some());
    }
}
