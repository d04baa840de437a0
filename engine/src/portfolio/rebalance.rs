//! One rebalance with its inputs, for display and tests.

use nalgebra::{DMatrix, DVector};

use super::column_kernels::set_factor_exposures;
use super::group_limits::{GroupLimits, GroupMultiplier, UNBOUNDED};
use super::own_loadings::OwnLoadings;
use super::solution::Outcome;
use super::solver::{ExposureBounds, Multipliers, Problem, SolveStatus, Solver};
use crate::groups::GroupColumn;
use crate::names::InstrumentNames;

/// Weight beyond every limit: stands for an absent box.
const FREE: f64 = 10.0;

/// A [`Problem`] that owns its columns, and its solution.
#[derive(Clone, Debug, Default)]
pub struct Rebalance {
    /// Expected excess returns μ per frame; target weights if `sized` is false.
    pub expected: Vec<f64>,
    /// Loadings on the given factors, n × k, the first columns of B.
    pub exposures: DMatrix<f64>,
    /// Loadings on the factors of groups, the other K − k columns of B.
    pub own: Vec<OwnLoadings>,
    /// F + Λ, K × K; empty for target weights.
    pub factor_covariance: DMatrix<f64>,
    /// L, lower triangular, with L L' = F + Λ.
    pub factor_root: DMatrix<f64>,
    /// Idiosyncratic variances D per frame.
    pub idiosyncratic: Vec<f64>,
    /// Fraction κ of full Kelly.
    pub kelly_fraction: f64,
    /// Held weights.
    pub held: Vec<f64>,
    /// Lower bounds of the weights; equal to `upper` for an instrument that cannot be traded.
    pub lower: Vec<f64>,
    /// Upper bounds of the weights.
    pub upper: Vec<f64>,
    /// Cost per unit of trade, amortised over the horizon.
    pub cost: Vec<f64>,
    /// Coefficient of |trade|^{3/2}, amortised; empty for none.
    pub impact: Vec<f64>,
    /// Fee per frame on a short; empty for none.
    pub borrow: Vec<f64>,
    /// Turnover left under the cap of the date.
    pub turnover: f64,
    /// Gross limit; infinite for none.
    pub gross: f64,
    /// Net target.
    pub net: Option<f64>,
    /// Bounds on factor exposures.
    pub exposure_bounds: Vec<ExposureBounds>,
    /// Bounds by group.
    pub group_limits: Vec<GroupLimits>,
    /// Weights of the benchmark against which risk and the gross limit are measured; empty for none.
    pub benchmark: Vec<f64>,
    /// True if the strategy gave expected returns. If not, `expected` holds its target weights, risk and cost
    /// are absent, and the solution is the nearest weights inside the limits.
    pub sized: bool,
    /// Target weights.
    pub weights: Vec<f64>,
    /// Multipliers of the limits.
    pub multipliers: Multipliers,
    /// Status of the solver.
    pub status: SolveStatus,
    /// Outcome of the rebalance.
    pub outcome: Outcome,
    /// Groups of the instruments.
    pub groups: Vec<GroupColumn>,
    /// Names of the K − k factors of groups, such as `sector:Energy`.
    pub group_factors: InstrumentNames,
    /// Name of each bounded group.
    pub bounded_groups: Vec<String>,
}

/// Point of the frontier of growth against turnover.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FrontierPoint {
    /// Turnover cap of the point.
    pub cap: f64,
    /// Turnover of the solution.
    pub turnover: f64,
    /// Expected growth per frame, net of costs.
    pub growth: f64,
    /// Marginal value of turnover.
    pub multiplier: f64,
    /// True if the box, gross limit, net target and exposure bounds can be met under the cap. If not, the
    /// multiplier is the value of coming nearer to them.
    pub within_limits: bool,
}

/// Growth per frame that each limit costs: gain in expected growth without it, the other limits being kept.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LimitCosts {
    /// Turnover cap.
    pub turnover_cap: f64,
    /// Box: lower and upper bounds of the weights.
    pub bounds: f64,
    /// Gross limit.
    pub gross: f64,
    /// Net target.
    pub net: f64,
    /// Bounds on factor exposures.
    pub exposures: f64,
    /// Bounds by group.
    pub groups: f64,
    /// Costs of trading.
    pub costs: f64,
    /// Fees on shorts.
    pub borrow: f64,
}

