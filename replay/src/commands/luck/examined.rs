//! Figures of all trials, and their summary.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use betaflow_connectors::parquet::ReturnTable;
use betaflow_connectors::record::{CorrelationRow, TrialRow};
use betaflow_engine::metrics::{SharpeUncertainty, periods_per_year};
use betaflow_engine::source::DataFacts;
use betaflow_engine::time::TimestampNs;
use betaflow_engine::validation::{
    BLOCK_FRAMES_MIN, Overfitting, TrialFigures, TrialPanel, Trials, best, blocks_of, min_backtest_years,
    min_backtest_years_bound, overfitting,
};

use super::LuckArgs;
use crate::summary::{
    BestTrial, Code, CommonDates, CorrelationCounts, DeflatedLuck, FolderKind, Head, Number,
    OverfittingSummary, Rendered, TrialCounts, TrialSummary, TrialsSummary, time_text,
};
use crate::terminal::{counted, grouped, percent};

/// Annual volatility above which returns may be in percent.
const VOLATILITY_MAX: f64 = 2.0;

/// Trials of a file with their figures.
pub(super) struct Examined {
    pub(super) file: String,
    pub(super) names: Vec<Arc<str>>,
    times: Vec<TimestampNs>,
    rf: Option<String>,
    pub(super) panel: TrialPanel,
    pub(super) periods: f64,
    pub(super) from_spacing: bool,
    pub(super) trials: Trials,
    /// Number of trials with a Sharpe ratio.
    pub(super) measured: usize,
    variance_known: bool,
    pub(super) best: Option<usize>,
    pub(super) overfitting: Result<(Overfitting, usize), String>,
    pub(super) limit: f64,
    /// Highest correlation of each trial with an earlier one, and the number of that one.
    pub(super) similar: Vec<Option<(usize, f64)>>,
}

impl Examined {
    /// Computes all figures.
    ///
    /// # Errors
    /// Fewer trials are stated than the file has with a Sharpe ratio, or the periods per year are unknown.
    pub(super) fn new(args: &LuckArgs, table: ReturnTable) -> Result<Self> {
        let file = args.returns.display().to_string();
        let columns = table.names.len();
        let inferred = || {
            periods_per_year(&table.times).with_context(|| {
                format!(
                    "{file}: found fewer than 3 dates, expected --periods-per-year N: the spacing is unknown"
                )
            })
        };
        let periods = args.periods_per_year.map_or_else(inferred, Ok)?;
        let panel = TrialPanel::new(&table.times, &table.returns, periods);
        let ratios = panel.ratios();
        let measured = ratios.iter().filter(|ratio| !ratio.is_nan()).count();
        if let Some(found) = args.trials.filter(|found| *found < measured as u64) {
            bail!(
                "--trials: found {found}, expected at least {measured}, the number of trials with a Sharpe ratio in {file}"
            );
        }
        let variance =
            args.sharpe_variance.map_or_else(|| Trials::of(&ratios).variance, |annual| annual / periods);
        let similar = (0..columns).map(|trial| panel.correlations.highest_before(trial)).collect();
        Ok(Self {
            names: table.names.iter().map(|name| Arc::from(name.as_str())).collect(),
            overfitting: overfitted(&panel, args.blocks),
            best: best(&ratios),
            times: table.times,
            rf: table.rf,
            from_spacing: args.periods_per_year.is_none(),
            trials: Trials { count: args.trials.map_or(measured as f64, |count| count as f64), variance },
            variance_known: measured >= 2 || args.sharpe_variance.is_some(),
            limit: args.max_correlation,
            file,
            panel,
            periods,
            measured,
            similar,
        })
    }

