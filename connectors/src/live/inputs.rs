//! What comes in, in the order in which it acts.

use std::time::Instant;

use betaflow_engine::source::SourceError;

use super::client::{Control, EdgeEvent};
use super::edge::EdgeReceiver;
use super::error::LiveError;
use super::protocol::{Bars, ServerMessage};
use crate::store::{self, InputKind};

/// One input.
#[derive(Clone, Debug)]
pub enum Input {
    /// Bars, with the text that they came as.
    Bars {
        /// What was read.
        bars: Bars,
        /// What was received.
        text: String,
        /// When, where it came just now.
        received: Option<Instant>,
    },
    /// Bars of history, which are on record elsewhere.
    History(Bars),
    /// An input on record that cannot be read, or that this version refuses.
    Unusable {
        /// Finding and expectation.
        text: String,
    },
    /// Something that is no data.
    Control(Control),
}

impl Input {
    /// An input as it is on record.
    #[must_use]
    pub fn of_record(input: store::Input) -> Self {
        let store::Input { seq, kind, timestamp, body } = input;
        match kind {
            // What the source itself has to act on, such as history to warm up with, it finds in the body.
            InputKind::Control => Self::Control(Control { kind: "on_record", timestamp, body }),
            InputKind::Bars => match ServerMessage::parse(&body, seq) {
                Ok(ServerMessage::Bars(bars)) => Self::Bars { bars, text: body, received: None },
                Ok(_) => Self::Unusable {
                    text: format!("input {seq}: found a message without bars, expected bars"),
                },
                Err(error) => Self::Unusable { text: error.to_string() },
            },
        }
    }
}

/// A sequence of inputs: a socket, a log, a test.
pub trait Inputs: Send {
    /// The next input; waits for it. `None`: no more will come.
    ///
    /// # Errors
    /// The sequence cannot go on.
    fn next_input(&mut self) -> Result<Option<Input>, SourceError>;
}

impl<I: Iterator<Item = Input> + Send> Inputs for I {
    fn next_input(&mut self) -> Result<Option<Input>, SourceError> {
        Ok(self.next())
    }
}

/// Where each input is written before it acts.
pub trait InputLog: Send {
    /// Takes input number `seq`, counted from 0 over bars and controls alike: `kind` is `bars` or `control`, `timestamp`
    /// is in nanoseconds since 1970 UTC (of bars, when they closed), `body` is JSON.
    ///
    /// # Errors
    /// It could not be written; the input then does not act.
    fn log(&mut self, seq: u64, kind: &str, timestamp: i64, body: &str) -> Result<(), SourceError>;

    /// Counts a message that was refused: it is not on record.
    fn refused(&mut self) {}

    /// Reports that the input of this number is on record and does not act, and why.
    fn skipped(&mut self, _seq: u64, _why: &str) {}
}

/// Writes nothing down.
#[derive(Clone, Copy, Debug)]
pub struct NoLog;

impl InputLog for NoLog {
    fn log(&mut self, _: u64, _: &str, _: i64, _: &str) -> Result<(), SourceError> {
        Ok(())
    }
}

/// The events of an edge as inputs: gaps and silence are controls.
pub struct EdgeInputs {
    feed: String,
    events: EdgeReceiver,
}

impl EdgeInputs {
    /// All events from here on. `feed`: what errors call it.
    #[must_use]
    pub fn new(feed: &str, events: EdgeReceiver) -> Self {
        Self { feed: feed.to_owned(), events }
    }
}

impl Inputs for EdgeInputs {
    fn next_input(&mut self) -> Result<Option<Input>, SourceError> {
        // An edge that was stopped sends nothing more.
        while let Ok(event) = self.events.recv() {
            match event {
                EdgeEvent::Bars { bars, text, received, .. } => {
                    return Ok(Some(Input::Bars { bars, text, received: Some(received) }));
                }
                EdgeEvent::End { .. } => return Ok(None),
                EdgeEvent::Failed { text, .. } => {
                    return Err(LiveError::Ended { feed: self.feed.clone(), text }.into());
                }
                event => {
                    if let Some(control) = event.control() {
                        return Ok(Some(Input::Control(control)));
                    }
                }
            }
        }
        Ok(None)
    }
}
