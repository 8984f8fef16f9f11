//! Recovery codes, for those who have lost their second factor.

use crate::{Digest, Secret};
use data_encoding::BASE32_NOPAD;

/// How many codes there are in a set.
pub const RECOVERY_CODES: usize = 10;
/// Random bytes of a code.
pub const RECOVERY_CODE_BYTES: usize = 10;
/// Characters of a group.
const GROUP: usize = 4;

/// The code that comes of random bytes: `XXXX-XXXX-XXXX-XXXX`.
#[must_use]
pub fn recovery_code(random: &[u8; RECOVERY_CODE_BYTES]) -> Secret<String> {
    let mut code = String::new();
    for (at, character) in BASE32_NOPAD.encode(random).chars().enumerate() {
        if at > 0 && at % GROUP == 0 {
            code.push('-');
        }
        code.push(character);
    }
    Secret::new(code)
}

/// The digest of a code as somebody typed it: blanks, hyphens and small letters do not matter.
#[must_use]
pub fn recovery_digest(typed: &str) -> Digest {
    let normal: String = typed.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    Digest::of(normal.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_eighty_bits_in_four_groups_and_may_be_typed_carelessly() {
        let code = recovery_code(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 255]);
        assert_eq!(code.expose(), "AAAQ-EAYE-AUDA-OCH7");
        let digest = recovery_digest(code.expose());
        assert_eq!(digest, recovery_digest(" aaaq eaye-auda och7\n"));
        assert_ne!(digest, recovery_digest("AAAQ-EAYE-AUDA-OCH6"));
    }
}
