//! The ledger: one entry per frame, its digest, its sums, and recorders.
//!
//! The ledger, the metrics and the benchmark start at the first frame that rebalances. N rows of equity give
//! N − 1 returns, and the first row has the configured NAV.
//!
//! With `fill_at = "same_close"` orders fill on the frame of their rebalance. The ledger then opens with the
//! preceding frame (`LedgerFrame::opening`).
//!
//! Attribution explains the held positions by the betas as of the preceding close (`attribution.rs`). The
//! residual is the remaining gain of each position, so the parts add up by definition. `trading` is the gain
//! from a fill's price to the close.

mod attribution;
pub mod difference;
mod digest;
mod facts;
mod frame;
mod groups;
mod recorder;
mod settings;
mod tally;

pub use attribution::{Attribution, AttributionInputs, Contributions};
pub use digest::{DigestChain, hex};
pub use facts::{BookRiskFacts, Budget, RunFacts, SizingFacts};
pub use frame::{EstimatesOfFrame, LedgerFrame};
pub use groups::GroupEntry;
pub use recorder::{RecordError, Recorder};
pub use settings::{Frames, RecordSettings};
pub use tally::{Entry, Tally};
