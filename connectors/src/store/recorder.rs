//! Recorder of a run with a state folder.

use std::collections::VecDeque;

use betaflow_engine::ledger::{LedgerFrame, RecordError, Recorder, RunFacts, hex};
use betaflow_engine::model::Estimates;
use betaflow_engine::state::{Checkpoint, Part};
use rusqlite::{Connection, OpenFlags};

use super::error::StoreError;
use super::folder::StateFolder;
use super::rows::FrameRows;
use super::writer::{Write, WriterHandle};

/// Function that returns the number of the first input not included in a checkpoint, from its source part.
pub type InputOf = fn(&Part) -> Result<u64, RecordError>;

/// Recorder that writes the outputs of each frame. A recomputed frame must equal the recorded one.
pub struct StateRecorder {
    writer: WriterHandle,
    factors: Vec<String>,
    betas_every: u64,
    /// Recorded digests of the frames to be recomputed.
    on_record: VecDeque<(u64, String)>,
    /// Recorded digest of the frame before them, compared only if that frame opens the account.
    before: Option<(u64, String)>,
    input_of: Option<InputOf>,
}

impl StateRecorder {
    /// Creates the recorder. `from`: number of the first frame, recorded or recomputed. `betas_every`:
    /// interval between frames with recorded betas.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn new(
        folder: &StateFolder,
        writer: WriterHandle,
        factors: &[String],
        betas_every: u64,
        from: u64,
    ) -> Result<Self, StoreError> {
        let database = folder.database();
        let failed = |source| StoreError::Database {
            path: database.to_owned(),
            doing: "read the recorded frames",
            source,
        };
        let connection =
            Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
        let mut statement = connection
            .prepare("SELECT seq, digest FROM equity WHERE seq >= ?1 ORDER BY seq")
            .map_err(failed)?;
        let from_before = [from.saturating_sub(1)];
        let rows = statement.query_map(from_before, |row| Ok((row.get(0)?, row.get(1)?))).map_err(failed)?;
        let mut on_record = rows.collect::<Result<VecDeque<(u64, String)>, _>>().map_err(failed)?;
        let is_before = on_record.front().is_some_and(|(seq, _)| *seq < from);
        let before = if is_before { on_record.pop_front() } else { None };
        let betas_every = betas_every.max(1);
        Ok(Self { writer, factors: factors.to_vec(), betas_every, on_record, before, input_of: None })
    }

    /// Sets the function that returns the next input after a checkpoint. Without it, checkpoints include no
    /// inputs, and no input moves into a segment.
    #[must_use]
    pub fn checkpoint_input(self, input_of: InputOf) -> Self {
        Self { input_of: Some(input_of), ..self }
    }
}

impl Recorder for StateRecorder {
    fn ledger(&mut self, frame: &LedgerFrame) -> Result<(), RecordError> {
        let known = match frame.opening {
            true => self.before.take().or_else(|| self.on_record.pop_front()),
            false => self.on_record.pop_front(),
        };
        if let Some((seq, written)) = known {
            let found = hex(&frame.digest);
            if seq != frame.seq || written != found {
                let path = self.writer.database().to_owned();
                return Err(StoreError::NotReproduced { path, seq: frame.seq, written, found }.into());
            }
            return Ok(());
        }
        let keeps = frame.seq.is_multiple_of(self.betas_every);
        let rows = FrameRows::of(frame, keeps.then_some(&self.factors[..]));
        Ok(self.writer.send(Write::Frame(Box::new(rows)))?)
    }

    fn estimates(&mut self, _: &Estimates) -> Result<(), RecordError> {
        Ok(())
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), RecordError> {
        let next_input = self.input_of.map_or(Ok(0), |input_of| input_of(&checkpoint.source))?;
        Ok(self.writer.checkpoint(checkpoint.seq, next_input, checkpoint.to_bytes()?)?)
    }

    fn finish(&mut self, _: &RunFacts) -> Result<(), RecordError> {
        Ok(self.writer.flush()?)
    }
}
