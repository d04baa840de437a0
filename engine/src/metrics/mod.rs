//! Performance metrics of a run: the figures of `empyrical`, and their accumulation from the ledger.
//!
//! | read | for |
//! |---|---|
//! | `performance` | sums over the ledger, frame by frame |
//! | `comparing` | net, gross and benchmark figures from the recorded equity |
//! | `figures`, `series` | figures of a series of returns, and their accumulation; parts: `moments`, `tail`, `relative`, `sharpe` |
//! | `drawdowns`, `months`, `distribution` | deepest drawdowns, returns by month and year, histogram |
//! | `curves` | lines for a chart, thinned so that every drawdown is kept |
//! | `growing` | figures and lines of an equity that grows frame by frame |
//! | `cost_analysis`, `shortfall`, `capacity` | implications of costs, size and the Kelly fraction |

mod capacity;
mod comparing;
mod cost_analysis;
mod curves;
mod distribution;
mod drawdowns;
mod equity_point;
mod figures;
mod growing;
mod moments;
mod months;
mod performance;
mod relative;
mod series;
mod sharpe;
mod shortfall;
mod tail;

pub use capacity::Capacity;
pub use comparing::{Comparison, ComparisonBuilder, DistributionBuilder};
pub use cost_analysis::{CostAnalysis, chance_of_ever_losing};
pub use curves::{Buckets, Curves, EquityCurves, Keep, Line, ReturnCurves};
pub use distribution::Distribution;
pub use drawdowns::Drawdown;
pub use equity_point::{EquityPoint, FrameReturns};
pub use figures::Figures;
pub use growing::{DayFigures, DrawdownSoFar, GrowingLines, RunningFigures, WatchedFrame};
pub(crate) use moments::annual_growth;
pub use months::Period;
pub(crate) use performance::ExcessMoments;
pub use performance::{ExcessFigures, ExcessRatios, Performance, TurnoverFacts};
pub use relative::Relative;
pub use series::Accumulator;
pub use sharpe::{ObservedSharpe, SharpeUncertainty};
pub use shortfall::Shortfall;
