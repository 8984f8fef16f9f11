use super::{Ended, Outgoing, serve};
use crate::drpc::call::{Call, End, Service};
use crate::drpc::frame::{Id, Kind as Packet, encode};
use crate::drpc::status::Status;
use crate::fault::{Fault, TransportError};
use crate::limits::Limits;
use crate::yamux::frame::{Flags, HEADER, Header, Kind};
use bytes::Bytes;
use futures_util::stream::unfold;
use std::cell::Cell;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// An answer that does not go through one window.
const LARGE: usize = 300 * 1024;

/// Echoes, sums up, waits, says that it was dropped.
#[derive(Default)]
struct Test {
    begun: Cell<u32>,
    dropped: Cell<u32>,
}

struct OnDrop<'a>(&'a Cell<u32>);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

impl Service for Test {
    async fn call(&self, path: &str, call: &mut Call<'_>) -> Result<End, Status> {
        match path {
            "/echo" => {
                let message = call.expect().await?;
                call.send(&message).await?;
                Ok(End::Sent)
            }
            "/sum" => {
                let mut sum = 0;
                while let Some(message) = call.next().await {
                    sum += message.len();
                }
                call.send(sum.to_string().as_bytes()).await?;
                Ok(End::Sent)
            }
            "/wait" => {
                self.begun.set(self.begun.get() + 1);
                let _told = OnDrop(&self.dropped);
                if call.next_unless_stopping().await.is_ok() {
                    call.send(&[]).await?;
                }
                Ok(End::Closed)
            }
            "/large" => {
                call.send(&vec![7; LARGE]).await?;
                Ok(End::Sent)
            }
            "/long" => {
                call.send(&vec![0; 5 * 1024 * 1024]).await?;
                Ok(End::Sent)
            }
            _ => Err(Status::error(format!("no call {path}"))),
        }
    }
}

struct Out(mpsc::Sender<Bytes>);

impl Outgoing for Out {
    async fn send(&mut self, bytes: Bytes) -> Result<(), TransportError> {
        self.0.send(bytes).await.map_err(|error| TransportError(error.to_string()))
    }
}

/// The other side, by hand.
struct Peer {
    sender: mpsc::Sender<Bytes>,
    receiver: mpsc::Receiver<Bytes>,
    stop: Option<oneshot::Sender<()>>,
    received: Vec<u8>,
}

impl Peer {
    async fn send(&self, bytes: &[u8]) {
        self.sender.send(Bytes::copy_from_slice(bytes)).await.unwrap();
    }

    async fn open(&self, stream: u32) {
        self.send(&Header::window(stream, Flags::SYN, 0).encode()).await;
    }

    async fn data(&self, stream: u32, bytes: &[u8]) {
        let length = u32::try_from(bytes.len()).unwrap();
        self.send(&Header { kind: Kind::Data, flags: Flags::NONE, stream, length }.encode()).await;
        self.send(bytes).await;
    }

    async fn packet(&self, stream: u32, kind: Packet, message: u64, data: &[u8]) {
        self.data(stream, &encode(kind, Id { stream: 1, message }, data)).await;
    }

    /// The next frame; `None` at the end.
    async fn frame(&mut self) -> Option<(Header, Vec<u8>)> {
        self.fill(HEADER).await?;
        let head: Vec<u8> = self.received.drain(..HEADER).collect();
        let header = Header::decode(head.try_into().unwrap()).unwrap();
        if header.kind != Kind::Data {
            return Some((header, Vec::new()));
        }
        let length = header.length as usize;
        self.fill(length).await?;
        Some((header, self.received.drain(..length).collect()))
    }

    /// Takes whatever comes, until so many are counted.
    async fn until(&mut self, counted: &Cell<u32>, count: u32) {
        while counted.get() < count {
            let _taken = self.receiver.try_recv();
            tokio::task::yield_now().await;
        }
        assert_eq!(counted.get(), count);
    }

    async fn fill(&mut self, size: usize) -> Option<()> {
        while self.received.len() < size {
            self.received.extend_from_slice(&self.receiver.recv().await?);
        }
        Some(())
    }

    async fn header(&mut self) -> Header {
        self.frame().await.unwrap().0
    }

    /// Data of this stream of this length.
    async fn answer(&mut self, length: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while all.len() < length {
            let (header, data) = self.frame().await.unwrap();
            if header.kind == Kind::Data {
                all.extend(data);
            }
        }
        all
    }
}

