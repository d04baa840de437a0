//! What a fraction of Kelly implies, and how the risk that it was given has held.

use crate::ledger::SizingFacts;

/// At a fraction of Kelly in continuous time, the chance of ever falling to 1 − `loss` of any value that was had:
/// x^(2/fraction − 1) (Thorp 2006).
#[must_use]
pub fn chance_of_ever_losing(loss: f64, kelly_fraction: f64) -> f64 {
    libm::pow(1.0 - loss, 2.0 / kelly_fraction - 1.0)
}

/// Annual volatility of the book as sizing predicted it, from its mean variance over the decisions; 0 without one.
#[must_use]
pub fn predicted_volatility(sizing: &SizingFacts, frames_per_year: f64) -> f64 {
    (sizing.predicted_variance / sizing.decisions.max(1) as f64 * frames_per_year).sqrt()
}
