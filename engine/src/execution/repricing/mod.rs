//! Trades of one run under the costs of others: what a run would have been worth, had it traded all the same and paid
//! differently.
//!
//! Quantities and prices are common to all scenarios, so what a frame costs is linear in a few sums over its fills
//! and in the value of its shorts ([`Trades`]), whatever the number of instruments:
//!
//! | item | cost of the frame |
//! |---|---|
//! | commission | c Σ\|q p\| + u Σ\|q\|; with a least one it is an order's, see [`OrderFill`] |
//! | spread | h Σ\|q p\|, or a multiple of Σ\|q p\| hᵢ where half-spreads are the instruments' own |
//! | impact | η Σ\|q p\| σ (Q/V)^p + ½ γ Σ\|q p\| σ Q/V |
//! | borrow | b · shorts · years |
//! | financing | f · max(−cash, 0) · years |
//!
//! With D the difference of a scenario's cash, and so of its NAV, from that of the run,
//!
//!   D_t = D_{t−1} + (interest_t − interest of the run) − (costs_t − costs of the run)
//!         − (haircut − haircut of the run) · value of what was delisted,
//!
//! where interest and financing are those of the scenario's own cash, and the value of a short is negative: a larger
//! haircut is its gain. It is exact but for rounding: about 10⁻¹² of NAV
//! over thousands of frames. It is not what a run with those costs would do where sizing knows the costs: that run
//! would trade differently.

mod charges;
mod columns;
mod rates;
mod trades;

pub use charges::{COST_SETTINGS, Charges};
pub use columns::{Booked, Repricing};
pub use trades::{OrderFill, Sums, Trades};
