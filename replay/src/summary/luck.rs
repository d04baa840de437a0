//! Multiple testing in `summary.json`: `luck`.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::Number;
use super::number::read_if_present;
use crate::terminal::{counted, decimals, grouped};

/// Trials of a study, and figures about its best scenario. Ratios are annual; the variance is that of ratios per frame.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct LuckSummary {
    /// Number of returns of each ratio: the last returns common to all trials.
    pub(crate) frames: u64,
    pub(crate) years: Number,
    /// Distinct choices that are compared.
    pub(crate) compared: u64,
    /// Numbers of the ruined scenarios, which are not compared.
    pub(crate) ruined: Vec<u64>,
    /// True if all choices were measured in one environment.
    pub(crate) one_world: bool,
    /// True if that environment is the configuration's.
    pub(crate) world_of_configuration: bool,
    pub(crate) trials: TrialCounts,
    pub(crate) ledger: TrialsLogSummary,
    pub(crate) overfitting: Option<OverfittingSummary>,
    /// Reason why `overfitting` is null.
    pub(crate) overfitting_reason: Option<String>,
    /// Scenario with the highest Sharpe ratio.
    pub(crate) best: Option<ChosenLuck>,
    /// Scenario whose neighbourhood has the best worst case.
    pub(crate) robust: Option<ChosenLuck>,
    /// Scenario of the configuration; not chosen by its result, so its ratio is not deflated.
    pub(crate) base: Option<ChosenLuck>,
}

/// Counts of trials: distinct choices on the same data.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct TrialCounts {
    pub(crate) count: Option<u64>,
    pub(crate) of_this_run: u64,
    /// Trials with a ratio in the environment of this run.
    pub(crate) measured: u64,
    /// Sample variance of their ratios per frame.
    pub(crate) variance: Number,
    /// Expected highest Sharpe ratio if all trials were worthless.
    pub(crate) expected_best_sharpe: Number,
}

/// Trials log beside the data.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct TrialsLogSummary {
    /// Path of the log; null without a log.
    pub(crate) file: Option<String>,
    pub(crate) runs_before: u64,
    /// Lines that cannot be read.
    pub(crate) unreadable: u64,
    /// Reason why this run is not in the log.
    pub(crate) problem: Option<String>,
}

/// Uncertainty of one scenario's Sharpe ratio.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct ChosenLuck {
    pub(crate) scenario: u64,
    pub(crate) sharpe: Number,
    /// Probability that the true ratio is above 0, as a single trial.
    pub(crate) probabilistic_sharpe: Number,
    #[serde(flatten, deserialize_with = "read_deflated")]
    #[schemars(with = "Option<DeflatedLuck>")]
    pub(crate) deflated: Option<DeflatedLuck>,
}

/// Reads the figures of a scenario that was chosen by its result.
fn read_deflated<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DeflatedLuck>, D::Error> {
    read_if_present("min_backtest_years", deserializer)
}

impl ChosenLuck {
    /// Figures of a scenario that was chosen by its result.
    pub(crate) fn deflated(&self) -> DeflatedLuck {
        self.deflated.clone().unwrap_or_default()
    }
}

/// Figures of a scenario that was chosen by its result among all trials.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct DeflatedLuck {
    /// Probability that the true ratio is above 0, as the best of all trials.
    pub(crate) deflated_sharpe: Number,
    /// Reason why `deflated_sharpe` is null.
    pub(crate) deflated_sharpe_reason: Option<String>,
    /// Minimum backtest length in years: with less, the best of as many worthless trials is expected to reach it.
    pub(crate) min_backtest_years: Number,
}

/// Probability of backtest overfitting (Bailey et al. 2017).
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct OverfittingSummary {
    pub(crate) probability: Number,
    pub(crate) trials: u64,
    pub(crate) blocks: u64,
    pub(crate) splits: u64,
    pub(crate) frames: u64,
    pub(crate) probability_of_loss: Number,
    pub(crate) mean_sharpe_in_sample: Number,
    pub(crate) mean_sharpe_out_of_sample: Number,
    pub(crate) degradation: Number,
}

/// Returns the deflated Sharpe ratio of the best of `trials` trials, or why it is not defined, beside that of a single trial.
pub(crate) fn deflated_text(single: f64, deflated: Result<f64, &str>, trials: u64) -> String {
    match deflated {
        Ok(_) if trials == 1 => {
            format!("{single:.3}, with one trial and so no correction; above 0.95 is good")
        }
        Ok(deflated) => format!(
            "{deflated:.3} ({single:.3} without the correction for {}); above 0.95 is good",
            counted(trials, "trial")
        ),
        Err(reason) => format!("not defined: {reason}; {single:.3} without a correction"),
    }
}

/// Returns the minimum backtest length beside the length of the data, both in years; `None` for one trial, and where it is
/// not defined.
pub(crate) fn backtest_length_text(needed: f64, years: f64, trials: u64) -> Option<String> {
    let verdict = if years < needed { "too short" } else { "long enough" };
    (trials > 1 && needed.is_finite()).then(|| {
        format!(
            "{} years; the data has {} years: {verdict} for {} trials",
            decimals(needed, 1),
            decimals(years, 1),
            grouped(trials as f64)
        )
    })
}

/// Probability of overfitting of worthless trials: share of the ranks at or below the median. It is one half for an even
/// number of trials, and more for an odd one, whose middle rank is the median itself.
pub(crate) fn overfitting_by_chance(trials: u64) -> f64 {
    trials.div_ceil(2) as f64 / trials as f64
}

/// Returns the probability of overfitting, or why it is not defined.
pub(crate) fn overfitting_text(found: Result<(f64, u64, u64, u64), &str>) -> String {
    match found {
        Ok((probability, trials, splits, blocks)) => format!(
            "{probability:.2} ({}: choosing is no better than chance), from {} and {} of {blocks} blocks",
            decimals(overfitting_by_chance(trials), 2),
            counted(trials, "trial"),
            counted(splits, "split")
        ),
        Err(reason) => format!("not defined: {reason}"),
    }
}
