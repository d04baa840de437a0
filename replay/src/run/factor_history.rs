//! Factor returns of a run, collected beside its source.

use std::sync::{Arc, Mutex, PoisonError};

use betaflow_engine::frame::Frame;
use betaflow_engine::metrics::FactorReturns;
use betaflow_engine::portfolio::FactorMoments;
use betaflow_engine::source::{DataFacts, Source, SourceError};
use betaflow_engine::time::TimestampNs;

use crate::config::Config;
use crate::summary::{FactorOptions, FactorsSummary};

/// Factor returns by date, and the moments that sizing makes of them. Memory grows with dates, not with frames.
#[derive(Clone, Debug)]
pub(crate) struct FactorHistory {
    names: Vec<String>,
    days_per_year: f64,
    frames_per_year: f64,
    pub(crate) returns: FactorReturns,
    pub(crate) moments: FactorMoments,
}

impl FactorHistory {
    /// History of the factors `names` before the first frame.
    pub(crate) fn new(names: &[String], config: &Config) -> Self {
        let calendar = config.run().calendar;
        Self {
            names: names.to_vec(),
            days_per_year: calendar.days_per_year,
            frames_per_year: calendar.frames_per_year(),
            returns: FactorReturns::new(names.len()),
            moments: FactorMoments::new(&config.sizing, &calendar, names.len()),
        }
    }

    /// Adds a frame at a clock time of the run's time zone: a return for each factor, NaN without one.
    pub(crate) fn observe(&mut self, timestamp: TimestampNs, factors: &[f64]) {
        self.returns.push(timestamp, factors);
        // As in sizing, a frame without some factor updates no premium.
        if factors.iter().all(|f| f.is_finite()) {
            self.moments.observe(factors);
        }
    }

    /// Figures of all frames so far; `None` without factors or frames.
    pub(crate) fn summary(&self, resamples: usize, seed: u64) -> Option<FactorsSummary> {
        let options = FactorOptions {
            days_per_year: self.days_per_year,
            frames_per_year: self.frames_per_year,
            resamples,
            seed,
        };
        let known = !self.names.is_empty() && self.returns.dates() > 0;
        known.then(|| FactorsSummary::new(&self.names, &self.returns, &self.moments, &options))
    }
}

/// Source whose factor returns are collected.
pub(crate) struct FactorSource<S> {
    inner: S,
    history: Arc<Mutex<FactorHistory>>,
}

impl<S: Source> FactorSource<S> {
    /// Wraps a source; returns its history.
    pub(crate) fn new(inner: S, config: &Config) -> (Self, Arc<Mutex<FactorHistory>>) {
        let history = Arc::new(Mutex::new(FactorHistory::new(inner.factor_names(), config)));
        (Self { inner, history: Arc::clone(&history) }, history)
    }
}

impl<S: Source> Source for FactorSource<S> {
    fn next_frame(&mut self, frame: &mut Frame) -> Result<bool, SourceError> {
        let more = self.inner.next_frame(frame)?;
        if more {
            let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
            history.observe(frame.local_time(), &frame.factors);
        }
        Ok(more)
    }

    fn factor_names(&self) -> &[String] {
        self.inner.factor_names()
    }

    fn facts(&self) -> DataFacts {
        self.inner.facts()
    }
}
