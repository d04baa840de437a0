//! JSON output of `size`: the problem and its solution, so that any solver can check it.

use std::collections::BTreeMap;

use betaflow_engine::portfolio::{CapMethod, GroupBound, GroupMultiplier, Rebalance};
use serde::Serialize;

use super::Report;
use crate::summary::{Number, WarningList, time_text};

const UTILITY: &str = "maximise forecast'w - w'Sw/(2 kelly_fraction) - cost'|w - held|, S = exposures' \
                       factor_covariance exposures + diag(idiosyncratic_variance)";
const UTILITY_WITH_IMPACT: &str = "maximise forecast'w - w'Sw/(2 kelly_fraction) - cost'|w - held| - \
                                   impact'|w - held|^1.5, S = exposures' factor_covariance exposures + \
                                   diag(idiosyncratic_variance)";
const DISTANCE: &str = "minimise |w - forecast|^2/2; forecast: the weights that the strategy sets";

/// One rebalance. All figures are of one bar; weights are shares of NAV, and a number that is not defined is null.
#[derive(Debug, Serialize)]
pub(super) struct SizeSummary {
    timestamp: Option<String>,
    /// Look-ahead of the fills, if there is any.
    look_ahead: Option<&'static str>,
    /// Stressed environment; null if the data is unchanged.
    world: Option<String>,
    strategy: String,
    nav: Number,
    symbols: Vec<String>,
    problem: Problem,
    solution: Solution,
    /// Growth that each limit costs; null if targets do not follow from forecasts.
    growth_given_up: Option<GrowthGivenUp>,
    frontier: Vec<Point>,
    #[serde(flatten)]
    warnings: WarningList,
}

/// Inputs of the optimisation. Vectors follow `symbols`.
#[derive(Debug, Serialize)]
struct Problem {
    objective: String,
    forecast: Vec<Number>,
    /// Exposures by factor.
    exposures: BTreeMap<String, Vec<Number>>,
    factors: Vec<String>,
    factor_covariance: Vec<Vec<Number>>,
    idiosyncratic_variance: Vec<Number>,
    kelly_fraction: Number,
    held: Vec<Number>,
    lower: Vec<Number>,
    upper: Vec<Number>,
    cost: Vec<Number>,
    /// Empty where trades have no impact.
    impact: Vec<Number>,
    /// Fees on shorts per bar; empty without a file of them.
    borrow: Vec<Number>,
    cost_horizon_days: Number,
    turnover_left: Number,
    turnover_cap: Number,
    /// Null without a limit.
    gross_max: Number,
    net_target: Option<f64>,
    exposure_bounds: Vec<ExposureBound>,
    /// Groups of the instruments; empty without groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    groups: Vec<GroupMembers>,
    /// Bounds by group; empty without any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    group_bounds: Vec<GroupBoundOf>,
    /// Weights b of the benchmark, against which risk and the gross limit are measured; empty without `sizing.active`.
    benchmark: Vec<Number>,
    cap_method: CapMethod,
}

/// Bounds of the exposure to a factor.
#[derive(Debug, Serialize)]
struct ExposureBound {
    factor: String,
    lower: Number,
    upper: Number,
}

/// Members and weights of one group.
#[derive(Debug, Serialize)]
struct GroupMembers {
    /// Name such as `sector:Energy`.
    group: String,
    symbols: Vec<String>,
    /// Sum of the target weights, and of their absolute values.
    net: Number,
    gross: Number,
    /// Exposure of the target weights to the factor of the group; null without one.
    exposure: Number,
}

/// Bounds of one group, on the weights themselves.
#[derive(Debug, Serialize)]
struct GroupBoundOf {
    group: String,
    lower: Number,
    upper: Number,
    gross: Number,
}

/// Target weights and the multipliers of the limits.
#[derive(Debug, Serialize)]
struct Solution {
    outcome: &'static str,
    weights: Vec<Number>,
    turnover: Number,
    growth: Option<f64>,
    variance: Option<f64>,
    /// Variance of the weights less those of the benchmark; that of the weights without one.
    active_variance: Option<f64>,
    multipliers: Multipliers,
    within_limits: bool,
    at_lower: Vec<String>,
    at_upper: Vec<String>,
    not_tradable: Vec<String>,
    steps: u32,
    converged: bool,
}

