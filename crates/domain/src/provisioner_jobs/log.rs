//! What daemons tell while they work.

use crate::Instant;
use crate::text_enum::text_enum;
use time::Duration;

/// Longest line that is kept, in bytes.
pub const LINE_MAX: usize = 8 * 1024;
/// Longest name of a stage that is kept, in bytes.
pub const STAGE_MAX: usize = 256;
/// Most lines in one message of a daemon.
pub const LINES_AT_ONCE: usize = 10_000;
/// So much is kept of the log of one job, in bytes.
pub const LOG_MAX: i64 = 4 * 1024 * 1024;
/// For so long lines are kept.
pub const LOGS_KEPT: Duration = Duration::days(30);
/// What a line counts besides its text.
const LINE_COST: usize = 64;

text_enum! {
    /// Who says it.
    LogSource {
        /// The daemon.
        ProvisionerDaemon = "provisioner_daemon",
        /// What it runs.
        Provisioner = "provisioner",
    }
}

text_enum! {
    /// How much it matters.
    LogLevel {
        /// To those who look for a mistake in the daemon.
        Trace = "trace",
        /// To those who look for a mistake.
        Debug = "debug",
        /// To whoever watches.
        Info = "info",
        /// Something is odd.
        Warn = "warn",
        /// Something went wrong.
        Error = "error",
    }
}

/// A line, as a daemon tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLog {
    /// When it was written, by the clock of the daemon.
    pub created_at: Instant,
    /// Who says it.
    pub source: LogSource,
    /// How much it matters.
    pub level: LogLevel,
    /// What the job was at.
    pub stage: String,
    /// The line.
    pub output: String,
}

impl NewLog {
    /// The same line as it is kept: without what no database can store, and no longer than is kept.
    #[must_use]
    pub fn trimmed(mut self) -> Self {
        self.stage.retain(|c| c != '\0');
        self.output.retain(|c| c != '\0');
        self.stage.truncate(self.stage.floor_char_boundary(STAGE_MAX));
        self.output.truncate(self.output.floor_char_boundary(LINE_MAX));
        self
    }
}

/// A line that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobLog {
    /// Its number: later lines of a job have larger ones.
    pub id: i64,
    /// The line.
    pub line: NewLog,
}

/// What fits of some lines behind those of a job that are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The lines to keep, in their order.
    pub lines: Vec<NewLog>,
    /// How much the log has then.
    pub size: i64,
}

impl Tail {
    /// Of these lines, behind a log of this size. A log that is full ends with a line that says so, once.
    #[must_use]
    pub fn of(size: i64, new: Vec<NewLog>) -> Self {
        let mut tail = Self { lines: Vec::with_capacity(new.len().min(LINES_AT_ONCE)), size };
        for line in new.into_iter().map(NewLog::trimmed) {
            if tail.size > LOG_MAX {
                break;
            }
            let bytes = line.output.len() + line.stage.len() + LINE_COST;
            tail.size = tail.size.saturating_add(i64::try_from(bytes).unwrap_or(i64::MAX));
            if tail.size > LOG_MAX {
                let output = "The log is full: what follows is not kept.".to_owned();
                let source = LogSource::ProvisionerDaemon;
                tail.lines.push(NewLog { output, source, level: LogLevel::Warn, ..line });
                break;
            }
            tail.lines.push(line);
        }
        tail
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(output: String) -> NewLog {
        NewLog {
            created_at: Instant::UNIX_EPOCH,
            source: LogSource::Provisioner,
            level: LogLevel::Info,
            stage: "Planning".to_owned(),
            output,
        }
    }

    #[test]
    fn a_full_log_says_so_once() {
        let long = || vec![line("x".repeat(LINE_MAX)); 300];
        let first = Tail::of(0, long());
        let second = Tail::of(first.size, long());
        assert_eq!(first.lines.len(), 300);
        assert!(second.size > LOG_MAX && second.lines.len() < 300);
        assert!(second.lines.last().unwrap().output.contains("full"));
        assert_eq!(Tail::of(second.size, long()), Tail { lines: Vec::new(), size: second.size });
    }

    proptest! {
        #[test]
        fn every_line_can_be_stored(outputs in proptest::collection::vec(any::<String>(), 0..9), times in 1_usize..900) {
            let lines: Vec<_> = outputs.iter().map(|output| line(output.repeat(times))).collect();
            let tail = Tail::of(0, lines);
            prop_assert_eq!(tail.lines.len(), outputs.len());
            for kept in tail.lines {
                prop_assert!(kept.output.len() <= LINE_MAX && !kept.output.contains('\0'));
            }
        }
    }
}
