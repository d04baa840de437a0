//! Strategies: estimates in, targets out. A strategy has no access to clocks, files or limits.

use crate::model::Estimates;
use crate::portfolio::FactorRisk;
use crate::settings::Calendar;
use crate::state::StateError;

/// Inputs of a strategy on a rebalancing frame.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The estimator's estimates after the frame.
    pub estimates: &'a Estimates,
    /// Frames per day and days per year.
    pub calendar: &'a Calendar,
    /// Expected factor returns λ per frame, length k.
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
    /// For targets of full investment: number of instruments that the portfolio can hold.
    pub fully_invested_over: Option<usize>,
}

/// Maps estimates to targets. The engine applies the limits: no strategy can bypass them.
pub trait Strategy: Send {
    /// Name that selects the strategy.
    fn name(&self) -> &'static str;

    /// Takes the factor returns of one frame. Called on every frame that has them, warm-up frames included.
    /// The calendar converts settings in days to frames.
    fn observe(&mut self, factors: &[f64], calendar: &Calendar) {
        let _ = (factors, calendar);
    }

    /// Returns true if the strategy observes every frame's returns.
    fn watches_returns(&self) -> bool {
        false
    }

    /// Takes the returns of one frame, length n in engine order, NaN without a return; called on every frame,
    /// warm-up frames included, if [`Self::watches_returns`] is true.
    fn observe_returns(&mut self, returns: &[f64], calendar: &Calendar) {
        let _ = (returns, calendar);
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
    fn decide(&mut self, context: Context<'_>, targets: &mut Targets);
}
