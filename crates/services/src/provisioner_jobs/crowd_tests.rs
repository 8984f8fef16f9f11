use super::acquire;
use super::events::told_of_post;
use crate::Principal;
use crate::principal::Who;
use crate::users::testing::*;
use doorward_domain::ids::OrganizationId;
use doorward_domain::provisioners::ProvisionerType;
use doorward_ports::mocks::MockRepositories;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use uuid::Uuid;

const CROWD: u128 = 10_000;

fn daemon(number: u128) -> Principal {
    let tags = [("scope", "organization"), ("owner", "")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let tags = Arc::new(BTreeMap::from(tags));
    let who = Who::Provisioner { id: Uuid::from_u128(number), organization: ORGANIZATION, tags };
    Principal::fixed(who, "Provisioner Daemon", origin()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_who_wait_ask_as_seldom_as_one_and_a_new_job_wakes_one() {
    let asked = Arc::new(AtomicUsize::new(0));
    let mut repos = MockRepositories::default();
    let counted = Arc::clone(&asked);
    repos.provisioner_jobs.expect_claim().returning(move |_, _, _| {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok(None)
    });
    let (context, stop) = (context(repos), watch::Sender::new(false));
    let kinds = BTreeSet::from([ProvisionerType::Echo]);
    let mut crowd = JoinSet::new();
    for number in 0..CROWD {
        let (context, kinds, mut stopped) = (context.clone(), kinds.clone(), stop.subscribe());
        crowd.spawn(async move {
            let gives_up = async {
                let _stopped = stopped.wait_for(|is_stopped| *is_stopped).await;
            };
            acquire(&context, &daemon(number), &kinds, gives_up).await.unwrap().is_none()
        });
    }
    // One looks every half minute, for a wake-up may be lost.
    sleep(Duration::from_secs(299)).await;
    assert_eq!(asked.load(Ordering::Relaxed), 10);
    told_of_post(&context.bus, OrganizationId(Uuid::from_u128(99)));
    sleep(Duration::from_millis(10)).await;
    assert_eq!(asked.load(Ordering::Relaxed), 10, "the job of another organization wakes nobody");
    told_of_post(&context.bus, ORGANIZATION);
    sleep(Duration::from_millis(10)).await;
    assert_eq!(asked.load(Ordering::Relaxed), 11, "a job wakes one");
    stop.send_replace(true);
    assert!(crowd.join_all().await.into_iter().all(|is_none| is_none));
    assert_eq!(asked.load(Ordering::Relaxed), 11, "whoever gives up does not look once more");
}
