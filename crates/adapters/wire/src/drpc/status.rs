//! Why a call fails.

use bytes::{BufMut as _, Bytes, BytesMut};
use thiserror::Error;

/// Why a call fails, as its caller is told.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text}")]
pub struct Status {
    /// 0 unless clients look at it.
    pub code: u64,
    /// What went wrong.
    pub text: String,
}

impl Status {
    /// The code of calls that this side knows and does not offer.
    pub const UNIMPLEMENTED: u64 = 12;
    /// Longest text, in bytes: packets that are no messages are small.
    const TEXT: usize = 4096;

    /// An error with the usual code.
    #[must_use]
    pub fn error(text: impl Into<String>) -> Self {
        Self { code: 0, text: text.into() }
    }

    /// A call that this side knows and does not offer.
    #[must_use]
    pub fn unimplemented(text: impl Into<String>) -> Self {
        Self { code: Self::UNIMPLEMENTED, text: text.into() }
    }

    /// What the other side says. What it leaves out is none, and what is no text is shown as far as it is.
    pub(crate) fn decode(bytes: &[u8]) -> Self {
        let (code, text) = bytes.split_first_chunk().unwrap_or((&[0; 8], &[]));
        let text = String::from_utf8_lossy(text.get(..text.len().min(Self::TEXT)).unwrap_or_default()).into_owned();
        Self { code: u64::from_be_bytes(*code), text }
    }

    pub(crate) fn encode(&self) -> Bytes {
        let end = self.text.floor_char_boundary(Self::TEXT);
        let text = self.text.get(..end).unwrap_or_default();
        let mut bytes = BytesMut::with_capacity(8 + text.len());
        bytes.put_u64(self.code);
        bytes.put_slice(text.as_bytes());
        bytes.freeze()
    }
}
