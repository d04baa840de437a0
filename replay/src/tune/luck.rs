//! How much of the best setting is luck.

use betaflow_engine::metrics::ObservedSharpe;
use betaflow_engine::validation::{Overfitting, Trials, min_backtest_years, overfitting};
use serde_json::{Value, json};

use crate::summary::number;

/// Of the best of the settings that were compared.
pub(super) struct Luck {
    trials: Trials,
    /// Chance that the true Sharpe ratio of the best is above 0, knowing of how many it is the best.
    deflated: f64,
    /// Years of data that so many trials would need, and years there are.
    years: [f64; 2],
    overfitting: Result<Overfitting, String>,
}

impl Luck {
    /// `returns`: of each setting, on the same frames; `best`: the one that is recommended.
    pub(super) fn of(returns: &[Vec<f64>], best: usize, blocks: usize, frames_per_year: f64) -> Self {
        let observed: Vec<ObservedSharpe> =
            returns.iter().map(|setting| ObservedSharpe::of(setting.iter().copied())).collect();
        let ratios: Vec<f64> = observed.iter().map(|setting| setting.ratio).collect();
        let trials = Trials::of(&ratios);
        let sharpe = observed[best].ratio * frames_per_year.sqrt();
        Self {
            deflated: trials.deflated_sharpe(&observed[best]),
            years: [min_backtest_years(trials.count, sharpe), observed[best].count / frames_per_year],
            overfitting: overfitting(returns, blocks).map_err(|why| why.to_string()),
            trials,
        }
    }

    /// As `luck` of `summary.json`.
    pub(super) fn json(&self) -> Value {
        let overfitting = self.overfitting.as_ref();
        json!({
            "trials": self.trials.count,
            "trials_variance": number(self.trials.variance),
            "deflated_sharpe": number(self.deflated),
            "min_backtest_years": number(self.years[0]),
            "years": number(self.years[1]),
            "probability_of_overfitting": overfitting.map_or(Value::Null, |of| number(of.probability)),
            "probability_of_overfitting_missing": overfitting.err(),
        })
    }

    /// As the terminal says it.
    pub(super) fn text(&self) -> String {
        let overfitting = match &self.overfitting {
            Ok(of) => format!("probability of overfitting {:.2}", of.probability),
            Err(why) => format!("no probability of overfitting: {why}"),
        };
        format!(
            "luck: {} trials; deflated sharpe of the recommended {:.2}, {overfitting}; {:.1} years of data, at least {:.1} for \
             so many trials\n",
            self.trials.count, self.deflated, self.years[1], self.years[0]
        )
    }
}