impl Rebalance {
    /// Problem of the solver, borrowed from `self`.
    #[must_use]
    pub fn problem(&self) -> Problem<'_> {
        Problem {
            expected: &self.expected,
            exposures: &self.exposures,
            own: &self.own,
            factor_root: &self.factor_root,
            idiosyncratic: &self.idiosyncratic,
            kelly_fraction: self.kelly_fraction,
            held: &self.held,
            lower: &self.lower,
            upper: &self.upper,
            cost: &self.cost,
            impact: &self.impact,
            borrow: &self.borrow,
            turnover: self.turnover,
            gross: self.gross,
            net: self.net,
            exposure_bounds: &self.exposure_bounds,
            group_limits: &self.group_limits,
            benchmark: &self.benchmark,
        }
    }

    /// Number K of factors: the given ones, then those of groups.
    #[must_use]
    pub fn factors(&self) -> usize {
        self.factor_root.nrows().max(self.exposures.ncols())
    }

    /// Exposures of the instruments to one of the K factors, length n.
    #[must_use]
    pub fn exposures_to(&self, factor: usize) -> Vec<f64> {
        if factor < self.exposures.ncols() {
            return self.exposures.column(factor).as_slice().to_vec();
        }
        let own = |i: usize| self.own.iter().filter_map(move |own| own.of(i));
        let on = |i: usize| own(i).find(|(of, _)| *of == factor).map_or(0.0, |(_, loading)| loading);
        (0..self.expected.len()).map(on).collect()
    }

    /// Exposures B'w of weights to the K factors.
    #[must_use]
    pub fn exposures_of(&self, weights: &[f64]) -> DVector<f64> {
        let (k, given) = (self.factors(), self.exposures.ncols());
        let mut exposures = DVector::zeros(given);
        set_factor_exposures(&self.exposures, weights, &mut exposures);
        if self.own.is_empty() {
            return exposures;
        }
        let mut exposures = exposures.resize_vertically(k, 0.0);
        self.own.iter().for_each(|own| own.add_exposures(weights, exposures.as_mut_slice()));
        exposures
    }

    /// Variance w'Σw per frame; infinite idiosyncratic variances count as 0, as in the objective.
    #[must_use]
    pub fn variance(&self, weights: &[f64]) -> f64 {
        let known = self.idiosyncratic.iter().zip(weights).filter(|(d, _)| d.is_finite());
        self.common(weights).norm_squared() + known.map(|(d, w)| d * w * w).sum::<f64>()
    }

    /// L'B'w.
    fn common(&self, weights: &[f64]) -> DVector<f64> {
        self.factor_root.tr_mul(&self.exposures_of(weights))
    }

    /// Amortised cost per frame of trading to the weights.
    #[must_use]
    pub fn trading_cost(&self, weights: &[f64]) -> f64 {
        (0..weights.len())
            .map(|i| {
                let trade = (weights[i] - self.held[i]).abs();
                self.cost[i] * trade + self.impact.get(i).unwrap_or(&0.0) * trade * trade.sqrt()
            })
            .sum()
    }

    /// Fees per frame on the shorts of the weights.
    #[must_use]
    pub fn borrow_fees(&self, weights: &[f64]) -> f64 {
        self.borrow.iter().zip(weights).map(|(fee, weight)| fee * (-weight).max(0.0)).sum()
    }

    /// Weights less those of the benchmark.
    fn active(&self, weights: &[f64]) -> Vec<f64> {
        let benchmark = |i: usize| self.benchmark.get(i).copied().unwrap_or(0.0);
        weights.iter().enumerate().map(|(i, weight)| weight - benchmark(i)).collect()
    }

    /// Variance of the weights less those of the benchmark, per frame; without a benchmark, that of the weights.
    #[must_use]
    pub fn active_variance(&self, weights: &[f64]) -> f64 {
        self.variance(&self.active(weights))
    }

    /// Objective μ'w − (w − b)'Σ(w − b)/(2κ) − costs − fees on shorts, per frame; b = 0 without a benchmark.
    #[must_use]
    pub fn objective(&self, weights: &[f64]) -> f64 {
        let expected: f64 = self.expected.iter().zip(weights).map(|(m, w)| m * w).sum();
        let growth = expected - self.active_variance(weights) / (2.0 * self.kelly_fraction);
        growth - self.trading_cost(weights) - self.borrow_fees(weights)
    }

    /// Solutions under `points` evenly spaced caps, from 0 to the first that no longer binds.
    #[must_use]
    pub fn frontier(&self, points: usize) -> Vec<FrontierPoint> {
        let free = Self { turnover: 1e6, ..self.clone() }.solved();
        let most = distance(&free.weights, &self.held);
        let cap = |point: usize| most * point as f64 / (points.max(2) - 1) as f64;
        let at = |point: usize| {
            let solved = Self { turnover: cap(point), ..self.clone() }.solved();
            FrontierPoint {
                cap: cap(point),
                turnover: distance(&solved.weights, &self.held),
                growth: self.objective(&solved.weights),
                multiplier: solved.multipliers.turnover,
                within_limits: solved.status.within_limits(),
            }
        };
        (0..points).map(at).collect()
    }

    /// Marginal objective of each weight, net of marginal costs, where a bound binds: above 0 at the upper
    /// bound, below 0 at the lower, else 0.
    #[must_use]
    pub fn bound_multipliers(&self) -> Vec<f64> {
        // B F B'w; empty for target weights, which have no exposures.
        let active = self.active(&self.weights);
        let prices = &self.factor_root * self.common(&active);
        let mut systematic = &self.exposures * prices.rows(0, self.exposures.ncols());
        self.own.iter().for_each(|own| own.add_products(prices.as_slice(), systematic.as_mut_slice()));
        let of_bounds: Vec<Vec<f64>> =
            self.exposure_bounds.iter().map(|bound| self.exposures_to(bound.factor)).collect();
        // Sign just below or just above a value.
        let is_negative = |value: f64, below: bool| value < 0.0 || value == 0.0 && below;
        let signed =
            |cost: f64, value: f64, below: bool| if is_negative(value, below) { -cost } else { cost };
        (0..self.weights.len())
            .map(|i| {
                let (weight, trade) = (self.weights[i], self.weights[i] - self.held[i]);
                let variance = self.idiosyncratic[i];
                let risk = systematic.get(i).unwrap_or(&0.0)
                    + if variance.is_finite() { variance * active[i] } else { 0.0 };
                let mut value = self.expected[i] - risk / self.kelly_fraction - self.multipliers.net;
                for (exposures, price) in of_bounds.iter().zip(&self.multipliers.exposures) {
                    value -= price * exposures[i];
                }
                let groups = self.group_multipliers(i);
                value -= groups.net;
                let fee = self.borrow.get(i).unwrap_or(&0.0);
                let impact = 1.5 * self.impact.get(i).unwrap_or(&0.0) * trade.abs().sqrt();
                let trading = self.cost[i] + self.multipliers.turnover + impact;
                let gross = self.multipliers.gross + groups.gross;
                let paid = |below: bool| {
                    let saved = if is_negative(weight, below) { *fee } else { 0.0 };
                    signed(trading, trade, below) + signed(gross, active[i], below) - saved
                };
                let above = if weight >= self.upper[i] { (value - paid(false)).max(0.0) } else { 0.0 };
                let below = if weight <= self.lower[i] { (value - paid(true)).min(0.0) } else { 0.0 };
                above + below
            })
            .collect()
    }

    /// Sums of the multipliers of the bounds by group that an instrument counts in.
    fn group_multipliers(&self, instrument: usize) -> GroupMultiplier {
        let (mut sum, mut before) = (GroupMultiplier::default(), 0);
        for limits in &self.group_limits {
            let group = limits.group.get(instrument).filter(|group| **group != UNBOUNDED);
            let of = group.and_then(|group| self.multipliers.groups.get(before + *group as usize));
            if let Some(of) = of {
                (sum.net, sum.gross) = (sum.net + of.net, sum.gross + of.gross);
            }
            before += limits.bounds.len();
        }
        sum
    }

    /// Growth that each limit costs, measured at the optimal weights whatever `cap_method` is.
    #[must_use]
    pub fn limit_costs(&self) -> LimitCosts {
        let best = self.objective(&self.clone().solved().weights);
        let without = |change: &dyn Fn(&mut Self)| {
            let mut freed = self.clone();
            change(&mut freed);
            let solved = freed.solved();
            (solved.objective(&solved.weights) - best).max(0.0)
        };
        LimitCosts {
            turnover_cap: without(&|freed| freed.turnover = 1e6),
            bounds: without(&|freed| {
                for i in 0..freed.lower.len() {
                    if freed.lower[i] != freed.upper[i] {
                        (freed.lower[i], freed.upper[i]) = (-FREE, FREE);
                    }
                }
            }),
            gross: without(&|freed| freed.gross = f64::INFINITY),
            net: without(&|freed| freed.net = None),
            exposures: without(&|freed| freed.exposure_bounds.clear()),
            groups: if self.group_limits.is_empty() {
                0.0
            } else {
                without(&|freed| freed.group_limits.clear())
            },
            costs: without(&|freed| {
                freed.cost.fill(0.0);
                freed.impact.clear();
            }),
            borrow: without(&|freed| freed.borrow.clear()),
        }
    }

    fn solved(mut self) -> Self {
        let (mut weights, mut multipliers) = (Vec::new(), Multipliers::default());
        self.status = Solver::default().solve(&self.problem(), &mut weights, &mut multipliers);
        (self.weights, self.multipliers) = (weights, multipliers);
        self
    }
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum()
}
