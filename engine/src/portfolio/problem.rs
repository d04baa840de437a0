//! One rebalance: what is given, what comes out, and the one call that solves it.

use super::risk::FactorRisk;
use super::scale;
use super::settings::{CapMethod, SizingSettings};

/// What the strategy would like to hold.
#[derive(Clone, Copy, Debug)]
pub enum Goal<'a> {
    /// Expected excess returns a frame, length n: quarter-Kelly decides the weights.
    Expected(&'a [f64]),
    /// Weights by name, length n.
    Weights(&'a [f64]),
}

/// Limits that hold for a decision, whatever the strategy wants.
#[derive(Clone, Copy, Debug)]
pub struct Limits<'a> {
    /// Weights held now, after drift, length n; orders in flight count as filled.
    pub held: &'a [f64],
    /// Which instruments can be traded in this frame.
    pub tradable: &'a [bool],
    /// What is left of the day's turnover cap.
    pub turnover_left: f64,
}

/// What became of a decision. None of these is an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// The goal was reached inside the limits.
    #[default]
    Reached,
    /// The turnover cap stopped it on the way.
    Capped,
    /// No instrument can be traded, or nothing is left of the cap.
    NoTrade,
}

/// Weights to hold, and what held them back.
#[derive(Clone, Debug, Default)]
pub struct Solution {
    /// Target weights, length n.
    pub weights: Vec<f64>,
    /// How it ended.
    pub outcome: Outcome,
    /// Marginal value of turnover: growth a frame that one more unit of turnover would add (for
    /// `scale`: along the way to the goal); 0 where the cap does not bind or the goal has no objective.
    pub cap_multiplier: f64,
    /// Whether the gross limit binds.
    pub at_gross: bool,
    /// Instruments whose weight stands at a bound of the box other than 0.
    pub at_box: usize,
}

/// Solves rebalances; keeps its buffers.
#[derive(Clone, Debug)]
pub struct Sizer {
    settings: SizingSettings,
    goal: Vec<f64>,
    slope: Vec<f64>,
}

impl Sizer {
    /// A sizer under the given settings.
    #[must_use]
    pub fn new(settings: &SizingSettings) -> Self {
        Self { settings: settings.clone(), goal: Vec::new(), slope: Vec::new() }
    }

    /// Weights for the goal under the limits.
    pub fn solve(&mut self, goal: Goal<'_>, risk: &mut FactorRisk, limits: Limits<'_>, out: &mut Solution) {
        let settings = &self.settings;
        match goal {
            Goal::Expected(expected) => {
                risk.inverse_times(expected, &mut self.goal);
                self.goal.iter_mut().for_each(|w| *w *= settings.kelly_fraction);
            }
            Goal::Weights(weights) => {
                self.goal.clear();
                self.goal.extend_from_slice(weights);
            }
        }
        match settings.cap_method {
            CapMethod::Scale => scale::solve(settings, &mut self.goal, limits, out),
        }
        if let (Goal::Expected(expected), Outcome::Capped) = (goal, out.outcome) {
            // d/dτ [μ'w − w'Σw/(2κ)] along the direction of the move.
            risk.times(&out.weights, &mut self.slope);
            let distance: f64 = self.goal.iter().zip(limits.held).map(|(g, h)| (g - h).abs()).sum();
            let mut gain = 0.0;
            for i in 0..expected.len() {
                let slope = expected[i] - self.slope[i] / settings.kelly_fraction;
                gain += (self.goal[i] - limits.held[i]) * slope;
            }
            out.cap_multiplier = (gain / distance).max(0.0);
        }
    }
}
