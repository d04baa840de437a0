//! What a run was worth: the figures of `empyrical`, and the tally that makes them from the ledger.
//!
//! | read | for |
//! |---|---|
//! | `performance` | sums as the ledger goes by |
//! | `comparing` | net, gross and benchmark, from the equity as it was written |
//! | `figures`, `series` | what a series of returns is summed up in, and how; `moments`, `tail`, `trend`, `relative`, `uncertainty`, `observed_sharpe` are its parts |
//! | `drawdowns`, `months`, `distribution` | the worst falls, the calendar, the bins |
//! | `curves` | lines for a picture, thinned so that no fall is lost |
//! | `growing` | figures and lines of an equity that grows frame by frame |
//! | `cost_analysis`, `shortfall`, `capacity`, `kelly` | what costs, size and the Kelly fraction imply |

mod capacity;
mod comparing;
mod cost_analysis;
mod curves;
mod distribution;
mod drawdowns;
mod figures;
mod growing;
mod kelly;
mod moments;
mod months;
pub(crate) mod normal;
mod observed_sharpe;
mod performance;
mod relative;
mod series;
mod shortfall;
mod tail;
mod trend;
mod uncertainty;

pub use capacity::Capacity;
pub use comparing::{Binning, Comparing, Comparison, EquityPoint, FrameReturns};
pub use cost_analysis::CostAnalysis;
pub use curves::{Buckets, Curves, EquityCurves, Keep, Line, ReturnCurves};
pub use distribution::Distribution;
pub use drawdowns::Drawdown;
pub use figures::Figures;
pub use growing::{DayFigures, DrawdownSoFar, GrowingLines, RunningFigures, WatchedFrame};
pub use kelly::chance_of_ever_losing;
pub(crate) use moments::annual_growth;
pub use months::Period;
pub use observed_sharpe::ObservedSharpe;
pub(crate) use performance::ExcessMoments;
pub use performance::{ExcessRatios, InExcess, Performance, TurnoverFacts};
pub use relative::Relative;
pub use series::Accumulator;
pub use shortfall::Shortfall;
pub use uncertainty::SharpeUncertainty;
