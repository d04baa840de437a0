//! Predicted risk of the book: its accuracy, and the ex-ante attribution.

use betaflow_engine::ledger::BookRiskFacts;
use betaflow_engine::metrics::{RiskAccuracy, RiskFigures};
use betaflow_engine::portfolio::RiskPart;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Number;

/// Name of the part of risk that no factor explains.
const RESIDUAL: &str = "residual";

/// Predicted risk of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct RiskSummary {
    /// Accuracy over all frames with a prediction.
    #[serde(flatten)]
    pub(crate) total: RiskFiguresSummary,
    pub(crate) by_year: Vec<RiskYearSummary>,
    /// Thirds of the frames with the lowest, middle and highest predicted volatility.
    pub(crate) by_tercile: Vec<RiskFiguresSummary>,
    /// Parts of the predicted variance: each factor, then the residual part.
    pub(crate) attribution: Vec<RiskPartSummary>,
}

/// Accuracy of predicted volatility.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct RiskFiguresSummary {
    /// Frames with a prediction for the next frame.
    pub(crate) frames: u64,
    /// Bias statistic: standard deviation of the net return in units of its predicted volatility.
    pub(crate) bias: Number,
    /// Mean of ln σ² + r²/σ² with the return r of a frame and its predicted variance σ²; lower is better.
    pub(crate) qlike: Number,
    /// Root of the mean predicted variance, a year.
    pub(crate) predicted_volatility: Number,
    /// Standard deviation of the net returns of the same frames, a year.
    pub(crate) realised_volatility: Number,
}

impl From<RiskFigures> for RiskFiguresSummary {
    fn from(figures: RiskFigures) -> Self {
        Self {
            frames: figures.frames,
            bias: figures.bias.into(),
            qlike: figures.qlike.into(),
            predicted_volatility: figures.predicted_volatility.into(),
            realised_volatility: figures.realised_volatility.into(),
        }
    }
}

/// Accuracy in a calendar year, UTC.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct RiskYearSummary {
    pub(crate) year: i64,
    #[serde(flatten)]
    pub(crate) figures: RiskFiguresSummary,
}

/// One part of the predicted variance.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct RiskPartSummary {
    /// Factor, or `residual`.
    pub(crate) factor: String,
    pub(crate) mean: RiskShareSummary,
    /// On the last frame with a prediction.
    pub(crate) last: RiskShareSummary,
}

/// Exposure to a factor, and its contribution to the predicted variance.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct RiskShareSummary {
    /// Sum of weight times beta; null for the residual part.
    pub(crate) exposure: Number,
    /// Contribution to the variance, a year.
    pub(crate) variance: Number,
    /// Contribution as a share of the variance.
    pub(crate) share: Number,
}

impl RiskSummary {
    /// Summary of the accuracy, and of the parts of risk for the factors `names`.
    pub(crate) fn new(
        accuracy: &RiskAccuracy,
        parts: &BookRiskFacts,
        names: &[String],
        frames_per_year: f64,
    ) -> Self {
        let count = parts.frames.max(1) as f64;
        let means = parts
            .sums
            .iter()
            .map(|sum| RiskPart { exposure: sum.exposure / count, variance: sum.variance / count });
        let (means, residual) = (means.collect::<Vec<_>>(), parts.sums.len().saturating_sub(1));
        let shares = |parts: &[RiskPart]| {
            let total: f64 = parts.iter().map(|part| part.variance).sum();
            let share = |(at, part): (usize, &RiskPart)| RiskShareSummary {
                exposure: if at == residual { f64::NAN } else { part.exposure }.into(),
                variance: (part.variance * frames_per_year).into(),
                share: (part.variance / total).into(),
            };
            parts.iter().enumerate().map(share).collect::<Vec<_>>()
        };
        let rows = shares(&means).into_iter().zip(shares(&parts.last)).enumerate();
        let name = |at: usize| match names.get(at) {
            Some(name) if at < residual => name.clone(),
            _ => RESIDUAL.to_owned(),
        };
        Self {
            total: accuracy.total.into(),
            by_year: accuracy
                .years
                .iter()
                .map(|(year, figures)| RiskYearSummary { year: *year, figures: (*figures).into() })
                .collect(),
            by_tercile: accuracy.terciles.map(Into::into).to_vec(),
            attribution: rows
                .map(|(at, (mean, last))| RiskPartSummary { factor: name(at), mean, last })
                .collect(),
        }
    }

    /// Bias statistics of the terciles, from the lowest predicted volatility to the highest.
    pub(crate) fn tercile_biases(&self) -> Vec<f64> {
        self.by_tercile.iter().map(|figures| figures.bias.into()).collect()
    }
}
