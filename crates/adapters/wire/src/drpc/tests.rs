use crate::budget::Budget;
use crate::drpc::frame::{Id, Kind, encode};
use crate::drpc::packet::PacketReader;
use crate::drpc::status::Status;
use crate::fault::Fault;
use bytes::Bytes;
use proptest::prelude::*;
use std::sync::Arc;

const MAX: usize = 4 * 1024 * 1024;
const JOB: &[u8] = b"11111111-2222-3333-4444-555555555555";

fn id(stream: u64, message: u64) -> Id {
    Id { stream, message }
}

type Packets = Vec<(Kind, Id, Vec<u8>)>;

/// The packets of these bytes, cut in pieces of this size, up to what is wrong.
fn packets(bytes: &[u8], size: usize) -> (Packets, Result<(), Fault>) {
    let budget = Budget::new(2 * MAX);
    let mut reader = PacketReader::new(MAX, Arc::clone(&budget));
    let mut found = Vec::new();
    for piece in bytes.chunks(size) {
        let mut input = Bytes::copy_from_slice(piece);
        loop {
            match reader.take(&mut input) {
                Ok(Some(packet)) => found.push((packet.kind, packet.id, packet.data.to_vec())),
                Ok(None) => break,
                Err(fault) => return (found, Err(fault)),
            }
        }
        assert!(budget.held() <= bytes.len());
    }
    (found, Ok(()))
}

fn all(bytes: &[u8]) -> Packets {
    let (found, outcome) = packets(bytes, 3);
    assert_eq!(outcome, Ok(()));
    found
}

fn fault(bytes: &[u8]) -> Fault {
    packets(bytes, 1).1.unwrap_err()
}

#[test]
fn the_examples_of_the_specification_are_read_and_written() {
    let path = b"/provisionerd.ProvisionerDaemon/UpdateJob";
    let request =
        [[&[3, 1, 1, 0x29][..], path].concat(), [&[5, 1, 2, 0x26, 0x0a, 0x24][..], JOB].concat(), vec![0x0d, 1, 3, 0]]
            .concat();
    let reference = [&[0x0a, 0x24][..], JOB].concat();
    let expected = vec![
        (Kind::Invoke, id(1, 1), path.to_vec()),
        (Kind::Message, id(1, 2), reference.clone()),
        (Kind::CloseSend, id(1, 3), Vec::new()),
    ];
    assert_eq!(all(&request), expected);
    let written: Vec<u8> = expected.iter().flat_map(|(kind, id, data)| encode(*kind, *id, data)).collect();
    assert_eq!(written, request);
    assert_eq!(encode(Kind::Message, id(1, 1), &[]).as_ref(), [5, 1, 1, 0]);
    assert_eq!(encode(Kind::Message, id(1, 1), &[8, 1]).as_ref(), [5, 1, 1, 2, 8, 1]);
    assert_eq!(encode(Kind::Close, id(1, 2), &[]).as_ref(), [0x0b, 1, 2, 0]);
    assert_eq!(encode(Kind::Cancel, id(1, 2), &[]).as_ref(), [0x89, 1, 2, 0]);
    let nope = encode(Kind::Error, id(1, 1), &Status::error("nope").encode());
    assert_eq!(nope.as_ref(), [7, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0x6e, 0x6f, 0x70, 0x65]);
    let metadata = [0x0f, 1, 1, 8, 0x0a, 6, 0x0a, 1, 0x6b, 0x12, 1, 0x76];
    assert_eq!(all(&metadata), [(Kind::Metadata, id(1, 1), metadata[4..].to_vec())]);

    let long = vec![9; 70_000];
    let written = encode(Kind::Message, id(1, 2), &long);
    assert_eq!(written[..6], [4, 1, 2, 0x80, 0x80, 4]);
    assert_eq!(written[6 + 65_536..][..5], [5, 1, 2, 0xf0, 0x22]);
    assert_eq!(all(&written), [(Kind::Message, id(1, 2), long)]);
}

#[test]
fn numbers_rise_and_a_newer_packet_drops_one_that_is_not_complete() {
    assert_eq!(all(&[4, 1, 1, 1, 9, 5, 1, 2, 1, 8]), [(Kind::Message, id(1, 2), vec![8])]);
    assert_eq!(all(&[4, 1, 1, 1, 9, 5, 1, 1, 1, 8]), [(Kind::Message, id(1, 1), vec![9, 8])]);
    assert_eq!(all(&[5, 1, 9, 0, 5, 2, 1, 0]).len(), 2);
    let falling = Fault::Packet("its number is not higher than those before");
    assert_eq!(fault(&[5, 1, 2, 0, 5, 1, 1, 0]), falling);
    assert_eq!(fault(&[5, 1, 2, 0, 5, 1, 2, 0]), falling);
    assert_eq!(fault(&[5, 2, 1, 0, 5, 1, 9, 0]), falling);
    assert_eq!(fault(&[4, 1, 2, 0, 5, 1, 1, 0]), falling);
    assert_eq!(fault(&[4, 1, 1, 0, 3, 1, 1, 0]), Fault::Packet("its kind changes on the way"));
}

