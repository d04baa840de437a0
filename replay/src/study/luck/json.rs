//! Luck as `luck` in `summary.json`.

use serde_json::{Map, Value, json};

use super::{Chosen, Luck};
use crate::summary::number;

impl Luck {
    /// As `luck` in `summary.json`. Ratios are annual, but for the variance, which is of ratios per frame.
    pub(crate) fn json(&self) -> Value {
        let counted = &self.counted;
        let mut json = json!({
            "frames": self.frames,
            "years": number(self.years()),
            "compared": self.compared,
            "ruined": self.ruined,
            "one_world": self.one_world,
            "world_of_configuration": self.exact,
            "trials": {
                "count": counted.trials,
                "of_this_run": counted.here,
                "measured": counted.measured,
                "variance": number(counted.variance),
                "expected_best_sharpe": number(self.annual(counted.trials().expected_best())),
            },
            "ledger": {
                "file": counted.ledger.as_ref().map(|path| path.display().to_string()),
                "runs_before": counted.runs_before,
                "unreadable": counted.unreadable,
                "problem": counted.problem,
            },
            "overfitting": self.overfitting_json(),
            "overfitting_reason": self.overfitting.as_ref().err(),
        });
        for (name, chosen) in &self.chosen {
            json[*name] =
                chosen.as_ref().map_or(Value::Null, |chosen| self.chosen_json(chosen, *name == "base"));
        }
        json
    }

    /// `given`: whether it was not chosen by its result, so that there is nothing to deflate.
    fn chosen_json(&self, chosen: &Chosen, given: bool) -> Value {
        let mut json = Map::new();
        json.insert("scenario".into(), chosen.scenario.into());
        json.insert("sharpe".into(), number(self.annual(chosen.observed.ratio)));
        json.insert("probabilistic_sharpe".into(), number(chosen.observed.probability_above(0.0)));
        if !given {
            let deflated = self.deflated(chosen);
            json.insert("deflated_sharpe".into(), deflated.map_or(Value::Null, number));
            json.insert("deflated_sharpe_reason".into(), deflated.err().into());
            json.insert("min_backtest_years".into(), number(self.years_min(chosen)));
        }
        json.into()
    }

    fn overfitting_json(&self) -> Value {
        let Ok((found, blocks)) = &self.overfitting else { return Value::Null };
        json!({
            "probability": number(found.probability),
            "trials": self.compared,
            "blocks": blocks,
            "splits": found.splits,
            "frames": found.frames,
            "probability_of_loss": number(found.probability_of_loss),
            "mean_sharpe_in_sample": number(self.annual(found.mean_in_sample)),
            "mean_sharpe_out_of_sample": number(self.annual(found.mean_out_of_sample)),
            "degradation": number(found.degradation),
        })
    }
}
