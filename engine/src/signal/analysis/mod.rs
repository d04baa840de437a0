//! Predictive power of a signal, without trading.
//!
//! [`SignalAnalysis`] reads frames in time order. A signal arrives as cross-sections: on frame t₀ each
//! instrument has a value or none. The forward return over a horizon of h bars is p(t₀ + h)/p(t₀) − 1, from
//! prices that include dividends and splits ([`TotalReturnPrices`]). Definitions equal those of
//! `alphalens-reloaded` 0.4 where it has them.
//!
//! | figure | definition | function of `alphalens.performance` |
//! |---|---|---|
//! | rank IC | Spearman correlation of signal and forward return over instruments, ties at their mean rank | `factor_information_coefficient` |
//! | IC | Pearson correlation of the same | – |
//! | quantile | five bins with edges at linearly interpolated percentiles, closed on the right (`pandas.qcut`) | `utils.quantize_factor` |
//! | quantile return | mean over cross-sections of the mean forward return in the quantile, less that of the sample | `mean_return_by_quantile` |
//! | spread | difference of the fifth and the first quantile's return | `compute_mean_returns_spread` |
//! | turnover | share of the names in a quantile that were not in it h bars before | `quantile_turnover(period=h)` |
//! | rank autocorrelation | correlation of the ranks with those h bars before | `factor_rank_autocorrelation(period=h)` |
//! | factor return | return of a portfolio with weights s − s̄ over Σ\|s − s̄\| | `factor_returns` |
//! | alpha, beta | regression of the factor return on the mean return of the sample | `factor_alpha_beta` |
//!
//! **Sample.** The sample of a horizon holds the instruments with a signal and a price on t₀ and a price on
//! t₀ + h. Quantiles, ranks, turnover and autocorrelation of a horizon use its sample. `alphalens` run with
//! `periods=(h,), filter_zscore=None` has the same sample. With several periods it keeps only rows whose
//! forward returns exist for all of them. Its default `filter_zscore=20` removes returns beyond 20 standard
//! deviations of the whole data, which looks ahead.
//!
//! **Differences.** `alphalens` removes a cross-section whose quantile edges coincide (many equal signals)
//! from all figures; here it has no quantiles, but an IC. Below version 3, `pandas` carries the last price
//! over a missing one; here such an instrument is not in the sample, unless
//! [`MissingPrice::Carry`] is set. Turnover and autocorrelation compare with the latest cross-section that
//! is at least h bars older; `alphalens` with the one that is exactly h bars older.
//!
//! Memory: cross-sections younger than the longest horizon, five series per horizon, and one series per
//! factor.

mod average;
mod correlation;
mod exposure;
mod figures;
mod frames;
mod horizon;
mod law;
mod newey_west;
mod pending;
mod previous;
mod quantiles;
mod regression;
mod row;
mod settings;
mod streaming;
mod total_return;

pub use exposure::ExposureFigures;
pub use figures::{HorizonFigures, MeanSpread, QuantileFigures, SignalFigures, YearFigures};
pub use frames::{FrameAnalysis, SectionFacts};
pub use law::FundamentalLaw;
pub use newey_west::{Coefficients, newey_west_error};
pub use quantiles::QUANTILES;
pub use row::SignalRow;
pub use settings::{AnalysisSettings, HORIZONS, Horizons, InvalidHorizons, MissingPrice, cost_rate};
pub use streaming::{Observation, SignalAnalysis};
pub use total_return::TotalReturnPrices;
