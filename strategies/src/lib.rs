//! Strategies that betaflow ships, one file each, and the registry that finds them by name.
//!
//! A strategy turns estimates into targets, without access to channels, files or limits. To add one, write a
//! file with a [`Shipped`] type and list it in `registry.rs`.

mod equal_weight;
mod factor_momentum;
mod flat;
mod forecast;
mod forecasts;
mod frontier;
mod quarter_kelly;
mod registry;
mod residual_reversal;
mod section;
mod stat_arb;
mod weights;
mod window;

pub use equal_weight::EqualWeight;
pub use factor_momentum::FactorMomentum;
pub use flat::Flat;
pub use forecast::{ALPHA_RATIO, AlphaRule, AlphaShrink, posterior_alphas};
pub use forecasts::{Coefficient, CoefficientRule, ForecastOf, ForecastUnit, Forecasts};
pub use frontier::{FrontierInputs, MaxSharpe, MinVariance};
pub use quarter_kelly::QuarterKelly;
pub use registry::{Entry, Shipped, StrategyError, entries, find};
pub use residual_reversal::ResidualReversal;
pub use stat_arb::StatArb;
pub use weights::Weights;
