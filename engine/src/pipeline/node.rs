//! A stage with its channel ends: moves one message at a time, and never blocks by itself.

use crossbeam_channel::{Receiver, Select, Sender, TryRecvError, TrySendError};

use super::error::StageError;
use super::message::Message;
use super::stage::{Outbox, Stage};
use super::timing::{Handled, StageTiming, Timer};
use crate::ledger::RunFacts;

/// Receiving end of a channel.
pub(super) struct Inlet {
    pub(super) from: Receiver<Message>,
    /// True if the channel carries an end of stream; a feedback channel does not.
    pub(super) ends: bool,
    pub(super) ended: bool,
}

/// Sending end of a channel.
pub(super) struct Outlet {
    pub(super) to: Sender<Message>,
    pub(super) ends: bool,
}

/// Result of a step of a node.
pub(super) enum Step {
    Worked,
    /// The channel of the next inlet is empty, or that of the next message to send is full.
    Waits,
    Done,
    /// A neighbour stopped without an end of stream: it failed, and reports the error.
    Abandoned,
}

pub(super) struct Node {
    stage: Box<dyn Stage>,
    inlets: Vec<Inlet>,
    outlets: Vec<Outlet>,
    outbox: Outbox,
    /// A message received while the node was blocked.
    pending: Option<Message>,
    facts: Option<Box<RunFacts>>,
    done: bool,
    pub(super) timing: StageTiming,
}

impl Node {
    pub(super) fn new(stage: Box<dyn Stage>, inlets: Vec<Inlet>, outlets: Vec<Outlet>) -> Self {
        let timing = StageTiming::new(stage.name());
        let (outbox, pending, facts) = (Outbox::default(), None, None);
        Self { stage, inlets, outlets, outbox, pending, facts, done: false, timing }
    }

    pub(super) fn name(&self) -> &'static str {
        self.stage.name()
    }

    pub(super) fn into_facts(self) -> Option<Box<RunFacts>> {
        self.facts
    }

    /// Sends a pending message; otherwise receives and handles one.
    pub(super) fn step(&mut self, timer: &Timer) -> Result<Step, StageError> {
        let mut sent = false;
        while let Some((outlet, message)) = self.outbox.queue.pop_front() {
            match self.outlets[outlet].to.try_send(message) {
                Ok(()) => sent = true,
                Err(TrySendError::Full(message)) => {
                    self.outbox.queue.push_front((outlet, message));
                    return Ok(if sent { Step::Worked } else { Step::Waits });
                }
                Err(TrySendError::Disconnected(_)) => return Ok(Step::Abandoned),
            }
        }
        if sent {
            // The receiver may now be ready: run it before this node.
            return Ok(Step::Worked);
        }
        if self.done {
            return Ok(Step::Done);
        }
        let mut waiting = 0;
        let message = if self.inlets.is_empty() {
            Message::Poll
        } else {
            let inlet = self.wanted();
            let from = &self.inlets[inlet].from;
            waiting = from.len() + usize::from(self.pending.is_some());
            self.timing.saw_depth(from.len());
            match self.pending.take().map_or_else(|| from.try_recv(), Ok) {
                Ok(Message::End(facts)) => {
                    self.inlets[inlet].ended = true;
                    self.facts = Some(facts);
                    if self.inlets.iter().all(|inlet| inlet.ended || !inlet.ends) {
                        self.finish()?;
                    }
                    return Ok(Step::Worked);
                }
                Ok(message) => message,
                Err(TryRecvError::Empty) => return Ok(Step::Waits),
                Err(TryRecvError::Disconnected) => return Ok(Step::Abandoned),
            }
        };
        let (begun_ns, kind) = (timer.now(), message.kind());
        self.stage.handle(message, &mut self.outbox)?;
        let ended_ns = timer.now();
        self.timing.handled(ended_ns.saturating_sub(begun_ns));
        timer.notify(Handled { stage: self.stage.name(), message: kind, waiting, begun_ns, ended_ns });
        if self.outbox.finished {
            self.finish()?;
        }
        Ok(Step::Worked)
    }

    fn wanted(&self) -> usize {
        let wanted = self.stage.wants();
        if self.inlets[wanted].ended {
            self.inlets.iter().position(|inlet| inlet.ends && !inlet.ended).unwrap_or(wanted)
        } else {
            wanted
        }
    }

    fn finish(&mut self) -> Result<(), StageError> {
        let mut facts = self.facts.take().unwrap_or_default();
        self.stage.end(&mut facts, &mut self.outbox)?;
        for (number, outlet) in self.outlets.iter().enumerate() {
            if outlet.ends {
                self.outbox.send(number, Message::End(facts.clone()));
            }
        }
        self.facts = Some(facts);
        self.done = true;
        Ok(())
    }

    /// Blocks on the channel that the node waits for. Returns false if the neighbour has stopped.
    pub(super) fn block(&mut self) -> bool {
        match self.outbox.queue.pop_front() {
            Some((outlet, message)) => self.outlets[outlet].to.send(message).is_ok(),
            None => {
                self.pending = self.inlets[self.wanted()].from.recv().ok();
                self.pending.is_some()
            }
        }
    }

    /// Adds the channel that the node waits for to `select`.
    pub(super) fn register<'a>(&'a self, select: &mut Select<'a>) {
        if let Some((outlet, _)) = self.outbox.queue.front() {
            select.send(&self.outlets[*outlet].to);
        } else if !self.done {
            select.recv(&self.inlets[self.wanted()].from);
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.done && self.outbox.queue.is_empty()
    }
}
