//! The time of the operating system.

use doorward_domain::Instant;
use doorward_ports::Clock;

/// The system's clock, UTC.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the adapter that the others are sent to")]
    fn now(&self) -> Instant {
        Instant::now_utc().truncate_to_microsecond()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_has_whole_microseconds_and_is_utc() {
        let now = SystemClock.now();
        assert_eq!(now.nanosecond() % 1000, 0);
        assert!(now.offset().is_utc());
        assert!(now.year() >= 2025);
    }
}
