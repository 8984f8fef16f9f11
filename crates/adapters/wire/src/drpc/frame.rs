//! Frames: a byte that says what it is, three numbers, and data.

use crate::fault::Fault;
use bytes::{BufMut as _, Bytes, BytesMut};

/// What a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Invoke,
    Message,
    Error,
    Cancel,
    Close,
    CloseSend,
    Metadata,
    /// Something for the connection itself that this side does not know.
    OtherControl,
}

/// Which packet of which call; they rise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id {
    pub(crate) stream: u64,
    pub(crate) message: u64,
}

/// What stands before the data of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) kind: Kind,
    pub(crate) id: Id,
    pub(crate) length: usize,
    /// Whether the packet ends with this frame.
    pub(crate) is_last: bool,
}

/// Most data of a frame that is sent.
const SPLIT: usize = 64 * 1024;

const LAST: u8 = 1;
const CONTROL: u8 = 0x80;

/// Reads what stands before the data, byte by byte.
#[derive(Debug, Default)]
pub(crate) struct HeadReader {
    control: Option<u8>,
    /// The numbers that are complete.
    numbers: Vec<u64>,
    value: u64,
    shift: u32,
}

impl HeadReader {
    /// Takes a byte; the answer is there with the last one. Errors: [`Fault::Packet`].
    pub(crate) fn push(&mut self, byte: u8) -> Result<Option<Head>, Fault> {
        let Some(control) = self.control else {
            self.control = Some(byte);
            return Ok(None);
        };
        let bits = u64::from(byte & 0x7f);
        // The tenth byte of a number has room for one bit.
        if self.shift > 63 || (self.shift == 63 && bits > 1) {
            return Err(Fault::Packet("a number is too large"));
        }
        self.value |= bits << self.shift;
        if byte & 0x80 != 0 {
            self.shift += 7;
            return Ok(None);
        }
        self.numbers.push(std::mem::take(&mut self.value));
        self.shift = 0;
        let &[stream, message, length] = self.numbers.as_slice() else { return Ok(None) };
        *self = Self::default();
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let head = Head { kind: kind(control)?, id: Id { stream, message }, length, is_last: control & LAST != 0 };
        if stream == 0 || message == 0 {
            return Err(Fault::Packet("streams and messages are counted from one"));
        }
        Ok(Some(head))
    }
}

fn kind(control: u8) -> Result<Kind, Fault> {
    Ok(match ((control & !CONTROL) >> 1, control & CONTROL != 0) {
        (4, _) => Kind::Cancel,
        (_, true) => Kind::OtherControl,
        (1, false) => Kind::Invoke,
        (2, false) => Kind::Message,
        (3, false) => Kind::Error,
        (5, false) => Kind::Close,
        (6, false) => Kind::CloseSend,
        (7, false) => Kind::Metadata,
        _ => return Err(Fault::Packet("its kind is unknown")),
    })
}

impl Kind {
    const fn bits(self) -> u8 {
        match self {
            Self::Invoke => 1 << 1,
            Self::Message => 2 << 1,
            Self::Error => 3 << 1,
            Self::Cancel => CONTROL | (4 << 1),
            Self::Close => 5 << 1,
            Self::CloseSend => 6 << 1,
            Self::Metadata => 7 << 1,
            Self::OtherControl => CONTROL,
        }
    }
}

/// Most bytes of a packet with so much data.
pub(crate) const fn encoded_most(length: usize) -> usize {
    /// A control byte and three numbers.
    const HEAD: usize = 31;
    let frames = length / SPLIT + 1;
    length.saturating_add(frames.saturating_mul(HEAD))
}

/// A packet as frames.
pub(crate) fn encode(kind: Kind, id: Id, data: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(encoded_most(data.len()));
    let mut rest = data;
    loop {
        let (piece, left) = rest.split_at_checked(SPLIT).unwrap_or((rest, &[]));
        bytes.put_u8(if left.is_empty() { kind.bits() | LAST } else { kind.bits() });
        for number in [id.stream, id.message, piece.len() as u64] {
            put_number(&mut bytes, number);
        }
        bytes.put_slice(piece);
        rest = left;
        if rest.is_empty() {
            return bytes.freeze();
        }
    }
}

fn put_number(bytes: &mut BytesMut, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            bytes.put_u8(low);
            return;
        }
        bytes.put_u8(low | 0x80);
    }
}
