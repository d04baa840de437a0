//! record: the ledger and the beliefs, to every recorder.

use super::super::error::{Miswired, StageError};
use super::super::message::Message;
use super::super::stage::{Outbox, Stage};
use crate::ledger::{Recorder, RunFacts};
use crate::metrics::Tally;

/// Tallies the performance and hands everything to the recorders.
pub struct Record {
    tally: Tally,
    recorders: Vec<Box<dyn Recorder>>,
}

impl Record {
    /// Recorders are called in this order.
    #[must_use]
    pub fn new(tally: Tally, recorders: Vec<Box<dyn Recorder>>) -> Self {
        Self { tally, recorders }
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
                    if let Some(beliefs) = &frame.beliefs {
                        recorder.beliefs(beliefs.get())?;
                    }
                }
            }
            Message::Beliefs(batch) => {
                for beliefs in batch.iter().filter(|beliefs| beliefs.complete) {
                    for recorder in &mut self.recorders {
                        recorder.beliefs(beliefs)?;
                    }
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
