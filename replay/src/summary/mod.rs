//! Summaries: the result of a finished command, computed once, shown on the terminal and written to `summary.json`.
//!
//! ```text
//! facts, config ─▶ Summary ─▶ RunSummary ─────────┐
//! study         ─▶ StressSummary, TuneSummary ────┼─▶ summary.json ─▶ report
//! ```
//!
//! `summary.json` is written from typed structs and read back into the same structs. Commands fill the parts that only
//! they have ([`Section`]).

mod benchmark;
mod candidates;
mod factors;
mod figures;
mod folder_kind;
mod group_factors;
mod groups;
mod head;
mod holdout;
mod luck;
mod membership;
mod metrics_table;
mod number;
mod offline;
mod paper;
pub(crate) mod paths;
mod risk;
mod run;
#[cfg(test)]
mod schema;
mod signal;
mod study;
mod text;
mod timing;
mod trading;
mod trials;
mod user_files;
mod warnings;

use std::collections::BTreeMap;

use anyhow::Result;
use betaflow_engine::ledger::RunFacts;
use betaflow_engine::pipeline::StageTiming;
use betaflow_engine::time::{Iso, TimestampNs};
use serde::Serialize;

pub(crate) use benchmark::{BenchmarkSummary, benchmark_sentence, is_worse};
pub(crate) use candidates::{candidates, environment_name};
#[cfg(test)]
pub(crate) use factors::{FactorLuckSummary, LastMonthSummary};
pub(crate) use factors::{
    FactorOptions, FactorSummary, FactorWindowSummary, FactorsCommandSummary, FactorsSummary, RESAMPLES, SEED,
};
pub(crate) use figures::{Calibration, CostSums, Metrics, MetricsBySeries};
pub(crate) use folder_kind::FolderKind;
pub(crate) use group_factors::GroupFactorSummary;
pub(crate) use groups::{GroupSummary, read_group_summaries};
pub(crate) use head::{DataSummary, Head, SCHEMA_VERSION, WarningList};
pub(crate) use holdout::{
    EarlierOpening, FailedOpening, HoldoutSummary, PeriodMetrics, ScoreSummary, TrialsInside,
};
pub(crate) use luck::{
    ChosenLuck, DeflatedLuck, LuckSummary, OverfittingSummary, TrialCounts, TrialsLogSummary,
    backtest_length_text, deflated_text, overfitting_by_chance, overfitting_text,
};
pub(crate) use membership::MembershipSummary;
pub(crate) use metrics_table::{figure, figure_text, labels, metrics_table};
pub(crate) use number::Number;
pub(crate) use offline::{
    EmSummary, OfflineSummary, RiskComparisonSummary, RiskModelSummary, SmoothSummary, WindowSummary,
};
pub(crate) use paper::PaperSummary;
pub(crate) use risk::{RiskFiguresSummary, RiskSummary};
pub(crate) use run::{
    DrawdownSummary, EstimatorSummary, InstrumentSummary, PeriodSummary, RunSummary, TradingSummary,
};
pub(crate) use signal::{
    ExposureSummary, HorizonSummary, MeanCoefficient, QuantileSummary, SignalKeys, SignalSummary, YearSummary,
};
pub(crate) use study::{
    BestSetting, ChoiceSummary, FoldSummary, FrameRange, IN_SAMPLE, OutOfSample, PathScoresSummary,
    PathsSummary, QuantilesSummary, Recommendation, RuinedScenario, RunnerUp, Settings, StressSummary,
    StudyHead, StudyTiming, Trades, TuneSummary,
};
pub(crate) use text::{add_files, kept_holdout, sharpe_text};
pub(crate) use trading::Trading;
pub(crate) use trials::{BestTrial, CommonDates, CorrelationCounts, TrialSummary, TrialsSummary};
pub(crate) use user_files::{GivenSummary, data_warnings};
pub(crate) use warnings::{Code, Rendered, problem_meaning, problem_remedy, sentence, survivorship_warning};

use crate::config::Config;
use crate::terminal::Page;

/// Part of a summary that one command fills: its keys, its sections on the terminal and its warnings.
#[derive(Default)]
pub(crate) struct Section<T> {
    /// Keys of `summary.json`.
    pub(crate) keys: T,
    /// Sections on the terminal; may be empty.
    pub(crate) page: Page,
    /// Warnings about this part.
    pub(crate) warnings: Vec<Rendered>,
}

/// Result of a finished run, from which terminal text and `summary.json` are made.
pub(crate) struct Summary<'a> {
    /// Resolved settings.
    pub config: &'a Config,
    /// Counts and sums of the stages.
    pub facts: &'a RunFacts,
    /// Performance; `None` for a run that only estimates.
    pub(crate) trading: Option<Trading>,
    /// Result of the hold-out, if it was opened.
    pub(crate) score: Option<Section<HoldoutSummary>>,
    /// Results of offline estimation.
    pub(crate) findings: &'a Section<OfflineSummary>,
    /// Factor returns of the data; `None` without factors.
    pub(crate) factors: Option<FactorsSummary>,
    /// Timing of each stage.
    pub timing: &'a [StageTiming],
    /// Wall time in seconds.
    pub seconds: f64,
}

impl Summary<'_> {
    /// Contents of `summary.json`.
    pub(crate) fn run(&self) -> RunSummary {
        let world = self.config.world_note(self.trading.is_some());
        let kept = || self.config.holdout.from.as_deref().map(HoldoutSummary::kept);
        RunSummary {
            head: Head::new(&self.facts.data, world, &self.warnings()),
            estimator: self.estimator(),
            timing: self.timing_summary(),
            given: self.given(),
            holdout: self.score.as_ref().map(|score| score.keys.clone()).or_else(kept),
            factors: self.factors.clone(),
            offline: self.findings.keys.clone(),
            trading: self.trading.as_ref().map(|trading| self.trading_summary(trading)),
        }
    }

    /// Columns of groups that make factors.
    fn group_factors(&self) -> Vec<GroupFactorSummary> {
        let made = self.facts.groups.iter().filter(|column| column.has_factors);
        made.map(GroupFactorSummary::from).collect()
    }

    fn estimator(&self) -> EstimatorSummary {
        let facts = &self.facts.estimator;
        let mut alarms = BTreeMap::new();
        for alarm in facts.instruments.iter().filter_map(|instrument| instrument.alarm) {
            *alarms.entry(alarm.name().to_owned()).or_insert(0) += 1;
        }
        let instruments = self.facts.names.iter().zip(&facts.instruments);
        EstimatorSummary {
            kind: Some(self.config.estimator.kind.name().to_owned()),
            total: Calibration { facts: facts.total },
            mean_log_predictive_density: facts.total.log_predictive_density.into(),
            groups: facts.groups,
            largest_group: facts.largest_group,
            group_factors: self.group_factors(),
            alarms,
            instruments: instruments
                .map(|(name, facts)| InstrumentSummary {
                    symbol: name.to_string(),
                    calibration: Calibration { facts: *facts },
                })
                .collect(),
        }
    }
}

/// Returns a summary as the text of `summary.json`.
///
/// # Errors
/// A value cannot be written as JSON.
pub(crate) fn to_json(summary: &impl Serialize) -> Result<String> {
    // Convert to a `Value` first, which sorts the keys.
    let value = serde_json::to_value(summary)?;
    Ok(serde_json::to_string_pretty(&value)? + "\n")
}

/// Returns a timestamp as text: a date if it is a midnight.
pub(crate) fn time_text(timestamp: Option<TimestampNs>) -> Option<String> {
    timestamp.map(|timestamp| Iso(timestamp).to_string())
}
