//! Target weights from estimates: factor moments, factor risk model, fractional Kelly under limits, and the
//! frontier of fully invested portfolios.
//!
//! # Forecasts and risk
//!
//! Expected excess return: μ_i = shrink · alpha_i + beta_i'λ. The strategy chooses the shrinkage of alpha.
//!
//! The premium λ is the running mean of the factor returns, with `premium_prior_days` days of zero added. Its
//! posterior covariance is Λ = F/(n₀ + t) (`moments.rs`). F has a volatility forecast for each factor and correlations
//! with `factor_half_life`; `factor_shrinkage` shrinks them to zero. Σ = B(F + Λ)B' + D (`risk.rs`) is inverted by
//! Woodbury: no n × n matrix is formed. D is scaled to the residual returns of the book (`book_risk.rs`), whose risk is
//! predicted on every frame. The factors are the given ones and one for each group (`group_slots.rs`); an instrument loads
//! on its own groups alone, and no column of B is formed for a group (`own_loadings.rs`).
//!
//! # Rebalance
//!
//! The solver (`solver/`) maximises growth after costs under the turnover cap, the box, the gross limit, the net
//! target, the bounds by group and the exposure bounds. Limits that contradict each other take precedence in this
//! order: tradability, cap, box, gross, bounds by group, then net target and exposure bounds; each is approached as far as the earlier ones allow. Target
//! weights of a strategy go through the same solver: the result is the nearest weights inside the limits. The solver
//! keeps no state from one rebalance to the next.
//!
//! With `active`, risk and the gross limit are those of w − b for the weights b of the benchmark (`solver/active.rs`).
//! The forecast and the costs are those of w.
//!
//! A cost is paid once and a forecast is earned every bar. Costs are divided by `cost_horizon`, the time over which
//! an estimation error persists. Turnover is Σ|quantity| · price/NAV at the rebalance; the cap applies to its sum
//! over a date.
//!
//! `cap_method = "scale"` (`scale.rs`) clips κΣ⁻¹μ to the box and shrinks it to the gross limit. The held weights
//! then move towards it as far as the cap allows.
//!
//! `frontier.rs` follows the critical line for `max_sharpe` and `min_variance`. It reads only the rows of Σ that it
//! needs.
//!
//! `RunSettings::shown_dates` attaches the inputs and the solution of a rebalance to its decision ([`Rebalance`]),
//! for `betaflow size` and tests.

mod book_risk;
mod column_kernels;
mod frontier;
mod group_bounds;
mod group_limits;
mod group_slots;
mod halts;
mod moments;
mod no_trade;
mod own_loadings;
mod rebalance;
mod risk;
mod scale;
mod settings;
mod sizer;
mod solution;
mod solver;

pub use book_risk::{BookRisk, RiskPart};
pub use frontier::{Covariance, Point, SampleCovariance, frontier_point};
pub use group_bounds::{BoundedGroups, GroupBounds, GroupBoundsByName, check_group_names, column_and_group};
pub use group_limits::{GroupBound, GroupLimits, GroupMultiplier, UNBOUNDED};
pub use group_slots::GroupSlots;
pub use halts::{Halt, LossLimits, LossWatch};
pub use moments::FactorMoments;
pub use no_trade::{NoTrade, NoTradeCounts};
pub use own_loadings::{NO_FACTOR, OwnLoadings};
pub use rebalance::{FrontierPoint, LimitCosts, Rebalance};
pub(crate) use risk::RiskState;
pub use risk::{FactorRisk, is_covariance};
pub use settings::{CapMethod, FirstRebalance, SizingSettings, WeightBounds};
pub use sizer::Sizer;
pub use solution::{Goal, Limits, Outcome, Solution};
pub use solver::{ExposureBounds, Multipliers, Problem, SolveStatus, Solver};
