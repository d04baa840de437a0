//! Trials log: choices tried on a data set by all runs, one JSON line per run, in a file beside the data.
//!
//! A choice counts once, however often and in however many environments it was tried.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use betaflow_engine::time::TimestampNs;
use betaflow_engine::validation::Trials;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::run::json_lines;
use crate::run::json_lines::{JsonLines, Lines};
use crate::summary::time_text;

/// Value of `--trials` that disables the log.
const NONE: &str = "none";

/// One run with its trials.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    /// Time of the run, UTC.
    pub(crate) time: String,
    /// Version of the program.
    pub(crate) version: String,
    pub(crate) command: String,
    /// Period of the returns.
    pub(crate) data: Span,
    /// Digest of the environment: all settings that are not choices.
    pub(crate) world: String,
    /// Strategy of the base configuration.
    pub(crate) strategy: String,
    /// Number of returns of each ratio.
    pub(crate) frames: usize,
    /// Net Sharpe ratio per frame in that environment, by digest of the choice; null for a choice tried only
    /// in other environments or without a ratio.
    pub(crate) choices: BTreeMap<String, Option<f64>>,
}

/// Time, period and choices of a logged run.
pub(crate) struct LoggedRun {
    /// Time of the run, UTC.
    pub(crate) time: String,
    /// Time of the first return.
    pub(crate) first: Option<String>,
    /// Time of the last return.
    pub(crate) last: Option<String>,
    /// Digests of the choices.
    pub(crate) choices: Vec<String>,
}

/// Period of the ratios. Unlike the digest of a file, it does not depend on bars of the hold-out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Span {
    /// Time of the first return.
    pub(crate) first: Option<String>,
    /// Time of the last return.
    pub(crate) last: Option<String>,
}

impl Span {
    pub(crate) fn of(first: Option<TimestampNs>, last: Option<TimestampNs>) -> Self {
        Self { first: time_text(first), last: time_text(last) }
    }
}

impl Line {
    /// Creates the line of a run that ends now.
    pub(crate) fn now(command: &str, strategy: &str, data: Span, world: String) -> Self {
        Self {
            time: Timestamp::now().to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: command.to_owned(),
            data,
            world,
            strategy: strategy.to_owned(),
            frames: 0,
            choices: BTreeMap::new(),
        }
    }

    /// True if the ratios of two runs are comparable: same environment, same last return. A longer warm-up
    /// changes a ratio little.
    fn measures_as(&self, other: &Self) -> bool {
        self.world == other.world && self.data.last == other.data.last
    }

    /// True if `other` is an earlier completion of the same run.
    fn repeats(&self, other: &Self) -> bool {
        self.measures_as(other)
            && self.command == other.command
            && self.version == other.version
            && self.choices.keys().eq(other.choices.keys())
    }
}

/// Trials on the data, including the run that just ended.
#[derive(Clone, Debug)]
pub(crate) struct TrialTally {
    /// Number of distinct choices.
    pub(crate) trials: usize,
    /// Number of choices of this run.
    pub(crate) here: usize,
    /// Number of choices with a ratio in the environment of this run.
    pub(crate) measured: usize,
    /// Sample variance of the ratios per frame.
    pub(crate) variance: f64,
    /// Path of the log; `None` without a log.
    pub(crate) file: Option<PathBuf>,
    /// Number of logged runs before this one.
    pub(crate) runs_before: usize,
    /// Number of lines that cannot be parsed.
    pub(crate) unreadable: usize,
    /// Reason why this run is not in the log.
    pub(crate) problem: Option<String>,
}

impl TrialTally {
    /// Inputs of the deflated Sharpe ratio.
    pub(crate) fn trials(&self) -> Trials {
        Trials { count: self.trials as f64, variance: self.variance }
    }
}

/// Trials log.
pub(crate) struct TrialsLog(Option<JsonLines<Line>>);

impl TrialsLog {
    /// Log beside the data; `asked` is another file, or `none`.
    ///
    /// # Errors
    /// The prices have no file name to derive the path from.
    pub(crate) fn of(config: &Config, asked: Option<&Path>) -> Result<Self> {
        let path = match asked {
            Some(path) if path == Path::new(NONE) => return Ok(Self(None)),
            Some(path) => path.to_owned(),
            None => json_lines::beside(config, "trials.jsonl")?,
        };
        Ok(Self(Some(JsonLines::new(path))))
    }

