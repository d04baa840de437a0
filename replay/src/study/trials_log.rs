//! Trials log: choices that were tried on a data set, by all runs.
//!
//! It is a file of JSON lines beside the data, a line a run. A choice counts once, however often and in how many worlds
//! it was tried.

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

/// Value of `--trials` for no log.
const NONE: &str = "none";

/// A run with its trials.
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
    /// The strategy of the configuration whose settings varied.
    pub(crate) strategy: String,
    /// Number of returns of each ratio.
    pub(crate) frames: usize,
    /// Net Sharpe ratio per frame in that world of each choice by its digest; null where it was tried in other worlds
    /// alone, or has none.
    pub(crate) choices: BTreeMap<String, Option<f64>>,
}

/// Time, choices and period of a run.
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

/// Period of the ratios. Unlike the digest of a file it does not depend on the bars of a hold-out.
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
    /// A run that ends now.
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

    /// Returns whether the ratios of two runs can be compared: a longer warm-up hardly changes one, other or more data does.
    fn measures_as(&self, other: &Self) -> bool {
        self.world == other.world && self.data.last == other.data.last
    }

    /// Returns whether it is the same run, which ended a second time.
    fn is_again(&self, other: &Self) -> bool {
        self.measures_as(other)
            && self.command == other.command
            && self.version == other.version
            && self.choices.keys().eq(other.choices.keys())
    }
}

/// Trials on the data, including the run that just ended.
#[derive(Clone, Debug)]
pub(crate) struct TrialTally {
    /// Distinct choices.
    pub(crate) trials: usize,
    /// Choices of this run.
    pub(crate) here: usize,
    /// Choices with a ratio in the environment of this run.
    pub(crate) measured: usize,
    /// Sample variance of their ratios per frame.
    pub(crate) variance: f64,
    /// Path of the log; `None` without a log.
    pub(crate) file: Option<PathBuf>,
    /// Runs on record before this one.
    pub(crate) runs_before: usize,
    /// Lines that cannot be read.
    pub(crate) unreadable: usize,
    /// Reason why this run is not in the log.
    pub(crate) problem: Option<String>,
}

impl TrialTally {
    /// Input of the deflated Sharpe ratio.
    pub(crate) fn trials(&self) -> Trials {
        Trials { count: self.trials as f64, variance: self.variance }
    }
}

/// Trials log.
pub(crate) struct TrialsLog(Option<JsonLines<Line>>);

impl TrialsLog {
    /// Beside the data; `asked`: a file in its place, or `none`.
    ///
    /// # Errors
    /// The data has no name that a file could stand beside.
    pub(crate) fn of(config: &Config, asked: Option<&Path>) -> Result<Self> {
        let path = match asked {
            Some(path) if path == Path::new(NONE) => return Ok(Self(None)),
            Some(path) => path.to_owned(),
            None => json_lines::beside(config, "trials.jsonl")?,
        };
        Ok(Self(Some(JsonLines::new(path))))
    }

    /// The file and the runs on record; none where no log is kept.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn runs(&self) -> Result<Option<(&Path, Vec<LoggedRun>)>> {
        let Some(file) = &self.0 else { return Ok(None) };
        let lines = file.lines().with_context(|| {
            format!(
                "{}: the log of trials cannot be read; expected a file of JSON lines",
                file.path().display()
            )
        })?;
        let run = |line: Line| LoggedRun {
            time: line.time,
            first: line.data.first,
            last: line.data.last,
            choices: line.choices.into_keys().collect(),
        };
        Ok(Some((file.path(), lines.entries.into_iter().map(run).collect())))
    }

    /// Adds a run, and says what has been tried with it. A run that was `resumed` may be on record already. Where the file
    /// cannot be written that is said, and the trials are counted all the same.
    pub(crate) fn add(&self, line: &Line, resumed: bool) -> TrialTally {
        let Some(file) = &self.0 else {
            return count(&Lines { entries: Vec::new(), unreadable: 0 }, line);
        };
        let added = file.add(|lines| {
            let known = resumed && lines.entries.iter().any(|entry| line.is_again(entry));
            ((!known).then(|| line.clone()), lines)
        });
        let (lines, problem) = match added {
            Ok(lines) => (lines, None),
            Err(error) => {
                let read = file.lines();
                let counted = match &read {
                    Ok(_) => "they are not on record for runs to come",
                    Err(_) => "those of other runs are not counted",
                };
                let lines = read.unwrap_or(Lines { entries: Vec::new(), unreadable: 0 });
                let name = file.path().display();
                let text = format!(
                    "{name}: the trials of this run cannot be recorded ({error}), so {counted}; expected a file that can \
                     be written, or --trials FILE elsewhere, or --trials {NONE}"
                );
                (lines, Some(text))
            }
        };
        TrialTally { file: Some(file.path().to_owned()), problem, ..count(&lines, line) }
    }
}

/// Counts the trials of a run and of those on record.
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
    fn a_choice_counts_once_and_is_measured_in_one_world() {
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
        // This run's own measurement is the one that counts.
        assert_eq!(counted(&line("a", &[("w", Some(2.0))]), false), (5, 3, 1.0));
        let runs = log.0.as_ref().unwrap().lines().unwrap().entries.len();
        assert_eq!(counted(&first, true), (5, 3, 1.0));
        assert_eq!(log.0.as_ref().unwrap().lines().unwrap().entries.len(), runs, "it was on record");
        assert_eq!(TrialsLog(None).add(&first, false).trials, 3);
    }
}
