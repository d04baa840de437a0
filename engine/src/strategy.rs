//! What a strategy is: beliefs in, wishes out. It sees no clock, no file and no limit.

use crate::model::Beliefs;

/// What a strategy is shown on a frame that decides.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The estimator's beliefs after the frame.
    pub beliefs: &'a Beliefs,
    /// λ, the expected factor returns a frame, length k.
    pub premia: &'a [f64],
    /// Weights held, length n; orders in flight count as filled.
    pub held: &'a [f64],
    /// Which instruments can be traded in this frame, length n.
    pub tradable: &'a [bool],
}

/// What a strategy wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wish {
    /// Nothing: no trade.
    #[default]
    Hold,
    /// The engine sizes `values`, expected excess returns a frame, by fractional Kelly.
    Expected,
    /// `values` are the weights to hold.
    Weights,
}

/// Where a strategy writes what it wants.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// What `values` mean.
    pub wish: Wish,
    /// One value an instrument, length n, zero on entry.
    pub values: Vec<f64>,
}

/// A view of the market. Limits belong to the engine: no strategy can bypass them.
pub trait Strategy: Send {
    /// The name that selects it.
    fn name(&self) -> &'static str;

    /// One frame's factor returns; called on every frame that has them, the warm-up included.
    fn observe(&mut self, factors: &[f64]) {
        let _ = factors;
    }

    /// What it wants on a frame that decides.
    fn decide(&mut self, context: Context<'_>, wishes: &mut Wishes);
}
