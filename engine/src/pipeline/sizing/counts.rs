//! Counts of a rebalance: its outcome, inherited violations, and the reason why it orders nothing.

use super::super::message::Decision;
use super::{Sizing, benchmark};
use crate::execution::Portfolio;
use crate::ledger::{Budget, SizingFacts};

use crate::portfolio::{NoTrade, Outcome, SizingSettings, Solution};
use crate::strategy::TargetKind;

/// Distance of a weight beyond a limit above which it counts as an inherited violation; less is rounding.
const LIMIT_TOLERANCE: f64 = 1e-10;

/// Share of the largest forecast below which a marginal gain is rounding.
const GAIN_TOLERANCE: f64 = 1e-10;

impl Sizing {
    /// Reason why a rebalance with a solution orders nothing.
    pub(super) fn no_trade(&mut self, portfolio: &Portfolio, turnover_left: f64) -> NoTrade {
        let Solution { outcome, .. } = self.solution;
        let expects = self.targets.kind == TargetKind::Expected;
        match () {
            () if !self.eligible(portfolio).contains(&true) => NoTrade::NotTradable,
            () if expects && self.targets.values.iter().all(|value| *value == 0.0) => NoTrade::NoForecast,
            () if self.settings.turnover_cap == 0.0 => NoTrade::CapIsZero,
            () if turnover_left == 0.0 => NoTrade::CapSpent,
            () if self.lot > 0.0 && self.solution.weights != self.held => NoTrade::LotTooLarge,
            () if outcome == Outcome::NetOutOfReach => NoTrade::NetOutOfReach,
            () if !outcome.within_limits() => NoTrade::LimitOutOfReach,
            () if expects && self.gains_before_costs(portfolio) => NoTrade::CostAboveGain,
            () => NoTrade::AtTarget,
        }
    }

    /// Returns true if a free trade from the held weights raises μ'w − (w − b)'Σ(w − b)/(2κ).
    fn gains_before_costs(&mut self, portfolio: &Portfolio) -> bool {
        let Self { settings, risk, held, active, slope, targets, terms, eligible, .. } = self;
        let eligible = if portfolio.members.is_empty() { &portfolio.tradable } else { &*eligible };
        let benchmark = benchmark(settings, portfolio);
        active.clear();
        active.extend(held.iter().enumerate().map(|(i, weight)| weight - benchmark.get(i).unwrap_or(&0.0)));
        risk.times(active, slope);
        let largest = targets.values.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
        let (mut up, mut down) = (f64::NEG_INFINITY, f64::INFINITY);
        for (i, weight) in held.iter().enumerate().filter(|(i, _)| eligible[*i]) {
            let gain = targets.values[i] - slope[i] / settings.kelly_fraction;
            let [lower, upper] = terms.bounds_of(i, settings);
            up = if *weight < upper { up.max(gain) } else { up };
            down = if *weight > lower { down.min(gain) } else { down };
        }
        let gross: f64 = active.iter().map(|weight| weight.abs()).sum();
        let tied = settings.net_target.is_some()
            || !self.bounded.limits().is_empty()
            || gross >= settings.gross_max - LIMIT_TOLERANCE;
        let dust = GAIN_TOLERANCE * largest;
        // With a fixed sum of weights, as with bounds by group, a gain moves weight from one instrument to another.
        if tied { up - down > dust } else { up > dust || down < -dust }
    }

    /// Counts a rebalance.
    pub(super) fn count(&mut self, decision: &Decision, portfolio: &Portfolio) {
        let Self { facts, settings, solution, terms, bounded, .. } = self;
        facts.capped += u64::from(decision.capped);
        facts.at_gross += u64::from(solution.at_gross);
        facts.repairing += u64::from(solution.outcome == Outcome::Repairing);
        facts.gross_out_of_reach += u64::from(solution.outcome == Outcome::GrossOutOfReach);
        facts.group_out_of_reach += u64::from(solution.outcome == Outcome::GroupOutOfReach);
        facts.net_out_of_reach += u64::from(solution.outcome == Outcome::NetOutOfReach);
        facts.cap_multiplier += decision.multipliers.turnover;
        facts.gross_multiplier += decision.multipliers.gross;
        facts.net_multiplier += decision.multipliers.net;
        facts.no_trade += u64::from(decision.orders.is_empty());
        let outside = solution.weights.iter().enumerate().any(|(i, weight)| {
            let [lower, upper] = terms.bounds_of(i, settings);
            !(lower - LIMIT_TOLERANCE..=upper + LIMIT_TOLERANCE).contains(weight)
        });
        facts.box_inherited += u64::from(outside);
        let keeps = |(i, weight): (usize, &f64)| !portfolio.is_member(i) && *weight != 0.0;
        facts.membership_inherited += u64::from(solution.weights.iter().enumerate().any(keeps));
        let gross = gross(&solution.weights, benchmark(settings, portfolio));
        facts.gross_inherited += u64::from(gross > settings.gross_max + LIMIT_TOLERANCE);
        let against = benchmark(settings, portfolio);
        let excess = bounded.excess(&solution.weights, against);
        facts.group_inherited += u64::from(excess > LIMIT_TOLERANCE);
    }
}

/// Σ|w − b|; b is 0 where `benchmark` is empty.
fn gross(weights: &[f64], benchmark: &[f64]) -> f64 {
    weights.iter().enumerate().map(|(i, w)| (w - benchmark.get(i).unwrap_or(&0.0)).abs()).sum()
}

/// Largest investment that the limits allow for a strategy that targets full investment over `names`
/// instruments; `None` if it is full.
pub(super) fn budget(names: Option<usize>, settings: &SizingSettings) -> Option<Budget> {
    let names = names.filter(|names| *names > 0)?;
    let gross_max = if settings.active { f64::INFINITY } else { settings.gross_max };
    let share = (names as f64 * settings.weight_max).min(gross_max);
    let share = settings.net_target.map_or(share, |net| share.min(net));
    (share < 1.0 - LIMIT_TOLERANCE).then_some(Budget { names: names as u64, share })
}

pub(super) fn count_budget(budget: Option<Budget>, outcome: &mut Outcome, facts: &mut SizingFacts) {
    let Some(budget) = budget else { return };
    facts.budget_out_of_reach += 1;
    if facts.least_budget.is_none_or(|least| budget.share < least.share) {
        facts.least_budget = Some(budget);
    }
    if matches!(outcome, Outcome::Reached | Outcome::NoTrade) {
        *outcome = Outcome::BudgetOutOfReach;
    }
}
