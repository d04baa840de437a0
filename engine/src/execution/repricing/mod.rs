//! Re-pricing: NAV of a run with the same trades under other costs.
//!
//! All scenarios share quantities and prices. The cost of a frame is therefore linear in a few sums over its
//! fills and in the value of its shorts ([`Trades`]), whatever the number of instruments:
//!
//! | item | cost of the frame |
//! |---|---|
//! | commission | c Σ\|q p\| + u Σ\|q\|; with a minimum it is per order, see [`OrderFill`] |
//! | spread | h Σ\|q p\|, or a multiple of Σ\|q p\| hᵢ if instruments have their own half-spreads |
//! | impact | η Σ\|q p\| σ (Q/V)^p + ½ γ Σ\|q p\| σ Q/V |
//! | borrow | b · shorts · years, and a multiple of Σ bᵢ · shortᵢ · years of those with a fee of their own |
//! | financing | f · max(−cash, 0) · years |
//!
//! D is the cash, and therefore the NAV, of a scenario minus that of the run:
//!
//! ```text
//! D_t = D_{t−1} + (interest_t − interest of the run) − (costs_t − costs of the run)
//!       − (haircut − haircut of the run) · value of the delisted positions
//! ```
//!
//! Interest and financing are those of the scenario's own cash. The value of a short is negative, so a larger
//! haircut is a gain. D is exact up to rounding, about 10⁻¹² of NAV over thousands of frames. A run whose
//! sizing uses the scenario's costs would trade differently.

mod charges;
mod columns;
mod rates;
mod trades;

pub use charges::{COST_SETTINGS, Charges};
pub use columns::{Bookings, Repricing};
pub use trades::{OrderFill, Sums, Trades};
