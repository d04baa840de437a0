//! Performance metrics of a run: the figures of `empyrical`, and their accumulation from the ledger.
//!
//! | module | content |
//! |---|---|
//! | `performance` | sums over the ledger, frame by frame |
//! | `comparing` | net, gross and benchmark figures from the recorded equity |
//! | `figures`, `series` | figures of a series of returns, and their accumulation; parts: `moments`, `tail`, `relative`, `sharpe` |
//! | `drawdowns`, `months`, `distribution` | deepest drawdowns, returns by month and year, histogram |
//! | `curves` | lines for a chart, thinned so that every drawdown is kept |
//! | `active`, `rolling`, `trailing` | risk against the benchmark; figures over a moving window; returns over the last months |
//! | `factor_returns` | factor returns by date; figures over the last months |
//! | `correlation`, `periods` | correlations between series; periods per year of a series |
//! | `holdings`, `same_trades` | number of holdings through time; return of unchanged trades at another cost |
//! | `growing` | figures and lines of an equity that grows frame by frame |
//! | `build_up` | frames in which the turnover cap kept the book from its first target, and the returns after them |
//! | `cost_analysis`, `shortfall`, `capacity` | effects of costs, size and the Kelly fraction |

mod active;
mod build_up;
mod capacity;
mod comparing;
mod correlation;
mod cost_analysis;
mod curves;
mod distribution;
mod drawdowns;
mod equity_point;
mod factor_returns;
mod figures;
mod growing;
mod holdings;
mod moments;
mod months;
mod performance;
mod periods;
mod relative;
mod risk_accuracy;
mod rolling;
mod same_trades;
mod series;
mod sharpe;
mod shortfall;
mod tail;
mod trailing;

pub use active::{ActiveReturns, ActiveRisk};
pub use build_up::{BuildUp, ReturnsAfterBuildUp};
pub use capacity::Capacity;
pub use comparing::{Comparison, ComparisonBuilder, DistributionBuilder};
pub use correlation::Correlations;
pub use cost_analysis::{CostAnalysis, chance_of_ever_losing};
pub use curves::{Buckets, Curves, EquityCurves, Keep, Line, ReturnCurves};
pub use distribution::Distribution;
pub use drawdowns::Drawdown;
pub use equity_point::{EquityPoint, FrameReturns};
pub use factor_returns::{FactorDrawdown, FactorReturns, LastMonth, WINDOW_MONTHS, WindowFigures};
pub use figures::Figures;
pub use growing::{DayFigures, DrawdownSoFar, GrowingLines, RunningFigures, WatchedFrame};
pub use holdings::HoldingCurves;
pub(crate) use moments::annual_growth;
pub use months::Period;
pub(crate) use performance::ExcessMoments;
pub use performance::{ExcessFigures, ExcessRatios, Performance, TurnoverFacts};
pub use periods::periods_per_year;
pub use relative::Relative;
pub use risk_accuracy::{RiskAccuracy, RiskAccuracyBuilder, RiskFigures, RiskSums};
pub use rolling::RollingCurves;
pub use same_trades::annual_return_of_same_trades;
pub use series::Accumulator;
pub use sharpe::{ObservedSharpe, SharpeUncertainty};
pub use shortfall::Shortfall;
pub use trailing::{TrailingReturn, TrailingReturns};
