//! What sections of the settings are made of: durations, and the rules that no type expresses. With the feature `settings`.
//!
//! A section is a table of the settings file. It is a struct in the crate that uses it, which derives `Deserialize` and
//! `Serialize`, so that a new key is a line of the struct and a line of the file of defaults.
//!
//! ```
//! use doorward_domain::settings::{Defects, Section, Span};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Deserialize, Serialize)]
//! struct CleanupSettings {
//!     interval: Span,
//!     batch: u32,
//! }
//!
//! impl Section for CleanupSettings {
//!     const NAME: &'static str = "cleanup";
//!
//!     fn check(&self, defects: &mut Defects) {
//!         defects.at_least_a_second("interval", self.interval);
//!         defects.unless(self.batch > 0, "batch", "must not be 0");
//!     }
//! }
//!
//! let settings: CleanupSettings = serde_json::from_str(r#"{"interval": "0s", "batch": 0}"#).unwrap();
//! assert_eq!(settings.defects(), [
//!     "the setting `cleanup.interval` must be at least one second",
//!     "the setting `cleanup.batch` must not be 0",
//! ]);
//! ```

use crate::Secret;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{DeserializeOwned, Error as _, IntoDeserializer as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use time::Duration;

/// What is printed in the place of a secret.
pub const HIDDEN: &str = "********";

/// A table of the settings file, or those of its keys that one crate uses: two sections may have the same name.
pub trait Section: DeserializeOwned + Serialize {
    /// Name of the table, its parts joined by dots. Empty: the keys that stand in no table.
    const NAME: &'static str;

    /// Notes all that is wrong with the values and that no type says.
    fn check(&self, defects: &mut Defects);

    /// All that is wrong with the values, each with its key; empty when nothing is.
    fn defects(&self) -> Vec<String> {
        let mut defects = Defects { section: Self::NAME, found: Vec::new() };
        self.check(&mut defects);
        defects.found
    }
}

/// Where a section comes from. Who makes something of several sections demands one of these for each, so that none is forgotten.
pub trait HasSection<T: Section> {
    /// The section.
    fn section(&self) -> T;
}

/// What is wrong with the values of a section.
#[derive(Debug)]
pub struct Defects {
    section: &'static str,
    found: Vec<String>,
}

impl Defects {
    /// Notes what a key is or must be, such as `must not be 0`, unless the rule holds. A key of an entry in a list is written
    /// `providers[0].issuer`.
    pub fn unless(&mut self, holds: bool, key: &str, rule: &str) {
        if !holds {
            let dot = if self.section.is_empty() { "" } else { "." };
            self.found.push(format!("the setting `{}{dot}{key}` {rule}", self.section));
        }
    }

    /// Notes a duration under one second.
    pub fn at_least_a_second(&mut self, key: &str, span: Span) {
        self.unless(span >= Span::SECOND, key, "must be at least one second");
    }

    /// Notes a defect in words of its own, which name the keys in full.
    pub fn note(&mut self, defect: String) {
        self.found.push(defect);
    }
}

/// A duration of the settings, such as `90s`, `15m`, `24h` or `30d`. It is not negative and has at most 200 years, so what is
/// later by it than now is a time that every database of ours can store.
///
/// ```
/// use doorward_domain::settings::Span;
/// let span: Span = "1h 30m".parse().unwrap();
/// assert_eq!(span.get(), time::Duration::minutes(90));
/// assert_eq!(span.to_string(), "90m");
/// assert!("soon".parse::<Span>().is_err() && "201years".parse::<Span>().is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(std::time::Duration);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self::seconds(0);
    /// One second.
    pub const SECOND: Self = Self::seconds(1);
    /// 24 hours.
    pub const DAY: Self = Self::seconds(24 * 60 * 60);
    /// The longest that can be set: 200 years of 366 days.
    pub const LONGEST: Self = Self(std::time::Duration::from_hours(200 * 366 * 24));

    /// So many seconds.
    #[must_use]
    pub const fn seconds(seconds: u32) -> Self {
        Self(std::time::Duration::from_secs(seconds as u64))
    }

    /// So many milliseconds.
    #[must_use]
    pub const fn milliseconds(milliseconds: u32) -> Self {
        Self(std::time::Duration::from_millis(milliseconds as u64))
    }

    /// The duration, for arithmetic with an [`Instant`](crate::Instant).
    #[must_use]
    pub fn get(self) -> Duration {
        // Within the limit, which is checked where a span is made, this does not fail.
        Duration::try_from(self.0).unwrap_or(Duration::MAX)
    }

    /// The duration, for timers.
    #[must_use]
    pub const fn std(self) -> std::time::Duration {
        self.0
    }
}

