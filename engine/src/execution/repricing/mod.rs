//! Re-pricing: the NAV of a run with the same trades and other costs.
//!
//! Quantities and prices are common to all scenarios, so what a frame costs is linear in a few sums over its fills
//! and in the value of its shorts ([`Trades`]), whatever the number of instruments:
//!
//! | item | cost of the frame |
//! |---|---|
//! | commission | c Σ\|q p\| + u Σ\|q\|; with a minimum it is per order, see [`OrderFill`] |
//! | spread | h Σ\|q p\|, or a multiple of Σ\|q p\| hᵢ if instruments have their own half-spreads |
//! | impact | η Σ\|q p\| σ (Q/V)^p + ½ γ Σ\|q p\| σ Q/V |
//! | borrow | b · shorts · years |
//! | financing | f · max(−cash, 0) · years |
//!
//! With D the difference of a scenario's cash, and so of its NAV, from that of the run,
//!
//!   D_t = D_{t−1} + (interest_t − interest of the run) − (costs_t − costs of the run)
//!         − (haircut − haircut of the run) · value of the delisted positions,
//!
//! where interest and financing are those of the scenario's own cash, and the value of a short is negative: a larger
//! haircut is its gain. D is exact up to rounding, about 10⁻¹² of NAV
//! over thousands of frames. A run whose sizing uses those costs would trade differently.

mod charges;
mod columns;
mod rates;
mod trades;

pub use charges::{COST_SETTINGS, Charges};
pub use columns::{Booked, Repricing};
pub use trades::{OrderFill, Sums, Trades};
