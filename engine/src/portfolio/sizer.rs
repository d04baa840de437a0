//! One decision: what a strategy wants, what limits it, and what comes out.

use nalgebra::DMatrix;

use super::rebalance::Rebalance;
use super::risk::FactorRisk;
use super::scale;
use super::settings::{CapMethod, SizingSettings};
use super::solver::{ExposureBounds, Multipliers, Problem, Reached, Solver};
use crate::linalg::reshape;

/// What the strategy would like to hold.
#[derive(Clone, Copy, Debug)]
pub enum Goal<'a> {
    /// Expected excess returns a frame, length n: quarter-Kelly decides the weights.
    Expected(&'a [f64]),
    /// Weights by name, length n: the nearest ones inside the limits are held, the largest differences traded first.
    Weights(&'a [f64]),
}

/// Limits that hold for a decision, whatever the strategy wants.
#[derive(Clone, Copy, Debug)]
pub struct Limits<'a> {
    /// Weights held now, after drift, length n; orders in flight count as filled.
    pub held: &'a [f64],
    /// Which instruments can be traded in this frame.
    pub tradable: &'a [bool],
    /// Cost of a unit of trade, length n.
    pub linear_cost: &'a [f64],
    /// Coefficient of |trade|^{3/2}, length n; empty for none.
    pub impact: &'a [f64],
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
    /// All that the cap allowed went into bringing weights back that drift or a halt had put outside the box.
    Repairing,
    /// The gross limit was out of reach under the cap; it is approached as near as that allows.
    GrossOutOfReach,
    /// The net target, or a bound on an exposure, was out of reach; it is approached as near as the rest allows.
    NetOutOfReach,
    /// The strategy wants to be fully invested, and the limits allow less than that; what they allow was reached.
    BudgetOutOfReach,
}

impl Outcome {
    /// Whether all limits are kept, so that their prices are of growth.
    #[must_use]
    pub fn within_limits(self) -> bool {
        !matches!(self, Self::Repairing | Self::GrossOutOfReach | Self::NetOutOfReach)
    }

    /// As outputs call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Reached => "reached",
            Self::Capped => "capped",
            Self::NoTrade => "no_trade",
            Self::Repairing => "repairing",
            Self::GrossOutOfReach => "gross_out_of_reach",
            Self::NetOutOfReach => "net_or_exposure_out_of_reach",
            Self::BudgetOutOfReach => "budget_out_of_reach",
        }
    }
}

/// Weights to hold, and what held them back.
#[derive(Clone, Debug, Default)]
pub struct Solution {
    /// Target weights, length n.
    pub weights: Vec<f64>,
    /// How it ended.
    pub outcome: Outcome,
    /// Prices of the limits, as growth a frame that one more unit of each would add; that of the cap is the marginal
    /// value of turnover (for `scale`: along the way to the goal). For weights that a strategy asks for, what is
    /// priced is half the squared distance from them. 0 where a limit does not bind.
    pub multipliers: Multipliers,
    /// Whether the turnover cap binds, or is all used.
    pub capped: bool,
    /// Whether the gross limit binds.
    pub at_gross: bool,
    /// Instruments whose weight stands at a bound of the box other than 0.
    pub at_box: usize,
    /// How the solver ended.
    pub reached: Reached,
}

/// Solves decisions; keeps its buffers.
#[derive(Clone, Debug)]
pub struct Sizer {
    settings: SizingSettings,
    /// Frames over which a cost is earned back.
    horizon: f64,
    exposure_bounds: Vec<ExposureBounds>,
    solver: Solver,
    goal: Vec<f64>,
    slope: Vec<f64>,
    lower: Vec<f64>,
    upper: Vec<f64>,
    costs: Vec<f64>,
    impact: Vec<f64>,
    ones: Vec<f64>,
    /// L of target weights: 0, as there is no risk but the distance.
    no_risk: DMatrix<f64>,
}

/// A price smaller than this share of the largest forecast is rounding.
const NO_PRICE: f64 = 1e-10;
/// So little of the cap is left when all of it is used.
const ALL: f64 = 1e-9;

impl Sizer {
    /// A sizer under the given settings. `horizon`: frames over which the cost of a trade is earned back.
    #[must_use]
    pub fn new(settings: &SizingSettings, horizon: f64, exposure_bounds: Vec<ExposureBounds>) -> Self {
        Self {
            settings: settings.clone(),
            horizon,
            exposure_bounds,
            solver: Solver::default(),
            goal: Vec::new(),
            slope: Vec::new(),
            lower: Vec::new(),
            upper: Vec::new(),
            costs: Vec::new(),
            impact: Vec::new(),
            ones: Vec::new(),
            no_risk: DMatrix::zeros(0, 0),
        }
    }

    /// Weights for the goal under the limits.
    pub fn solve(&mut self, goal: Goal<'_>, risk: &mut FactorRisk, limits: Limits<'_>, out: &mut Solution) {
        match self.settings.cap_method {
            CapMethod::Exact => self.solve_exactly(goal, risk, limits, out),
            CapMethod::Scale => self.solve_scaled(goal, risk, limits, out),
        }
        let (lo, hi) = (self.settings.weight_min, self.settings.weight_max);
        out.at_box = out.weights.iter().filter(|w| **w >= hi || (**w <= lo && lo < 0.0)).count();
    }