    /// Deflated Sharpe ratio of a trial as the best of all, or the reason why it is not defined.
    pub(super) fn deflated(&self, trial: &TrialFigures) -> Result<f64, &'static str> {
        if self.trials.count > 1.0 && !self.variance_known {
            return Err(
                "fewer than two trials have a Sharpe ratio, so the variance of the ratios is unknown \
                        (--sharpe-variance)",
            );
        }
        Ok(self.trials.deflated_sharpe(&trial.observed))
    }

    /// Years of returns of a trial.
    pub(super) fn years(&self, trial: &TrialFigures) -> f64 {
        trial.count as f64 / self.periods
    }

    /// Minimum backtest length of a trial in years, and its upper bound.
    pub(super) fn backtest_years(&self, trial: &TrialFigures) -> [f64; 2] {
        let (count, sharpe) = (self.trials.count, trial.figures.sharpe);
        [min_backtest_years(count, sharpe), min_backtest_years_bound(count, sharpe)]
    }

    /// Number of trials with a correlation above the limit.
    pub(super) fn above(&self) -> usize {
        self.similar.iter().flatten().filter(|(_, correlation)| *correlation > self.limit).count()
    }

    /// Annual expected highest Sharpe ratio of trials without skill.
    pub(super) fn expected_best(&self) -> f64 {
        self.trials.expected_best() * self.periods.sqrt()
    }

    /// Number of rows of the file.
    pub(super) fn rows_read(&self) -> usize {
        self.times.len()
    }

    /// First and last time of the file.
    pub(super) fn range(&self) -> [Option<String>; 2] {
        [time_text(self.times.first().copied()), time_text(self.times.last().copied())]
    }

    /// Rows of `luck.parquet`.
    pub(super) fn rows(&self) -> Vec<TrialRow> {
        let row = |(at, trial): (usize, &TrialFigures)| {
            let SharpeUncertainty { standard_error, probabilistic_sharpe, min_track_record_years } =
                trial.figures.uncertainty;
            TrialRow {
                trial: Arc::clone(&self.names[at]),
                first: trial.first.unwrap_or_default(),
                last: trial.last.unwrap_or_default(),
                returns: trial.count as u64,
                missing: trial.missing as u64,
                sharpe: trial.figures.sharpe,
                sharpe_standard_error: standard_error,
                probabilistic_sharpe,
                deflated_sharpe: self.deflated(trial).unwrap_or(f64::NAN),
                min_track_record_years,
                annual_return: trial.figures.annual_return,
                annual_volatility: trial.figures.annual_volatility,
                max_drawdown: trial.figures.max_drawdown,
                skew: trial.figures.skew,
                kurtosis: trial.figures.kurtosis,
                highest_correlation: self.similar[at].map_or(f64::NAN, |(_, correlation)| correlation),
                correlated_with: self.similar[at].map(|(before, _)| Arc::clone(&self.names[before])),
            }
        };
        self.panel.trials.iter().enumerate().map(row).collect()
    }

    /// Rows of `correlations.parquet`.
    pub(super) fn pairs(&self) -> impl Iterator<Item = CorrelationRow> {
        let pairs = (0..self.names.len()).flat_map(|trial| (0..trial).map(move |before| (trial, before)));
        pairs.map(|(trial, before)| CorrelationRow {
            trial: Arc::clone(&self.names[trial]),
            before: Arc::clone(&self.names[before]),
            correlation: self.panel.correlations.between(trial, before),
        })
    }

    /// Contents of `summary.json`.
    pub(super) fn summary(&self) -> TrialsSummary {
        let rows = self.times.len() as u64;
        let (first, last) = (self.times.first().copied(), self.times.last().copied());
        let facts = DataFacts { rows, frames: rows, first, last, ..DataFacts::default() };
        let common = &self.panel.times;
        TrialsSummary {
            head: Head::new(&facts, None, &self.warnings()),
            kind: FolderKind::Luck,
            file: self.file.clone(),
            periods_per_year: self.periods.into(),
            periods_from_spacing: self.from_spacing,
            trials: TrialCounts {
                count: Some(self.trials.count as u64),
                of_this_run: self.names.len() as u64,
                measured: self.measured as u64,
                variance: self.trials.variance.into(),
                expected_best_sharpe: self.expected_best().into(),
            },
            common: CommonDates {
                count: common.len() as u64,
                left_out: rows - common.len() as u64,
                first: time_text(common.first().copied()),
                last: time_text(common.last().copied()),
            },
            best: self.best.map(|at| self.best_summary(at)),
            overfitting: self
                .overfitting
                .as_ref()
                .ok()
                .map(|(found, blocks)| self.overfitting_summary(found, *blocks)),
            overfitting_reason: self.overfitting.as_ref().err().cloned(),
            correlation: CorrelationCounts { limit: self.limit.into(), above: self.above() as u64 },
            each: self.rows().iter().map(summary_of).collect(),
        }
    }

    fn best_summary(&self, at: usize) -> BestTrial {
        let trial = &self.panel.trials[at];
        let deflated = self.deflated(trial);
        let [needed, bound] = self.backtest_years(trial);
        BestTrial {
            trial: self.names[at].to_string(),
            years: self.years(trial).into(),
            sharpe: trial.figures.sharpe.into(),
            sharpe_standard_error: trial.figures.uncertainty.standard_error.into(),
            probabilistic_sharpe: trial.figures.uncertainty.probabilistic_sharpe.into(),
            deflated: DeflatedLuck {
                deflated_sharpe: deflated.ok().into(),
                deflated_sharpe_reason: deflated.err().map(str::to_owned),
                min_backtest_years: needed.into(),
            },
            min_backtest_years_bound: bound.into(),
            min_track_record_years: trial.figures.uncertainty.min_track_record_years.into(),
        }
    }

    fn overfitting_summary(&self, found: &Overfitting, blocks: usize) -> OverfittingSummary {
        let annual = |ratio: f64| Number(ratio * self.periods.sqrt());
        OverfittingSummary {
            probability: found.probability.into(),
            trials: self.measured as u64,
            blocks: blocks as u64,
            splits: found.splits,
            frames: found.frames as u64,
            probability_of_loss: found.probability_of_loss.into(),
            mean_sharpe_in_sample: annual(found.mean_in_sample),
            mean_sharpe_out_of_sample: annual(found.mean_out_of_sample),
            degradation: found.degradation.into(),
        }
    }

    /// Warnings about the trials.
    pub(super) fn warnings(&self) -> Vec<Rendered> {
        let mut all = Vec::new();
        let mut warn = |code, text: String| all.push(Rendered::new(code, text));
        if let Some(name) = &self.rf {
            warn(
                Code::RiskFreeColumn,
                format!(
                    "Column `{name}` is the risk-free return, not a trial. Ratios are of the returns as they are."
                ),
            );
        }
        for (name, trial) in self.names.iter().zip(&self.panel.trials) {
            if trial.observed.ratio.is_nan() {
                let count = counted(trial.count as u64, "return");
                warn(
                    Code::NoSharpeRatio,
                    format!(
                        "Trial `{name}` has no Sharpe ratio: it has {count}, expected at least 2 that differ. It does not \
                         count as a trial unless --trials includes it."
                    ),
                );
            }
            let (volatility, largest) = (trial.figures.annual_volatility, trial.figures.best_return);
            if volatility > VOLATILITY_MAX || largest > 1.0 {
                warn(
                    Code::ReturnsInPercent,
                    format!(
                        "Trial `{name}` has a volatility of {} a year and a largest return of {}. Returns are decimals, \
                         0.01 for 1 %: are they in percent?",
                        percent(volatility),
                        percent(largest)
                    ),
                );
            }
        }
        let (rows, common) = (self.times.len(), self.panel.times.len());
        if common < rows {
            warn(
                Code::UnequalTrials,
                format!(
                    "All trials have a return in {} of {} rows. Correlations and the probability of overfitting use these \
                     rows, the figures of a trial all of its returns.",
                    grouped(common as f64),
                    grouped(rows as f64)
                ),
            );
        }
        all
    }
}

