use super::*;
use crate::identity_providers::Upstreams;
use crate::users::testing::{NOW, ORGANIZATION, actor, context, owner};
use doorward_domain::ids::{ProvisionerDaemonId, ProvisionerKeyId};
use doorward_domain::provisioners::{ProvisionerDaemon, ProvisionerType, Tags};
use doorward_domain::{Instant, Secret};
use doorward_ports::fetch::{Answer, ChosenBy, FailureClass, FetchError};
use doorward_ports::jobs::JobState;
use doorward_ports::mocks::{MockFetch, MockRepositories};
use doorward_ports::workspaces::LastBuilds;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use time::Duration;
use uuid::Uuid;

#[tokio::test]
async fn workspaces_are_counted_by_what_their_last_build_did() {
    let mut repos = MockRepositories::default();
    repos.workspaces.expect_count_by_last_build().returning(|| {
        let counted = [
            (Some((Transition::Start, Outcome::Succeeded)), 5),
            (Some((Transition::Start, Outcome::Failed)), 1),
            (Some((Transition::Stop, Outcome::Succeeded)), 2),
            (Some((Transition::Stop, Outcome::Failed)), 1),
            (Some((Transition::Delete, Outcome::Pending)), 7),
            (Some((Transition::Start, Outcome::Canceled)), 1),
            (None, 3),
        ];
        Ok(counted.map(|(build, workspaces)| LastBuilds { build, workspaces }).to_vec())
    });
    let stats = stats(&context(repos), &owner().build()).await.unwrap();
    assert_eq!(stats, Stats { collected_at: NOW, running: 5, stopped: 6, failed: 2, pending: 7 });
    let refused = super::stats(&context(MockRepositories::default()), &actor().build()).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    may_read_config(&owner().build()).unwrap();
    may_read_config(&actor().role("auditor").build()).unwrap();
    assert!(matches!(may_read_config(&actor().build()), Err(Error::Forbidden(_))));
}

fn job(last_error: Option<&str>) -> JobState {
    JobState {
        claimable_in: Duration::ZERO,
        unclaimed_for: Duration::ZERO,
        holder: None,
        last_started_at: None,
        last_finished_at: None,
        last_error: last_error.map(str::to_owned),
        runs: 1,
    }
}

fn daemon(name: &str, last_seen_at: Instant) -> ProvisionerDaemon {
    ProvisionerDaemon {
        id: ProvisionerDaemonId(Uuid::from_u128(1)),
        organization_id: ORGANIZATION,
        key_id: ProvisionerKeyId(Uuid::from_u128(2)),
        name: name.to_owned(),
        created_at: NOW - Duration::DAY,
        last_seen_at,
        version: "v2.24.4".to_owned(),
        api_version: "1.7".to_owned(),
        provisioners: BTreeSet::from([ProvisionerType::Terraform]),
        tags: Tags::from_storage(BTreeMap::new()),
    }
}

fn server(answer: Result<u16, FailureClass>, last_error: Option<&'static str>) -> Context {
    let mut repos = MockRepositories::default();
    repos.maintenance.expect_ping().returning(|| Ok(()));
    repos.runtime_settings.expect_find().returning(|_, _| Ok(None));
    repos.workspace_proxies.expect_list().returning(|| Ok(Vec::new()));
    repos.replicas.expect_list_live().returning(|_| Ok(Vec::new()));
    repos.provisioner_daemons.expect_list_seen().returning(|since, limit| {
        let daemons = [daemon("host", NOW - Duration::seconds(80)), daemon("gone", NOW - Duration::DAY)];
        let seen = daemons.into_iter().filter(|daemon| daemon.last_seen_at >= since);
        Ok(seen.take(usize::try_from(limit).unwrap()).collect())
    });
    repos.keys.expect_list().returning(|| Ok(Vec::new()));
    repos.jobs.expect_list().returning(move || Ok(vec![("cleanup".to_owned(), job(last_error))]));
    let mut fetch = MockFetch::new();
    fetch
        .expect_fetch()
        .withf(|request| request.url == "https://door.example/healthz" && request.chosen_by == ChosenBy::Peer)
        .returning(move |_| match answer {
            Ok(status) => Ok(Answer { status, headers: Vec::new(), body: Secret::new(b"OK".to_vec()) }),
            Err(class) => Err(FetchError::new(class, "refused")),
        });
    Context { upstreams: Upstreams::new(Arc::new(fetch)), ..context(repos) }
}

fn codes(check: &Check) -> Vec<&'static str> {
    check.findings.iter().map(|finding| finding.code).collect()
}

#[tokio::test]
async fn health_is_the_worst_of_what_is_found() {
    let owner = owner().build();
    // Keys that are not stored cannot be told about.
    let unstored = ["keys_unreadable"];
    let well = health(&server(Ok(200), None), &owner).await.unwrap();
    assert_eq!((well.access_url.status, well.access_url.answer.as_str()), (200, "OK"));
    assert!(well.database.is_reachable && well.workspace_proxies.proxies.len() == 1);
    assert_eq!((codes(&well.server), well.workspace_proxies.check.severity), (unstored.to_vec(), Severity::Ok));

    let names: Vec<_> = well.provisioner_daemons.daemons.iter().map(|daemon| daemon.name.as_str()).collect();
    assert_eq!((names, well.provisioner_daemons.check.severity), (vec!["host"], Severity::Ok));
    assert_eq!(well.websocket.severity, Severity::Ok);

    let odd = health(&server(Ok(502), None), &owner).await.unwrap();
    assert_eq!((codes(&odd.access_url.check), odd.access_url.check.severity), (vec!["EACS04"], Severity::Warning));
    let away = health(&server(Err(FailureClass::Connection), Some("no room")), &owner).await.unwrap();
    assert_eq!((codes(&away.access_url.check), away.access_url.is_reachable), (vec!["EACS03"], false));
    assert!(codes(&away.server).contains(&"job_failed"));
    assert_eq!(codes(&away.websocket), ["EWS01"]);
    assert_eq!(away.severity(), Severity::Error);
    let hidden = health(&server(Ok(200), None), &actor().build()).await;
    assert!(matches!(hidden, Err(Error::NotFound)), "{hidden:?}");
}

#[tokio::test]
async fn daemons_that_went_are_missed_and_those_that_never_were_are_not() {
    for (remembered, found) in [(vec![daemon("gone", NOW - Duration::DAY)], vec!["EPD01"]), (Vec::new(), Vec::new())] {
        let mut repos = MockRepositories::default();
        repos.provisioner_daemons.expect_list_seen().returning(move |since, _| {
            Ok(remembered.iter().filter(|daemon| daemon.last_seen_at >= since).cloned().collect())
        });
        let check = health::daemons(&context(repos)).await;
        assert_eq!((codes(&check.check), check.daemons.len()), (found, 0));
    }
}
