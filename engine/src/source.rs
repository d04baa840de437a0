//! What the pipeline asks of market data, and what it learns from it.

use crate::frame::{Frame, TimestampNs};

/// An error of a source, already located (file, row, column, found, expected, what to do).
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// A sequence of frames in time order.
pub trait Source: Send {
    /// Writes the next frame into `frame`, whose buffers are reused, and returns `true`; or returns
    /// `false` at the end of the data.
    ///
    /// # Errors
    /// Data that cannot be read or that breaks a rule of the format.
    fn next_frame(&mut self, frame: &mut Frame) -> Result<bool, SourceError>;

    /// Names of the factors, in the order of [`Frame::factors`].
    fn factor_names(&self) -> &[String];

    /// What has been read so far; complete once `next_frame` has returned `false`.
    fn facts(&self) -> DataFacts;
}

/// Counts of what a source has read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataFacts {
    /// Rows read from the price data: bars in tidy data, non-null cells in wide data.
    pub rows: u64,
    /// Frames handed on.
    pub frames: u64,
    /// Instruments in the engine order.
    pub instruments: u64,
    /// Timestamp of the first frame handed on.
    pub first: Option<TimestampNs>,
    /// Timestamp of the last frame handed on.
    pub last: Option<TimestampNs>,
    /// Bad rows passed over because the user asked for `on_bad_row = "skip"`.
    pub skipped: u64,
    /// Frames left out because they lie before the first or after the last factor row.
    pub left_out: u64,
    /// What a careful reader of the results should know about the data.
    pub warnings: Vec<String>,
}
