//! The record stage: the ledger and the estimates, to every recorder.

use std::sync::Arc;

use super::super::error::{Miswired, StageError};
use super::super::message::{FrameWithoutLedger, Message};
use super::super::stage::{Outbox, Stage};
use crate::ledger::{Recorder, RunFacts, Tally};
use crate::state::Checkpoint;
use crate::time::TimestampNs;

/// Stage that tallies the performance and passes frames to the recorders.
pub struct Record {
    tally: Tally,
    recorders: Vec<Box<dyn Recorder>>,
}

impl Record {
    /// Returns the stage. Recorders are called in the given order.
    #[must_use]
    pub fn new(tally: Tally, recorders: Vec<Box<dyn Recorder>>) -> Self {
        Self { tally, recorders }
    }

    fn complete(
        &mut self,
        seq: u64,
        timestamp: TimestampNs,
        checkpoint: Option<&Arc<Checkpoint>>,
    ) -> Result<(), StageError> {
        let checkpoint = Checkpoint::extend(checkpoint, |checkpoint| {
            checkpoint.record = self.tally.save()?.into();
            Ok(())
        })?;
        for recorder in &mut self.recorders {
            if let Some(checkpoint) = &checkpoint {
                recorder.checkpoint(checkpoint)?;
            }
            recorder.complete(seq, timestamp)?;
        }
        Ok(())
    }
}

impl Stage for Record {
    fn name(&self) -> &'static str {
        "record"
    }

    fn handle(&mut self, message: Message, _: &mut Outbox) -> Result<(), StageError> {
        match message {
            Message::Ledger(frame) => {
                self.tally.add(&frame);
                for recorder in &mut self.recorders {
                    recorder.ledger(&frame)?;
                    if let Some(estimates) = &frame.estimates {
                        recorder.estimates(estimates.get())?;
                    }
                }
                if !frame.opening {
                    self.complete(frame.seq, frame.timestamp, frame.checkpoint.as_ref())?;
                }
            }
            Message::WithoutLedger(FrameWithoutLedger { seq, timestamp, checkpoint }) => {
                self.complete(seq, timestamp, checkpoint.as_ref())?;
            }
            Message::Estimates(batch) => {
                for estimates in batch.iter() {
                    for recorder in self.recorders.iter_mut().filter(|_| estimates.complete) {
                        recorder.estimates(estimates)?;
                    }
                    self.complete(estimates.seq, estimates.timestamp, estimates.checkpoint.as_ref())?;
                }
            }
            _ => return Err(Miswired { stage: self.name() }.into()),
        }
        Ok(())
    }

    fn end(&mut self, facts: &mut RunFacts, _: &mut Outbox) -> Result<(), StageError> {
        facts.performance = self.tally.performance();
        for recorder in &mut self.recorders {
            recorder.finish(facts)?;
        }
        Ok(())
    }
}
