//! The rule for passwords: hard to guess by counting, short enough to hash.

/// Longest password, in characters.
pub const PASSWORD_MAX: usize = 64;
/// Least estimated entropy of a password, in bits.
const MIN_ENTROPY_BITS: f64 = 52.0;

/// Why a password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordRuleError {
    /// Nothing was given.
    #[error("a password is required")]
    Empty,
    /// It is too long.
    #[error("password must be no more than {PASSWORD_MAX} characters")]
    TooLong,
    /// It could be guessed.
    #[error(
        "insecure password, try including more special characters, using uppercase letters, using numbers or using \
         a longer password"
    )]
    TooWeak,
}

/// Checks the password rule (`identity.md` 2.6): at least 52 bits of estimated entropy, at most 64 characters.
///
/// ```
/// use doorward_domain::users::check_password;
/// assert!(check_password("SomeSecurePassword!").is_ok());
/// assert!(check_password("newpassword").is_err());
/// ```
pub fn check_password(password: &str) -> Result<(), PasswordRuleError> {
    if password.is_empty() {
        return Err(PasswordRuleError::Empty);
    }
    if password.chars().nth(PASSWORD_MAX).is_some() {
        return Err(PasswordRuleError::TooLong);
    }
    if entropy_bits(password) < MIN_ENTROPY_BITS {
        return Err(PasswordRuleError::TooWeak);
    }
    Ok(())
}

/// Characters that count × log2(size of the classes present), repeated and sequential characters discounted.
fn entropy_bits(password: &str) -> f64 {
    type Class = (fn(char) -> bool, f64);
    const CLASSES: [Class; 6] = [
        (|c| c.is_ascii_lowercase(), 26.0),
        (|c| c.is_ascii_uppercase(), 26.0),
        (|c| c.is_ascii_digit(), 10.0),
        (|c| "!@$&*".contains(c), 5.0),
        (|c| "_-., ".contains(c), 5.0),
        (|c| "\"#%'()+/:;<=>?[\\]^{|}~`".contains(c), 23.0),
    ];
    let known: f64 = CLASSES.iter().filter(|(is, _)| password.chars().any(is)).map(|(_, size)| size).sum();
    let other = password.chars().filter(|c| !c.is_ascii_graphic() && *c != ' ').count();
    let base = known + f64::from(u32::try_from(other).unwrap_or(u32::MAX));
    let counted = f64::from(u32::try_from(counted_length(password)).unwrap_or(u32::MAX));
    counted * base.max(1.0).log2()
}

/// The length without the tail of runs: a third equal character in a row, or a third step of a sequence such as `abc`
/// or `987`, adds nothing.
fn counted_length(password: &str) -> usize {
    let codes: Vec<i64> = password.chars().map(|c| i64::from(u32::from(c))).collect();
    let predictable = codes
        .windows(3)
        .filter(|w| match w {
            [a, b, c] => b - a == c - b && matches!(b - a, -1..=1),
            _ => false,
        })
        .count();
    codes.len() - predictable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_count_little() {
        assert!(check_password("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa").is_err());
        assert!(check_password("abcdefghijklmnopqrstuvwxyz").is_err());
        assert!(check_password("0123456789876543210").is_err());
    }

    #[test]
    fn long_or_varied_ones_pass() {
        for good in ["SomeSecurePassword!", "correct horse battery", "Tr0ub4dor&3x", "пароль-из-многих-слов"]
        {
            assert_eq!(check_password(good), Ok(()), "{good}");
        }
        assert_eq!(check_password(&"Ab1!x".repeat(13)), Err(PasswordRuleError::TooLong));
        assert_eq!(check_password(&"Пароль1!".repeat(8)), Ok(()), "64 characters, 112 bytes");
        assert_eq!(check_password(&format!("{}x", "Пароль1!".repeat(8))), Err(PasswordRuleError::TooLong));
        assert_eq!(check_password(""), Err(PasswordRuleError::Empty));
    }
}
