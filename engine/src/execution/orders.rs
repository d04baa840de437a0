//! Orders from target weights, and the life cycle of an order.

use serde::{Deserialize, Serialize};

use super::portfolio::Portfolio;

/// An order for one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// Engine index.
    pub instrument: u32,
    /// Quantity, signed.
    pub quantity: f64,
    /// Close of the rebalance.
    pub decision_price: f64,
}

/// State of an order.
///
/// ```text
/// decided ──▶ working ──▶ filled
///    │          │  └────▶ partly filled ──▶ filled, cancelled or expired
///    │          └───────▶ cancelled or expired
///    └ before its fill frame it is irrevocable
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderState {
    /// Before its fill frame: it cannot be cancelled and counts as held.
    Decided,
    /// Its fill frame is reached, and no part of it is filled.
    Working,
    /// Filled in part, and still working.
    PartlyFilled,
    /// Filled whole.
    Filled,
    /// The remainder was cancelled: by `unfilled = "cancel"` on its fill frame, or by the next rebalance.
    Cancelled,
    /// The remainder expired: its instrument was delisted, or the account ruined.
    Expired,
}

impl OrderState {
    /// Name used in outputs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Decided => "decided",
            Self::Working => "working",
            Self::PartlyFilled => "partly_filled",
            Self::Filled => "filled",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }
}

/// Order with its state.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderRecord {
    /// Engine index.
    pub instrument: u32,
    /// Frame of the rebalance.
    pub decided_seq: u64,
    /// First frame on which it could fill.
    pub due_seq: u64,
    /// Ordered quantity, signed, split-adjusted to the current frame.
    pub quantity: f64,
    /// Filled quantity.
    pub filled: f64,
    /// State of the order.
    pub state: OrderState,
}

/// Change of weight below which a difference is rounding.
const WEIGHT_DUST: f64 = 1e-12;

/// Writes orders that bring the portfolio to the target weights at the frame's prices into `out`.
///
/// Only tradable instruments get orders. A target of exactly 0 closes the position exactly. Quantities are
/// rounded to lots towards zero, so rounding never raises turnover. If rounded sales leave gross exposure
/// above both its present value and `gross_max`, orders that add exposure are cut. Returns the turnover:
/// Σ|quantity| × decision price over NAV.
pub fn orders_towards(
    target: &[f64],
    portfolio: &Portfolio,
    lot: f64,
    gross_max: f64,
    out: &mut Vec<Order>,
) -> f64 {
    out.clear();
    if portfolio.nav <= 0.0 {
        return 0.0;
    }
    for (i, &target) in target.iter().enumerate() {
        if !portfolio.tradable[i] {
            continue;
        }
        let change = target - portfolio.weight(i);
        if change.abs() <= WEIGHT_DUST && target != 0.0 {
            continue;
        }
        let price = portfolio.price[i];
        let exact = if target == 0.0 {
            -changed(portfolio.quantity[i], portfolio.in_flight[i], 0.0)
        } else {
            change * portfolio.nav / price
        };
        let quantity = whole_lots(exact, lot);
        if quantity != 0.0 {
            out.push(Order { instrument: i as u32, quantity, decision_price: price });
        }
    }
    if lot > 0.0 {
        keep_gross(portfolio, lot, gross_max, out);
    }
    out.iter().map(|order| order.quantity.abs() * order.decision_price / portfolio.nav).sum()
}

/// Cuts orders that add to a position, the last first, until the gross exposure after all orders is at most
/// the larger of `gross_max` and its present value.
fn keep_gross(portfolio: &Portfolio, lot: f64, gross_max: f64, orders: &mut Vec<Order>) {
    let held = |i: usize| portfolio.quantity[i] + portfolio.in_flight[i];
    let added = |order: &Order| {
        let held = held(order.instrument as usize);
        ((held + order.quantity).abs() - held.abs()) * order.decision_price
    };
    let before: f64 =
        (0..portfolio.quantity.len()).map(|i| portfolio.weight(i).abs()).filter(|w| !w.is_nan()).sum();
    let after = before + orders.iter().map(added).sum::<f64>() / portfolio.nav;
    let mut excess = (after - before.max(gross_max)) * portfolio.nav;
    let dust = portfolio.nav * WEIGHT_DUST;
    for order in orders.iter_mut().rev().filter(|order| added(order) > 0.0) {
        if excess <= dust {
            break;
        }
        let with_all = added(order);
        // If an order reverses a position, cut only its part beyond zero: cutting more would add exposure.
        let beyond = (held(order.instrument as usize) + order.quantity).abs().min(order.quantity.abs());
        let wanted = (excess / (order.decision_price * lot)).ceil() * lot;
        let cut = wanted.min(whole_lots(beyond, lot)).copysign(order.quantity);
        order.quantity = nearest_lots(order.quantity - cut, lot);
        excess -= with_all - added(order);
        if excess > dust && added(order) > 0.0 {
            excess -= added(order);
            order.quantity = 0.0;
        }
    }
    orders.retain(|order| order.quantity != 0.0);
}

/// Relative distance from a whole number of lots below which a difference is rounding.
const LOT_DUST: f64 = 1e-12;

/// Returns the quantity in whole lots, rounded towards zero; unchanged for fractional quantities (`lot` 0).
pub(super) fn whole_lots(quantity: f64, lot: f64) -> f64 {
    if lot == 0.0 {
        return quantity;
    }
    let (lots, nearest) = (quantity / lot, (quantity / lot).round());
    // 0.1 is not exact in binary: 0.7/0.1 is just below 7.
    let is_whole = (lots - nearest).abs() <= LOT_DUST * nearest.abs().max(1.0);
    if is_whole { nearest * lot } else { lots.trunc() * lot }
}

/// Returns the whole number of lots nearest to a sum of whole lots: k · `lot` exactly, without the rounding
/// of the sum.
pub(super) fn nearest_lots(quantity: f64, lot: f64) -> f64 {
    if lot == 0.0 { quantity } else { (quantity / lot).round() * lot }
}

/// Returns a quantity after a change, in whole lots. A sum of fractional quantities that is the rounding of the two is
/// exactly 0: a position closed by several orders in flight leaves no dust, which would be a short with a fee and an
/// order with a minimum commission.
pub(super) fn changed(quantity: f64, change: f64, lot: f64) -> f64 {
    let sum = nearest_lots(quantity + change, lot);
    if sum.abs() <= LOT_DUST * change.abs() { 0.0 } else { sum }
}

/// Returns the fraction of a lot between a quantity and its whole lots; 0 if the difference is rounding.
pub(super) fn fraction_beyond(quantity: f64, whole: f64) -> f64 {
    let fraction = quantity - whole;
    if fraction.abs() <= LOT_DUST * quantity.abs() { 0.0 } else { fraction }
}
