//! Data-quality findings of a run, as one warning per kind.

use std::sync::Arc;

use crate::frame::Frame;
use crate::quality::{Depth, FactorInspector, Finding, Inspector, Problem, Tally};
use crate::settings::Calendar;
use crate::warning::{Example, Warning};

/// Inspector of the frames of a run.
pub(crate) struct DataWarnings {
    inspector: Inspector,
    factors: FactorInspector,
    findings: Vec<Finding>,
    tally: Tally,
}

impl DataWarnings {
    /// Returns an inspector: daily bars in full, intraday bars for jumps only.
    pub(crate) fn new(calendar: Calendar) -> Self {
        let depth = if calendar.frames_per_day == 1 { Depth::Full } else { Depth::Jumps };
        // A run computes its returns from the adjusted price if the data has one.
        let inspector = Inspector::new(depth).with_returns_of_adjusted_price();
        let factors = FactorInspector::default();
        Self { inspector, factors, findings: Vec::new(), tally: Tally::default() }
    }

    /// Sets the instruments listed before the run resumes.
    pub(crate) fn with_listed(self, names: &[Arc<str>]) -> Self {
        Self { inspector: self.inspector.with_listed(names), ..self }
    }

    pub(crate) fn observe(&mut self, frame: &Frame) {
        self.inspector.observe(frame, &mut self.findings);
        self.factors.observe(frame);
        self.count();
    }

    fn count(&mut self) {
        // The engine handles missing prices and moves without volume, so they do not affect a run.
        let is_grave =
            |finding: &Finding| !matches!(finding.problem, Problem::MissingDay | Problem::ZeroVolume);
        self.findings.drain(..).filter(is_grave).for_each(|finding| self.tally.add(&finding));
    }

    /// Returns the warnings at the end of the data: one per kind of finding in the prices, and one per
    /// finding about the factors.
    pub(crate) fn warnings(&mut self, factor_names: &[String]) -> Vec<Warning> {
        self.inspector.finish(&mut self.findings);
        self.count();
        let example = |finding: &Finding| Example {
            symbol: finding.symbol.to_string(),
            timestamp: finding.timestamp,
            detail: finding.detail.clone(),
        };
        let of_prices = self.tally.found().map(|(problem, count)| Warning::DataQuality {
            problem,
            findings: count.findings,
            worst: count.worst.iter().map(example).collect(),
        });
        let of_factors = self.factors.findings(factor_names).into_iter();
        let of_factors = of_factors
            .map(|finding| Warning::FactorQuality { problem: finding.problem, detail: finding.detail });
        of_prices.chain(of_factors).collect()
    }
}
