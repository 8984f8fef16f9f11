//! Whole sessions whose bytes are damaged: each ends, and nothing panics. `DOORWARD_FUZZ_CASES` says how many are tried.

use crate::corpus::{calls, session};
use bytes::Bytes;
use doorward_wire::messages::provisionerd::{
    AcquiredJob, CommitQuotaRequest, CompletedJob, FailedJob, JobReference, UpdateJobRequest, UploadFileRequest,
};
use doorward_wire::messages::read;
use doorward_wire::{Call, End, Ended, Limits, Outgoing, Service, Status, TransportError, serve};
use futures_util::StreamExt as _;
use futures_util::stream::{iter, pending};
use proptest::prelude::*;
use std::cell::RefCell;
use std::time::Duration;
use tokio::time::timeout;

/// Reads all that is said, as a server does, and remembers which calls came through whole.
#[derive(Default)]
struct Reads(RefCell<Vec<String>>);

impl Service for Reads {
    async fn call(&self, path: &str, call: &mut Call<'_>) -> Result<End, Status> {
        let method = path.rsplit('/').next().unwrap_or_default();
        let broken = |error: String| Status::error(error);
        loop {
            let Some(message) = call.next().await else { break };
            let _job = read::<JobReference>(&message).map_err(broken)?;
            match method {
                "UpdateJob" => drop(read::<UpdateJobRequest>(&message).map_err(broken)?),
                "CommitQuota" => drop(read::<CommitQuotaRequest>(&message).map_err(broken)?),
                "FailJob" => drop(read::<FailedJob>(&message).map_err(broken)?),
                "CompleteJob" => drop(read::<CompletedJob>(&message).map_err(broken)?),
                "UploadFile" => drop(read::<UploadFileRequest>(&message).map_err(broken)?),
                "AcquireJob" | "AcquireJobWithCancel" => {}
                _ => return Err(Status::error("no such call")),
            }
            call.send(&message).await?;
        }
        self.0.borrow_mut().push(method.to_owned());
        Ok(End::Sent)
    }
}

struct Nowhere;

impl Outgoing for Nowhere {
    async fn send(&mut self, _bytes: Bytes) -> Result<(), TransportError> {
        Ok(())
    }
}

/// What becomes of a session with these bytes, cut like this; and which calls came through.
fn run(bytes: &[u8], cut: usize) -> (Ended, Vec<String>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let reads = Reads::default();
        let pieces: Vec<_> = bytes.chunks(cut).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        // Then silence.
        let incoming = iter(pieces).chain(pending());
        let mut nowhere = Nowhere;
        let ended = serve(incoming, &mut nowhere, &reads, Limits::default(), std::future::pending());
        let ended = timeout(Duration::from_mins(10), ended).await.unwrap();
        (ended, reads.0.into_inner())
    })
}

#[test]
fn the_corpus_comes_through_whole() {
    let calls = calls();
    for cut in [1, 7, 1 << 20] {
        let (ended, mut through) = run(&session(&calls), cut);
        // Nobody answered the question whether somebody is there.
        assert_eq!(ended, Ended::Failed(doorward_wire::Fault::Silent));
        let mut wanted: Vec<_> = calls.iter().map(|(method, _)| (*method).to_owned()).collect();
        wanted.sort();
        through.sort();
        assert_eq!(through, wanted);
    }
}

fn cases() -> ProptestConfig {
    let cases = std::env::var("DOORWARD_FUZZ_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(300);
    ProptestConfig { cases, ..ProptestConfig::default() }
}

/// A way to damage bytes: where, how many are taken away, and what comes in their place.
type Damage = (usize, usize, Vec<u8>);

fn damaged(mut bytes: Vec<u8>, damage: &[Damage]) -> Vec<u8> {
    for (place, gone, new) in damage {
        let start = place % (bytes.len() + 1);
        let end = (start + gone).min(bytes.len());
        bytes.splice(start..end, new.iter().copied());
    }
    bytes
}

fn damage() -> impl Strategy<Value = Vec<Damage>> {
    let new = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..6),
        // Numbers that are the first too large ones.
        Just(vec![0xff; 10]),
        Just(vec![0xff, 0xff, 0xff, 0x7f]),
        Just(vec![0, 0, 0, 0]),
    ];
    proptest::collection::vec((any::<usize>(), 0..9_usize, new), 1..6)
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn damaged_sessions_end(which in proptest::collection::vec(0..11_usize, 1..5), damage in damage(), cut in 1..300_usize) {
        let all = calls();
        let chosen: Vec<_> = which.iter().map(|n| all[*n].clone()).collect();
        let (_ended, through) = run(&damaged(session(&chosen), &damage), cut);
        prop_assert!(through.len() <= 16);
    }

    #[test]
    fn damaged_messages_in_whole_frames_end_their_calls_only(which in 0..11_usize, damage in damage()) {
        let mut all = calls();
        let (method, messages) = &mut all[which];
        for message in messages.iter_mut() {
            *message = damaged(std::mem::take(message), &damage);
        }
        let method = *method;
        let (ended, through) = run(&session(&all), 100);
        prop_assert_eq!(ended, Ended::Failed(doorward_wire::Fault::Silent));
        let others = all.iter().filter(|(other, _)| *other != method).count();
        prop_assert!(through.iter().filter(|other| other.as_str() != method).count() == others, "{:?}", through);
    }

    #[test]
    fn damaged_messages_are_read_or_refused(which in 0..11_usize, damage in damage()) {
        for message in &calls()[which].1 {
            let bytes = damaged(message.clone(), &damage);
            let _ = read::<AcquiredJob>(&bytes);
            let _ = read::<UpdateJobRequest>(&bytes);
            let _ = read::<CompletedJob>(&bytes);
            let _ = read::<FailedJob>(&bytes);
            let _ = read::<CommitQuotaRequest>(&bytes);
            let _ = read::<UploadFileRequest>(&bytes);
            let _ = read::<JobReference>(&bytes);
        }
    }
}
