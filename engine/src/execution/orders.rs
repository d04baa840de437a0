//! From target weights to orders.

use super::portfolio::Portfolio;

/// An order for one instrument.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Order {
    /// Engine index.
    pub instrument: u32,
    /// Quantity, signed.
    pub quantity: f64,
    /// The price it was decided at.
    pub decision_price: f64,
}

/// A change of weight smaller than this is rounding, not a wish.
const WEIGHT_DUST: f64 = 1e-12;

/// Orders that bring the portfolio to the target weights at the frame's prices, into `out`.
///
/// Only what traded in the frame can be ordered. A target of exactly 0 closes the position exactly.
/// Lots round towards no trade, so that a rounded order never exceeds the turnover that was decided.
/// Returns the turnover: Σ |quantity| × decision price over NAV.
pub fn orders_towards(target: &[f64], portfolio: &Portfolio, lot: f64, out: &mut Vec<Order>) -> f64 {
    out.clear();
    if portfolio.nav <= 0.0 {
        return 0.0;
    }
    let mut turnover = 0.0;
    for (i, &target) in target.iter().enumerate() {
        if !portfolio.traded[i] {
            continue;
        }
        let change = target - portfolio.weight(i);
        if change.abs() <= WEIGHT_DUST && target != 0.0 {
            continue;
        }
        let price = portfolio.price[i];
        let exact = if target == 0.0 {
            -(portfolio.quantity[i] + portfolio.in_flight[i])
        } else {
            change * portfolio.nav / price
        };
        let quantity = if lot > 0.0 { (exact / lot).trunc() * lot } else { exact };
        if quantity != 0.0 {
            turnover += quantity.abs() * price / portfolio.nav;
            out.push(Order { instrument: i as u32, quantity, decision_price: price });
        }
    }
    turnover
}
