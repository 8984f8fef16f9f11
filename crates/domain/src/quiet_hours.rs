//! Quiet hours (`enterprise-identity.md` 5): when, on each day, a user's workspaces may be stopped for maintenance.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;
use time::{OffsetDateTime, UtcOffset};

/// How long the window is, from its start.
pub const WINDOW: time::Duration = time::Duration::hours(4);
/// The longest schedule that is read, in bytes. The longest name of a zone has 38.
pub const SCHEDULE_MAX: usize = 256;

const PREFIX: &str = "CRON_TZ=";

/// The start of a window on each day: a minute of an hour by the clocks of one time zone.
///
/// ```
/// use doorward_domain::quiet_hours::DailySchedule;
/// use time::macros::datetime;
///
/// let schedule: DailySchedule = "CRON_TZ=europe/berlin  30 2 * * *".parse().unwrap();
/// assert_eq!(schedule.to_string(), "CRON_TZ=Europe/Berlin 30 2 * * *");
/// assert_eq!((schedule.time().as_str(), schedule.timezone()), ("02:30", "Europe/Berlin"));
/// let next = schedule.next_after(datetime!(2026-07-01 01:00 UTC)).unwrap();
/// assert_eq!(next, datetime!(2026-07-02 02:30 +2));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DailySchedule {
    zone: TimeZone,
    hour: u8,
    minute: u8,
}

/// Why a text is no daily schedule. Clients look for the words `parse daily schedule` and `more than one time`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// More than [`SCHEDULE_MAX`] bytes.
    #[error("parse daily schedule: must have at most {SCHEDULE_MAX} bytes")]
    TooLong,
    /// Not five fields.
    #[error(
        "parse daily schedule: must have five fields, as in `CRON_TZ=Europe/Berlin 30 2 * * *`; the part with the zone may be left out"
    )]
    Fields,
    /// The database of time zones does not have it.
    #[error("parse daily schedule: `{0}` is no time zone of the IANA database")]
    Zone(String),
    /// A list, a range, a step or an asterisk.
    #[error("schedule has more than one time: the {0} must be one number")]
    MoreThanOneTime(&'static str),
    /// No number, or one that is too high.
    #[error("parse daily schedule: the {field} must be a number from 0 to {highest}")]
    Number {
        /// `minute` or `hour`.
        field: &'static str,
        /// The highest number that is allowed.
        highest: u8,
    },
    /// Something else than every day.
    #[error("parse daily schedule: day of month, month and day of week must each be `*`")]
    NotDaily,
}

impl FromStr for DailySchedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        if text.len() > SCHEDULE_MAX {
            return Err(ScheduleError::TooLong);
        }
        let mut fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let zone = match fields.first().and_then(|first| first.strip_prefix(PREFIX)) {
            Some(zone) => {
                fields.remove(0);
                zone_of(zone)?
            }
            None => TimeZone::UTC,
        };
        let [minute, hour, day_of_month, month, day_of_week] = fields[..] else { return Err(ScheduleError::Fields) };
        if [day_of_month, month, day_of_week] != ["*"; 3] {
            return Err(ScheduleError::NotDaily);
        }
        Ok(Self { zone, minute: number("minute", minute, 59)?, hour: number("hour", hour, 23)? })
    }
}

/// A zone by its name, without regard to letter case. Where the machine stands is no zone, for it may be another one tomorrow.
fn zone_of(name: &str) -> Result<TimeZone, ScheduleError> {
    TimeZone::get(name)
        .ok()
        .filter(|zone| !zone.is_unknown() && zone.iana_name().is_some())
        .ok_or_else(|| ScheduleError::Zone(name.to_owned()))
}

fn number(field: &'static str, text: &str, highest: u8) -> Result<u8, ScheduleError> {
    if text.contains(['*', ',', '-', '/', '?']) {
        return Err(ScheduleError::MoreThanOneTime(field));
    }
    // `parse` would take a sign.
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| is_digits && *number <= highest).ok_or(ScheduleError::Number { field, highest })
}

/// The normal form: single spaces, and the zone always there.
impl fmt::Display for DailySchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{} {} {} * * *", self.timezone(), self.minute, self.hour)
    }
}

impl DailySchedule {
    /// The start as `HH:MM`, 24 hours.
    #[must_use]
    pub fn time(&self) -> String {
        format!("{:02}:{:02}", self.hour, self.minute)
    }