/// Probability of overfitting over at most `blocks` blocks, or the reason why it is not defined.
fn overfitted(panel: &TrialPanel, blocks: usize) -> Result<(Overfitting, usize), String> {
    let has_ratio = |(trial, _): &(&TrialFigures, &Vec<f64>)| !trial.observed.ratio.is_nan();
    let compared: Vec<&[f64]> =
        panel.trials.iter().zip(&panel.common).filter(has_ratio).map(|(_, returns)| &returns[..]).collect();
    if compared.len() < 2 {
        return Err(format!(
            "{} in the file with a Sharpe ratio, expected at least two",
            counted(compared.len() as u64, "trial")
        ));
    }
    let rows = panel.times.len();
    let blocks = blocks_of(rows, blocks).ok_or_else(|| {
        format!(
            "{rows} rows at which all trials have a return, expected at least {} for two blocks",
            2 * BLOCK_FRAMES_MIN
        )
    })?;
    overfitting(&compared, blocks).map(|found| (found, blocks)).map_err(|error| error.to_string())
}

fn summary_of(row: &TrialRow) -> TrialSummary {
    TrialSummary {
        trial: row.trial.to_string(),
        first: time_text(Some(row.first)),
        last: time_text(Some(row.last)),
        returns: row.returns,
        missing: row.missing,
        sharpe: row.sharpe.into(),
        sharpe_standard_error: row.sharpe_standard_error.into(),
        probabilistic_sharpe: row.probabilistic_sharpe.into(),
        deflated_sharpe: row.deflated_sharpe.into(),
        min_track_record_years: row.min_track_record_years.into(),
        annual_return: row.annual_return.into(),
        annual_volatility: row.annual_volatility.into(),
        max_drawdown: row.max_drawdown.into(),
        highest_correlation: row.highest_correlation.into(),
        correlated_with: row.correlated_with.as_deref().map(str::to_owned),
    }
}