#[test]
fn what_is_no_frame_is_a_fault_and_unknown_control_is_not() {
    assert!(matches!(fault(&[5, 0, 1, 0]), Fault::Packet(_)));
    assert!(matches!(fault(&[5, 1, 0, 0]), Fault::Packet(_)));
    assert!(matches!(fault(&[1 << 4 | 1, 1, 1, 0]), Fault::Packet(_)));
    assert_eq!(all(&[0x80 | 0x31, 1, 1, 0]), [(Kind::OtherControl, id(1, 1), Vec::new())]);
    assert_eq!(all(&[0x09, 1, 1, 0]), [(Kind::Cancel, id(1, 1), Vec::new())]);
    // Ten bytes hold 64 bits, and no more.
    let most = [&[5][..], &[0xff; 9], &[1, 1, 0]].concat();
    assert_eq!(all(&most), [(Kind::Message, id(u64::MAX, 1), Vec::new())]);
    assert!(matches!(fault(&[&[5][..], &[0xff; 9], &[2]].concat()), Fault::Packet(_)));
    assert!(matches!(fault(&[&[5][..], &[0x80; 11]].concat()), Fault::Packet(_)));
}

#[test]
fn packets_are_bounded_before_their_data_comes() {
    let exact = [&[5, 1, 1, 0x80, 0x80, 0x80, 2][..], &vec![0; MAX]].concat();
    let (found, outcome) = packets(&exact, 65_536);
    assert!(outcome.is_ok() && found.len() == 1);
    assert_eq!(fault(&[5, 1, 1, 0x81, 0x80, 0x80, 2]), Fault::TooLarge(MAX));
    assert_eq!(fault(&[&[4, 1, 1, 1, 0][..], &[4, 1, 1, 0x80, 0x80, 0x80, 2]].concat()), Fault::TooLarge(MAX));
    assert_eq!(fault(&[3, 1, 1, 0x81, 8]), Fault::TooLarge(1024));
    assert_eq!(fault(&[&[5, 1, 1][..], &[0xff; 9], &[1]].concat()), Fault::TooLarge(MAX));
    let budget = Budget::new(4);
    let mut reader = PacketReader::new(MAX, budget);
    assert_eq!(reader.take(&mut Bytes::from_static(&[5, 1, 1, 5, 1, 2, 3, 4, 5])).unwrap_err(), Fault::Full(4));
}

#[test]
fn texts_of_errors_are_cut_between_characters() {
    let long = Status::error("\u{e9}".repeat(4000)).encode();
    assert!(long.len() <= 8 + 4096 && std::str::from_utf8(&long[8..]).is_ok());
    assert_eq!(Status::unimplemented("no").encode()[..8], [0, 0, 0, 0, 0, 0, 0, 12]);
}

proptest! {
    #[test]
    fn how_bytes_are_cut_means_nothing(
        written in proptest::collection::vec((0_u8..8, proptest::collection::vec(any::<u8>(), 0..50)), 0..20),
        size in 1_usize..40,
    ) {
        let kinds = [Kind::Invoke, Kind::Message, Kind::Error, Kind::Cancel, Kind::Close, Kind::CloseSend, Kind::Metadata];
        let mut sent = Vec::new();
        let mut bytes = Vec::new();
        for (number, (kind, data)) in written.into_iter().enumerate() {
            let packet = (kinds[usize::from(kind) % kinds.len()], id(1, number as u64 + 1), data);
            bytes.extend_from_slice(&encode(packet.0, packet.1, &packet.2));
            sent.push(packet);
        }
        prop_assert_eq!(packets(&bytes, size), (sent, Ok(())));
    }

    #[test]
    fn no_bytes_panic_and_how_they_are_cut_means_nothing(bytes in proptest::collection::vec(0_u8..20, 0..400), size in 1_usize..40) {
        prop_assert_eq!(packets(&bytes, size), packets(&bytes, 400));
    }

    #[test]
    fn random_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let (_, _outcome) = packets(&bytes, 7);
    }
}
