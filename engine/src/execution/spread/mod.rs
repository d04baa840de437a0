//! Bid-ask spread estimated from open, high, low and close.
//!
//! Highs are mostly bought at the ask and lows sold at the bid, so the range of a bar contains both its
//! volatility and the spread. Volatility grows with time and the spread does not, which separates them.
//!
//! Estimates from single pairs of bars are noisy and often negative. The first two estimators average the signed
//! estimates of a trailing window and set a negative *mean* to zero (the "monthly corrected" version of Abdi
//! & Ranaldo, with a window of 21 daily bars). Corwin & Schultz are usually applied with each negative
//! estimate set to zero first, which adds half of the noise to the mean: on minute bars of SPY (median quoted
//! spread 0.6 bp) and a window of 21 that gives 1.1 bp, against 0.3 bp for the mean of signed estimates.
//!
//! EDGE (Ardia, Guidotti & Kroencke 2024) also uses opens, corrects for bars in which the price does not move, and
//! weights two moment conditions by their variances. It is computed from the whole window, and as its authors do, takes
//! the root of the absolute value of the squared spread.

mod abdi_ranaldo;
mod corwin_schultz;
mod edge;
mod trailing;

pub use abdi_ranaldo::AbdiRanaldo;
pub use corwin_schultz::CorwinSchultz;
pub use edge::Edge;
