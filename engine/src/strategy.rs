//! Strategies: estimates in, targets out. A strategy has no access to clocks, files or limits.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::frame::CrossSection;
use crate::model::Estimates;
use crate::portfolio::FactorRisk;
use crate::settings::Calendar;
use crate::state::StateError;
use crate::time::{Iso, TimestampNs};

/// Inputs of a strategy on a rebalancing frame.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The estimator's estimates after the frame, with its number, its time and the names of the instruments.
    pub estimates: &'a Estimates,
    /// Names of the K factors: the k given ones, then those of groups so far, such as `sector:Energy`.
    pub factor_names: &'a [String],
    /// Frames per day and days per year.
    pub calendar: &'a Calendar,
    /// Expected factor returns λ per frame, length K.
    pub premia: &'a [f64],
    /// Risk Σ of the next frame's returns.
    pub risk: &'a FactorRisk,
    /// Weights held, length n; orders in flight count as filled.
    pub held: &'a [f64],
    /// Tradable instruments of this frame, length n.
    pub tradable: &'a [bool],
    /// Largest weight of an instrument.
    pub weight_max: f64,
}

/// Series of every frame that a strategy observes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// True for the instruments' returns.
    pub returns: bool,
    /// True for the returns that the factors do not explain.
    pub residuals: bool,
    /// True if the signal holds target weights instead of forecasts.
    pub weights: bool,
}

impl Observed {
    /// Series that at least one of two strategies observes.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            returns: self.returns || other.returns,
            residuals: self.residuals || other.residuals,
            weights: self.weights || other.weights,
        }
    }
}

/// Counts of a strategy on forecasts or weights of the user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StrategyFacts {
    /// Cross-sections that acted on at least one rebalance.
    pub sections: u64,
    /// Rebalances on which the last section had expired.
    pub expired: u64,
    /// Rebalances before the first section.
    pub before_first: u64,
    /// Largest sum of absolute weights of a section of weights; 0 for forecasts.
    pub gross_max: f64,
    /// Information coefficient that sizing used last; `None` without scores.
    pub information_coefficient: Option<LearnedCoefficient>,
}

/// An information coefficient and its posterior standard deviation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LearnedCoefficient {
    /// Posterior mean.
    pub mean: f64,
    /// Posterior standard deviation; 0 for a given number.
    pub sd: f64,
    /// Observations: instruments times cross-sections, overlapping horizons counted once.
    pub observations: f64,
}

/// Kind of a strategy's targets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TargetKind {
    /// No trade.
    #[default]
    Hold,
    /// No trade, because no forecast exists yet.
    NoForecast,
    /// The engine sizes `values`, expected excess returns per frame, by fractional Kelly.
    Expected,
    /// `values` are the weights to hold.
    Weights,
}

/// Targets of a strategy.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    /// Meaning of `values`.
    pub kind: TargetKind,
    /// One value per instrument, length n, zero on entry.
    pub values: Vec<f64>,
    /// Standard deviation of each expected return per frame, beside that of alpha and betas; empty without
    /// one.
    pub expected_sd: Vec<f64>,
    /// For targets of full investment: number of instruments that the portfolio can hold.
    pub fully_invested_over: Option<usize>,
}

/// Error in the code of a strategy. The size stage adds strategy and frame: [`StrategyFailure`].
pub type StrategyError = Box<dyn std::error::Error + Send + Sync>;

/// Error of a strategy that ends a run, with its frame.
#[derive(Clone, Debug, thiserror::Error)]
pub struct StrategyFailure {
    /// Name of the strategy.
    pub strategy: String,
    /// Closing time of the bars of the frame.
    pub timestamp: TimestampNs,
    /// Number of the frame.
    pub seq: u64,
    /// Error of the strategy's code.
    pub source: Arc<dyn std::error::Error + Send + Sync>,
}

impl fmt::Display for StrategyFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { strategy, timestamp, seq, source } = self;
        write!(f, "strategy `{strategy}`, bar of {} (seq {seq}): {source}", Iso(*timestamp))
    }
}

/// Maps estimates to targets. The engine applies the limits: no strategy can bypass them.
pub trait Strategy: Send {
    /// Name that selects the strategy.
    fn name(&self) -> &str;

    /// Takes the factor returns of one frame: those of the k given factors, then those of groups, NaN for a group without
    /// one. A new group appends a factor. Called on every frame with given factors, warm-up frames included.
    /// The calendar converts settings in days to frames.
    ///
    /// # Errors
    /// The strategy's own code fails, which ends the run; the same for all methods that return this error.
    fn observe(&mut self, factors: &[f64], calendar: &Calendar) -> Result<(), StrategyError> {
        let _ = (factors, calendar);
        Ok(())
    }

    /// Series of every frame that the strategy observes.
    fn observes(&self) -> Observed {
        Observed::default()
    }

    /// Takes the returns of one frame, length n in engine order, NaN without a return; called on every frame,
    /// warm-up frames included, if [`Observed::returns`] is true.
    ///
    /// # Errors
    /// See [`Self::observe`].
    fn observe_returns(&mut self, returns: &[f64], calendar: &Calendar) -> Result<(), StrategyError> {
        let _ = (returns, calendar);
        Ok(())
    }

    /// Takes the residual returns of one frame, length n in engine order: return less β'f with the betas from
    /// before the frame; NaN without a return or without earlier betas. Called on every frame with factors,
    /// warm-up frames included, if [`Observed::residuals`] is true.
    ///
    /// # Errors
    /// See [`Self::observe`].
    fn observe_residuals(&mut self, residuals: &[f64], calendar: &Calendar) -> Result<(), StrategyError> {
        let _ = (residuals, calendar);
        Ok(())
    }

    /// Takes the user's forecasts or weights on the frame on which they become known, before [`Self::decide`]
    /// and after the series of the frame. `context.held` and `context.tradable` are empty.
    ///
    /// # Errors
    /// See [`Self::observe`].
    fn observe_signal(&mut self, signal: &CrossSection, context: Context<'_>) -> Result<(), StrategyError> {
        let _ = (signal, context);
        Ok(())
    }

    /// Counts of the strategy so far.
    fn facts(&self) -> StrategyFacts {
        StrategyFacts::default()
    }

    /// Saves the state after the frames so far, without the settings
    /// ([`save_under`](crate::state::save_under)), for a run that resumes. A strategy without state saves
    /// `()`.
    ///
    /// # Errors
    /// Fails if the strategy does not implement `save`.
    fn save(&self) -> Result<Vec<u8>, StateError> {
        Err(StateError::Unsaved { of: "strategy", name: self.name().to_owned() })
    }

    /// Restores a saved state. Later output is bit-identical to that of an uninterrupted run.
    ///
    /// # Errors
    /// Fails if the bytes are not the state of the same strategy under the same settings.
    fn load(&mut self, state: &[u8]) -> Result<(), StateError> {
        let _ = state;
        Err(StateError::Unsaved { of: "strategy", name: self.name().to_owned() })
    }

    /// Writes the targets of a rebalancing frame.
    ///
    /// # Errors
    /// See [`Self::observe`].
    fn decide(&mut self, context: Context<'_>, targets: &mut Targets) -> Result<(), StrategyError>;
}
