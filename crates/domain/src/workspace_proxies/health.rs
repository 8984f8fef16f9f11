//! How proxies do, as far as a server has seen.

use crate::Instant;
use crate::replicas::shortened;
use crate::text_enum::text_enum;
use serde::Deserialize;

/// Longest report that is read, in bytes.
pub const REPORT_BYTES_MAX: usize = 64 * 1024;
/// Most errors and most warnings of a report that are kept, each of at most [`ENTRY_MAX`] bytes.
const ENTRIES_MAX: usize = 20;
const ENTRY_MAX: usize = 1000;

text_enum! {
    /// How a proxy does.
    HealthStatus {
        /// It has been asked, and complains of nothing.
        Ok = "ok",
        /// It has been asked and did not answer.
        Unreachable = "unreachable",
        /// It has answered, and not that all is well.
        Unhealthy = "unhealthy",
        /// It has never registered, so nobody knows where it is.
        Unregistered = "unregistered",
        /// Nobody has asked it yet.
        Unknown = "unknown",
    }
}

/// What is wrong with a proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthReport {
    /// What keeps it from working.
    pub errors: Vec<String>,
    /// What does not.
    pub warnings: Vec<String>,
}

/// How a proxy does, and since when that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// In a word.
    pub status: HealthStatus,
    /// In sentences.
    pub report: HealthReport,
    /// When it was asked; `None` if it was not.
    pub checked_at: Option<Instant>,
}

impl Health {
    /// That of a proxy that nobody has asked.
    pub const UNKNOWN: Self = Self {
        status: HealthStatus::Unknown,
        report: HealthReport { errors: Vec::new(), warnings: Vec::new() },
        checked_at: None,
    };

    /// Without any complaint.
    #[must_use]
    pub fn quiet(status: HealthStatus, at: Instant) -> Self {
        Self { status, report: HealthReport::default(), checked_at: Some(at) }
    }

    /// With one complaint.
    #[must_use]
    pub fn bad(status: HealthStatus, error: impl Into<String>, at: Instant) -> Self {
        Self { report: HealthReport { errors: vec![error.into()], warnings: Vec::new() }, ..Self::quiet(status, at) }
    }

    /// What a proxy answers with this status and body when it is asked for its report.
    #[must_use]
    pub fn answered(status: u16, body: &[u8], at: Instant) -> Self {
        #[derive(Deserialize)]
        struct Report {
            #[serde(default)]
            errors: Option<Vec<String>>,
            #[serde(default)]
            warnings: Option<Vec<String>>,
        }
        if status != 200 {
            let told = format!(
                "The proxy answers with status {status} instead of 200.\nLook whether its access URL leads to it."
            );
            return Self::bad(HealthStatus::Unhealthy, told, at);
        }
        let Ok(said) = serde_json::from_slice::<Report>(body) else {
            let told = "The proxy answers with something else than a report. Look whether its access URL leads to it.";
            return Self::bad(HealthStatus::Unhealthy, told, at);
        };
        let kept = |said: Option<Vec<String>>| {
            said.into_iter().flatten().take(ENTRIES_MAX).map(|text| shortened(&text, ENTRY_MAX)).collect()
        };
        let report = HealthReport { errors: kept(said.errors), warnings: kept(said.warnings) };
        let status = if report.errors.is_empty() { HealthStatus::Ok } else { HealthStatus::Unhealthy };
        Self { status, report, checked_at: Some(at) }
    }

    /// Whether people can rely on it.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.status == HealthStatus::Ok
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_as_a_report_or_is_the_complaint() {
        let of = |status, body: &str| Health::answered(status, body.as_bytes(), Instant::UNIX_EPOCH);
        for (status, body, word, errors, warnings) in [
            (200, r#"{"errors":null,"warnings":null}"#, HealthStatus::Ok, 0, 0),
            (200, r#"{"errors":[],"warnings":["older"],"more":1}"#, HealthStatus::Ok, 0, 1),
            (200, r#"{"errors":["cannot reach the primary"]}"#, HealthStatus::Unhealthy, 1, 0),
            (200, "<html>", HealthStatus::Unhealthy, 1, 0),
            (200, "[1]", HealthStatus::Unhealthy, 1, 0),
            (404, "{}", HealthStatus::Unhealthy, 1, 0),
        ] {
            let health = of(status, body);
            let lengths = (health.report.errors.len(), health.report.warnings.len());
            assert_eq!((health.status, lengths), (word, (errors, warnings)), "{body}");
            assert_eq!(health.is_healthy(), word == HealthStatus::Ok);
        }
        assert!(of(502, "").report.errors[0].contains('\n'), "several lines");
    }

    #[test]
    fn a_report_is_bounded() {
        let many = serde_json::json!({ "warnings": vec!["é".repeat(ENTRY_MAX); 50] }).to_string();
        let report = Health::answered(200, many.as_bytes(), Instant::UNIX_EPOCH).report;
        assert_eq!(report.warnings.len(), ENTRIES_MAX);
        assert!(report.warnings.iter().all(|text| text.len() <= ENTRY_MAX));
    }
}
