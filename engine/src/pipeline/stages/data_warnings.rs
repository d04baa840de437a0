//! What looks wrong with the data while it streams by: one sentence a kind of problem.

use std::sync::Arc;

use crate::frame::Frame;
use crate::quality::{Depth, FactorInspector, Finding, Inspector, Problem, Tally};
use crate::settings::Calendar;
use crate::time::Iso;
use crate::warning::Warning;

/// An inspector of the frames that a run sees.
pub(crate) struct DataWarnings {
    inspector: Inspector,
    factors: FactorInspector,
    findings: Vec<Finding>,
    tally: Tally,
}

impl DataWarnings {
    /// Daily bars are looked at closely. Of bars inside a day there are many, and jumps are all that is looked for.
    pub(crate) fn new(calendar: Calendar) -> Self {
        let depth = if calendar.frames_per_day == 1 { Depth::Full } else { Depth::Jumps };
        // Where a run has an adjusted price, it makes its returns of it.
        let inspector = Inspector::new(depth).trusting_the_adjusted_price();
        let factors = FactorInspector::default();
        Self { inspector, factors, findings: Vec::new(), tally: Tally::default() }
    }

    /// The same, where instruments have been listed by frames that a run before this one has seen.
    pub(crate) fn knowing(self, names: &[Arc<str>]) -> Self {
        Self { inspector: self.inspector.knowing(names), ..self }
    }

    pub(crate) fn observe(&mut self, frame: &Frame) {
        self.inspector.observe(frame, &mut self.findings);
        self.factors.observe(frame);
        self.count();
    }

    fn count(&mut self) {
        // A price that is missing, or that moved without volume, is no fault of a run: it is dealt with.
        let is_grave =
            |finding: &Finding| !matches!(finding.problem, Problem::MissingDay | Problem::ZeroVolume);
        self.findings.drain(..).filter(is_grave).for_each(|finding| self.tally.add(&finding));
    }

    /// Ends the data: a sentence for each kind of problem with prices, and for each problem with the factors.
    pub(crate) fn warnings(&mut self, factor_names: &[String]) -> Vec<Warning> {
        self.inspector.finish(&mut self.findings);
        self.count();
        let sentences = self.tally.found().map(|(problem, count)| {
            let examples: Vec<String> = match problem.is_about_series() {
                true => count.worst.iter().map(|worst| worst.detail.clone()).collect(),
                false => {
                    let worst = count.worst.first().into_iter();
                    worst
                        .map(|worst| {
                            format!("such as {} on {}: {}", worst.symbol, Iso(worst.timestamp), worst.detail)
                        })
                        .collect()
                }
            };
            let (findings, meaning) = (count.findings, problem.meaning());
            let text = format!("{findings} {meaning}, {} (`betaflow check` lists them)", examples.join("; "));
            Warning::new(problem.name(), text)
        });
        let of_factors = self.factors.findings(factor_names);
        let of_factors = of_factors.into_iter().map(|found| Warning::new(found.problem.name(), found.detail));
        sentences.chain(of_factors).collect()
    }
}
