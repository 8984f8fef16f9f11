//! The randomness of the operating system.

use doorward_ports::Random;
use ring::rand::SecureRandom;

/// The generator of the operating system, through ring.
#[derive(Clone, Debug)]
pub struct SystemRandom(ring::rand::SystemRandom);

impl Default for SystemRandom {
    #[expect(clippy::disallowed_methods, reason = "this is the adapter that the others are sent to")]
    fn default() -> Self {
        Self(ring::rand::SystemRandom::new())
    }
}

impl Random for SystemRandom {
    /// # Panics
    ///
    /// When the operating system has no randomness to give: going on would hand out secrets that can be guessed.
    fn fill(&self, bytes: &mut [u8]) {
        assert!(self.0.fill(bytes).is_ok(), "the operating system has no randomness to give");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        let random = SystemRandom::default();
        let (mut one, mut two) = ([0; 32], [0; 32]);
        random.fill(&mut one);
        random.fill(&mut two);
        assert_ne!(one, two);
        assert_ne!(one, [0; 32]);
    }
}
