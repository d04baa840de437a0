//! Interface of a feed of bars.

use super::protocol::{Bars, Hello};
use crate::DataError;

/// Feed of ordered messages that can be read from the beginning any number of times.
pub trait Feed: Send + Sync {
    /// Description of the feed.
    fn hello(&self) -> &Hello;

    /// Opens the feed at its first message.
    ///
    /// # Errors
    /// The data is missing or invalid.
    fn open(&self) -> Result<Box<dyn FeedReader>, DataError>;
}

/// Position in an open feed.
pub trait FeedReader: Send {
    /// Returns the next message; `None` at the end.
    ///
    /// # Errors
    /// The data is invalid.
    fn read(&mut self) -> Result<Option<Bars>, DataError>;

    /// Skips the next message; returns false at the end.
    ///
    /// # Errors
    /// Errors of [`FeedReader::read`].
    fn skip(&mut self) -> Result<bool, DataError> {
        Ok(self.read()?.is_some())
    }
}
