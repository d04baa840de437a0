//! Interface of recorders, which write the ledger to files, to a database or into a summary.

use super::facts::RunFacts;
use super::frame::LedgerFrame;
use crate::model::Estimates;
use crate::state::Checkpoint;
use crate::time::TimestampNs;

/// An error of a recorder with its location.
pub type RecordError = Box<dyn std::error::Error + Send + Sync>;

/// Records frames in order. An output must not look complete before `finish`.
pub trait Recorder: Send {
    /// Records one frame of the ledger.
    ///
    /// # Errors
    /// Fails if the output cannot be written.
    fn ledger(&mut self, frame: &LedgerFrame) -> Result<(), RecordError>;

    /// Records one frame's estimates, if they are complete.
    ///
    /// # Errors
    /// Fails if the output cannot be written.
    fn estimates(&mut self, estimates: &Estimates) -> Result<(), RecordError>;

    /// Records the state of all stages after a frame for which the source requested it. Called after the
    /// frame's ledger and estimates.
    ///
    /// # Errors
    /// Fails if the output cannot be written.
    fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), RecordError> {
        let _ = checkpoint;
        Ok(())
    }

    /// Ends a frame, after its ledger, estimates and checkpoint. Called for every frame, including those
    /// before the first rebalance and after ruin, which have no ledger. The opening of an account is recorded
    /// after the end of its frame.
    ///
    /// # Errors
    /// Fails if the output cannot be written.
    fn complete(&mut self, seq: u64, timestamp: TimestampNs) -> Result<(), RecordError> {
        let _ = (seq, timestamp);
        Ok(())
    }

    /// Ends the run.
    ///
    /// # Errors
    /// Fails if the output cannot be completed.
    fn finish(&mut self, facts: &RunFacts) -> Result<(), RecordError>;
}
