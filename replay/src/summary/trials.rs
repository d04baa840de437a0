//! `summary.json` of `luck`: trials from anywhere.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DeflatedLuck, FolderKind, Head, Number, OverfittingSummary, TrialCounts};

/// `summary.json` of `luck`. Ratios are annual; `trials.variance` is that of ratios per period.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct TrialsSummary {
    #[serde(flatten)]
    pub(crate) head: Head,
    pub(crate) kind: FolderKind,
    /// File of the returns.
    pub(crate) file: String,
    pub(crate) periods_per_year: Number,
    /// True if the periods per year follow from the spacing of the rows.
    pub(crate) periods_from_spacing: bool,
    pub(crate) trials: TrialCounts,
    pub(crate) common: CommonDates,
    /// Trial with the highest Sharpe ratio; null where no ratio is defined.
    pub(crate) best: Option<BestTrial>,
    pub(crate) overfitting: Option<OverfittingSummary>,
    /// Reason why `overfitting` is null.
    pub(crate) overfitting_reason: Option<String>,
    pub(crate) correlation: CorrelationCounts,
    /// One entry per trial, in the order of the file.
    pub(crate) each: Vec<TrialSummary>,
}

/// Rows at which all trials have a return: those of correlations and of the probability of overfitting.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct CommonDates {
    pub(crate) count: u64,
    /// Rows at which a trial has no return.
    pub(crate) left_out: u64,
    pub(crate) first: Option<String>,
    pub(crate) last: Option<String>,
}

/// Trial with the highest Sharpe ratio.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct BestTrial {
    pub(crate) trial: String,
    /// Number of returns over the periods per year.
    pub(crate) years: Number,
    pub(crate) sharpe: Number,
    pub(crate) sharpe_standard_error: Number,
    /// Probability that the true ratio is above 0, as a single trial.
    pub(crate) probabilistic_sharpe: Number,
    #[serde(flatten)]
    pub(crate) deflated: DeflatedLuck,
    /// Upper bound 2 ln N/SR² of `min_backtest_years`.
    pub(crate) min_backtest_years_bound: Number,
    /// Years of such returns after which `probabilistic_sharpe` is 0.95.
    pub(crate) min_track_record_years: Number,
}

/// Trials that are too similar to an earlier one.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct CorrelationCounts {
    /// Highest correlation that is accepted.
    pub(crate) limit: Number,
    /// Trials with a higher correlation with an earlier one.
    pub(crate) above: u64,
}

/// Figures of one trial over its own returns.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct TrialSummary {
    pub(crate) trial: String,
    pub(crate) first: Option<String>,
    pub(crate) last: Option<String>,
    pub(crate) returns: u64,
    /// Rows between the first and the last return without a return.
    pub(crate) missing: u64,
    pub(crate) sharpe: Number,
    pub(crate) sharpe_standard_error: Number,
    pub(crate) probabilistic_sharpe: Number,
    /// Probability that the true ratio is above 0, as the best of all trials.
    pub(crate) deflated_sharpe: Number,
    pub(crate) min_track_record_years: Number,
    pub(crate) annual_return: Number,
    pub(crate) annual_volatility: Number,
    pub(crate) max_drawdown: Number,
    /// Highest correlation with an earlier trial, over the common rows; null for the first trial.
    pub(crate) highest_correlation: Number,
    /// Earlier trial with that correlation.
    pub(crate) correlated_with: Option<String>,
}
