//! How long the steps of a job took.

use super::has_nul;
use crate::Instant;
use serde::{Deserialize, Serialize};

/// Most steps of one job that are kept.
pub const TIMINGS_MAX: usize = 2_000;
/// Longest text of a step that is kept, in bytes.
pub const TIMING_TEXT_MAX: usize = 512;
/// The stages of which steps are kept, in their order.
pub const TIMING_STAGES: [&str; 4] = ["init", "plan", "graph", "apply"];

/// A step of a job with its times, as a provisioner tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobTiming {
    /// When it began.
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: Instant,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339")]
    pub ended_at: Instant,
    /// One of [`TIMING_STAGES`].
    pub stage: String,
    /// What was done, such as `create`.
    pub action: String,
    /// Who did it, such as the provider of a resource.
    pub source: String,
    /// To what it was done.
    pub resource: String,
}

impl JobTiming {
    /// Of the steps that are told those that are kept: not those of other stages, that end before they begin, or whose texts no database
    /// keeps; and not more than [`TIMINGS_MAX`]. Long texts are cut. A step tells nothing that matters, so none is a mistake.
    #[must_use]
    pub fn kept(told: Vec<Self>) -> Vec<Self> {
        let is_kept = |timing: &Self| {
            TIMING_STAGES.contains(&timing.stage.as_str())
                && timing.started_at <= timing.ended_at
                && (0..=9999).contains(&timing.started_at.year())
                && (0..=9999).contains(&timing.ended_at.year())
                && ![&timing.action, &timing.source, &timing.resource].into_iter().any(has_nul)
        };
        let cut = |mut text: String| {
            text.truncate(text.floor_char_boundary(TIMING_TEXT_MAX));
            text
        };
        let shortened = |timing: Self| Self {
            action: cut(timing.action),
            source: cut(timing.source),
            resource: cut(timing.resource),
            ..timing
        };
        told.into_iter().filter(is_kept).take(TIMINGS_MAX).map(shortened).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timing(stage: &str, seconds: i64) -> JobTiming {
        let text = |text: &str| text.to_owned();
        JobTiming {
            started_at: Instant::UNIX_EPOCH,
            ended_at: Instant::UNIX_EPOCH + time::Duration::seconds(seconds),
            stage: text(stage),
            action: text("create"),
            source: text("docker"),
            resource: text("docker_container.main"),
        }
    }

    #[test]
    fn only_steps_that_say_something_are_kept_and_texts_are_cut() {
        let long = "\u{e9}".repeat(TIMING_TEXT_MAX);
        let told = vec![
            timing("plan", 1),
            timing("apply", 0),
            timing("apply", -1),
            timing("cron", 1),
            JobTiming { resource: "\0".to_owned(), ..timing("init", 1) },
            JobTiming { resource: long.clone(), ..timing("graph", 1) },
        ];
        let cut = JobTiming { resource: long[..TIMING_TEXT_MAX].to_owned(), ..timing("graph", 1) };
        assert_eq!(JobTiming::kept(told), [timing("plan", 1), timing("apply", 0), cut]);
        assert_eq!(JobTiming::kept(vec![timing("plan", 1); TIMINGS_MAX + 1]).len(), TIMINGS_MAX);
    }
}
