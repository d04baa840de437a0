//! What takes the ledger somewhere: to files, to a database, into a summary.

use serde::{Deserialize, Serialize};

use super::facts::RunFacts;
use super::frame::LedgerFrame;
use crate::model::Estimates;
use crate::state::Checkpoint;
use crate::time::TimestampNs;

/// An error of a recorder, already located.
pub type RecordError = Box<dyn std::error::Error + Send + Sync>;

/// Takes frames in order. Outputs must not look whole before `finish`.
pub trait Recorder: Send {
    /// One frame of the ledger.
    ///
    /// # Errors
    /// The output cannot be written.
    fn ledger(&mut self, frame: &LedgerFrame) -> Result<(), RecordError>;

    /// One frame's estimates, complete ones only.
    ///
    /// # Errors
    /// The output cannot be written.
    fn estimates(&mut self, estimates: &Estimates) -> Result<(), RecordError>;

    /// The state of all stages after a frame, where the source asked for it: after the frame's ledger and estimates.
    ///
    /// # Errors
    /// The output cannot be written.
    fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), RecordError> {
        let _ = checkpoint;
        Ok(())
    }

    /// A frame is complete: all that there is of it has been said. This comes for every frame, those before the first
    /// decision and after ruin included, which have no ledger. An opening of the account is recorded after its frame was
    /// complete.
    ///
    /// # Errors
    /// The output cannot be written.
    fn complete(&mut self, seq: u64, timestamp: TimestampNs) -> Result<(), RecordError> {
        let _ = (seq, timestamp);
        Ok(())
    }

    /// The end of the run, with all that is known of it.
    ///
    /// # Errors
    /// The output cannot be completed.
    fn finish(&mut self, facts: &RunFacts) -> Result<(), RecordError>;
}

/// Which frames of a table are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Frames {
    /// Every frame.
    All,
    /// Frames that decide.
    Rebalances,
    /// The last frame.
    Last,
    /// None.
    None,
}

/// What is recorded besides equity and fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSettings {
    /// Frames of `betas.parquet`.
    pub betas: Frames,
    /// Frames of `weights.parquet`.
    pub weights: Frames,
}
