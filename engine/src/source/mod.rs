//! Sources of market data, and the facts that they report.

mod month_ends;

use serde::{Deserialize, Serialize};

use crate::frame::Frame;
use crate::time::{Date, TimestampNs};
use crate::warning::{Warning, WorldNote};

pub use month_ends::MonthEnds;

/// An error of a source with its location (file, row, column), found, expected and remedy.
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// A sequence of frames in time order.
pub trait Source: Send {
    /// Writes the next frame into `frame`, whose buffers are reused, and returns true. Returns false at the
    /// end of the data.
    ///
    /// # Errors
    /// Fails if the data cannot be read or breaks a rule of the format.
    fn next_frame(&mut self, frame: &mut Frame) -> Result<bool, SourceError>;

    /// Names of the factors, in the order of [`Frame::factors`].
    fn factor_names(&self) -> &[String];

    /// Facts about the data read so far; complete once `next_frame` has returned false.
    fn facts(&self) -> DataFacts;
}

impl<S: Source + ?Sized> Source for Box<S> {
    fn next_frame(&mut self, frame: &mut Frame) -> Result<bool, SourceError> {
        (**self).next_frame(frame)
    }

    fn factor_names(&self) -> &[String] {
        (**self).factor_names()
    }

    fn facts(&self) -> DataFacts {
        (**self).facts()
    }
}

/// Source of frames in memory, for tests and for data from other sources.
#[derive(Clone, Debug, Default)]
pub struct MemorySource {
    factor_names: Vec<String>,
    frames: std::vec::IntoIter<Frame>,
    facts: DataFacts,
}

impl MemorySource {
    /// Returns a source of frames in time order, each with a value for every factor. The source numbers them
    /// from 0.
    #[must_use]
    pub fn new(factor_names: Vec<String>, frames: Vec<Frame>) -> Self {
        Self { factor_names, frames: frames.into_iter(), facts: DataFacts::default() }
    }
}

impl Source for MemorySource {
    fn next_frame(&mut self, frame: &mut Frame) -> Result<bool, SourceError> {
        let Some(next) = self.frames.next() else { return Ok(false) };
        frame.clone_from(&next);
        self.facts.rows += frame.close.iter().filter(|close| !close.is_nan()).count() as u64;
        self.facts.frames += 1;
        self.facts.instruments = frame.close.len() as u64;
        self.facts.first.get_or_insert(frame.timestamp);
        self.facts.last = Some(frame.timestamp);
        Ok(true)
    }

    fn factor_names(&self) -> &[String] {
        &self.factor_names
    }

    fn facts(&self) -> DataFacts {
        self.facts.clone()
    }
}

/// Number of names or times that facts keep as examples.
pub(crate) const EXAMPLES: usize = 5;

/// A count of times, with the first of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NamedTimes {
    /// Number of times.
    pub count: u64,
    /// The first ones.
    pub first: Vec<TimestampNs>,
}

impl NamedTimes {
    pub(crate) fn add(&mut self, time: i64) {
        self.count += 1;
        if self.first.len() < EXAMPLES {
            self.first.push(TimestampNs(time));
        }
    }
}

/// Counts of the rows of a file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QueueFacts {
    /// Rows read with a value.
    pub rows: u64,
    /// Sections that came into force.
    pub sections: u64,
    /// Times before the first frame that a later one replaced.
    pub before_first: u64,
    /// Times that a later one replaced before a frame could use them.
    pub replaced: NamedTimes,
    /// Times with rows that became known only after a later section was in force.
    pub late: NamedTimes,
    /// Number of instruments of the file that the data never has.
    pub unmatched: u64,
    /// The first of them by name.
    pub unmatched_first: Vec<String>,
    /// Number of instruments of the file.
    pub instruments: u64,
}

/// Counts of a user's file of forecasts, weights or a risk model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GivenFacts {
    /// Name of the file.
    pub file: String,
    /// Content: forecasts, weights, betas or factor covariances.
    pub content: String,
    /// Counts of its rows.
    pub rows: QueueFacts,
}

/// Frames inside and outside the sessions of the exchange.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SessionFacts {
    /// Sessions with a frame.
    pub sessions: u64,
    /// Sessions between the first and the last frame without any frame.
    pub without_frames: u64,
    /// Frames in a session.
    pub inside: u64,
    /// Frames before the opening or after the close of their date's session. They mark positions and update estimates.
    pub outside: u64,
    /// Frames of dates without a session.
    pub without_session: NamedTimes,
    /// Days and frames of a year, by which returns are annualised.
    pub per_year: (f64, f64),
}

/// Facts about the data that a source has read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DataFacts {
    /// Rows read from the price data: bars in tidy data, non-null cells in wide data.
    pub rows: u64,
    /// Frames emitted.
    pub frames: u64,
    /// Instruments in the engine order.
    pub instruments: u64,
    /// Timestamp of the first frame emitted.
    pub first: Option<TimestampNs>,
    /// Timestamp of the last frame emitted.
    pub last: Option<TimestampNs>,
    /// Bad rows skipped under `on_bad_row = "skip"`.
    pub skipped: u64,
    /// Frames left out because they lie before the first or after the last factor row.
    pub left_out: u64,
    /// Warnings about the data.
    pub warnings: Vec<Warning>,
    /// Changes of the data by a stressed world.
    pub world: Vec<WorldNote>,
    /// Frames by sessions, with a file of sessions.
    pub sessions: Option<SessionFacts>,
    /// Counts of the user's files of forecasts, weights or a risk model.
    pub given: Vec<GivenFacts>,
    /// Symbol changes that acted, both of whose symbols the data has. They follow from the rules and are in no saved state.
    #[serde(skip)]
    pub symbol_changes: Vec<SymbolChange>,
}

/// Symbol change that acted.
#[derive(Clone, Debug, PartialEq)]
pub struct SymbolChange {
    /// Symbol before the date.
    pub from: String,
    /// Symbol from the date on.
    pub to: String,
    /// First date of the new symbol.
    pub date: Date,
}
