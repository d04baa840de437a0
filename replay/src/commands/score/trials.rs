//! Recorded trials that were measured in the hold-out, so that choices may depend on it.

use anyhow::Result;
use betaflow_engine::time::TimestampNs;

use super::period::Period;
use crate::config::Config;
use crate::study::TrialsLog;
use crate::summary::{Code, Rendered, TrialsInside, time_text};
use crate::terminal::counted;

/// Runs of the trials log whose returns reach into the frames that are scored.
pub(crate) struct TrialsOverlap {
    /// Number of runs.
    runs: usize,
    /// Number of distinct choices of these runs.
    choices: usize,
    /// Times of the first and the last run, UTC.
    ran: [String; 2],
    /// First and last frame common to these runs and the score.
    seen: Period,
    /// Path of the trials log.
    log: String,
}

impl TrialsOverlap {
    /// Returns the trials of the log beside the data that have read a frame of `times` (ascending); `None` without such a
    /// run.
    ///
    /// # Errors
    /// The log cannot be read.
    pub(crate) fn of(config: &Config, times: &[TimestampNs]) -> Result<Option<Self>> {
        let log = TrialsLog::of(config, None)?;
        let Some((path, lines)) = log.runs()? else { return Ok(None) };
        let mut choices = std::collections::BTreeSet::new();
        let (mut runs, mut ran, mut seen) = (0, None::<[String; 2]>, None::<Period>);
        for line in &lines {
            let read = Period::of(line.first.as_deref().unwrap_or_default(), line.last.as_deref());
            let shared = read.part_of(times);
            let (Some(from), Some(to)) = (shared.first(), shared.last()) else { continue };
            runs += 1;
            choices.extend(line.choices.iter());
            let [first, last] = ran.unwrap_or_else(|| [line.time.clone(), line.time.clone()]);
            ran = Some([first.min(line.time.clone()), last.max(line.time.clone())]);
            let before = seen.unwrap_or(Period { from: *from, to: *to });
            seen = Some(Period { from: before.from.min(*from), to: before.to.max(*to) });
        }
        let found = ran.zip(seen).map(|(ran, seen)| Self {
            runs,
            choices: choices.len(),
            ran,
            seen,
            log: path.display().to_string(),
        });
        Ok(found)
    }

    /// Returns `holdout.trials` of `summary.json`.
    pub(crate) fn summary(&self) -> TrialsInside {
        let [first_run, last_run] = self.ran.clone();
        TrialsInside {
            runs: self.runs as u64,
            choices: self.choices as u64,
            first_run,
            last_run,
            seen_from: time_text(Some(self.seen.from)),
            seen_to: time_text(Some(self.seen.to)),
            log: self.log.clone(),
        }
    }

    pub(crate) fn warning(&self) -> Rendered {
        let [first, last] = self.ran.each_ref().map(|time| time.get(..10).unwrap_or(time.as_str()));
        Rendered::new(
            Code::HoldoutSeenByTrials,
            format!(
                "{} in {} tried {} on returns of the hold-out ({}; run from {first} to {last}), so settings chosen by them \
                 have seen it. Set holdout.from before tuning, or score a later period.",
                counted(self.runs as u64, "run"),
                self.log,
                counted(self.choices as u64, "choice"),
                self.seen.text()
            ),
        )
    }
}
