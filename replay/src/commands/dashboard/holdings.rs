//! Quantity, entry price and P&L of each position, from the recorded fills by the average-cost method.
//!
//! A fill that increases a position adds to its cost; one that reduces it realises price minus average cost;
//! one that crosses zero closes the position and opens another at its price. A split multiplies the units and
//! keeps the cost; trading costs are summed separately. The last price is that of the last fill, or the one
//! that held weight and NAV imply. A position with which the account opened counts from its first known price.

use std::collections::BTreeMap;

use serde::Serialize;

/// Relative size below which the remainder of a closed position is a rounding error.
const DUST: f64 = 1e-9;

/// Position and P&L of one instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Holding {
    /// Units held, signed.
    pub(crate) quantity: f64,
    /// Average entry price; `None` without a position.
    pub(crate) entry_price: Option<f64>,
    /// Last known price.
    pub(crate) last_price: Option<f64>,
    /// Quantity × (last price − entry price).
    pub(crate) unrealised_pnl: Option<f64>,
    /// Realised P&L of units sold or bought back, before costs.
    pub(crate) realised_pnl: f64,
    /// Commission, spread and impact of the fills.
    pub(crate) trading_costs: f64,
}

/// Sums over all instruments, including closed positions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Pnl {
    /// Realised P&L, before costs.
    pub(crate) realised: f64,
    /// Unrealised P&L of positions with a known price.
    pub(crate) unrealised: f64,
    /// Commission, spread and impact.
    pub(crate) trading_costs: f64,
}

/// Positions of all instruments that were ever traded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Holdings(BTreeMap<String, Entry>);

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    quantity: f64,
    /// Σ quantity × entry price of the open units, signed; NaN until the first price of an opening position.
    cost: f64,
    realised: f64,
    trading_costs: f64,
    price: Option<f64>,
}

impl Holdings {
    /// Adds a position with which the account opens.
    pub(crate) fn open(&mut self, symbol: &str, quantity: f64) {
        let cost = if quantity == 0.0 { 0.0 } else { f64::NAN };
        self.0.insert(symbol.to_owned(), Entry { quantity, cost, ..Entry::default() });
    }

    /// Books one fill.
    pub(crate) fn fill(&mut self, symbol: &str, quantity: f64, price: f64, trading_costs: f64) {
        if !(quantity.is_finite() && price.is_finite()) {
            return;
        }
        if !self.0.contains_key(symbol) {
            self.0.insert(symbol.to_owned(), Entry::default());
        }
        let Some(entry) = self.0.get_mut(symbol) else { return };
        entry.trading_costs += trading_costs;
        entry.price = Some(price);
        entry.know(price);
        if entry.quantity * quantity >= 0.0 {
            entry.quantity += quantity;
            entry.cost += quantity * price;
            return;
        }
        let average = entry.cost / entry.quantity;
        let rest = entry.quantity + quantity;
        if rest.abs() <= DUST * entry.quantity.abs() {
            entry.realised += entry.quantity * (price - average);
            (entry.quantity, entry.cost) = (0.0, 0.0);
        } else if rest * entry.quantity > 0.0 {
            entry.realised -= quantity * (price - average);
            (entry.quantity, entry.cost) = (rest, rest * average);
        } else {
            entry.realised += entry.quantity * (price - average);
            (entry.quantity, entry.cost) = (rest, rest * price);
        }
    }

    /// Applies a split: each unit becomes `ratio` units.
    pub(crate) fn split(&mut self, symbol: &str, ratio: f64) {
        if let Some(entry) = self.0.get_mut(symbol).filter(|_| ratio.is_finite() && ratio > 0.0) {
            entry.quantity *= ratio;
            entry.price = entry.price.map(|price| price / ratio);
        }
    }

    /// Updates the price of an instrument from the value of its position.
    pub(crate) fn value(&mut self, symbol: &str, value: f64) {
        if let Some(entry) = self.0.get_mut(symbol).filter(|entry| entry.quantity != 0.0) {
            let price = value / entry.quantity;
            if price.is_finite() && price > 0.0 {
                entry.price = Some(price);
                entry.know(price);
            }
        }
    }

    /// Returns the position of an instrument; `None` if it was never traded.
    pub(crate) fn of(&self, symbol: &str) -> Option<Holding> {
        self.0.get(symbol).map(Entry::holding)
    }

    /// Returns the P&L summed over all instruments.
    pub(crate) fn pnl(&self) -> Pnl {
        let mut all = Pnl::default();
        for holding in self.0.values().map(Entry::holding) {
            all.realised += holding.realised_pnl;
            all.unrealised += holding.unrealised_pnl.unwrap_or(0.0);
            all.trading_costs += holding.trading_costs;
        }
        all
    }
}

impl Entry {
    /// Takes the first price of an opening position as its entry price.
    fn know(&mut self, price: f64) {
        if self.cost.is_nan() {
            self.cost = self.quantity * price;
        }
    }

