//! Instruments outside their spells of membership in a rebalance: they are sold, whatever the strategy wants.

use super::Sizing;
use crate::execution::Portfolio;
use crate::portfolio::{Multipliers, NoTrade, Outcome};

impl Sizing {
    /// Takes the members of the frame.
    pub(super) fn take_members(&mut self, portfolio: &Portfolio) {
        self.sizer.hold_only(&portfolio.members);
        self.eligible.clear();
        if !portfolio.members.is_empty() {
            let both = portfolio.tradable.iter().zip(&portfolio.members);
            self.eligible.extend(both.map(|(tradable, member)| *tradable && *member));
        }
    }

    /// True for each instrument that can be bought on the frame.
    pub(super) fn eligible<'a>(&'a self, portfolio: &'a Portfolio) -> &'a [bool] {
        if portfolio.members.is_empty() { &portfolio.tradable } else { &self.eligible }
    }

    /// Returns true if a rebalance that the strategy leaves idle still sells: an instrument outside its spells is held,
    /// and trading is not halted.
    pub(super) fn sells_although(&self, reason: NoTrade, portfolio: &Portfolio) -> bool {
        let of_strategy =
            matches!(reason, NoTrade::NoForecast | NoTrade::StrategyHolds | NoTrade::WithinDrift);
        of_strategy && self.outside(portfolio).next().is_some()
    }

    /// Instruments outside their spells that are held and can be sold.
    fn outside<'a>(&'a self, portfolio: &'a Portfolio) -> impl Iterator<Item = usize> + 'a {
        let sold = |i: &usize| !portfolio.members[*i] && portfolio.tradable[*i] && self.held[*i] != 0.0;
        (0..portfolio.members.len()).filter(sold)
    }

    /// Solves a rebalance that only sells instruments outside their spells, each by the share that the cap allows.
    pub(super) fn sell_outside(&mut self, portfolio: &Portfolio, turnover_left: f64) {
        let all: f64 = self.outside(portfolio).map(|i| self.held[i].abs()).sum();
        let share = (turnover_left / all).min(1.0);
        let mut weights = std::mem::take(&mut self.solution.weights);
        weights.clone_from(&self.held);
        for i in self.outside(portfolio) {
            weights[i] = if share == 1.0 { 0.0 } else { self.held[i] * (1.0 - share) };
        }
        let solution = &mut self.solution;
        solution.weights = weights;
        solution.outcome = if share < 1.0 { Outcome::Repairing } else { Outcome::Reached };
        solution.multipliers.clone_from(&Multipliers::default());
        solution.at_gross = false;
        solution.capped = share < 1.0;
    }

    /// Takes the sales into the weights from which drift is measured; that of all other instruments continues.
    pub(super) fn keep_drift(&mut self, portfolio: &Portfolio) {
        for i in 0..self.last_target.len().min(portfolio.members.len()) {
            if !portfolio.members[i] {
                self.last_target[i] = self.solution.weights[i];
            }
        }
    }
}
