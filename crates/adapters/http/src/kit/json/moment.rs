//! Instants and durations as they are sent.

use doorward_domain::Instant;
use doorward_domain::wire::NEVER;
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use time::format_description::well_known::Rfc3339;
use time::{Duration, UtcOffset};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

/// An instant as it is sent: RFC 3339, UTC, up to microseconds without trailing zeros; "never" is the first instant of
/// the year 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timestamp {
    instant: Option<Instant>,
    in_its_zone: bool,
}

impl From<Instant> for Timestamp {
    fn from(instant: Instant) -> Self {
        Some(instant).into()
    }
}

impl From<Option<Instant>> for Timestamp {
    fn from(instant: Option<Instant>) -> Self {
        Self { instant, in_its_zone: false }
    }
}

impl Timestamp {
    /// The same with the offset that it has, where people want to see the time by their clocks.
    pub(crate) fn in_its_zone(instant: Option<Instant>) -> Self {
        Self { instant, in_its_zone: true }
    }

    fn text(self) -> Cow<'static, str> {
        let Some(instant) = self.instant else { return Cow::Borrowed(NEVER) };
        let shown = if self.in_its_zone { instant } else { instant.to_offset(UtcOffset::UTC) };
        let micros = shown.replace_microsecond(shown.microsecond()).unwrap_or(shown);
        micros.format(&Rfc3339).map_or(Cow::Borrowed(NEVER), Cow::Owned)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .into()
    }
}

impl ToSchema for Timestamp {}

/// A duration as it is sent: an integer in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nanoseconds(pub(crate) Duration);

impl Serialize for Nanoseconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(i64::try_from(self.0.whole_nanoseconds()).unwrap_or(i64::MAX))
    }
}

impl PartialSchema for Nanoseconds {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
            .into()
    }
}

impl ToSchema for Nanoseconds {}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn instants_drop_what_they_do_not_need() {
        for (instant, text) in [
            (datetime!(2026-01-02 03:04:05 UTC), "2026-01-02T03:04:05Z"),
            (datetime!(2026-01-02 03:04:05.1 UTC), "2026-01-02T03:04:05.1Z"),
            (datetime!(2026-01-02 03:04:05.123456789 UTC), "2026-01-02T03:04:05.123456Z"),
            (datetime!(2026-01-02 03:04:05.000100 +02), "2026-01-02T01:04:05.0001Z"),
        ] {
            assert_eq!(Timestamp::from(instant).text(), text);
        }
        assert_eq!(Timestamp::from(None).text(), NEVER);
    }
}
