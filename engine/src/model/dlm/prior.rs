//! The prior of an instrument before its first return.
//!
//! A beta's prior variance is `initial_variance`, without a unit. Alpha's is a thousandth of the observation
//! variance unless `initial_alpha_variance` is set.

use serde::{Deserialize, Serialize};

use crate::model::lanes::lane_block::LaneBlock;
use crate::model::settings::EstimatorSettings;

/// Prior variance of alpha in units of the observation variance, where nothing else is said: a thirtieth of
/// a return's residual deviation, which at a daily scale is some five basis points.
const ALPHA_VARIANCE: f64 = 1e-3;

/// The prior: alpha 0, the first factor's beta `initial_market_beta`, the others 0, all independent.
///
/// Nothing in it has a scale of its own unless the user gives one. A beta has none to begin with; the
/// observation variance comes from past data and alpha's is in its units. So with returns and factors in other
/// units the betas are the same.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Prior {
    pub(crate) market_beta: f64,
    beta_variance: f64,
    alpha_variance: Option<f64>,
    observation_variance: Option<f64>,
}

/// Share of the returns up to which their errors are those of rounding.
const ROUNDING: f64 = 1e-12;

impl Prior {
    pub(crate) fn new(settings: &EstimatorSettings) -> Self {
        Self {
            market_beta: settings.initial_market_beta,
            beta_variance: settings.initial_variance,
            alpha_variance: settings.initial_alpha_variance,
            observation_variance: settings.observation_variance,
        }
    }

    /// S₀ of instruments that join: what the user says; or the mean of `running`, the estimates of those that
    /// trade beside them; or, where nothing runs yet, that of a normal distribution with the mean absolute
    /// first error of those that join. `None` as long as those are all zero: there is no scale to begin with.
    pub(crate) fn observation_variance(
        &self,
        running: impl Iterator<Item = f64>,
        returns: impl Iterator<Item = f64>,
        design: &[f64],
    ) -> Option<f64> {
        let forecast = design.get(1).map_or(0.0, |market| self.market_beta * market);
        let first = || {
            let (mut error, mut size, mut count) = (0.0, 0.0, 0.0);
            for y in returns {
                error += (y - forecast).abs();
                size += y.abs();
                count += 1.0;
            }
            // An error of rounding says nothing of the variance: an instrument that is its own factor has no other.
            let e = error / count;
            (count > 0.0 && error > ROUNDING * size).then_some(std::f64::consts::FRAC_PI_2 * (e * e))
        };
        self.observation_variance
            .or_else(|| mean(running))
            .or_else(first)
            .filter(|s| s.is_normal() && *s > 0.0)
    }

    /// Scaled prior variances of alpha and of a beta, given S₀ of each model.
    pub(crate) fn scaled(&self, s0: &LaneBlock) -> [LaneBlock; 2] {
        let alpha = |s: f64| self.alpha_variance.map_or(ALPHA_VARIANCE, |variance| variance / s);
        [LaneBlock::from_fn(|m| alpha(s0[m])), LaneBlock::from_fn(|m| self.beta_variance / s0[m])]
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then(|| sum / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_of_rounding_says_nothing_of_the_variance() {
        let prior = Prior::new(&EstimatorSettings::default());
        for (y, market, known) in
            [(0.01, 0.01, false), (0.01, 0.01 * (1.0 + 1e-14), false), (0.01, 0.02, true)]
        {
            let found = prior.observation_variance(std::iter::empty(), std::iter::once(y), &[1.0, market]);
            assert_eq!(found.is_some(), known, "{y} {market}: {found:?}");
        }
    }
}
