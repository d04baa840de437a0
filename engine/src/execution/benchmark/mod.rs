//! The benchmark: a portfolio of stated weights through the same execution and costs, or an index without costs.

mod index;
mod rule;
mod stated;
mod weighted;

use serde::{Deserialize, Serialize};

use super::market::Market;
use super::settings::ExecutionSettings;
use crate::frame::Frame;
use crate::settings::{Calendar, Invalid};
use index::IndexBenchmark;
pub use rule::{BenchmarkRule, ReturnRows, WeightRows};
use weighted::WeightedBenchmark;

/// Benchmark of a run. It starts at the strategy's NAV on the first frame that rebalances.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Benchmark {
    kind: Kind,
    /// Not part of the state: see [`Benchmark::under`].
    #[serde(skip)]
    rule: BenchmarkRule,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Kind {
    Weighted(Box<WeightedBenchmark>),
    Index(IndexBenchmark),
}

/// Counts of a benchmark at the end of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BenchmarkFacts {
    /// Frames after the first rebalance.
    pub frames: u64,
    /// Those of them without a return of the benchmark, which count as 0.
    pub without_return: u64,
    /// Weights that were not bought because their instrument was not tradable on the frame.
    pub unplaced: u64,
    /// Instruments of these weights, in the order of the file.
    pub unplaced_symbols: Vec<String>,
    /// True for a file of weights whose first ones come after the last frame: the benchmark held cash alone.
    pub has_no_weights: bool,
    /// Largest sum of the absolute weights of one time of a file, up to the last frame.
    pub gross_max: f64,
}

impl Benchmark {
    /// Returns the benchmark of a run on the named factors. `excess`: true if returns of factors are in excess of
    /// the risk-free return where the data has one.
    ///
    /// # Errors
    /// Fails if the benchmark is a factor that the data does not have.
    pub fn new(
        rule: &BenchmarkRule,
        factors: &[String],
        excess: bool,
        settings: &ExecutionSettings,
        calendar: &Calendar,
    ) -> Result<Self, Invalid> {
        let weighted = |stated| Kind::Weighted(Box::new(WeightedBenchmark::new(settings, calendar, stated)));
        let kind = match rule {
            BenchmarkRule::EqualWeight => weighted(None),
            BenchmarkRule::Weights(rows) => weighted(Some(rows)),
            _ => Kind::Index(IndexBenchmark::new(rule, factors, excess, settings.nav)?),
        };
        Ok(Self { kind, rule: rule.clone() })
    }

    /// Returns a benchmark of equal weights with the starting NAV of the strategy.
    #[must_use]
    pub fn equal_weight(settings: &ExecutionSettings, calendar: &Calendar) -> Self {
        let weighted = WeightedBenchmark::new(settings, calendar, None);
        Self { kind: Kind::Weighted(Box::new(weighted)), rule: BenchmarkRule::EqualWeight }
    }

    /// Attaches what the state of a benchmark does not contain, from the one that the settings give.
    #[must_use]
    pub(crate) fn under(self, own: &Self, settings: &ExecutionSettings) -> Self {
        let kind = match (self.kind, &own.kind) {
            (Kind::Weighted(saved), Kind::Weighted(own)) => {
                Kind::Weighted(Box::new(saved.under(own, settings)))
            }
            (Kind::Index(saved), Kind::Index(own)) => Kind::Index(saved.under(own)),
            // The settings of a state are compared before it is restored.
            (saved, _) => saved,
        };
        Self { kind, rule: own.rule.clone() }
    }

    /// Rule of the benchmark.
    #[must_use]
    pub fn rule(&self) -> &BenchmarkRule {
        &self.rule
    }

    /// Sets which instruments are members on the next frame; an index has no positions.
    pub(crate) fn set_members(&mut self, members: &[bool]) {
        if let Kind::Weighted(weighted) = &mut self.kind {
            weighted.set_members(members);
        }
    }

    /// Advances the benchmark to the close of a frame.
    pub fn advance(&mut self, frame: &Frame, market: &Market) {
        match &mut self.kind {
            Kind::Weighted(weighted) => weighted.advance(frame, market),
            Kind::Index(index) => index.advance(frame),
        }
    }

    /// See [`Book::earn_since`](super::Book::earn_since); an index earns nothing before its first frame.
    pub fn earn_since(&mut self, opened: i64, frame: &Frame) {
        if let Kind::Weighted(weighted) = &mut self.kind {
            weighted.earn_since(opened, frame);
        }
    }

    /// Rebalances on the current frame if due. The first call starts the benchmark.
    pub fn decide(&mut self, frame: &Frame, market: &Market) {
        match &mut self.kind {
            Kind::Weighted(weighted) => weighted.decide(frame, market),
            Kind::Index(index) => index.start(),
        }
    }

    /// Writes the weights after the rebalance of the current frame, length n in engine order: those that it targets
    /// if it rebalances on this frame, otherwise those that it holds. All 0 for an index, except for the weight 1 of
    /// the instrument that is the index.
    pub fn write_weights(&mut self, instruments: usize, out: &mut Vec<f64>) {
        out.clear();
        match &mut self.kind {
            Kind::Weighted(weighted) => weighted.write_weights(out),
            Kind::Index(index) => {
                out.resize(instruments, 0.0);
                if let Some(weight) = index.column().and_then(|column| out.get_mut(column)) {
                    *weight = 1.0;
                }
            }
        }
    }

    /// Sets the NAV with which the benchmark starts, before its first rebalance.
    pub fn start_with(&mut self, nav: f64) {
        match &mut self.kind {
            Kind::Weighted(weighted) => weighted.start_with(nav),
            Kind::Index(index) => index.start_with(nav),
        }
    }

    /// Net asset value after the frame.
    #[must_use]
    pub fn nav(&self) -> f64 {
        match &self.kind {
            Kind::Weighted(weighted) => weighted.nav(),
            Kind::Index(index) => index.nav(),
        }
    }

    /// Counts so far.
    #[must_use]
    pub fn facts(&self) -> BenchmarkFacts {
        match &self.kind {
            Kind::Weighted(weighted) => weighted.facts(),
            Kind::Index(index) => index.facts(),
        }
    }
}
