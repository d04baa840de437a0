//! From estimates to target weights: factor moments, the factor risk model, Kelly and the limits; and the frontier of
//! fully invested portfolios.

mod frontier;
mod halts;
mod moments;
mod no_trade;
mod rebalance;
mod risk;
mod scale;
mod settings;
mod sizer;
mod solution;
mod solver;

pub use frontier::{Covariance, Point, SampleCovariance, frontier_point};
pub use halts::{Halt, LossLimits, LossWatch};
pub use moments::FactorMoments;
pub use no_trade::{NoTrade, NoTradeCounts};
pub use rebalance::{FrontierPoint, GivenUp, Rebalance};
pub use risk::FactorRisk;
pub(crate) use settings::time_of_day;
pub use settings::{CapMethod, SizingSettings};
pub use sizer::Sizer;
pub use solution::{Goal, Limits, Outcome, Solution};
pub use solver::{ExposureBounds, Multipliers, Problem, Reached, Solver};
