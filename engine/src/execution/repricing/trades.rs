//! Sums over a frame's fills in which its costs are linear.

use std::collections::BTreeMap;

use super::super::costs::{BPS, power};
use super::super::fills::Fill;
use super::super::orders::OrderRecord;

/// Sums over the fills of a frame. q is a fill's quantity, p its price, h the half-spread, σ and V the daily volatility
/// and volume of its instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    /// Σ|q p| over fills of orders and recalls only, like the sums below.
    pub notional: f64,
    /// Σ|q|.
    pub units: f64,
    /// Σ|q p| h.
    pub half_spread: f64,
    /// Σ|q p| σ |q|/V.
    pub permanent: f64,
    /// Fills whose σ or V is unknown.
    pub unknown: u64,
}

/// Sums over the fills of one frame after another.
#[derive(Clone, Debug, Default)]
pub struct Trades {
    /// Sums of the current frame.
    pub sums: Sums,
    /// Σ|q p| σ (|q|/V)^p of orders, one for each exponent p.
    pub temporary: Vec<f64>,
    /// Fills of orders, if any scenario has a commission minimum.
    pub orders: Vec<OrderFill>,
    exponents: Vec<f64>,
    filled: Option<Filled>,
}

/// Σ|q p| and Σ|q| over the fills so far of orders that may fill further, by frame of the rebalance and
/// instrument.
type Filled = BTreeMap<(u64, u32), (f64, f64)>;

/// A fill of an order, as input of a commission minimum m per order. With C = c Σ|q p| + u Σ|q| over the
/// order's fills so far, the order has paid max(C, m) after each fill. A fill is therefore charged the
/// increase of max(C, m), and the first fill all of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OrderFill {
    /// Σ|q p| and Σ|q| of the order's earlier fills; none for the first.
    pub before: Option<(f64, f64)>,
    /// The same sums including this fill.
    pub after: (f64, f64),
}

impl OrderFill {
    /// Commission of the fill: c is a share of notional, u currency per unit, m the minimum per order.
    #[must_use]
    pub fn commission(&self, c: f64, u: f64, m: f64) -> f64 {
        let paid = |(notional, units): (f64, f64)| (c * notional + u * units).max(m);
        paid(self.after) - self.before.map_or(0.0, paid)
    }
}

impl Trades {
    /// Returns empty sums for these exponents of impact. `least`: true if a scenario has a commission
    /// minimum.
    #[must_use]
    pub fn new(exponents: Vec<f64>, least: bool) -> Self {
        let temporary = vec![0.0; exponents.len()];
        Self { temporary, exponents, filled: least.then(Filled::default), ..Self::default() }
    }

    /// Replaces the sums by those of the next frame's fills. `ended`: orders that ended on the frame. Frame
    /// of the rebalance and instrument identify an order: a rebalance makes one order per instrument.
    pub fn take(&mut self, fills: &[Fill], ended: &[OrderRecord]) {
        self.sums = Sums::default();
        self.temporary.fill(0.0);
        self.orders.clear();
        for fill in fills {
            if fill.pays_as_order() {
                self.add(fill, (fill.quantity * fill.price).abs());
            }
        }
        if let Some(filled) = &mut self.filled {
            for order in ended {
                filled.remove(&(order.decided_seq, order.instrument));
            }
        }
    }

    fn add(&mut self, fill: &Fill, notional: f64) {
        let (sums, units) = (&mut self.sums, fill.quantity.abs());
        sums.notional += notional;
        sums.units += units;
        sums.half_spread += notional * fill.conditions.half_spread_bps * BPS;
        if fill.conditions.are_known() {
            let participation = units / fill.conditions.daily_volume;
            let moved = notional * fill.conditions.volatility;
            for (sum, exponent) in self.temporary.iter_mut().zip(&self.exponents) {
                *sum += moved * power(participation, *exponent);
            }
            sums.permanent += moved * participation;
        } else {
            sums.unknown += 1;
        }
        // A recall is an order of its own, filled at once.
        if self.filled.is_some() && fill.decided_seq.is_none() {
            self.orders.push(OrderFill { before: None, after: (notional, units) });
        }
        if let (Some(filled), Some(decided)) = (&mut self.filled, fill.decided_seq) {
            let order = (decided, fill.instrument);
            let before = filled.get(&order).copied();
            let (earlier_notional, earlier_units) = before.unwrap_or_default();
            let after = (earlier_notional + notional, earlier_units + units);
            filled.insert(order, after);
            self.orders.push(OrderFill { before, after });
        }
    }
}
