//! Losses that a fraction of Kelly implies.

/// Probability of ever falling to 1 − `loss` of any past value, at a fraction of Kelly in continuous time:
/// x^(2/fraction − 1) (Thorp 2006).
#[must_use]
pub fn chance_of_ever_losing(loss: f64, kelly_fraction: f64) -> f64 {
    libm::pow(1.0 - loss, 2.0 / kelly_fraction - 1.0)
}