    /// Path of the log and its runs; `None` without a log.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn runs(&self) -> Result<Option<(&Path, Vec<LoggedRun>)>> {
        let Some(file) = &self.0 else { return Ok(None) };
        let lines = file.lines().with_context(|| {
            format!("{}: cannot read the trials log; expected a file of JSON lines", file.path().display())
        })?;
        let run = |line: Line| LoggedRun {
            time: line.time,
            first: line.data.first,
            last: line.data.last,
            choices: line.choices.into_keys().collect(),
        };
        Ok(Some((file.path(), lines.entries.into_iter().map(run).collect())))
    }

    /// Adds a run and counts all trials. A `resumed` run may already be logged. If the log cannot be written,
    /// the tally reports the problem and still counts the trials.
    pub(crate) fn add(&self, line: &Line, resumed: bool) -> TrialTally {
        let Some(file) = &self.0 else {
            return count(&Lines { entries: Vec::new(), unreadable: 0 }, line);
        };
        let added = file.add(|lines| {
            let known = resumed && lines.entries.iter().any(|entry| line.repeats(entry));
            ((!known).then(|| line.clone()), lines)
        });
        let (lines, problem) = match added {
            Ok(lines) => (lines, None),
            Err(error) => {
                let read = file.lines();
                let counted = match &read {
                    Ok(_) => "later runs do not count them",
                    Err(_) => "trials of other runs are not counted",
                };
                let lines = read.unwrap_or(Lines { entries: Vec::new(), unreadable: 0 });
                let name = file.path().display();
                let text = format!(
                    "{name}: cannot record the trials of this run ({error}), so {counted}; expected a writable file; use \
                     --trials FILE for another one, or --trials {NONE}"
                );
                (lines, Some(text))
            }
        };
        TrialTally { file: Some(file.path().to_owned()), problem, ..count(&lines, line) }
    }
}

/// Counts the trials of a run and of the logged ones.
fn count(lines: &Lines<Line>, run: &Line) -> TrialTally {
    let runs = || lines.entries.iter().chain([run]);
    let trials: BTreeSet<&String> = runs().flat_map(|line| line.choices.keys()).collect();
    let mut measured: BTreeMap<&String, f64> = BTreeMap::new();
    for line in runs().filter(|line| line.measures_as(run)) {
        let known = line.choices.iter().filter_map(|(choice, ratio)| Some((choice, (*ratio)?)));
        measured.extend(known);
    }
    let ratios: Vec<f64> = measured.values().copied().collect();
    TrialTally {
        trials: trials.len(),
        here: run.choices.len(),
        measured: ratios.len(),
        variance: Trials::of(&ratios).variance,
        file: None,
        runs_before: lines.entries.len(),
        unreadable: lines.unreadable,
        problem: None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn line(world: &str, choices: &[(&str, Option<f64>)]) -> Line {
        let span = Span { first: None, last: None };
        let mut line = Line::now("stress", "flat", span, world.to_owned());
        line.choices = choices.iter().map(|(choice, ratio)| ((*choice).to_owned(), *ratio)).collect();
        line
    }

    #[test]
    fn choice_counts_once_and_is_measured_in_one_environment() {
        let folder = tempfile::tempdir().unwrap();
        let log = TrialsLog(Some(JsonLines::new(folder.path().join("p.trials.jsonl"))));
        let counted = |line: &Line, resumed| {
            let counted = log.add(line, resumed);
            assert_eq!(counted.problem, None);
            (counted.trials, counted.measured, counted.variance)
        };
        let first = line("a", &[("x", Some(1.0)), ("y", Some(3.0)), ("z", None)]);
        assert_eq!(counted(&first, false), (3, 2, 2.0));
        assert_eq!(counted(&first, false), (3, 2, 2.0));
        assert_eq!(counted(&line("b", &[("x", Some(7.0)), ("v", Some(9.0))]), false), (4, 2, 2.0));
        assert_eq!(counted(&line("a", &[("w", Some(5.0))]), false), (5, 3, 4.0));
        // The measurement of this run replaces an earlier one.
        assert_eq!(counted(&line("a", &[("w", Some(2.0))]), false), (5, 3, 1.0));
        let runs = log.0.as_ref().unwrap().lines().unwrap().entries.len();
        assert_eq!(counted(&first, true), (5, 3, 1.0));
        assert_eq!(
            log.0.as_ref().unwrap().lines().unwrap().entries.len(),
            runs,
            "the run was logged already"
        );
        assert_eq!(TrialsLog(None).add(&first, false).trials, 3);
    }
}
