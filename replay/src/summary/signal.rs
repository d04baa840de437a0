//! `summary.json` of `signal`.

use betaflow_engine::signal::analysis::{
    Coefficients, ExposureFigures, FundamentalLaw, HorizonFigures, MeanSpread, QuantileFigures, YearFigures,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FolderKind, Number, RunSummary};

/// `summary.json` of `signal`: the keys of the replay, and those of the analysis.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct SignalSummary {
    #[serde(flatten)]
    pub(crate) run: RunSummary,
    pub(crate) kind: FolderKind,
    pub(crate) signal: SignalKeys,
}

/// Figures of a signal.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct SignalKeys {
    /// File of the forecasts.
    pub(crate) forecasts: Option<String>,
    /// Number of cross-sections.
    pub(crate) cross_sections: u64,
    pub(crate) cross_sections_per_year: Number,
    /// Time of the first cross-section.
    pub(crate) first: Option<String>,
    /// Time of the last cross-section.
    pub(crate) last: Option<String>,
    /// Mean share of the instruments with a price that have a signal.
    pub(crate) coverage: Number,
    /// Mean number of instruments with a price and a signal.
    pub(crate) names: Number,
    /// Signals of instruments without a price on their frame, in no figure.
    pub(crate) without_price: u64,
    /// Cross-sections with values that became known on a later frame, in no figure.
    pub(crate) extended: u64,
    /// Cross-sections from a date before the first frame, in no figure.
    pub(crate) before_first: u64,
    /// Treatment of missing prices: `left out` or `carried`.
    pub(crate) missing_price: String,
    /// Commission plus half-spread, bps of notional.
    pub(crate) cost_bps: Number,
    /// Horizon of the forecasts in bars (`strategy.horizon`), one of `horizons`.
    pub(crate) horizon: u64,
    pub(crate) horizons: Vec<HorizonSummary>,
    /// Exposure of the signal to each factor; empty without factors.
    pub(crate) exposures: Vec<ExposureSummary>,
}

impl SignalKeys {
    /// Figures at the horizon of the forecasts.
    pub(crate) fn at_horizon(&self) -> Option<&HorizonSummary> {
        self.horizons.iter().find(|found| found.bars == self.horizon)
    }
}

/// Mean of a series of coefficients, one per cross-section.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct MeanCoefficient {
    /// Number of cross-sections.
    pub(crate) count: u64,
    pub(crate) mean: Number,
    pub(crate) standard_deviation: Number,
    /// Standard error of the mean by Newey and West.
    pub(crate) standard_error: Number,
    /// Lag of the standard error in cross-sections.
    pub(crate) lag: u64,
    /// Mean over standard error.
    pub(crate) t_statistic: Number,
    /// Mean over standard deviation.
    pub(crate) icir: Number,
    /// `icir` times the root of the cross-sections per year.
    pub(crate) annual_icir: Number,
    /// Share of coefficients above 0.
    pub(crate) positive: Number,
}

impl From<Coefficients> for MeanCoefficient {
    fn from(of: Coefficients) -> Self {
        Self {
            count: of.count as u64,
            mean: of.mean.into(),
            standard_deviation: of.standard_deviation.into(),
            standard_error: of.standard_error.into(),
            lag: of.lag as u64,
            t_statistic: of.t_statistic.into(),
            icir: of.icir.into(),
            annual_icir: of.annual_icir.into(),
            positive: of.positive.into(),
        }
    }
}

/// Figures at one horizon.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct HorizonSummary {
    pub(crate) bars: u64,
    /// Cross-sections whose horizon ends within the data.
    pub(crate) cross_sections: u64,
    /// Cross-sections whose quantiles are undefined, since edges coincide.
    pub(crate) without_quantiles: u64,
    /// Mean number of names.
    pub(crate) names: Number,
    pub(crate) ic: MeanCoefficient,
    pub(crate) rank_ic: MeanCoefficient,
    /// Pearson coefficient of residual returns; a count of 0 without factors.
    pub(crate) residual_ic: MeanCoefficient,
    pub(crate) residual_rank_ic: MeanCoefficient,
    /// Mean forward return.
    pub(crate) mean_return: Number,
    /// Lowest signals first.
    pub(crate) quantiles: Vec<QuantileSummary>,
    pub(crate) spread: SpreadSummary,
    /// Mean correlation of the ranks with those one horizon before.
    pub(crate) rank_autocorrelation: Number,
    /// Mean return of the portfolio weighted by the signal.
    pub(crate) factor_return: Number,
    pub(crate) annual_alpha: Number,
    pub(crate) beta: Number,
    pub(crate) law: LawSummary,
    pub(crate) years: Vec<YearSummary>,
}

