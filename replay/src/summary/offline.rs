//! Offline estimation in `summary.json`: `smooth`, `em` and `compare`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Number;

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