/// Serves the other side, which does what it does, and says how it ended.
async fn session<F: AsyncFnOnce(&mut Peer)>(limits: Limits, service: &Test, act: F) -> Ended {
    let (sender, incoming) = mpsc::channel::<Bytes>(4);
    let (out, receiver) = mpsc::channel(4);
    let (stop, stopped) = oneshot::channel::<()>();
    let incoming = unfold(incoming, async |mut incoming| Some((Ok(incoming.recv().await?), incoming)));
    let mut out = Out(out);
    let serving = async move {
        let stop = async {
            if stopped.await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        serve(incoming, &mut out, service, limits, stop).await
    };
    let acting = async move {
        let mut peer = Peer { sender, receiver, stop: Some(stop), received: Vec::new() };
        act(&mut peer).await;
    };
    tokio::join!(serving, acting).0
}

#[tokio::test]
async fn a_call_is_carried_out_and_its_stream_ends() {
    let ended = session(Limits::default(), &Test::default(), async |peer| {
        peer.open(1).await;
        assert_eq!(peer.header().await, Header::window(1, Flags::ACK, 0));
        peer.packet(1, Packet::Invoke, 1, b"/echo").await;
        peer.packet(1, Packet::Message, 2, b"hello").await;
        peer.packet(1, Packet::CloseSend, 3, b"").await;
        let expected = [&[5, 1, 1, 5][..], b"hello", &[0x0d, 1, 2, 0]].concat();
        assert_eq!(peer.answer(expected.len()).await, expected);
        peer.send(&Header::window(1, Flags::FIN, 0).encode()).await;
        assert_eq!(peer.header().await, Header::window(1, Flags::FIN, 0));
    })
    .await;
    assert_eq!(ended, Ended::Left);
}

#[tokio::test]
async fn unknown_calls_fail_and_the_stream_takes_the_next_one() {
    let _ended = session(Limits::default(), &Test::default(), async |peer| {
        peer.open(1).await;
        peer.packet(1, Packet::Invoke, 1, b"/none").await;
        let expected = [&[7, 1, 1, 21, 0, 0, 0, 0, 0, 0, 0, 0][..], b"no call /none"].concat();
        assert_eq!(peer.answer(expected.len()).await, expected);
        let next = [
            encode(Packet::Metadata, Id { stream: 2, message: 1 }, b"x"),
            encode(Packet::Invoke, Id { stream: 2, message: 2 }, b"/echo"),
            encode(Packet::Message, Id { stream: 2, message: 3 }, b""),
        ];
        peer.data(1, &next.concat()).await;
        assert_eq!(peer.answer(8).await, [5, 2, 1, 0, 0x0d, 2, 2, 0]);
    })
    .await;
}

#[tokio::test]
async fn a_request_in_many_messages_waits_for_the_call() {
    let _ended = session(Limits::default(), &Test::default(), async |peer| {
        peer.open(1).await;
        peer.packet(1, Packet::Invoke, 1, b"/sum").await;
        for message in 2..100 {
            peer.packet(1, Packet::Message, message, &[1; 10_000]).await;
            if message % 10 == 0 {
                tokio::task::yield_now().await;
            }
        }
        peer.packet(1, Packet::CloseSend, 100, b"").await;
        assert_eq!(peer.answer(10).await[..10], [&[5, 1, 1, 6][..], b"980000"].concat());
    })
    .await;
}

#[tokio::test]
async fn who_leaves_a_call_has_it_dropped() {
    let test = Test::default();
    let ended = session(Limits::default(), &test, async |peer| {
        for (nth, stream, flags) in [(1, 1, Flags::FIN), (2, 3, Flags::RST)] {
            peer.open(stream).await;
            peer.packet(stream, Packet::Invoke, 1, b"/wait").await;
            peer.until(&test.begun, nth).await;
            peer.send(&Header::window(stream, flags, 0).encode()).await;
            peer.until(&test.dropped, nth).await;
        }
        peer.open(5).await;
        peer.packet(5, Packet::Invoke, 1, b"/wait").await;
        peer.until(&test.begun, 3).await;
        peer.packet(5, Packet::Cancel, 2, b"").await;
        peer.until(&test.dropped, 3).await;
        peer.open(7).await;
        let invoke = |stream| encode(Packet::Invoke, Id { stream, message: 1 }, b"/wait");
        peer.data(7, &[invoke(1), invoke(2)].concat()).await;
        peer.until(&test.begun, 5).await;
        peer.until(&test.dropped, 4).await;
    })
    .await;
    assert_eq!(ended, Ended::Left);
    assert_eq!(test.dropped.get(), 5);
}

#[tokio::test]
async fn what_a_stream_breaks_ends_it_alone() {
    let ended = session(Limits::default(), &Test::default(), async |peer| {
        for (stream, wrong) in [(1, &[5_u8, 1, 1, 0][..]), (3, &[0xff; 20]), (5, &[5, 1, 1, 0xff, 0xff, 0xff, 0xff, 1])]
        {
            peer.open(stream).await;
            assert_eq!(peer.header().await, Header::window(stream, Flags::ACK, 0));
            peer.data(stream, wrong).await;
            assert_eq!(peer.header().await, Header::window(stream, Flags::FIN, 0));
        }
        peer.open(7).await;
        peer.packet(7, Packet::Invoke, 1, b"/long").await;
        let refused = peer.answer(20).await;
        assert!(refused.starts_with(&[7, 1, 1]), "{refused:?}");
    })
    .await;
    assert_eq!(ended, Ended::Left);
}

#[tokio::test]
async fn what_the_session_breaks_ends_it_and_the_other_side_is_told() {
    let ended = session(Limits::default(), &Test::default(), async |peer| {
        peer.send(&Header::window(2, Flags::SYN, 0).encode()).await;
        assert_eq!(peer.header().await, Header::go_away(1));
    })
    .await;
    assert_eq!(ended, Ended::Failed(Fault::Stream(2)));
}

#[tokio::test(start_paused = true)]
async fn who_gives_no_sign_of_life_is_left() {
    let ended = session(Limits::default(), &Test::default(), async |peer| {
        assert_eq!(peer.header().await, Header::ping(Flags::SYN, 0));
        peer.send(&Header::ping(Flags::ACK, 0).encode()).await;
        assert_eq!(peer.header().await, Header::ping(Flags::SYN, 1));
        assert_eq!(peer.frame().await, None);
    })
    .await;
    assert_eq!(ended, Ended::Failed(Fault::Silent));
}

#[tokio::test(start_paused = true)]
async fn who_takes_nothing_is_left() {
    let ended = session(Limits::default(), &Test::default(), async |peer| {
        for value in 0..100 {
            peer.send(&Header::ping(Flags::SYN, value).encode()).await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_secs(11)).await;
    })
    .await;
    assert_eq!(ended, Ended::Failed(Fault::Stuck));
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_a_call_and_a_request_without_its_message_end_in_time() {
    let _ended =
        session(Limits { keep_alive: Duration::from_hours(1), ..Limits::default() }, &Test::default(), async |peer| {
            peer.open(1).await;
            peer.open(3).await;
            peer.packet(3, Packet::Invoke, 1, b"/echo").await;
            let mut seen = Vec::new();
            while !seen.contains(&Header::window(1, Flags::FIN, 0))
                || !seen.iter().any(|head: &Header| head.kind == Kind::Data)
            {
                seen.push(peer.header().await);
            }
        })
        .await;
}

#[tokio::test]
async fn at_the_end_calls_that_wait_are_answered() {
    let test = Test::default();
    let ended = session(Limits::default(), &test, async |peer| {
        peer.open(1).await;
        peer.open(3).await;
        peer.packet(3, Packet::Invoke, 1, b"/wait").await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        peer.stop.take().unwrap().send(()).unwrap();
        let mut frames = Vec::new();
        while let Some(frame) = peer.frame().await {
            frames.push(frame);
        }
        assert!(frames.iter().any(|(header, _)| *header == Header::go_away(0)));
        assert!(frames.iter().any(|(_, data)| data == &[0x0b, 1, 1, 0]), "{frames:?}");
        for stream in [1, 3] {
            assert!(frames.iter().any(|(header, _)| *header == Header::window(stream, Flags::FIN, 0)));
        }
    })
    .await;
    assert_eq!(ended, Ended::Stopped);
}

#[tokio::test]
async fn answers_that_nobody_takes_are_held_within_the_budget_of_the_session() {
    let limits = Limits { held: 1024 * 1024, ..Limits::default() };
    let window = usize::try_from(limits.window).unwrap();
    let ended = session(limits, &Test::default(), async |peer| {
        for stream in [1, 3, 5] {
            peer.open(stream).await;
            peer.packet(stream, Packet::Invoke, 1, b"/large").await;
            assert_eq!(peer.answer(window).await[..3], [4, 1, 1]);
        }
        // There is room for three, of which nothing is given back before all of it is sent.
        peer.open(7).await;
        peer.packet(7, Packet::Invoke, 1, b"/large").await;
        let refused = peer.answer(30).await;
        assert!(refused.starts_with(&[7, 1, 1]), "{refused:?}");
        let words = String::from_utf8_lossy(&refused).into_owned();
        assert!(words.contains("more is on its way than 1048576"), "{words}");

        peer.send(&Header::window(3, Flags::NONE, 1024 * 1024).encode()).await;
        let rest = encode(Packet::Message, Id { stream: 1, message: 1 }, &vec![7; LARGE]).len() - window;
        // And the packet that says that there is no more.
        peer.answer(rest + 4).await;
        peer.open(9).await;
        peer.packet(9, Packet::Invoke, 1, b"/large").await;
        assert_eq!(peer.answer(window).await[..3], [4, 1, 1]);
        // A stream that is no more holds nothing.
        for stream in [5, 9] {
            peer.send(&Header::window(stream, Flags::RST, 0).encode()).await;
        }
        for stream in [11, 13] {
            peer.open(stream).await;
            peer.packet(stream, Packet::Invoke, 1, b"/large").await;
            assert_eq!(peer.answer(window).await[..3], [4, 1, 1]);
        }
    })
    .await;
    assert_eq!(ended, Ended::Left);
}
