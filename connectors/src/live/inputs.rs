//! Inputs of a run, in processing order.

use std::time::Instant;

use betaflow_engine::source::SourceError;

use super::client::{Control, EdgeEvent};
use super::edge::EdgeReceiver;
use super::error::LiveError;
use super::protocol::{Bars, ServerMessage};
use super::user_file::UserFile;
use crate::store::{self, InputKind};

/// Input of a run.
#[derive(Clone, Debug)]
pub enum Input {
    /// Bars, with their text.
    Bars {
        /// Parsed message.
        bars: Bars,
        /// Received text.
        text: String,
        /// Time of receipt; `None` for recorded bars.
        received: Option<Instant>,
    },
    /// Bars of history, which are recorded elsewhere.
    History(Bars),
    /// Recorded input that is unreadable or that this version refuses.
    Unusable {
        /// Finding and expectation.
        text: String,
    },
    /// File of the user, or a part of it; recorded as a control.
    File(UserFile),
    /// Input without market data.
    Control(Control),
}

impl Input {
    /// Converts a recorded input.
    #[must_use]
    pub fn of_record(input: store::Input) -> Self {
        let store::Input { seq, kind, timestamp, body } = input;
        match kind {
            // `FeedSource` reads the kind of a control from its body, such as `history`.
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

/// Sequence of inputs: a socket, a log, a test.
pub trait Inputs: Send {
    /// Waits for the next input and returns it; `None` after the last.
    ///
    /// # Errors
    /// The sequence cannot continue.
    fn next_input(&mut self) -> Result<Option<Input>, SourceError>;
}

impl<I: Iterator<Item = Input> + Send> Inputs for I {
    fn next_input(&mut self) -> Result<Option<Input>, SourceError> {
        Ok(self.next())
    }
}

/// Log to which each input is written before it acts.
pub trait InputLog: Send {
    /// Records input number `seq`, counted from 0 over bars and controls alike. `kind` is `bars` or
    /// `control`, `timestamp` is in ns since 1970 UTC (for bars, their close), `body` is JSON.
    ///
    /// # Errors
    /// The input could not be written; it then does not act.
    fn log(&mut self, seq: u64, kind: &str, timestamp: i64, body: &str) -> Result<(), SourceError>;

    /// Counts a refused message, which is not recorded.
    fn refused(&mut self) {}

    /// Reports that the recorded input of this number is skipped, and why.
    fn skipped(&mut self, _seq: u64, _why: &str) {}
}

/// Log that records nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoLog;

impl InputLog for NoLog {
    fn log(&mut self, _: u64, _: &str, _: i64, _: &str) -> Result<(), SourceError> {
        Ok(())
    }
}

/// Inputs from the events of an edge; gaps and silence are controls.
pub struct EdgeInputs {
    feed: String,
    events: EdgeReceiver,
}

impl EdgeInputs {
    /// Wraps the receiver of an edge. `feed`: name used in error messages.
    #[must_use]
    pub fn new(feed: &str, events: EdgeReceiver) -> Self {
        Self { feed: feed.to_owned(), events }
    }
}

impl Inputs for EdgeInputs {
    fn next_input(&mut self) -> Result<Option<Input>, SourceError> {
        // A stopped edge closes the channel.
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
