//! Target weights of one rebalance, by the exact solver or by scaling.

use nalgebra::DMatrix;

use super::rebalance::Rebalance;
use super::risk::FactorRisk;
use super::scale;
use super::settings::{CapMethod, SizingSettings};
use super::solution::{Goal, Limits, Outcome, Solution};
use super::solver::{ExposureBounds, Multipliers, Problem, SolveStatus, Solver};
use crate::linalg::reshape;

/// Solves rebalances; keeps its buffers.
#[derive(Clone, Debug)]
pub struct Sizer {
    settings: SizingSettings,
    /// Frames over which the cost of a trade is amortised.
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
    /// True for each instrument outside its spells of membership; empty without a membership.
    outside: Vec<bool>,
    /// L for target weights: 0, because the objective is the distance alone.
    no_risk: DMatrix<f64>,
}

/// Multipliers below this share of the largest forecast are rounding.
const MULTIPLIER_ROUNDING: f64 = 1e-10;
/// Relative remainder of the cap at which the cap counts as used up.
const CAP_ROUNDING: f64 = 1e-9;

impl Sizer {
    /// Sizer under the given settings. `horizon`: frames over which the cost of a trade is amortised.
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
            outside: Vec::new(),
            no_risk: DMatrix::zeros(0, 0),
        }
    }

    /// Sets which instruments can be held in the next problems, length n; empty for all. The box of any other one that
    /// can be traded is [0, 0].
    pub fn hold_only(&mut self, members: &[bool]) {
        self.outside.clear();
        self.outside.extend(members.iter().map(|member| !member));
    }

    /// Solves for the weights of `goal` under the limits.
    pub fn solve(&mut self, goal: Goal<'_>, risk: &mut FactorRisk, limits: Limits<'_>, out: &mut Solution) {
        match self.settings.cap_method {
            CapMethod::Exact => self.solve_exactly(goal, risk, limits, out),
            CapMethod::Scale => self.solve_scaled(goal, risk, limits, out),
        }
        let usual = [self.settings.weight_min, self.settings.weight_max];
        let at = |weight: f64, [lo, hi]: [f64; 2]| weight >= hi || (weight <= lo && lo < 0.0);
        out.at_box = match limits.differ_by_instrument() {
            true => {
                let weights = out.weights.iter().enumerate();
                weights.filter(|(i, weight)| at(**weight, limits.bounds_of(*i, usual))).count()
            }
            false => out.weights.iter().filter(|weight| at(**weight, usual)).count(),
        };
    }

    /// Returns the problem of [`Self::solve`] together with its solution.
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
            own: problem.own.to_vec(),
            factor_covariance: if sized { risk.factor_covariance().clone() } else { DMatrix::zeros(0, 0) },
            factor_root: problem.factor_root.clone(),
            idiosyncratic: problem.idiosyncratic.to_vec(),
            kelly_fraction: problem.kelly_fraction,
            held: problem.held.to_vec(),
            lower: problem.lower.to_vec(),
            upper: problem.upper.to_vec(),
            cost: problem.cost.to_vec(),
            impact: problem.impact.to_vec(),
            borrow: problem.borrow.to_vec(),
            turnover: problem.turnover,
            gross: problem.gross,
            net: problem.net,
            exposure_bounds: problem.exposure_bounds.to_vec(),
            group_limits: problem.group_limits.to_vec(),
            benchmark: problem.benchmark.to_vec(),
            sized,
            weights: of.weights.clone(),
            multipliers: of.multipliers.clone(),
            status: of.status,
            outcome: of.outcome,
            ..Rebalance::default()
        }
    }

    fn problem<'a>(&'a mut self, goal: Goal<'a>, risk: &'a FactorRisk, limits: Limits<'a>) -> Problem<'a> {
        let Limits { held, tradable, linear_cost, impact: moved, turnover_left, benchmark, groups, .. } =
            limits;
        let n = held.len();
        let Self { settings, lower, upper, costs, impact, ones, outside, no_risk, horizon, .. } = self;
        let usual = [settings.weight_min, settings.weight_max];
        for (bound, limit) in [(&mut *lower, usual[0]), (&mut *upper, usual[1])] {
            let fixed = held.iter().zip(tradable);
            bound.clear();
            bound.extend(fixed.map(|(held, tradable)| if *tradable { limit } else { *held }));
        }
        if limits.differ_by_instrument() {
            for i in (0..n).filter(|i| tradable[*i]) {
                [lower[i], upper[i]] = limits.bounds_of(i, usual);
            }
        }
        for i in (0..outside.len()).filter(|i| outside[*i] && tradable[*i]) {
            (lower[i], upper[i]) = (0.0, 0.0);
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
        let (exposures, own, root) = match goal {
            Goal::Expected(_) => (risk.exposures(), risk.own_loadings(), risk.factor_root()),
            // Target weights: no risk but the distance; exposures only if they are bounded.
            Goal::Weights(_) if self.exposure_bounds.is_empty() => {
                reshape(no_risk, 0, 0);
                (&*no_risk, &[][..], &*no_risk)
            }
            Goal::Weights(_) => {
                let (k, _) = risk.factor_root().shape();
                reshape(no_risk, k, k);
                (risk.exposures(), risk.own_loadings(), &*no_risk)
            }
        };
        let (expected, idiosyncratic, kelly_fraction) = match goal {
            Goal::Expected(expected) => (expected, risk.idiosyncratic(), settings.kelly_fraction),
            Goal::Weights(weights) => (weights, &ones[..], 1.0),
        };
        Problem {
            expected,
            exposures,
            own,
            factor_root: root,
            idiosyncratic,
            kelly_fraction,
            held,
            lower,
            upper,
            cost: costs,
            impact,
            borrow: if matches!(goal, Goal::Expected(_)) { limits.borrow } else { &[] },
            turnover: turnover_left,
            gross: settings.gross_max,
            net: settings.net_target,
            exposure_bounds: &self.exposure_bounds,
            group_limits: groups,
            benchmark,
        }
    }

    fn solve_exactly(&mut self, goal: Goal<'_>, risk: &FactorRisk, limits: Limits<'_>, out: &mut Solution) {
        let mut solver = std::mem::take(&mut self.solver);
        let problem = self.problem(goal, risk, limits);
        let largest = problem.expected.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
        out.status = solver.solve(&problem, &mut out.weights, &mut out.multipliers);
        self.solver = solver;
        let Multipliers { turnover, gross, .. } = &out.multipliers;
        let capped = *turnover > MULTIPLIER_ROUNDING * largest;
        out.at_gross = *gross > MULTIPLIER_ROUNDING * largest;
        let traded: f64 = out.weights.iter().zip(limits.held).map(|(w, held)| (w - held).abs()).sum();
        out.capped = capped || (traded > 0.0 && traded >= limits.turnover_left * (1.0 - CAP_ROUNDING));
        let SolveStatus { box_missed, gross_missed, group_missed, net_missed, .. } = out.status;
        out.outcome = match () {
            () if box_missed => Outcome::Repairing,
            () if gross_missed => Outcome::GrossOutOfReach,
            () if group_missed => Outcome::GroupOutOfReach,
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
        out.status = SolveStatus { converged: true, ..SolveStatus::default() };
        scale::solve(settings, &self.outside, &mut self.goal, limits, out);
        out.capped = matches!(out.outcome, Outcome::Capped | Outcome::Repairing);
        if let (Goal::Expected(expected), Outcome::Capped) = (goal, out.outcome) {
            // Directional derivative d/dτ [μ'w − w'Σw/(2κ)] along the move.
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