impl From<&HorizonFigures> for HorizonSummary {
    fn from(of: &HorizonFigures) -> Self {
        Self {
            bars: of.bars as u64,
            cross_sections: of.cross_sections as u64,
            without_quantiles: of.without_quantiles as u64,
            names: of.names.into(),
            ic: of.ic.into(),
            rank_ic: of.rank_ic.into(),
            residual_ic: of.residual_ic.into(),
            residual_rank_ic: of.residual_rank_ic.into(),
            mean_return: of.mean_return.into(),
            quantiles: of.quantiles.into_iter().map(Into::into).collect(),
            spread: of.spread.into(),
            rank_autocorrelation: of.rank_autocorrelation.into(),
            factor_return: of.factor_return.into(),
            annual_alpha: of.annual_alpha.into(),
            beta: of.beta.into(),
            law: of.law.into(),
            years: of.years.iter().map(Into::into).collect(),
        }
    }
}

/// Returns of one quantile over the horizon.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct QuantileSummary {
    /// Number of cross-sections.
    pub(crate) count: u64,
    /// Mean return less that of the sample, before costs.
    pub(crate) mean: Number,
    /// Standard error of `mean` for independent cross-sections.
    pub(crate) standard_error: Number,
    /// Mean return before costs.
    pub(crate) mean_return: Number,
    pub(crate) mean_return_after_costs: Number,
    /// Mean share of names that were not in the quantile one horizon before.
    pub(crate) turnover: Number,
}

impl From<QuantileFigures> for QuantileSummary {
    fn from(of: QuantileFigures) -> Self {
        Self {
            count: of.count,
            mean: of.mean.into(),
            standard_error: of.standard_error.into(),
            mean_return: of.mean_return.into(),
            mean_return_after_costs: of.mean_return_after_costs.into(),
            turnover: of.turnover.into(),
        }
    }
}

/// Return of the highest quantile less that of the lowest, over the horizon.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct SpreadSummary {
    pub(crate) mean: Number,
    /// Standard error by Newey and West.
    pub(crate) standard_error: Number,
    pub(crate) t_statistic: Number,
    /// After the costs of both quantiles.
    pub(crate) mean_after_costs: Number,
}

impl From<MeanSpread> for SpreadSummary {
    fn from(of: MeanSpread) -> Self {
        Self {
            mean: of.mean.into(),
            standard_error: of.standard_error.into(),
            t_statistic: of.t_statistic.into(),
            mean_after_costs: of.mean_after_costs.into(),
        }
    }
}

/// Fundamental law of active management.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct LawSummary {
    /// Mean rank IC: of residual returns if there are any.
    pub(crate) ic: Number,
    pub(crate) names: Number,
    pub(crate) independent_per_year: Number,
    /// `names` times `independent_per_year`.
    pub(crate) breadth: Number,
    /// `ic` times the root of `breadth` (Grinold and Kahn).
    pub(crate) information_ratio: Number,
    /// One over the variance of the IC.
    pub(crate) effective_names: Number,
    /// The same with `effective_names` (Qian and Hua).
    pub(crate) effective_information_ratio: Number,
}

impl From<FundamentalLaw> for LawSummary {
    fn from(of: FundamentalLaw) -> Self {
        Self {
            ic: of.ic.into(),
            names: of.names.into(),
            independent_per_year: of.independent_per_year.into(),
            breadth: of.breadth.into(),
            information_ratio: of.information_ratio.into(),
            effective_names: of.effective_names.into(),
            effective_information_ratio: of.effective_information_ratio.into(),
        }
    }
}

/// Coefficients of one calendar year (UTC).
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct YearSummary {
    pub(crate) year: i64,
    pub(crate) ic: MeanCoefficient,
    pub(crate) rank_ic: MeanCoefficient,
    pub(crate) residual_rank_ic: MeanCoefficient,
}

impl From<&YearFigures> for YearSummary {
    fn from(of: &YearFigures) -> Self {
        Self {
            year: of.year,
            ic: of.ic.into(),
            rank_ic: of.rank_ic.into(),
            residual_rank_ic: of.residual_rank_ic.into(),
        }
    }
}

/// Exposure of the signal to one factor: correlation with the betas.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct ExposureSummary {
    pub(crate) factor: String,
    pub(crate) correlation: MeanCoefficient,
    pub(crate) mean_absolute: Number,
}

impl ExposureSummary {
    pub(crate) fn new(factor: &str, of: &ExposureFigures) -> Self {
        Self {
            factor: factor.to_owned(),
            correlation: of.correlation.into(),
            mean_absolute: of.mean_absolute.into(),
        }
    }
}