/// Growth of the objective for one more unit of a limit.
#[derive(Debug, Serialize)]
struct Multipliers {
    turnover_cap: Number,
    gross: Number,
    net: Number,
    exposures: Vec<Number>,
    /// Multipliers by group, in the order of `group_bounds`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    groups: Vec<GroupMultipliers>,
    bounds: Vec<Number>,
}

/// Multipliers of the bounds of a group.
#[derive(Debug, Serialize)]
struct GroupMultipliers {
    group: String,
    net: Number,
    gross: Number,
}

/// Growth that each limit costs.
#[derive(Debug, Serialize)]
struct GrowthGivenUp {
    turnover_cap: Number,
    bounds: Number,
    gross: Number,
    net: Number,
    exposures: Number,
    groups: Number,
    costs: Number,
    /// Fees on shorts.
    borrow: Number,
}

/// Point of the frontier of growth over turnover.
#[derive(Debug, Serialize)]
struct Point {
    cap: Number,
    turnover: Number,
    growth: Number,
    multiplier: Number,
    within_limits: bool,
}

fn numbers(values: &[f64]) -> Vec<Number> {
    values.iter().copied().map(Number).collect()
}

impl Report<'_> {
    /// Returns the JSON output.
    pub(super) fn summary(&self) -> SizeSummary {
        let (shown, config) = (&self.shown, self.config);
        let of = &*shown.rebalance;
        let given_up = || GrowthGivenUp {
            turnover_cap: self.given_up.turnover_cap.into(),
            bounds: self.given_up.bounds.into(),
            gross: self.given_up.gross.into(),
            net: self.given_up.net.into(),
            exposures: self.given_up.exposures.into(),
            groups: self.given_up.groups.into(),
            costs: self.given_up.costs.into(),
            borrow: self.given_up.borrow.into(),
        };
        let points = self.frontier.iter().map(|point| Point {
            cap: point.cap.into(),
            turnover: point.turnover.into(),
            growth: point.growth.into(),
            multiplier: point.multiplier.into(),
            within_limits: point.within_limits,
        });
        SizeSummary {
            timestamp: time_text(Some(shown.timestamp)),
            look_ahead: config.look_ahead(),
            world: config.world_note(true),
            strategy: config.strategy_kind().to_owned(),
            nav: shown.nav.into(),
            symbols: shown.names.iter().map(ToString::to_string).collect(),
            problem: self.problem(),
            solution: self.solution(),
            growth_given_up: of.sized.then(given_up),
            frontier: points.collect(),
            warnings: WarningList::new(&self.warnings),
        }
    }

    fn problem(&self) -> Problem {
        let of = &*self.shown.rebalance;
        let names = self.factor_names();
        let factors = &names[..of.factors()];
        let exposures = factors.iter().enumerate();
        let exposures = exposures.map(|(j, factor)| (factor.clone(), numbers(&of.exposures_to(j))));
        let rows = of.factor_covariance.row_iter();
        let bounds = of.exposure_bounds.iter().map(|bound| ExposureBound {
            factor: names[bound.factor].clone(),
            lower: bound.lower.into(),
            upper: bound.upper.into(),
        });
        let sizing = &self.config.sizing;
        let objective = match (of.sized, of.impact.is_empty()) {
            (true, false) => UTILITY_WITH_IMPACT,
            (true, true) => UTILITY,
            (false, _) => DISTANCE,
        };
        let mut objective = objective.to_owned();
        if !of.benchmark.is_empty() {
            objective = objective.replace("w'Sw", "(w - benchmark)'S(w - benchmark)");
        }
        if !of.borrow.is_empty() {
            objective = objective.replace(", S =", " - borrow'max(-w, 0), S =");
        }
        Problem {
            objective,
            forecast: numbers(&of.expected),
            exposures: exposures.collect(),
            factors: factors.to_vec(),
            factor_covariance: rows.map(|row| row.iter().copied().map(Number).collect()).collect(),
            idiosyncratic_variance: numbers(&of.idiosyncratic),
            kelly_fraction: of.kelly_fraction.into(),
            held: numbers(&of.held),
            lower: numbers(&of.lower),
            upper: numbers(&of.upper),
            cost: numbers(&of.cost),
            impact: numbers(&of.impact),
            borrow: numbers(&of.borrow),
            cost_horizon_days: sizing.cost_horizon.into(),
            turnover_left: of.turnover.into(),
            turnover_cap: sizing.turnover_cap.into(),
            gross_max: of.gross.into(),
            net_target: of.net,
            exposure_bounds: bounds.collect(),
            groups: self.groups(),
            group_bounds: self.group_bounds(),
            benchmark: numbers(&of.benchmark),
            cap_method: sizing.cap_method,
        }
    }

    fn solution(&self) -> Solution {
        let of = &*self.shown.rebalance;
        Solution {
            outcome: of.outcome.name(),
            weights: numbers(&of.weights),
            turnover: self.turnover().into(),
            growth: of.sized.then(|| of.objective(&of.weights)),
            variance: of.sized.then(|| of.variance(&of.weights)),
            active_variance: of.sized.then(|| of.active_variance(&of.weights)),
            multipliers: Multipliers {
                turnover_cap: of.multipliers.turnover.into(),
                gross: of.multipliers.gross.into(),
                net: of.multipliers.net.into(),
                exposures: numbers(&of.multipliers.exposures),
                groups: self.group_multipliers(),
                bounds: numbers(&of.bound_multipliers()),
            },
            within_limits: of.outcome.within_limits(),
            at_lower: self.symbols(|of, i| of.weights[i] <= of.lower[i] && of.lower[i] < of.upper[i]),
            at_upper: self.symbols(|of, i| of.weights[i] >= of.upper[i] && of.lower[i] < of.upper[i]),
            not_tradable: self.symbols(|of, i| of.lower[i] == of.upper[i]),
            steps: of.status.steps,
            converged: of.status.converged,
        }
    }

    /// Returns the symbols that meet a condition.
    fn symbols(&self, holds: impl Fn(&Rebalance, usize) -> bool) -> Vec<String> {
        let (of, names) = (&*self.shown.rebalance, &self.shown.names);
        (0..of.weights.len()).filter(|&i| holds(of, i)).map(|i| names[i].to_string()).collect()
    }
}

