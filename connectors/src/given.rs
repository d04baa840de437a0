//! Source that adds a user's forecasts, weights or risk model to the frames of another source.

use std::sync::Arc;

use betaflow_engine::frame::{CrossSection, Frame};
use betaflow_engine::portfolio::is_covariance;
use betaflow_engine::signal::Queue;
use betaflow_engine::source::{DataFacts, GivenFacts, Source, SourceError};
use betaflow_engine::time::Date;

use crate::DataError;
use crate::parquet::{GivenError, GivenKind, GivenRows};

/// Source with the rows of a user's files on the frames that know them.
pub struct WithGiven {
    inner: Box<dyn Source>,
    files: Vec<Attached>,
    last: Option<Date>,
}

struct Attached {
    rows: GivenRows,
    queue: Queue,
}

impl WithGiven {
    /// Adds the rows of files, at most one per kind of section, to the frames of a source.
    #[must_use]
    pub fn new(inner: Box<dyn Source>, files: Vec<GivenRows>) -> Self {
        let attached = |rows: GivenRows| {
            let mut queue = Queue::new(rows.kind().columns());
            if let GivenKind::FactorCov(factors) = rows.kind() {
                queue.list(&factors.iter().map(|name| Arc::from(name.as_str())).collect::<Vec<_>>());
            }
            Attached { rows, queue }
        };
        Self { inner, files: files.into_iter().map(attached).collect(), last: None }
    }

    fn attach(&mut self, frame: &mut Frame) -> Result<(), DataError> {
        frame.given.clear();
        let date = Date::of(frame.timestamp);
        let same_date = self.last.replace(date) == Some(date);
        for Attached { rows, queue } in &mut self.files {
            rows.read_until(frame.timestamp.0, queue)?;
            if same_date && rows.has_dates_of_one_frame() {
                let (file, date) = (rows.name().to_owned(), date.to_string());
                return Err(GivenError::DatesWithinDay { file, date }.into());
            }
            let (joined, section) = match rows.kind() {
                GivenKind::FactorCov(_) => (false, &mut frame.given.factor_cov),
                GivenKind::Betas(_) => (!frame.listed.is_empty(), &mut frame.given.betas),
                GivenKind::Forecasts | GivenKind::Weights => {
                    (!frame.listed.is_empty(), &mut frame.given.signal)
                }
            };
            if !matches!(rows.kind(), GivenKind::FactorCov(_)) {
                queue.list(&frame.listed);
            }
            queue.release(frame.timestamp, joined, section);
            if let (GivenKind::FactorCov(factors), Some(time)) = (rows.kind(), section.of) {
                check_covariance(section, factors).map_err(|(found, expected)| {
                    let file = rows.name().to_owned();
                    DataError::from(GivenError::FactorCov { file, time, found, expected })
                })?;
            }
        }
        Ok(())
    }
}

/// Checks a factor covariance; returns what was found and expected.
fn check_covariance(section: &CrossSection, factors: &[String]) -> Result<(), (String, &'static str)> {
    let k = factors.len();
    let value = |row: usize, column: usize| section.column(column)[row];
    for row in 0..k {
        for column in 0..k {
            let names = (&factors[row], &factors[column]);
            let (one, other) = (value(row, column), value(column, row));
            if one.is_nan() {
                let found = format!("no number for {} and {}", names.0, names.1);
                return Err((found, "a row and a column for each factor"));
            }
            let size = (value(row, row) * value(column, column)).abs().sqrt();
            if !other.is_nan() && (one - other).abs() > 1e-9 * size.max(one.abs()) {
                let found = format!("{one} for {} and {}, and {other} the other way round", names.0, names.1);
                return Err((found, "a symmetric matrix"));
            }
        }
    }
    match is_covariance(&section.values, k) {
        true => Ok(()),
        false => Err((
            "a negative variance of a combination of factors".to_owned(),
            "a positive semidefinite matrix",
        )),
    }
}

impl Source for WithGiven {
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
        facts.given = self.files.iter().map(Attached::facts).collect();
        facts
    }
}

impl Attached {
    fn facts(&self) -> GivenFacts {
        GivenFacts {
            file: self.rows.name().to_owned(),
            content: self.rows.kind().name().to_owned(),
            rows: self.queue.facts(),
        }
    }
}
