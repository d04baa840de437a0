//! Trials on record that were measured in the hold-out: their choices were made with knowledge of it.

use anyhow::Result;
use betaflow_engine::time::TimestampNs;

use super::period::Period;
use crate::config::Config;
use crate::study::TrialsLog;
use crate::summary::{Code, Rendered, TrialsInside, time_text};

/// Runs of the trials log whose returns reach into the frames that are scored.
pub(crate) struct TrialsOverlap {
    /// Runs.
    runs: usize,
    /// Distinct choices that they tried.
    choices: usize,
    /// Times of the first and the last of them, UTC.
    ran: [String; 2],
    /// The frames that they and the score share, from the first to the last.
    seen: Period,
    /// The log.
    log: String,
}

impl TrialsOverlap {
    /// Trials of the log beside the data; none where no run has read a frame of `times`, which ascend.
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
                "{} run(s) on record in {} tried {} choice(s) on returns of the hold-out ({}; run from {first} to {last}): a \
                 setting that was chosen by them has seen it; set holdout.from before tuning, or score a later period",
                self.runs,
                self.log,
                self.choices,
                self.seen.text()
            ),
        )
    }
}
