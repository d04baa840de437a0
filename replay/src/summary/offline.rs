//! Offline estimation in `summary.json`: `smooth`, `em`, `compare` and `compare_risk`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Number, RiskFiguresSummary};

/// Results of offline estimation; a key exists if its flag was given.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct OfflineSummary {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) smooth: Option<SmoothSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) em: Option<EmSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) compare: Option<Vec<WindowSummary>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) compare_risk: Option<RiskComparisonSummary>,
}

/// Model of `smoothed.parquet`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct SmoothSummary {
    /// `dlm` or `fixed`.
    pub(crate) model: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) discount_factor: Option<f64>,
    /// File of the parameters that EM fitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parameters: Option<String>,
}

/// Convergence of EM.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct EmSummary {
    pub(crate) steps_max: u32,
    pub(crate) instruments: u64,
    pub(crate) converged: u64,
    /// Sum over the instruments before the first step.
    pub(crate) log_likelihood_first: Number,
    /// Sum over the instruments after the last step.
    pub(crate) log_likelihood: Number,
}

/// One window of the rolling regression beside the filter, on the same forecasts.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct WindowSummary {
    /// Length in days.
    pub(crate) window: u32,
    pub(crate) hedged_r2: Number,
    pub(crate) filter_hedged_r2: Number,
    pub(crate) forecasts: u64,
}

/// Predicted risk of portfolios by the model of sizing and by other covariances.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct RiskComparisonSummary {
    /// Frames whose portfolio returns were predicted.
    pub(crate) frames: u64,
    /// Draws of portfolios.
    pub(crate) draws: u64,
    pub(crate) seed: u64,
    /// A row for each model and kind of portfolio.
    pub(crate) models: Vec<RiskModelSummary>,
}

/// Accuracy of one model on one kind of portfolio.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct RiskModelSummary {
    /// `model` (that of sizing), `exponential`, `ledoit_wolf` or `factors`.
    pub(crate) model: String,
    /// `random`, `minimum_variance`, `group`, `long_short` or `all`.
    pub(crate) portfolios: String,
    #[serde(flatten)]
    pub(crate) figures: RiskFiguresSummary,
}
