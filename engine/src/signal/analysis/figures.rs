//! Figures of a signal over all its cross-sections.

use itertools::Itertools as _;

use super::exposure::{ExposureFigures, Exposures};
use super::horizon::{Horizon, cost_of};
use super::law::FundamentalLaw;
use super::newey_west::Coefficients;
use super::quantiles::QUANTILES;
use super::settings::AnalysisSettings;
use super::streaming::Sections;
use crate::time::{Iso, TimestampNs};

/// Figures of a signal. An undefined figure is NaN.
#[derive(Clone, Debug, PartialEq)]
pub struct SignalFigures {
    /// Number of cross-sections.
    pub cross_sections: usize,
    /// Cross-sections per year; NaN for fewer than two.
    pub cross_sections_per_year: f64,
    /// Times of the first and the last cross-section.
    pub first_and_last: Option<(TimestampNs, TimestampNs)>,
    /// Mean share of the instruments with a price that have a signal.
    pub coverage: f64,
    /// Mean number of instruments with a price and a signal.
    pub names: f64,
    /// Number of signals of instruments without a price on their frame, in no figure.
    pub without_price: u64,
    /// Figures of each horizon.
    pub horizons: Vec<HorizonFigures>,
    /// Exposure to each factor; empty without factors.
    pub exposures: Vec<ExposureFigures>,
}

/// Figures of a signal at one horizon, on the sample of that horizon.
#[derive(Clone, Debug, PartialEq)]
pub struct HorizonFigures {
    /// Horizon in bars.
    pub bars: usize,
    /// Number of cross-sections whose horizon ends within the data.
    pub cross_sections: usize,
    /// Number of cross-sections whose quantiles are undefined, since edges coincide.
    pub without_quantiles: usize,
    /// Mean number of names in the sample.
    pub names: f64,
    /// Pearson information coefficient.
    pub ic: Coefficients,
    /// Spearman information coefficient.
    pub rank_ic: Coefficients,
    /// Pearson information coefficient of residual returns; without factors it has a count of 0.
    pub residual_ic: Coefficients,
    /// Spearman information coefficient of residual returns; without factors it has a count of 0.
    pub residual_rank_ic: Coefficients,
    /// Mean forward return of the sample.
    pub mean_return: f64,
    /// Quantiles, lowest signals first.
    pub quantiles: [QuantileFigures; QUANTILES],
    /// Return of the highest quantile less that of the lowest.
    pub spread: MeanSpread,
    /// Mean correlation of the ranks with those one horizon before.
    pub rank_autocorrelation: f64,
    /// Mean return of the portfolio weighted by the signal.
    pub factor_return: f64,
    /// Annual alpha of that portfolio against the mean return of the sample: (1 + a)^(bars per year/h) − 1.
    pub annual_alpha: f64,
    /// Beta of that portfolio against the mean return of the sample.
    pub beta: f64,
    /// Fundamental law with the rank IC of this horizon.
    pub law: FundamentalLaw,
    /// Calendar years (UTC) of the cross-sections, ascending.
    pub years: Vec<YearFigures>,
}

/// Figures of one quantile: an equal-weighted portfolio that is formed on each cross-section and held for the
/// horizon.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuantileFigures {
    /// Number of cross-sections.
    pub count: u64,
    /// Mean return less the mean return of the sample, before costs.
    pub mean: f64,
    /// Standard error of `mean` for independent cross-sections.
    pub standard_error: f64,
    /// Mean return before costs.
    pub mean_return: f64,
    /// Mean return after costs: before costs, less 2 × turnover × cost rate.
    pub mean_return_after_costs: f64,
    /// Mean share of names that were not in the quantile one horizon before.
    pub turnover: f64,
}

/// Mean spread of the highest and the lowest quantile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanSpread {
    /// Mean spread before costs.
    pub mean: f64,
    /// Standard error by Newey & West.
    pub standard_error: f64,
    /// Mean over standard error.
    pub t_statistic: f64,
    /// Mean spread after the costs of both quantiles.
    pub mean_after_costs: f64,
}

/// Information coefficients of one calendar year.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct YearFigures {
    /// Calendar year of the cross-sections (UTC).
    pub year: i64,
    /// Pearson information coefficient.
    pub ic: Coefficients,
    /// Spearman information coefficient.
    pub rank_ic: Coefficients,
    /// Spearman information coefficient of residual returns.
    pub residual_rank_ic: Coefficients,
}

