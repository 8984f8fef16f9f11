use crate::server::{build, import, with_daemon};
use doorward_provisioner::RunError;
use doorward_wire::messages::provisioner::WorkspaceTransition;
use std::time::Duration;
use tokio::time::sleep;

const SLOW: &str = "[start.apply]\nlog = [\"begun\"]\ndelay = \"30s\"\n[[resource]]\nname = \"a\"\ntype = \"b\"";

#[test]
fn a_job_outlives_its_connection() {
    with_daemon(
        |_| {},
        async |server, _| {
            server.post(build(SLOW, WorkspaceTransition::Start, &[], Vec::new()));
            server.until(|known| known.updates.len() > 2).await;
            server.cut();
            server.until(|known| known.connections == 2).await;
            server.cut();
            server.until(|known| !known.completed.is_empty()).await;
            let known = server.known.borrow();
            assert_eq!((known.completed.len(), known.failed.len(), known.connections), (1, 0, 3));
            let line = known.updates.iter().flat_map(|(_, update)| &update.logs).filter(|log| log.output == "begun");
            assert_eq!(line.count(), 1);
        },
    );
}

#[test]
fn a_lost_connection_is_opened_again_and_a_daemon_that_waits_asks_again() {
    with_daemon(
        |_| {},
        async |server, _| {
            for times in 1..5 {
                server.until(|known| known.asked == times).await;
                server.cut();
            }
            server.until(|known| known.asked == 5).await;
            server.post(import("", &[]));
            server.until(|known| !known.completed.is_empty()).await;
        },
    );
}

#[test]
fn who_is_refused_for_good_ends_and_who_is_not_tries_again() {
    with_daemon(
        |known| known.status = Some(403),
        async |server, running| {
            let ended = running.await.unwrap();
            assert_eq!(ended, Err(RunError::Refused("the server answers 403: So it is.".to_owned())));
            assert_eq!(server.known.borrow().connections, 1);
        },
    );
    with_daemon(
        |known| known.status = Some(401),
        async |server, _| {
            server.until(|known| known.connections == 5).await;
            server.known.borrow_mut().status = None;
            server.until(|known| known.asked == 1).await;
        },
    );
}

#[test]
fn a_key_that_is_not_known_ends_the_daemon_before_it_connects() {
    with_daemon(
        |known| known.key_status = 401,
        async |server, running| {
            let ended = running.await.unwrap();
            assert_eq!(ended, Err(RunError::Key("the server answers 401: So it is.".to_owned())));
            assert_eq!(server.known.borrow().connections, 0);
        },
    );
    with_daemon(
        |known| known.key_status = 503,
        async |server, running| {
            sleep(Duration::from_mins(5)).await;
            assert!(!running.is_finished(), "a server that starts is waited for");
            assert_eq!(server.known.borrow().connections, 0);
            server.stops.stop();
            running.await.unwrap().unwrap();
        },
    );
}

#[test]
fn a_key_that_is_deleted_ends_the_daemon_and_no_other_trouble_does() {
    with_daemon(
        |_| {},
        async |server, running| {
            server.until(|known| known.asked == 1).await;
            // A proxy before the server may say so for a while.
            server.known.borrow_mut().status = Some(401);
            server.cut();
            server.until(|known| known.connections == 4).await;
            *server.key_status.lock().unwrap() = 401;
            let ended = running.await.unwrap();
            assert!(matches!(&ended, Err(RunError::Refused(why)) if why.contains("401")), "{ended:?}");
        },
    );
}

#[test]
fn told_to_stop_a_daemon_that_waits_says_that_it_wants_nothing_and_leaves() {
    with_daemon(
        |_| {},
        async |server, running| {
            server.until(|known| known.asked == 1).await;
            server.stops.stop();
            running.await.unwrap().unwrap();
            assert_eq!(server.known.borrow().given_up, 1);
        },
    );
}

#[test]
fn a_job_that_comes_in_the_moment_of_stopping_is_carried_out() {
    with_daemon(
        |known| known.late = Some(import("", &[])),
        async |server, running| {
            server.until(|known| known.asked == 1).await;
            server.stops.stop();
            running.await.unwrap().unwrap();
            let known = server.known.borrow();
            assert_eq!((known.given_up, known.completed.len(), known.asked), (1, 1, 1));
        },
    );
}

#[test]
fn told_to_stop_a_daemon_finishes_its_job_and_told_again_gives_it_up() {
    for times in [1, 2] {
        with_daemon(
            |_| {},
            async |server, running| {
                server.post(build(SLOW, WorkspaceTransition::Start, &[], Vec::new()));
                server.post(import("", &[]));
                server.until(|known| known.updates.len() > 1).await;
                let begun = tokio::time::Instant::now();
                for _ in 0..times {
                    server.stops.stop();
                    sleep(Duration::from_millis(10)).await;
                }
                running.await.unwrap().unwrap();
                let known = server.known.borrow();
                assert_eq!(known.completed.len(), usize::from(times == 1));
                assert_eq!(known.jobs.len(), 1, "no other job is taken");
                if times == 2 {
                    assert_eq!(known.failed[0].error, "the provisioner daemon was stopped");
                    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
                }
            },
        );
    }
}

#[test]
fn a_daemon_that_cannot_reach_its_server_stops_when_told() {
    with_daemon(
        |known| known.status = Some(500),
        async |server, running| {
            server.until(|known| known.connections == 3).await;
            server.stops.stop();
            running.await.unwrap().unwrap();
        },
    );
}
