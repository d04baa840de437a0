//! Gain of each position by price moves on a frame.

use serde::{Deserialize, Serialize};

use super::fills::{Fill, Reason};
use super::portfolio::Portfolio;

/// Columns of length n. Together with the account's interest and costs they add up to the change of NAV.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Moves {
    /// Value at the preceding close.
    pub before: Vec<f64>,
    /// Gain, at this close, of the units held at the preceding close; includes dividends and the haircut of a
    /// delisting.
    pub held: Vec<f64>,
    /// Gain of the units filled on the frame, from their price to the close.
    pub traded: Vec<f64>,
    /// Units held before the frame's fills, after its splits.
    units: Vec<f64>,
}

impl Moves {
    /// Records the values at the preceding close.
    pub(super) fn begin(&mut self, portfolio: &Portfolio) {
        let value = |(quantity, price): (&f64, &f64)| if *quantity == 0.0 { 0.0 } else { quantity * price };
        self.before.clear();
        self.before.extend(portfolio.quantity.iter().zip(&portfolio.price).map(value));
        self.held.clear();
        self.held.resize(self.before.len(), 0.0);
        self.traded.clear();
        self.traded.resize(self.before.len(), 0.0);
    }

    /// Adds the cash that a dividend paid on the position.
    pub(super) fn pay(&mut self, instrument: usize, cash: f64) {
        self.held[instrument] += cash;
    }

    /// Records the units held after splits and before fills.
    pub(super) fn hold(&mut self, portfolio: &Portfolio) {
        self.units.clone_from(&portfolio.quantity);
    }

    /// Computes the gains at the prices of the close.
    pub(super) fn end(&mut self, portfolio: &Portfolio, fills: &[Fill]) {
        let positions = self.units.iter().zip(&portfolio.price).zip(&self.before);
        for (gain, ((units, price), before)) in self.held.iter_mut().zip(positions) {
            // An instrument without a price yet has no units.
            *gain += if *units == 0.0 { 0.0 } else { units * price - before };
        }
        for fill in fills {
            let i = fill.instrument as usize;
            let earned = fill.quantity * (portfolio.price[i] - fill.price);
            match fill.reason {
                Reason::Order | Reason::Ruin | Reason::Recall => self.traded[i] += earned,
                Reason::Delisting | Reason::CashInLieu => self.held[i] += earned,
            }
        }
    }
}