/// The largest unit of which it is a whole number, so that what is printed is read again as the same.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SECOND: u128 = 1_000_000_000;
        const UNITS: [(&str, u128); 6] = [
            ("d", 24 * 60 * 60 * SECOND),
            ("h", 60 * 60 * SECOND),
            ("m", 60 * SECOND),
            ("s", SECOND),
            ("ms", SECOND / 1_000),
            ("us", SECOND / 1_000_000),
        ];
        match (self.0.as_nanos(), UNITS) {
            (0, _) => f.write_str("0s"),
            (nanoseconds, units) => match units.iter().find(|(_, size)| nanoseconds % size == 0) {
                Some((unit, size)) => write!(f, "{}{unit}", nanoseconds / size),
                None => write!(f, "{nanoseconds}ns"),
            },
        }
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is not a [`Span`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpanError {
    /// It is no duration.
    #[error("`{text}` is not a duration such as 90s, 15m, 24h or 30d: {reason}")]
    Syntax {
        /// What was given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It is longer than [`Span::LONGEST`].
    #[error("`{0}` is longer than 200 years")]
    TooLong(String),
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let syntax =
            |error: humantime::DurationError| SpanError::Syntax { text: text.to_owned(), reason: error.to_string() };
        let span = Self(humantime::parse_duration(text).map_err(syntax)?);
        if span > Self::LONGEST { Err(SpanError::TooLong(text.to_owned())) } else { Ok(span) }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// For `#[serde(deserialize_with = "..")]`, for lists within an entry of a list: a list, or one text that has its items between commas, as
/// the environment gives it. An empty text is an empty list.
///
/// ```
/// use doorward_domain::settings::comma_list;
/// # use serde::Deserialize;
/// #[derive(Deserialize)]
/// struct Provider {
///     #[serde(deserialize_with = "comma_list")]
///     scopes: Vec<String>,
/// }
/// for text in [r#"{"scopes": ["openid", "email"]}"#, r#"{"scopes": "openid, email"}"#] {
///     assert_eq!(serde_json::from_str::<Provider>(text).unwrap().scopes, ["openid", "email"]);
/// }
/// assert!(serde_json::from_str::<Provider>(r#"{"scopes": ""}"#).unwrap().scopes.is_empty());
/// ```
pub fn comma_list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_any(CommaList(PhantomData))
}

struct CommaList<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for CommaList<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list, or a text with commas")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Vec<T>, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(items))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<T>, E> {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        items.map(|item| T::deserialize(item.to_owned().into_deserializer())).collect()
    }
}

/// For `#[serde(with = "..")]`: a value that is not set when its text is empty.
pub mod optional {
    use serde::de::{Deserialize, Deserializer, Error as _};
    use serde::ser::Serializer;
    use std::fmt::Display;
    use std::str::FromStr;

    /// Writes the value, or an empty text.
    pub fn serialize<S: Serializer, T: Display>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(value),
            None => serializer.serialize_str(""),
        }
    }

    /// Reads a text, of which an empty one is `None`.
    pub fn deserialize<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
    where
        D: Deserializer<'de>,
        T: FromStr<Err: Display>,
    {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(D::Error::custom) }
    }
}

/// Hidden, unless there is none: settings can be printed.
impl Serialize for Secret<String> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.expose().is_empty() { "" } else { HIDDEN })
    }
}

impl<'de> Deserialize<'de> for Secret<String> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_prints_as_the_largest_whole_unit_and_reads_back_as_the_same() {
        for (text, printed) in [
            ("90s", "90s"),
            ("60s", "1m"),
            ("24h", "1d"),
            ("36h", "36h"),
            ("876600h", "36525d"),
            ("1h 30m", "90m"),
            ("1500ms", "1500ms"),
            ("5us", "5us"),
            ("7ns", "7ns"),
            ("0s", "0s"),
        ] {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.to_string(), printed, "{text}");
            assert_eq!(printed.parse(), Ok(span));
            assert_eq!(serde_json::to_value(span).unwrap(), printed);
        }
    }

    #[test]
    fn no_span_is_longer_than_what_databases_can_add_to_now() {
        let longest: Span = Span::LONGEST.to_string().parse().unwrap();
        assert_eq!((longest, longest.get().whole_days()), (Span::LONGEST, 200 * 366));
        let more = format!("{}h", 200 * 366 * 24 + 1);
        assert_eq!(more.parse::<Span>(), Err(SpanError::TooLong(more.clone())));
        let words = "soon".parse::<Span>().unwrap_err().to_string();
        assert!(words.starts_with("`soon` is not a duration such as 90s"), "{words}");
    }

    #[test]
    fn a_value_without_text_is_not_set() {
        #[derive(Deserialize, Serialize)]
        struct Kept {
            #[serde(with = "optional")]
            retention: Option<Span>,
        }
        for (json, expected) in [(r#"{"retention":""}"#, None), (r#"{"retention":"1d"}"#, Some(Span::DAY))] {
            let kept: Kept = serde_json::from_str(json).unwrap();
            assert_eq!(kept.retention, expected);
            assert_eq!(serde_json::to_string(&kept).unwrap(), json);
        }
        assert!(serde_json::from_str::<Kept>(r#"{"retention":"x"}"#).is_err());
    }

    #[test]
    fn a_secret_is_read_and_never_written() {
        let secret: Secret<String> = serde_json::from_str(r#""hunter2""#).unwrap();
        assert_eq!(secret.expose(), "hunter2");
        assert_eq!(serde_json::to_value(&secret).unwrap(), HIDDEN);
        assert_eq!(serde_json::to_value(Secret::from("")).unwrap(), "");
    }
}
