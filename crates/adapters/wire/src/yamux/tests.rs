use crate::fault::Fault;
use crate::limits::Limits;
use crate::yamux::core::{Core, Side};
use crate::yamux::frame::{Flags, HEADER, Header, Kind};
use bytes::Bytes;
use proptest::prelude::*;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::Instant;

const WINDOW: u32 = 256 * 1024;

fn cx() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

fn core() -> Core {
    Core::new(Side::Server, Limits { held: 1024 * 1024, ..Limits::default() }, Instant::now())
}

fn receive(core: &mut Core, bytes: &[u8]) -> Result<(), Fault> {
    let mut input = Bytes::copy_from_slice(bytes);
    while !input.is_empty() {
        core.receive(&mut input, Instant::now())?;
        let _taken = core.take_control();
    }
    Ok(())
}

fn tell(core: &mut Core, header: Header) -> Result<(), Fault> {
    let mut input = Bytes::copy_from_slice(&header.encode());
    core.receive(&mut input, Instant::now())
}

/// Everything that is to be sent.
fn sent(core: &mut Core) -> Vec<u8> {
    let mut all = Vec::new();
    while let Poll::Ready(bytes) = core.poll_send(&cx()) {
        all.extend_from_slice(&bytes);
    }
    all
}

/// The headers of what is to be sent.
fn headers(core: &mut Core) -> Vec<Header> {
    let all = sent(core);
    let mut rest = all.as_slice();
    let mut headers = Vec::new();
    while let Some((head, behind)) = rest.split_first_chunk::<HEADER>() {
        let header = Header::decode(*head).unwrap();
        headers.push(header);
        rest = if header.kind == Kind::Data { &behind[header.length as usize..] } else { behind };
    }
    headers
}

fn data(stream: u32, flags: Flags, bytes: &[u8]) -> Vec<u8> {
    let header = Header { kind: Kind::Data, flags, stream, length: u32::try_from(bytes.len()).unwrap() };
    [header.encode().as_slice(), bytes].concat()
}

fn syn(stream: u32) -> Header {
    Header::window(stream, Flags::SYN, 0)
}

#[tokio::test]
async fn a_stream_is_acknowledged_at_once_and_carries_bytes_both_ways() {
    let mut core = core();
    tell(&mut core, syn(1)).unwrap();
    assert_eq!(headers(&mut core), [Header::window(1, Flags::ACK, 0)]);
    assert_eq!(core.poll_opened(&cx()), Poll::Ready(1));
    receive(&mut core, &data(1, Flags::NONE, b"hello")).unwrap();
    receive(&mut core, &data(1, Flags::FIN, b"")).unwrap();
    assert_eq!(core.poll_read(1, &cx()), Poll::Ready(Ok(Some(Bytes::from_static(b"hello")))));
    assert_eq!(core.poll_read(1, &cx()), Poll::Ready(Ok(None)));
    let mut answer = Bytes::from_static(b"good day");
    let mut hold = core.budget.hold();
    assert!(hold.add(answer.len()));
    assert_eq!(core.poll_write(1, &mut answer, &mut hold, &cx()), Poll::Pending);
    assert_eq!(core.budget.held(), 8, "what waits to be sent is held");
    assert_eq!(sent(&mut core), data(1, Flags::NONE, b"good day"));
    assert_eq!(core.poll_write(1, &mut answer, &mut hold, &cx()), Poll::Ready(Ok(())));
    assert_eq!(core.budget.held(), 0);
    core.leave(1, Instant::now());
    assert_eq!(headers(&mut core), [Header::window(1, Flags::FIN, 0)]);
    assert_eq!(core.streams(), 0);
}

#[tokio::test]
async fn credit_is_given_back_from_half_a_window_on_and_more_than_that_is_a_fault() {
    let mut core = core();
    tell(&mut core, syn(1)).unwrap();
    let half = vec![7; WINDOW as usize / 2];
    receive(&mut core, &data(1, Flags::NONE, &half[1..])).unwrap();
    let _read = core.poll_read(1, &cx());
    assert_eq!(headers(&mut core), []);
    receive(&mut core, &data(1, Flags::NONE, b"x")).unwrap();
    let _read = core.poll_read(1, &cx());
    assert_eq!(headers(&mut core), [Header::window(1, Flags::NONE, WINDOW / 2)]);
    receive(&mut core, &data(1, Flags::NONE, &half)).unwrap();
    receive(&mut core, &data(1, Flags::NONE, &half)).unwrap();
    assert_eq!(receive(&mut core, &data(1, Flags::NONE, b"x")), Err(Fault::Window(1)));
}