    /// The name of the time zone.
    #[must_use]
    pub fn timezone(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// The first start strictly after `now`, with the offset that the zone has then: by the clocks of the zone it is always the
    /// same time. On a day that leaves it out, because clocks go forward, it is as much later as they go forward; where clocks
    /// go back, it is the first of the two. `None` if that is after the year 9999.
    #[must_use]
    pub fn next_after(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let now = jiff::Timestamp::from_nanosecond(now.unix_timestamp_nanos()).ok()?;
        let mut day = now.to_zoned_datetime(self.zone.clone()).date();
        // That of today may be over; that of tomorrow is not.
        for _today_and_tomorrow in 0..2 {
            let start = self.start_of(day)?;
            if start.unix_timestamp_nanos() > now.as_nanosecond() {
                return Some(start);
            }
            day = day.tomorrow().ok()?;
        }
        self.start_of(day)
    }

    fn start_of(&self, day: Date) -> Option<OffsetDateTime> {
        let wall_clock = day.at(i8::try_from(self.hour).ok()?, i8::try_from(self.minute).ok()?, 0, 0);
        let start = self.zone.to_zoned_datetime(wall_clock).ok()?;
        let offset = UtcOffset::from_whole_seconds(start.offset().seconds()).ok()?;
        let instant = OffsetDateTime::from_unix_timestamp_nanos(start.timestamp().as_nanosecond()).ok()?;
        instant.checked_to_offset(offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::macros::datetime;

    fn schedule(text: &str) -> DailySchedule {
        text.parse().unwrap()
    }

    #[test]
    fn the_normal_form_is_read_as_the_same() {
        for (text, normal) in [
            ("0 0 * * *", "CRON_TZ=UTC 0 0 * * *"),
            (" 05\t7  * * * ", "CRON_TZ=UTC 5 7 * * *"),
            ("CRON_TZ=america/new_york 59 23 * * *", "CRON_TZ=America/New_York 59 23 * * *"),
            ("CRON_TZ=utc 1 2 * * *", "CRON_TZ=UTC 1 2 * * *"),
        ] {
            assert_eq!(schedule(text).to_string(), normal);
            assert_eq!(schedule(normal), schedule(text));
        }
    }

    #[test]
    fn what_is_no_daily_schedule_is_told_why() {
        for text in [
            "",
            "CRON_TZ=UTC",
            "0 0 * *",
            "0 0 * * * *",
            "@daily",
            "TZ=UTC 0 0 * * *",
            "CRON_TZ= UTC 0 0 * * *",
            "60 0 * * *",
            "0 24 * * *",
            "x 0 * * *",
            "+1 0 * * *",
            "0 999 * * *",
            "0 0 1 * *",
            "0 0 * JAN *",
            "0 0 * * MON",
            "0 0 * * ?",
            "CRON_TZ=Mars/Olympus 0 0 * * *",
            "CRON_TZ=Local 0 0 * * *",
            "CRON_TZ= 0 0 * * *",
            "CRON_TZ=Etc/Unknown 0 0 * * *",
            "CRON_TZ=EST5EDT4,M3.2.0,M11.1.0 0 0 * * *",
            "CRON_TZ=../../etc/passwd 0 0 * * *",
        ] {
            let told = text.parse::<DailySchedule>().unwrap_err().to_string();
            assert!(told.starts_with("parse daily schedule: "), "{text}: {told}");
        }
        for text in ["* 0 * * *", "0 * * * *", "0,30 0 * * *", "0 1-5 * * *", "*/5 0 * * *"] {
            let told = text.parse::<DailySchedule>().unwrap_err().to_string();
            assert!(told.contains("more than one time"), "{text}: {told}");
        }
        assert_eq!("0 ".repeat(200).parse::<DailySchedule>(), Err(ScheduleError::TooLong));
    }

    #[test]
    fn the_time_by_the_clock_stays_when_clocks_change() {
        let berlin = schedule("CRON_TZ=Europe/Berlin 30 2 * * *");
        assert_eq!(berlin.next_after(datetime!(2026-03-27 12:00 UTC)), Some(datetime!(2026-03-28 02:30 +1)));
        // 02:30 is left out on that day.
        assert_eq!(berlin.next_after(datetime!(2026-03-28 12:00 UTC)), Some(datetime!(2026-03-29 03:30 +2)));
        assert_eq!(berlin.next_after(datetime!(2026-03-29 12:00 UTC)), Some(datetime!(2026-03-30 02:30 +2)));
        // It comes twice on that day, and counts once.
        let first = datetime!(2026-10-25 02:30 +2);
        assert_eq!(berlin.next_after(datetime!(2026-10-24 12:00 UTC)), Some(first));
        assert_eq!(berlin.next_after(first), Some(datetime!(2026-10-26 02:30 +1)));
    }

    #[test]
    fn a_start_is_not_after_itself() {
        let utc = schedule("0 0 * * *");
        let midnight = datetime!(2026-03-05 00:00 UTC);
        assert_eq!(utc.next_after(midnight), Some(midnight + time::Duration::DAY));
        assert_eq!(utc.next_after(midnight - time::Duration::NANOSECOND), Some(midnight));
        assert_eq!(utc.next_after(datetime!(9999-12-31 23:59 UTC)), None);
    }

    proptest! {
        #[test]
        fn the_next_start_comes_within_two_days_at_the_time_by_the_clock(
            seconds in 0_i64..4_102_444_800,
            hour in 0_u8..24,
            minute in 0_u8..60,
            zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Australia/Lord_Howe"]),
        ) {
            let schedule: DailySchedule = format!("CRON_TZ={zone} {minute} {hour} * * *").parse().unwrap();
            let now = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
            let next = schedule.next_after(now).unwrap();
            // Samoa once left out a whole day.
            prop_assert!(next > now && next - now <= time::Duration::hours(49));
            let is_at_the_time = (next.hour(), next.minute()) == (hour, minute);
            let is_left_out = schedule.next_after(next).unwrap() - next != time::Duration::DAY;
            prop_assert!(is_at_the_time || is_left_out);
        }
    }
}
