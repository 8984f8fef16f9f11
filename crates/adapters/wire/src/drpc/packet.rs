//! Packets out of frames.

use crate::budget::{Budget, Hold};
use crate::drpc::frame::{Head, HeadReader, Id, Kind};
use crate::fault::Fault;
use bytes::{Buf as _, Bytes, BytesMut};
use std::sync::Arc;

/// Longest path of a call, in bytes.
const PATH: usize = 1024;
/// Longest packet that is no message, in bytes.
const OTHER: usize = 64 * 1024;

/// A packet.
#[derive(Debug)]
pub(crate) struct Packet {
    pub(crate) kind: Kind,
    pub(crate) id: Id,
    pub(crate) data: Bytes,
    /// Its bytes count for the session until this is dropped.
    pub(crate) hold: Hold,
}

/// Makes packets of what comes on a stream.
#[derive(Debug)]
pub(crate) struct PacketReader {
    budget: Arc<Budget>,
    /// Longest message, in bytes.
    message: usize,
    head: HeadReader,
    /// The packet that is not complete, and how much of its frame is to come.
    partial: Option<Partial>,
    /// The newest packet of which a frame was seen.
    newest: Id,
    /// Whether that one is complete.
    is_complete: bool,
}

#[derive(Debug)]
struct Partial {
    kind: Kind,
    id: Id,
    data: BytesMut,
    hold: Hold,
    left: usize,
    is_last: bool,
}

impl PacketReader {
    pub(crate) fn new(message: usize, budget: Arc<Budget>) -> Self {
        Self { budget, message, head: HeadReader::default(), partial: None, newest: Id::default(), is_complete: true }
    }

    /// Takes bytes until a packet is complete, or all of them. Errors: [`Fault::Packet`], [`Fault::TooLarge`], [`Fault::Full`].
    pub(crate) fn take(&mut self, input: &mut Bytes) -> Result<Option<Packet>, Fault> {
        loop {
            if let Some(partial) = &mut self.partial
                && partial.left > 0
            {
                let here = partial.left.min(input.len());
                if here == 0 {
                    return Ok(None);
                }
                if !partial.hold.add(here) {
                    return Err(Fault::Full(self.budget.most()));
                }
                partial.data.extend_from_slice(&input.split_to(here));
                partial.left -= here;
            } else {
                let Some(byte) = input.first().copied() else { return Ok(None) };
                input.advance(1);
                let Some(head) = self.head.push(byte)? else { continue };
                self.begin(head)?;
            }
            if let Some(whole) = self.partial.take_if(|partial| partial.left == 0 && partial.is_last) {
                self.is_complete = true;
                let Partial { kind, id, data, hold, .. } = whole;
                return Ok(Some(Packet { kind, id, data: data.freeze(), hold }));
            }
        }
    }

    /// Begins with a frame: of the same packet, or of another one, in whose favour one that is not complete is dropped.
    fn begin(&mut self, head: Head) -> Result<(), Fault> {
        if head.id < self.newest || (head.id == self.newest && self.is_complete) {
            return Err(Fault::Packet("its number is not higher than those before"));
        }
        let mut partial = match self.partial.take() {
            Some(same) if same.id == head.id => {
                if same.kind != head.kind {
                    return Err(Fault::Packet("its kind changes on the way"));
                }
                same
            }
            _ => Partial {
                kind: head.kind,
                id: head.id,
                data: BytesMut::new(),
                hold: self.budget.hold(),
                left: 0,
                is_last: false,
            },
        };
        let most = match head.kind {
            Kind::Message => self.message,
            Kind::Invoke => PATH,
            Kind::Error | Kind::Cancel | Kind::Close | Kind::CloseSend | Kind::Metadata | Kind::OtherControl => OTHER,
        };
        if head.length > most.saturating_sub(partial.data.len()) {
            return Err(Fault::TooLarge(most));
        }
        (partial.left, partial.is_last) = (head.length, head.is_last);
        (self.newest, self.is_complete) = (head.id, false);
        self.partial = Some(partial);
        Ok(())
    }
}
