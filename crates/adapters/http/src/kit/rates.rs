//! How often something has happened in each of the last minutes, on this server.

use actix_web::http::StatusCode;
use doorward_domain::Instant;
use std::sync::atomic::{AtomicU64, Ordering};

/// So many minutes are remembered.
pub(crate) const MINUTES: usize = 60;

/// Counts by minute. What is older than an hour is written over.
#[derive(Debug)]
pub(crate) struct Rate([AtomicU64; MINUTES]);

impl Default for Rate {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; MINUTES])
    }
}

/// The minute and its count in one number, so that both change at once: the lower half counts.
const HALF: u32 = 32;

fn minute_of(at: Instant) -> u64 {
    u64::try_from(at.unix_timestamp() / 60).unwrap_or(0)
}

impl Rate {
    fn slot(&self, minute: u64) -> Option<&AtomicU64> {
        self.0.get(usize::try_from(minute % MINUTES as u64).ok()?)
    }

    /// One more.
    pub(crate) fn note(&self, at: Instant) {
        let minute = minute_of(at);
        let Some(slot) = self.slot(minute) else { return };
        let one_more = |known: u64| {
            let is_same = (known >> HALF) == minute;
            Some(if is_same { known + 1 } else { (minute << HALF) | 1 })
        };
        // It never answers that there is nothing to be done.
        let _before = slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
    }

    /// How many there were in each minute, the one of now last.
    pub(crate) fn by_minute(&self, now: Instant) -> Vec<u64> {
        let now = minute_of(now);
        let first = now.saturating_sub(MINUTES as u64 - 1);
        let count = |minute: u64| {
            let known = self.slot(minute).map_or(0, |slot| slot.load(Ordering::Relaxed));
            if (known >> HALF) == minute { known & u64::from(u32::MAX) } else { 0 }
        };
        (first..=now).map(count).collect()
    }
}

/// What is counted of the answers of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// Tokens that are issued.
    Tokens,
    /// Sign-ins with a password, and those that are refused.
    SignIns,
}

/// What is counted of all that is answered.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    /// Answers of the token endpoint with tokens.
    pub(crate) tokens: Rate,
    /// Sign-ins with a password.
    pub(crate) sign_ins: Rate,
    /// Those that were refused: a wrong password, too many attempts.
    pub(crate) failed_sign_ins: Rate,
}

impl Rates {
    /// Where an answer of this status is counted, if it is anywhere.
    pub(crate) fn of(&self, counted: Counted, status: StatusCode) -> Option<&Rate> {
        match counted {
            Counted::Tokens => status.is_success().then_some(&self.tokens),
            Counted::SignIns if status.is_success() || status.is_redirection() => Some(&self.sign_ins),
            Counted::SignIns => {
                let refusals = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::TOO_MANY_REQUESTS];
                refusals.contains(&status).then_some(&self.failed_sign_ins)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::Duration;
    use time::macros::datetime;

    const NOW: Instant = datetime!(2026-03-01 12:00:30 UTC);

    #[test]
    fn what_happened_is_counted_by_minute_for_an_hour() {
        let rate = Rate::default();
        assert_eq!(rate.by_minute(NOW), [0; MINUTES]);
        for seconds in [0, 20, 30] {
            rate.note(NOW + Duration::seconds(seconds));
        }
        let counts = rate.by_minute(NOW + Duration::MINUTE);
        assert_eq!((counts.len(), &counts[MINUTES - 3..]), (MINUTES, &[0, 2, 1][..]));
        let last = NOW + Duration::minutes(59);
        assert_eq!(rate.by_minute(last)[..2], [2, 1]);
        assert_eq!(rate.by_minute(last + Duration::MINUTE)[..2], [1, 0]);
        // The same place, an hour later.
        rate.note(last + Duration::MINUTE);
        let counts = rate.by_minute(last + Duration::MINUTE);
        assert_eq!((counts[0], counts[MINUTES - 1]), (1, 1));
        assert_eq!(rate.by_minute(NOW + Duration::DAY), [0; MINUTES]);
    }

    #[test]
    fn answers_are_counted_where_they_belong() {
        let rates = Rates::default();
        for (counted, status, expected) in [
            (Counted::Tokens, 200, Some(&rates.tokens)),
            (Counted::Tokens, 400, None),
            (Counted::SignIns, 201, Some(&rates.sign_ins)),
            (Counted::SignIns, 303, Some(&rates.sign_ins)),
            (Counted::SignIns, 401, Some(&rates.failed_sign_ins)),
            (Counted::SignIns, 403, Some(&rates.failed_sign_ins)),
            (Counted::SignIns, 429, Some(&rates.failed_sign_ins)),
            (Counted::SignIns, 400, None),
            (Counted::SignIns, 503, None),
        ] {
            let found = rates.of(counted, StatusCode::from_u16(status).unwrap());
            assert_eq!(found.map(std::ptr::from_ref), expected.map(std::ptr::from_ref), "{counted:?} {status}");
        }
    }
}
