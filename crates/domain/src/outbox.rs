//! The outbox: events that a transaction announces, and that subscribers handle after its commit.

use time::Duration;

/// The pause after the first failure of a topic.
const FIRST_PAUSE: Duration = Duration::SECOND;
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::minutes(10);

/// The pause after the last of so many failures in a row, in which nothing of the topic is handled: it doubles from one
/// second to ten minutes.
#[must_use]
pub fn pause_after(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    (FIRST_PAUSE * 2_i32.pow(doublings)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pauses: Vec<i64> = (0..6).map(|failures| pause_after(failures).whole_seconds()).collect();
        assert_eq!(pauses, [1, 1, 2, 4, 8, 16]);
        assert_eq!(pause_after(10), Duration::seconds(512));
        assert!((11..100).chain([u32::MAX]).all(|failures| pause_after(failures) == LONGEST_PAUSE));
    }
}
