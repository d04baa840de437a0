//! What a run was worth: the figures of `empyrical`, and the tally that makes them from the ledger.
//!
//! | read | for |
//! |---|---|
//! | `performance` | sums as the ledger goes by |
//! | `comparing` | net, gross and benchmark, from the equity as it was written |
//! | `figures`, `series` | figures of a series of returns, and their accumulation; `moments`, `tail`, `relative`, `sharpe` are its parts |
//! | `drawdowns`, `months`, `distribution` | the worst falls, the calendar, the bins |
//! | `curves` | lines for a picture, thinned so that no fall is lost |
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
pub use comparing::{Binning, Comparing, Comparison};
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
pub use performance::{ExcessRatios, InExcess, Performance, TurnoverFacts};
pub use relative::Relative;
pub use series::Accumulator;
pub use sharpe::{ObservedSharpe, SharpeUncertainty};
pub use shortfall::Shortfall;
