use super::{CallError, Client, connect};
use crate::drpc::call::{Call, End, Service};
use crate::drpc::frame::{Id, Kind as DrpcKind, encode};
use crate::drpc::status::Status;
use crate::fault::{Fault, TransportError};
use crate::limits::Limits;
use crate::serve::serve;
use crate::session::{Ended, Outgoing};
use crate::yamux::frame::{Flags, HEADER, Header, Kind};
use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::stream::unfold;
use futures_util::{FutureExt as _, Stream};
use proptest::prelude::*;
use std::future::pending;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Says what it was sent, in several ways.
struct Test;

impl Service for Test {
    async fn call(&self, path: &str, call: &mut Call<'_>) -> Result<End, Status> {
        match path {
            "/echo" => {
                let message = call.expect().await?;
                call.send(&message).await?;
                Ok(End::Sent)
            }
            "/wait" => {
                if call.next_unless_stopping().await.is_ok() {
                    call.send(&[]).await?;
                }
                Ok(End::Closed)
            }
            "/twice" => {
                while let Some(message) = call.next().await {
                    call.send(&message).await?;
                    call.send(&message).await?;
                }
                Ok(End::Sent)
            }
            "/nothing" => Ok(End::Closed),
            _ => Err(Status { code: 7, text: format!("no call {path}") }),
        }
    }
}

struct Out(mpsc::Sender<Bytes>);

impl Outgoing for Out {
    async fn send(&mut self, bytes: Bytes) -> Result<(), TransportError> {
        self.0.send(bytes).await.map_err(|error| TransportError(error.to_string()))
    }
}

fn incoming(receiver: mpsc::Receiver<Bytes>) -> impl Stream<Item = Result<Bytes, TransportError>> {
    unfold(receiver, async |mut receiver| Some((Ok(receiver.recv().await?), receiver)))
}

/// A daemon and a server that are connected; how their sessions ended, the daemon's first.
async fn together<F: AsyncFnOnce(Client, oneshot::Sender<()>)>(act: F) -> (Ended, Ended) {
    let ((to_server, at_server), (to_daemon, at_daemon)) = (mpsc::channel(4), mpsc::channel(4));
    let (stop, stopped) = oneshot::channel();
    let (leave, left) = oneshot::channel::<()>();
    let (client, session) = connect(incoming(at_daemon), Out(to_server), Limits::default(), async {
        let _left = left.await;
    });
    let serving = async move {
        let stop = async {
            if stopped.await.is_err() {
                pending::<()>().await;
            }
        };
        serve(incoming(at_server), &mut Out(to_daemon), &Test, Limits::default(), stop).await
    };
    let acting = async {
        act(client, stop).await;
        drop(leave);
    };
    let (daemon, server, ()) = tokio::join!(session, serving, acting);
    (daemon, server)
}

#[tokio::test]
async fn calls_are_answered_or_refused_and_both_sides_end_in_peace() {
    let ended = together(async |client, _stop| {
        assert_eq!(client.call("/echo", b"hello").await.unwrap().as_ref(), b"hello");
        assert_eq!(client.call("/echo", b"").await.unwrap().as_ref(), b"");
        let refused = client.call("/none", b"").await.unwrap_err();
        assert_eq!(refused, CallError::Refused(Status { code: 7, text: "no call /none".to_owned() }));
        let unanswered = client.call("/nothing", b"").await.unwrap_err();
        assert!(matches!(unanswered, CallError::Refused(status) if status.text.contains("without an answer")));
    })
    .await;
    assert_eq!(ended, (Ended::Stopped, Ended::Left));
}

#[tokio::test]
async fn messages_up_to_the_limit_go_both_ways_and_longer_ones_are_not_sent() {
    together(async |client, _stop| {
        let long = vec![7; 4 * 1024 * 1024];
        assert_eq!(client.call("/echo", &long).await.unwrap().as_ref(), long);
        let refused = client.call("/echo", &vec![7; 4 * 1024 * 1024 + 1]).await.unwrap_err();
        assert!(matches!(refused, CallError::Refused(status) if status.text.contains("longer than 4194304")));
        assert_eq!(client.call("/echo", b"on").await.unwrap().as_ref(), b"on");
    })
    .await;
}

