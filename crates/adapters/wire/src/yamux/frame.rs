//! Frames: 12 bytes, and data behind those that have some.

use crate::fault::Fault;

/// Bytes of a header.
pub(crate) const HEADER: usize = 12;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// So many bytes follow.
    Data,
    /// So many bytes more may be sent.
    Window,
    /// A sign of life is asked for, or given, with this number.
    Ping,
    /// No more streams, for this reason.
    GoAway,
}

/// Flags of a frame. Others that a header may carry mean nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags(pub(crate) u16);

impl Flags {
    pub(crate) const NONE: Self = Self(0);
    /// Opens a stream, or asks for a sign of life.
    pub(crate) const SYN: Self = Self(1);
    /// Acknowledges a stream, or is a sign of life.
    pub(crate) const ACK: Self = Self(2);
    /// The sender is done.
    pub(crate) const FIN: Self = Self(4);
    /// The stream is no more.
    pub(crate) const RST: Self = Self(8);

    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) flags: Flags,
    pub(crate) stream: u32,
    pub(crate) length: u32,
}

impl Header {
    pub(crate) const fn window(stream: u32, flags: Flags, credit: u32) -> Self {
        Self { kind: Kind::Window, flags, stream, length: credit }
    }

    pub(crate) const fn ping(flags: Flags, value: u32) -> Self {
        Self { kind: Kind::Ping, flags, stream: 0, length: value }
    }

    pub(crate) const fn go_away(code: u32) -> Self {
        Self { kind: Kind::GoAway, flags: Flags::NONE, stream: 0, length: code }
    }

    /// Reads a header. Errors: [`Fault::Header`].
    pub(crate) fn decode(bytes: [u8; HEADER]) -> Result<Self, Fault> {
        let [version, kind, f0, f1, s0, s1, s2, s3, l0, l1, l2, l3] = bytes;
        let wrong = Fault::Header { version, kind };
        let kind = match (version, kind) {
            (0, 0) => Kind::Data,
            (0, 1) => Kind::Window,
            (0, 2) => Kind::Ping,
            (0, 3) => Kind::GoAway,
            _ => return Err(wrong),
        };
        Ok(Self {
            kind,
            flags: Flags(u16::from_be_bytes([f0, f1])),
            stream: u32::from_be_bytes([s0, s1, s2, s3]),
            length: u32::from_be_bytes([l0, l1, l2, l3]),
        })
    }

    /// Writes a header.
    pub(crate) fn encode(self) -> [u8; HEADER] {
        let [f0, f1] = self.flags.0.to_be_bytes();
        let [s0, s1, s2, s3] = self.stream.to_be_bytes();
        let [l0, l1, l2, l3] = self.length.to_be_bytes();
        [0, self.kind as u8, f0, f1, s0, s1, s2, s3, l0, l1, l2, l3]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_those_of_the_specification() {
        let open = Header::window(1, Flags::SYN, 0);
        let data = Header { kind: Kind::Data, flags: Flags::NONE, stream: 1, length: 0x38 };
        let all: [(Header, [u8; HEADER]); 7] = [
            (open, [0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0]),
            (Header::window(1, Flags::ACK, 0), [0, 1, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0]),
            (data, [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x38]),
            (Header::window(1, Flags::FIN, 0), [0, 1, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0]),
            (Header::ping(Flags::SYN, 7), [0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7]),
            (Header::ping(Flags::ACK, 7), [0, 2, 0, 2, 0, 0, 0, 0, 0, 0, 0, 7]),
            (Header::go_away(0), [0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ];
        for (header, bytes) in all {
            assert_eq!(header.encode(), bytes, "{header:?}");
            assert_eq!(Header::decode(bytes), Ok(header));
        }
        assert_eq!(Header::decode([1; HEADER]), Err(Fault::Header { version: 1, kind: 1 }));
        assert_eq!(Header::decode([0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), Err(Fault::Header { version: 0, kind: 4 }));
    }
}
