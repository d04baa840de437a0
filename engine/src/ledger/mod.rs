//! The ledger: one entry a frame, its digest, its sums, and recorders for it.

mod attribution;
pub mod difference;
mod digest;
mod facts;
mod frame;
mod recorder;
mod tally;

pub use attribution::{Attributed, Attribution, Contributions};
pub use digest::{DigestChain, hex};
pub use facts::{Budget, RunFacts, SizingFacts};
pub use frame::{EstimatesOfFrame, LedgerFrame};
pub use recorder::{Frames, RecordError, RecordSettings, Recorder};
pub use tally::{Entry, Tally};
