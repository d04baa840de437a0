//! Interface of a stage: one method that writes to an output buffer, and an end hook.

use std::collections::VecDeque;

use super::error::StageError;
use super::message::Message;
use crate::ledger::RunFacts;

/// A part of the pipeline that owns its state and has no access to channels or threads.
pub trait Stage: Send {
    /// Name in errors and timings.
    fn name(&self) -> &'static str;

    /// Inlet of the next message; stages with one inlet keep the default.
    ///
    /// The inlet does not depend on which message arrives first, so the order of events is the same under
    /// every placement.
    fn wants(&self) -> usize {
        0
    }

    /// Handles one message, and writes its output to `out`.
    ///
    /// # Errors
    /// Returns an error that ends the run.
    fn handle(&mut self, message: Message, out: &mut Outbox) -> Result<(), StageError>;

    /// Adds to the facts of the run once all inlets have ended. `Message::End` follows the messages in `out`.
    ///
    /// # Errors
    /// Returns an error that makes the run incomplete.
    fn end(&mut self, facts: &mut RunFacts, out: &mut Outbox) -> Result<(), StageError> {
        let _ = (facts, out);
        Ok(())
    }
}

/// Messages that a stage sends, each to one of its outlets.
#[derive(Debug, Default)]
pub struct Outbox {
    pub(super) queue: VecDeque<(usize, Message)>,
    pub(super) finished: bool,
}

impl Outbox {
    /// Sends a message to an outlet, numbered in the order in which the graph connected them.
    pub fn send(&mut self, outlet: usize, message: Message) {
        self.queue.push_back((outlet, message));
    }

    /// Ends the stream of a stage without inlets.
    pub fn finish(&mut self) {
        self.finished = true;
    }
}