#[tokio::test]
async fn what_may_not_be_sent_yet_waits_and_streams_take_turns() {
    let mut core = core();
    for id in [1, 3] {
        tell(&mut core, syn(id)).unwrap();
        let mut long = Bytes::from(vec![1; WINDOW as usize + 10]);
        assert!(core.poll_write(id, &mut long, &mut core.budget.hold(), &cx()).is_pending());
    }
    let turns: Vec<u32> =
        headers(&mut core).iter().filter(|head| head.kind == Kind::Data).map(|head| head.stream).collect();
    assert_eq!(turns, [[1, 3]; 8].concat());
    tell(&mut core, Header::window(3, Flags::NONE, 100)).unwrap();
    let rest = headers(&mut core);
    assert!(matches!(rest.as_slice(), [Header { kind: Kind::Data, stream: 3, length: 10, .. }]), "{rest:?}");
    assert_eq!(tell(&mut core, Header::window(3, Flags::NONE, u32::MAX)), Err(Fault::Window(3)));
}

#[tokio::test]
async fn streams_that_cannot_be_end_the_session_and_too_many_are_reset() {
    let told = |ids: &[Header]| ids.iter().try_for_each(|header| tell(&mut core(), *header));
    assert_eq!(told(&[syn(2)]), Err(Fault::Stream(2)));
    assert_eq!(told(&[syn(0)]), Err(Fault::Stream(0)));
    assert_eq!(told(&[Header::window(1, Flags::NONE, 1)]), Err(Fault::Stream(1)));
    assert_eq!(told(&[Header { kind: Kind::Data, ..syn(0) }]), Err(Fault::Stream(0)));
    assert_eq!(told(&[Header::go_away(0)]), Ok(()));
    assert_eq!(told(&[Header::go_away(2)]), Err(Fault::GivenUp(2)));
    let mut core = Core::new(Side::Server, Limits { streams: 2, ..Limits::default() }, Instant::now());
    for id in [1, 3, 5] {
        tell(&mut core, syn(id)).unwrap();
    }
    assert_eq!(headers(&mut core).last(), Some(&Header::window(5, Flags::RST, 0)));
    assert_eq!(tell(&mut core, syn(3)), Err(Fault::Stream(3)));
    // Data for it was on its way, and is thrown away.
    receive(&mut core, &data(5, Flags::FIN, b"late")).unwrap();
    tell(&mut core, Header::window(3, Flags::RST, 0)).unwrap();
    assert_eq!(core.poll_read(3, &cx()), Poll::Ready(Err(Fault::Reset)));
    tell(&mut core, syn(7)).unwrap();
    assert_eq!(core.streams(), 2);
    core.go_away(0);
    tell(&mut core, syn(9)).unwrap();
    assert_eq!(headers(&mut core).last(), Some(&Header::window(9, Flags::RST, 0)));
}

#[tokio::test]
async fn echoes_are_given_and_reading_stops_while_nobody_takes_them() {
    let mut core = core();
    tell(&mut core, Header::ping(Flags::SYN, 7)).unwrap();
    assert_eq!(headers(&mut core), [Header::ping(Flags::ACK, 7)]);
    let flood: Vec<u8> = (0..5000).flat_map(|value| Header::ping(Flags::SYN, value).encode()).collect();
    let mut flood = Bytes::from(flood);
    core.receive(&mut flood, Instant::now()).unwrap();
    assert_eq!(flood.len(), (5000 - 1024) * HEADER);
    assert!(core.poll_room(&cx()).is_pending());
    let _taken = core.take_control();
    assert!(core.poll_room(&cx()).is_ready());
}