#[tokio::test]
async fn many_calls_at_once_do_not_disturb_each_other() {
    together(async |client, _stop| {
        let calls = (0..100_u32).map(|n| {
            let client = client.clone();
            async move {
                let sent = n.to_be_bytes().repeat(20_000);
                assert_eq!(client.call("/echo", &sent).await.unwrap().as_ref(), sent);
            }
        });
        join_all(calls).await;
    })
    .await;
}

#[tokio::test]
async fn a_conversation_goes_on_until_one_side_ends_it() {
    together(async |client, _stop| {
        let mut talk = client.begin("/twice").await.unwrap();
        for word in [b"one", b"two"] {
            talk.send(word).await.unwrap();
            assert_eq!(talk.next().await.unwrap().unwrap().as_ref(), word);
            assert_eq!(talk.next().await.unwrap().unwrap().as_ref(), word);
        }
        talk.done().await.unwrap();
        assert!(talk.next().await.unwrap().is_none());
        assert!(talk.next().await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn the_end_of_the_server_ends_what_waits() {
    let ended = together(async |client, stop| {
        let mut waiting = client.begin("/wait").await.unwrap();
        let stopping = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            stop.send(()).unwrap();
        };
        let (answer, ()) = tokio::join!(waiting.next(), stopping);
        assert!(answer.unwrap().is_none());
        drop(waiting);
        while !client.is_over() {
            tokio::task::yield_now().await;
        }
        let refused = client.call("/echo", b"").await.unwrap_err();
        assert!(matches!(refused, CallError::Lost(Fault::Leaving | Fault::Ended)), "{refused:?}");
    })
    .await;
    assert_eq!(ended.1, Ended::Stopped);
}

/// A daemon whose other side is these bytes and what follows.
async fn against(sent: &[Header], then_leave: bool) -> (Ended, Result<(), CallError>) {
    let (sender, receiver) = mpsc::channel(16);
    let (out, mut taken) = mpsc::channel::<Bytes>(16);
    let (client, session) = connect(incoming(receiver), Out(out), Limits::default(), pending());
    let other = async {
        // Something was said before it is answered.
        taken.recv().await;
        for header in sent {
            sender.send(Bytes::copy_from_slice(&header.encode())).await.unwrap();
        }
        if then_leave {
            drop(sender);
        } else {
            while let Some(bytes) = taken.recv().await {
                // Signs of life are given.
                if let Ok(head) = <[u8; HEADER]>::try_from(bytes.as_ref())
                    && let Ok(header) = Header::decode(head)
                    && header.kind == Kind::Ping
                {
                    sender
                        .send(Bytes::copy_from_slice(&Header::ping(Flags::ACK, header.length).encode()))
                        .await
                        .unwrap();
                }
            }
        }
    };
    let call = async { client.call("/echo", b"hello").await.map(drop) };
    let (ended, called, ()) = tokio::join!(session, call, other);
    (ended, called)
}

/// How a call ends whose server sends these packets and leaves; it looks at them when the session has ended.
async fn looked_at_late(packets: &[(DrpcKind, &[u8])]) -> [Result<Option<Vec<u8>>, CallError>; 2] {
    let (sender, receiver) = mpsc::channel(1);
    let (out, _taken) = mpsc::channel(16);
    let (client, session) = connect(incoming(receiver), Out(out), Limits::default(), pending());
    let acting = async {
        let mut asked = client.begin("/ask").await.unwrap();
        let data: Vec<u8> = (1..)
            .zip(packets)
            .flat_map(|(message, (kind, text))| encode(*kind, Id { stream: 1, message }, text))
            .collect();
        let length = data.len().try_into().unwrap();
        let header = Header { kind: Kind::Data, flags: Flags::ACK, stream: 1, length };
        sender.send([&header.encode()[..], &data].concat().into()).await.unwrap();
        drop(sender);
        while !client.is_over() {
            tokio::task::yield_now().await;
        }
        let sent = asked.send(b"more").await;
        assert_eq!(sent, Err(CallError::Lost(Fault::Ended)));
        [(); 2].map(|()| asked.next().now_or_never().unwrap().map(|message| message.map(|it| it.as_ref().to_vec())))
    };
    let (ended, answers) = tokio::join!(session, acting);
    assert_eq!(ended, Ended::Left);
    answers
}

#[tokio::test]
async fn what_came_before_the_end_of_the_session_is_given() {
    let yes = Ok(Some(b"yes".to_vec()));
    let whole = looked_at_late(&[(DrpcKind::Message, b"yes"), (DrpcKind::Close, b"")]).await;
    assert_eq!(whole, [yes.clone(), Ok(None)]);
    let cut = looked_at_late(&[(DrpcKind::Message, b"yes")]).await;
    assert_eq!(cut, [yes, Err(CallError::Lost(Fault::Ended))]);
    let refused = looked_at_late(&[(DrpcKind::Error, &Status { code: 7, text: "no".to_owned() }.encode())]).await;
    assert!(matches!(&refused[0], Err(CallError::Refused(status)) if status.text == "no"), "{refused:?}");
}

#[tokio::test]
async fn a_lost_session_ends_its_calls() {
    let (ended, called) = against(&[Header::window(1, Flags::ACK, 0)], true).await;
    assert_eq!(ended, Ended::Left);
    assert_eq!(called, Err(CallError::Lost(Fault::Ended)));
}

#[tokio::test]
async fn a_stream_that_is_refused_ends_its_call_alone() {
    let (ended, called) = against(&[Header::window(1, Flags::RST, 0)], true).await;
    assert_eq!(ended, Ended::Left);
    assert!(matches!(called, Err(CallError::Lost(Fault::Reset | Fault::Ended))), "{called:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_not_acknowledged_ends_the_session() {
    let (ended, called) = against(&[], false).await;
    assert_eq!(ended, Ended::Failed(Fault::Silent));
    assert_eq!(called, Err(CallError::Lost(Fault::Silent)));
}

#[tokio::test(start_paused = true)]
async fn an_acknowledged_one_may_say_nothing_for_hours() {
    let acknowledged = [Header::window(1, Flags::ACK, 0)];
    assert!(tokio::time::timeout(Duration::from_hours(3), against(&acknowledged, false)).await.is_err());
}

#[tokio::test]
async fn a_server_opens_no_streams_and_uses_none_that_are_not_open() {
    for header in
        [Header::window(2, Flags::SYN, 0), Header::window(3, Flags::SYN, 0), Header::window(3, Flags::NONE, 1)]
    {
        let (ended, called) = against(&[header], true).await;
        assert_eq!(ended, Ended::Failed(Fault::Stream(header.stream)));
        assert_eq!(called, Err(CallError::Lost(Fault::Stream(header.stream))));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn whatever_a_server_sends_ends_the_session_and_its_calls(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 1..50_usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let acknowledged = Header::window(1, Flags::ACK, 0).encode();
            let data = Header { kind: Kind::Data, flags: Flags::NONE, stream: 1, length: u32::try_from(bytes.len()).unwrap() };
            // As frames, and within a frame.
            for all in [[acknowledged.as_slice(), &bytes].concat(), [acknowledged.as_slice(), &data.encode(), &bytes].concat()] {
                let (sender, receiver) = mpsc::channel(1024);
                let (out, _taken) = mpsc::channel::<Bytes>(1024);
                let (client, session) = connect(incoming(receiver), Out(out), Limits::default(), pending());
                let other = async {
                    tokio::task::yield_now().await;
                    for piece in all.chunks(cut) {
                        sender.send(Bytes::copy_from_slice(piece)).await.unwrap();
                    }
                    drop(sender);
                };
                let call = async { client.call("/echo", b"hello").await.map(drop) };
                let (_ended, called, ()) = tokio::join!(session, call, other);
                drop(called);
            }
        });
    }
}
