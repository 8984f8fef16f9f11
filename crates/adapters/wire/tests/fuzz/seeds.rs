//! What inputs are made of.

use crate::corpus::{calls, session};
use crate::targets::{Layer, frame, packet};
use doorward_wire::messages::provisionerd::{AcquiredJob, AcquiredTemplateImport, AcquiredType, UpdateJobResponse};
use doorward_wire::messages::write;
use std::fmt::Write as _;

/// Inputs that were found, a line each: the layer, and the bytes in hexadecimal digits.
const CORPUS: &str = include_str!("corpus.txt");

/// An input to one of the layers.
#[derive(Clone)]
pub(crate) struct Seed {
    pub(crate) layer: Layer,
    pub(crate) bytes: Vec<u8>,
}

/// All of them.
pub(crate) fn seeds() -> Vec<Seed> {
    let mut all = Vec::new();
    let mut add = |layer, bytes| all.push(Seed { layer, bytes });
    let calls = calls();
    add(Layer::Session, session(&calls));
    for call in &calls {
        add(Layer::Session, session(std::slice::from_ref(call)));
        let (method, messages) = call;
        let mut packets = packet(0x03, 1, format!("/provisionerd.ProvisionerDaemon/{method}").as_bytes());
        for (message, content) in (2..).zip(messages) {
            packets.extend(packet(0x05, message, content));
            add(Layer::Message, content.clone());
        }
        packets.extend(packet(0x0d, u8::try_from(messages.len() + 2).unwrap(), &[]));
        add(Layer::Packets, packets);
    }
    let job = AcquiredJob {
        job_id: "11111111-2222-3333-4444-555555555555".to_owned(),
        template_source_archive: vec![7; 600],
        r#type: Some(AcquiredType::TemplateImport(AcquiredTemplateImport::default())),
        ..AcquiredJob::default()
    };
    let answers =
        [write(&job).to_vec(), write(&UpdateJobResponse { canceled: true, variable_values: Vec::new() }).to_vec()];
    for [first, last] in [[0x05, 0x0d], [0x05, 0x0b], [0x07, 0x0d], [0x89, 0x0b]] {
        let mut bytes = Vec::new();
        for (stream, answer) in [1, 3].into_iter().zip(&answers) {
            frame(&mut bytes, 1, 2, stream, 0, &[]);
            let packets = [packet(first, 1, answer), packet(last, 2, &[])].concat();
            frame(&mut bytes, 0, 0, stream, u32::try_from(packets.len()).unwrap(), &packets);
            frame(&mut bytes, 1, 4, stream, 0, &[]);
        }
        frame(&mut bytes, 2, 1, 0, 7, &[]);
        frame(&mut bytes, 3, 0, 0, 0, &[]);
        add(Layer::Daemon, bytes);
    }
    for line in CORPUS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (layer, digits) = line.split_once(' ').unwrap();
        let layer = Layer::ALL.into_iter().find(|known| known.name() == layer).unwrap();
        add(layer, bytes(digits));
    }
    all
}

fn bytes(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// Bytes in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
