//! Source that adds a user's forecasts, weights or risk model to the frames of another source.

use betaflow_engine::frame::Frame;
use betaflow_engine::source::{DataFacts, Source, SourceError};

use crate::DataError;
use crate::parquet::GivenRows;
use crate::sections::Sections;

/// Source with the rows of a user's files on the frames that know them.
pub struct WithUserData {
    inner: Box<dyn Source>,
    files: Vec<(GivenRows, Sections)>,
    /// Date of the preceding frame, in days since 1970.
    last: Option<i64>,
}

impl WithUserData {
    /// Adds the rows of files, at most one per kind of section, to the frames of a source.
    #[must_use]
    pub fn new(inner: Box<dyn Source>, files: Vec<GivenRows>) -> Self {
        let sections = |rows: &GivenRows| Sections::new(rows.kind().clone(), rows.rule());
        let files = files.into_iter().map(|rows| {
            let sections = sections(&rows);
            (rows, sections)
        });
        Self { inner, files: files.collect(), last: None }
    }

    fn attach(&mut self, frame: &mut Frame) -> Result<(), DataError> {
        frame.given.clear();
        let date = frame.date();
        let same_date = self.last.replace(date) == Some(date);
        for (rows, sections) in &mut self.files {
            // A date east of UTC begins before its midnight UTC, with which its rows are stamped.
            rows.read_until(frame.timestamp.max(frame.local_time()).0, sections)?;
            sections.attach(rows.name(), same_date, frame)?;
        }
        Ok(())
    }
}

impl Source for WithUserData {
    fn next_frame(&mut self, frame: &mut Frame) -> Result<bool, SourceError> {
        if !self.inner.next_frame(frame)? {
            return Ok(false);
        }
        self.attach(frame)?;
        Ok(true)
    }

    fn factor_names(&self) -> &[String] {
        self.inner.factor_names()
    }

    fn facts(&self) -> DataFacts {
        let mut facts = self.inner.facts();
        facts.given = self.files.iter().map(|(rows, sections)| sections.facts(rows.name())).collect();
        facts
    }
}
