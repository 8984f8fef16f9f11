//! Damage, by chance, the same for the same seed.

use crate::seeds::Seed;

/// Longest input, in bytes.
const LONGEST: usize = 16 * 1024;
/// Texts that parsers stumble over: the first numbers that are too large, the least, and headers of frames.
const PIECES: [&[u8]; 14] = [
    &[0],
    &[0x7f],
    &[0x80],
    &[0xff; 4],
    &[0xff; 10],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
    &[0x80, 0x80, 0x04],
    &[0, 4, 0, 1],
    &[0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0],
    &[0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0],
    &[0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7],
    &[0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    &[0x89, 1, 2, 0],
    &[0x0d, 1, 3, 0],
];

/// Makes inputs.
pub(crate) struct Mutator(u64);

impl Mutator {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number (`SplitMix64`).
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below that; 0 for 0.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    /// One of the inputs, damaged at one to six places.
    pub(crate) fn damaged(&mut self, pool: &[Seed]) -> Vec<u8> {
        let mut bytes = pool[self.below(pool.len())].bytes.clone();
        for _ in 0..=self.below(6) {
            self.damage(&mut bytes, pool);
        }
        bytes.truncate(LONGEST);
        bytes
    }

    fn damage(&mut self, bytes: &mut Vec<u8>, pool: &[Seed]) {
        let place = self.below(bytes.len() + 1);
        let end = (place + self.below(12)).min(bytes.len());
        match self.below(9) {
            0 => {
                if let Some(byte) = bytes.get_mut(place) {
                    *byte ^= 1 << (self.next() % 8);
                }
            }
            1 => {
                let byte = self.byte();
                if let Some(old) = bytes.get_mut(place) {
                    *old = byte;
                }
            }
            2 => drop(bytes.drain(place..end)),
            3 => {
                let new: Vec<u8> = (0..self.below(8)).map(|_| self.byte()).collect();
                drop(bytes.splice(place..place, new));
            }
            4 => {
                let piece = PIECES[self.below(PIECES.len())];
                drop(bytes.splice(place..end, piece.iter().copied()));
            }
            // Again what was there before.
            5 => {
                let again = bytes[place..end].to_vec();
                drop(bytes.splice(place..place, again));
            }
            6 => bytes.truncate(place),
            // The rest of another one.
            7 => {
                let other = &pool[self.below(pool.len())].bytes;
                let from = self.below(other.len() + 1);
                bytes.truncate(place);
                bytes.extend_from_slice(&other[from..]);
            }
            // A number, as both layers write them.
            _ => {
                let number = u32::try_from(self.next() % 0x0010_0000).unwrap();
                drop(bytes.splice(place..end, number.to_be_bytes()));
            }
        }
    }
}
