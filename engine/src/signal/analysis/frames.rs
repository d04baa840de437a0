//! Analysis of the signal in the frames of a source.

use super::figures::SignalFigures;
use super::row::SignalRow;
use super::settings::AnalysisSettings;
use super::streaming::{Observation, SignalAnalysis};
use super::total_return::TotalReturnPrices;
use crate::frame::Frame;
use crate::model::{Estimates, Estimator, Returns, residual_returns};
use crate::time::TimestampNs;

/// Analysis of [`UserData::signal`](crate::frame::UserData::signal), with betas and residual returns of an estimator.
///
/// A cross-section counts on the first frame on which a row of its time is known. Values of the same time that
/// become known later are in no figure.
pub struct FrameAnalysis {
    analysis: SignalAnalysis,
    prices: TotalReturnPrices,
    returns: Returns,
    estimator: Option<Box<dyn Estimator>>,
    estimates: Estimates,
    residuals: Vec<f64>,
    started: bool,
    of: Option<TimestampNs>,
    /// Number of values of the cross-section in force on its first frame.
    known: usize,
    facts: SectionFacts,
}

/// Counts of cross-sections that are in no figure, or not as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SectionFacts {
    /// Cross-sections with values that became known on a later frame: rows that came later, or instruments
    /// that were listed later.
    pub extended: u64,
    /// Cross-sections from a date before the first frame, which are in no figure.
    pub before_first: u64,
}

impl FrameAnalysis {
    /// Analysis before the first frame. `estimator`: for betas and residual returns; `None` without factors.
    /// `excess`: true if the estimator uses returns in excess of the risk-free return.
    #[must_use]
    pub fn new(settings: AnalysisSettings, estimator: Option<Box<dyn Estimator>>, excess: bool) -> Self {
        Self {
            analysis: SignalAnalysis::new(settings),
            prices: TotalReturnPrices::default(),
            returns: Returns::new(excess),
            estimator,
            estimates: Estimates::default(),
            residuals: Vec::new(),
            started: false,
            of: None,
            known: 0,
            facts: SectionFacts::default(),
        }
    }

    /// Processes the next frame; `write` receives rows as in [`SignalAnalysis::push`].
    pub fn push(&mut self, frame: &Frame, write: impl FnMut(&SignalRow)) {
        self.residuals.clear();
        if self.estimator.is_some() {
            self.estimate(frame);
        }
        let is_new = self.is_new(frame);
        let observation = Observation {
            timestamp: frame.timestamp,
            seq: frame.seq,
            prices: self.prices.of(frame),
            signal: is_new.then(|| frame.given.signal.column(0)),
            residuals: &self.residuals,
            betas: &self.estimates.betas,
        };
        self.analysis.push(&observation, write);
    }

    /// Ends the analysis, as [`SignalAnalysis::finish`].
    #[must_use]
    pub fn finish(self, write: impl FnMut(&SignalRow)) -> (SignalFigures, SectionFacts) {
        (self.analysis.finish(write), self.facts)
    }

    /// Computes residual returns with the betas from before the frame, then updates the betas.
    fn estimate(&mut self, frame: &Frame) {
        let returns = self.returns.of(frame);
        let Some(estimator) = &mut self.estimator else { return };
        if frame.has_factors() {
            residual_returns(&self.estimates.betas, &frame.factors, &[], returns, &mut self.residuals);
            estimator.step(&frame.factors, returns, false);
        }
        if frame.given.betas.of.is_some() {
            estimator.give(&frame.given.betas);
        }
        self.estimates.factors.clone_from(&frame.factors);
        estimator.write(&mut self.estimates);
        self.estimates.pad(frame.instruments());
    }

    /// Returns true if a cross-section becomes known on the frame. The source repeats one in force if its rows
    /// or the instruments change.
    fn is_new(&mut self, frame: &Frame) -> bool {
        let signal = &frame.given.signal;
        let is_first = !std::mem::replace(&mut self.started, true);
        let Some(of) = signal.of else { return false };
        let known = signal.column(0).iter().filter(|value| !value.is_nan()).count();
        let is_new = self.of != Some(of);
        if is_new {
            self.of = Some(of);
        } else if known > self.known {
            self.facts.extended += 1;
        }
        self.known = known;
        let is_early =
            is_new && is_first && signal.date(frame.utc_offset).is_some_and(|date| date < frame.date());
        self.facts.before_first += u64::from(is_early);
        is_new && !is_early
    }
}