    fn holding(&self) -> Holding {
        let held = self.quantity != 0.0;
        Holding {
            quantity: self.quantity,
            entry_price: held.then_some(self.cost / self.quantity).filter(|price| price.is_finite()),
            last_price: self.price,
            unrealised_pnl: self
                .price
                .filter(|_| held && self.cost.is_finite())
                .map(|price| self.quantity * price - self.cost),
            realised_pnl: self.realised,
            trading_costs: self.trading_costs,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    enum Step {
        Open(f64),
        Fill(f64, f64),
        Split(f64),
        Value(f64),
    }

    #[test]
    fn average_cost_follows_fills_flips_and_splits() {
        use Step::{Fill, Open, Split, Value};
        // Steps, then quantity, entry price, last price, unrealised and realised P&L.
        let cases = [
            (vec![Fill(10.0, 5.0)], (10.0, Some(5.0), 5.0, Some(0.0), 0.0)),
            (vec![Fill(10.0, 5.0), Fill(10.0, 7.0)], (20.0, Some(6.0), 7.0, Some(20.0), 0.0)),
            (vec![Fill(10.0, 5.0), Fill(-4.0, 8.0)], (6.0, Some(5.0), 8.0, Some(18.0), 12.0)),
            (vec![Fill(10.0, 5.0), Fill(-10.0, 4.0)], (0.0, None, 4.0, None, -10.0)),
            (vec![Fill(10.0, 5.0), Fill(-15.0, 6.0)], (-5.0, Some(6.0), 6.0, Some(0.0), 10.0)),
            (vec![Fill(-10.0, 5.0), Value(-60.0)], (-10.0, Some(5.0), 6.0, Some(-10.0), 0.0)),
            (vec![Fill(-10.0, 5.0), Fill(12.0, 4.0), Value(10.0)], (2.0, Some(4.0), 5.0, Some(2.0), 10.0)),
            (vec![Fill(10.0, 6.0), Split(3.0)], (30.0, Some(2.0), 2.0, Some(0.0), 0.0)),
            (vec![Fill(10.0, 6.0), Split(3.0), Fill(-15.0, 4.0)], (15.0, Some(2.0), 4.0, Some(30.0), 30.0)),
            // Cash in lieu of half a unit after a reverse split of one for two.
            (vec![Fill(5.0, 6.0), Split(0.5), Fill(-0.5, 12.0)], (2.0, Some(12.0), 12.0, Some(0.0), 0.0)),
            // A position with which the account opened, with its price before a fill and without it.
            (vec![Open(10.0), Value(50.0), Fill(-4.0, 8.0)], (6.0, Some(5.0), 8.0, Some(18.0), 12.0)),
            (vec![Open(-10.0), Fill(-10.0, 4.0), Value(-60.0)], (-20.0, Some(4.0), 3.0, Some(20.0), 0.0)),
            (vec![Open(10.0), Split(2.0), Value(60.0)], (20.0, Some(3.0), 3.0, Some(0.0), 0.0)),
            (vec![Fill(0.3, 10.0), Fill(-0.1, 10.0), Fill(-0.2, 10.0)], (0.0, None, 10.0, None, 0.0)),
        ];
        for (number, (steps, (quantity, entry, last, unrealised, realised))) in cases.into_iter().enumerate()
        {
            let mut holdings = Holdings::default();
            for step in &steps {
                match step {
                    Open(quantity) => holdings.open("A", *quantity),
                    Fill(quantity, price) => holdings.fill("A", *quantity, *price, 0.5),
                    Split(ratio) => holdings.split("A", *ratio),
                    Value(value) => holdings.value("A", *value),
                }
            }
            let found = holdings.of("A").unwrap();
            assert_eq!((found.quantity, found.entry_price), (quantity, entry), "case {number}");
            assert_eq!((found.last_price, found.unrealised_pnl), (Some(last), unrealised), "case {number}");
            assert!((found.realised_pnl - realised).abs() < 1e-12, "case {number}: {}", found.realised_pnl);
            let fills = steps.iter().filter(|step| matches!(step, Fill(..))).count();
            assert_eq!(found.trading_costs, 0.5 * fills as f64, "case {number}");
        }
    }

    #[test]
    fn opening_position_without_a_price_has_no_pnl() {
        let mut holdings = Holdings::default();
        holdings.open("A", 10.0);
        let found = holdings.of("A").unwrap();
        assert_eq!((found.quantity, found.entry_price, found.last_price), (10.0, None, None));
        assert_eq!((found.unrealised_pnl, holdings.pnl()), (None, Pnl::default()));
    }

    #[test]
    fn pnl_includes_closed_positions() {
        let mut holdings = Holdings::default();
        holdings.fill("A", 1.0, 10.0, 1.0);
        holdings.fill("A", -1.0, 13.0, 1.0);
        holdings.fill("B", -2.0, 5.0, 1.0);
        holdings.value("B", -8.0);
        holdings.value("C", 5.0);
        holdings.fill("A", f64::NAN, 1.0, 1.0);
        assert_eq!(holdings.pnl(), Pnl { realised: 3.0, unrealised: 2.0, trading_costs: 3.0 });
        assert_eq!(holdings.of("C"), None);
    }
}