impl SignalFigures {
    pub(super) fn of(
        settings: &AnalysisSettings,
        sections: &Sections,
        horizons: &[Horizon],
        exposures: &Exposures,
    ) -> Self {
        let per_year = sections.per_year(settings.bars_per_year);
        let timestamps = &sections.timestamps;
        Self {
            cross_sections: timestamps.len(),
            cross_sections_per_year: per_year,
            first_and_last: timestamps.first().copied().zip(timestamps.last().copied()),
            coverage: sections.coverage.mean(),
            names: sections.names.mean(),
            without_price: sections.without_price,
            horizons: horizons
                .iter()
                .map(|horizon| HorizonFigures::of(settings, timestamps, per_year, horizon))
                .collect(),
            exposures: exposures.figures(per_year),
        }
    }
}

impl HorizonFigures {
    fn of(settings: &AnalysisSettings, timestamps: &[TimestampNs], per_year: f64, horizon: &Horizon) -> Self {
        let bars = horizon.bars();
        let horizons_per_year = settings.bars_per_year / bars as f64;
        let overlap = overlap(per_year, horizons_per_year);
        let summary = |series: &[f64]| Coefficients::of(series.iter().copied(), overlap, per_year);
        let (rank_ic, residual_rank_ic) = (summary(&horizon.rank_ic), summary(&horizon.residual_rank_ic));
        let deciding = if residual_rank_ic.count > 0 { &residual_rank_ic } else { &rank_ic };
        let (alpha, beta) = horizon.regression.coefficients();
        let years = timestamps[..horizon.rank_ic.len()]
            .iter()
            .enumerate()
            .chunk_by(|(_, time)| Iso(settings.zone.local(**time)).civil().0);
        let years = years.into_iter().map(|(year, places)| {
            let places: Vec<usize> = places.map(|(place, _)| place).collect();
            let of = |series: &[f64]| summary(&series[places[0]..=places[places.len() - 1]]);
            YearFigures {
                year,
                ic: of(&horizon.ic),
                rank_ic: of(&horizon.rank_ic),
                residual_rank_ic: of(&horizon.residual_rank_ic),
            }
        });
        Self {
            bars,
            cross_sections: horizon.rank_ic.len(),
            without_quantiles: horizon.without_quantiles,
            names: horizon.names.mean(),
            ic: summary(&horizon.ic),
            rank_ic,
            residual_ic: summary(&horizon.residual_ic),
            residual_rank_ic,
            mean_return: horizon.mean_return.mean(),
            quantiles: std::array::from_fn(|quantile| {
                QuantileFigures::of(horizon, quantile, settings.cost_rate)
            }),
            spread: MeanSpread::of(horizon, &summary(&horizon.spread), settings.cost_rate),
            rank_autocorrelation: horizon.rank_autocorrelation.mean(),
            factor_return: horizon.factor_return.mean(),
            annual_alpha: libm::pow(1.0 + alpha, horizons_per_year) - 1.0,
            beta,
            law: FundamentalLaw::of(deciding, horizon.names.mean(), per_year, horizons_per_year),
            years: years.collect(),
        }
    }
}

/// Number of following cross-sections whose forward returns overlap with that of a cross-section.
fn overlap(sections_per_year: f64, horizons_per_year: f64) -> usize {
    let sections = sections_per_year / horizons_per_year;
    // Rounding must not turn the horizon of exactly h cross-sections into h + 1.
    if sections.is_nan() { 0 } else { (sections - 1e-9).ceil().max(1.0) as usize - 1 }
}

impl QuantileFigures {
    fn of(horizon: &Horizon, quantile: usize, cost_rate: f64) -> Self {
        let demeaned = &horizon.demeaned_returns[quantile];
        let mean_return = horizon.quantile_returns[quantile].mean();
        let turnover = horizon.turnover[quantile].mean();
        Self {
            count: demeaned.count(),
            mean: demeaned.mean(),
            standard_error: demeaned.standard_error(),
            mean_return,
            mean_return_after_costs: mean_return - cost_of(turnover, cost_rate),
            turnover,
        }
    }
}

impl MeanSpread {
    fn of(horizon: &Horizon, spread: &Coefficients, cost_rate: f64) -> Self {
        let [low, high] = [0, QUANTILES - 1];
        let traded = horizon.turnover[low].mean() + horizon.turnover[high].mean();
        Self {
            mean: spread.mean,
            standard_error: spread.standard_error,
            t_statistic: spread.t_statistic,
            mean_after_costs: spread.mean - cost_of(traded, cost_rate),
        }
    }
}
