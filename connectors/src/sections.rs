//! Rows of a user's files of one content, and the sections that frames get from them.

use std::sync::Arc;

use betaflow_engine::frame::{CrossSection, Frame};
use betaflow_engine::portfolio::is_covariance;
use betaflow_engine::signal::{Clash, Queue};
use betaflow_engine::source::GivenFacts;
use betaflow_engine::time::Date;
use serde::{Deserialize, Serialize};

use crate::parquet::{DateRule, Dates, GivenError, GivenKind, RowSink, RowTimes};

/// Rows of one content, held until a frame knows them.
#[derive(Clone, Debug)]
pub struct Sections {
    kind: GivenKind,
    rule: DateRule,
    state: SectionsState,
}

/// State between frames.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct SectionsState {
    dates: Dates,
    known_dates: Dates,
    /// True once a row is a date.
    has_dates: bool,
    queue: Queue,
}

impl Sections {
    /// Sections without rows.
    #[must_use]
    pub fn new(kind: GivenKind, rule: DateRule) -> Self {
        let mut queue = Queue::new(kind.columns());
        if let GivenKind::FactorCov(factors) = &kind {
            queue.list(&factors.iter().map(|name| Arc::from(name.as_str())).collect::<Vec<_>>());
        }
        Self { kind, rule, state: SectionsState { queue, ..SectionsState::default() } }
    }

    /// Content of the rows.
    pub(crate) fn kind(&self) -> &GivenKind {
        &self.kind
    }

    /// Rows so far.
    pub(crate) fn queue(&self) -> &Queue {
        &self.state.queue
    }

    /// State for a checkpoint.
    pub(crate) fn state(&self) -> &SectionsState {
        &self.state
    }

    /// Resumes from a checkpoint.
    pub(crate) fn resume(&mut self, state: SectionsState) {
        self.state = state;
    }

    /// Time from which a row is known, in ns.
    fn known(&mut self, times: &RowTimes) -> i64 {
        let RowTimes { time, known_at } = *times;
        let is_date = self.state.dates.is_date(time.at, time.is_of_date_type);
        self.state.has_dates |= is_date;
        let known = if is_date { self.rule.known(time.at) } else { time.at };
        let Some(stated) = known_at else { return known };
        let is_date = self.state.known_dates.is_date(stated.at, stated.is_of_date_type);
        known.max(if is_date { self.rule.known(stated.at) } else { stated.at })
    }

    /// Adds a row like [`RowSink::push`]; it replaces an earlier row of the same instrument and times. Returns the
    /// time from which it is known.
    pub(crate) fn revise(&mut self, id: u32, times: &RowTimes, values: &[f64]) -> i64 {
        let known = self.known(times);
        self.state.queue.revise(id, times.time.at, known, values);
        known
    }

    /// Writes the section that becomes known on a frame. `file` names the rows in errors; `same_date`: true if the
    /// preceding frame has the same date.
    ///
    /// # Errors
    /// Dates meet a second frame of their date, or a factor covariance is invalid.
    pub(crate) fn attach(
        &mut self,
        file: &str,
        same_date: bool,
        frame: &mut Frame,
    ) -> Result<(), GivenError> {
        if same_date && self.state.has_dates && self.rule.frames_per_day <= 1 {
            let (file, date) = (file.to_owned(), Date::of(frame.local_time()).to_string());
            return Err(GivenError::DatesWithinDay { file, date });
        }
        let (joined, section) = match self.kind {
            GivenKind::FactorCov(_) => (false, &mut frame.given.factor_cov),
            GivenKind::Betas(_) => (!frame.listed.is_empty(), &mut frame.given.betas),
            GivenKind::Forecasts | GivenKind::Weights => (!frame.listed.is_empty(), &mut frame.given.signal),
        };
        let queue = &mut self.state.queue;
        if !matches!(self.kind, GivenKind::FactorCov(_)) {
            queue.list(&frame.listed);
            queue.rename(&frame.renamed);
        }
        queue.release(frame.timestamp, joined, section);
        if let (GivenKind::FactorCov(factors), Some(time)) = (&self.kind, section.of) {
            check_covariance(section, factors).map_err(|(found, expected)| {
                let file = file.to_owned();
                GivenError::FactorCov { file, time, found, expected }
            })?;
        }
        Ok(())
    }

    /// Counts of the rows of `file`.
    pub(crate) fn facts(&self, file: &str) -> GivenFacts {
        let (file, content) = (file.to_owned(), self.kind.name().to_owned());
        GivenFacts { file, content, rows: self.state.queue.facts() }
    }
}

impl RowSink for Sections {
    fn id(&mut self, symbol: &str) -> u32 {
        self.state.queue.id(symbol)
    }

    fn push(&mut self, id: u32, times: &RowTimes, values: &[f64]) -> Result<(), Clash> {
        let known = self.known(times);
        self.state.queue.push(id, times.time.at, known, values)
    }
}

/// Checks a factor covariance; returns what was found and expected.
pub(crate) fn check_covariance(
    section: &CrossSection,
    factors: &[String],
) -> Result<(), (String, &'static str)> {
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
