//! What a strategy is: estimates in, targets out. It sees no clock, no file and no limit.

use crate::model::Estimates;
use crate::portfolio::FactorRisk;
use crate::settings::Calendar;
use crate::state::StateError;

/// What a strategy is shown on a frame that decides.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The estimator's estimates after the frame.
    pub estimates: &'a Estimates,
    /// Frames a day and days a year.
    pub calendar: &'a Calendar,
    /// λ, the expected factor returns a frame, length k.
    pub premia: &'a [f64],
    /// Σ, the risk of the next frame's returns.
    pub risk: &'a FactorRisk,
    /// Weights held, length n; orders in flight count as filled.
    pub held: &'a [f64],
    /// Which instruments can be traded in this frame, length n.
    pub tradable: &'a [bool],
    /// Largest weight of an instrument.
    pub weight_max: f64,
}

/// What a strategy wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TargetKind {
    /// Nothing: no trade.
    #[default]
    Hold,
    /// No trade, because too little is known yet to want anything.
    NoForecast,
    /// The engine sizes `values`, expected excess returns a frame, by fractional Kelly.
    Expected,
    /// `values` are the weights to hold.
    Weights,
}

/// Where a strategy writes what it wants.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    /// What `values` mean.
    pub kind: TargetKind,
    /// One value an instrument, length n, zero on entry.
    pub values: Vec<f64>,
    /// Where `values` are weights of a portfolio that should be fully invested: how many instruments it can hold.
    pub fully_invested_over: Option<usize>,
}

/// A view of the market. Limits belong to the engine: no strategy can bypass them.
pub trait Strategy: Send {
    /// The name that selects it.
    fn name(&self) -> &'static str;

    /// Takes the factor returns of one frame; called on every frame that has them, warm-up frames included. The calendar
    /// converts settings in days to frames.
    fn observe(&mut self, factors: &[f64], calendar: &Calendar) {
        let _ = (factors, calendar);
    }

    /// Whether it wants to see every frame's returns.
    fn watches_returns(&self) -> bool {
        false
    }

    /// Takes the returns of one frame, length n in engine order, NaN without a return; called on every frame, warm-up
    /// frames included, if [`Self::watches_returns`].
    fn observe_returns(&mut self, returns: &[f64], calendar: &Calendar) {
        let _ = (returns, calendar);
    }

    /// All that the frames so far have made of it, and nothing that its settings say
    /// ([`save_under`](crate::state::save_under)): a run that is stopped and goes on asks for it. One that keeps nothing
    /// saves `()`.
    ///
    /// # Errors
    /// It does not say what it keeps.
    fn save(&self) -> Result<Vec<u8>, StateError> {
        Err(StateError::Unsaved { of: "strategy", name: self.name().to_owned() })
    }

    /// Becomes what was saved; to the bit, what comes after is as if it had seen those frames itself.
    ///
    /// # Errors
    /// The bytes are no state of such a strategy under the same settings.
    fn load(&mut self, state: &[u8]) -> Result<(), StateError> {
        let _ = state;
        Err(StateError::Unsaved { of: "strategy", name: self.name().to_owned() })
    }

    /// What it wants on a frame that decides.
    fn decide(&mut self, context: Context<'_>, targets: &mut Targets);
}