impl Report<'_> {
    /// Names of the K factors.
    pub(super) fn factor_names(&self) -> Vec<String> {
        let of = &*self.shown.rebalance;
        let given = self.factors.iter().take(of.factors() - of.group_factors.len().min(of.factors()));
        let given = if of.own.is_empty() { self.factors.iter().take(of.factors()) } else { given };
        given.cloned().chain(of.group_factors.iter().map(ToString::to_string)).collect()
    }

    /// Members and weights of each group.
    fn groups(&self) -> Vec<GroupMembers> {
        let of = &*self.shown.rebalance;
        let factors = self.factor_names();
        let exposures = of.exposures_of(&of.weights);
        let mut groups = Vec::new();
        for column in &of.groups {
            for (at, name) in column.names.iter().enumerate() {
                let members: Vec<usize> =
                    (0..of.weights.len()).filter(|i| column.group_of(*i) == Some(at)).collect();
                let group = format!("{}:{name}", column.factor);
                let factor = factors.iter().position(|factor| *factor == group);
                groups.push(GroupMembers {
                    symbols: members.iter().map(|i| self.shown.names[*i].to_string()).collect(),
                    net: members.iter().map(|i| of.weights[*i]).sum::<f64>().into(),
                    gross: members.iter().map(|i| of.weights[*i].abs()).sum::<f64>().into(),
                    exposure: factor.and_then(|at| exposures.get(at).copied()).unwrap_or(f64::NAN).into(),
                    group,
                });
            }
        }
        groups
    }

    fn group_bounds(&self) -> Vec<GroupBoundOf> {
        let of = &*self.shown.rebalance;
        let bounds = of.group_limits.iter().flat_map(|limits| &limits.bounds).zip(&of.bounded_groups);
        let bound = |(bound, group): (&GroupBound, &String)| GroupBoundOf {
            group: group.clone(),
            lower: bound.lower.into(),
            upper: bound.upper.into(),
            gross: bound.gross.into(),
        };
        bounds.map(bound).collect()
    }

    fn group_multipliers(&self) -> Vec<GroupMultipliers> {
        let of = &*self.shown.rebalance;
        let prices = of.multipliers.groups.iter().zip(&of.bounded_groups);
        let multipliers = |(price, group): (&GroupMultiplier, &String)| GroupMultipliers {
            group: group.clone(),
            net: price.net.into(),
            gross: price.gross.into(),
        };
        prices.map(multipliers).collect()
    }
}
