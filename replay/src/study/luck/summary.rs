//! Section `luck` of `summary.json`.

use super::{Luck, NamedScenario};
use crate::summary::{
    ChosenLuck, DeflatedLuck, LuckSummary, Number, OverfittingSummary, TrialCounts, TrialsLogSummary,
};

impl Luck {
    /// Returns `luck` of `summary.json`.
    pub(crate) fn summary(&self) -> LuckSummary {
        let counted = &self.counted;
        let [best, robust, base] = self.chosen.each_ref().map(|(_, chosen)| chosen.as_ref());
        LuckSummary {
            frames: self.frames as u64,
            years: self.years().into(),
            compared: self.compared as u64,
            ruined: self.ruined.iter().map(|scenario| *scenario as u64).collect(),
            one_world: self.one_world,
            world_of_configuration: self.exact,
            trials: TrialCounts {
                count: Some(counted.trials as u64),
                of_this_run: counted.here as u64,
                measured: counted.measured as u64,
                variance: counted.variance.into(),
                expected_best_sharpe: self.annual(counted.trials().expected_best()).into(),
            },
            ledger: TrialsLogSummary {
                file: counted.file.as_ref().map(|path| path.display().to_string()),
                runs_before: counted.runs_before as u64,
                unreadable: counted.unreadable as u64,
                problem: counted.problem.clone(),
            },
            overfitting: self.overfitting_summary(),
            overfitting_reason: self.overfitting.as_ref().err().cloned(),
            best: best.map(|chosen| self.chosen_summary(chosen)),
            robust: robust.map(|chosen| self.chosen_summary(chosen)),
            // The configuration was not selected by its result, so its ratio needs no deflation.
            base: base.map(|chosen| ChosenLuck { deflated: None, ..self.chosen_summary(chosen) }),
        }
    }

    fn chosen_summary(&self, chosen: &NamedScenario) -> ChosenLuck {
        let deflated = self.deflated(chosen);
        ChosenLuck {
            scenario: chosen.scenario as u64,
            sharpe: self.annual(chosen.observed.ratio).into(),
            probabilistic_sharpe: chosen.observed.probability_above(0.0).into(),
            deflated: Some(DeflatedLuck {
                deflated_sharpe: deflated.ok().into(),
                deflated_sharpe_reason: deflated.err().map(str::to_owned),
                min_backtest_years: self.years_min(chosen).into(),
            }),
        }
    }

    fn overfitting_summary(&self) -> Option<OverfittingSummary> {
        let (found, blocks) = self.overfitting.as_ref().ok()?;
        Some(OverfittingSummary {
            probability: found.probability.into(),
            trials: self.compared as u64,
            blocks: *blocks as u64,
            splits: found.splits,
            frames: found.frames as u64,
            probability_of_loss: found.probability_of_loss.into(),
            mean_sharpe_in_sample: Number(self.annual(found.mean_in_sample)),
            mean_sharpe_out_of_sample: Number(self.annual(found.mean_out_of_sample)),
            degradation: found.degradation.into(),
        })
    }
}
