//! `summary.json` of `stress` and `tune`: many scenarios over the same data.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{FolderKind, Head, HoldoutSummary, LuckSummary, Metrics, Number};

/// Label of the recommended settings of `tune`.
pub(crate) const IN_SAMPLE: &str = "in-sample: it says what to use, not what to expect";
/// Values of settings by their dotted names.
pub(crate) type Settings = BTreeMap<String, Value>;

/// Keys that `stress` and `tune` have in common.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct StudyHead {
    #[serde(flatten)]
    pub(crate) head: Head,
    pub(crate) kind: FolderKind,
    pub(crate) strategy: String,
    /// Number of scenarios.
    pub(crate) scenarios: u64,
    /// Levels of each setting of a product; null for a list or a sample.
    pub(crate) grid: Option<Settings>,
    /// Values of the configuration for the settings that vary.
    pub(crate) base: Settings,
    pub(crate) ruined: Vec<RuinedScenario>,
    pub(crate) luck: Option<LuckSummary>,
    /// Look-ahead of the fills, if a scenario has any.
    pub(crate) look_ahead: Option<String>,
    pub(crate) timing: StudyTiming,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) holdout: Option<HoldoutSummary>,
}

/// `summary.json` of `stress`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct StressSummary {
    #[serde(flatten)]
    pub(crate) study: StudyHead,
    pub(crate) trades: Trades,
    /// Distributions over resampled paths, one for each group of scenarios that differ by the path alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) paths: Vec<PathsSummary>,
}

/// Trades of the scenarios of a study.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Trades {
    /// Each scenario is a run of its own.
    #[default]
    Own,
    /// Trades of the configuration under the costs of each scenario.
    Fixed,
}

/// A scenario whose account was ruined.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct RuinedScenario {
    pub(crate) scenario: u64,
    pub(crate) settings: Settings,
}

/// Wall time of a study.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct StudyTiming {
    pub(crate) seconds: f64,
    /// Passes over the data.
    pub(crate) passes: u64,
}

/// Distribution of the figures of a group of resampled paths.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct PathsSummary {
    pub(crate) paths: u64,
    pub(crate) ruined: u64,
    pub(crate) first_scenario: Option<u64>,
    pub(crate) net_sharpe: Option<QuantilesSummary>,
    pub(crate) net_annual_return: Option<QuantilesSummary>,
    pub(crate) net_max_drawdown: Option<QuantilesSummary>,
}

/// Quantiles of a figure.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct QuantilesSummary {
    pub(crate) p05: Number,
    pub(crate) p25: Number,
    pub(crate) median: Number,
    pub(crate) p75: Number,
    pub(crate) p95: Number,
    pub(crate) mean: Number,
    /// Share of the paths below 0.
    pub(crate) below_zero: Number,
}

/// `summary.json` of `tune`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct TuneSummary {
    #[serde(flatten)]
    pub(crate) study: StudyHead,
    /// `walk_forward`, `k_fold` or `combinatorial`.
    pub(crate) method: String,
    pub(crate) folds: u64,
    /// Embargo in days.
    pub(crate) embargo: u64,
    /// Purge in days.
    pub(crate) purge: u64,
    pub(crate) objective: String,
    /// Number of frames common to all settings.
    pub(crate) frames: u64,
    pub(crate) out_of_sample: OutOfSample,
    /// One choice per fold.
    pub(crate) choices: Vec<FoldSummary>,
    pub(crate) in_sample: Recommendation,
}

/// Out-of-sample result of the choices.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct OutOfSample {
    pub(crate) blocks: Vec<FrameRange>,
    pub(crate) frames: Option<u64>,
    /// Number of backtest paths through the test blocks.
    pub(crate) paths: u64,
    /// Path that is shown: the median one.
    pub(crate) path: Option<u64>,
    pub(crate) score: Number,
    pub(crate) scores: PathScoresSummary,
    /// Figures of the choices.
    pub(crate) metrics: Metrics,
    /// Figures of the unchanged configuration.
    pub(crate) base: Metrics,
    /// Figures of the best setting in hindsight.
    pub(crate) hindsight: Metrics,
}

/// Consecutive frames.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct FrameRange {
    pub(crate) first: Option<String>,
    pub(crate) last: Option<String>,
    pub(crate) frames: u64,
}

/// Objective over the backtest paths.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct PathScoresSummary {
    pub(crate) count: u64,
    pub(crate) mean: Number,
    pub(crate) deviation: Number,
    pub(crate) lowest: Number,
    pub(crate) median: Number,
    pub(crate) highest: Number,
    /// Share of the paths below 0.
    pub(crate) below_zero: Number,
}

/// Choice of a fold.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct FoldSummary {
    pub(crate) fold: u64,
    pub(crate) train: Vec<FrameRange>,
    pub(crate) test: Vec<FrameRange>,
    /// Objective on the tested blocks.
    pub(crate) test_score: Number,
    #[serde(flatten)]
    pub(crate) choice: ChoiceSummary,
}

/// Choice from all frames.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Recommendation {
    /// [`IN_SAMPLE`].
    pub(crate) label: String,
    pub(crate) metrics: Metrics,
    #[serde(flatten)]
    pub(crate) choice: ChoiceSummary,
}

/// Setting that was chosen: of those within one standard error of the best, the one with the lowest turnover.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct ChoiceSummary {
    pub(crate) scenario: u64,
    pub(crate) settings: Settings,
    /// Objective on the training frames.
    pub(crate) train_score: Number,
    pub(crate) train_turnover: Number,
    /// Score minus that of the best setting.
    pub(crate) difference: Number,
    pub(crate) difference_standard_error: Number,
    pub(crate) best: BestSetting,
    /// Standard error of the best score.
    pub(crate) train_score_standard_error: Number,
    /// Share of the resamples in which the best setting is best again.
    pub(crate) certainty: Number,
    pub(crate) resamples: u64,
    /// Settings within one standard error of the best.
    pub(crate) within_one_error: u64,
    pub(crate) runner_up: Option<RunnerUp>,
}

/// Setting with the highest score on the training frames.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct BestSetting {
    pub(crate) scenario: u64,
    pub(crate) settings: Settings,
    pub(crate) train_score: Number,
    pub(crate) train_turnover: Number,
    /// Figures on all frames, of the recommendation alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metrics: Option<Metrics>,
}

/// Setting with the second highest score on the training frames.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct RunnerUp {
    pub(crate) scenario: u64,
    pub(crate) settings: Settings,
    pub(crate) train_score: Number,
}
