//! Bid-ask spread estimated from high, low and close.
//!
//! Highs are mostly bought at the ask and lows sold at the bid, so the range of a bar contains both its
//! volatility and the spread. Volatility grows with time and the spread does not, which separates them.
//!
//! Estimates from single pairs of bars are noisy and often negative. Both estimators here average the signed
//! estimates of a trailing window and set a negative *mean* to zero (the "monthly corrected" version of Abdi
//! & Ranaldo, with a window of 21 daily bars). Corwin & Schultz are usually applied with each negative
//! estimate set to zero first, which adds half of the noise to the mean: on minute bars of SPY (median quoted
//! spread 0.6 bp) and a window of 21 that gives 1.1 bp, against 0.3 bp for the mean of signed estimates.

mod abdi_ranaldo;
mod corwin_schultz;
mod trailing;

pub use abdi_ranaldo::AbdiRanaldo;
pub use corwin_schultz::CorwinSchultz;
