//! Frames that end a calendar month.

use super::{DataFacts, Source, SourceError};
use crate::frame::Frame;
use crate::time::{Iso, TimestampNs};

/// Source that marks the last frame of each calendar month, by local dates, and the last frame of all
/// ([`Frame::ends_month`]).
///
/// A frame is known to be the last of its month from the frame after it, so the source holds one frame back. For files
/// only: a live frame never waits for the next one.
pub struct MonthEnds {
    inner: Box<dyn Source>,
    /// Frame after the last emitted one, if `holds`.
    next: Frame,
    /// `None` before the first frame, then true until the end of the data.
    holds: Option<bool>,
}

impl MonthEnds {
    /// Wraps a source.
    #[must_use]
    pub fn new(inner: Box<dyn Source>) -> Self {
        Self { inner, next: Frame::default(), holds: None }
    }
}

impl Source for MonthEnds {
    fn next_frame(&mut self, frame: &mut Frame) -> Result<bool, SourceError> {
        let holds = match self.holds {
            Some(holds) => holds,
            None => self.inner.next_frame(&mut self.next)?,
        };
        self.holds = Some(holds);
        if !holds {
            frame.clear();
            return Ok(false);
        }
        std::mem::swap(frame, &mut self.next);
        let more = self.inner.next_frame(&mut self.next)?;
        self.holds = Some(more);
        frame.ends_month = !more || !is_same_month(frame.local_time(), self.next.local_time());
        Ok(true)
    }

    fn factor_names(&self) -> &[String] {
        self.inner.factor_names()
    }

    fn facts(&self) -> DataFacts {
        self.inner.facts()
    }
}

/// Returns true if two timestamps are in the same month of the same year, as clock times of the run's time zone.
fn is_same_month(a: TimestampNs, b: TimestampNs) -> bool {
    let month = |time| {
        let (year, month, _) = Iso(time).civil();
        (year, month)
    };
    a.date() == b.date() || month(a) == month(b)
}