#[tokio::test]
async fn a_session_holds_no_more_than_it_may_over_all_streams() {
    let mut core = core();
    let window = vec![0; WINDOW as usize];
    for id in (1..=9).step_by(2) {
        tell(&mut core, syn(id)).unwrap();
        receive(&mut core, &data(id, Flags::NONE, &window)).unwrap();
    }
    assert_eq!(core.streams(), 4);
    assert_eq!(core.budget.held(), 1024 * 1024);
    for id in [1, 3, 5, 7] {
        core.leave(id, Instant::now());
    }
    assert_eq!(core.budget.held(), 0);
}

#[tokio::test(start_paused = true)]
async fn signs_of_life_are_asked_for_and_streams_left_long_ago_are_reset() {
    let mut core = core();
    let start = Instant::now();
    assert_eq!(core.tick(start), Ok(start + Duration::from_secs(30)));
    let asked = start + Duration::from_secs(30);
    assert_eq!(core.tick(asked), Ok(start + Duration::from_secs(40)));
    assert_eq!(headers(&mut core), [Header::ping(Flags::SYN, 0)]);
    tell(&mut core, Header::ping(Flags::ACK, 99)).unwrap();
    assert_eq!(core.tick(start + Duration::from_secs(40)), Err(Fault::Silent));
    tell(&mut core, Header::ping(Flags::ACK, 0)).unwrap();
    assert_eq!(core.tick(start), Ok(start + Duration::from_secs(30)));

    tell(&mut core, syn(1)).unwrap();
    core.leave(1, start);
    let _sent = headers(&mut core);
    let _next = core.tick(start + Duration::from_secs(299));
    assert_eq!(core.streams(), 1);
    let _next = core.tick(start + Duration::from_mins(5));
    assert_eq!(core.streams(), 0);
    assert!(headers(&mut core).contains(&Header::window(1, Flags::RST, 0)));
}

/// Frames that a peer might send, right and wrong.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let frame = (0_u8..=4, 0_u16..16, 0_u32..8, prop_oneof![Just(0_u32), 1_u32..40, Just(u32::MAX)]);
    let frame = frame.prop_map(|(kind, flags, stream, length)| {
        let mut bytes = Header { kind: Kind::Data, flags: Flags(flags), stream, length }.encode().to_vec();
        bytes[1] = kind;
        if kind == 0 && length < 100 {
            bytes.resize(HEADER + length as usize, kind);
        }
        bytes
    });
    proptest::collection::vec(frame, 0..40).prop_map(|frames| frames.concat())
}

/// How it ended, what it answered, and what can be read on each stream.
type Outcome = (Result<(), Fault>, Vec<u8>, Vec<Option<Vec<u8>>>);

/// What a session is after it has received these pieces.
fn after<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Outcome {
    let mut core = core();
    let mut outcome = Ok(());
    let mut answers = Vec::new();
    for piece in pieces {
        outcome = receive_all(&mut core, piece, &mut answers);
        if outcome.is_err() {
            break;
        }
    }
    let read = (1..8).map(|id| match core.poll_read(id, &cx()) {
        Poll::Ready(Ok(Some(bytes))) => Some(bytes.to_vec()),
        Poll::Ready(Ok(None) | Err(_)) | Poll::Pending => None,
    });
    (outcome, answers, read.collect())
}

fn receive_all(core: &mut Core, bytes: &[u8], answers: &mut Vec<u8>) -> Result<(), Fault> {
    let mut input = Bytes::copy_from_slice(bytes);
    let mut outcome = Ok(());
    while !input.is_empty() && outcome.is_ok() {
        outcome = core.receive(&mut input, Instant::now());
        answers.extend(sent(core));
    }
    outcome
}

proptest! {
    #[test]
    fn how_bytes_are_cut_means_nothing(bytes in frames(), size in 1_usize..30) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let _inside = runtime.enter();
        prop_assert_eq!(after(bytes.chunks(size)), after(std::iter::once(bytes.as_slice())));
    }

    #[test]
    fn no_bytes_panic_or_make_a_session_grow(bytes in proptest::collection::vec(any::<u8>(), 0..2000), size in 1_usize..99) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let _inside = runtime.enter();
        let mut core = core();
        for piece in bytes.chunks(size) {
            let mut input = Bytes::copy_from_slice(piece);
            if core.receive(&mut input, Instant::now()).is_err() {
                break;
            }
            prop_assert!(core.budget.held() <= bytes.len() && core.streams() <= 256);
        }
    }
}
