//! Instants, as a person and as a machine read them.

use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

/// An instant for a `<time>` element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TimeElement {
    /// RFC 3339, in UTC.
    pub(crate) machine: String,
    /// Words, such as `3 hours ago` or `on 2 May 2026`.
    pub(crate) words: String,
}

impl TimeElement {
    /// The day of the instant: `on 2 May 2026`.
    pub(crate) fn day(when: OffsetDateTime) -> Self {
        let when = when.to_offset(UtcOffset::UTC);
        let words = format!("on {} {} {}", when.day(), when.month(), when.year());
        Self { machine: when.format(&Rfc3339).unwrap_or_default(), words }
    }

    /// How long ago it was, as long as that is what a person counts in; the day after a month. An instant of the future
    /// (clocks differ) is `just now`.
    pub(crate) fn ago(when: OffsetDateTime, now: OffsetDateTime) -> Self {
        let day = Self::day(when);
        let minutes = (now - when).whole_minutes();
        let words = match minutes {
            ..1 => "just now".to_owned(),
            1..60 => count(minutes, "minute"),
            60..1_440 => count(minutes / 60, "hour"),
            1_440..43_200 => count(minutes / 1_440, "day"),
            _ => return day,
        };
        Self { words, ..day }
    }
}

fn count(n: i64, unit: &str) -> String {
    if n == 1 { format!("1 {unit} ago") } else { format!("{n} {unit}s ago") }
}

#[cfg(test)]
mod tests {
    use time::{Duration, macros::datetime};

    use super::*;

    #[test]
    fn the_day_is_the_day_in_utc() {
        let moment = TimeElement::day(datetime!(2026-05-02 23:30 -2));
        assert_eq!(
            moment,
            TimeElement { machine: "2026-05-03T01:30:00Z".to_owned(), words: "on 3 May 2026".to_owned() }
        );
    }

    #[test]
    fn the_words_grow_coarser_with_time() {
        let now = datetime!(2026-05-02 12:00 UTC);
        for (past, words) in [
            (Duration::seconds(-5), "just now"),
            (Duration::seconds(59), "just now"),
            (Duration::minutes(1), "1 minute ago"),
            (Duration::minutes(59), "59 minutes ago"),
            (Duration::minutes(119), "1 hour ago"),
            (Duration::hours(23), "23 hours ago"),
            (Duration::hours(47), "1 day ago"),
            (Duration::days(29), "29 days ago"),
            (Duration::days(30), "on 2 April 2026"),
        ] {
            assert_eq!(TimeElement::ago(now - past, now).words, words);
        }
    }
}