    /// The problem of [`Self::solve`] with what came of it.
    #[must_use]
    pub fn show(
        &mut self,
        goal: Goal<'_>,
        risk: &FactorRisk,
        limits: Limits<'_>,
        of: &Solution,
    ) -> Rebalance {
        let sized = matches!(goal, Goal::Expected(_));
        let problem = self.problem(goal, risk, limits);
        Rebalance {
            expected: problem.expected.to_vec(),
            exposures: problem.exposures.clone(),
            factor_covariance: if sized { risk.factor_covariance().clone() } else { DMatrix::zeros(0, 0) },
            factor_root: problem.factor_root.clone(),
            idiosyncratic: problem.idiosyncratic.to_vec(),
            kelly_fraction: problem.kelly_fraction,
            held: problem.held.to_vec(),
            lower: problem.lower.to_vec(),
            upper: problem.upper.to_vec(),
            cost: problem.cost.to_vec(),
            impact: problem.impact.to_vec(),
            turnover: problem.turnover,
            gross: problem.gross,
            net: problem.net,
            exposure_bounds: problem.exposure_bounds.to_vec(),
            sized,
            weights: of.weights.clone(),
            multipliers: of.multipliers.clone(),
            reached: of.reached,
            outcome: of.outcome,
        }
    }

    fn problem<'a>(&'a mut self, goal: Goal<'a>, risk: &'a FactorRisk, limits: Limits<'a>) -> Problem<'a> {
        let Limits { held, tradable, linear_cost, impact: moved, turnover_left } = limits;
        let n = held.len();
        let Self { settings, lower, upper, costs, impact, ones, no_risk, horizon, .. } = self;
        lower.clear();
        upper.clear();
        for (held, tradable) in held.iter().zip(tradable) {
            lower.push(if *tradable { settings.weight_min } else { *held });
            upper.push(if *tradable { settings.weight_max } else { *held });
        }
        costs.clear();
        impact.clear();
        if matches!(goal, Goal::Expected(_)) {
            costs.extend(linear_cost.iter().map(|cost| cost / *horizon));
            impact.extend(moved.iter().map(|coefficient| coefficient / *horizon));
        }
        costs.resize(n, 0.0);
        ones.clear();
        ones.resize(n, 1.0);
        let (exposures, root) = match goal {
            Goal::Expected(_) => (risk.exposures(), risk.factor_root()),
            // Nearest to the weights: no risk but the distance, and exposures only where they are bounded.
            Goal::Weights(_) if self.exposure_bounds.is_empty() => (&*no_risk, &*no_risk),
            Goal::Weights(_) => {
                let (k, _) = risk.factor_root().shape();
                reshape(no_risk, k, k);
                (risk.exposures(), &*no_risk)
            }
        };
        let (expected, idiosyncratic, kelly_fraction) = match goal {
            Goal::Expected(expected) => (expected, risk.idiosyncratic(), settings.kelly_fraction),
            Goal::Weights(weights) => (weights, &ones[..], 1.0),
        };
        Problem {
            expected,
            exposures,
            factor_root: root,
            idiosyncratic,
            kelly_fraction,
            held,
            lower,
            upper,
            cost: costs,
            impact,
            turnover: turnover_left,
            gross: settings.gross_max,
            net: settings.net_target,
            exposure_bounds: &self.exposure_bounds,
        }
    }

    fn solve_exactly(&mut self, goal: Goal<'_>, risk: &FactorRisk, limits: Limits<'_>, out: &mut Solution) {
        let mut solver = std::mem::take(&mut self.solver);
        let problem = self.problem(goal, risk, limits);
        let largest = problem.expected.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
        out.reached = solver.solve(&problem, &mut out.weights, &mut out.multipliers);
        self.solver = solver;
        let Multipliers { turnover, gross, .. } = &out.multipliers;
        let capped = *turnover > NO_PRICE * largest;
        out.at_gross = *gross > NO_PRICE * largest;
        let traded: f64 = out.weights.iter().zip(limits.held).map(|(w, held)| (w - held).abs()).sum();
        out.capped = capped || (traded > 0.0 && traded >= limits.turnover_left * (1.0 - ALL));
        let Reached { box_missed, gross_missed, net_missed, .. } = out.reached;
        out.outcome = match () {
            () if box_missed => Outcome::Repairing,
            () if gross_missed => Outcome::GrossOutOfReach,
            () if net_missed => Outcome::NetOutOfReach,
            () if out.weights == limits.held => Outcome::NoTrade,
            () if capped => Outcome::Capped,
            () => Outcome::Reached,
        };
    }

    fn solve_scaled(
        &mut self,
        goal: Goal<'_>,
        risk: &mut FactorRisk,
        limits: Limits<'_>,
        out: &mut Solution,
    ) {
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
        out.multipliers = Multipliers::default();
        out.reached = Reached { converged: true, ..Reached::default() };
        scale::solve(settings, &mut self.goal, limits, out);
        out.capped = out.outcome == Outcome::Capped;
        if let (Goal::Expected(expected), Outcome::Capped) = (goal, out.outcome) {
            // d/dτ [μ'w − w'Σw/(2κ)] along the direction of the move.
            risk.times(&out.weights, &mut self.slope);
            let distance: f64 = self.goal.iter().zip(limits.held).map(|(g, h)| (g - h).abs()).sum();
            let mut gain = 0.0;
            for i in 0..expected.len() {
                let slope = expected[i] - self.slope[i] / settings.kelly_fraction;
                gain += (self.goal[i] - limits.held[i]) * slope;
            }
            out.multipliers.turnover = (gain / distance).max(0.0);
        }
    }
}
