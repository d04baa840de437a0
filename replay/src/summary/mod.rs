//! The summary of a run: computed once, shown on the terminal and written to `summary.json`.

mod json;
mod text;
mod timing;
mod trading;
mod warnings;

use betaflow_engine::ledger::RunFacts;
use betaflow_engine::pipeline::StageTiming;
use betaflow_engine::time::{Iso, TimestampNs};

pub(crate) use json::{add_warnings, data_json, number, object};
pub(crate) use text::{METRICS, figure_text};
pub(crate) use trading::Trading;
pub(crate) use warnings::{Code, Rendered, problem_meaning, problem_remedy};

use crate::commands::estimate::offline::Findings;
use crate::commands::score::Score;
use crate::config::Config;

/// What is known of a finished run.
pub(crate) struct Summary<'a> {
    /// The settings.
    pub config: &'a Config,
    /// What the stages say.
    pub facts: &'a RunFacts,
    /// What it was worth, where orders were traded; `None` where betas were estimated only.
    pub(crate) trading: Option<Trading>,
    /// What the hold-out was worth, where it was opened.
    pub(crate) score: Option<Score>,
    /// What was seen from the end of the run.
    pub findings: &'a Findings,
    /// Where the time went.
    pub timing: &'a [StageTiming],
    /// Wall time in seconds.
    pub seconds: f64,
}

/// A timestamp as text: a date where it is a midnight.
pub(crate) fn time_text(timestamp: Option<TimestampNs>) -> Option<String> {
    timestamp.map(|timestamp| Iso(timestamp).to_string())
}
